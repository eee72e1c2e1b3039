"""Checkers of notebook 11: an instrument, traces to tell apart, the ward, two programmes to mend, a bet on cures."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from gancourse import runtime, ward
from gancourse.checks.comparing import Mistakes, compare
from gancourse.checks.framework import NotAttempted, NotYet, Surprised, choices, exercise, line, matched
from gancourse.metrics import instruments
from gancourse.ward import programme

__all__ = ["admitted", "cures", "listing", "movement", "repairs", "traces", "ward_round"]


# ---------------------------------------------------------------- exercise 1

Weights = Mapping[str, Tensor]


def _pairs(before: Weights, network: nn.Module) -> list[tuple[Tensor, Tensor]]:
    return [(before[name], now.detach()) for name, now in network.named_parameters()]


def _rows(before: Weights, network: nn.Module) -> tuple[Tensor, Tensor]:
    """Return all weights before and now, each in one row."""
    old, new = zip(*_pairs(before, network), strict=True)
    return torch.cat([w.flatten() for w in old]), torch.cat([w.flatten() for w in new])


def _of(formula: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Weights, nn.Module], Tensor]:
    return lambda before, network: formula(*_rows(before, network))


def _by_layer(reduce: Callable[[Tensor], Tensor]) -> Callable[[Weights, nn.Module], Tensor]:
    def formula(before: Weights, network: nn.Module) -> Tensor:
        return reduce(torch.stack([(new - old).norm() / old.norm() for old, new in _pairs(before, network)]))

    return formula


_movement = _of(lambda old, new: (new - old).norm() / old.norm())
_TURNED = "you compare two sizes. Weights that turn keep their size and have moved all the same: first subtract"
_TOGETHER = "take all weights together, then divide once"
_MOVEMENT_MISTAKES: Mistakes = [
    (_of(lambda old, new: (new - old).norm()), "this is how far the weights moved, not relative to where they were"),
    (
        _of(lambda old, new: (new - old).square().sum() / old.square().sum()),
        "the root is missing: these are squared sizes",
    ),
    (_of(lambda old, new: (new - old).square().sum()), "neither root nor division: this is the squared way"),
    (_of(lambda old, new: (new - old).norm() / new.norm()), "you divide by the size of the weights as they are *now*"),
    (_of(lambda old, new: old.norm() / (new - old).norm()), "turned round: the way belongs above the line"),
    (_of(lambda old, new: (new.norm() - old.norm()).abs() / old.norm()), _TURNED),
    (_of(lambda old, new: (new.norm() - old.norm()) / old.norm()), _TURNED),
    (_of(lambda old, new: (new - old).sum() / old.sum()), "differences of opposite signs cancel in a plain sum"),
    (
        _of(lambda old, new: (new - old).abs().sum() / old.abs().sum()),
        "you add up absolute values; a size is the root of a sum of squares",
    ),
    (_of(lambda old, new: (new - old).abs().max()), "this is the largest change of one weight"),
    (_of(lambda old, new: (new - old).abs().mean()), "this is the mean change of a weight, not relative to anything"),
    (_of(lambda old, new: ((new - old) / old).norm()), f"each weight is divided by itself; {_TOGETHER}"),
    (
        _of(lambda old, new: (new - old).norm() / old.square().sum()),
        "the root is taken above the line only; below it stands a square",
    ),
    (
        lambda before, network: (
            (
                sum((new - old).square().mean() for old, new in _pairs(before, network))
                / sum(old.square().mean() for old, _ in _pairs(before, network))
            )
            ** 0.5
        ),
        "the squares of each parameter are averaged, so that a small one counts as much as a large one; sum them",
    ),
    (
        _of(lambda old, new: 100 * (new - old).norm() / old.norm()),
        "this is a percentage; the size relative to 1 is wanted",
    ),
    (_by_layer(torch.sum), f"you add up the ratios of the layers; {_TOGETHER}"),
    (_by_layer(torch.mean), f"you average the ratios of the layers; {_TOGETHER}"),
    (_by_layer(torch.amax), "this is the layer that moved most; all weights together are wanted"),
    (_by_layer(lambda ratios: ratios[0]), "only the first parameter is looked at"),
    (_by_layer(lambda ratios: ratios[-1]), "only the last parameter is looked at"),
    (
        lambda before, network: (
            sum((new - old).norm() for old, new in _pairs(before, network))
            / sum(old.norm() for old, _ in _pairs(before, network))
        ),
        "the sizes of the layers are added up; squares add up, and the root comes last",
    ),
]


def _moved(seed: int, layers: Sequence[nn.Module], by: float) -> tuple[Weights, nn.Module]:
    """Return a network's weights before, and the network after a push in a random direction."""
    network, random = nn.Sequential(*layers), runtime.generator(seed)
    with torch.no_grad():
        for weights in network.parameters():
            weights.copy_(torch.randn(weights.shape, generator=random) + 0.3)
    before = MappingProxyType({name: weights.detach().clone() for name, weights in network.named_parameters()})
    with torch.no_grad():
        for place, weights in enumerate(network.parameters()):
            weights.add_(by * (1 + place) * torch.randn(weights.shape, generator=random))
    return before, network


