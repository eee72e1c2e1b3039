"""Checkers of notebook 02: both updates, a distance by sorting, three sick runs, and one to repair.

The updates are judged by what they do: the checker hands over two networks and a plain SGD
optimiser, and compares how the weights moved with how the right update, and each likely wrong
one, would have moved them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from gancourse import runtime
from gancourse.checks.framework import NotAttempted, NotYet, call, exercise, match_mistake, same_number
from gancourse.data import toy
from gancourse.metrics.transport import wasserstein_1d
from gancourse.models import mlp

__all__ = ["d_step", "diagnosis", "g_step", "repaired_run", "wasserstein_by_sorting"]

_LR, _BATCH, _LATENT = 0.05, 16, 3
Loss = Callable[[Tensor, Tensor], Tensor]  # of real logits and fake logits


def _softplus(logits: Tensor) -> Tensor:
    return F.softplus(logits).mean()


def _d_loss(real: Tensor, fake: Tensor) -> Tensor:
    return _softplus(-real) + _softplus(fake)


def _g_loss(real: Tensor, fake: Tensor) -> Tensor:
    return _softplus(-fake)


_SIGMOID_TWICE = (
    "the sigmoid was applied twice (yours, and the one inside the loss): '...with_logits' wants the raw scores. "
    "The loss then never leaves a narrow band and its gradients are squashed"
)
_ARGUMENTS_SWAPPED = (
    "the arguments of the cross-entropy are swapped: the scores come first, the labels second. "
    "Swapped, the loss is a straight line in the scores and can fall for ever"
)
_STEP_TOO_EARLY = (
    "weights were changed between a forward pass and its backward(): step() comes after backward(), and D's scores of "
    "the fakes are computed anew once D has moved. Order: zero_grad(), backward(), step()"
)
_D_MISTAKES: list[tuple[Loss, str]] = [
    (
        lambda r, f: _softplus(-r) + _softplus(-f),
        "real and fake carry the same label, *real*: D learns nothing about fakes. Fakes are labelled 0",
    ),
    (
        lambda r, f: _softplus(r) + _softplus(f),
        "real and fake carry the same label, *fake*: D learns nothing about real data. Real data is labelled 1",
    ),
    (
        lambda r, f: _softplus(r) + _softplus(-f),
        "the labels are swapped: this D learns to call the fakes real. Real data is labelled 1, fakes 0",
    ),
    (
        lambda r, f: -_d_loss(r, f),
        "D moved *up* its loss. Your loss has the sign of V, which D maximises; an optimiser minimises, so use −V",
    ),
    (
        lambda r, f: _softplus(-r),
        "the fake term is missing: D wins by calling everything real, and its scores say nothing about fakes",
    ),
    (lambda r, f: _softplus(f), "the real term is missing: D wins by calling everything fake"),
    (lambda r, f: _softplus(-r) - _softplus(f), "the fake term has the wrong sign: add the two terms"),
    (lambda r, f: _softplus(-r.sigmoid()) + _softplus(f.sigmoid()), _SIGMOID_TWICE),
    (lambda r, f: -r.mean(), _ARGUMENTS_SWAPPED),
    (
        lambda r, f: 0.5 * _d_loss(r, f),
        "the step is half as long as it should be: the mean over real and fake together is half of d_loss. "
        "Here the two means are *added*, so that d_loss = −V",
    ),
    (
        lambda r, f: len(r) * _d_loss(r, f),
        "you took the sum over the batch; take the mean, so that the step does not grow with the batch",
    ),
]
_G_MISTAKES: list[tuple[Loss, str]] = [
    (
        lambda r, f: _softplus(f),
        "G is trained towards the label 0, so it learns to be recognised as fake. G wants the answer *real*: label 1",
    ),
    (
        lambda r, f: -_softplus(-f),
        "the sign is wrong: this step makes E log D(G(z)) smaller. G wants D(G(z)) to *rise*, so its loss is −log D",
    ),
    (
        lambda r, f: -_softplus(f),
        "this is the saturating loss, log(1 − D): the right direction, but flat where D rejects the fakes. "
        "The exercise asks for the non-saturating one: cross-entropy of the fakes with the label 1",
    ),
    (lambda r, f: _softplus(-f.sigmoid()), _SIGMOID_TWICE),
    (lambda r, f: -f.mean(), _ARGUMENTS_SWAPPED),
    (
        lambda r, f: len(f) * _softplus(-f),
        "you took the sum over the batch; take the mean, so that the step does not grow with the batch",
    ),
]


# ---------------------------------------------------------------- exercises 1 and 2: the two updates


class _Scene:
    """Two networks in mid-training, with old gradients lying about, and one batch."""

    def __init__(self) -> None:
        with runtime.seeded(2):
            self.generator = mlp.Generator(latent_dim=_LATENT, data_dim=1, hidden=8)
            self.discriminator = mlp.Discriminator(data_dim=1, hidden=8)
            with torch.no_grad():
                for weights in self.discriminator.parameters():
                    weights.mul_(2.5)  # scores far enough from 0 that every loss moves it differently
            self.real = 1.5 + torch.randn(_BATCH, 1)
            self.z = torch.randn(_BATCH, _LATENT)
            for weights in (*self.generator.parameters(), *self.discriminator.parameters()):
                weights.grad = 0.1 * torch.randn_like(weights)
        self.before = {player: _flat(getattr(self, player)) for player in ("generator", "discriminator")}
        self.stale = {player: _flat_grad(getattr(self, player)) for player in self.before}

    def _as_before(self) -> tuple[nn.Module, nn.Module]:
        """Return copies of both networks with the weights they had before the step."""
        copies = _copy(self.generator), _copy(self.discriminator)
        for network, weights in zip(copies, self.before.values(), strict=True):
            nn.utils.vector_to_parameters(weights, network.parameters())
        return copies

    def gradient(self, player: str, loss: Loss) -> Tensor:
        """Return what ``loss`` would have given one player's weights as gradient."""
        generator, discriminator = self._as_before()
        value = loss(discriminator(self.real), discriminator(generator(self.z)))
        return _gradient(value, generator if player == "generator" else discriminator)

    def value(self, loss: Loss) -> float:
        generator, discriminator = self._as_before()
        with torch.no_grad():
            return float(loss(discriminator(self.real), discriminator(generator(self.z))))

    def moved(self, player: str) -> Tensor:
        """Return how far a player's weights moved, in units of the learning rate: minus a gradient."""
        return (self.before[player] - _flat(getattr(self, player))) / _LR


