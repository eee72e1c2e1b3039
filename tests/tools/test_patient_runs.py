"""tools/patient_runs.py: every patient has its row, and a stored run is repeated by its seed."""

import pytest
import torch

import patient_runs
from gancourse import measured, ward
from gancourse.ward import worlds


def test_the_healthy_are_followed_on_more_seeds():
    assert patient_runs.seeds_of("G's sign", [5, 6, 7]) == [5, 6, 7]
    assert patient_runs.seeds_of(ward.HEALTHY, [5, 6, 7]) == [5, 6, 7, 8, 9, 10]


def test_a_row_for_each_patient_that_is_wanted(monkeypatch):
    monkeypatch.setattr(worlds, "world", lambda name, _: ward.world(name, "embedded")._replace(steps=12))
    names = ["ring: G's sign", "ring: healthy"]
    rows = list(patient_runs.table([3, 4], lambda name: name in names))
    assert [row["name"] for row in rows] == ["ring: healthy", "ring: G's sign"]
    assert rows[0]["seeds"] == [3, 4, 5, 6, 7, 8] and rows[1]["seeds"] == [3, 4] and len(rows[1]["cpu_seconds"]) == 2
    again = ward.admit("G's sign", ward.world("ring")._replace(steps=12), 4).follow()
    assert torch.allclose(ward.unpack(rows[1])[1].traces["g_loss"], again.traces["g_loss"], rtol=6e-3)


def test_what_is_stored_is_what_the_first_look_of_a_run_reads():
    """The first of twelve looks, run again; other machines round otherwise, so it is compared with room."""
    stored = next(chart for chart in ward.charts("ring") if chart.illness == "fake detached in G's step")
    patient = ward.admit(stored.illness, "ring", stored.seed)
    patient.train(int(stored.steps[0]))
    read = patient.readings()
    assert read["g_movement"] == float(stored.traces["g_movement"][0]) == 0
    for name in ("d_loss", "g_loss", "d_movement"):
        assert read[name] == pytest.approx(float(stored.traces[name][0]), rel=0.05), name


def test_the_table_was_made_on_real_digits():
    made = measured.load("patients")["made"]
    assert made["command"] == "patients" and made["seeds"] == [1000, 1002]
