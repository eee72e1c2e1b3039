"""What of a panel is filmed for the web site, and the filming: a panel is moved as a learner moves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gancourse._numbers import real, whole
from gancourse.labs._stepper import Diverged
from gancourse.labs.panel import Panel

__all__ = ["MOST_FRAMES", "Film", "Take", "shoot"]

MOST_FRAMES = 60
"""Of one take."""


@dataclass(frozen=True)
class Take:
    """What was filmed with one value of the choice.

    Attributes:
        pictures: PNG bytes of each frame, all of one size.
        words: the status line of each frame.
    """

    pictures: list[bytes]
    words: list[str]


@dataclass(frozen=True)
class Film:
    """What the site shows of a panel: a few takes, of which a visitor chooses one.

    A live panel is filmed while it trains, ``steps`` steps from frame to frame. A static one is filmed
    while its control ``moved`` goes through ``places``, a frame at each.

    Args:
        name: the name of the panel.
        make: returns the panel, without arguments.
        choice: attribute of the control that the visitor chooses with; "" for the panel's actions.
        values: what the buttons show -> value of that control, or method of that action.
        frames: of a take of a live panel, at most 60.
        steps: from one frame to the next.
        moved: attribute of the control that a static panel is filmed with.
        places: its values, frame by frame, at most 60.
        per_second: frames a second.
        note: a sentence for under the film, where it differs from the panel in the notebook.
    Raises:
        ValueError: one of them is out of range.
    """

    name: str
    make: Callable[[], Panel]
    choice: str
    values: Mapping[str, Any]
    frames: int = 48
    steps: int = 1
    moved: str = ""
    places: Sequence[Any] = ()
    per_second: float = 15
    note: str = ""

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError(f"film {self.name!r} must have at least one value to choose, got none")
        if bool(self.moved) != bool(self.places):
            raise ValueError(f"film {self.name!r} must have both moved and places, or neither")
        for what, number, most in (
            ("frames", len(self.places) if self.moved else self.frames, MOST_FRAMES),
            ("steps", self.steps, 1_000_000),
        ):
            if (count := whole(number)) is None or not 1 <= count <= most:
                raise ValueError(f"film {self.name!r} must have 1 to {most:,} {what}, got {number!r}")
        if (rate := real(self.per_second)) is None or not 0 < rate <= 60:
            raise ValueError(f"film {self.name!r} must have up to 60 frames per_second, got {self.per_second!r}")


def shoot(film: Film, value: Any) -> Take:
    """Film a fresh panel with one value of the choice.

    A training that diverges ends the take: its last frame keeps the last good picture and says what happened.

    Args:
        film: what to film.
        value: one of ``film.values``' values.
    Returns:
        The frames, the first of them before any step.
    Raises:
        RuntimeError: the panel has stopped for another reason, which the message repeats.
    """
    panel = film.make()
    try:
        if film.choice:
            panel.controls[film.choice].value = value
        else:
            panel.actions[value].click()
        take = Take([], [])
        for place in film.places or range(film.frames):
            try:
                if film.moved:
                    panel.controls[film.moved].value = place
                elif place > 0:
                    panel.advance(film.steps)
            except Diverged as problem:
                take.pictures.append(panel.png)
                take.words.append(f"Training has diverged: {problem}.")
                return take
            if panel.alert_text:
                raise RuntimeError(f"panel {panel.name!r} cannot be filmed with {value!r}: {panel.alert_text}")
            take.pictures.append(panel.png)
            take.words.append(panel.status_text)
        return take
    finally:
        panel.close()
