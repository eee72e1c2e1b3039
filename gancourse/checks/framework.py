"""What every exercise checker shares: three verdicts, said in words, and never a traceback.

A checker is a function of the learner's answer, decorated with :func:`exercise`. Inside it, raise :class:`NotYet` with
a sentence that names the mistake; return a closing sentence (or nothing) when the answer is right. A prediction is no
mistake: raise :class:`Surprised` where one did not come true. A learner calls
``checks.nb01.name(answer)`` and reads one line; the solution cell calls it with ``strict=True``, which raises where a
line would be bad news.

:func:`call` is the only way to the learner's code: what goes wrong there is the learner's, and is explained; what goes
wrong outside is the checker's.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gancourse._numbers import real
from gancourse._torch_modes import usual_modes

__all__ = [
    "ExerciseFailed",
    "NotAttempted",
    "NotYet",
    "Surprised",
    "bound",
    "call",
    "choices",
    "exercise",
    "line",
    "matched",
    "number",
    "several",
    "tensor",
]


_SEED = 20_140_610  # one that no answer will seed with: then a change is seen


class NotYet(Exception):
    """The answer is wrong; the message ends the sentence "not yet, because ..."."""


class NotAttempted(Exception):
    """The answer is still the stub: it is, or it returned, ``...``."""


class Surprised(Exception):
    """A prediction was made and did not come true; the message ends the sentence "surprised on ..."."""


class ExerciseFailed(AssertionError):
    """What a strict check raises for an answer that is missing or wrong."""


def exercise(title: str) -> Callable[[Callable[..., str | None]], Callable[..., None]]:
    """Turn a function that judges one answer into a checker that prints a verdict.

    The checker prints one of ``title: not attempted`` / ``title: not yet, because ...`` / ``title: correct`` (or, of a
    prediction, ``title: surprised on ...``) and never raises, whatever the learner's code does (a keyboard interrupt
    excepted). With ``strict=True`` it raises :class:`ExerciseFailed` unless the answer is correct. It judges in
    PyTorch's usual modes, whatever the caller has set, and leaves modes and random numbers as they were.

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
                with usual_modes(), torch.random.fork_rng(devices=[]), _on_cpu():
                    torch.manual_seed(_SEED)
                    remark = judge(*answers)
                passed, verdict = True, "correct" + (f". {remark}" if remark else "")
            except NotAttempted:
                passed, verdict = False, "not attempted. Replace the ... and run the cell again."
            except NotYet as problem:
                passed, verdict = False, f"not yet, because {problem}"
            except Surprised as surprise:
                passed, verdict = False, f"surprised on {surprise}"
            except Exception as error:  # not raised by the learner's code, which runs inside call
                passed = False
                verdict = f"not yet, because your answer is of a kind that cannot be judged here ({_raised(error)})"
            if strict and not passed:
                raise ExerciseFailed(f"{title}: {verdict}")
            print(f"{title}: {verdict}")

        return checker

    return decorate


@contextlib.contextmanager
def _on_cpu() -> Iterator[None]:
    """Make tensors on the CPU, also after ``torch.set_default_device``."""
    with contextlib.nullcontext() if torch.get_default_device().type == "cpu" else torch.device("cpu"):
        yield


# ---------------------------------------------------------------- calling the learner's function


