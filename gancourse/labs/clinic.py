"""The panel of notebook 11: a new patient comes in, you order tests and name the illness.

Illness and seed of each patient are drawn at random. On the ring it trains in front of you, for a few seconds; on
digits its stored chart is opened look by look. Tests cost nothing but are counted. The panel keeps the score, and shows
which illnesses you took for one another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from gancourse import runtime, training, ward
from gancourse._torch_modes import usual_modes
from gancourse.labs._film import Film
from gancourse.labs.panel import Action, Choice, Panel
from gancourse.plotting import diagnosis, style

__all__ = ["FILMS", "TESTS", "WORLDS", "Clinic", "panel"]

WORLDS = {"ring": "ring", "digits": "digits"}
"""Where the patients come from: what the buttons show, and the name in ``gancourse.ward``."""

TESTS: dict[str, str] = {
    "movement of G": "g_movement",
    "movement of D": "d_movement",
    "gradient of G": "g_gradient",
    "right on D's real batch": "real_accuracy",
    "right on held-out real": "held_out_accuracy",
    "right on fake": "fake_accuracy",
    "lowest real value": "real_low",
    "lowest fake value": "fake_low",
    "highest fake value": "fake_high",
    "distinct samples": "distinct",
    "same z moves": "same_z",
    "checkerboard": "checkerboard",
    "G: batch matters": "g_company",
}
"""The tests: what the button says, and the reading of ``Patient.readings``."""

_LINES = 7  # of words, in each list
_TERMS = ("d_loss", "g_loss", "real_logit", "fake_logit")
_EARLIEST, _LATEST = 1_000, 9_000  # seeds of patients that are trained here: none that a stored chart has


class Clinic:
    """A stepper: one patient at a time, from the illnesses of a world.

    Set ``test`` to order a test and ``illness`` to name what is wrong; :meth:`next_patient` brings another one.

    Args:
        seed: of the row of patients.
        world: "ring" or "digits".
    Raises:
        ValueError: there is no such world.
    First met in: notebook 11.
    """

    def __init__(self, seed: int = 0, *, world: str = "ring") -> None:
        self.seed, self._world = seed, ""
        self._picture: _Picture | None = None
        self.world = world
        self.reset()

    # ------------------------------------------------------------ who is here

    @property
    def world(self) -> str:
        """Where the patients come from."""
        return self._world

    @world.setter
    def world(self, name: str) -> None:
        if name not in WORLDS.values():
            raise ValueError(f"world must be one of {', '.join(WORLDS.values())}, got {name!r}")
        if name != self._world:
            self._world, self._picture = name, None

    @property
    def illnesses(self) -> list[str]:
        """The names that a patient of this world can have, "healthy" among them, in the order of the alphabet."""
        return sorted(name for name, illness in ward.ILLNESSES.items() if self.world in illness.worlds)

    def reset(self) -> None:
        """Start with the first patient, and an empty score."""
        self.number = 1
        self.answers: list[tuple[str, str]] = []
        self._admit()

    def next_patient(self) -> None:
        """Send this patient home and let the next one in; the score stays."""
        self.number += 1
        self._admit()

    def _admit(self) -> None:
        random = runtime.generator(10_000 * self.seed + self.number)
        stored = ward.charts(self.world)
        self.healthy = [chart for chart in stored if chart.illness == ward.HEALTHY]
        self.looks = self.healthy[0].steps.tolist()
        self.planted = self.illnesses[_drawn(0, len(self.illnesses), random)]
        charts = [chart for chart in stored if chart.illness == self.planted]
        self.chart = charts[_drawn(0, len(charts), random)]
        seed = _drawn(_EARLIEST, _LATEST, random)
        self.patient = ward.admit(self.planted, self.world, seed) if self.world == "ring" else None
        self.trace: dict[str, list[tuple[int, float]]] = {term: [] for term in _TERMS}
        self.readings: dict[str, float] = {}
        self.ordered: list[str] = []
        self.named, self.steps_done, self.resting = "", 0, ""

    # ------------------------------------------------------------ from step to step

    def step(self) -> None:
        """Train for one step (on digits: open the chart at the next look); a patient that is through rests."""
        if self.resting:
            return
        if self.patient is None:
            at = self.looks.index(self.steps_done) + 1 if self.steps_done else 0
            self.steps_done = self.looks[at]
            self.readings = {name: float(values[at]) for name, values in self.chart.traces.items()}
            self._note(_TERMS)
        else:
            self._train()
        if self.steps_done >= self.looks[-1]:
            self.resting = "Training has ended."

    def _train(self) -> None:
        try:
            history = self.patient.train(1)
        except training.Diverged as problem:
            self.resting = f"At step {problem.step} a loss was no longer a number."
            return
        self.steps_done += 1
        for term in _TERMS[:2]:
            self.trace[term].append((self.steps_done, float(history[term][-1])))
        if self.steps_done in self.looks:
            self.readings = self.patient.readings()
            self._note(_TERMS[2:])

    def _note(self, terms: Sequence[str]) -> None:
        for term in terms:
            self.trace[term].append((self.steps_done, self.readings[term]))

    def usual(self, test: str) -> tuple[float, float]:
        """Return the lowest and the highest reading of a test in healthy runs, at the last look."""
        at = max(i for i, step in enumerate(self.looks) if step <= max(self.steps_done, self.looks[0]))
        values = [float(chart.traces[test][at]) for chart in self.healthy]
        return min(values), max(values)

    # ------------------------------------------------------------ what the learner does

    @property
    def test(self) -> str:
        """Set it to a reading's name: it is read at the last look, and at every look from now on."""
        return ""

    @test.setter
    def test(self, name: str) -> None:
        if name and name not in TESTS.values():
            raise ValueError(f"test must be one of {', '.join(TESTS.values())}, got {name!r}")
        if name and self.readings:
            self.ordered += [name] if name not in self.ordered else []

    @property
    def illness(self) -> str:
        """Set it to the name of an illness, once there was a look; the first name for each patient counts."""
        return self.named

    @illness.setter
    def illness(self, name: str) -> None:
        if name and name not in ward.ILLNESSES:
            raise ValueError(f"illness must be one of {', '.join(self.illnesses)}, got {name!r}")
        if name and not self.named and self.readings and name in self.illnesses:
            self.named = name
            self.answers.append((self.planted, name))

    # ------------------------------------------------------------ looking

    @property
    def hits(self) -> int:
        """How many patients were named rightly."""
        return sum(planted == named for planted, named in self.answers)

    def confused(self) -> list[tuple[str, str, int]]:
        """Return (planted, named, how often) of the wrong answers, the most frequent first."""
        wrong = Counter(answer for answer in self.answers if answer[0] != answer[1])
        return [(*answer, count) for answer, count in wrong.most_common()]

    def status(self) -> str:
        """Say who is here, what was ordered, and how the answers went."""
        said = f"Patient {self.number}, step {self.steps_done}, {len(self.ordered)} tests ordered."
        if self.resting:
            said += f" {self.resting}"
        if not self.readings:
            said += " Let it train first."
        elif not self.named:
            said += " What is wrong?"
        elif self.named == self.planted:
            said += f" Right: {self.planted}. {ward.ILLNESSES[self.planted].cure}"
        else:
            said += f" It was: {self.planted}. {ward.ILLNESSES[self.planted].says}{self._which_test()}"
        if self.answers:
            said += f" Score: {self.hits} of {len(self.answers)}."
        return said

    def _which_test(self) -> str:
        test = ward.ILLNESSES[self.planted].told_by
        words = next((words for words, name in TESTS.items() if name == test), "")
        return f" The test that tells: {words}, {self._compared(test)}." if words else ""

    def _compared(self, test: str) -> str:
        low, high = map(diagnosis.short, self.usual(test))
        return f"{diagnosis.short(self.readings[test])} (healthy: {low if low == high else f'{low} to {high}'})"

    def lines(self) -> tuple[list[str], list[str], list[str]]:
        """Return the three lists under the pictures: ordered tests, answers, and confusions."""
        names = {name: words for words, name in TESTS.items()}
        tests = [f"{names[test]}: {self._compared(test)}" for test in self.ordered]
        answers = [f"{'right' if planted == named else 'wrong'}: {planted}" for planted, named in self.answers]
        wrong = [f"{planted}: {named}" + (f", {n} times" if n > 1 else "") for planted, named, n in self.confused()]
        return tests[-_LINES:] or ["none yet"], answers[-_LINES:] or ["none yet"], wrong[:_LINES] or ["nothing yet"]

    def draw(self) -> Figure:
        """Draw samples, losses, mean logits, the ordered tests, and the illnesses that were confused."""
        if self._picture is None:
            self._picture = _Picture(self)
        self._picture.update(self)
        return self._picture.figure


