"""The live panel: buttons and sliders around an object that trains and draws.

A *stepper* is a plain object with no widgets in it. It knows how to do one small piece of work
and how to draw itself, so tests call it without a browser:

    class Walk:
        '''A point that walks along a line.'''

        def __init__(self, seed=0):
            self.seed, self.stride = seed, 0.1
            self.figure, ax = style.figure()
            (self.dot,) = ax.plot([0], [0], "o", color=style.COLOURS["real"])
            ax.set_xlim(0, 10)
            self.reset()

        def reset(self):                 # fresh start, from self.seed, with the settings as they are
            self.steps_done, self.place = 0, 0.0

        def step(self):                  # one small piece of work, a few milliseconds
            self.place += self.stride
            self.steps_done += 1

        def draw(self):                  # the same figure every time
            self.dot.set_data([self.place], [0])
            return self.figure

        def status(self):                # what the picture shows, in words
            return f"Step {self.steps_done}: the point is at {self.place:.1f}."

    def panel(seed=0):
        return Panel(
            Walk(seed),
            name="walk",
            title="A walk along a line",
            controls=[Slider("stride", "stride", 0.01, 1.0, hint="Try 1: what happens to the walk?")],
        )

``panel()`` at the end of a cell shows the panel; the browser tests and the benchmarks find every
function ``...panel`` in a module of ``labs``. Without ``step`` the panel is *static*: no Play button,
and every move of a slider draws the figure again (``reset``, ``steps_done`` and ``seed`` are then
not needed). Frames come quickest when ``draw`` makes its artists once and then sets their data, and
when the limits of the axes rest: their ticks and labels are then drawn only once.

What the panel sees to:

* **The front end is the clock.** One tick of Play is one message: the kernel works for at most
  ``seconds_per_tick``, draws one frame and waits. Nothing runs unless somebody presses a button,
  so running all cells trains nothing, and a closed tab stops the training.
* **A control sets an attribute** of the stepper, between two steps, never during one. The status
  line says so. With ``restarts=True`` the stepper is reset too. A stepper may set its attributes
  itself, in an :class:`Action` or in a step: the controls follow.
* **Divergence is said in words.** ``step`` raises :class:`Diverged` (see :func:`check_finite`);
  the panel stops, keeps the last good picture and offers to start again. Any other exception is
  shown in the panel as well, because a traceback of a callback is seen nowhere else.
* **Nothing leaks.** A panel built under a ``name`` that is in use closes the older one.
* **It can be heard.** A screen reader announces the status line when something has changed it, and
  while the panel plays it waits for the pause.
* **It works without a browser**: ``panel.play.value += 1`` is a tick, ``panel.more.click()`` is
  the button, ``panel.controls["stride"].value = 0.5`` moves the slider, ``panel.status_text`` and
  ``panel.alert_text`` are what a learner reads, ``panel.png`` is the picture.
* **The stored notebook shows the picture**: the output holds the widget, a PNG and plain text.

Callbacks may run in another thread than your cells, where ``torch.set_default_device`` and
``torch.no_grad`` of your cell do not hold: a stepper takes ``device`` and says ``no_grad`` itself,
and never uses pyplot.
"""

from __future__ import annotations

import base64
import html
import io
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import ipywidgets as widgets
import numpy as np
import PIL.Image
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gancourse._numbers import real, whole
from gancourse._torch_modes import usual_modes
from gancourse.plotting import style

__all__ = ["Action", "Choice", "Diverged", "Panel", "Slider", "Stepper", "Switch", "check_finite"]

MAX_SLIDERS, MAX_CONTROLS = 5, 7
"""More sliders than this are not explored, they are guessed at; choices, which show all they offer, may come on top."""

_TICK_MS = 40
_SLOW_TICK_MS = 500
_OPEN: dict[str, Panel] = {}


class Diverged(ArithmeticError):
    """The numbers of a stepper are no longer finite; the message says which, and when."""


def check_finite(step: int, **numbers: Any) -> None:
    """Raise :class:`Diverged` unless every number is finite.

    Args:
        step: the step that was just done, for the message.
        numbers: floats or tensors of one element, by the name that the message will use.
    Raises:
        Diverged: a number is infinite or not a number.
    First met in: notebook 00.
    """
    for name, number in numbers.items():
        value = float(number.detach() if hasattr(number, "detach") else number)
        if not math.isfinite(value):
            raise Diverged(f"at step {step}, {name} became {'not a number' if math.isnan(value) else 'infinite'}")


