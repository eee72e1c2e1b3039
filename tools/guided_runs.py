"""The rows of ``tools/tables.py asked`` in which D, or a classifier beside it, has its say after the training.

Nothing is trained here. A way takes the generator and the discriminator of a finished run and the labels asked for, and
returns images: the best of eight, one of eight drawn by chance, or images whose z was moved along a slope. All slopes
begin at the z of the row without guidance, so sample by sample the two can be compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse import conditional, runtime
from gancourse.metrics import membership

CHOSEN = 8


class Made(NamedTuple):
    """Images for the labels asked for, and what they cost.

    Attributes:
        images: shape (N, 1, H, W).
        z: their latent vectors.
        moved: how far each was moved, on average.
        passes: through one network, forward or back, for one image.
    """

    images: Tensor
    z: Tensor
    moved: float
    passes: int


Way = Callable[[nn.Module, nn.Module, Tensor, Tensor, int], Made]
"""From a pair, labels, the z to start from and a seed."""


def logit_of(discriminator: nn.Module) -> conditional.Score:
    return discriminator


def class_of(discriminator: nn.Module) -> conditional.Score:
    """Return log c(y | x) of the classifier beside D."""
    return lambda images, labels: -F.cross_entropy(discriminator.classify(images), labels, reduction="none")


def of_eight(judge_by: Callable[[nn.Module], conditional.Score], *, drawn: bool) -> Way:
    """Return the way that makes eight images for each label, and keeps the best, or one drawn by e^score."""

    def way(generator: nn.Module, discriminator: nn.Module, labels: Tensor, z: Tensor, seed: int) -> Made:
        noise, score = runtime.generator(seed + 6), judge_by(discriminator)
        codes = [torch.randn(z.shape, generator=noise) for _ in range(CHOSEN)]
        tries = [conditional.ask(generator, labels, z=code) for code in codes]
        scores = torch.stack([membership.by_logit(score, images, labels) for images in tries], dim=1)
        kept = scores.argmax(dim=1)
        if drawn:
            kept = torch.multinomial(scores.double().softmax(dim=1), 1, generator=noise).squeeze(1)
        rows = torch.arange(len(labels))
        return Made(torch.stack(tries, dim=1)[rows, kept], torch.stack(codes, dim=1)[rows, kept], 0.0, 2 * CHOSEN)

    return way


def along(
    judge_by: Callable[[nn.Module], conditional.Score],
    steps: int,
    size: float,
    *,
    pull: float = 0.0,
    noisy: bool = False,
    turned: bool = False,
) -> Way:
    """Return the way that moves z along the slope of a score; ``turned``: as far, but each z in a random direction."""

    def way(generator: nn.Module, discriminator: nn.Module, labels: Tensor, z: Tensor, seed: int) -> Made:
        noise = runtime.generator(seed + 6)
        to = conditional.uphill(
            generator, judge_by(discriminator), labels, z,
            steps=steps, size=size, pull=pull, noise=noise if noisy else None,
        )  # fmt: skip
        far = (to - z).norm(dim=1, keepdim=True)
        if turned:
            random = torch.randn(z.shape, generator=noise)
            to = z + far * random / random.norm(dim=1, keepdim=True)
        return Made(conditional.ask(generator, labels, z=to), to, float(far.mean()), 4 * steps + 1)

    return way


BEST, DRAWN = f"best of {CHOSEN} by D", f"one of {CHOSEN}, drawn by D"
WAYS: dict[str, dict[str, Way]] = {
    "projection": {
        DRAWN: of_eight(logit_of, drawn=True),
        **{f"4 steps of {size:g} up D": along(logit_of, 4, size) for size in (0.05, 0.2, 0.8)},
        "1 step of 0.8 up D": along(logit_of, 1, 0.8),
        "8 steps of 0.1 up D": along(logit_of, 8, 0.1),
        "4 steps of 0.2, as far at random": along(logit_of, 4, 0.2, turned=True),
        "4 steps of 0.2 up D and to 0": along(logit_of, 4, 0.2, pull=1.0),
        "4 noisy steps of 0.2 up D and to 0": along(logit_of, 4, 0.2, pull=1.0, noisy=True),
    },
    "concatenation": {
        DRAWN: of_eight(logit_of, drawn=True),
        "4 steps of 0.2 up D": along(logit_of, 4, 0.2),
        "4 steps of 0.8 up D": along(logit_of, 4, 0.8),
    },
    "AC-GAN": {
        BEST: of_eight(logit_of, drawn=False),
        f"best of {CHOSEN} by its classifier": of_eight(class_of, drawn=False),
        "4 steps of 0.2 up D": along(logit_of, 4, 0.2),
        "4 steps of 0.2 up its classifier": along(class_of, 4, 0.2),
    },
}
"""Of each arm of the table: name -> way."""

NAMES = [f"{arm}, {way}" for arm, ways in WAYS.items() for way in ways]


def run(
    name: str, generator: nn.Module, discriminator: nn.Module, labels: Tensor, seed: int
) -> tuple[Made, dict[str, Any]]:
    """Return what the way of this name makes, and its cost: passes, CPU seconds, how far z moved and how long it is."""
    arm, _, way = name.partition(", ")
    z = torch.randn(len(labels), generator.latent_dim, generator=runtime.generator(seed + 4))
    started = time.process_time()
    made = WAYS[arm][way](generator, discriminator, labels, z, seed)
    spent = time.process_time() - started
    length = float(made.z.norm(dim=1).mean())
    return made, {"passes": made.passes, "sampling_seconds": spent, "moved": made.moved, "length": length}
