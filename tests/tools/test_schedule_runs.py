"""tools/schedule_runs.py: an arm differs from its control in its rates alone, and every arm is stored."""

import dataclasses

import pytest
import torch

import schedule_runs
from gancourse import measured
from gancourse.ensembles import Ensemble, Recipe
from gancourse.recipes import RING


@pytest.fixture
def small(monkeypatch):
    recipe = Recipe(hidden=8, batch_size=16)
    monkeypatch.setitem(schedule_runs.ON_RING, "small", (recipe, {"lr_g": 1e-4, "lr_d": 2e-3}))
    monkeypatch.setattr(schedule_runs, "RING_STEPS", 80)
    return recipe


def test_the_constant_arm_is_the_plain_ensemble(small):
    row = schedule_runs.on_ring("small", "constant", [3, 4])
    plain = Ensemble(small, RING.target, seeds=[3, 4])
    plain.train(80)
    points = plain.sample(2_500, averaged=False)
    from gancourse.metrics import modes

    assert row["quality"] == [round(q, 3) for q in modes.report(points, RING.target).quality.tolist()]


def test_two_time_scales_change_the_rates_and_nothing_else(small):
    row = schedule_runs.on_ring("small", schedule_runs.TTUR, [3])
    other = Ensemble(dataclasses.replace(small, lr_g=1e-4, lr_d=2e-3), RING.target, seeds=[3])
    other.train(20)
    before = other.sample(256, averaged=False)
    other.train(60)
    moved = float((other.sample(256, averaged=False) - before).square().mean().sqrt())
    assert row["same_z"] == [pytest.approx(moved, rel=0.01)]


def test_a_halved_run_moves_less_at_its_end(small):
    halved, constant = (schedule_runs.on_ring("small", arm, [3, 4, 5]) for arm in ("halving", "constant"))
    assert max(halved["same_z"]) < min(constant["same_z"])
    assert torch.tensor(constant["modes"]).shape == (3,)


def test_every_arm_is_stored_beside_its_control():
    rows = {row["name"]: row for row in measured.load("schedules")["rows"]}
    assert set(rows) == set(schedule_runs.NAMES)
    for name, row in rows.items():
        count = schedule_runs.DIGITS_SEEDS if name.startswith("digits") else 24
        assert len(row["seeds"]) == count == len(row["same_z"])
