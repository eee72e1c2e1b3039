"""CycleGAN's step adds the terms that the recipe names, and each player moves by its own loss alone."""

import copy
import dataclasses

import pytest
import torch
import torch.nn.functional as F

from gancourse import runtime, training, translating
from gancourse.data.domains import Unpaired
from gancourse.translating import Recipe


def bars(count=64, channels=1, side=16, seed=0):
    """Bright bars on black; every channel at another brightness."""
    rows = torch.randint(side, (count,), generator=runtime.generator(seed))
    made = torch.full((count, channels, side, side), -0.8)
    for channel in range(channels):
        made[torch.arange(count), channel, rows] = 0.8 - 0.4 * channel
    return made


def parts_of(recipe, seed=5, **settings):
    parts = translating.build(recipe, image_size=16, seed=seed, **settings)
    with runtime.seeded(seed), torch.no_grad():
        for network in (parts.to_b, parts.to_a):  # away from the copy, where half of the gradients are 0
            for weight in network.parameters():
                weight.add_(0.1 * torch.randn_like(weight))
    return parts


def terms_by_hand(parts, a, b, *, noise=0.0, drawn=None, detached=False):
    fake_b, fake_a = parts.to_b(a), parts.to_a(b)
    sent_b, sent_a = (fake_b.detach(), fake_a.detach()) if detached else (fake_b, fake_a)
    seen = sent_b if drawn is None else sent_b + noise * drawn
    same = (0.0, 0.0) if a.shape != b.shape else (parts.to_b(b) - b, parts.to_a(a) - a)
    return {
        "adversarial": F.softplus(-parts.d_b(fake_b)).mean() + F.softplus(-parts.d_a(fake_a)).mean(),
        "from a": (parts.to_a(seen) - a).abs().mean(),
        "from b": (parts.to_b(sent_a) - b).abs().mean(),
        "identity": sum(torch.as_tensor(gap).abs().mean() for gap in same),
    }


def d_loss_by_hand(parts, a, b, gamma):
    loss, plain = 0, 0
    for network, real, fake in ((parts.d_a, a, parts.to_a(b)), (parts.d_b, b, parts.to_b(a))):
        real = real.clone().requires_grad_()
        logits = network(real)
        (slope,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
        ours = F.softplus(-logits).mean() + F.softplus(network(fake.detach())).mean()
        loss = loss + ours + gamma / 2 * slope.flatten(1).square().sum(1).mean()
        plain = plain + ours
    return loss, plain


ARMS = [
    (Recipe(), {"adversarial": 1, "from a": 5, "from b": 5}),
    (Recipe(cycle=0.0), {"adversarial": 1}),
    (Recipe(cycle=2.0, identity=1.5), {"adversarial": 1, "from a": 2, "from b": 2, "identity": 1.5}),
    (Recipe(both_ways=False), {"adversarial": 1, "from b": 5}),
    (Recipe(noise=0.3, gamma=0.1), {"adversarial": 1, "from a": 5, "from b": 5}),
    (Recipe(detached=True), {"adversarial": 1, "from a": 5, "from b": 5}),
    (Recipe(cycle=20.0, cycle_end=2.0), {"adversarial": 1, "from a": 20, "from b": 20}),
]


@pytest.mark.parametrize("recipe, weights", ARMS)
def test_the_translators_move_by_the_sum_of_the_terms(recipe, weights):
    """The first step of Adam moves each weight by its rate against the sign of its gradient."""
    a, b = bars(6, seed=1), bars(6, seed=2).transpose(2, 3).contiguous()
    parts = parts_of(recipe)
    before = copy.deepcopy(parts)
    says = translating.make_step(parts, recipe, runtime.generator(7))((a, b))
    after = dataclasses.replace(before, d_a=parts.d_a, d_b=parts.d_b)  # they have just moved
    drawn = torch.randn(b.shape, generator=runtime.generator(7)) if recipe.noise else None
    terms = terms_by_hand(after, a, b, noise=recipe.noise, drawn=drawn, detached=recipe.detached)
    loss = sum(weight * terms[name] for name, weight in weights.items())
    assert float(says["g_loss"]) == pytest.approx(loss.item(), rel=1e-4)
    cycle = sum(terms[name].item() for name in weights if name.startswith("from"))
    assert float(says["cycle_loss"]) == pytest.approx(cycle, rel=1e-4, abs=1e-9)
    networks = [(before.to_b, parts.to_b), (before.to_a, parts.to_a)]
    old = [weight for network, _ in networks for weight in network.parameters()]
    new = [weight for _, network in networks for weight in network.parameters()]
    for start, end, gradient in zip(old, new, torch.autograd.grad(loss, old), strict=True):
        large = gradient.abs() > 1e-4
        assert large.any() and torch.allclose((end - start)[large], -2e-3 * gradient.sign()[large], atol=2e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.3])
