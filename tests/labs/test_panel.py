"""The panel around a stepper: what it does when pressed, what it says, and what it leaves behind."""

import base64
import io
import threading
import time

import ipywidgets
import numpy as np
import PIL.Image
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gancourse.labs.panel import Action, Choice, Diverged, Panel, Slider, Switch, check_finite
from gancourse.plotting import style


class Walk:
    """A stepper without networks: a point walks, and its numbers break at step ``breaks_at``."""

    def __init__(self, seed=0, breaks_at=None, seconds=0.0):
        self.seed, self.stride, self.gait, self.backwards = seed, 0.1, "walk", False
        self.rate = 1e-3
        self.breaks_at, self.seconds, self.drawn, self.resets = breaks_at, seconds, 0, -1
        self.figure = Figure(figsize=(1, 1))  # quick to draw
        self.point = self.figure.add_artist(Line2D([0], [0.5], marker="o"))
        self.reset()

    def reset(self):
        self.steps_done, self.place = 0, float(self.seed)
        self.resets += 1

    def step(self):
        time.sleep(self.seconds)
        self.place += self.stride
        self.steps_done += 1
        if self.breaks_at is not None:
            check_finite(self.steps_done, d_loss=float("nan") if self.steps_done >= self.breaks_at else 1.0)

    def draw(self):
        self.drawn += 1
        self.point.set_data([self.place / 10 % 1], [0.5])
        return self.figure

    def status(self):
        return f"Step {self.steps_done}: at {self.place:.1f}."


class Still:
    """A static stepper: two attributes and a picture."""

    def __init__(self):
        self.shift, self.width, self.drawn = 0.0, 1.0, 0
        self.figure = Figure(figsize=(1, 1))
        self.line = self.figure.add_artist(Line2D([0, 1], [0, 1]))

    def draw(self):
        self.drawn += 1
        self.line.set_ydata([0, self.shift])
        return self.figure

    def status(self):
        return f"The shift is {self.shift:.2f}, the width {self.width:.2f}."


CONTROLS = [
    Slider("stride", "stride", 0.01, 1.0, hint="Try 1."),
    Slider("rate", "rate", 1e-5, 1e-1, log=True, hint="Try 0.1."),
    Choice("gait", "gait", ["walk", "slow_march"], hint="Try to march."),
    Switch("backwards", "backwards", hint="Try it.", restarts=True),
]


def live_widgets():
    """Count the widgets that are open in this process, in ipywidgets 7 and 8."""
    from ipywidgets.widgets import widget

    return len(widget._instances if hasattr(widget, "_instances") else ipywidgets.Widget.widgets)


@pytest.fixture(autouse=True)
def nothing_left_open():
    before = live_widgets()
    yield
    from gancourse.labs import panel

    for opened in list(panel._OPEN.values()):
        opened.close()
    assert live_widgets() == before, "a closed panel left widgets behind"


def walk(**kwargs):
    keep = {key: kwargs.pop(key) for key in ("steps_per_tick", "seconds_per_tick", "controls") if key in kwargs}
    return Panel(Walk(**kwargs), name="walk", title="A walk", **({"controls": CONTROLS} | keep))


# ---------------------------------------------------------------- pressing things


def test_building_draws_once_and_trains_nothing():
    panel = walk()
    assert panel.stepper.steps_done == 0 and panel.stepper.drawn == 1 and panel.frames == 1
    assert panel.status_text == "Step 0: at 0.0." and panel.alert_text == ""
    assert panel.play.interval == 40 and panel.play.value == 0


def test_buttons_do_what_they_say():
    panel = walk()
    panel.once.click()
    assert panel.stepper.steps_done == 1 and panel.frames == 2
    panel.more.click()
    assert panel.stepper.steps_done == 51 and panel.frames == 3
    assert panel.status_text.startswith("Step 51: at 5.1.")
    panel.restart.click()
    assert panel.stepper.steps_done == 0 and panel.status_text == "Step 0: at 0.0."