def _update(function: Any, name: str, player: str, right: Loss, mistakes: list[tuple[Loss, str]]) -> _Scene:
    """Run one update of ``player`` and refuse it, by name of the mistake, unless it is the right one."""
    other = "generator" if player == "discriminator" else "discriminator"
    initial = "D" if player == "discriminator" else "G"
    scene = _Scene()
    optimiser = torch.optim.SGD(getattr(scene, player).parameters(), lr=_LR)
    batch = (scene.real, scene.z) if player == "discriminator" else (scene.z,)
    with _watched(scene.generator, scene.discriminator, [scene.real]) as seen:
        try:
            returned = call(function, scene.generator, scene.discriminator, optimiser, *batch, name=name)
        except NotYet as problem:
            raise NotYet(_with_hint(str(problem), scene)) from problem

    if bool(scene.moved(other).abs().max() > 0):
        raise NotYet(f"your {initial} step also moved the {other}; only {initial}'s own optimiser may step here")
    if not any(feed.network == "discriminator" for feed in seen.feeds):
        raise NotYet("the discriminator was never called")
    if not any(feed.network == "generator" and _same(feed.rows, scene.z) for feed in seen.feeds):
        raise NotYet("the generator was not called on the z that your function is given")
    moved, gradient = scene.moved(player), _flat_grad(getattr(scene, player))
    for loss, sentence in [(right, ""), *mistakes]:
        wanted = scene.gradient(player, loss)
        if _close(moved, wanted):
            if sentence:
                raise NotYet(sentence)
            break
        if _close(moved, wanted + scene.stale[player]):
            raise NotYet(
                "gradients of an earlier step are still in there and were added to the new ones: "
                f"{initial.lower()}_optimiser.zero_grad() comes before backward()"
            )
    else:
        _explain_move(scene, seen, player, initial, moved, gradient)
    _check_returned(returned, scene, name, right, mistakes)
    return scene


