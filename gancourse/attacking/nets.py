"""A classifier of digits trained as usual, and one trained on what an attacker makes of its images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse import runtime
from gancourse._numbers import real_between, whole_between
from gancourse._torch_modes import usual_modes
from gancourse.attacking import pixels
from gancourse.data.digits import check_images
from gancourse.models.classifier import Classifier

__all__ = ["BATCH_SIZE", "accuracy", "harden", "logits", "right", "train"]

BATCH_SIZE = 64

_RATE, _DECAY, _PIECE = 3e-3, 1e-2, 500  # of AdamW, and images at once where nothing is trained


def train(images: Tensor, labels: Tensor, *, num_steps: int = 500, seed: int) -> Classifier:
    """Train a classifier on the images as they are.

    Args:
        images: shape (N, C, S, S), in [-1, 1]; trained on their device.
        labels: classes from 0 on, shape (N,), int64.
        num_steps: batches of 64.
        seed: of the first weights and of the batches.
    Returns:
        The classifier in eval mode, without gradients for its weights.
    Raises:
        TypeError, ValueError: images or labels will not do.
    First met in: notebook 20.
    """
    return harden(images, labels, epsilon=0.0, num_steps=num_steps, seed=seed)


@usual_modes()
def harden(
    images: Tensor,
    labels: Tensor,
    *,
    epsilon: float = 0.2,
    inner_steps: int = 4,
    num_steps: int = 400,
    seed: int,
) -> Classifier:
    """Train a classifier on attacked images: each batch is attacked by PGD on the network as it stands.

    The limit grows from 0 to ``epsilon`` over the first half, because at the full limit from the start a fresh
    network may learn nothing.

    Args:
        images: shape (N, C, S, S), in [-1, 1]; trained on their device.
        labels: classes from 0 on, shape (N,), int64.
        epsilon: limit of the attacks in the end, a share of black to white; 0 trains on the images as they are.
        inner_steps: steps of each attack, from a random start.
        num_steps: batches of 64; one costs about ``inner_steps + 1`` times as much as a usual one.
        seed: of the first weights, the batches and the starts.
    Returns:
        The classifier in eval mode, without gradients for its weights.
    Raises:
        TypeError, ValueError: an argument will not do.
    Source: Madry et al. (2018), https://arxiv.org/abs/1706.06083.
    First met in: notebook 20.
    """
    check_images(images)
    if labels.shape != images.shape[:1] or labels.dtype != torch.int64 or int(labels.min()) < 0:
        raise ValueError(f"labels must be classes from 0 on, int64, one for each image, got {tuple(labels.shape)}")
    epsilon, num_steps = real_between("epsilon", epsilon, 0.0, 1.0), whole_between("num_steps", num_steps, 1)
    inner_steps = whole_between("inner_steps", inner_steps, 1)
    with runtime.seeded(seed):
        network = Classifier(images.shape[-1], images.shape[1], max(2, int(labels.max()) + 1)).to(images.device)
    drawn, starts = runtime.generator(seed + 1), runtime.generator(seed + 2)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=num_steps)
    for step in range(num_steps):
        chosen = torch.randint(len(images), (BATCH_SIZE,), generator=drawn).to(images.device)
        batch, truth = images[chosen], labels[chosen]
        if epsilon:
            network.eval().requires_grad_(False)
            limit = epsilon * min(1.0, 2 * step / num_steps)
            batch = pixels.pgd(network, batch, truth, limit, num_steps=inner_steps, generator=starts)
            network.requires_grad_(True)
        network.train()
        optimizer.zero_grad()
        F.cross_entropy(network(batch), truth).backward()
        optimizer.step()
        schedule.step()
    return network.eval().requires_grad_(False)


@torch.no_grad()
def logits(network: pixels.Network, images: Tensor) -> Tensor:
    """Return the logits of images, shape (N, classes), piece by piece, without gradients.

    Args:
        network: images to logits.
        images: shape (N, C, S, S).
    First met in: notebook 20.
    """
    return torch.cat([network(piece) for piece in images.split(_PIECE)])


def right(network: pixels.Network, images: Tensor, labels: Tensor) -> Tensor:
    """Return which images the network answers rightly, shape (N,), bool.

    Args:
        network: images to logits.
        images: shape (N, C, S, S).
        labels: true classes, shape (N,), int64.
    Raises:
        ValueError: there is not one label for each image.
    First met in: notebook 20.
    """
    if labels.shape != images.shape[:1]:
        raise ValueError(f"labels must be one for each image, {len(images)}, got {tuple(labels.shape)}")
    return logits(network, images).argmax(dim=1) == labels


def accuracy(network: pixels.Network, images: Tensor, labels: Tensor) -> float:
    """Return the share of images that the network answers rightly, 0 to 1.

    Args:
        network: images to logits.
        images: shape (N, C, S, S).
        labels: true classes, shape (N,), int64.
    Raises:
        ValueError: there is not one label for each image.
    First met in: notebook 20.
    """
    return float(right(network, images, labels).double().mean())
