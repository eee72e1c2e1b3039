"""Pictures of two-number games show the numbers they were given."""

import math

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from gancourse import games
from gancourse.plotting import games as pictures
from gancourse.plotting import style

PATH = games.run(games.simultaneous(games.dirac_gan(), step_size=0.3), (0.5, 0.2), num_steps=20)


def lines(ax):
    return [line.get_xydata() for line in ax.lines]


def test_a_portrait_shows_path_start_end_and_equilibrium():
    fig = pictures.portrait(games.dirac_gan(), PATH, limit=1.5, names=("θ", "ψ"), colour="warning")
    (ax,) = fig.axes
    wanted = PATH.numpy()
    shown = lines(ax)
    assert any(len(data) == 21 and np.allclose(data, wanted) for data in shown)
    markers = {line.get_marker(): line.get_xydata() for line in ax.lines if len(line.get_xydata()) == 1}
    assert np.allclose(markers["o"], wanted[:1]) and np.allclose(markers["s"], wanted[-1:])
    assert np.allclose(markers["*"], 0)
    assert ax.get_xlim() == ax.get_ylim() == (-1.5, 1.5)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("θ", "ψ")
    assert to_hex(ax.xaxis.label.get_color()) == style.COLOURS["generator"]
    assert to_hex(ax.yaxis.label.get_color()) == style.COLOURS["discriminator"]
    assert {to_hex(line.get_color()) for line in ax.lines if len(line.get_xydata()) == 21} == {style.COLOURS["warning"]}


def test_the_arrows_of_a_portrait_are_the_field_shortened():
    fig = pictures.portrait(games.bilinear())
    (quiver,) = fig.axes[0].collections
    xy, u, v = quiver.XY, quiver.U, quiver.V
    length = np.hypot(xy[:, 0], xy[:, 1])
    away = length > 1e-9
    assert np.allclose(np.stack([u, v], -1)[away], np.stack([-xy[:, 1], xy[:, 0]], -1)[away] / length[away, None])
    assert np.hypot(u, v)[~away] == pytest.approx(0)
    assert to_hex(quiver.get_facecolor()[0]) == style.COLOURS["gradient"]
    assert not pictures.portrait(games.bilinear(), arrows=False).axes[0].collections


def test_players_keep_their_colours_and_lines():
    (ax,) = pictures.players(PATH).axes
    by_colour = {to_hex(line.get_color()): line for line in ax.lines if len(line.get_ydata()) == 21}
    theta, psi = by_colour[style.COLOURS["generator"]], by_colour[style.COLOURS["discriminator"]]
    assert np.allclose(theta.get_ydata(), PATH[:, 0]) and theta.get_linestyle() == "--"
    assert np.allclose(psi.get_ydata(), PATH[:, 1]) and psi.get_linestyle() == "-"


def test_distances_are_norms_on_a_logarithmic_scale():
    (ax,) = pictures.distances({"out": PATH, "half": PATH / 2}, colours={"out": "warning"}).axes
    assert ax.get_yscale() == "log"
    assert np.allclose(ax.lines[0].get_ydata(), PATH.norm(dim=-1)) and ax.lines[0].get_label() == "out"
    assert ax.lines[0].get_linestyle() != ax.lines[1].get_linestyle()
    assert to_hex(ax.lines[0].get_color()) == style.COLOURS["warning"] != to_hex(ax.lines[1].get_color())


def test_factors_mark_where_play_runs_away():
    values = torch.linspace(0, 2, 5)
    (ax,) = pictures.factors(
        values, {"a": values, "b": 2 - values}, xlabel="γ", marks={"best": 0.5}, limits=(0, 3)
    ).axes
    assert any(np.allclose(data, np.stack([values, values], -1)) for data in lines(ax) if len(data) == 5)
    assert [line.get_label() for line in ax.lines if len(line.get_xdata()) == 5] == ["a", "b"]
    assert any(text.get_text() == "best" and text.xy[0] == 0.5 for text in ax.texts)
    (zone,) = ax.patches
    assert zone.get_extents().transformed(ax.transData.inverted()).intervaly.tolist() == pytest.approx([1, 3])
    with pytest.raises(ValueError, match="must have 5 values, one a setting, got 4"):
        pictures.factors(values, {"a": values[:4]}, xlabel="γ")


