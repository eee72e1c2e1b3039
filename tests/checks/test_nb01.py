"""The checkers of notebook 01 accept what is right and say which mistake was made."""

import math

import pytest
import torch
import torch.nn.functional as F

from gancourse import losses
from gancourse.checks import nb01
from gancourse.checks.framework import ExerciseFailed
from verdicts import accepts, rejects, verdict

REAL, FAKE = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([-0.5, 1.5, -2.0])


@pytest.mark.parametrize(
    "checker",
    [
        nb01.optimal_discriminator,
        nb01.discriminator_loss,
        nb01.js_from_d_loss,
        nb01.slopes,
        nb01.generator_loss,
    ],
)
def test_stubs_are_not_attempted_and_nonsense_never_raises(capsys, checker):
    def stub(*args, **kwargs):
        return ...

    assert "not attempted" in verdict(capsys, checker, stub)
    assert "not attempted" in verdict(capsys, checker, ...)
    with pytest.raises(ExerciseFailed):
        checker(stub, strict=True)
    for nonsense in (None, 3, "text", lambda *a, **k: None, lambda *a, **k: 1 / 0, lambda: 1, lambda *a, **k: "p"):
        assert "not yet, because" in verdict(capsys, checker, nonsense)


# ---------------------------------------------------------------- exercise 1


@pytest.mark.parametrize(
    "answer",
    [
        lambda p, q: p / (p + q),
        lambda p, q: 1 / (1 + q / p),
        lambda p, q: torch.sigmoid(p.log() - q.log()),
        lambda p, q: p.clone().div_(p + q),
    ],
)
def test_best_answer_is_accepted(capsys, answer):
    accepts(capsys, nb01.optimal_discriminator, answer)


@pytest.mark.parametrize(
    ("answer", "fragment"),
    [
        (lambda p, q: q / (p + q), "probability that the toss was *fake*"),
        (lambda p, q: torch.full_like(p, 0.5), "1/2 everywhere is what D answers at the *end*"),
        (lambda p, q: (p > q).double(), "Pushing D to 1 on the real and to 0 on the fake is not the goal"),
        (lambda p, q: p, "this is p alone"),
        (lambda p, q: p / q, "a ratio and can exceed 1"),
        (lambda p, q: (p / q).log(), "is the *logit* of the best answer"),
        (lambda p, q: p - q, "can be negative"),
        (lambda p, q: p / (p.sum() + q.sum()), "sum over *all* outcomes"),
        (lambda p, q: p / (p + q).mean(), "you return (0.03401, 0.8163, 0.2041, 1.361, 0.2721)"),
        (lambda p, q: 2 * p / (p + q), "divided by the mean of p and q"),
        (lambda p, q: p.div_(p + q), "changes p, which it was given"),
        (lambda p, q: (p / (p + q)).sum(), "the shape should be (5,)"),
        (lambda p, q: [0.7, 0.2], "a tensor was expected, but got list"),
        (lambda p, q: p**2 / (p**2 + q**2), "the densities are squared"),
    ],
)
def test_wrong_best_answers_are_named(capsys, answer, fragment):
    rejects(capsys, nb01.optimal_discriminator, answer, fragment=fragment)


# ---------------------------------------------------------------- exercise 2


def bce(logits, label):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def from_probabilities(real_logits, fake_logits):
    return -(torch.sigmoid(real_logits).log().mean() + (1 - torch.sigmoid(fake_logits)).log().mean())


@pytest.mark.parametrize(
    "answer",
    [
        lambda real_logits, fake_logits: F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean(),
        lambda real_logits, fake_logits: bce(real_logits, 1.0) + bce(fake_logits, 0.0),
        lambda real_logits, fake_logits: -F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean(),
        losses.minimax_discriminator_loss,
    ],
)
def test_discriminator_loss_is_accepted(capsys, answer):
    accepts(capsys, nb01.discriminator_loss, answer)


def log_d(logits):
    return F.logsigmoid(logits).mean()


def log_not_d(logits):
    return F.logsigmoid(-logits).mean()


