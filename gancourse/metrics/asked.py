"""Numbers for a generator that is asked for a class: does it listen, and what does it draw within a class?

Whether it listens is ``image_sets.label_agreement``; here are its parts. None of these numbers is enough alone: one
stored image for each class listens perfectly, and the Fréchet distance over all images does not notice labels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gancourse._numbers import whole_between
from gancourse.data import ink
from gancourse.metrics import _inputs, image_sets
from gancourse.metrics.judge import class_histogram

__all__ = [
    "Matched",
    "Moments",
    "accuracy_per_class",
    "frechet_per_class",
    "matched_clusters",
    "moments",
    "within_class_spread",
]


class Matched(NamedTuple):
    """The best one-to-one matching of codes and classes.

    Attributes:
        share: of the samples whose code and class are partners, between 1/count and 1.
        partner: the class of each code, shape (count,), int64; every class once.
    """

    share: float
    partner: Tensor


class Moments(NamedTuple):
    """Sums over the ink of each image, shape (N,) each.

    Attributes:
        ink: the mean whiteness of the pixels, from 0 (all black) to 1.
        width: standard deviation of the ink's place along a row, in pixels.
        height: the same along a column.
        slant: pixels to the right for each pixel upwards: -cov(x, y) / var(y), y counted downwards.
    """

    ink: Tensor
    width: Tensor
    height: Tensor
    slant: Tensor


def accuracy_per_class(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Return for each class which share of the images asked for it the judge takes for it: shape (K,), float64.

    Args:
        probabilities: shape (N, K), from ``Judge.probabilities``.
        labels: what was asked for, shape (N,), int64; each class at least once.
    Raises:
        TypeError, ValueError: the rows are no probabilities, there is not one label for each, or no image of a class.
    First met in: notebook 12.
    """
    class_histogram(probabilities)  # refuses what is no probability
    parts = _of_classes("probabilities", probabilities, "labels", labels, probabilities.shape[1])
    return torch.tensor(
        [float((part.argmax(dim=1) == k).double().mean()) for k, part in enumerate(parts)], dtype=torch.float64
    )


def within_class_spread(features: Tensor, labels: Tensor, real_features: Tensor, real_labels: Tensor) -> Tensor:
    """Return the variance of the features within each class, over that of the real ones: shape (K,), float64.

    1 is the variety of real images, 0 one image for each class. The variance is summed over the features. Above 1 can
    mean images of *other* classes among those that were asked for, so read it beside the accuracy.

    Args:
        features: of generated images, shape (N, D), from ``Judge.features``.
        labels: what was asked for, shape (N,), int64; at least two of each class of the real ones.
        real_features: shape (M, D).
        real_labels: shape (M,), from 0 to K - 1, each at least twice.
    Raises:
        TypeError, ValueError: an argument is anything else, or the real images of a class are all alike.
    First met in: notebook 12.
    """
    ours, theirs = _both(features, labels, real_features, real_labels)
    spread = [torch.stack([part.var(dim=0).sum() for part in parts]) for parts in (ours, theirs)]
    if not bool((spread[1] > 0).all()):
        raise ValueError(f"real_features of class {int(spread[1].argmin())} are all alike: there is nothing to compare")
    return spread[0] / spread[1]


def frechet_per_class(features: Tensor, labels: Tensor, real_features: Tensor, real_labels: Tensor) -> Tensor:
    """Return the Fréchet distance of each class from the real images of that class: shape (K,), float64.

    It notices labels, where the distance over all does not, and variety, where the accuracy does not. It has fewer
    samples than the distance over all, so its floor is higher: compare it with two sets of real images.

    Args:
        features, labels, real_features, real_labels: as for :func:`within_class_spread`.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Source: Benny et al. (2021), within-class distances of a conditional generator, here class by class.
    First met in: notebook 12.
    """
    pairs = zip(*_both(features, labels, real_features, real_labels), strict=True)
    return torch.tensor([image_sets.frechet_distance(real, fake) for fake, real in pairs], dtype=torch.float64)


