"""Samples that a stored row keeps come back image by image."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from gancourse import measured


def stored(grey):
    buffer = io.BytesIO()
    Image.fromarray(grey.astype(np.uint8)).save(buffer, "PNG")
    return {"name": "a", "picture": base64.b64encode(buffer.getvalue()).decode()}


def test_samples_come_back_row_by_row_in_the_range_of_images():
    grey = np.arange(6 * 9).reshape(6, 9)  # 2 by 3 images of 3 by 3
    samples = measured.samples(stored(grey), image_size=3)
    assert samples.shape == (6, 1, 3, 3)
    expected = [grey[3 * i : 3 * i + 3, 3 * j : 3 * j + 3] for i in range(2) for j in range(3)]
    for sample, part in zip(samples, expected, strict=True):
        assert torch.allclose(sample[0], torch.tensor(part / 127.5 - 1, dtype=torch.float32))
    ends = measured.samples(stored(np.array([[0, 255]])), image_size=1).flatten()
    assert ends.tolist() == [-1.0, 1.0]


def test_every_stored_picture_holds_sixteen_digits():
    for row in measured.load("dcgan")["rows"]:
        if "picture" in row:
            assert measured.samples(row).shape == (16, 1, 28, 28), row["name"]


@pytest.mark.parametrize(
    "row, size, words", [({"name": "b"}, 3, "'b' has none"), (stored(np.ones((6, 8))), 3, "must divide")]
)
def test_what_has_no_such_samples_is_refused(row, size, words):
    with pytest.raises(ValueError, match=words):
        measured.samples(row, size)