def _explain_move(scene: _Scene, seen: _Watch, player: str, initial: str, moved: Tensor, gradient: Tensor) -> None:
    optimiser = f"{initial.lower()}_optimiser"
    fakes = [feed for feed in seen.feeds if feed.network == "discriminator" and feed.source == "fake"]
    detached = player == "generator" and not any(feed.attached for feed in fakes)
    if detached and (bool((gradient == 0).all()) or _close(gradient, scene.stale[player])):
        raise NotYet(
            "no gradient reached G: the fakes were detached (or made under no_grad). "
            "In G's step the gradient must flow through D *into* G, so nothing is detached here"
        )
    if bool((moved == 0).all()):
        if _close(gradient, scene.stale[player]):
            raise NotYet(f"{initial} did not move: neither backward() nor {optimiser}.step() was called")
        if bool((gradient == 0).all()):
            raise NotYet(
                f"{initial}'s gradients were gone when {optimiser}.step() came: zero_grad() goes before backward()"
            )
        raise NotYet(f"{initial} did not move: {optimiser}.step() is missing, or comes before backward()")
    if _close(moved, scene.stale[player]):
        raise NotYet(
            f"{initial} moved by the gradients of an earlier step only: backward() was not called before step()"
        )
    raise NotYet(
        f"{initial}'s weights did not move as one descent of {initial.lower()}_loss moves them. "
        "Use the batch you are given, once, and step once"
    )


def _check_returned(returned: Any, scene: _Scene, name: str, right: Loss, mistakes: list[tuple[Loss, str]]) -> None:
    wanted = scene.value(right)
    if same_number(returned, wanted, tolerance=1e-4):
        return
    initial = name[0]
    match_mistake(
        returned,
        [
            (scene.value(loss), f"the update is right, but the number you return is not {initial}_loss: {sentence}")
            for loss, sentence in mistakes
        ],
        tolerance=1e-4,
    )
    raise NotYet(f"the update is right, but {name} should return {initial}_loss, {wanted:.4f} here")


def _with_hint(problem: str, scene: _Scene) -> str:
    """Add what a message of PyTorch, or of a network, means in this exercise."""
    if f"x must have shape (N, 1), one row per sample (data_dim=1), got {tuple(scene.z.shape)}" in problem:
        return "z was passed to the discriminator. D looks at data: pass it generator(z)"
    if "z must have shape" in problem and f"got {tuple(scene.real.shape)}" in problem:
        return "real data was passed to the generator. G turns z into data: pass it z"
    if "z must have shape" in problem:
        return problem + ". Use the z you are given"
    if "Target size" in problem:
        return (
            "logits and labels have different shapes. The logits have shape (N,), so give the labels this shape too, "
            "e.g. torch.ones_like(logits). (Where nothing refuses, (N, 1) against (N,) silently becomes (N, N))"
        )
    if "does not require grad" in problem:
        return (
            "there was nothing to differentiate: backward() found no graph. "
            "Is the loss computed under no_grad, or from detached scores? Detach the *fakes*, not the scores"
        )
    if "inplace operation" in problem:
        return _STEP_TOO_EARLY
    if "a second time" in problem:
        return problem + ". One loss, one backward(): add the two terms first"
    return problem


