"""The recipe for sounds: each player moves by its own loss, the penalty comes when it should, and training helps."""

import copy
import dataclasses

import pytest
import torch
import torch.nn.functional as F

from gancourse import runtime, sounding
from gancourse.metrics import sound
from gancourse.sounding import Recipe


def waves(count=96, length=256, seed=0):
    """Decaying tones of two pitches."""
    random = runtime.generator(seed)
    t = torch.arange(length) / 8_000
    pitch = torch.where(torch.rand(count, 1, generator=random) < 0.5, 500.0, 800.0)
    return 0.6 * torch.sin(2 * torch.pi * pitch * t) * torch.exp(-t / 0.02)


def first_step(recipe, real, seed=5):
    """Return the parts before and after the first step, what it says, and a generator of z as it was."""
    parts = sounding.build(recipe, length=256, seed=seed)
    before = copy.deepcopy(parts)
    says = sounding.make_step(parts, recipe, runtime.generator(7))(real)
    return before, parts, says, runtime.generator(7)


def moved_by(network, after, loss, rate):
    """Check Adam's first step: each weight moves by the rate against the sign of its gradient."""
    weights = list(network.parameters())
    for old, new, gradient in zip(weights, after.parameters(), torch.autograd.grad(loss, weights), strict=True):
        large = gradient.abs() > 1e-5
        assert torch.allclose((new - old)[large], -rate * gradient.sign()[large], atol=rate / 100)


def test_non_saturating_with_r1_by_hand():
    real, recipe = waves(8), Recipe(width=4, penalty=0.7, penalty_every=3)
    before, after, says, noise = first_step(recipe, real)
    fake = before.generator(torch.randn(8, 64, generator=noise)).detach()
    seen = real.clone().requires_grad_()
    real_logits, fake_logits = before.discriminator(seen), before.discriminator(fake)
    d_loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    (slope,) = torch.autograd.grad(real_logits.sum(), seen, create_graph=True)
    assert float(says["d_loss"]) == pytest.approx(d_loss.item(), rel=1e-5)
    moved_by(before.discriminator, after.discriminator, d_loss + 3 * 0.7 / 2 * slope.square().sum(1).mean(), 2.5e-3)
    g_loss = F.softplus(-after.discriminator(before.generator(torch.randn(8, 64, generator=noise)))).mean()
    assert float(says["g_loss"]) == pytest.approx(g_loss.item(), rel=1e-4)
    moved_by(before.generator, after.generator, g_loss, 5e-3)


def test_wasserstein_with_its_penalty_by_hand():
    real = waves(16)
    recipe = Recipe(loss="wasserstein", penalty=10.0, penalty_every=1, d_steps=1, width=4, lr_g=1e-3, lr_d=2e-3)
    before, after, says, noise = first_step(recipe, real)
    fake = before.generator(torch.randn(16, 64, generator=noise)).detach()
    scores = before.discriminator(real).mean() - before.discriminator(fake).mean()
    assert float(says["d_loss"]) == pytest.approx(-scores.item(), rel=1e-4)
    from gancourse import penalties

    loss = -scores + 10 * penalties.gradient_penalty(before.discriminator, real, fake, generator=noise)
    moved_by(before.discriminator, after.discriminator, loss, 2e-3)


def test_several_steps_of_d_see_different_sounds():
    recipe = Recipe(loss="wasserstein", penalty=10.0, penalty_every=1, d_steps=2, width=4)
    parts, real = sounding.build(recipe, length=256, seed=0), waves(12)
    seen = []
    parts.discriminator.register_forward_hook(lambda module, given, out: seen.append(given[0].detach()))
    sounding.make_step(parts, recipe, runtime.generator(1))(real)
    shown = [batch for batch in seen if any(torch.equal(batch, half) for half in (real[:6], real[6:]))]
    assert [torch.equal(batch, real[6:]) for batch in shown] == [False, True]


def test_the_penalty_comes_every_so_many_steps(monkeypatch):
    counted, recipe = [], Recipe(width=4, penalty_every=3)
    monkeypatch.setattr(sounding.penalties, "r1_penalty", lambda logits, real: counted.append(1) or logits.sum() * 0)
    step, by_step = sounding.make_step(sounding.build(recipe, length=256, seed=0), recipe, runtime.generator(0)), []
    for _ in range(7):
        step(waves(4))
        by_step.append(len(counted))
    assert by_step == [1, 1, 1, 2, 2, 2, 3]


def test_rates_fall_and_the_first_weights_do_not_depend_on_the_shuffle():
    plain, shuffled = (sounding.build(Recipe(width=4, shuffle=s, num_steps=2), length=256, seed=3) for s in (0, 2))
    for name in ("generator", "discriminator"):
        for one, other in zip(getattr(plain, name).parameters(), getattr(shuffled, name).parameters(), strict=True):
            assert torch.equal(one, other)
    fewer = sounding.build(Recipe(width=4, shuffle=2, shuffle_last=False, num_steps=2), length=256, seed=3)
    assert len(fewer.discriminator.layers) == len(shuffled.discriminator.layers) - 1
    step = sounding.make_step(plain, Recipe(width=4, num_steps=2), runtime.generator(0))
    for _ in range(2):
        step(waves(4))
    rates = [optimizer.param_groups[0]["lr"] for optimizer in (plain.g_optimizer, plain.d_optimizer)]
    assert rates == pytest.approx([5e-3 / 20, 2.5e-3 / 20])


def test_training_helps_and_repeats():
    real, recipe = waves(256), Recipe(width=4, num_steps=300)
    trained = sounding.train(real, recipe, seed=2)
    untrained = sounding.finish(sounding.build(recipe, length=256, seed=2), runtime.generator(2))
    made = {name: sounding.sample(one, 300, runtime.generator(3)) for name, one in
            (("trained", trained), ("untrained", untrained))}  # fmt: skip
    assert made["trained"].shape == (300, 256) and not trained.training
    heard = {name: sound.hear(x) for name, x in made.items()}
    periodic = {name: float(h.periodicity.median()) for name, h in heard.items()}
    assert periodic["trained"] > periodic["untrained"] + 0.1
    aim = float(sound.hear(real).centroid.median())
    off = {name: abs(float(h.centroid.median()) - aim) for name, h in heard.items()}
    assert off["trained"] < off["untrained"] / 2
    short = Recipe(width=4, num_steps=20)
    again = [sounding.sample(sounding.train(real, short, seed=0), 300, runtime.generator(3)) for _ in range(2)]
    assert torch.equal(*again)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"up": "cubic"}, "up must be one of transposed, nearest, got 'cubic'"),
        ({"loss": "hinge"}, "loss must be one of non_saturating, wasserstein, got 'hinge'"),
        ({"shuffle": 1.5}, "shuffle must be a whole number from 0 on"),
        ({"num_steps": 0}, "num_steps must be a whole number from 1 on"),
        ({"penalty": -1.0}, "penalty must be a finite number, at least 0.0"),
    ],
)
def test_a_wrong_recipe_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(Recipe(), **settings)
