"""Pictures of a trial of metrics show every verdict and every reading, and refuse what does not fit."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from gancourse.plotting import judging, style

READINGS = {"untouched": {"score ↑": "9.5", "Fréchet ↓": "7"}, "ten": {"score ↑": "10", "Fréchet ↓": "127"}}
VERDICTS = {"untouched": {"score ↑": 0, "Fréchet ↓": 0}, "ten": {"score ↑": 1, "Fréchet ↓": -1}}


def words(ax):
    return [text.get_text() for text in ax.texts]


# ---------------------------------------------------------------- who sees what


def test_each_cell_has_its_reading_its_mark_and_its_colour():
    (ax,) = judging.who_sees_what(READINGS, VERDICTS, title="500 a side").axes
    assert words(ax) == ["9.5", "", "7", "", "10", "▲", "127", "▼"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["untouched", "ten"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["score\n↑", "Fréchet\n↓"]
    picture = np.asarray(ax.images[0].get_array())
    assert (picture[0] == 1).all(), "what notices nothing is white"
    assert not np.allclose(picture[1, 0], picture[1, 1]) and not (picture[1] == 1).all(axis=1).any()
    assert ax.get_title(loc="left") == "500 a side" and "▼ blue: worse" in ax.get_xlabel()


@pytest.mark.parametrize(
    ("readings", "verdicts", "message"),
    [
        ({}, {}, "at least one set"),
        ({"a": {}}, {"a": {}}, "at least one set"),
        (READINGS, {"untouched": VERDICTS["untouched"]}, "not so for 'ten'"),
        (READINGS, VERDICTS | {"ten": {"score ↑": 1}}, "not so for 'ten'"),
        (READINGS | {"ten": {"score ↑": "10"}}, VERDICTS, "not so for 'ten'"),
        (READINGS, VERDICTS | {"ten": {"score ↑": 2, "Fréchet ↓": 0}}, "-1, 0 or 1, got 2"),
    ],
)
def test_tables_that_do_not_fit_are_refused(readings, verdicts, message):
    with pytest.raises(ValueError, match=message):
        judging.who_sees_what(readings, verdicts)


# ---------------------------------------------------------------- against 1/n


LINES = {"real": [[40.0, 36.0], [8.0, 12.0]], "few": [[50.0, 52.0], [30.0, 28.0]]}


def test_readings_lie_at_one_over_n_and_the_limit_at_zero():
    fig = judging.against_one_over_n((100, 400), LINES, limits={"real": -1.5}, real="real", ylabel="d ↓")
    (ax,) = fig.axes
    means = {line.get_label(): line for line in ax.lines if line.get_label() in LINES}
    assert means["real"].get_xdata() == pytest.approx([0.01, 0.0025])
    assert means["real"].get_ydata() == pytest.approx([38.0, 10.0])
    assert means["few"].get_ydata() == pytest.approx([51.0, 29.0])
    colours = {name: to_rgb(line.get_color()) for name, line in means.items()}
    assert colours["real"] == to_rgb(style.COLOURS["real"]) != colours["few"]
    points = {(round(x, 4), y) for line in ax.lines for x, y in zip(*line.get_data(), strict=True)}
    assert {(0.01, 36.0), (0.01, 40.0), (0.0025, 12.0), (0.0, -1.5)} <= points
    assert [label.get_text() for label in ax.get_xticklabels()] == ["∞", "100", "400"]


@pytest.mark.parametrize(
    ("counts", "lines", "message"),
    [
        ((100,), {"real": [[1.0]]}, "at least two positive"),
        ((100, 0), LINES, "at least two positive"),
        ((100, 400), {}, "1 to 3 lines"),
        ((100, 400), {"real": [[1.0, 2.0]]}, "each of the 2 counts"),
        ((100, 400), {"real": [[1.0], [float("nan")]]}, "finite readings"),
    ],
)
def test_readings_that_do_not_fit_are_refused(counts, lines, message):
    with np.errstate(divide="ignore"), pytest.raises(ValueError, match=message):
        judging.against_one_over_n(counts, lines, real="real", ylabel="d ↓")


# ---------------------------------------------------------------- right answers


RIGHT = {"Fréchet": [[0.5, 1.0], [0.0, 0.75]], "kernel": [[0.25, 0.5], [0.6, 0.9]]}


def test_rows_are_the_worse_generator_and_colours_say_right_or_wrong():
    fig = judging.right_answers((100, 2_000), RIGHT)
    left, right = fig.axes
    assert words(left) == ["50 %", "100 %", "0 %", "75 %"] and words(right) == ["25 %", "50 %", "60 %", "90 %"]
    assert [label.get_text() for label in left.get_xticklabels()] == ["100", "2,000"]
    assert (left.get_ylabel(), left.get_xlabel()) == ("images of the worse generator", "images of the better generator")
    assert "kernel" in right.get_title() and right.get_ylabel() == ""
    assert {text.get_text(): text.get_position() for text in left.texts}["100 %"] == (1, 0), "column, row"
    picture = left.images[0]
    at = {share: picture.cmap(picture.norm(share))[:3] for share in (0.0, 0.5, 1.0)}
    assert at[0.5] == pytest.approx((1, 1, 1), abs=0.01), "a coin would do: white"
    assert at[0.0][0] > at[0.0][2] and at[1.0][2] > at[1.0][0], "wrong is orange, right is blue"
    centres = np.array([patch.get_center() for patch in left.patches])
    assert centres == pytest.approx(np.array([[0, 0], [1, 1]])), "the diagonal: equal numbers"


def test_one_metric_is_one_table():
    (ax,) = judging.right_answers((1, 2), {"kernel": RIGHT["kernel"]}).axes
    assert ax.get_ylabel() == "images of the worse generator"


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({}, "at least one metric"),
        ({"kernel": [[0.5, 0.5]]}, r"shares of 'kernel' must have shape \(2, 2\), got \(1, 2\)"),
        ({"kernel": [[0.5, 0.5], [0.5, 50]]}, r"must lie in \[0, 1\], got 0.5 to 50"),
        ({"kernel": [[0.5, 0.5], [0.5, float("nan")]]}, r"must lie in \[0, 1\]"),
    ],
)
def test_shares_that_do_not_fit_are_refused(shares, message):
    with pytest.raises(ValueError, match=message):
        judging.right_answers((100, 200), shares)


# ---------------------------------------------------------------- two rankings


def test_a_line_goes_from_place_to_place_and_is_orange_where_the_judges_disagree():
    left = {"a": 10.0, "b": 20.0, "c": 30.0}
    right = {"a": 5.0, "b": 9.0, "c": 7.0}
    (ax,) = judging.two_rankings(left, right, names=("one", "two")).axes
    lines = [(list(line.get_ydata()), to_rgb(line.get_color())) for line in ax.lines]
    warning = to_rgb(style.COLOURS["warning"])
    assert [places for places, _ in lines] == [[1, 1], [2, 3], [3, 2]]
    assert [colour == warning for _, colour in lines] == [False, True, True]
    assert "a   10" in words(ax) and "9   b" in words(ax)
    assert ax.get_ylim()[0] > ax.get_ylim()[1], "the best one is on top"


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        ({"a": 1.0}, {"a": 2.0}, "two at least"),
        ({"a": 1.0, "b": 2.0}, {"a": 1.0, "c": 2.0}, "the same generators"),
        ({"a": 1.0, "b": float("inf")}, {"a": 1.0, "b": 2.0}, "finite"),
    ],
)
def test_rankings_that_do_not_fit_are_refused(left, right, message):
    with pytest.raises(ValueError, match=message):
        judging.two_rankings(left, right, names=("one", "two"))


# ---------------------------------------------------------------- regrets


def test_each_run_is_a_cross_in_the_row_of_its_rule():
    (ax,) = judging.regrets({"last": [1.0, 1.0, 4.0], "loss": [2.0, 30.0]}, xlabel="times ↓").axes
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert [sorted(line.get_xdata()) for line in crosses] == [[1.0, 1.0, 4.0], [2.0, 30.0]]
    assert all(abs(line.get_ydata() - row).max() < 0.3 for row, line in enumerate(crosses))
    assert len({tuple(place) for place in np.transpose(crosses[0].get_data())}) == 3, "equal regrets are drawn apart"
    assert words(ax) == ["median 1.0", "median 16.0"]
    assert ax.get_xscale() == "log" and ax.get_ylim()[0] > ax.get_ylim()[1]


@pytest.mark.parametrize("rules", [{}, {"last": []}, {"last": [0.5]}, {"last": [1.0, float("nan")]}, {"last": [[1.0]]}])
def test_what_are_no_regrets_is_refused(rules):
    with pytest.raises(ValueError, match="at least 1"):
        judging.regrets(rules, xlabel="times ↓")


@pytest.mark.parametrize("counts", [(50, 100, 800), (800, 100, 50)])
def test_infinity_and_the_largest_count_lean_away_from_each_other(counts):
    lines = {"real": [[1.0, 2.0]] * 3}
    (ax,) = judging.against_one_over_n(counts, lines, real="real", ylabel="distance ↓").axes
    leaning = {label.get_text(): label.get_ha() for label in ax.get_xticklabels()}
    assert leaning == {"∞": "right", "800": "left", "100": "center", "50": "center"}
