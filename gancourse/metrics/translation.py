"""Numbers for translated images, of which the right translation is known.

| function | asks | cannot see |
|---|---|---|
| :func:`off` | how far from the right translation, pixel by pixel? | whether the content is the right one |
| :func:`papers_recovered` | is the paper's colour right? | the ink |
| :func:`message` | how much do answers differ that should be one? | what the difference says |
| :func:`probe` | can a hidden label be read from the translation? | whether any network reads it |

How often the digit is kept is :func:`gancourse.metrics.image_sets.label_agreement`, beside what it is for the truth.
:func:`eight_bits`, :func:`noisy` and :func:`blurred` are what a translation may suffer before it is translated back.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse._numbers import real_between
from gancourse.data.digits import check_images
from gancourse.data.domains import coloured
from gancourse.metrics import _inputs

__all__ = ["blurred", "eight_bits", "message", "nearest_of", "noisy", "off", "papers_recovered", "probe"]

_RIDGE = 1.0
_LARGEST = 255.0  # of a byte

# ---------------------------------------------------------------- is it the right one?


def off(images: Tensor, truth: Tensor) -> float:
    """Return the mean absolute difference of translations and the right ones; black and white differ by 2.

    Args:
        images, truth: the same shape (N, ...), floating point.
    Raises:
        TypeError, ValueError: the two are no such sets, or differ in shape.
    First met in: notebook 14.
    """
    _inputs.check_samples("images", images)
    _inputs.check_samples("truth", truth)
    if images.shape != truth.shape:
        raise ValueError(f"images and truth must have one shape, got {tuple(images.shape)} and {tuple(truth.shape)}")
    return float((images.double() - truth.double()).abs().mean())


def nearest_of(images: Tensor, candidates: Tensor) -> Tensor:
    """Return which of several candidates each image lies nearest to, in absolute differences: int64, shape (N,).

    Args:
        images: shape (N, ...).
        candidates: shape (K, N, ...): K candidates for each image.
    Raises:
        TypeError, ValueError: these are no such sets, or the shapes do not fit.
    First met in: notebook 14.
    """
    _inputs.check_samples("images", images)
    _inputs.check_samples("candidates", candidates)
    if candidates.shape[1:] != images.shape:
        raise ValueError(
            f"candidates must have shape (K, ...) with the images' {tuple(images.shape)} behind it, "
            f"got {tuple(candidates.shape)}"
        )
    return (candidates - images).abs().flatten(2).mean(dim=2).argmin(dim=0)


def papers_recovered(images: Tensor, digits: Tensor, papers: Tensor) -> float:
    """Return how often the paper of an image is nearest in colour to the right one of red, green and blue.

    The colour of the paper is the mean over the image, each pixel weighted by how much paper the digit leaves there.

    Args:
        images: shape (N, 3, S, S), in [-1, 1].
        digits: what is written on them, shape (N, 1, S, S).
        papers: the right ones, places in ``data.domains.PAPERS``, int64 of shape (N,), 0 to 2.
    Returns:
        A share; by chance 1/3.
    Raises:
        TypeError, ValueError: these are no such images, or a paper does not exist.
    First met in: notebook 14.
    """
    check_images(images, channels=3)
    check_images(digits, name="digits", channels=1)
    shown = coloured(-torch.ones(3, 1, 1, 1).to(images), torch.arange(3)).flatten(1)  # the three papers, empty
    coloured(digits, papers)  # refuses papers that do not exist
    free = (1 - digits) / 2
    colour = (images * free).sum(dim=(2, 3)) / free.sum(dim=(2, 3)).clamp(min=1e-6)
    return float((torch.cdist(colour, shown).argmin(dim=1) == papers).double().mean())


def message(answers: Tensor) -> float:
    """Return how far several answers that should be equal lie from their mean: the root of the mean square.

    Args:
        answers: shape (K, N, ...): K answers to each of N questions, such as one digit on K papers made grey.
    Returns:
        At least 0, in units of the pixels (black and white differ by 2); 0: the answers say nothing of what differed.
    Raises:
        TypeError, ValueError: these are no such answers, or K is 1.
    First met in: notebook 14.
    """
    _inputs.check_samples("answers", answers)
    if answers.ndim < 3 or len(answers) < 2:
        raise ValueError(f"answers must have shape (K, N, ...) with K at least 2, got {tuple(answers.shape)}")
    return float(answers.double().var(dim=0, correction=0).mean().sqrt())


def probe(images: Tensor, truth: Tensor, labels: Tensor, *, taught: float = 2 / 3) -> float:
    """Return how well a linear reader finds a label in what translations add to the truth: a share of the images.

    Ridge regression on the one-hot labels. It sees each pixel of ``images - truth``, and two numbers more: the mean
    product of neighbours across, and the mean square. It learns from the first images and is tested on the others.

    Args:
        images, truth: shape (N, C, H, W) each.
        labels: what may be hidden, int64 of shape (N,), 0 to K - 1.
        taught: share of the images to learn from, between 0 and 1.
    Returns:
        The share of right answers on the images not learnt from; chance is the share of the most frequent label.
    Raises:
        TypeError, ValueError: the arguments do not fit, or too few images are left to learn from or to test on.
    First met in: notebook 14.
    """
    off(images, truth)  # refuses what does not fit
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
        got = f"{labels.dtype} of shape {tuple(labels.shape)}" if isinstance(labels, Tensor) else type(labels).__name__
        raise ValueError(f"labels must be int64 of shape ({len(images)},), got {got}")
    first = round(real_between("taught", taught, 0.0, 1.0) * len(images))
    if images.ndim != 4 or not 1 <= first < len(images):
        raise ValueError(f"taught must leave images to learn from and to test on, got {taught!r} of {len(images)}")
    added = (images - truth).double()
    numbers = [added.flatten(1), (added[..., 1:] * added[..., :-1]).mean(dim=(1, 2, 3))[:, None]]
    numbers += [added.square().mean(dim=(1, 2, 3))[:, None], torch.ones_like(numbers[1])]
    seen = torch.cat(numbers, dim=1)
    known = seen[:first]
    target = F.one_hot(labels[:first], int(labels.max()) + 1).double()
    # as many equations as images, not as pixels: the same answer by less work
    weights = known.T @ torch.linalg.solve(known @ known.T + _RIDGE * torch.eye(first).to(known), target)
    return float(((seen[first:] @ weights).argmax(dim=1) == labels[first:]).double().mean())


# ---------------------------------------------------------------- on the way back


def eight_bits(images: Tensor) -> Tensor:
    """Return images rounded to the 256 greys that a file has.

    Args:
        images: in [-1, 1].
    First met in: notebook 14.
    """
    check_images(images)
    return (((images + 1) * _LARGEST / 2).round() * 2 / _LARGEST - 1).clamp(-1, 1)


def noisy(images: Tensor, sigma: float, *, generator: torch.Generator) -> Tensor:
    """Return images with Gaussian noise on every pixel; they may leave [-1, 1].

    Args:
        images: in [-1, 1].
        sigma: standard deviation of the noise, at least 0.
        generator: draws it.
    First met in: notebook 14.
    """
    check_images(images)
    drawn = torch.randn(images.shape, generator=generator, device=generator.device)
    return images + real_between("sigma", sigma, 0.0) * drawn.to(images.device)


def blurred(images: Tensor) -> Tensor:
    """Return images in which each pixel is the mean of its 3 by 3 neighbours; the border's outer ones are its copies.

    Args:
        images: in [-1, 1].
    First met in: notebook 14.
    """
    check_images(images)
    return F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)
