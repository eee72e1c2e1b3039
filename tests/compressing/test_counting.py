"""counting: by hand, against PyTorch's own counter, and what bytes do when there are zeros."""

import gzip
import io

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from gancourse.compressing import channels, counting
from gancourse.models import dcgan, dense_conv


def test_a_generators_numbers_by_hand():
    generator = dense_conv.Generator(image_size=16, channels=3, latent_dim=5, width=2, hidden=7).eval()
    weights = 5 * 7 + 7 * (4 * 4 * 4) + 4 * 2 * 16 + 2 * 3 * 16  # dense, dense, transposed, transposed
    assert counting.parameters(generator) == weights + 2 * (7 + 64 + 2) + 3  # batch norms, the last bias
    rows = counting.layers(generator, torch.zeros(1, 5))
    assert [row.kind for row in rows] == ["Linear", "Linear", "ConvTranspose2d", "ConvTranspose2d"]
    assert [row.name for row in rows] == ["dense.0", "dense.3", "convolutions.0", "convolutions.3"]
    assert [row.weights for row in rows] == [35, 448, 128, 99]
    # a transposed convolution's weight meets every pixel of its input: 4 x 4, then 8 x 8
    assert [row.multiply_adds for row in rows] == [35, 448, 128 * 16, 96 * 64]
    assert counting.multiply_adds(generator, torch.zeros(1, 5)) == 35 + 448 + 2_048 + 6_144


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("make", [dense_conv.Generator, dcgan.Generator])
def test_multiply_adds_are_half_of_what_pytorch_counts(make, count):
    generator = make().eval()
    z = torch.zeros(count, generator.latent_dim)
    with FlopCounterMode(display=False) as counter:
        generator(z)
    assert counting.multiply_adds(generator, z) * 2 * count == counter.get_total_flops()


def test_convolutions_count_their_output():
    network = dense_conv.Discriminator(28, width=3).eval()
    images = torch.zeros(1, 1, 28, 28)
    with FlopCounterMode(display=False) as counter:
        network(images)
    assert counting.multiply_adds(network, images) * 2 == counter.get_total_flops()
    assert counting.layers(network, images)[0].multiply_adds == 3 * 16 * 14 * 14


def test_the_named_sizes():
    sizes = {name: counting.parameters(dense_conv.Generator(**size)) for name, size in channels.SIZES.items()}
    assert sizes["whole"] == counting.parameters(dense_conv.Generator()) == 429_921
    assert sizes["half"] == 112_561 and sizes["quarter"] == 30_681 and sizes["tiny"] < 2_000


def test_bytes_are_those_of_the_file_and_zeros_count_only_when_zipped(tmp_path):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(40, 50), nn.ReLU(), nn.Linear(50, 3))
    torch.save(network.state_dict(), tmp_path / "a.pt")
    assert abs(counting.file_bytes(network) - (tmp_path / "a.pt").stat().st_size) < 200  # the name inside is longer
    assert counting.file_bytes(network) > 4 * counting.parameters(network)
    buffer = io.BytesIO()
    torch.save(network.state_dict(), buffer)
    assert counting.zipped_bytes(network) == len(gzip.compress(buffer.getvalue(), mtime=0))
    before = counting.file_bytes(network), counting.zipped_bytes(network)
    assert counting.zeros(network) == 0
    with torch.no_grad():
        network[0].weight[:40] = 0
        network[0].bias.zero_()  # not counted
    assert counting.zeros(network) == 1_600
    assert counting.file_bytes(network) == before[0] and counting.zipped_bytes(network) < before[1] - 3_000


def test_what_has_no_layers_is_refused_and_hooks_are_gone():
    with pytest.raises(ValueError, match="no dense or convolutional layer"):
        counting.zeros(nn.BatchNorm1d(3))
    with pytest.raises(TypeError, match="must be a module"):
        counting.layers("generator", torch.zeros(1, 64))
    generator = dense_conv.Generator().eval()
    with pytest.raises(ValueError, match="z must have shape"):
        counting.layers(generator, torch.zeros(1, 63))
    assert not any(module._forward_hooks for module in generator.modules())
