"""Many GANs at once do exactly what each would do alone, step by step, and what the one-GAN code does."""

import math
import signal
import threading
import time

import pytest
import torch
from torch import nn

from gancourse import ensembles, penalties, runtime
from gancourse.data import toy
from gancourse.ensembles import Ensemble, Recipe, crossed, randomness
from gancourse.losses import LOSSES
from gancourse.models import mlp
from gancourse.models.features import FourierFeatures, MinibatchStd, Packing

RING = toy.ring()
SMALL = {"hidden": 8, "batch_size": 8}


def weights(ensemble, k=0):
    """All weights of member k in one row, the raw generator's first."""
    return torch.cat([ensemble._generator.weights[k], ensemble._discriminator.weights[k]])


def module_weights(*modules):
    return torch.cat([parameter.detach().reshape(-1) for module in modules for parameter in module.parameters()])


# ---------------------------------------------------------------- the same mathematics as one GAN, written out


class Descent(torch.optim.SGD):
    """torch's gradient descent, which refuses negative momentum only when it is made."""

    def __init__(self, parameters, lr, momentum):
        super().__init__(parameters, lr=lr, momentum=0.0)
        self.param_groups[0]["momentum"] = momentum


class OneGan:
    """The one-GAN step with nn.Module, torch.optim and the public losses and penalties; draws like seed 0's member."""

    def __init__(self, recipe, target):
        self.recipe, self.target = recipe, target
        self.random = Ensemble(recipe, target, seeds=[0])  # used for its start and its random numbers only
        self.generator, self.discriminator = self.random.member(0)
        make = {
            "adam": lambda net, lr: torch.optim.Adam(net.parameters(), lr=lr, betas=(recipe.beta1, recipe.beta2)),
            "sgd": lambda net, lr: Descent(net.parameters(), lr, recipe.beta1),
        }[recipe.optimiser]
        self.optimisers = make(self.generator, recipe.lr_g), make(self.discriminator, recipe.lr_d)
        self.averaged = module_weights(self.generator)

    def draw(self, what, player, update):
        return self.random._draws(self.random.steps_done, what, player, update, None)[0].clone()

    def noisy(self, points, what, player, update):
        recipe = self.recipe
        left = 1 if recipe.noise_steps is None else max(0, 1 - self.random.steps_done / recipe.noise_steps)
        return points + recipe.instance_noise * left * self.draw(what, player, update)

    def step(self):
        recipe, loss = self.recipe, LOSSES[self.recipe.loss]
        if recipe.decay_steps:
            share = 0.5 * (1 + math.cos(math.pi * min(1, self.random.steps_done / recipe.decay_steps)))
            for optimiser, lr in zip(self.optimisers, (recipe.lr_g, recipe.lr_d), strict=True):
                optimiser.param_groups[0]["lr"] = lr * (0.05 + 0.95 * share)
        for update in range(recipe.d_steps):
            fake = self.generator(self.draw("latents", "discriminator", update)).detach()
            fake = self.noisy(fake, "noise on fake", "discriminator", update)
            real = self.noisy(self.draw("real", "discriminator", update), "noise on real", "discriminator", update)
            real, fake = (points.detach().requires_grad_() for points in (real, fake))
            real_logits, fake_logits = self.discriminator(real), self.discriminator(fake)
            d_loss = loss.discriminator(real_logits=real_logits, fake_logits=fake_logits)
            if recipe.label_smoothing:
                soft, half = torch.full_like(real_logits, 1 - recipe.label_smoothing), nn.BCEWithLogitsLoss()
                d_loss = half(real_logits, soft) + half(fake_logits, torch.zeros_like(fake_logits))
            total = d_loss
            if recipe.r1:
                total = total + recipe.r1 / 2 * penalties.r1_penalty(real_logits, real)
            if recipe.r2:
                total = total + recipe.r2 / 2 * penalties.r2_penalty(fake_logits, fake)
            if recipe.gradient_penalty:
                mix = self.draw("mix", "discriminator", update)
                between = (mix * real + (1 - mix) * fake).detach().requires_grad_()
                slope = torch.autograd.grad(self.discriminator(between).sum(), between, create_graph=True)[0]
                total = total + recipe.gradient_penalty * (slope.norm(dim=1) - 1).square().mean()
            if recipe.one_sided_penalty:
                mix = self.draw("mix", "discriminator", update)
                between = (mix * real + (1 - mix) * fake).detach().requires_grad_()
                slope = torch.autograd.grad(self.discriminator(between).sum(), between, create_graph=True)[0]
                steep = torch.relu(slope.norm(dim=1) - 1)
                total = total + recipe.one_sided_penalty * steep.square().mean()
            self.optimisers[1].zero_grad()
            total.backward()
            self.optimisers[1].step()
            if recipe.clip:
                penalties.weight_clipping(self.discriminator, recipe.clip)
        for update in range(recipe.g_steps):
            fake = self.generator(self.draw("latents", "generator", update))
            fake_logits = self.discriminator(self.noisy(fake, "noise on fake", "generator", update))
            if loss.paired:
                real = self.noisy(self.draw("real", "generator", update), "noise on real", "generator", update)
                g_loss = loss.generator(real_logits=self.discriminator(real), fake_logits=fake_logits)
            else:
                g_loss = loss.generator(fake_logits=fake_logits)
            self.optimisers[0].zero_grad()
            g_loss.backward()
            self.optimisers[0].step()
        self.averaged += (1 - recipe.average) * (module_weights(self.generator) - self.averaged)
        self.random.steps_done += 1
        return d_loss.item(), g_loss.item()


