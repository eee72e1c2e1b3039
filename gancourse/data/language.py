"""Languages of which everything is known: a finite list of words, each with its exact probability.

With such a list the divergences between a writer and the language are sums, not estimates. :func:`syllables` is a
small language of 17,496 words, consonant and vowel in turn. :func:`number_names` are the names of numbers, spelt.
A *word* here is a row of L whole numbers, the places of its letters in the alphabet.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse._numbers import whole_between

__all__ = [
    "CONSONANTS",
    "END",
    "ODDS",
    "SUCCESSORS",
    "VOWELS",
    "Language",
    "Level",
    "every_string",
    "number_names",
    "syllables",
]

CONSONANTS, VOWELS = "klmnprst", "aeiou"

SUCCESSORS = {
    "k": "eao", "l": "aei", "m": "euo", "n": "aie", "p": "aou", "r": "eia", "s": "iou", "t": "uoi",
    "a": "psr", "e": "lrm", "i": "ktr", "o": "pmn", "u": "plm",
}  # fmt: skip
"""Which letters may follow a letter in :func:`syllables`, the likeliest first."""

ODDS = (0.6, 0.3, 0.1)
"""How likely a letter's first, second and third successor are."""

END = "·"
"""What fills a name up to the length of the longest."""

_MOST = 1_000_000  # strings that are listed
_UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


class Level(NamedTuple):
    """All beginnings of words of one length, each a node of the prefix tree.

    Attributes:
        parent: the node of the level before that a beginning goes on from, shape (n,); 0 at the first letter.
        letter: its last letter, shape (n,).
    """

    parent: Tensor
    letter: Tensor


