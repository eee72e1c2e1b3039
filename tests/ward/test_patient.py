"""A patient is read where things happen, looking changes nothing, and a cure goes on from the sick weights."""

import math

import pytest
import torch

from gancourse import ward
from gancourse.metrics import modes
from gancourse.training import Diverged
from gancourse.ward import illnesses
from gancourse.ward.worlds import world


@pytest.fixture(scope="module")
def digits():
    return world("digits", "embedded")


def weights(patient):
    return [w.clone() for net in (patient.generator, patient.discriminator) for w in net.state_dict().values()]


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("where", ["ring", "digits"])
def test_looking_changes_nothing(where, digits):
    at = digits if where == "digits" else world("ring")
    seen, unseen = (ward.admit("healthy", at, 5) for _ in range(2))
    for _ in range(2):
        seen.train(2)
        seen.readings()
        seen.samples(3)
    unseen.train(4)
    assert same(weights(seen), weights(unseen)) and seen.generator.training
    assert torch.equal(seen.history["d_loss"], unseen.history["d_loss"])


def test_readings_are_what_the_instruments_say():
    patient = ward.admit("healthy", "ring", 1)
    z_before, before = patient.samples(128), [w.detach().clone() for w in patient.generator.parameters()]
    patient.train(3)
    read = patient.readings()
    assert tuple(read) == ward.TRACES
    assert read["d_loss"] == pytest.approx(float(patient.history["d_loss"].mean()))
    fake, held_out = patient.samples(128), patient.world.held_out[:128]
    assert read["same_z"] == pytest.approx(float((fake - z_before).square().mean().sqrt()), rel=1e-5)
    moved = math.sqrt(
        sum(float((w.detach() - b).square().sum()) for w, b in zip(patient.generator.parameters(), before, strict=True))
    )
    assert read["g_movement"] == pytest.approx(
        moved / math.sqrt(sum(float(b.square().sum()) for b in before)), rel=1e-4
    )
    with torch.no_grad():
        assert read["held_out_logit"] == pytest.approx(float(patient.discriminator(held_out).mean()), rel=1e-5)
        assert read["fake_accuracy"] == float((patient.discriminator(fake) < 0).float().mean())
    assert (read["fake_low"], read["fake_high"]) == (float(fake.min()), float(fake.max()))
    with pytest.raises(ValueError, match="at least one step"):
        patient.readings()
    patient.train(2)
    assert patient.readings()["g_loss"] == pytest.approx(float(patient.history["g_loss"][3:].mean()))


def test_gradients_are_read_as_the_optimiser_uses_them():
    patient = ward.admit("healthy", "ring", 1)
    patient.train(1)
    read = patient.readings()
    used = [w.grad for w in patient.generator.parameters()]  # G's are still there; D's have G's step added
    assert read["g_gradient"] == pytest.approx(math.sqrt(sum(float(g.square().sum()) for g in used)), rel=1e-6)
    twin = ward.admit("healthy", "ring", 1)
    kept = {}
    twin.d_optimizer.register_step_pre_hook(
        lambda *_: kept.update(d=[w.grad.clone() for w in twin.discriminator.parameters()])
    )
    twin.train(1)
    assert read["d_gradient"] == pytest.approx(math.sqrt(sum(float(g.square().sum()) for g in kept["d"])), rel=1e-6)


def test_what_d_gets_as_real_is_read_at_its_door(digits):
    sick, healthy = (ward.admit(name, digits, 0) for name in ("data in [0, 1]", "healthy"))
    for patient in (sick, healthy):
        patient.train(2)
    assert sick.readings()["real_low"] == 0 and healthy.readings()["real_low"] == -1


@pytest.mark.parametrize("name", ["optimiser of G holds D", "fake detached in G's step"])
def test_g_stands_still_and_one_reading_tells_why(name):
    patient = ward.admit(name, "ring", 2)
    patient.train(5)
    read = patient.readings()
    assert read["g_movement"] == 0 == read["same_z"] and read["d_movement"] > 0
    assert (read["g_gradient"] == 0) == (name == "fake detached in G's step")


def test_company_tells_eval_mode(digits):
    for name, alone in (("G in eval mode", True), ("healthy", False)):
        patient = ward.admit(name, digits, 0)
        patient.train(2)
        assert (patient.readings()["g_company"] < 1e-4) == alone


def test_a_chart_is_the_looks_one_after_the_other():
    chart = ward.admit("G's sign", "ring", 4).follow(8, looks=4)
    assert chart.steps.tolist() == [2, 4, 6, 8] and (chart.illness, chart.world, chart.seed) == ("G's sign", "ring", 4)
    patient = ward.admit("G's sign", "ring", 4)
    for k in range(4):
        patient.train(2)
        read = patient.readings()
        assert all(float(chart.traces[name][k]) == value for name, value in read.items())
    assert set(chart.gradients) == {"start", "end"} and list(chart.gradients["end"]["D"]) == [
        "layers.0.weight", "layers.2.weight", "layers.4.weight"
    ]  # fmt: skip
    assert chart.gradients["start"]["G"] != chart.gradients["end"]["G"]
    assert chart.samples.shape == (64, 2) and len(chart.fake_logits) == len(chart.held_out_logits) == 48


def test_a_cure_goes_on_from_the_sick_weights():
    sick = ward.admit("G's sign", "ring", 4)
    sick.train(5)
    cured = ward.resume(sick)
    assert same(weights(sick), weights(cured)) and cured.illness == "healthy"
    cured.train(5)
    assert cured.readings()["g_movement"] > 0 and not same(weights(sick), weights(cured))
    with pytest.raises(ValueError, match="do not fit the programme 'healthy'"):
        ward.resume(ward.admit("sigmoid twice", "ring", 0))


def test_a_run_is_repaired_along_the_tree():
    """Sick, found by two instruments, cured, resumed: G stood still at its start and then learns the ring."""
    sick = ward.admit("optimiser of G holds D", "ring", 0)
    sick.train(150)
    read = sick.readings()
    assert read["g_movement"] == 0 and read["g_gradient"] > 10
    assert modes.report(sick.samples(1_000), sick.world.real).covered == 0
    cured = ward.resume(sick)
    cured.train(450)
    assert modes.report(cured.samples(1_000), cured.world.real).covered >= 6


def test_a_run_away_says_so(monkeypatch):
    line = "g_loss = softplus(-fake_logits).mean()"
    monkeypatch.setitem(illnesses.ILLNESSES, "odd", illnesses.Illness(((line, f"{line} / 0"),), "Odd."))
    with pytest.raises(Diverged, match="g_loss"):
        ward.admit("odd", "ring").train(3)


@pytest.mark.parametrize(
    "wrong, words",
    [
        (lambda: ward.admit("flu"), "illness must be one of healthy"),
        (lambda: ward.admit("data in [0, 1]", "ring"), "caught on digits, not on 'ring'"),
        (lambda: ward.admit("healthy", "moon"), "world must be one of ring, digits"),
        (lambda: ward.admit("healthy", "ring").train(0), "num_steps"),
        (lambda: ward.admit("healthy", "ring").follow(7, looks=3), "multiple of looks"),
    ],
)
def test_what_cannot_be_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()
