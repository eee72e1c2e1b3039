"""Numbers for writers of a language whose probabilities are all known: sums where other notebooks have to estimate.

The exact ones need log q of every word, from ``WritingEnsemble.log_q``. For writers that give none there are numbers
of written words. All logarithms are natural.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse._numbers import whole_between
from gancourse.data.language import Language

__all__ = [
    "Exact",
    "distinct",
    "exact",
    "expected_distinct",
    "exposure",
    "lost_pairs",
    "pair_kl",
    "valid_share",
]

_SMOOTHING = 0.1  # added to every count of pairs
_LOST = 0.1  # written less than a tenth as often


class Exact(NamedTuple):
    """What writers are worth, shape (...) each, float64.

    Attributes:
        kl: KL(p || q), p the language and q the writer, in nats: large where q hardly writes what p says.
        valid: q's probability of writing a word of the language at all.
        reverse: KL(q given that it is a word || p): large where q writes often what is rare in p.
        missed: share of p on words that q writes less than a tenth as often as p: dropped modes.
    """

    kl: Tensor
    valid: Tensor
    reverse: Tensor
    missed: Tensor


def exact(log_p: Tensor, log_q: Tensor) -> Exact:
    """Compare a writer with the language, exactly.

    KL(q || p) itself is infinite as soon as q writes anything that is no word. So the reverse divergence is that of
    q given a word, beside the probability of a word. The two together say what it would have said.

    Args:
        log_p: log probability of every word of the language, shape (N,), with sum 1: ``Language.log_p``.
        log_q: the writers' of the same words, shape (..., N); what is missing to 1 is on strings that are no words.
    Raises:
        TypeError, ValueError: they are anything else.
    First met in: notebook 18.
    """
    for name, values in (("log_p", log_p), ("log_q", log_q)):
        if not isinstance(values, Tensor) or not values.is_floating_point():
            got = values.dtype if isinstance(values, Tensor) else type(values).__name__
            raise TypeError(f"{name} must be a floating-point tensor, got {got}")
    if log_p.ndim != 1 or len(log_p) == 0 or log_q.ndim == 0 or log_q.shape[-1] != len(log_p):
        raise ValueError(f"log_q must have shape (..., {tuple(log_p.shape)}), got {tuple(log_q.shape)}")
    log_p, log_q = log_p.detach().double(), log_q.detach().double()
    if abs(float(log_p.exp().sum()) - 1) > 1e-6:
        raise ValueError(f"log_p must be of probabilities with sum 1, got {float(log_p.exp().sum()):.6g}")
    valid = log_q.exp().sum(-1)
    if bool((valid > 1 + 1e-4).any()):
        raise ValueError(f"log_q must be of probabilities with sum at most 1, got {float(valid.max()):.6g}")
    p = log_p.exp()
    inside = log_q - valid.log().unsqueeze(-1)
    weight = inside.exp()
    # 0 log 0 = 0
    terms = torch.where(weight > 0, weight * (inside - log_p), torch.zeros_like(weight))
    dropped = log_q < log_p + math.log(_LOST)
    return Exact((p * (log_p - log_q)).sum(-1), valid, terms.sum(-1), (p * dropped).sum(-1))


def valid_share(words: Tensor, language: Language) -> Tensor:
    """Return the share of words (..., n, L) that are words of the language: shape (...), float64.

    First met in: notebook 18.
    """
    _check(words)
    return language.valid(words).double().mean(-1)


def distinct(words: Tensor) -> Tensor:
    """Return how many different strings there are among n, for strings (..., n, L): shape (...), int64.

    It is no measure of variety: strings that are no words are nearly always different. Compare with
    :func:`expected_distinct`.

    First met in: notebook 18.
    """
    _check(words)
    counts = [len(rows.unique(dim=0)) for rows in words.reshape(-1, *words.shape[-2:])]
    return torch.tensor(counts).reshape(words.shape[:-2])


def expected_distinct(log_p: Tensor, n: int) -> float:
    """Return how many different words n samples of the language hold on average: the sum of 1 - (1 - p)^n.

    Args:
        log_p: log probability of every word, shape (N,).
        n: samples.
    First met in: notebook 18.
    """
    n = whole_between("n", n, 1)
    return float(-torch.expm1(n * torch.log1p(-log_p.double().exp())).sum())


def pair_kl(words: Tensor, language: Language) -> Tensor:
    """Return KL of neighbouring letters, the language's || the writers': shape (...), float64, for (..., n, L).

    Every count of pairs is raised by 0.1, so that a pair never written costs much but not everything. It takes no
    notice of what lies further apart than two letters.

    Raises:
        TypeError, ValueError: the language is no Markov chain, or the words are of another length.
    First met in: notebook 18.
    """
    truth, counts = _true_pairs(language), _pairs(words, language) + _SMOOTHING
    shares = counts / counts.sum((-2, -1), keepdim=True)
    return torch.where(truth > 0, truth * (truth.clamp(min=1e-300) / shares).log(), 0.0).sum((-2, -1))


def lost_pairs(words: Tensor, language: Language) -> Tensor:
    """Return how many successors of letters are lost, shape (...), int64, for words (..., n, L).

    A successor is lost if it follows its letter less than a tenth as often as it should. A Markov chain of 13 letters
    with three successors each has 39 to lose. What follows a letter that is never written is lost too.

    Raises:
        TypeError, ValueError: as for :func:`pair_kl`.
    First met in: notebook 18.
    """
    _true_pairs(language)
    counts = _pairs(words, language)
    shares = counts / counts.sum(-1, keepdim=True).clamp(min=1)
    return ((shares < _LOST * language.transition) & (language.transition > 0)).sum((-2, -1))


def exposure(log_probs: Tensor, words: Tensor, language: Language) -> Tensor:
    """Return how wrong a writer's next letter is, by place, after given beginnings: shape (..., L), float64, in nats.

    At each place: the mean over words of KL(true next letter || the writer's). After the writer's *own* beginnings
    against after true ones this measures exposure bias. A beginning that is no word is no trouble: the truth asks
    for the last letter only.

    Args:
        log_probs: what the writer expects at each place, shape (..., n, L, V), from ``WritingEnsemble.log_probs``.
        words: the words it has read, shape (..., n, L) or (n, L).
        language: a Markov chain.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 18.
    """
    _true_pairs(language)
    _check(words)
    shape = (*words.shape[-2:], len(language.letters))
    if not isinstance(log_probs, Tensor) or tuple(log_probs.shape[-3:]) != shape:
        got = tuple(log_probs.shape) if isinstance(log_probs, Tensor) else type(log_probs).__name__
        raise ValueError(f"log_probs must have shape (..., {shape[0]}, {shape[1]}, {shape[2]}), got {got}")
    first = language.first.expand(*words.shape[:-1], 1, -1)
    truth = torch.cat([first, language.transition[words[..., :-1]]], dim=-2)
    terms = torch.where(truth > 0, truth * (truth.clamp(min=1e-300).log() - log_probs.detach().double()), 0.0)
    return terms.sum(-1).mean(-2)


def _true_pairs(language: Language) -> Tensor:
    """Return the probability of each pair of neighbouring letters, at all places together: shape (V, V)."""
    if language.transition is None or language.first is None:
        raise ValueError("language must be a Markov chain, such as language.syllables()")
    letter, total = language.first, torch.zeros_like(language.first)
    for _ in range(language.length - 1):
        total = total + letter
        letter = letter @ language.transition
    return (total / max(1, language.length - 1))[:, None] * language.transition


def _pairs(words: Tensor, language: Language) -> Tensor:
    """Return how often each pair of neighbouring letters comes, shape (..., V, V), float64, in words (..., n, L)."""
    _check(words)
    if words.shape[-1] != language.length or language.length < 2:
        raise ValueError(f"words must have shape (..., n, {language.length}), got {tuple(words.shape)}")
    count = len(language.letters)
    codes = (words[..., :-1] * count + words[..., 1:]).reshape(-1, words.shape[-2] * (language.length - 1))
    rows = [torch.bincount(row, minlength=count**2).double() for row in codes]
    return torch.stack(rows).reshape(*words.shape[:-2], count, count)


def _check(words: object) -> None:
    if not isinstance(words, Tensor) or words.dtype != torch.int64:
        raise TypeError(f"words must be an int64 tensor, got {getattr(words, 'dtype', type(words).__name__)}")
    if words.ndim < 2 or words.numel() == 0:
        raise ValueError(f"words must have shape (..., n, L), got {tuple(words.shape)}")
