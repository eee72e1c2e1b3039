"""growing: the plan of a run, what D sees, counted multiplications, and a run from its first step to its last."""

import pytest
import torch
import torch.nn.functional as F

from gancourse import growing, runtime, styling
from gancourse.models import dense_conv, grown


@pytest.fixture(autouse=True)
def measured_on_few(monkeypatch):
    monkeypatch.setattr(styling, "_COUNTED", 500)


IMAGES = 2 * torch.rand(70, 1, 16, 16, generator=runtime.generator(0)) - 1


@pytest.mark.parametrize(
    ("share", "stage", "fade"),
    [
        (0.0, 0, 1.0),
        (0.19, 0, 1.0),
        (0.2, 1, 0.0),
        (0.2 + 0.25 / 4, 1, 0.5),  # half of the fade, which takes half of this size's quarter of the run
        (0.2 + 0.25 / 2, 1, 1.0),
        (0.44, 1, 1.0),
        (0.45, 2, 0.0),
        (0.45 + 0.55 / 4, 2, 0.5),
        (0.9, 2, 1.0),
        (1.0, 2, 1.0),
    ],
)
def test_the_plan_by_hand(share, stage, fade):
    found = growing.at(share)
    assert found[0] == stage and found[1] == pytest.approx(fade)
    assert growing.at(share, fade=False) == (stage, 1.0)


def test_full_size_is_the_last_stage_from_the_start():
    assert {growing.at(share / 10, growing.FULL_SIZE) for share in range(11)} == {(2, 1.0)}
    assert growing.at(0.0, (0, 0, 0.5)) == (1, 1.0) and growing.at(0.75, (0, 0, 0.5)) == (2, 1.0)
    assert growing.at(1.0, (0, 0.5, 1.0)) == (2, 1.0)


def test_real_images_are_shown_at_the_size_and_the_fade_of_the_fakes():
    assert torch.equal(growing.shown(IMAGES, 2), IMAGES)
    assert torch.allclose(growing.shown(IMAGES, 0, 0.3), F.avg_pool2d(IMAGES, 4))
    half = growing.shown(IMAGES, 1, 1.0)
    assert torch.allclose(half, F.avg_pool2d(IMAGES, 2))
    faded = growing.shown(IMAGES, 1, 0.25)
    block = half[:, :, :2, :2]
    assert torch.allclose(faded[:, :, :2, :2], 0.25 * block + 0.75 * block.mean((2, 3), keepdim=True), atol=1e-6)
    assert torch.allclose(faded.mean((2, 3)), IMAGES.mean((2, 3)), atol=1e-6)


def test_multiplications_by_hand():
    z = torch.zeros(3, 32)
    pair = [
        32 * 256 + 256 * 1568 + extra for extra in (32 * 49, 512 * 16 * 49 + 16 * 196, 512 * 16 * 49 + 16 * 16 * 196)
    ]
    stack = 2 * (16 * 9) * 196
    for stage, count in enumerate(pair):
        generator = grown.Generator()
        generator.stage = stage
        assert growing.multiplications(generator, z) == count
    assert growing.multiplications(dense_conv.Generator(latent_dim=32), z) == pair[2]
    generator = grown.Generator(body="stack")
    generator.stage = 1
    assert growing.multiplications(generator, z) == pair[0] - 32 * 49 + (32 + 16) * 16 * 9 * 196 + 16 * 196
    assert stack > 0
    discriminator = dense_conv.Discriminator()
    hand = 16 * 16 * 196 + 16 * 32 * 16 * 49 + 1568 * 256 + 256
    assert growing.multiplications(discriminator, torch.zeros(2, 1, 28, 28)) == hand


def test_a_run_goes_through_the_sizes_and_ends_whole(monkeypatch):
    seen = []
    real = growing.shown
    monkeypatch.setattr(growing, "shown", lambda *given: seen.append(given[1:]) or real(*given))
    with runtime.seeded(5):
        before = torch.random.get_rng_state()
        generator = growing.train(IMAGES, num_steps=10, seed=0, latent_dim=6)
        assert torch.equal(torch.random.get_rng_state(), before)
    assert seen == [growing.at(step / 10) for step in range(10)] and {stage for stage, _ in seen} == {0, 1, 2}
    assert (generator.stage, generator.fade, generator.training) == (2, 1.0, False)
    z = torch.randn(4, 6, generator=runtime.generator(1))
    made = generator(z)
    assert made.shape == (4, 1, 16, 16) and not made.requires_grad
    assert torch.allclose(generator(z[1:2]), made[1:2], atol=1e-6)
    again = growing.train(IMAGES, num_steps=10, seed=0, latent_dim=6)
    assert torch.equal(again(z), made)
    assert not torch.equal(growing.train(IMAGES, num_steps=10, seed=1, latent_dim=6)(z), made)
    assert not torch.equal(growing.train(IMAGES, num_steps=10, seed=0, latent_dim=6, fade=False)(z), made)


def test_the_stack_trains_too():
    generator = growing.train(IMAGES, num_steps=3, seed=0, latent_dim=6, body="stack", starts=(0, 0.3, 0.6))
    assert generator.body == "stack" and generator(torch.zeros(2, 6)).shape == (2, 1, 16, 16)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: growing.at(1.1), "share must be a finite number, from 0.0 to 1.0, got 1.1"),
        (lambda: growing.at(0.5, (0.1, 0.2, 0.3)), "starts must be 3 shares that begin with 0"),
        (lambda: growing.at(0.5, (0, 0.5, 0.2)), "never fall"),
        (lambda: growing.at(0.5, (0, 0.5)), "starts must be 3 shares"),
        (lambda: growing.shown(IMAGES, 3), "stage must be a whole number from 0 to 2"),
        (lambda: growing.train(IMAGES, num_steps=0, seed=0), "num_steps must be a whole number from 1 on, got 0"),
    ],
)
def test_other_things_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
