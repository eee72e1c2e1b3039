"""The pictures of notebook 08 draw the numbers they are given, and refuse what is none."""

import math

import numpy as np
import pytest
import torch

from gancourse.plotting import critics as draw
from gancourse.plotting import style
from gancourse.plotting.style import COLOURS

X = torch.linspace(-2, 2, 41)
P, Q = torch.exp(-(X**2)), torch.exp(-((X - 0.5) ** 2))


def line(ax, label):
    return next(artist for artist in ax.lines if artist.get_label() == label)


def legend(figure):
    return [text.get_text() for box in figure.legends for text in box.get_texts()]


def test_piles_with_plan_and_critic():
    p, q = [0.1, 0.2, 0.7], [0.5, 0.4, 0.1]
    plan = [[0.1, 0.0, 0.4], [0.0, 0.2, 0.2], [0.0, 0.0, 0.1]]
    figure = draw.piles([0.0, 1.0, 3.0], p, q, plan, critic=[-1.0, 0.0, 2.0], title="sand")
    ax, right = figure.axes
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == p + q
    real, fake = ax.patches[0], ax.patches[3]
    assert real.get_facecolor()[:3] == pytest.approx((0, 0x88 / 255, 0x37 / 255))
    assert fake.get_hatch() == "////"
    amounts = {text.get_text() for text in ax.texts if text.get_text()}
    assert amounts == {"0.4", "0.2"}  # what stays where it is needs no arrow
    arrows = [(text.xyann[0], text.xy[0]) for text in ax.texts if getattr(text, "arrow_patch", None)]
    assert sorted(arrows) == [(0.0, 3.0), (1.0, 3.0)]
    np.testing.assert_allclose(right.lines[0].get_ydata(), [-1, 0, 2])
    assert ax.get_title() == "sand" and "critic f (right axis)" in legend(figure)
    assert len(draw.piles([0.0, 1.0], [1.0, 0.0], [0.0, 1.0]).axes) == 1


def test_critics_are_drawn_without_their_constant_beside_the_best():
    figure = draw.critics(X, P, Q, {"low": X + 100, "high": 2 * X - 7}, best=-X)
    upper, lower = figure.axes[:2], figure.axes[2:]
    assert [ax.get_title() for ax in upper] == ["low", "high"]
    for ax, slope in zip(lower, (1, 2), strict=True):
        drawn = line(ax, "critic f").get_ydata()
        weight = (P + Q).numpy()
        assert float((drawn * weight).sum()) == pytest.approx(0, abs=1e-4)
        np.testing.assert_allclose(np.diff(drawn), slope * 0.1, rtol=1e-4)
        np.testing.assert_allclose(np.diff(line(ax, "best critic of slope 1").get_ydata()), -0.1, rtol=1e-4)
        assert line(ax, "critic f").get_color() == COLOURS["discriminator"]
    assert lower[0].get_ylim() == lower[1].get_ylim()
    np.testing.assert_allclose(line(upper[0], "real p").get_ydata(), P, rtol=1e-6)
    assert line(upper[0], "generated q").get_linestyle() == "--"


def test_estimates_are_cut_off_and_said_to_be():
    figure = draw.estimates([1, 2, 3], {"wild": [0.0, 5.0, 1234.0], "calm": [-1.0, 2.0, 2.5]}, exact=3.0, top=10.0)
    (ax,) = figure.axes
    np.testing.assert_allclose(line(ax, "wild (up to 1,234)").get_ydata(), [0, 5, 1234])
    np.testing.assert_allclose(line(ax, "calm").get_ydata(), [-1, 2, 2.5])
    assert ax.get_ylim()[1] == 10 and -3 < ax.get_ylim()[0] < -1
    assert list(line(ax, "exact W1").get_ydata()) == [3.0, 3.0, 3.0]
    (moving,) = draw.estimates([1, 2], {"calm": [1.0, 2.0]}, exact=torch.tensor([3.0, 0.5])).axes
    assert list(line(moving, "exact W1").get_ydata()) == [3.0, 0.5]
    plain = draw.estimates([1, 2], {"calm": [1.0, math.nan]}).axes[0]
    assert len(plain.lines) == 2


