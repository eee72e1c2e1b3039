"""models.parts: lengths, deviations and first weights by hand, and what equalising changes in a step."""

import math

import pytest
import torch
from torch import nn

from gancourse import runtime
from gancourse.models import parts


def test_pixel_norm_gives_every_place_the_mean_square_1():
    x = 3 * torch.randn(4, 5, 2, 3, generator=runtime.generator(0))
    made = parts.PixelNorm()(x)
    assert torch.allclose(made.square().mean(1), torch.ones(4, 2, 3), atol=1e-5)
    assert torch.allclose(made / made.norm(dim=1, keepdim=True), x / x.norm(dim=1, keepdim=True), atol=1e-6)
    assert parts.PixelNorm()(torch.tensor([[3.0, 4.0]])).tolist()[0] == pytest.approx([3 / 12.5**0.5, 4 / 12.5**0.5])
    assert bool(torch.isfinite(parts.PixelNorm()(torch.zeros(2, 3))).all())


def test_minibatch_deviation_by_hand():
    maps = torch.zeros(2, 2, 1, 2)
    maps[0, 0, 0] = torch.tensor([1.0, 5.0])  # deviations over the batch: 0.5 and 2.5 in map 0, 0 in map 1
    made = parts.MinibatchDeviation()(maps)
    assert made.shape == (2, 3, 1, 2) and torch.equal(made[:, :2], maps)
    assert made[:, 2].flatten().tolist() == pytest.approx([0.75] * 4, abs=1e-3)
    equal = torch.randn(1, 3, 2, 2, generator=runtime.generator(1)).expand(5, 3, 2, 2)
    assert float(parts.MinibatchDeviation()(equal)[:, 3].max()) < 1e-3


def test_minibatch_deviation_has_a_slope_where_all_are_equal():
    maps = torch.zeros(3, 2, 2, 2, requires_grad=True)
    parts.MinibatchDeviation()(maps).sum().backward()
    assert bool(torch.isfinite(maps.grad).all())


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (nn.Linear(50, 400), 50),
        (nn.Conv2d(10, 200, 3, padding=1), 90),
        (nn.ConvTranspose2d(20, 100, 4, 2, 1), 20 * 4),  # of 16 taps, 4 meet in one output
    ],
)
def test_he_s_variance_doubles_white_input_and_equalising_keeps_it(layer, inputs):
    assert parts.equalised_factor(layer) == pytest.approx(math.sqrt(2 / inputs))
    with runtime.seeded(0):
        parts.equalise(layer)
        x = torch.randn(64, inputs) if isinstance(layer, nn.Linear) else torch.randn(64, layer.in_channels, 12, 12)
    made = layer(x).detach()
    inner = made if made.ndim == 2 else made[:, :, 2:-2, 2:-2]
    assert float(inner.square().mean()) == pytest.approx(2, rel=0.1)
    assert not layer.bias.any()


def test_equalised_is_the_ordinary_layer_with_scaled_weights():
    with runtime.seeded(0):
        layer = parts.equalise(nn.Linear(7, 3))
    stored = layer.parametrizations.weight.original
    plain = nn.Linear(7, 3)
    plain.weight.data, plain.bias.data = math.sqrt(2 / 7) * stored.data, layer.bias.data
    x = torch.randn(5, 7, generator=runtime.generator(2))
    assert torch.allclose(layer(x), plain(x), atol=1e-6)


def test_one_step_of_adam_is_the_same_share_of_every_layer():
    shares = {}
    for equal in (True, False):
        with runtime.seeded(0):
            network = nn.Sequential(nn.Linear(4, 64), nn.Linear(64, 1024), nn.Linear(1024, 4))
            if equal:
                parts.equalise(network)
        before = [layer.weight.detach().clone() for layer in network]
        optimiser = torch.optim.Adam(network.parameters(), lr=0.01, betas=(0.0, 0.9))
        network(torch.randn(32, 4, generator=runtime.generator(3))).square().mean().backward()
        optimiser.step()
        shares[equal] = [
            float((layer.weight.detach() - old).norm() / old.norm()) for layer, old in zip(network, before, strict=True)
        ]
    assert max(shares[True]) / min(shares[True]) < 1.2 and shares[True][0] == pytest.approx(0.01, rel=0.2)
    assert max(shares[False]) / min(shares[False]) > 5


def test_a_rate_of_a_tenth_starts_alike_and_moves_a_tenth():
    moved = []
    for rate in (1.0, 0.1):
        with runtime.seeded(0):
            layer = parts.equalise(nn.Linear(30, 200), rate)
        assert float(layer.weight.detach().std()) == pytest.approx(math.sqrt(2 / 30), rel=0.05)
        before = layer.weight.detach().clone()
        optimiser = torch.optim.Adam(layer.parameters(), lr=0.01)
        layer(torch.randn(32, 30, generator=runtime.generator(3))).square().mean().backward()
        optimiser.step()
        moved.append(float((layer.weight.detach() - before).norm()))
    assert moved[1] / moved[0] == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: parts.PixelNorm()(torch.zeros(3)), ValueError, r"x must have shape \(N, C, ...\), got \(3,\)"),
        (lambda: parts.MinibatchDeviation()(torch.zeros(3, 2)), ValueError, r"maps must have shape \(N, C, H, W\)"),
        (lambda: parts.equalise(nn.Linear(2, 2), 0), ValueError, "rate must be a finite number above 0, got 0"),
        (lambda: parts.equalise(parts.equalise(nn.Linear(2, 2))), ValueError, "equalised already"),
        (lambda: parts.equalised_factor(nn.ReLU()), TypeError, "layer must be a Linear, .* got ReLU"),
    ],
)
def test_other_things_are_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()
