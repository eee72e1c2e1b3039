"""tools/r3gan_runs.py on a few digits: arms differ in one part, both sides search alike, and failures are counted."""

import dataclasses

import pytest

import growing_tables
import r3gan_runs
from gancourse import measured, r3gan, styling
from gancourse.data import digits
from gancourse.metrics import judge as judges


@pytest.fixture
def few(monkeypatch):
    """Embedded digits of 28 pixels, and short runs with few samples."""
    data = digits.load("embedded")
    judge = judges.load(data)
    at = growing_tables.Bench(data, judge, judge.features(data.test_images[:200]), data.test_images[200:260])
    for module in (growing_tables, r3gan_runs):
        monkeypatch.setattr(module, "bench", lambda: at)
        monkeypatch.setattr(module, "SAMPLES", 60)
    monkeypatch.setattr(growing_tables, "SCORED", 50)
    monkeypatch.setattr(styling, "_COUNTED", 500)
    monkeypatch.setattr(r3gan_runs, "STEPS", dict.fromkeys(r3gan_runs.STEPS, 2))
    r3gan_runs.run.cache_clear()
    yield at
    r3gan_runs.run.cache_clear()


def different(one, other):
    return {field.name for field in dataclasses.fields(one) if getattr(one, field.name) != getattr(other, field.name)}


def test_both_losses_try_the_same_rates_and_weights():
    tried = {loss: [(r, g) for of, r, g in r3gan_runs.SEARCH.values() if of == loss] for loss in r3gan_runs.SIDES}
    assert tried["non_saturating"] == tried["relativistic"] and len(tried["relativistic"]) == 8
    ours, theirs = (r3gan_runs.candidate(loss, 8e-3, 1.0) for loss in r3gan_runs.SIDES)
    assert (ours.r1, ours.r2) == (1.0, 0.0) and (theirs.r1, theirs.r2) == (1.0, 1.0)
    assert different(ours, theirs) == {"loss", "r2"}


def test_each_part_is_taken_out_alone():
    arms = r3gan_runs.parts()
    theirs, ours = arms[r3gan_runs.THEIRS], arms[r3gan_runs.OURS]
    assert different(arms["relativistic + R1"], theirs) == {"r2"}
    assert different(arms["relativistic + R2"], theirs) == {"r1"}
    assert different(arms["relativistic"], theirs) == {"r1", "r2"}
    assert different(arms["non_saturating + R1 + R2"], theirs) == {"loss"}
    assert ours.r2 == 0
    rules = r3gan_runs.crossed()
    assert len(rules) == 5 and len({dataclasses.astuple(settings) for settings in rules.values()}) == 5
    for name, settings in rules.items():
        assert different(settings, theirs) <= {"norm", "rates"}
        assert ("none norm" in name) == (settings.norm == "none")
        assert ("large" in name) == (settings.rates == theirs.rates)
        assert ("small" in name) == (settings.rates == r3gan_runs.SMALL)


def test_a_row_keeps_every_seed_and_says_what_failed(few, monkeypatch):
    (row,) = r3gan_runs.table([1, 2], lambda name: name == r3gan_runs.THEIRS)
    assert row["seeds"] == [1, 2] and len(row["frechet"]) == 2 and row["failed"] == [True, True]  # after two steps
    assert row["settings"]["loss"] == "relativistic" and measured.samples(row).shape == (24, 1, 28, 28)
    good = {"classes": 10, "frechet": 399.0}
    assert not r3gan_runs.failed(good)
    assert r3gan_runs.failed(good | {"classes": 9}) and r3gan_runs.failed(good | {"frechet": 401.0})

    def diverged(*given, **more):
        raise ValueError("real_logits must be finite, got 64 NaN")

    r3gan_runs.run.cache_clear()
    monkeypatch.setattr(r3gan, "train", diverged)
    (row,) = r3gan_runs.table([1], lambda name: name == r3gan_runs.OURS)
    assert row["failed"] == [True] and row["frechet"] == [None] and "picture" not in row

    def broken(*given, **more):
        raise ValueError("num_steps must be positive")

    r3gan_runs.run.cache_clear()
    monkeypatch.setattr(r3gan, "train", broken)
    with pytest.raises(ValueError, match="num_steps"):
        list(r3gan_runs.table([1], lambda name: name == r3gan_runs.OURS))


def test_what_was_chosen_is_the_best_of_the_search():
    rows = {row["name"]: row for row in measured.load("relativistic")["rows"]}
    for loss, chosen in r3gan_runs.CHOSEN.items():
        tried = [name for name, (of, _, _) in r3gan_runs.SEARCH.items() if of == loss]
        best, second, *_ = sorted(tried, key=lambda name: rows[name]["frechet"][0])
        assert r3gan_runs.candidate(*r3gan_runs.SEARCH[best]) == chosen
        assert r3gan_runs.candidate(*r3gan_runs.SEARCH[second]) in r3gan_runs.SECOND.values()


def test_both_losses_train_for_equal_seconds():
    ms = {row["name"]: row for row in measured.load("relativistic")["rows"]}[r3gan_runs.STEP_TIMES]["ms"]
    ours = r3gan_runs.STEPS["non_saturating"] * ms[r3gan_runs.OURS]
    assert r3gan_runs.STEPS["relativistic"] * ms[r3gan_runs.THEIRS] == pytest.approx(ours, rel=0.1)
