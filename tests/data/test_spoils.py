"""Spoils of images: each does what its strength says, to each image by itself."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gancourse import runtime
from gancourse.data import spoils


def random_images(count=5, channels=1, size=12, seed=0, dtype=torch.float32):
    return torch.rand(count, channels, size, size, generator=runtime.generator(seed), dtype=dtype) * 1.8 - 0.9


def draw(seed=0):
    return runtime.generator(seed)


EACH = {
    "blur": lambda images: spoils.blur(images, 0.8),
    "noise": lambda images: spoils.noise(images, 0.3, generator=draw()),
    "brighten": lambda images: spoils.brighten(images, 0.25),
    "to_levels": lambda images: spoils.to_levels(images, 5),
    "jpeg": lambda images: spoils.jpeg(images, 30),
    "careless": lambda images: spoils.resize(images, 7, careful=False),
    "careful": lambda images: spoils.resize(images, 7, careful=True),
    "shift_pixels": lambda images: spoils.shift_pixels(images, 2, -3),
    "slant": lambda images: spoils.slant(images, 0.4),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("spoil", EACH.values(), ids=EACH)
def test_shape_type_and_range_are_kept_and_what_came_is_left_alone(spoil, channels, dtype):
    images = random_images(4, channels, dtype=dtype)
    before = images.clone()
    spoiled = spoil(images)
    assert spoiled.shape == images.shape and spoiled.dtype == dtype
    assert -1 <= float(spoiled.min()) <= float(spoiled.max()) <= 1
    assert torch.equal(images, before) and not torch.equal(spoiled, images)
    assert torch.equal(spoil(images), spoiled)  # nothing is drawn from elsewhere


@pytest.mark.parametrize("spoil", [EACH[name] for name in EACH if name != "noise"])
def test_each_image_is_changed_by_itself(spoil):
    images = random_images(4)
    torch.testing.assert_close(torch.cat([spoil(image.unsqueeze(0)) for image in images]), spoil(images))


def test_strength_nought_changes_nothing():
    images = random_images()
    kept = [
        spoils.blur(images, 0), spoils.noise(images, 0, generator=draw()), spoils.brighten(images, 0),
        spoils.shift_pixels(images, 0, 0), spoils.resize(images, 12, careful=True),
        spoils.resize(images, 12, careful=False),
    ]  # fmt: skip
    assert all(torch.equal(images, same) and same is not images for same in kept)


# ---------------------------------------------------------------- blur


def test_blur_agrees_with_scipy():
    from scipy.ndimage import gaussian_filter

    images = random_images(3, channels=2, dtype=torch.float64)
    wanted = gaussian_filter(images.numpy(), sigma=(0, 0, 1.3, 1.3), mode="nearest", truncate=6 / 1.3)
    np.testing.assert_allclose(spoils.blur(images, 1.3).numpy(), wanted, rtol=0, atol=1e-5)


def test_blur_of_a_dot_has_the_variance_it_was_told():
    dot = torch.full((1, 1, 41, 41), -1.0, dtype=torch.float64)
    dot[0, 0, 20, 20] = 1.0
    for sigma in (1.5, 2.5):
        light = (spoils.blur(dot, sigma)[0, 0] + 1) / 2
        place = torch.arange(41.0, dtype=torch.float64) - 20
        assert float(light.sum()) == pytest.approx(1)
        for axis in (0, 1):
            assert float(light.sum(dim=axis) @ place.square()) == pytest.approx(sigma**2, rel=2e-2)


@given(st.floats(0.1, 6.0), st.floats(-1, 1))
def test_blur_leaves_an_even_image(sigma, grey):
    images = torch.full((1, 1, 9, 9), grey, dtype=torch.float64)
    assert float((spoils.blur(images, sigma) - images).abs().max()) < 1e-12


# ---------------------------------------------------------------- noise, brightness, levels


def test_noise_has_the_deviation_it_was_told_and_is_drawn_from_the_generator():
    grey = torch.zeros(50, 1, 20, 20)
    found = spoils.noise(grey, 0.2, generator=draw(1))
    assert float(found.std()) == pytest.approx(0.2, rel=0.02) and abs(float(found.mean())) < 0.006
    assert torch.equal(found, spoils.noise(grey, 0.2, generator=draw(1)))
    assert not torch.equal(found, spoils.noise(grey, 0.2, generator=draw(2)))
    assert float(spoils.noise(grey, 5.0, generator=draw()).abs().max()) == 1


def test_brighten_shifts_the_mean_until_it_is_cut_off():
    images = random_images(dtype=torch.float64)
    assert float((spoils.brighten(images, 0.1) - images).mean()) == pytest.approx(0.1)
    assert torch.equal(spoils.brighten(images, 2), torch.ones_like(images))
    assert torch.equal(spoils.brighten(images, -2), -torch.ones_like(images))


def test_levels_are_even_and_the_nearest_is_taken():
    images = torch.tensor([-1.0, -0.6, -0.4, 0.0, 0.49, 0.51, 0.9, 1.0]).reshape(1, 1, 2, 4)
    wanted = torch.tensor([-1.0, -0.5, -0.5, 0.0, 0.5, 0.5, 1.0, 1.0]).reshape(1, 1, 2, 4)
    torch.testing.assert_close(spoils.to_levels(images, 5), wanted)
    assert spoils.to_levels(random_images(20), 2).unique().tolist() == [-1, 1]
    many = random_images(30, size=30)
    assert float((spoils.to_levels(many) - many).abs().max()) <= 1 / 255 + 1e-6
    assert len(spoils.to_levels(many).unique()) > 200


@given(st.integers(2, 256))
def test_rounding_twice_is_rounding_once(levels):
    once = spoils.to_levels(random_images(2), levels)
    assert torch.equal(spoils.to_levels(once, levels), once) and len(once.unique()) <= levels


# ---------------------------------------------------------------- jpeg, resize, shift


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_loses_little_at_high_quality_and_much_at_low(channels):
    ramp = torch.linspace(-1, 1, 32).expand(2, channels, 32, 32).contiguous()
    ramp = ramp * torch.linspace(0.3, 1, 32).reshape(1, 1, 32, 1)
    lost = [float((spoils.jpeg(ramp, quality) - ramp).abs().mean()) for quality in (95, 50, 5)]
    assert lost[0] < 0.02 < lost[2] and lost == sorted(lost)


def test_jpeg_is_what_pillow_reads_from_its_own_file(tmp_path):
    from PIL import Image

    images = random_images(2, channels=3, size=16)
    for image, found in zip(images, spoils.jpeg(images, 60), strict=True):
        pixels = ((image.permute(1, 2, 0).double().numpy() + 1) * 127.5).round().astype("uint8")
        Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=60)
        wanted = np.asarray(Image.open(tmp_path / "a.jpg")).astype(float) / 127.5 - 1
        np.testing.assert_allclose(found.permute(1, 2, 0).numpy(), wanted, atol=1e-6)


def test_a_careless_resize_drops_a_thin_line_and_a_careful_one_keeps_its_light():
    line = torch.full((1, 1, 28, 28), -1.0)
    line[:, :, :, 5] = 1.0  # lies between the pixels that are taken
    careless, careful = (spoils.resize(line, 7, careful=kept) for kept in (False, True))
    assert float(careless.max()) == -1.0
    light = [float((images + 1).sum()) for images in (line, careful)]
    assert light[1] == pytest.approx(light[0], rel=0.2) and float(careful.max()) < 0.2
    even = torch.full((1, 1, 28, 28), 0.3)
    for kept in (False, True):
        torch.testing.assert_close(spoils.resize(even, 9, careful=kept), even)


def test_a_careful_resize_is_pillows_bicubic():
    from PIL import Image

    images = random_images(2, size=28, dtype=torch.float32)
    for image, found in zip(images, spoils.resize(images, 14, careful=True), strict=True):
        small = Image.fromarray(image[0].numpy()).resize((14, 14), Image.Resampling.BICUBIC)
        wanted = torch.nn.functional.interpolate(
            torch.tensor(np.asarray(small))[None, None], size=28, mode="bicubic", align_corners=False
        )
        torch.testing.assert_close(found, wanted[0].clamp(-1, 1), atol=1e-3, rtol=0)


@given(st.integers(-11, 11), st.integers(-11, 11))
def test_a_shift_moves_every_pixel_and_lets_black_in(down, across):
    images = random_images(1)
    moved = spoils.shift_pixels(images, down, across)
    for row in range(12):
        for column in range(12):
            inside = 0 <= row - down < 12 and 0 <= column - across < 12
            wanted = float(images[0, 0, row - down, column - across]) if inside else -1.0
            assert float(moved[0, 0, row, column]) == wanted


def test_a_slant_moves_whole_rows_and_the_middle_stays():
    images = random_images(2, size=13)
    leaning = spoils.slant(images, 1.0)  # a pixel to the right for each row above the middle one
    for row in range(13):
        right = 6 - row
        wanted = spoils.shift_pixels(images[:, :, row : row + 1], 0, right)
        torch.testing.assert_close(leaning[:, :, row : row + 1], wanted, atol=1e-5, rtol=0)
    wide = torch.full((1, 1, 5, 9), -1.0)
    wide[0, 0, :, 4] = 1.0
    assert spoils.slant(wide, -2.0)[0, 0].argmax(1).tolist() == [0, 2, 4, 6, 8]
    torch.testing.assert_close(spoils.slant(images, 0), images)


# ---------------------------------------------------------------- what is refused

GOOD = random_images()


@pytest.mark.parametrize("spoil", EACH.values(), ids=EACH)
@pytest.mark.parametrize(
    ("images", "error", "fragment"),
    [
        (GOOD.numpy(), TypeError, "images must be a tensor"),
        (GOOD.long(), TypeError, "images must hold floating-point numbers"),
        (GOOD[0], ValueError, "images must have shape (N, C, H, W), got (1, 12, 12)"),
        (GOOD[:0], ValueError, "images is empty"),
        (GOOD * 3, ValueError, "images must lie in [-1, 1]"),
        (GOOD * torch.nan, ValueError, "images must be finite"),
    ],
)
def test_what_are_no_images_is_refused_by_name(spoil, images, error, fragment):
    with pytest.raises(error) as caught:
        spoil(images)
    assert fragment in str(caught.value)


@pytest.mark.parametrize(
    ("spoil", "fragment"),
    [
        (lambda: spoils.blur(GOOD, -1), "sigma must be a finite number, from 0 to 12, got -1"),
        (lambda: spoils.blur(GOOD, math.nan), "sigma must be a finite number"),
        (lambda: spoils.noise(GOOD, math.inf, generator=draw()), "std must be a finite number, at least 0, got inf"),
        (lambda: spoils.brighten(GOOD, 2.5), "shift must be a finite number, from -2 to 2, got 2.5"),
        (lambda: spoils.to_levels(GOOD, 1), "levels must be a whole number from 2 to 256, got 1"),
        (lambda: spoils.to_levels(GOOD, 16.0), "levels must be a whole number from 2 to 256, got 16.0"),
        (lambda: spoils.jpeg(GOOD, 96), "quality must be a whole number from 1 to 95, got 96"),
        (lambda: spoils.jpeg(GOOD.expand(-1, 2, -1, -1), 50), "images must have 1 or 3 channels, got 2"),
        (lambda: spoils.resize(GOOD, 13, careful=True), "size must be a whole number from 2 to 12, got 13"),
        (lambda: spoils.resize(GOOD[..., :9], 5, careful=True), "images must be square, got 12x9"),
        (lambda: spoils.slant(GOOD, 2.5), "slope must be a finite number, from -2.0 to 2.0, got 2.5"),
        (lambda: spoils.shift_pixels(GOOD, 12, 0), "down must be a whole number from -11 to 11, got 12"),
        (lambda: spoils.shift_pixels(GOOD, 0, True), "across must be a whole number from -11 to 11, got True"),
    ],
)
def test_a_strength_that_is_none_is_refused_by_name(spoil, fragment):
    with pytest.raises(ValueError) as caught:
        spoil()
    assert fragment in str(caught.value)


def test_care_is_a_yes_or_a_no():
    with pytest.raises(TypeError, match="careful must be True or False, got 1"):
        spoils.resize(GOOD, 6, careful=1)
