"""folding: the same images with no batch norm left, by hand and by the generators of the course."""

import pytest
import torch
from torch import nn

from gancourse import runtime
from gancourse.compressing import folding
from gancourse.models import averaging, dcgan, dense_conv

NORM = nn.modules.batchnorm._BatchNorm


def shaken(network, latent_dim):
    """Give every batch norm factors, shifts and statistics of its own."""
    for module in network.modules():
        if isinstance(module, NORM):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    averaging.recompute_batch_norm(network, (3 * torch.randn(40, latent_dim) + 1).split(20))
    return network.eval()


def test_a_dense_layer_by_hand():
    network = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1, eps=0.0)).eval()
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[2.0, -1.0]]))
        network[0].bias.fill_(0.5)
        network[1].weight.fill_(3.0)
        network[1].bias.fill_(-1.0)
        network[1].running_mean.fill_(0.25)
        network[1].running_var.fill_(4.0)
    flat = folding.folded(network)
    assert len(flat) == 1 and flat[0].weight.tolist() == [[3.0, -1.5]]  # 3 / 2 of it
    assert flat[0].bias.item() == pytest.approx(-1 + 1.5 * 0.25)
    assert len(network) == 2 and network[0].weight.requires_grad and not flat[0].weight.requires_grad


@pytest.mark.parametrize("make", [dense_conv.Generator, dcgan.Generator])
def test_images_are_the_same_and_no_norm_is_left(make):
    with runtime.seeded(2):
        generator = make()
        generator = shaken(generator, generator.latent_dim)
        z = torch.randn(7, generator.latent_dim)
    flat = folding.folded(generator)
    with torch.no_grad():
        assert torch.allclose(flat(z), generator(z), atol=1e-4)
    assert not any(isinstance(module, NORM) for module in flat.modules())
    assert any(isinstance(module, NORM) for module in generator.modules())
    assert flat(z[:1]).shape == generator(z[:1]).shape


def test_a_norm_that_follows_no_layer_of_weights_stays():
    network = nn.Sequential(nn.ReLU(), nn.BatchNorm1d(3), nn.Linear(3, 3), nn.ReLU(), nn.BatchNorm1d(3)).eval()
    flat = folding.folded(network)
    assert [type(layer).__name__ for layer in flat] == ["ReLU", "BatchNorm1d", "Linear", "ReLU", "BatchNorm1d"]


def test_a_norm_without_statistics_cannot_be_folded():
    with pytest.raises(ValueError, match="after layer '0' keeps no running statistics"):
        folding.folded(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, track_running_stats=False)))
    with pytest.raises(TypeError, match="module"):
        folding.folded(3)
