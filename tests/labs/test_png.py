"""The PNG that a panel sends: exactly the picture, whatever part of it has changed."""

import io
import struct
import zlib

import numpy as np
import PIL.Image
import pytest

from gancourse.labs import _png


@pytest.fixture
def picture():
    rgba = np.random.default_rng(0).integers(0, 256, (50, 37, 4), dtype=np.uint8)
    rgba[..., 3] = 255
    return rgba


def shown(png):
    return np.asarray(PIL.Image.open(io.BytesIO(png)))


@pytest.mark.parametrize("height, width", [(1, 1), (15, 3), (16, 64), (17, 5), (50, 37), (401, 2)])
def test_a_picture_of_any_size_comes_back_as_it_was(height, width):
    rgba = np.random.default_rng(1).integers(0, 256, (height, width, 4), dtype=np.uint8)
    png = _png.Packer().png(rgba)
    assert PIL.Image.open(io.BytesIO(png)).mode == "RGB"
    assert np.array_equal(shown(png), rgba[..., :3])


@pytest.mark.parametrize("row", [0, 15, 16, 31, 32, 49])
def test_what_changed_is_packed_again_and_nothing_else_is(picture, monkeypatch, row):
    packer, packed = _png.Packer(), []
    packer.png(picture)
    monkeypatch.setattr(_png, "_packed", lambda pixels, f=_png._packed: packed.append(pixels) or f(pixels))
    picture[row, 7] = 255 - picture[row, 7]
    assert np.array_equal(shown(packer.png(picture)), picture[..., :3])
    assert len(packed) == 1
    assert np.array_equal(shown(packer.png(picture)), picture[..., :3]) and len(packed) == 1


def test_the_caller_may_draw_over_the_pixels_that_were_packed(picture):
    """The camera hands over Agg's own memory."""
    packer = _png.Packer()
    for value in (10, 20, 30):
        picture[..., :3] = value
        assert (shown(packer.png(picture)) == value).all()


def test_another_size_begins_anew(picture):
    packer = _png.Packer()
    for part in (picture, picture[:, :20], picture[:20], picture):
        assert np.array_equal(shown(packer.png(part)), part[..., :3])


def test_the_checksum_of_everything_is_that_of_its_bands(picture):
    """Readers may skip it, so it is checked by hand: chunks joined are one zlib stream."""
    png, at, stream = _png.Packer().png(picture), 8, b""
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", png, at + 8 + length) == (zlib.crc32(kind + content),)
        stream += content if kind == b"IDAT" else b""
        at += 12 + length
    rows = zlib.decompress(stream)  # raises where the checksum is wrong
    assert rows == b"".join(b"\x00" + row.tobytes() for row in np.ascontiguousarray(picture[..., :3]))
