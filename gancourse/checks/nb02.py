"""Checkers of notebook 02: both updates, a distance by sorting, three sick runs, and one to repair.

The updates are judged by what they do: the checker hands over two networks and a plain SGD optimiser, and compares how
the weights moved with how the right update, and each likely wrong one, would have moved them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import torch
from torch import Tensor

from gancourse import runtime
from gancourse.checks.comparing import compare, same
from gancourse.checks.framework import NotYet, call, choices, exercise, number
from gancourse.checks.known import d_loss, distance_mistakes, down, up, w1
from gancourse.checks.training_runs import MISTAKES, RIGHT, Loss, inspect, looked_at, named, refuse_strangers
from gancourse.checks.watching import (
    Watch,
    along,
    close,
    copies,
    flat,
    flat_grad,
    gradient,
    watched,
)  # fmt: skip
from gancourse.data import toy
from gancourse.models import mlp

__all__ = ["d_step", "diagnosis", "g_step", "repaired_run", "wasserstein_by_sorting"]

# ---------------------------------------------------------------- exercises 1 and 2: the two updates

_LR, _BATCH, _LATENT = 0.05, 16, 3


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
        self.before = {player: flat(getattr(self, player).parameters()) for player in ("generator", "discriminator")}
        self.stale = {player: flat_grad(getattr(self, player).parameters()) for player in self.before}

    def gradient(self, player: str, loss: Loss) -> Tensor:
        """Return what ``loss`` would have given one player's weights as gradient."""
        generator, discriminator = copies(self.generator, self.discriminator, tuple(self.before.values()))
        value = loss(discriminator(self.real), discriminator(generator(self.z)))
        return gradient(value, generator if player == "generator" else discriminator)

    def value(self, loss: Loss, *, after: bool = False) -> float:
        """Return the loss before the step, or after it."""
        weights = (
            (flat(self.generator.parameters()), flat(self.discriminator.parameters()))
            if after
            else tuple(self.before.values())
        )
        generator, discriminator = copies(self.generator, self.discriminator, weights)
        return float(loss(discriminator(self.real), discriminator(generator(self.z))).detach())

    def moved(self, player: str) -> Tensor:
        """Return how far a player's weights moved, in units of the learning rate: minus a gradient."""
        return (self.before[player] - flat(getattr(self, player).parameters())) / _LR


def _update(function: Any, name: str, player: str) -> Watch:
    """Run one update of ``player`` and refuse it, by name of the mistake, unless it is the right one."""
    scene, initial = _Scene(), name[0].upper()
    optimiser = torch.optim.SGD(getattr(scene, player).parameters(), lr=_LR)
    given = {"generator": scene.generator, "discriminator": scene.discriminator, f"{name[0]}_optimiser": optimiser}
    given |= {"real": scene.real, "z": scene.z} if player == "discriminator" else {"z": scene.z}
    with watched(scene.generator, scene.discriminator, [scene.real], [scene.z]) as seen:
        try:
            returned = call(function, *given.values(), name=name, names=tuple(given))
        except NotYet as problem:
            raise NotYet(_with_hint(str(problem))) from problem
    other = "generator" if player == "discriminator" else "discriminator"
    if bool(scene.moved(other).abs().max() > 0):
        raise NotYet(f"your {initial} step also moved the {other}; only {initial}'s own optimiser may step here")
    if any(step.optimiser is not optimiser for step in seen.steps):
        raise NotYet(f"another optimiser made a step than the {name[0]}_optimiser that your function is given")
    if len(seen.steps) > 1:
        raise NotYet(f"step() was called {len(seen.steps)} times; one update is one step")
    if not any(asked.network == "discriminator" for asked in seen.asked):
        raise NotYet("the discriminator was never called")
    fed = torch.cat([torch.zeros(0, _LATENT), *(asked.rows for asked in seen.asked if asked.network == "generator")])
    if not all(bool((fed == z).all(1).any()) for z in scene.z):
        raise NotYet("the generator was not called on the z that your function is given")
    refuse_strangers(seen.asked)
    moved, wanted = scene.moved(player), scene.gradient(player, RIGHT[player])
    if not close(moved, wanted):
        _explain_move(scene, seen, player, moved, wanted, returned)
    _check_returned(returned, scene, name, player)
    return seen


