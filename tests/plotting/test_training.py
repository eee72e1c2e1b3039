"""Pictures of a run."""

import math

import pytest
import torch

from gancourse import losses, training
from gancourse.plotting import style
from gancourse.plotting import training as pictures


def history():
    made = training.History()
    for step in range(1, 41):
        made.record(step, {"d_loss": step / 40, "g_loss": -step / 40})
        made.num_steps = step
    return made


def test_equilibrium_values_are_those_of_theory():
    wanted = {
        "minimax": (2 * math.log(2), -math.log(2)),
        "non_saturating": (2 * math.log(2), math.log(2)),
        "least_squares": (0.25, 0.125),
        "hinge": (2.0, 0.0),
        "wasserstein": (0.0, 0.0),
        "relativistic": (math.log(2), math.log(2)),
    }
    assert set(wanted) == set(losses.LOSSES)
    for name, values in wanted.items():
        assert pictures.equilibrium_losses(name) == pytest.approx(values, abs=1e-12)
    with pytest.raises(ValueError, match="loss must be one of minimax.*got 'vanilla'"):
        pictures.equilibrium_losses("vanilla")


def test_running_mean_of_a_line_is_the_line_away_from_the_ends():
    values = torch.arange(20.0)
    smooth = pictures.running_mean(values, 5)
    assert torch.allclose(smooth[2:-2], values[2:-2]) and smooth[0] == 1.0 and smooth[-1] == 18.0
    assert torch.equal(pictures.running_mean(values, 1), values)
    assert torch.allclose(pictures.running_mean(values, 999), torch.full((20,), 9.5))
    with pytest.raises(ValueError, match="width must be at least 1"):
        pictures.running_mean(values, 0)


def test_losses_draws_both_players_and_the_reference_lines():
    fig = pictures.losses(history(), loss="minimax", smooth=1)
    (ax,) = fig.axes
    lines = {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}
    assert lines["discriminator"].get_color() == style.COLOURS["discriminator"]
    assert lines["discriminator"].get_linestyle() == "-" and lines["generator"].get_linestyle() == "--"
    assert list(lines["generator"].get_ydata()) == pytest.approx([-step / 40 for step in range(1, 41)])
    assert [text.get_text() for text in ax.texts] == ["2 log 2", "\N{MINUS SIGN}log 2"]
    assert fig._repr_png_().startswith(b"\x89PNG")


def test_losses_draws_on_given_axes_without_reference_lines():
    fig, axes = style.figure(2)
    assert pictures.losses(history(), loss=None, ax=axes[1]) is fig
    assert not axes[0].lines and len(axes[1].lines) == 4
    with pytest.raises(TypeError, match="ax must be a matplotlib Axes or None, got an array of axes"):
        pictures.losses(history(), ax=axes)


def test_pictures_have_a_white_face_and_leave_the_style_of_others_alone():
    import matplotlib

    before = dict(matplotlib.rcParams)
    fig, _ = style.figure()
    assert fig.get_facecolor() == (1.0, 1.0, 1.0, 1.0)
    fig._repr_png_()
    assert dict(matplotlib.rcParams) == before
