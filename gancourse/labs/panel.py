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

A stepper that has a ``wav``, a method that returns the bytes of a WAV file, gets a player below the status line. It
never starts by itself.

What the panel sees to:

* **The front end is the clock.** One tick of Play is one message: the kernel works for at most
  ``seconds_per_tick``, of which one frame takes its part, and waits. Nothing runs unless somebody presses a button,
  so running all cells trains nothing, and a closed tab stops the training.
* **A control sets an attribute** of the stepper, between two steps, never during one. The status
  line says so. With ``restarts=True`` the stepper is reset too. A stepper may set its attributes
  itself, in an :class:`Action` or in a step: the controls follow.
* **Divergence is said in words.** ``step`` raises :class:`Diverged` (see :func:`check_finite`);
  the panel stops, keeps the last good picture and offers to start again. Any other exception is
  shown in the panel as well, because a traceback of a callback is seen nowhere else.
* **Nothing leaks.** A panel built under a ``name`` that is in use closes the older one.
* **Several cells may show it.** Each shows it with a clock of its own, of which one runs at a time.
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

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from gancourse._numbers import whole
from gancourse._torch_modes import usual_modes
from gancourse.labs._controls import Action, Choice, Control, Slider, Switch, refuse_what_does_not_fit, words
from gancourse.labs._face import Clock, Face
from gancourse.labs._moves import Moves
from gancourse.labs._picture import Camera, to_store
from gancourse.labs._stepper import Diverged, Stepper, check_finite

__all__ = ["Action", "Choice", "Diverged", "Panel", "Slider", "Stepper", "Switch", "check_finite"]

_OPEN: dict[str, Panel] = {}

