"""Long measurements that were made by a command and stored, so that a notebook can show them at once.

Each is a JSON file beside this module, written by ``python tools/tables.py NAME``, with the date, the versions, the
machine, the seeds and the steps it was made with. A notebook that shows one says so, and trains a
smaller version live.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

__all__ = ["load", "names", "origin", "picture", "samples", "sounds"]


def names() -> list[str]:
    """Return the names of the stored measurements."""
    return sorted(file.name.removesuffix(".json") for file in resources.files(__name__).iterdir()
                  if file.name.endswith(".json"))  # fmt: skip


def load(name: str) -> dict[str, Any]:
    """Return a stored measurement: its rows, and under "made" how it came about.

    Args:
        name: one of :func:`names`.
    Raises:
        ValueError: there is no such measurement.
    First met in: notebook 04.
    """
    if name not in names():
        raise ValueError(f"name must be one of {', '.join(names()) or '(none stored yet)'}, got {name!r}")
    return json.loads(resources.files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8"))


def origin(table: dict[str, Any]) -> str:
    """Say in one line when, with what and how long a measurement was made.

    Args:
        table: from :func:`load`.
    First met in: notebook 04.
    """
    made = table["made"]
    return (
        f"made on {made['date']} by `python tools/tables.py {made['command']}` with PyTorch {made['torch']} "
        f"on {made['machine']}, {made['threads']} thread(s), {made['cpu_seconds']:,.0f} s of CPU time"
    )


def picture(row: Mapping[str, Any]) -> np.ndarray:
    """Return the picture that a row keeps (a grey PNG in base64), shape (H, W), whole numbers from 0 to 255.

    Raises:
        ValueError: the row has no picture.
    First met in: notebook 07.
    """
    import numpy as np
    from PIL import Image

    if not row.get("picture"):
        raise ValueError(f"row must have a picture, but {row.get('name')!r} has none")
    return np.array(Image.open(io.BytesIO(base64.b64decode(row["picture"]))).convert("L"))


def samples(row: Mapping[str, Any], image_size: int = 28) -> Tensor:
    """Return the samples that a row keeps as one picture, image by image, from left to right and down.

    Args:
        row: of a stored table, with a "picture" (a grey PNG in base64) of square images side by side.
        image_size: side of one image.
    Returns:
        Shape (N, 1, image_size, image_size), in [-1, 1].
    Raises:
        ValueError: the row has no picture, or one that is not made of images of this size.
    First met in: notebook 07.
    """
    import torch

    grey = picture(row)
    if any(side % image_size for side in grey.shape):
        raise ValueError(f"image_size must divide the picture's sides, {grey.shape}, got {image_size}")
    down, across = (side // image_size for side in grey.shape)
    parts = torch.tensor(grey).reshape(down, image_size, across, image_size).transpose(1, 2)
    return parts.reshape(down * across, 1, image_size, image_size) / 127.5 - 1


def sounds(row: Mapping[str, Any], length: int = 1_024) -> Tensor:
    """Return the sounds that a row keeps, shape (N, length), in [-1, 1].

    Args:
        row: of a stored table, with "sounds" (16-bit numbers in base64), one sound after the other.
        length: numbers of one sound.
    Returns:
        Shape (N, length), float32.
    Raises:
        ValueError: the row has no sounds, or not a whole number of this length.
    First met in: notebook 17.
    """
    import numpy as np
    import torch

    if not row.get("sounds"):
        raise ValueError(f"row must have sounds, but {row.get('name')!r} has none")
    numbers = np.frombuffer(base64.b64decode(row["sounds"]), dtype="<i2").astype("float32")
    if len(numbers) % length:
        raise ValueError(f"length must divide the {len(numbers):,} numbers of the row, got {length}")
    return torch.from_numpy(numbers / 32_767).reshape(-1, length)
