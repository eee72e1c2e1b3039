"""Pictures of the game on paper: what is drawn is what was given, and bad input is refused by name."""

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from gancourse.plotting import densities, style
from gancourse.plotting.style import COLOURS

X = torch.linspace(-3, 3, 61)
P, Q = torch.exp(-X.square()), torch.exp(-(X - 1).square())
D = P / (P + Q)
HISTORY = {"value": [-1.3, -1.2], "D(heads)": [0.5, 0.7], "D(tails)": [0.5, 0.2], "q(heads)": [0.2, 0.3]}
MEASURED = {"a": (P, {"KL": 0.0, "W1": 2.0}), "b": (Q, {"KL": 1.0, "W1": 0.5})}
READ = {"KL": [0.0, 1.0], "reverse KL": [0.0, 2.0], "JS": [0.0, 0.3], "W1": [0.0, 1.0]}

PICTURES = {
    "density_pair": lambda: densities.density_pair(X, P, Q, title="title"),
    "discriminator": lambda: densities.discriminator(X, D, compare={"a": D, "b": 1 - D}),
    "discriminators_for": lambda: densities.discriminators_for(X, P, [P, Q], [D, D], ["a", "b"]),
    "logits": lambda: densities.discriminators_for(X, P, [Q], [torch.logit(D)], ["a"], logits=True),
    "outcome_scores": lambda: densities.outcome_scores([0.7, 0.3], [0.2, 0.8]),
    "coin_game": lambda: densities.coin_game(HISTORY, 0.7, title="title"),
    "d_loss": lambda: densities.discriminator_loss_against_shift([0.0, 1.0, 2.0], [1.386, 1.0, 0.5]),
    "rulers": lambda: densities.rulers([0.0, 1.0], READ),
    "generator_losses": lambda: densities.generator_losses(torch.linspace(-10, 10, 101)),
    "compare": lambda: densities.discriminators_for(X, P, [Q], [D], ["a"], label="b", compare={"c": 1 - D}),
    "moving_mass": lambda: densities.moving_mass(X, P, Q, parts=5),
    "measured": lambda: densities.generators_measured(X, P, MEASURED),
    "fakes": lambda: densities.fakes_with_slopes(X, P, Q, [1.0, 1.5], {"a": [-1.0, 0.0], "b": [-1.0, -1.0]}),
}


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_every_picture_draws_itself_without_pyplot(picture):
    fig = picture()
    assert isinstance(fig, style.CourseFigure)
    image = Image.open(io.BytesIO(fig._repr_png_())).convert("RGB")
    assert image.width > 300 and len(image.getcolors(10**7)) > 20


def test_colours_and_dashes_say_who_is_who():
    ax = densities.density_pair(X, P, Q).axes[0]
    real, fake = ax.lines
    assert (real.get_color(), real.get_linestyle()) == (COLOURS["real"], "-")
    assert (fake.get_color(), fake.get_linestyle()) == (COLOURS["fake"], "--")
    assert np.allclose(real.get_ydata(), P) and np.allclose(fake.get_ydata(), Q)
    curve = densities.discriminator(X, D).axes[0].lines[-1]
    assert (curve.get_color(), curve.get_linestyle()) == (COLOURS["discriminator"], "-")


def test_outcome_scores_mark_the_top_of_the_curve_they_draw():
    for ax in densities.outcome_scores([0.7, 0.3], [0.2, 0.8]).axes:
        curve, top = ax.lines
        highest = curve.get_xdata()[np.argmax(curve.get_ydata())]
        assert top.get_xdata()[0] == pytest.approx(highest, abs=0.005)
        assert top.get_ydata()[0] == pytest.approx(np.max(curve.get_ydata()), abs=1e-4)


def test_generator_losses_and_their_slopes_belong_together():
    logits = torch.linspace(-10, 10, 2001, dtype=torch.float64)
    left, right = densities.generator_losses(logits).axes[:2]
    for loss, slope in zip(left.lines, right.lines, strict=True):
        assert loss.get_color() == slope.get_color()
        numeric = np.abs(np.gradient(loss.get_ydata(), loss.get_xdata()))[1:-1]
        assert np.allclose(numeric, slope.get_ydata()[1:-1], atol=1e-4)


def test_right_axis_of_the_loss_reads_js():
    fig = densities.discriminator_loss_against_shift([0.0, 1.0], [2 * math.log(2), 0.0])
    (right,) = fig.axes[0].child_axes
    assert right.get_ylabel() == "JS"  # how to read it is exercise 3
    fig.canvas.draw()
    assert sorted(right.get_ylim()) == pytest.approx([math.log(2) - 0.75, math.log(2)])
    places = {
        tick.get_text(): right.transData.transform((0, tick.get_position()[1]))[1] for tick in right.get_yticklabels()
    }
    left = fig.axes[0].transData
    assert places["log 2"] == pytest.approx(left.transform((0, 0))[1], abs=1)
    assert places["0"] == pytest.approx(left.transform((0, 2 * math.log(2)))[1], abs=1)


