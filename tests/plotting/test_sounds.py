"""Pictures of sounds show the numbers they are given, where they belong."""

import numpy as np
import pytest
import torch

from gancourse import runtime
from gancourse.plotting import sounds
from gancourse.plotting.style import COLOURS


def tone(frequency, length=1_024, rate=8_000):
    return 0.5 * torch.sin(2 * torch.pi * frequency * torch.arange(length) / rate)


def test_waves_on_one_scale():
    figure = sounds.waves({"true": tone(300.0), "made": 0.1 * tone(500.0)}, 8_000, most=400)
    first, second = figure.axes
    assert first.get_ylim() == second.get_ylim() and first.lines[0].get_color() == COLOURS["real"]
    x, y = second.lines[0].get_data()
    assert len(x) == 400 and x[80] == pytest.approx(10) and np.allclose(y, 0.1 * tone(500.0)[:400].numpy())


def test_spectrograms_have_their_tones_where_the_axes_say():
    figure = sounds.spectrograms({"low": tone(500.0), "high": 0.01 * tone(2_000.0)}, 8_000, highest=3_000)
    for ax, frequency in zip(figure.axes, (500.0, 2_000.0), strict=True):
        (image,) = ax.images
        left, right, bottom, top = image.get_extent()
        picture = image.get_array()
        row = int(picture[:, 8].argmax())
        middle = bottom + (row + 0.5) * (top - bottom) / picture.shape[0]
        assert middle == pytest.approx(frequency, abs=1) and ax.get_ylim() == (0, 3_000)
        column = left + (8 + 0.5) * (right - left) / picture.shape[1]
        assert column == pytest.approx(8 * 64 / 8)  # milliseconds: the eighth window
    first, second = (ax.images[0] for ax in figure.axes)
    assert first.get_clim() == second.get_clim()
    assert float(second.get_array().max() - first.get_array().max()) == pytest.approx(-40, abs=1)


def test_distributions_are_shares():
    random = runtime.generator(0)
    real, fake = ({"pitch": torch.randn(500, generator=random) + shift} for shift in (0, 1))
    figure = sounds.distributions(real, fake, {"pitch": "semitones"})
    (ax,) = figure.axes
    heights = sum(bar.get_height() for bar in ax.patches)
    assert 0.95 < heights <= 1 and 0.95 < sum(ax.lines[0].get_ydata()) <= 1
    assert ax.get_xlabel() == "semitones" and ax.lines[0].get_marker() == "x"
    centres = ax.lines[0].get_xdata()
    mean = [np.average(centres, weights=w) for w in ([b.get_height() for b in ax.patches], ax.lines[0].get_ydata())]
    assert mean[1] - mean[0] == pytest.approx(1, abs=0.2)


def test_crossed_settings_have_a_line_through_medians_and_a_dot_for_each_seed():
    values = {("struck", "no"): [0.9, 0.8, 0.95], ("struck", "yes"): [0.5, 0.6, 0.4],
              ("random", "no"): [0.3, 0.4, 0.35], ("random", "yes"): [0.8, 0.85, 0.7]}  # fmt: skip
    ax = sounds.crossed(values, 0.99, label="periodicity").axes[0]
    named = {line.get_label(): list(line.get_ydata()) for line in ax.lines}
    assert named["struck"] == [0.9, 0.5] and named["random"] == [0.35, 0.8] and named["true notes"] == [0.99, 0.99]
    dots = [sorted(line.get_ydata()) for line in ax.lines if line.get_label().startswith("_")]
    assert dots == [sorted(seeds) for seeds in values.values()]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["no", "yes"]


def test_lines_are_drawn_at_their_frequencies():
    ax = sounds.lines({"truth": [1, 30], "untrained": [12, 8]}, [500, 1_000]).axes[0]
    true, made = ax.lines[:2]
    assert list(true.get_xdata()) == [500, 1_000] and list(true.get_ydata()) == [1, 30]
    assert true.get_color() == COLOURS["real"] and list(made.get_ydata()) == [12, 8]
