"""The widgets of a panel: made, laid out, and closed. What they do is the panel's to say."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from gancourse.labs._controls import Action, Control
from gancourse.plotting import style

__all__ = ["Clock", "Face"]

_TICK_MS = 40
_SLOW_TICK_MS = 500

TITLE = "font-weight: 600; line-height: 1.4"
HINT = "font-size: 0.85em; line-height: 1.3; margin: 0 0 6px 10px; opacity: 0.85; white-space: normal"
TOLD = "font-size: 0.85em; line-height: 1.3; opacity: 0.85; margin: 0 14px 0 4px; white-space: normal"
STATUS = "line-height: 1.4; min-height: 2.8em; max-width: 880px; white-space: normal"
ALERT = (
    f"line-height: 1.4; max-width: 880px; white-space: normal; font-weight: 600; "
    f"border-left: 4px solid {style.COLOURS['warning']}; padding: 2px 10px"
)
_TWICE = (
    "Play stands still while one output is on the page twice. Close one of them; "
    "to have the panel in two places, show it in two cells."
)


class Clock(widgets.Play):
    """Play, of which every place on the page where the panel is shown has its own.

    Two views of one Play stop each other. As it starts, the first sets the next value; by then the second finds that
    it was playing before, takes that for a pause, and pauses (ipywidgets 8.1). So a clock is *taken* once it was
    given away to be shown, until the page says that it is shown nowhere any more.

    When a page is loaded the clock stands still, whatever it was told, and is shown nowhere yet.
    """

    def __init__(self) -> None:
        super().__init__(
            value=0, min=0, max=10**9, step=1, interval=_TICK_MS, show_repeat=False, description="Play", _view_count=0
        )
        self.taken = False
        self.observe(self._on_views, "_view_count")

    def _on_views(self, change: dict[str, Any]) -> None:
        self.taken = change["new"] > 0

    @property
    def switch(self) -> str:
        """The trait that says whether it plays: ipywidgets 7 and 8 call it by two names."""
        return "playing" if self.has_trait("playing") else "_playing"

    @property
    def plays(self) -> bool:
        return getattr(self, self.switch)

    @property
    def why_it_stands(self) -> str:
        """What to say where one output of a cell is shown twice, which no other clock can mend."""
        return _TWICE if self._view_count > 1 else ""

    def run(self, on: bool) -> None:
        """Start it or stop it, in the front end: without one nothing happens."""
        setattr(self, self.switch, on)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        state = super().get_state(key, drop_defaults)
        if key is None:
            state |= {trait: at for trait, at in ((self.switch, False), ("_view_count", 0)) if trait in state}
        return state


class Face:
    """All widgets of one panel.

    Attributes: ``image``, ``sound`` (a player, if the stepper has a ``wav``), ``status``, ``alert``, ``restart``,
    ``actions`` (by method), ``controls`` (by attribute), ``widget`` (the whole, as it is shown first); on a live panel
    ``once``, ``more``, ``slow``, ``clocks`` and, where the stepper has one, ``seed``, otherwise None or empty.

    Args:
        stepper: the object that works and draws; the controls start at its attributes.
        title: the heading.
        controls, actions: as for the panel; they fit the stepper.
        steps_per_click: how far the "+50 steps" button goes.
        wire: called with each clock that is made.
    """

    def __init__(
        self,
        stepper: Any,
        *,
        title: str,
        controls: Sequence[Control],
        actions: Sequence[Action],
        steps_per_click: int,
        wire: Callable[[Clock], None],
    ) -> None:
        self._owned: list[widgets.Widget] = []
        self._wire = wire
        self.clocks: list[Clock] = []
        self._places: list[widgets.Widget] = []  # the whole panel, once for each clock
        self.once = self.more = self.slow = self.seed = None
        self.actions: dict[str, widgets.Widget] = {}
        self.controls: dict[str, widgets.Widget] = {}
        self.live = hasattr(stepper, "step")
        try:
            self._build(stepper, title, controls, actions, steps_per_click)
        except BaseException:
            self.close()
            raise

    def _build(
        self, stepper: Any, title: str, controls: Sequence[Control], actions: Sequence[Action], steps_per_click: int
    ) -> None:
        own = self._own
        self.image = own(widgets.Image(format="png"))
        self.status, self.alert = own(widgets.HTML()), own(widgets.HTML())
        told = "Start again: fresh networks, same seed, settings as they are"
        self.restart = self._button("Reset", told if self.live else "Put every control back to where it started", 80)
        self.restart.icon = "refresh"
        self._buttons = [self.restart]
        if self.live:
            self._build_live(stepper, steps_per_click)
        for action in actions:
            self.actions[action.method] = self._button(action.label, action.hint, 8 * len(action.label) + 24)

        boxes = []
        label_width = f"{max((7.5 * len(control.label) for control in controls), default=0) + 10:.0f}px"
        for control in controls:
            made = own(control.build(getattr(stepper, control.attribute)))
            made.style.description_width = label_width
            made.layout.width = "100%"
            self.controls[control.attribute] = made
            boxes.append(
                own(widgets.VBox([made, own(_text(control.hint, HINT))], layout=widgets.Layout(width="375px")))
            )
        wrap = {"flex_flow": "row wrap", "align_items": "flex-start"}  # controls beside the picture, or below it
        beside = own(widgets.HBox(boxes, layout=widgets.Layout(**wrap, flex="1 1 375px")))
        middle = own(widgets.HBox([self.image, beside], layout=widgets.Layout(**wrap)))
        self.sound = own(widgets.Audio(format="wav", autoplay=False, loop=False)) if hasattr(stepper, "wav") else None
        heard = [] if self.sound is None else [self.sound]
        self._above, self._below = [own(_text(title, TITLE))], [self.status, self.alert, *heard, middle]
        if actions:
            centred = {"align_items": "center"}  # a button and its words stay together where the row is broken
            pairs = [
                own(widgets.HBox([self.actions[a.method], own(_text(a.hint, TOLD))], layout=widgets.Layout(**centred)))
                for a in actions
            ]
            self._below.insert(0, own(widgets.HBox(pairs, layout=widgets.Layout(flex_flow="row wrap", **centred))))
        self.widget = self._place()

    def _build_live(self, stepper: Any, steps_per_click: int) -> None:
        self.once = self._button("one step", "Do a single step", 80)
        self.more = self._button(f"+{steps_per_click} steps", f"Do {steps_per_click} steps", 95)
        self.slow = self._own(
            widgets.ToggleButton(
                value=False,
                description="slow motion",
                tooltip="Play one step at a time, two a second",
                layout=widgets.Layout(width="100px"),
            )
        )
        self.slow.observe(self._on_slow, "value")
        self._buttons = [self.once, self.more, self.slow, self.restart]
        if hasattr(stepper, "seed"):
            self.seed = self._own(
                widgets.BoundedIntText(
                    value=stepper.seed,
                    min=0,
                    max=9999,
                    description="seed",
                    style={"description_width": "40px"},
                    layout=widgets.Layout(width="110px"),
                )
            )
            self._buttons.append(self.seed)

    def _button(self, label: str, told: str, width: int) -> widgets.Button:
        return self._own(widgets.Button(description=label, tooltip=told, layout=widgets.Layout(width=f"{width}px")))

    def _own(self, widget: widgets.Widget) -> Any:
        """Remember a widget, so that it is closed with the panel."""
        self._owned.append(widget)
        return widget

    # ------------------------------------------------------------ places on the page

    def _place(self) -> widgets.Widget:
        """Lay out the whole panel for one more place on the page, around a clock of its own where it is live."""
        clocks = []
        if self.live:
            clocks = [self._own(Clock())]
            clocks[0].interval = self._interval
            self._wire(clocks[0])
            self.clocks += clocks
        top = self._own(
            widgets.HBox([*clocks, *self._buttons], layout=widgets.Layout(flex_flow="row wrap", align_items="center"))
        )
        self._places.append(self._own(widgets.VBox([*self._above, top, *self._below])))
        return self._places[-1]

    def to_show(self) -> widgets.Widget:
        """Return the whole panel for a cell to show: one that no cell shows yet, if it is live."""
        if not self.live:
            return self.widget
        if all(clock.taken for clock in self.clocks):
            self._place()
        free = next(number for number, clock in enumerate(self.clocks) if not clock.taken)
        self.clocks[free].taken = True
        return self._places[free]

    # ------------------------------------------------------------ clocks

    @property
    def plays(self) -> bool:
        return any(clock.plays for clock in self.clocks)

    def start(self) -> None:
        """Let it play, in a place that can be seen."""
        next((clock for clock in self.clocks if clock._view_count), self.clocks[0]).run(True)

    def stop(self, *, but: Clock | None = None) -> None:
        """Stop all clocks, or all but one."""
        for clock in self.clocks:
            if clock is not but:
                clock.run(False)

    @property
    def _interval(self) -> int:
        return _SLOW_TICK_MS if self.slow.value else _TICK_MS

    def _on_slow(self, _: Any) -> None:
        for clock in self.clocks:
            clock.interval = self._interval

    # ------------------------------------------------------------ what is shown

    def take_size(self, width: int, height: int) -> None:
        """Make room for pictures of this many pixels."""
        self.image.width, self.image.height = str(width), str(height)
        self.image.layout.width, self.image.layout.max_width = f"{width}px", "100%"
        self.image.layout.height = "auto"

    def say(self, status: str, *, announced: bool) -> None:
        """Write the status line; a screen reader reads it out if it is ``announced``."""
        live = f'role="status" aria-live="{"polite" if announced else "off"}" aria-atomic="true"'
        self.status.value = f'<div {live} style="{STATUS}">{html.escape(status)}</div>'

    def warn(self, alert: str) -> None:
        """Write the alert, or take it away if it is empty."""
        self.alert.value = alert and f'<div role="alert" style="{ALERT}">{html.escape(alert)}</div>'

    def close(self) -> None:
        """Close every widget, in the front end too."""
        for widget in self._owned:
            for part in (getattr(widget, "layout", None), getattr(widget, "style", None), widget):
                if part is not None:
                    part.unobserve_all()
                    part.close()
        self._owned.clear()


def _text(text: str, css: str) -> widgets.HTML:
    return widgets.HTML(value=f'<div style="{css}">{html.escape(text)}</div>')