RECIPES = {
    "plain": {},
    "minimax": {"loss": "minimax"},
    "least squares": {"loss": "least_squares"},
    "hinge": {"loss": "hinge"},
    "relativistic with both penalties": {"loss": "relativistic", "r1": 0.3, "r2": 0.7, "beta1": 0.0, "beta2": 0.99},
    "R1": {"r1": 2.0},
    "R2": {"r2": 2.0},
    "WGAN": {"loss": "wasserstein", "clip": 0.2, "d_steps": 2},
    "WGAN-GP": {"loss": "wasserstein", "gradient_penalty": 5.0, "d_steps": 3, "beta1": 0.0},
    "one-sided": {"loss": "wasserstein", "one_sided_penalty": 5.0, "d_steps": 2, "lr_d": 3e-3, "beta1": 0.0},
    "two rates": {"lr_g": 1e-4, "lr_d": 3e-3},
    "generator ahead": {"g_steps": 3},
    "smoothed labels": {"label_smoothing": 0.1},
    "instance noise": {"instance_noise": 0.3, "noise_steps": 20, "loss": "relativistic"},
    "average and decay": {"average": 0.9, "decay_steps": 10},
    "gradient descent": {"optimiser": "sgd", "lr_g": 0.05, "lr_d": 0.05, "beta1": 0.0},
    "negative momentum": {"optimiser": "sgd", "lr_g": 0.05, "lr_d": 0.05, "beta1": -0.5},
    "Fourier features": {"features": FourierFeatures(count=5), "r1": 0.1, "r2": 0.1},
    "packs": {"features": Packing(2)},
    "spread of the batch": {"features": MinibatchStd()},
    "other sizes": {"latent_dim": 3, "depth": 1, "d_depth": 3, "d_hidden": 6},
}


@pytest.mark.parametrize("name", RECIPES)
def test_one_gan_both_ways(name):
    recipe = Recipe(**SMALL, **RECIPES[name])
    alone, together = OneGan(recipe, RING), Ensemble(recipe, RING, seeds=[7, 0, 3])
    losses = [alone.step() for _ in range(12)]
    trace = together.train(12)
    assert torch.allclose(together._generator.weights[1], module_weights(alone.generator), atol=2e-5)
    if LOSSES[recipe.loss].paired:  # shifting all logits changes no difference: only rounding moves that way
        points = RING.sample(50, runtime.generator(0))
        ours, theirs = together.logits(points)[1], alone.discriminator(points)
        assert torch.allclose(ours - ours.mean(), theirs - theirs.mean(), atol=2e-5)
    else:
        ours = together._discriminator.weights[1]
        assert torch.allclose(ours, module_weights(alone.discriminator), atol=2e-5)
    assert torch.allclose(torch.stack(list(trace), dim=2)[:, 1], torch.tensor(losses), atol=2e-5)
    if recipe.average:
        assert torch.allclose(together._averaged[1], alone.averaged, atol=2e-5)
        assert torch.allclose(module_weights(together.member(1).generator), alone.averaged, atol=2e-5)
    moved = (together._generator.weights[1] - Ensemble(recipe, RING, seeds=[0])._generator.weights[0]).abs().max()
    assert moved > 1e-3, "the comparison says nothing if nothing moved"


def test_on_the_line_and_on_points():
    for target in (toy.gaussian(3.0, 0.5), toy.empirical(torch.randn(50, 3))):
        alone, together = OneGan(Recipe(**SMALL), target), Ensemble(Recipe(**SMALL), target, seeds=[0])
        for _ in range(5):
            alone.step()
        together.train(5)
        assert torch.allclose(weights(together), module_weights(alone.generator, alone.discriminator), atol=1e-5)
        assert together.sample(7).shape == (1, 7, target.dim)


