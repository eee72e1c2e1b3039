"""Pictures for a diagnosis: one scale for all patients, and what lies outside the healthy range marked."""

import math
from types import SimpleNamespace

import pytest
import torch
from matplotlib.colors import to_hex

from gancourse.plotting import diagnosis, style

STEPS = torch.tensor([20, 40, 60])
NAMES = ("d_loss", "g_loss", "real_logit", "fake_logit", "d_movement", "g_movement", "same_z",
         "real_accuracy", "held_out_accuracy", "fake_accuracy")  # fmt: skip


def chart(scale=1.0, samples=None):
    traces = {name: scale * torch.tensor([0.2, 0.5, 0.4]).double() + 0.01 * i for i, name in enumerate(NAMES)}
    return SimpleNamespace(
        steps=STEPS,
        traces=traces,
        samples=torch.rand(16, 1, 8, 8) * 2 - 1 if samples is None else samples,
        held_out_logits=torch.linspace(-1, 2, 40),
        fake_logits=torch.linspace(-3, 0, 40),
        gradients={"end": {"G": {"a": 0.1, "b": 0.3}, "D": {"a": 2.0, "b": 1.0, "c": 0.5}}},
    )


def line(ax, label):
    return next(line for line in ax.lines if line.get_label() == label)


def test_patients_stand_in_columns_on_one_scale():
    fig = diagnosis.patients({"A": chart(), "B": chart(3.0)})
    axes = fig.axes
    assert len(axes) == 6 and [ax.get_title() for ax in axes[:2]] == ["A", "B"]
    for left, right in ((axes[2], axes[3]), (axes[4], axes[5])):
        assert left.get_ylim() == right.get_ylim()
    assert line(axes[3], "D's loss").get_ydata().tolist() == pytest.approx([0.6, 1.5, 1.2])
    assert line(axes[4], "fake").get_linestyle() == "--" and line(axes[4], "fake").get_marker() == "x"
    dotted = sorted(float(each.get_ydata()[0]) for each in axes[2].lines if each.get_linestyle() == ":")
    assert dotted == pytest.approx([math.log(2), 2 * math.log(2)])


def test_rows_are_chosen_and_a_huge_value_does_not_flatten_the_others():
    fig = diagnosis.patients({"A": chart(), "B": chart(1e4)}, ["losses", "movement"])
    assert len(fig.axes) == 4 and fig.axes[0].get_ylim()[1] < 10
    assert fig.axes[0].get_title() == "A" and fig.axes[2].get_ylabel() == "movement, relative"


def test_nan_is_left_out_of_the_scale():
    sick = chart()
    sick.traces["d_loss"] = torch.tensor([0.1, math.nan, math.inf]).double()
    assert math.isfinite(diagnosis.patients({"A": sick}, ["losses"]).axes[0].get_ylim()[1])


@pytest.mark.parametrize("charts, rows", [({}, ["losses"]), (dict.fromkeys("ABCDEFG"), ["losses"])])
def test_none_or_too_many_patients_are_refused(charts, rows):
    with pytest.raises(ValueError, match="1 to 6 charts"):
        diagnosis.patients(charts, rows)


@pytest.mark.parametrize("rows", [[], ["temperature"]])
def test_unknown_rows_are_refused(rows):
    with pytest.raises(ValueError, match="rows must be of samples"):
        diagnosis.patients({"A": chart()}, rows)


def test_points_are_crosses_over_real_dots_with_room_for_both():
    points, made = torch.tensor([[0.0, 20.0], [20.0, 0.0]]), torch.tensor([[1.0, 2.0], [3.0, -4.0]])
    (ax,) = diagnosis.samples(made, points=points, ticks=True).axes
    assert [each.get_marker() for each in ax.lines] == [".", "x"]
    assert to_hex(ax.lines[0].get_color()) == style.COLOURS["real"] and ax.get_xlim()[1] == pytest.approx(30.0)
    assert len(ax.get_xticks()) > 2 and len(diagnosis.samples(made).axes[0].get_xticks()) == 0