def test_a_tick_is_bounded_in_time_and_draws_one_frame():
    panel = walk(seconds=0.01, seconds_per_tick=0.06)
    start = time.perf_counter()
    panel.play.value += 1
    took = time.perf_counter() - start
    assert 1 <= panel.stepper.steps_done <= 6 and panel.frames == 2
    assert took < 1.0
    panel.stepper.seconds = 0.04  # a second step would end after the tick
    before = panel.stepper.steps_done
    panel.play.value += 1
    assert panel.stepper.steps_done == before + 1
    panel.stepper.seconds = 0.01
    panel._seconds_per_tick = 1e-9
    panel.play.value += 1
    assert panel.frames == 4
    panel.stepper.seconds = 0.15  # one step is longer than a tick: one step is done, no more
    before = panel.stepper.steps_done
    panel.play.value += 1
    assert panel.stepper.steps_done == before + 1, "less than one step is no step"


def test_steps_get_what_drawing_leaves_of_a_tick():
    panel = walk(seconds=0.01, seconds_per_tick=0.3)
    draw = panel.stepper.draw
    panel.stepper.draw = lambda: time.sleep(0.25) or draw()
    for most in (30, 5, 5):  # how long drawing takes is known from the picture before
        before = panel.stepper.steps_done
        panel.play.value += 1
        assert 1 <= panel.stepper.steps_done - before <= most
    panel.stepper.draw = lambda: time.sleep(0.4) or draw()
    panel.play.value += 1
    before = panel.stepper.steps_done
    panel.play.value += 1
    assert panel.stepper.steps_done == before + 1, "one step is always done"


def test_a_tick_is_bounded_in_steps_and_slow_motion_does_one():
    panel = walk(steps_per_tick=7, seconds_per_tick=5.0)
    panel.play.value += 1
    assert panel.stepper.steps_done == 7
    panel.slow.value = True
    assert panel.play.interval == 500
    panel.play.value += 1
    assert panel.stepper.steps_done == 8
    panel.slow.value = False
    assert panel.play.interval == 40


def test_messages_that_were_dropped_on_the_way_are_not_made_up_for():
    panel = walk(steps_per_tick=1)
    panel.play.value = 40
    assert panel.stepper.steps_done == 1 and panel.frames == 2


def test_the_stop_button_does_no_work():
    panel = walk(steps_per_tick=1)
    panel.play.value = 5
    panel.play.value = 0  # what Stop sends
    assert panel.stepper.steps_done == 1 and panel.frames == 2
    panel.play.value = 1
    assert panel.stepper.steps_done == 2


def test_the_seed_starts_again():
    panel = walk()
    panel.more.click()
    panel.seed.value = 3
    assert panel.stepper.seed == 3 and panel.stepper.steps_done == 0
    assert panel.status_text == "Step 0: at 3.0. Started again with seed 3."


# ---------------------------------------------------------------- controls


@pytest.mark.parametrize(
    "attribute, value, said",
    [
        ("stride", 0.5, "Since step 50, stride is now 0.5."),
        ("rate", 0.1, "Since step 50, rate is now 0.1."),
        ("gait", "slow_march", "Since step 50, gait is now slow march."),
        ("backwards", True, "Started again: backwards is now on."),
    ],
)
def test_a_control_sets_its_attribute_and_the_status_says_so(attribute, value, said):
    panel = walk()
    panel.more.click()
    panel.controls[attribute].value = value
    assert getattr(panel.stepper, attribute) == pytest.approx(value) if attribute != "gait" else value
    assert panel.status_text.endswith(said)
    assert panel.stepper.steps_done == (0 if attribute == "backwards" else 50)


@pytest.mark.parametrize("low, high, value", [(0.01, 1, 0.1), (-3, 3, 0), (0.5, 2, 1.0), (0, 1, 0.35), (0, 7, 1 / 8)])
def test_a_slider_can_stand_where_it_starts(low, high, value):
    slider = slider_at(value, Slider("shift", "shift", low, high, hint="x"))
    steps = (slider.value - slider.min) / slider.step
    assert slider.value == value and abs(steps - round(steps)) < 1e-6 and 50 <= (high - low) / slider.step <= 10_000


def test_a_slider_whose_value_comes_back_with_another_last_digit_has_not_moved():
    panel = walk()
    panel.controls["stride"].value = 0.1 + 1e-15
    assert panel.frames == 1 and panel.status_text == "Step 0: at 0.0."
    panel.controls["stride"].value = 0.11
    assert panel.frames == 2