D_MUTANTS = {
    "both minimise V": (lambda r, f: log_d(r) + log_not_d(f), "which D *maximises*, so its loss is −V"),
    "no fake term": (lambda r, f: -log_d(r), "the fake term is missing"),
    "no real term": (lambda r, f: -log_not_d(f), "the real term is missing"),
    "swapped": (lambda r, f: F.softplus(-f).mean() + F.softplus(r).mean(), "have changed places"),
    "same labels": (lambda r, f: -log_d(r) - log_d(f), "carry the same label, *real*"),
    "fake sign": (lambda r, f: -log_d(r) + log_not_d(f), "the fake term has the wrong sign"),
    "real sign": (lambda r, f: log_d(r) - log_not_d(f), "the real term has the wrong sign"),
    "half": (lambda r, f: -(log_d(r) + log_not_d(f)) / 2, "this is half of it"),
    "one batch": (
        lambda r, f: F.binary_cross_entropy_with_logits(
            torch.cat([r, f]), torch.tensor([1.0] * len(r) + [0.0] * len(f))
        ),
        "this is half of it",
    ),
    "sum": (lambda r, f: F.softplus(-r).sum() + F.softplus(f).sum(), "this is the sum over the batch"),
    "no mean": (lambda r, f: F.softplus(-r) + F.softplus(f), "is a mean missing?"),
    "sigmoid twice": (lambda r, f: bce(r.sigmoid(), 1.0) + bce(f.sigmoid(), 0.0), "the sigmoid was applied twice"),
    "no sigmoid": (lambda r, f: -(r.log().mean() + (1 - f).log().mean()), "a logit can be negative"),
    "D / 2": (lambda r, f: -log_d(r) - (f.sigmoid() / 2).mean(), "was replaced by something it is not"),
    "minus D / 2": (lambda r, f: -log_d(r) + (f.sigmoid() / 2).mean(), "was replaced by something it is not"),
    "log 1/2": (lambda r, f: -log_d(r) - math.log(0.5), "was replaced by something it is not"),
    "plus log 1/2": (lambda r, f: -log_d(r) + math.log(0.5), "was replaced by something it is not"),
    "wasserstein": (lambda r, f: f.mean() - r.mean(), "the Wasserstein critic's loss"),
    "item": (lambda r, f: (-log_d(r) - log_not_d(f)).item(), "cut off from the graph"),
    "detached": (lambda r, f: (-log_d(r) - log_not_d(f)).detach(), "cut off from the graph"),
    "rounds to log 0": (from_probabilities, "for a logit of 200 it gives inf and not"),
    "epsilon": (
        lambda r, f: -((r.sigmoid() + 1e-8).log().mean() + (1 - f.sigmoid() + 1e-8).log().mean()),
        "an epsilon only hides it",
    ),
    "clamped BCE": (
        lambda r, f: (
            F.binary_cross_entropy(r.sigmoid(), torch.ones(len(r)))
            + F.binary_cross_entropy(f.sigmoid(), torch.zeros(len(f)))
        ),
        "for a logit of 200 it gives",
    ),
    "something else": (lambda r, f: -log_d(r) - 0.5 * log_not_d(f), "you return 1.022, but it should be 1.406"),
}


@pytest.mark.parametrize(("formula", "fragment"), D_MUTANTS.values(), ids=D_MUTANTS)
def test_wrong_discriminator_losses_are_named(capsys, formula, fragment):
    def answer(real_logits, fake_logits):
        return formula(real_logits, fake_logits)

    rejects(capsys, nb01.discriminator_loss, answer, fragment=fragment)


# ---------------------------------------------------------------- exercise 3


def test_js_from_d_loss_is_accepted(capsys):
    accepts(capsys, nb01.js_from_d_loss, lambda d_loss: math.log(2) - d_loss / 2)
    accepts(capsys, nb01.js_from_d_loss, lambda d_loss: torch.tensor((math.log(4) - d_loss) / 2))


@pytest.mark.parametrize(
    ("answer", "fragment"),
    [
        (lambda d_loss: math.log(4) - d_loss, "*two* JS"),
        (lambda d_loss: d_loss / 2 - math.log(2), "a divergence is never below 0"),
        (lambda d_loss: math.log(2) + d_loss / 2, "d_loss is −V, not V"),
        (lambda d_loss: d_loss / 2, "the constant log 4 is missing"),
        (lambda d_loss: -d_loss / 2, "the constant log 4 is missing"),
        (lambda d_loss: math.log(2) - d_loss, "d_loss has to be halved"),
        (lambda d_loss: 1 - d_loss / math.log(4), "in bits"),
        (lambda d_loss: 1 - d_loss / 2, "log 4 is 2 log 2"),
        (lambda d_loss: 0.1, "for every input"),
    ],
)
def test_wrong_readings_of_js_are_named(capsys, answer, fragment):
    rejects(capsys, nb01.js_from_d_loss, answer, fragment=fragment)


