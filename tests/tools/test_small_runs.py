"""tools/small_runs.py on a few digits: one whole generator for all rows, the same z, equal trials, what is stored."""

import pytest
import torch

import growing_tables
import small_runs
from gancourse import exporting, measured, styling
from gancourse.compressing import channels, counting
from gancourse.data import digits
from gancourse.metrics import judge as judges


@pytest.fixture
def few(monkeypatch):
    """Embedded digits of 28 pixels, and short runs with few samples."""
    data = digits.load("embedded")
    judge = judges.load(data)
    at = growing_tables.Bench(data, judge, judge.features(data.test_images[:200]), data.test_images[200:260])
    for module in (growing_tables, small_runs):
        monkeypatch.setattr(module, "bench", lambda: at)
        monkeypatch.setattr(module, "SAMPLES", 60)
    monkeypatch.setattr(growing_tables, "SCORED", 50)
    monkeypatch.setattr(styling, "_COUNTED", 500)
    monkeypatch.setattr(small_runs, "STEPS", dict.fromkeys(small_runs.STEPS, 2))
    monkeypatch.setattr(small_runs, "TUNED", 2)
    monkeypatch.setattr(small_runs, "PAIRS", 64)
    monkeypatch.setattr(small_runs, "RULED", 30)
    cached = small_runs.whole, small_runs.pairs, small_runs.ruler, small_runs.onnx_file
    for one in cached:
        one.cache_clear()
    yield at
    for one in cached:
        one.cache_clear()


def rows(seeds, *names, folder=None):
    return {row["name"]: row for row in small_runs.table(seeds, lambda name: name in names, folder)}


def test_every_way_of_training_got_as_many_trials():
    tried = [name for name, _ in small_runs.SEARCH.values()]
    assert {tried.count(name) for name in tried} == {len(small_runs.RATES)}
    tried = [name for name, _ in small_runs.TUNING_SEARCH.values()]
    assert {tried.count(name) for name in tried} == {len(small_runs.TUNING_RATES)}
    assert len(set(small_runs.NAMES)) == len(small_runs.NAMES)


def test_rows_of_one_whole_generator(few):
    made = rows([5, 6], "whole", "smallest 50 %", "smallest 50 %, stale", "channels, outgoing", "4 bits")
    whole = made["whole"]
    assert whole["error"] == [0.0, 0.0] and whole["kept"] == [1.0, 1.0] and whole["zeros"] == 0
    at = small_runs.whole(5)
    assert torch.allclose(measured.samples(whole), at.images[:12], atol=0.01)
    thin = small_runs.cut(50, at)
    assert made["smallest 50 %"]["zeros"] == counting.zeros(thin) and made["smallest 50 %"]["seeds"] == [5, 6]
    error = float((styling.pictures(thin, at.z) - at.images).square().mean())
    assert made["smallest 50 %, stale"]["error"][0] == pytest.approx(error, abs=1e-4)
    assert made["smallest 50 %"]["error"] != made["smallest 50 %, stale"]["error"]
    assert made["channels, outgoing"]["parameters"] == 112_561 < whole["parameters"]
    few_bits = made["4 bits"]
    assert len(few_bits["layers"]) == 4 and few_bits["packed_bytes"] < whole["file_bytes"] / 5
    for row in made.values():
        assert measured.samples(row).shape == (12, 1, 28, 28) and len(row["frechet"]) == 2


def test_rows_of_trained_ones(few):
    made = rows([5], "half, GAN", "half, pixels", "quarter, pixels + D", small_runs.TWICE)
    assert made["half, pixels"]["parameters"] == made["half, GAN"]["parameters"] == 112_561
    assert made["quarter, pixels + D"]["parameters"] == 30_681
    assert "error_seen" in made["half, pixels"] and "error_seen" not in made["half, GAN"]
    assert made[small_runs.TWICE]["steps"] == 2 * made["half, GAN"]["steps"] == 4


def test_rows_of_training_on_keep_their_zeros(few):
    made = rows([5], "smallest 70 %, trained on", "whole, trained on", "channels, random, trained on")
    at = small_runs.whole(5)
    assert made["smallest 70 %, trained on"]["zeros"] == counting.zeros(small_runs.cut(70, at))
    assert made["whole, trained on"]["zeros"] == 0 and made["whole, trained on"]["error"][0] > 0
    assert made["channels, random, trained on"]["parameters"] == 112_561


def test_searches_are_on_their_own_seed(few):
    names = next(iter(small_runs.SEARCH)), next(iter(small_runs.TUNING_SEARCH))
    for row in rows([5], *names).values():
        assert row["seeds"] == [small_runs.SEARCH_SEED] and len(row["frechet"]) == 1


@pytest.mark.skipif(bool(exporting.missing()), reason="ONNX is not installed")
def test_rows_of_onnx(few, tmp_path):
    made = rows([5], "ONNX", "ONNX, int8 dynamic", folder=tmp_path)
    assert made["ONNX"]["largest_difference"][0] < exporting.TOLERANCE
    assert made["ONNX, int8 dynamic"]["file_bytes"] < made["ONNX"]["file_bytes"] / 3
    assert made["ONNX, int8 dynamic"]["numbers"]["INT8"] > 400_000 and "INT8" not in made["ONNX"]["numbers"]


# ---------------------------------------------------------------- what is stored


def stored():
    return {row["name"]: row for row in measured.load("small")["rows"]}


def test_what_was_chosen_is_the_best_of_the_search():
    table = stored()
    for of in {name for name, _ in small_runs.SEARCH.values()}:
        tried = {rate: table[name]["frechet"][0] for name, (what, rate) in small_runs.SEARCH.items() if what == of}
        assert min(tried, key=tried.get) == small_runs.CHOSEN[of], of
    for of, chosen in zip(small_runs.TUNING, small_runs.TUNING_CHOSEN.values(), strict=True):
        tried = {
            rate: table[name]["frechet"][0] for name, (what, rate) in small_runs.TUNING_SEARCH.items() if what == of
        }
        assert tried[chosen] < 1.15 * min(tried.values()), of


def test_the_small_ones_took_equal_seconds():
    table = stored()
    for name in small_runs.TRAINED:
        if name in table:
            for seconds in table[name]["cpu_seconds"]:
                assert 9 < seconds < 17, name


def test_zeros_are_those_that_the_rows_name():
    table, weights = stored(), 426_240  # of the dense and convolutional layers
    assert weights == sum(row.weights for row in counting.layers(
        small_runs.tuning.fresh(seed=0)[0].eval(), torch.zeros(1, 64))) - 1  # fmt: skip
    for share in small_runs.SHARES:
        for name in (f"smallest {share} %", f"smallest {share} %, stale", f"smallest {share} % over all"):
            assert abs(table[name]["zeros"] / weights - share / 100) < 1e-4
        assert table[f"smallest {share} %"]["file_bytes"] == table["whole"]["file_bytes"]
    assert channels.SIZES["half"]["width"] == 8 and table["channels, outgoing"]["parameters"] == 112_561
