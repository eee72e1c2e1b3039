"""Images as tokens: sixteen words of a codebook for each image, and a small model of which token follows.

The tokeniser writes an image as a grid of 4 by 4 tokens, each the number of a word, and reads it back. The prior
predicts each token from those before it, in reading order, so that it can write new images.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse._numbers import whole_between
from gancourse.models import _inputs
from gancourse.models.codebook import Codebook, Quantised, nearest

__all__ = ["ACROSS", "Prior", "Tokeniser"]

ACROSS = 4
"""Tokens across and down an image."""

_SIDES = (16, 28)
_EMBEDDED, _HIDDEN = 48, 160


class Tokeniser(nn.Module):
    """Turn images (N, channels, image_size, image_size) into 4 by 4 tokens each, and tokens into images in [-1, 1].

    Args:
        image_size: side of the images: 16 or 28.
        channels: 1 for grey, 3 for colour.
        words: how many the codebook has.
        size: numbers in a word.
        commitment, restart_after, follow: as for :class:`gancourse.models.codebook.Codebook`.
    Attributes:
        codebook: its words.
    Source: after VQ-VAE, van den Oord et al. (2017), made small.
    First met in: notebook 15.
    """

    def __init__(
        self,
        image_size: int = 28,
        channels: int = 1,
        *,
        words: int = 128,
        size: int = 16,
        commitment: float = 0.25,
        restart_after: int | None = 20,
        follow: float | None = None,
    ) -> None:
        super().__init__()
        image_size = self.image_size = _inputs.check_size("image_size", image_size, _SIDES)
        channels = self.channels = _inputs.check_size("channels", channels, (1, 3))
        self.codebook = Codebook(words, size, commitment=commitment, restart_after=restart_after, follow=follow)
        # a quarter of the side is 7 or 4; a stride of 2 makes 4 of 7, and 7 of 4 on the way back
        stride = 2 if image_size == 28 else 1
        self.to_grid = nn.Sequential(
            nn.Conv2d(channels, 16, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(16, 32, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(32, 64, 3, stride, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(64, size, 1),
        )
        self.from_grid = nn.Sequential(
            nn.Conv2d(size, 64, 3, 1, 1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.ConvTranspose2d(64, 32, 3, stride, 1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 16, 4, 2, 1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.ConvTranspose2d(16, channels, 4, 2, 1),
            nn.Tanh(),
        )
        self.to(memory_format=torch.channels_last)

    def encode(self, images: Tensor) -> Tensor:
        """Return the vectors of the grid before they are replaced by words, shape (N, 4, 4, size)."""
        _inputs.check_images(self, images, self.channels, self.image_size)
        return self.to_grid(images).permute(0, 2, 3, 1)

    def tokens(self, images: Tensor) -> Tensor:
        """Return the tokens of images, shape (N, 4, 4), int64."""
        return nearest(self.encode(images), self.codebook.book)

    def decode(self, tokens: Tensor) -> Tensor:
        """Return the images of tokens, shape (N, 4, 4) or (N, 16) in reading order."""
        tokens = _checked_tokens(tokens, len(self.codebook)).view(-1, ACROSS, ACROSS)
        return self.draw(self.codebook.book[tokens])

    def draw(self, grid: Tensor) -> Tensor:
        """Return the images of a grid of vectors, shape (N, 4, 4, size); words are drawn well, other vectors may be."""
        return self.from_grid(grid.permute(0, 3, 1, 2))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Quantised]:
        """Return the images again, the vectors of the grid, and what the codebook made of them."""
        vectors = self.encode(images)
        quantised = self.codebook(vectors)
        return self.draw(quantised.words), vectors, quantised


class Prior(nn.Module):
    """Say the odds of each token of an image, given all tokens before it in reading order.

    A recurrent network reads the tokens one by one, and with each sees the token above the one to come.

    Args:
        words: how many the codebook has.
    First met in: notebook 15.
    """

    def __init__(self, words: int = 128) -> None:
        super().__init__()
        self.words = _inputs.check_size("words", words)
        # one more than there are words: what lies before the first token and above the first row
        self.before = nn.Embedding(self.words + 1, _EMBEDDED)
        self.above = nn.Embedding(self.words + 1, _EMBEDDED)
        self.place = nn.Parameter(torch.zeros(ACROSS**2, _EMBEDDED))
        self.read = nn.GRU(_EMBEDDED, _HIDDEN, batch_first=True)
        self.say = nn.Linear(_HIDDEN, self.words)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits of every token, shape (N, 16, words), for tokens (N, 16) or (N, 4, 4)."""
        tokens = _checked_tokens(tokens, self.words).flatten(1)
        return self.say(self.read(self._seen(tokens))[0])

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Return the tokens of ``n`` new images, shape (n, 16), each drawn from its odds; ``generator`` on the CPU."""
        n = whole_between("n", n, 1)
        tokens, state = torch.zeros(n, 0, dtype=torch.int64, device=self.place.device), None
        for _ in range(ACROSS**2):
            said, state = self.read(self._seen(F.pad(tokens, (0, 1)))[:, -1:], state)
            odds = self.say(said[:, 0]).softmax(dim=1)
            drawn = torch.multinomial(odds.cpu(), 1, generator=generator).to(tokens.device)
            tokens = torch.cat([tokens, drawn], dim=1)
        return tokens

    def _seen(self, tokens: Tensor) -> Tensor:
        """Return what the network is shown before it says each token: the last one, the one above, and the place."""
        padded = F.pad(tokens, (ACROSS, 0), value=self.words)
        before, above = padded[:, ACROSS - 1 : -1], padded[:, :-ACROSS]
        return self.before(before) + self.above(above) + self.place[: tokens.shape[1]]


def _checked_tokens(tokens: Tensor, words: int) -> Tensor:
    if not isinstance(tokens, Tensor) or tokens.dtype != torch.int64:
        got = tokens.dtype if isinstance(tokens, Tensor) else type(tokens).__name__
        raise TypeError(f"tokens must be int64, got {got}")
    if tokens.ndim not in (2, 3) or tokens[0].numel() != ACROSS**2 or len(tokens) == 0:
        raise ValueError(f"tokens must have shape (N, 4, 4) or (N, 16), got {tuple(tokens.shape)}")
    if int(tokens.min()) < 0 or int(tokens.max()) >= words:
        raise ValueError(f"tokens must be from 0 to {words - 1}, got {int(tokens.min())} to {int(tokens.max())}")
    return tokens
