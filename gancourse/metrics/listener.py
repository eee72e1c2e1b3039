"""A judge of short words that listens to log-mel pictures, and the noise that fools it.

A classifier has to say one of its words, whatever it is given. Noise that is as loud as a word at every moment, and as
strong at every frequency, on average, sounds like no word at all, and yet a plain judge calls it that word: see
:func:`shaped_noise`. A strict judge has one more answer, "nonsense", and was shown such noises. It is the one to trust.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse import runtime
from gancourse._numbers import whole_between
from gancourse._torch_modes import usual_modes
from gancourse.data.digits import check_images

__all__ = ["Listener", "Nonsense", "nonsense", "scrambled", "shaped_noise", "train"]

_SEED, _STEPS, _BATCH, _RATE = 20_190_224, 580, 64, 2e-3
_MOST_LATE, _GRAIN = 3, 0.05  # windows that a picture is moved by, and noise, in training
_SMOOTHING, _DROPPED, _DROP_AT = 0.05, 0.3, 6  # dropout before the first dense layer
_PIECE = 500


class Listener:
    """A trained judge of words. Made by :func:`train`.

    Attributes:
        words: how many words it knows.
        strict: whether it has one more answer, number ``words``, for nonsense.
    """

    def __init__(self, network: nn.Sequential, *, words: int, strict: bool) -> None:
        self._network = network.eval().requires_grad_(False)
        self.words, self.strict = words, strict

    def __repr__(self) -> str:
        return f"Listener({self.words} words{' and nonsense' if self.strict else ''})"

    @torch.no_grad()
    def probabilities(self, pictures: Tensor) -> Tensor:
        """Return the probability of each answer, shape (N, words), or (N, words + 1) of a strict judge.

        Args:
            pictures: shape (N, 1, 32, 32), in [-1, 1], from :class:`gancourse.spectra.LogMel`.
        Raises:
            TypeError, ValueError: ``pictures`` are anything else.
        First met in: notebook 17.
        """
        return torch.cat([self._network(piece).softmax(dim=1) for piece in _pieces(pictures)])

    @torch.no_grad()
    def features(self, pictures: Tensor) -> Tensor:
        """Return what the judge has made of each picture just before it decides: shape (N, 64), at least 0."""
        return torch.cat([self._network[:-1](piece) for piece in _pieces(pictures)])

    def accuracy(self, pictures: Tensor, labels: Tensor) -> float:
        """Return which share of the pictures is called by its label; "nonsense" counts as wrong."""
        return float((self.probabilities(pictures).argmax(dim=1) == labels).double().mean())


class Nonsense(NamedTuple):
    """Sounds that are no words, and of which kind each is.

    Attributes:
        waves: shape (N, L).
        shaped: True for shaped noise, False for scrambled words; shape (N,).
    """

    waves: Tensor
    shaped: Tensor


@usual_modes()
def train(
    pictures: Tensor,
    labels: Tensor,
    words: int,
    *,
    nonsense: Tensor | None = None,
    num_steps: int = _STEPS,
    seed: int = 0,
) -> Listener:
    """Train a judge of words, and return it: two convolutions, a hidden layer, batches of 64 pictures.

    In training, pictures come up to three windows early or late, with a little noise on them. Its random numbers are
    its own.

    Args:
        pictures: shape (N, 1, 32, 32), in [-1, 1].
        labels: shape (N,), int64, from 0 to words - 1.
        words: how many there are.
        nonsense: pictures of what is no word; given these, the judge is strict.
        num_steps: over how many steps the learning rate falls to 0.
        seed: of first weights and batches.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 17.
    """
    words, num_steps = whole_between("words", words, 2), whole_between("num_steps", num_steps, 1)
    check_images(pictures, name="pictures", channels=1)
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64:
        raise TypeError(f"labels must be int64, got {getattr(labels, 'dtype', type(labels).__name__)}")
    if labels.shape != (len(pictures),) or int(labels.min()) < 0 or int(labels.max()) >= words:
        raise ValueError(f"labels must have shape ({len(pictures)},), from 0 to {words - 1}")
    if nonsense is not None:
        check_images(nonsense, name="nonsense", channels=1)
        labels = torch.cat([labels, torch.full((len(nonsense),), words)])
        pictures = torch.cat([pictures, nonsense])
    random = runtime.generator(_SEED + seed)
    with runtime.seeded(_SEED + seed):
        network = _network(words + (nonsense is not None))
    optimizer = torch.optim.Adam(network.parameters(), lr=_RATE)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, num_steps)
    for _ in range(num_steps):
        chosen = torch.randint(len(pictures), (_BATCH,), generator=random)
        late = int(torch.randint(-_MOST_LATE, _MOST_LATE + 1, (1,), generator=random))
        batch = pictures[chosen].roll(late, dims=3)
        batch = batch + _GRAIN * torch.randn(batch.shape, generator=random)
        hidden = network[:_DROP_AT](batch)
        kept = torch.rand(hidden.shape, generator=random) >= _DROPPED  # dropout, by numbers of its own
        logits = network[_DROP_AT:](hidden * kept / (1 - _DROPPED))
        loss = F.cross_entropy(logits, labels[chosen], label_smoothing=_SMOOTHING)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        fall.step()
    return Listener(network, words=words, strict=nonsense is not None)


def shaped_noise(waves: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Return noise as loud at every moment, and as strong at every frequency, as these sounds are on average.

    White noise is given the root mean square spectrum of the sounds, and is then multiplied by the mean of their
    absolute values, moment by moment. It knows nothing else of them: no pitch, no phase, no order of frequencies.

    Args:
        waves: shape (N, L), of one word.
        n: how many noises.
        generator: draws them.
    Returns:
        Shape (n, L), each with the peak 0.9.
    First met in: notebook 17.
    """
    n = whole_between("n", n, 1)
    _check_waves(waves)
    colour = torch.fft.rfft(waves).abs().square().mean(dim=0).sqrt()
    noise = torch.randn(n, waves.shape[1], generator=generator)
    noise = torch.fft.irfft(torch.fft.rfft(noise) * colour, n=waves.shape[1]) * waves.abs().mean(dim=0)
    return 0.9 * noise / noise.abs().amax(dim=1, keepdim=True).clamp(min=1e-30)


