"""The panel of notebook 14: what does a translated image carry, who can read it, and what destroys it?

Nothing trains here. Digits on coloured paper go through G, which makes them grey. Something happens to them on the
way, and F makes coloured images of what arrives.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor

from gancourse import runtime
from gancourse._torch_modes import usual_modes
from gancourse.data import digits, domains, spoils
from gancourse.labs._film import Film
from gancourse.labs._rows import as_colours, side_by_side
from gancourse.labs.panel import Choice, Panel, Slider
from gancourse.metrics import translation
from gancourse.plotting import style

__all__ = ["DAMAGES", "FILMS", "Messages", "StandIn", "panel"]

Translator = Callable[[Tensor], Tensor]

DAMAGES: dict[str, str] = {"noise": "o-", "fewer grey levels": "s--", "blur": "^:"}
"""What can happen on the way from G to F: as the buttons call it, and how its curve is drawn."""

_MEASURED, _SHOWN, _PLACES = 150, 8, 7
_MOST_NOISE, _MOST_BLUR, _FEWEST = 0.8, 1.2, 2  # at strength 1
_SURE = 10.0  # how much more than no pattern a whole pattern counts with the pair made by hand


class StandIn:
    """A pair of translators made by hand, without any training: the paper is told by a fine pattern in the grey image.

    Args:
        strength: of the pattern, in units of [-1, 1].
    First met in: notebook 14.
    """

    def __init__(self, strength: float = 0.2) -> None:
        self.strength = strength

    def to_b(self, images: Tensor) -> Tensor:
        """Return digits on grey paper, shape (N, 1, S, S), each with the pattern of the paper that it came from."""
        papers = images.mean(dim=(2, 3)).argmax(dim=1)
        plain = domains.on_grey(domains.read_off(images, papers))
        return (plain + self.strength * self._patterns(images.shape[-1])[papers]).clamp(-1, 1)

    def to_a(self, images: Tensor) -> Tensor:
        """Return digits on coloured paper, shape (N, 3, S, S), mixed according to how much of each pattern is seen.

        Where hardly any is seen, the paper is red.
        """
        patterns = self._patterns(images.shape[-1])
        seen = (images[:, None] * patterns).mean(dim=(2, 3, 4)) / self.strength
        shares = (_SURE * seen + torch.tensor([1.0, 0.0, 0.0])).softmax(dim=1)  # who sees nothing says red
        soft = F.avg_pool2d(images, 2).repeat_interleave(2, -1).repeat_interleave(2, -2)
        ink = domains.read_off(soft.expand(-1, 3, -1, -1), domains.PAPER_NAMES.index("grey"))
        made = torch.stack([domains.coloured(ink, paper) for paper in range(len(patterns))], dim=1)
        return (shares[:, :, None, None, None] * made).sum(dim=1)

    @staticmethod
    def _patterns(size: int) -> Tensor:
        """Return stripes down, stripes across, and a chessboard, shape (3, 1, S, S)."""
        signs = 1.0 - 2 * (torch.arange(size) % 2)
        across, down = signs.expand(size, size), signs[:, None].expand(size, size)
        return torch.stack([across, down, across * down])[:, None]


class Messages:
    """Digits on coloured paper on their way through G, through some damage, and through F.

    Set ``damage``, ``strength`` and ``removed``, then ask for :attr:`recovered` and :attr:`off`, or draw.

    Args:
        to_b, to_a: the translators, from images (N, 3, S, S) to (N, 1, S, S) and back.
        halves: digits on two or three papers and on grey, from ``domains.papers_and_grey``; the test images are sent.
        seed: of the noise.
    Attributes:
        damage: one of :data:`DAMAGES`.
        strength: of the damage, from 0 (none) to 1.
        guess: share of papers that a guess gets right.
        removed: how much of the difference between G's image and the true grey one is not sent, from 0 to 1.
    Raises:
        ValueError: the test images have no papers.
    First met in: notebook 14.
    """

    @torch.no_grad()
    def __init__(self, to_b: Translator, to_a: Translator, halves: domains.Unpaired, *, seed: int = 0) -> None:
        if not isinstance(halves, domains.Unpaired) or halves.papers is None:
            raise ValueError("halves must come from domains.papers_and_grey: test images whose paper is known")
        self.damage, self.strength, self.removed = "noise", 0.3, 0.0
        self._to_a = to_a
        self._sent, self._true, self._papers = (
            part[:_MEASURED] for part in (halves.test_a, halves.test_b, halves.papers)
        )
        self._digits = domains.read_off(self._sent, self._papers)
        self.guess = 1 / (int(halves.papers.max()) + 1)
        self._made = to_b(self._sent)
        self._noise = torch.randn(self._made.shape, generator=runtime.generator(seed))
        self._figure: Figure | None = None
        self._known: tuple[str, float, float] | None = None
        self._curves: dict[str, list[float]] = {}
        self._curves_of: float | None = None

    # ------------------------------------------------------------ what the controls lead to

    def arriving(self, damage: str | None = None, strength: float | None = None) -> Tensor:
        """Return what F sees, shape (N, 1, S, S), by default of the damage and strength that are set."""
        damage = self.damage if damage is None else damage
        strength = float(self.strength if strength is None else strength)
        images = (self._made - float(self.removed) * (self._made - self._true)).clamp(-1, 1)
        if damage == "noise":
            return (images + _MOST_NOISE * strength * self._noise).clamp(-1, 1)
        if damage == "fewer grey levels":
            return spoils.to_levels(images, self.levels(strength))
        if damage == "blur":
            return spoils.blur(images, _MOST_BLUR * strength)
        raise ValueError(f"damage must be one of {', '.join(DAMAGES)}, got {damage!r}")

    @staticmethod
    def levels(strength: float) -> int:
        """Return how many grey levels are left: 256 at strength 0, 2 at strength 1."""
        return max(_FEWEST, round(2 ** (8 - 7 * strength)))

    @torch.no_grad()
    def back(self) -> Tensor:
        """Return what F makes of what arrives, shape (N, 3, S, S)."""
        here = self.damage, float(self.strength), float(self.removed)
        if self._known != here:
            self._back, self._known = self._to_a(self.arriving()), here
        return self._back

    @property
    def recovered(self) -> float:
        """Share of the digits that come back on the paper they were sent on."""
        return translation.papers_recovered(self.back(), self._digits, self._papers)

    @property
    def off(self) -> float:
        """Mean absolute difference of what comes back from what was sent, in units of [-1, 1]."""
        return translation.off(self.back(), self._sent)

    def status(self) -> str:
        """Say what was sent, what happened on the way, and what came back."""
        sent = {0.0: "Sent as G made them", 1.0: "The true grey images were sent, without a message"}.get(
            round(float(self.removed), 2), f"Sent with {1 - self.removed:.0%} of the message"
        )
        done = {
            "noise": f"noise of deviation {_MOST_NOISE * self.strength:.2f}",
            "fewer grey levels": f"{self.levels(self.strength)} grey levels",
            "blur": f"a blur of σ = {_MOST_BLUR * self.strength:.2f} pixels",
        }[self.damage]
        return (
            f"{sent}; on the way, {done}. F puts {self.recovered:.0%} of the digits back on their paper (a guess: "
            f"{self.guess:.0%}), and is off by {self.off:.2f} a pixel."
        )

    # ------------------------------------------------------------ the picture

    def draw(self) -> Figure:
        """Draw eight digits at the four places of their way; below, the share of papers against the strength."""
        back = self.back()
        if self._curves_of != self.removed:
            self._measure()
        if self._figure is None:
            self._build()
        for shown, images in zip(self._pictures, (self._sent, self._made, self.arriving(), back), strict=True):
            shown.set_data(side_by_side(as_colours(images[:_SHOWN])))
        for damage, curve in self._lines.items():
            curve.set_ydata(self._curves[damage])
        self._cross.set_data([self.strength], [self.recovered])
        return self._figure

    @torch.no_grad()
    def _measure(self) -> None:
        for damage in DAMAGES:
            self._curves[damage] = [
                translation.papers_recovered(self._to_a(self.arriving(damage, s)), self._digits, self._papers)
                for s in np.linspace(0, 1, _PLACES)
            ]
        self._curves_of = self.removed

    def _build(self) -> None:
        self._figure, (top, ax) = style.figure(1, 2, size=(6.8, 6.2), dpi=80, gridspec_kw={"height_ratios": [1.25, 1]})
        top.set_axis_off()
        size = self._sent.shape[-1]
        wide = _SHOWN * (size + 1) - 1
        self._pictures = []
        for row, name in enumerate(("sent", "G's translation", "what F sees", "what F makes")):
            down = -row * (size + 2)
            blank = np.full((size, wide, 3), 255, np.uint8)
            self._pictures.append(top.imshow(blank, extent=(0, wide, down - size, down), interpolation="nearest"))
            top.text(-2, down - size / 2, name, ha="right", va="center")
        top.set(xlim=(0, wide), ylim=(-4 * size - 6, 0), aspect="equal")
        ax.axhline(self.guess, color=style.COLOURS["neutral"], linestyle=(0, (1, 3)))
        ax.text(0.55, self.guess + 0.01, "a guess", ha="center", va="bottom", color=style.COLOURS["neutral"])
        strengths = np.linspace(0, 1, _PLACES)
        self._lines = {
            damage: ax.plot(strengths, strengths, look, color=style.COLOURS["neutral"], markersize=5, label=damage)[0]
            for damage, look in DAMAGES.items()
        }
        (self._cross,) = ax.plot(
            [], [], "X", color=style.COLOURS["fake"], markersize=12, markeredgecolor="white", zorder=5, label="here"
        )
        ax.set(xlabel="how much of it", ylabel="papers recovered ↑", xlim=(-0.03, 1.03), ylim=(0.1, 1.05))
        ax.legend(loc="lower left", fontsize=9)


@usual_modes()
def panel(
    to_b: Translator | None = None,
    to_a: Translator | None = None,
    halves: domains.Unpaired | None = None,
    seed: int = 0,
) -> Panel:
    """Return the panel *the message*. Nothing trains.

    Args:
        to_b, to_a, halves: the translators G and F, and what they were trained on; without them a pair made by hand,
            and the embedded digits.
        seed: of the noise.
    Raises:
        ValueError: only some of the three are given.
    First met in: notebook 14.
    """
    given = [part is not None for part in (to_b, to_a, halves)]
    if any(given) != all(given):
        raise ValueError("to_b, to_a and halves must be given together, or none of them")
    if halves is None:
        with contextlib.redirect_stdout(io.StringIO()):  # a panel says nothing but in its own line
            data = digits.load("embedded", image_size=16)
        by_hand = StandIn()
        to_b, to_a = by_hand.to_b, by_hand.to_a
        halves = domains.papers_and_grey(data, generator=runtime.generator(seed))
    return Panel(
        Messages(to_b, to_a, halves, seed=seed),
        name="message",
        title="A message on its way from G to F",
        controls=[
            Choice("on the way", "damage", tuple(DAMAGES), hint="Which of the three will F notice first?"),
            Slider("how much", "strength", 0.0, 1.0, step=0.1, hint="How much can you do before F has to guess?"),
            Slider("message removed", "removed", 0.0, 1.0, step=0.1, hint="At 1 F sees the true translation."),
        ],
    )


FILMS = (
    Film(
        "message", panel, "damage", {damage: damage for damage in DAMAGES},
        moved="strength", places=[place / 10 for place in range(11)], per_second=2,
        note="Here G and F are a pair made by hand, and not trained.",
    ),
)  # fmt: skip
"""What the web site shows of the panel, without a kernel."""
