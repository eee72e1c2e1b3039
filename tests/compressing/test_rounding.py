"""rounding: levels by hand, the error's formula, channels against layers, and bytes."""

import pytest
import torch
from torch import nn

from gancourse import runtime
from gancourse.compressing import rounding
from gancourse.models import dense_conv


def test_levels_by_hand():
    layer = nn.Linear(4, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.3, -0.6, 0.16, 0.0], [3.0, 1.4, -0.4, 0.6]]))
    few = rounding.rounded(layer, 3)  # three levels on each side of 0: steps 0.2 and 1
    assert torch.allclose(few.weight, torch.tensor([[0.4, -0.6, 0.2, 0.0], [3.0, 1.0, 0.0, 1.0]]), atol=1e-6)
    one = rounding.rounded(layer, 3, per="layer")  # the larger channel decides for both
    assert torch.allclose(one.weight, torch.tensor([[0.0, -1.0, 0.0, 0.0], [3.0, 1.0, 0.0, 1.0]]), atol=1e-6)
    two = rounding.rounded(layer, 2)
    assert torch.allclose(two.weight, torch.tensor([[0.0, -0.6, 0.0, 0.0], [3.0, 0.0, 0.0, 0.0]]), atol=1e-6)
    assert layer.weight[0, 0].item() == pytest.approx(0.3)
    assert layer.weight.requires_grad and not few.weight.requires_grad


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_every_channel_has_its_levels_and_no_weight_moves_further_than_half_a_step(bits):
    with runtime.seeded(1):
        generator = dense_conv.Generator(16, width=4, hidden=10)
        nn.init.normal_(generator.convolutions[0].weight)
    few = rounding.rounded(generator, bits)
    for name, axis in (("dense.0", 0), ("dense.3", 0), ("convolutions.0", 1), ("convolutions.3", 1)):
        before, after = (net.get_submodule(name).weight for net in (generator, few))
        for old, new in zip(before.transpose(0, axis), after.transpose(0, axis), strict=True):
            delta = float(old.detach().abs().max()) / (2 ** (bits - 1) - 1)
            levels = new / delta
            assert torch.allclose(levels, levels.round(), atol=1e-3)
            assert int(levels.abs().max().round()) == 2 ** (bits - 1) - 1
            assert len(levels.round().unique()) <= 2**bits - 1
            assert float((old - new).detach().abs().max()) <= delta / 2 * 1.001
    assert torch.equal(generator.convolutions[3].bias, few.convolutions[3].bias)


def test_the_mean_squared_error_of_spread_out_weights_is_a_twelfth_of_the_squared_step():
    layer = nn.Linear(400, 50, bias=False)
    with torch.no_grad():
        layer.weight.copy_(2 * torch.rand(50, 400, generator=runtime.generator(4)) - 1)
    for bits in (3, 5, 8):
        (found,) = rounding.errors(layer, bits)
        delta = layer.weight.detach().abs().amax(1).double() / (2 ** (bits - 1) - 1)
        assert found.predicted == pytest.approx(float((delta**2 / 12).mean()), rel=1e-6)
        assert found.measured == pytest.approx(found.predicted, rel=0.06)
        by_hand = (layer.weight - rounding.rounded(layer, bits).weight).double().square().mean()
        assert found.measured == pytest.approx(float(by_hand), rel=1e-3)


def test_a_bell_of_weights_breaks_the_formula_at_two_bits():
    """Most weights lie in the step around 0 and vanish: their error is their own size, not a share of the step."""
    layer = nn.Linear(2_000, 4, bias=False)
    nn.init.normal_(layer.weight, generator=runtime.generator(0))
    at_two, at_eight = (rounding.errors(layer, bits)[0] for bits in (2, 8))
    assert at_two.measured < 0.9 * at_two.predicted
    assert at_eight.measured == pytest.approx(at_eight.predicted, rel=0.05)


def test_a_channel_of_zeros_stays_zero():
    layer = nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.0, 0.0, 0.0], [1.0, -1.0, 0.2]]))
    assert rounding.rounded(layer, 4).weight[0].tolist() == [0, 0, 0]
    assert rounding.step(layer.weight, 4).flatten().tolist() == pytest.approx([0, 1 / 7])


def test_packed_bytes_by_hand():
    network = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Linear(5, 2, bias=False))
    # 15 + 10 weights; 7 steps, 5 biases, 4 numbers for each of 5 channels of batch norm (its counter is whole)
    assert rounding.packed_bytes(network, 4) == 13 + 4 * (7 + 5 + 20)
    assert rounding.packed_bytes(network, 8, per="layer") == 25 + 4 * (2 + 5 + 20)


@pytest.mark.parametrize(
    "given, match", [({"bits": 1}, "bits"), ({"bits": 17}, "bits"), ({"per": "tensor"}, "per must be one of channel")]
)
def test_what_is_refused(given, match):
    layer = nn.Linear(3, 2)
    for call in (rounding.rounded, rounding.errors, rounding.packed_bytes):
        with pytest.raises(ValueError, match=match):
            call(layer, **({"bits": 4} | given))
    with pytest.raises(ValueError, match="axis"):
        rounding.step(layer.weight, 4, axis=2)
