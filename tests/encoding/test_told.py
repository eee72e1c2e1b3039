"""Who is told a label gets it, who is not gets none, and a code need not hold what the decoder is told."""

import math

import pytest
import torch
import torch.nn.functional as F

from gancourse import codes, runtime
from gancourse.data import digits
from gancourse.encoding import told
from gancourse.encoding.told import Recipe, ToldEncoder

LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])


def images(count=8, seed=0):
    return 2 * torch.rand(count, 1, 16, 16, generator=runtime.generator(seed)) - 1


def parts_of(**settings):
    recipe = Recipe(classes=3, code_dim=5, num_steps=4, **settings)
    parts = told.build(recipe, image_size=16, seed=3)
    return parts


@pytest.mark.parametrize("encoder", [False, True])
@pytest.mark.parametrize("decoder", [False, True])
def test_a_label_moves_only_what_is_told(encoder, decoder):
    parts = parts_of(encoder=encoder, decoder=decoder)
    other = (LABELS + 1) % 3
    for network in (parts.encoder, parts.decoder):
        network.eval()
    z = told.means(parts, images(), LABELS)
    assert torch.equal(told.means(parts, images(), other), z) != encoder
    assert torch.equal(told.pictures(parts, z, other), told.pictures(parts, z, LABELS)) != decoder


def test_the_label_is_what_planes_would_be_inside_the_border():
    encoder = ToldEncoder(16, 1, 5, 3)
    first = encoder.both.layers[0]
    planes = F.one_hot(LABELS, 3).float()[:, :, None, None].expand(-1, -1, 16, 16)
    weight = torch.cat([first.weight, encoder.label.weight[:, :, None, None].expand(-1, -1, 4, 4) / 16], dim=1)
    with torch.no_grad():
        whole = F.conv2d(torch.cat([images(), planes], dim=1), weight, first.bias, 2, 1)
        ours = first(images()) + encoder.label(F.one_hot(LABELS, 3).float())[:, :, None, None]
    assert torch.allclose(ours[..., 1:-1, 1:-1], whole[..., 1:-1, 1:-1], atol=1e-5)
    assert not torch.allclose(ours, whole, atol=1e-3)


