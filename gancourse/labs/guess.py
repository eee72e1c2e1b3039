"""The panel of notebook 06: twenty pairs of a real and a forged image, and you say which one is real.

Nothing trains here. Your hit rate comes with an interval, because twenty answers are few, and with
that of a discriminator on the same pairs, if one is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from gancourse import runtime
from gancourse._numbers import whole
from gancourse._torch_modes import usual_modes
from gancourse.data import digits
from gancourse.labs._film import Film
from gancourse.labs.panel import Choice, Panel, Slider
from gancourse.plotting import style

__all__ = ["FILMS", "Guess", "hit_rate", "interval", "panel", "strokes"]

PAIRS = 20
SIDES = {"?": "", "left": "left", "right": "right"}
_GAMES = 50
_BORDER, _COLUMNS = 3, 5


def interval(hits: int, asked: int) -> tuple[float, float]:
    """Return the 95 % interval of Wilson for a share: where the true hit rate may well lie.

    Args:
        hits: right answers.
        asked: answers, at least 1.
    Returns:
        Two shares in [0, 1].
    Raises:
        ValueError: the numbers are no such counts.
    Source: Wilson (1927), the score interval.
    First met in: notebook 06.
    """
    for name, value in (("hits", hits), ("asked", asked)):
        if whole(value) is None:
            raise ValueError(f"{name} must be a whole number, got {value!r}")
    hits, asked = whole(hits), whole(asked)
    if asked < 1 or not 0 <= hits <= asked:
        raise ValueError(f"hits must be from 0 to asked, and asked at least 1, got {hits} of {asked}")
    z, share = 1.959964, hits / asked
    middle = (share + z * z / (2 * asked)) / (1 + z * z / asked)
    half = z / (1 + z * z / asked) * math.sqrt(share * (1 - share) / asked + z * z / (4 * asked * asked))
    return max(0.0, middle - half), min(1.0, middle + half)


@torch.no_grad()
def hit_rate(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> float:
    """Return how often a discriminator is right about pairs: it takes the one with the higher logit for real.

    Every real image is paired with every fake, and a draw counts half.

    Args:
        discriminator: images -> logits (N,), larger = more real.
        real, fake: shape (N, C, H, W) and (M, C, H, W).
    Returns:
        A share in [0, 1]: ½ for one that cannot tell, 1 for one that always can.
    First met in: notebook 06.
    """
    real_logits, fake_logits = discriminator(real).double().cpu(), discriminator(fake).double().cpu()
    difference = real_logits[:, None] - fake_logits[None]
    return float(((difference > 0).double() + 0.5 * (difference == 0)).mean())


def strokes(count: int = 60, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return clean strokes of a pen, and speckled ones, for a game that needs no data and no training.

    Args:
        count: how many of each.
        seed: of what is drawn.
    Returns:
        Two batches, shape (count, 1, 28, 28), in [-1, 1]: "real" and "fake".
    First met in: notebook 06.
    """
    random = runtime.generator(seed)
    start, middle, end = (5 + 18 * torch.rand(3, 2 * count, 1, 2, generator=random)).unbind()
    t = torch.linspace(0, 1, 24)[:, None]
    pen = (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end  # where the pen is, 24 times
    pixels = torch.cartesian_prod(torch.arange(28.0), torch.arange(28.0)).expand(2 * count, -1, -1)
    nearest = torch.cdist(pixels, pen).amin(dim=2)
    images = (2 * torch.exp(-0.3 * nearest.square()) - 1).reshape(-1, 1, 28, 28)
    real, fake = images[:count], images[count:]
    speckled = torch.rand(fake.shape, generator=random) < 0.03
    return real, torch.where(speckled, 2 * torch.rand(fake.shape, generator=random) - 1, fake)


class Guess:
    """Twenty pairs, the answers to them, and the picture.

    Args:
        real, fake: images to draw the pairs from, shape (N, 1, H, W), in [-1, 1], at least 20 of each.
        discriminator: images -> logits, whose answers are counted too; None for nobody.
        game: which drawing of the pairs.
    Raises:
        TypeError, ValueError: the images are no such batches, or ``game`` is no whole number.
    First met in: notebook 06.
    """

    def __init__(
        self, real: Tensor, fake: Tensor, discriminator: Callable[[Tensor], Tensor] | None = None, *, game: int = 1
    ) -> None:
        for name, images in (("real", real), ("fake", fake)):
            digits.check_images(images, name=name, channels=1)
            if len(images) < PAIRS:
                raise ValueError(f"{name} must hold at least {PAIRS} images, got {len(images)}")
        if real.shape[1:] != fake.shape[1:]:
            raise ValueError(f"real and fake must be of one size, got {tuple(real.shape)} and {tuple(fake.shape)}")
        self._real, self._fake = real.detach().cpu(), fake.detach().cpu()
        self._discriminator, self._device = discriminator, fake.device
        self.answers: dict[int, str] = {}
        self._picture: _Picture | None = None
        self.game = game

    # ------------------------------------------------------------ what the controls set

    @property
    def game(self) -> int:
        """Which drawing of the pairs; another one starts from pair 1."""
        return self._game

    @game.setter
    def game(self, value: int) -> None:
        random = runtime.generator(value)
        self._game, self._pair = value, 1
        self.answers.clear()
        self.pair_real, self.pair_fake = (
            images[torch.randperm(len(images), generator=random)[:PAIRS]] for images in (self._real, self._fake)
        )
        self.real_side = ["left" if coin else "right" for coin in torch.rand(PAIRS, generator=random) < 0.5]
        self.d_hits = self._ask_the_discriminator()

    @property
    def pair(self) -> int:
        """The pair in question, from 1 to 20. Going back takes answers back, going on leaves pairs out."""
        return self._pair

    @pair.setter
    def pair(self, value: int) -> None:
        self._pair = value
        self.answers = {pair: side for pair, side in self.answers.items() if pair < value}

    @property
    def answer(self) -> str:
        """Set it to "left" or "right": which one is real? It is noted, and the next pair comes."""
        return ""

    @answer.setter
    def answer(self, side: str) -> None:
        if side not in SIDES.values():
            raise ValueError(f"answer must be 'left' or 'right', got {side!r}")
        if side and not self.done:
            self.answers[self._pair] = side
            self._pair = min(self._pair + 1, PAIRS)

    # ------------------------------------------------------------ what they lead to

    @property
    def done(self) -> bool:
        """Whether the last pair has its answer."""
        return PAIRS in self.answers

    @property
    def hits(self) -> int:
        """How many answers are right."""
        return sum(side == self.real_side[pair - 1] for pair, side in self.answers.items())

    def _ask_the_discriminator(self) -> list[float]:
        """Return 1 for each pair that it gets right, 0 for a wrong one, ½ for a draw."""
        if self._discriminator is None:
            return []
        with torch.no_grad():
            r, f = (self._discriminator(images.to(self._device)).cpu() for images in (self.pair_real, self.pair_fake))
        return (0.5 + 0.5 * torch.sign(r - f)).tolist()

    def status(self) -> str:
        """Say which pair it is, or how it went: of all answers, so none is given away before the end."""
        if not self.done:
            said = f"Game {self.game}, pair {self.pair} of {PAIRS}: which one is real, left or right?"
            return said + f" {len(self.answers)} answered."
        asked = len(self.answers)
        low, high = interval(self.hits, asked)
        said = f"You were right in {self.hits} of {asked}: {self.hits / asked:.0%}, and with so few answers your true "
        said += f"rate may be anywhere from {low:.0%} to {high:.0%}. "
        said += (
            "That is better than tossing a coin."
            if low > 0.5
            else "That is worse than tossing a coin: you can tell, but you take the wrong one."
            if high < 0.5
            else "Tossing a coin may do as well."
        )
        if self.d_hits:
            theirs = sum(self.d_hits[pair - 1] for pair in self.answers)
            verdict = "better than you" if theirs > self.hits else "worse than you" if theirs < self.hits else "as you"
            said += f" The discriminator: {theirs:g} of {asked}, {verdict}."
        return said

    def draw(self) -> Figure:
        """Draw the pair in question; after the last answer, all of them with what is real."""
        if self._picture is None:
            self._picture = _Picture()
        if self.done:
            self._picture.all(self._montage(), [self.answers.get(i + 1, "") for i in range(PAIRS)], self.real_side)
        else:
            self._picture.one(self._sides(self.pair - 1))
        return self._picture.figure

    def _sides(self, index: int, *, border: bool = False) -> np.ndarray:
        """Return both images of a pair in RGB; with a border: green round the real one, orange round a wrong pick."""
        parts = []
        for side in ("left", "right"):
            is_real = side == self.real_side[index]
            image = (self.pair_real if is_real else self.pair_fake)[index, 0]
            grey = np.repeat(((image.clamp(-1, 1) + 1) / 2).numpy()[:, :, None], 3, axis=2)
            wrong = border and not is_real and self.answers.get(index + 1) == side
            colour = style.COLOURS["real"] if border and is_real else style.COLOURS["warning"] if wrong else "white"
            framed = np.ones((grey.shape[0] + 2 * _BORDER, grey.shape[1] + 2 * _BORDER, 3)) * to_rgb(colour)
            framed[_BORDER:-_BORDER, _BORDER:-_BORDER] = grey
            parts.append(framed)
        return np.concatenate(parts, axis=1)

    def _montage(self) -> np.ndarray:
        cells = [
            np.pad(self._sides(i, border=True), ((2, 12), (3, 3), (0, 0)), constant_values=1.0) for i in range(PAIRS)
        ]
        rows = [np.concatenate(cells[start : start + _COLUMNS], axis=1) for start in range(0, PAIRS, _COLUMNS)]
        return np.concatenate(rows)


class _Picture:
    """One pair, or all twenty; made once and then updated."""

    def __init__(self) -> None:
        self.figure, self._ax = style.figure(size=(6.4, 3.9), dpi=80)
        self._ax.set_axis_off()
        self._image = self._ax.imshow(np.ones((2, 2, 3)), interpolation="nearest", extent=(0, 1, 0, 1), aspect="auto")
        self._ax.set(xlim=(0, 1), ylim=(-0.1, 1))
        self._words = [
            self._ax.text(x, 0.04, word, ha="center", va="center", fontsize=14)
            for x, word in ((0.25, "left"), (0.75, "right"))
        ]
        self._marks = []
        for i in range(PAIRS):
            row, column = divmod(i, _COLUMNS)
            rows = PAIRS // _COLUMNS
            x, y = (column + 0.5) / _COLUMNS, 1 - (row + 0.93) / rows
            self._marks.append(self._ax.text(x, y, "", ha="center", va="center", fontsize=9))

    def one(self, pair: np.ndarray) -> None:
        self._show(pair, 0.12)
        for word in self._words:
            word.set_visible(True)
        for mark in self._marks:
            mark.set_text("")

    def all(self, montage: np.ndarray, answers: list[str], real_sides: list[str]) -> None:
        self._show(montage, 0.0)
        for word in self._words:
            word.set_visible(False)
        for mark, answer, real in zip(self._marks, answers, real_sides, strict=True):
            mark.set_text("–" if not answer else "hit" if answer == real else "miss")
            mark.set_color(style.COLOURS["neutral"] if answer in ("", real) else style.WARNING_TEXT)

    def _show(self, pixels: np.ndarray, bottom: float) -> None:
        self._image.set_data(pixels)
        self._image.set_extent((0, 1, bottom, 1))
        self._ax.set(xlim=(0, 1), ylim=(-0.1, 1))


@usual_modes()
def panel(
    real: Tensor | None = None, fake: Tensor | None = None, discriminator: Callable[[Tensor], Tensor] | None = None
) -> Panel:
    """Return the panel *guess which is real*.

    Args:
        real, fake: images to draw pairs from; without them, strokes of a pen against speckled ones.
        discriminator: whose answers to count beside yours; leave it out for nobody.
    Raises:
        ValueError: only one of ``real`` and ``fake`` is given.
    First met in: notebook 06.
    """
    if (real is None) != (fake is None):
        raise ValueError("real and fake must be given together, or neither")
    if real is None:
        real, fake = strokes()
    return Panel(
        Guess(real, fake, discriminator),
        name="guess",
        title="Guess which is real",
        controls=[
            Choice("the real one is", "answer", SIDES, hint="Press left or right: the next pair comes at once."),
            Slider(
                "pair",
                "pair",
                1,
                PAIRS,
                whole=True,
                hint="Comes on by itself. Go back to take answers back; the result comes after the last.",
            ),
            Slider("game", "game", 1, _GAMES, whole=True, hint="Another number, another twenty pairs."),
        ],
    )


FILMS = (
    Film(
        "guess", panel, "game", {"1": 1, "2": 2, "3": 3},
        moved="answer", places=["", *["left", "right"] * 10], per_second=1,
        note="Here the pairs are strokes of a pen and speckled ones, and left and right are answered by turns.",
    ),
)  # fmt: skip
"""What the web site shows of the panel, without a kernel."""