def test_profiles_put_the_formula_over_what_was_measured():
    (ax,) = draw.profiles(X, {"a": P, "b": Q}, {"b": 2 * Q}, xlabel="place", ylabel="slope").axes
    np.testing.assert_allclose(line(ax, "a").get_ydata(), P, rtol=1e-6)
    np.testing.assert_allclose(line(ax, "formula").get_ydata(), 2 * Q, rtol=1e-6)
    assert line(draw.profiles(X, {"a": P}, {"a": Q}, dotted="exact").axes[0], "exact")
    assert len(ax.lines) == 3 and (ax.get_xlabel(), ax.get_ylabel()) == ("place", "slope")
    looks = [(one.get_color(), one.get_linestyle()) for one in ax.lines]
    assert len(set(looks)) == 3


def test_one_mark_a_seed():
    figure = draw.per_seed(
        {"λ = 1": {"raw": [1.0, 2.0], "better": [3.0, 4.0]}, "λ = 2": {"raw": [5.0], "better": [6.0]}}, exact=3.0
    )
    (ax,) = figure.axes
    marks = [list(artist.get_ydata()) for artist in ax.lines if artist.get_linestyle() == "None"]
    assert marks == [[1.0, 2.0], [3.0, 4.0], [5.0], [6.0]]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["λ = 1", "λ = 2"]
    assert legend(figure) == ["exact W1", "raw", "better"]


def test_layers_on_a_logarithmic_axis():
    (ax,) = draw.layers({"tight": [1e-6, 1e-3, 1.0], "loose": [100.0, 10.0, 1.0]}).axes
    assert ax.get_yscale() == "log"
    assert list(line(ax, "tight").get_xdata()) == [1, 2, 3]
    np.testing.assert_allclose(line(ax, "loose").get_ydata(), [100, 10, 1])


@pytest.mark.parametrize(
    "act",
    [
        lambda ax: draw.piles([0.0, 1.0], [1.0, 2.0], [2.0, 1.0], ax=ax),
        lambda ax: draw.estimates([1, 2], {"a": [1.0, 2.0]}, ax=ax),
        lambda ax: draw.profiles(X, {"a": P}, ax=ax),
        lambda ax: draw.layers({"a": [1.0, 2.0]}, ax=ax),
    ],
)
def test_they_draw_on_given_axes(act):
    figure, ax = style.figure()
    assert act(ax) is figure and ax.lines + ax.patches


FIVE = {name: [1.0, 2.0] for name in "abcde"}
REFUSED = {
    "plan": (lambda: draw.piles([0.0, 1.0], [1, 2], [2, 1], [[1.0]]), r"plan must have shape \(2, 2\), got \(1, 1\)"),
    "piles": (lambda: draw.piles([0.0, 1.0], [1, 2], [2]), r"q must have shape \(2,\), got \(1,\)"),
    "pile nan": (lambda: draw.piles([0.0, 1.0], [1, math.nan], [2, 1]), "p must be finite"),
    "no frame": (lambda: draw.critics(X, P, Q, {}), "frames is empty"),
    "frame": (lambda: draw.critics(X, P, Q, {"a": P[:3]}), "f must have shape"),
    "five": (lambda: draw.estimates([1, 2], FIVE), "lines must hold 1 to 4 entries, got 5"),
    "line": (lambda: draw.estimates([1, 2], {"a": [1.0]}), r"lines\['a'\] must have shape \(2,\)"),
    "formula": (lambda: draw.profiles(X, {"a": P}, {"b": P}), r"formula has \['b'\], which measured lacks"),
    "no group": (lambda: draw.per_seed({}, exact=1.0), "groups is empty"),
    "readings": (
        lambda: draw.per_seed({"a": {"raw": [1.0]}, "b": {"other": [1.0]}}, exact=1.0),
        r"groups must all have the readings \['raw'\]",
    ),
    "layers": (lambda: draw.layers({"a": [1.0, 0.0]}), "norms must be above 0"),
}


@pytest.mark.parametrize(("act", "says"), REFUSED.values(), ids=REFUSED)
def test_bad_numbers_are_refused_by_name(act, says):
    with pytest.raises(ValueError, match=says):
        act()
