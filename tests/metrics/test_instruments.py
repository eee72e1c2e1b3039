"""Instruments say what closed forms say, change nothing, and refuse what they cannot read."""

import copy
import math

import pytest
import torch
from torch import nn

from gancourse import runtime
from gancourse.metrics import instruments
from gancourse.models import dense_conv


def linear(weight, bias=None):
    layer = nn.Linear(len(weight[0]), len(weight), bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        if bias is not None:
            layer.bias.copy_(torch.tensor(bias))
    return layer


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=runtime.generator(seed))


# ---------------------------------------------------------------- movement and gradients


def test_movement_is_the_step_over_the_size():
    network = nn.Sequential(linear([[3.0, 0.0]]), linear([[4.0]], [12.0]))  # |w| = 13
    before = instruments.snapshot(network)
    assert instruments.movement(before, network) == 0
    with torch.no_grad():
        network[0].weight += torch.tensor([[2.0, 3.0]])
        network[1].bias -= 6  # |step| = 7
    assert instruments.movement(before, network) == pytest.approx(7 / 13)
    by_layer = instruments.movement_by_layer(before, network)
    assert by_layer == pytest.approx({"0.weight": math.sqrt(13) / 3, "1.weight": 0.0, "1.bias": 0.5})


def test_movement_away_from_nothing():
    network = linear([[0.0, 0.0]])
    before = instruments.snapshot(network)
    assert instruments.movement(before, network) == 0
    network.weight.data[0, 0] = 1e-9
    assert instruments.movement(before, network) == math.inf


def test_a_snapshot_does_not_follow_the_network():
    network = linear([[1.0]])
    before = instruments.snapshot(network)
    network.weight.data += 1
    assert float(before["weight"]) == 1 and not before["weight"].requires_grad


@pytest.mark.parametrize("other", [linear([[1.0]]), linear([[1.0, 2.0]], [0.0])])
def test_a_snapshot_of_another_network_is_refused(other):
    with pytest.raises(ValueError, match="snapshot of this network"):
        instruments.movement(instruments.snapshot(other), linear([[1.0, 2.0]]))
    with pytest.raises(TypeError, match="snapshot"):
        instruments.movement(3, linear([[1.0]]))


def test_gradient_norms_of_a_product():
    network = nn.Sequential(linear([[2.0, 1.0]], [5.0]), linear([[-3.0]]))
    assert instruments.gradient_norms(network) == {"0.weight": 0.0, "1.weight": 0.0}
    network(torch.tensor([[3.0, 4.0]])).sum().backward()
    # y = -3 (2 x1 + x2 + 5): dy/dw = -3 (3, 4), dy/db = -3, dy/dv = 15
    assert instruments.gradient_norms(network) == pytest.approx({"0.weight": 15.0, "1.weight": 15.0})
    assert instruments.gradient_norm(network) == pytest.approx(math.sqrt(15**2 + 3**2 + 15**2))


@pytest.mark.parametrize("function", [instruments.gradient_norm, instruments.gradient_norms, instruments.snapshot])
def test_what_is_no_network_is_refused(function):
    with pytest.raises(TypeError, match="must be a module"):
        function([1.0])
    with pytest.raises(ValueError, match="no parameters"):
        function(nn.ReLU())


# ---------------------------------------------------------------- the discriminator


def test_accuracy_counts_each_side_and_halves():
    found = torch.tensor([2.0, 1.0, 0.0, -1.0, 0.5])
    assert instruments.accuracy(found, real=True) == pytest.approx(0.7)
    assert instruments.accuracy(found, real=False) == pytest.approx(0.3)
    for wrong in (torch.empty(0), torch.ones(2, 2), torch.tensor([torch.nan])):
        with pytest.raises(ValueError, match="logits must"):
            instruments.accuracy(wrong, real=True)
    with pytest.raises(TypeError, match="logits must"):
        instruments.accuracy(torch.ones(3, dtype=torch.int64), real=True)


def test_logits_come_without_a_gradient_and_one_for_each():
    network = nn.Sequential(linear([[1.0, -2.0]]), nn.Flatten(0))
    found = instruments.logits(network, torch.tensor([[3.0, 1.0], [0.0, 1.0]]))
    assert found.tolist() == [1.0, -2.0] and not found.requires_grad
    with pytest.raises(ValueError, match="one logit a sample"):
        instruments.logits(network[0], torch.ones(4, 2))


def test_company_changes_nothing_for_a_network_without_batch_statistics():
    network = dense_conv.Discriminator()
    assert instruments.company(network, noise(8, 1, 28, 28), noise(8, 1, 28, 28, seed=1)) < 1e-5


def test_company_of_a_batch_norm_in_closed_form():
    network = nn.BatchNorm1d(1, eps=1e-12, affine=False)
    samples, others = torch.tensor([[-1.0], [1.0]]), torch.tensor([[3.0], [5.0]])
    # alone: mean 0, variance 1, so -1 and 1. Together: mean 2, variance 5, so -3 and -1 over the root of 5.
    change = [-3 / math.sqrt(5) + 1, -1 / math.sqrt(5) - 1]
    expected = math.sqrt(sum(c * c for c in change) / 2)
    before = copy.deepcopy(network.state_dict())
    assert instruments.company(network, samples, others) == pytest.approx(expected, rel=1e-6)
    assert network.training and all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert instruments.company(network.eval(), samples, others) == pytest.approx(0, abs=1e-6)


