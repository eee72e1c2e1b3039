"""What a claim is, how it is judged on a run, and how the ledger's rule judges its bound."""

import json
import math
import statistics

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gancourse import claims
from gancourse.claims import Claim


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """No claims of another test, and no ledger but the one a test makes."""
    monkeypatch.setattr(claims, "_STATED", {})
    monkeypatch.setattr(claims, "ledger", lambda notebook: None)
    monkeypatch.delenv("GANCOURSE_CLAIMS", raising=False)


def recorded(monkeypatch, **values):
    monkeypatch.setattr(claims, "ledger", lambda notebook: {"claims": values})


def claim(value=1.0, name="a", sentence="It is so.", **bound):
    return Claim(name, sentence, value, **(bound or {"below": 2}))


# ---------------------------------------------------------------- one claim


@pytest.mark.parametrize(
    "bound, inside, outside",
    [
        ({"below": 2}, [1.99, -math.inf], [2, 2.01, math.inf]),
        ({"above": 2}, [2.01, math.inf], [2, 1.99]),
        ({"between": (1, 3)}, [1.01, 2.99], [1, 3, 0.5, 4]),
        ({"equal": 2}, [2], [2.0000001, 1.9999999]),
        ({"equal": 2, "within": 0.1}, [1.91, 2.09, 2], [1.89, 2.11]),
        ({"at_least": 7, "of": 10}, [7, 10], [6, 0]),
        ({"at_most": 3, "of": 10}, [3, 0], [4, 10]),
    ],
)
def test_a_claim_holds_inside_its_bound_only(bound, inside, outside):
    assert all(claim(value, **bound).holds for value in inside)
    assert not any(claim(value, **bound).holds for value in outside)
    assert not claim(inside[0], **bound).held_by(math.nan)


@pytest.mark.parametrize("make", [np.float32, np.float64, np.int64, torch.tensor, lambda x: torch.tensor([x]), int])
def test_a_number_of_numpy_or_torch_is_a_number(make):
    made = claim(make(1), below=make(2))
    assert made.holds and type(made.value) is float and made.value == 1


@pytest.mark.parametrize("value", [True, np.bool_(True), torch.tensor(True), "1", None, [1, 2], torch.ones(2), 1j])
def test_what_is_no_number_is_refused_by_name(value):
    with pytest.raises(TypeError, match="claim 'heap': value must be a number"):
        claim(value, name="heap")
    with pytest.raises((TypeError, ValueError), match="claim 'heap'"):
        claim(name="heap", below=value)


@pytest.mark.parametrize("nan", [math.nan, np.float32("nan"), torch.tensor(math.nan)])
def test_nan_is_refused_by_name(nan):
    for wrong in ({"value": nan}, {"below": nan}, {"between": (0, nan)}, {"equal": 1, "within": nan}):
        with pytest.raises(ValueError, match=r"claim 'heap': \w+ is not a number \(NaN\)"):
            claim(name="heap", **wrong)


@pytest.mark.parametrize(
    "bound, message",
    [
        ({"log": True}, "one of below, above.*got none"),
        ({"below": 2, "above": 0}, "got below and above together"),
        ({"between": (3, 1)}, "must go upwards"),
        ({"between": (1, 1)}, "must go upwards"),
        ({"below": 2, "within": 0.1}, "within goes with equal"),
        ({"equal": 1, "within": -0.1}, "not negative"),
        ({"at_least": 7}, "go with of="),
        ({"below": 7, "of": 10}, "go with of="),
        ({"at_least": 7, "of": 0}, "counts go from 0 to of=0"),
        ({"at_least": 0.5, "of": 10}, "counts go from"),
        ({"equal": 1, "log": True}, "log goes with"),
        ({"at_least": 1, "of": 3, "log": True}, "log goes with"),
    ],
)
def test_a_malformed_claim_is_refused_by_name(bound, message):
    with pytest.raises(ValueError, match=f"claim 'heap'.*{message}"):
        claim(name="heap", **bound)


def test_a_count_is_a_whole_number_of_those_counted():
    for value in (0.5, 11, -1):
        with pytest.raises(ValueError, match="counts go from 0 to of=10"):
            claim(value, at_least=7, of=10)


def test_a_claim_without_a_name_or_a_sentence_is_refused():
    with pytest.raises(ValueError, match="needs a name"):
        claim(name="")
    with pytest.raises(ValueError, match="'a' needs a sentence"):
        claim(sentence=" ")


# ---------------------------------------------------------------- the rule


def test_closeness_is_how_often_the_worst_fits_into_the_room():
    assert claims.closeness(claim(below=10), [1, 2, 3, 4, 5]) == pytest.approx((10 - 3) / (5 - 3))
    assert claims.closeness(claim(above=-9), [1, 2, 3, 4, 5]) == pytest.approx((3 + 9) / (3 - 1))
    assert claims.closeness(claim(between=(-9, 10)), [1, 2, 3, 4, 5]) == pytest.approx(3.5)  # the nearer side
    log = claims.closeness(claim(below=16, log=True), [1, 2, 4])
    assert log == pytest.approx(3)  # 2 to 4 is one doubling, 2 to 16 three
    assert claims.closeness(claim(below=4), [2, 3, 5]) == pytest.approx(0.5)  # a run failed
    assert claims.closeness(claim(below=3), [2, 3, 5]) == 0  # the bound is the median


