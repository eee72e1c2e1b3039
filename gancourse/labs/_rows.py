"""Small images side by side, as one picture: matplotlib draws one large image much sooner than many small ones."""

from __future__ import annotations

import numpy as np
from torch import Tensor

__all__ = ["as_colours", "side_by_side"]


def as_colours(images: Tensor) -> np.ndarray:
    """Return grey or coloured images in [-1, 1], shape (N, 1 or 3, S, S), as colours of bytes, shape (N, S, S, 3)."""
    shades = ((images.clamp(-1, 1) + 1) * 127.5).round().byte()
    return shades.permute(0, 2, 3, 1).expand(-1, -1, -1, 3).numpy().copy()


def side_by_side(colours: np.ndarray, *, gap: int = 1) -> np.ndarray:
    """Return one row of images with white between them.

    Args:
        colours: bytes, shape (N, S, S, 3).
        gap: white columns between two.
    Returns:
        Bytes, shape (S, N (S + gap) - gap, 3).
    """
    count, size = colours.shape[:2]
    row = np.full((size, count, size + gap, 3), 255, np.uint8)
    row[:, :, :size] = colours.swapaxes(0, 1)
    return row.reshape(size, -1, 3)[:, : count * (size + gap) - gap]
