"""Pictures of a DCGAN's parts show every number and every seed, and refuse what does not fit."""

import base64
import io
import itertools

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from PIL import Image

from gancourse.plotting import convolutions, style


def texts(ax):
    return [float(text.get_text()) for text in ax.texts]


# ---------------------------------------------------------------- stamps and overlaps


IMAGE = torch.tensor([[1.0, 0, 2], [0, 3, -1]])
KERNEL = torch.tensor([[1.0, 2], [3, 4]])
CANVAS = torch.arange(24.0).reshape(4, 6) - 3  # stride 2: (2 - 1) * 2 + 2 by (3 - 1) * 2 + 2


def test_every_number_of_image_kernel_and_canvas_is_written():
    axes = convolutions.stamps(IMAGE, KERNEL, CANVAS, stride=2, of=(1, 1)).axes
    alone = torch.full((4, 6), torch.nan)
    alone[2:4, 2:4] = 3 * KERNEL
    for ax, values in zip(axes, (IMAGE, KERNEL, alone, CANVAS), strict=True):
        assert texts(ax) == values[~values.isnan()].tolist()
        assert [(round(t.get_position()[1]), round(t.get_position()[0])) for t in ax.texts] == [
            tuple(place) for place in (~values.isnan()).nonzero().tolist()
        ]


def test_one_stamp_and_what_stays_are_framed():
    image, _, alone, canvas = convolutions.stamps(IMAGE, KERNEL, CANVAS, stride=2, padding=1, of=(1, 2)).axes
    assert [(p.get_x() + 0.5, p.get_y() + 0.5, p.get_width(), p.get_height()) for p in image.patches] == [(2, 1, 1, 1)]
    assert alone.get_title() == "its stamp: -1 × kernel"
    assert [(p.get_x() + 0.5, p.get_y() + 0.5, p.get_width(), p.get_height()) for p in alone.patches] == [(4, 2, 2, 2)]
    assert alone.images[0].get_clim() == canvas.images[0].get_clim(), "the same paint for the same number"
    stamp, stays = canvas.patches
    assert (stamp.get_x() + 0.5, stamp.get_y() + 0.5, stamp.get_width(), stamp.get_height()) == (4, 2, 2, 2)
    assert (stays.get_x() + 0.5, stays.get_y() + 0.5, stays.get_width(), stays.get_height()) == (1, 1, 4, 2)
    assert (stamp.get_linestyle(), stays.get_linestyle()) == ("-", "--")
    assert "2×4" in canvas.get_xlabel()
    assert len(convolutions.stamps(IMAGE, KERNEL, CANVAS, stride=2).axes[3].patches) == 1


@pytest.mark.parametrize(
    "change, words",
    [
        ({"stride": 1}, "canvas must have shape"),
        ({"canvas": CANVAS[:3]}, "canvas must have shape"),
        ({"image": IMAGE[0]}, "must have shape .H, W."),
        ({"of": (2, 0)}, "a row and a column"),
        ({"of": (0, -1)}, "a row and a column"),
    ],
)
def test_stamps_that_do_not_fit_are_refused(change, words):
    given = {"image": IMAGE, "kernel": KERNEL, "canvas": CANVAS, "stride": 2, **change}
    with pytest.raises(ValueError, match=words):
        convolutions.stamps(given.pop("image"), given.pop("kernel"), given.pop("canvas"), **given)


def test_overlaps_share_one_scale_and_write_every_count():
    counts = {"a": torch.tensor([[1.0, 2], [3, 4]]), "b": torch.tensor([[9.0]])}
    axes = convolutions.overlaps(counts).axes
    assert [ax.get_title() for ax in axes] == ["a", "b"]
    assert texts(axes[0]) == [1, 2, 3, 4] and texts(axes[1]) == [9]
    assert len({ax.images[0].get_clim() for ax in axes}) == 1
    with pytest.raises(ValueError, match="counts must hold maps"):
        convolutions.overlaps({})
    with pytest.raises(ValueError, match="counts must hold maps"):
        convolutions.overlaps({"a": torch.ones(3)})


# ---------------------------------------------------------------- the table


def row(name, frechet, clear=None, classes=None):
    return {
        "name": name, "frechet": frechet, "clear": clear or [0.5] * len(frechet),
        "classes": classes or [10] * len(frechet),
    }  # fmt: skip


ROWS = [
    {"name": "real images", "frechet": [2.0, 3.0, 1.0]},
    row("other", [8.0, 500.0, 30.0], [0.7, 0.1, 0.2], [10, 3, 9]),
    row("classic", [100.0, 40.0, 60.0], [0.4, 0.6, 0.5]),
]


def dots(ax):
    """Every dot as (row, value, whether filled)."""
    found = [line for line in ax.lines if line.get_marker() == "o"]
    return sorted(
        (round(float(line.get_ydata()[0])), float(line.get_xdata()[0]), line.get_markerfacecolor() != "white")
        for line in found
    )


