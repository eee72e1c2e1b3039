"""Checkers of notebook 16: directions in closed form, truncation, modulated weights, and the slant's direction."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.comparing import Mistakes, compare, flows, same, settle, show
from gancourse.checks.framework import NotYet, call, exercise, tensor

__all__ = ["directions", "modulate", "slant_direction", "truncate"]

# ---------------------------------------------------------------- exercise 1


def _signed(rows: Tensor) -> Tensor:
    """Turn each row round so that its largest number is positive: the sign of a direction is arbitrary."""
    largest = rows.gather(1, rows.abs().argmax(1, keepdim=True))
    return rows * torch.where(largest < 0, -1.0, 1.0)


def _closed(weight: Tensor, multipliers: Tensor) -> Tensor:
    return torch.linalg.svd(multipliers[:, None] * weight).Vh


def _alike(got: Tensor, wanted: Tensor) -> bool:
    return got.shape == wanted.shape and same(_signed(got), _signed(wanted), tolerance=1e-3)


_DIRECTION_MISTAKES: tuple[tuple[Callable[[Tensor, Tensor], Tensor], str], ...] = (
    (
        lambda weight, multipliers: torch.linalg.svd(weight).Vh,
        "the multipliers are missing: batch norm multiplies each row of the weight before anything else sees it",
    ),
    (
        lambda weight, multipliers: torch.linalg.svd(weight / multipliers[:, None]).Vh,
        "you divide by the multipliers. Batch norm *multiplies* by them",
    ),
    (
        lambda weight, multipliers: torch.linalg.svd(multipliers.square()[:, None] * weight).Vh,
        "each row is multiplied twice by its multiplier",
    ),
    (
        lambda weight, multipliers: torch.linalg.svd(multipliers.abs().sqrt()[:, None] * weight).Vh,
        "each row is multiplied by the *root* of its multiplier",
    ),
    (
        lambda weight, multipliers: (
            torch.linalg.svd(multipliers[:, None] * weight - (multipliers[:, None] * weight).mean(0)).Vh
        ),
        "you take away the mean of the rows first. That is what principal components of *data* want; here the map "
        "itself is asked",
    ),
    (
        lambda weight, multipliers: _closed(weight, multipliers).flip(0),
        "the weakest direction comes first; turn it round",
    ),
)


@exercise("Exercise 1")
def directions(function: Callable[[Tensor, Tensor], Tensor]) -> str:
    """Check ``directions(weight, multipliers)``: unit directions of z as rows, the strongest first; signs are free.

    First met in: notebook 16.
    """
    random = torch.Generator().manual_seed(18)
    cases = []
    for height, width in ((7, 4), (9, 5), (6, 3)):
        turn = torch.linalg.qr(torch.randn(width, width, generator=random)).Q
        out = torch.linalg.qr(torch.randn(height, width, generator=random)).Q
        strengths = torch.linspace(3, 0.5, width)  # well apart, so that each direction is unique
        multipliers = 0.3 + 2 * torch.rand(height, generator=random)
        multipliers[1] *= -1
        cases.append(((out * strengths) @ turn.T / multipliers[:, None], multipliers))
    answers = []
    for weight, multipliers in cases:
        got = call(function, weight, multipliers, name="directions", names=("weight", "multipliers"))
        if isinstance(got, tuple) and len(got) == 3:
            raise NotYet("a decomposition has three parts; return the one whose rows are directions of z")
        got = tensor(got).detach().float()
        width = weight.shape[1]
        if got.shape == (weight.shape[0], weight.shape[0]):
            raise NotYet(
                f"{len(got)} directions of {len(got)} numbers came out, which is where the layer's *outputs* live. "
                f"z has {width} numbers: take the other part of the decomposition"
            )
        if got.shape != (width, width):
            raise NotYet(f"the shape should be {(width, width)}, a direction a row, but is {tuple(got.shape)}")
        answers.append(got)
    if all(_alike(got, _closed(*case)) for got, case in zip(answers, cases, strict=True)):
        return "No sample was drawn and no label was used: the weights alone say which way z moves the layer most."
    _name_direction_mistake(answers, cases)
    weight, _ = cases[0]
    raise NotYet(
        "these are not the directions that move the layer most. For a weight of shape "
        f"{tuple(weight.shape)} the first should be {show(_signed(_closed(*cases[0]))[0])}, up to its sign, and you "
        f"return {show(_signed(answers[0])[0])}"
    )


def _name_direction_mistake(answers: list[Tensor], cases: list[tuple[Tensor, Tensor]]) -> None:
    """Raise what is wrong with the directions, if it is known: as rows, as columns, in length."""
    pairs = list(zip(answers, cases, strict=True))
    turned = [(got.T, case) for got, case in pairs]
    for shape, said in ((pairs, ""), (turned, "your directions are the *columns* of what you return; rows are wanted")):
        if said and all(_alike(got, _closed(*case)) for got, case in shape):
            raise NotYet(said)
        for formula, sentence in _DIRECTION_MISTAKES:
            if all(_alike(got, formula(*case)) for got, case in shape):
                raise NotYet(f"{sentence}. And {said}" if said else sentence)
        lengths = [(torch.nn.functional.normalize(got, dim=1), case) for got, case in shape]
        if all(_alike(got, _closed(*case)) for got, case in lengths):
            raise NotYet("the directions are right, but not of length 1" + (f". And {said}" if said else ""))
    if all(not same(got @ got.T, torch.eye(len(got)), tolerance=1e-3) for got in answers):
        raise NotYet("the rows are not perpendicular to each other and of length 1, as those of Vh are")


# ---------------------------------------------------------------- exercise 2

_OWN_MEAN = (
    "you move towards the mean of the codes that were handed in. It has to be `middle`: with one code, or with eight, "
    "their own mean is somewhere else"
)
_TRUNCATE_MISTAKES: Mistakes = [
    (
        lambda codes, middle, psi: psi * codes,
        "the codes are drawn towards 0, and not towards `middle`. That is the same only where the middle is 0, as in z",
    ),
    (
        lambda codes, middle, psi: codes + psi * (middle - codes),
        "psi is turned round: with psi = 1 all codes are in the middle, and with psi = 0 they are as they were",
    ),
    (
        lambda codes, middle, psi: psi * (codes - middle),
        "the middle is taken away and never added again: the codes end up around 0",
    ),
    (
        lambda codes, middle, psi: middle + psi * codes,
        "with psi = 1 the codes should be as they were. Scale the *difference* from the middle",
    ),
    (
        lambda codes, middle, psi: psi * (codes + middle),
        "the middle is added before the scaling, and nothing was taken away",
    ),
    (
        lambda codes, middle, psi: middle - psi * (codes - middle),
        "the codes end up on the other side of the middle: look at the sign",
    ),
    (
        lambda codes, middle, psi: codes - psi * (codes + middle),
        "a sign: the difference from the middle is codes - middle",
    ),
    (
        lambda codes, middle, psi: middle + (codes - middle) / max(psi, 1e-12),
        "you divide by psi, so a smaller psi makes the codes *longer*",
    ),
    (
        lambda codes, middle, psi: codes.clamp(-psi, psi),
        "you cut off each number at psi, and so also what is near the middle keeps its place. Here every code is moved "
        "towards the middle, all its numbers by the same share",
    ),
    (lambda codes, middle, psi: middle + (codes - middle).clamp(-psi, psi), "nothing is cut off; everything shrinks"),
    (lambda codes, middle, psi: codes.mean(0) + psi * (codes - codes.mean(0)), _OWN_MEAN),
    (lambda codes, middle, psi: middle + psi * (codes - codes.mean(0)), _OWN_MEAN),
    (
        lambda codes, middle, psi: codes.mean(1, keepdim=True) + psi * (codes - codes.mean(1, keepdim=True)),
        "you take the mean over the numbers of *one* code. The middle has as many numbers as a code",
    ),
    (
        lambda codes, middle, psi: middle + psi * (codes - middle) / (codes - middle).norm(dim=1, keepdim=True),
        "each difference is made as long as psi. It should keep its own length, times psi",
    ),
    (
        lambda codes, middle, psi: codes + (1 - psi) * middle,
        "the middle gets the rest of the weight, 1 - psi, and the codes still count whole",
    ),
    (lambda codes, middle, psi: codes, "the codes come out as they went in: psi is not used"),
    (lambda codes, middle, psi: middle.expand_as(codes), "every code is the middle: psi is not used"),
]


@exercise("Exercise 2")
def truncate(function: Callable[[Tensor, Tensor, float], Tensor]) -> str:
    """Check ``truncate(codes, middle, psi)``: each code moved towards the middle, to the share psi of its way.

    First met in: notebook 16.
    """
    random = torch.Generator().manual_seed(16)
    cases = [
        (
            3 * torch.randn(n, size, generator=random) + 1,
            torch.randn(size, generator=random) - 2,
            psi,
        )
        for n, size, psi in ((5, 3, 0.7), (4, 6, 0.25), (2, 4, 1.0), (3, 5, 0.0))
    ]
    compare(
        function,
        cases,
        lambda codes, middle, psi: middle + psi * (codes - middle),
        _TRUNCATE_MISTAKES,
        name="truncate",
        names=("codes", "middle", "psi"),
        read=tensor,
        told=lambda codes, middle, psi: f"{len(codes)} codes of {codes.shape[1]} numbers and psi = {psi}",
    )
    return "With psi = 1 nothing happens, with psi = 0 every sample is the same. The middle of z is at 0."


# ---------------------------------------------------------------- exercise 3


def _scaled(weight: Tensor, scales: Tensor) -> Tensor:
    return scales[:, None, :, None, None] * weight


def _divided(weights: Tensor, dims: tuple[int, ...], *, root: bool = True, mean: bool = False) -> Tensor:
    squares = weights.square()
    size = squares.mean(dims, keepdim=True) if mean else squares.sum(dims, keepdim=True)
    return weights / (size.sqrt() if root else size)


def _modulate(weight: Tensor, scales: Tensor) -> Tensor:
    return _divided(_scaled(weight, scales), (2, 3, 4))


_MODULATE_MISTAKES: Mistakes = [
    (_scaled, "the weights are modulated and not *de*modulated: a large scale makes everything after it large"),
    (
        lambda weight, scales: _divided(weight, (1, 2, 3)).expand(len(scales), *weight.shape),
        "the scales are missing: every sample gets the same filters",
    ),
    (
        lambda weight, scales: _divided(scales[:, :, None, None, None] * weight, (2, 3, 4)),
        "the scales are on the *output* maps, where demodulation takes them away again. They belong to the input maps, "
        "the second axis of the weight",
    ),
    (
        lambda weight, scales: scales[:, :, None, None, None] * weight,
        "the scales are on the *output* maps. They belong to the input maps, the second axis of the weight; and the "
        "filters are not demodulated",
    ),
    (
        lambda weight, scales: _scaled(_divided(weight, (1, 2, 3)), scales),
        "you divide by the length that the filter had *before* the scaling, so a large scale still makes all that "
        "follows large",
    ),
    (
        lambda weight, scales: _divided(_scaled(weight, scales.square()), (2, 3, 4)),
        "the scales come in squared; only the sum of squares has them so",
    ),
    (
        lambda weight, scales: _divided(_scaled(weight, 1 / scales), (2, 3, 4)),
        "you divide by the scales, so a map with a large scale counts less",
    ),
    (
        lambda weight, scales: _divided(_scaled(weight, 1 + scales), (2, 3, 4)),
        "you multiply by 1 + scale. Here the scales are the factors themselves",
    ),
    (
        lambda weight, scales: _divided(_scaled(weight, scales), (1, 2, 3, 4)),
        "one sum over all filters of a sample. Each output map has a filter of its own, and gets its own sum",
    ),
    (
        lambda weight, scales: _divided(_scaled(weight, scales), (0, 1, 2, 3, 4)),
        "one sum over everything. Each output map of each sample gets its own sum",
    ),
    (
        lambda weight, scales: _divided(_scaled(weight, scales), (0, 2, 3, 4)),
        "the sum goes over the samples as well: what one sample looks like would change with its neighbours",
    ),
    (
        lambda weight, scales: _divided(_scaled(weight, scales), (1, 3, 4)),
        "the sum goes over the output maps. What meets in one output is input maps times kernel",
    ),
    (
        lambda weight, scales: _divided(_scaled(weight, scales), (3, 4)),
        "the sum goes over the kernel only, so each input map is scaled back to what it was. It has to go over the "
        "input maps, too",
    ),
    (
        lambda weight, scales: _divided(_scaled(weight, scales), (2,)),
        "the sum goes over the input maps only. The places of the kernel add up in an output, too",
    ),
    (
        lambda weight, scales: _divided(_scaled(weight, scales), (2, 3, 4), root=False),
        "the root is missing: you divide by the *square* of the filter's length",
    ),
    (
        lambda weight, scales: _divided(_scaled(weight, scales), (2, 3, 4), mean=True),
        "you divide by the root of the *mean* square. The terms of an output are added, so their variances are too: it "
        "is a sum",
    ),
    (
        lambda weight, scales: _scaled(weight, scales) / _scaled(weight, scales).abs().sum((2, 3, 4), keepdim=True),
        "you divide by the sum of the sizes. Variances add up as squares",
    ),
    (
        lambda weight, scales: _scaled(weight, scales) / _scaled(weight, scales).std((2, 3, 4), keepdim=True),
        "you divide by the standard deviation of the filter's numbers. Wanted is the root of the sum of their squares",
    ),
    (
        lambda weight, scales: _scaled(weight, scales) * _scaled(weight, scales).square().sum((2, 3, 4), True).sqrt(),
        "you multiply by the length of the filter, where it has to be divided by it",
    ),
]


@exercise("Exercise 3")
def modulate(function: Callable[[Tensor, Tensor], Tensor]) -> str:
    """Check ``modulate(weight, scales)``: (O, I, k, k) and (N, I) to demodulated weights (N, O, I, k, k).

    First met in: notebook 16.
    """
    random = torch.Generator().manual_seed(17)
    cases = [  # as many output as input maps: who scales the wrong ones is told so, and no error stops them
        (
            torch.randn(maps, maps, kernel, kernel, generator=random) + 0.3,
            0.5 + 2 * torch.rand(n, maps, generator=random),
        )
        for n, maps, kernel in ((2, 3, 4), (3, 4, 2), (1, 2, 5))
    ]
    cases[0][1][0, 1] *= -1  # a scale may be negative
    cases.append((torch.randn(3, 5, 2, 2, generator=random), 0.5 + torch.rand(4, 5, generator=random)))
    answers = []
    for weight, scales in cases:
        got = call(function, weight, scales, name="modulate", names=("weight", "scales"))
        answers.append(_weights(tensor(got), weight, scales))
    told = lambda weight, scales: f"{len(scales)} samples and a weight of shape {tuple(weight.shape)}"  # noqa: E731
    square = slice(None, -1)
    settle(answers[square], cases[square], _modulate, _MODULATE_MISTAKES, told=told, tolerance=1e-4)
    settle(answers[-1:], cases[-1:], _modulate, told=told, tolerance=1e-4)
    weight, scales = (part.clone().requires_grad_() for part in cases[0])
    pull = torch.randn(answers[0].shape, generator=random)
    got = tensor(call(function, weight, scales, name="modulate", names=("weight", "scales")))
    flows(
        (got * pull).sum(),
        (_modulate(weight, scales) * pull).sum(),
        {"weight": weight, "scales": scales},
        otherwise="the generator could not learn its styles",
        what="the weight",
    )
    return "Each filter of each sample has length 1, so independent inputs keep their variance, whatever the style."


def _weights(got: Tensor, weight: Tensor, scales: Tensor) -> Tensor:
    wanted = (len(scales), *weight.shape)
    if got.shape == wanted:
        return got
    if got.shape == weight.shape:
        raise NotYet(
            f"one weight of shape {tuple(got.shape)} came out. Each of the {len(scales)} samples has scales of "
            f"its own, and so weights of its own: {wanted}"
        )
    if got.shape == (len(scales) * weight.shape[0], *weight.shape[1:]):
        raise NotYet(f"samples and output maps share an axis. The shape should be {wanted}, but is {tuple(got.shape)}")
    raise NotYet(f"the shape should be {wanted}, but is {tuple(got.shape)}")


# ---------------------------------------------------------------- exercise 4


def _fit(codes: Tensor, slant: Tensor) -> Tensor:
    centred = codes.double() - codes.double().mean(0)
    return torch.linalg.lstsq(centred, (slant.double() - slant.double().mean())[:, None]).solution[:, 0]


def _unit(direction: Tensor) -> Tensor:
    return (direction / direction.norm()).float()


def _slant(codes: Tensor, slant: Tensor) -> Tensor:
    return _unit(_fit(codes, slant))


_SLANT_MISTAKES: Mistakes = [
    (
        lambda codes, slant: _unit(torch.linalg.lstsq(codes, slant[:, None]).solution[:, 0]),
        "neither codes nor slant were centred, so the fit has to go through 0 and bends your direction. Take the means "
        "away, or add a column of ones",
    ),
    (
        lambda codes, slant: _unit(torch.linalg.lstsq(codes, slant[:, None] - slant.mean()).solution[:, 0]),
        "the slant is centred and the codes are not",
    ),
    (
        lambda codes, slant: codes[slant.argmax()] / codes[slant.argmax()].norm(),
        "that is the code of the digit that leans most. One digit differs from the rest in everything else, too",
    ),
    (
        lambda codes, slant: _unit((codes - codes.mean(0)).T @ (slant - slant.mean())),
        "you take each number's own covariance with the slant. Where numbers of the codes are correlated, as here, one "
        "of them gets the credit of another: least squares fit them all together",
    ),
    (
        lambda codes, slant: _unit(((codes - codes.mean(0)) / codes.std(0)).T @ (slant - slant.mean())),
        "you take each number's own correlation with the slant. Where numbers of the codes go together, as here, one "
        "gets the credit of another: least squares fit them all together",
    ),
    (
        lambda codes, slant: _unit(codes[slant > slant.median()].mean(0) - codes[slant <= slant.median()].mean(0)),
        "you go from the mean of the codes that lean less to that of those that lean more. It points the same way only "
        "where the numbers of the codes are independent; least squares are wanted",
    ),
    (
        lambda codes, slant: _unit(codes.T @ slant),
        "you add up codes weighted by their slant, and the mean of the codes comes into it. Least squares fit all "
        "numbers together",
    ),
]


@exercise("Exercise 4")
def slant_direction(function: Callable[[Tensor, Tensor], Tensor]) -> str:
    """Check ``slant_direction(codes, slant)``: the unit direction of the least-squares fit of the slant.

    First met in: notebook 16.
    """
    random = torch.Generator().manual_seed(19)
    cases = []
    for n, size in ((60, 4), (40, 3), (90, 5)):
        mixed = torch.randn(size, size, generator=random)
        codes = torch.randn(n, size, generator=random) @ mixed + 2 * torch.randn(size, generator=random)
        slant = 0.3 * codes @ torch.randn(size, generator=random) + 0.5 * torch.randn(n, generator=random) + 1.5
        cases.append((codes, slant))
    answers = [
        _row(tensor(call(function, *case, name="slant_direction", names=("codes", "slant"))), case[0]) for case in cases
    ]
    rights = [_slant(*case) for case in cases]
    along = [float(got.double() @ right.double()) for got, right in zip(answers, rights, strict=True)]
    lengths = [float(got.double().norm()) for got in answers]
    if all(length > 0 and abs(abs(way) - length) <= 1e-4 * length for way, length in zip(along, lengths, strict=True)):
        if all(way < 0 for way in along):
            raise NotYet("the direction leans digits to the *left*: look at the sign")
        if any(abs(length - 1) > 1e-3 for length in lengths):
            raise NotYet("the direction is right, but its length is not 1")
    told = lambda codes, slant: f"{len(codes)} codes of {codes.shape[1]} numbers"  # noqa: E731
    settle(answers, cases, _slant, _SLANT_MISTAKES, told=told, tolerance=1e-3)
    return "Labels made it: the slant was measured for every sample. The closed form had none."


def _row(got: Tensor, codes: Tensor) -> Tensor:
    row = got.flatten() if got.ndim == 2 and 1 in got.shape else got
    if row.shape != codes.shape[1:]:
        raise NotYet(f"the shape should be {tuple(codes.shape[1:])}, a number for each of z, but is {tuple(got.shape)}")
    return row