def test_arrows_point_where_the_push_goes():
    fig = densities.fakes_with_slopes(X, P, Q, [1.0, 1.5], {"a": [-1.0, 0.25]}, scale=2.0)
    (arrows,) = fig.axes[1].collections
    assert arrows.U.tolist() == [-2.0, 0.5] and arrows.X.tolist() == [1.0, 1.5]


def bell(places, mean, width):
    return torch.exp(-((places - mean) ** 2) / (2 * width**2)) / (width * math.sqrt(2 * math.pi))


def test_the_arrows_of_moving_mass_are_as_long_on_average_as_w1():
    places = torch.linspace(-9, 15, 4_801, dtype=torch.float64)
    p, q = bell(places, 0, 1), bell(places, 5, 0.5)
    fig = densities.moving_mass(places, p, q, parts=10)
    left, right = (next(c for c in ax.collections if hasattr(c, "U")) for ax in fig.axes)
    assert len(left.U) == 10 and np.allclose(left.U, right.U) and np.allclose(left.X, right.X)
    assert (left.U < 0).all() and left.U.mean() == pytest.approx(-5, abs=1e-3)
    assert np.median(left.X) == pytest.approx(5, abs=1e-3)  # they start where q is
    z = (left.X - 5) / 0.5
    assert np.allclose(left.X + left.U, z, atol=2e-3)  # and end at the same share of p
    assert fig.axes[1].get_title() == "grey area: W1 = 5.00"
    wide = densities.moving_mass(places, bell(places, 0, 1), bell(places, 0, 2))
    assert wide.axes[1].get_title() == "grey area: W1 = 0.80"  # sqrt(2 / pi), though the means are equal


def test_the_largest_reading_of_each_ruler_is_bold():
    fig = densities.generators_measured(X, P, MEASURED)
    bold = [[text.get_text() for text in ax.texts if text.get_weight() == "bold"] for ax in fig.axes[2:]]
    assert bold == [["W1", "2.00"], ["KL", "1.00"]]


def test_the_loss_of_the_best_d_is_read_from_far_to_near():
    ax = densities.discriminator_loss_against_shift([0.0, 1.0, 2.0], [1.386, 1.0, 0.5]).axes[0]
    assert ax.get_xlim() == (2.0, 0.0)


def test_axes_may_be_given():
    fig, axes = style.figure(2)
    assert densities.density_pair(X, P, Q, ax=axes[1]) is fig
    assert densities.discriminator(X, D, ax=axes[0]) is fig
    with pytest.raises(TypeError, match="ax must be a matplotlib Axes"):
        densities.density_pair(X, P, Q, ax=axes)


def test_notebook_pictures_are_small_and_look_the_same():
    fig = PICTURES["discriminators_for"]()
    style.png(fig)  # the first drawing settles the layout
    full, small = style.png(fig), fig._repr_png_()
    assert len(small) < 0.4 * len(full)
    exact, reduced = (np.asarray(Image.open(io.BytesIO(b)).convert("RGB")).astype(int) for b in (full, small))
    assert np.abs(exact - reduced).max() <= 16 and np.abs(exact - reduced).mean() < 0.5
    white = (exact == 255).all(-1)
    assert white.mean() > 0.5 and (reduced[white] == 255).all()


REFUSED = {
    "x text": (lambda: densities.density_pair("x", P, Q), TypeError, "x must hold numbers, got str"),
    "p length": (lambda: densities.density_pair(X, P[:5], Q), ValueError, "p must have the shape of x"),
    "q shape": (lambda: densities.density_pair(X, P, Q[:, None]), ValueError, r"q must have shape \(N,\)"),
    "q nan": (lambda: densities.density_pair(X, P, Q * math.nan), ValueError, "q must be finite, got 61"),
    "x empty": (lambda: densities.density_pair([], [], []), ValueError, "x must have shape"),
    "compare": (lambda: densities.discriminator(X, D, compare={"a": D[:3]}), ValueError, "compare must have the shape"),
    "three": (lambda: densities.discriminator(X, D, compare=dict.fromkeys("abc", D)), ValueError, "at most 2 curves"),
    "counts": (lambda: densities.discriminators_for(X, P, [Q], [D, D], ["a"]), ValueError, "must be as many"),
    "no columns": (lambda: densities.discriminators_for(X, P, [], [], []), ValueError, "must be as many"),
    "no generators": (lambda: densities.generators_measured(X, P, {}), ValueError, "at least one"),
    "other rulers": (
        lambda: densities.generators_measured(X, P, {"a": (P, {"KL": 1.0}), "b": (P, {"JS": 1.0})}),
        ValueError,
        "the same rulers",
    ),
    "history": (
        lambda: densities.coin_game({"value": [1.0]}, 0.7),
        ValueError,
        r"D\(heads\), D\(tails\), q\(heads\) is",
    ),
    "rulers": (lambda: densities.rulers([1.0], {"KL": [1.0]}), ValueError, "reverse KL, JS, W1 is missing"),
    "pushes": (lambda: densities.fakes_with_slopes(X, P, Q, [1.0], {"a": [1.0, 2.0]}), ValueError, "pushes must have"),
}


@pytest.mark.parametrize(("act", "kind", "says"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_refused_by_name(act, kind, says):
    with pytest.raises(kind, match=says):
        act()
