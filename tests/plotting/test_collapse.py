"""Pictures of failures in the plane."""

import math

import numpy as np
import pytest
import torch

from gancourse.plotting import collapse
from gancourse.plotting.style import COLOURS

REAL = torch.tensor([[0.0, 1.0], [1.0, 0.0]])


def drawn(ax, label):
    (line,) = [line for line in ax.lines if line.get_label() == label]
    return line


def words(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def test_clouds_share_a_window_and_count_what_lies_outside():
    near, far = torch.full((300, 2), 0.5), torch.full((4, 2), 0.5)
    far[0, 1], far[1, 0] = 1.7, math.nan
    fig = collapse.clouds({"near": near, "far": far}, REAL, notes=["one", "two"], limit=1.6)
    first, second = fig.axes
    assert [ax.get_title() for ax in fig.axes] == ["near", "far"] and first.get_xlabel() == "one"
    assert first.get_xlim() == second.get_xlim() == first.get_ylim() == (-1.6, 1.6)
    assert np.allclose(drawn(first, "real").get_xydata(), REAL)
    fake = drawn(first, "generated")
    assert fake.get_xydata().shape == (250, 2) and fake.get_marker() == "x" and fake.get_color() == COLOURS["fake"]
    assert words(first) == [] and words(second) == ["50% outside"]


def test_each_cloud_may_have_real_points_of_its_own_and_few_of_them_are_large():
    fig = collapse.clouds({"a": REAL, "b": REAL}, {"a": REAL.repeat(50, 1), "b": REAL + 0.1})
    a, b = (drawn(ax, "real") for ax in fig.axes)
    assert np.allclose(b.get_xydata(), REAL + 0.1) and b.get_markersize() > 2 * a.get_markersize()


def test_runs_show_points_over_losses_with_the_equilibrium_and_survive_nan():
    ramp = torch.linspace(0.5, 1.5, 40)
    broken = torch.cat([torch.ones(10), torch.tensor([1e30, math.inf]), torch.full((28,), math.nan)])
    fig = collapse.runs(
        {"a": collapse.Run(REAL, ramp, ramp + 5), "b": collapse.Run(REAL, broken, broken)}, REAL, width=1
    )
    upper, lower = fig.axes[0], fig.axes[2]
    assert upper.get_title() == "a" and np.allclose(drawn(upper, "generated").get_xydata(), REAL)
    d_line, g_line = drawn(lower, "discriminator's loss"), drawn(lower, "generator's loss")
    assert np.allclose(d_line.get_ydata(), ramp) and (g_line.get_ydata() == 3).all()  # at the edge
    assert (d_line.get_linestyle(), g_line.get_linestyle()) == ("-", "--")
    lines = {round(float(line.get_ydata()[0]), 4) for line in lower.lines if line.get_linestyle() == ":"}
    assert lines == {round(math.log(2), 4), round(2 * math.log(2), 4)}
    after = drawn(fig.axes[3], "discriminator's loss").get_ydata()
    assert (after[:10] == 1).all() and (after[10:] == 3).all()
    assert lower.get_ylim() == fig.axes[3].get_ylim()


def test_tracks_put_modes_upwards_and_time_to_the_right():
    shares = torch.zeros(5, 2, 3)
    shares[:, 0, 2] = 1.0
    shares[3, 1, 0] = 0.4
    fig = collapse.tracks([10, 20, 30, 40, 50], shares, titles=["a", "b"])
    first, second = (ax.images[0] for ax in fig.axes[:2])
    assert np.array_equal(first.get_array()[2], np.ones(5)) and first.origin == "lower"
    assert second.get_array()[0, 3] == pytest.approx(0.4) and second.get_array().sum() == pytest.approx(0.4)
    assert first.get_extent() == [10, 50, -0.5, 2.5] and first.get_clim() == second.get_clim()
    assert fig.axes[0].get_title() == "a"


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: collapse.clouds({}, REAL), "generated must hold at least one cloud, got none"),
        (lambda: collapse.clouds({"a": REAL}, REAL, notes=["x", "y"]), "notes must have one entry .* 1 clouds, got 2"),
        (
            lambda: collapse.clouds({"a": REAL[0]}, REAL),
            r"generated points of 'a' must have shape \(N, 2\), got \(2,\)",
        ),
        (lambda: collapse.clouds({"a": REAL}, REAL[:, :1]), r"real points of 'a' must have shape .*, got \(2, 1\)"),
        (lambda: collapse.runs({}, REAL), "shown must hold at least one run, got none"),
        (
            lambda: collapse.tracks([1, 2], torch.zeros(3, 1, 8)),
            r"shares must have shape \(2, K, modes\), got \(3, 1, 8\)",
        ),
        (lambda: collapse.tracks([1], torch.zeros(1, 2, 8), titles=["a"]), "one entry for each of the 2 GANs, got 1"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