@exercise("Exercise 1")
def d_step(function: Callable[..., Any]) -> str:
    """Check ``d_step(generator, discriminator, d_optimiser, real, z)``, one update of D with labels.

    First met in: notebook 02.
    """
    scene = _update(function, "d_step", "discriminator", _d_loss, _D_MISTAKES)
    if not _close(_flat_grad(scene.generator), scene.stale["generator"]):
        return (
            "D moves as it should. One remark: the fakes were not detached, so backward() went on through G and "
            "filled G's gradients. That is correct as long as they are zeroed before G's step, but the work is thrown "
            "away, and with one optimiser over both networks it would train G to help D"
        )
    return "D moved by its own gradient, and G was left alone."


@exercise("Exercise 2")
def g_step(function: Callable[..., Any]) -> str:
    """Check ``g_step(generator, discriminator, g_optimiser, z)``, one non-saturating update of G with labels.

    First met in: notebook 02.
    """
    _update(function, "g_step", "generator", _g_loss, _G_MISTAKES)
    return "G moved, D stood still. (D's gradients were filled on the way; D's next zero_grad() throws them away.)"


# ---------------------------------------------------------------- exercise 3


@exercise("Exercise 3")
def wasserstein_by_sorting(function: Callable[[Tensor, Tensor], Any]) -> str:
    """Check ``wasserstein_by_sorting(a, b)``, the W1 distance of two samples of shape (N, 1).

    First met in: notebook 02.
    """
    a = torch.tensor([[0.31], [2.47], [-1.13], [0.88], [-0.42]])
    cases = [
        (a, torch.tensor([[-0.57], [2.19], [1.46], [-3.23], [0.94]])),
        (a, a + 2.0),
        (a, a.flip(0)),
        (torch.tensor([[5.0], [1.0], [-2.0]]), torch.tensor([[0.5], [6.0], [-1.0]])),
    ]
    for a, b in cases:
        got = call(function, a.clone(), b.clone(), name="wasserstein_by_sorting")
        if isinstance(got, Tensor) and got.numel() > 1:
            raise NotYet(f"one number was expected, but got a tensor of shape {tuple(got.shape)}; is a mean missing?")
        if same_number(got, wasserstein_1d(a, b)):
            continue
        match_mistake(got, _distance_mistakes(a, b))
        raise NotYet(
            f"for a = {a.flatten().tolist()} and b = {b.flatten().tolist()} the distance is "
            f"{wasserstein_1d(a, b):g}, but you return {float(got):g}"
        )
    return "It needs no density, only samples, and it has the unit of the data."


def _distance_mistakes(a: Tensor, b: Tensor) -> list[tuple[float, str]]:
    x, y = a.sort(0).values, b.sort(0).values
    wide = (x - y.squeeze(1)).abs()
    mistakes = [
        (
            (a - b).abs().mean(),
            "the points are not in order when you subtract. Sort both; and sort along dimension 0: "
            "the default is the last one, which has length 1 here, so that sorting does nothing",
        ),
        ((x - b).abs().mean(), "only a is sorted (along dimension 0); sort b too"),
        ((a - y).abs().mean(), "only b is sorted (along dimension 0); sort a too"),
        (
            (x - y.flip(0)).abs().mean(),
            "one sample is sorted upwards and the other downwards, the most expensive plan there is",
        ),
        ((x - y).abs().sum(), "you took the sum; the distance is the *mean*, so that it does not grow with N"),
        *(
            (
                sign * (x - y).mean(),
                "the absolute value is missing or comes too late: this is the difference of the two means, and is 0 "
                "for any two samples with equal means. Take |a − b| of each pair first",
            )
            for sign in (1, -1)
        ),
        ((x - y).square().mean(), "you squared the differences; W1 uses their absolute value"),
        ((x - y).square().mean().sqrt(), "this is W2, the root of the mean square; W1 uses the absolute value"),
        ((x - y).abs().max(), "you took the largest difference; the distance is their mean"),
        (
            wide.mean(),
            f"(N, 1) against (N,) became {tuple(wide.shape)}: every point was compared with every point. "
            "Give both the same shape",
        ),
    ]
    return [(float(value), sentence) for value, sentence in mistakes]