@pytest.mark.parametrize("optimiser, beta1", [("sgd", 0.0), ("sgd", 0.3), ("adam", 0.5)])
def test_unrolled_update_against_torch_func(optimiser, beta1):
    """The generator's gradient through two updates of the discriminator, found with functional modules."""
    from torch.func import functional_call

    recipe = Recipe(**SMALL, unrolled_steps=2, optimiser=optimiser, beta1=beta1, lr_g=0.1, lr_d=0.02)
    ensemble = Ensemble(recipe, RING, seeds=[4])
    ensemble.train(3)  # so that the optimisers have memories
    before = ensemble.state_dict()
    generator, discriminator = ensemble.member(0)
    ensemble.d_steps = 0
    ensemble.train(1)
    real, z = (ensemble_draw(ensemble, before, what) for what in ("real", "latents"))

    fake, parameters = generator(z), dict(discriminator.named_parameters())
    state = {name: before[f"discriminator.{name}"][0] for name in ("first", "second")}
    sizes = [parameter.numel() for parameter in parameters.values()]
    split = {name: dict(zip(parameters, row.split(sizes), strict=True)) for name, row in state.items()}
    for i in range(2):
        scores = [functional_call(discriminator, parameters, (points,)) for points in (real, fake)]
        d_loss = LOSSES["non_saturating"].discriminator(real_logits=scores[0], fake_logits=scores[1])
        slopes = torch.autograd.grad(d_loss, list(parameters.values()), create_graph=True)
        updates = before["discriminator.updates"].item() + i + 1
        moved = {}
        for (name, parameter), slope in zip(parameters.items(), slopes, strict=True):
            first, second = (split[part][name].view_as(parameter) for part in ("first", "second"))
            if optimiser == "sgd":
                first = beta1 * first + slope
                moved[name] = parameter - 0.02 * first
            else:
                first, second = beta1 * first + (1 - beta1) * slope, 0.999 * second + 0.001 * slope**2
                moved[name] = parameter - 0.02 * (first / (1 - beta1**updates)) / (
                    (second / (1 - 0.999**updates)).sqrt() + 1e-8
                )
            split["first"][name], split["second"][name] = first, second
        parameters = moved
    g_loss = LOSSES["non_saturating"].generator(fake_logits=functional_call(discriminator, parameters, (fake,)))
    gradient = torch.cat([part.reshape(-1) for part in torch.autograd.grad(g_loss, list(generator.parameters()))])

    after = ensemble.state_dict()
    first_before, first_after = before["generator.first"][0], after["generator.first"][0]
    used = first_after - beta1 * first_before
    used = used if optimiser == "sgd" else used / (1 - beta1)
    assert torch.allclose(used, gradient, atol=1e-5, rtol=1e-3)
    assert torch.equal(after["discriminator.weights"], before["discriminator.weights"])
    plain = Ensemble(Recipe(**SMALL, optimiser=optimiser, beta1=beta1), RING, seeds=[4], d_steps=0)
    plain.load_state_dict(before)
    plain.train(1)
    assert not torch.allclose(plain.state_dict()["generator.first"], after["generator.first"], rtol=1e-3)


def ensemble_draw(ensemble, state, what):
    other = Ensemble(ensemble.recipe, ensemble.target, seeds=ensemble.seeds)
    other.steps_done = state["steps_done"]
    return other._draws(other.steps_done, what, "generator", 0, None)[0].clone()


def test_spectral_norm_brings_every_matrix_to_norm_one():
    recipe = Recipe(**SMALL, spectral_norm=True, lr_d=1e-3)
    ensemble = Ensemble(recipe, RING, seeds=[0, 1])
    ensemble.train(100)
    points = torch.randn(9, 2)
    for k in range(2):
        discriminator = ensemble.member(k).discriminator
        for layer in discriminator.layers:
            if isinstance(layer, nn.Linear):
                assert torch.linalg.matrix_norm(layer.weight, ord=2).item() == pytest.approx(1, abs=0.01)
        assert torch.allclose(ensemble.logits(points)[k], discriminator(points), atol=1e-6)
    raw = ensemble._discriminator.unpack(ensemble._discriminator.weights)[2]
    assert (torch.linalg.matrix_norm(raw, ord=2) - 1).abs().min() > 0.01, "the raw matrices are not normalised"


