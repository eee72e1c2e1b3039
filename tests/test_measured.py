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


def test_the_answers_to_what_the_collapse_lab_asks_are_those_that_were_counted():
    lab, ring = ({row["name"]: row for row in measured.load(name)["rows"]} for name in ("lab", "ring"))
    rescued = lab["only the penalty again"]
    assert max(rescued["modes_before"]) <= 2
    assert rescued["steps"] == 1_200 and sorted(rescued["over_steps"]["modes"][-1]) == [7] + 19 * [8]
    grid = lab["the grid with the ring's recipe"]
    assert grid["look_every"] == 200 and max(grid["over_steps"]["modes"][2]) == 0  # after 600 steps
    assert (min(grid["over_steps"]["modes"][-1]), max(grid["over_steps"]["modes"][-1])) == (8, 21)
    assert grid["steps"] == 3_000 and max(grid["over_steps"]["quality"][-1]) <= 0.5
    small = lab["two unequal blobs, collapse it"]["small_blob"]
    assert [sum(share < 0.01 for share in small), sum(share > 0.99 for share in small), len(small)] == [16, 2, 20]
    covering = lab["two unequal blobs, covering"]["small_blob"]
    assert all(0.11 < share < 0.16 for share in covering)
    assert len(ring["penalty switched off"]["modes"]) == 20
