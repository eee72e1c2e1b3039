"""r3gan: the control is the recommended step bit by bit, each part changes what it says, and norms come out whole."""

import dataclasses
import math

import pytest
import torch
from torch import nn

from gancourse import r3gan, recommended, runtime, styling
from gancourse.models import dense_conv
from gancourse.r3gan import RECOMMENDED, Settings

IMAGES = 2 * torch.rand(64, 1, 16, 16, generator=runtime.generator(0)) - 1


def built(settings, num_steps=20, seed=3):
    return r3gan.build(settings, num_steps=num_steps, seed=seed, image_size=16, width=4)


def stepped(parts, step, count):
    noted = [step(IMAGES.clone()) for _ in range(count)]
    return [{key: float(value.detach()) for key, value in one.items()} for one in noted]


def weights(network):
    return torch.cat([weight.detach().flatten() for weight in network.parameters()])


def test_the_control_is_the_recommended_step_bit_by_bit():
    ours = built(dataclasses.replace(RECOMMENDED, rates=(32e-3, 16e-3)))  # width 4: four times the rates of width 16
    theirs = recommended.build(16, 1, width=4, num_steps=20, seed=3)
    first = stepped(ours, r3gan.make_step(ours, recommended.latents(ours, runtime.generator(1)), RECOMMENDED), 10)
    second = stepped(theirs, recommended.make_step(theirs, recommended.latents(theirs, runtime.generator(1))), 10)
    assert first == second
    for name in ("generator", "discriminator", "average"):
        assert torch.equal(weights(getattr(ours, name)), weights(getattr(theirs, name)))


def test_the_rates_are_those_of_the_settings_and_fall_to_a_twentieth():
    settings = Settings(rates=(3e-3, 5e-4))
    parts = built(settings, num_steps=4)
    rates = [[optimizer.param_groups[0]["lr"] for optimizer in (parts.g_optimizer, parts.d_optimizer)]]
    step = r3gan.make_step(parts, recommended.latents(parts, runtime.generator(1)), settings)
    for _ in range(4):
        step(IMAGES.clone())
        rates.append([optimizer.param_groups[0]["lr"] for optimizer in (parts.g_optimizer, parts.d_optimizer)])
    shares = [0.05 + 0.95 * (1 + math.cos(math.pi * done / 4)) / 2 for done in range(5)]
    for share, (g, d) in zip(shares, rates, strict=True):
        assert g == pytest.approx(3e-3 * share) and d == pytest.approx(5e-4 * share)


@pytest.mark.filterwarnings("ignore:Seems like")  # the optimisers are kept from moving anything
@pytest.mark.parametrize("loss", ["non_saturating", "relativistic"])
@pytest.mark.parametrize("r1, r2", [(0.0, 0.0), (0.7, 0.0), (0.0, 0.4), (0.7, 0.4)])
def test_one_step_against_the_formulas(loss, r1, r2, monkeypatch):
    """D's first gradient, and G's, worked out here from the losses as the paper writes them."""
    settings = Settings(loss, r1=r1, r2=r2, every=3)
    parts = built(settings)
    G, D = built(settings).generator, built(settings).discriminator
    z = torch.randn(64, 64, generator=runtime.generator(1))
    fake, real = G(z).detach().requires_grad_(), IMAGES.clone().requires_grad_()
    real_logits, fake_logits = D(real), D(fake)
    if loss == "relativistic":
        d_loss = torch.log1p(torch.exp(-(real_logits - fake_logits))).mean()
    else:
        d_loss = -(torch.sigmoid(real_logits).log() + (1 - torch.sigmoid(fake_logits)).log()).mean()
    total = d_loss
    for weight, logits, points in ((r1, real_logits, real), (r2, fake_logits, fake)):
        (slope,) = torch.autograd.grad(logits.sum(), points, create_graph=True)
        total = total + 3 * weight / 2 * slope.square().sum((1, 2, 3)).mean()
    expected = torch.autograd.grad(total, list(D.parameters()))

    seen = {}
    for name, optimizer in (("d", parts.d_optimizer), ("g", parts.g_optimizer)):
        network = parts.discriminator if name == "d" else parts.generator

        def noted(name=name, network=network):
            seen[name] = [weight.grad.clone() for weight in network.parameters()]

        monkeypatch.setattr(optimizer, "step", noted)  # and moves nothing
    out = r3gan.make_step(parts, recommended.latents(parts, runtime.generator(1)), settings)(IMAGES.clone())
    assert float(out["d_loss"].detach()) == pytest.approx(float(d_loss.detach()), rel=1e-5)
    for found, grad in zip(seen["d"], expected, strict=True):
        assert torch.allclose(found, grad, atol=1e-5, rtol=1e-3)

    fake_logits = D(G(z))
    if loss == "relativistic":
        g_loss = torch.log1p(torch.exp(-(fake_logits - D(IMAGES).detach()))).mean()
    else:
        g_loss = -torch.sigmoid(fake_logits).log().mean()
    assert float(out["g_loss"].detach()) == pytest.approx(float(g_loss.detach()), rel=1e-5)
    for found, grad in zip(seen["g"], torch.autograd.grad(g_loss, list(G.parameters())), strict=True):
        assert torch.allclose(found, grad, atol=1e-5, rtol=1e-3)


