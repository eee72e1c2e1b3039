"""Filming a panel: it is moved as a learner moves it, and what was filmed is what the panel showed."""

import importlib

import pytest

import browser
from gancourse.labs._film import Film, shoot
from gancourse.labs.panel import Action, Choice, Diverged, Panel, Slider
from gancourse.plotting import style


class Walk:
    """A point that walks along a line, and falls off it at 10."""

    def __init__(self):
        self.stride, self.way = 1.0, "right"
        self.figure, ax = style.figure(size=(2.0, 1.5))
        (self.dot,) = ax.plot([0], [0], "o")
        ax.set_xlim(-10, 10)
        self.reset()

    def reset(self):
        self.steps_done, self.place = 0, 0.0

    def step(self):
        self.place += self.stride if self.way == "right" else -self.stride
        self.steps_done += 1
        if self.place > 10:
            raise Diverged(f"at step {self.steps_done} the point fell off")

    def turn(self):
        self.way = "left"

    def draw(self):
        self.dot.set_data([self.place], [0])
        return self.figure

    def status(self):
        return f"Step {self.steps_done}: {self.place:g}."


class Lamp:
    """No training: how bright it is."""

    def __init__(self):
        self.watts, self.colour = 5.0, "red"
        self.figure, self.ax = style.figure(size=(2.0, 1.5))
        (self.bar,) = self.ax.bar([0], [1])
        self.ax.set_ylim(0, 100)

    def draw(self):
        if self.watts == 13:
            raise ValueError("the bulb broke")
        self.bar.set_height(self.watts)
        return self.figure

    def status(self):
        return f"{self.colour}, {self.watts:g} W"


def walk():
    controls = [Slider("stride", "stride", 1.0, 5.0, step=1, hint=".")]
    return Panel(Walk(), name="walk", title="A walk", controls=controls, actions=[Action("turn", "turn", ".")])


def lamp():
    controls = [Slider("watts", "watts", 1, 100, step=1, hint="."), Choice("colour", "colour", ["red", "blue"], ".")]
    return Panel(Lamp(), name="lamp", title="A lamp", controls=controls)


def test_a_live_panel_is_filmed_step_by_step_with_the_chosen_value():
    take = shoot(Film("walk", walk, "stride", {"two": 2.0}, frames=3, steps=2), 2.0)
    places = [words.split(" Since")[0] for words in take.words]
    assert places == ["Step 0: 0.", "Step 2: 4.", "Step 4: 8."]
    assert len(set(take.pictures)) == 3 and all(picture.startswith(b"\x89PNG") for picture in take.pictures)


def test_an_action_is_pressed_before_the_first_frame():
    take = shoot(Film("walk", walk, "", {"turn": "turn"}, frames=2, steps=3), "turn")
    assert take.words == ["Step 0: 0.", "Step 3: -3."]


def test_a_static_panel_is_filmed_while_its_control_moves():
    take = shoot(Film("lamp", lamp, "colour", {"blue": "blue"}, moved="watts", places=[10, 40, 90]), "blue")
    assert take.words == ["blue, 10 W", "blue, 40 W", "blue, 90 W"] and len(set(take.pictures)) == 3


def test_a_divergence_ends_the_take_with_its_last_good_picture():
    take = shoot(Film("walk", walk, "stride", {"5": 5.0}, frames=9), 5.0)
    assert take.words[-2].startswith("Step 2: 10.")
    assert take.words[-1] == "Training has diverged: at step 3 the point fell off."
    assert len(take.pictures) == 4 and take.pictures[-1] == take.pictures[-2]


def test_a_panel_that_fails_is_not_filmed():
    with pytest.raises(RuntimeError, match="'lamp' cannot be filmed with 'red': .*the bulb broke"):
        shoot(Film("lamp", lamp, "colour", {"red": "red"}, moved="watts", places=[12, 13]), "red")


@pytest.mark.parametrize(
    "settings, wrong",
    [
        ({"values": {}}, "at least one value"),
        ({"frames": 61}, "1 to 60 frames, got 61"),
        ({"steps": 0}, "steps, got 0"),
        ({"moved": "stride"}, "both moved and places"),
        ({"moved": "stride", "places": range(61)}, "1 to 60 frames, got 61"),
        ({"per_second": 0}, "per_second, got 0"),
    ],
)
def test_a_film_out_of_range_is_refused(settings, wrong):
    with pytest.raises(ValueError, match=wrong):
        Film(**{"name": "walk", "make": walk, "choice": "stride", "values": {"1": 1.0}, **settings})


@pytest.mark.parametrize("maker", browser.panels())
def test_every_panel_says_what_to_film_of_it(maker):
    module, _, name = maker.partition(".")
    lab = importlib.import_module(f"gancourse.labs.{module}")
    (film,) = [film for film in lab.FILMS if film.make is getattr(lab, name)]
    panel = film.make()
    try:
        assert film.name == panel.name
        for value in film.values.values():
            if film.choice:
                panel.controls[film.choice].value = value
                assert getattr(panel.stepper, film.choice) == value and panel.alert_text == ""
            else:
                assert value in panel.actions
        assert bool(film.moved) != panel.live and (film.moved or None) != film.choice
    finally:
        panel.close()
