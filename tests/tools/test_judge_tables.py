"""What the tables about judges are made with: verdicts, lines, regrets and other labels, and what is stored of them."""

import dataclasses
import itertools
import math

import pytest
import torch

import judge_libraries
import judge_runs
import judge_stopping
import judge_tables as tables
from gancourse import measured, runtime
from gancourse.data import digits
from gancourse.metrics import judge as judges

# ---------------------------------------------------------------- who sees what


def test_the_interval_is_three_deviations_round_the_mean():
    low, high = tables.interval([1.0, 2.0, 3.0, 4.0])
    half = 3 * math.sqrt(5 / 3)
    assert (low, high) == pytest.approx((2.5 - half, 2.5 + half), abs=1e-5)


@pytest.mark.parametrize(
    ("values", "better", "wanted"),
    [
        ([0.5] * 10, "higher", "blind"),
        ([0.5] * 9 + [2.0], "higher", "blind"),
        ([0.5] * 8 + [2.0] * 2, "higher", "sometimes"),
        ([2.0] * 9 + [0.5], "lower", "sees"),
        ([2.0] * 9 + [0.5], "higher", "praises"),
        ([-1.0] * 10, "lower", "praises"),
        ([-1.0] * 10, "higher", "sees"),
        ([-1.0] * 5 + [2.0] * 5, "middle", "sees"),
        ([2.0] * 5, "middle", "sees"),
    ],
)
def test_a_verdict_counts_the_seeds_outside(values, better, wanted):
    assert tables.verdict(values, 0.0, 1.0, better) == wanted


def test_names_are_unique():
    names = [spoil.name for spoil in (tables.NONE, *tables.SPOILS)]
    assert len(set(names)) == len(names)


