"""Charts are stored and come back, and the band of healthy losses counts as its docstring says."""

import math
from pathlib import Path

import pytest
import torch

from gancourse import measured, ward
from gancourse.ward.worlds import world


def chart_of(illness, *rows, steps=(1, 2, 3, 4)):
    names = ("d_loss", "g_loss")
    traces = {name: torch.tensor(row, dtype=torch.float64) for name, row in zip(names, rows, strict=True)}
    empty = torch.zeros(1)
    return ward.Chart(illness, "ring", 0, torch.tensor(steps), traces, empty, empty, {}, empty)


def test_what_is_packed_comes_back():
    found = [ward.admit("healthy", at, seed).follow(4, looks=2) for at in ("ring",) for seed in (3, 9)]
    found_again = ward.unpack(ward.pack(found))
    for ours, theirs in zip(found, found_again, strict=True):
        assert (theirs.illness, theirs.world, theirs.seed) == (ours.illness, ours.world, ours.seed)
        assert torch.equal(theirs.steps, ours.steps)
        for name in ward.TRACES:
            assert torch.allclose(theirs.traces[name], ours.traces[name], rtol=6e-3)
        assert torch.allclose(theirs.samples, ours.samples, rtol=6e-3)
        assert theirs.gradients["start"]["G"] == pytest.approx(ours.gradients["start"]["G"], rel=6e-3)


def test_images_come_back_in_eight_greys():
    found = [ward.admit("healthy", world("digits", "embedded"), 1).follow(2, looks=2)]
    again = ward.unpack(ward.pack(found))[0]
    assert again.samples.shape == (8, 1, 28, 28)
    assert float((again.samples - found[0].samples).abs().max()) <= 1 / 7 + 5e-3


HEALTHY = [chart_of("healthy", [1.0, 1.0, 1.0, 1.0], [3.0] * 4), chart_of("healthy", [2.0, 2.0, 2.0, 2.0], [5.0] * 4)]


@pytest.mark.parametrize(
    "d_loss, g_loss, inside",
    [
        ([0.0, 3.0, 1.5, 1.5], [1.0, 7.0, 4.0, 4.0], True),  # the widened band: 0 to 3, and 1 to 7
        ([-0.1, 1.5, 1.5, 1.5], [4.0] * 4, True),  # three of four looks are enough
        ([-0.1, 3.1, 1.5, 1.5], [4.0] * 4, False),
        ([1.5] * 4, [0.9, 7.1, 4.0, 4.0], False),  # both losses have to
    ],
)
def test_the_band_is_widened_by_its_width(d_loss, g_loss, inside):
    assert ward.inside_band([chart_of("x", d_loss, g_loss)], HEALTHY) == {"x": [inside]}


def test_a_band_needs_two_runs_and_the_same_looks():
    with pytest.raises(ValueError, match="at least 2 charts, got 1"):
        ward.inside_band(HEALTHY, HEALTHY[:1])
    with pytest.raises(ValueError, match="looked at as the healthy are"):
        ward.inside_band([chart_of("x", [1.0] * 4, [1.0] * 4, steps=(2, 4, 6, 8))], HEALTHY)


def test_a_doctor_names_the_nearest_chart_of_another_seed():
    def chart(illness, seed, d_loss, g_loss):
        return chart_of(illness, [d_loss] * 4, [g_loss] * 4)._replace(seed=seed)

    found = [chart("a", 0, 1.0, 9.0), chart("b", 0, 1.1, 1.0), chart("a", 1, 1.2, 8.0), chart("b", 1, 900.0, 2.0)]
    assert ward.recognised(found, ["g_loss"]) == ["a", "b", "a", "b"]
    # by d_loss the ranks are 0 to 3: the nearest of the other seed is the third for both of the first two
    assert ward.recognised(found, ["d_loss"]) == ["a", "a", "b", "b"]
    larger = [each._replace(traces={**each.traces, "g_loss": 1000 * each.traces["g_loss"]}) for each in found]
    assert ward.recognised(larger, ["d_loss", "g_loss"]) == ward.recognised(found, ["d_loss", "g_loss"])


def test_a_doctor_may_know_another_world():
    known = [chart_of("a", [10.0] * 4, [1.0] * 4), chart_of("b", [99.0] * 4, [50.0] * 4)]
    strangers = [chart_of("?", [5.0] * 4, [2.0] * 4, steps=(7, 8, 9, 10)), chart_of("?", [200.0] * 4, [60.0] * 4)]
    assert ward.recognised(strangers, ["d_loss", "g_loss"], known=known) == ["a", "b"]
    assert ward.recognised(strangers, ["g_loss"], known=known[1:]) == ["b", "b"]
    with pytest.raises(ValueError, match="same number of looks"):
        short = chart_of("c", [1.0], [1.0], steps=(1,))
        ward.recognised(strangers, ["g_loss"], known=[short])


def test_a_doctor_needs_other_seeds_and_a_trace():
    with pytest.raises(ValueError, match="at least two seeds"):
        ward.recognised(HEALTHY, ["d_loss"])
    with pytest.raises(ValueError, match="at least one trace"):
        ward.recognised(HEALTHY, [])


def test_every_patient_is_stored_with_its_seeds():
    rows = {row["name"]: row for row in measured.load("patients")["rows"]}
    wanted = {f"{at}: {name}" for name, illness in ward.ILLNESSES.items() for at in illness.worlds}
    assert set(rows) == wanted
    for where in ward.WORLDS:
        for chart in ward.charts(where):
            assert len(chart.steps) == 12 and int(chart.steps[-1]) == ward.world(where, "embedded").steps
            assert all(trace.shape == (12,) and bool(torch.isfinite(trace).all()) for trace in chart.traces.values())
    assert Path(measured.__file__).with_name("patients.json").stat().st_size < 300_000


def medians(found, illness, name):
    """Return each seed's median of a trace over the second half of the looks."""
    return [float(chart.traces[name][6:].median()) for chart in found if chart.illness == illness]


def apart(a, b):
    return max(a) < min(b) or max(b) < min(a)


@pytest.mark.parametrize("where", ward.WORLDS)
def test_one_reading_tells_each_illness_from_health_and_from_what_looks_like_it(where):
    found = ward.charts(where)
    for name, illness in ward.ILLNESSES.items():
        if name == ward.HEALTHY or where not in illness.worlds:
            continue
        own = medians(found, name, illness.told_by)
        assert apart(own, medians(found, ward.HEALTHY, illness.told_by)), name
        for other in illness.like:
            if other != ward.HEALTHY and where in ward.ILLNESSES[other].worlds:
                readings = {illness.told_by, ward.ILLNESSES[other].told_by}
                assert any(apart(medians(found, name, r), medians(found, other, r)) for r in readings), (name, other)


def test_look_alikes_look_alike():
    """G at its start in both, so the same samples; and both losses near the values of the equilibrium."""
    found = {(chart.illness, chart.seed): chart for chart in ward.charts("digits")}
    for seed in (1000, 1001, 1002):
        still, detached = (found[name, seed] for name in ("optimiser of G holds D", "fake detached in G's step"))
        assert torch.equal(still.samples, detached.samples)
        assert abs(float(found["G runs ahead", seed].traces["d_loss"][-1]) - 2 * math.log(2)) < 0.02


def test_a_world_that_is_not_stored_is_refused():
    with pytest.raises(ValueError, match="world must be"):
        ward.charts("moon")