def scrambled(waves: Tensor, generator: torch.Generator) -> Tensor:
    """Return sounds with the same strength of each frequency over their whole length, at moments mixed up at random.

    Args:
        waves: shape (N, L).
        generator: draws the phases.
    Returns:
        Shape (N, L), each with the peak 0.9.
    First met in: notebook 17.
    """
    _check_waves(waves)
    spectrum = torch.fft.rfft(waves)
    turns = torch.rand(spectrum.shape, generator=generator)
    mixed = torch.fft.irfft(torch.polar(spectrum.abs(), 2 * math.pi * turns), n=waves.shape[1])
    return 0.9 * mixed / mixed.abs().amax(dim=1, keepdim=True).clamp(min=1e-30)


def nonsense(
    waves: Tensor, labels: Tensor, generator: torch.Generator, *, each: int = 60, mixed: int = 300
) -> Nonsense:
    """Return what a strict judge is shown as nonsense: shaped noise of every word, and scrambled words.

    Args:
        waves: shape (N, L).
        labels: which word, shape (N,), int64.
        generator: draws them.
        each: shaped noises of every word.
        mixed: scrambled words, at most N.
    First met in: notebook 17.
    """
    shaped = [shaped_noise(waves[labels == word], each, generator) for word in labels.unique().tolist()]
    chosen = torch.randperm(len(waves), generator=generator)[:mixed]
    parts = [*shaped, scrambled(waves[chosen], generator)]
    is_shaped = torch.arange(sum(map(len, parts))) < sum(map(len, shaped))
    return Nonsense(torch.cat(parts), is_shaped)


def _network(answers: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 16, 4, 2, 1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 4, 2, 1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(2_048, 64),
        nn.ReLU(),
        nn.Linear(64, answers),
    )


def _pieces(pictures: Tensor) -> tuple[Tensor, ...]:
    check_images(pictures, name="pictures", channels=1)
    if tuple(pictures.shape[2:]) != (32, 32):
        raise ValueError(f"pictures must be 32x32, got {pictures.shape[2]}x{pictures.shape[3]}")
    return pictures.detach().float().split(_PIECE)


def _check_waves(waves: Tensor) -> None:
    if not isinstance(waves, Tensor) or not waves.is_floating_point() or waves.ndim != 2 or len(waves) == 0:
        raise ValueError(f"waves must be floating point, shape (N, L), got {getattr(waves, 'shape', type(waves))}")
