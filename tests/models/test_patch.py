"""A logit of the map sees its window and nothing else."""

import pytest
import torch
import torch.nn.functional as F

from gancourse import penalties, runtime
from gancourse.models import patch


def built(*size, seed=0, **settings):
    with runtime.seeded(seed):
        return patch.Discriminator(*size, **settings)


def images(count=3, channels=1, side=28, seed=1):
    return 2 * torch.rand(count, channels, side, side, generator=runtime.generator(seed)) - 1


@pytest.mark.parametrize(
    "size, settings, count",
    [
        # 1*16*16 + 16, 16*32*16 + 32, last 32*9 + 1
        ((28, 1), {}, 272 + 8_224 + 289),
        ((28, 3), {"layers": 1}, 784 + 145),
        # width 4: 2*4*16 + 4, 4*8*16 + 8, 8*16*16 + 16, 16*9 + 1
        ((16, 2), {"layers": 3, "width": 4}, 132 + 520 + 2_064 + 145),
    ],
)
def test_parameters_by_hand(size, settings, count):
    assert sum(weight.numel() for weight in built(*size, **settings).parameters()) == count


@pytest.mark.parametrize("side, layers, map_side", [(28, 1, 14), (28, 2, 7), (28, 3, 3), (16, 2, 4), (64, 4, 4)])
def test_the_shape_of_the_map(side, layers, map_side):
    assert built(side, layers=layers)(images(side=side)).shape == (3, map_side, map_side)


@pytest.mark.parametrize("layers, window", [(1, 8), (2, 18), (3, 38)])
def test_the_window_is_what_the_formula_says(layers, window):
    x = images(1, side=64).requires_grad_()
    logits = built(64, layers=layers)(x)
    middle = logits.shape[1] // 2
    logits[0, middle, middle].backward()
    for dim in (0, 1):
        places = (x.grad[0, 0].abs().sum(dim) > 0).nonzero().flatten()
        assert len(places) == int(places[-1] - places[0]) + 1 == window
    assert patch.receptive_field(layers) == window
    assert patch.receptive_field(4) == 78


def test_r1_of_the_sum_is_larger_by_the_square_of_the_patches():
    network, x = built(), images().requires_grad_()
    logits = network(x)
    mean, whole = (penalties.r1_penalty(one, x) for one in (logits.mean((1, 2)), logits.sum((1, 2))))
    assert (whole / mean).item() == pytest.approx(49**2, rel=1e-4)


def test_the_map_of_a_moved_image_is_moved():
    """By two layers of stride 2, four pixels are one place of the map; away from the border nothing else changes."""
    network = built(64)
    whole = images(1, side=64)
    here, there = network(whole), network(F.pad(whole, (4, 0, 0, 0))[..., :64])
    assert torch.allclose(here[:, 3:-3, 3:-4], there[:, 3:-3, 4:-3], atol=1e-5)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: built(20), "image_size must be one of 16, 28, 32, 64, got 20"),
        (lambda: built(28, layers=0), "layers must be a whole number from 1 to 4, got 0"),
        (lambda: patch.receptive_field(5), "layers must be a whole number from 1 to 4, got 5"),
        (lambda: built()(images(channels=2)), "images must have shape"),
    ],
)
def test_what_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