@exercise("Exercise 1")
def movement(function: Callable[[Weights, nn.Module], float]) -> str:
    """Check ``movement(before, network)``: the size of the change of all weights, relative to their size before.

    before: name -> copy of a parameter, for all of ``network.named_parameters()``.

    First met in: notebook 11.
    """
    cases = [
        _moved(1, (nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), 0.1),
        _moved(2, (nn.Linear(2, 5), nn.BatchNorm1d(5), nn.Linear(5, 1)), 0.7),
        _moved(3, (nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3)), 0.02),
        _moved(4, (nn.Linear(3, 2), nn.Linear(2, 2)), 0.0),
    ]
    compare(
        function,
        cases,
        _movement,
        _MOVEMENT_MISTAKES,
        name="movement",
        names=("before", "network"),
        told=lambda before, network: f"a network with {len(before)} parameters",
        reduce="one size for all parameters",
    )
    return "Exactly 0 says that no weight changed, if the instrument is sound."


# ---------------------------------------------------------------- exercise 2

_TRACES = {"P": "rates too high", "Q": "healthy", "R": "fake detached in G's step", "S": "G runs ahead"}
_TRACE_HINTS = {
    "P": "P's lines are higher than all others. What makes both players take larger steps?",
    "Q": "in Q both players move at every look, D more than G, and neither runs away",
    "R": "in R one line lies on the floor. Exactly?",
    "S": "in S one player hardly moves. Which one, and is it exactly 0?",
}


@exercise("Exercise 2")
def traces(answers: Mapping[str, Any]) -> str:
    """Check which cause belongs to which of the four pairs of traces.

    First met in: notebook 11.
    """
    matched(answers, _TRACES, "a cause for each letter", _TRACE_HINTS)
    return "One instrument told four runs apart, three of them by a size and one by an exact 0."


# ---------------------------------------------------------------- exercise 3: the ward

_WARD = {
    "A": "G in eval mode",
    "B": "fake detached in G's step",
    "C": "one batch for ever",
    "E": "G's sign",
    "F": "sigmoid twice",
    "H": "rates too high",
    "I": "optimiser of G holds D",
    "J": "data in [0, 1]",
    "K": "one optimiser for both",
    "L": "D sees half the size",
    "M": "D wins",
    "N": "G runs ahead",
}


def admitted() -> dict[str, ward.Chart]:
    """Return the charts of the twelve patients, by letter; each hides its illness behind the letter.

    First met in: notebook 11.
    """
    return {letter: _by_illness()[name][0]._replace(illness=letter) for letter, name in _WARD.items()}


