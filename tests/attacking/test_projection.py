"""The projection finds the nearest picture where that is known, and the defence answers for it."""

import pytest
import torch
from plane_world import CODES, Plane, images, reader

from gancourse import runtime
from gancourse.attacking import projection


def test_the_nearest_picture_of_a_plane_is_the_perpendicular():
    plane, given = Plane(), images()
    found = projection.project(plane, given, runtime.generator(0), restarts=3, num_steps=200)
    wanted = plane.nearest(given)
    assert torch.allclose(found.images, wanted, atol=1e-3)
    assert torch.allclose(found.errors, (given - wanted).square().flatten(1).mean(1), atol=1e-5)
    assert torch.allclose(found.z, given.flatten(1) @ plane.rows.T, atol=1e-3)
    assert not found.images.requires_grad and found.z.shape == (8, CODES)


class Two(Plane):
    """A generator with two valleys: along the first number of z the same pictures come twice."""

    def forward(self, z):
        return super().forward(torch.cat([z[:, :1].square() - 0.5 * z[:, :1], z[:, 1:]], dim=1))


def test_each_image_gets_the_nearest_of_its_own_restarts():
    generator, given = Two(), images()
    few = projection.project(generator, given, runtime.generator(1), restarts=5, num_steps=15)
    starts = projection.draw(generator, 40, runtime.generator(1))
    z = projection.inverse.invert(generator, given.repeat_interleave(5, 0), starts, num_steps=15)
    made = generator(z).view(8, 5, *given.shape[1:])
    errors = (made - given[:, None]).square().flatten(2).mean(2)
    assert torch.equal(few.errors, errors.amin(1))
    for number, best in enumerate(errors.argmin(1)):
        assert torch.equal(few.images[number], made[number, best])
        assert torch.equal(few.z[number], z.view(8, 5, CODES)[number, best])
    assert len(set(errors.argmin(1).tolist())) > 1


def test_a_defence_answers_for_the_picture_and_draws_anew_at_each_call():
    plane, given = Plane(), images()
    network = reader(torch.randn(36, generator=runtime.generator(5)))
    defence = projection.Defence(plane, network, runtime.generator(0), restarts=2, num_steps=150)
    assert torch.allclose(defence(given), network(plane.nearest(given)), atol=5e-3)
    assert not torch.allclose(defence(given), network(given), atol=0.1)
    assert defence.passes == 300
    short = projection.Defence(plane, network, runtime.generator(0), restarts=1, num_steps=3)
    with torch.no_grad():  # as the evaluation calls it
        assert not torch.equal(short(given), short(given))
    assert torch.allclose(short.project(given, num_steps=200).images, plane.nearest(given), atol=1e-3)


@pytest.mark.parametrize("settings", [{"restarts": 0}, {"num_steps": 0}, {"rate": -1.0}])
def test_numbers_that_will_not_do_are_refused(settings):
    (name,) = settings
    with pytest.raises(ValueError, match=f"{name} must be"):
        projection.Defence(Plane(), reader(torch.ones(36)), runtime.generator(0), **settings)
    with pytest.raises(ValueError, match=f"{name} must be"):
        projection.project(Plane(), images(), runtime.generator(0), **settings)


def test_a_generator_in_training_mode_is_refused():
    with pytest.raises(ValueError, match="eval mode"):
        projection.project(Plane().train(), images(), runtime.generator(0))
