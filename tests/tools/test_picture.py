"""README's picture is what notebook 00 stored, unretouched."""

import io
import json

import numpy as np
import PIL.Image
import pytest

import picture


def test_readmes_picture_is_the_stored_output_of_notebook_00():
    assert picture.PICTURE.read_bytes() == picture.stored_picture()


def test_the_picture_is_a_film_strip_that_goes_from_fog_to_strokes():
    pixels = np.asarray(PIL.Image.open(io.BytesIO(picture.stored_picture())).convert("L"), dtype=float)
    height, width = pixels.shape
    first, last = (pixels[int(0.1 * height) : int(0.8 * height), columns] for columns in _outer_columns(width))
    assert first.std() < last.std()
    assert ((last < 20) | (last > 235)).mean() > 0.6  # black paper and white strokes
    assert width >= 500


def _outer_columns(width):
    eighth = width // 8
    return slice(eighth // 4, 3 * eighth // 4), slice(width - 3 * eighth // 4, width - eighth // 4)


@pytest.mark.parametrize("pictures", [0, 2])
def test_anything_but_one_stored_picture_is_an_error(tmp_path, monkeypatch, capsys, pictures):
    outputs = [{"data": {"image/png": "AA=="}}] * pictures
    notebook = tmp_path / "00_start_here.ipynb"
    notebook.write_text(json.dumps({"cells": [{"id": "train", "outputs": outputs}]}))
    monkeypatch.setattr(picture, "NOTEBOOK", notebook)
    monkeypatch.setattr(picture, "PICTURE", tmp_path / "images" / "digits.png")
    assert picture.main() == 1
    assert f"stores {pictures} pictures, not 1" in capsys.readouterr().err
    assert not (tmp_path / "images").exists()