# ---------------------------------------------------------------- exercise 4


def by_autograd(logit):
    logit = logit.requires_grad_()
    return tuple(torch.autograd.grad(y.sum(), logit)[0] for y in (-F.softplus(logit), F.softplus(-logit)))


def test_slopes_are_accepted(capsys):
    accepts(capsys, nb01.slopes, lambda logit: (-logit.sigmoid(), logit.sigmoid() - 1))
    accepts(capsys, nb01.slopes, by_autograd)


@pytest.mark.parametrize(
    ("pair", "fragment"),
    [
        (lambda d: (d - 1, -d), "wrong way round: log(1 − D) is flat where D(G(z)) is near *0*"),
        (lambda d: (-d, -d), "they cannot have the same derivative"),
        (lambda d: (d - 1, d - 1), "they cannot have the same derivative"),
        (lambda d: (d, 1 - d), "not the sign: both losses *fall*"),
        (lambda d: (-1 / (1 - d), -1 / d), "slopes with respect to D. With respect to the *logit*"),
        (lambda d: (1 / (1 - d), 1 / d), "slopes with respect to D, and without the sign"),
        (lambda d: ((1 - d).log(), -d.log()), "these are the two *losses*"),
        (lambda d: (-d, -d * (1 - d)), "the slope of log(1 − D) is right, the slope of −log D not"),
        (lambda d: (-d * (1 - d), d - 1), "the slope of −log D is right, the slope of log(1 − D) not"),
        (lambda d: -d, "were expected, but got 6"),
        (lambda d: (-d.mean(), d - 1), "the shape should be (6,)"),
    ],
)
def test_wrong_slopes_are_named(capsys, pair, fragment):
    rejects(capsys, nb01.slopes, lambda logit: pair(logit.sigmoid()), fragment=fragment)


def test_half_written_slopes_are_not_attempted(capsys):
    assert "not attempted" in verdict(capsys, nb01.slopes, lambda logit: (..., ...))
    assert "not attempted" in verdict(capsys, nb01.slopes, lambda logit: (-logit.sigmoid(), ...))


# ---------------------------------------------------------------- exercise 5


@pytest.mark.parametrize(
    "answer",
    [
        lambda fake_logits, real_logits: F.softplus(-fake_logits).mean(),
        lambda fake_logits, real_logits: bce(fake_logits, 1.0),
        lambda fake_logits, real_logits: losses.non_saturating_generator_loss(fake_logits=fake_logits),
    ],
)
def test_generator_loss_is_accepted(capsys, answer):
    accepts(capsys, nb01.generator_loss, answer)


CONSTANT = "in which G has no part"
G_MUTANTS = {
    "minus log(1 - D)": (lambda f, r: -log_not_d(f), "minimising −log(1 − D(G(z))) pushes D(G(z)) to 0"),
    "plus log D": (lambda f, r: log_d(f), "minimising +log D(G(z)) pushes D(G(z)) to 0"),
    "saturating": (lambda f, r: log_not_d(f), "this is the *saturating* loss"),
    "real term": (lambda f, r: log_d(r) - log_d(f), CONSTANT),
    "minus real term": (lambda f, r: -log_d(r) - log_d(f), CONSTANT),
    "all of V": (lambda f, r: log_d(r) + log_not_d(f), CONSTANT),
    "relativistic": (lambda f, r: F.softplus(r - f).mean(), CONSTANT),
    "wasserstein": (lambda f, r: -f.mean(), "no Wasserstein distance"),
    "D's loss": (lambda f, r: -log_d(r) - log_not_d(f), "this is D's loss"),
    "towards 1/2": (lambda f, r: (f.sigmoid() - 0.5).square().mean(), "is where the game ends"),
    "sum": (lambda f, r: F.softplus(-f).sum(), "this is the sum over the batch"),
    "no mean": (lambda f, r: F.softplus(-f), "is a mean missing?"),
    "sigmoid twice": (lambda f, r: bce(f.sigmoid(), 1.0), "the sigmoid was applied twice"),
    "no sigmoid": (lambda f, r: -f.log().mean(), "a logit can be negative"),
    "detached": (lambda f, r: F.softplus(-f.detach()).mean(), "cut off from the graph"),
    "rounds to log 0": (lambda f, r: -f.sigmoid().log().mean(), "for a logit of 200 it gives inf"),
    "something else": (lambda f, r: 2 * F.softplus(-f).mean(), "2 times what it should be, every time"),
}


