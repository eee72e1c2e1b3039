"""What a learner can move on a panel, in words; each builds its widget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets

from gancourse._numbers import real

__all__ = ["Action", "Choice", "Control", "Slider", "Switch", "refuse_what_does_not_fit", "words"]

MAX_SLIDERS, MAX_CONTROLS = 5, 7
"""More sliders than this are not explored, they are guessed at; choices, which show all they offer, may come on top."""


@dataclass(frozen=True)
class Slider:
    """A number to move.

    Args:
        label: what it is called beside the slider, e.g. "learning rate of G".
        attribute: the stepper's attribute it sets; its present value is where the slider starts.
        low, high: ends of the range, inclusive.
        hint: one sentence on what to try.
        log: positions 1, 1.5, 2, 3, 5 and 7 in each power of ten; ``low`` must be positive.
        whole: whole numbers only.
        step: distance between two positions; about a hundredth of the range if not given.
        restarts: a move resets the stepper.
    """

    label: str
    attribute: str
    low: float
    high: float
    hint: str
    log: bool = False
    whole: bool = False
    step: float | None = None
    restarts: bool = False

    def build(self, value: Any) -> widgets.Widget:
        """Return the widget, standing at ``value``."""
        if not self.low < self.high or (self.log and self.low <= 0):
            wanted = "0 < low < high on a logarithmic slider" if self.log else "low < high"
            raise ValueError(f"slider {self.label!r} needs {wanted}, got low={self.low!r}, high={self.high!r}")
        if self.log and (self.whole or self.step):
            raise ValueError(f"slider {self.label!r} is logarithmic: whole and step have no meaning there")
        number = real(value)
        if number is None or not self.low <= number <= self.high:
            raise ValueError(
                f"slider {self.label!r} goes from {self.low} to {self.high}, "
                f"but the stepper's {self.attribute} is {value!r}"
            )
        value = number
        if self.log:
            places = _round_numbers(self.low, self.high) | {self.low, self.high, value}
            options = [(f"{place:.3g}", place) for place in sorted(places)]
            return widgets.SelectionSlider(options=options, value=value, description=self.label)
        ends = {"value": value, "min": self.low, "max": self.high, "description": self.label}
        if self.whole:
            return widgets.IntSlider(**ends, step=int(self.step or 1))
        step = self._step_through(value)
        decimals = min(max(0, math.ceil(-math.log10(step) - 1e-9)), 5)
        return widgets.FloatSlider(**ends, step=step, readout_format=f".{decimals}f")

    def _step_through(self, value: float) -> float:
        """Choose a step such that the slider can stand at ``value``: a browser moves one that cannot."""
        if self.step:
            candidates = [self.step]
        else:
            power = 10 ** math.floor(math.log10((self.high - self.low) / 100))
            candidates = [power * factor for factor in (1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)]
        for step in candidates:
            place = (value - self.low) / step
            if abs(place - round(place)) < 1e-6:
                return step
        raise ValueError(
            f"slider {self.label!r} starts at {value}, which is not a whole number of steps from {self.low}; give step="
        )


@dataclass(frozen=True)
class Choice:
    """One of several values, a button each.

    Args:
        label: what it is called beside the buttons.
        attribute: the stepper's attribute it sets.
        options: the values, or a mapping from what the buttons show to the values.
        hint: one sentence on what to try.
        restarts: a change resets the stepper.
    """

    label: str
    attribute: str
    options: Sequence[Any] | Mapping[str, Any]
    hint: str
    restarts: bool = False

    def build(self, value: Any) -> widgets.Widget:
        """Return the widget, standing at ``value``."""
        if isinstance(self.options, Mapping):
            options = list(self.options.items())
        else:
            options = [(str(option).replace("_", " "), option) for option in self.options]
        if value not in [option for _, option in options]:
            shown = ", ".join(repr(option) for _, option in options)
            raise ValueError(f"choice {self.label!r} offers {shown}, but the stepper's {self.attribute} is {value!r}")
        # Buttons and no menu: JupyterLab keeps the arrow keys that a menu would need to itself.
        return widgets.ToggleButtons(
            options=options, value=value, description=self.label, style={"button_width": "auto"}
        )


@dataclass(frozen=True)
class Switch:
    """Something that is on or off.

    Args:
        label: what it is called beside the box.
        attribute: the stepper's attribute it sets to True or False.
        hint: one sentence on what to try.
        restarts: a change resets the stepper.
    """

    label: str
    attribute: str
    hint: str
    restarts: bool = False

    def build(self, value: Any) -> widgets.Widget:
        """Return the widget, standing at ``value``."""
        if not isinstance(value, bool):
            raise ValueError(
                f"switch {self.label!r} needs True or False, but the stepper's {self.attribute} is {value!r}"
            )
        return widgets.Checkbox(value=value, description=self.label, indent=True)


Control = Slider | Choice | Switch


@dataclass(frozen=True)
class Action:
    """A button that calls a method of the stepper, which may change settings, and then lets Play run.

    Args:
        label: what stands on the button.
        method: name of the stepper's method, without arguments.
        hint: what the button does, in one sentence.
    """

    label: str
    method: str
    hint: str


def refuse_what_does_not_fit(stepper: Any, controls: Sequence[Control], actions: Sequence[Action]) -> None:
    """Raise a TypeError for a stepper that lacks what a panel needs, and a ValueError for controls it cannot have."""
    live = hasattr(stepper, "step")
    needed = ("draw", "status") + (("step", "reset", "steps_done") if live else ())
    if missing := [what for what in needed if not hasattr(stepper, what)]:
        raise TypeError(f"stepper must have {', '.join(needed)}; {type(stepper).__name__} lacks {', '.join(missing)}")
    sliders = sum(isinstance(control, Slider) for control in controls)
    for most, what, got in ((MAX_SLIDERS, "sliders", sliders), (MAX_CONTROLS, "controls", len(controls))):
        if got > most:
            raise ValueError(f"a panel takes at most {most} {what}, got {got}")
    for action in actions:
        if not live or not callable(getattr(stepper, action.method, None)):
            what = "has no such method" if live else "is static"
            raise ValueError(f"action {action.label!r} calls {action.method!r}, but {type(stepper).__name__} {what}")
    attributes = [control.attribute for control in controls]
    for control in controls:
        if not hasattr(stepper, control.attribute):
            raise ValueError(
                f"control {control.label!r} sets {control.attribute!r}, "
                f"but {type(stepper).__name__} has no such attribute"
            )
        if attributes.count(control.attribute) > 1:
            raise ValueError(f"two controls set {control.attribute!r}; one is enough")
    if live and hasattr(stepper, "seed") and stepper.seed not in range(10_000):
        raise ValueError(f"the stepper's seed must be from 0 to 9999, got {stepper.seed!r}")


def words(control: Control, value: Any) -> str:
    """Say what a control stands at, as its widget shows it."""
    if isinstance(control, Switch):
        return "on" if value else "off"
    if isinstance(control, Choice):
        if isinstance(control.options, Mapping):
            return next(shown for shown, option in control.options.items() if option == value)
        return str(value).replace("_", " ")
    return f"{value:.3g}"


def _round_numbers(low: float, high: float) -> set[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    numbers = {float(f"{digits}e{power}") for power in powers for digits in ("1", "1.5", "2", "3", "5", "7")}
    return {number for number in numbers if low <= number <= high}