# ---------------------------------------------------------------- exercise 4

CAUSES = {
    "detached": "G's fakes are detached in its own step too",
    "label 0": "G is trained towards the label *fake*",
    "too fast": "G's learning rate is 20 times D's, with momentum",
    "nothing": "the run is healthy",
}
_EXPLAINED = {
    "A": (
        "label 0",
        "look at A again: *both* losses fall to 0. Only one cause makes both players happy: they want the same thing",
    ),
    "B": (
        "too fast",
        "look at B again: W1 does move, up and down. G is training, and too much of it; a stuck G would give a flat W1",
    ),
    "C": (
        "detached",
        "look at C again: W1 is flat from the first step to the last, so G does not move at all, and D wins alone",
    ),
}


@exercise("Exercise 4")
def diagnosis(answers: Mapping[str, str]) -> str:
    """Check the causes that a learner gives for the three sick runs A, B and C of the notebook.

    First met in: notebook 02.
    """
    if not isinstance(answers, Mapping):
        raise NotYet(f"a dict with the keys 'A', 'B' and 'C' was expected, but got {type(answers).__name__}")
    if missing := [run for run in _EXPLAINED if run not in answers]:
        raise NotYet(f"there is no answer for {', '.join(missing)}")
    if all(answers[run] is ... for run in _EXPLAINED):
        raise NotAttempted
    for run, (cause, sentence) in _EXPLAINED.items():
        if answers[run] is ...:
            raise NotYet(f"there is no answer for {run}")
        if answers[run] not in CAUSES:
            raise NotYet(f"{answers[run]!r} is none of the causes on offer: {', '.join(map(repr, CAUSES))}")
        if answers[run] != cause:
            raise NotYet(sentence)
    return "And in none of the three did one loss alone give the cause away."


# ---------------------------------------------------------------- exercise 5: repair a run

_RUN_STEPS, _LOOKED_AT = 110, (3, 90)


@exercise("Exercise 5")
def repaired_run(function: Callable[..., Any]) -> str:
    """Check ``repaired_run(generator, discriminator, sample_real, num_steps)``, a whole training run.

    It is watched while it trains: who is fed what, which optimiser holds which weights, and which
    way the gradients point. The first mistake found is named.

    First met in: notebook 02.
    """
    with runtime.seeded(5):
        generator = mlp.Generator(latent_dim=1, data_dim=1, hidden=8)
        discriminator = mlp.Discriminator(data_dim=1, hidden=8)
    with torch.no_grad():
        for weights in discriminator.parameters():
            weights.mul_(2.0)  # scores spread out, so that every loss has a gradient of its own
    data = toy.mixture([-1.5, 1.0], [0.4, 0.5], [0.4, 0.6])
    stream, batches = runtime.generator(6), []

    def sample_real(n: int) -> Tensor:
        batches.append(data.sample(n, stream))
        return batches[-1].clone()

    with runtime.seeded(8), _watched(generator, discriminator, batches) as seen:
        try:
            call(function, generator, discriminator, sample_real, _RUN_STEPS, name="repaired_run")
        except NotYet as problem:
            if "returned None" not in str(problem):  # what a run returns is its own affair
                raise NotYet(_run_hint(str(problem))) from problem
    for inspect in (_who_steps, _who_is_fed_what, _which_real, _which_z, _d_direction, _g_direction, _learning_rates):
        inspect(seen)
    return "There is nothing left to mend."


def _run_hint(problem: str) -> str:
    if "z must have shape" in problem:
        return problem + ". G wants one row of latent numbers per sample: torch.randn(n, generator.latent_dim)"
    if "Target size" in problem or "target size" in problem:
        return problem + ". The logits have shape (N,): give the labels this shape too, e.g. torch.ones_like(logits)"
    if "between 0 and 1" in problem:
        return (
            problem + ". A loss without 'with_logits' wants probabilities, and D's scores are none: use the logits form"
        )
    if "inplace operation" in problem:
        return _STEP_TOO_EARLY
    if "does not require grad" in problem:
        return problem + ". Something that the loss needs was detached or made under no_grad"
    return problem