def call(
    function: Callable[..., Any],
    *args: Any,
    name: str | None = None,
    names: Sequence[str] = (),
    program: bool = False,
) -> Any:
    """Call the learner's function once, on copies, and refuse what no case can use.

    Args:
        function: the learner's function.
        args: what to hand it; tensors, arrays and lists as copies, so that nothing it does to them is kept.
        name: what to call it in messages; its ``__name__`` if not given.
        names: what the arguments are called; used where the function calls them so, in any order.
        program: whether it is a whole program, which may seed and need not return anything.
    Returns:
        What the function returned.
    Raises:
        NotAttempted: it returned ``...`` or raised ``NotImplementedError``.
        NotYet: it is no function, returned None, does not take these arguments, raised, or leaves something changed
            behind: its arguments, the mode of gradients, the default type, the seed, or a network frozen.
    """
    if not callable(function):
        raise NotYet(f"a function was expected, but got {type(function).__name__}")
    name = name or getattr(function, "__name__", "your function")
    given = [_copied(arg) for arg in args]
    positional, keywords = bound(function, given, names, name)
    states, modes = [_state(arg) for arg in given], _modes()
    try:
        result = function(*positional, **keywords)
    except NotImplementedError as stub:
        raise NotAttempted from stub
    except (NotAttempted, NotYet):
        raise  # what a network of ours said of its input
    except (Exception, SystemExit) as error:
        raise NotYet(_explained(error, name)) from error
    if result is ...:
        raise NotAttempted
    _refuse_traces(name, modes, may_seed=program)
    for label, state, arg in zip(_labels(names, given), states, given, strict=True):
        _refuse_changes(name, label, state, _state(arg))
    if result is None and not program:
        raise NotYet(f"{name} returned None; did you forget `return`?")
    return result


def _copied(arg: Any) -> Any:
    if isinstance(arg, Tensor):
        return arg.clone()
    return copy.deepcopy(arg) if isinstance(arg, (np.ndarray, list, dict)) else arg