def _explain_move(scene: _Scene, seen: Watch, player: str, moved: Tensor, wanted: Tensor, returned: Any) -> NoReturn:
    initial, stale, left = player[0].upper(), scene.stale[player], flat_grad(getattr(scene, player).parameters())
    optimiser = f"{player[0]}_optimiser"
    if close(moved, wanted + stale):
        raise NotYet(
            f"gradients of an earlier step are still in there and were added to the new ones: {optimiser}.zero_grad() "
            "comes before backward()"
        )
    fakes = [asked for asked in seen.asked if asked.network == "discriminator" and "fake" in asked.origins]
    if player == "generator" and not any(asked.attached for asked in fakes):
        raise NotYet(
            "no gradient reached G: the fakes were detached (or made under no_grad). In G's step the gradient must "
            "flow through D *into* G, so nothing is detached here"
        )
    if not bool(moved.any()):
        if close(left, stale):
            raise NotYet(f"{initial} did not move: neither backward() nor {optimiser}.step() was called")
        if not bool(left.any()):
            raise NotYet(
                f"{initial}'s gradients were gone when {optimiser}.step() came: zero_grad() goes before backward()"
            )
        raise NotYet(f"{initial} did not move: {optimiser}.step() is missing, or comes before backward()")
    if close(moved, stale):
        raise NotYet(
            f"{initial} moved by the gradients of an earlier step only: backward() was not called before step()"
        )
    if along(moved, wanted):
        times = float(moved.norm() / wanted.norm())
        told = {0.5: ": the mean over real and fake together is half of d_loss, in which two means are *added*",
                _BATCH: ": you took the sum over the batch; the loss is the mean"}  # fmt: skip
        why = next((sentence for of, sentence in told.items() if abs(times / of - 1) < 0.01), "")
        raise NotYet(f"the step goes the right way, but is {times:.3g} times as long as it should be{why}")

    def has_returned_value(loss: Loss) -> bool:
        return isinstance(returned, (Tensor, float)) and same(number(returned), scene.value(loss), tolerance=1e-4)

    halves = {"fake": lambda real, fake: up(real), "real": lambda real, fake: down(fake)}
    for kind, half in halves.items() if player == "discriminator" and has_returned_value(d_loss) else ():
        if any(along(part, scene.gradient(player, half)) for part in (moved, moved - stale)):
            raise NotYet(
                f"d_loss has both terms, but D learns nothing from the {kind} one: D's scores there are detached (or "
                "made under no_grad). It is the fakes that are detached, before D is asked"
            )
    for part in (moved, moved - stale):
        if sentence := named(player, part, lambda loss: scene.gradient(player, loss), has_returned_value):
            raise NotYet(sentence)
    raise NotYet(
        f"{initial}'s weights did not move as one descent of {player[0]}_loss moves them, and which step went wrong "
        "they do not tell. Is the batch used that is given, and has each score the label it should have?"
    )


def _check_returned(returned: Any, scene: _Scene, name: str, player: str) -> None:
    got, wanted, loss = number(returned, reduce="a mean"), scene.value(RIGHT[player]), f"{name[0]}_loss"
    if same(got, wanted, tolerance=1e-4):
        return
    if same(got, scene.value(RIGHT[player], after=True), tolerance=1e-4):
        raise NotYet(f"the update is right, but the {loss} that you return is computed anew, after the step")
    for mistake, sentence in MISTAKES[player]:
        if same(got, scene.value(mistake), tolerance=1e-4):
            raise NotYet(f"the update is right, but the number you return is not {loss}: {sentence}")
    raise NotYet(f"the update is right, but {name} should return {loss}, {wanted:.4f} here, and not {got:.4g}")


def _with_hint(problem: str) -> str:
    """Add what a message of the generator means in this notebook."""
    if "z must have shape" in problem:
        return f"{problem}. G wants one row of latent numbers per sample, shape (N, generator.latent_dim)"
    return problem