def test_the_way_of_a_value_is_its_part_of_the_room():
    values = [1, 2, 3, 4, 5]
    assert claims.way(claim(below=7), 5, values) == pytest.approx(1 / 2)
    assert claims.way(claim(below=7), 8, values) == pytest.approx(5 / 4)
    assert claims.way(claim(below=7), 1, values) == pytest.approx(-1 / 2)
    assert claims.way(claim(above=1, log=True), math.sqrt(3), values) == pytest.approx(1 / 2)
    assert claims.way(claim(between=(1, 7)), 2, values) == pytest.approx(1 / 2)  # the nearer end
    assert claims.way(claim(at_least=1, of=9), 2, values) == pytest.approx(1 / 3)  # 0 is the first that fails
    assert claims.way(claim(equal=3, within=4), 2, values) == pytest.approx(1 / 4)
    assert claims.way(claim(equal=3), 3, values) == 0 and claims.way(claim(equal=3), 4, values) == math.inf


def test_without_spread_the_bound_needs_slack():
    assert claims.closeness(claim(below=2), [1, 1, 1]) == math.inf
    assert claims.enough(claim(below=2), [1.0] * 24) == ""
    assert "0.00 times" in claims.enough(claim(below=2), [2 - 1e-16] * 24) or claims.enough(claim(below=2), [2.0] * 24)


@given(
    st.lists(st.floats(0.1, 100), min_size=3, max_size=30),
    st.floats(101, 1e4),
    st.floats(0.01, 100),
    st.floats(-50, 50),
)
def test_closeness_does_not_depend_on_unit_or_origin(values, bound, unit, origin):
    plain = claims.closeness(claim(below=bound), values)
    moved = claims.closeness(claim(below=bound * unit + origin), [value * unit + origin for value in values])
    if max(values) - statistics.median(values) > 1e-3:
        assert moved == pytest.approx(plain, rel=1e-3)
    in_logs = claims.closeness(claim(below=bound, log=True), values)
    scaled = claims.closeness(claim(below=bound * unit, log=True), [value * unit for value in values])
    if max(values) / statistics.median(values) > 1.001:
        assert scaled == pytest.approx(in_logs, rel=1e-6)


def test_the_bound_is_three_times_as_far_for_24_runs_and_five_for_10():
    values = [0.0] * 23 + [1.0]
    assert claims.enough(claim(below=3), values) == ""
    assert "2.90 times" in claims.enough(claim(below=2.9), values)
    assert "4.90 times" in claims.enough(claim(below=4.9), values[-10:])
    assert claims.enough(claim(below=5), values[-10:]) == ""


def test_a_failed_run_breaks_the_rule_however_many_hold():
    assert "failed on 1 of 24" in claims.enough(claim(below=3), [0.0] * 23 + [3.0])
    assert "failed on 1 of 24" in claims.enough(claim(below=3), [0.0] * 23 + [math.nan])
    assert "no run" in claims.enough(claim(below=3), [])


def test_240_of_240_carry_seven_of_ten_and_no_more():
    """The upper limit, 1 - 0.05^(1/240), is 1.24 %; four or more of ten then go astray on 5 runs in a million."""
    share = 1 - 0.05 ** (1 / 240)
    chance = sum(math.comb(10, k) * share**k * (1 - share) ** (10 - k) for k in range(4, 11))
    assert claims.failure_chance(claim(10, at_least=7, of=10), [10] * 24) == pytest.approx(chance, rel=1e-6)
    assert claims.enough(claim(10, at_least=7, of=10), [10] * 24) == ""
    assert "more than 1 in 10,000" in claims.enough(claim(10, at_least=8, of=10), [10] * 24)
    assert claims.enough(claim(0, at_most=3, of=10), [0] * 24) == ""
    assert "more than 1 in 10,000" in claims.enough(claim(0, at_most=2, of=10), [0] * 24)


def test_an_exact_claim_uses_a_third_of_its_tolerance_at_most():
    assert claims.enough(claim(equal=1, within=0.3), [1.0, 1.09]) == ""
    assert "more than a third" in claims.enough(claim(equal=1, within=0.3), [1.0, 1.11])
    assert claims.enough(claim(equal=8), [8, 8]) == ""


@pytest.mark.parametrize(
    "bound, worst",
    [
        ({"below": 10}, 5),
        ({"above": 0}, 1),
        ({"between": (0, 5.5)}, 5),
        ({"equal": 2, "within": 9}, 5),
        ({"at_least": 1, "of": 9}, 1),
        ({"at_most": 6, "of": 9}, 5),
    ],
)
def test_the_nearest_value_is_the_one_with_least_room(bound, worst):
    assert claims.nearest(claim(**bound), [2, 1, 5, 3]) == worst


# ---------------------------------------------------------------- in a notebook


