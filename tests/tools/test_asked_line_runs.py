"""tools/asked_line_runs.py: the exact answers beside the samples are those of the row's own classes and weight."""

import pytest

import asked_line_runs
from gancourse import measured
from gancourse.data import classes
from gancourse.ensembles import conditional


@pytest.fixture
def short(monkeypatch):
    class Short(conditional.ConditionalEnsemble):
        def __init__(self, *arguments, **more):
            super().__init__(*arguments, num_steps=3, **more)

    monkeypatch.setattr(asked_line_runs, "ConditionalEnsemble", Short)
    monkeypatch.setattr(asked_line_runs, "SAMPLES", 200)


def test_a_row_has_its_own_exact_answers(short):
    name = "three classes: AC-GAN, weight 0.3, classifier on real"
    (row,) = asked_line_runs.table([3, 4], lambda wanted: wanted == name)
    truth = classes.on_a_line((-2.0, 0.0, 2.0))
    assert row["exact"]["rest"] == pytest.approx(float(truth.distances(truth.auxiliary(0.3, 200)).mean()), abs=1e-4)
    assert row["exact"]["cut"] == pytest.approx(float(truth.distances(truth.cut(200)).mean()), abs=1e-4)
    assert (row["weight"], row["classifier_on"], row["steps"]) == (0.3, "real", 3)
    assert len(row["w1"]) == 2 and len(row["w1_per_class"][0]) == len(row["class_stds"][1]) == 3
    assert row["w1"][1] == pytest.approx(sum(row["w1_per_class"][1]) / 3, abs=1e-4)


def test_all_rows_are_stored_with_ten_seeds():
    rows = {row["name"]: row for row in measured.load("asked_line")["rows"]}
    assert list(rows) == asked_line_runs.NAMES
    assert all(len(row["w1"]) == len(row["w1_of_all"]) == 10 for row in rows.values())
