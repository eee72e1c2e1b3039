"""The panels of notebook 03: every control changes what they say, and what they say is true."""

import io
import math

import numpy as np
import PIL.Image
import pytest
import torch

from gancourse import games
from gancourse.labs import games as labs


@pytest.fixture
def damping():
    made = labs.damping_panel()
    yield made
    made.close()


@pytest.fixture
def portrait():
    made = labs.panel()
    yield made
    made.close()


def picture(panel):
    return np.asarray(PIL.Image.open(io.BytesIO(panel.png)).convert("RGB")).astype(int)


@pytest.mark.parametrize(
    "step, words",
    [
        (games.simultaneous(games.bilinear(), step_size=0.2), "spirals out"),
        (games.alternating(games.bilinear(), step_size=0.2), "goes round at a constant distance"),
        (games.extragradient(games.bilinear(), step_size=0.2), "spirals in"),
        (games.simultaneous(games.dirac_gan(r1=2.0), step_size=0.2), "comes in without going round"),
        (games.simultaneous(games.Game("saddle", lambda x, y: (-x * x, y * y)), step_size=0.2), "runs away without"),
        (games.simultaneous(games.Game("still", lambda x, y: (0 * x, y * y)), step_size=0.2), "stands still"),
    ],
)
def test_verdicts_follow_from_eigenvalues(step, words):
    assert words in labs.verdict(games.update_matrix(step))


def test_a_verdict_counts_the_steps_of_a_turn():
    assert "one round takes 63 steps" in labs.verdict(
        games.update_matrix(games.simultaneous(games.dirac_gan(), step_size=0.2))
    )


# ---------------------------------------------------------------- the slider


def test_the_slider_finds_critical_damping(damping):
    """As in the notebook: at once the diamonds meet at 1, in turn at 1 - eta/4."""

    def meeting():
        low, high = 0.0, 2.0  # a complex pair, two real ones
        for _ in range(10):
            damping.stepper.gamma = (low + high) / 2
            turns = float(damping.stepper.eigenvalues().imag.abs().max()) > 1e-6
            low, high = (damping.stepper.gamma, high) if turns else (low, damping.stepper.gamma)
        return high

    assert meeting() == pytest.approx(1.0, abs=0.005)
    damping.controls["method"].value = "alternating"
    assert meeting() == pytest.approx(0.9, abs=0.005)
    damping.controls["step_size"].value = 0.8
    assert meeting() == pytest.approx(0.8, abs=0.005)


def test_every_control_of_the_slider_changes_words_and_picture(damping):
    assert "spirals out" in damping.status_text and damping.alert_text == ""
    for attribute, value, words in (
        ("gamma", 0.5, "γ = 0.50, simultaneous steps of size 0.40: it spirals in"),
        ("gamma", 1.5, "comes in without going round"),
        ("method", "alternating", "alternating steps"),
        ("step_size", 0.2, "steps of size 0.20"),
    ):
        before = picture(damping)
        damping.controls[attribute].value = value
        assert words in damping.status_text and damping.alert_text == ""
        assert np.abs(picture(damping) - before).sum() > 0
    damping.restart.click()
    assert "γ = 0.00, simultaneous steps of size 0.40" in damping.status_text


def test_the_slider_tells_the_distance_of_its_path(damping):
    damping.controls["gamma"].value = 1.0
    path = games.run(games.simultaneous(games.dirac_gan(r1=1.0), step_size=0.4), (1.0, 0.0), num_steps=80)
    assert f"is {float(path[-1].norm()):.2g}; it began at 1" in damping.status_text


# ---------------------------------------------------------------- the portrait


def test_the_portrait_plays_the_game(portrait):
    portrait.advance(40)
    wanted = games.run(games.simultaneous(games.dirac_gan(), step_size=0.2), (1.5, 0.0), num_steps=40)[-1]
    assert portrait.stepper.state == pytest.approx(tuple(wanted.tolist()))
    assert "Step 40" in portrait.status_text and f"distance {float(wanted.norm()):.3g}" in portrait.status_text
    portrait.play.value += 1
    assert 40 < portrait.stepper.steps_done <= 44
    portrait.restart.click()
    assert portrait.stepper.steps_done == 0 and portrait.stepper.state == (1.5, 0.0)


def test_every_control_of_the_portrait_changes_what_it_says(portrait):
    portrait.advance(10)
    for attribute, value, words in (
        ("method", "alternating", "alternating play does this: it goes round at a constant distance"),
        ("momentum", 0.5, "it spirals out"),
        ("momentum", -0.5, "it spirals in"),
        ("method", "extragradient", "extragradient play (it has no momentum) does this: it spirals in"),
        ("method", "optimistic", "optimistic play"),
        ("r1", 1.0, "comes in without going round"),
        ("step_size", 0.1, "size 0.95"),
        ("loss", "wasserstein", "it spirals in"),
    ):
        portrait.controls[attribute].value = value
        assert words in portrait.status_text, portrait.status_text
        assert portrait.alert_text == ""
    assert portrait.stepper.steps_done == 0  # another loss is another game: it starts again


def test_changing_the_step_in_mid_run_goes_on_from_the_same_state(portrait):
    portrait.advance(25)
    state = portrait.stepper.state
    for method in ("alternating", "optimistic", "extragradient", "simultaneous"):
        portrait.controls["method"].value = method
        assert portrait.stepper.state == state
        portrait.once.click()
        moved = math.dist(portrait.stepper.state, state)
        assert 0 < moved < 0.5
        state = portrait.stepper.state


def test_velocity_survives_a_move_of_a_slider(portrait):
    portrait.controls["momentum"].value = 0.5
    portrait.advance(5)
    full = portrait.stepper._full.clone()
    portrait.controls["r1"].value = 0.5
    portrait.once.click()
    step = games.simultaneous(games.dirac_gan(r1=0.5), step_size=0.2, momentum=0.5)
    assert torch.allclose(portrait.stepper._full, step.update(full))


def test_play_that_runs_away_is_said_and_can_be_reset(portrait):
    portrait.controls["loss"].value = "wasserstein"
    portrait.controls["step_size"].value = 1.0
    for _ in range(3):
        portrait.more.click()
    assert "the distance to the equilibrium passed 1,000" in portrait.alert_text
    assert portrait.stepper.steps_done < 50
    portrait.restart.click()
    assert portrait.alert_text == "" and portrait.stepper.state == (1.5, 0.0)
    portrait.controls["method"].value = "alternating"
    portrait.more.click()
    assert portrait.alert_text == ""


def test_the_picture_keeps_a_far_path_in_view(portrait):
    portrait.advance(400)
    ax = portrait.stepper.figure.axes[0]
    assert max(abs(v) for v in portrait.stepper.state) < ax.get_xlim()[1] == ax.get_ylim()[1]
    assert len(portrait.stepper._path) == portrait.stepper.MEMORY


def test_panels_are_inert_until_pressed_and_leave_the_random_stream_alone():
    before = torch.get_rng_state()
    for make in (labs.damping_panel, labs.panel):
        made = make()
        assert "image/png" in made._repr_mimebundle_()
        made.close()
    assert torch.equal(torch.get_rng_state(), before)
