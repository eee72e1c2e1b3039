"""Strips of claims show every run of the ledger, the reader's own run, and the bound, on one scale."""

import pytest

from gancourse import claims as stated_claims
from gancourse.claims import Claim
from gancourse.plotting import claims, style

HEAP = Claim("heap", "The heap is small.", 3, below=6)
SAME = Claim("same", "It is the same.", 1, equal=1, within=0.1)
RECORDED = {"heap": [1, 2, 4, None], "same": [1.0, 1.05, 1.0, 1.0]}


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(stated_claims, "_STATED", {})
    monkeypatch.setattr(stated_claims, "ledger", lambda notebook: {"claims": RECORDED})


def drawn(fig, marker):
    lines = [line for line in fig.axes[0].lines if line.get_marker() == marker]
    return {line.get_ydata()[0]: [round(x, 6) for x in line.get_xdata()] for line in lines if len(line.get_ydata())}


def test_every_run_is_a_line_and_the_readers_a_dot():
    stated_claims.check("91", HEAP, SAME)
    fig = claims.strips("91")
    assert [label.get_text() for label in fig.axes[0].get_yticklabels()] == ["heap", "same"]
    assert drawn(fig, "|") == {0: [-0.25, 0, 0.5], 1: [0, 0.5, 0, 0]}  # 1, 2, 4 about 2, with 6 for a bound
    assert drawn(fig, "o") == {0: [0.25], 1: [0]}
    assert 1 in [line.get_xdata()[0] for line in fig.axes[0].lines if line.get_color() == style.COLOURS["warning"]]
    assert fig.axes[0].get_ylim()[0] > fig.axes[0].get_ylim()[1]


def test_a_value_that_failed_is_another_colour_and_one_far_away_an_arrow():
    stated_claims.check("91", Claim("heap", "The heap is small.", 6.5, below=6))
    failed = next(line for line in claims.strips("91").axes[0].lines if line.get_marker() == "o")
    assert failed.get_color() == style.COLOURS["warning"] and failed.get_xdata()[0] == pytest.approx(1.125)
    stated_claims.check("91", Claim("heap", "The heap is small.", 1e6, below=6))
    assert drawn(claims.strips("91"), ">") == {0: [1.25]}
    stated_claims.check("91", Claim("heap", "The heap is small.", -1e6, below=6))
    assert drawn(claims.strips("91"), "<") == {0: [-1.25]}


def test_a_ledger_can_be_drawn_without_a_run_of_ones_own():
    fig = claims.strips("91", claims=[HEAP], recorded={"heap": [1, 2, 4]})
    assert drawn(fig, "|") == {0: [-0.25, 0, 0.5]} and drawn(fig, "o") == {}


def test_nothing_to_draw_is_said():
    with pytest.raises(ValueError, match="no claim of notebook 91"):
        claims.strips("91")
