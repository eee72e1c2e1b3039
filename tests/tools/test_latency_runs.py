"""tools/latency_runs.py: kinds that can be made, ratios to the whole one, and a word where something is missing."""

import pytest
import torch

import latency_runs
from gancourse import exporting, measured
from gancourse.compressing import folding, pruning


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(latency_runs, "ROUNDS", dict.fromkeys(latency_runs.BATCHES, 2))
    monkeypatch.setattr(latency_runs, "REPEATS", {})


def test_rows_have_medians_ratios_and_a_line(quick, tmp_path):
    wanted = {"whole", "tiny", "folded"}
    made = {row["name"]: row for row in latency_runs.table(wanted.__contains__, tmp_path)}
    assert set(made) == wanted
    for row in made.values():
        assert row["batches"] == list(latency_runs.BATCHES) and len(row["line"]) == 2
        assert all(low <= median <= high for median, low, high in row["ms"] + row["ratio"])
    assert made["whole"]["ratio"] == [[1.0, 1.0, 1.0]] * len(latency_runs.BATCHES)
    assert made["tiny"]["ratio"][-1][0] < 0.5
    assert made["whole"]["multiply_adds"] == 869_376 and made["tiny"]["parameters"] < 2_000


def test_the_whole_one_is_measured_with_others_but_not_stored_unless_wanted(quick, tmp_path):
    (row,) = latency_runs.table({"half"}.__contains__, tmp_path)
    assert row["name"] == "half" and row["ratio"][0][0] != 1.0


def test_what_cannot_be_made_says_why(quick, tmp_path, monkeypatch):
    monkeypatch.setattr(latency_runs.shutil, "which", lambda name: None)
    monkeypatch.setattr(latency_runs.exporting, "missing", lambda: ("onnxruntime",))
    made = {row["name"]: row for row in latency_runs.table({"torch.compile", "ONNX"}.__contains__, tmp_path)}
    assert "needs a C++ compiler" in made["torch.compile"]["missing"] and "ms" not in made["torch.compile"]
    assert "onnxruntime" in made["ONNX"]["missing"]


def test_the_sparse_one_draws_the_same_images():
    thin = pruning.pruned(latency_runs.sized("whole"), 0.9)
    z = torch.randn(5, 64)
    with torch.inference_mode():
        assert exporting.largest_difference(thin, latency_runs.Sparse(thin), z) < 1e-4
        assert exporting.largest_difference(folding.folded(thin), latency_runs.Sparse(thin), z) < 1e-4


def test_a_program_for_each_batch_size():
    made = []
    call = latency_runs.pinned(lambda count: made.append(count) or (lambda z: (count, len(z))))
    assert made == list(latency_runs.ENDS) and call(torch.zeros(500, 64)) == (500, 500)


def test_what_is_stored_is_complete():
    table = {row["name"]: row for row in measured.load("latency")["rows"]}
    assert set(table) == set(latency_runs.NAMES)
    assert all("missing" in row or row["ratio"] for row in table.values())
