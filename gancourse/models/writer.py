"""A generator of words, letter by letter, and a discriminator that scores every beginning of a word.

A *word* is a row of L whole numbers below ``letters``. A writer's choice of a letter is a step without slope, so no
gradient of the discriminator reaches the writer through it. :func:`relaxed` holds the three things that can be shown
to the discriminator instead.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse._numbers import real, whole_between
from gancourse.models import _inputs

__all__ = ["OUTPUTS", "Discriminator", "NoiseWriter", "Writer", "Written", "gumbel", "relaxed"]

OUTPUTS = ("hard", "straight_through", "soft")
"""What the discriminator is shown of a letter: see :func:`relaxed`."""

_KERNEL = 3


class Written(NamedTuple):
    """What :meth:`Writer.write` returns.

    Attributes:
        words: shape (n, L), int64.
        log_q: log probability of each letter, given those before it, shape (n, L); with the writer's graph.
        seen: what a discriminator is shown, shape (n, L, V); with a graph unless the output is "hard".
    """

    words: Tensor
    log_q: Tensor
    seen: Tensor


def gumbel(uniform: Tensor) -> Tensor:
    """Turn numbers uniform on (0, 1) into Gumbel noise, -log(-log u).

    argmax(log q + noise) is a sample of q: this is the Gumbel trick.

    First met in: notebook 18.
    """
    return -torch.log(-torch.log(uniform.clamp(1e-9, 1 - 1e-7)))


def relaxed(log_q: Tensor, noise: Tensor, output: str = "hard", tau: float = 1.0) -> tuple[Tensor, Tensor]:
    """Choose letters by the Gumbel trick, and return what a discriminator is shown of them.

    "soft" is softmax((log q + noise) / tau), in which all letters have a share. "hard" has a single 1 and no
    gradient. "straight_through" has the values of "hard" and the gradient of "soft", which is a false one.

    Args:
        log_q: log probabilities of the letters, shape (..., V).
        noise: from :func:`gumbel`, of the same shape.
        output: one of :data:`OUTPUTS`.
        tau: temperature of the softmax, above 0; it does not change which letter is chosen.
    Returns:
        The letters chosen, shape (...), int64, and what is seen of them, shape (..., V).
    Raises:
        ValueError: an argument is anything else.
    Source: Jang, Gu and Poole (2017); Maddison, Mnih and Teh (2017); straight-through: Bengio et al. (2013).
    First met in: notebook 18.
    """
    if output not in OUTPUTS:
        raise ValueError(f"output must be one of {', '.join(OUTPUTS)}, got {output!r}")
    tau = above_zero("tau", tau)
    noisy = log_q + noise
    token = noisy.argmax(-1)
    if output == "soft":
        return token, (noisy / tau).softmax(-1)
    hard = F.one_hot(token, log_q.shape[-1]).to(log_q.dtype)
    if output == "straight_through":
        soft = (noisy / tau).softmax(-1)
        hard = hard + soft - soft.detach()
    return token, hard


def above_zero(name: str, value: float) -> float:
    """Return a finite number above 0 as Python's own.

    Raises:
        ValueError: it is anything else.
    """
    if (number := real(value)) is None or not 0 < number < math.inf:
        raise ValueError(f"{name} must be a finite number above 0, got {value!r}")
    return float(number)


def check_words(words: object, letters: int) -> None:
    """Refuse what is no batch of words, shape (n, L), int64."""
    if not isinstance(words, Tensor) or words.dtype != torch.int64:
        raise TypeError(f"words must be an int64 tensor, got {getattr(words, 'dtype', type(words).__name__)}")
    if words.ndim != 2 or words.numel() == 0:
        raise ValueError(f"words must have shape (n, L), got {tuple(words.shape)}")
    if not 0 <= int(words.min()) <= int(words.max()) < letters:
        raise ValueError(f"words must be from 0 to {letters - 1}, got {int(words.min())} to {int(words.max())}")


class Writer(nn.Module):
    """Write words letter by letter: a recurrent network (GRU) that reads what it has written so far.

    Args:
        letters: V, letters of the alphabet.
        hidden: size of the state.
    Source: the gated recurrent unit of Cho et al. (2014).
    First met in: notebook 18.
    """

    def __init__(self, letters: int = 13, hidden: int = 64) -> None:
        super().__init__()
        self.letters = _inputs.check_size("letters", letters)
        self.hidden = _inputs.check_size("hidden", hidden)
        self.cell = nn.GRUCell(self.letters + 1, self.hidden)  # one more input: "nothing written yet"
        self.out = nn.Linear(self.hidden, self.letters)

    def start(self, n: int) -> tuple[Tensor, Tensor]:
        """Return what the network reads before the first letter, shape (n, V + 1), and its state, shape (n, hidden)."""
        weight = self.out.weight
        nothing = weight.new_zeros(n, self.letters + 1)
        nothing[:, -1] = 1
        return nothing, weight.new_zeros(n, self.hidden)

    def forward(self, seen: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Read a letter; return the log probabilities of the next one, shape (n, V), and the new state.

        Args:
            seen: the letter, shape (n, V + 1), mostly one-hot; the last place says "nothing written yet".
            state: shape (n, hidden).
        """
        state = self.cell(seen, state)
        return self.out(state).log_softmax(-1), state

    def log_probs(self, words: Tensor) -> Tensor:
        """Return what the writer expects at each place of given words: shape (n, L, V).

        At place t it has read the letters before t of the *given* word.

        Args:
            words: shape (n, L), int64.
        """
        check_words(words, self.letters)
        seen, state = self.start(len(words))
        expected = []
        for letter in words.T:
            log_q, state = self(seen, state)
            expected.append(log_q)
            seen = F.one_hot(letter, self.letters + 1).to(log_q.dtype)
        return torch.stack(expected, dim=1)

    def log_prob(self, words: Tensor) -> Tensor:
        """Return the log probability with which the writer writes each word: shape (n,)."""
        return self.log_probs(words).gather(-1, words[..., None]).sum((-2, -1))

    def write(
        self,
        n: int,
        length: int,
        generator: torch.Generator,
        *,
        output: str = "hard",
        tau: float = 1.0,
        temperature: float = 1.0,
    ) -> Written:
        """Write ``n`` words of ``length`` letters. What the discriminator sees of a letter, the writer reads too.

        Args:
            n, length: how many words of how many letters.
            generator: of the Gumbel noise.
            output, tau: as for :func:`relaxed`.
            temperature: what the logits of a letter are divided by before it is drawn, above 0.
        """
        n, length = whole_between("n", n, 1), whole_between("length", length, 1)
        temperature = above_zero("temperature", temperature)
        read, state = self.start(n)
        uniform = torch.rand(n, length, self.letters, generator=generator, dtype=self.out.weight.dtype)
        words, log_qs, seen = [], [], []
        for noise in gumbel(uniform).unbind(1):
            log_q, state = self(read, state)
            log_q = (log_q / temperature).log_softmax(-1)
            letter, shown = relaxed(log_q, noise, output, tau)
            read = F.pad(shown, (0, 1))
            words.append(letter)
            log_qs.append(log_q.gather(-1, letter[:, None])[:, 0])
            seen.append(shown)
        return Written(*(torch.stack(part, dim=1) for part in (words, log_qs, seen)))


