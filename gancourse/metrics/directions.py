"""Directions in the space of codes: four ways to find some, and what each of them moves in the images.

A direction is a row of numbers, one for each entry of a code. Going along it changes some properties of the image, its
*factors*, and a ruler says which and how far. A direction is pure if it changes a single factor. Three warnings belong
to these numbers. Random directions are pure to some degree, so they stand beside every other kind. Who looks at more
directions finds a purer one among them, so give random ones as many. And where one factor changes more than all others
together, whatever one does, every direction looks pure.

    rows = directions.closed_form(directions.first_weight(G))[:4]
    table = directions.effects(G, z, rows, ellipses.measure, unit=ellipses.measure(images).std(dim=0))
    directions.purity(table)
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gancourse._numbers import real_between, whole_between
from gancourse.metrics import _inputs, asked

__all__ = [
    "DIGIT_FACTORS",
    "closed_form",
    "effects",
    "first_layer",
    "first_weight",
    "linear_fit",
    "named",
    "of_digits",
    "one_deviation",
    "principal",
    "purity",
    "random",
    "supervised",
]

DIGIT_FACTORS = ("ink", "slant", "width", "height")
"""What :func:`of_digits` measures, in this order."""

_PIECE = 250  # codes at once; changes nothing but memory

# ---------------------------------------------------------------- directions


def random(count: int, size: int, *, generator: torch.Generator) -> Tensor:
    """Return ``count`` random directions at right angles, unit rows, shape (count, size).

    Args:
        count: how many, at most ``size``.
        size: entries of a code.
        generator: draws them.
    Raises:
        ValueError: a number is anything else.
    First met in: notebook 16.
    """
    size = whole_between("size", size, 1)
    count = whole_between("count", count, 1, size, why="the entries of a code")
    rows = torch.randn(size, size, generator=generator, device=generator.device)
    return torch.linalg.qr(rows).Q.T[:count].contiguous()


def first_weight(generator: nn.Module, *, folded: bool = True) -> Tensor:
    """Return the weights that read a code, shape (H, C): the first layer of a generator, with batch norm folded in.

    In eval mode batch norm multiplies each output of the layer by scale / sqrt(running variance + eps). Folding it in
    is multiplying the rows of the weights by that. A styled generator reads w at three places: its rows are those of
    the dense layers, and under them those of both layers that make scales and shifts.

    Args:
        generator: a ``dense_conv.Generator`` or ``styled.StyledGenerator``, in eval mode.
        folded: False for the bare weights.
    Raises:
        ValueError: the generator is in training mode, or does not begin with a dense layer and batch norm.
    Source: Shen and Zhou (2021), who take the weights as they are.
    First met in: notebook 16.
    """
    layer, norm = _beginning(generator)
    if generator.training:
        raise ValueError("generator must be in eval mode, so that batch norm has fixed numbers")
    weight = layer.weight.detach()
    if folded:
        weight = weight * (norm.weight.detach() / (norm.running_var + norm.eps).sqrt())[:, None]
    places = [getattr(generator, name, None) for name in ("at_quarter", "at_half")]
    return torch.cat([weight, *(place.affine.weight.detach() for place in places if place is not None)])


@torch.no_grad()
def first_layer(generator: nn.Module, codes: Tensor) -> Tensor:
    """Return what the first dense layer makes of codes after batch norm and ReLU, shape (N, H).

    Args:
        generator: as for :func:`first_weight`.
        codes: z of a plain generator, w of a styled one; shape (N, C).
    Raises:
        ValueError: as for :func:`first_weight`.
    First met in: notebook 16.
    """
    layer, norm = _beginning(generator)
    if generator.training:
        raise ValueError("generator must be in eval mode, so that batch norm has fixed numbers")
    return norm(layer(codes)).relu()


def closed_form(weight: Tensor) -> Tensor:
    """Return the directions that change ``weight @ code`` most: unit rows at right angles, the strongest first.

    These are the right singular vectors of the weights. No image is made, and no label is used.

    Args:
        weight: shape (H, C), such as :func:`first_weight`.
    Returns:
        Shape (min(H, C), C).
    Raises:
        TypeError, ValueError: ``weight`` is anything else.
    Source: Shen and Zhou (2021), closed-form factorisation (SeFa).
    First met in: notebook 16.
    """
    _inputs.check_samples("weight", weight)
    if weight.ndim != 2:
        raise ValueError(f"weight must have shape (H, C), got {tuple(weight.shape)}")
    return torch.linalg.svd(weight, full_matrices=False).Vh


def principal(codes: Tensor, hidden: Tensor) -> Tensor:
    """Return the directions of codes that belong to the principal components of what a layer makes of them.

    The components are found among the layer's outputs. Then the codes are fitted by linear functions of the scores, by
    least squares: how a code changes on average with a component's score, made as long as 1, is its direction.
    Strongest first.

    Args:
        codes: random codes, shape (N, C).
        hidden: what the layer makes of them, shape (N, H), H at least C; for a w itself, the codes again.
    Returns:
        Shape (C, C), unit rows; they need not be at right angles.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Source: Härkönen et al. (2020), GANSpace.
    First met in: notebook 16.
    """
    codes, hidden = _pair("codes", codes, "hidden", hidden)
    size = codes.shape[1]
    if hidden.shape[1] < size:
        raise ValueError(f"hidden must have at least {size} numbers a row, got {hidden.shape[1]}")
    hidden, codes = hidden - hidden.mean(dim=0), codes - codes.mean(dim=0)
    scores = hidden @ torch.linalg.svd(hidden, full_matrices=False).Vh[:size].T
    rows = torch.linalg.lstsq(scores, codes).solution
    return (rows / rows.norm(dim=1, keepdim=True)).float()


def supervised(codes: Tensor, factors: Tensor) -> Tensor:
    """Return a direction for each factor that moves it, and leaves the others as they are, as far as a line can tell.

    The factors are fitted by linear functions of the code, by least squares. The rows of the fit's pseudo-inverse
    change one of these functions and no other.

    Args:
        codes: random codes, shape (N, C).
        factors: of their images, shape (N, F), F at most C.
    Returns:
        Shape (F, C), unit rows.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 16.
    """
    codes, factors = _pair("codes", codes, "factors", factors)
    if factors.shape[1] > codes.shape[1]:
        raise ValueError(f"factors must be at most {codes.shape[1]}, as many as a code has entries")
    slopes = torch.linalg.lstsq(codes - codes.mean(dim=0), factors - factors.mean(dim=0)).solution
    rows = torch.linalg.pinv(slopes)
    return (rows / rows.norm(dim=1, keepdim=True)).float()


def one_deviation(directions: Tensor, codes: Tensor) -> Tensor:
    """Return the directions so long that one of them is a standard deviation of the codes along it.

    Entries of z are N(0, 1) and independent, so there it is a length of about 1. The entries of w are neither.

    Args:
        directions: shape (K, C), no row of zeros.
        codes: random codes, shape (N, C).
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 16.
    """
    _check_rows(codes, directions)
    unit = directions / directions.norm(dim=1, keepdim=True)
    if not bool(torch.isfinite(unit).all()):
        raise ValueError("directions must have no row of zeros: it points nowhere")
    return unit * (codes @ unit.T).std(dim=0)[:, None]


# ---------------------------------------------------------------- what they move


@torch.no_grad()
def effects(
    paint: Callable[[Tensor], Tensor],
    codes: Tensor,
    directions: Tensor,
    measure: Callable[[Tensor], Tensor],
    *,
    unit: Tensor,
    step: float = 1.0,
) -> Tensor:
    """Return how far each direction moves each factor: mean absolute change from -step to +step, in units.

    Args:
        paint: from codes (N, C) to images.
        codes: where the steps are taken, shape (N, C).
        directions: shape (K, C); they are used as long as they are.
        measure: from images to factors (N, F), such as ``ellipses.measure`` or :func:`of_digits`.
        unit: what counts as 1 for each factor, shape (F,): their standard deviations, for example.
        step: how far to each side, in lengths of the direction.
    Returns:
        Shape (K, F), at least 0.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 16.
    """
    _check_rows(codes, directions)
    if unit.ndim != 1 or not bool((unit > 0).all()):
        raise ValueError(f"unit must be above 0 for every factor, shape (F,), got {unit.tolist()}")
    step, found = real_between("step", step, 0.0), []
    for direction in directions:
        up, down = (
            torch.cat([measure(paint(piece + way * direction)) for piece in codes.split(_PIECE)])
            for way in (step, -step)
        )
        found.append(((up - down).abs() / unit).mean(dim=0))
    return torch.stack(found)


def purity(effects: Tensor) -> Tensor:
    """Return for each direction the largest share that one factor has of all it moves, shape (K,).

    Args:
        effects: from :func:`effects`, shape (K, F).
    Returns:
        Between 1/F (it moves all factors alike) and 1 (it moves a single one).
    Raises:
        ValueError: a direction moves nothing at all.
    First met in: notebook 16.
    """
    total = effects.sum(dim=1)
    if effects.ndim != 2 or not bool((total > 0).all()):
        raise ValueError("effects must have shape (K, F), and every direction must move something")
    return effects.amax(dim=1) / total


def named(effects: Tensor) -> int:
    """Return how many different factors are the one that some direction moves most.

    Args:
        effects: from :func:`effects`, shape (K, F).
    First met in: notebook 16.
    """
    return len(effects.argmax(dim=1).unique())


def linear_fit(codes: Tensor, factors: Tensor) -> Tensor:
    """Return R^2 of each factor as a linear function of the code, shape (F,): how much of it a line explains.

    The function is fitted to the first half of the rows, and R^2 is taken on the other half.

    Args:
        codes: random codes, shape (N, C).
        factors: of their images, shape (N, F).
    Returns:
        Up to 1; below 0 where the fit is worse than the mean.
    Raises:
        TypeError, ValueError: an argument is anything else, or there are too few rows for a fit.
    First met in: notebook 16.
    """
    codes, factors = _pair("codes", codes, "factors", factors)
    half = len(codes) // 2
    if half <= codes.shape[1]:
        raise ValueError(f"codes must have more than {2 * codes.shape[1] + 2} rows to be fitted, got {len(codes)}")
    rows = torch.cat([codes, torch.ones(len(codes), 1, dtype=codes.dtype)], dim=1)
    solution = torch.linalg.lstsq(rows[:half], factors[:half]).solution
    left = factors[half:] - rows[half:] @ solution
    around = factors[half:] - factors[half:].mean(dim=0)
    return (1 - left.square().sum(dim=0) / around.square().sum(dim=0)).float()


def of_digits(images: Tensor) -> Tensor:
    """Return ink, slant, width and height of digits (``asked.moments``) as columns, shape (N, 4), float32.

    Args:
        images: shape (N, 1, S, S), in [-1, 1].
    First met in: notebook 16.
    """
    found = asked.moments(images)
    return torch.stack([getattr(found, name) for name in DIGIT_FACTORS], dim=1).float()


def _beginning(generator: nn.Module) -> tuple[nn.Linear, nn.BatchNorm1d]:
    layers = list(getattr(generator, "dense", []))[:2]
    if [type(layer) for layer in layers] != [nn.Linear, nn.BatchNorm1d]:
        raise ValueError(f"generator must begin with a dense layer and batch norm, got {type(generator).__name__}")
    return layers[0], layers[1]


def _check_rows(codes: Tensor, directions: Tensor) -> None:
    for name, rows in (("codes", codes), ("directions", directions)):
        _inputs.check_samples(name, rows)
    if codes.ndim != 2 or directions.ndim != 2 or codes.shape[1] != directions.shape[1]:
        raise ValueError(
            f"codes and directions must have rows of one length, got {tuple(codes.shape)}, {tuple(directions.shape)}"
        )


def _pair(name: str, rows: object, other: str, more: object) -> tuple[Tensor, Tensor]:
    """Return two sets of rows of the same samples, in float64 on the CPU."""
    first, second = _inputs.features(name, rows), _inputs.features(other, more)
    if len(first) != len(second):
        raise ValueError(f"{other} must have one row for each of {name}, {len(first)}, got {len(second)}")
    return first, second