@pytest.mark.parametrize("beta", [None, 2.5])
def test_the_loss_is_the_sum_of_its_terms_and_both_networks_learn(beta):
    parts = parts_of(encoder=True, decoder=True, beta=beta)
    parts.encoder.both.layers[-1].weight.data *= 40  # codes as dear as pixels, so that their weight counts
    before = [p.detach().clone() for network in (parts.encoder, parts.decoder) for p in network.parameters()]
    hint = F.one_hot(LABELS, 3).float()
    with torch.no_grad():
        mean, log_variance = parts.encoder(images(), hint)
        noise = torch.randn(mean.shape, generator=runtime.generator(7))
        z = mean if beta is None else mean + (log_variance / 2).exp() * noise
        logits = parts.decoder.logits(torch.cat([z, hint], dim=1))
        pixels = F.binary_cross_entropy_with_logits(logits, (images() + 1) / 2, reduction="sum") / 8
        price = 0.0 if beta is None else float(codes.kl_to_normal(mean, log_variance).mean())
    assert beta is None or price > 0.005 * float(pixels)
    says = told.make_step(parts, runtime.generator(7))((images(), LABELS))
    assert float(says["pixel_cost"]) == pytest.approx(float(pixels), rel=1e-4)
    assert float(says["loss"]) == pytest.approx(float(pixels) + (beta or 0) * price, rel=1e-4)
    assert ("code_cost" in says) == (beta is not None)
    after = [p for network in (parts.encoder, parts.decoder) for p in network.parameters()]
    moved = [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    assert sum(moved) >= len(moved) - 1
    assert (
        float(parts.encoder.label.weight.detach().sub(before[-1 - len(list(parts.decoder.parameters()))]).abs().max())
        > 0
    )


def test_all_begin_with_the_same_weights():
    first = [
        told.build(Recipe(encoder=e, decoder=d), image_size=16, seed=2) for e in (0 > 1, 1 > 0) for d in (0 > 1, 1 > 0)
    ]
    for parts in first[1:]:
        for network in ("encoder", "decoder"):
            pairs = zip(getattr(parts, network).parameters(), getattr(first[0], network).parameters(), strict=True)
            assert all(torch.equal(a, b) for a, b in pairs)


def test_draws_have_the_mean_and_the_deviation_they_say_and_an_autoencoder_has_none():
    parts = parts_of(encoder=True)
    for network in (parts.encoder, parts.decoder):
        network.eval()
    x, labels = images(1).expand(4_000, -1, -1, -1), torch.zeros(4_000, dtype=torch.int64)
    z, costs = told.draws(parts, x, labels, runtime.generator(1))
    with torch.no_grad():
        mean, log_variance = parts.code(x[:1], labels[:1])
    assert torch.allclose(z.mean(0), mean[0], atol=0.08)
    assert torch.allclose(z.std(0), (log_variance[0] / 2).exp(), rtol=0.06)
    assert float(costs[0]) == pytest.approx(float(codes.kl_to_normal(mean, log_variance)), rel=1e-4)
    with pytest.raises(ValueError, match="an autoencoder draws nothing"):
        told.draws(parts_of(beta=None), x, labels, runtime.generator(1))


def test_a_decoder_that_is_told_draws_another_class_when_told_so_and_repeats_by_its_seed():
    data = digits.load("embedded", image_size=16)
    recipe = Recipe(encoder=True, decoder=True, num_steps=150)
    parts = told.train(data.images, data.labels, recipe, seed=1)
    z = told.means(parts, data.test_images, data.test_labels)
    own, asked = (told.pictures(parts, z, data.test_labels + k - 10 * (data.test_labels + k > 9)) for k in (0, 5))
    assert float((own - data.test_images).square().mean()) < 0.6 * float((asked - data.test_images).square().mean())
    assert not any(p.requires_grad for network in (parts.encoder, parts.decoder) for p in network.parameters())
    short = Recipe(encoder=True, decoder=True, num_steps=2)
    one, two = (told.train(data.images, data.labels, short, seed=5) for _ in range(2))
    assert torch.equal(one.encoder.label.weight, two.encoder.label.weight)


@pytest.mark.parametrize(
    "settings, error, words",
    [
        ({"encoder": 1}, TypeError, "encoder must be True or False, got 1"),
        ({"decoder": "yes"}, TypeError, "decoder must be True or False, got 'yes'"),
        ({"classes": 1}, ValueError, "classes must be a whole number from 2 on"),
        ({"code_dim": 0}, ValueError, "code_dim must be a whole number from 1 on"),
        ({"beta": -1.0}, ValueError, "beta must be a finite number"),
        ({"num_steps": 0}, ValueError, "num_steps must be a whole number from 1 on"),
    ],
)
def test_other_recipes_are_refused(settings, error, words):
    with pytest.raises(error, match=words):
        Recipe(**settings)


@pytest.mark.parametrize(
    "labels, error, words",
    [
        (LABELS + 1, ValueError, "labels must be from 0 to 2, got 1 to 3"),
        (LABELS.int(), TypeError, "labels must be int64 of shape"),
        (LABELS[:, None], ValueError, "labels must be int64 of shape"),
    ],
)
def test_other_labels_are_refused(labels, error, words):
    with pytest.raises(error, match=words):
        told.means(parts_of(encoder=True), images(), labels)


def test_a_probability_is_no_label_by_chance():
    weights = torch.full((8, 3), 1 / 3)
    parts = parts_of(decoder=True)
    parts.decoder.eval()
    z = torch.zeros(8, 5)
    even = told.pictures(parts, z, weights)
    assert even.shape == (8, 1, 16, 16) and math.isfinite(float(even.sum()))
    assert torch.equal(even[0], even[1])
