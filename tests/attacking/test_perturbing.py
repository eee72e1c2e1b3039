"""A perturber stays within its limit by construction, and learns to attack images that it has not seen."""

import pytest
import torch

from gancourse import runtime
from gancourse.attacking import nets, perturbing, pixels
from gancourse.data import digits


@pytest.fixture(scope="module")
def data():
    return digits.load("embedded", image_size=16)


@pytest.fixture(scope="module")
def network(data):
    return nets.train(data.images, data.labels, num_steps=120, seed=0)


def test_even_a_fresh_one_stays_within_its_limit(data):
    for epsilon in (0.0, 0.1):
        with runtime.seeded(1):
            fresh = perturbing.Perturber(epsilon)
        torch.nn.init.normal_(fresh.up.weight, 0.0, 50.0)
        changed = perturbing.attack(fresh, data.test_images)
        assert float((changed - data.test_images).abs().max()) == pytest.approx(2 * epsilon, abs=1e-5)
        assert float(changed.abs().max()) <= 1 and not changed.requires_grad


def test_it_attacks_images_it_has_not_seen_better_than_noise(data, network):
    images, labels = data.test_images, data.test_labels
    made = perturbing.train(network, data.images, data.labels, 0.2, adversarial=0.1, num_steps=120, seed=0)
    assert not made.training and not any(p.requires_grad for p in made.parameters())
    noisy = pixels.noise(images, 0.2, runtime.generator(0))
    shares = [
        float(nets.right(network, given, labels).double().mean())
        for given in (images, noisy, perturbing.attack(made, images))
    ]
    assert shares[2] < shares[1] - 0.3 and shares[0] > 0.95


def test_the_discriminator_holds_it_back(data, network):
    sizes = [
        float(
            (
                perturbing.attack(
                    perturbing.train(network, data.images, data.labels, 0.15, adversarial=weight, num_steps=60, seed=0),
                    data.test_images,
                )
                - data.test_images
            )
            .abs()
            .mean()
        )
        for weight in (0.0, 50.0)
    ]
    assert sizes[1] < 0.8 * sizes[0]


def test_a_seed_says_everything(data, network):
    made = [perturbing.train(network, data.images, data.labels, 0.1, num_steps=2, seed=seed) for seed in (1, 1, 2)]
    first, again, other = (next(one.parameters()) for one in made)
    assert torch.equal(first, again) and not torch.allclose(first, other)


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"epsilon": 1.1}, "epsilon must be"),
        ({"epsilon": 0.1, "adversarial": -1}, "adversarial must be"),
        ({"epsilon": 0.1, "num_steps": 0}, "num_steps must be"),
    ],
)
def test_what_will_not_do_is_refused(data, network, settings, words):
    with pytest.raises(ValueError, match=words):
        perturbing.train(network, data.images, data.labels, seed=0, **settings)
