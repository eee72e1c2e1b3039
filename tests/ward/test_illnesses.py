"""Every illness changes the lines it names and nothing else, and the programme without one is a plain GAN."""

import difflib
import traceback

import pytest
import torch

from gancourse import losses, penalties, runtime
from gancourse.ward import illnesses, programme
from gancourse.ward.worlds import world


@pytest.fixture(scope="module")
def ring():
    return world("ring")


@pytest.fixture(scope="module")
def digits():
    return world("digits", "embedded")


def changed(name):
    """Return the lines that an illness takes away and puts in, without their indent."""
    healthy, sick = (illnesses.source(which).splitlines() for which in (illnesses.HEALTHY, name))
    marks = [line for line in difflib.ndiff(healthy, sick) if line[0] in "-+"]
    return [[line[2:].strip() for line in marks if line[0] == mark] for mark in "-+"]


@pytest.mark.parametrize("name", illnesses.ILLNESSES)
def test_an_illness_is_its_planted_lines(name):
    taken, put = changed(name)
    planted = illnesses.ILLNESSES[name].planted
    assert len(put) <= 4 and all(line.endswith("# planted") for line in put)
    parts = {part for _, sick in planted for part in sick.split("\n")}
    assert {line.removesuffix("  # planted") for line in put} <= parts
    assert set(taken) <= {line for line, _ in planted}
    assert bool(planted) == (name != illnesses.HEALTHY) == bool(put)


def test_the_difference_is_what_a_reader_sees():
    text = illnesses.difference("G's sign")
    assert text == "- g_loss = softplus(-fake_logits).mean()\n+ g_loss = softplus(fake_logits).mean()\n"
    assert illnesses.difference(illnesses.HEALTHY) == ""


def test_every_illness_says_what_it_is_and_what_tells_it():
    from gancourse.ward.chart import TRACES

    for name, illness in illnesses.ILLNESSES.items():
        assert illness.says.endswith(".") and illness.worlds and set(illness.worlds) <= {"digits", "ring"}
        assert (illness.told_by in TRACES and illness.cure.endswith(".")) == (name != illnesses.HEALTHY), name
        for other in illness.like:
            assert name in illnesses.ILLNESSES[other].like, f"{name} looks like {other}, and not the other way round"


def test_a_line_that_the_programme_has_not_is_refused(monkeypatch):
    monkeypatch.setitem(illnesses.ILLNESSES, "odd", illnesses.Illness((("no such line", "x = 1"),), "Odd."))
    with pytest.raises(ValueError, match="no such line"):
        illnesses.source("odd")
    with pytest.raises(ValueError, match="illness must be one of"):
        illnesses.source("flu")


def test_the_healthy_step_is_the_losses_and_the_penalty_of_the_course(ring):
    gan, twin = (programme.gan(ring, 3) for _ in range(2))
    real = next(gan.batches)
    told = gan.step(real.clone())
    random = runtime.generator(3 + 2)
    g, d = twin.generator, twin.discriminator
    fake = g(torch.randn(64, 2, generator=random))
    points = real.clone().requires_grad_()
    real_logits = d(points)
    d_loss = losses.non_saturating_discriminator_loss(real_logits=real_logits, fake_logits=d(fake.detach()))
    twin.d_optimizer.zero_grad()
    (d_loss + ring.brake * penalties.r1_penalty(real_logits, points)).backward()
    twin.d_optimizer.step()
    g_loss = losses.non_saturating_generator_loss(fake_logits=d(g(torch.randn(64, 2, generator=random))))
    twin.g_optimizer.zero_grad()
    g_loss.backward()
    twin.g_optimizer.step()
    assert float(told["d_loss"].detach()) == pytest.approx(float(d_loss.detach()), rel=1e-6)
    assert float(told["g_loss"].detach()) == pytest.approx(float(g_loss.detach()), rel=1e-6)
    for ours, theirs in ((gan.generator, g), (gan.discriminator, d)):
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert torch.allclose(a, b, atol=1e-7)


@pytest.mark.parametrize("name", [name for name, illness in illnesses.ILLNESSES.items() if "digits" in illness.worlds])
def test_every_programme_takes_a_step_on_digits(name, digits):
    gan = illnesses.programme_of(name)(digits, 0)
    told = gan.step(next(gan.batches))
    assert set(told) == {"d_loss", "g_loss"} and all(torch.isfinite(value) for value in told.values())


def test_a_mistake_in_a_programme_points_at_its_line(ring, monkeypatch):
    planted = (("g_loss = softplus(-fake_logits).mean()", "g_loss = 1 / 0"),)
    monkeypatch.setitem(illnesses.ILLNESSES, "odd", illnesses.Illness(planted, "Odd."))
    gan = illnesses.programme_of("odd")(ring, 0)
    with pytest.raises(ZeroDivisionError) as caught:
        gan.step(next(gan.batches))
    assert "the programme of 'odd'" in (shown := "".join(traceback.format_exception(caught.value)))
    assert "g_loss = 1 / 0  # planted" in shown
