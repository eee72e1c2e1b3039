"""Pictures of images: the same grey scale everywhere, and nothing out of range goes unseen."""

import io

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from PIL import Image

from gancourse.plotting import images as pictures
from gancourse.plotting import style

WARNING = to_rgb(style.COLOURS["warning"])


def shown(fig, axes=0):
    """The array that an axes shows as an image, and the limits of its grey scale."""
    (image,) = fig.axes[axes].images
    assert image.get_clim() == (0, 1) and image.get_interpolation() == "nearest"
    return np.asarray(image.get_array())


def ramp(count=6, size=4):
    """Images whose values count up from -1 to 1, all different."""
    return torch.linspace(-1, 1, count * size * size).reshape(count, 1, size, size)


def test_images_stand_row_by_row_and_keep_their_values():
    batch = ramp()
    picture = shown(pictures.image_grid(batch, rows=2, columns=3))
    assert picture.shape == (2 * 4 + 2, 3 * 4 + 2 * 2, 3)
    for index in range(6):
        top, left = (index // 3) * 6, (index % 3) * 6
        tile = picture[top : top + 4, left : left + 4]
        np.testing.assert_allclose(tile, ((batch[index, 0] + 1) / 2).numpy()[..., None].repeat(3, 2), atol=1e-6)
    assert (picture[4:6] == 1).all() and (picture[:, 4:6] == 1).all()  # white between them


def test_a_dark_batch_stays_dark():
    picture = shown(pictures.image_grid(torch.full((1, 1, 4, 4), -0.5)))
    np.testing.assert_allclose(picture, 0.25)
    half = shown(pictures.image_grid((ramp() + 1) / 2, rows=2))  # a batch in [0, 1] is shown as the fog it is
    assert half.min() == pytest.approx(0.5, abs=0.01)


def test_what_is_drawn_is_what_is_stored():
    batch = torch.tensor([-1.0, 1.0, 0.0, -0.5]).reshape(4, 1, 1, 1).expand(4, 1, 8, 8)
    with Image.open(io.BytesIO(style.png(pictures.image_grid(batch, rows=1)))) as stored:
        colours = {value for _, value in stored.convert("L").getcolors()}
    assert {0, 255} <= colours and colours & {63, 64} and colours & {127, 128}


@pytest.mark.parametrize(("value", "share"), [(1.2, "50.0 %"), (-1.2, "50.0 %")])
def test_values_out_of_range_are_painted_and_counted(value, share):
    batch = torch.zeros(2, 1, 4, 4)
    batch[1] = value
    fig = pictures.image_grid(batch, rows=1)
    picture = shown(fig)
    np.testing.assert_allclose(picture[:, 6:], np.broadcast_to(WARNING, (4, 4, 3)))
    np.testing.assert_allclose(picture[:, :4], 0.5)
    assert fig.axes[0].get_xlabel() == f"{share} of the values are outside [-1, 1]"


def test_one_bad_pixel_is_mentioned_and_rounding_is_not():
    batch = torch.zeros(40, 1, 8, 8)
    batch[0, 0, 0, 0] = 7
    assert pictures.image_grid(batch).axes[0].get_xlabel().startswith("less than 0.1 %")
    batch[0, 0, 0, 0] = 1.0005
    fig = pictures.image_grid(batch)
    assert fig.axes[0].get_xlabel() == "" and shown(fig).max() == 1


def test_colour_images_keep_their_channels():
    batch = torch.tensor([1.0, -1.0, 0.0]).reshape(1, 3, 1, 1).expand(1, 3, 4, 4)
    np.testing.assert_allclose(shown(pictures.image_grid(batch)), np.broadcast_to([1, 0, 0.5], (4, 4, 3)))
    wrong = batch.clone()
    wrong[0, 1, 2, 2] = -2
    np.testing.assert_allclose(shown(pictures.image_grid(wrong))[2, 2], WARNING)


@pytest.mark.parametrize(
    ("count", "rows", "columns", "places"),
    [
        (10, None, None, (3, 4)),
        (10, 2, None, (2, 5)),
        (10, 3, None, (3, 4)),
        (10, None, 5, (2, 5)),
        (10, 3, 2, (3, 2)),
        (1, None, None, (1, 1)),
    ],
)
def test_the_layout_follows_from_what_is_given(count, rows, columns, places):
    picture = shown(pictures.image_grid(torch.zeros(count, 1, 4, 4), rows=rows, columns=columns))
    assert picture.shape == (places[0] * 6 - 2, places[1] * 6 - 2, 3)
    empty = places[0] * places[1] - count
    assert (picture[-1, -1] == (1 if empty > 0 else 0.5)).all()


def test_rows_can_have_names_beside_their_middle():
    fig = pictures.image_grid(ramp(), rows=2, row_names=["seen", "made"])
    ax = fig.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["seen", "made"]
    assert ax.get_yticks() == pytest.approx([1.5, 7.5]) and list(ax.get_xticks()) == []
    np.testing.assert_allclose(shown(fig), shown(pictures.image_grid(ramp(), rows=2)))
    assert list(pictures.image_grid(ramp(), rows=2).axes[0].get_yticks()) == []
    for names in (["seen"], ["seen", "made", "more"], [], "ab"):
        with pytest.raises(ValueError, match="one name for each of the 2 rows"):
            pictures.image_grid(ramp(), rows=2, row_names=names)


def test_names_of_rows_are_not_cut_off():
    fig = pictures.image_grid(ramp(60), rows=6, row_names=["straight", "spherical", "faded"] * 2, width=8.0)
    style.png(fig)  # gives everything its place
    ends = [label.get_window_extent() for label in fig.axes[0].get_yticklabels()]
    assert min(end.x0 for end in ends) >= 0 and max(end.x1 for end in ends) <= fig.axes[0].get_window_extent().x0


def test_the_width_of_a_new_grid_can_be_chosen():
    small, large = (pictures.image_grid(ramp(), rows=2, width=width).get_size_inches() for width in (None, 4.5))
    assert small[0] == 1.5 and large == pytest.approx([4.5, 3.05])
    named = pictures.image_grid(ramp(), rows=2, width=4.5, row_names=["seen", "made"]).get_size_inches()
    assert named == pytest.approx([4.9, 3.05])
    for width in (0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="width must be a positive number"):
            pictures.image_grid(ramp(), width=width)


def test_a_strip_has_a_column_per_step_in_order_and_a_row_per_sample():
    snapshots = {500: torch.full((8, 1, 4, 4), 0.5), 0: torch.full((8, 1, 4, 4), -1.0), 1_000: ramp(8)}
    fig = pictures.film_strip(snapshots, rows=3, title="growing up")
    picture, ax = shown(fig), fig.axes[0]
    assert picture.shape == (3 * 6 - 2, 3 * 6 - 2, 3)
    for row in range(3):
        np.testing.assert_allclose(picture[6 * row : 6 * row + 4, :4], 0)
        np.testing.assert_allclose(picture[6 * row : 6 * row + 4, 6:10], 0.75)
        np.testing.assert_allclose(picture[6 * row : 6 * row + 4, 12:, 0], (ramp(8)[row, 0].numpy() + 1) / 2, atol=1e-6)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "500", "1,000"]
    assert ax.get_xticks() == pytest.approx([1.5, 7.5, 13.5]) and ax.get_xlabel() == "step"
    assert ax.get_title() == "growing up" and ax.xaxis.get_visible()


