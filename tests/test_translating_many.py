"""StarGAN's loop moves each player by its own loss, and the network learns where it is told to go."""

import pytest
import torch
import torch.nn.functional as F

from gancourse import runtime, translating_many
from gancourse.data import domains
from gancourse.translating_many import Recipe

PAPERS = [lambda images, paper=paper: domains.coloured(images, paper) for paper in range(3)]


def strokes(count=80, side=16, seed=0):
    rows = torch.randint(side, (count,), generator=runtime.generator(seed))
    made = torch.full((count, 1, side, side), -1.0)
    made[torch.arange(count), 0, rows] = 1
    return made


def watched(monkeypatch):
    """Keep what every optimiser was given: players in the order in which they were made, and their gradients."""
    seen = []
    adam = translating_many.adam

    def made(rate, *players):
        optimizer = adam(rate, *players)
        optimizer.register_step_pre_hook(
            lambda *_: seen.append((players[0], [weight.grad.clone() for weight in players[0].parameters()]))
        )
        return optimizer

    monkeypatch.setattr(translating_many, "adam", made)
    return seen


@pytest.mark.parametrize(
    "recipe",
    [Recipe(num_steps=1), Recipe(0.5, 2.0, 3.0, gamma=0.4, num_steps=1), Recipe(reconstruction=0.0, num_steps=1)],
)
def test_the_first_step_by_hand(recipe, monkeypatch):
    digits = strokes()
    seen = watched(monkeypatch)
    translating_many.train(digits, PAPERS, recipe, seed=4)
    (discriminator, d_gradients), (translator, g_gradients) = seen

    with runtime.seeded(4):
        first = translating_many.Translator(3, 3, domains=3)
        judge = translating_many.conditional.Discriminator(3, "classifier", image_size=16, channels=3)
    have, want = torch.randint(3, (2, 16), generator=runtime.generator(5))
    shown = next(translating_many.batches.stream(digits, 16, runtime.generator(6)))
    real = torch.stack([domains.coloured(image[None], int(k))[0] for image, k in zip(shown, have, strict=True)])
    real.requires_grad_()
    fake = first(real.detach(), want)
    reading = judge.read(real)
    (slope,) = torch.autograd.grad(reading.logits.sum(), real, create_graph=True)
    d_loss = F.softplus(-reading.logits).mean() + F.softplus(judge(fake.detach())).mean()
    d_loss = d_loss + recipe.gamma / 2 * slope.flatten(1).square().sum(1).mean()
    d_loss = d_loss + F.cross_entropy(reading.classes, have)
    for ours, theirs in zip(torch.autograd.grad(d_loss, list(judge.parameters())[:-2]), d_gradients, strict=False):
        assert torch.allclose(ours, theirs, atol=1e-5)

    reading = discriminator.read(fake)  # it has moved
    g_loss = recipe.adversarial * F.softplus(-reading.logits).mean()
    g_loss = g_loss + recipe.classification * F.cross_entropy(reading.classes, want)
    if recipe.reconstruction:
        g_loss = g_loss + recipe.reconstruction * (first(fake, have) - real.detach()).abs().mean()
    for ours, theirs in zip(torch.autograd.grad(g_loss, list(first.parameters())), g_gradients, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)
    assert isinstance(translator, translating_many.Translator)


def test_it_paints_the_paper_it_is_told_to():
    digits = strokes(200)
    network = translating_many.train(digits, PAPERS, Recipe(num_steps=150, rate=4e-3), seed=0)
    assert not network.training and not any(weight.requires_grad for weight in network.parameters())
    asked = strokes(30, seed=9)
    right = []
    for have, want in ((0, 1), (1, 2), (2, 0)):
        made = network(domains.coloured(asked, have), torch.full((30,), want))
        answers = torch.stack([domains.coloured(asked, paper) for paper in range(3)])
        nearest = (answers - made).abs().flatten(2).mean(2).argmin(0)
        right.append(float((nearest == want).float().mean()))
    assert min(right) > 0.9
    again = translating_many.train(digits, PAPERS, Recipe(num_steps=3), seed=1)
    twin = translating_many.train(digits, PAPERS, Recipe(num_steps=3), seed=1)
    told = torch.zeros(30).long()
    assert torch.equal(again(domains.coloured(asked, 1), told), twin(domains.coloured(asked, 1), told))


def test_what_is_refused():
    with pytest.raises(ValueError, match="maps must be a whole number from 2 on"):
        translating_many.train(strokes(), PAPERS[:1], Recipe(), seed=0)
    for name in ("adversarial", "classification", "reconstruction", "gamma", "rate"):
        with pytest.raises(ValueError, match=f"{name} must be a finite number, at least 0"):
            Recipe(**{name: -1.0})
    with pytest.raises(ValueError, match="num_steps must be a whole number from 1 on"):
        Recipe(num_steps=0)