def test_penalties_come_in_every_so_many_th_step_only(monkeypatch):
    asked = []
    for name in ("r1_penalty", "r2_penalty"):
        monkeypatch.setattr(
            r3gan.penalties, name, lambda logits, points, name=name: asked.append(name) or 0 * logits.sum()
        )
    settings = Settings(every=2)
    parts = built(settings)
    stepped(parts, r3gan.make_step(parts, recommended.latents(parts, runtime.generator(1)), settings), 5)
    assert asked == ["r1_penalty", "r2_penalty"] * 3


def test_relativistic_losses_see_a_difference_alone():
    """Adding a number to all of D's answers changes neither loss; for the non-saturating pair it does."""
    for loss, same in (("relativistic", True), ("non_saturating", False)):
        found = []
        for shift in (0.0, 2.5):
            settings = Settings(loss)
            parts = built(settings)
            with torch.no_grad():
                parts.discriminator.layers[-2].bias += shift
            found.append(
                stepped(parts, r3gan.make_step(parts, recommended.latents(parts, runtime.generator(1)), settings), 1)[0]
            )
        assert (found[0]["d_loss"] == pytest.approx(found[1]["d_loss"], rel=1e-4)) == same


def test_norms_are_taken_out_and_sizes_kept():
    with runtime.seeded(0):
        plain, bare = dense_conv.Generator(), r3gan.without_norm(dense_conv.Generator())
    kinds = [type(layer) for layer in bare.modules()]
    assert nn.BatchNorm1d not in kinds and nn.BatchNorm2d not in kinds
    assert [kind for kind in kinds if kind is not nn.Identity] == [
        kind for kind in (type(layer) for layer in plain.modules()) if kind not in (nn.BatchNorm1d, nn.BatchNorm2d)
    ]
    count = lambda network: sum(weight.numel() for weight in network.parameters())  # noqa: E731
    assert count(plain) - count(bare) == 256 + 1568 + 16  # one bias for a norm's two numbers
    z = torch.randn(500, 64, generator=runtime.generator(1))
    sizes, x = [], z
    with torch.no_grad():
        for layer in [*bare.dense]:
            x = layer(x)
            if isinstance(layer, nn.Linear):
                sizes.append(float(x.square().mean()))
        assert sizes == [pytest.approx(2, rel=0.1), pytest.approx(2, rel=0.1)]  # twice the size of what the ReLU leaves
        images = bare(z)
    assert 0.3 < float(torch.atanh(images.clamp(-0.999, 0.999)).std()) < 3
    assert torch.allclose(bare.train()(z[:2]), images[:2], atol=1e-5)  # no statistics of a batch
    with pytest.raises(ValueError, match="must have batch norm"):
        r3gan.without_norm(bare)


def test_a_run_is_finished_and_repeats(monkeypatch):
    monkeypatch.setattr(styling, "_COUNTED", 500)
    for norm in r3gan.NORMS:
        runs = [
            r3gan.train(IMAGES, Settings(norm=norm, rates=(1e-3, 1e-3)), num_steps=3, seed=seed) for seed in (1, 1, 2)
        ]
        z = torch.randn(4, 64, generator=runtime.generator(0))
        images = [generator(z) for generator in runs]
        assert torch.equal(images[0], images[1]) and not torch.equal(images[0], images[2])
        assert images[0].shape == (4, 1, 16, 16) and not runs[0].training and not images[0].requires_grad


@pytest.mark.parametrize(
    "change, match",
    [
        ({"loss": "hinge"}, "loss must be one of"),
        ({"norm": "layer"}, "norm must be one of batch, none"),
        ({"r1": -0.1}, "r1 must be"),
        ({"r2": math.inf}, "r2 must be"),
        ({"rates": (1e-3,)}, "rates must be two"),
        ({"rates": (1e-3, -1.0)}, "rates must be"),
        ({"every": 0}, "every must be"),
    ],
)
def test_what_settings_refuse(change, match):
    with pytest.raises(ValueError, match=match):
        Settings(**change)


def test_what_a_run_refuses():
    with pytest.raises(ValueError, match="num_steps"):
        r3gan.train(IMAGES, Settings(), num_steps=0, seed=0)