@pytest.mark.parametrize("psi, arrows", [(0.8, 1), (-0.8, 1), (0.0, 0)])
def test_a_dirac_gan_pushes_its_fake_uphill(psi, arrows):
    (ax,) = pictures.dirac(1.2, psi).axes
    line, real, fake = ax.lines[1], ax.lines[2], ax.lines[3]
    assert np.allclose(line.get_ydata(), psi * line.get_xdata())
    assert to_hex(line.get_color()) == style.COLOURS["discriminator"]
    assert real.get_marker() == "o" and np.allclose(real.get_xydata(), [[0, 0]])
    assert fake.get_marker() == "x" and np.allclose(fake.get_xydata(), [[1.2, 0]])
    assert len(ax.texts) == arrows
    for push in ax.texts:
        (end, _), (begin, _) = push.xy, push.xyann
        assert begin == pytest.approx(1.2) and np.sign(end - begin) == np.sign(psi)


def test_a_film_shows_the_steps_asked_for():
    fig = pictures.dirac_film(PATH, [0, 7, 20])
    assert [ax.get_title() for ax in fig.axes] == ["step 0", "step 7", "step 20"]
    assert np.allclose(fig.axes[1].lines[3].get_xdata(), PATH[7, 0])
    for steps in ([], [21], [-1]):
        with pytest.raises(ValueError, match="steps must be whole numbers from 0 to 20"):
            pictures.dirac_film(PATH, steps)


def test_all_draw_on_axes_they_are_given():
    _, axes = style.figure(5)
    for draw, ax in zip(
        (
            lambda ax: pictures.portrait(games.bilinear(), PATH, ax=ax),
            lambda ax: pictures.players(PATH, ax=ax),
            lambda ax: pictures.distances({"a": PATH}, ax=ax),
            lambda ax: pictures.factors(torch.tensor([0.0, 1.0]), {"a": torch.tensor([0.9, 1.0])}, xlabel="x", ax=ax),
            lambda ax: pictures.dirac(0.3, 0.2, ax=ax),
        ),
        axes,
        strict=True,
    ):
        fig = draw(ax)
        assert isinstance(fig, Figure) and fig is ax.figure and ax.lines


@pytest.mark.parametrize(
    "path", [None, [1, 2], torch.zeros(2), torch.zeros(3, 4, 2), torch.zeros(3, 3), torch.zeros(0, 2)]
)
def test_what_is_no_path_is_named(path):
    with pytest.raises(ValueError, match="path must be one path, a tensor of shape"):
        pictures.players(path)
    with pytest.raises(ValueError, match="must be one path"):
        pictures.distances({"a": path})


def test_a_dirac_gan_that_ran_away_is_named():
    for theta, psi, name in ((math.nan, 0.1, "theta"), (0.1, math.inf, "psi")):
        with pytest.raises(ValueError, match=f"{name} must be a finite number"):
            pictures.dirac(theta, psi)


def test_powers_turn_and_stretch():
    fig = pictures.powers((1 + 0.2j, 0.96 + 0.28j, 0.9 - 0.2j), num_steps=5, limit=1.5)
    assert [ax.get_title() for ax in fig.axes] == ["times 1 + 0.2i", "times 0.96 + 0.28i", "times 0.9 − 0.2i"]
    for ax, mu, colour in zip(
        fig.axes, (1 + 0.2j, 0.96 + 0.28j, 0.9 - 0.2j), ("warning", "neutral", "neutral"), strict=True
    ):
        (path,) = [line for line in ax.lines if len(line.get_xdata()) == 6]
        wanted = [mu**k for k in range(6)]
        assert np.allclose(path.get_xdata() + 1j * path.get_ydata(), wanted)
        assert to_hex(path.get_color()) == style.COLOURS[colour]
        single = {line.get_marker(): complex(*line.get_xydata()[0]) for line in ax.lines if len(line.get_xdata()) == 1}
        assert single == pytest.approx({"o": 1, "D": mu, "s": mu**5})
        assert ax.get_xlim() == ax.get_ylim() == (-1.5, 1.5) and len(ax.patches) == 1
    for bad in ((), (complex("nan"),)):
        with pytest.raises(ValueError, match="numbers must be finite"):
            pictures.powers(bad)
