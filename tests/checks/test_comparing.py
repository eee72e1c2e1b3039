"""A mistake is named only where it is the one; what has no name is described truly; and a number needs its graph."""

import itertools
import math

import pytest
import torch

from gancourse.checks import comparing, nb00, nb01, nb02, nb03, nb04, nb05, nb06, nb07, nb08, nb09
from gancourse.checks.comparing import compare, flows, same, show
from gancourse.checks.framework import NotYet, several

CASES = [(1.0, 2.0), (3.0, 0.5), (-2.0, 4.0)]
MISTAKES = [(lambda a, b: a - b, "you subtract"), (lambda a, b: a * b, "you multiply")]


def said(function, right=lambda a, b: a + b, **changes):
    """Return what is said of a function, nothing if it is right."""
    settings = {"cases": CASES, "right": right, "mistakes": MISTAKES, "name": "f", "names": ("a", "b"), "told": None}
    try:
        compare(function, **(settings | changes))
    except NotYet as problem:
        return str(problem)
    return ""


def test_what_is_right_is_right_within_rounding():
    assert said(lambda a, b: a + b) == ""
    assert said(lambda a, b: torch.tensor(a + b + 1e-7)) == ""
    assert said(lambda a, b: a + b + 1e-3) != ""
    assert said(lambda a, b: a - b, right=(lambda a, b: a + b, lambda a, b: a - b)) == ""


def test_a_mistake_is_named_only_if_it_explains_every_answer():
    assert said(lambda a, b: a - b) == "you subtract"
    assert said(lambda a, b: a * b) == "you multiply"
    assert "do not tell which step went wrong" in said(lambda a, b: a * b if a == 3 else a - b)
    assert "subtract" not in said(lambda a, b: -1.0)  # the value of the mistake in the first case


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda a, b: -(a + b), "the sizes are right and the sign is not. For a = 1 and b = 2 you return -3, but it"),
        (lambda a, b: 2.5 * (a + b), "it is 2.5 times what it should be, every time"),
        (lambda a, b: a + b - 0.25, "it is too small by 0.25, every time"),
        (lambda a, b: 3.0, "you return the same for every input. For a = 3 and b = 0.5 you return 3, but"),
        (lambda a, b: a + b if a > 0 else math.nan, "NaN, not a number, came out. For a = -2 and b = 4 you return nan"),
        (lambda a, b: a + b if a > 0 else math.inf, "an infinite number came out. For a = -2 and b = 4"),
        (lambda a, b: a**2 + b, "they do not tell which step went wrong. For a = 3 and b = 0.5 you return 9.5"),
        (
            lambda a, b: 1 / (a - 3),
            "f raised ZeroDivisionError: float division by zero. That was for a = 3 and b = 0.5",
        ),
    ],
)
def test_what_has_no_name_is_described_as_it_is(function, words):
    assert words in said(function)


def test_of_several_parts_the_wrong_one_is_told():
    words = said(
        lambda a, b: (a, b, a - b),
        right=lambda a, b: (a, 2 * b, a + b),
        mistakes=[],
        read=lambda got: several(got, 3, "three"),
        parts=("one", "two", "three"),
    )
    assert words.startswith(
        "one is right, two not: it is 0.5 times what it should be, every time. For a = 1 and b = 2 "
    )
    assert "you return 2, but it should be 4" in words


def test_a_shape_is_part_of_the_answer():
    vector = {"cases": [(torch.ones(3), torch.ones(3))], "read": lambda got: got, "mistakes": []}
    assert said(lambda a, b: a + b, **vector) == ""
    assert said(lambda a, b: (a + b)[None], **vector) == "the shape should be (3,), but is (1, 3)"
    assert said(lambda a, b: (a + b).sum(), **vector) == "the shape should be (3,), but is ()"


def test_equal_is_told_from_unequal():
    assert same(1, 1.0) and same(torch.tensor(2), 2.0) and same((1, torch.ones(2)), (1.0, torch.ones(2).double()))
    assert same(math.nan, math.nan) and same(math.inf, math.inf) and same(1j, torch.tensor(1j))
    assert not same(1, 1.1) and not same(math.nan, 1) and not same((1, 2), (1,)) and not same(math.inf, -math.inf)
    assert not same(torch.ones(2, 3), torch.ones(3, 2)) and not same(torch.ones(3), 1.0)


def test_numbers_are_written_briefly():
    assert show(torch.arange(9.0)) == "(0, 1, 2, 3, 4, 5, …)"
    assert show((0.123456, 2, 1 - 2j)) == "(0.1235, 2, 1-2i)"


# ---------------------------------------------------------------- gradients


