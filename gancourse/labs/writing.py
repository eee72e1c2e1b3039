"""The panel of notebook 18: a writer learns a language of known probabilities while you choose how, and how it writes.

The language is that of the notebook with words of six letters, so that every exact number is there at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from gancourse._torch_modes import usual_modes
from gancourse.data import language
from gancourse.ensembles.writing import WritingEnsemble
from gancourse.labs._film import Film
from gancourse.labs.panel import Choice, Diverged, Panel, Slider
from gancourse.metrics import strings
from gancourse.plotting import style

__all__ = ["BATCHES", "FILMS", "WAYS", "Writing", "panel"]

WAYS: dict[str, dict[str, object]] = {
    "maximum likelihood": {"method": "likelihood"},
    "straight-through": {"method": "straight_through"},
    "straight-through, τ 0.1": {"method": "straight_through", "tau": 0.1},
    "REINFORCE": {"method": "reinforce"},
    "REINFORCE, no baseline": {"method": "reinforce", "baseline": "none"},
}
"""How the writer learns: as the buttons call it -> what it is for ``WritingEnsemble``."""

BATCHES: tuple[int, ...] = (16, 64, 256)
"""Words in a batch, as the buttons offer them."""

_LENGTH, _SHOWN, _COUNTED, _TOP = 6, 12, 500, 20.0


class Writing:
    """A stepper: one writer that learns words of six letters, and the exact distance to their language.

    Args:
        seed: of the weights and of everything drawn while training.
    Attributes:
        way: one of :data:`WAYS`.
        batch: words in a batch.
        temperature: what the writer's logits are divided by when it writes; training is always at 1.
    First met in: notebook 18.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed, self.way, self.batch, self.temperature = seed, "straight-through", 64, 1.0
        self._language = language.syllables(_LENGTH)
        self._truth = strings.expected_distinct(self._language.log_p, _COUNTED)
        self._figure: Figure | None = None
        self.reset()

    def reset(self) -> None:
        """Start afresh from ``seed``, with the way and the batch as they are."""
        if self.way not in WAYS:
            raise ValueError(f"way must be one of {', '.join(WAYS)}, got {self.way!r}")
        self._writer = WritingEnsemble(
            seeds=[self.seed], language=self._language, num_steps=1_000_000, batch_size=int(self.batch), decay=False,
            **WAYS[self.way],
        )  # fmt: skip
        self._known: dict[tuple, Any] = {}  # of the writer as it is
        self.trail: list[tuple[float, float]] = [self._place(1.0)]

    @property
    def steps_done(self) -> int:
        """Return the number of steps since the start."""
        return self._writer.steps_done

    def step(self) -> None:
        """Train the writer, and its discriminator if it has one, by one step.

        Raises:
            Diverged: the weights are no longer finite.
        """
        self._known.clear()
        self._writer.train(1)
        if self._writer.diverged:
            raise Diverged(f"at step {self.steps_done:,} the writer's numbers are no longer finite ({self.way})")

    # ------------------------------------------------------------ what it writes

    def exact(self, temperature: float) -> strings.Exact:
        """Return the exact numbers of the writer at a temperature, each of shape (1,)."""
        key = ("exact", temperature)
        if key not in self._known:
            self._known[key] = strings.exact(self._language.log_p, self._writer.log_q(temperature=temperature))
        return self._known[key]

    def _place(self, temperature: float) -> tuple[float, float]:
        found = self.exact(temperature)
        return float(found.valid), min(float(found.kl), _TOP)

    def words(self, n: int = _COUNTED) -> Tensor:
        """Return words at the present temperature, shape (n, 6), always of the same noise."""
        key = ("words", n, float(self.temperature))
        if key not in self._known:
            self._known[key] = self._writer.write(n, temperature=float(self.temperature))[0]
        return self._known[key]

    def status(self) -> str:
        """Say how it learns, and what it writes at the present temperature."""
        found, drawn = self.exact(float(self.temperature)), self.words()
        return (
            f"Step {self.steps_done:,} by {self.way}, batches of {self.batch} words. At temperature "
            f"{float(self.temperature):.1f}, {float(found.valid):.1%} of what it writes are words; KL(p‖q) "
            f"{float(found.kl):.3g}, KL of its words to p {float(found.reverse):.3g} nats; "
            f"{int(strings.distinct(drawn))} different strings of {_COUNTED} (the language: {self._truth:.0f})."
        )

    # ------------------------------------------------------------ the picture

    def draw(self) -> Figure:
        """Draw twelve strings, what is no word crossed, and the way over the plane of validity and KL."""
        if self._figure is None:
            self._build()
        drawn = self.words()[:_SHOWN]
        for line, text, good in zip(
            self._lines, self._language.decode(drawn), self._language.valid(drawn).tolist(), strict=True
        ):
            written = text if good else f"× {text}"
            if line.get_text() != written:  # letters are slow to draw
                line.set(text=written, color="#222222" if good else style.COLOURS["fake"])
        at_one, here = self._place(1.0), self._place(float(self.temperature))
        if self.trail[-1] != at_one:
            self.trail.append(at_one)
        self._way.set_data(*np.array(self.trail).T)
        self._cross.set_data(*([value] for value in here))
        return self._figure

    def _build(self) -> None:
        self._figure, (left, right) = style.figure(2, size=(7.6, 3.9), dpi=80, gridspec_kw={"width_ratios": [1, 1.7]})
        left.set_axis_off()
        left.set(xlim=(0, 1), ylim=(-_SHOWN, 0.4), title="it writes")
        look = {"family": "monospace", "fontsize": 12, "va": "top"}
        self._lines = [left.text(0.2, -row, "", **look) for row in range(_SHOWN)]
        (self._way,) = right.plot(
            [], [], ".-", color=style.COLOURS["neutral"], linewidth=1, markersize=4, label="so far, at T = 1"
        )
        (self._cross,) = right.plot(
            [], [], "X", color=style.COLOURS["fake"], markersize=13, markeredgecolor="white", label="now, at this T"
        )
        right.set(xlim=(-0.03, 1.03), yscale="log", ylim=(2e-3, _TOP * 1.4))
        right.set(xlabel="share of words ↑", ylabel="KL(p ‖ q) ↓, in nats")
        right.legend(loc="lower left")


@usual_modes()
def panel(seed: int = 0) -> Panel:
    """Return the panel *teach a writer*. It trains while it plays.

    Args:
        seed: of the writer.
    First met in: notebook 18.
    """
    return Panel(
        Writing(seed),
        name="writer",
        title="Teach a writer",
        controls=[
            Choice("learns by", "way", tuple(WAYS), hint="Which one is quickest to a small KL?", restarts=True),
            Choice("words in a batch", "batch", BATCHES, hint="Whom do larger batches help most?", restarts=True),
            Slider("temperature", "temperature", 0.2, 2.0, step=0.1, hint="Move it below 1: what is bought, for what?"),
        ],
    )


FILMS = (
    Film(
        "writer", panel, "way", {name: name for name in ("maximum likelihood", "straight-through", "REINFORCE")},
        frames=40, steps=10, per_second=5,
    ),
)  # fmt: skip
"""What the web site shows of the panel, without a kernel."""
