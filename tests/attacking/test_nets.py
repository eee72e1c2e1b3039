"""A hardened network withstands what breaks a usual one; both are finished, and the caller's modes do not matter."""

import pytest
import torch

from gancourse import runtime
from gancourse.attacking import nets, pixels
from gancourse.data import digits


@pytest.fixture(scope="module")
def data():
    return digits.load("embedded", image_size=14)


@pytest.fixture(scope="module")
def pair(data):
    usual = nets.train(data.images, data.labels, num_steps=150, seed=0)
    hard = nets.harden(data.images, data.labels, epsilon=0.15, inner_steps=3, num_steps=250, seed=0)
    return usual, hard


def test_hardening_costs_a_little_and_brings_much(data, pair):
    images, labels = data.test_images, data.test_labels
    usual, hard = (
        (
            nets.accuracy(network, images, labels),
            nets.accuracy(network, pixels.pgd(network, images, labels, 0.15, generator=runtime.generator(1)), labels),
        )
        for network in pair
    )
    assert usual[0] > 0.95 and hard[0] > 0.85
    assert usual[1] < 0.2 and hard[1] > usual[1] + 0.3


def test_networks_are_finished(pair):
    for network in pair:
        assert not network.training and not any(p.requires_grad for p in network.parameters())


def test_a_seed_says_everything_whatever_the_caller_has_set(data):
    images, labels = data.images, data.labels
    first = nets.harden(images, labels, num_steps=3, seed=5)
    torch.manual_seed(99)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            again = nets.harden(images, labels, num_steps=3, seed=5)
    finally:
        torch.set_default_dtype(torch.float32)
    other = nets.harden(images, labels, num_steps=3, seed=6)
    weights = [torch.cat([p.flatten() for p in network.parameters()]) for network in (first, again, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.allclose(weights[0], weights[2])


def test_the_limit_grows_over_the_first_half(data, monkeypatch):
    limits = []

    def watched(network, images, labels, epsilon, **settings):
        assert not network.training and not next(network.parameters()).requires_grad
        limits.append(epsilon)
        return images

    monkeypatch.setattr(pixels, "pgd", watched)
    nets.harden(data.images, data.labels, epsilon=0.2, num_steps=8, seed=0)
    assert limits == pytest.approx([0, 0.05, 0.1, 0.15, 0.2, 0.2, 0.2, 0.2])
    limits.clear()
    nets.train(data.images, data.labels, num_steps=2, seed=0)
    assert limits == []


def test_answers_come_in_pieces_and_without_gradients(data, pair):
    many = data.images[:700]
    logits = nets.logits(pair[0], many)
    assert torch.allclose(logits, pair[0](many), atol=1e-5) and not logits.requires_grad
    right = nets.right(pair[0], many, data.labels[:700])
    assert nets.accuracy(pair[0], many, data.labels[:700]) == pytest.approx(int(right.sum()) / 700)
    assert right.dtype == torch.bool and torch.equal(right, logits.argmax(1) == data.labels[:700])


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda x, y: nets.train(x, y[:5], seed=0), "one for each image"),
        (lambda x, y: nets.train(x, y - 1, seed=0), "from 0 on"),
        (lambda x, y: nets.harden(x, y, epsilon=2.0, seed=0), "epsilon must be"),
        (lambda x, y: nets.harden(x, y, inner_steps=0, seed=0), "inner_steps must be"),
        (lambda x, y: nets.harden(x * 7, y, seed=0), r"\[-1, 1\]"),
        (lambda x, y: nets.right(lambda images: images, x, y[:3]), "one for each image"),
    ],
)
def test_what_will_not_do_is_refused(data, call, words):
    with pytest.raises(ValueError, match=words):
        call(data.images, data.labels)