def test_the_sheet_shows_every_instrument():
    wave = torch.zeros(8, 8).double()
    wave[4, 0] = 1.0  # all energy at a period of two pixels
    flat = torch.ones(8, 8).double()
    movement, gradients, logits, accuracy, spectrum, same = diagnosis.sheet(chart(), {"real": flat, "fake": wave}).axes
    assert line(movement, "D").get_ydata().tolist() == chart().traces["d_movement"].tolist()
    assert list(line(gradients, "G").get_ydata()) == [0.1, 0.3] and gradients.get_yscale() == "log"
    assert {each.get_label() for each in accuracy.lines} >= {"real, D's own batches", "real, held out", "fake"}
    assert line(spectrum, "fake").get_ydata().tolist() == [0.0, 0.0, 0.0, 1.0]
    counts = torch.tensor([8.0, 16.0, 24.0, 15.0]).double()  # frequencies of an 8 by 8 image by the larger of the two
    assert line(spectrum, "real").get_ydata().tolist() == pytest.approx((counts / 63).tolist())
    assert "rms" in same.get_ylabel() and "share" in logits.get_ylabel()


def test_histograms_hold_all_samples():
    (ax,) = diagnosis.histograms(torch.linspace(0, 1, 30), torch.linspace(-2, 0.5, 50)).axes
    for name in ("real", "fake"):
        assert sum(line(ax, name).get_ydata()) == pytest.approx(1.0)
    assert diagnosis.histograms(torch.zeros(3), torch.zeros(4)).axes


def test_depth_shows_the_prediction_and_the_border():
    fig = diagnosis.depth(
        [0.3, 1.0, 3.0], {"plain": [0.29, 1.0, 2.9], "b": [1.1] * 3}, [0.3, 1, 3], {"3": {2: 10, 20: 1e9}}
    )
    left, right = fig.axes
    assert line(left, "predicted: the gain").get_ydata().tolist() == [0.3, 1, 3]
    assert line(left, "b").get_ydata().tolist() == [1.1] * 3 and left.get_xscale() == right.get_yscale() == "log"
    assert line(right, "3").get_xdata().tolist() == [2, 20]
    with pytest.raises(ValueError, match="slopes must hold 1 to 4"):
        diagnosis.depth([1.0], {"a": [1.0]}, [1.0], {})


def test_the_lab_sheet_marks_what_no_healthy_run_shows():
    readings = {"A": {"x": 0.5, "y": 0.0}, "B": {"x": 1.5, "y": math.nan}}
    fig = diagnosis.lab_sheet(readings, {"x": (0.4, 0.6), "y": (0.0, 0.0)}, {"x": "one", "y": "two"})
    weights = {text.get_text(): text.get_fontweight() for text in fig.axes[0].texts}
    assert weights["0.50"] == "normal" and weights["1.50"] == "bold" and weights["–"] == "bold"
    assert "0.40 to 0.60" in weights and [label.get_text() for label in fig.axes[0].get_yticklabels()][-1] == "healthy"
    with pytest.raises(ValueError, match="'B' has no 'y'"):
        diagnosis.lab_sheet({"A": {"x": 1, "y": 1}, "B": {"x": 1}}, {"x": (0, 1), "y": (0, 1)}, {"x": "", "y": ""})


@pytest.mark.parametrize(
    "value, band, out",
    [(0.999, (1.0, 1.0), False), (0.98, (1.0, 1.0), True), (-1.005, (-1.0, 1.0), False), (-1.02, (-1.0, 1.0), True),
     (1e-12, (0.0, 0.0), True), (0.0, (0.0, 0.0), False), (math.nan, (0.0, 1.0), True)],
)  # fmt: skip
def test_a_hundredth_of_the_bound_is_no_alarm_and_beside_0_anything_is(value, band, out):
    assert diagnosis.outside(value, band) is out


@pytest.mark.parametrize(
    "value, words",
    [(0.0, "0"), (0.234, "0.23"), (-1.0, "-1.00"), (12.34, "12.3"), (345.6, "346"), (1e-18, "1e-18"), (math.nan, "–")],
)
def test_readings_are_short(value, words):
    assert diagnosis.short(value) == words
