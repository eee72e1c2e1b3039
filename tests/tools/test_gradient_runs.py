"""tools/gradient_runs.py: growth is measured as defined, clipping clips, and stored rows hold what the text needs."""

import math

import pytest
import torch
from torch import nn

import gradient_runs
from gancourse import measured, runtime
from gancourse.models import deep


def linear(depth):
    """Return a deep discriminator in which every unit is on, so that each block is linear, and some points."""
    with runtime.seeded(0):
        network = deep.Discriminator(hidden=6, depth=depth).double()
    for k, layer in enumerate((network.first, *(block[0] for block in network.blocks))):
        nn.init.constant_(layer.bias, 100.0 * 30**k)
    return network, torch.rand(16, 2, generator=runtime.generator(1), dtype=torch.float64)


def test_the_growth_of_a_product_of_orthogonal_matrices_is_their_factor():
    network, points = linear(4)
    with torch.no_grad():
        for block in network.blocks:
            block[0].weight.copy_(1.5 * torch.linalg.qr(block[0].weight).Q)
    found = gradient_runs.through(network, points)
    assert found["growth"] == pytest.approx(1.5, rel=1e-6)
    assert len(found["layers"]) == 6 and all(w.grad is None for w in network.parameters())


def test_what_g_gets_is_the_norm_of_the_slope_where_d_is_linear():
    network, points = linear(2)
    with torch.no_grad():
        slope = network.last.weight @ network.blocks[1][0].weight @ network.blocks[0][0].weight @ network.first.weight
    assert gradient_runs.through(network, points)["input"] == pytest.approx(float(slope.norm()), rel=1e-6)


@pytest.mark.parametrize("limit, expected", [(1.0, 1.0), (100.0, 5.0)])
def test_clipping_holds_the_norm_before_the_step(limit, expected):
    weight = nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    gradient_runs.clip(optimizer, limit)
    (weight * torch.tensor([3.0, 4.0])).sum().backward()
    optimizer.step()
    assert float(weight.detach().norm()) == pytest.approx(expected)


def test_the_border_lies_where_it_was_predicted():
    rows = {row["name"]: row for row in measured.load("gradients")["rows"]}
    assert set(gradient_runs.NAMES) == set(rows)
    for depth in (10, 20):
        row = rows[f"plain, depth {depth}"]
        at = row["gains"].index(1.0)
        assert row["predicted"][at] == 1 and all(0.85 < growth < 1.15 for growth in row["growth"][at])
        low, high = row["growth"][row["gains"].index(0.3)], row["growth"][row["gains"].index(3.0)]
        assert max(low) < 0.4 and min(high) > 2.5


def test_the_nearest_mode_of_a_mode_is_itself():
    assert gradient_runs.nearest_mode(gradient_runs.RING.modes.float()) == pytest.approx(0, abs=1e-6)
    assert gradient_runs.nearest_mode(torch.zeros(3, 2)) == pytest.approx(1.0)
    assert gradient_runs.digits(math.inf) is None and gradient_runs.digits(0.0012345) == 0.00123
