"""What every exercise checker shares: three verdicts, said in words, and never a traceback.

A checker is a function of the learner's answer, decorated with :func:`exercise`. Inside it,
raise :class:`NotYet` with a sentence that names the mistake; return a closing sentence (or
nothing) when the answer is right. A learner calls ``checks.nb01.name(answer)`` and reads one
line; the solution cell calls it with ``strict=True``, which raises where a line would be bad news.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "ExerciseFailed",
    "NotAttempted",
    "NotYet",
    "call",
    "exercise",
    "match_mistake",
    "same_number",
    "same_tensor",
]


class NotYet(Exception):
    """The answer is wrong; the message ends the sentence "not yet, because ..."."""


class NotAttempted(Exception):
    """The answer is still the stub: it is, or it returned, ``...``."""


class ExerciseFailed(AssertionError):
    """What a strict check raises for an answer that is missing or wrong."""


def exercise(title: str) -> Callable[[Callable[..., str | None]], Callable[..., None]]:
    """Turn a function that judges one answer into a checker that prints a verdict.

    The checker prints one of ``title: not attempted`` / ``title: not yet, because ...`` /
    ``title: correct`` and never raises, whatever the learner's code does (a keyboard interrupt
    excepted). With ``strict=True`` it raises :class:`ExerciseFailed` unless the answer is correct.

    Args:
        title: what the exercise is called in the notebook.
    Returns:
        A decorator; the decorated checker takes the answer(s) and the keyword ``strict``.
    First met in: notebook 00.
    """

    def decorate(judge: Callable[..., str | None]) -> Callable[..., None]:
        @functools.wraps(judge)
        def checker(*answers: Any, strict: bool = False) -> None:
            try:
                if any(answer is ... for answer in answers):
                    raise NotAttempted
                remark = judge(*answers)
                passed, verdict = True, "correct" + (f". {remark}" if remark else "")
            except NotAttempted:
                passed, verdict = False, "not attempted. Replace the ... and run the cell again."
            except NotYet as problem:
                passed, verdict = False, f"not yet, because {problem}"
            except Exception as error:  # the learner's code may raise anything
                passed, verdict = False, f"not yet, because your code raised {_in_one_line(error)}"
            if strict and not passed:
                raise ExerciseFailed(f"{title}: {verdict}")
            print(f"{title}: {verdict}")

        return checker

    return decorate


def call(function: Callable[..., Any], *args: Any, name: str | None = None, **kwargs: Any) -> Any:
    """Call the learner's function once and refuse what no case can use.

    Args:
        function: the learner's function.
        name: what to call it in messages; its ``__name__`` if not given.
    Returns:
        What the function returned.
    Raises:
        NotAttempted: it returned ``...`` or raised ``NotImplementedError``.
        NotYet: it is no function, returned None, does not take these arguments, or raised.
    """
    if not callable(function):
        raise NotYet(f"a function was expected, but got {type(function).__name__}")
    name = name or getattr(function, "__name__", "your function")
    try:
        result = function(*args, **kwargs)
    except NotImplementedError as stub:
        raise NotAttempted from stub
    except Exception as error:
        raise NotYet(f"{name} raised {_in_one_line(error)}") from error
    if result is ...:
        raise NotAttempted
    if result is None:
        raise NotYet(f"{name} returned None; did you forget `return`?")
    return result


def same_number(got: Any, wanted: float, *, tolerance: float = 1e-5) -> bool:
    """Tell whether ``got`` is the number ``wanted``, relative to max(1, \\|wanted\\|).

    Args:
        got: a Python number or a tensor with one element.
        wanted: the right value, finite.
        tolerance: largest difference that still counts as equal.
    Raises:
        NotYet: ``got`` is not one number.
    """
    if isinstance(got, Tensor):
        if got.numel() != 1:
            raise NotYet(f"one number was expected, but got a tensor of shape {tuple(got.shape)}; is a mean missing?")
        got = got.item()
    try:
        value = float(got)
    except (TypeError, ValueError) as error:
        raise NotYet(f"one number was expected, but got {type(got).__name__}") from error
    return math.isfinite(value) and abs(value - wanted) <= tolerance * max(1.0, abs(wanted))


def same_tensor(got: Any, wanted: Tensor, *, tolerance: float = 1e-5) -> bool:
    """Tell whether ``got`` has the shape and, within ``tolerance``, the values of ``wanted``.

    Raises:
        NotYet: ``got`` is no tensor or has another shape.
    """
    if not isinstance(got, Tensor):
        raise NotYet(f"a tensor was expected, but got {type(got).__name__}")
    if got.shape != wanted.shape:
        raise NotYet(f"the shape should be {tuple(wanted.shape)}, but is {tuple(got.shape)}")
    return torch.allclose(got.detach().to(wanted.dtype), wanted, rtol=tolerance, atol=tolerance)


def match_mistake(got: Any, mistakes: Sequence[tuple[float, str]], *, tolerance: float = 1e-5) -> None:
    """Raise :class:`NotYet` with the sentence of the known mistake whose value ``got`` has.

    Args:
        got: the learner's number.
        mistakes: pairs (value that this mistake gives, sentence that names it).
    """
    for value, sentence in mistakes:
        if same_number(got, value, tolerance=tolerance):
            raise NotYet(sentence)


def _in_one_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return type(error).__name__ + (f": {lines[0]}" if lines else "")
