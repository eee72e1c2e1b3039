"""A judge for panels that are shown without any training."""

from __future__ import annotations

import torch

from gancourse.data import digits
from gancourse.metrics import judge

__all__ = ["quick_judge"]


def quick_judge(data: digits.Digits) -> judge.Judge:
    """Return a judge that needs no training: a linear one, fitted to the labels by least squares."""
    pixels = torch.cat([data.images.flatten(1), torch.ones(len(data.images), 1)], dim=1).double()
    wanted = 10 * torch.nn.functional.one_hot(data.labels, 10).double()
    fitted = torch.linalg.solve(pixels.T @ pixels + len(pixels) * 1e-2 * torch.eye(pixels.shape[1]), pixels.T @ wanted)
    decide = torch.nn.Linear(pixels.shape[1] - 1, 10)
    decide.load_state_dict({"weight": fitted[:-1].T.float(), "bias": fitted[-1].float()})
    network, device = torch.nn.Sequential(torch.nn.Flatten(), decide), torch.device("cpu")
    made = judge.Judge(network, image_size=data.image_size, accuracy=float("nan"), device=device)
    guesses = made.probabilities(data.test_images).argmax(dim=1)
    made.accuracy = float((guesses == data.test_labels).double().mean())
    return made
