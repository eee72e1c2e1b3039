"""The fully connected pair: sizes, shapes, the functions they compute, and what they refuse."""

import pytest
import torch
import torch.nn.functional as F

from gancourse import runtime
from gancourse.models import mlp


def _by_hand(network, x, activation):
    """An independent forward pass: matrix products with the stored weights."""
    weights = list(network.parameters())
    for weight, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        x = activation(x @ weight.T + bias)
    return x @ weights[-2].T + weights[-1]


def test_the_generator_is_a_relu_network_of_the_asked_size():
    with runtime.seeded(0):
        generator = mlp.Generator(latent_dim=3, data_dim=2, hidden=5, depth=2)
    assert (generator.latent_dim, generator.data_dim) == (3, 2)
    assert [tuple(p.shape) for p in generator.parameters()] == [(5, 3), (5,), (5, 5), (5,), (2, 5), (2,)]
    z = torch.randn(7, 3, generator=runtime.generator(1))
    out = generator(z)
    assert out.shape == (7, 2)
    torch.testing.assert_close(out, _by_hand(generator, z, F.relu))


def test_the_discriminator_is_a_leaky_relu_network_with_one_logit_per_row():
    with runtime.seeded(0):
        discriminator = mlp.Discriminator(data_dim=2, hidden=6, depth=3)
    shapes = [tuple(p.shape) for p in discriminator.parameters()]
    assert shapes == [(6, 2), (6,), (6, 6), (6,), (6, 6), (6,), (1, 6), (1,)]
    x = 3 * torch.randn(9, 2, generator=runtime.generator(1))
    out = discriminator(x)
    assert out.shape == (9,)
    torch.testing.assert_close(out, _by_hand(discriminator, x, lambda v: F.leaky_relu(v, 0.2)).squeeze(1))


def test_there_is_no_output_activation():
    generator, discriminator = mlp.Generator(latent_dim=1, data_dim=1), mlp.Discriminator(data_dim=1)
    for network in (generator, discriminator):
        with torch.no_grad():
            network.layers[-1].bias.fill_(-40.0)
        assert network(torch.zeros(1, 1)).item() < -30


def test_one_row_gives_one_logit_and_depth_zero_is_linear():
    assert mlp.Discriminator(data_dim=1)(torch.zeros(1, 1)).shape == (1,)
    line = mlp.Generator(latent_dim=2, data_dim=1, depth=0)
    assert sum(p.numel() for p in line.parameters()) == 3


def test_the_same_seed_gives_the_same_weights():
    def weights(seed):
        with runtime.seeded(seed):
            return torch.cat([p.flatten() for p in mlp.Generator(latent_dim=2, data_dim=1).parameters()])

    assert torch.equal(weights(3), weights(3))
    assert not torch.equal(weights(3), weights(4))


def test_ensembles_can_map_over_the_weights():
    discriminator = mlp.Discriminator(data_dim=1, hidden=4)
    stacked = {name: torch.stack([p, 2 * p]).detach() for name, p in discriminator.named_parameters()}
    x = torch.linspace(-1, 1, 5).unsqueeze(1)
    out = torch.func.vmap(lambda p: torch.func.functional_call(discriminator, p, (x,)))(stacked)
    torch.testing.assert_close(out[0], discriminator(x))


@pytest.mark.parametrize("bad", [0, -1, 2.0, True, "4", None])
def test_sizes_are_refused_by_name(bad):
    for name in ("latent_dim", "data_dim", "hidden"):
        sizes = {"latent_dim": 2, "data_dim": 1, "hidden": 4} | {name: bad}
        with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1, got"):
            mlp.Generator(**sizes)
    for name in ("data_dim", "hidden"):
        sizes = {"data_dim": 1, "hidden": 4} | {name: bad}
        with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1, got"):
            mlp.Discriminator(**sizes)


@pytest.mark.parametrize("bad", [-1, 1.5, True, None])
def test_depth_is_refused_by_name(bad):
    for make in (
        lambda: mlp.Generator(latent_dim=1, data_dim=1, depth=bad),
        lambda: mlp.Discriminator(data_dim=1, depth=bad),
    ):
        with pytest.raises(ValueError, match="depth must be a whole number of at least 0, got"):
            make()


@pytest.mark.parametrize(
    ("points", "error", "words"),
    [
        ([[0.0]], TypeError, r"must be a tensor of shape \(N, 1\), got list"),
        (torch.zeros(4), ValueError, r"must have shape \(N, 1\).*got \(4,\); add the second axis with .unsqueeze\(1\)"),
        (torch.zeros(4, 2), ValueError, r"must have shape \(N, 1\).*got \(4, 2\)"),
        (torch.zeros(4, 1, 1, 1), ValueError, r"must have shape \(N, 1\).*got \(4, 1, 1, 1\)"),
        (torch.zeros(0, 1), ValueError, "is empty"),
        (
            torch.zeros(4, 1, dtype=torch.float64),
            TypeError,
            "must have the dtype of the weights, torch.float32, got torch.float64",
        ),
        (
            torch.zeros(4, 1, dtype=torch.int64),
            TypeError,
            "must have the dtype of the weights, torch.float32, got torch.int64",
        ),
        (torch.zeros(4, 1, device="meta"), ValueError, "is on meta, but the weights are on cpu"),
    ],
)
def test_inputs_are_refused_by_name(points, error, words):
    with pytest.raises(error, match="^z " + words):
        mlp.Generator(latent_dim=1, data_dim=1)(points)
    with pytest.raises(error, match="^x " + words):
        mlp.Discriminator(data_dim=1)(points)
