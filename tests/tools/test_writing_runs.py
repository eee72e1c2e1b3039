"""tools/writing_runs.py: what a row says is what is trained, and every row is measured in the same way."""

import math

import pytest
import torch

import writing_runs
from gancourse import measured
from gancourse.data import language
from gancourse.ensembles.writing import WritingEnsemble


@pytest.fixture
def quick(monkeypatch):
    """Short words, few of them, few steps."""
    short = language.syllables(3)
    monkeypatch.setattr(writing_runs, "WORDS", 300)
    monkeypatch.setattr(writing_runs, "LOOKS", 2)
    monkeypatch.setattr(writing_runs, "TEMPERATURES", (0.5, 1.0))
    monkeypatch.setattr(language, "syllables", lambda length=8: short)
    monkeypatch.setattr("gancourse.ensembles.writing.syllables", lambda: short)
    return short


EXACT = {"kl", "valid", "reverse", "missed"}
ALL = {**writing_runs.RACE, **writing_runs.CONTINUED, **writing_runs.AFTER_FULL, **writing_runs.ABLATION}


def test_names_are_unique_and_every_way_can_be_made():
    assert len(set(writing_runs.NAMES)) == len(writing_runs.NAMES)
    assert len(set(writing_runs.GRADIENTS)) == len(writing_runs.GRADIENTS) == 14
    for how in [*ALL.values(), *writing_runs.NUMBERS.values()]:
        WritingEnsemble(seeds=[0], **how)


def test_each_ablation_changes_one_thing():
    whole = writing_runs.ABLATION["reinforce, 600 steps"]
    for name, how in writing_runs.ABLATION.items():
        if how["method"] == "reinforce" and how != whole:
            assert len(how.items() - whole.items()) == 1, name
    for table in (writing_runs.CONTINUED, writing_runs.AFTER_FULL):  # the control has as many further steps
        assert {(how["num_steps"], how["lr_g"]) for how in table.values()} == {(300, 2e-3)}


@pytest.mark.parametrize("method", ["likelihood", "soft", "reinforce", "wgan_gp"])
def test_a_row_holds_what_its_method_has(quick, method):
    row = writing_runs.run("a", {"method": method, "num_steps": 4}, [1, 2])
    assert [look["steps"] for look in row["curve"]] == [2, 4]
    assert row["curve"][0]["cpu_seconds"] <= row["curve"][1]["cpu_seconds"] <= row["cpu_seconds"] + 0.06
    assert len(row["examples"][0]) == 3 and len(row["distinct"]) == len(row["pair_kl"]) == 2
    if method == "wgan_gp":
        assert not EXACT & set(row) and "pair_kl" in row["curve"][0]
    else:
        assert set(row) >= EXACT and set(row["curve"][1]) >= EXACT
        assert row["curve"][1]["kl"] == row["kl"]  # the last look is the end
        assert [look["temperature"] for look in row["temperatures"]] == [0.5, 1.0]
        assert row["temperatures"][1]["kl"] == row["kl"] != row["temperatures"][0]["kl"]
        assert [len(row[name]) for name in ("after_true", "after_own")] == [2, 2]
    assert ("recognised" in row) == (method in ("soft", "reinforce"))


def test_recognised_is_one_half_for_a_discriminator_that_always_says_the_same(quick):
    ensemble = WritingEnsemble("reinforce", seeds=[0])
    ensemble._discriminator[4].data.zero_()  # no weight of the last layer, and a bias of either sign
    for bias in (1.0, -1.0):
        ensemble._discriminator[5].data.fill_(bias)
        assert writing_runs.recognised(ensemble) == [0.5]


def test_the_language_itself_is_measured_as_the_writers_are(quick, monkeypatch):
    monkeypatch.setattr(writing_runs, "WORDS", 3_000)
    row = writing_runs.truth(quick, [0, 1])
    assert row["valid_written"] == [1, 1] and row["lost_pairs"] == [0, 0] and row["words"] == 72
    step = -sum(p * math.log(p) for p in (0.6, 0.3, 0.1))
    assert row["entropy"] == pytest.approx(math.log(8) + 2 * step, abs=1e-4)


def test_what_goes_on_starts_where_the_start_ended(quick, monkeypatch):
    started = []
    run = writing_runs.run

    def noted(name, how, seeds, start=None):
        started.append((name, start.steps_done, start.method))
        return run(name, how | {"num_steps": 2}, seeds, start)

    monkeypatch.setattr(writing_runs, "run", noted)
    (row,) = writing_runs.table([0], lambda name: name == "start, then likelihood")
    assert started == [("start, then likelihood", 60, "likelihood")] and row["name"] == "start, then likelihood"


def test_half_of_the_names_are_read_and_the_others_asked_for_too(monkeypatch):
    given, names = [], language.number_names
    monkeypatch.setattr(language, "number_names", lambda numbers: given.append(numbers) or names(numbers))
    row = writing_runs.names("names", {"method": "likelihood", "num_steps": 2}, [0])
    assert [len(part) for part in given] == [50, 50] and sorted(given[0] + given[1]) == list(range(100))
    assert 0 <= row["not_read"][0] < 1 and 0 <= row["read"][0] < 1 and len(row["examples"]) == writing_runs.EXAMPLES


def test_numbers_that_are_not_finite_are_none():
    assert writing_runs.rounded(torch.tensor([1.0, math.inf, math.nan])) == [1.0, None, None]


def test_gradients_are_measured_as_the_row_says(quick, monkeypatch):
    monkeypatch.setattr(writing_runs, "GRADIENT_STEPS", 2)
    monkeypatch.setattr(writing_runs, "REPEATS", 4)
    asked = []
    estimate = writing_runs.estimators.estimates

    def noted(*arguments, **settings):
        asked.append((arguments[3], settings["tau"], settings["batch_size"], settings["seed"]))
        return estimate(*arguments, **settings)

    monkeypatch.setattr(writing_runs.estimators, "estimates", noted)
    names = ("to go, baseline", "to go, baseline, 256 words", "soft, tau 0.3")
    rows = list(writing_runs.gradients([3], lambda name: name in names))
    assert asked == [("to go, baseline", 1, 64, 3), ("to go, baseline", 1, 256, 3), ("soft", 0.3, 64, 3)]
    assert [row["name"] for row in rows] == list(names) and all(len(row["bias"]) == 1 for row in rows)


def test_what_is_stored_was_made_with_these_settings():
    for row in measured.load("writers")["rows"]:
        if row["name"] in ALL:
            assert row["settings"] == ALL[row["name"]], row["name"]
            assert row["steps"] == ALL[row["name"]].get("num_steps", 1_000)
    assert {row["name"] for row in measured.load("text_gradients")["rows"]} == set(writing_runs.GRADIENTS)