@exercise("Exercise 3")
def ward_round(answers: Mapping[str, Any]) -> str:
    """Check the illnesses that were given to the twelve patients; of a wrong one, name the test that tells.

    First met in: notebook 11.
    """
    said = choices(answers, tuple(_WARD), tuple(_WARD.values()), "an illness for each patient")
    wrong = [who for who, name in _WARD.items() if said[who] is not ... and said[who] != name]
    open_beds = [who for who in _WARD if said[who] is ...]
    right = len(_WARD) - len(wrong) - len(open_beds)
    if wrong:
        raise NotYet(f"{right} of 12 are right, and {wrong[0]} is not. {_telling(wrong[0], said[wrong[0]])}")
    if open_beds:
        raise NotYet(f"{right} of 12 are right, and {open_beds[0]} is still open")
    return "Twelve of twelve."


@functools.cache
def _by_illness() -> dict[str, list[ward.Chart]]:
    found: dict[str, list[ward.Chart]] = {}
    for chart in ward.charts("digits"):
        found.setdefault(chart.illness, []).append(chart)
    return found


def _telling(who: str, said: str) -> str:
    """Say which test would have told the illness from the one that was named: where the two differ most, in spreads."""
    stored, scores = _by_illness(), {}
    for test in ward.TRACES:
        mine, theirs = (torch.stack([c.traces[test][-4:].mean() for c in stored[name]]) for name in (_WARD[who], said))
        spread = mine.std() + theirs.std() + 0.02 * (mine.abs().mean() + theirs.abs().mean()) + 1e-6
        scores[test] = (float((mine.mean() - theirs.mean()).abs() / spread), float(mine.mean()), float(theirs.mean()))
    test = max(scores, key=lambda name: scores[name][0])
    _, here, there = scores[test]
    return f"Order the test {test!r}: here it reads about {here:.2g}; in patients with {said!r} about {there:.2g}"


# ---------------------------------------------------------------- exercise 4: two programmes

_SICK = {"X": "optimiser of G holds D", "Y": "one batch for ever"}
_STEPS, _SEED = 6, 11
_MARK = "# planted"


def listing(letter: str) -> str:
    """Return the programme of patient X or Y, its lines numbered from 1.

    First met in: notebook 11.
    """
    return "\n".join(f"{i:2d}  {text}".rstrip() for i, text in enumerate(_lines(letter), 1))


def _lines(letter: str) -> list[str]:
    return [text.partition(_MARK)[0].rstrip() for text in ward.source(_SICK[letter]).splitlines()]


class _Ran:
    """What a programme did in a few steps on the ring."""

    def __init__(self, source: str) -> None:
        names = dict(vars(programme))
        exec(compile(source, "<your programme>", "exec"), names)
        gan = names["gan"](ward.world("ring"), _SEED)
        before = [instruments.snapshot(network) for network in (gan.generator, gan.discriminator)]
        shown = []
        for _ in range(_STEPS):
            shown.append(next(gan.batches))
            gan.step(shown[-1].clone())
        self.moved = [
            instruments.movement(old, new) for old, new in zip(before, (gan.generator, gan.discriminator), strict=True)
        ]
        self.optimisers = {
            player: (
                {id(w) for group in optimiser.param_groups for w in group["params"]}
                == {id(w) for w in network.parameters()},
                *({name: group[name] for name in ("lr", "betas")} for group in optimiser.param_groups),
            )
            for player, network, optimiser in (
                ("G", gan.generator, gan.g_optimizer),
                ("D", gan.discriminator, gan.d_optimizer),
            )
        }
        rows = torch.cat(shown)
        self.fresh = len(rows.unique(dim=0)) / len(rows)

    def as_good_as(self, healthy: _Ran, *, exactly: bool) -> bool:
        """Tell whether both players moved as they should and every batch was new."""
        off = max(abs(math.log((mine + 1e-9) / theirs)) for mine, theirs in zip(self.moved, healthy.moved, strict=True))
        return self.fresh == healthy.fresh and off < (1e-4 if exactly else 0.35)