def test_spectral_norm_takes_gradients_through_the_norm():
    """As torch's own parametrisation, which keeps the singular vectors fixed while differentiating."""
    recipe = Recipe(**SMALL, spectral_norm=True, optimiser="sgd", lr_d=0.1, beta1=0.0, g_steps=0)
    ensemble = Ensemble(recipe, RING, seeds=[0])
    start, vectors = (
        ensemble._discriminator.weights.clone(),
        {i: u.clone() for i, u in ensemble._spectral.vectors.items()},
    )
    _, discriminator = ensemble._build(0)
    rows = iter([vectors[i][0] for i in sorted(vectors)])
    for layer in [layer for layer in discriminator.layers if isinstance(layer, nn.Linear)]:
        nn.utils.parametrizations.spectral_norm(layer)
        u = next(rows)
        layer.parametrizations.weight[0]._u.copy_(u)
        layer.parametrizations.weight[0]._v.copy_(
            nn.functional.normalize(layer.parametrizations.weight.original.T @ u, dim=0)
        )
    real, fake = (
        ensemble._draws(ensemble.steps_done, "real", "discriminator", 0, None)[0],
        ensemble.generate(ensemble._draws(ensemble.steps_done, "latents", "discriminator", 0, None))[0],
    )
    d_loss = nn.functional.softplus(-discriminator(real)).mean()
    discriminator.eval()  # torch iterates at every forward pass in training mode; we once an update
    d_loss = nn.functional.softplus(-discriminator(real)).mean() + nn.functional.softplus(discriminator(fake)).mean()
    d_loss.backward()
    ensemble.train(1)
    used = (start - ensemble._discriminator.weights)[0] / 0.1
    layers = [layer for layer in discriminator.layers if isinstance(layer, nn.Linear)]
    expected = torch.cat(
        [g.reshape(-1) for layer in layers for g in (layer.parametrizations.weight.original.grad, layer.bias.grad)]
    )
    assert torch.allclose(used, expected, atol=2e-4)


# ---------------------------------------------------------------- members are independent


def test_start_is_that_of_seeded_modules():
    with runtime.seeded(5):
        generator = mlp.Generator(latent_dim=2, data_dim=2, hidden=8)
        discriminator = mlp.Discriminator(data_dim=2, hidden=8)
    ensemble = Ensemble(Recipe(**SMALL), RING, seeds=[1, 5])
    assert torch.equal(weights(ensemble, 1), module_weights(generator, discriminator))
    twice = Ensemble(Recipe(**SMALL), RING, seeds=[5], init_scale_g=2.0, init_scale_d=0.5)
    assert torch.equal(weights(twice), torch.cat([2 * module_weights(generator), 0.5 * module_weights(discriminator)]))


PER_MEMBER = {
    "loss": ["hinge", "relativistic", "non_saturating", "hinge"],
    "lr_g": [1e-3, 2e-3, 5e-4, 1e-2],
    "lr_d": [1e-3, 2e-3, 5e-4, 0.0],
    "d_steps": [1, 3, 2, 1],
    "g_steps": [2, 1, 1, 3],
    "beta1": [0.0, 0.5, 0.9, 0.2],
    "r1": [0.0, 0.1, 1.0, 0.0],
    "r2": [0.0, 0.5, 0.0, 0.1],
    "gradient_penalty": [0.0, 1.0, 0.0, 2.0],
    "one_sided_penalty": [0.0, 0.01, 0.0, 50.0],
    "clip": [0.0, 0.1, 0.5, 0.0],
    "label_smoothing": [0.1, 0.0, 0.2, 0.3],
    "instance_noise": [0.0, 0.1, 0.5, 0.0],
    "average": [0.0, 0.9, 0.99, 0.0],
    "init_scale_g": [1.0, 0.5, 2.0, 3.0],
    "init_scale_d": [1.0, 0.5, 2.0, 3.0],
}


def test_every_setting_that_may_differ_is_tried():
    assert set(PER_MEMBER) == set(ensembles.recipe.PER_MEMBER)


@pytest.mark.parametrize("name", PER_MEMBER)
def test_each_member_goes_its_own_way(name):
    values, seeds = PER_MEMBER[name], [3, 1, 4, 1]
    steep = {"init_scale_d": 4.0} if name == "one_sided_penalty" else {}  # it asks nothing of a flat discriminator
    together = Ensemble(Recipe(**SMALL, **steep), RING, seeds=seeds, **{name: values})
    together.train(10)
    for k, (seed, value) in enumerate(zip(seeds, values, strict=True)):
        alone = Ensemble(Recipe(**SMALL, **steep, **{name: value}), RING, seeds=[seed])
        alone.train(10)
        assert torch.allclose(weights(together, k), weights(alone), atol=1e-5), f"member {k}"
        assert torch.allclose(together.sample(5)[k], alone.sample(5)[0], atol=1e-4)
    one, other = together.sample(5)[[1, 3]]
    assert not torch.allclose(one, other, atol=1e-4), "one seed, two settings"


def test_calls_can_be_cut_anywhere():
    whole, cut = (Ensemble(Recipe(**SMALL, loss="relativistic"), RING, seeds=[0, 1], d_steps=[1, 2]) for _ in "ab")
    trace = whole.train(70)  # crosses two blocks of random numbers
    parts = [cut.train(n) for n in (1, 30, 2, 37)]
    assert torch.equal(whole._generator.weights, cut._generator.weights)
    assert torch.equal(whole._discriminator.weights, cut._discriminator.weights)
    assert torch.equal(trace.d_loss, torch.cat([part.d_loss for part in parts]))
    assert whole.steps_done == cut.steps_done == 70