def bound(function: Callable, given: list, names: Sequence[str], name: str) -> tuple[list, dict[str, Any]]:
    """Return how to hand these arguments over: by name where the function has these names, else by place.

    Raises:
        NotYet: the function does not take them.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a function written in C does not tell
        return given, {}
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    any_name = inspect.Parameter.VAR_KEYWORD in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds
    by_name = names and (set(names) <= set(signature.parameters) or any_name)
    positional, keywords = ([], dict(zip(names, given, strict=True))) if by_name else (given, {})
    try:
        signature.bind(*positional, **keywords)
    except TypeError as error:
        told = f" ({', '.join(names)})" if names else ""
        plural = "" if len(given) == 1 else "s"
        raise NotYet(f"{name} should take {len(given)} argument{plural}{told}, but yours takes {signature}") from error
    return positional, keywords


def _labels(names: Sequence[str], given: list) -> list[str]:
    return list(names) if len(names) == len(given) else [f"argument {place + 1}" for place in range(len(given))]


def _modes() -> tuple[bool, torch.dtype, int]:
    return torch.is_grad_enabled(), torch.get_default_dtype(), torch.initial_seed()


def _refuse_traces(name: str, before: tuple[bool, torch.dtype, int], *, may_seed: bool) -> None:
    gradients, dtype, seed = _modes()
    if gradients != before[0]:
        raise NotYet(
            f"{name} switches gradients {'on' if gradients else 'off'} for all code that runs after it; `with "
            "torch.no_grad():` switches them back at its end"
        )
    if dtype != before[1]:
        raise NotYet(f"{name} changes the default type of all tensors made after it; set the type of your own instead")
    if seed != before[2] and not may_seed:
        raise NotYet(
            f"{name} seeds PyTorch's own random generator, and with it all that is drawn after it by whomever; a "
            "program is seeded once, at its start"
        )


def _state(arg: Any) -> Any:
    """Return what has to be the same after a call: values, or which weights a network has and whether they learn."""
    if isinstance(arg, Tensor):
        return arg.detach().clone()
    if isinstance(arg, nn.Module):
        return [(id(weights), weights.requires_grad) for weights in arg.parameters()]
    return copy.deepcopy(arg) if isinstance(arg, (np.ndarray, list, dict)) else None


def _refuse_changes(name: str, label: str, before: Any, after: Any) -> None:
    if isinstance(before, list) and before and isinstance(before[0], tuple):  # of a network
        if [weights for weights, _ in before] != [weights for weights, _ in after]:
            raise NotYet(f"{name} puts new parameters into the {label}: an optimiser goes on training the old ones")
        if before != after:
            raise NotYet(
                f"{name} leaves weights of the {label} frozen (requires_grad is False), so they will not be trained in "
                "any later step either"
            )
        return
    if not (torch.equal(before, after) if isinstance(before, Tensor) else np.array_equal(before, after)):
        raise NotYet(
            f"{name} changes {label}, which it was given, so the caller loses it. Make new values, or work on a copy "
            "(what ends in _, and +=, changes a tensor in place)"
        )


# ---------------------------------------------------------------- what an error means

_ONE_NUMBER = (
    "float(), int(), .item() and the functions of `math` take one number, and got several; torch has functions that "
    "take a whole tensor"
)
_MEANINGS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("ellipsis",), "something that it uses is still `...`"),
    (
        ("is ambiguous",),
        "`if`, `and`, `max` and `min` of Python want one truth value, and got a whole tensor; torch.where, "
        "torch.maximum, .max() and their like go through all numbers",
    ),
    (
        ("between 0 and 1",),
        "this loss wants probabilities, and D gives scores, which are any numbers: use the form with logits",
    ),
    (
        ("implicitly created only for scalar",),
        "differentiation starts from *one* number, and got several: a mean or a sum comes first",
    ),
    (
        ("does not require grad",),
        "there is nothing to differentiate. Was it made under no_grad, or detached? And what you differentiate *by* "
        "has to know it before it is used: requires_grad_()",
    ),
    (
        ("not have been used in the graph",),
        "the result does not depend on what it is differentiated by: was it computed from another tensor, or from a "
        "detached one? Or was requires_grad_() called only after it had been computed?",
    ),
    (
        ("target size",),
        "scores and labels have different shapes: give the labels the shape of the logits, (N,). (Where nothing "
        "refuses, (N, 1) against (N,) silently becomes (N, N))",
    ),
    (
        ("leaf variable",),
        "weights are changed in place while gradients are recorded; put `with torch.no_grad():` around it (the "
        "functions of nn.init do so themselves)",
    ),
    (
        ("'float' object has no attribute 'backward'",),
        "it is a plain number, without a graph: .item() or float() came first",
    ),
    (("return_types",), "sort, min, max and topk return two things, values and indices: take .values"),
    (
        ("math domain error", "expected a nonnegative input"),
        "math.sqrt takes no negative number (cmath.sqrt does), and math.log only positive ones",
    ),
    (
        ("modified by an inplace operation",),
        "weights were changed between a forward pass and its backward(): step() comes after backward(), and D's scores "
        "of the fakes are computed anew once D has moved",
    ),
    (
        ("through the graph a second time",),
        "one graph, one backward(): add the terms first, or compute the scores anew",
    ),
    (("call numpy() on tensor",), ".numpy() wants a tensor without a graph, and through numpy no gradient comes back"),
    (("one element tensors can be", "converted to scalar", "length-1 arrays", "0-dimensional arrays"), _ONE_NUMBER),
    (("must match the size of tensor", "could not be broadcast"), "two shapes do not fit each other"),
    (
        ("invalid for input of size",),
        "the numbers do not fill that shape (or is it written for one size of input only?)",
    ),
    (("shapes cannot be multiplied",), "a matrix or a layer got rows of another length than it is made for"),
    (("same dtype", "expected scalar type"), "two types of numbers were mixed, such as float32 and float64"),
    (
        (
            "to be a boolean tensor",
            "long, int, byte or bool",
            "invert) is only implemented",
            "only supports boolean masks",
        ),
        "a mask of 0 and 1 as floats is no mask of True and False: mask > 0 is",
    ),
    (
        ("'nonetype' object",),
        "something that it uses is None: a weight's .grad is None until a backward() fills it, and the bias of a "
        "layer made with bias=False is None",
    ),
    (
        (
            "'tuple' object has no attribute",
            "operand type(s) for ** or pow(): 'tuple'",
            "operand type(s) for -: 'tuple'",
        ),
        "it is a tuple, and what you want is in it: torch.autograd.grad, for one, returns a tuple with one gradient "
        "for each input, also where there is only one",
    ),
    (
        ("'function' object has no attribute 'parameters'",),
        "it was handed a plain function, which has no weights: the slope is taken with respect to the *points*",
    ),
    (
        ("'mappingproxy' object",),
        "it writes into a dict that it was given and that the caller still needs; make a new one",
    ),
    (
        ("same number of dimensions", "must match except in dimension"),
        "tensors that are joined have equally many axes, of equal lengths except along the one where they meet",
    ),
    (("dimension out of range",), "the tensor has fewer axes than that"),
    (
        ("could not infer output dtype", "not implemented for 'byte'", "not implemented for 'long'"),
        "whole numbers and bytes cannot do that: .float() first",
    ),
)


def _explained(error: BaseException, name: str) -> str:
    """Say what was raised, and before it what that means, where its own words are for experts."""
    raised, whole = _raised(error), f"{type(error).__name__}: {_words(error)}".lower()
    for fragments, meaning in _MEANINGS:
        if any(fragment in whole for fragment in fragments):
            return f"{meaning} ({name} raised {raised})"
    return f"{name} raised {raised}"


def _raised(error: BaseException) -> str:
    words = _words(error).strip().splitlines()
    return type(error).__name__ + (f": {words[0][:200]}" if words else "")


def _words(thing: Any, said: Callable[[Any], str] = str) -> str:
    """Return what a thing says of itself, or nothing if it cannot."""
    try:
        return said(thing)
    except Exception:
        return ""


# ---------------------------------------------------------------- reading what came back


def number(got: Any, *, reduce: str = "") -> float:
    """Return the one number that was answered: Python's own, numpy's, or the one element of a tensor or an array.

    Args:
        reduce: what makes one number of several in this exercise, if it is clear what that is: "a mean".
    Raises:
        NotAttempted: it is ``...``.
        NotYet: it is not one real number.
    """
    if got is ...:
        raise NotAttempted
    _refuse_both(got, "one number was expected, but this")
    if isinstance(got, (Tensor, np.ndarray)) and math.prod(got.shape) != 1:
        raise NotYet(f"one number was expected, but got {_kind(got)}" + (f"; is {reduce} missing?" if reduce else ""))
    plain = got.item() if isinstance(got, (Tensor, np.ndarray, np.generic)) else got
    if isinstance(plain, complex) and plain.imag == 0:
        plain = plain.real
    if isinstance(plain, (bool, str, bytes)):
        raise NotYet(f"one number was expected, but got {_short(plain)}")
    try:
        return float(plain)
    except OverflowError as error:
        raise NotYet("one number was expected, but got one that is too large for a float") from error
    except (TypeError, ValueError) as error:
        raise NotYet(f"one number was expected, but got {_kind(plain)}") from error


def tensor(got: Any, shape: Sequence[int] | None = None, *, name: str = "the result") -> Tensor:
    """Return the tensor that was answered; numpy's arrays count.

    Args:
        shape: the shape that it should have, if that is not left to the learner.
        name: what it is called in messages.
    Raises:
        NotAttempted: it is ``...``.
        NotYet: it is neither tensor nor array, or has another shape.
    """
    if got is ...:
        raise NotAttempted
    _refuse_both(got, name)
    if isinstance(got, np.ndarray) and got.dtype != object:
        got = torch.as_tensor(got.copy())
    if not isinstance(got, Tensor):
        raise NotYet(f"a tensor was expected, but got {_kind(got)}")
    if shape is not None and tuple(got.shape) != tuple(shape):
        raise NotYet(f"the shape should be {tuple(shape)}, but is {tuple(got.shape)}")
    return got.to_dense() if got.is_sparse else got.cpu()


def several(got: Any, count: int, what: str, *, read: Callable[[Any], Any] = number) -> tuple[Any, ...]:
    """Return the parts of an answer that has several: a tuple, a list, or the rows of a tensor or an array.

    Args:
        count: how many there should be.
        what: what they are called, with the number in words, such as "two numbers, x and y,".
        read: turns one part into what it should be, or refuses it.
    Raises:
        NotAttempted: one of them is ``...``.
        NotYet: it is something else, or there are more or fewer.
    """
    if got is ...:
        raise NotAttempted
    if not isinstance(got, (tuple, list, Tensor, np.ndarray)) or getattr(got, "ndim", 1) == 0:
        raise NotYet(f"{what} were expected, but got {_kind(got)}")
    _refuse_both(got, f"{what} were expected, but this")
    if len(got) != count:
        raise NotYet(f"{what} were expected, but got {len(got)}")
    return tuple(read(part) for part in got)


def _refuse_both(got: Any, name: str) -> None:
    if type(got).__module__ == "torch.return_types":
        raise NotYet(f"{name} holds values and indices (sort, min, max and topk return both): take .values")


def _kind(got: Any) -> str:
    if isinstance(got, (Tensor, np.ndarray)):
        return f"{'a tensor' if isinstance(got, Tensor) else 'an array'} of shape {tuple(got.shape)}"
    return type(got).__name__


# ---------------------------------------------------------------- answers that are typed in


def line(answer: Any, count: int) -> int:
    """Return the number of a line of code, 1 to ``count``; 2.0, numpy's 2 and "2" are 2.

    Raises:
        NotYet: it is none of these numbers.
    """
    for place in range(1, count + 1):
        if _typed(answer) == str(place):
            return place
    raise NotYet(f"the lines are numbered from 1 to {count}; answer with one of these numbers")


def choices(answers: Any, keys: Sequence[Any], options: Sequence[Any], what: str) -> dict[Any, Any]:
    """Return which option was chosen for each key, ``...`` where that is still open.

    Letters count in either case, whole numbers whether they are written as 2, 2.0 or "2".

    Args:
        answers: the learner's dict.
        keys: what has to be answered.
        options: what there is to choose from.
        what: what a key and an option are, such as "a number from 1 to 4 for each picture".
    Raises:
        NotAttempted: nothing is answered yet.
        NotYet: it is no such dict.
    """
    if not isinstance(answers, Mapping):
        raise NotYet(f"a dict with {what} was expected, but got {type(answers).__name__}")
    by_key, by_option = ({_typed(thing): thing for thing in things} for things in (keys, options))
    if any(option is True for option in options):
        by_option |= {"1": True, "0": False}
    given = {_typed(key): value for key, value in answers.items()}
    if unknown := [key for key in answers if _typed(key) not in by_key]:
        turned = all(_typed(key) in by_option for key in answers) and all(_typed(v) in by_key for v in answers.values())
        raise NotYet(
            f"the dict is turned round: its keys should be {_listed(keys)}, and what you give to each its value"
            if turned
            else f"{_short(unknown[0])} is none of {_listed(keys)}, which are to be answered with {what}"
        )
    chosen = {key: given.get(_typed(key), ...) for key in keys}
    if all(value is ... for value in chosen.values()):
        raise NotAttempted
    for key, value in chosen.items():
        if value is not ... and _typed(value) not in by_option:
            raise NotYet(f"the answer for {key!r} should be one of {_listed(options)}, but is {_short(value)}")
    return {key: value if value is ... else by_option[_typed(value)] for key, value in chosen.items()}


def matched(answers: Any, right: Mapping[Any, Any], what: str, why: Mapping[Any, str]) -> None:
    """Judge an exercise in which each option belongs to one key.

    Args:
        answers: the learner's dict.
        right: the option of each key.
        what: as in :func:`choices`.
        why: what to look at again where a key has the wrong option.
    Raises:
        NotAttempted, NotYet: answers are missing or wrong.
    """
    said = choices(answers, tuple(right), sorted(right.values()), what)
    if missing := [key for key, option in said.items() if option is ...]:
        raise NotYet(f"there is no answer for {missing[0]!r} yet")
    if len(set(said.values())) < len(right):
        raise NotYet(f"each of {_listed(sorted(right.values()))} is used exactly once")
    if wrong := [key for key in right if said[key] != right[key]]:
        raise NotYet(f"{len(wrong)} of the {len(right)} are wrong. Look again: {why[wrong[0]]}")


def _typed(value: Any) -> str:
    """Return how a typed answer reads, whatever it was typed as."""
    if isinstance(value, (Tensor, np.ndarray, np.generic)) and math.prod(value.shape) == 1:
        value = value.item()
    if (plain := real(value)) is not None and plain == plain // 1:
        value = int(plain)
    return " ".join(_words(value).split()).casefold()


def _short(value: Any) -> str:
    """Return a value as it is typed, in one line."""
    words = " ".join(_words(value, repr).split())
    return words if len(words) <= 60 else words[:59] + "…"


def _listed(things: Iterable[Any]) -> str:
    *first, last = [repr(thing) for thing in things]
    return f"{', '.join(first)} and {last}" if first else last
