"""The deep discriminator does to variances what its docstring predicts, and its means do what they are for."""

import math

import pytest
import torch

from gancourse import runtime
from gancourse.models import deep


def built(**settings):
    with runtime.seeded(settings.pop("seed", 0)):
        return deep.Discriminator(**settings)


def points(n=256, seed=1):
    return torch.randn(n, 2, generator=runtime.generator(seed))


def growth(network):
    """Return the factor by which a block makes the signal larger, and the gradient on its way back."""
    signals = network.signals(points())
    for signal in signals:
        signal.retain_grad()
    network.last(signals[-1]).sum().backward()
    sizes = [float(s.detach().norm()) for s in signals], [float(s.grad.norm()) for s in signals]
    blocks = len(network.blocks)
    return (sizes[0][-1] / sizes[0][0]) ** (1 / blocks), (sizes[1][0] / sizes[1][-1]) ** (1 / blocks)


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.6])
@pytest.mark.parametrize("residual", [False, True])
def test_a_wide_block_makes_signal_and_gradient_larger_by_the_prediction(gain, residual):
    found = [growth(built(hidden=1024, depth=3, gain=gain, residual=residual, seed=seed)) for seed in range(3)]
    forward, backward = (sum(pair) / 3 for pair in zip(*found, strict=True))
    expected = deep.growth_per_layer(gain, residual=residual)
    # a block's output is not centred, so in a residual network it is not quite uncorrelated with its input
    assert forward == pytest.approx(expected, rel=0.12 if residual else 0.05)
    assert backward == pytest.approx(expected, rel=0.12 if residual else 0.05)


@pytest.mark.parametrize("norm", ["batch", "spectral"])
def test_under_a_norm_a_gradient_grows_by_the_prediction(norm):
    """In the last blocks: near the input, points in the plane are too alike. And with a gradient of mixed signs."""
    network = built(hidden=512, depth=12, gain=1.3, norm=norm)
    for _ in range(15):  # spectral norm's estimate settles, one power iteration each
        network(points())
    signals = network.signals(points())
    for signal in signals:
        signal.retain_grad()
    (network.last(signals[-1]) * torch.randn(256, 1, generator=runtime.generator(2))).sum().backward()
    last, middle = (float(signals[k].grad.norm()) for k in (-1, -7))
    assert (middle / last) ** (1 / 6) == pytest.approx(deep.growth_per_layer(norm=norm), rel=0.06)


def test_the_variance_of_a_leaky_relu_is_what_the_prediction_takes_it_for():
    x = torch.randn(1_000_000, generator=runtime.generator(5), dtype=torch.float64)
    f, slope = torch.nn.functional.leaky_relu(x, 0.2), torch.where(x > 0, 1.0, 0.2)
    expected = math.sqrt(float(slope.square().mean() / f.var()))
    assert deep.growth_per_layer(norm="batch") == pytest.approx(expected, rel=2e-3)
    assert deep.growth_per_layer(norm="spectral") == pytest.approx(math.sqrt(float(f.square().mean())) / 2, rel=2e-3)


def test_no_prediction_for_what_was_not_derived():
    with pytest.raises(ValueError, match="none with a residual path"):
        deep.growth_per_layer(norm="batch", residual=True)


def test_the_logit_is_that_of_the_layers_written_out():
    network, x = built(depth=2, hidden=5, residual=True), points(7)
    h = torch.where((a := x @ network.first.weight.T) > 0, a, 0.2 * a)
    for block in network.blocks:
        b = h @ block[0].weight.T
        h = h + torch.where(b > 0, b, 0.2 * b)
    assert torch.allclose(network(x), (h @ network.last.weight.T)[:, 0], atol=1e-6)
    assert [tuple(s.shape) for s in network.signals(x)] == [(7, 5)] * 3


@pytest.mark.parametrize("norm", ["batch", "spectral"])
def test_under_a_norm_the_gain_has_no_effect(norm):
    small, large = (built(depth=4, gain=gain, norm=norm) for gain in (0.5, 3.0))
    with torch.no_grad():
        assert torch.allclose(small(points()), large(points()), rtol=2e-3, atol=1e-4)


def test_spectral_norm_holds_each_matrix_at_one():
    network = built(depth=3, gain=3.0, norm="spectral")
    for _ in range(30):  # one power iteration each
        network(points(4))
    for block in network.blocks:
        assert float(torch.linalg.matrix_norm(block[0].weight.detach(), 2)) == pytest.approx(1, abs=0.02)


def test_pytorchs_own_weights_have_the_gain_it_says():
    weight = torch.nn.Linear(400, 400).weight.detach()
    assert float(weight.std()) == pytest.approx(deep.pytorch_gain() * math.sqrt(2 / (1.04 * 400)), rel=0.02)


@pytest.mark.parametrize("wrong", [{"depth": 0}, {"gain": 0.0}, {"gain": math.nan}, {"norm": "layer"}, {"hidden": 1.5}])
def test_sizes_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
        deep.Discriminator(**wrong)
