"""What learners set on a panel, and when the stepper is told."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from gancourse.labs._controls import Control, Slider

__all__ = ["Moves"]


class Moves:
    """The moves of a panel's controls, which wait until the stepper is between two steps.

    Args:
        stepper: whose attributes the controls set.
        controls: what can be moved.
        shown: their widgets, by attribute.
        draw: called when a move waits.
    """

    def __init__(
        self,
        stepper: Any,
        controls: Sequence[Control],
        shown: Mapping[str, widgets.Widget],
        draw: Callable[[Any], None],
    ) -> None:
        self._stepper, self._shown, self._draw = stepper, shown, draw
        self._waiting = deque[tuple[Control, Any]]()
        self._start = {attribute: widget.value for attribute, widget in shown.items()}
        self.putting_back = False
        for control in controls:
            shown[control.attribute].observe(self._on_move(control), "value")

    def _on_move(self, control: Control) -> Callable[[dict[str, Any]], None]:
        def moved(change: dict[str, Any]) -> None:
            old, new = change["old"], change["new"]
            if isinstance(control, Slider) and math.isclose(old, new, rel_tol=1e-9, abs_tol=1e-12):
                return  # a browser that shows a slider may send its value back with another last digit
            if not self._waits(control.attribute) and getattr(self._stepper, control.attribute) == new:
                return  # the control follows the stepper
            self._waiting.append((control, new))
            self._draw(change)

        return moved

    def _waits(self, attribute: str) -> bool:
        return any(control.attribute == attribute for control, _ in self._waiting)

    def tell(self) -> Iterator[tuple[Control, Any]]:
        """Set the stepper's attributes, one after the other, and yield each move when that is done."""
        while self._waiting:
            control, value = self._waiting.popleft()
            setattr(self._stepper, control.attribute, value)
            yield control, value

    def follow(self) -> None:
        """Put the controls where the stepper has set its attributes itself."""
        for attribute, widget in self._shown.items():
            value = getattr(self._stepper, attribute)
            if widget.value != value and not self._waits(attribute):
                widget.value = value

    def put_back(self) -> None:
        """Put every control back to where it started; the moves wait."""
        self.putting_back = True
        try:
            for attribute, value in self._start.items():
                self._shown[attribute].value = value
        finally:
            self.putting_back = False
