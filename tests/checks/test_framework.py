"""What all checkers share: they never raise, blame nobody wrongly, hand out nothing of their own, and clean up."""

import fractions
import importlib
import math
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gancourse.checks import framework
from gancourse.checks.framework import (
    ExerciseFailed,
    NotAttempted,
    NotYet,
    call,
    choices,
    exercise,
    line,
    matched,
    number,
    several,
)
from verdicts import rejects, verdict

NETWORK = nn.Linear(2, 1)


@exercise("Exercise")
def judged(function):
    """Call the answer with one of everything."""
    framework.tensor(call(function, torch.ones(3), [1.0, 2.0], np.ones(2), NETWORK, names=("a", "b", "c", "network")))


def said(function):
    """Return what is wrong with a function, in words."""
    with pytest.raises(NotYet) as refused:
        call(function, torch.ones(3), [2.0, 1.0], np.ones(2), NETWORK, name="f", names=("a", "b", "c", "network"))
    return str(refused.value)


# ---------------------------------------------------------------- verdicts


class Nasty:
    """Something of which nothing can be asked."""

    def __str__(self):
        raise RuntimeError("no words")

    __repr__ = __float__ = __iter__ = __len__ = __hash__ = __eq__ = __str__


ODD = [
    None,
    b"bytes",
    {},
    {1: 2},
    object(),
    Nasty(),
    math.nan,
    10**400,
    1j,
    True,
    fractions.Fraction(1, 3),
    np.array("text"),
    np.array([None]),
    np.float16(9),
    torch.tensor([]),
    torch.tensor(1.5).half(),
    torch.ones(2, 2, dtype=torch.bool),
    torch.zeros(0, 3),
    torch.ones(3).sort(),
    torch.eye(3).to_sparse(),
    torch.tensor(1 + 2j),
    [torch.ones(2), None],
    range(3),
    torch.ones(2, requires_grad=True),
    iter([1]),
    nn.Linear(1, 1),
]
TYPED = {"pixels", "hit_rate", "wrong_line", "diagnosis", "spot_the_mistake", "causes", "meanings"}
NOTEBOOKS = [importlib.import_module(f"gancourse.checks.nb{number:02}") for number in range(10)]
CHECKERS = [getattr(module, name) for module in NOTEBOOKS for name in module.__all__]


@pytest.mark.parametrize("checker", CHECKERS, ids=lambda checker: f"{checker.__module__[-2:]}-{checker.__name__}")
def test_no_checker_raises_or_lets_strange_things_pass(capsys, checker):
    others = {"packing": 1, "maximiser_first": 1, "normalise": 1}.get(checker.__name__, 0)
    for odd in ODD:
        answer = odd if checker.__name__ in TYPED else lambda *_, odd=odd: odd
        rest = [{"a": [1], "control": [1]}] if checker.__name__ == "causes" else [answer] * others
        words = verdict(capsys, checker, answer, *rest)
        assert "not yet, because" in words or "not attempted" in words, (odd, words)
        assert "your code" not in words


def test_what_is_printed_is_what_a_strict_check_raises(capsys):
    right, wrong, stub = lambda *_: torch.ones(1), lambda *_: None, lambda *_: ...
    assert verdict(capsys, judged, right) == "Exercise: correct"
    judged(right, strict=True)
    assert capsys.readouterr().out == "Exercise: correct\n"
    for answer in (wrong, stub):
        printed = verdict(capsys, judged, answer)
        with pytest.raises(ExerciseFailed) as refused:
            judged(answer, strict=True)
        assert str(refused.value) == printed and capsys.readouterr().out == ""


def test_leaving_the_program_is_an_answer_too(capsys):
    rejects(capsys, judged, lambda *_: sys.exit(1), fragment="SystemExit")
    with pytest.raises(KeyboardInterrupt):

        def interrupted(*_):
            raise KeyboardInterrupt

        judged(interrupted)


def test_what_goes_wrong_outside_the_learner_s_code_is_not_blamed_on_it(capsys):
    @exercise("Exercise")
    def broken(answer):
        return 1 / 0

    rejects(capsys, broken, 1, fragment="cannot be judged here (ZeroDivisionError: division by zero)")


@pytest.mark.parametrize("mode", ["no_grad", "inference_mode", "float64", "seed"])
def test_a_verdict_depends_on_no_mode_and_leaves_all_as_they_were(capsys, mode):
    seen = []

    @exercise("Exercise")
    def looking(answer):
        seen.append((torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.ones(1).dtype, torch.rand(3)))

    looking(1)
    state = torch.get_rng_state()
    if mode in ("no_grad", "inference_mode"):
        with getattr(torch, mode)():
            looking(1)
            assert not torch.is_grad_enabled()
    elif mode == "float64":
        torch.set_default_dtype(torch.float64)
        try:
            looking(1)
            assert torch.get_default_dtype() == torch.float64
        finally:
            torch.set_default_dtype(torch.float32)
    else:
        torch.manual_seed(1)
        state = torch.get_rng_state()
        looking(1)
    assert torch.equal(torch.get_rng_state(), state)
    assert [str(part) for part in seen[0]] == [str(part) for part in seen[1]]


