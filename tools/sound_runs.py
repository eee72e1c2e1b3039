"""What ``tools/tables.py sounds`` measures: generators of notes, by phase of the data and what D is told of it.

Every generator is trained by ``gancourse.sounding`` on the same 4,096 notes, from the same seeds, and 2,000 of its
sounds are compared with 2,000 true notes. "untrained" is the first weights with batch norm's statistics measured.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gancourse import runtime, sounding
from gancourse.data import instrument
from gancourse.metrics import sound
from judge_tables import Wanted

SEEDS = 3
NOTES, SAMPLES, KEPT = 4_096, 2_000, 6


class Entry(NamedTuple):
    """One row: how the notes begin, how a generator is trained, and for how many steps."""

    phase: str
    recipe: sounding.Recipe
    trained: bool = True


CRITIC = {"loss": "wasserstein", "penalty": 10.0, "penalty_every": 1}
ENTRIES = {
    "untrained, transposed": Entry("struck", sounding.Recipe(), trained=False),
    "untrained, nearest": Entry("struck", sounding.Recipe(up="nearest"), trained=False),
    "struck": Entry("struck", sounding.Recipe()),
    "struck, shuffle": Entry("struck", sounding.Recipe(shuffle=2)),
    "random": Entry("random", sounding.Recipe()),
    "random, shuffle": Entry("random", sounding.Recipe(shuffle=2)),
    "struck, shuffle but last": Entry("struck", sounding.Recipe(shuffle=2, shuffle_last=False)),
    "random, shuffle but last": Entry("random", sounding.Recipe(shuffle=2, shuffle_last=False)),
    "struck, nearest": Entry("struck", sounding.Recipe(up="nearest")),
    "struck, WGAN-GP": Entry(
        "struck", sounding.Recipe(**CRITIC, d_steps=5, lr_g=1e-3, lr_d=1e-3, betas=(0.5, 0.9), num_steps=330)
    ),
    "struck, WGAN-GP, the recipe's rates": Entry(
        "struck", sounding.Recipe(**CRITIC, d_steps=2, betas=(0.0, 0.9), num_steps=600)
    ),
}
TRUTH = ("truth, struck", "truth, random")
NAMES = [*TRUTH, *ENTRIES]


def kept(waves: Tensor) -> str:
    """Return a few sounds as text: 16-bit numbers in base64, which ``gancourse.measured.sounds`` reads."""
    return base64.b64encode((waves * 32_767).round().to(torch.int16).numpy().astype("<i2").tobytes()).decode()


def numbers(waves: Tensor, truth: Tensor) -> dict[str, Any]:
    """Return what is heard in a set of sounds beside the truth, rounded; lines in decibels."""
    report = sound.compare(waves, truth)
    return {
        "tonal": round(report.tonal, 3),
        "periodicity": round(report.periodicity, 3),
        "notes": [round(share, 3) for share in report.notes],
        "missing": report.missing,
        "pitch": None if report.pitch != report.pitch else round(report.pitch, 3),
        "decay": round(report.decay, 4),
        "centroid": round(report.centroid, 1),
        "lines": [round(line, 1) for line in sound.lines(waves).tolist()],
    }


def truth_of(phase: str, seed: int) -> Tensor:
    return instrument.pluck(SAMPLES, runtime.generator(seed), phase=phase).waves


def row(name: str, entry: Entry, seeds: list[int]) -> dict[str, Any]:
    """Train an entry on every seed, and return what a table stores of it."""
    notes, truth, found, spent = _notes(entry.phase), truth_of(entry.phase, 1), [], []
    for seed in seeds:
        started = time.process_time()
        if entry.trained:
            generator = sounding.train(notes, entry.recipe, seed=seed)
        else:
            generator = sounding.finish(sounding.build(entry.recipe, seed=seed), runtime.generator(seed + 2))
        spent.append(round(time.process_time() - started, 1))
        waves = sounding.sample(generator, SAMPLES, runtime.generator(seed + 4))
        found.append(numbers(waves, truth))
        if seed == seeds[0]:
            heard = kept(waves[:KEPT])
    tell(name, found, spent)
    steps = entry.recipe.num_steps if entry.trained else 0
    return {"name": name, "phase": entry.phase, "seeds": seeds, "steps": steps, "d_steps": entry.recipe.d_steps,
            "n": SAMPLES, **{key: [one[key] for one in found] for key in found[0]},
            "cpu_seconds": spent, "sounds": heard}  # fmt: skip


def reference(name: str, seeds: list[int]) -> dict[str, Any]:
    """Return what the same measures say of other true notes, drawn anew for each seed."""
    phase = name.removeprefix("truth, ")
    found = [numbers(truth_of(phase, 100 + seed), truth_of(phase, 1)) for seed in seeds]
    tell(name, found, [])
    return {"name": name, "phase": phase, "seeds": seeds, "n": SAMPLES,
            **{key: [one[key] for one in found] for key in found[0]},
            "sounds": kept(truth_of(phase, 1)[:KEPT])}  # fmt: skip


def tell(name: str, found: list[dict[str, Any]], spent: list[float]) -> None:
    told = "  ".join(f"{key} {[one[key] for one in found]}" for key in ("tonal", "periodicity", "missing", "decay"))
    print(f"{name:38s}{told}  {spent}", flush=True)


def _notes(phase: str) -> Tensor:
    return instrument.pluck(NOTES, runtime.generator(0), phase=phase).waves


def table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each kind of true notes and each generator."""
    for name in NAMES:
        if wanted(name):
            yield reference(name, seeds) if name in TRUTH else row(name, ENTRIES[name], seeds)
