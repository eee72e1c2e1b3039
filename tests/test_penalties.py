"""Penalties in closed form, their gradients in double, finiteness where they are delicate, and refusals."""

import math

import pytest
import torch
from torch import nn

from gancourse import penalties
from gancourse.models import mlp

W = torch.tensor([0.6, -1.2, 2.0], dtype=torch.float64)  # |w|^2 = 5.8


def linear(points):
    return points @ W.to(points.dtype)


def points(n=5, seed=0, dim=3):
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def quadratic(x):
    """D(x) = |x|^2 / 2, whose gradient at x is x."""
    return 0.5 * x.square().flatten(1).sum(1)


def r1(discriminator, real):
    """R1 as a step writes it: one pass of D."""
    real = real.detach().requires_grad_()
    return penalties.r1_penalty(discriminator(real), real)


def r2(discriminator, fake):
    fake = fake.detach().requires_grad_()
    return penalties.r2_penalty(discriminator(fake), fake)


# ---------------------------------------------------------------- closed forms


def test_linear_critic_in_closed_form():
    real, fake = points(seed=1), points(seed=2)
    assert r1(linear, real).item() == pytest.approx(5.8, abs=1e-12)
    assert r2(linear, fake).item() == pytest.approx(5.8, abs=1e-12)
    assert penalties.zero_centred_gradient_penalty(linear, real, fake).item() == pytest.approx(5.8, abs=1e-12)
    assert penalties.gradient_penalty(linear, real, fake).item() == pytest.approx((math.sqrt(5.8) - 1) ** 2, abs=1e-12)


