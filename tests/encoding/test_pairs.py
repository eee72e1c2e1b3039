"""BiGAN's step moves D by its loss and encoder and generator by theirs, and its parts are put together as said."""

import copy

import pytest
import torch
import torch.nn.functional as F

from gancourse import runtime
from gancourse.encoding import both, pairs
from gancourse.encoding.pairs import Recipe


def images(count=8, seed=0):
    return 2 * torch.rand(count, 1, 16, 16, generator=runtime.generator(seed)) - 1


def built(recipe, seed=3):
    return pairs.build(recipe, image_size=16, seed=seed)


def adam(*networks):
    return torch.optim.Adam([p for network in networks for p in network.parameters()], 4e-3, (0.0, 0.99))


@pytest.mark.parametrize("cycle", [0.0, 0.6])
def test_two_steps_by_hand(cycle):
    """The first step has R1, four times as strong, and the second has none."""
    recipe = Recipe(code_dim=4, cycle=cycle, num_steps=100)
    parts = built(recipe)
    E, G, D = (copy.deepcopy(network) for network in (parts.encoder, parts.generator, parts.discriminator))
    d_optimizer, optimizer = adam(D), adam(E, G)
    step, noise = pairs.make_step(parts, recipe, runtime.generator(7)), runtime.generator(7)
    for count in range(2):
        x, z = images(seed=count), torch.randn(8, 4, generator=noise)
        says = step(x)
        code, fake = E(x), G(z)
        points = x.clone().requires_grad_(), code.detach().clone().requires_grad_()
        logits = D(*points)
        d_loss = F.softplus(-logits).mean() + F.softplus(D(fake.detach(), z)).mean()
        slopes = torch.autograd.grad(logits.sum(), points, create_graph=True)
        brake = 4 * (0.15 * slopes[0].square().sum((1, 2, 3)).mean() + 0.015 * slopes[1].square().sum(1).mean())
        d_optimizer.zero_grad()
        (d_loss + (brake if count == 0 else 0)).backward()
        d_optimizer.step()
        g_loss = F.softplus(-D(fake, z)).mean() + F.softplus(D(x, code)).mean()
        optimizer.zero_grad()
        (g_loss + (cycle * (E(fake) - z).square().mean() if cycle else 0)).backward()
        optimizer.step()
        assert float(says["d_loss"]) == pytest.approx(float(d_loss.detach()), rel=1e-4)
        assert float(says["g_loss"]) == pytest.approx(float(g_loss.detach()), rel=1e-4)
        for theirs, ours in zip((E, G, D), (parts.encoder, parts.generator, parts.discriminator), strict=True):
            for one, two in zip(theirs.parameters(), ours.parameters(), strict=True):
                assert float((one - two).detach().abs().mean()) < 5e-5
        for group in (*d_optimizer.param_groups, *optimizer.param_groups):
            group["lr"] = parts.optimizer.param_groups[0]["lr"]


def test_the_average_follows_the_generator_and_is_what_comes_back():
    recipe = Recipe(code_dim=4, num_steps=4)
    parts = built(recipe)
    first = parts.generator.dense[0].weight.detach().clone()
    step = pairs.make_step(parts, recipe, runtime.generator(7))
    step(images())
    one = parts.generator.dense[0].weight.detach().clone()
    assert torch.equal(parts.average.module.dense[0].weight, one) and not torch.equal(one, first)
    step(images(seed=1))
    two = parts.generator.dense[0].weight.detach()
    coded = pairs.finish(parts, runtime.generator(0))
    assert torch.allclose(coded.decoder.dense[0].weight, 0.98 * one + 0.02 * two, atol=1e-7)
    assert coded.encoder is parts.encoder and not coded.encoder.training and not coded.decoder.training
    assert not any(p.requires_grad for network in coded for p in network.parameters())


def test_training_repeats_by_its_seed():
    codes = []
    for seed in (1, 1, 2):
        coded = pairs.train(images(130), Recipe(code_dim=4, num_steps=3), seed=seed)
        codes.append(both.codes(coded.encoder, images(5)))
    assert torch.equal(codes[0], codes[1]) and not torch.equal(codes[0], codes[2])
    assert codes[0].shape == (5, 4)


def test_the_cycle_brings_z_back():
    x, found = images(128), []
    for cycle in (0.0, 20.0):
        coded = pairs.train(x, Recipe(code_dim=4, cycle=cycle, num_steps=40), seed=1)
        z = torch.randn(200, 4, generator=runtime.generator(9))
        found.append(float((both.codes(coded.encoder, both.pictures(coded.decoder, z)) - z).square().mean()))
    assert found[1] < 0.6 * found[0]


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"code_dim": 0}, "code_dim must be a whole number from 1 on"),
        ({"cycle": -1}, "cycle must be a finite number"),
        ({"num_steps": 0.5}, "num_steps must be a whole number from 1 on"),
    ],
)
def test_other_recipes_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Recipe(**settings)
