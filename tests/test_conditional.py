"""gancourse.conditional: the step against one written out here, and what it is for."""

import copy

import pytest
import torch
import torch.nn.functional as F

from gancourse import conditional, recommended, runtime, training
from gancourse.data import batches
from gancourse.models.conditional import KINDS

SIZES = {"image_size": 16, "classes": 3, "latent_dim": 6, "width": 2}


def made(kind="projection", *, seed=0, steps=8, **more):
    return conditional.build(kind, num_steps=steps, seed=seed, **SIZES, **more)


def real(n=10):
    g = runtime.generator(5)
    return torch.rand(n, 1, 16, 16, generator=g) * 2 - 1, torch.randint(3, (n,), generator=g)


def by_hand(parts, batch, z, asked, *, on):
    """D's loss, its guesses, and all that D is to make small, term by term, without the shared passes of the step."""
    G, D = copy.deepcopy(parts.generator), parts.discriminator
    images, labels = batch
    images = images.clone().requires_grad_()
    fake = G(z, asked).detach()
    real_logits, fake_logits = D(images, labels), D(fake, asked)
    d_loss = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    (slope,) = torch.autograd.grad(real_logits.sum(), images, create_graph=True)
    whole = d_loss + 8 * 0.15 * slope.square().sum((1, 2, 3)).mean()  # the first step has R1, eight times as strong
    d_class = torch.zeros(())
    if D.kind == "classifier":
        codes = z[:, 6 - D.codes :]
        guess = F.cross_entropy(D.classify(fake), asked)
        if D.codes:
            guess = guess + 0.3 * (D.read(fake).codes - codes).square().mean()
        known = F.cross_entropy(D.classify(images), labels)
        d_class = {"both": known + guess, "real": known, "fake": guess}[on]
        whole = whole + d_class
    return d_loss, d_class, whole


@pytest.mark.parametrize(
    ("kind", "on", "codes"), [*((k, "both", 0) for k in KINDS), *(("classifier", on, 2) for on in ("real", "fake"))]
)
def test_the_step_moves_both_players_by_the_terms_written_out(kind, on, codes):
    parts = made(kind, codes=codes)
    for optimizer in (parts.d_optimizer, parts.g_optimizer):  # plain descent: a move is minus the gradient
        optimizer.param_groups[0]["lr"] = 0.0
    batch, (z, asked) = real(), conditional.latents(parts, runtime.generator(1))(10)
    d_loss, d_class, whole = by_hand(parts, batch, z, asked, on=on)
    expected_d = torch.autograd.grad(whole, list(parts.discriminator.parameters()), allow_unused=True)
    fake = copy.deepcopy(parts.generator)
    images = fake(z, asked)
    g_loss = F.softplus(-parts.discriminator(images, asked)).mean()
    g_class = torch.zeros(())
    if kind == "classifier":
        reading = parts.discriminator.read(images)
        g_class = F.cross_entropy(reading.classes, asked)
        if codes:
            g_class = g_class + 0.3 * (reading.codes - z[:, 4:]).square().mean()
    expected_g = torch.autograd.grad(g_loss + 0.5 * g_class, list(fake.parameters()))

    kept = []
    parts.d_optimizer.register_step_pre_hook(
        lambda *_: kept.extend(p.grad if p.grad is None else p.grad.clone() for p in parts.discriminator.parameters())
    )
    numbers = conditional.make_step(parts, runtime.generator(1), weight=0.5, classifier_on=on)(batch)
    assert float(numbers["d_loss"]) == pytest.approx(d_loss.item(), rel=1e-5)
    assert float(numbers["g_loss"]) == pytest.approx(g_loss.item(), rel=1e-5)
    assert set(numbers) == {"d_loss", "g_loss"} | ({"d_class", "g_class"} if kind == "classifier" else set())
    if kind == "classifier":
        assert float(numbers["d_class"]) == pytest.approx(d_class.item(), rel=1e-5)
        assert float(numbers["g_class"]) == pytest.approx(g_class.item(), rel=1e-5)
    for found, expected in zip(kept, expected_d, strict=True):
        nothing = torch.zeros(())
        assert torch.allclose(nothing if expected is None else expected, nothing if found is None else found, atol=1e-5)
    for parameter, expected in zip(parts.generator.parameters(), expected_g, strict=True):
        assert torch.allclose(parameter.grad, expected, atol=1e-6)