def test_looking_changes_nothing():
    looked, blind = (Ensemble(Recipe(**SMALL, spectral_norm=True, average=0.9), RING, seeds=[0, 1]) for _ in "ab")
    torch.manual_seed(0)
    for _ in range(3):
        looked.train(2)
        looked.sample(10)
        looked.logits(torch.randn(4, 2))
        looked.member(0)
        looked.state_dict()
        torch.randn(5)
    blind.train(6)
    assert torch.equal(looked._generator.weights, blind._generator.weights)
    assert torch.equal(looked._discriminator.weights, blind._discriminator.weights)


def test_global_random_state_is_left_alone():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    Ensemble(Recipe(**SMALL), RING, seeds=[0]).train(2)
    assert torch.equal(torch.get_rng_state(), before)


def test_real_batches_are_the_target_and_differ_between_purposes():
    ensemble = Ensemble(Recipe(hidden=8, batch_size=512), toy.gaussian([3.0, -1.0], 0.5), seeds=[0, 1])
    batches = [
        ensemble._draws(ensemble.steps_done, "real", player, update, None)
        for player in ("generator", "discriminator")
        for update in (0, 1)
    ]
    ensemble.steps_done = 1
    batches.append(ensemble._draws(ensemble.steps_done, "real", "generator", 0, None))
    ensemble.steps_done = 32
    batches.append(ensemble._draws(ensemble.steps_done, "real", "generator", 0, None))
    everything = [batch[k] for batch in batches for k in range(2)]
    for i, batch in enumerate(everything):
        assert torch.allclose(batch.mean(0), torch.tensor([3.0, -1.0]), atol=0.1)
        assert torch.allclose(batch.std(0), torch.tensor([0.5, 0.5]), atol=0.07)
        assert all(not torch.equal(batch, other) for other in everything[:i])


# ---------------------------------------------------------------- divergence


def test_a_diverging_member_is_reported_and_the_others_never_notice():
    recipe = Recipe(**SMALL, optimiser="sgd", beta1=0.0, loss="wasserstein")
    calm = Ensemble(recipe, RING, seeds=[0, 1, 2], lr_d=0.01, lr_g=0.01)
    mixed = Ensemble(recipe, RING, seeds=[0, 1, 2], lr_d=[0.01, 1e6, 0.01], lr_g=[0.01, 1e6, 0.01])
    calm.train(30)
    traces = [mixed.train(10) for _ in range(3)]
    for k in (0, 2):
        assert torch.equal(weights(calm, k), weights(mixed, k))
    (report,) = mixed.diverged
    assert calm.diverged == ()
    assert report.member == 1
    assert report.settings["lr_g"] == 1e6 and report.settings["seed"] == 1
    losses = torch.cat([trace.d_loss + trace.g_loss for trace in traces])[:, 1]
    assert int((~losses.isfinite()).nonzero()[0]) + 1 == report.step or report.step % 10 == 0
    assert f"member 1 diverged at step {report.step} (seed=1, loss=wasserstein, lr_g=1e+06" in str(report)
    assert mixed.sample(5)[0].isfinite().all()


def test_divergence_in_the_last_update_is_seen_in_the_weights():
    ensemble = Ensemble(Recipe(**SMALL, optimiser="sgd", g_steps=1), RING, seeds=[0], lr_g=1e300)
    trace = ensemble.train(1)
    assert trace.g_loss.isfinite().all()
    assert [(report.member, report.step) for report in ensemble.diverged] == [(0, 1)]


def test_a_player_who_never_moved_has_not_diverged():
    ensemble = Ensemble(Recipe(**SMALL), RING, seeds=[0, 1], d_steps=[0, 1])
    trace = ensemble.train(3)
    assert ensemble.diverged == ()
    assert trace.d_loss[:, 0].isnan().all() and trace.d_loss[:, 1].isfinite().all()


# ---------------------------------------------------------------- settings while training


def test_settings_hold_from_the_next_step():
    ensemble = Ensemble(Recipe(**SMALL), RING, seeds=[0, 1])
    assert ensemble.lr_g.tolist() == [1e-3, 1e-3] and ensemble.loss == ["non_saturating"] * 2
    ensemble.train(3)
    ensemble.lr_g = [0.0, 1e-3]
    before = ensemble._generator.weights.clone()
    ensemble.train(3)
    assert torch.equal(ensemble._generator.weights[0], before[0])
    assert not torch.equal(ensemble._generator.weights[1], before[1])
    ensemble.d_steps = 0
    before = ensemble._discriminator.weights.clone()
    ensemble.train(2)
    assert torch.equal(ensemble._discriminator.weights, before)
    ensemble.g_steps, ensemble.d_steps = 0, 1
    before = ensemble._generator.weights.clone()
    ensemble.train(2)
    assert torch.equal(ensemble._generator.weights, before)
    ensemble.loss = ["hinge", "minimax"]
    assert ensemble.loss == ["hinge", "minimax"]