class _Picture:
    """Samples, losses and logits above; tests, answers and confusions below, as words. Made once and then updated."""

    def __init__(self, run: Clinic) -> None:
        self.figure, (above, below) = style.figure(3, 2, size=(9.8, 5.0), dpi=80, height_ratios=[2, 1])
        self._cloud, self._image = None, None
        above[0].set(title="samples", xticks=[], yticks=[])
        if run.patient is not None:
            above[0].plot(*run.patient.world.held_out.T.tolist(), ".", color=style.COLOURS["real"], markersize=3)
            (self._cloud,) = above[0].plot([], [], "x", color=style.COLOURS["fake"], markersize=4)
            above[0].set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6))
        else:
            self._image = above[0].imshow(np.zeros((2, 2)), vmin=-1, vmax=1, cmap="gray", extent=(0, 1, 0, 1))
        self._lines = {}
        for ax, terms, title, limits in (
            (above[1], _TERMS[:2], "losses", (-1.2, 4.0)),
            (above[2], _TERMS[2:], "mean logit", (-6.0, 6.0)),
        ):
            for term in terms:
                (self._lines[term],) = ax.plot([], [], **diagnosis.LOOKS[term], label=diagnosis.WORDS[term])
            for value in diagnosis.EQUILIBRIUM.values() if terms == _TERMS[:2] else (0.0,):
                ax.axhline(value, color=style.COLOURS["neutral"], linestyle=":", linewidth=1)
            ax.set(title=title, xlabel="step", xlim=(0, run.looks[-1]), ylim=limits)
            ax.legend(loc="upper right", fontsize=9)
        self._words = []
        for ax, title in zip(below, ("your tests", "your answers", "illness: what you took it for"), strict=True):
            ax.set_axis_off()
            ax.set_title(title, loc="left")
            self._words.append(ax.text(0, 0.98, "", va="top", fontsize=9.5, linespacing=1.35, transform=ax.transAxes))

    def update(self, run: Clinic) -> None:
        if self._image is not None:
            self._image.set_data(_montage(run.chart.samples) if run.resting else np.zeros((2, 2)))
        else:
            self._cloud.set_data(*run.patient.samples().T.numpy())
        for term, line in self._lines.items():
            low, high = line.axes.get_ylim()
            steps, values = zip(*run.trace[term], strict=True) if run.trace[term] else ((), ())
            line.set_data(steps, np.clip(values, low, high))
        for text, lines in zip(self._words, run.lines(), strict=True):
            text.set_text("\n".join(lines))


