"""Checkers of notebook 01: the best discriminator, both losses, and what is wrong with six famous sentences."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse.checks.framework import NotAttempted, NotYet, call, exercise, match_mistake, same_number, same_tensor

__all__ = [
    "discriminator_loss",
    "generator_loss",
    "js_from_d_loss",
    "optimal_discriminator",
    "slopes",
    "spot_the_mistake",
]

_REAL, _FAKE = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([-0.5, 1.5, -2.0])  # asymmetric on purpose
_MORE_REAL, _MORE_FAKE = torch.tensor([0.3, 3.0, -2.2, 0.0]), torch.tensor([0.7, -0.2, -3.1, 1.1])


# ---------------------------------------------------------------- exercise 1


@exercise("Exercise 1")
def optimal_discriminator(function: Callable[[Tensor, Tensor], Tensor]) -> str:
    """Check ``optimal_discriminator(p, q)``, the best answer for each outcome, p / (p + q).

    First met in: notebook 01.
    """
    coins = torch.tensor([0.7, 0.3], dtype=torch.float64), torch.tensor([0.2, 0.8], dtype=torch.float64)
    curve = (
        torch.tensor([0.05, 1.2, 0.3, 2.0, 0.4], dtype=torch.float64),
        torch.tensor([0.4, 0.1, 0.9, 2.0, 0.0], dtype=torch.float64),
    )
    for p, q in (curve, coins):
        got, wanted = call(function, p.clone(), q.clone()), p / (p + q)
        if same_tensor(got, wanted):
            continue
        for mistake, sentence in (
            (q / (p + q), "this is q / (p + q), the probability that the toss was *fake*; D answers for *real*"),
            (
                torch.full_like(p, 0.5),
                "1/2 everywhere is what D answers at the *end* of the game, when q = p; here the coins still differ",
            ),
            (
                (p > q).to(p.dtype),
                "1 and 0 are sure answers: one surprise then costs log 0 = −infinity. Pushing D to 1 on the real "
                "and to 0 on the fake is not the goal of the game; where both can occur, the best answer lies between",
            ),
            (p, "this is p alone: how often the forger makes this outcome (q) counts just as much"),
            (p / q, "p / q is a ratio and can exceed 1; a probability of *real* compares p with p + q"),
            (torch.log(p / q), "log(p / q) is the *logit* of the best answer; a sigmoid turns it into the answer"),
            (
                p - q,
                "p − q can be negative, so it is no probability; set the derivative of p log d + q log(1 − d) to 0",
            ),
            (
                p / (p.sum() + q.sum()),
                "you divided by the sum over *all* outcomes; each outcome has its own p + q, so use the whole tensors",
            ),
            (
                p / p.sum(),
                "you divided by the sum over *all* outcomes; each outcome has its own p + q, so use the whole tensors",
            ),
            (p / (p + q) * 2, "you divided by the mean of p and q; divide by their sum"),
        ):
            if torch.allclose(got.detach().to(mistake.dtype), mistake, rtol=1e-5, atol=1e-5):
                raise NotYet(sentence)
        where = int((got.detach().double() - wanted).abs().nan_to_num(nan=math.inf).argmax())
        raise NotYet(
            f"for p = {p[where]:g} and q = {q[where]:g} you answer {float(got[where]):.3f}, "
            f"but p log d + q log(1 − d) is largest at d = {float(wanted[where]):.3f}"
        )
    return "Every outcome by itself."


# ---------------------------------------------------------------- exercise 2


def _d_loss(real: Tensor, fake: Tensor) -> float:
    return float(F.softplus(-real).mean() + F.softplus(fake).mean())


def _d_mistakes(real: Tensor, fake: Tensor) -> list[tuple[float, str]]:
    d_real, d_fake = torch.sigmoid(real), torch.sigmoid(fake)
    log_real, log_not_fake, log_fake = (float(v.log().mean()) for v in (d_real, 1 - d_fake, d_fake))
    half = float(d_fake.mean()) / 2
    replaced = "log(1 − D) was replaced by something it is not, D / 2 or log ½. Try D = 0.1: log 0.9 is −0.105"
    return [
        (
            log_real + log_not_fake,
            "this is V itself. G minimises V; if D minimises it too, both pull the same way and D learns to call "
            "real fake. D *maximises* V, so its loss is −V",
        ),
        (
            -log_real,
            "the fake term is missing: without it D wins by calling everything real, its loss falls to 0, and it knows "
            "nothing about fakes",
        ),
        (-log_not_fake, "the real term is missing: without it D wins by calling everything fake"),
        (
            -float((1 - d_real).log().mean()) - log_fake,
            "real and fake have changed places: this loss is small when D calls the fakes real",
        ),
        (-log_real - log_fake, "both halves carry the label *real*; on fakes D is paid log(1 − D), not log D"),
        (-log_real + log_not_fake, "the fake term has the wrong sign: this pushes D(G(z)) *up*"),
        (log_real - log_not_fake, "the real term has the wrong sign: this pushes D(x) *down* on real data"),
        (
            0.5 * _d_loss(real, fake),
            "this is half of it: the mean over real and fake together. Here the two means are *added*, so the loss "
            "is exactly −V",
        ),
        (
            float(F.softplus(-real).sum() + F.softplus(fake).sum()),
            "this is the sum over the batch; take the mean, so that the loss does not grow with the batch size",
        ),
        (
            float(F.softplus(-d_real).mean() + F.softplus(d_fake).mean()),
            "the sigmoid was applied twice; functions named 'with_logits' apply it themselves",
        ),
        (-log_real - half, replaced),
        (-log_real + half, replaced),
        (-log_real - math.log(0.5), replaced),
        (-log_real + math.log(0.5), replaced),
        (
            float((fake - real).mean()),
            "this is the Wasserstein critic's loss: the scores are used as they are, with neither sigmoid nor log",
        ),
    ]


@exercise("Exercise 2")
def discriminator_loss(function: Callable[..., Tensor]) -> str:
    """Check ``discriminator_loss(real_logits, fake_logits)``, the loss −V that D minimises.

    First met in: notebook 01.
    """
    name = "discriminator_loss"
    for real, fake in ((_REAL, _FAKE), (_MORE_REAL, _MORE_FAKE)):
        got = call(function, name=name, real_logits=real.clone(), fake_logits=fake.clone())
        if same_number(got, _d_loss(real, fake)):
            continue
        _refuse_nan(got)
        match_mistake(got, _d_mistakes(real, fake))
        raise NotYet(_differs(got, _d_loss(real, fake), real=real, fake=fake))
    _needs_graph(function, name)
    real, fake = torch.tensor([-200.0, 3.0]), torch.tensor([200.0, -1.0])
    _survives_extremes(call(function, name=name, real_logits=real, fake_logits=fake), _d_loss(real, fake))
    return "It is −V, and it stays finite even where D is sure and wrong."


# ---------------------------------------------------------------- exercise 3


@exercise("Exercise 3")
def js_from_d_loss(function: Callable[[float], float]) -> str:
    """Check ``js_from_d_loss(d_loss)``, the JS divergence that the best discriminator's loss encodes.

    First met in: notebook 01.
    """
    log2 = math.log(2)
    for d_loss in (0.9, 1.25, 0.0, 2 * log2):
        got, wanted = call(function, d_loss), log2 - d_loss / 2
        if same_number(got, wanted):
            continue
        match_mistake(
            got,
            [
                (2 * log2 - d_loss, "this is *two* JS; −d_loss = V = 2 JS − log 4 has a 2 in front"),
                (d_loss / 2 - log2, "the sign is turned round: a divergence is never below 0"),
                (log2 + d_loss / 2, "d_loss is −V, not V: put V = −d_loss into V = 2 JS − log 4"),
                (d_loss / 2, "the constant log 4 is missing: equal densities give d_loss = 2 log 2 and JS = 0"),
                (-d_loss / 2, "the constant log 4 is missing: equal densities give d_loss = 2 log 2 and JS = 0"),
                (log2 - d_loss, "d_loss has to be halved as well: 2 JS = log 4 − d_loss"),
                (1 - d_loss / (2 * log2), "this is in bits; natural logarithms here, so JS ends at log 2 = 0.693"),
                (1 - d_loss / 2, "log 4 is 2 log 2 = 1.386 here, with natural logarithms, and not 2"),
            ],
        )
        raise NotYet(f"for d_loss = {d_loss:.4g} you return {float(got):.4f}; solve −d_loss = 2 JS − log 4 for JS")
    return "A loss of 2 log 2 means JS = 0; a loss of 0 means JS = log 2, its largest value."


# ---------------------------------------------------------------- exercise 4


@exercise("Exercise 4")
def slopes(function: Callable[[Tensor], tuple[Tensor, Tensor]]) -> str:
    """Check ``slopes(logit)``: the derivatives of log(1 − D) and of −log D against the logit.

    First met in: notebook 01.
    """
    logit = torch.tensor([-9.2, -3.0, -0.4, 0.0, 1.3, 6.0], dtype=torch.float64)
    got = call(function, logit.clone())
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        raise NotYet("two slopes were expected: return saturating, non_saturating")
    if got[0] is ... or got[1] is ...:
        raise NotAttempted
    d = torch.sigmoid(logit)
    wanted = (-d, -(1 - d))
    right = [same_tensor(g, w) for g, w in zip(got, wanted, strict=True)]
    if all(right):
        return "Two losses, two slopes."
    same = "the two losses share their best point but not their slope: they cannot have the same derivative"
    for first, second, sentence in (
        (
            wanted[1],
            wanted[0],
            "they are the wrong way round: log(1 − D) is flat where D(G(z)) is near *0*, that is, when the generator "
            "is bad; it is steep where D is near 1",
        ),
        (wanted[0], wanted[0], same),
        (wanted[1], wanted[1], same),
        (d, 1 - d, "the sizes are right but not the sign: both losses *fall* as the logit rises"),
        (
            -1 / (1 - d),
            -1 / d,
            "these are slopes against D. Against the *logit*, multiply by dD/dlogit = D (1 − D)",
        ),
        (1 / (1 - d), 1 / d, "these are slopes against D, and without the sign of one of them"),
        (-F.softplus(logit), F.softplus(-logit), "these are the two *losses*; their derivatives are wanted"),
    ):
        pairs = zip(got, (first, second), strict=True)
        if all(torch.allclose(mine.detach().double(), w, rtol=1e-5, atol=1e-7) for mine, w in pairs):
            raise NotYet(sentence)
    which = "saturating" if not right[0] else "non-saturating"
    mine, good = got[right.index(False)], wanted[right.index(False)]
    raise NotYet(
        f"the {which} slope at logit −3 is {float(mine[1]):.4f}, but should be {float(good[1]):.4f}; "
        "differentiate the loss by D, then multiply by D (1 − D)"
    )


# ---------------------------------------------------------------- exercise 5


def _g_loss(real: Tensor, fake: Tensor) -> float:
    return float(F.softplus(-fake).mean())


def _g_mistakes(real: Tensor, fake: Tensor) -> list[tuple[float, str]]:
    log_fake, log_not_fake = -float(F.softplus(-fake).mean()), -float(F.softplus(fake).mean())
    return [
        (
            -log_not_fake,
            "the sign is turned round: minimising −log(1 − D(G(z))) pushes D(G(z)) to 0, so G learns to be caught",
        ),
        (
            log_fake,
            "the sign is turned round: minimising +log D(G(z)) pushes D(G(z)) to 0, so G learns to be caught",
        ),
        (
            log_not_fake,
            "this is the *saturating* loss, log(1 − D). It has the same best point, but hardly any slope where D "
            "rejects the fakes: not the same loss",
        ),
        (
            -float(fake.mean()),
            "this is the Wasserstein loss: the bare score, with neither sigmoid nor log. It needs a critic with a "
            "Lipschitz bound; −log D(G(z)) is another thing, and no Wasserstein distance",
        ),
        (_d_loss(real, fake), "this is D's loss; with it G would help D to catch the fakes"),
        (
            float((torch.sigmoid(fake) - 0.5).square().mean()),
            "D(G(z)) = 1/2 is where the game ends, not what G pushes for: G pushes D(G(z)) up, D pushes back",
        ),
        (
            float(F.softplus(-fake).sum()),
            "this is the sum over the batch; take the mean, so that the loss does not grow with the batch size",
        ),
        (
            float(F.softplus(-torch.sigmoid(fake)).mean()),
            "the sigmoid was applied twice; functions named 'with_logits' apply it themselves",
        ),
    ]


@exercise("Exercise 5")
def generator_loss(function: Callable[..., Tensor]) -> str:
    """Check ``generator_loss(fake_logits, real_logits)``, the non-saturating loss that G minimises.

    First met in: notebook 01.
    """
    name = "generator_loss"
    for real, fake in ((_REAL, _FAKE), (_MORE_REAL, _MORE_FAKE)):
        got = call(function, name=name, fake_logits=fake.clone(), real_logits=real.clone())
        if same_number(got, _g_loss(real, fake)):
            continue
        _refuse_nan(got)
        match_mistake(got, _g_mistakes(real, fake))
        other = call(function, name=name, fake_logits=fake.clone(), real_logits=real + 1.0)
        if not same_number(other, float(got)):
            raise NotYet(
                "your loss changes with the real logits. G has no part in them: for G that term is a constant with "
                "gradient 0. It does no harm, but it says that G's loss was copied and not derived; leave it out"
            )
        raise NotYet(_differs(got, _g_loss(real, fake), fake=fake))
    _needs_graph(function, name)
    real, fake = torch.tensor([1.0, 2.0]), torch.tensor([-200.0, 3.0])
    extreme = call(function, name=name, fake_logits=fake, real_logits=real)
    _survives_extremes(extreme, _g_loss(real, fake))
    return "You used what you needed, and no more."


# ---------------------------------------------------------------- exercise 6

_CLAIMS: dict[str, tuple[int, str]] = {
    "A": (4, "no single D can be pushed to 1 and to 0 on the same points; ask what D answers once q = p"),
    "B": (6, "put D = 0.1 into both sides: log 0.9 is −0.105, and neither 0.05 nor −0.693"),
    "C": (1, "ask which weights of G appear in E log D(x): if none do, what is its gradient?"),
    "D": (2, "look at the two slopes at D(G(z)) = 0.0001: 0.0001 against 0.9999"),
    "E": (3, "look at the picture of the slopes again: where does log(1 − D) lie flat?"),
    "F": (5, "move two densities apart: the best D's loss stops at 0 and JS at log 2, while a distance goes on"),
    "G": (7, "check it: a D that always answers 1/2 has the loss 2 log 2, whatever the fakes look like"),
}


@exercise("Exercise 6")
def spot_the_mistake(answers: Mapping[str, int]) -> str:
    """Check the seven verdicts of *Spot the mistake*: a dictionary from claim, "A" to "G", to reason, 1 to 7.

    First met in: notebook 01.
    """
    if not isinstance(answers, Mapping):
        raise NotYet(f"a dictionary was expected, {{'A': 1, ...}}, but got {type(answers).__name__}")
    given: dict[str, Any] = {claim: answers.get(claim, ...) for claim in _CLAIMS}
    open_claims = [claim for claim, reason in given.items() if reason is ...]
    if len(open_claims) == len(_CLAIMS):
        raise NotAttempted
    for claim, reason in given.items():
        if reason is not ... and (isinstance(reason, bool) or reason not in range(1, 8)):
            raise NotYet(f"the reason for {claim} should be a number from 1 to 7, but is {reason!r}")
    wrong = [claim for claim, reason in given.items() if reason is not ... and reason != _CLAIMS[claim][0]]
    done = len(_CLAIMS) - len(wrong) - len(open_claims)
    if wrong:
        raise NotYet(f"{done} of 7 are right so far. Think again about {wrong[0]}: {_CLAIMS[wrong[0]][1]}")
    if open_claims:
        raise NotYet(f"{done} of 7 are right and the rest is open: {', '.join(open_claims)}")
    return "You read more carefully than five widely copied articles."


# ---------------------------------------------------------------- shared


def _refuse_nan(got: Any) -> None:
    value = float(got)
    if math.isnan(value):
        raise NotYet(
            "the result is not a number: a logit can be negative, and then it has no log. D is sigmoid(logit), "
            "and log D is −softplus(−logit)"
        )
    if math.isinf(value):
        raise NotYet("the result is infinite for ordinary logits: a log of 0 has crept in")


def _differs(got: Any, wanted: float, **logits: Tensor) -> str:
    given = " and ".join(
        f"{name} logits [{', '.join(f'{number:g}' for number in value.tolist())}]" for name, value in logits.items()
    )
    return f"for {given} it is {float(got):.4f}, but should be {wanted:.4f}"


def _needs_graph(function: Callable[..., Any], name: str) -> None:
    fake = _FAKE.clone().requires_grad_()
    got = call(function, name=name, fake_logits=fake, real_logits=_REAL.clone().requires_grad_())
    if not isinstance(got, Tensor) or not got.requires_grad:
        raise NotYet("the number is right, but it is cut off from the graph (.item(), .detach()?): nothing could learn")


def _survives_extremes(got: Any, wanted: float) -> None:
    if same_number(got, wanted, tolerance=1e-4):
        return
    raise NotYet(
        f"it is right for ordinary logits, but for a logit of 200 it gives {float(got):.4g} and not {wanted:.4g}: "
        "sigmoid has rounded to 0 or 1 before the log (and adding an epsilon only hides it). F.softplus does not round"
    )
