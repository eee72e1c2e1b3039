"""tools/unseen_runs.py: the pair held out is never shown and never asked for in training."""

import pytest
import torch

import asked_runs
import unseen_runs
from gancourse import measured
from gancourse.data import spoils


@pytest.fixture
def bench(small, monkeypatch):
    monkeypatch.setattr(unseen_runs, "bench", asked_runs.bench)
    monkeypatch.setattr(unseen_runs, "SAMPLES", 8)
    return small


@pytest.mark.parametrize(
    ("name", "held_out"),
    [(unseen_runs.WAYS[0], unseen_runs.FIRST), (unseen_runs.WAYS[1], unseen_runs.FIRST),
     (unseen_runs.WAYS[0], unseen_runs.SECOND)],
)  # fmt: skip
def test_the_pair_held_out_is_neither_shown_nor_asked_for(bench, monkeypatch, name, held_out):
    seen = {}

    class Stop(Exception):
        pass

    def noted(kind, images, labels, seed, *, classes, among):
        seen.update(images=images, labels=labels, among=among, classes=classes)
        raise Stop

    monkeypatch.setattr(unseen_runs, "trained", noted)
    with pytest.raises(Stop):
        list(unseen_runs.table([0], lambda wanted: wanted == unseen_runs.named(name, held_out)))
    digit, side = held_out
    out = unseen_runs.pair_labels(torch.tensor([digit]), torch.tensor([side]), name)
    for labels in (seen["labels"], seen["among"]):
        same = (labels == out[0]) if labels.ndim == 1 else (labels == out[0]).all(1)
        assert not bool(same.any())
    assert len(seen["among"]) == 19
    other = unseen_runs.pair_labels(torch.tensor([digit]), torch.tensor([1 - side]), name)[0]
    of_other = (seen["labels"] == other) if seen["labels"].ndim == 1 else (seen["labels"] == other).all(1)
    assert len(seen["images"]) == len(seen["labels"]) and int(of_other.sum()) > 40
    assert seen["classes"] == (12 if name == unseen_runs.WAYS[0] else 20)


def test_labels_of_a_pair_are_halves_or_one_of_twenty():
    numbers, sides = torch.tensor([7, 0, 9]), torch.tensor([1, 0, 1])
    halves = unseen_runs.pair_labels(numbers, sides, unseen_runs.WAYS[0])
    assert halves.nonzero().tolist() == [[0, 7], [0, 11], [1, 0], [1, 10], [2, 9], [2, 11]]
    assert halves.sum(1).tolist() == [1, 1, 1] and halves.max() == 0.5
    assert unseen_runs.pair_labels(numbers, sides, unseen_runs.WAYS[1]).tolist() == [17, 0, 19]


def test_real_digits_that_lean_obey_and_others_do_not(bench):
    ones = bench.images[bench.labels == 1]
    for side, lean in ((0, -0.5), (1, 0.5)):
        leaning = spoils.slant(ones, lean)
        assert unseen_runs.obeyed(leaning, 1, side)["side"] > 0.9
        assert unseen_runs.obeyed(leaning, 1, 1 - side)["side"] < 0.1
        assert unseen_runs.obeyed(leaning, 2, side)["both"] < 0.2
    (row,) = unseen_runs.table([0], lambda name: name == asked_runs.REAL)
    assert row["unseen"]["side"][0] > 0.8 and row["seen"]["both"][0] > 0.6


def test_all_rows_are_stored():
    rows = {row["name"]: row for row in measured.load("unseen")["rows"]}
    assert list(rows) == unseen_runs.NAMES
    trained = [name for name in unseen_runs.NAMES if unseen_runs.REAL not in name]
    assert len(trained) == 3 and all(len(rows[name]["unseen"]["both"]) == 3 for name in trained)
    assert [rows[name]["held_out"] for name in unseen_runs.NAMES] == [[7, 1]] * 3 + [[4, 0]] * 2
