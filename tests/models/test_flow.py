"""The flow's networks: shapes, independence of the batch, what they are told of the time, and what they refuse."""

import pytest
import torch

from gancourse import runtime
from gancourse.models import dense_conv, flow


def fresh(*sizes, seed=0, **more):
    with runtime.seeded(seed):
        return flow.Denoiser(*sizes, **more)


@pytest.mark.parametrize("size, channels, width", [(28, 1, 16), (16, 3, 6), (32, 1, 4), (64, 3, 2)])
def test_guesses_have_the_shape_of_the_images_and_lie_in_their_range(size, channels, width):
    x = 5 * torch.randn(3, channels, size, size, generator=runtime.generator(0))
    guess = fresh(size, channels, width)(x, torch.tensor([0.0, 0.4, 1.0]))
    assert guess.shape == x.shape and float(guess.abs().max()) <= 1 and float(guess.detach().std()) > 0


def test_it_is_about_as_large_as_the_gans_two_networks():
    count = lambda network: sum(weight.numel() for weight in network.parameters())  # noqa: E731
    gan = count(dense_conv.Generator()) + count(dense_conv.Discriminator())
    assert gan < count(flow.Denoiser()) < 1.15 * gan


def test_a_guess_depends_on_its_own_point_and_time_alone():
    x = torch.randn(4, 1, 16, 16, generator=runtime.generator(1))
    t = torch.tensor([0.1, 0.3, 0.5, 0.9])
    for model in (fresh(16).train(), fresh(16).eval()):
        together = model(x, t)
        alone = torch.cat([model(x[i : i + 1], t[i : i + 1]) for i in range(4)])
        assert torch.allclose(together, alone, atol=1e-5)
        turned = model(x.flip(0), t.flip(0)).flip(0)
        assert torch.allclose(together, turned, atol=1e-5)
        assert float((model(x, t.flip(0)) - together).abs().amax((1, 2, 3)).min()) > 1e-4


def test_every_weight_is_used_and_every_time_part_reaches_the_guess():
    model = fresh(16)
    t = torch.tensor([0.2, 0.7]).requires_grad_()
    model(torch.randn(2, 1, 16, 16, generator=runtime.generator(2)), t).square().sum().backward()
    assert all(float(weight.grad.abs().sum()) > 0 for weight in model.parameters())
    assert float(t.grad.abs().min()) > 0
    last = model.time[-1]
    assert last.out_features == sum(model._parts)
    for part in last.weight.grad.split(model._parts):
        assert float(part.abs().sum()) > 0


def test_what_the_way_down_has_seen_is_handed_across_at_both_sizes():
    model, seen = fresh(16, width=4), {}
    for name, layer in (("before", model.before), ("down", model.down[1]), ("up", model.up[0]), ("last", model.up[1])):

        def note(layer, given, output, name=name):
            seen[name] = given[0], output

        layer.register_forward_hook(note)
    model(torch.randn(2, 1, 16, 16, generator=runtime.generator(3)), torch.tensor([0.2, 0.6]))
    assert torch.equal(seen["up"][0][:, 8:], seen["before"][1])
    assert torch.equal(seen["last"][0][:, 4:], seen["down"][0])


def test_points_in_the_plane():
    with runtime.seeded(0):
        model = flow.PointDenoiser(3, hidden=5)
    x = torch.randn(4, 3, generator=runtime.generator(4))
    t = torch.tensor([0.0, 0.25, 0.5, 1.0])
    assert model(x, t).shape == (4, 3)
    velocity = model.layers(torch.cat([x, t[:, None]], dim=1))
    assert torch.allclose(model(x, t), x + torch.tensor([1.0, 0.75, 0.5, 0.0])[:, None] * velocity)
    assert torch.equal(model(x, t)[3], x[3])


@pytest.mark.parametrize(
    "x, t, match",
    [
        (torch.zeros(2, 1, 28, 28), torch.zeros(2), "16"),
        (torch.zeros(2, 1, 16, 16), torch.zeros(3), "t must be one time"),
        (torch.zeros(2, 1, 16, 16), torch.zeros(2, 1), "t must be one time"),
        (torch.zeros(2, 1, 16, 16), 0.5, "got float"),
        (torch.zeros(0, 1, 16, 16), torch.zeros(0), "empty"),
    ],
)
def test_what_a_denoiser_refuses(x, t, match):
    with pytest.raises(ValueError, match=match):
        fresh(16)(x, t)


def test_what_the_others_refuse():
    with pytest.raises(ValueError, match="image_size"):
        flow.Denoiser(20)
    with pytest.raises(ValueError, match="hidden"):
        flow.PointDenoiser(2, hidden=0)
    with pytest.raises(ValueError, match="x must have shape"):
        flow.PointDenoiser(2)(torch.zeros(3, 3), torch.zeros(3))
    with pytest.raises(ValueError, match="t must be one time"):
        flow.PointDenoiser(2)(torch.zeros(3, 2), torch.zeros(2))
