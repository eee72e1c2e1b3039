"""The panel of notebook 19: an inbox with a detector of fakes. How many of its alarms are right?

Nothing trains here. Images arrive, some of them made by a generator. What the detector says of each is drawn from the
scores that it gave to held-out images of that kind, stored by ``tools/tables.py detectors``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from gancourse import measured, runtime
from gancourse._numbers import real as real_number
from gancourse._torch_modes import usual_modes
from gancourse.labs._film import Film
from gancourse.labs.panel import Choice, Panel, Slider
from gancourse.plotting import style

__all__ = ["BASE_RATES", "FILMS", "Inbox", "panel", "stored_scores"]

BASE_RATES: dict[str, float] = {"1 in 2": 1 / 2, "1 in 10": 1 / 10, "1 in 100": 1 / 100, "1 in 1,000": 1 / 1_000}
"""How many of the images that arrive are fakes, as the buttons call it."""

Scores = Mapping[str, Mapping[str, Sequence[float]]]
"""Detector -> set of images ("real", or the name of a generator) -> its logits of "fake"."""

_ARRIVE, _SIDE, _REAL = 1_000, 20, "real"
_LOW, _HIGH = -10.0, 10.0


def stored_scores() -> Scores:
    """Return what the stored detectors said of held-out images, larger meaning more surely fake.

    First met in: notebook 19.
    """
    rows = {row["name"]: row for row in measured.load("detectors")["rows"]}
    return {name: rows[key]["scores"] for name, key in _DETECTORS.items()}


_DETECTORS = {"one generator": "one", "four generators": "four"}


class Inbox:
    """A stepper: a thousand images arrive at each step, and the detector raises its alarms.

    Args:
        scores: what each detector says of each kind of images; each has the kind "real", all have the same kinds.
        seed: of what arrives.
    Attributes:
        detector, generator: a name of ``scores``, and a kind of it that is not "real".
        base: one of :data:`BASE_RATES`.
        threshold: alarms are raised above this logit.
        arrived, fakes, caught, false: images so far, fakes among them, fakes with an alarm, real images with one.
    Raises:
        ValueError: ``scores`` is no such table, or a value is not finite.
    First met in: notebook 19.
    """

    def __init__(self, scores: Scores, seed: int = 0) -> None:
        self._scores = {
            name: {kind: _row(name, kind, row) for kind, row in sets.items()} for name, sets in scores.items()
        }
        kinds = list(next(iter(self._scores.values()), {}))
        if _REAL not in kinds or len(kinds) < 2 or any(list(sets) != kinds for sets in self._scores.values()):
            raise ValueError("scores must hold for each detector the same kinds, 'real' and a generator at least")
        self.generators = tuple(kind for kind in kinds if kind != _REAL)
        self.seed, self.base, self.threshold = seed, "1 in 2", 0.0
        self.detector, self.generator = next(iter(self._scores)), self.generators[0]
        self._figure: Figure | None = None
        self.reset()

    def reset(self) -> None:
        """Empty the inbox, with the controls as they are."""
        for name, value, allowed in (
            ("detector", self.detector, self._scores),
            ("generator", self.generator, self.generators),
            ("base", self.base, BASE_RATES),
        ):
            if value not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
        if real_number(self.threshold) is None:
            raise ValueError(f"threshold must be a number, got {self.threshold!r}")
        self._random = runtime.generator(self.seed)
        self.steps_done = self.arrived = self.fakes = self.caught = self.false = 0
        self._alarms: list[bool] = []  # the latest ones: was it right?

    def step(self) -> None:
        """Let a thousand images arrive."""
        sets = self._scores[self.detector]
        fake = torch.rand(_ARRIVE, generator=self._random) < BASE_RATES[self.base]
        said = torch.where(fake, self._draw(sets[self.generator]), self._draw(sets[_REAL]))
        alarm = said > float(self.threshold)
        self.steps_done += 1
        self.arrived += _ARRIVE
        self.fakes += int(fake.sum())
        self.caught += int((fake & alarm).sum())
        self.false += int((~fake & alarm).sum())
        self._alarms = (self._alarms + fake[alarm].tolist())[-(_SIDE**2) :]

    def _draw(self, scores: Tensor) -> Tensor:
        return scores[torch.randint(len(scores), (_ARRIVE,), generator=self._random)]

    # ------------------------------------------------------------ what it says

    def rates(self) -> tuple[float, float]:
        """Return the shares of the generator's images and of real images that raise an alarm, in [0, 1]."""
        sets = self._scores[self.detector]
        return tuple(float((sets[kind] > float(self.threshold)).double().mean()) for kind in (self.generator, _REAL))

    def expected(self) -> float:
        """Return the share of alarms that are right in the long run; NaN where there is no alarm."""
        (caught, false), base = self.rates(), BASE_RATES[self.base]
        alarms = base * caught + (1 - base) * false
        return base * caught / alarms if alarms else float("nan")

    def status(self) -> str:
        """Say how good the detector is at this threshold, and what became of its alarms."""
        caught, false = self.rates()
        said = (
            f"Trained on {self.detector}, threshold {float(self.threshold):g}: an alarm for {caught:.1%} of the fakes "
            f"({self.generator}) and for {false:.1%} of the real images. "
        )
        if not self.arrived:
            return said + f"Fakes are {self.base}. Nothing has arrived yet."
        alarms = self.caught + self.false
        said += f"{self.arrived:,} images arrived, {self.fakes:,} of them fake ({self.base}), {alarms:,} alarms"
        if not alarms:
            return said + "."
        return said + f", {self.caught / alarms:.0%} of them right (in the long run {self.expected():.0%})."

    # ------------------------------------------------------------ the picture

    def draw(self) -> Figure:
        """Draw both groups' scores with the threshold, and the latest alarms: right ones crossed, false ones dotted."""
        if self._figure is None:
            self._build()
        sets = self._scores[self.detector]
        for line, kind in zip(self._lines, (_REAL, self.generator), strict=True):
            counts, _ = np.histogram(sets[kind].clamp(_LOW, _HIGH).numpy(), bins=self._edges)
            line.set_data(self._edges, np.append(counts, counts[-1]) / len(sets[kind]))
        self._lines[1].set_label(f"fake ({self.generator})")
        self._cut.set_xdata([float(self.threshold)] * 2)
        self._left.legend(loc="upper left", fontsize=9)
        places = np.arange(len(self._alarms))
        right = np.array(self._alarms, dtype=bool)
        for dots, chosen in ((self._wrong, ~right), (self._crosses, right)):
            dots.set_data(places[chosen] % _SIDE, places[chosen] // _SIDE)
        return self._figure

    def _build(self) -> None:
        self._figure, (left, field) = style.figure(2, size=(7.8, 3.9), dpi=80, gridspec_kw={"width_ratios": [1.3, 1]})
        self._left, self._edges = left, np.linspace(_LOW, _HIGH, 41)
        looks = ((style.COLOURS["real"], "-", "real"), (style.COLOURS["fake"], "--", "fake"))
        self._lines = [
            left.plot([], [], dashes, color=colour, drawstyle="steps-post", label=label)[0]
            for colour, dashes, label in looks
        ]
        self._cut = left.axvline(0.0, color=style.COLOURS["neutral"], linewidth=2.2)
        left.set(xlim=(_LOW, _HIGH), ylim=(0, 0.25), xlabel='the detector\'s logit of "fake"', ylabel="share of images")
        (self._wrong,) = field.plot([], [], "o", color=style.COLOURS["real"], markersize=5)
        (self._crosses,) = field.plot([], [], "X", color=style.COLOURS["fake"], markersize=6)
        field.set(xlim=(-1, _SIDE), ylim=(_SIDE, -1), aspect="equal", title="its latest alarms")
        field.set_xticks([])
        field.set_yticks([])
        words = (("● a real image", 0.28, style.COLOURS["real"]), ("✖ a fake", 0.76, style.COLOURS["fake"]))
        for text, x, colour in words:
            field.text(x, -0.03, text, transform=field.transAxes, ha="center", va="top", color=colour, fontsize=10)


def _row(name: str, kind: str, values: Sequence[float]) -> Tensor:
    row = torch.as_tensor(values, dtype=torch.float32)
    if row.ndim != 1 or not len(row) or not bool(row.isfinite().all()):
        raise ValueError(f"scores[{name!r}][{kind!r}] must be finite numbers in a row, at least one")
    return row


@usual_modes()
def panel(scores: Scores | None = None, seed: int = 0) -> Panel:
    """Return the panel *an inbox with a detector*.

    Args:
        scores: what each detector says of each kind of images; by default the stored ones.
        seed: of what arrives.
    First met in: notebook 19.
    """
    inbox = Inbox(stored_scores() if scores is None else scores, seed)
    detectors = tuple(inbox._scores)
    return Panel(
        inbox,
        name="inbox",
        title="An inbox with a detector",
        controls=[
            Choice(
                "share of fakes", "base", tuple(BASE_RATES), hint="How many alarms are right? Bet first.", restarts=True
            ),
            Choice("generator", "generator", inbox.generators, hint="Which one has it never seen?", restarts=True),
            Choice("detector of", "detector", detectors, hint="What do four generators change?", restarts=True),
            Slider("threshold", "threshold", -8.0, 8.0, step=0.5, hint="Higher: fewer alarms. Which?", restarts=True),
        ],
        steps_per_tick=1,
    )


FILMS = (
    Film("inbox", panel, "base", {name: name for name in BASE_RATES}, frames=30, steps=1, per_second=5),
)  # fmt: skip
"""What the web site shows of the panel, without a kernel."""