def _drawn(low: int, high: int, random: torch.Generator) -> int:
    return int(torch.randint(low, high, (1,), generator=random))


def _montage(images: Tensor) -> np.ndarray:
    """Return the first eight images as one, four in a row."""
    rows = images[:8, 0].clamp(-1, 1).numpy().reshape(2, 4, *images.shape[2:])
    return rows.transpose(0, 2, 1, 3).reshape(2 * images.shape[2], 4 * images.shape[3])


@usual_modes()
def panel(seed: int = 0, *, world: str = "ring") -> Panel:
    """Return the live panel: a patient in training, tests to order, and an illness to name.

    Args:
        seed: of the row of patients; the panel can change it.
        world: "ring" or "digits", where the first patients come from.
    Raises:
        ValueError: there is no such world.
    First met in: notebook 11.
    """
    everyone = {name: name for name in sorted(ward.ILLNESSES)}
    return Panel(
        Clinic(seed, world=world),
        name="clinic",
        title="What is wrong with this GAN?",
        steps_per_tick=20,
        controls=[
            Choice(
                "the test", "test", {"?": "", **TESTS}, hint="It is read at the last look, and at every look after it."
            ),
            Choice(
                "your diagnosis", "illness", {"?": "", **everyone}, hint="Your first answer for each patient counts."
            ),
            Choice("world", "world", WORLDS, hint="On digits the samples come with the last look.", restarts=True),
        ],
        actions=[Action("next patient", "next_patient", "Another illness, another seed; the score stays.")],
    )


FILMS = (
    Film(
        "clinic", panel, "world", {"ring": "ring"}, frames=13, steps=20, per_second=2,
        note="Here no test is ordered, and the patient is always the first one.",
    ),
)  # fmt: skip
"""What the web site shows of the panel, without a kernel."""