def test_labels_of_real_images_are_not_looked_at_by_infogan():
    images, labels = real()
    ends = []
    for given in (labels, (labels + 1) % 3):
        parts = made("classifier", codes=2)
        step = conditional.make_step(parts, runtime.generator(1), classifier_on="fake")
        for _ in range(3):
            step((images.clone(), given))
        ends.append(torch.cat([p.detach().flatten() for p in parts.discriminator.parameters()]))
    assert torch.equal(*ends)


def test_codes_are_even_on_their_interval_and_the_rest_is_normal():
    draw = conditional.latents(made("classifier", codes=2), runtime.generator(0))
    z, asked = draw(20_000)
    codes = z[:, 4:]
    assert float(codes.abs().max()) <= 1
    assert codes.var(0).tolist() == pytest.approx([1 / 3, 1 / 3], rel=0.03)
    assert z[:, :4].var(0).tolist() == pytest.approx([1.0] * 4, rel=0.05)
    assert torch.bincount(asked).tolist() == pytest.approx([20_000 / 3] * 3, rel=0.05)


def test_only_labels_among_those_given_are_asked_for():
    parts = made()
    _, asked = conditional.latents(parts, runtime.generator(0), among=torch.tensor([2, 0, 2]))(3_000)
    assert torch.bincount(asked, minlength=3).tolist() == pytest.approx([1_000, 0, 2_000], abs=100)
    halves = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    _, rows = conditional.latents(parts, runtime.generator(0), among=halves)(40)
    assert {tuple(row) for row in rows.tolist()} == {(0.5, 0.5, 0.0), (0.0, 0.0, 1.0)}
    step = conditional.make_step(parts, runtime.generator(1), among=halves)
    assert step(real())["d_loss"].item() > 0
    seen = []
    parts.discriminator.register_forward_hook(lambda module, arguments, out: seen.append(arguments[1]))
    step(real())
    assert seen[0].dtype == torch.int64 and all(
        set(map(tuple, s.tolist())) <= set(map(tuple, halves.tolist())) for s in seen[1:]
    )
    conditional.finish(parts, runtime.generator(2), among=halves)


def dots(n, generator):
    """Three kinds of images: a white square at a place that belongs to the label."""
    labels = torch.randint(3, (n,), generator=generator)
    images = torch.full((n, 1, 16, 16), -1.0)
    for place, label in enumerate(labels.tolist()):
        images[place, :, 6:10, 1 + 5 * label : 5 + 5 * label] = 1.0
    return images + 0.1 * torch.rand(images.shape, generator=generator), labels


def columns(images):
    """Return in which third of the image most of the ink is."""
    ink = (images[:, 0] + 1).sum(1)
    return torch.stack([ink[:, 1 + 5 * k : 5 + 5 * k].sum(1) for k in range(3)], 1).argmax(1)


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("projection", 0.95, 1.0), ("classifier", 0.95, 1.0), ("blind", 0.0, 0.8)]
)
def test_a_told_generator_puts_the_square_where_it_was_asked_to(kind, low, high):
    images, labels = dots(300, runtime.generator(0))
    sizes = SIZES | {"width": 4}
    parts = conditional.build(kind, num_steps=150, seed=0, **sizes)
    step = conditional.make_step(parts, runtime.generator(1))
    stream = batches.labelled(images, labels, 32, runtime.generator(2))
    training.train(step, stream, num_steps=150, progress=False)
    generator = conditional.finish(parts, runtime.generator(3))
    asked = torch.arange(90) % 3
    right = float((columns(conditional.ask(generator, asked, runtime.generator(4))) == asked).float().mean())
    assert low <= right <= high


def test_asking_in_pieces_gives_what_asking_once_gives(monkeypatch):
    parts = made()
    generator = conditional.finish(parts, runtime.generator(0))
    asked = torch.arange(7) % 3
    once = conditional.ask(generator, asked, runtime.generator(1))
    monkeypatch.setattr(conditional, "_PIECE", 3)
    z = torch.randn(7, 6, generator=runtime.generator(1))
    assert torch.allclose(conditional.ask(generator, asked, z=z), once, atol=1e-6)
    assert not generator.training and not once.requires_grad
    for arguments in ({}, {"noise": runtime.generator(1), "z": z}):
        with pytest.raises(TypeError, match="give either noise, which draws z, or z itself"):
            conditional.ask(generator, asked, **arguments)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="classifier_on must be one of both, real, fake, got 'none'"):
        conditional.make_step(made(), runtime.generator(0), classifier_on="none")
    with pytest.raises(ValueError, match="weight must be a finite number, at least 0.0, got -1"):
        conditional.make_step(made(), runtime.generator(0), weight=-1)
    with pytest.raises(ValueError, match="codes must be at most latent_dim, 6, got 7"):
        made("classifier", codes=7)
    assert recommended.R1_EVERY == 8 and recommended.GAMMA == 0.3  # what by_hand takes for granted


