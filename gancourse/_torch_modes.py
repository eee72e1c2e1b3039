"""PyTorch's modes as the course's own training needs them, whatever the caller has set."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

__all__ = ["usual_modes"]


@contextlib.contextmanager
def usual_modes() -> Iterator[None]:
    """Record gradients and make float32 tensors inside a ``with`` block or a decorated function, then go back.

    Under ``torch.no_grad``, ``torch.inference_mode`` or ``torch.set_default_dtype(torch.float64)`` a GAN of ours
    trains as it always does.
    """
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(before)