def test_the_discriminators_move_by_their_loss_and_r1_alone(gamma):
    recipe, a, b = Recipe(gamma=gamma), bars(6, seed=1), bars(6, seed=2)
    parts = parts_of(recipe)
    before = copy.deepcopy(parts)
    says = translating.make_step(parts, recipe, runtime.generator(7))((a, b))
    loss, _ = d_loss_by_hand(before, a, b, gamma)
    assert float(says["d_loss"]) == pytest.approx(loss.item(), rel=1e-4)
    old = [*before.d_a.parameters(), *before.d_b.parameters()]
    new = [*parts.d_a.parameters(), *parts.d_b.parameters()]
    for start, end, gradient in zip(old, new, torch.autograd.grad(loss, old), strict=True):
        large = gradient.abs() > 1e-4
        assert torch.allclose((end - start)[large], -2e-3 * gradient.sign()[large], atol=2e-5)
    assert not a.requires_grad and not b.requires_grad


def test_domains_of_different_channels():
    recipe, a, b = Recipe(), bars(6, 3), bars(6)
    parts = parts_of(recipe, channels_a=3)
    assert parts.to_b(a).shape == b.shape and parts.to_a(b).shape == a.shape
    says = translating.make_step(parts, recipe, runtime.generator(0))((a, b))
    assert all(torch.isfinite(value) for value in says.values())
    with pytest.raises(ValueError, match="an identity loss needs domains of equal channels, got 3 and 1"):
        translating.build(Recipe(identity=1.0), channels_a=3, image_size=16, seed=0)


def test_the_weight_of_the_cycle_falls_by_equal_factors_between_the_quarters():
    recipe = Recipe(cycle=16.0, cycle_end=1.0, num_steps=400)
    at = [recipe.cycle_at(step) for step in (0, 100, 150, 200, 250, 300, 399)]
    assert at == pytest.approx([16, 16, 8, 4, 2, 1, 1])
    assert Recipe(cycle=3.0).cycle_at(399) == 3


def test_rates_stay_for_half_a_run_and_then_fall_to_nothing():
    recipe = Recipe(num_steps=8, rate=4e-3)
    parts = parts_of(recipe)
    step = translating.make_step(parts, recipe, runtime.generator(0))
    rates = []
    for _ in range(8):
        rates.append([one.param_groups[0]["lr"] for one in (parts.g_optimizer, parts.d_optimizer)])
        step((bars(4), bars(4, seed=1)))
    assert [g for g, _ in rates] == pytest.approx([4e-3] * 5 + [3e-3, 2e-3, 1e-3]) and rates == [
        [g, g] for g, _ in rates
    ]
    assert parts.g_optimizer.param_groups[0]["lr"] == 0


def test_the_buffer_shows_old_fakes_in_place_of_half_of_the_new_ones():
    old = translating._Buffer(8, runtime.generator(0))
    first = torch.arange(8.0)
    assert torch.equal(old(first[:4]), first[:4]) and torch.equal(old(first[4:]), first[4:])
    shares, earlier = [], first
    for batch in range(1, 200):
        new = torch.arange(4.0) + 100 * batch
        shown = old(new)
        aged = shown != new
        assert torch.isin(shown[aged], earlier).all()  # shown before, or kept at least
        assert torch.isin(new[aged], old.kept).all() and len(old.kept) == 8
        shares.append(float(aged.float().mean()))
        earlier = old.kept.clone()
    assert sum(shares) / len(shares) == pytest.approx(0.5, abs=0.08)
    none = translating._Buffer(0, runtime.generator(0))
    assert none(first) is first


