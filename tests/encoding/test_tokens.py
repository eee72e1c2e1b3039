"""The tokeniser's loss is the sum it says, the discriminator comes in when it should, and a prior learns its tokens."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F

from gancourse import runtime
from gancourse.data import digits
from gancourse.encoding import tokens
from gancourse.encoding.tokens import Recipe

SMALL = {"words": 12, "size": 4}


def images(count=8, seed=0):
    return 2 * torch.rand(count, 1, 16, 16, generator=runtime.generator(seed)) - 1


def built(recipe, seed=3):
    return tokens.build(recipe, image_size=16, seed=seed)


@pytest.mark.parametrize("adversarial, features", [(0.0, 0.0), (0.3, 0.0), (0.3, 0.7)])
def test_the_first_step_by_hand(adversarial, features):
    recipe = Recipe(**SMALL, adversarial=adversarial, features=features, num_steps=10)
    parts = built(recipe)
    network, judge = copy.deepcopy(parts.tokeniser), copy.deepcopy(parts.discriminator)
    says = tokens.make_step(parts, recipe, runtime.generator(7))(images())
    again, _, quantised = network(images())
    loss = 10 * (again - images()).square().mean() + quantised.loss
    assert float(says["pixel_loss"]) == pytest.approx(float((again - images()).detach().square().mean()), rel=1e-5)
    if adversarial:
        real = images().requires_grad_()
        logits = judge(real)
        (slopes,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
        d_loss = F.softplus(-logits).mean() + F.softplus(judge(again.detach())).mean()
        assert float(says["d_loss"]) == pytest.approx(float(d_loss.detach()), rel=1e-5)
        optimizer = torch.optim.Adam(judge.parameters(), 2e-3, (0.0, 0.99))
        (d_loss + 4 * 0.15 * slopes.square().sum((1, 2, 3)).mean()).backward()
        optimizer.step()
        loss = loss + adversarial * F.softplus(-judge(again)).mean()
        seen = [judge.layers[2](judge.layers[1](judge.layers[0](x))) for x in (again, images())]
        loss = loss + features * (F.leaky_relu(seen[0], 0.2) - F.leaky_relu(seen[1], 0.2)).square().mean()
    assert float(says["loss"]) == pytest.approx(float(loss.detach()), rel=1e-4)
    before = [weight.detach().clone() for weight in network.parameters()]
    loss.backward()
    for ours, theirs, first in zip(parts.tokeniser.parameters(), network.parameters(), before, strict=True):
        assert torch.allclose(ours.grad, theirs.grad, rtol=1e-3, atol=1e-6)
        moved = (ours - first).detach().abs()
        assert float(moved.max()) == pytest.approx(3e-3, rel=1e-2)  # Adam's first step


def test_the_discriminator_is_trained_silently_before_it_is_heard():
    """Of ten steps it is trained from the third on and heard from the sixth on."""
    recipe = Recipe(**SMALL, adversarial=0.3, starts_at=0.5, silent=0.3, num_steps=10)
    parts, alone = built(recipe), built(Recipe(**SMALL, num_steps=10))
    step = tokens.make_step(parts, recipe, runtime.generator(7))
    without = tokens.make_step(alone, Recipe(**SMALL, num_steps=10), runtime.generator(7))
    trained, heard = [], []
    for count in range(10):
        trained.append("d_loss" in step(images(seed=count)))
        without(images(seed=count))
        pairs = zip(parts.tokeniser.parameters(), alone.tokeniser.parameters(), strict=True)
        heard.append(not all(torch.equal(one, two) for one, two in pairs))
    assert trained == [False] * 2 + [True] * 8
    assert heard == [False] * 5 + [True] * 5
    assert parts.d_optimizer.param_groups[0]["lr"] > parts.optimizer.param_groups[0]["lr"]


def test_dead_words_are_restarted_in_training_and_stay_dead_without():
    for restart_after, alive in ((2, True), (None, False)):
        recipe = Recipe(words=40, size=4, restart_after=restart_after, num_steps=8)
        parts = built(recipe)
        step = tokens.make_step(parts, recipe, runtime.generator(7))
        restarts = sum(int(step(images(seed=count))["restarts"]) for count in range(8))
        assert (restarts > 0) == alive


def test_words_that_follow_means_are_no_weights():
    recipe = Recipe(**SMALL, follow=0.9, num_steps=4)
    parts = built(recipe)
    before = parts.tokeniser.codebook.book.clone()
    tokens.make_step(parts, recipe, runtime.generator(7))(images())
    assert not torch.equal(parts.tokeniser.codebook.book, before)
    assert sum(len(group["params"]) for group in parts.optimizer.param_groups) == len(
        [p for p in parts.tokeniser.parameters() if p.requires_grad]
    )


def test_digits_come_back_and_training_repeats_by_its_seed():
    data = digits.load("embedded", image_size=16)
    x = data.test_images
    one, two = (tokens.train(data.images, Recipe(num_steps=100), seed=4) for _ in range(2))
    told = tokens.token_sets(one, x)
    assert torch.equal(told, tokens.token_sets(two, x)) and told.shape == (355, 16)
    again = one.decode(told)
    mean = (x - data.images.mean(0)).square().mean()
    assert float((again - x).square().mean() / mean) < 0.8
    assert not one.training and not any(p.requires_grad for p in one.parameters())


def test_a_prior_learns_which_token_follows():
    """Rows 0 1 2 3, or 3 2 1 0, four times: after the first token of an image nothing is open."""
    rows = torch.tensor([[0, 1, 2, 3], [3, 2, 1, 0]])
    which = torch.randint(2, (600,), generator=runtime.generator(0))
    told = rows[which].repeat(1, 4)
    prior = tokens.train_prior(told, words=4, num_steps=60, seed=1)
    assert tokens.prior_bits(prior, told) == pytest.approx(1.0, abs=0.15)
    drawn = prior.sample(200, runtime.generator(2))
    right = (drawn.unsqueeze(1) == rows.repeat(1, 4)).all(2).any(1)
    assert float(right.float().mean()) > 0.9


def test_bits_of_a_prior_that_knows_nothing():
    with runtime.seeded(0):
        prior = tokens.Prior(8)
    prior.say.weight.data.zero_(), prior.say.bias.data.zero_()
    assert tokens.prior_bits(prior, torch.zeros(3, 16, dtype=torch.int64)) == pytest.approx(16 * math.log2(8))


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"words": 0}, "words must be a whole number from 1 on"),
        ({"adversarial": -1}, "adversarial must be a finite number"),
        ({"starts_at": 1.2}, "starts_at must be a finite number, from 0.0 to 1.0"),
        ({"starts_at": 0.2, "silent": 0.3}, "silent must be a finite number, from 0.0 to 0.2"),
        ({"features": 1.0}, "without an adversarial weight there is none"),
    ],
)
def test_other_recipes_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        Recipe(**settings)
