"""Numbers for restored images, of which the truth is at hand.

| function | asks | cannot see |
|---|---|---|
| :func:`psnr` | how near to the truth, pixel by pixel? | whether it looks like a digit |
| :func:`sharpness` | are its edges as strong as the truth's? | where the edges are; noise counts as sharp |
| :func:`noise_use` | do two answers to one question differ as much as they should? | whether each is any good |
| :func:`flicker` | does a film change from frame to frame where it should not? | whether it shows the right thing |
| :func:`changed` | does it show surely something else than the truth? | unsure answers |

How often the class is kept is :func:`gancourse.metrics.image_sets.label_agreement`, and how like real images the
answers are as a set is :func:`gancourse.metrics.image_sets.frechet_distance`.
"""

from __future__ import annotations

import math

from torch import Tensor

from gancourse._numbers import real
from gancourse.metrics import _inputs
from gancourse.metrics.judge import CONFIDENT, class_histogram

__all__ = ["changed", "flicker", "noise_use", "psnr", "sharpness"]


def psnr(restored: Tensor, truth: Tensor, *, peak: float = 2.0) -> float:
    """Return the peak signal-to-noise ratio of a set of images in decibels: 10 log10(peak^2 / mean squared error).

    The error is the mean over all pixels of all images; one ratio is taken of it. (Some papers average the ratio over
    images instead, which gives a larger number.) Half the error is 3 dB more.

    Args:
        restored, truth: the same shape (N, ...), floating point.
        peak: difference between white and black: 2 for images in [-1, 1], 1 for [0, 1], 255 for bytes.
    Returns:
        Decibels, larger = nearer; infinite where both are equal.
    Raises:
        TypeError, ValueError: the two are no such sets, or differ in shape; ``peak`` is not above 0.
    First met in: notebook 13.
    """
    restored, truth = _pair(restored, truth)
    if (number := real(peak)) is None or not 0 < number < math.inf:
        raise ValueError(f"peak must be a finite number above 0, got {peak!r}")
    error = float((restored - truth).square().mean())
    return math.inf if error == 0 else 10 * math.log10(number**2 / error)


def sharpness(restored: Tensor, truth: Tensor) -> float:
    """Return how strong the edges of restored images are beside the truth's: 1 = as strong, 0 = flat.

    The mean absolute difference of neighbouring pixels, across and down, divided by that of the truth. A contrast
    halved gives 1/2. Noise counts as edges, so a number above 1 is no praise.

    Args:
        restored, truth: the same shape (N, C, H, W), floating point, at least 2 by 2 pixels.
    Raises:
        TypeError, ValueError: the two are no such sets, differ in shape, or the truth has no edges at all.
    First met in: notebook 13.
    """
    restored, truth = _pair(restored, truth)
    if truth.ndim != 4 or min(truth.shape[2:]) < 2:
        raise ValueError(f"truth must be images of shape (N, C, H, W), 2 by 2 or more, got {tuple(truth.shape)}")
    edges = _slope(truth)
    if edges == 0:
        raise ValueError("truth has no edges to compare with: every image is of one grey")
    return _slope(restored) / edges


def noise_use(draws: Tensor, truth: Tensor) -> float:
    """Return how far answers to one question lie from each other, beside how far they lie from the truth.

    The mean squared difference of two answers to the same question divided by the mean squared difference of an
    answer and the truth. Whoever draws answers from the true odds gets 1, because then the truth is one more draw
    like the others. A network that ignores its noise gets 0, and more than 1 is too much variety.
    The number 1 is necessary, not sufficient.

    Args:
        draws: answers with fresh noise, shape (K, N, ...), K at least 2.
        truth: shape (N, ...).
    Raises:
        TypeError, ValueError: the shapes do not fit, there is one draw only, or every answer equals the truth.
    First met in: notebook 13.
    """
    _inputs.check_samples("draws", draws)
    _inputs.check_samples("truth", truth)
    if draws.ndim != truth.ndim + 1 or draws.shape[1:] != truth.shape or len(draws) < 2:
        raise ValueError(
            f"draws must have shape (K, ...), K at least 2, with truth's {tuple(truth.shape)} behind it, "
            f"got {tuple(draws.shape)}"
        )
    draws, truth = draws.double(), truth.double()
    error = float((draws - truth).square().mean())
    if error == 0:
        raise ValueError("draws equal the truth everywhere, so there is no error to compare their variety with")
    # the mean over pairs of distinct draws is twice their unbiased variance
    return float(2 * draws.var(dim=0, correction=1).mean() / error)


