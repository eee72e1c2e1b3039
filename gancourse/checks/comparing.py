"""How most answers are judged: a function is compared with the right formula, and with the likely wrong ones.

:func:`compare` is the whole checker of such an exercise. It takes cases, the right formula, and a table of mistakes,
each of them a formula too. A mistake is named only if the answer has its values in *all* cases, so what it is taken
for is what it is. What no mistake explains is described (a wrong sign, a factor, one number for every input), and the
learner is told honestly if that is all that can be seen.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from gancourse.checks.framework import NotYet, call, number

__all__ = ["Mistakes", "compare", "flows", "same", "settle", "show"]

Mistakes = Sequence[tuple[Callable[..., Any], str]]
"""Pairs of a formula, of the same arguments as the right one, and the sentence that names the mistake."""


def same(got: Any, wanted: Any, *, tolerance: float = 1e-5) -> bool:
    """Tell whether numbers, tensors, or tuples of them are equal, each number relative to max(1, \\|wanted\\|).

    Axes of length 1 do not count.

    Args:
        tolerance: largest difference that still counts as equal. NaN equals NaN.
    """
    if isinstance(got, (tuple, list)) and isinstance(wanted, (tuple, list)):
        return len(got) == len(wanted) and all(
            same(g, w, tolerance=tolerance) for g, w in zip(got, wanted, strict=True)
        )
    if isinstance(got, Tensor) and isinstance(wanted, Tensor) and got.squeeze().shape != wanted.squeeze().shape:
        return False
    mine, good = _flat(got), _flat(wanted)
    if mine.shape != good.shape:
        return False
    near = good.isfinite() & ((mine - good).abs() <= tolerance * good.abs().clamp(min=1))
    return bool((near | (mine == good) | (mine.isnan() & good.isnan())).all())


def _flat(value: Any) -> Tensor:
    """Return all numbers of a value in one row, in double precision."""
    if isinstance(value, (tuple, list)):
        return torch.cat([torch.zeros(0).double(), *map(_flat, value)])
    if isinstance(value, Tensor):
        flat = value.detach().cpu().flatten()
        return flat.to(torch.complex128) if flat.is_complex() else flat.double()
    return torch.tensor([value], dtype=torch.complex128 if isinstance(value, complex) else torch.float64)


_NEARLY = 0.03  # how far off, relative to what is right, an answer is that has the right idea


def compare(
    function: Callable[..., Any],
    cases: Sequence[tuple[Any, ...]],
    right: Callable[..., Any] | Sequence[Callable[..., Any]],
    mistakes: Mistakes = (),
    *,
    name: str,
    names: Sequence[str],
    read: Callable[[Any], Any] | None = None,
    reduce: str = "",
    parts: Sequence[str] = (),
    told: Callable[..., str] | None = None,
    hint: str = "",
    tolerance: float = 1e-5,
) -> None:
    """Hand the learner's function every case, and say what is wrong if one of its answers is.

    Args:
        function: the learner's function.
        cases: its arguments, one tuple for each case. The more they differ, the surer a mistake is known.
        right: the right answer, a function of the same arguments; or several such, where a convention is left open.
        mistakes: formulas and sentences; one is named if the answers have its values in all cases.
        name, names: what function and arguments are called.
        read: turns what came back into what is compared, or refuses it; by default, into one number.
        reduce: what makes one number of several here: as in :func:`number`.
        parts: what the parts of an answer are called, where it has several.
        told: says a case in words; by default it lists the arguments.
        hint: a last sentence for answers that no mistake explains. It asks, and does not tell the answer.
        tolerance: as in :func:`same`.
    Raises:
        NotAttempted, NotYet: the answer is missing or wrong.
    """
    told, read, answers = told or functools.partial(_case, names), read or functools.partial(number, reduce=reduce), []
    for case in cases:
        try:
            answers.append(read(call(function, *case, name=name, names=names)))
        except NotYet as problem:
            if not answers:
                raise
            raise NotYet(f"{problem}. That was for {told(*case)}") from problem
    settle(answers, cases, right, mistakes, parts=parts, told=told, hint=hint, tolerance=tolerance)


def settle(
    answers: Sequence[Any],
    cases: Sequence[tuple[Any, ...]],
    right: Callable[..., Any] | Sequence[Callable[..., Any]],
    mistakes: Mistakes = (),
    *,
    told: Callable[..., str],
    parts: Sequence[str] = (),
    hint: str = "",
    tolerance: float = 1e-5,
) -> None:
    """Say what is wrong with answers that were read already, one for each case; the rest is as in :func:`compare`."""
    rights = [right] if callable(right) else right
    options = [[(got, formula(*case)) for got, case in zip(answers, cases, strict=True)] for formula in rights]
    for pairs in options:
        if all(same(got, want, tolerance=tolerance) for got, want in pairs):
            _refuse_shapes(pairs)
            return
    for formula, sentence in mistakes:
        if all(same(got, formula(*case), tolerance=tolerance) for got, case in zip(answers, cases, strict=True)):
            raise NotYet(sentence)
    _refuse_shapes(options[0])
    narrowed = [_narrowed(pairs, parts, tolerance) for pairs in options]
    which, pairs = next((option for option in narrowed if _described(option[1], tolerance)), narrowed[0])
    wrong = [i for i, (got, want) in enumerate(pairs) if not same(got, want, tolerance=tolerance)]
    i = next((i for i in wrong if not _flat(pairs[i][0]).isfinite().all()), wrong[0])  # NaN needs the case it came from
    seen = _described(pairs, tolerance) or (
        "these are not the numbers that were wanted, and they do not tell which step went wrong"
    )
    raise NotYet(
        f"{which}{seen}. For {told(*cases[i])} you return {show(pairs[i][0])}, but it should be {show(pairs[i][1])}"
        + (f". {hint}" if hint else "")
    )


def _narrowed(
    pairs: list[tuple[Any, Any]], parts: Sequence[str], tolerance: float
) -> tuple[str, list[tuple[Any, Any]]]:
    """Leave the parts of an answer that are right out, and say which these are."""
    fine = [all(same(got[k], want[k], tolerance=tolerance) for got, want in pairs) for k in range(len(parts))]
    if not any(fine):
        return "", pairs
    bad = fine.index(False)
    good = [part for part, right in zip(parts, fine, strict=True) if right]
    told = f"{' and '.join(good)} {'is' if len(good) == 1 else 'are'} right, {parts[bad]} not: "
    return told, [(got[bad], want[bad]) for got, want in pairs]


def _refuse_shapes(pairs: Iterable[tuple[Any, Any]]) -> None:
    for got, want in pairs:
        if isinstance(want, tuple):
            _refuse_shapes(zip(got, want, strict=True))
        elif isinstance(got, Tensor) and got.shape != want.shape:
            raise NotYet(f"the shape should be {tuple(want.shape)}, but is {tuple(got.shape)}")


def _described(pairs: Sequence[tuple[Any, Any]], tolerance: float) -> str:
    """Say what the wrong answers have in common, if anything: it is true whatever the mistake is."""
    mine, good = ([_flat(value) for value in values] for values in zip(*pairs, strict=True))
    if any(m.isnan().any() for m in mine):
        return "NaN, not a number, came out"
    if any(m.isinf().any() for m in mine):
        return "an infinite number came out"
    if (
        len(mine) > 1
        and all(same(m, mine[0], tolerance=1e-9) for m in mine)
        and not all(same(g, good[0]) for g in good)
    ):
        return "you return the same for every input"
    x, y = torch.cat(mine), torch.cat(good)
    if x.shape != y.shape or x.is_complex() or y.is_complex():
        return ""
    if len(x) > 1 and not bool(x.any()):
        return "you return nothing but 0"
    large = y.abs() > 1e-3
    factors = x[large] / y[large]
    if bool(large.any()) and same(x, factors[0] * y, tolerance=max(tolerance, 1e-4)) and len(x) > 1:
        factor = float(factors[0])
        if abs(factor + 1) < 1e-4:
            return "the sizes are right and the sign is not"
        if abs(factor - 1) > 0.01:
            return f"it is {factor:.4g} times what it should be, every time"
    if len(x) > 1 and same(x - y, (x - y)[0].expand_as(x), tolerance=max(tolerance, 1e-4)):
        return f"it is too {'large' if x[0] > y[0] else 'small'} by {abs(float(x[0] - y[0])):.4g}, every time"
    if bool(((x - y).abs() <= _NEARLY * y.abs()).all()):
        return (
            f"every number is off by less than {_NEARLY:.0%}, so the idea is right. Something rounded, a small number "
            "added, or a slope taken from differences does that"
        )
    return ""


def show(value: Any) -> str:
    """Write a number, a tensor or a tuple of them for a message; of long ones the beginning."""
    if isinstance(value, (tuple, list)):
        return "(" + ", ".join(show(part) for part in value) + ")"
    if isinstance(value, Tensor) and value.numel() != 1:
        first = [show(part) for part in value.detach().flatten()[:6].tolist()]
        return f"({', '.join(first)}{', …' if value.numel() > 6 else ''})"
    plain = value.item() if isinstance(value, Tensor) else value
    if isinstance(plain, complex):
        return f"{plain.real:.4g}{plain.imag:+.4g}i"
    return f"{plain:.4g}" if isinstance(plain, float) else str(plain)


def _case(names: Iterable[str], *args: Any) -> str:
    return " and ".join(f"{name} = {show(arg)}" for name, arg in zip(names, args, strict=True))


def flows(got: Any, right: Tensor, parts: Mapping[str, Tensor], *, otherwise: str, what: str = "the number") -> None:
    """See that a number that is right can also be differentiated, by everything that the right one depends on.

    Args:
        got: what the learner's function returned, given the tensors of ``parts``.
        right: the right number, from the same tensors.
        parts: what to differentiate by, with its name in messages; requires gradients.
        otherwise: what happens if it cannot; ends the sentence "...: ".
        what: what ``got`` is called.
    Raises:
        NotYet: a gradient is missing, or another one.
    """
    if not isinstance(got, Tensor) or not got.requires_grad:
        raise NotYet(f"{what} is right, but cut off from the graph (.item(), .detach(), no_grad, numpy?): {otherwise}")
    leaves = list(parts.values())
    mine = torch.autograd.grad(got.sum(), leaves, allow_unused=True, retain_graph=True)
    good = torch.autograd.grad(right, leaves, allow_unused=True, retain_graph=True)
    for name, m, g in zip(parts, mine, good, strict=True):
        if g is None or not bool(g.any()):
            continue
        if m is None or not bool(m.any()):
            raise NotYet(f"{what} is right, but no gradient comes back to {name} (detached?): {otherwise}")
        if not same(m, g, tolerance=1e-3):
            raise NotYet(
                f"{what} is right, but its gradient by {name} is {show(m)} instead of {show(g)}; a part of the way "
                "from there is detached, or was made without a graph"
            )