@exercise("Exercise 4")
def repairs(answers: Mapping[str, Any]) -> str:
    """Check one mended line for each of the programmes X and Y, as (number of the line, new line).

    The programme is run with the new line for a few steps on the ring, beside the healthy one.

    First met in: notebook 11.
    """
    if not isinstance(answers, Mapping) or set(answers) != set(_SICK):
        raise NotYet("a dict with the keys 'X' and 'Y' was expected, each with a number and a line")
    if all(_is_open(answer) for answer in answers.values()):
        raise NotAttempted
    healthy = _Ran(ward.source())
    for letter, answer in answers.items():
        _mended(letter, answer, healthy)
    return "Both run as the healthy program does."


def _is_open(answer: Any) -> bool:
    return answer is ... or (isinstance(answer, (tuple, list)) and any(part is ... for part in answer))


def _mended(letter: str, answer: Any, healthy: _Ran) -> None:
    if not _is_open(answer) and (not isinstance(answer, (tuple, list)) or len(answer) != 2):
        raise NotYet(
            f"for {letter} two things are wanted, the number of a line and the new line, such as (12, 'x = 1')"
        )
    if _is_open(answer):
        raise NotYet(f"{letter} is still open: give the number of a line and the new line, such as (12, 'x = 1')")
    lines, sick = _lines(letter), ward.source(_SICK[letter]).splitlines()
    place = line(answer[0], len(lines)) - 1
    if not isinstance(answer[1], str):
        raise NotYet(f"the new line of {letter} should be text in quotes; '' takes a line out")
    old, new = lines[place], answer[1].strip()
    if old.strip() == new:
        raise NotYet(f"in {letter}, line {place + 1} is as it was")
    lines[place] = old[: len(old) - len(old.lstrip())] + new if new else ""
    try:
        ran = _Ran("\n".join(lines))
    except Exception as error:
        raise NotYet(f"program {letter} with your line {place + 1} stops: {type(error).__name__}: {error}") from error
    if not ran.as_good_as(healthy, exactly=_MARK not in sick[place]):
        moved = " and ".join(
            f"{player} has moved by {mine:.3f} (healthy {theirs:.3f})"
            for player, mine, theirs in zip("GD", ran.moved, healthy.moved, strict=True)
        )
        raise NotYet(
            f"program {letter} is not well with your line {place + 1}: after {_STEPS} steps {moved}, and "
            f"{ran.fresh:.0%} of the real points it was shown were new (healthy {healthy.fresh:.0%})"
        )
    for player, (alone, *settings) in ran.optimisers.items():
        if not alone:
            raise NotYet(
                f"program {letter} with your line {place + 1} trains both players, but the optimiser of {player} does "
                f"not hold the weights of {player} and no others, so a step moves somebody for the wrong reason"
            )
        if tuple(settings) != healthy.optimisers[player][1:]:
            raise NotYet(
                f"with your line {place + 1} of program {letter}, the right player moves, but its optimiser has "
                "another rate or other betas than in the healthy program; only the mistake should go"
            )


# ---------------------------------------------------------------- exercise 5


@exercise("Exercise 5")
def cures(prediction: Mapping[str, Any], counts: Mapping[str, Sequence[int]]) -> str:
    """Compare a prediction, True for every cure that works, with the modes covered on each seed.

    A cure works when at least half of the seeds cover all modes, which are as many as any seed covers; "none" in
    ``counts`` is the control.

    First met in: notebook 11.
    """
    names = [name for name in counts if name != "none"]
    said = choices(prediction, names, (True, False), "True or False for each cure")
    if open_names := [name for name in names if said[name] is ...]:
        raise NotYet(f"there is no prediction for {open_names[0]!r} yet: write True or False")
    of = max(max(row) for row in counts.values())
    full = {name: sum(count == of for count in counts[name]) for name in names}
    missed = [name for name in names if said[name] != (full[name] >= len(counts[name]) / 2)]
    if missed:
        told = "; ".join(
            f"with {name}, {full[name]} of {len(counts[name])} GANs cover all {of} blobs" for name in missed
        )
        raise Surprised(f"{len(missed)} of {len(names)}: {told}. Which reading could have told you?")
    return f"All {len(names)} came true."