class Language:
    """A finite list of words of one length, with the exact probability of each.

    Args:
        letters: the alphabet, at least two different characters.
        words: every word that can occur, once, shape (N, L), int64: places in the alphabet.
        probabilities: of the words, shape (N,), all above 0, with sum 1.
        first: probabilities of the first letter, where the language is a Markov chain, shape (V,).
        transition: probabilities of the letter after each letter, where it is one, shape (V, V).
    Raises:
        TypeError, ValueError: an argument is anything else.
    Attributes:
        letters: as given.
        words: as given, in alphabetical order, shape (N, L).
        log_p: their log probabilities, shape (N,), float64.
        tree: the beginnings of 1, 2, ... L letters; those of L letters are the words, in order.
        first, transition: as given, or None.
    First met in: notebook 18.
    """

    def __init__(
        self,
        letters: str,
        words: Tensor,
        probabilities: Tensor,
        *,
        first: Tensor | None = None,
        transition: Tensor | None = None,
    ) -> None:
        if not isinstance(letters, str) or len(letters) < 2 or len(set(letters)) != len(letters):
            raise ValueError(f"letters must be at least two different characters, got {letters!r}")
        self.letters = letters
        self._check(words, "words")
        if words.ndim != 2 or len(words) == 0:
            raise ValueError(f"words must have shape (N, L), got {tuple(words.shape)}")
        probabilities = torch.as_tensor(probabilities, dtype=torch.float64)
        if probabilities.shape != (len(words),) or not bool((probabilities > 0).all()):
            raise ValueError(f"probabilities must be {len(words)} numbers above 0, one for each word")
        if abs(float(probabilities.sum()) - 1) > 1e-9:
            raise ValueError(f"probabilities must have sum 1, got {float(probabilities.sum()):.9g}")
        node, self._keys, levels = torch.zeros(len(words), dtype=torch.int64), [], []
        for letter in words.T:
            keys, node = (node * len(letters) + letter).unique(return_inverse=True)
            self._keys.append(keys)
            levels.append(Level(keys // len(letters), keys % len(letters)))
        if len(keys) < len(words):
            raise ValueError(f"words must be different, but {len(words) - len(keys)} come twice or more")
        order = node.argsort()
        self.words, self.log_p, self.tree = words[order].clone(), probabilities[order].log(), tuple(levels)
        self.first, self.transition = first, transition
        self._cumulative = self.log_p.exp().cumsum(0)

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        return f"<language of {len(self):,} words of {self.length} letters from {self.letters!r}>"

    @property
    def length(self) -> int:
        """L, the number of letters of every word."""
        return self.words.shape[1]

    @property
    def entropy(self) -> float:
        """-sum p log p over all words, in nats: the least mean of -log q(w) that any writer q can reach."""
        return -float((self.log_p.exp() * self.log_p).sum())

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw ``n`` words, shape (n, L), int64."""
        n = whole_between("n", n, 1)
        place = torch.rand(n, generator=generator, dtype=torch.float64) * self._cumulative[-1]
        return self.words[torch.searchsorted(self._cumulative, place, right=True).clamp(max=len(self) - 1)]

    def log_prob(self, words: Tensor) -> Tensor:
        """Return the exact log probability of words of shape (..., L): shape (...), float64, -inf for what is no word.

        Raises:
            TypeError, ValueError: they are no words of this alphabet and length.
        """
        self._check(words, "words")
        if words.ndim == 0 or words.shape[-1] != self.length:
            raise ValueError(f"words must have shape (..., {self.length}), got {tuple(words.shape)}")
        node = torch.zeros(words.shape[:-1], dtype=torch.int64)
        known = torch.ones(words.shape[:-1], dtype=torch.bool)
        for keys, letter in zip(self._keys, words.unbind(-1), strict=True):
            key = node * len(self.letters) + letter
            node = torch.searchsorted(keys, key).clamp(max=len(keys) - 1)
            known &= keys[node] == key
        return torch.where(known, self.log_p[node], -math.inf)

    def valid(self, words: Tensor) -> Tensor:
        """Tell which strings of shape (..., L) are words: shape (...), bool."""
        return self.log_prob(words) > -math.inf

    def encode(self, texts: Iterable[str]) -> Tensor:
        """Return strings as words, shape (n, L), int64; shorter ones are filled up where the alphabet has an end.

        Raises:
            ValueError: there is none, or one has another length or other letters.
        """
        rows = []
        for text in [texts] if isinstance(texts, str) else texts:
            filled = text.ljust(self.length, END) if END in self.letters else text
            strange = sorted(set(filled) - set(self.letters))
            if len(filled) != self.length or strange:
                told = f" with {''.join(strange)!r}" if strange else ""
                raise ValueError(f"texts must be strings of {self.length} of {self.letters!r}, got {text!r}{told}")
            rows.append([self.letters.index(letter) for letter in filled])
        if not rows:
            raise ValueError("texts must hold at least one string")
        return torch.tensor(rows)

    def decode(self, words: Tensor) -> list[str]:
        """Return words, shape (n, L) or (L,), as strings, without the ends that fill them up."""
        self._check(words, "words")
        rows = words.reshape(-1, words.shape[-1]).tolist()
        return ["".join(self.letters[place] for place in row).rstrip(END) for row in rows]

    def one_hot(self, words: Tensor) -> Tensor:
        """Return words, shape (..., L), as vectors with a single 1 for each letter: shape (..., L, V), float32."""
        self._check(words, "words")
        return F.one_hot(words, len(self.letters)).float()

    def _check(self, words: object, name: str) -> None:
        if not isinstance(words, Tensor) or words.dtype != torch.int64:
            raise TypeError(f"{name} must be an int64 tensor, got {getattr(words, 'dtype', type(words).__name__)}")
        if words.numel() and not 0 <= int(words.min()) <= int(words.max()) < len(self.letters):
            low, high = int(words.min()), int(words.max())
            raise ValueError(f"{name} must be from 0 to {len(self.letters) - 1}, got {low} to {high}")


def syllables(length: int = 8) -> Language:
    """Return the language of consonants and vowels in turn, a Markov chain.

    A word begins with one of 8 consonants, all equally likely. Each letter has three successors
    (:data:`SUCCESSORS`), with the probabilities 0.6, 0.3 and 0.1 (:data:`ODDS`): 8 times 3^(length - 1) words.

    Args:
        length: letters of a word, from 1 to 10.
    Raises:
        ValueError: it is anything else.
    First met in: notebook 18.
    """
    length = whole_between("length", length, 1, 10)
    letters = CONSONANTS + VOWELS
    first = torch.tensor([1 / len(CONSONANTS) if letter in CONSONANTS else 0.0 for letter in letters]).double()
    transition = torch.zeros(len(letters), len(letters), dtype=torch.float64)
    for letter, after in SUCCESSORS.items():
        for successor, chance in zip(after, ODDS, strict=True):
            transition[letters.index(letter), letters.index(successor)] = chance
    words = first.nonzero()
    probabilities = first[words[:, 0]]
    for _ in range(length - 1):
        word, letter = transition[words[:, -1]].nonzero(as_tuple=True)
        probabilities = probabilities[word] * transition[words[word, -1], letter]
        words = torch.cat([words[word], letter[:, None]], dim=1)
    return Language(letters, words, probabilities, first=first, transition=transition)


def number_names(numbers: Sequence[int] | None = None, *, below: int = 100) -> Language:
    """Return the English names of numbers as a language in which all are equally likely.

    Alphabet and length are those of all names below ``below``, so that languages of different numbers fit together.
    Shorter names are filled up with :data:`END`.

    Args:
        numbers: different whole numbers from 0 to ``below`` - 1; None: all of them.
        below: from 2 to 1,000.
    Raises:
        ValueError: an argument is anything else.
    First met in: notebook 18.
    """
    below = whole_between("below", below, 2, 1000)
    numbers = range(below) if numbers is None else numbers
    numbers = [whole_between("numbers", number, 0, below - 1) for number in numbers]
    names = [_name(number) for number in range(below)]
    letters = "".join(sorted(set("".join(names)))) + END
    length = max(map(len, names))
    if not numbers:
        raise ValueError("numbers must hold at least one number")
    words = torch.tensor([[letters.index(letter) for letter in names[k].ljust(length, END)] for k in numbers])
    return Language(letters, words, torch.full((len(numbers),), 1 / len(numbers), dtype=torch.float64))


def every_string(count: int, length: int) -> Tensor:
    """Return every string of so many of ``count`` letters, words or not: shape (count^length, length), int64.

    Raises:
        ValueError: a number is below 1, or there are more than a million strings.
    First met in: notebook 18.
    """
    count, length = whole_between("count", count, 1), whole_between("length", length, 1)
    if length * math.log(count) > math.log(_MOST) + 1e-9:
        raise ValueError(f"there are {count}^{length} strings, more than {_MOST:,}")
    return torch.tensor(list(itertools.product(range(count), repeat=length)))


def _name(number: int) -> str:
    if number < 20:
        return _UNITS[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return _TENS[tens - 2] + (f"-{_UNITS[rest]}" if rest else "")
    hundreds, rest = divmod(number, 100)
    return f"{_UNITS[hundreds]} hundred" + (f" and {_name(rest)}" if rest else "")
