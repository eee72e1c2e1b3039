"""Endless streams of training batches that can be stopped and resumed exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

from gancourse._numbers import whole

__all__ = ["Stream", "labelled", "stream"]


class Samples(Protocol):
    """Anything that can be sampled for ever: every toy distribution."""

    def sample(self, n: int, generator: torch.Generator) -> Tensor: ...


class Stream(Iterator[Tensor]):
    """An endless iterator of batches; made by :func:`stream`.

    ``state_dict`` and ``load_state_dict`` keep and restore its place, its shuffled order and its
    generator, so that a resumed run sees the very batches an uninterrupted one would.
    """

    def __init__(
        self, source: Samples | Tensor, batch_size: int, generator: torch.Generator, part: tuple[int, int] = (0, 1)
    ) -> None:
        self._source, self.batch_size, self.generator = source, batch_size, generator
        which, of = part
        self._part = slice(which * batch_size // of, (which + 1) * batch_size // of)
        self._order = torch.empty(0, dtype=torch.long)
        self._place = 0

    def __next__(self) -> Tensor:
        """Return the next batch, shape (batch_size, ...), or this stream's part of it."""
        if not isinstance(self._source, Tensor):
            return self._source.sample(self.batch_size, self.generator)[self._part]
        if self._place + self.batch_size > len(self._order):
            order = torch.randperm(len(self._source), generator=self.generator, device=self.generator.device)
            self._order, self._place = order.to(self._source.device), 0
        chosen = self._order[self._place : self._place + self.batch_size]
        self._place += self.batch_size
        return self._source[chosen[self._part]]

    def state_dict(self) -> dict[str, Any]:
        """Return what :meth:`load_state_dict` needs to go on from here: tensors and one number."""
        return {
            "order": self._order.cpu().clone(),
            "place": self._place,
            "generator": self.generator.get_state().cpu(),
            "batch_size": self.batch_size,
            "data": self._fingerprint(),
        }

    def _fingerprint(self) -> str:
        """Return what tells one data set from another of the same size: a hash of some of its samples, or its name."""
        if not isinstance(self._source, Tensor):
            return repr(self._source) if hasattr(self._source, "dim") else type(self._source).__name__
        some = self._source[:: max(1, len(self._source) // 64)].detach().cpu().contiguous()
        return hashlib.sha256(some.view(torch.uint8).numpy().tobytes()).hexdigest()[:16]

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where ``state`` was taken.

        Raises:
            ValueError: the state belongs to other data, or to batches of another size.
        """
        order = state["order"]
        if state.get("batch_size", self.batch_size) != self.batch_size:
            raise ValueError(
                f"state belongs to batches of {state['batch_size']}, but this stream has {self.batch_size}"
            )
        if isinstance(self._source, Tensor) and len(order) not in (0, len(self._source)):
            raise ValueError(f"state belongs to {len(order)} samples, but this stream has {len(self._source)}")
        if state.get("data", self._fingerprint()) != self._fingerprint():
            raise ValueError("state belongs to other data than this stream's, though of equal size")
        self.generator.set_state(state["generator"])
        device = self._source.device if isinstance(self._source, Tensor) else "cpu"
        self._order, self._place = order.to(device), state["place"]


def stream(
    source: Samples | Tensor, batch_size: int, generator: torch.Generator, *, part: tuple[int, int] = (0, 1)
) -> Stream:
    """Return an endless stream of real batches.

    From a distribution every batch is drawn fresh: infinite data. From a tensor, samples come in
    a shuffled order, each once an epoch; the last samples of an epoch that do not fill a batch
    are left out, because a batch of one breaks batch normalisation.

    Args:
        source: a toy distribution, or a tensor of samples, shape (N, ...), with N >= batch_size.
        batch_size: samples in a batch, at least 1.
        generator: the stream's own random generator; nothing else should draw from it.
        part: (which, of how many) equal parts of each batch to give, counted from 0. Streams of one seed that give
            one part each share out the batches of the stream that gives all; its state is that of all of them.
    Raises:
        TypeError: an argument is of another kind.
        ValueError: ``batch_size`` is not positive, or larger than the data set, or cannot be parted so.
    First met in: notebook 00.
    """
    if (number := whole(batch_size)) is None:
        raise TypeError(f"batch_size must be a whole number, got {batch_size!r}")
    batch_size = number
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    which, of = (whole(number) for number in part)
    if of is None or which is None or not 0 <= which < of or batch_size % of:
        raise ValueError(f"part must be (which, of how many), and divide batches of {batch_size}, got {part!r}")
    if not isinstance(generator, torch.Generator):
        raise TypeError(f"generator must be a torch.Generator, got {type(generator).__name__}")
    if isinstance(source, Tensor):
        if source.ndim == 0 or len(source) < batch_size:
            size = len(source) if source.ndim else "no"
            raise ValueError(f"source has {size} samples, fewer than one batch of {batch_size}")
    elif not callable(getattr(source, "sample", None)):
        raise TypeError(f"source must be a tensor or have a sample method, got {type(source).__name__}")
    return Stream(source, batch_size, generator, (which, of))


def labelled(
    images: Tensor, labels: Tensor, batch_size: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Return an endless stream of real batches, each with its labels: (images, labels) in the order of :func:`stream`.

    Args:
        images: samples, shape (N, ...), with N >= batch_size.
        labels: of the samples, shape (N,) or (N, ...); which sample a label belongs to is its place.
        batch_size, generator: as for :func:`stream`.
    Raises:
        TypeError: an argument is of another kind.
        ValueError: there is not one label for each sample, or ``batch_size`` is not possible.
    First met in: notebook 12.
    """
    for name, value in (("images", images), ("labels", labels)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a tensor, got {type(value).__name__}")
    if labels.ndim == 0 or images.ndim == 0 or len(labels) != len(images):
        counts = [len(value) if value.ndim else "no" for value in (labels, images)]
        raise ValueError(f"labels must be one for each of the images, got {counts[0]} for {counts[1]}")
    places = stream(torch.arange(len(images), device=images.device), batch_size, generator)
    return ((images[chosen], labels[chosen]) for chosen in places)