@pytest.mark.parametrize(
    ("formula", "fragment"),
    [
        (lambda a, b: (a * b).sum(), ""),
        (lambda a, b: (a * b).double().sum(), ""),
        (lambda a, b: (a * b).sum().item(), "cut off from the graph"),
        (lambda a, b: (a * b).sum().detach(), "cut off from the graph"),
        (lambda a, b: (a * b.detach()).sum(), "no gradient comes back to b (detached?): nothing moves"),
        (lambda a, b: torch.tensor((a * b).sum().item(), requires_grad=True), "no gradient comes back to a"),
        (
            lambda a, b: (a * b).sum() / 2 + (a * b).sum().detach() / 2,
            "its gradient by a is (0.5, 1) instead of (1, 2)",
        ),
    ],
)
def test_no_part_of_a_number_may_be_without_gradient(formula, fragment):
    a, b = torch.tensor([1.0, 3.0], requires_grad=True), torch.tensor([1.0, 2.0], requires_grad=True)
    if not fragment:
        return flows(formula(a, b), (a * b).sum(), {"a": a, "b": b}, otherwise="nothing moves")
    with pytest.raises(NotYet) as refused:
        flows(formula(a, b), (a * b).sum(), {"a": a, "b": b}, otherwise="nothing moves")
    assert fragment in str(refused.value)


# ---------------------------------------------------------------- the tables of all notebooks


def half(points, size):
    return points.reshape(len(points) // size, -1)


ANSWERS = {
    nb01.optimal_discriminator: lambda p, q: p / (p + q),
    nb01.discriminator_loss: lambda r, f: 0.0,
    nb01.generator_loss: lambda f, r: 0.0,
    nb01.js_from_d_loss: lambda d: 0.0,
    nb01.slopes: lambda logit: (logit, logit),
    nb02.wasserstein_by_sorting: lambda a, b: 0.0,
    nb03.field_xy: lambda x, y: (1, 1),
    nb03.turn_and_stretch: lambda mu: (1, 1),
    nb03.step_eigenvalues: lambda g, eta: (1, 1),
    nb03.critical_gamma: lambda eta: 0.0,
    nb03.extragradient_step: lambda v, s, eta: s,
    nb04.covered: lambda p, c, s: 0,
    nb04.reverse_kl: lambda q, p: 0.0,
    nb05.minibatch_std: lambda p: p * 7,
    nb05.r1_term: lambda D, x, y, g: 0.0,
    nb05.sign_flip: lambda a, b: 0.0,
    nb06.frechet_1d: lambda a, b: 0.0,
    nb06.slerp: lambda a, b, t: a,
    nb07.output_size: lambda n, k, s, p: 0,
    nb08.programme: lambda x, p, q: (
        torch.zeros(len(x) ** 2),
        torch.zeros(2 * len(x), len(x) ** 2),
        torch.zeros(2 * len(x)),
    ),
    nb08.critic_losses: lambda r, f: (f.mean() - r.mean(), -f.mean(), r.mean() - f.mean()),
    nb08.steepest_slope: lambda c, p: 0.0,
    nb09.gradient_penalty: nb09._penalty(),
    nb09.weight_for: lambda w, x: 0.0,
}
TWO_ANSWERS = {
    nb03.maximiser_first: (lambda x, y, eta: (1, 1), lambda *_: 1),
    nb05.packing: (half, lambda D, r, f, n: D(half(r, n)).sum() + D(half(f, n)).sum()),
}


@pytest.mark.parametrize("checker", [*ANSWERS, *TWO_ANSWERS], ids=lambda c: f"{c.__module__[-2:]}-{c.__name__}")
def test_every_known_mistake_has_a_case_in_which_only_it_comes_out(monkeypatch, checker):
    """No mistake gives the right values in all cases, and no two that are told apart give the same ones."""
    tables = []

    def settle(answers, cases, right, mistakes=(), **settings):
        tables.append((cases, right, mistakes))
        return original(answers, cases, right, mistakes, **settings)

    original = comparing.settle
    for module in (comparing, nb05, nb08):
        monkeypatch.setattr(module, "settle", settle)
    checker(*TWO_ANSWERS.get(checker, (ANSWERS.get(checker),)))
    assert tables and max(len(mistakes) for *_, mistakes in tables) >= 5
    for cases, right, mistakes in tables:
        for formula in [right] if callable(right) else right:
            wanted = [formula(*case) for case in cases]
            for mistake, sentence in mistakes:
                assert not same([mistake(*case) for case in cases], wanted), sentence
        values = [([mistake(*case) for case in cases], sentence) for mistake, sentence in mistakes]
        for (one, first), (other, second) in itertools.combinations(values, 2):
            assert first == second or not same(one, other), (first, second)


@pytest.mark.parametrize("module", [nb00, nb01, nb02, nb03, nb04, nb05, nb06, nb07, nb08, nb09])
def test_no_checker_keeps_what_it_was_given(module, capsys):
    """A checker that is asked twice says the same, whatever the first answer did to what it was handed."""
    for name in module.__all__:
        checker = getattr(module, name)
        if checker not in ANSWERS:
            continue

        def spoiling(*args, checker=checker):
            made = ANSWERS[checker](*args)
            for arg in args:
                if isinstance(arg, torch.Tensor):
                    arg.zero_() if arg.is_floating_point() and not arg.requires_grad else None
            return made

        checker(ANSWERS[checker])
        before = capsys.readouterr().out
        checker(spoiling)
        capsys.readouterr()
        checker(ANSWERS[checker])
        assert capsys.readouterr().out == before