class Discriminator(nn.Module):
    """Score every beginning of a word: two convolutions that look at the letters before, never at those after.

    The logit of a word is the sum of its scores, larger for more real. So each letter has a score of its own.

    Args:
        letters: V, letters of the alphabet.
        width: channels of the convolutions.
    First met in: notebook 18.
    """

    def __init__(self, letters: int = 13, width: int = 64) -> None:
        super().__init__()
        self.letters = _inputs.check_size("letters", letters)
        self.width = _inputs.check_size("width", width)
        self.first = nn.Conv1d(self.letters, self.width, _KERNEL)
        self.second = nn.Conv1d(self.width, self.width, _KERNEL)
        self.out = nn.Linear(self.width, 1)

    def forward(self, seen: Tensor) -> Tensor:
        """Return the scores, shape (n, L), of words or what stands for them, shape (n, L, V).

        Score t has read the letters 0 to t and no other.
        """
        if not isinstance(seen, Tensor) or seen.ndim != 3 or seen.shape[-1] != self.letters or seen.numel() == 0:
            got = tuple(seen.shape) if isinstance(seen, Tensor) else type(seen).__name__
            raise ValueError(f"seen must have shape (n, L, {self.letters}), got {got}")
        h = seen.transpose(1, 2)
        for layer in (self.first, self.second):
            h = F.leaky_relu(layer(F.pad(h, (_KERNEL - 1, 0))), 0.2)
        return self.out(h.transpose(1, 2)).squeeze(-1)


class NoiseWriter(nn.Module):
    """Write a whole word at once from noise: shares of all letters at each place, shape (n, L, V), sum 1.

    Args:
        letters, length: V and L.
        latent_dim: size of z.
        width: channels of the convolutions.
    Source: the character generator of Gulrajani et al. (2017), made small.
    First met in: notebook 18.
    """

    def __init__(self, letters: int = 13, length: int = 8, latent_dim: int = 32, width: int = 64) -> None:
        super().__init__()
        self.letters = _inputs.check_size("letters", letters)
        self.length = _inputs.check_size("length", length)
        self.latent_dim = _inputs.check_size("latent_dim", latent_dim)
        self.width = _inputs.check_size("width", width)
        self.dense = nn.Linear(self.latent_dim, self.length * self.width)
        self.first = nn.Conv1d(self.width, self.width, _KERNEL, padding=_KERNEL // 2)
        self.second = nn.Conv1d(self.width, self.letters, _KERNEL, padding=_KERNEL // 2)

    def forward(self, z: Tensor) -> Tensor:
        """Return the shares of the letters, shape (n, L, V), for z of shape (n, latent_dim)."""
        _inputs.check_latents(self, z, self.latent_dim)
        h = F.leaky_relu(self.dense(z), 0.2).unflatten(1, (self.length, self.width)).transpose(1, 2)
        return self.second(F.leaky_relu(self.first(h), 0.2)).transpose(1, 2).softmax(-1)
