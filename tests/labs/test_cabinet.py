"""The cabinet: a spoil moves the gauges that can see it, strength 0 spoils nothing, and words and numbers agree."""

import pytest
import torch

from gancourse.data import digits
from gancourse.labs import cabinet
from gancourse.labs._quick_judge import quick_judge
from gancourse.metrics import image_sets


@pytest.fixture(scope="module")
def data():
    return digits.load("embedded", image_size=8)


@pytest.fixture(scope="module")
def made(data):
    return cabinet.Cabinet(data, quick_judge(data), seed=1)


def set_to(made, spoil, strength):
    made.spoil, made.strength = spoil, strength
    return made.readings


def test_the_quick_judge_knows_its_digits_and_its_features_are_the_pixels(data):
    judge = quick_judge(data)
    assert judge.accuracy > 0.9
    assert torch.equal(judge.features(data.test_images), data.test_images.flatten(1))
    assert torch.allclose(judge.probabilities(data.test_images[:5]).sum(dim=1), torch.ones(5))


def test_the_floor_is_that_of_real_sets_and_holds_them(made):
    assert len(made.floors) == 20 and made.n == 118
    for name in made.floors[0]:
        low, high = made.floor(name)
        inside = [low <= readings[name] <= high for readings in made.floors]
        assert all(inside), name
    copies = torch.tensor([readings["copy share → ½"] for readings in made.floors])
    assert copies.mean() == pytest.approx(0.5, abs=0.06)
    assert copies.std() > 0, "each floor is another split"


@pytest.mark.parametrize("spoil", [spoil for spoil in cabinet.SPOILS if spoil not in ("few images", "copies")])
def test_strength_zero_changes_no_image(made, spoil):
    set_to(made, spoil, 0.0)
    whole = {tuple(image.flatten().tolist()) for image in made._whole}
    assert all(tuple(image.flatten().tolist()) in whole for image in made._images)


@pytest.mark.parametrize(("strength", "of_each"), [(1.0, 1), (0.5, 3), (0.0, 12)])
def test_few_images_are_few(made, strength, of_each):
    readings = set_to(made, "few images", strength)
    different = {tuple(image.flatten().tolist()) for image in made._images}
    assert len(different) == min(10 * of_each, made.n)
    assert f"{len(different)} of them different" in made.status()
    if strength == 1.0:
        assert readings["recall ↑"] < 0.05 and "recall ↑" in made.seen()


def test_copies_are_seen_by_the_copy_share_alone(made):
    readings = set_to(made, "copies", 1.0)
    assert readings["copy share → ½"] > 0.99 and made.seen() == ["copy share → ½"]
    training = {tuple(image.flatten().tolist()) for image in made._train}
    assert all(tuple(image.flatten().tolist()) in training for image in made._images)
    assert "100% are copies" in made.status()


def test_a_kind_left_out_is_gone(made, data):
    set_to(made, "kind left out", 1.0)
    ones = {tuple(image.flatten().tolist()) for image in data.test_images[data.test_labels == 1]}
    assert not any(tuple(image.flatten().tolist()) in ones for image in made._images)
    assert "0% as frequent" in made.status()


@pytest.mark.parametrize("spoil", ["blur", "noise", "resize", "brighter"])
def test_faults_of_images_grow_with_strength(made, spoil):
    distances = [set_to(made, spoil, strength)["Fréchet ↓"] for strength in (0.0, 0.5, 1.0)]
    assert distances[0] < distances[1] < distances[2]
    assert "Fréchet ↓" in made.seen()


def test_readings_are_those_of_the_package(made):
    readings = set_to(made, "noise", 0.6)
    fake, real = made._images.flatten(1), made._held_out.flatten(1)
    assert readings["Fréchet ↓"] == pytest.approx(image_sets.frechet_distance(real, fake))
    balls = image_sets.precision_recall(real, fake)
    assert (readings["precision ↑"], readings["recall ↑"]) == balls
    assert readings["copy share → ½"] == image_sets.nearer_than_held_out(made._images, made._train, made._held_out)


def test_what_is_no_spoil_or_no_data_is_refused(made, data):
    made.spoil, made.strength = "sharpen", 0.5
    with pytest.raises(ValueError, match="spoil must be one of"):
        made.spoiled()
    made.spoil = "blur"
    with pytest.raises(TypeError, match="outside from judge.load"):
        cabinet.Cabinet(data, None)
    with pytest.raises(ValueError, match="given together"):
        cabinet.panel(data)


def test_the_panel_moves_with_its_controls():
    panel = cabinet.panel()
    try:
        assert not panel.live and panel.alert_text == ""
        before, words = panel.png, panel.status_text
        for spoil in cabinet.SPOILS:
            panel.controls["spoil"].value = spoil
            for strength in (0.0, 0.35, 1.0):
                panel.controls["strength"].value = strength
                assert panel.alert_text == "", (spoil, strength)
        assert panel.png != before and panel.status_text != words
        axes = panel.stepper.draw().axes
        crosses = [line for ax in axes[1:] for line in ax.lines if line.get_marker() == "X"]
        shown = [float(cross.get_xdata()[0]) for cross in crosses]
        ends = [limits[:2] for limits in cabinet._GAUGES.values()]
        wanted = [
            min(max(value, low), high) for value, (low, high) in zip(panel.stepper.readings.values(), ends, strict=True)
        ]
        assert shown == pytest.approx(wanted)
    finally:
        panel.close()