def test_claims_that_hold_take_one_line(capsys):
    claims.check("04", claim(), claim(name="b"))
    assert capsys.readouterr().out == "2 claims hold; not yet in the ledger.\n"
    claims.check("04", claim(name="c"))
    assert capsys.readouterr().out == "1 claim holds; not yet in the ledger.\n"


def test_the_line_tells_the_ledgers_count_and_the_closest_call(monkeypatch, capsys):
    recorded(monkeypatch, a=[1.0, 1.1, 1.31], b=[10, 10, 10], c=[0, 0, 0])
    claims.check("04", claim(below=1.7), claim(10, "b", above=0), claim(0, "c", equal=0))
    said = "3 claims hold; on 3 runs of 3, the closest call 1.31 where below 1.7 is allowed.\n"
    assert capsys.readouterr().out == said
    claims.check("04", claim(0, "c", equal=0))
    assert capsys.readouterr().out == "1 claim holds; on 3 runs of 3.\n"
    claims.check("04", claim(10, "b", above=0))  # the same number on every run: no call is close
    assert capsys.readouterr().out == "1 claim holds; on 3 runs of 3.\n"


def test_the_count_is_that_of_the_runs_on_which_all_of_them_held(monkeypatch, capsys):
    recorded(monkeypatch, a=[1.0, 1.1, 2.0], b=[10, 0, 10])
    claims.check("04", claim(below=1.7), claim(10, "b", above=0))
    assert "on 1 runs of 3" in capsys.readouterr().out


def test_a_run_that_did_not_get_as_far_counts_as_one_that_failed(monkeypatch, capsys):
    recorded(monkeypatch, a=[1.0, 1.1, math.nan], b=[math.nan] * 3)
    claims.check("04", claim(below=1.7), claim(3, "b"))
    said = capsys.readouterr().out
    assert "on 2 runs of 3, the closest call 1.1" in said and "values from nan" not in said


def test_a_claim_that_fails_is_said_in_words_and_nothing_is_raised(monkeypatch, capsys):
    recorded(monkeypatch, heap=[0.2, 0.3, 0.4, 0.9])
    claims.check("04", claim(), claim(0.7, "heap", "The largest heap holds half of the points.", below=0.5))
    said = capsys.readouterr().out
    assert said.startswith("1 claim holds;")
    assert "The page says: The largest heap holds half of the points." in said
    assert "Here the number is 0.7; below 0.5 was expected. [heap]" in said
    assert "held on 3 of 4 runs, with values from 0.2 to 0.9" in said


def test_the_last_cell_raises_and_names_every_claim_that_failed(capsys):
    claims.check("04", claim(), claim(3, "b", "B is small."), claim(4, "c", "C is small."))
    with pytest.raises(AssertionError, match="2 claims of 3 did not hold") as raised:
        claims.close("04")
    assert isinstance(raised.value, claims.ClaimsFailed)
    assert "B is small." in str(raised.value) and "C is small." in str(raised.value) and "[a]" not in str(raised.value)


def test_the_last_cell_says_how_many_were_checked(capsys):
    claims.close("04")
    assert "No claim was checked in this session" in capsys.readouterr().out
    claims.check("04", claim(), claim(name="b"))
    claims.check("05", claim(9))  # another notebook's
    capsys.readouterr()
    claims.close("04")
    assert capsys.readouterr().out.startswith("All 2 claims that were checked hold on this run. ")


def test_a_cell_may_run_again_and_its_newest_value_counts(capsys):
    claims.check("04", claim(3))
    claims.check("04", claim(1))
    claims.close("04")
    assert [stated.value for stated in claims.stated("04")] == [1]


def test_one_name_stands_for_one_claim():
    with pytest.raises(ValueError, match="'a' stands for two claims of notebook 04"):
        claims.check("04", claim(), claim(1.5))
    claims.check("04", claim())
    with pytest.raises(ValueError, match="'a' stands for two claims"):
        claims.check("04", claim(sentence="It is otherwise."))
    with pytest.raises(ValueError, match="at least one claim"):
        claims.check("04")


# ---------------------------------------------------------------- rows


def test_a_run_can_be_exported(tmp_path, monkeypatch):
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    claims.check("04", claim(1.25), claim(2, "b", above=0))
    claims.export("04", tmp_path / "row.json", seed=7)
    row = json.loads((tmp_path / "row.json").read_text())
    assert row["values"] == {"a": 1.25, "b": 2.0} and row["seed"] == 7
    assert row["rounding"] == {"MKL_CBWR": "COMPATIBLE"}
    assert f"PyTorch {torch.__version__}" in row["versions"] and row["machine"] and row["threads"] >= 1


def test_the_last_cell_writes_the_run_where_a_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_CLAIMS", str(tmp_path))
    claims.check("04", claim(3))
    with pytest.raises(claims.ClaimsFailed):
        claims.close("04")
    assert json.loads((tmp_path / "04.json").read_text())["values"] == {"a": 3.0}


def test_every_rounding_is_another_setting():
    settings = list(claims.ROUNDINGS.values())
    assert settings[0] == {} and all(settings.count(setting) == 1 for setting in settings)