# ---------------------------------------------------------------- calling


def test_arguments_are_copies():
    kept = torch.ones(3), [2.0, 1.0], np.ones(2)
    given = []
    assert call(lambda *args: given.extend(args) or 1, *kept) == 1
    for mine, theirs in zip(kept, given, strict=True):
        assert mine is not theirs and np.array_equal(mine, theirs)


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda a, b, c, network: a.clamp_(max=0.5), "f changes a, which it was given"),
        (lambda a, b, c, network: a.resize_(2), "f changes a"),
        (lambda a, b, c, network: b.sort() or 1, "f changes b"),
        (lambda a, b, c, network: c.fill(0) or 1, "f changes c"),
        (lambda x, y, z, n: x.mul_(2), "f changes a"),
        (lambda network, **others: setattr(network, "bias", nn.Parameter(torch.ones(1))) or 1, "new parameters"),
        (lambda network, **others: network.requires_grad_(False), "leaves weights of the network frozen"),
        (lambda a, b, c, network: torch.set_grad_enabled(False), "switches gradients off for all code that runs after"),
        (lambda a, b, c, network: torch.set_default_dtype(torch.float64), "changes the default type"),
        (lambda a, b, c, network: torch.manual_seed(0), "seeds PyTorch's own random generator"),
        (lambda a, b: 1, "f should take 4 arguments (a, b, c, network), but yours takes (a, b)"),
        (lambda a, b, c, network: ... + 1, "something that it uses is still `...`"),
        (lambda a, b, c, network: None, "f returned None"),
    ],
)
def test_what_a_function_leaves_behind_is_refused(function, fragment):
    network = NETWORK.bias
    try:
        with framework.usual_modes(), torch.random.fork_rng(devices=[]):
            assert fragment in said(function)
    finally:
        NETWORK.bias = network
        NETWORK.requires_grad_(True)


def test_what_is_put_back_is_not_refused():
    def tidy(a, b, c, network):
        network.requires_grad_(False)
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            made = network(torch.rand(4, 2)) + a.clone().mul_(0).sum()
        network.requires_grad_(True)
        a.requires_grad_()
        return made

    given = torch.ones(3)
    call(tidy, given, [1.0], np.ones(2), NETWORK)
    assert not given.requires_grad


def test_a_program_may_seed_and_need_not_return(capsys):
    with torch.random.fork_rng(devices=[]):
        assert call(lambda: torch.manual_seed(0) and None, program=True) is None


def test_arguments_go_by_name_where_the_function_has_these_names():
    assert call(lambda second, first: first - second, 5, 3, names=("first", "second")) == 2
    assert call(lambda x, y: x - y, 5, 3, names=("first", "second")) == 2
    assert call(lambda *, second, first: first - second, 5, 3, names=("first", "second")) == 2
    assert call(lambda *args: args[0] - args[1], 5, 3, names=("first", "second")) == 2
    assert call(lambda **named: named["first"], 5, 3, names=("first", "second")) == 5


# ---------------------------------------------------------------- what an error means

A = torch.ones(3, requires_grad=True)


def backward_too_late():
    weight = torch.ones(2, requires_grad=True)
    loss = (weight**2).sum()
    with torch.no_grad():
        weight += 1
    loss.backward()


def backward_twice():
    loss = (A**2).sum()
    loss.backward()
    loss.backward()


ERRORS = {
    "want one truth value": lambda: max(torch.ones(3), torch.zeros(3)),
    "want one truth value, and got": lambda: 1 if np.ones(2) else 0,
    "this loss wants probabilities": lambda: F.binary_cross_entropy(torch.tensor([2.0]), torch.ones(1)),
    "differentiation starts from *one* number": lambda: (2 * A).backward(),
    "there is nothing to differentiate": lambda: torch.ones(1).backward(),
    "has to know it before it is used": lambda: torch.autograd.grad(A.sum(), torch.ones(3)),
    "does not depend on what it is differentiated by": lambda: torch.autograd.grad(
        A.sum(), torch.ones(2).requires_grad_()
    ),
    "scores and labels have different shapes": lambda: F.binary_cross_entropy_with_logits(A, torch.ones(3, 1)),
    "scores and labels have different": lambda: F.binary_cross_entropy(torch.ones(3), torch.ones(3, 1)),
    "weights are changed in place while": lambda: nn.Linear(1, 1).weight.normal_(),
    "it is a plain number, without a graph": lambda: A.sum().item().backward(),
    "return two things, values and indices": lambda: A.sort() - A.sort(),
    "take .values": lambda: A.min(0).sqrt(),
    "math.sqrt takes no negative number": lambda: math.sqrt(-1),
    "between a forward pass and its backward()": backward_too_late,
    "one graph, one backward()": backward_twice,
    "through numpy no gradient comes back": lambda: A.numpy(),
    "take one number, and got several": lambda: float(torch.ones(3)),
    "and got several; torch has": lambda: math.log(np.ones(3)),
    "and got several": lambda: torch.ones(3).item(),
    "two shapes do not fit each other": lambda: torch.ones(3) + torch.ones(2),
    "two shapes do not fit": lambda: np.ones(3) + np.ones(2),
    "do not fill that shape": lambda: torch.ones(6).reshape(4, 2),
    "rows of another length": lambda: nn.Linear(2, 1)(torch.ones(1, 3)),
    "two types of numbers were mixed": lambda: torch.ones(2, 2) @ torch.ones(2, 2).double(),
    "something that it uses is None": lambda: nn.Linear(1, 1, bias=False).bias.zero_(),
    "the tensor has fewer axes": lambda: torch.ones(3).sum(1),
    ".float() first": lambda: torch.arange(3).mean(),
}