def test_the_finished_average_has_statistics_of_its_own_latents():
    parts = made(codes=0)
    step = conditional.make_step(parts, runtime.generator(1))
    for _ in range(3):
        step(real())
    generator = conditional.finish(parts, runtime.generator(3))
    z, asked = conditional.latents(parts, runtime.generator(3))(4_000)
    first, norm = generator.network.dense[:2]
    assert torch.allclose(norm.running_mean, first(torch.cat([z, generator.code(asked)], 1)).mean(0), atol=1e-5)
    assert not torch.equal(norm.running_mean, parts.generator.network.dense[1].running_mean)


# ---------------------------------------------------------------- guidance by a slope


class Flat:
    """A generator that draws z itself, one pixel for each number: the slope of a score is then known."""

    def __call__(self, z, labels):
        return z.view(len(z), 1, 1, -1)


def towards(place):
    """Return the score -|x - place|^2 / 2, whose slope at x is place - x."""
    return lambda images, labels: -(images.flatten(1) - place[labels]).square().sum(dim=1) / 2


def test_uphill_goes_the_way_that_the_slope_says():
    place = torch.tensor([[3.0, 0.0], [0.0, -2.0]])
    z, labels = torch.randn(5, 2, generator=runtime.generator(0)), torch.tensor([0, 1, 0, 0, 1])
    for steps, size, pull in ((0, 0.3, 0.0), (1, 0.3, 0.0), (3, 0.1, 0.0), (4, 0.2, 1.0)):
        moved = conditional.uphill(Flat(), towards(place), labels, z, steps=steps, size=size, pull=pull)
        rest = place[labels] / (1 + pull)  # each step covers the share size * (1 + pull) of the way to it
        assert torch.allclose(moved, rest + (1 - size * (1 + pull)) ** steps * (z - rest), atol=1e-6)
        assert not moved.requires_grad
    assert not z.requires_grad


def test_many_small_noisy_steps_draw_from_the_density():
    z = torch.randn(4_000, 1, generator=runtime.generator(1))
    labels = torch.zeros(4_000, dtype=torch.int64)
    moved = conditional.uphill(
        Flat(), towards(torch.tensor([[4.0]])), labels, z, steps=200, size=0.02, pull=1.0, noise=runtime.generator(2)
    )
    assert float(moved.mean()) == pytest.approx(2, abs=0.06)  # N(0, 1) exp(-(z - 4)^2 / 2) is N(2, 1/2)
    assert float(moved.var()) == pytest.approx(0.5, abs=0.06)


def test_uphill_raises_what_d_says_and_leaves_the_weights():
    parts = made()
    generator = conditional.finish(parts, runtime.generator(3))
    before = copy.deepcopy(generator.state_dict())
    z, labels = torch.randn(600, 6, generator=runtime.generator(4)), torch.arange(600) % 3
    moved = conditional.uphill(generator, parts.discriminator, labels, z, steps=2, size=1e-3)
    logits = [parts.discriminator(conditional.ask(generator, labels, z=at), labels) for at in (z, moved)]
    assert float((logits[1] > logits[0]).double().mean()) > 0.95
    assert all(torch.equal(value, generator.state_dict()[key]) for key, value in before.items())
    assert all(weight.grad is None for weight in parts.discriminator.parameters())


@pytest.mark.parametrize("wrong", [{"steps": -1}, {"steps": 1.5}, {"size": -0.1}, {"size": float("nan")}, {"pull": -1}])
def test_uphill_refuses_numbers_that_are_none(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        conditional.uphill(
            Flat(), towards(torch.zeros(1, 2)), torch.zeros(1, dtype=torch.int64), torch.zeros(1, 2),
            **{"steps": 1, "size": 0.1} | wrong,
        )  # fmt: skip
