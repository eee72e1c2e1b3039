"""tools/sound_runs.py: what a row says is what is trained, and sounds come back from a row as they were."""

import dataclasses

import pytest
import torch

import sound_runs
from gancourse import measured, runtime, sounding
from gancourse.data import instrument


def test_sounds_come_back_from_a_row():
    waves = instrument.pluck(3, runtime.generator(0)).waves
    row = {"name": "some", "sounds": sound_runs.kept(waves)}
    assert torch.allclose(measured.sounds(row), waves, atol=1 / 32_767)
    assert measured.sounds(row, 512).shape == (6, 512)
    with pytest.raises(ValueError, match="length must divide the 3,072 numbers of the row, got 1000"):
        measured.sounds(row, 1_000)
    with pytest.raises(ValueError, match="row must have sounds, but 'none' has none"):
        measured.sounds({"name": "none"})


def test_entries_differ_in_what_their_names_say():
    plain = sound_runs.ENTRIES["struck"]
    assert sound_runs.ENTRIES["struck, shuffle"] == plain._replace(recipe=dataclasses.replace(plain.recipe, shuffle=2))
    assert sound_runs.ENTRIES["random"] == plain._replace(phase="random")
    assert sound_runs.ENTRIES["random, shuffle"].recipe == sound_runs.ENTRIES["struck, shuffle"].recipe
    assert sound_runs.ENTRIES["struck, nearest"].recipe == dataclasses.replace(plain.recipe, up="nearest")
    for name, entry in sound_runs.ENTRIES.items():
        critic = "WGAN-GP" in name
        assert (entry.recipe.loss == "wasserstein") == critic and entry.trained == ("untrained" not in name)
        assert not critic or entry.recipe.penalty_every == 1


def test_a_row_is_what_training_by_hand_gives(monkeypatch):
    monkeypatch.setattr(sound_runs, "NOTES", 64)
    monkeypatch.setattr(sound_runs, "SAMPLES", 40)
    recipe = sounding.Recipe(shuffle=1, width=2, num_steps=3)
    row = sound_runs.row("small", sound_runs.Entry("random", recipe), [7, 8])
    notes = instrument.pluck(64, runtime.generator(0), phase="random").waves
    for place, seed in enumerate((7, 8)):
        waves = sounding.sample(sounding.train(notes, recipe, seed=seed), 40, runtime.generator(seed + 4))
        found = sound_runs.numbers(waves, sound_runs.truth_of("random", 1))
        assert all(row[key][place] == value for key, value in found.items())
    assert row["seeds"] == [7, 8] and row["steps"] == 3 and len(row["cpu_seconds"]) == 2
    assert measured.sounds(row).shape == (sound_runs.KEPT, 1_024)
    untrained = sound_runs.row("not", sound_runs.Entry("random", recipe, trained=False), [7])
    assert untrained["steps"] == 0 and untrained["lines"] != row["lines"][:1]


def test_true_notes_are_right_by_these_numbers(monkeypatch):
    monkeypatch.setattr(sound_runs, "SAMPLES", 300)
    row = sound_runs.reference("truth, random", [0, 1])
    assert row["phase"] == "random" and row["tonal"] == [1.0, 1.0] and row["missing"] == [0, 0]
    assert max(row["decay"]) < 0.06 and len(row["lines"][0]) == 7


def test_the_table_has_every_row_in_order(monkeypatch):
    monkeypatch.setattr(sound_runs, "reference", lambda name, seeds: {"name": name})
    monkeypatch.setattr(sound_runs, "row", lambda name, entry, seeds: {"name": name})
    assert [row["name"] for row in sound_runs.table([0], lambda name: True)] == sound_runs.NAMES
    assert [row["name"] for row in sound_runs.table([0], lambda name: name == "random")] == ["random"]