class Stepper(Protocol):
    """What a live panel needs; a static one needs ``draw`` and ``status`` only."""

    steps_done: int

    def step(self) -> None:
        """Do one small piece of work."""

    def reset(self) -> None:
        """Start afresh, from ``self.seed`` if there is one, with the settings as they are."""

    def draw(self) -> Any:
        """Draw the state of things on one figure, the same every time, and return it."""

    def status(self) -> str:
        """Say in words what the picture shows."""


# ---------------------------------------------------------------- controls


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


# ---------------------------------------------------------------- the panel


class Panel:
    """Buttons, controls, a picture and a status line around a stepper; see the module's text.

    Attributes worth knowing: ``play``, ``once``, ``more``, ``slow``, ``restart``, ``seed`` (the
    widgets of the top row; None on a static panel, except ``restart``), ``actions`` (button by
    method), ``controls`` (widget by attribute), ``status_text``, ``alert_text``, ``png``, ``stepper``,
    ``frames`` (drawn so far).

    Args:
        stepper: the object that works and draws.
        name: what this panel is known by; an older panel of the same name is closed.
        title: a heading, and what the picture is called where it cannot be seen.
        controls: at most five of :class:`Slider`, and at most seven with :class:`Choice` and :class:`Switch`.
        actions: buttons of its own, for a live panel.
        steps_per_click: how far the "+50 steps" button goes.
        steps_per_tick: most steps in one tick of Play, so that fast steppers can be followed.
        seconds_per_tick: most time spent on the steps of one tick.
    Raises:
        TypeError: the stepper lacks something a panel needs.
        ValueError: a control does not fit the stepper, or there are too many.
    First met in: notebook 00.
    """

    def __init__(
        self,
        stepper: Any,
        *,
        name: str,
        title: str,
        controls: Sequence[Control] = (),
        actions: Sequence[Action] = (),
        steps_per_click: int = 50,
        steps_per_tick: int | None = None,
        seconds_per_tick: float = 0.06,
    ) -> None:
        self.live = hasattr(stepper, "step")
        needed = ("draw", "status") + (("step", "reset", "steps_done") if self.live else ())
        missing = [what for what in needed if not hasattr(stepper, what)]
        if missing:
            raise TypeError(
                f"stepper must have {', '.join(needed)}; {type(stepper).__name__} lacks {', '.join(missing)}"
            )
        if not name or not isinstance(name, str):
            raise ValueError(f"name must be a word to know the panel by, got {name!r}")
        sliders = sum(isinstance(control, Slider) for control in controls)
        for most, what, got in ((MAX_SLIDERS, "sliders", sliders), (MAX_CONTROLS, "controls", len(controls))):
            if got > most:
                raise ValueError(f"a panel takes at most {most} {what}, got {got}")
        for action in actions:
            if not self.live or not callable(getattr(stepper, action.method, None)):
                what = "has no such method" if self.live else "is static"
                raise ValueError(
                    f"action {action.label!r} calls {action.method!r}, but {type(stepper).__name__} {what}"
                )
        for label, value in (("steps_per_click", steps_per_click), ("steps_per_tick", steps_per_tick or 1)):
            if (number := whole(value)) is None or number < 1:
                raise ValueError(f"{label} must be a positive whole number, got {value!r}")
        if not seconds_per_tick > 0:
            raise ValueError(f"seconds_per_tick must be positive, got {seconds_per_tick!r}")

        self.stepper, self.name, self.title = stepper, name, title
        self.frames, self.png, self.status_text, self.alert_text = 0, b"", "", ""
        self._steps_per_click = whole(steps_per_click)
        self._steps_per_tick = None if steps_per_tick is None else whole(steps_per_tick)
        self._seconds_per_tick = seconds_per_tick
        self._lock, self._moved = threading.RLock(), deque[tuple[Control, Any]]()
        self._note, self._diverged, self._putting_back = "", "", False
        self._camera: _Camera | None = None
        self._owned: list[widgets.Widget] = []
        self._closed = False

        try:
            self._build(controls, actions)
            self._show()
        except BaseException:
            self.close()
            raise
        if name in _OPEN:
            _OPEN[name].close()
        _OPEN[name] = self

    # ------------------------------------------------------------ building

    def _build(self, controls: Sequence[Control], actions: Sequence[Action]) -> None:
        own = self._own
        self.image = own(widgets.Image(format="png"))
        self.status, self.alert = own(widgets.HTML()), own(widgets.HTML())
        self.restart = own(
            widgets.Button(
                description="Reset",
                icon="refresh",
                tooltip="Start again: fresh networks, same seed, settings as they are"
                if self.live
                else "Put every control back to where it started",
                layout=widgets.Layout(width="80px"),
            )
        )
        self.restart.on_click(self._guarded(self._on_reset))
        self.play = self.once = self.more = self.slow = self.seed = None
        buttons = self._live_buttons() if self.live else [self.restart]
        self.actions: dict[str, widgets.Widget] = {}
        for action in actions:
            button = own(
                widgets.Button(
                    description=action.label,
                    tooltip=action.hint,
                    layout=widgets.Layout(width=f"{8 * len(action.label) + 24}px"),
                )
            )
            button.on_click(self._guarded(self._on_action(action)))
            self.actions[action.method] = button

        self.controls: dict[str, widgets.Widget] = {}
        self._start: dict[str, Any] = {}
        boxes = []
        label_width = f"{max((7.5 * len(control.label) for control in controls), default=0) + 10:.0f}px"
        for control in controls:
            if not hasattr(self.stepper, control.attribute):
                raise ValueError(
                    f"control {control.label!r} sets {control.attribute!r}, "
                    f"but {type(self.stepper).__name__} has no such attribute"
                )
            if control.attribute in self.controls:
                raise ValueError(f"two controls set {control.attribute!r}; one is enough")
            made = own(control.build(getattr(self.stepper, control.attribute)))
            made.style.description_width = label_width
            made.layout.width = "100%"
            made.observe(self._on_control(control), "value")
            self.controls[control.attribute], self._start[control.attribute] = made, made.value
            boxes.append(
                own(widgets.VBox([made, own(_text(control.hint, _HINT))], layout=widgets.Layout(width="375px")))
            )

        top = own(widgets.HBox(buttons, layout=widgets.Layout(flex_flow="row wrap", align_items="center")))
        wrap = {"flex_flow": "row wrap", "align_items": "flex-start"}  # controls beside the picture, or below it
        beside = own(widgets.HBox(boxes, layout=widgets.Layout(**wrap, flex="1 1 375px")))
        middle = own(widgets.HBox([self.image, beside], layout=widgets.Layout(**wrap)))
        rows = [own(_text(self.title, _TITLE)), top]
        if actions:
            centred = {"align_items": "center"}  # a button and its words stay together where the row is broken
            pairs = [
                own(widgets.HBox([self.actions[a.method], own(_text(a.hint, _TOLD))], layout=widgets.Layout(**centred)))
                for a in actions
            ]
            rows.append(own(widgets.HBox(pairs, layout=widgets.Layout(flex_flow="row wrap", **centred))))
        self.widget = own(widgets.VBox([*rows, self.status, self.alert, middle]))

    def _own(self, widget: widgets.Widget) -> Any:
        """Remember a widget, so that it is closed with the panel."""
        self._owned.append(widget)
        return widget

    def _live_buttons(self) -> list[widgets.Widget]:
        count = self._steps_per_click
        self.play = self._own(
            _Play(value=0, min=0, max=10**9, step=1, interval=_TICK_MS, show_repeat=False, description="Play")
        )
        self.once = self._own(
            widgets.Button(description="one step", tooltip="Do a single step", layout=widgets.Layout(width="80px"))
        )
        self.more = self._own(
            widgets.Button(
                description=f"+{count} steps", tooltip=f"Do {count} steps", layout=widgets.Layout(width="95px")
            )
        )
        self.slow = self._own(
            widgets.ToggleButton(
                value=False,
                description="slow motion",
                tooltip="Play one step at a time, two a second",
                layout=widgets.Layout(width="100px"),
            )
        )
        self.play.observe(self._guarded(self._on_tick), "value")
        for trait in filter(self.play.has_trait, _PLAYING):
            self.play.observe(self._on_pause, trait)
        self.once.on_click(self._guarded(lambda _: self.advance(1)))
        self.more.on_click(self._guarded(lambda _: self.advance(count)))
        self.slow.observe(self._on_slow, "value")
        buttons = [self.play, self.once, self.more, self.slow, self.restart]
        if hasattr(self.stepper, "seed"):
            if self.stepper.seed not in range(10_000):
                raise ValueError(f"the stepper's seed must be from 0 to 9999, got {self.stepper.seed!r}")
            self.seed = self._own(
                widgets.BoundedIntText(
                    value=self.stepper.seed,
                    min=0,
                    max=9999,
                    description="seed",
                    style={"description_width": "40px"},
                    layout=widgets.Layout(width="110px"),
                )
            )
            self.seed.observe(self._guarded(self._on_seed), "value")
            buttons.append(self.seed)
        return buttons

    # ------------------------------------------------------------ what a press does

    @usual_modes()
    def advance(self, steps: int) -> None:
        """Do ``steps`` steps and draw once, as the buttons do; exceptions are yours.

        Args:
            steps: how many, at least 1.
        Raises:
            ValueError: ``steps`` is no such number.
            RuntimeError: the panel is static, or closed.
            Diverged: the numbers are no longer finite.
        """
        if (count := whole(steps)) is None or count < 1:
            raise ValueError(f"steps must be a positive whole number, got {steps!r}")
        steps = count
        if not self.live or self._closed:
            raise RuntimeError(
                f"panel {self.name!r} is {'closed' if self._closed else 'static'}: it has no steps to do"
            )
        with self._lock:
            self._apply_moves()
            self._refuse_if_diverged()
            for _ in range(steps):
                self.stepper.step()
            self._show()

    def _on_tick(self, change: dict[str, Any]) -> None:
        if change["new"] <= change["old"]:
            return  # the Stop button puts the counter back to 0: no work is asked for
        self._apply_moves()
        self._refuse_if_diverged()
        limit = 1 if self.slow.value else self._steps_per_tick
        end, done = time.perf_counter() + self._seconds_per_tick, 0
        while not done or (time.perf_counter() < end and (limit is None or done < limit)):
            self.stepper.step()
            done += 1
        self._show(announced=not self._playing())

    def _playing(self) -> bool:
        return any(getattr(self.play, trait) for trait in filter(self.play.has_trait, _PLAYING))

    def _on_pause(self, change: dict[str, Any]) -> None:
        with self._lock:
            if not change["new"] and not self._closed:
                self._say(status=self.status_text)

    def _on_slow(self, change: dict[str, Any]) -> None:
        self.play.interval = _SLOW_TICK_MS if change["new"] else _TICK_MS

    def _on_reset(self, _: Any) -> None:
        self._apply_moves()
        if self.live:
            self._restart_stepper("")
        else:
            self._putting_back = True
            try:
                for attribute, value in self._start.items():
                    self.controls[attribute].value = value
            finally:
                self._putting_back = False
            self._apply_moves()
        self._show()

    def _on_action(self, action: Action) -> Callable[[Any], None]:
        def act(_: Any) -> None:
            self._apply_moves()
            getattr(self.stepper, action.method)()
            self._diverged, self._note = "", ""
            self.restart.button_style = ""
            self._show()
            for trait in filter(self.play.has_trait, _PLAYING):  # the front end's clock: without one nothing happens
                setattr(self.play, trait, True)

        return act

    def _on_seed(self, change: dict[str, Any]) -> None:
        self._apply_moves()
        self.stepper.seed = change["new"]
        self._restart_stepper(f"Started again with seed {change['new']}.")
        self._show()

    def _on_control(self, control: Control) -> Callable[[dict[str, Any]], None]:
        draw = self._guarded(self._draw_moves)

        def moved(change: dict[str, Any]) -> None:
            old, new = change["old"], change["new"]
            if isinstance(control, Slider) and math.isclose(old, new, rel_tol=1e-9, abs_tol=1e-12):
                return  # a browser that shows a slider may send its value back with another last digit
            if (
                not any(moved is control for moved, _ in self._moved)
                and getattr(self.stepper, control.attribute) == new
            ):
                return  # the control follows the stepper
            self._moved.append((control, change["new"]))
            draw(change)

        return moved

    def _draw_moves(self, _: Any) -> None:
        # Whoever had the lock before may have drawn this move already: one picture is enough.
        if not self._putting_back and self._apply_moves() and not self._diverged:
            self._show()

    def _apply_moves(self) -> bool:
        applied = False
        while self._moved:
            control, value = self._moved.popleft()
            setattr(self.stepper, control.attribute, value)
            note = f"{control.label} is now {_words(control, value)}"
            if self.live and control.restarts:
                self._restart_stepper(f"Started again: {note}.")
            elif self.live:
                self._note = f"Since step {self.stepper.steps_done}, {note}."
            applied = True
        return applied

    def _restart_stepper(self, note: str) -> None:
        self.stepper.reset()
        self._diverged, self._note = "", note
        self.restart.button_style = ""

    def _refuse_if_diverged(self) -> None:
        if self._diverged:
            raise Diverged(self._diverged)

    def _guarded(self, action: Callable[[Any], None]) -> Callable[[Any], None]:
        def guarded(event: Any) -> None:
            with self._lock:
                if self._closed:
                    return
                try:
                    with usual_modes():
                        action(event)
                    if not self._diverged:
                        self._say(alert="")
                except Diverged as problem:
                    self._diverged = str(problem)
                    if self.live:
                        self.restart.button_style = "warning"
                    self._stop(f"Training has diverged: {problem}. Press Reset, perhaps with smaller learning rates.")
                except KeyboardInterrupt:
                    self._stop("You interrupted the kernel: the panel has stopped. Press Reset or play on.")
                except Exception as error:
                    self._stop(f"Something went wrong in this panel: {type(error).__name__}: {error}")

        return guarded

    def _stop(self, alert: str) -> None:
        """Stop the clock in the front end and say why."""
        if self.play is not None:
            for trait in filter(self.play.has_trait, _PLAYING):
                setattr(self.play, trait, False)
        self._say(alert=alert)

    # ------------------------------------------------------------ what is shown

    def _follow(self) -> None:
        """Put the controls where the stepper has set its attributes itself."""
        for attribute, widget in self.controls.items():
            value = getattr(self.stepper, attribute)
            if widget.value != value and not any(control.attribute == attribute for control, _ in self._moved):
                widget.value = value

    def _show(self, *, announced: bool = True) -> None:
        """Draw one frame and say what it shows."""
        self._follow()
        figure = self.stepper.draw()
        if self._camera is None or self._camera.figure is not figure:
            self._camera = _Camera(figure)
            width, height = (round(inches * figure.dpi) for inches in figure.get_size_inches())
            self.image.width, self.image.height = str(width), str(height)
            self.image.layout.width, self.image.layout.max_width = f"{width}px", "100%"
            self.image.layout.height = "auto"
        self.png = self._camera.png()
        self.frames += 1
        self.image.value = self.png
        self._say(status=" ".join(filter(None, (self.stepper.status(), self._note))), announced=announced)

    def _say(self, *, status: str | None = None, alert: str | None = None, announced: bool = True) -> None:
        if status is not None:
            self.status_text = status
            live = f'role="status" aria-live="{"polite" if announced else "off"}" aria-atomic="true"'
            self.status.value = f'<div {live} style="{_STATUS}">{html.escape(status)}</div>'
        if alert is not None and alert != self.alert_text:
            self.alert_text = alert
            self.alert.value = alert and f'<div role="alert" style="{_ALERT}">{html.escape(alert)}</div>'

    def __repr__(self) -> str:
        how = "press Play in a notebook, or call .advance(50)" if self.live else "move its controls in a notebook"
        return f"{self.title}. {self.status_text} {self.alert_text}".rstrip() + f" [panel {self.name!r}: {how}]"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Return the widget for a live notebook, the picture for a stored one, words for the rest."""
        bundle: dict[str, Any] = {
            "text/plain": repr(self),
            "image/png": base64.b64encode(style.in_few_colours(self.png)).decode("ascii"),
        }
        if not self._closed:
            view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
            bundle["application/vnd.jupyter.widget-view+json"] = view
        return bundle

    # ------------------------------------------------------------ closing

    def close(self) -> None:
        """Close every widget of the panel, in the front end too, and let go of the stepper."""
        with self._lock:
            self._closed = True
            if _OPEN.get(self.name) is self:
                del _OPEN[self.name]
            self.stepper = self._camera = None  # Jupyter remembers what a cell showed: let it not be a network
            for widget in self._owned:
                for part in (getattr(widget, "layout", None), getattr(widget, "style", None), widget):
                    if part is not None:
                        part.unobserve_all()
                        part.close()
            self._owned.clear()


_PLAYING = ("playing", "_playing")  # what ipywidgets 8 calls it, and 7
_TITLE = "font-weight: 600; line-height: 1.4"
_HINT = "font-size: 0.85em; line-height: 1.3; margin: 0 0 6px 10px; opacity: 0.85; white-space: normal"
_TOLD = "font-size: 0.85em; line-height: 1.3; opacity: 0.85; margin: 0 14px 0 4px; white-space: normal"
_STATUS = "line-height: 1.4; min-height: 2.8em; max-width: 880px; white-space: normal"
_ALERT = (
    f"line-height: 1.4; max-width: 880px; white-space: normal; font-weight: 600; "
    f"border-left: 4px solid {style.COLOURS['warning']}; padding: 2px 10px"
)


class _Play(widgets.Play):
    """A clock that stands still when a page is loaded: the browser then starts none, whatever it was told."""

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        state = super().get_state(key, drop_defaults)
        return state if key is not None else state | {trait: False for trait in _PLAYING if trait in state}


class _Camera:
    """Turns one figure into PNG bytes, again and again.

    What is costly (arranging, ticks, labels, legends) is done once and kept until limits or labels
    change; what lies on the axes is drawn every time.
    """

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        style.arrange(figure)
        for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
            for label in axis.get_ticklabels()[:1]:  # so that new ticks need no look set for the whole process
                axis.set_tick_params(labelsize=label.get_size())
        if (engine := figure.get_layout_engine()) is not None:
            if any(ax.get_aspect() != "auto" for ax in figure.axes):
                engine.execute(figure)  # the second time it settles
            figure.set_layout_engine("none")  # frames must not jump
        self.canvas = figure.canvas if isinstance(figure.canvas, FigureCanvasAgg) else FigureCanvasAgg(figure)
        self._looks: Any = None
        self._kept: Any = None

    def png(self) -> bytes:
        """Return the figure as it is now."""
        if any(ax.name != "rectilinear" or ax.child_axes for ax in self.figure.axes):
            self.canvas.draw()  # maps, insets and three dimensions: better slow than wrong
        else:
            self._draw_on_kept_axes()
        buffer = io.BytesIO()
        PIL.Image.fromarray(np.asarray(self.canvas.buffer_rgba())).convert("RGB").save(buffer, "png", compress_level=1)
        return buffer.getvalue()

    def _draw_on_kept_axes(self) -> None:
        kept, looks = self._axes_and_legends()
        artists = [artist for artist in self._in_order() if artist not in kept]
        if looks != self._looks:
            for artist in artists:
                artist.set_animated(True)  # canvas.draw leaves these out
            self.canvas.draw()
            for artist in artists:
                artist.set_animated(False)
            self._looks, self._kept = looks, self.canvas.copy_from_bbox(self.figure.bbox)
        self.canvas.restore_region(self._kept)
        for artist in artists:
            artist.draw(self.canvas.get_renderer())

    def _axes_and_legends(self) -> tuple[set[Artist], list[Any]]:
        """Return what is kept, and what it looks like."""
        legends = [*self.figure.legends, *filter(None, (ax.get_legend() for ax in self.figure.axes))]
        kept: set[Artist] = {self.figure.patch, *self.figure.axes}
        kept |= {legend for legend in legends if not legend.get_frame_on()}  # a frame would hide what is under it
        looks: list[Any] = [[text.get_text() for text in legend.get_texts()] for legend in legends]
        for ax in self.figure.axes:
            kept |= {ax.patch, ax.xaxis, ax.yaxis} | (set() if ax.axison else set(ax.spines.values()))
            looks += [ax, ax.get_visible(), ax.axison, ax.get_position().bounds]
            looks += [ax.get_xlim(), ax.get_ylim(), ax.get_xscale(), ax.get_yscale(), ax.get_xlabel(), ax.get_ylabel()]
        return kept, looks

    def _in_order(self) -> list[Artist]:
        """Return everything on the axes, then everything on the figure, each from back to front."""
        visible = sorted((ax for ax in self.figure.axes if ax.get_visible()), key=_zorder)
        on_axes = [artist for ax in visible for artist in sorted(ax.get_children(), key=_zorder)]
        return on_axes + sorted(self.figure.get_children(), key=_zorder)


def _zorder(artist: Artist) -> float:
    return artist.zorder


def _text(text: str, css: str) -> widgets.HTML:
    return widgets.HTML(value=f'<div style="{css}">{html.escape(text)}</div>')


def _round_numbers(low: float, high: float) -> set[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    numbers = {float(f"{digits}e{power}") for power in powers for digits in ("1", "1.5", "2", "3", "5", "7")}
    return {number for number in numbers if low <= number <= high}


def _words(control: Control, value: Any) -> str:
    if isinstance(control, Switch):
        return "on" if value else "off"
    if isinstance(control, Choice):
        if isinstance(control.options, Mapping):
            return next(shown for shown, option in control.options.items() if option == value)
        return str(value).replace("_", " ")
    return f"{value:.3g}"