def flicker(film: Tensor, truth: Tensor) -> float:
    """Return how much a film changes from frame to frame, beside the ink of the true one.

    The mean absolute difference of neighbouring frames, divided by the mean ink (pixel + 1) of the truth. Give frames
    that should all be alike, such as :func:`gancourse.data.moving.followed` cuts out: then whatever changes, flickers.
    A film in which every second frame is black has 1. A still one has 0, whatever it shows.

    Args:
        film: shape (T, N, ...), T at least 2, in [-1, 1].
        truth: the true film, the same shape.
    Raises:
        TypeError, ValueError: the two are no such films, differ in shape, have one frame, or the truth is black.
    Source: after the warping error of Lai et al. (2018), Learning Blind Video Temporal Consistency.
    First met in: notebook 13.
    """
    film, truth = _pair(film, truth, "film")
    if truth.ndim < 3 or len(truth) < 2:
        raise ValueError(f"film must have shape (T, N, ...) with T at least 2, got {tuple(film.shape)}")
    ink = float((truth + 1).mean())
    if ink <= 0:
        raise ValueError("truth is black everywhere: there is no ink to compare changes with")
    return float(film.diff(dim=0).abs().mean()) / ink


def changed(probabilities: Tensor, truth_probabilities: Tensor, *, confident: float = CONFIDENT) -> float:
    """Return how often the judge is sure that the restored image shows another class than the truth does.

    Only images count of whose truth the judge is sure. An answer of which it is not sure counts as not changed.

    Args:
        probabilities: of the restored images, shape (N, K), from ``Judge.probabilities``.
        truth_probabilities: of the truths, the same shape.
        confident: lowest probability at which the judge is sure, above 0, at most 1.
    Returns:
        A share, 0 to 1.
    Raises:
        TypeError, ValueError: the rows are no probabilities, the shapes differ, the threshold is out of range, or
            the judge is sure of no truth.
    First met in: notebook 13.
    """
    class_histogram(probabilities)  # refuses what is no probability
    class_histogram(truth_probabilities)
    if probabilities.shape != truth_probabilities.shape:
        shapes = f"{tuple(probabilities.shape)} and {tuple(truth_probabilities.shape)}"
        raise ValueError(f"probabilities and truth_probabilities must have one shape, got {shapes}")
    if (number := real(confident)) is None or not 0 < number <= 1:
        raise ValueError(f"confident must be a number above 0 and at most 1, got {confident!r}")
    sure, shown = probabilities.max(dim=1)
    sure_before, shown_before = truth_probabilities.max(dim=1)
    counted = sure_before >= number
    if not bool(counted.any()):
        raise ValueError(f"truth_probabilities has no image of which the judge is sure ({number})")
    other = (sure >= number) & (shown != shown_before)
    return float(other[counted].double().mean())


def _pair(restored: Tensor, truth: Tensor, name: str = "restored") -> tuple[Tensor, Tensor]:
    _inputs.check_samples(name, restored)
    _inputs.check_samples("truth", truth)
    if restored.shape != truth.shape:
        raise ValueError(f"{name} and truth must have one shape, got {tuple(restored.shape)} and {tuple(truth.shape)}")
    return restored.detach().double(), truth.detach().double()


def _slope(images: Tensor) -> float:
    return float(images.diff(dim=-1).abs().mean() + images.diff(dim=-2).abs().mean())
