"""A rotation is found again, and what codes tell of the truth is counted on points that were not learnt from."""

import math

import pytest
import torch

from gancourse import runtime
from gancourse.metrics.alignment import best_rotation, explained


def plane(count=2_000, seed=0):
    return torch.randn(count, 2, generator=runtime.generator(seed))


@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_a_turned_code_is_turned_back(mirror):
    turn = torch.tensor([[math.cos(2.0), -math.sin(2.0)], [math.sin(2.0), math.cos(2.0)]]) @ torch.diag(
        torch.tensor([1.0, mirror])
    )
    truth = plane() * torch.tensor([1.0, 2.0])
    found = best_rotation(truth @ turn + 0.01 * plane(seed=1), truth)
    assert torch.allclose(found, turn.T, atol=5e-3)
    assert found.dtype == torch.float32 and torch.allclose(found @ found.T, torch.eye(2), atol=1e-6)


def test_no_other_turn_is_better():
    truth, codes = plane(200), plane(200, 1) @ torch.tensor([[1.0, 0.7], [-0.2, 3.0]]) + 0.3 * plane(200)
    best = (codes @ best_rotation(codes, truth) - truth).square().mean()
    for degrees in range(0, 360, 5):
        a = math.radians(degrees)
        for mirror in (1.0, -1.0):
            turn = torch.tensor([[math.cos(a), -math.sin(a) * mirror], [math.sin(a), math.cos(a) * mirror]])
            assert (codes @ turn - truth).square().mean() >= best - 1e-6


def test_affine_and_smooth_are_told_apart():
    truth = plane()
    affine = explained(truth @ torch.tensor([[2.0, 1.0], [0.0, -1.0]]) + 3, truth)
    assert affine.affine == pytest.approx(1, abs=1e-6) and affine.smooth > 0.97
    bent = torch.stack([truth[:, 0], truth[:, 1] + truth[:, 0].square()], 1)
    told = explained(bent, truth)
    # the first coordinate is told wholly; of the second an affine map tells cov^2 / var = 1/3, as var z1^2 = 2
    assert told.affine == pytest.approx((1 + 1 / 3) / 2, abs=0.05) and told.smooth > 0.95
    nothing = explained(plane(seed=5), truth)
    assert nothing.affine == pytest.approx(0, abs=0.02) and nothing.smooth < 0.05


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: best_rotation(plane(5), plane(6)), "truth must hold a row for each of codes, 5, got 6"),
        (lambda: best_rotation(plane(5), plane(5)[:, :1]), "as many features"),
        (lambda: explained(plane(30), plane(30)), "at least 40, got 30 and 30"),
    ],
)
def test_others_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
