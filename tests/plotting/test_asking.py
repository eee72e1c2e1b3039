"""Pictures of asking: what is drawn is what was given, and what does not fit is refused."""

import numpy as np
import pytest
import torch

from gancourse.data import classes
from gancourse.plotting import asking, style


@pytest.fixture
def line():
    return classes.on_a_line([-1.0, 2.0])


def test_classes_on_a_line_are_drawn_over_the_truth(line):
    x = torch.linspace(-5, 6, 300, dtype=torch.float64)
    drawn = {"right": line.quantiles(20_000), "moved": line.quantiles(20_000) + 1.0}
    figure = asking.line_classes(x, line.densities(x), drawn, names=["left", "right"])
    right, moved = figure.axes
    assert [ax.get_title() for ax in (right, moved)] == ["right", "moved"]
    fakes = [item for item in right.lines if item.get_label().startswith("asked")]
    assert [item.get_label() for item in fakes] == ["asked for left", "asked for right"]
    places, heights = (np.asarray(values) for values in fakes[0].get_data())
    assert heights == pytest.approx(line.densities(torch.tensor(places))[0].numpy(), abs=0.01)
    top = [float(places_[np.argmax(heights_)]) for places_, heights_ in (item.get_data() for item in fakes)]
    assert top == pytest.approx([-1, 2], abs=0.2)
    also = [item for item in moved.lines if item.get_label().startswith("asked")]
    assert float(also[0].get_xdata()[np.argmax(also[0].get_ydata())]) == pytest.approx(0, abs=0.2)
    assert right.get_ylim()[1] >= max(float(item.get_ydata().max()) for item in (*fakes, *also))
    style.png(figure)


def test_high_peaks_stay_inside(line):
    x = torch.linspace(-5, 6, 300, dtype=torch.float64)
    figure = asking.line_classes(x, line.densities(x), {"a": 0.01 * line.quantiles(500)}, names="ab")
    assert figure.axes[0].get_ylim()[1] > 2


def test_classes_on_a_line_refuse_what_does_not_fit(line):
    x = torch.linspace(-1, 1, 50, dtype=torch.float64)
    good = line.densities(x)
    with pytest.raises(ValueError, match="densities must have shape"):
        asking.line_classes(x, good[:, :40], {"a": line.quantiles(5)}, names="ab")
    with pytest.raises(ValueError, match="names one for each of 2"):
        asking.line_classes(x, good, {"a": line.quantiles(5)}, names="abc")
    with pytest.raises(ValueError, match=r"drawn\['a'\] must be finite"):
        asking.line_classes(x, good, {"a": line.quantiles(5)[:1]}, names="ab")
    with pytest.raises(ValueError, match="drawn must hold something"):
        asking.line_classes(x, good, {}, names="ab")


def test_each_gan_is_a_cross_in_its_row():
    figure = asking.by_kind({"a": [0.1, 0.3], "b": [0.2]}, xlabel="W1 ↓", lines={"the cut": 0.5})
    (ax,) = figure.axes
    rows = [item for item in ax.lines if item.get_marker() == "x"]
    assert [sorted(item.get_xdata().tolist()) for item in rows] == [[0.1, 0.3], [0.2]]
    assert all(abs(y - at) < 0.3 for at, item in enumerate(rows) for y in item.get_ydata())
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert ax.get_xlim()[0] == 0 and ax.get_xlim()[1] > 0.5
    assert [text.get_text() for text in ax.texts] == ["the cut"]
    for wrong in ({}, {"a": []}, {"a": [-0.1]}, {"a": [float("nan")]}):
        with pytest.raises(ValueError, match="finite and at least 0"):
            asking.by_kind(wrong, xlabel="")


def test_a_walk_shows_images_and_shares():
    images = torch.linspace(-1, 1, 3 * 5 * 16).view(3, 5, 1, 4, 4)
    shares = {"clear 3": [1, 0.7, 0.4, 0.1, 0], "clear 8": [0, 0.1, 0.2, 0.6, 1]}
    clear = torch.ones(3, 5, dtype=torch.bool)
    clear[2, 3] = clear[0, 1] = False
    figure = asking.walk(images, clear, shares, ends=("a 3", "an 8"))
    top, below = figure.axes
    assert [item.get_label() for item in below.lines] == list(shares)
    assert below.lines[1].get_ydata().tolist() == shares["clear 8"]
    assert [label.get_text() for label in below.get_xticklabels()] == ["a 3", "half of each", "an 8"]
    assert len(top.images) == 1
    pitch = top.images[0].get_array().shape[1] / 5  # four pixels and about a gap
    centres = [patch.get_bbox().get_points().mean(axis=0) for patch in top.patches]
    assert [[round(float(x // pitch)), round(float(y // pitch))] for x, y in centres] == [[1, 0], [3, 2]]
    for bad, words in ((images[0], "images must have shape"), (images[:, :1], "at least two places")):
        with pytest.raises(ValueError, match=words):
            asking.walk(bad, clear, shares, ends=("a", "b"))
    with pytest.raises(ValueError, match=r"clear must have shape \(3, 5\)"):
        asking.walk(images, clear.T, shares, ends=("a", "b"))
    for wrong in ({}, {"a": [0.1] * 4}, {"a": [1.2] * 5}, dict.fromkeys("abcd", [0.1] * 5)):
        with pytest.raises(ValueError, match="one to three lines of 5 shares"):
            asking.walk(images, clear, wrong, ends=("a", "b"))