def test_a_strip_marks_what_is_out_of_range_too():
    fig = pictures.film_strip({0: torch.zeros(2, 1, 4, 4), 5: torch.full((2, 1, 4, 4), 3.0)})
    assert fig.axes[0].get_xlabel() == "step\n50.0 % of the values are outside [-1, 1]"


def test_shares_are_bars_beside_the_fair_share():
    shares = torch.tensor([0.5, 0.3, 0.2, 0.0])
    ax = pictures.class_shares(shares, covered=[0, 1], class_names=["a", "b", "c", "d"], title="t").axes[0]
    assert [bar.get_height() for bar in ax.patches] == pytest.approx([0.5, 0.3, 0.2, 0.0])
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False, False, True, True]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c", "d"]
    assert ax.lines[0].get_ydata()[0] == 0.25 and "not covered" in ax.get_xlabel()
    assert ax.get_ylim()[0] == 0 and ax.get_ylim()[1] > 0.5
    plain = pictures.class_shares(shares).axes[0]
    assert not any(bar.get_hatch() for bar in plain.patches) and plain.get_xlabel() == "judged to be"


def test_all_draw_where_they_are_told_and_return_that_figure():
    fig, axes = style.figure(3)
    assert pictures.image_grid(ramp(), ax=axes[0], title="grid") is fig
    assert pictures.film_strip({0: ramp()}, ax=axes[1]) is fig
    assert pictures.class_shares(torch.full((10,), 0.1), ax=axes[2]) is fig
    assert len(fig.axes) == 3 and fig.axes[0].get_title() == "grid"
    assert style.png(fig).startswith(b"\x89PNG")


