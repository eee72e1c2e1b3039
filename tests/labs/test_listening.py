"""The walk arrives where it says, by each way, and what is said is what is heard."""

import io
import re

import pytest
import torch
from scipy.io import wavfile

from gancourse.data import instrument
from gancourse.labs import listening
from gancourse.metrics import sound


class Glide(torch.nn.Module):
    """A generator whose first latent number is the pitch: it glides over the octave."""

    latent_dim = 3

    def forward(self, z):
        pitch = 262 * 2 ** (torch.special.ndtr(z[:, 0]) * 1.02)
        return instrument.play(pitch, *(torch.full((len(z),), value) for value in (0.05, 0.5, 0.0)))


def heard(walk):
    return {name: float(value) for name, value in sound.hear(walk.current()[None])._asdict().items()}


@pytest.mark.parametrize("way", listening.WAYS)
def test_every_way_begins_and_ends_at_its_notes(way):
    walk = listening.Walk(Glide(), seed=1)
    walk.way, walk.first, walk.last = way, 1, 4
    for walk.place, note in ((0.0, 1), (1.0, 4)):
        off = sound.semitones(torch.tensor(heard(walk)["pitch"] / instrument.NOTES[note] * 262))
        assert abs(float(off)) < 0.55 and heard(walk)["periodicity"] > sound.TONAL


def test_halfway_there_are_two_notes_one_note_or_what_the_generator_has():
    walk = listening.Walk(Glide(), seed=1)
    walk.first, walk.last, walk.place, found = 0, 4, 0.5, {}
    for walk.way in listening.WAYS:
        found[walk.way] = heard(walk)
    assert found["mix both sounds"]["periodicity"] < sound.TONAL < found["turn the knobs"]["periodicity"]
    assert found["turn the knobs"]["pitch"] == pytest.approx((262 * 440) ** 0.5, rel=0.02)
    assert 262 < found["walk through z"]["pitch"] < 440


def test_mixing_is_a_sum_of_both_ends():
    walk = listening.Walk()
    walk.way, walk.first, walk.last = "mix both sounds", 2, 5
    ends = []
    for walk.place in (0.0, 1.0):
        ends.append(walk.current())
    walk.place = 0.3
    assert torch.allclose(walk.current(), 0.7 * ends[0] + 0.3 * ends[1], atol=1e-6)


def test_what_is_played_is_the_sound_as_loud_as_it_is():
    walk = listening.Walk()
    for walk.place in (0.0, 0.4):
        rate, numbers = wavfile.read(io.BytesIO(walk.wav()))
        assert rate == 8_000
        assert torch.allclose(torch.from_numpy(numbers / 32_767).float(), walk.current(), atol=1e-4)


def test_the_words_follow_every_control():
    panel = listening.panel(Glide())
    said = [panel.status_text]
    for name, value in (
        ("place", 0.7),
        ("first", 2),
        ("last", 5),
        ("way", "mix both sounds"),
        ("way", "turn the knobs"),
    ):
        panel.controls[name].value = value
        said.append(panel.status_text)
    assert len(set(said)) == len(said) and panel.alert_text == ""
    assert said[-1].startswith("Knobs, 70 % of the way from E to high C: a note of")
    told = float(re.search(r"a note of (\d+) Hz", said[-1])[1])
    assert told == round(heard(panel.stepper)["pitch"])
    panel.close()


def test_the_player_is_there_silent_until_pressed_and_has_the_current_sound():
    panel = listening.panel()
    assert panel.sound.autoplay is False and panel.sound.value == panel.stepper.wav()
    assert panel.sound in panel.widget.children
    before = panel.sound.value
    panel.controls["place"].value = 0.9
    assert panel.sound.value == panel.stepper.wav() != before
    panel.close()


def test_without_a_generator_there_is_no_way_through_z():
    walk = listening.Walk()
    assert walk.ways == listening.WAYS[:2]
    walk.way = "walk through z"
    with pytest.raises(ValueError, match="way must be one of mix both sounds, turn the knobs"):
        walk.current()


def test_the_picture_shows_the_wave():
    walk = listening.Walk()
    figure = walk.draw()
    assert torch.allclose(torch.tensor(walk._line.get_ydata()), walk.current())
    walk.place = 1.0
    assert walk.draw() is figure and torch.allclose(torch.tensor(walk._line.get_ydata()), walk.current())
    assert [float(mark.get_ydata()[0]) for mark in walk._marks] == [262.0, 440.0]
