"""The loss of autoencoder and VAE is the sum it says, in nats, and what is trained gives digits back."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F

from gancourse import codes, runtime, training
from gancourse.data import digits
from gancourse.encoding import auto, both
from gancourse.encoding.auto import Recipe
from gancourse.models.encoder import Encoder


def images(count=8, seed=0):
    return 2 * torch.rand(count, 1, 16, 16, generator=runtime.generator(seed)) - 1


def by_hand(parts, recipe, x, seed):
    """The cost of pixels and of codes for each image, before any weight moves."""
    if recipe.beta is None:
        z, code = parts.encoder(x), torch.zeros(len(x))
    else:
        mean, log_variance = parts.encoder(x)
        noise = torch.randn(mean.shape, generator=runtime.generator(seed))
        z, code = mean + (0.5 * log_variance).exp() * noise, codes.kl_to_normal(mean, log_variance)
    made = parts.decoder(z)
    if recipe.pixels == "gaussian":
        normal = torch.distributions.Normal(made, math.exp(-1))  # log variance -2
        return -normal.log_prob(x).sum((1, 2, 3)), code
    white = ((made + 1) / 2).double().clamp(1e-12, 1 - 1e-12)
    share = (x.double() + 1) / 2
    return -(share * white.log() + (1 - share) * (1 - white).log()).sum((1, 2, 3)), code


@pytest.mark.parametrize("pixels", auto.PIXELS)
@pytest.mark.parametrize("beta", [None, 1.0, 3.5])
def test_the_loss_is_the_sum_of_its_terms(pixels, beta):
    recipe = Recipe(code_dim=5, beta=beta, pixels=pixels, num_steps=4)
    parts = auto.build(recipe, image_size=16, seed=3)
    if beta is not None:  # codes as dear as pixels, so that their weight counts
        parts.encoder.both.layers[-1].weight.data *= 40
    with torch.no_grad():
        pixel, code = by_hand(copy.deepcopy(parts), recipe, images(), 7)
    says = auto.make_step(parts, recipe, runtime.generator(7))(images())
    assert float(says["pixel_cost"]) == pytest.approx(float(pixel.mean()), rel=1e-4)
    assert float(says["loss"]) == pytest.approx(float(pixel.mean() + (beta or 0) * code.mean()), rel=1e-4)
    assert ("code_cost" in says) == (beta is not None)
    if beta is not None:
        assert float(code.mean()) > 0.005 * float(pixel.mean())
        assert float(says["code_cost"]) == pytest.approx(float(code.mean()), rel=1e-4)


def test_the_variance_of_the_pixels_is_learned_only_where_it_counts():
    for pixels in auto.PIXELS:
        recipe = Recipe(beta=1.0, pixels=pixels, num_steps=4)
        parts = auto.build(recipe, image_size=16, seed=3)
        auto.make_step(parts, recipe, runtime.generator(7))(images())
        assert (float(parts.log_variance.detach()) != -2.0) == (pixels == "gaussian")


def test_one_step_is_one_of_adam_on_both_networks():
    recipe = Recipe(code_dim=5, num_steps=10)
    parts = auto.build(recipe, image_size=16, seed=3)
    theirs = copy.deepcopy(parts)
    auto.make_step(parts, recipe, runtime.generator(7))(images())
    weights = [*theirs.encoder.parameters(), *theirs.decoder.parameters()]
    optimizer = torch.optim.Adam(weights, 3e-3, (0.9, 0.99))
    logits = theirs.decoder.logits(theirs.encoder(images()))
    F.binary_cross_entropy_with_logits(logits, (images() + 1) / 2, reduction="sum").div(8).backward()
    optimizer.step()
    for ours, other in zip([*parts.encoder.parameters(), *parts.decoder.parameters()], weights, strict=True):
        assert torch.allclose(ours, other, atol=1e-5)
    assert parts.optimizer.param_groups[0]["lr"] < 3e-3


def test_what_is_trained_gives_digits_back_and_a_vae_pays_for_its_codes():
    data = digits.load("embedded", image_size=16)
    x = data.test_images
    mean = float((x - data.images.mean(0)).square().mean())
    found = {}
    for beta in (None, 1.0, 200.0):
        coded = auto.train(data.images, Recipe(beta=beta, num_steps=80), seed=1)
        again = both.pictures(coded.decoder, both.codes(coded.encoder, x))
        found[beta] = float((again - x).square().mean()) / mean
        assert not any(p.requires_grad for network in coded for p in network.parameters())
        assert not coded.encoder.training and not coded.decoder.training
    assert found[None] < found[1.0] < 0.6 and found[200.0] > 0.9


def test_training_repeats_by_its_seed_and_by_the_loop_of_the_course():
    recipe = Recipe(beta=1.0, num_steps=3)
    whole = auto.train(images(90), recipe, seed=4)
    parts = auto.build(recipe, image_size=16, seed=4)
    step = auto.make_step(parts, recipe, runtime.generator(5))
    training.train(step, both.shuffled(images(90), 6), num_steps=3)
    for ours, other in zip(whole, auto.finish(parts), strict=True):
        for one, two in zip(ours.parameters(), other.parameters(), strict=True):
            assert torch.equal(one, two)


def test_the_same_first_weights_for_every_beta():
    one, two = (auto.build(Recipe(beta=beta), image_size=16, seed=2) for beta in (1.0, 4.0))
    assert torch.equal(one.encoder.both.layers[0].weight, two.encoder.both.layers[0].weight)
    assert isinstance(auto.build(Recipe(), image_size=16, seed=2).encoder, Encoder)


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"code_dim": 0}, "code_dim must be a whole number from 1 on"),
        ({"beta": -1}, "beta must be a finite number"),
        ({"pixels": "squares"}, "pixels must be one of cross-entropy, gaussian, got 'squares'"),
        ({"num_steps": 0}, "num_steps must be a whole number from 1 on"),
    ],
)
def test_other_recipes_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Recipe(**settings)