def test_pictures_leave_the_images_and_the_random_stream_alone():
    batch = ramp().requires_grad_()
    kept, state = batch.detach().clone(), torch.random.get_rng_state()
    pictures.image_grid(batch)
    pictures.film_strip({0: batch})
    assert torch.equal(batch, kept) and torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    ("images", "error", "fragment"),
    [
        (np.zeros((2, 1, 4, 4)), TypeError, "must be a tensor of images, shape (N, C, H, W), got ndarray"),
        (
            torch.zeros(2, 1, 4, 4, dtype=torch.uint8),
            TypeError,
            "must hold floating-point values in [-1, 1], got dtype torch.uint8",
        ),
        (torch.zeros(2, 4, 4), ValueError, "must have shape (N, 1, H, W) or (N, 3, H, W), got (2, 4, 4)"),
        (torch.zeros(2, 2, 4, 4), ValueError, "must have shape (N, 1, H, W) or (N, 3, H, W), got (2, 2, 4, 4)"),
        (torch.zeros(0, 1, 4, 4), ValueError, "is empty"),
        (torch.full((1, 1, 4, 4), torch.nan), ValueError, "must be finite, got 16 NaN or infinite value(s) of 16"),
    ],
)
def test_wrong_images_are_refused_by_name(images, error, fragment):
    with pytest.raises(error) as caught:
        pictures.image_grid(images)
    assert f"images {fragment}" in str(caught.value)
    with pytest.raises(error) as caught:
        pictures.film_strip({7: images})
    assert f"snapshots[7] {fragment}" in str(caught.value)


@pytest.mark.parametrize(
    ("snapshots", "error", "fragment"),
    [
        ({}, TypeError, "at least one entry, got an empty dict"),
        ([ramp()], TypeError, "must be a dict step -> images with at least one entry, got list"),
        ({"0": ramp()}, TypeError, "must be steps, whole numbers, got '0'"),
        ({0: ramp(6), 9: ramp(5)}, ValueError, "the shape of the first, (6, 1, 4, 4), got (5, 1, 4, 4) at step 9"),
    ],
)
def test_wrong_snapshots_are_refused(snapshots, error, fragment):
    with pytest.raises(error) as caught:
        pictures.film_strip(snapshots)
    assert fragment in str(caught.value)


@pytest.mark.parametrize("name", ["rows", "columns"])
@pytest.mark.parametrize("value", [0, -1, 2.0, True])
def test_wrong_numbers_of_places_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a positive whole number, got"):
        pictures.image_grid(ramp(), **{name: value})
    with pytest.raises(ValueError, match="rows must be a positive whole number, got"):
        pictures.film_strip({0: ramp()}, rows=value)


