"""The bent plane places codes by its formula, and its encoder undoes that."""

import pytest
import torch

from gancourse import runtime
from gancourse.data.bent import bent_plane


def test_the_map_by_hand_and_its_inverse():
    world = bent_plane()
    z = torch.tensor([[0.0, 0.0], [2.0, 1.0], [-1.0, -4.0]])
    assert torch.allclose(world.place(z), torch.tensor([[0.0, -0.4], [2.0, 1.7], [-1.0, -2.0]]))
    many = torch.randn(3, 100, 2, generator=runtime.generator(0))
    assert torch.allclose(world.code(world.place(many)), many, atol=1e-5)


def test_samples_have_the_moments_that_follow():
    """x1 has variance 1 + noise^2; x2 has mean 0 and variance 1/4 + 0.16 * 2 + noise^2."""
    x = bent_plane(0.3).sample(200_000, runtime.generator(0))
    assert x.dtype == torch.float32 and x.mean(0).tolist() == pytest.approx([0, 0], abs=0.01)
    assert x.var(0).tolist() == pytest.approx([1.09, 0.25 + 0.32 + 0.09], rel=0.02)
    clean = bent_plane(0.0).sample(50_000, runtime.generator(0))
    codes = bent_plane(0.0).code(clean)
    assert torch.allclose(codes.T.cov(), torch.eye(2), atol=0.03)


@pytest.mark.parametrize("noise", [-0.1, 1.5, "a", True])
def test_other_noise_is_refused(noise):
    with pytest.raises(ValueError, match="noise must be a finite number, from 0.0 to 1.0"):
        bent_plane(noise)


def test_other_counts_are_refused():
    with pytest.raises(ValueError, match="n must be a whole number from 1 on"):
        bent_plane().sample(0, runtime.generator(0))