def test_a_logarithmic_slider_stands_on_round_numbers_and_on_its_start():
    slider = slider_at(4e-3, Slider("shift", "shift", 1e-3, 1e-2, log=True, hint="x"))
    assert slider.value == 4e-3
    assert [label for label, _ in slider.options] == [
        "0.001",
        "0.0015",
        "0.002",
        "0.003",
        "0.004",
        "0.005",
        "0.007",
        "0.01",
    ]


def slider_at(value, slider):
    stepper = Still()
    stepper.shift = value
    return Panel(stepper, name="still", title="Still", controls=[slider]).controls["shift"]


def test_a_static_panel_draws_once_per_move_and_resets_its_controls():
    panel = Panel(
        Still(),
        name="still",
        title="Still",
        controls=[Slider("shift", "shift", -3, 3, hint="Try 3."), Slider("width", "width", 0.5, 2, hint="Try 2.")],
    )
    assert panel.play is None and panel.seed is None and panel.stepper.drawn == 1
    panel.controls["shift"].value = 2.0
    assert panel.stepper.drawn == 2 and panel.status_text == "The shift is 2.00, the width 1.00."
    panel.controls["width"].value = 2.0
    before = panel.stepper.drawn
    panel.restart.click()
    assert (panel.stepper.shift, panel.stepper.width) == (0.0, 1.0)
    assert panel.controls["shift"].value == 0.0 and panel.stepper.drawn == before + 1


def test_moves_that_wait_for_the_lock_are_drawn_together():
    panel = Panel(Still(), name="still", title="Still", controls=[Slider("shift", "shift", -3, 3, hint="Try 3.")])
    movers = []
    with panel._lock:  # as if a tick were at work
        for value in (0.5, 1.0, 1.5, 2.0, 2.5):
            mover = threading.Thread(target=panel.controls["shift"].set_trait, args=("value", value))
            mover.start()
            movers.append(mover)
            time.sleep(0.05)
        assert panel.stepper.shift == 0.0, "a control changed the stepper in the middle of its work"
    for mover in movers:
        mover.join(10)
    assert panel.stepper.shift == 2.5 and panel.status_text.startswith("The shift is 2.50")
    assert panel.stepper.drawn == 2, "five moves at once cost one picture"


def test_each_control_carries_a_sentence_on_what_to_try():
    panel = walk()
    texts = " ".join(part.value for part in all_parts(panel.widget) if isinstance(part, ipywidgets.HTML))
    for control in CONTROLS:
        assert control.hint in texts
    assert all(control.description for control in panel.controls.values())
    for button in (panel.once, panel.more, panel.restart, panel.slow):
        assert button.description and button.tooltip


def all_parts(widget):
    return [widget] + [part for child in getattr(widget, "children", ()) for part in all_parts(child)]


def test_what_is_written_is_escaped():
    stepper = Still()
    stepper.status = lambda: "a < b & <script>c</script>"
    panel = Panel(stepper, name="still", title="1 < 2", controls=[Slider("a<b", "shift", -3, 3, hint="<b>no</b>")])
    texts = " ".join(part.value for part in all_parts(panel.widget) if isinstance(part, ipywidgets.HTML))
    assert "<script>" not in texts and "&lt;script&gt;" in texts
    assert "<b>no" not in texts and "1 &lt; 2" in texts


# ---------------------------------------------------------------- trouble


def test_divergence_is_said_in_words_stops_the_clock_and_reset_recovers():
    panel = walk(breaks_at=20, steps_per_tick=1)
    panel.play.value += 1  # as the front end does while it plays
    for trait in ("playing", "_playing"):
        if panel.play.has_trait(trait):
            setattr(panel.play, trait, True)
    png = panel.png
    panel.more.click()
    assert panel.alert_text.startswith("Training has diverged: at step 20, d_loss became not a number.")
    assert 'role="alert"' in panel.alert.value and "Reset" in panel.alert_text
    assert not any(getattr(panel.play, trait) for trait in ("playing", "_playing") if panel.play.has_trait(trait))
    assert panel.png == png, "the last good picture stays"
    assert panel.restart.button_style == "warning"
    done = panel.stepper.steps_done
    panel.play.value += 1
    panel.once.click()
    assert panel.stepper.steps_done == done and "at step 20" in panel.alert_text, "nothing goes on from broken numbers"
    panel.restart.click()
    assert panel.alert_text == "" and panel.alert.value == "" and panel.restart.button_style == ""
    panel.once.click()
    assert panel.stepper.steps_done == 1 and panel.alert_text == ""