@pytest.mark.parametrize(
    ("arguments", "error", "fragment"),
    [
        ({"shares": [0.5, 0.5]}, TypeError, "shares must be a tensor"),
        ({"shares": torch.ones(1)}, ValueError, "at least two classes"),
        ({"shares": torch.tensor([0.5, 0.4])}, ValueError, "sum to 1, got a sum of 0.900"),
        ({"shares": torch.tensor([1.5, -0.5])}, ValueError, "must be at least 0"),
        ({"shares": torch.tensor([0.5, torch.nan])}, ValueError, "must be at least 0"),
        ({"shares": torch.tensor([0.5, 0.5]), "class_names": "abc"}, ValueError, "for each of the 2 classes, got 3"),
        ({"shares": torch.tensor([0.5, 0.5]), "covered": [2]}, ValueError, "labels from 0 to 1, got [2]"),
    ],
)
def test_wrong_shares_are_refused(arguments, error, fragment):
    with pytest.raises(error) as caught:
        pictures.class_shares(**arguments)
    assert fragment in str(caught.value)


# ---------------------------------------------------------------- what a measure reads


def test_readings_are_drawn_where_they_were_taken_with_what_real_images_read():
    lines = {"seed 0": [9.0, 5.0, 4.0], "seed 1": torch.tensor([8.0, 7.0, 3.0])}
    ax = pictures.readings([1, 2, 4], lines, floor=[3.0, 2.0, 1.0], ylabel="distance", title="t").axes[0]
    assert [line.get_label() for line in ax.lines] == ["seed 0", "seed 1", "real against real"]
    assert [list(line.get_xdata()) for line in ax.lines] == [[1, 2, 4]] * 3
    assert [list(line.get_ydata()) for line in ax.lines] == [[9, 5, 4], [8, 7, 3], [3, 2, 1]]
    assert len({(line.get_color(), line.get_linestyle(), line.get_marker()) for line in ax.lines}) == 3
    assert ax.lines[2].get_color() == style.COLOURS["real"] and ax.lines[2].get_linestyle() == ":"
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("step", "distance", "t")
    assert ax.get_ylim()[0] == 0  # a difference is not blown up by a cut axis
    assert ax.get_xscale() == ax.get_yscale() == "linear"


def test_one_floor_is_a_level_line_and_none_draws_none():
    ax = pictures.readings([0, 10], {"G": [0.1, 0.5]}, floor=0.97, floor_label="real", ylabel="clear").axes[0]
    assert list(ax.lines[1].get_ydata()) == [0.97, 0.97] and ax.lines[1].get_label() == "real"
    fig, axes = style.figure(2)
    assert pictures.readings([0, 10], {"G": [-0.1, 0.5]}, ylabel="", ax=axes[1]) is fig
    assert len(axes[1].lines) == 1 and axes[1].get_ylim()[0] <= -0.1
    ax = pictures.readings([50, 100], {"G": [9, 5]}, floor=[4, 1], ylabel="", xlabel="n", logarithmic=True).axes[0]
    assert ax.get_xscale() == ax.get_yscale() == "log" and ax.get_xlabel() == "n"


@pytest.mark.parametrize(
    ("changed", "fragment"),
    [
        ({"x": [1, 2]}, "lines['G'] must have one number for each of the 2 places, got shape (3,)"),
        ({"x": [1, 3, 3]}, "x must hold at least two rising numbers"),
        ({"lines": {}}, "lines must hold 1 to 4 lines, got 0"),
        ({"lines": {str(i): [1, 2, 3] for i in range(5)}}, "got 5"),
        ({"lines": {"G": [1.0, float("nan"), 2.0]}}, "lines['G'] must be finite, got 1 NaN"),
        ({"floor": [1.0, 2.0]}, "floor must have one number for each of the 3 places"),
        ({"lines": {"G": [1.0, 0.0, 2.0]}, "logarithmic": True}, "must be above 0"),
        ({"floor": 0.0, "logarithmic": True}, "must be above 0"),
    ],
)
def test_readings_that_do_not_fit_are_refused(changed, fragment):
    with pytest.raises(ValueError) as caught:
        pictures.readings(**{"x": [1, 2, 3], "lines": {"G": [3.0, 2.0, 1.0]}, "ylabel": "y"} | changed)
    assert fragment in str(caught.value)