@exercise("Exercise 1")
def d_step(function: Callable[..., Any]) -> str:
    """Check ``d_step(generator, discriminator, d_optimiser, real, z)``, one update of D with labels.

    First met in: notebook 02.
    """
    if any(asked.network == "generator" and asked.used for asked in _update(function, "d_step", "discriminator").asked):
        return (
            "D moves as it should. One remark: the fakes were not detached, so backward() went on through G and filled "
            "G's gradients. That is correct as long as they are zeroed before G's step, but the work is thrown away, "
            "and a slip elsewhere could then train G to help D"
        )
    return "D moved by its own gradient, and G was left alone."


@exercise("Exercise 2")
def g_step(function: Callable[..., Any]) -> str:
    """Check ``g_step(generator, discriminator, g_optimiser, z)``, one non-saturating update of G with labels.

    First met in: notebook 02.
    """
    _update(function, "g_step", "generator")
    return "G moved, D stood still. (D's gradients were filled on the way; D's next zero_grad() throws them away.)"


# ---------------------------------------------------------------- exercise 3


@exercise("Exercise 3")
def wasserstein_by_sorting(function: Callable[[Tensor, Tensor], Any]) -> str:
    """Check ``wasserstein_by_sorting(a, b)``, the W1 distance of two samples of shape (N, 1).

    First met in: notebook 02.
    """
    a = torch.tensor([[0.31], [2.47], [-1.13], [0.88], [-0.42]])
    compare(
        function,
        [
            (a, torch.tensor([[-0.57], [2.19], [1.46], [-3.23], [0.94]])),
            (a, a.flip(0) + 2.0),
            (torch.tensor([[5.0], [1.0], [-2.0]]), torch.tensor([[0.5], [6.0], [-1.0]])),
            (a, a.flip(0)),
        ],
        w1,
        distance_mistakes(
            "the points are not in order when you subtract. Are both samples sorted, and along which dimension? The "
            "default is the last one, which has length 1 here, so that sorting does nothing"
        ),
        name="wasserstein_by_sorting",
        names=("a", "b"),
        reduce="a mean",
    )
    return "It needs no density, only samples, and it has the unit of the data."


# ---------------------------------------------------------------- exercise 4

_CAUSES = ("detached", "label 0", "too fast", "nothing")
_EXPLAINED = {
    "A": ("label 0", "*both* losses fall to 0. Can two players who want opposite things both be content?"),
    "B": (
        "too fast",
        "W1 does move, up and down, and both losses stay near their lines. What does G do to the samples?",
    ),
    "C": ("detached", "compare W1 at the first step and at the last: what has happened to the samples in between?"),
}


@exercise("Exercise 4")
def diagnosis(answers: Mapping[str, str]) -> str:
    """Check the causes that a learner gives for the three sick runs A, B and C of the notebook.

    First met in: notebook 02.
    """
    said = choices(answers, tuple(_EXPLAINED), _CAUSES, "a cause for each run")
    for run, (cause, question) in _EXPLAINED.items():
        if said[run] is not ... and said[run] != cause:
            raise NotYet(f"look at {run} again: {question}")
    if missing := [run for run, cause in said.items() if cause is ...]:
        raise NotYet(f"there is no answer for {', '.join(missing)}")
    return "And in none of the three did one loss alone give the cause away."


# ---------------------------------------------------------------- exercise 5: repair a run

_RUN_STEPS = 110


@exercise("Exercise 5")
def repaired_run(function: Callable[..., Any]) -> str:
    """Check ``repaired_run(generator, discriminator, sample_real, num_steps)``, a whole training run.

    It is watched while it trains: who is fed what, which optimiser holds which weights, and which way the gradients
    point. The first mistake found is named.

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

    names = ("generator", "discriminator", "sample_real", "num_steps")
    with watched(generator, discriminator, batches, places=looked_at(_RUN_STEPS)) as seen:
        try:
            call(
                function,
                generator,
                discriminator,
                sample_real,
                _RUN_STEPS,
                name="repaired_run",
                names=names,
                program=True,
            )
        except NotYet as problem:
            raise NotYet(_with_hint(str(problem))) from problem
    inspect(seen, _RUN_STEPS)
    return "There is nothing left to mend."
