"""What ``tools/tables.py patients`` measures: every patient of the ward, on digits and on the ring, over seeds.

The healthy ones are followed on more seeds than the sick, because their losses make the band that the others are held
against. Each row is one patient in one world; what it holds is said in ``gancourse.ward.chart``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from gancourse import ward
from gancourse.ward import worlds

HEALTHY_SEEDS = 6
NAMES = [f"{where}: {name}" for where in worlds.WORLDS for name, of in ward.ILLNESSES.items() if where in of.worlds]


def seeds_of(illness: str, seeds: list[int]) -> list[int]:
    """Return the seeds of a patient: the healthy have as many more as make HEALTHY_SEEDS."""
    if illness != ward.HEALTHY:
        return seeds
    return seeds + list(range(seeds[-1] + 1, seeds[0] + HEALTHY_SEEDS))


def table(seeds: list[int], wanted: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    """Yield a row for each patient and world. Needs real MNIST, because the pictures are of it."""
    for where in worlds.WORLDS:
        at = worlds.world(where, "mnist")
        for illness, of in ward.ILLNESSES.items():
            name = f"{where}: {illness}"
            if name not in NAMES or not wanted(name):
                continue
            found, spent = [], []
            for seed in seeds_of(illness, seeds):
                started = time.process_time()
                found.append(ward.admit(illness, at, seed).follow())
                spent.append(round(time.process_time() - started, 1))
                keys = ("d_loss", "g_loss", of.told_by or "same_z")
                told = {key: f"{float(found[-1].traces[key][-1]):.3g}" for key in keys}
                print(f"{name:40s} seed {seed}: {spent[-1]:5.1f} s  {told}", flush=True)
            yield {**ward.pack(found), "cpu_seconds": spent}
