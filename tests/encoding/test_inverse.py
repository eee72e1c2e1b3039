"""Encoders of a generator learn what they are to give back, and descent goes to the image from where it starts."""

import copy

import pytest
import torch
from torch import nn

from gancourse import runtime
from gancourse.encoding import both, inverse
from gancourse.models.encoder import Decoder, Encoder


@pytest.fixture(scope="module")
def generator():
    with runtime.seeded(0):
        made = Decoder(16, latent_dim=4, width=4)
    return inverse.settle(made, runtime.generator(1))


def drawn(generator, count, seed):
    z = torch.randn(count, 4, generator=runtime.generator(seed))
    return z, both.pictures(generator, z)


def test_settling_measures_batch_norm_on_draws_of_z():
    with runtime.seeded(0):
        made = Decoder(16, latent_dim=4, width=4)
    for layer in made.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.running_mean += 7.0
    settled = inverse.settle(copy.deepcopy(made), runtime.generator(1))
    assert not settled.training and not any(p.requires_grad for p in settled.parameters())
    z = torch.randn(3_000, 4, generator=runtime.generator(2))
    first = z @ settled.dense[0].weight.T
    assert torch.allclose(settled.dense[1].running_mean, first.mean(0), atol=0.15)
    assert torch.allclose(settled.dense[1].running_var, first.var(0), rtol=0.15, atol=1e-3)


def test_an_encoder_of_codes_gives_z_back_and_one_of_pixels_gives_images_back(generator):
    z, images = drawn(generator, 300, 3)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    errors = {}
    for give_back in inverse.GIVE_BACK:
        encoder = inverse.train_encoder(generator, images, give_back=give_back, num_steps=150, seed=5)
        code = both.codes(encoder, images)
        again = both.pictures(generator, code)
        errors[give_back] = float((code - z).square().mean()), float((again - images).square().mean() / images.var())
        assert not encoder.training and not any(p.requires_grad for p in encoder.parameters())
    assert errors["codes"][0] < 0.1 and errors["pixels"][1] < 0.1
    assert all(torch.equal(before[name], value) for name, value in generator.state_dict().items())


@pytest.mark.parametrize("give_back", inverse.GIVE_BACK)
def test_a_first_step_goes_down_the_loss_that_was_asked_for(generator, give_back):
    _, images = drawn(generator, 64, 3)
    encoder = inverse.train_encoder(generator, images, give_back=give_back, num_steps=1, seed=5)
    with runtime.seeded(5):
        theirs = Encoder(16, 1, 4)
    optimizer = torch.optim.Adam(theirs.parameters(), 2e-3, (0.9, 0.99))
    if give_back == "codes":
        z = torch.randn(64, 4, generator=runtime.generator(6))
        loss = (theirs(generator(z)) - z).square().mean()
    else:
        batch = next(both.shuffled(images, 7))
        loss = (generator(theirs(batch)) - batch).square().mean()
    loss.backward()
    optimizer.step()
    for ours, other in zip(encoder.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(ours, other, atol=1e-6)


def test_descent_comes_nearer_image_by_image_and_changes_nothing_else(generator):
    _, images = drawn(generator, 6, 8)
    start = torch.zeros(6, 4)
    found = inverse.invert(generator, images, start, num_steps=60)
    first, last = ((both.pictures(generator, z) - images).square().flatten(1).mean(1) for z in (start, found))
    assert bool((last < first / 2).all()) and not found.requires_grad and not start.any()
    # by itself an image ends in the same place
    alone = inverse.invert(generator, images[2:3], start[2:3], num_steps=60)
    assert torch.allclose(alone[0], found[2], atol=1e-2)


def test_descent_begins_where_it_is_told(generator):
    z, images = drawn(generator, 5, 9)
    assert torch.allclose(inverse.invert(generator, images, z, num_steps=5), z, atol=0.05)
    moved = inverse.invert(generator, images, z + 1, num_steps=1, rate=0.1) - (z + 1)
    assert torch.allclose(moved.abs(), torch.full_like(moved, 0.1), atol=1e-3)  # Adam's first step has one size


def test_a_generator_is_trained_by_the_recommended_recipe(monkeypatch):
    images = 2 * torch.rand(130, 1, 16, 16, generator=runtime.generator(0)) - 1
    generators = [inverse.train_generator(images, code_dim=6, num_steps=3, seed=seed) for seed in (1, 1, 2)]
    states = [torch.cat([p.flatten() for p in g.parameters()]) for g in generators]
    assert torch.equal(states[0], states[1]) and not torch.equal(states[0], states[2])
    assert generators[0](torch.zeros(1, 6)).shape == (1, 1, 16, 16)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda g, x: inverse.train_encoder(g, x, give_back="z", seed=0), "give_back must be one of codes, pixels"),
        (lambda g, x: inverse.train_encoder(g, x, num_steps=0, seed=0), "num_steps must be a whole number"),
        (lambda g, x: inverse.invert(copy.deepcopy(g).train(), x, torch.zeros(5, 4)), "generator must be in eval mode"),
        (lambda g, x: inverse.invert(g, x, torch.zeros(4, 4)), "one code for each image, 5, got 4"),
        (lambda g, x: inverse.invert(g, x, torch.zeros(5, 4), rate=-1), "rate must be a finite number"),
    ],
)
def test_others_are_refused(generator, call, words):
    _, images = drawn(generator, 5, 9)
    with pytest.raises(ValueError, match=words):
        call(generator, images)