def _who_steps(seen: _Watch) -> None:
    if not seen.steps:
        raise NotYet("no optimiser ever made a step")
    if both := [step for step in seen.steps if step.kind == "both"]:
        attached = any(feed.attached for feed in both[0].feeds if feed.source == "fake")
        raise NotYet(
            "one optimiser holds the weights of both networks, so every step() moves both. In D's step G moves too, "
            + (
                "by the gradient of d_loss, since the fakes are not detached: G is trained to *help* D. "
                if attached
                else "by old gradients or momentum. "
            )
            + "Give each player its own optimiser"
        )
    counts = {kind: len(seen.steps_of(kind)) for kind in ("generator", "discriminator")}
    for kind, count in counts.items():
        if not count:
            raise NotYet(
                f"no optimiser ever moved the {kind}: does the step called 'train {kind[0].upper()}' use the other "
                "network's optimiser?"
            )
    if min(counts.values()) < _RUN_STEPS:
        raise NotYet(
            f"in {_RUN_STEPS} steps D was updated {counts['discriminator']} times and G {counts['generator']} times; "
            "each should be, in every step"
        )


def _who_is_fed_what(seen: _Watch) -> None:
    for step in (*seen.steps_of("discriminator")[:2], *seen.steps_of("generator")[:2]):
        for feed in step.feeds:
            if feed.network == "generator" and feed.source == "real":
                raise NotYet("real data was passed to the generator. G turns z into data: pass it z")
            if feed.network == "discriminator" and feed.source == "z":
                raise NotYet("z was passed to the discriminator. D looks at data: pass it generator(z)")
            if feed.network == "discriminator" and feed.source == "":
                raise NotYet(
                    "D was given something that is neither a real batch nor what G made. (Real and fake in one batch "
                    "can be right, but cannot be followed here: call D once on real, once on fake)"
                )
        shown = {feed.source for feed in step.feeds if feed.network == "discriminator"}
        if step.kind == "discriminator" and (hidden := [s for s in ("real", "fake") if s not in shown]):
            raise NotYet(f"D's step never shows it a {hidden[0]} batch")
        if step.kind == "generator" and "fake" not in shown:
            raise NotYet("in G's step D is not asked about any fake; compute D(generator(z)) after D has been updated")


def _which_real(seen: _Watch) -> None:
    if len(seen.batches) < _RUN_STEPS:
        times = "once" if len(seen.batches) == 1 else f"{len(seen.batches)} times"
        raise NotYet(
            f"real data was drawn only {times} in {_RUN_STEPS} steps: with the same batch again and again, G learns to "
            "copy those few points. Call sample_real inside the loop"
        )


def _which_z(seen: _Watch) -> None:
    drawn = [tuple(feed.rows.flatten()[:6].tolist()) for feed in seen.feeds if feed.network == "generator"]
    if len(set(drawn)) == 1:
        raise NotYet(
            "every z is the same: it was drawn once, before the loop. G learns where to send those few points, and a "
            "new z gives rubbish. Draw z inside the loop"
        )
    seeds = {step.seed for step in seen.steps[2:]}
    last_use: dict[tuple[float, ...], int] = {}
    for place, z in enumerate(drawn):
        if len(seeds) > 1 or place - last_use.get(z, place) > 4:
            raise NotYet(
                "something reseeds PyTorch's generator inside the loop (the logging?), so the same z comes back again "
                "and again. Seed once, before the loop; what logging needs, draw from a generator of its own"
            )
        last_use[z] = place


