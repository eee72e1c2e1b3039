"""Small images side by side: each in its place, with white between."""

import numpy as np
import pytest
import torch

from gancourse.labs._rows import as_colours, side_by_side


def test_shades_become_bytes():
    images = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0]).view(5, 1, 1, 1)
    colours = as_colours(images)
    assert colours.shape == (5, 1, 1, 3) and colours.dtype == np.uint8
    assert colours[:, 0, 0].tolist() == [[shade] * 3 for shade in (0, 0, 128, 255, 255)]


def test_coloured_images_keep_their_channels():
    images = torch.tensor([1.0, -1.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    assert as_colours(images)[0, 1, 1].tolist() == [255, 0, 128]


@pytest.mark.parametrize("gap", [0, 1, 3])
def test_every_image_stands_in_its_place(gap):
    images = np.random.default_rng(0).integers(0, 255, (4, 5, 5, 3), dtype=np.uint8)
    row = side_by_side(images, gap=gap)
    assert row.shape == (5, 4 * (5 + gap) - gap, 3)
    for place, image in enumerate(images):
        left = place * (5 + gap)
        assert np.array_equal(row[:, left : left + 5], image)
        assert (row[:, left + 5 : left + 5 + gap] == 255).all()