def test_moving_a_slider_does_not_hide_that_training_has_diverged():
    panel = walk(breaks_at=2)
    panel.more.click()
    frames = panel.frames
    panel.controls["stride"].value = 0.5
    assert "diverged" in panel.alert_text and panel.frames == frames and panel.stepper.stride == 0.5
    panel.controls["backwards"].value = True  # this one starts again
    assert panel.alert_text == "" and panel.frames == frames + 1


def test_an_error_of_the_stepper_is_shown_and_the_next_good_press_clears_it():
    panel = walk()
    good = panel.stepper.step

    def broken():
        raise RuntimeError("the <mat> is wet")

    panel.stepper.step = broken
    panel.once.click()
    assert panel.alert_text == "Something went wrong in this panel: RuntimeError: the <mat> is wet"
    assert "&lt;mat&gt;" in panel.alert.value and 'role="alert"' in panel.alert.value
    panel.stepper.step = good
    panel.once.click()
    assert panel.alert_text == "" and panel.stepper.steps_done == 1


def test_an_interrupted_tick_stops_the_clock_in_words():
    panel = walk()
    panel.stepper.step = lambda: (_ for _ in ()).throw(KeyboardInterrupt)
    panel.play.value += 1
    assert panel.alert_text.startswith("You interrupted the kernel")


def test_a_page_that_is_loaded_again_finds_the_clock_standing():
    panel = walk()
    names = [trait for trait in ("playing", "_playing") if panel.play.has_trait(trait)]
    for name in names:
        setattr(panel.play, name, True)
    assert names and not any(panel.play.get_state()[name] for name in names)
    assert all(panel.play.get_state(name)[name] for name in names), "while it plays, the front end is told the truth"


def test_an_error_in_the_first_picture_is_raised_and_leaves_nothing_behind():
    stepper = Walk()
    stepper.draw = lambda: 1 / 0
    older = walk()
    with pytest.raises(ZeroDivisionError):
        Panel(stepper, name="walk", title="A walk", controls=CONTROLS)
    older.once.click()
    assert older.stepper.steps_done == 1, "the older panel is still there"


def test_advance_raises_to_whoever_calls_it():
    panel = walk(breaks_at=3)
    panel.advance(2)
    with pytest.raises(Diverged, match="at step 3, d_loss became not a number"):
        panel.advance(1)


@pytest.mark.parametrize("steps", [0, -1, 2.0, True, "3"])
def test_advance_refuses_what_is_no_number_of_steps(steps):
    with pytest.raises(ValueError, match=f"steps must be a positive whole number, got {steps!r}"):
        walk().advance(steps)


def test_a_static_panel_does_not_advance():
    with pytest.raises(RuntimeError, match="panel 'still' is static"):
        Panel(Still(), name="still", title="Still").advance(1)


@pytest.mark.parametrize("number, word", [(float("nan"), "not a number"), (float("-inf"), "infinite")])
def test_check_finite_names_step_and_number(number, word):
    check_finite(4, d_loss=1.0, g_loss=np.float32(2))
    with pytest.raises(Diverged, match=f"at step 5, g_loss became {word}"):
        check_finite(5, d_loss=1.0, g_loss=number)


# ---------------------------------------------------------------- actions, and steppers that change themselves


class Dancer(Walk):
    """A walk that can be told to march, and that marches backwards from step 3 on."""

    def march(self):
        self.gait, self.rate, self.breaks_at = "slow_march", 5e-3, None

    def step(self):
        super().step()
        self.backwards = self.steps_done >= 3


def dance(**kwargs):
    rate = Slider("rate", "rate", 1e-5, 1e-1, log=True, hint="Try 0.1.")
    return Panel(Dancer(**kwargs), name="dance", title="A dance", controls=[CONTROLS[0], rate, *CONTROLS[2:]],
                 actions=[Action("march", "march", "from here on with a <drum>")])  # fmt: skip


