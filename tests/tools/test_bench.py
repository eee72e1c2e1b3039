"""The two steps that tools/bench.py compares must be the same mathematics, or the ratio says nothing."""

import copy

import pytest
import torch

import bench
from gancourse import runtime
from gancourse.models import dcgan


@pytest.fixture
def pair():
    with runtime.seeded(3):
        return dcgan.Generator(16, 1, width=4, latent_dim=8), dcgan.Discriminator(16, 1, width=4)


def weights_after(make, pair, steps=3):
    networks = copy.deepcopy(pair)
    step = make(*networks, runtime.generator(5))
    real = 2 * torch.rand(8, 1, 16, 16, generator=runtime.generator(6)) - 1
    for _ in range(steps):
        step(real)
    return [parameter.detach().clone() for network in networks for parameter in network.parameters()]


def test_both_steps_do_the_same(pair):
    before = [parameter.detach() for network in pair for parameter in network.parameters()]
    classic, ours = (weights_after(make, pair) for make in (bench.classic_step, bench.our_step))
    for first, a, b in zip(before, classic, ours, strict=True):
        moved = (a - first).abs().max()
        assert moved > 1e-4
        assert (a - b).abs().max() < 0.05 * moved


def test_our_step_leaves_the_discriminator_ready_to_be_trained(pair):
    networks = copy.deepcopy(pair)
    bench.our_step(*networks, runtime.generator(5))(torch.zeros(8, 1, 16, 16))
    assert all(parameter.requires_grad for network in networks for parameter in network.parameters())


def test_time_is_a_mean_over_the_repeats():
    done = []
    assert bench.timed(lambda: done.append(1), torch.device("cpu"), 5) >= 0
    assert len(done) == 5


def test_a_frame_is_counted_in_a_process_of_its_own_and_a_panel_that_is_not_there_is_said():
    found = bench._frames_of("upsampling.panel", bench.ROOT)
    assert 0.5 < found["frame"] < 500 and found["step"] == 0 and 1 < found["kilobytes"] < 200
    assert bench._frames_of("upsampling.nothing", bench.ROOT) is None