def test_company_refuses_what_has_no_scale():
    with pytest.raises(ValueError, match="same answer for all"):
        instruments.company(linear([[0.0, 0.0]]), noise(4, 2), noise(4, 2))
    with pytest.raises(ValueError, match="shaped as others"):
        instruments.company(linear([[1.0, 0.0]]), noise(4, 2), noise(4, 3))


# ---------------------------------------------------------------- samples


def test_the_range_and_the_share_below_zero():
    found = instruments.value_range(torch.tensor([[-2.0, 0.0], [0.5, 7.0]]))
    assert found == (-2.0, 7.0, 0.25)


def test_the_spectrum_of_a_wave_stands_at_its_frequency():
    down = torch.arange(6.0)[:, None].expand(6, 8)
    wave = 3 * torch.cos(2 * math.pi * 2 * down / 6) + 0.5
    spectrum = instruments.power_spectrum(wave[None, None])
    expected = torch.zeros(6, 8, dtype=torch.float64)
    expected[0, 0], expected[2, 0], expected[4, 0] = 0.25, 9 / 4, 9 / 4
    assert torch.allclose(spectrum, expected, atol=1e-6)


def test_the_spectrum_adds_up_to_the_mean_square():
    images = noise(5, 3, 6, 10) + 2
    spectrum = instruments.power_spectrum(images)
    assert float(spectrum.sum()) == pytest.approx(float(images.double().square().mean()))
    direct = torch.stack([torch.fft.fft2(image[0].double()) for image in images[:, :1]]) / 60
    assert torch.allclose(instruments.power_spectrum(images[:, :1]), direct.abs().square().mean(0))


def pattern(height=8, width=6):
    down, across = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return down, across


@pytest.mark.parametrize("make", [lambda d, a: (d + a) % 2, lambda d, a: d % 2, lambda d, a: a % 2])
def test_a_chessboard_and_stripes_have_all_their_energy_there(make):
    image = make(*pattern()).float()[None, None]
    assert instruments.checkerboard(image) == pytest.approx(1.0)
    slow = torch.cos(2 * math.pi * pattern()[0] / 8)[None, None]  # energy 1/2; the pattern's variance is 1/4
    assert instruments.checkerboard(image + slow) == pytest.approx(1 / 3, rel=1e-5)


def test_a_slow_wave_has_none_and_noise_its_share():
    down, across = pattern()
    assert instruments.checkerboard(torch.cos(2 * math.pi * (down / 4 + across / 3))[None, None]) < 1e-10
    assert instruments.checkerboard(noise(4_000, 1, 8, 6)) == pytest.approx(3 / 47, rel=0.03)
    images = noise(4, 1, 8, 6)
    assert instruments.checkerboard(5 * images - 3) == pytest.approx(instruments.checkerboard(images), rel=1e-4)


def test_a_spectrum_without_energy_or_even_sides_is_refused():
    with pytest.raises(ValueError, match="one grey"):
        instruments.checkerboard(torch.full((2, 1, 4, 4), 0.3))
    with pytest.raises(ValueError, match="even sides, got 5 by 4"):
        instruments.checkerboard(noise(2, 1, 5, 4))
    with pytest.raises(ValueError, match="must have shape"):
        instruments.power_spectrum(noise(4, 4))


def test_same_z_distance_is_a_root_mean_square():
    before = noise(3, 1, 4, 4)
    after = before.clone()
    after[0] += 2  # a third of all values by 2
    assert instruments.same_z_distance(before, after) == pytest.approx(2 / math.sqrt(3))
    assert instruments.same_z_distance(before, before) == 0
    with pytest.raises(ValueError, match="equal shapes"):
        instruments.same_z_distance(before, after[:2])


def test_distinct_keeps_one_of_each_heap():
    points = torch.tensor([[0.0, 0.0], [0.1, 0.0], [5.0, 0.0], [0.0, 0.2], [5.0, 0.1], [9.0, 0.0]])
    assert instruments.distinct(points, 0.5) == 3
    assert instruments.distinct(points, 0.0) == 6
    assert instruments.distinct(points, 100.0) == 1
    assert instruments.distinct(points[[0, 0, 2]], 0.0) == 2
    chain = torch.tensor([[0.0], [0.8], [1.6]])  # the third is near to the second, which was dropped
    assert instruments.distinct(chain, 1.0) == 2
    for wrong in (-1, math.inf, "1"):
        with pytest.raises(ValueError, match="radius"):
            instruments.distinct(points, wrong)


def test_the_usual_radius_is_the_median_gap():
    points = torch.tensor([[0.0], [1.0], [3.0], [7.0], [15.0]])  # nearest: 1, 1, 2, 4, 8
    assert instruments.usual_radius(points) == 2.0
    with pytest.raises(ValueError, match="at least 2"):
        instruments.usual_radius(points[:1])


@pytest.mark.parametrize(
    "function",
    [instruments.value_range, instruments.power_spectrum, instruments.checkerboard, instruments.usual_radius],
)
def test_what_are_no_samples_is_refused(function):
    with pytest.raises(TypeError, match="floating-point|must be a tensor"):
        function(torch.ones(2, 1, 4, 4, dtype=torch.int64))
    with pytest.raises(TypeError, match="floating-point|must be a tensor"):
        function([[1.0]])
    with pytest.raises(ValueError, match="finite"):
        function(torch.full((2, 1, 4, 4), torch.nan))
    with pytest.raises(ValueError, match="at least one"):
        function(torch.empty(0, 1, 4, 4))