def test_a_refused_setting_changes_nothing():
    ensemble = Ensemble(Recipe(**SMALL), RING, seeds=[0, 1], label_smoothing=0.1)
    with pytest.raises(ValueError, match="lr_g must be a finite number of at least 0, got -1"):
        ensemble.lr_g = -1
    with pytest.raises(ValueError, match="label_smoothing needs a loss with labels"):
        ensemble.loss = "hinge"
    assert ensemble.lr_g.tolist() == [1e-3, 1e-3] and ensemble.loss == ["non_saturating"] * 2


def test_several_settings_change_together_or_not_at_all():
    ensemble = Ensemble(Recipe(**SMALL), RING, seeds=[0, 1])
    ensemble.set(lr_g=2e-3, loss=["hinge", "minimax"], r1=[0.0, 0.5])
    assert ensemble.lr_g.tolist() == [2e-3] * 2 and ensemble.r1.tolist() == [0.0, 0.5]
    with pytest.raises(ValueError, match="r2 must be a finite number of at least 0, got -1"):
        ensemble.set(lr_g=5e-3, r2=-1)
    assert ensemble.lr_g.tolist() == [2e-3] * 2
    for name in ("hidden", "init_scale_g", "train", "lrG"):
        with pytest.raises(TypeError, match=f"{name} cannot be changed while training; what can: loss, lr_g"):
            ensemble.set(**{name: 1})


def test_averaging_can_be_switched_on_late():
    ensemble = Ensemble(Recipe(**SMALL), RING, seeds=[0])
    ensemble.train(3)
    assert torch.equal(ensemble.sample(4), ensemble.sample(4, averaged=False))
    ensemble.average = 0.5
    start = ensemble._generator.weights.clone()
    ensemble.train(1)
    assert torch.allclose(ensemble._averaged, (start + ensemble._generator.weights) / 2, atol=1e-7)
    assert not torch.equal(ensemble.sample(4), ensemble.sample(4, averaged=False))


# ---------------------------------------------------------------- state


@pytest.mark.parametrize("settings", [{}, {"spectral_norm": True}, {"average": 0.9}, {"optimiser": "sgd"}])
def test_going_on_from_a_saved_state_is_going_on(settings):
    recipe = Recipe(**SMALL, **settings)
    straight = Ensemble(recipe, RING, seeds=[0, 1])
    straight.train(20)
    state = straight.state_dict()
    straight.train(20)
    resumed = Ensemble(recipe, RING, seeds=[0, 1])
    resumed.load_state_dict(state)
    resumed.train(20)
    assert torch.equal(resumed._generator.weights, straight._generator.weights)
    assert torch.equal(resumed.sample(5), straight.sample(5))
    assert resumed.steps_done == 40
    again = Ensemble(recipe, RING, seeds=[0, 1])
    again.load_state_dict(state)  # training on did not change the saved state
    assert again.steps_done == 20


def test_a_state_of_other_networks_is_refused():
    state = Ensemble(Recipe(**SMALL), RING, seeds=[0]).state_dict()
    with pytest.raises(ValueError, match=r"state\['generator.weights'\] must have shape \(1, .* other networks"):
        Ensemble(Recipe(hidden=9), RING, seeds=[0]).load_state_dict(state)
    state.pop("g_loss")
    with pytest.raises(ValueError, match="state has the seeds 0, but this ensemble 1"):
        Ensemble(Recipe(**SMALL), RING, seeds=[1]).load_state_dict(state)
    with pytest.raises(ValueError, match="state lacks 'g_loss'"):
        Ensemble(Recipe(**SMALL), RING, seeds=[0]).load_state_dict(state)


# ---------------------------------------------------------------- looking


def test_samples_logits_and_modules_agree():
    for features in (None, FourierFeatures(count=3)):
        ensemble = Ensemble(Recipe(**SMALL, features=features), RING, seeds=[0, 1, 2])
        ensemble.train(3)
        z, points = torch.randn(6, 2), torch.randn(5, 2)
        for k in range(3):
            generator, discriminator = ensemble.member(k)
            assert torch.allclose(ensemble.generate(z)[k], generator(z), atol=1e-6)
            assert torch.allclose(ensemble.logits(points)[k], discriminator(points), atol=1e-6)
        own = torch.randn(3, 5, 2)
        assert torch.allclose(ensemble.logits(own)[2], ensemble.logits(own[2])[2], atol=1e-6)
        assert torch.equal(module_weights(ensemble.member(-1).generator), module_weights(ensemble.member(2).generator))


