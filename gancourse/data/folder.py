"""Your own pictures: a folder of image files becomes one tensor, and every file left out is named with a reason.

Files are judged by their content, not by their name. Nothing in the folder is changed, no link is followed, and
nothing outside the folder is read. A file that is broken, huge, tiny or no image costs a line, never the run.
"""

from __future__ import annotations

import os
import stat
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gancourse._numbers import whole

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["FEWEST", "Pictures", "load"]

FEWEST = 16
"""A folder with fewer usable images than this is refused: a GAN would only learn them by heart."""

_SIZES = (8, 256)
_LARGEST_FILE = 200_000_000  # bytes
_MOST_PIXELS = 64_000_000  # more than this takes too much memory to unpack
_MOST_IMAGES = 10_000  # at 64 by 64 in colour they take half a gigabyte
_SHOWN = 3  # names in a printed line
# What can be decoded without starting another program and without a rare plug-in.
_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "TGA")
_FOLDER_NAMES_LIKE_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".tga")


_DARK = 8_191  # of 65,535: what has no brighter pixel looks black
_FLAT = 16  # of 255: what spans less is nearly one colour


class _Skip(Exception):
    """A file is left out; the message says why."""


@dataclass
class _Seen:
    """What was found on the way and is worth a line of the report."""

    further_pages: int = 0
    many_paged: int = 0
    deep: int = 0
    lowest: int = 65_535
    highest: int = 0


@dataclass(frozen=True)
class Pictures:
    """Images of a folder, all of one shape.

    Attributes:
        images: float32, shape (N, channels, S, S), in [-1, 1], on the CPU.
        names: N paths relative to the folder; what cannot be printed in them is written with a backslash.
        skipped: path of each file left out -> why.
        source: one line that says what this is.
    """

    images: Tensor
    names: tuple[str, ...]
    skipped: dict[str, str]
    source: str

    def __repr__(self) -> str:
        return f"Pictures({self.source})"

    @property
    def image_size(self) -> int:
        return self.images.shape[-1]


def load(folder: str | Path, image_size: int = 64, channels: int = 3) -> Pictures:
    """Return the images of a folder and of the folders in it, and print how many were left out, and why.

    Each image is turned upright as its camera noted, cropped to the square in its middle and resized.
    Transparent parts become white. Of an animation or of several pages the first picture counts, and the others are
    counted. In images of 16 bits white is 65,535: the report says which values occur, and whether the whole folder is
    nearly of one colour, as label masks and 12-bit scans are. Images of any mode are taken (grey, 16
    bits, palette, CMYK, …) in the formats PNG, JPEG, GIF, BMP, WebP, TIFF, PPM and TGA, whatever the file is called.

    Left out, with a reason: what is no image or is broken, has more than 64 million pixels or 200 MB, is smaller than
    half of ``image_size`` on its shorter side, cannot be read, is hidden, is a link or no file at all, and whatever
    comes after the first 10,000 images in the order of the names.

    Args:
        folder: where the images are. It is only read.
        image_size: height and width wanted, 8 to 256.
        channels: 3 for colour, 1 for grey.
    Returns:
        Images in [-1, 1], sorted by name, and what was left out.
    Raises:
        ValueError: no such folder, a size or number of channels out of range, or fewer than 16 usable images.
    First met in: notebook 07.
    """
    if (size := whole(image_size)) is None or not _SIZES[0] <= size <= _SIZES[1]:
        raise ValueError(f"image_size must be a whole number from {_SIZES[0]} to {_SIZES[1]}, got {image_size!r}")
    if (colours := whole(channels)) not in (1, 3):
        raise ValueError(f"channels must be 1 (grey) or 3 (colour), got {channels!r}")
    image_size, channels = size, colours
    root = Path(folder).expanduser()
    if not root.is_dir():
        what = "a file, not a folder (unpack it first if it is an archive)" if root.exists() else "not there"
        raise ValueError(f"folder must be a folder of images, but {_printable(root)} is {what}")
    arrays: list[np.ndarray] = []
    names: list[str] = []
    skipped: dict[str, str] = {}
    seen = _Seen()
    for path in _files(root, skipped):
        name = _printable(path.relative_to(root))
        try:
            if len(arrays) == _MOST_IMAGES:
                raise _Skip(f"beyond the first {_MOST_IMAGES:,} images")
            arrays.append(_read(path, image_size, channels, seen))
            names.append(name)
        except _Skip as reason:
            skipped[name] = str(reason)
    report = _report(skipped) + _remarks(seen, arrays)
    if len(arrays) < FEWEST:
        raise ValueError(
            f"folder must hold at least {FEWEST} usable images, but {_printable(root)} has {len(arrays)}" + report
        )
    pixels = torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)
    images = pixels.to(torch.float32, memory_format=torch.contiguous_format).div_(127.5).sub_(1)
    colour = "colour" if channels == 3 else "grey"
    source = (
        f"Data: your folder {_printable(root.resolve().name)}, {len(images):,} {colour} images, "
        f"{image_size}x{image_size}; {len(skipped):,} left out"
    )
    print(source + report)
    return Pictures(images, tuple(names), skipped, source)


