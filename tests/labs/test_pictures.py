"""What a panel shows is what a drawing of everything would show, whatever was drawn before."""

import importlib
import io
import random

import numpy as np
import PIL.Image
import pytest
from matplotlib.patches import Rectangle

import browser
from gancourse.labs import _picture
from gancourse.labs._picture import Camera
from gancourse.labs.panel import Panel, Slider
from gancourse.plotting import style

ROUNDING, CORNERS, SHADES = 1, 20, 40
"""Words that are laid on from a picture of their own are rounded twice, so any pixel may differ by one shade. Where an
axis meets its spine the order of drawing is another, so that many pixels may differ by that much."""


def pixels(png):
    return np.asarray(PIL.Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def whole(figure):
    """Return the pixels of a drawing of everything."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)


def differ(panel):
    """Return how many pixels of the panel's picture differ from a drawing of everything, and how far."""
    shown = pixels(panel.png)
    difference = np.abs(shown - whole(panel._camera.figure)).max(axis=2)
    return int((difference > ROUNDING).sum()), int(difference.max())


def move(panel, chance):
    """Do what a learner may do: train a little, or move a control to one of its places."""
    if panel.live and chance.random() < 0.6:
        return panel.advance(chance.choice([1, 1, 5]))
    control = panel.controls[chance.choice(sorted(panel.controls))]
    if hasattr(control, "options"):
        values = [option[1] if isinstance(option, tuple) else option for option in control.options]
    elif isinstance(control.value, bool):
        values = [not control.value]
    else:
        steps = round((control.max - control.min) / control.step)
        values = [type(control.value)(control.min + control.step * chance.randint(0, steps))]
    control.value = chance.choice(values)


@pytest.fixture(params=browser.panels())
def panel(request):
    module, _, name = request.param.partition(".")
    made = getattr(importlib.import_module(f"gancourse.labs.{module}"), name)()
    yield made
    made.close()


def test_every_picture_of_a_panel_is_that_of_everything(panel):
    chance = random.Random(0)
    for _ in range(10):
        move(panel, chance)
        assert panel.alert_text == ""
        number, largest = differ(panel)
        assert number <= CORNERS and largest <= SHADES


# ---------------------------------------------------------------- the camera alone


class Shapes:
    """A static stepper with one of everything that moves under, over and beside what rests."""

    def __init__(self):
        self.place, self.high, self.word, self.colour, self.shown = 0.2, 1.0, "a", 0, True
        self.figure, (left, right) = style.figure(2, size=(5, 2.4), dpi=60)
        (self.line,) = left.plot([0, 1], [0, 1], "-")
        left.plot([0.5], [0.5], "*", markersize=20, zorder=5)
        left.text(0.1, 0.8, "rests")
        left.set(xlim=(0, 1), ylim=(0, 1), title="a title that rests")
        self.box = left.add_patch(Rectangle((0, 0), 0.2, 0.3, facecolor="#888888", edgecolor="black", linewidth=3))
        self.image = right.imshow(np.zeros((4, 4)), vmin=0, vmax=1, extent=(0, 1, 0, 1), aspect="auto")
        right.plot([0, 1], [0.3, 0.4], label="a line that rests")
        self.legend = right.legend(loc="upper left", frameon=True)
        self.text = right.text(0.9, 0.1, "", ha="right", color="white")

    def draw(self):
        self.line.set_ydata([self.place, 1 - self.place])
        self.box.set_x(self.place)
        self.box.axes.set_ylim(0, self.high)
        self.image.set_data(np.full((4, 4), self.place))
        self.text.set_text(self.word)
        self.legend.get_texts()[0].set_color(("black", "red")[self.colour])
        self.line.set_visible(self.shown)
        return self.figure

    def status(self):
        return "shapes"


@pytest.fixture
def shapes():
    made = Panel(Shapes(), name="shapes", title="Shapes", controls=[Slider("place", "place", 0, 1, hint="x", step=0.1)])
    yield made
    made.close()


def turn(panel, chance):
    """Change one thing."""
    stepper = panel.stepper
    attribute = chance.choice(["place", "place", "high", "word", "colour", "shown"])
    value = {
        "place": chance.randint(0, 10) / 10,
        "high": chance.choice([1.0, 2.0]),
        "word": chance.choice(["", "b", "gone far to the left"]),
        "colour": chance.randint(0, 1),
        "shown": chance.random() < 0.7,
    }[attribute]
    setattr(stepper, attribute, value)
    panel._show()


@pytest.mark.parametrize("seed", range(6))
def test_whatever_moves_the_picture_is_that_of_everything(shapes, seed):
    chance = random.Random(seed)
    for _ in range(15):
        turn(shapes, chance)
        number, largest = differ(shapes)
        assert number <= CORNERS and largest <= SHADES


@pytest.mark.parametrize(
    "name, value",
    [
        # nobody hears that an artist was touched; what lies over something that moves is drawn under it, twice; nobody
        # sees that limits moved
        ("_ring", lambda self, artist, told, part, stale: None),
        ("_lift", lambda self, artists: self._boxes.update({artist: self._box(artist) for artist in artists})),
        ("_adds_nothing", lambda self, artist, below: True),
        ("_looks_of_axes", lambda self: []),
    ],
)
def test_a_stale_layer_would_be_seen(name, value, monkeypatch):
    monkeypatch.setattr(Camera, name, value)
    made = Panel(Shapes(), name="shapes", title="Shapes", controls=[Slider("place", "place", 0, 1, hint="x", step=0.1)])
    chance, worst = random.Random(0), 0
    for _ in range(15):
        turn(made, chance)
        worst = max(worst, differ(made)[0])
    made.close()
    assert worst > 5 * CORNERS


def test_what_rests_is_drawn_once(shapes, monkeypatch):
    for place in (0.1, 0.2):
        shapes.controls["place"].value = place
    drawn, kept = [], []
    for artist in shapes._camera._in_order():
        monkeypatch.setattr(artist, "draw", lambda renderer, artist=artist: drawn.append(artist))
    monkeypatch.setattr(_picture.Camera, "_keep", lambda self, artists: kept.append(artists))
    shapes.controls["place"].value = 0.3
    stepper = shapes.stepper
    assert not kept and {stepper.line, stepper.box, stepper.image} <= set(drawn)
    assert stepper.box.axes.title not in drawn


def test_an_artist_that_comes_and_one_that_goes_are_seen(shapes):
    axes = shapes.stepper.figure.axes[0]
    for _ in range(3):
        added = axes.plot([0, 1], [0.9, 0.2], "-o")[0]
        shapes._show()
        assert differ(shapes)[0] <= CORNERS
        added.remove()
        shapes._show()
        assert differ(shapes)[0] <= CORNERS


def test_a_picture_that_somebody_else_draws_in_between_disturbs_nothing(shapes):
    """Drawing by others clears matplotlib's own flags of what is stale."""
    for place in (0.3, 0.6, 0.9):
        shapes.stepper.place = place
        figure = shapes.stepper.draw()
        style.png(figure)
        figure.canvas.draw()
        shapes._show()
        assert differ(shapes)[0] <= CORNERS