def test_a_member_is_a_copy():
    ensemble = Ensemble(Recipe(**SMALL), RING, seeds=[0])
    before = ensemble._generator.weights.clone()
    with torch.no_grad():
        next(ensemble.member(0).generator.parameters()).add_(1)
    assert torch.equal(ensemble._generator.weights, before)


def test_logits_can_be_differentiated_by_the_points():
    ensemble = Ensemble(Recipe(**SMALL), RING, seeds=[0])
    points = torch.randn(5, 2, requires_grad=True)
    (slope,) = torch.autograd.grad(ensemble.logits(points).sum(), points)
    assert slope.abs().sum() > 0
    assert not ensemble.logits(points.detach()).requires_grad


def test_samples_come_from_a_seed_of_their_own():
    ensemble = Ensemble(Recipe(**SMALL), RING, seeds=[0, 1])
    assert torch.equal(ensemble.sample(4), ensemble.sample(4))
    assert not torch.equal(ensemble.sample(4), ensemble.sample(4, seed=1))


def test_crossed():
    assert crossed(lr_g=[1, 2], lr_d=[3, 4, 5]) == {"lr_g": [1, 1, 1, 2, 2, 2], "lr_d": [3, 4, 5, 3, 4, 5]}
    with pytest.raises(ValueError, match="axes must hold at least one setting"):
        crossed(lr_g=[])
    with pytest.raises(ValueError, match="axes must hold at least one setting"):
        crossed()


# ---------------------------------------------------------------- it learns, and it can be stopped


def test_a_gan_learns_a_gaussian():
    recipe = Recipe(hidden=16, batch_size=64, lr_g=2e-3, lr_d=4e-3)
    ensemble = Ensemble(recipe, toy.gaussian([2.0, -1.0], 0.5), seeds=range(4))
    ensemble.train(400)
    points = ensemble.sample(1000)
    assert torch.allclose(points.mean(1), torch.tensor([2.0, -1.0]).expand(4, 2), atol=0.5)


def test_an_interrupt_after_the_last_step_loses_no_trace(monkeypatch):
    noted = Ensemble._note_divergence

    def interrupted(self, trace, first):
        signal.raise_signal(signal.SIGINT)
        noted(self, trace, first)

    monkeypatch.setattr(Ensemble, "_note_divergence", interrupted)
    gans = Ensemble(Recipe(**SMALL), RING, seeds=[0, 1])
    assert gans.train(3).d_loss.shape == (3, 2) and gans.steps_done == 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.skipif(not hasattr(signal, "raise_signal"), reason="needs signals")
def test_an_interrupt_ends_between_two_steps():
    recipe = Recipe(**SMALL)
    ensemble = Ensemble(recipe, RING, seeds=[0])
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    started = time.monotonic()
    timer.start()
    trace = ensemble.train(1_000_000)
    timer.join()
    assert time.monotonic() - started < 60
    assert 0 < ensemble.steps_done == len(trace.d_loss) < 1_000_000
    other = Ensemble(recipe, RING, seeds=[0])
    other.train(ensemble.steps_done)
    assert torch.equal(weights(other), weights(ensemble))


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"lr_g": -1e-3}, "lr_g must be a finite number of at least 0, got -0.001"),
        ({"lr_d": math.nan}, "lr_d must be a finite number of at least 0, got nan"),
        ({"lr_d": "1e-3"}, "lr_d must be a finite number of at least 0, got '1e-3'"),
        ({"d_steps": 1.5}, "d_steps must be a whole number of at least 0, got 1.5"),
        ({"g_steps": -1}, "g_steps must be a whole number of at least 0, got -1"),
        ({"loss": "vanilla"}, "loss must be one of minimax, non_saturating"),
        ({"beta1": 1.0}, "beta1 must be between -1 and 1, got 1.0"),
        ({"beta1": -0.5}, "beta1 must be at least 0 for Adam, got -0.5; negative momentum needs optimiser='sgd'"),
        ({"average": 1.0}, "average must be from 0 to below 1, got 1.0"),
        ({"r1": -1}, "r1 must be a finite number of at least 0, got -1"),
        ({"instance_noise": -0.1}, "instance_noise must be a finite number of at least 0"),
        ({"label_smoothing": 0.5}, "label_smoothing must be from 0 to below 0.5, got 0.5"),
        ({"init_scale_g": 0}, "init_scale_g must be a finite number above 0, got 0"),
    ],
)
def test_bad_settings_are_refused_by_name(settings, words):
    with pytest.raises(ValueError, match=words):
        Recipe(**settings)
    (name, value) = next(iter(settings.items()))
    with pytest.raises(ValueError, match=words):
        Ensemble(Recipe(), RING, seeds=[0, 1], **{name: value})
    good = "hinge" if name == "loss" else 1 if name.endswith("steps") else 0.25
    with pytest.raises(ValueError, match=words):
        Ensemble(Recipe(), RING, seeds=[0, 1], **{name: [good, value]})