_SECONDS_BETWEEN = 0.02
"""Most that is counted between two ticks; more is a machine that is busy, or nobody playing."""


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
        seconds_per_tick: from one frame to the next while it plays. Steps get what drawing and messages leave of it, at
            least one.
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
        seconds_per_tick: float = 0.065,
    ) -> None:
        self.live = hasattr(stepper, "step")
        if not name or not isinstance(name, str):
            raise ValueError(f"name must be a word to know the panel by, got {name!r}")
        refuse_what_does_not_fit(stepper, controls, actions)
        for label, value in (("steps_per_click", steps_per_click), ("steps_per_tick", steps_per_tick or 1)):
            if (number := whole(value)) is None or number < 1:
                raise ValueError(f"{label} must be a positive whole number, got {value!r}")
        if not seconds_per_tick > 0:
            raise ValueError(f"seconds_per_tick must be positive, got {seconds_per_tick!r}")

        self.stepper, self.name, self.title = stepper, name, title
        self.frames, self.png, self.status_text, self.alert_text = 0, b"", "", ""
        self._steps_per_tick = None if steps_per_tick is None else whole(steps_per_tick)
        self._seconds_per_tick, self._seconds_drawing, self._tick_ended = seconds_per_tick, 0.0, 0.0
        self._note, self._diverged, self._closed = "", "", False
        self._lock, self._camera = threading.RLock(), None

        self._face = face = Face(
            stepper,
            title=title,
            controls=controls,
            actions=actions,
            steps_per_click=whole(steps_per_click),
            wire=self._wire_clock,
        )
        self.widget, self.image, self.status, self.alert = face.widget, face.image, face.status, face.alert
        self.sound = face.sound
        self.play = face.clocks[0] if self.live else None
        self.once, self.more, self.slow, self.restart = face.once, face.more, face.slow, face.restart
        self.seed, self.actions, self.controls = face.seed, face.actions, face.controls
        self._moves = Moves(stepper, controls, self.controls, self._guarded(self._draw_moves))
        try:
            self._wire(actions, whole(steps_per_click))
            self._show()
        except BaseException:
            self.close()
            raise
        if name in _OPEN:
            _OPEN[name].close()
        _OPEN[name] = self

    def _wire(self, actions: Sequence[Action], steps_per_click: int) -> None:
        """Say what a press does."""
        self.restart.on_click(self._guarded(self._on_reset))
        if self.live:
            self.once.on_click(self._guarded(lambda _: self.advance(1)))
            self.more.on_click(self._guarded(lambda _: self.advance(steps_per_click)))
        if self.seed is not None:
            self.seed.observe(self._guarded(self._on_seed), "value")
        for action in actions:
            self.actions[action.method].on_click(self._guarded(partial(self._on_action, action)))

    def _wire_clock(self, clock: Clock) -> None:
        clock.observe(self._guarded(self._on_tick), "value")
        clock.observe(self._on_switch, clock.switch)

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
        if not self.live or self._closed:
            raise RuntimeError(
                f"panel {self.name!r} is {'closed' if self._closed else 'static'}: it has no steps to do"
            )
        with self._lock:
            self._apply_moves()
            self._refuse_if_diverged()
            for _ in range(count):
                self.stepper.step()
            self._show()

    def _on_tick(self, change: dict[str, Any]) -> None:
        if change["new"] <= change["old"]:
            return  # the Stop button puts the counter back to 0: no work is asked for
        self._apply_moves()
        self._refuse_if_diverged()
        limit = 1 if self.slow.value else self._steps_per_tick
        started, done = time.perf_counter(), 0
        between = min(started - self._tick_ended, _SECONDS_BETWEEN)  # messages to the page and back take their time too
        end = started + self._seconds_per_tick - self._seconds_drawing - between
        spent = 0.0
        while not done or (started + spent * (1 + 1 / done) < end and (limit is None or done < limit)):  # one more fits
            self.stepper.step()
            spent, done = time.perf_counter() - started, done + 1
        self._show(announced=not self._face.plays)
        self._tick_ended = time.perf_counter()

    def _on_switch(self, change: dict[str, Any]) -> None:
        """See to it that one clock runs at a time, and that the line it stops at is read out."""
        with self._lock:
            if self._closed:
                return
            if change["new"]:
                self._face.stop(but=change["owner"])
            elif not self._face.plays:
                self._say(status=self.status_text, alert=change["owner"].why_it_stands or None)

    def _on_reset(self, _: Any) -> None:
        self._apply_moves()
        if self.live:
            self._restart_stepper("")
        else:
            self._moves.put_back()
            self._apply_moves()
        self._show()

    def _on_action(self, action: Action, _: Any) -> None:
        self._apply_moves()
        getattr(self.stepper, action.method)()
        self._forget_divergence()
        self._show()
        self._face.start()

    def _on_seed(self, change: dict[str, Any]) -> None:
        self._apply_moves()
        self.stepper.seed = change["new"]
        self._restart_stepper(f"Started again with seed {change['new']}.")
        self._show()

    def _draw_moves(self, _: Any) -> None:
        # Whoever had the lock before may have drawn this move already: one picture is enough.
        if not self._moves.putting_back and self._apply_moves() and not self._diverged:
            self._show()

    def _apply_moves(self) -> bool:
        applied = False
        for control, value in self._moves.tell():
            note = f"{control.label} is now {words(control, value)}"
            if self.live and control.restarts:
                self._restart_stepper(f"Started again: {note}.")
            elif self.live:
                self._note = f"Since step {self.stepper.steps_done}, {note}."
            applied = True
        return applied

    def _restart_stepper(self, note: str) -> None:
        self.stepper.reset()
        self._forget_divergence(note)

    def _forget_divergence(self, note: str = "") -> None:
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
        self._face.stop()
        self._say(alert=alert)

    # ------------------------------------------------------------ what is shown

    def _show(self, *, announced: bool = True) -> None:
        """Draw one frame and say what it shows."""
        started = time.perf_counter()
        self._moves.follow()
        figure = self.stepper.draw()
        if self._camera is None or self._camera.figure is not figure:
            self._camera = Camera(figure)
            self._face.take_size(*(round(inches * figure.dpi) for inches in figure.get_size_inches()))
        self.png = self._camera.png()
        self.frames += 1
        self.image.value = self.png
        if self.sound is not None:
            self.sound.value = self.stepper.wav()
        self._say(status=" ".join(filter(None, (self.stepper.status(), self._note))), announced=announced)
        self._seconds_drawing = time.perf_counter() - started

    def _say(self, *, status: str | None = None, alert: str | None = None, announced: bool = True) -> None:
        if status is not None:
            self.status_text = status
            self._face.say(status, announced=announced)
        if alert is not None and alert != self.alert_text:
            self.alert_text = alert
            self._face.warn(alert)

    def __repr__(self) -> str:
        how = "press Play in a notebook, or call .advance(50)" if self.live else "move its controls in a notebook"
        title = self.title if self.title.endswith("?") else f"{self.title}."
        return f"{title} {self.status_text} {self.alert_text}".rstrip() + f" [panel {self.name!r}: {how}]"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Return the widget for a live notebook, the picture for a stored one, words for the rest."""
        bundle: dict[str, Any] = {"text/plain": repr(self), "image/png": to_store(self.png)}
        with self._lock:
            if not self._closed:
                view = {"version_major": 2, "version_minor": 0, "model_id": self._face.to_show().model_id}
                bundle["application/vnd.jupyter.widget-view+json"] = view
        return bundle

    def close(self) -> None:
        """Close every widget of the panel, in the front end too, and let go of the stepper."""
        with self._lock:
            self._closed = True
            if _OPEN.get(self.name) is self:
                del _OPEN[self.name]
            # Jupyter remembers what a cell showed: let it not be a network.
            self.stepper = self._camera = self._moves = None
            self._face.close()
