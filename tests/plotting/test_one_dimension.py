"""The pictures of notebook 02 draw the numbers they are given, and refuse what is none."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from gancourse.plotting import one_dimension as draw
from gancourse.plotting import style
from gancourse.plotting.style import COLOURS
from gancourse.training import History

X = torch.linspace(-2, 2, 41)
P = torch.exp(-(X**2))
Q = torch.exp(-((X - 0.5) ** 2))


def line(ax, label):
    return next(artist for artist in ax.lines if artist.get_label() == label)


def history(steps=40):
    made = History()
    for step in range(1, steps + 1):
        made.record(step, {"d_loss": 1.4 - step / 100, "g_loss": 0.7 + step / 50})
    made.flush()
    return made


def texts(ax):
    return [text.get_text().strip() for text in ax.texts]


def test_both_densities_are_drawn_in_their_colours():
    figure = draw.generated(X, P, Q, title="here", legend="upper left")
    (ax,) = figure.axes
    real, fake = line(ax, "data p"), line(ax, "generated q")
    np.testing.assert_allclose(real.get_ydata(), P, rtol=1e-6)
    np.testing.assert_allclose(fake.get_ydata(), Q, rtol=1e-6)
    assert (real.get_color(), fake.get_color()) == (COLOURS["real"], COLOURS["generator"])
    assert real.get_linestyle() == "-" and fake.get_linestyle() == "--"
    assert ax.get_title() == "here" and ax.get_legend() is not None and ax.get_ylim()[0] == 0


@pytest.mark.parametrize(("shift", "side"), [(-1.0, "left"), (1.0, "right")])
def test_a_spike_is_cut_off_and_said_to_be(shift, side):
    spike = 30 * torch.exp(-(((X - shift) / 0.1) ** 2))
    (ax,) = draw.generated(X, P, spike).axes
    assert ax.get_ylim()[1] == pytest.approx(1.9)
    assert texts(ax) == ["up to 30.0"]
    assert ax.texts[0].get_ha() == side  # where there is more room
    assert not draw.generated(X, P, Q).axes[0].texts


def test_crosses_and_arrows_sit_below_the_axis():
    samples, pushes = torch.tensor([-1.0, 0.0, 1.5]), torch.tensor([0.5, 0.0, -0.25])
    (ax,) = draw.generated(X, P, Q, samples=samples, pushes=pushes).axes
    crosses = line(ax, "some fakes")
    np.testing.assert_allclose(crosses.get_xdata(), samples)
    assert max(crosses.get_ydata()) < 0 and min(crosses.get_ydata()) > ax.get_ylim()[0]
    assert min(ax.get_yticks()) >= 0
    (arrows,) = [artist for artist in ax.collections if hasattr(artist, "U")]
    np.testing.assert_allclose(arrows.U, pushes)
    np.testing.assert_allclose(arrows.get_offsets()[:, 0], samples)
    np.testing.assert_allclose(arrows.get_offsets()[:, 1], crosses.get_ydata())


def test_d_is_drawn_beside_the_best_answer():
    d, best = torch.sigmoid(X), torch.where(X > 0, 0.9, torch.nan)
    (ax,) = draw.judged(X, d, best, samples=torch.tensor([0.0, 1.0]), legend="upper left").axes
    np.testing.assert_allclose(line(ax, "D").get_ydata(), d, rtol=1e-6)
    np.testing.assert_allclose(line(ax, "D* for this G").get_ydata(), best, rtol=1e-6)
    np.testing.assert_allclose(line(ax, "fakes").get_ydata(), torch.sigmoid(torch.tensor([0.0, 1.0])), rtol=1e-4)
    assert line(ax, "D").get_color() == COLOURS["discriminator"]
    assert len(draw.judged(X, d).axes[0].lines) == 2


def test_a_film_puts_moments_side_by_side_on_the_same_scale():
    figure = draw.film(X, P, {"one": (Q, P, None), "two": (P, Q, P)})
    upper, lower = figure.axes[:2], figure.axes[2:]
    assert [ax.get_title() for ax in upper] == ["one", "two"]
    assert upper[0].get_ylim() == upper[1].get_ylim() and lower[0].get_ylim() == lower[1].get_ylim()
    np.testing.assert_allclose(line(upper[0], "generated q").get_ydata(), Q, rtol=1e-6)
    np.testing.assert_allclose(line(lower[1], "D* for this G").get_ydata(), P, rtol=1e-6)
    with pytest.raises(ValueError, match="frames is empty"):
        draw.film(X, P, {})


def test_distance_is_logarithmic_above_its_floor():
    (ax,) = draw.distance([0, 10, 20], [1.0, 0.5, 0.1], floor=0.02, marks={10: "now"}).axes
    assert ax.get_yscale() == "log"
    assert ax.get_ylim()[0] < 0.02 and ax.get_ylim()[1] > 1
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [1.0, 0.5, 0.1])
    assert set(texts(ax)) == {"two real samples", "now"}


def test_one_loss_stands_beside_its_levels():
    (ax,) = draw.one_loss([1.0, 0.8, 0.6], player="generator", lines={"low": 0.1, "high": 2.0}).axes
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [1.0, 0.8, 0.6])
    assert [artist.get_ydata()[0] for artist in ax.lines[2:]] == [0.1, 2.0]
    assert texts(ax) == ["low", "high"] and ax.get_ylabel() == "g_loss"
    assert ax.lines[1].get_color() == COLOURS["generator"]
    with pytest.raises(ValueError, match="player must be 'discriminator' or 'generator', got 'critic'"):
        draw.one_loss([1.0], player="critic")


def test_one_loss_is_smoothed_as_much_as_asked():
    jump = [0.0] * 30 + [1.0] * 30
    (usual,), (sharp,) = (
        draw.one_loss(jump, player="generator").axes,
        draw.one_loss(jump, player="generator", smooth=1).axes,
    )
    assert 0 < usual.lines[1].get_ydata()[29] < 0.5
    np.testing.assert_allclose(sharp.lines[1].get_ydata(), jump)


def test_races_draw_every_seed():
    runs = {"slow": torch.ones(3, 4), "quick": torch.zeros(3, 4)}
    figure = draw.races([0, 1, 2, 3], {"SGD": runs, "Adam": runs})
    assert [ax.get_title() for ax in figure.axes] == ["SGD", "Adam"]
    for ax in figure.axes:
        assert len(ax.lines) == 6
        assert [artist.get_label() for artist in ax.lines if not artist.get_label().startswith("_")] == list(runs)
    assert ax.lines[0].get_color() != ax.lines[3].get_color()
    assert ax.lines[0].get_linestyle() != ax.lines[3].get_linestyle()
    with pytest.raises(ValueError, match="at most 2 losses"):
        draw.races([0, 1, 2, 3], {"SGD": runs | {"third": torch.ones(3, 4)}})


def test_traces_share_their_scales():
    made = history()
    figure = draw.traces(
        {"A": (made, [0, 20, 40], [1.0, 0.5, 0.2]), "B": (made, [0, 20, 40], [3.0, 4.0, 5.0])}, floor=0.05
    )
    upper, lower = figure.axes[:2], figure.axes[2:]
    assert [ax.get_title() for ax in upper] == ["A", "B"]
    assert lower[0].get_ylim() == lower[1].get_ylim()
    assert lower[0].get_ylim()[0] < 0.05 and lower[0].get_ylim()[1] > 5
    assert "2 log 2" in texts(upper[1]) and not texts(upper[0])


def test_latent_pictures():
    z = torch.linspace(-3, 3, 61)
    figure = draw.latent_line(z, z**3, torch.exp(-(z**2) / 2), X, P)
    curve = figure.axes[1]
    np.testing.assert_allclose(curve.lines[0].get_ydata(), z**3, rtol=1e-6)
    figure = draw.latent_maps({"one": torch.zeros(5, 2), "two": torch.ones(5, 2)})
    assert [ax.get_title() for ax in figure.axes] == ["one", "two"]
    with pytest.raises(ValueError, match=r"shape \(N, 2\), got \(5, 3\) for 'bad'"):
        draw.latent_maps({"bad": torch.zeros(5, 3)})


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        ("many", TypeError, "q must hold numbers, got str"),
        (torch.zeros(3), ValueError, r"q must have the shape of x, \(41,\), got \(3,\)"),
        (torch.zeros(41, 1), ValueError, r"q must have shape \(N,\)"),
        (torch.full((41,), torch.nan), ValueError, "q must be finite, got 41"),
    ],
)
def test_what_is_no_curve_is_refused_by_name(bad, error, words):
    with pytest.raises(error, match=words):
        draw.generated(X, P, bad)


def test_everything_is_a_figure_that_shows_itself():
    for figure in (draw.generated(X, P, Q), draw.judged(X, P), draw.distance([0, 1], [1.0, 2.0])):
        assert isinstance(figure, Figure)
        assert style.png(figure).startswith(b"\x89PNG")