def _d_direction(seen: _Watch) -> None:
    for step in seen.steps_of("discriminator", looked_at=True):
        real, fake = step.rows("real"), step.rows("fake")

        def gradient(loss: Loss, step: _Step = step, real: Tensor = real, fake: Tensor = fake) -> Tensor:
            d = step.discriminator
            return _gradient(loss(d(real), d(fake)), d)

        _match_direction(step.gradient, gradient, _d_loss, _D_MISTAKES, "D")


def _g_direction(seen: _Watch) -> None:
    d_steps = seen.steps_of("discriminator", looked_at=True)
    for step, d_step_before in zip(seen.steps_of("generator", looked_at=True), d_steps, strict=True):
        fakes = [feed for feed in step.feeds if feed.network == "discriminator" and feed.source == "fake"]
        if bool((step.gradient == 0).all()) or not any(feed.attached for feed in fakes):
            raise NotYet(
                "no gradient reaches G: the fakes of its step are detached (or made under no_grad), so G never moves. "
                "Detach for D's step only"
            )
        z = seen.z_of(fakes[-1].rows)

        def gradient(loss: Loss, step: _Step = step, z: Tensor = z) -> Tensor:
            fake_logits = step.discriminator(step.generator(z))
            return _gradient(loss(torch.zeros_like(fake_logits), fake_logits), step.generator)

        z_before = seen.z_of(d_step_before.rows("fake"))
        left_over = _gradient(_softplus(d_step_before.discriminator(step.generator(z_before))), step.generator)
        if _close(step.gradient, gradient(_g_loss) + left_over):
            raise NotYet(
                "G's gradient holds a part of d_loss, which pushes G to *help* D: the fakes are not detached in D's "
                "step, and G's gradients are not zeroed between the two backward() calls. Do at least one of the two"
            )
        _match_direction(step.gradient, gradient, _g_loss, _G_MISTAKES, "G")


def _match_direction(got: Tensor, gradient: Callable, right: Loss, mistakes: list, initial: str) -> None:
    """Compare directions only: Adam does not see the length of a gradient, so a sum or a half does no harm."""
    candidates = [(right, ""), *mistakes]
    cosines = [float(F.cosine_similarity(got, gradient(loss), dim=0)) for loss, _ in candidates]
    best = max(range(len(candidates)), key=cosines.__getitem__)
    if cosines[0] > 1 - 1e-5:  # also what is right but longer or shorter
        return
    if cosines[best] > 1 - 1e-5:
        raise NotYet(candidates[best][1])
    raise NotYet(
        f"{initial}'s gradient is not that of {initial.lower()}_loss. Is zero_grad() called before every backward(), "
        "and does each loss have the labels it should: for D real 1 and fake 0, for G fake 1?"
    )


def _learning_rates(seen: _Watch) -> None:
    for kind in ("generator", "discriminator"):
        rates = [step.lr for step in seen.steps_of(kind)]
        if min(rates) < 0.9 * rates[0]:
            raise NotYet(
                f"the {kind}'s learning rate falls from {rates[0]:g} to {min(rates):.2g} in {_RUN_STEPS} steps: the "
                "players freeze wherever they are, which looks like convergence and is none. Leave the rates alone"
            )


# ---------------------------------------------------------------- watching a learner's code run


@dataclass(eq=False)
class _Feed:
    """One call of a network: what came in, where that came from, and whether a graph hangs on it."""

    network: str
    rows: Tensor
    attached: bool
    source: str


@dataclass(eq=False)
class _Step:
    """One ``step()`` of an optimiser: whose weights, the calls since the step before, and the gradient."""

    kind: str
    lr: float
    seed: int
    feeds: list[_Feed]
    gradient: Tensor | None = None
    generator: nn.Module | None = None
    discriminator: nn.Module | None = None

    def rows(self, source: str) -> Tensor:
        return next(f.rows for f in reversed(self.feeds) if f.network == "discriminator" and f.source == source)


