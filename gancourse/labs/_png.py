"""PNG bytes of a picture that changes little from frame to frame: only the rows that changed are packed again."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

import numpy as np

__all__ = ["Packer"]

_ROWS = 16
"""Of a band. Bands are packed one by one, so that one that rests is kept as it is."""

_ADLER = 65_521


class _Band(NamedTuple):
    """A band that is packed already: its pixels, its chunk, and the checksum and length of what is packed."""

    pixels: np.ndarray
    chunk: bytes
    sums: tuple[int, int]
    length: int


class Packer:
    """Packs pictures as PNG, each the quicker the more of it equals the one before.

    A picture becomes bands of 16 rows, and each band a run of deflate blocks that needs no other band, in a chunk of
    its own. Pixels are stored as they are, without a filter: flat areas, lines and letters pack as well that way.
    """

    def __init__(self) -> None:
        self._bands: list[_Band] = []
        self._shape: tuple[int, ...] = ()

    def png(self, rgba: np.ndarray) -> bytes:
        """Return a picture as PNG bytes, without its alpha.

        Args:
            rgba: shape (height, width, 4), uint8, opaque.
        """
        if rgba.shape != self._shape:
            self._bands, self._shape = [], rgba.shape
        height, width = rgba.shape[:2]
        pixels = np.ascontiguousarray(rgba).view(np.uint32)[..., 0]
        for number, top in enumerate(range(0, height, _ROWS)):
            band = pixels[top : top + _ROWS]
            if number == len(self._bands):
                self._bands.append(_packed(band))
            elif not np.array_equal(self._bands[number].pixels, band):
                self._bands[number] = _packed(band)
        low, high = 1, 0  # Adler-32 of everything, from that of each band
        for band in self._bands:
            high = (high + band.sums[1] + band.length * (low - 1)) % _ADLER
            low = (low + band.sums[0] - 1) % _ADLER
        head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        end = _chunk(b"IDAT", b"\x03\x00" + struct.pack(">HH", high, low))  # an empty last block
        chunks = [_chunk(b"IDAT", b"\x78\x01"), *(band.chunk for band in self._bands), end]
        return b"".join([b"\x89PNG\r\n\x1a\n", head, *chunks, _chunk(b"IEND", b"")])


def _packed(pixels: np.ndarray) -> _Band:
    pixels = pixels.copy()
    height, width = pixels.shape
    rows = np.zeros((height, 3 * width + 1), np.uint8)  # each row begins with the number of its filter: none
    colours = pixels.view(np.uint8).reshape(height, width, 4)
    for channel in range(3):  # one by one is four times as quick as all at once
        rows[:, 1 + channel :: 3] = colours[..., channel]
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS, 9)
    packed = packer.compress(rows) + packer.flush(zlib.Z_FULL_FLUSH)
    adler = zlib.adler32(rows)
    return _Band(pixels, _chunk(b"IDAT", packed), (adler & 0xFFFF, adler >> 16), rows.size)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