def test_every_seed_is_a_dot_and_the_best_row_comes_first():
    distance, clear = convolutions.ablation_table(ROWS, clear_floor=0.97).axes
    assert [label.get_text() for label in distance.get_yticklabels()] == ["other", "classic"]
    assert distance.get_ylim()[0] > distance.get_ylim()[1], "the first row is on top"
    assert dots(distance) == [
        (0, 8.0, True), (0, 30.0, False), (0, 500.0, False), (1, 40.0, True), (1, 60.0, True), (1, 100.0, True),
    ]  # fmt: skip
    assert dots(clear) == [(0, 0.1, False), (0, 0.2, False), (0, 0.7, True), (1, 0.4, True), (1, 0.5, True),
                           (1, 0.6, True)]  # fmt: skip
    assert distance.get_xscale() == "log"
    low, high = distance.get_xlim()
    assert low < 8.0 and high > 500.0


def test_a_row_that_covers_no_class_has_words_for_dots_and_does_not_stretch_the_axis():
    blind = row("blind", [1600.0, 1619.0, 1.0], [0.0] * 3, [0] * 3)
    distance, clear = convolutions.ablation_table([*ROWS, blind]).axes
    assert [label.get_text() for label in distance.get_yticklabels()] == ["other", "classic", "blind"]
    assert dots(distance) == dots(convolutions.ablation_table(ROWS).axes[0])
    assert distance.get_xlim() == convolutions.ablation_table(ROWS).axes[0].get_xlim()
    for ax in (distance, clear):
        assert [(t.get_position()[1], t.get_text()) for t in ax.texts if "class" in t.get_text()] == [
            (2, "no class covered")
        ]


def test_lines_stand_at_the_control_s_medians_and_at_the_floor():
    near = [{"name": "real images", "frechet": [4.0]}, *ROWS[1:]]
    distance, clear = convolutions.ablation_table(near, clear_floor=0.97).axes

    def upright(ax):
        return {
            line.get_linestyle(): (line.get_xdata()[0], to_hex(line.get_color()))
            for line in ax.lines
            if line.get_marker() != "o"
        }

    neutral, real = style.COLOURS["neutral"], style.COLOURS["real"]
    assert upright(distance) == {"--": (60.0, neutral), ":": (4.0, real)}
    assert upright(clear) == {"--": (0.5, neutral), ":": (0.97, real)}
    distance, clear = convolutions.ablation_table(ROWS).axes
    assert set(upright(clear)) == set(upright(distance)) == {"--"}
    assert distance.get_title(loc="left") == "← real images: 2.0", "a line at 2 would be far from 8"


@pytest.mark.parametrize("ends", [(1.4, 1619.4), (2.0, 120.5), (0.9, 2e4)])
def test_numbers_below_the_distance_stand_apart(ends):
    rows = [ROWS[0], row("classic", list(ends)), row("a row with a name of some length in the table", [9.0])]
    figure = convolutions.ablation_table(rows)
    style.arrange(figure)
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert 4 <= len(boxes) <= 12
    assert all(right.x0 - left.x1 > 4 for left, right in itertools.pairwise(boxes))
    ends = [ax.xaxis.label.get_window_extent() for ax in figure.axes]
    assert all(right.x0 - left.x1 > 6 for left, right in itertools.pairwise(ends))


@pytest.mark.parametrize(
    "rows, words",
    [
        (ROWS[:2], "control must be the name of a row"),
        ([*ROWS[:2], row("classic", [9.0], classes=[0])], "control must be a row that covers a class"),
        (ROWS[1:], "floor must be the name of a row"),
        ([*ROWS, ROWS[1]], "may come once"),
        ([*ROWS, row("bad", [0.0])], "frechet of 'bad' must be numbers above 0"),
        ([*ROWS, row("bad", [float("nan")])], "frechet of 'bad'"),
        ([*ROWS, row("bad", [])], "frechet of 'bad'"),
        ([*ROWS, row("bad", [1.0], [0.5, 0.5])], "clear of 'bad'"),
        ([*ROWS, row("bad", [1.0], [1.5])], "clear of 'bad' must be a number from 0 to 1"),
        ([*ROWS, row("bad", [1.0], [0.5], [11])], "classes of 'bad' must be a number from 0 to 10"),
    ],
)
def test_what_is_no_table_is_refused(rows, words):
    with pytest.raises(ValueError, match=words):
        convolutions.ablation_table(rows)


# ---------------------------------------------------------------- stored pictures


def stored(grey):
    buffer = io.BytesIO()
    Image.fromarray(np.full((4, 8), grey, dtype=np.uint8)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def test_stored_pictures_are_shown_as_they_are_in_the_order_asked_for():
    rows = [{"name": "a", "picture": stored(10)}, {"name": "b", "picture": stored(200)}, {"name": "c"}]
    axes = convolutions.montages(rows, ["b", "a"]).axes
    assert [ax.get_title(loc="left") for ax in axes] == ["b", "a"]
    assert [int(ax.images[0].get_array()[0, 0]) for ax in axes] == [200, 10]
    assert all(ax.images[0].get_clim() == (0, 255) for ax in axes)
    assert len(convolutions.montages(rows, ["a", "b", "a"], columns=2).axes) == 4
    labelled = convolutions.montages(rows, ["b", "a"], labels={"a": "first: 3 of 4"}).axes
    assert [ax.get_title(loc="left") for ax in labelled] == ["b", "first: 3 of 4"]
    with pytest.raises(ValueError, match="labels must be for some of names"):
        convolutions.montages(rows, ["b"], labels={"a": "x"})
    for names in (["c"], ["d"], []):
        with pytest.raises(ValueError, match="names must be rows with a picture"):
            convolutions.montages(rows, names)