def matched_clusters(codes: Tensor, classes: Tensor, count: int = 10) -> Matched:
    """Match codes with classes one to one so that most samples agree: how well did unlabelled codes find the classes?

    Each code gets one class and each class one code. Of the ``count`` factorial ways the best is found by the
    Hungarian method. Codes that say nothing reach a little more than 1/count, because the best of many is taken.

    Args:
        codes: of the samples, shape (N,), int64, from 0 to count - 1.
        classes: of the same samples, for example what a judge takes them for, shape (N,), int64.
        count: of codes and of classes.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Source: the unsupervised clustering accuracy of Xie et al. (2016).
    First met in: notebook 12.
    """
    from scipy.optimize import linear_sum_assignment

    count = whole_between("count", count, 2)
    for name, labels in (("codes", codes), ("classes", classes)):
        _check_labels(name, labels, count)
    if len(codes) != len(classes):
        raise ValueError(f"classes must be one for each of the codes, {len(codes)}, got {len(classes)}")
    table = torch.bincount(codes.cpu() * count + classes.cpu(), minlength=count**2).view(count, count)
    rows, partner = linear_sum_assignment(table.numpy(), maximize=True)
    return Matched(float(table[rows, partner].sum()) / len(codes), torch.from_numpy(partner).long())


def moments(images: Tensor) -> Moments:
    """Return how much ink each image has, how wide and high it is spread, and how it slants.

    A pixel's ink is (value + 1) / 2: from black, -1, to white, 1. Slant is the slope of the line that gives a row's
    mean place across, fitted over the rows by ink: 0 for what is symmetric, 1 for a stroke that rises to the right at
    45 degrees. An image without ink has moments 0.

    Args:
        images: shape (N, 1, H, W), in [-1, 1].
    Raises:
        TypeError, ValueError: ``images`` are anything else.
    First met in: notebook 12.
    """
    found = ink.spread(images)
    slant = -found.xy / found.yy.clamp_min(1e-9)
    return Moments(found.share, found.xx.sqrt(), found.yy.sqrt(), slant)


def _both(features: Tensor, labels: Tensor, real_features: Tensor, real_labels: Tensor) -> tuple[list, list]:
    """Return generated and real features class by class, in float64; classes are counted by the real ones."""
    real, fake = _inputs.pair(real_features, features)
    _check_labels("real_labels", real_labels, None)
    count = int(real_labels.max()) + 1
    ours = _of_classes("features", fake, "labels", labels, count, least=2)
    return ours, _of_classes("real_features", real, "real_labels", real_labels, count, least=2)


def _of_classes(
    name: str, rows: Tensor, label_name: str, labels: Tensor, count: int, *, least: int = 1
) -> list[Tensor]:
    """Return the rows of each class, at least ``least`` of each."""
    _check_labels(label_name, labels, count)
    if len(labels) != len(rows):
        raise ValueError(f"{label_name} must be one for each of {name}, {len(rows)}, got {len(labels)}")
    parts = [rows.detach().cpu()[labels.cpu() == k] for k in range(count)]
    for k, part in enumerate(parts):
        if len(part) < least:
            raise ValueError(f"{label_name} must hold every class at least {least} times, got {len(part)} of class {k}")
    return parts


def _check_labels(name: str, labels: object, count: int | None) -> None:
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64:
        raise TypeError(f"{name} must be an int64 tensor, got {getattr(labels, 'dtype', type(labels).__name__)}")
    if labels.ndim != 1 or len(labels) == 0:
        raise ValueError(f"{name} must have shape (N,), got {tuple(labels.shape)}")
    low, high = (int(number) for number in labels.aminmax())
    if low < 0 or (count is not None and high >= count):
        raise ValueError(f"{name} must be from 0{f' to {count - 1}' if count else ' on'}, got {low} to {high}")