@pytest.mark.parametrize("meaning", ERRORS)
def test_torch_s_own_words_are_explained_and_kept(meaning):
    with pytest.raises(NotYet) as refused:
        call(lambda: ERRORS[meaning]() or 1, name="f")
    assert meaning in str(refused.value) and "f raised " in str(refused.value) and "\n" not in str(refused.value)


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize(
    "two",
    [
        2,
        2.0,
        np.int64(2),
        np.float32(2),
        fractions.Fraction(2),
        torch.tensor(2),
        torch.tensor([[2.0]]),
        2 + 0j,
        np.array([2]),
        torch.tensor(2.0, requires_grad=True),
    ],
)
def test_a_number_is_a_number_whoever_made_it(two):
    assert number(two) == 2
    assert isinstance(two, complex) or line(two, 3) == 2


@pytest.mark.parametrize(
    ("got", "fragment"),
    [
        (torch.ones(3), "a tensor of shape (3,)"), (np.ones((2, 1)), "an array of shape (2, 1)"), ([2], "list"),
        ("2", "'2'"), (True, "True"), (torch.tensor(True), "True"), (2j, "complex"), (10**400, "too large"),
        (torch.ones(3).max(0), "take .values"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_told_apart(got, fragment):
    with pytest.raises(NotYet, match="one number was expected") as refused:
        number(got)
    assert fragment in str(refused.value) and "missing" not in str(refused.value)


def test_only_what_is_known_to_be_missing_is_asked_for():
    with pytest.raises(NotYet, match="is the sum over modes missing"):
        number(torch.ones(3), reduce="the sum over modes")


@pytest.mark.parametrize(
    "got", [(1, 2), [1, 2.0], np.array([1, 2]), torch.tensor([1, 2]), (torch.tensor(1), np.int8(2))]
)
def test_two_numbers_may_come_in_anything_that_has_two(got):
    assert several(got, 2, "two numbers") == (1, 2)


@pytest.mark.parametrize("got", [1, (1,), (1, 2, 3), {1: 2}, "12", torch.tensor(1), torch.ones(2, 2)])
def test_other_things_are_not_two_numbers(got):
    with pytest.raises(NotYet):
        several(got, 2, "two numbers")
    with pytest.raises(NotAttempted):
        several((1, ...), 2, "two numbers")


# ---------------------------------------------------------------- typed answers


@pytest.mark.parametrize(
    "answers",
    [
        {"A": 1, "B": 2}, {"b": 2, "a": 1}, {"A": 1.0, "B": "2"}, {" a": " 1", "B ": np.int64(2)},
        {"A": torch.tensor(1), "B": np.array([2.0])},
    ],
)  # fmt: skip
def test_a_choice_may_be_written_in_many_ways(answers):
    assert choices(answers, "AB", (1, 2), "a number for each") == {"A": 1, "B": 2}
    matched(answers, {"A": 1, "B": 2}, "a number for each", {"A": "", "B": ""})


@pytest.mark.parametrize(
    ("answers", "fragment"),
    [
        ({1: "A", 2: "B"}, "the dict is turned round: its keys should be 'A' and 'B'"),
        ({"A": 1, "C": 2}, "'C' is none of 'A' and 'B'"),
        ({"A": 3}, "should be one of 1 and 2, but is 3"),
        ({"A": [1]}, "should be one of 1 and 2, but is [1]"),
        ({"A": 1.5}, "but is 1.5"),
        ({"A": True}, "but is True"),
        ({"A": torch.ones(40, 40)}, "but is tensor([["),
        ([1, 2], "a dict with a number for each was expected, but got list"),
    ],
)
def test_what_is_no_choice_is_told_why(answers, fragment):
    with pytest.raises(NotYet) as refused:
        choices(answers, "AB", (1, 2), "a number for each")
    assert fragment in str(refused.value) and "\n" not in str(refused.value)


def test_open_choices_stay_open():
    assert choices({"A": 1, "B": ...}, "AB", (1, 2), "a number") == {"A": 1, "B": ...}
    for nothing in ({}, {"A": ...}):
        with pytest.raises(NotAttempted):
            choices(nothing, "AB", (1, 2), "a number")
    truths = {"A": 1, "B": np.False_, "C": torch.tensor(True), "D": 0.0, "E": "true"}
    assert choices(truths, "ABCDE", (True, False), "a truth") == dict(A=True, B=False, C=True, D=False, E=True)
