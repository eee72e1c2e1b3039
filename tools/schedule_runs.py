"""What ``tools/tables.py schedules`` measures: what a schedule cures, each beside its control, the constant rate.

On the ring three GANs, in ensembles of 24: of notebook 05's sick ones "sharp eyes" loses modes and "slow D" runs round
the ring; "healthy" is the first with its penalties. On digits the healthy GAN of the ward. "two time scales" is no
schedule but the other thing that people try first: constant rates, D's quicker and usually G's slower.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

from gancourse import schedules, ward
from gancourse.data import digits
from gancourse.ensembles import Ensemble, Recipe
from gancourse.metrics import image_sets, modes
from gancourse.metrics import judge as judges
from gancourse.recipes import RING
from gancourse.ward import worlds

RING_STEPS, RING_EVERY = 1_000, 10
DIGITS_SEEDS, DIGITS_STEPS, COUNTED = 3, 200, 1_000
TTUR = "two time scales"

_SHARP = dataclasses.replace(RING.recipe, hidden=32)
ON_RING: dict[str, tuple[Recipe, dict[str, float]]] = {
    "healthy": (dataclasses.replace(_SHARP, r1=0.1, r2=0.1), {"lr_g": 5e-4, "lr_d": 4e-3}),
    "sharp eyes": (_SHARP, {"lr_g": 5e-4, "lr_d": 4e-3}),
    "slow D": (
        Recipe(hidden=32, batch_size=64, lr_g=1e-3, lr_d=3e-4, beta1=0.5, average=0.98), {"lr_g": 1e-3, "lr_d": 3e-3},
    ),
}  # fmt: skip
"""Recipe, and its two time scales as in notebook 05; half as wide as there."""

ARMS = (*schedules.NAMES, TTUR)
NAMES = [f"{where}: {arm}" for where in (*ON_RING, "digits") for arm in ARMS]


def on_ring(where: str, arm: str, seeds: list[int]) -> dict[str, Any]:
    """Train an ensemble by a schedule; count modes of the weights in training, and of their average."""
    recipe, ttur = ON_RING[where]
    if arm == TTUR:
        recipe = dataclasses.replace(recipe, **ttur)
    ensemble = Ensemble(recipe, RING.target, seeds=seeds)
    for step in range(0, RING_STEPS, RING_EVERY):
        part = schedules.share("constant" if arm == TTUR else arm, step, RING_STEPS)
        ensemble.set(lr_g=part * recipe.lr_g, lr_d=part * recipe.lr_d)
        if step == RING_STEPS - 60:
            before = ensemble.sample(256, averaged=False)
        ensemble.train(RING_EVERY)
    moved = (ensemble.sample(256, averaged=False) - before).square().mean((1, 2)).sqrt()
    found: dict[str, Any] = {"same_z": [float(f"{number:.3g}") for number in moved.tolist()]}
    for name, averaged in (("", False), ("average_", True)):
        report = modes.report(ensemble.sample(2_500, averaged=averaged), RING.target, diverged_ok=True)
        found[f"{name}modes"] = report.covered.tolist()
        found[f"{name}quality"] = [round(number, 3) for number in report.quality.tolist()]
    return {"steps": RING_STEPS, "seeds": seeds, **found}


def on_digits(arm: str, seed: int, at: worlds.World, outside: judges.Judge, features: Tensor) -> dict[str, float]:
    """Train the ward's healthy GAN by a schedule; judge its samples, and how far they moved in the last 40 steps."""
    patient = ward.admit(ward.HEALTHY, at, seed)
    full = {"g": at.lr_g / 2, "d": at.lr_d * 2} if arm == TTUR else {"g": at.lr_g, "d": at.lr_d}
    for step in range(DIGITS_STEPS):
        part = schedules.share("constant" if arm == TTUR else arm, step, DIGITS_STEPS)
        patient.g_optimizer.param_groups[0]["lr"] = part * full["g"]
        patient.d_optimizer.param_groups[0]["lr"] = part * full["d"]
        patient.train(1)
        if step == DIGITS_STEPS - 41:
            before = patient.samples()
    moved = (patient.samples() - before).square().mean().sqrt()
    made = patient.samples(COUNTED, seed=1)
    frechet = image_sets.frechet_distance(features, outside.features(made))
    kinds = len(judges.classes_covered(outside.probabilities(made)))
    return {"frechet": round(frechet, 2), "kinds": kinds, "same_z": round(float(moved), 3)}


def table(seeds: list[int], wanted: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    """Yield a row for each schedule and place: the ring on all seeds, the digits on the first ones."""
    for where in ON_RING:
        for arm in ARMS:
            if wanted(name := f"{where}: {arm}"):
                started = time.process_time()
                row = on_ring(where, arm, seeds)
                full = sum(count == 8 for count in row["modes"])
                middle = statistics.median(row["modes"])
                print(f"{name:28s} all 8 modes: {full} of {len(seeds)}, median {middle}", flush=True)
                yield {"name": name, **row, "cpu_seconds": round(time.process_time() - started, 1)}
    names = [f"digits: {arm}" for arm in ARMS]
    if not any(wanted(name) for name in names):
        return
    at = worlds.world("digits", "mnist")
    data = digits.load("mnist")
    outside = judges.load(data)
    features = outside.features(data.test_images[-COUNTED:])
    for name, arm in zip(names, ARMS, strict=True):
        if wanted(name):
            started = time.process_time()
            found = [on_digits(arm, seed, at, outside, features) for seed in seeds[:DIGITS_SEEDS]]
            row = {key: [one[key] for one in found] for key in found[0]}
            print(f"{name:28s} {row}", flush=True)
            spent = round(time.process_time() - started, 1)
            yield {"name": name, "steps": DIGITS_STEPS, "seeds": seeds[:DIGITS_SEEDS], **row, "cpu_seconds": spent}