def test_the_one_sided_penalty_asks_nothing_of_a_flat_critic():
    real, fake = points(seed=1), points(seed=2)
    steep = penalties.one_sided_gradient_penalty(linear, real, fake).item()
    assert steep == pytest.approx((math.sqrt(5.8) - 1) ** 2, abs=1e-12)
    assert penalties.one_sided_gradient_penalty(lambda x: 0.2 * linear(x), real, fake).item() == 0.0
    mix = torch.rand(5, 1, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    slopes = (mix * real + (1 - mix) * fake).norm(dim=1)
    got = penalties.one_sided_gradient_penalty(quadratic, real, fake, generator=torch.Generator().manual_seed(7))
    assert 0 < int((slopes > 1).sum()) < 5  # some of each kind
    assert got.item() == pytest.approx(float((slopes - 1).clamp(min=0).square().mean()))


def test_each_penalty_looks_where_it_says():
    real, fake = points(seed=1), 10 + points(seed=2)
    assert r1(quadratic, real).item() == pytest.approx(float(real.square().sum(1).mean()))
    assert r2(quadratic, fake).item() == pytest.approx(float(fake.square().sum(1).mean()))
    mix = torch.rand(5, 1, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    between = mix * real + (1 - mix) * fake
    got = penalties.gradient_penalty(quadratic, real, fake, generator=torch.Generator().manual_seed(7))
    assert got.item() == pytest.approx(float((between.norm(dim=1) - 1).square().mean()))
    got = penalties.zero_centred_gradient_penalty(quadratic, real, fake, generator=torch.Generator().manual_seed(7))
    assert got.item() == pytest.approx(float(between.square().sum(1).mean()))


def test_one_mix_per_pair_and_one_norm_per_image():
    """On images of 28 x 28 the norm goes over all pixels of a sample, not over each pixel."""
    weights = torch.full((1, 28, 28), 1 / 28, dtype=torch.float64)  # norm 1

    def critic(images):
        return (images * weights).flatten(1).sum(1)

    real, fake = torch.rand(4, 1, 28, 28, dtype=torch.float64), torch.rand(4, 1, 28, 28, dtype=torch.float64)
    assert penalties.gradient_penalty(critic, real, fake).item() == pytest.approx(0.0, abs=1e-12)
    assert r1(critic, real).item() == pytest.approx(1.0, abs=1e-12)

    seen = []

    def spy(images):
        seen.append(images.detach())
        return critic(images)

    penalties.gradient_penalty(spy, torch.ones_like(real), torch.zeros_like(fake))
    per_image = seen[0].flatten(1)
    assert bool((per_image == per_image[:, :1]).all()), "e must be one number per image"
    assert len(per_image[:, 0].unique()) == 4, "e must differ between images"


def test_bare_expectations_carry_no_weight():
    """Mescheder's R1 is gamma / 2 times this; WGAN-GP's lambda is at the call site too."""
    assert r1(lambda x: 3 * x[:, 0], points()).item() == pytest.approx(9.0)
    assert penalties.gradient_penalty(lambda x: 3 * x[:, 0], points(), points(seed=1)).item() == pytest.approx(4.0)


# ---------------------------------------------------------------- gradients, and where they are delicate


def smooth(weight, x):
    return torch.tanh(x @ weight).sum(1)


@pytest.mark.parametrize("function", [r1, r2])
def test_gradcheck_of_squared_norms(function):
    weight = points(3, seed=3)[:, :2].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda w: function(lambda x: smooth(w, x), points()), (weight,))
    assert torch.autograd.gradgradcheck(lambda w: function(lambda x: smooth(w, x), points()), (weight,))


@pytest.mark.parametrize("name", ["gradient_penalty", "zero_centred_gradient_penalty"])
def test_gradcheck_between_real_and_fake(name):
    weight = points(3, seed=3)[:, :2].clone().requires_grad_()
    function = getattr(penalties, name)

    def value(w):
        random = torch.Generator().manual_seed(3)
        return function(lambda x: smooth(w, x), points(), points(seed=1), generator=random)

    assert torch.autograd.gradcheck(value, (weight,))
    assert torch.autograd.gradgradcheck(value, (weight,))


@pytest.mark.parametrize("function", [r1, r2])
def test_gradcheck_at_a_flat_critic(function):
    weight = torch.zeros(3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: function(lambda x: smooth(w, x), points()), (weight,))
    assert torch.autograd.gradgradcheck(lambda w: function(lambda x: smooth(w, x), points()), (weight,))


def test_everything_is_finite_at_a_flat_critic():
    critic = mlp.Discriminator(data_dim=2, hidden=8)
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.zero_()
    real, fake = torch.randn(6, 2), torch.randn(6, 2)
    values = {
        1.0: penalties.gradient_penalty(critic, real, fake),
        0.0: r1(critic, real) + r2(critic, fake),
    }
    for expected, value in values.items():
        assert float(value) == expected
        for gradient in torch.autograd.grad(value, list(critic.parameters()), allow_unused=True):
            assert gradient is None or bool(torch.isfinite(gradient).all())


def test_penalty_trains_the_discriminator_and_nobody_else():
    discriminator, generator = mlp.Discriminator(data_dim=2, hidden=8), mlp.Generator(latent_dim=2, data_dim=2)
    fake, real = generator(torch.randn(6, 2)), torch.randn(6, 2)
    value = r2(discriminator, fake) + r1(discriminator, real) + penalties.gradient_penalty(discriminator, real, fake)
    value.backward()
    assert all(parameter.grad is None for parameter in generator.parameters())
    assert discriminator.layers[0].weight.grad.abs().sum() > 0


def test_one_pass_serves_loss_and_penalty():
    """The gradient by D's weights is that of the loss plus that of a penalty on a pass of its own."""
    discriminator, points = mlp.Discriminator(data_dim=2, hidden=8), torch.randn(6, 2)
    weights = list(discriminator.parameters())[:-1]
    alone = torch.autograd.grad(discriminator(points).square().mean() + r1(discriminator, points), weights)
    points.requires_grad_()
    logits = discriminator(points)
    shared = torch.autograd.grad(logits.square().mean() + penalties.r1_penalty(logits, points), weights)
    for a, b in zip(shared, alone, strict=True):
        torch.testing.assert_close(a, b)


def test_points_between_work_inside_no_grad():
    with torch.no_grad():
        assert penalties.zero_centred_gradient_penalty(linear, points(), points(seed=1)).item() == pytest.approx(5.8)


# ---------------------------------------------------------------- clipping


def test_weight_clipping_in_place():
    critic = nn.Linear(2, 1)
    with torch.no_grad():
        critic.weight.copy_(torch.tensor([[0.5, -3.0]]))
        critic.bias.fill_(0.005)
    weight = critic.weight
    penalties.weight_clipping(critic, 0.01)
    assert critic.weight is weight
    assert critic.weight.tolist() == [[pytest.approx(0.01), pytest.approx(-0.01)]]
    assert float(critic.bias) == pytest.approx(0.005)


@pytest.mark.parametrize("limit", [0, -1.0, math.inf, math.nan, "0.1", True])
def test_weight_clipping_refuses_limits(limit):
    with pytest.raises(ValueError, match="limit must be a positive finite number"):
        penalties.weight_clipping(nn.Linear(2, 1), limit)


def test_weight_clipping_refuses_functions():
    with pytest.raises(TypeError, match="critic must be a module, got function"):
        penalties.weight_clipping(linear, 0.1)


# ---------------------------------------------------------------- refusals

BAD_POINTS = {
    "a list": ([[1.0, 2.0]], TypeError, "must be a tensor of shape"),
    "whole numbers": (torch.ones(3, 3, dtype=torch.int64), TypeError, "must hold floating-point numbers"),
    "one axis": (torch.ones(3), ValueError, "must have shape \\(N, ...\\)"),
    "empty": (torch.ones(0, 3), ValueError, "is empty"),
    "NaN": (torch.full((3, 3), math.nan), ValueError, "must be finite, got 9"),
}


@pytest.mark.parametrize("case", BAD_POINTS)
def test_bad_points_are_refused_by_name(case):
    bad, error, words = BAD_POINTS[case]
    good = torch.ones(3, 3)
    with pytest.raises(error, match=f"real {words}"):
        penalties.r1_penalty(good[:, 0], bad)
    with pytest.raises(error, match=f"fake {words}"):
        penalties.r2_penalty(good[:, 0], bad)
    for function in (penalties.gradient_penalty, penalties.zero_centred_gradient_penalty):
        with pytest.raises(error, match=f"real {words}"):
            function(linear, bad, good)
        with pytest.raises(error, match=f"fake {words}"):
            function(linear, good, bad)


def test_unlike_batches_are_refused():
    with pytest.raises(ValueError, match=r"fake must have the shape of real, \(3, 3\), got \(2, 3\)"):
        penalties.gradient_penalty(linear, torch.ones(3, 3), torch.ones(2, 3))
    with pytest.raises(ValueError, match="fake must be like real, torch.float32 on cpu, got torch.float64"):
        penalties.gradient_penalty(linear, torch.ones(3, 3), torch.ones(3, 3).double())


def test_bad_critics_are_refused():
    def penalty(critic):
        return penalties.gradient_penalty(critic, points(), points(seed=1))

    with pytest.raises(TypeError, match="the critic must be a module or a function, got str"):
        penalty("D")
    with pytest.raises(ValueError, match=r"one score per sample, shape \(5,\), got \(5, 1\)"):
        penalty(lambda x: x[:, :1])
    with pytest.raises(ValueError, match=r"one score per sample, shape \(5,\), got \(\)"):
        penalty(lambda x: x.mean())
    with pytest.raises(ValueError, match="do not depend on the points"):
        penalty(lambda x: x.detach()[:, 0])
    constant = torch.ones((), dtype=torch.float64, requires_grad=True)
    with pytest.raises(ValueError, match="do not depend on the points"):
        penalty(lambda x: constant.expand(len(x)))


@pytest.mark.parametrize("name", ["real", "fake"])
def test_logits_that_do_not_come_from_the_points_are_refused(name):
    penalty = penalties.r1_penalty if name == "real" else penalties.r2_penalty
    weight = torch.ones(3, dtype=torch.float64, requires_grad=True)
    ready = points().requires_grad_()
    with pytest.raises(ValueError, match=rf"{name}_logits must be one logit per sample, shape \(5,\), got \(5, 3\)"):
        penalty(ready * 2, ready)
    with pytest.raises(ValueError, match=f"{name}_logits must be one logit per sample, .* got function"):
        penalty(linear, ready)
    with pytest.raises(ValueError, match=rf"call {name}.requires_grad_\(\) before D sees it"):
        penalty(points() @ weight, points())
    logits = (late := points()) @ weight
    with pytest.raises(ValueError, match=f"{name}_logits were not computed from {name}"):
        penalty(logits, late.requires_grad_())
    with torch.no_grad():
        logits = linear(ready)
    with pytest.raises(ValueError, match="with gradients on"):
        penalty(logits, ready)
    made = points() * weight  # as a generator makes it
    with pytest.raises(ValueError, match=rf"take {name} = {name}.detach\(\).requires_grad_\(\)"):
        penalty(linear(made), made)
