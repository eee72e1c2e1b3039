"""tools/story_runs.py: what is stored was made with its settings, and looking changes nothing."""

import base64
import dataclasses
import io
from pathlib import Path

import pytest
import torch
from PIL import Image

import image_tables
import story_runs
from gancourse import losses, measured
from gancourse.data import digits
from gancourse.metrics import judge as judges


@pytest.fixture(scope="module")
def data():
    return digits.load("embedded")


def test_what_is_stored_was_made_with_these_settings():
    stored = {row["name"]: row for row in measured.load("story")["rows"]}
    assert list(stored) == [entry.name for entry in story_runs.ENTRIES]
    for entry in story_runs.ENTRIES:
        row = stored[entry.name]
        assert (row["steps"], row["changes"], row["average"]) == (entry.steps, entry.changes(), story_runs.AVERAGE)
        assert [look["step"] for look in row["looks"]] == list(entry.look_at())
        assert len(row["kinds"]) == len(row["clear"]) == len(row["seeds"]) == len(row["cpu_seconds"])
        assert row["kinds"][0] == [look["kinds"] for look in row["looks"]]


def test_what_is_stored_is_small():
    assert Path(measured.__file__).with_name("story.json").stat().st_size < 150_000


def test_the_recipe_is_that_of_notebook_00():
    changes = story_runs.RECIPE_OF_00.changes()
    assert changes == {"lr_g": 3e-3, "lr_d": 3e-3, "beta1": 0.0, "beta2": 0.9, "batch_size": 32, "r1": 2 * 0.15}
    assert story_runs.RECIPE_OF_00.steps == 2_200


def test_each_cure_changes_one_setting():
    control = story_runs.AHEAD.changes()
    for entry in story_runs.ENTRIES[2:]:
        cured = entry.changes()
        assert len({key for key in control | cured if control.get(key) != cured.get(key)}) == 1, entry.name


def test_what_is_drawn_is_kept():
    for entry in story_runs.ENTRIES[:2]:
        assert all(story_runs.in_sheet(entry, steps, "") >= 6 for steps in entry.look_at())
    assert [story_runs.in_sheet(entry, entry.steps, "") for entry in story_runs.ENTRIES] == [24] * 4
    assert [story_runs.in_sheet(entry, entry.steps, "average_") for entry in story_runs.ENTRIES] == [6, 0, 0, 0]


def test_looking_changes_nothing(data):
    entry = dataclasses.replace(story_runs.AHEAD, steps=4, looks=(2, 4))
    found, watched, _ = story_runs.looks(entry, data, judges.load(data), 3)
    plain = image_tables.Run(entry, data.images, 3)
    plain.advance(4)
    for a, b in zip(watched.generator.state_dict().values(), plain.generator.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert [look["step"] for look in found] == [2, 4] and "changed" not in found[0] and "changed" in found[1]
    assert len(watched.losses["d_loss"]) == len(watched.losses["g_loss"]) == 4
    assert watched.losses["d_loss"][-1] == pytest.approx(float(plain.d_loss))


def test_the_loss_that_is_kept_is_the_one_before_the_step(data):
    run = story_runs.Watched(story_runs.AHEAD, data.images, 3)
    fake = run.generator(run.z(8))
    with torch.no_grad():
        wanted = losses.non_saturating_generator_loss(fake_logits=run.discriminator(fake))
    run._train_generator(fake)
    assert run.losses["g_loss"] == [pytest.approx(float(wanted))]


def test_a_sheet_keeps_the_order_in_sixteen_greys():
    batch = torch.linspace(-1, 1, 24)[:, None, None, None].expand(24, 1, 28, 28)
    image = Image.open(io.BytesIO(base64.b64decode(story_runs.sheet(batch))))
    assert image.size == (12 * 28, 2 * 28)
    greys = [image.getpixel((28 * (i % 12) + 5, 28 * (i // 12) + 5)) for i in range(24)]
    assert greys == sorted(greys) and greys[0] == 0 and greys[-1] == 255
    assert all(grey % 17 == 0 for grey in greys)


def test_losses_are_means_over_ten_steps():
    assert story_runs.smoothed([1.0] * 10 + [2.0] * 5 + [3.0] * 5) == "1.000 2.500"
