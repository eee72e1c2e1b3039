"""Judge a whole training run that was watched: of all that can be wrong with it, say one thing that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor

from gancourse.checks.comparing import Mistakes
from gancourse.checks.framework import NotYet
from gancourse.checks.known import D_MISTAKES, G_MISTAKES, d_loss, down, g_loss
from gancourse.checks.watching import Asked, Step, Watch, along, close, copies, gradient

__all__ = ["MISTAKES", "RIGHT", "Loss", "inspect", "looked_at", "named", "refuse_strangers"]

Loss = Callable[[Tensor, Tensor], Tensor]  # of real logits and fake logits

RIGHT: dict[str, Loss] = {"discriminator": d_loss, "generator": lambda real, fake: g_loss(fake)}
MISTAKES: dict[str, Mistakes] = {
    "discriminator": D_MISTAKES,
    "generator": [(lambda real, fake, of=of: of(fake), sentence) for of, sentence in G_MISTAKES],
}


def named(player: str, moved: Tensor, wanted: Callable[[Loss], Tensor], right: Callable[[Loss], bool]) -> str:
    """Say which losses would have moved a player this way; nothing if none is known.

    Args:
        wanted: the movement of a loss.
        right: whether a loss has the value that was returned too; where some have, the others are left out.
    """
    fitting = [(loss, sentence) for loss, sentence in MISTAKES[player] if along(moved, wanted(loss))]
    fitting = [(loss, sentence) for loss, sentence in fitting if right(loss)] or fitting
    return ". Or ".join(dict.fromkeys(sentence for _, sentence in fitting))


def refuse_strangers(calls: Sequence[Asked]) -> None:
    """Refuse what D was shown to learn from, if it is neither real data nor made by G."""
    if any(asked.network == "discriminator" and asked.used and "" in asked.origins for asked in calls):
        raise NotYet("D was shown something that is neither real data nor what G made")


def looked_at(num_steps: int) -> tuple[int, int]:
    """Return which steps are looked at closely: one early, one late."""
    return 3, int(0.8 * num_steps)


def inspect(seen: Watch, num_steps: int) -> None:
    """Refuse a run, by the name of the first mistake that is found in it.

    Args:
        seen: what was seen of it.
        num_steps: in how many steps it should have trained.
    """
    _who_steps(seen, num_steps)
    for step in (*seen.steps_of("discriminator")[:2], *seen.steps_of("generator")[:2]):
        refuse_strangers(step.asked)
    _which_real(seen, num_steps)
    _which_z(seen)
    for place in looked_at(num_steps):
        _d_direction(seen, seen.steps_of("discriminator")[place])
        _g_direction(seen, seen.steps_of("generator")[place])
    _learning_rates(seen)


def _who_steps(seen: Watch, num_steps: int) -> None:
    if not seen.steps:
        raise NotYet("no optimiser ever made a step")
    if seen.steps_of("both"):
        raise NotYet(
            "one optimiser holds the weights of both networks, so every step() moves both. In D's step G moves too: by "
            "the gradient of d_loss where the fakes are not detached (G is trained to *help* D), and by old gradients "
            "or momentum where they are. Give each player its own optimiser"
        )
    counts = {player: len(seen.steps_of(player)) for player in ("generator", "discriminator")}
    for player, count in counts.items():
        if not count:
            raise NotYet(
                f"no optimiser ever moved the {player}: does the step called 'train {player[0].upper()}' use the other "
                "network's optimiser?"
            )
    if any(count < num_steps or count % num_steps for count in counts.values()):
        raise NotYet(
            f"in {num_steps} steps D was updated {counts['discriminator']} times and G {counts['generator']} times; "
            "num_steps says how often it should be"
        )
    for player, count in counts.items():
        if (made := len({id(step.optimiser) for step in seen.steps_of(player)})) > count // 2:
            raise NotYet(
                f"{made} different optimisers moved the {player}: one that is made inside the loop has forgotten, at "
                "every step, what Adam learns about the size of the gradients. Make it once, before the loop"
            )


def _which_real(seen: Watch, num_steps: int) -> None:
    shown = {tuple(asked.rows[:6].flatten().tolist()) for step in seen.steps for asked in step.shown("real")}
    if shown and len(shown) < num_steps // 2:
        raise NotYet(
            f"in {num_steps} steps D saw only {len(shown)} different batch{'es' if len(shown) > 1 else ''} of real "
            "data: with the same batch again and again, G learns to copy those few points. Call sample_real inside the "
            "loop"
        )


def _which_z(seen: Watch) -> None:
    """Look only at the z that was trained with: one z may be kept to look at, and logging may draw others."""
    drawn = [asked.of("fake", asked.z)[:6] for step in seen.steps for asked in step.shown("fake")]
    keys = [tuple(z.flatten().tolist()) for z in drawn]
    values = torch.cat([torch.zeros(0), *(z.flatten() for z in drawn)])
    if len(set(keys)) > 1 and bool(((values >= 0) & (values <= 1)).all()):
        raise NotYet(
            "the z that is trained with lies between 0 and 1 (torch.rand), and samples are drawn from the bell curve "
            "(torch.randn) later: half of those z would be new to G"
        )
    if len(set(keys)) == 1:
        raise NotYet(
            "every z that is trained with is the same: it is drawn once, before the loop, or with the same seed in "
            "every step. G learns where to send those few points, and a new z gives rubbish"
        )
    states = [step.state for step in seen.steps]
    reseeded = len({step.seed for step in seen.steps[2:]}) > 1 or _comes_back(states)
    if reseeded:
        raise NotYet(
            "something reseeds PyTorch's generator inside the loop (the logging?), so the same noise comes back again "
            "and again. Seed once, before the loop; what logging needs, draw from a generator of its own"
        )
    if _comes_back(keys):
        raise NotYet("the same z comes back again and again: they are taken from a fixed stock, or from a "
            "generator that "
                     "is started anew inside the loop")  # fmt: skip


def _comes_back(values: list[Any]) -> bool:
    """Tell whether a value returns after others have been between."""
    last: dict[Any, int] = {}
    for place, value in enumerate(values):
        if place - last.get(value, place) > 4 and len(set(values[last[value] : place])) > 2:
            return True
        last[value] = place
    return False


def _d_gradients(seen: Watch, asked: Asked, real: Tensor, fake: Tensor) -> Callable[[Loss], Tensor]:
    """Return what gradient a loss would have given D at the moment of this call, for these rows."""

    def of(loss: Loss) -> Tensor:
        _, discriminator = copies(*seen.networks.values(), asked.weights)
        return gradient(loss(discriminator(real), discriminator(fake)), discriminator)

    return of


def _g_gradients(seen: Watch, asked: Asked, z: Tensor) -> Callable[[Loss], Tensor]:
    """Return what gradient a loss would have given G at the moment of this call, for these z."""

    def of(loss: Loss) -> Tensor:
        generator, discriminator = copies(*seen.networks.values(), asked.weights)
        fake_logits = discriminator(generator(z))
        return gradient(loss(torch.zeros_like(fake_logits), fake_logits), generator)

    return of


def _d_direction(seen: Watch, step: Step) -> None:
    reals, fakes = step.shown("real"), step.shown("fake")
    fakes = [asked for asked in fakes if not asked.attached] or fakes
    for name, missing in (("real", not reals), ("fake", not fakes)):
        if missing:
            raise NotYet(f"the {name} term is missing in D's step: it learns nothing from what it says of {name} data")
    real = torch.cat([asked.of("real", asked.rows) for asked in reals])
    fake = torch.cat([asked.of("fake", asked.rows) for asked in fakes])
    _refuse_nothing(step, "D")
    of = _d_gradients(seen, fakes[0], real, fake)
    if along(step.gradient, of(d_loss)):
        return
    if along(step.gradient, of(lambda r, f: d_loss(r, f) + g_loss(f))):
        raise NotYet(
            "D's gradient holds a part of g_loss, because G's backward() came before D's step: step first, then go on "
            "to the other player"
        )
    _refuse_direction(step, of, "discriminator")


def _g_direction(seen: Watch, step: Step) -> None:
    until = seen.steps.index(step)
    fakes = step.shown("fake") or [asked for earlier in seen.steps[:until] for asked in earlier.shown("fake")][-1:]
    if fakes and all(asked.attached for asked in step.shown("fake")):
        _refuse_nothing(step, "G")
    if not bool(step.gradient.any()) or not any(asked.attached for asked in fakes):
        raise NotYet(
            "no gradient reaches G: the fakes of its step are detached (or made under no_grad), so G never moves. "
            "Detach for D's step only"
        )
    fakes = [asked for asked in fakes if asked.attached]
    of = _g_gradients(seen, fakes[0], torch.cat([asked.of("fake", asked.z) for asked in fakes]))
    wanted = of(lambda r, f: g_loss(f))
    if along(step.gradient, wanted):
        return
    for asked in [asked for earlier in seen.steps[max(until - 1, 0) : until] for asked in earlier.shown("fake")]:
        left_over = _g_gradients(seen, asked, asked.of("fake", asked.z))(lambda r, f: down(f))
        if close(step.gradient, wanted + left_over):
            raise NotYet(
                "G's gradient holds a part of d_loss, which pushes G to *help* D: the fakes are not detached in D's "
                "step, and G's gradients are not zeroed between the two backward() calls. Do at least one of the two"
            )
    _refuse_direction(step, of, "generator")


def _refuse_nothing(step: Step, initial: str) -> None:
    """A backward() came through this player's calls, and yet its gradient is 0 when the optimiser steps."""
    if step.asked and not bool(step.gradient.any()):
        raise NotYet(
            f"{initial}'s gradients are all 0 when its optimiser steps: zero_grad() comes before backward(), and not "
            "between backward() and step()"
        )


def _refuse_direction(step: Step, of: Callable[[Loss], Tensor], player: str) -> NoReturn:
    if sentence := named(player, step.gradient, of, lambda loss: False):
        raise NotYet(sentence)
    initial = player[0].upper()
    if step.stale:
        raise NotYet(
            f"{initial} has gradients of an earlier step still when the new ones are added: zero_grad() comes before "
            "every backward()"
        )
    raise NotYet(
        f"{initial}'s gradient is not that of {player[0]}_loss, and which step went wrong it does not tell. Is "
        "zero_grad() called before every backward(), and does each loss have the labels it should?"
    )


def _learning_rates(seen: Watch) -> None:
    for player in ("generator", "discriminator"):
        rates = [step.lr for step in seen.steps_of(player)]
        if min(rates) < 0.9 * rates[0]:
            raise NotYet(
                f"the {player}'s learning rate falls from {rates[0]:g} to {min(rates):.2g} in {len(rates)} steps: the "
                "players freeze wherever they are, which looks like convergence and is none. Leave the rates alone"
            )
