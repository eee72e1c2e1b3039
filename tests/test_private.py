"""Gradients cut image by image, against loops and closed forms; and what a private training may not depend on."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.func import functional_call

from gancourse import conditional, private, runtime


def few(count=6, size=28):
    images = 2 * torch.rand(count, 1, size, size, generator=runtime.generator(0)) - 1
    return images, torch.arange(count) % 2


def linear_loss(weights, x, y):
    """Its gradients are known: x by w, and y by b."""
    return (weights["w"] * x).sum() + weights["b"] * y


def test_the_sum_of_cut_gradients_by_hand():
    weights = {"w": torch.zeros(2), "b": torch.zeros(())}
    x, y = torch.tensor([[3.0, 0.0], [0.0, 0.3], [0.0, 0.0]]), torch.tensor([4.0, 0.4, 0.0])
    sums, lengths = private.clipped(linear_loss, weights, (x, y), 1.0)
    assert torch.allclose(lengths, torch.tensor([5.0, 0.5, 0.0]))
    assert torch.allclose(sums["w"], torch.tensor([0.6, 0.3]))  # the first is cut to a fifth, the second stays
    assert torch.allclose(sums["b"], torch.tensor(1.2))
    whole, _ = private.clipped(linear_loss, weights, (x, y), math.inf)
    assert torch.allclose(whole["w"], torch.tensor([3.0, 0.3])) and torch.allclose(whole["b"], torch.tensor(4.4))


def test_it_is_the_loop_over_images_of_a_discriminator():
    images, labels = few()
    with runtime.seeded(1):
        D = private.Discriminator(width=2)
    weights = {name: weight.detach() for name, weight in D.named_parameters()}

    def one_loss(given, image, label):
        return F.softplus(-functional_call(D, given, (image[None], label[None]))).squeeze(0)

    expected, lengths = [torch.zeros_like(weight) for weight in D.parameters()], []
    for image, label in zip(images, labels, strict=True):
        slopes = torch.autograd.grad(F.softplus(-D(image[None], label[None])).sum(), list(D.parameters()))
        lengths.append(math.sqrt(sum(float(slope.square().sum()) for slope in slopes)))
    largest = sorted(lengths)[3]
    for image, label, length in zip(images, labels, lengths, strict=True):
        slopes = torch.autograd.grad(F.softplus(-D(image[None], label[None])).sum(), list(D.parameters()))
        expected = [a + b * min(1.0, largest / length) for a, b in zip(expected, slopes, strict=True)]
    sums, found = private.clipped(one_loss, weights, (images, labels), largest)
    assert found.tolist() == pytest.approx(lengths, rel=1e-4)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(sums.values(), expected, strict=True))
    again, _ = private.clipped(one_loss, weights, (images, labels), np.float64(largest))
    assert all(torch.equal(a, b) for a, b in zip(sums.values(), again.values(), strict=True))
    without, _ = private.clipped(one_loss, weights, (images[1:], labels[1:]), largest)
    moved = math.sqrt(sum(float((sums[name] - without[name]).square().sum()) for name in sums))
    assert moved <= largest * 1.0001  # one image more or less: what the noise has to hide


def test_each_image_is_scored_for_itself_and_for_its_label():
    images, labels = few()
    with runtime.seeded(1):
        D = private.Discriminator()
    assert sum(weight.numel() for weight in D.parameters()) == 3_770
    assert torch.allclose(D(images, labels)[2:3], D(images[2:3], labels[2:3]), atol=1e-6)
    assert not torch.allclose(D(images, labels), D(images, 1 - labels))


@pytest.fixture
def first_step(monkeypatch):
    """The gradient of D that the first step hands to its optimiser, as a list of tensors."""

    def gradients(images, labels, **settings):
        seen = []
        plain = torch.optim.Adam.step

        def step(self, *given, **more):
            weights = self.param_groups[0]["params"]
            if sum(weight.numel() for weight in weights) < 4_000:  # D, not G
                seen.append([weight.grad.clone() for weight in weights])
            return plain(self, *given, **more)

        monkeypatch.setattr(torch.optim.Adam, "step", step)
        private.train_pair(images, labels, num_steps=1, **settings)
        monkeypatch.setattr(torch.optim.Adam, "step", plain)
        return torch.cat([slope.flatten() for slope in seen[0]])

    return gradients


def test_noise_has_the_deviation_it_says_and_what_is_cut_bounds_an_image(first_step):
    images, labels = few(6)
    plain = first_step(images, labels, largest=0.05, seed=3)
    noisy = first_step(images, labels, largest=0.05, noise=4.0, seed=3)
    drowned = (noisy - plain) * 6  # before the division by the number of images
    assert float(drowned.std()) == pytest.approx(4.0 * 0.05, rel=0.05) and abs(float(drowned.mean())) < 0.02
    other = images.clone()
    other[2] = -images[2]
    changed = first_step(other, labels, largest=0.05, seed=3)
    assert 0 < float((changed - plain).norm()) * 6 <= 2 * 0.05 * 1.001  # out with one, in with another


def test_a_trained_pair_draws_what_it_is_asked_for_and_repeats_itself():
    images, labels = few(6)
    looked = []
    one, two = (
        private.train_pair(images, labels, num_steps=3, noise=1.0, seed=2, on_step=lambda *told: looked.append(told))
        for _ in range(2)
    )
    assert all(torch.equal(a, b) for a, b in zip(one.generator.parameters(), two.generator.parameters(), strict=True))
    assert all(
        torch.equal(a, b) for a, b in zip(one.discriminator.parameters(), two.discriminator.parameters(), strict=True)
    )
    assert conditional.ask(one.generator, torch.tensor([0, 1]), runtime.generator(0)).shape == (2, 1, 28, 28)
    assert [step for step, _ in looked] == [1, 2, 3] * 2 and looked[0][1].shape == (6,)
    assert not any(weight.requires_grad for weight in one.discriminator.parameters())


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: private.clipped(linear_loss, {}, (torch.ones(2),), 0.0), "largest must be above 0"),
        (lambda: private.clipped(linear_loss, {}, (torch.ones(2),), True), "largest must be above 0"),
        (lambda: private.clipped(linear_loss, {}, (torch.ones(0),), 1.0), "at least one example"),
        (lambda: private.clipped(linear_loss, {}, (), 1.0), "at least one example"),
        (lambda: private.train_pair(*few(), noise=1.0, largest=math.inf), "finite where there is noise"),
        (lambda: private.train_pair(*few(), noise=-1.0), "noise must be"),
        (lambda: private.train_pair(*few(), num_steps=0), "num_steps must be"),
        (lambda: private.train_pair(few()[0], few()[1][:3]), "one for each"),
        (lambda: private.Discriminator(image_size=30), "multiple of 4"),
        (lambda: private.Discriminator(1), "classes must be"),
    ],
)
def test_what_will_not_do_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