@pytest.mark.parametrize(("formula", "fragment"), G_MUTANTS.values(), ids=G_MUTANTS)
def test_wrong_generator_losses_are_named(capsys, formula, fragment):
    def answer(fake_logits, real_logits):
        return formula(fake_logits, real_logits)

    rejects(capsys, nb01.generator_loss, answer, fragment=fragment)


# ---------------------------------------------------------------- exercise 6

RIGHT = {"i": 4, "ii": 6, "iii": 1, "iv": 2, "v": 3, "vi": 5, "vii": 7}


def test_seven_right_verdicts_are_accepted(capsys):
    accepts(capsys, nb01.spot_the_mistake, RIGHT)


def test_every_wrong_verdict_gets_its_own_sentence(capsys):
    sentences = set()
    for claim, reason in RIGHT.items():
        for wrong in set(range(1, 8)) - {reason}:
            said = verdict(capsys, nb01.spot_the_mistake, RIGHT | {claim: wrong})
            assert f"6 of 7 are right so far. Think again about {claim}: " in said
        sentences.add(said.split(": ")[-1])
    assert len(sentences) == 7


def test_open_verdicts_are_counted(capsys):
    stub = dict.fromkeys(RIGHT, ...)
    assert "not attempted" in verdict(capsys, nb01.spot_the_mistake, stub)
    some = stub | {"ii": 6, "vii": 7}
    rejects(capsys, nb01.spot_the_mistake, some, fragment="2 of 7 are right and the rest is open: i, iii, iv, v, vi")
    rejects(capsys, nb01.spot_the_mistake, {"i": 4}, fragment="1 of 7 are right and the rest is open")
    rejects(capsys, nb01.spot_the_mistake, RIGHT | {"i": 9}, fragment="one of 1, 2, 3, 4, 5, 6 and 7, but is 9")
    rejects(capsys, nb01.spot_the_mistake, RIGHT | {"iii": True}, fragment="but is True")
    rejects(capsys, nb01.spot_the_mistake, [4, 6], fragment="a dict with a number from 1 to 7 for each claim")


# ---------------------------------------------------------------- other people's ways


@pytest.mark.parametrize("part", ["real", "fake"])
@pytest.mark.parametrize("cut", [torch.Tensor.detach, lambda value: value.item()])
def test_each_half_of_d_s_loss_needs_its_gradient(capsys, part, cut):
    def answer(real_logits, fake_logits):
        halves = {"real": F.softplus(-real_logits).mean(), "fake": F.softplus(fake_logits).mean()}
        halves[part] = cut(halves[part])
        return halves["real"] + halves["fake"]

    rejects(capsys, nb01.discriminator_loss, answer, fragment=f"no gradient comes back to {part}_logits")


def test_other_forms_of_right_answers(capsys):
    accepts(capsys, nb01.discriminator_loss, lambda r, f: (F.softplus(-r.double()) + F.softplus(f.double())).mean())
    accepts(
        capsys, nb01.optimal_discriminator, lambda p, q: torch.stack([a / (a + b) for a, b in zip(p, q, strict=True)])
    )
    accepts(capsys, nb01.optimal_discriminator, lambda p, q: p.numpy() / (p.numpy() + q.numpy()))
    accepts(capsys, nb01.slopes, lambda logit: torch.stack([-logit.sigmoid(), logit.sigmoid() - 1]))
    accepts(capsys, nb01.spot_the_mistake, {claim.upper(): float(reason) for claim, reason in reversed(RIGHT.items())})
    accepts(capsys, nb01.spot_the_mistake, {claim: str(reason) for claim, reason in RIGHT.items()})
    rejects(capsys, nb01.spot_the_mistake, {reason: claim for claim, reason in RIGHT.items()}, fragment="turned round")
    rejects(capsys, nb01.slopes, lambda logit: (-logit.sigmoid(), 1 - logit.sigmoid()), fragment="the sign is not")


def test_a_difference_over_a_sum_is_no_probability(capsys):
    rejects(capsys, nb01.optimal_discriminator, lambda p, q: (p - q) / (p + q), fragment="lies between −1 and 1")


def test_what_is_nearly_right_is_said_to_be(capsys):
    answer = lambda p, q: p / (p + q + 1e-2)  # noqa: E731
    rejects(capsys, nb01.optimal_discriminator, answer, fragment="off by less than 3%, so the idea is right")
