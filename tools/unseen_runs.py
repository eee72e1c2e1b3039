"""What ``tools/tables.py unseen`` measures: does a pair of labels come that was never shown together?"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from asked_runs import REAL, STEPS, Wanted, bench, rounded, trained
from gancourse import conditional, runtime
from gancourse.data import spoils
from gancourse.metrics import asked
from image_tables import picture

LEAN = 0.5  # digits lean by a slope of -LEAN (side 0, to the left) or LEAN (side 1, to the right)
FIRST, SECOND = (7, 1), (4, 0)  # a digit and a side never shown together; each pair is held out of its own runs
WAYS = ("two labels, added", "one label for each pair")
SAMPLES = 500


def pair_labels(numbers_: Tensor, sides: Tensor, name: str) -> Tensor:
    """Return labels of (digit, side): half a weight for each of the two, or one of twenty classes."""
    if name == WAYS[1]:
        return numbers_ + 10 * sides
    weights = torch.zeros(len(numbers_), 12)
    weights[torch.arange(len(numbers_)), numbers_] = 0.5
    weights[torch.arange(len(numbers_)), 10 + sides] = 0.5
    return weights


def halfway(digit: int) -> float:
    """Return the slant half-way between real ``digit``s that lean to the left and to the right."""
    at = bench()
    of_digit = at.images[at.labels == digit]
    means = [float(asked.moments(spoils.slant(of_digit, lean)).slant.mean()) for lean in (-LEAN, LEAN)]
    return statistics.mean(means)


def obeyed(images: Tensor, digit: int, side: int) -> dict[str, float]:
    """Return how many images show the digit, lean to the side, and do both."""
    shows = bench().judges[0].probabilities(images).argmax(dim=1) == digit
    leans = (asked.moments(images).slant > halfway(digit)) == bool(side)
    return {key: float(value.double().mean()) for key, value in
            (("digit", shows), ("side", leans), ("both", shows & leans))}  # fmt: skip


def table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row of real images, and one for each way to write two labels, with one pair of them held out."""
    for held_out in (FIRST, SECOND):
        yield from without(held_out, seeds, wanted)


def named(name: str, held_out: tuple[int, int]) -> str:
    """Return the name of a row: that of the first pair has no addition."""
    return name if held_out == FIRST else f"{name}, without {held_out[0]} to the {('left', 'right')[held_out[1]]}"


def without(held_out: tuple[int, int], seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    at = bench()
    combinations = [(digit, side) for digit in range(10) for side in (0, 1)]
    if wanted(named(REAL, held_out)):
        real = {
            pair: obeyed(spoils.slant(at.others[at.other_labels == pair[0]], (-LEAN, LEAN)[pair[1]]), *pair)
            for pair in combinations
        }
        yield {"name": named(REAL, held_out), "held_out": held_out, **_seen_and_not([real], held_out)}
    sides = torch.randint(2, (len(at.data.images),), generator=runtime.generator(0))
    images = torch.where(
        sides.view(-1, 1, 1, 1).bool(), spoils.slant(at.data.images, LEAN), spoils.slant(at.data.images, -LEAN)
    )
    kept = ~((at.data.labels == held_out[0]) & (sides == held_out[1]))
    images, numbers_, sides = images[kept], at.data.labels[kept], sides[kept]
    for name in WAYS:
        full = named(name, held_out)
        if full not in NAMES or not wanted(full):  # one label for each pair is tried on the first pair alone
            continue
        labels = pair_labels(numbers_, sides, name)
        shown = torch.tensor([pair for pair in combinations if pair != held_out])
        among = pair_labels(*shown.T, name)
        found, spent = [], []
        for seed in seeds:
            started = time.process_time()
            count = 20 if name == WAYS[1] else 12
            generator, _ = trained("projection", images, labels, seed, classes=count, among=among)
            spent.append(round(time.process_time() - started, 1))
            noise, one = runtime.generator(seed + 4), {}
            for pair in combinations:
                given = pair_labels(*torch.tensor([pair]).expand(SAMPLES, 2).T, name)
                made = conditional.ask(generator, given, noise)
                one[pair] = obeyed(made, *pair)
                if pair == held_out and seed == seeds[0]:
                    pictured = made
            found.append(one)
        values = _seen_and_not(found, held_out)
        print(f"{full:26s}", values["unseen"], {k: [round(v, 3) for v in values["seen"][k]] for k in values["seen"]})
        yield {"name": full, "held_out": held_out, "seeds": seeds, "steps": STEPS, **values, "cpu_seconds": spent,
               "picture": picture(pictured, columns=10)}  # fmt: skip


def _seen_and_not(found: list[dict[tuple[int, int], dict[str, float]]], held_out: tuple[int, int]) -> dict[str, Any]:
    """Return the numbers of the pair held out, and the means over the others, seed by seed."""
    keys = ("digit", "side", "both")
    rest = [[one[pair] for pair in one if pair != held_out] for one in found]
    return {
        "unseen": {key: [rounded(one[held_out][key]) for one in found] for key in keys},
        "seen": {key: [rounded(statistics.mean(p[key] for p in pairs)) for pairs in rest] for key in keys},
        "other_side": {key: [rounded(one[held_out[0], 1 - held_out[1]][key]) for one in found] for key in keys},
    }


NAMES = [*(named(name, FIRST) for name in (REAL, *WAYS)), *(named(name, SECOND) for name in (REAL, WAYS[0]))]
