"""Sets of labelled images that lack, repeat or mix up something, in a known way and by a known amount.

| spoil | what is wrong | its strength |
|---|---|---|
| :func:`draw` | the shares of the classes; the number | weights; ``n`` |
| :func:`few_kinds` | few different images, repeated | how many of each class |
| :func:`copies` | images of the training set | their share |
| :func:`one_mode` | one class has one kind of image only | how small a part of it |
| :func:`permute_labels` | labels belong to other images | their share |

The images themselves are real ones; spoils of each image are in ``data.spoils``. What is drawn is drawn from the
``generator`` alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse._numbers import real_between, whole, whole_between
from gancourse.data.digits import check_images

__all__ = ["Labelled", "copies", "draw", "few_kinds", "one_mode", "permute_labels"]

_ROWS = 1_000  # images compared at once; changes nothing but memory


class Labelled(NamedTuple):
    """A set of images, shape (N, C, H, W), and the class of each, shape (N,), int64."""

    images: Tensor
    labels: Tensor


def draw(
    images: Tensor, labels: Tensor, n: int, *, generator: torch.Generator, weights: Mapping[int, float] | None = None
) -> Labelled:
    """Return ``n`` different images of a set, of some classes more or less than others.

    ``weights={3: 0}`` leaves class 3 out, ``weights={3: 2}`` makes a 3 twice as likely as any other image.
    The number of each class is fixed, not left to chance: its expected number, rounded so that the sum is ``n``.

    Args:
        images: shape (N, C, H, W), floating point, in [-1, 1].
        labels: shape (N,), int64.
        n: how many, at least 1; as many of each class as its weight asks for must be there.
        generator: draws which.
        weights: class -> factor, at least 0; 1 for those that are not named. None takes any ``n``, at random.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 10.
    """
    labels = _check_labelled(images, labels)
    n = whole_between("n", n, 1, len(images))
    if weights is None:
        chosen = _order(len(images), generator)[:n]
        return Labelled(images[chosen], labels[chosen])
    kinds, there = labels.unique(return_counts=True)
    shares = there.double() * torch.tensor(_factors(weights, kinds.tolist()), dtype=torch.float64)
    if not bool(shares.sum() > 0):
        raise ValueError(f"weights must leave at least one class in, got {dict(weights)!r}")
    wanted = n * shares / shares.sum()
    counts = wanted.floor().long()
    counts[(wanted - counts).argsort(descending=True, stable=True)[: n - int(counts.sum())]] += 1
    parts = []
    for kind, some, all_of_it in zip(kinds.tolist(), counts.tolist(), there.tolist(), strict=True):
        if some > all_of_it:
            raise ValueError(f"n = {n} with these weights needs {some} images of class {kind}, got {all_of_it}")
        members = (labels == kind).nonzero().flatten()
        parts.append(members[_order(len(members), generator)[:some]])
    chosen = torch.cat(parts)
    chosen = chosen[_order(len(chosen), generator)]
    return Labelled(images[chosen], labels[chosen])


def few_kinds(images: Tensor, labels: Tensor, n: int, *, per_class: int = 1, generator: torch.Generator) -> Labelled:
    """Return ``n`` images, of which only ``per_class`` of each class are different: the rest repeats them.

    Every one of them appears as often as any other, give or take one: a generator that has collapsed to a few
    perfect images, evenly over the classes.

    Args:
        images: shape (N, C, H, W), floating point, in [-1, 1].
        labels: shape (N,), int64.
        n: how many, at least 1.
        per_class: different images of each class, at least 1, at most the smallest class.
        generator: draws which, and their order.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 10.
    """
    labels = _check_labelled(images, labels)
    n = whole_between("n", n, 1)
    kinds, there = labels.unique(return_counts=True)
    per_class = whole_between("per_class", per_class, 1, int(there.min()))
    members = [(labels == kind).nonzero().flatten() for kind in kinds.tolist()]
    kept = torch.stack([of_it[_order(len(of_it), generator)[:per_class]] for of_it in members], dim=1).flatten()
    chosen = kept.repeat(math.ceil(n / len(kept)))[:n]
    chosen = chosen[_order(n, generator)]
    return Labelled(images[chosen], labels[chosen])


def copies(
    images: Tensor,
    labels: Tensor,
    train_images: Tensor,
    train_labels: Tensor,
    share: float,
    *,
    generator: torch.Generator,
) -> Labelled:
    """Return the set with a share of its images replaced by different images of the training set.

    Args:
        images: the set, shape (N, C, H, W), floating point, in [-1, 1].
        labels: shape (N,), int64.
        train_images: to copy from, shape (M, C, H, W); at least as many as are to be copied.
        train_labels: shape (M,), int64.
        share: from 0 to 1; ``round(share * N)`` images are replaced.
        generator: draws which, and by which.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 10.
    """
    labels = _check_labelled(images, labels)
    train_labels = _check_labelled(train_images, train_labels, "train_images", "train_labels")
    if train_images.shape[1:] != images.shape[1:]:
        raise ValueError(
            f"train_images must be of shape {tuple(images.shape[1:])}, got {tuple(train_images.shape[1:])}"
        )
    count = round(real_between("share", share, 0, 1) * len(images))
    if count > len(train_images):
        raise ValueError(f"train_images must hold at least the {count} images to copy, got {len(train_images)}")
    places, taken = (_order(len(some), generator)[:count] for some in (images, train_images))
    images, labels = images.clone(), labels.clone()
    images[places], labels[places] = train_images[taken].to(images), train_labels[taken]
    return Labelled(images, labels)


def one_mode(
    images: Tensor, labels: Tensor, n: int, *, label: int, share: float = 0.1, generator: torch.Generator
) -> Labelled:
    """Return ``n`` different images, of which those of one class are all of one kind.

    One image of the class is drawn, and only the ``share`` of the class that lies nearest to it (distance of pixels)
    is left; of the other classes everything is. Then ``n`` are drawn so that each class has its old share.

    Args:
        images: shape (N, C, H, W), floating point, in [-1, 1].
        labels: shape (N,), int64.
        n: how many. Of the thinned class n / N is needed, so n / N is at most ``share``.
        label: the class.
        share: which part of the class is left, above 0, at most 1.
        generator: draws the one image, and which are taken.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 10.
    """
    labels = _check_labelled(images, labels)
    n = whole_between("n", n, 1, len(images))
    share = real_between("share", share, 0, 1)
    members = (labels == whole_between("label", label, 0)).nonzero().flatten()
    if len(members) == 0:
        raise ValueError(f"label must be a class of the set, got {label!r}")
    kept = math.ceil(share * len(members))
    needed = round(n * len(members) / len(images))
    if needed > kept:
        raise ValueError(f"share = {share} leaves {kept} images of class {label}, but n = {n} needs {needed} of them")
    seed = members[_order(len(members), generator)[0]]
    apart = torch.cat([(images[part] - images[seed]).flatten(1).norm(dim=1) for part in members.split(_ROWS)])
    near = members[apart.argsort(stable=True)[:kept]]
    others = (labels != label).nonzero().flatten()
    chosen = torch.cat([near[_order(kept, generator)[:needed]], others[_order(len(others), generator)[: n - needed]]])
    chosen = chosen[_order(len(chosen), generator)]
    return Labelled(images[chosen], labels[chosen])


def permute_labels(labels: Tensor, share: float = 1.0, *, generator: torch.Generator) -> Tensor:
    """Return the labels, of which a share was exchanged among each other: none of those keeps its place.

    So as many of each class as before, but wrong ones under the images. With ten even classes a tenth of the
    exchanged ones gets a label of its own class again, by chance.

    Args:
        labels: shape (N,), int64.
        share: from 0 to 1; ``round(share * N)`` labels change places, none if that is 1.
        generator: draws which.
    Returns:
        Shape (N,), a new tensor.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 10.
    """
    labels = _check_labels("labels", labels)
    count = round(real_between("share", share, 0, 1) * len(labels))
    places = _order(len(labels), generator)[:count]
    exchanged = labels.clone()
    exchanged[places] = labels[places.roll(1)]  # in a random circle, each takes the place of the one before it
    return exchanged


# ---------------------------------------------------------------- what is refused


def _order(count: int, generator: torch.Generator) -> Tensor:
    return torch.randperm(count, generator=generator, device=generator.device).cpu()


def _factors(weights: Mapping[int, float], kinds: list[int]) -> list[float]:
    if not isinstance(weights, Mapping):
        raise TypeError(f"weights must map classes to numbers, got {type(weights).__name__}")
    for kind, factor in weights.items():
        if whole(kind) not in kinds:
            raise ValueError(f"weights must name classes of the set, got {kind!r}")
        real_between(f"weights[{kind}]", factor, 0)
    return [float(weights.get(kind, 1.0)) for kind in kinds]


def _check_labelled(images: Tensor, labels: Tensor, name: str = "images", of: str = "labels") -> Tensor:
    check_images(images, name=name)
    labels = _check_labels(of, labels)
    if len(labels) != len(images):
        raise ValueError(f"{of} must be one for each of {name}, {len(images)}, got {len(labels)}")
    return labels


def _check_labels(name: str, labels: object) -> Tensor:
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64:
        raise TypeError(f"{name} must be an int64 tensor, got {getattr(labels, 'dtype', type(labels).__name__)}")
    if labels.ndim != 1 or len(labels) == 0:
        raise ValueError(f"{name} must have shape (N,), at least one, got {tuple(labels.shape)}")
    return labels