def test_an_action_calls_its_method_moves_the_controls_and_lets_it_play():
    panel = dance()
    frames = panel.frames
    panel.actions["march"].click()
    assert (panel.controls["gait"].value, panel.controls["rate"].value) == ("slow_march", 5e-3)
    assert (panel.stepper.gait, panel.stepper.rate) == ("slow_march", 5e-3)
    assert panel.frames == frames + 1 and panel.stepper.steps_done == 0 and panel.stepper.resets == 0
    assert any(panel.play.has_trait(trait) and getattr(panel.play, trait) for trait in ("playing", "_playing"))
    assert "from here on with a &lt;drum&gt;" in "".join(getattr(part, "value", "") for part in all_texts(panel.widget))


def all_texts(widget):
    return [part for part in all_parts(widget) if isinstance(part, ipywidgets.HTML)]


def test_controls_follow_a_stepper_that_changes_itself_and_learners_may_still_move_them():
    panel = dance()
    panel.advance(2)
    assert panel.controls["backwards"].value is False
    panel.advance(1)
    assert panel.controls["backwards"].value is True and panel.stepper.resets == 0 and panel.stepper.steps_done == 3
    assert "Started again" not in panel.status_text and "Since" not in panel.status_text  # nobody has moved anything
    panel.controls["stride"].value = 0.5
    assert panel.stepper.stride == 0.5 and "stride is now 0.5" in panel.status_text


def test_a_move_that_waits_is_not_overwritten_by_following(monkeypatch):
    panel = dance()
    with monkeypatch.context() as busy:  # a move comes while steps are being done, and waits
        busy.setattr(panel, "_apply_moves", lambda: False)
        panel.controls["stride"].value = 0.7
        panel._show()  # the steps end with a picture
        assert panel.stepper.stride == 0.1
    assert panel.controls["stride"].value == 0.7
    panel.advance(1)
    assert panel.stepper.stride == panel.controls["stride"].value == 0.7


def test_an_action_leaves_a_divergence_behind():
    panel = dance(breaks_at=2)
    panel.more.click()
    assert "Training has diverged" in panel.alert_text and panel.restart.button_style == "warning"
    panel.actions["march"].click()
    assert panel.alert_text == "" and panel.restart.button_style == ""
    panel.advance(2)
    assert panel.stepper.steps_done > 2


# ---------------------------------------------------------------- bad input


