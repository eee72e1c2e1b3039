"""Changes of an image within a limit for every pixel: noise as the control, FGSM, PGD, and a search without gradients.

Attacked images stay within ``epsilon`` of the way from black to white of the given ones, and in [-1, 1]. An attack
makes a number large that is measured of each image, its *objective*: for a classifier the cross-entropy of the true
class, for a discriminator its logit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse._numbers import real_between, whole_between
from gancourse.data.digits import check_images

__all__ = [
    "BLACK_TO_WHITE",
    "LOSSES",
    "Network",
    "climb",
    "fgsm",
    "margin",
    "noise",
    "pgd",
    "random_search",
    "slope",
    "stripes",
    "with_squares",
    "within",
    "worst_of_all",
]

BLACK_TO_WHITE = 2.0
"""Pixels lie in [-1, 1]: a limit of epsilon lets each move by so many times epsilon."""

LOSSES = ("cross_entropy", "margin")
"""What PGD may raise: the cross-entropy of the true class, or how far the best other logit lies above its own."""

Network = Callable[[Tensor], Tensor]

_STRIDE = 2.5  # the steps of climb together reach so many times as far as the limit lets them
_SHARES = ((0.1, 0.3), (0.3, 0.2), (0.6, 0.1), (1.0, 0.05))  # squares cover less of the image as the queries pass


def within(changed: Tensor, images: Tensor, epsilon: float) -> Tensor:
    """Return the nearest images to ``changed`` that differ from ``images`` by no more than the limit, in [-1, 1].

    Args:
        changed: any values, of the shape of ``images``.
        images: shape (N, C, S, S), in [-1, 1].
        epsilon: limit for every pixel, a share of black to white, 0 to 1.
    Raises:
        ValueError: the shapes differ, or ``epsilon`` is out of range.
    First met in: notebook 20.
    """
    reach = _reach(epsilon)
    if changed.shape != images.shape:
        raise ValueError(f"changed must have the shape of images, {tuple(images.shape)}, got {tuple(changed.shape)}")
    return torch.minimum(torch.maximum(changed, images - reach), images + reach).clamp(-1, 1)


def noise(images: Tensor, epsilon: float, generator: torch.Generator) -> Tensor:
    """Return the images with every pixel moved by the whole limit, up or down at random: the control of an attack.

    Args:
        images: shape (N, C, S, S), in [-1, 1].
        epsilon: a share of black to white, 0 to 1.
        generator: draws the signs.
    Raises:
        TypeError, ValueError: the images or the limit will not do.
    First met in: notebook 20.
    """
    check_images(images)
    signs = torch.randint(2, images.shape, generator=generator, device=generator.device) * 2 - 1
    return within(images + _reach(epsilon) * signs.to(images), images, epsilon)


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """Return by how much the logit of the true class exceeds the best other one, shape (N,); negative means wrong.

    Args:
        logits: shape (N, classes).
        labels: true classes, shape (N,), int64.
    Raises:
        ValueError: the shapes do not fit.
    First met in: notebook 20.
    """
    _check_labels(logits, labels)
    own = labels[:, None]
    return logits.gather(1, own)[:, 0] - logits.scatter(1, own, -math.inf).amax(dim=1)


def slope(objective: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Return the gradient of each image's objective by its pixels, in the shape of the images.

    Args:
        objective: images to one number each, shape (N,); the images must not touch each other.
        images: shape (N, C, S, S).
    Raises:
        ValueError: the objective gives anything but one number for each image.
    First met in: notebook 20.
    """
    with torch.enable_grad():
        images = images.detach().requires_grad_()
        return torch.autograd.grad(_one_each(objective, images).sum(), images)[0]


