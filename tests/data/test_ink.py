"""data.ink: moments of the ink against sums by hand, and against shifted and turned pictures."""

import pytest
import torch

from gancourse import runtime
from gancourse.data import ink


def test_two_pixels_by_hand():
    images = torch.full((1, 1, 5, 8), -1.0)
    images[0, 0, 1, 2], images[0, 0, 4, 6] = 1.0, 0.0  # ink 1 at (2, 1), ink 1/2 at (6, 4)
    found = ink.spread(images)
    assert float(found.share) == pytest.approx(1.5 / 40)
    assert float(found.across) == pytest.approx((2 + 3) / 1.5)
    assert float(found.down) == pytest.approx((1 + 2) / 1.5)
    # weights 2/3 and 1/3, 4 columns and 3 rows apart: variance w1 w2 d^2
    assert float(found.xx) == pytest.approx(2 / 9 * 16)
    assert float(found.yy) == pytest.approx(2 / 9 * 9)
    assert float(found.xy) == pytest.approx(2 / 9 * 12)


def test_moving_moves_the_centre_and_nothing_else():
    images = torch.full((3, 1, 12, 12), -1.0)
    images[:, :, 2:6, 3:9] = 2 * torch.rand(3, 1, 4, 6, generator=runtime.generator(0)) - 1
    before, after = ink.spread(images), ink.spread(images.roll((3, -2), (2, 3)))
    assert torch.allclose(after.across, before.across - 2) and torch.allclose(after.down, before.down + 3)
    for name in ("share", "xx", "yy", "xy"):
        assert torch.allclose(getattr(after, name), getattr(before, name))


def test_a_mirror_turns_the_covariance_and_a_corner_exchanges_the_axes():
    images = 2 * torch.rand(4, 1, 9, 9, generator=runtime.generator(1)) - 1
    found, mirrored, turned = ink.spread(images), ink.spread(images.flip(3)), ink.spread(images.transpose(2, 3))
    assert torch.allclose(mirrored.xy, -found.xy) and torch.allclose(mirrored.across, 8 - found.across)
    assert torch.allclose(turned.xx, found.yy) and torch.allclose(turned.down, found.across)


def test_no_ink_has_moments_0_and_other_things_are_refused():
    assert all(float(value) == 0 for value in ink.spread(torch.full((1, 1, 6, 6), -1.0)))
    with pytest.raises(ValueError, match="images"):
        ink.spread(torch.zeros(2, 3, 6, 6))
    with pytest.raises(TypeError, match="images"):
        ink.spread([[0.0]])