class NoDraw:
    def status(self):
        return ""


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"stepper": NoDraw()}, TypeError, "stepper must have draw, status; NoDraw lacks draw"),
        ({"name": ""}, ValueError, "name must be a word to know the panel by, got ''"),
        ({"controls": [CONTROLS[0]] * 6}, ValueError, "a panel takes at most 5 sliders, got 6"),
        ({"controls": [CONTROLS[2]] * 8}, ValueError, "a panel takes at most 7 controls, got 8"),
        (
            {"actions": [Action("fly", "fly", "x")]},
            ValueError,
            "action 'fly' calls 'fly', but Walk has no such method",
        ),
        (
            {"stepper": Still(), "actions": [Action("a", "draw", "x")]},
            ValueError,
            "action 'a' calls 'draw', but Still is static",
        ),
        ({"controls": [CONTROLS[0]] * 2}, ValueError, "two controls set 'stride'; one is enough"),
        (
            {"controls": [Slider("speed", "speed", 0, 1, hint="x")]},
            ValueError,
            "control 'speed' sets 'speed', but Walk has no such attribute",
        ),
        (
            {"controls": [Slider("stride", "stride", 1, 2, hint="x")]},
            ValueError,
            "slider 'stride' goes from 1 to 2, but the stepper's stride is 0.1",
        ),
        (
            {"controls": [Slider("stride", "stride", 0, 2, log=True, hint="x")]},
            ValueError,
            "slider 'stride' needs 0 < low < high on a logarithmic slider, got low=0, high=2",
        ),
        (
            {"controls": [Slider("gait", "gait", 0, 2, hint="x")]},
            ValueError,
            "slider 'gait' goes from 0 to 2, but the stepper's gait is 'walk'",
        ),
        (
            {"controls": [Choice("gait", "gait", ["run"], hint="x")]},
            ValueError,
            "choice 'gait' offers 'run', but the stepper's gait is 'walk'",
        ),
        (
            {"controls": [Switch("gait", "gait", hint="x")]},
            ValueError,
            "switch 'gait' needs True or False, but the stepper's gait is 'walk'",
        ),
        (
            {"controls": [Slider("stride", "stride", 0.01, 1, step=0.04, hint="x")]},
            ValueError,
            "slider 'stride' starts at 0.1, which is not a whole number of steps from 0.01; give step=",
        ),
        (
            {"controls": [Slider("rate", "rate", 1e-5, 1, log=True, step=0.5, hint="x")]},
            ValueError,
            "slider 'rate' is logarithmic: whole and step have no meaning there",
        ),
        ({"stepper": Walk(seed=-1)}, ValueError, "the stepper's seed must be from 0 to 9999, got -1"),
        ({"steps_per_click": 0}, ValueError, "steps_per_click must be a positive whole number, got 0"),
        ({"steps_per_tick": 2.5}, ValueError, "steps_per_tick must be a positive whole number, got 2.5"),
        ({"seconds_per_tick": 0}, ValueError, "seconds_per_tick must be positive, got 0"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(arguments, error, message):
    with pytest.raises(error) as caught:
        Panel(**({"stepper": Walk(), "name": "walk", "title": "A walk"} | arguments))
    assert str(caught.value) == message


# ---------------------------------------------------------------- leaks, and what is stored


def test_fifty_panels_of_one_name_leave_the_widgets_of_one():
    walk()
    before = live_widgets()
    for _ in range(50):
        panel = walk()
    assert live_widgets() == before
    panel.once.click()
    assert panel.stepper.steps_done == 1, "the youngest works"


def test_panels_of_other_names_live_side_by_side():
    first = walk()
    Panel(Walk(), name="another", title="Another walk")
    first.once.click()
    assert first.stepper.steps_done == 1 and first.widget.comm is not None


def test_a_closed_panel_does_nothing_and_still_shows_its_picture():
    old = walk()
    walk()
    stepper = Walk()
    third = Panel(stepper, name="third", title="Third")
    third.close()
    third.play.value += 1
    third.more.click()
    assert stepper.steps_done == 0 and third.alert_text == ""
    with pytest.raises(RuntimeError, match="panel 'third' is closed: it has no steps to do"):
        third.advance(1)
    assert third.stepper is None, "what Jupyter remembers of it should not hold the networks"
    assert set(old._repr_mimebundle_()) == {"text/plain", "image/png"}


def test_the_output_holds_widget_picture_and_words():
    panel = walk()
    panel.more.click()
    bundle = panel._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == panel.widget.model_id
    stored = PIL.Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    shown = PIL.Image.open(io.BytesIO(panel.png))
    apart = np.abs(np.asarray(stored.convert("RGB")).astype(int) - np.asarray(shown.convert("RGB")))
    assert apart.mean() < 3 and stored.mode == "P"
    assert len(bundle["image/png"]) < 40_000
    assert bundle["text/plain"].startswith("A walk. Step 50: at 5.0.")
    panel.title = "Is it a walk?"
    assert repr(panel).startswith("Is it a walk? Step 50: at 5.0.")


def line(ax):
    (drawn,) = ax.plot([0.1, 0.4], [0.2, 0.9], label="a line")
    return lambda: drawn.set_data([0.2, 0.8], [0.7, 0.3])


def limits(ax):
    (drawn,) = ax.plot([0.1, 0.4], [0.2, 0.9])
    return lambda: (drawn.set_data([1, 7], [4, 2]), ax.set(xlim=(0, 10), ylim=(0, 5)))


def labels(ax):
    ax.set(xlabel="some", ylabel="words", title="here")
    return lambda: ax.set(xlabel="other", ylabel="labels", title="and title")


def legend(ax):
    drawn = ax.bar([1, 2, 3], [1, 2, 3], label="bars")
    shown = ax.legend(frameon=True, loc="upper left")
    return lambda: (drawn[0].set_height(3), shown.get_texts()[0].set_text("more bars"))


def bare_legend(ax):
    ax.plot([0.1, 0.4], [0.9, 0.2], label="a line")
    shown = ax.legend(frameon=False, loc="lower left")
    return lambda: shown.get_texts()[0].set_text("the same")


def image_and_axes_off(ax):
    drawn = ax.imshow(np.zeros((4, 4)), vmin=0, vmax=1)
    ax.axis("off")
    return lambda: drawn.set_data(np.eye(4))


def twin(ax):
    (drawn,) = ax.twinx().plot([0.1, 0.4], [20, 90])
    return lambda: drawn.set_ydata([50, 30])


def inset(ax):
    inside = ax.inset_axes([0.5, 0.5, 0.4, 0.4])
    (drawn,) = inside.plot([0, 1], [0, 1])
    return lambda: drawn.set_ydata([1, 0])


def cleared(ax):
    ax.plot([0.1, 0.4], [0.2, 0.9])
    return lambda: (ax.clear(), ax.plot([0, 3], [5, 2]))


def behind(ax):
    (drawn,) = ax.plot([0, 1], [0, 1], color="red", linewidth=9, zorder=5)
    ax.plot([0, 1], [1, 0], color="blue", linewidth=9, zorder=3)
    return lambda: drawn.set_ydata([0.2, 0.8])


def three_dimensions(ax):
    figure = ax.figure
    ax.remove()
    figure.set_layout_engine("none")  # matplotlib 3.8's layout of such axes takes eight drawings to come to rest
    solid = figure.add_subplot(projection="3d")
    (drawn,) = solid.plot([0, 1], [0, 1], [0, 1])
    return lambda: drawn.set_data_3d([0, 1], [1, 0], [0, 0.5])


def on_the_figure(ax):
    words = ax.figure.suptitle("before")
    return lambda: words.set_text("after")


@pytest.mark.parametrize(
    "drawing",
    [
        line,
        limits,
        labels,
        legend,
        bare_legend,
        image_and_axes_off,
        twin,
        inset,
        cleared,
        behind,
        three_dimensions,
        on_the_figure,
    ],
)
def test_frames_show_what_a_full_drawing_shows(drawing):
    stepper = Walk()
    stepper.figure, ax = style.figure(size=(2.4, 1.8))
    change = drawing(ax)
    stepper.draw = lambda: stepper.figure
    panel = Panel(stepper, name="walk", title="A walk")
    assert difference(panel.png, style.png(stepper.figure)) <= 8
    first = panel.png
    change()
    panel.more.click()
    assert difference(panel.png, first) > 50, "nothing moved"
    assert difference(panel.png, style.png(stepper.figure)) <= 8


def test_what_rests_is_not_drawn_again():
    stepper = Walk()
    stepper.figure, ax = style.figure(size=(2.4, 1.8))
    (stepper.point,) = ax.plot([0], [0], "o")
    ax.set(xlim=(0, 10), ylim=(0, 1))
    panel = Panel(stepper, name="walk", title="A walk")
    panel.more.click()  # what moves is known from the first move on
    drawn = []
    draw, ax.xaxis.draw = ax.xaxis.draw, lambda *args: (drawn.append(1), draw(*args))
    panel.more.click()
    assert drawn == []
    ax.set_xlim(0, 20)
    panel.more.click()
    assert drawn == [1]


def test_the_axes_keep_their_places_from_frame_to_frame():
    stepper = Walk()
    stepper.figure, ax = style.figure(size=(2.4, 1.8))
    stepper.draw = lambda: stepper.figure
    panel = Panel(stepper, name="walk", title="A walk")
    place = ax.get_position().bounds
    ax.set(ylim=(0, 1e6), ylabel="a label that would want room")
    panel.more.click()
    assert ax.get_position().bounds == place


def difference(one, other):
    one, other = (np.asarray(PIL.Image.open(io.BytesIO(png)).convert("RGB")).astype(int) for png in (one, other))
    assert one.shape == other.shape
    return np.abs(one - other).max()


# ---------------------------------------------------------------- what is heard


def test_the_status_is_announced_but_not_each_frame_while_it_plays():
    panel = walk()
    polite, off = 'role="status" aria-live="polite" aria-atomic="true"', 'role="status" aria-live="off"'
    assert polite in panel.status.value
    (playing,) = [trait for trait in ("playing", "_playing") if panel.play.has_trait(trait)]
    setattr(panel.play, playing, True)
    panel.play.value += 1
    assert off in panel.status.value
    panel.play.value += 1
    assert off in panel.status.value and panel.status_text in panel.status.value
    setattr(panel.play, playing, False)
    assert polite in panel.status.value and panel.status_text in panel.status.value
    panel.once.click()
    assert polite in panel.status.value
    with panel.play.hold_trait_notifications():  # the last tick and the pause in one message
        setattr(panel.play, playing, True)
    with panel.play.hold_trait_notifications():
        setattr(panel.play, playing, False)
        panel.play.value += 1
    assert polite in panel.status.value


def test_a_button_of_the_panel_s_own_stays_beside_its_words():
    class Homing(Walk):
        def go_home(self):
            self.place = 0.0

    panel = Panel(Homing(), name="walk", title="A walk", actions=[Action("home", "go_home", "back to the start")])
    boxes = [box for box in panel._face._owned if panel.actions["go_home"] in getattr(box, "children", ())]
    (together,) = boxes
    assert len(together.children) == 2 and "back to the start" in together.children[1].value


# ---------------------------------------------------------------- one panel in several cells


def shown_by(panel):
    """Show the panel in one more cell, and return what that cell shows."""
    model = panel._repr_mimebundle_()["application/vnd.jupyter.widget-view+json"]["model_id"]
    (place,) = [place for place in panel._face._places if place.model_id == model]
    return place


def clock_of(place):
    (clock,) = [part for part in all_parts(place) if isinstance(part, ipywidgets.Play)]
    return clock


def test_each_cell_shows_a_clock_of_its_own_and_everything_else_is_one():
    panel = walk(steps_per_tick=1)
    panel.slow.value = True
    first, second = shown_by(panel), shown_by(panel)
    assert first is panel.widget and clock_of(first) is panel.play, "two views of one Play stop each other"
    assert clock_of(second) is not panel.play and clock_of(second).interval == 500
    apart = set(all_parts(first)) ^ set(all_parts(second))
    assert sorted(type(part).__name__ for part in apart) == ["Clock", "Clock", "HBox", "HBox", "VBox", "VBox"]
    clock_of(second).value += 1
    clock_of(first).value += 1
    assert panel.stepper.steps_done == 2 and panel.frames == 3
    panel.slow.value = False
    assert clock_of(first).interval == clock_of(second).interval == 40


def test_one_clock_runs_at_a_time_and_trouble_stops_it_wherever_it_is():
    panel = walk(breaks_at=3, steps_per_tick=1)
    first, second = clock_of(shown_by(panel)), clock_of(shown_by(panel))
    first.run(True)
    second.run(True)
    assert second.plays and not first.plays
    second.value += 1
    assert 'aria-live="off"' in panel.status.value, "not each frame is announced"
    second.run(False)
    assert 'aria-live="polite"' in panel.status.value
    second.run(True)
    second.value += 5
    second.value += 1
    assert "diverged" in panel.alert_text and not second.plays


def test_a_place_that_is_shown_nowhere_any_more_is_used_again():
    panel = walk()
    first, second = shown_by(panel), shown_by(panel)
    for place in (first, second):
        clock_of(place)._view_count = 1  # what the page says when it is shown
    clock_of(first)._view_count = 0  # its cell was run again, or is gone
    before = live_widgets()
    assert shown_by(panel) is first and live_widgets() == before
    third = shown_by(panel)
    assert third is not first and third is not second
    assert clock_of(second).get_state()["_view_count"] == 0, "a page that is loaded shows nothing yet"


def test_an_action_starts_a_clock_that_can_be_seen():
    panel = dance()
    first, second = clock_of(shown_by(panel)), clock_of(shown_by(panel))
    second._view_count = 1
    panel.actions["march"].click()
    assert second.plays and not first.plays


def test_an_output_that_is_shown_twice_is_said_to_stand_still():
    panel = walk()
    clock = clock_of(shown_by(panel))
    clock._view_count = 2
    clock.run(True)
    clock.value += 1
    clock.run(False)  # the second view
    assert panel.alert_text.startswith("Play stands still while one output is on the page twice")
    clock._view_count = 1
    clock.value += 1
    assert panel.alert_text == ""


def test_a_static_panel_is_the_same_in_every_cell():
    panel = Panel(Still(), name="still", title="Still", controls=[Slider("shift", "shift", -3, 3, hint="Try 3.")])
    assert shown_by(panel) is shown_by(panel) is panel.widget