# ---------------------------------------------------------------- finding


def _files(root: Path, skipped: dict[str, str]) -> Iterator[Path]:
    """Yield what may be an image, by name; note in ``skipped`` what is not even looked into."""

    def cannot_open(error: OSError) -> None:
        name = _printable(Path(error.filename).relative_to(root)) if error.filename else "?"
        skipped[name] = f"a folder that cannot be opened ({error.strerror})"

    for folder, folders, files in os.walk(root, onerror=cannot_open):  # follows no link
        folders.sort()
        for name in list(folders):
            path = Path(folder, name)
            reason = "hidden" if name.startswith(".") else "a link; links are not followed" if path.is_symlink() else ""
            if reason:
                folders.remove(name)
            elif name.lower().endswith(_FOLDER_NAMES_LIKE_IMAGES):
                reason = "a folder, though its name looks like an image; what is in it was looked at"
            if reason:
                skipped[_printable(path.relative_to(root))] = reason
        for name in sorted(files):
            path = Path(folder, name)
            if name.startswith("."):
                skipped[_printable(path.relative_to(root))] = "hidden"
            else:
                yield path


def _printable(path: str | Path) -> str:
    """Return a name that can be printed anywhere: odd bytes and control characters are written with a backslash."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _report(skipped: dict[str, str]) -> str:
    """Return a line for each reason: how often, and some names."""
    lines = []
    kinds = Counter(reason.partition(" (")[0] for reason in skipped.values())
    for kind, count in kinds.most_common():
        names = [name for name, reason in skipped.items() if reason.partition(" (")[0] == kind]
        more = ", …" if count > _SHOWN else ""
        lines.append(f"\n  left out {count:,}, {kind}: {', '.join(names[:_SHOWN])}{more}")
    return "".join(lines)


def _remarks(seen: _Seen, arrays: list[np.ndarray]) -> str:
    """Return a line for each thing that somebody should look at before they train on these images."""
    lines = []
    if seen.further_pages:
        lines.append(f"of {seen.many_paged:,} files only the first picture was taken: {seen.further_pages:,} are left")
    if seen.deep:
        line = f"{seen.deep:,} images have 16 bits and values from {seen.lowest:,} to {seen.highest:,}; white is 65,535"
        lines.append(line + ("" if seen.highest > _DARK else ": they look black; scale them to 0 to 65,535 first"))
    low = min((int(array.min()) for array in arrays), default=0)
    high = max((int(array.max()) for array in arrays), default=255)
    if high - low < _FLAT:
        places = f"{low / 127.5 - 1:.3f} to {high / 127.5 - 1:.3f}"
        lines.append(f"all pixels of all images lie from {places} of [-1, 1]: nearly one colour. Is that right?")
    return "".join(f"\n  {line}" for line in lines)


# ---------------------------------------------------------------- reading one file


def _read(path: Path, size: int, channels: int, seen: _Seen) -> np.ndarray:
    """Return the image as bytes, shape (size, size, channels).

    Raises:
        _Skip: it cannot be used, with the reason.
    """
    # Opened without following a link and without waiting for whoever should write into a pipe.
    flags = os.O_RDONLY
    for name in ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, name, 0)
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            raise _Skip("a link; links are not followed")
        if not stat.S_ISREG(status.st_mode):
            raise _Skip("no regular file")
        handle = os.open(path, flags)
    except PermissionError as error:
        raise _Skip("no permission to read it") from error
    except OSError as error:
        raise _Skip(f"cannot be opened ({error.strerror})") from error
    with os.fdopen(handle, "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise _Skip("no regular file")
        if status.st_size == 0:
            raise _Skip("empty")
        if status.st_size > _LARGEST_FILE:
            raise _Skip(f"too large a file ({status.st_size / 1e6:,.0f} MB)")
        return _decode(stream, size, channels, seen)


def _decode(stream, size: int, channels: int, seen: _Seen) -> np.ndarray:
    from PIL import Image, ImageOps, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of what is refused or put right here
        try:
            with Image.open(stream, formats=_FORMATS) as image:
                width, height = image.size
                if width * height > _MOST_PIXELS:
                    raise _Skip(f"too many pixels ({width:,}x{height:,})")
                if 2 * min(width, height) < size:
                    raise _Skip(f"too small ({width:,}x{height:,})")
                image.draft(None, (2 * size, 2 * size))  # a large JPEG is unpacked at a fraction of its size
                image.load()
                upright = _upright(image)
                square = ImageOps.fit(_in_bytes(upright, seen), (size, size), Image.Resampling.LANCZOS)
                if further := _further_pages(image):
                    seen.further_pages += further
                    seen.many_paged += 1
        except _Skip:
            raise
        except UnidentifiedImageError as error:
            raise _Skip("no image of a kind that can be read") from error
        except Image.DecompressionBombError as error:
            raise _Skip("too many pixels") from error
        except Exception as error:  # decoders raise anything for a broken file
            raise _Skip(f"broken ({type(error).__name__}: {_printable(str(error))[:80]})") from error
    if square.mode == "RGBA":
        square = Image.alpha_composite(Image.new("RGBA", square.size, "white"), square).convert("RGB")
    square = square.convert("RGB" if channels == 3 else "L")
    return np.asarray(square, dtype=np.uint8).reshape(size, size, channels)


def _upright(image: Image.Image) -> Image.Image:
    """Turn the image as its camera noted; a note that cannot be read is ignored."""
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # broken notes raise anything, and the picture itself is fine
        return image


def _further_pages(image: Image.Image) -> int:
    """Count the pictures of a file after its first; a file that is broken after it has none."""
    try:
        return getattr(image, "n_frames", 1) - 1
    except Exception:  # the first picture is fine
        return 0


def _in_bytes(image: Image.Image, seen: _Seen) -> Image.Image:
    """Return the image in mode L, RGB or RGBA; note which values one of 16 bits holds."""
    from PIL import Image

    if image.mode == "I" or image.mode.startswith("I;16"):
        # Pillow would cut these to 0 … 255, or not, depending on its version; white is 65,535.
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65_535:
            raise _Skip("pixels of 32 bits, of which nobody knows which is white")
        seen.deep += 1
        seen.lowest, seen.highest = min(seen.lowest, int(values.min())), max(seen.highest, int(values.max()))
        values = values.astype(np.uint32)
        values += 128
        values //= 257
        return Image.fromarray(values.astype(np.uint8))
    if image.mode == "F":
        raise _Skip("pixels with fractions, of which nobody knows which is white")
    if image.mode in ("L", "RGB", "RGBA"):
        clear = image.info.get("transparency") if image.mode != "RGBA" else None
        return image if clear is None else image.convert("RGBA")
    if image.mode in ("LA", "La", "PA", "RGBa") or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("RGB")