def test_without_old_fakes_the_buffer_changes_nothing_in_the_first_step():
    a, b = bars(6, seed=1), bars(6, seed=2)
    says = [
        translating.make_step(parts_of(recipe), recipe, runtime.generator(7))((a, b))
        for recipe in (Recipe(), Recipe(buffer=20))
    ]
    assert float(says[0]["d_loss"]) == float(says[1]["d_loss"])


def test_both_domains_come_in_orders_that_know_nothing_of_each_other():
    a = torch.arange(40.0).view(40, 1, 1, 1)
    pairs = translating.stream(a, a[:30], runtime.generator(3), batch_size=10)
    drawn = [next(pairs) for _ in range(3)]
    seen_a, seen_b = (torch.cat([pair[side].flatten() for pair in drawn]) for side in (0, 1))
    assert len(seen_b.unique()) == 30 and len(seen_a.unique()) == 30
    assert (seen_a == seen_b).sum() < 6


def test_train_is_the_loop_of_its_parts_and_depends_on_the_seed():
    data = Unpaired(bars(), bars(seed=1).transpose(2, 3), bars(4), bars(4), torch.zeros(4).long())
    recipe = Recipe(num_steps=4)
    made = translating.train(data, recipe, seed=9)
    parts = translating.build(recipe, image_size=16, seed=9)
    step = translating.make_step(parts, recipe, runtime.generator(10))
    history = training.train(step, translating.stream(data.a, data.b, runtime.generator(11)), num_steps=4)
    assert set(history.terms) == {"g_loss", "d_loss", "cycle_loss"}
    for ours, theirs in zip(made, (parts.to_b, parts.to_a), strict=True):
        assert torch.equal(ours(data.test_a), theirs(data.test_a))
        assert not ours.training and not any(weight.requires_grad for weight in ours.parameters())
    other = translating.train(data, recipe, seed=8)
    assert not torch.equal(other.to_b(data.test_a), made.to_b(data.test_a))


def test_the_cycle_closes_with_training_and_stays_open_without_it():
    """The second domain is the first at half its contrast: near enough for forty steps."""
    asked = bars(40, seed=2)
    data = Unpaired(bars(200), 0.5 * bars(200, seed=1), asked, 0.5 * asked, torch.zeros(40).long())
    gaps = {}
    for cycle in (5.0, 0.0):
        made = translating.train(data, Recipe(cycle=cycle, num_steps=40, rate=5e-3), seed=0)
        gaps[cycle] = translating.cycles(made, data.test_a, data.test_b)
    assert max(gaps[5.0]) < 0.4 * min(gaps[0.0])
    to_b, to_a = made
    assert gaps[0.0][0] == pytest.approx(float((to_a(to_b(data.test_a)) - data.test_a).abs().mean()))
    assert gaps[0.0][1] == pytest.approx(float((to_b(to_a(data.test_b)) - data.test_b).abs().mean()))


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"cycle": -1}, "cycle must be a finite number, at least 0"),
        ({"identity": None}, "identity must be"),
        ({"noise": -0.1}, "noise must be"),
        ({"cycle": 0.0, "cycle_end": 1.0}, "cycle and cycle_end must be above 0 for a weight that falls"),
        ({"cycle_end": 0.0}, "cycle and cycle_end must be above 0"),
        ({"cycle_end": -1.0}, "cycle_end must be"),
        ({"buffer": 1.5}, "buffer must be a whole number from 0 on"),
        ({"num_steps": 0}, "num_steps must be a whole number from 1 on"),
    ],
)  # fmt: skip
def test_other_recipes_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Recipe(**settings)
