"""The ruler reads off blurs that are known, and neither contrast nor the amount of ink disturbs it."""

import pytest
import torch

from gancourse import runtime
from gancourse.data import digits, spoils
from gancourse.metrics.softness import BlurRuler, step_size


@pytest.fixture(scope="module")
def data():
    return digits.load("embedded", image_size=16)


@pytest.fixture(scope="module")
def ruler(data):
    return BlurRuler(data.images[:700])


def test_the_step_of_a_square_by_hand():
    """A bar of two columns, of ink 1 and 2: steps across are 1, 1 and -2 in each row."""
    x = torch.full((1, 1, 4, 6), -1.0)
    x[..., 2], x[..., 3] = 0.0, 1.0
    # steps: (1 + 1 + 4) / (1 + 1 + 2); ink: (1 + 2) / (1 + 4)
    assert step_size(x) == pytest.approx(6 / 4 * 3 / 5)
    assert step_size(x.transpose(2, 3)) == pytest.approx(6 / 4 * 3 / 5)
    assert step_size((x + 1) / 3 - 1) == pytest.approx(6 / 4 * 3 / 5)
    assert step_size(torch.full((1, 1, 4, 4), 0.5)) == 0.0


@pytest.mark.parametrize("sigma", [0.45, 0.75, 1.3])
def test_a_known_blur_is_read_off_other_real_images(data, ruler, sigma):
    assert ruler.blur_of(spoils.blur(data.images[700:], sigma)) == pytest.approx(sigma, abs=0.07)
    faint = (spoils.blur(data.images[700:], sigma) + 1) / 2 - 1
    assert ruler.blur_of(faint) == pytest.approx(ruler.blur_of(spoils.blur(data.images[700:], sigma)), abs=1e-6)


def test_one_class_alone_reads_as_sharp_as_all(data, ruler):
    for digit in range(10):
        assert ruler.blur_of(data.images[data.labels == digit]) < 0.5
        assert ruler.blur_of(spoils.blur(data.images[data.labels == digit], 1.0)) == pytest.approx(1.0, abs=0.2)


def test_sharper_images_read_0_and_softer_ones_than_the_last_rung_the_last(data, ruler):
    assert ruler.blur_of(data.images.sign()) == 0.0
    assert ruler.blur_of(spoils.blur(data.images[:50], 6.0)) == ruler.rungs[-1] == 3.0
    assert ruler.blur_of(data.images[:700]) < 0.02


def test_weak_noise_is_not_taken_for_sharpness(data, ruler):
    for sigma in (0.0, 0.75):
        clean = spoils.blur(data.images[:300], sigma)
        for std in (0.05, 0.1):
            noisy = spoils.noise(clean, std, generator=runtime.generator(0))
            assert ruler.blur_of(noisy) > ruler.blur_of(clean) - 0.1


def test_a_ruler_whose_rungs_do_nothing_is_refused(data):
    with pytest.raises(ValueError, match="every rung makes softer"):
        BlurRuler(data.images[:50], rungs=(0, 0.01, 0.02))


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: step_size(torch.full((2, 1, 4, 4), -1.0)), ValueError, "images are all black"),
        (lambda: step_size(torch.zeros(4, 4)), ValueError, "images"),
        (lambda: step_size([1]), TypeError, "images"),
        (lambda: BlurRuler(torch.zeros(2, 1, 8, 8), rungs=(0.5, 1)), ValueError, "rungs must rise from 0"),
        (lambda: BlurRuler(torch.zeros(2, 1, 8, 8), rungs=(0, 2, 1)), ValueError, "rungs must rise from 0"),
    ],
)
def test_others_are_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
