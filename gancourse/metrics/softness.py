"""How blurred a set of images is, said as the blur of real images that are equally soft: a number of pixels.

:func:`gancourse.metrics.restoration.sharpness` compares images with their own truth. Drawn images have no truth to be
compared with, and may hold more ink or less than the real ones. So what counts here is how large the steps are where
there are any, beside the ink: neither a fainter copy nor fewer strokes are softer.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from gancourse.data.digits import check_images
from gancourse.data.spoils import blur

__all__ = ["BlurRuler", "step_size"]

_RUNGS = (0.0, *(k / 20 for k in range(5, 31)), 1.75, 2.0, 2.5, 3.0)  # pixels


def step_size(images: Tensor) -> float:
    """Return the typical step from a pixel to its neighbour beside the typical ink: larger = sharper.

    Typical means a mean in which each step counts by its own size, sum of squares / sum of absolute values, and each
    pixel's ink by its own amount. Flat paper then counts nothing, and contrast cancels. Weak noise, with a standard
    deviation of up to 0.1, makes many small steps and hardly raises the number.

    Args:
        images: shape (N, C, H, W), at least 2 by 2 pixels, in [-1, 1]; ink is what lies above -1.
    Returns:
        At least 0; 0 for images without any step.
    Raises:
        TypeError, ValueError: ``images`` are anything else, or all black.
    First met in: notebook 15.
    """
    check_images(images)
    ink = images.detach().double() + 1
    if not bool(ink.any()):
        raise ValueError("images are all black: there is no ink")
    steps = [ink.diff(dim=dim) for dim in (2, 3)]
    absolute = sum(step.abs().sum() for step in steps)
    if absolute == 0:
        return 0.0
    return float(sum(step.square().sum() for step in steps) / absolute * ink.sum() / ink.square().sum())


class BlurRuler:
    """Real images blurred on purpose, as a ruler for others.

    Args:
        real: shape (N, C, H, W), in [-1, 1]; a few hundred are enough.
        rungs: standard deviations of the Gaussians in pixels, rising from 0; below 0.2 a Gaussian changes nothing.
    Raises:
        TypeError, ValueError: ``real`` are no such images, or blurring does not make them softer.
    Attributes:
        rungs: as given.
        steps: of each rung, as :func:`step_size` gives them.
    First met in: notebook 15.
    """

    def __init__(self, real: Tensor, rungs: Sequence[float] = _RUNGS) -> None:
        self.rungs = tuple(rungs)
        if len(self.rungs) < 2 or self.rungs[0] != 0 or any(a >= b for a, b in itertools.pairwise(self.rungs)):
            raise ValueError(f"rungs must rise from 0, at least two of them, got {list(rungs)}")
        self.steps = tuple(step_size(blur(real, sigma)) for sigma in self.rungs)
        if any(a <= b for a, b in itertools.pairwise(self.steps)):
            raise ValueError("real must be images that every rung makes softer, but one of the rungs does not")

    def blur_of(self, images: Tensor) -> float:
        """Return the blur in pixels that makes the real images as soft as these; 0 where these are as sharp.

        Between two rungs it is read off a straight line. A Gaussian below 0.3 pixels changes next to nothing, so
        smaller numbers are not to be told from 0. Whatever is softer than the last rung gets the last rung.

        Args:
            images: shape (N, C, H, W), in [-1, 1].
        Raises:
            TypeError, ValueError: as in :func:`step_size`.
        """
        falling = [-step for step in self.steps]
        return float(np.interp(-step_size(images), falling, self.rungs))