class _Watch:
    """What was seen while a learner's code ran."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module, batches: list[Tensor]) -> None:
        self.networks = {"generator": generator, "discriminator": discriminator}
        self.batches = batches
        self.feeds: list[_Feed] = []
        self.steps: list[_Step] = []
        self._since: list[_Feed] = []
        self._made: list[tuple[Tensor, Tensor]] = []

    def steps_of(self, kind: str, *, looked_at: bool = False) -> list[_Step]:
        steps = [step for step in self.steps if step.kind == kind]
        return [steps[i] for i in _LOOKED_AT] if looked_at else steps

    def z_of(self, fake: Tensor) -> Tensor:
        return next(z for z, made in reversed(self._made) if _same(made, fake))

    def on_call(self, network: str, rows: Any) -> None:
        if not isinstance(rows, Tensor):
            return
        kept = rows.detach().clone()
        feed = _Feed(network, kept, rows.requires_grad, self._source(kept))
        self.feeds.append(feed)
        self._since.append(feed)

    def on_made(self, z: Tensor, fake: Tensor) -> None:
        self._made.append((z.detach().clone(), fake.detach().clone()))

    def _source(self, rows: Tensor) -> str:
        if any(_same(made, rows) for _, made in self._made[-4:]):
            return "fake"
        if any(_same(batch, rows) for batch in (*self.batches[:1], *self.batches[-3:])):
            return "real"
        return "z" if any(_same(z, rows) for z, _ in self._made[-4:]) else ""

    def on_step(self, optimiser: torch.optim.Optimizer) -> None:
        held = {id(weights) for group in optimiser.param_groups for weights in group["params"]}
        owners = [name for name, net in self.networks.items() if any(id(w) in held for w in net.parameters())]
        kind = "both" if len(owners) == 2 else owners[0] if owners else "other"
        step = _Step(kind, optimiser.param_groups[0]["lr"], torch.initial_seed(), self._since)
        self._since = []
        if kind in self.networks and len(self.steps_of(kind)) in _LOOKED_AT:
            step.gradient = _flat_grad(self.networks[kind])
            step.generator, step.discriminator = (_copy(net) for net in self.networks.values())
        self.steps.append(step)


@contextlib.contextmanager
def _watched(generator: nn.Module, discriminator: nn.Module, batches: list[Tensor]) -> Iterator[_Watch]:
    """Watch both networks and every optimiser while the block runs."""
    seen = _Watch(generator, discriminator, batches)
    hooks = [
        generator.register_forward_pre_hook(lambda _, inputs: seen.on_call("generator", inputs[0])),
        generator.register_forward_hook(lambda _, inputs, made: seen.on_made(inputs[0], made)),
        discriminator.register_forward_pre_hook(lambda _, inputs: seen.on_call("discriminator", inputs[0])),
        register_optimizer_step_pre_hook(lambda optimiser, *_: seen.on_step(optimiser)),
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _copy(network: nn.Module) -> nn.Module:
    """Return a network with the same weights and neither hooks nor gradients."""
    hidden = network.layers[0].out_features
    with runtime.seeded(0):  # first weights are drawn, and must not be drawn from the learner's stream
        if isinstance(network, mlp.Generator):
            made = mlp.Generator(latent_dim=network.latent_dim, data_dim=network.data_dim, hidden=hidden)
        else:
            made = mlp.Discriminator(data_dim=network.data_dim, hidden=hidden)
    made.load_state_dict(network.state_dict())
    return made


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.equal(a, b)


def _flat(network: nn.Module) -> Tensor:
    return nn.utils.parameters_to_vector(network.parameters()).detach().clone()


def _flat_grad(network: nn.Module) -> Tensor:
    """Return all gradients in one vector, 0 where there is none."""
    return torch.cat(
        [torch.zeros_like(w).flatten() if w.grad is None else w.grad.flatten() for w in network.parameters()]
    )


def _gradient(value: Tensor, network: nn.Module) -> Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(value, list(network.parameters()))])


def _close(a: Tensor, b: Tensor) -> bool:
    return bool((a - b).norm() <= 1e-3 * b.norm() + 1e-5)