@pytest.fixture(scope="module")
def cabinet(tmp_path_factory):
    """A cabinet of few embedded digits, with a judge that has learnt for three steps only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANCOURSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(judges, "_STEPS_IF_SMALL", 3)
        patch.setattr(tables, "TRAIN", 100)
        data = digits.load("embedded")
        yield tables.Cabinet(data, judges.load(data), 3, reference=40)


def test_a_cabinet_has_no_image_twice(cabinet):
    parts = cabinet.images, cabinet.held_out, cabinet.pool.images
    assert [len(part) for part in parts[:2]] == [40, 40] and sum(map(len, parts)) == 355
    assert len(torch.cat(parts).flatten(1).unique(dim=0)) == 355


def test_every_number_is_found_for_a_set(cabinet):
    found = cabinet.numbers(cabinet.pool.images[:50], cabinet.pool.labels[:50])
    assert list(found) == list(tables.NUMBERS) and all(map(math.isfinite, found.values()))
    assert found == cabinet.numbers(cabinet.pool.images[:50], cabinet.pool.labels[:50])
    same = cabinet.numbers(cabinet.images, torch.zeros(40, dtype=torch.int64))
    assert same["frechet"] < 1e-6 and same["precision"] == same["coverage"] == 1 and same["twins"] == 0
    assert cabinet.numbers(cabinet.images[:1].repeat(30, 1, 1, 1), torch.zeros(30, dtype=torch.int64))["twins"] == 435


def test_spoils_change_images_labels_or_the_choice(cabinet, monkeypatch):
    monkeypatch.setattr(tables, "REFERENCE", 30)
    for spoil in (tables.NONE, *tables.SPOILS):
        if spoil.kind in ("few samples", "few images, repeated"):
            continue
        images, labels = spoil.make(cabinet, runtime.generator(0))
        assert images.shape[1:] == (1, 28, 28) and len(images) == len(labels)


def test_the_stored_verdicts_follow_from_the_stored_numbers():
    none, *rows = measured.load("who_sees_what")["rows"]
    assert none["name"] == "no spoil" and none["better"] == tables.NUMBERS
    spoils = {spoil.name: spoil for spoil in tables.SPOILS}
    for name in tables.NUMBERS:
        assert none["interval"][name] == tables.interval(none["values"][name])
        for row in rows:
            says = tables.verdict(row["values"][name], *none["interval"][name], tables.NUMBERS[name])
            assert row["verdict"][name] == says
    for row in rows:
        assert (row["kind"], row["strength"]) == (spoils[row["name"]].kind, spoils[row["name"]].strength)
        assert all(len(values) == len(row["seeds"]) for values in row["values"].values())


# ---------------------------------------------------------------- how many samples, one judge and another


def test_a_straight_line_against_one_over_n_ends_at_its_intercept():
    counts = (500, 1_000, 2_000)
    assert judge_runs.straight(counts, [7 + 300 / n for n in counts]) == pytest.approx(7)


def test_right_answers_are_shares_of_pairs():
    worse, better = [[3.0, 5.0], [2.0]], [[1.0, 4.0], [2.5]]
    assert judge_runs.right_answers(worse, better) == [[0.75, 1.0], [0.5, 0.0]]


def test_other_labels_need_nobody_who_knows_digits():
    data = digits.load("embedded")
    ink = judge_runs.by_ink(data)
    counts = ink.labels.bincount(minlength=10)
    assert len(counts) == 10 and int(counts.max() - counts.min()) < 20
    means = [float(data.images[ink.labels == label].mean()) for label in range(10)]
    assert means == sorted(means)
    turned = judge_runs.by_rotation(data)
    for image, given, label in zip(turned.images[:40], data.images, turned.labels, strict=False):
        assert torch.equal(image, given.rot90(int(label), (1, 2)))
    assert set(turned.test_labels.tolist()) == {0, 1, 2, 3} and torch.equal(data.images, digits.load("embedded").images)


@pytest.fixture
def few_digits(tmp_path, monkeypatch):
    """The tables are made with few embedded digits, judges that learn for two steps, and GANs of two steps."""
    data = digits.load("embedded")
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path))
    monkeypatch.setattr(digits, "load", lambda name: data)
    monkeypatch.setattr(judges, "_STEPS_IF_SMALL", 2)
    monkeypatch.setattr(judge_runs, "RECIPE", dataclasses.replace(judge_runs.RECIPE, steps=4, looks=(1, 2, 3, 4)))
    monkeypatch.setattr(judge_runs, "REFERENCE", 100)
    monkeypatch.setattr(judge_runs, "NUMBERS_OF_SAMPLES", (10, 20, 50))
    monkeypatch.setattr(judge_runs, "FITTED", (10, 20, 50))
    monkeypatch.setattr(judge_runs, "SET_SIZE", 60)
    monkeypatch.setattr(judge_runs, "COMPARED_WITH", 150)
    for name, value in {"IMAGES": 64, "FEW": 40, "MANY": 60, "REFERENCE": 100, "STEPS": 4, "EVERY": 2}.items():
        monkeypatch.setattr(judge_stopping, name, value)


def test_the_table_of_numbers_of_samples_is_made(few_digits, monkeypatch):
    steps = (1, 2, 3, 4)
    monkeypatch.setattr(judge_runs, "PAIRS", tuple(itertools.pairwise(steps)))
    rows = {row["name"]: row for row in judge_runs.sample_size([0, 1])}
    assert list(rows)[:5] == ["real images", "1 steps", "2 steps", "3 steps", "4 steps"] and len(rows) == 8
    generated, other = rows["2 steps"]["runs"]
    assert generated["frechet"] != other["frechet"], "each seed is a run of its own"
    assert generated["n"] == [10, 20, 50] and [len(draws) for draws in generated["frechet"]] == [10, 5, 2]
    assert len(generated["extrapolated"]) == judge_runs.DRAWS and generated["all"] == 100
    compared = rows["1 against 2 steps"]
    first, second = (torch.tensor(table) for table in compared["by_run"]["kernel"])
    assert torch.tensor(compared["right"]["kernel"]).numpy() == pytest.approx(((first + second) / 2).numpy(), abs=1e-4)
    assert first.shape == (3, 3) and 0 <= min(first.min(), second.min()) <= max(first.max(), second.max()) <= 1
    by_hand = [worse > better for worse in rows["1 steps"]["runs"][0]["kernel"][1] for better in generated["kernel"][0]]
    assert first[1, 0] == pytest.approx(sum(by_hand) / len(by_hand)), "a row is a number of the worse one's"
    cached = list(judge_runs.trained(digits.load("mnist"), 0).values())
    first, again = (
        judge_runs.samples(made, 5, 0) for made in (cached[0], judge_runs.trained(digits.load("mnist"), 0)[1])
    )
    assert torch.equal(first, again)


def test_the_table_of_judges_is_made(few_digits):
    *rows, last = judge_runs.two_judges([0])
    assert len(rows) == len(last["judges"]) == 7 and len(last["sets"]) == 10
    assert all(len(draws) == 3 for row in rows for draws in row["frechet"].values())
    for place, correlations in enumerate(last["spearman"]):
        assert correlations[place] == pytest.approx(1) and all(-1 <= value <= 1 for value in correlations)


# ---------------------------------------------------------------- when to stop


def test_the_table_of_stopping_rules_is_made(few_digits):
    (row,) = judge_stopping.when_to_stop([5])
    assert row["steps"] == [2, 4] and len(row["frechet"]) == len(row["d_loss"]) == 2
    assert row["regret"].keys() == row["chosen"].keys() == judge_stopping.RULES.keys()
    assert row["chosen"]["the last snapshot"] == 4 and min(row["regret"].values()) > 0


def test_regret_is_the_price_of_the_choice():
    seen = {
        "frechet": [9.0, 3.0, 6.0],
        "frechet_average": [8.0, 4.0, 1.5],
        "frechet_few": [5.0, 6.0, 7.0],
        "frechet_few_average": [3.0, 2.0, 2.5],
        "d_loss": [1.0, 0.2, 0.1],
        "g_loss": [0.9, 0.7, 2.0],
        "d_accuracy": [0.6, 0.9, 0.99],
        "d_accuracy_held_out": [0.7, 0.45, 0.8],
    }
    assert judge_stopping.regrets(seen) == {
        "the last snapshot": 2.0,
        "lowest loss of G": 1.0,
        "lowest loss of D": 2.0,
        "highest loss of D": 3.0,
        "D's accuracy nearest to 1/2": 3.0,
        "the same on held-out images": 1.0,
        "lowest Fréchet of 500 samples": 3.0,
        "the average, last": 0.5,
        "the average, lowest Fréchet of 500": pytest.approx(4 / 3, abs=1e-4),
    }


# ---------------------------------------------------------------- libraries


@pytest.mark.parametrize(
    ("ours", "theirs", "wanted"),
    [(1.0, 1.0, 16), (0.0, 0.0, 16), (1.0, 1.001, 3), (1.0, 2.0, 0.3), (1.0, -5.0, 0), (1.0, math.nan, 0)],
)
def test_digits_that_agree(ours, theirs, wanted):
    assert judge_libraries.digits_agreed(ours, theirs) == pytest.approx(wanted, abs=0.01)


def test_where_a_library_says_the_same_the_digits_agree():
    *rows, columns = measured.load("libraries")["rows"]
    for row in rows:
        theirs = math.nan if row["theirs"] is None else row["theirs"]
        assert row["digits"] == judge_libraries.digits_agreed(row["ours"], theirs)
        assert row["digits"] > 12 or row["convention"] != judge_libraries.SAME
    assert columns["A_is"] == "recall" and len(columns["A"]) == len(columns["B"]) == len(columns["sets"])