@pytest.mark.parametrize(
    "settings, error, words",
    [
        ({"hidden": 0}, ValueError, "hidden must be a whole number of at least 1, got 0"),
        ({"batch_size": 1.0}, ValueError, "batch_size must be a whole number of at least 1, got 1.0"),
        ({"depth": -1}, ValueError, "depth must be a whole number of at least 0"),
        ({"d_hidden": 0}, ValueError, "d_hidden must be a whole number of at least 1"),
        ({"decay_steps": 0}, ValueError, "decay_steps must be a whole number of at least 1"),
        ({"optimiser": "lbfgs"}, ValueError, "optimiser must be 'adam' or 'sgd', got 'lbfgs'"),
        ({"beta2": 1.0}, ValueError, "beta2 must be from 0 to below 1"),
        ({"features": torch.sin}, TypeError, "features must come from models.features, or be None"),
        ({"label_smoothing": 0.1, "loss": "hinge"}, ValueError, "label_smoothing needs a loss with labels"),
        ({"features": Packing(3)}, ValueError, "points must hold a multiple of 3 rows to be packed, got 64"),
        ({"features": FourierFeatures(dim=1)}, ValueError, "were made for points of dim 1, got 2"),
    ],
)
def test_bad_recipes_are_refused(settings, error, words):
    with pytest.raises(error, match=words):
        Ensemble(Recipe(**settings), RING, seeds=[0]).train(1)


def test_mismatched_lengths_and_other_bad_arguments():
    with pytest.raises(ValueError, match="lr_g must be one value or one per member, 2, got 3"):
        Ensemble(Recipe(), RING, seeds=[0, 1], lr_g=[1e-3] * 3)
    with pytest.raises(ValueError, match="loss must be one value or one per member, 2, got 1"):
        Ensemble(Recipe(), RING, seeds=[0, 1], loss=["hinge"])
    with pytest.raises(TypeError, match="hidden cannot be set per member: it is common to all members"):
        Ensemble(Recipe(), RING, seeds=[0, 1], hidden=[8, 16])
    with pytest.raises(TypeError, match="lrG cannot be set per member: there is no such setting"):
        Ensemble(Recipe(), RING, seeds=[0], lrG=1e-3)
    with pytest.raises(ValueError, match="seeds must be a sequence with one seed per member"):
        Ensemble(Recipe(), RING, seeds=10)
    with pytest.raises(ValueError, match="seeds must be a sequence"):
        Ensemble(Recipe(), RING, seeds=[])
    with pytest.raises(ValueError, match="seed must be a whole number"):
        Ensemble(Recipe(), RING, seeds=[0.5])
    with pytest.raises(TypeError, match="target must be a distribution of data.toy, got Tensor"):
        Ensemble(Recipe(), torch.zeros(3, 2), seeds=[0])
    with pytest.raises(TypeError, match="recipe must be a Recipe, got dict"):
        Ensemble({}, RING, seeds=[0])
    ensemble = Ensemble(Recipe(**SMALL), RING, seeds=[0, 1])
    for bad in (0, 1.5, True):
        with pytest.raises(ValueError, match="num_steps must be a whole number of at least 1"):
            ensemble.train(bad)
    with pytest.raises(ValueError, match=r"latents must have shape \(N, 2\), or \(2, N, 2\), got \(4, 3\)"):
        ensemble.generate(torch.zeros(4, 3))
    with pytest.raises(TypeError, match=r"points must be a float32 tensor of shape \(N, 2\), got torch.float64"):
        ensemble.logits(torch.zeros(4, 2).double())
    with pytest.raises(IndexError, match="k must be a member's number from 0 to 1, got 2"):
        ensemble.member(2)


def test_rates_that_change_on_the_way_draw_nothing_anew(monkeypatch):
    """Random numbers are drawn for 32 steps at once; only a change of who moves may throw them away."""
    drawn = []
    block = randomness.Draws._block
    monkeypatch.setattr(randomness.Draws, "_block", lambda self, *which: drawn.append(which) or block(self, *which))
    ensemble = Ensemble(Recipe(hidden=8), RING, seeds=[1, 2])
    ensemble.train(1)
    once = len(drawn)
    for step in range(5):
        ensemble.set(lr_g=1e-3 * step, r1=0.1 * (step % 2))
        ensemble.train(1)
    assert len(drawn) == once
    ensemble.set(d_steps=[1, 2])
    ensemble.train(1)
    assert len(drawn) > once