def climb(
    objective: Callable[[Tensor], Tensor],
    images: Tensor,
    epsilon: float,
    *,
    num_steps: int = 20,
    restarts: int = 1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Raise each image's objective by steps along the sign of its gradient, each brought back within the limit.

    One step goes the whole way to the limit. Of several, each goes 2.5 / num_steps of it. Of all restarts each image
    keeps the end with the highest objective.

    Args:
        objective: images to one number each, shape (N,).
        images: shape (N, C, S, S), in [-1, 1].
        epsilon: limit for every pixel, a share of black to white, 0 to 1.
        num_steps: gradients taken a restart.
        restarts: how often to begin.
        generator: where given, each restart begins at a random point within the limit; None begins at the images.
    Returns:
        Attacked images, no gradient.
    Raises:
        TypeError, ValueError: an argument is anything else, or there are several restarts without a generator.
    Source: Goodfellow et al. (2015) for one step, Madry et al. (2018) for several.
    First met in: notebook 20.
    """
    check_images(images)
    num_steps, restarts = whole_between("num_steps", num_steps, 1), whole_between("restarts", restarts, 1)
    if restarts > 1 and generator is None:
        raise ValueError("restarts begin at random points: give a generator, or all of them are the same")
    reach, best, height = _reach(epsilon), images.detach().clone(), None
    stride = reach if num_steps == 1 else reach * _STRIDE / num_steps
    for _ in range(restarts):
        changed = images.detach()
        if generator is not None:
            drawn = torch.rand(images.shape, generator=generator, device=generator.device).to(images)
            changed = within(changed + reach * (2 * drawn - 1), images, epsilon)
        for _ in range(num_steps):
            changed = within(changed + stride * slope(objective, changed).sign(), images, epsilon)
        if restarts == 1:
            return changed
        with torch.no_grad():
            found = _one_each(objective, changed)
        better = torch.ones_like(found, dtype=torch.bool) if height is None else found > height
        height = found if height is None else torch.maximum(found, height)
        best[better] = changed[better]
    return best


def fgsm(network: Network, images: Tensor, labels: Tensor, epsilon: float, *, loss: str = "cross_entropy") -> Tensor:
    """Attack by one step of the fast gradient sign method, from the image itself.

    Args:
        network: images to logits.
        images: shape (N, C, S, S), in [-1, 1].
        labels: true classes, shape (N,), int64.
        epsilon: limit for every pixel, a share of black to white, 0 to 1.
        loss: what is raised, one of ``LOSSES``.
    Raises:
        TypeError, ValueError: an argument will not do.
    Source: Goodfellow, Shlens and Szegedy (2015), https://arxiv.org/abs/1412.6572.
    First met in: notebook 20.
    """
    return climb(_raised(loss, network, labels), images, epsilon, num_steps=1)


def pgd(
    network: Network,
    images: Tensor,
    labels: Tensor,
    epsilon: float,
    *,
    num_steps: int = 20,
    restarts: int = 1,
    generator: torch.Generator,
    loss: str = "cross_entropy",
) -> Tensor:
    """Attack by projected gradient descent: many small signed steps from a random start.

    Args:
        network: images to logits.
        images: shape (N, C, S, S), in [-1, 1].
        labels: true classes, shape (N,), int64.
        epsilon: limit for every pixel, a share of black to white, 0 to 1.
        num_steps: gradients taken a restart.
        restarts: how often to begin; each image keeps the end with the highest loss. An image that is read wrong on
            the way is attacked on, and with one restart the last step counts.
        generator: draws the starts.
        loss: what is raised, one of ``LOSSES``. The slope of the cross-entropy vanishes where a network is very sure,
            that of the margin does not.
    Raises:
        TypeError, ValueError: an argument will not do.
    Source: Madry et al. (2018), https://arxiv.org/abs/1706.06083.
    First met in: notebook 20.
    """
    objective = _raised(loss, network, labels)
    return climb(objective, images, epsilon, num_steps=num_steps, restarts=restarts, generator=generator)


@torch.no_grad()
def random_search(
    network: Network,
    images: Tensor,
    labels: Tensor,
    epsilon: float,
    *,
    queries: int = 200,
    generator: torch.Generator,
) -> Tensor:
    """Attack without any gradient: try squares of pixels moved to the limit, and keep those that lower the margin.

    It begins with vertical stripes, and its squares become smaller as the queries pass. Where it does better than an
    attack by gradients, the gradients are hidden.

    Args:
        network: images to logits; only its answers are used.
        images: shape (N, C, S, S), in [-1, 1].
        labels: true classes, shape (N,), int64.
        epsilon: limit for every pixel, a share of black to white, 0 to 1.
        queries: how often each image is shown to the network, at least 2.
        generator: draws stripes, squares and their signs, on the CPU.
    Raises:
        TypeError, ValueError: an argument will not do.
    Source: after Andriushchenko et al. (2020), https://arxiv.org/abs/1912.00049, with a shorter list of sizes.
    First met in: notebook 20.
    """
    check_images(images)
    queries = whole_between("queries", queries, 2)
    best = stripes(images, epsilon, generator)
    lowest = margin(network(best), labels)
    for query in range(1, queries):
        tried = with_squares(best, images, epsilon, query / queries, generator)
        found = margin(network(tried), labels)
        better = found < lowest
        best[better], lowest[better] = tried[better], found[better]
    return best


def stripes(images: Tensor, epsilon: float, generator: torch.Generator) -> Tensor:
    """Return the images with vertical stripes a pixel wide, each up or down by the limit: where a search may begin.

    Args:
        images: shape (N, C, S, S), in [-1, 1].
        epsilon: limit for every pixel, a share of black to white, 0 to 1.
        generator: draws the signs, on the CPU.
    First met in: notebook 20.
    """
    signs = _signs((len(images), images.shape[1], 1, images.shape[-1]), generator)
    return within(images + _reach(epsilon) * signs.to(images), images, epsilon)


def with_squares(changed: Tensor, images: Tensor, epsilon: float, done: float, generator: torch.Generator) -> Tensor:
    """Return what a random search tries next: in each image one square of pixels, moved to the limit, up or down.

    Args:
        changed: what the search has, shape (N, C, S, S).
        images: the images themselves.
        epsilon: limit for every pixel, a share of black to white, 0 to 1.
        done: share of the queries that have passed, 0 to 1; the squares become smaller with it.
        generator: draws the places and the signs, on the CPU.
    Source: after Andriushchenko et al. (2020), https://arxiv.org/abs/1912.00049, with a shorter list of sizes.
    First met in: notebook 20.
    """
    side, done = images.shape[-1], real_between("done", done, 0.0, 1.0)
    share = next(share for until, share in _SHARES if done <= until)
    width = max(1, round(side * math.sqrt(share)))
    corners = torch.randint(side - width + 1, (len(images), 2), generator=generator).to(images.device)
    along = torch.arange(side, device=images.device)
    down, across = ((along >= corner[:, None]) & (along < corner[:, None] + width) for corner in corners.unbind(1))
    square = (down[:, :, None] & across[:, None, :])[:, None]
    signs = _signs((len(images), images.shape[1], 1, 1), generator)
    return torch.where(square, within(images + _reach(epsilon) * signs.to(images), images, epsilon), changed)


def _signs(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randint(2, shape, generator=generator) * 2 - 1


def worst_of_all(right: Tensor | Sequence[Tensor]) -> Tensor:
    """Return which images were answered rightly under every attack, shape (N,), bool.

    Args:
        right: shape (attacks, N), bool, or such rows of shape (N,): the answers to the same images.
    Raises:
        ValueError: there is no attack, or the rows differ in shape or are not bool.
    First met in: notebook 20.
    """
    rows = list(right)
    if not rows or any(row.dtype != torch.bool or row.ndim != 1 or row.shape != rows[0].shape for row in rows):
        raise ValueError("right must hold one row of bool for each attack, all of the same shape (N,)")
    return torch.stack(rows).all(dim=0)


def _raised(loss: str, network: Network, labels: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the objective of an attack on a network."""
    if loss not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {loss!r}")

    def objective(images: Tensor) -> Tensor:
        logits = network(images)
        _check_labels(logits, labels)
        if loss == "margin":
            return -margin(logits, labels)
        return F.cross_entropy(logits, labels, reduction="none")

    return objective


def _one_each(objective: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    found = objective(images)
    if found.shape != (len(images),):
        raise ValueError(f"objective must give one number for each image, {len(images)}, got {tuple(found.shape)}")
    return found


def _reach(epsilon: float) -> float:
    """Return how far a pixel in [-1, 1] may move."""
    return BLACK_TO_WHITE * real_between("epsilon", epsilon, 0.0, 1.0)


def _check_labels(logits: Tensor, labels: Tensor) -> None:
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or labels.dtype != torch.int64:
        raise ValueError(
            f"labels must be classes, int64, one for each row of logits (N, classes), got logits {tuple(logits.shape)} "
            f"and labels {tuple(labels.shape)} of {labels.dtype}"
        )
