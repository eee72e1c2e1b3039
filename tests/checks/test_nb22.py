"""The checkers of notebook 22 accept what is right and say which mistake was made."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gancourse import flowing, losses
from gancourse.checks import nb22
from verdicts import accepts, matches, rejects, verdict

FUNCTIONS = [nb22.on_the_line, nb22.euler, nb22.paired_losses]


@pytest.mark.parametrize("checker", FUNCTIONS)
def test_stubs_and_nonsense(capsys, checker):
    assert "not attempted" in verdict(capsys, checker, ...)
    assert "not attempted" in verdict(capsys, checker, lambda *_: ...)
    rejects(capsys, checker, lambda *_: None, fragment="returned None")
    rejects(capsys, checker, lambda *_: 1 / 0, fragment="ZeroDivisionError")
    rejects(capsys, checker, lambda *_: "a flow", fragment="expected")
    rejects(capsys, checker, 3, fragment="a function was expected")


# ---------------------------------------------------------------- a line and its velocity


def test_the_line_accepts_other_spellings(capsys):
    accepts(capsys, nb22.on_the_line, lambda z, y, t: ((1 - t) * z + t * y, y - z), fragment="whatever t is")
    accepts(capsys, nb22.on_the_line, lambda noise, image, t: [noise + t * (image - noise), image - noise])
    accepts(capsys, nb22.on_the_line, lambda z, y, t: (torch.lerp(z, y, t), y - z))
    accepts(capsys, nb22.on_the_line, lambda z, y, t: (z.lerp(y, t), (y - z.lerp(y, t)) / (1 - t)))
    accepts(capsys, nb22.on_the_line, lambda z, y, t: torch.stack([(1 - t) * z + t * y, y - z]))
    accepts(capsys, nb22.on_the_line, lambda z, y, t: ((1 - t) * z.numpy() + t * y.numpy(), y.numpy() - z.numpy()))


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda z, y, t: (t * z + (1 - t) * y, y - z), "time is turned round in the point"),
        (lambda z, y, t: (t * z + (1 - t) * y, z - y), "walked the other way"),
        (lambda z, y, t: ((1 - t) * z + t * y, z - y), "points from the image to the noise"),
        (lambda z, y, t: (torch.lerp(z, y, t), y - torch.lerp(z, y, t)), "what is left of the way"),
        (lambda z, y, t: (torch.lerp(z, y, t), torch.lerp(z, y, t) - z), "the way that has been covered"),
        (lambda z, y, t: (torch.lerp(z, y, t), t * (y - z)), "the way that has been covered"),
        (lambda z, y, t: (torch.lerp(z, y, t), y), "and no velocity"),
        (lambda z, y, t: (torch.lerp(z, y, t), y + z), "and not their sum"),
        (lambda z, y, t: (z + t * y, y - z), "the noise stays whole"),
        (lambda z, y, t: (z + t * y, y), "The velocity follows from that"),
        (lambda z, y, t: ((1 - t) ** 0.5 * z + t**0.5 * y, y - z), "a bow, and no straight line"),
        (lambda z, y, t: (y - z, torch.lerp(z, y, t)), "in the other order"),
        (lambda z, y, t: torch.lerp(z, y, t), "two things, the point and the velocity, were expected"),
        (lambda z, y, t: (torch.lerp(z, y, t), 2 * (y - z)), "the point is right, the velocity not"),
        (lambda z, y, t: ((1 - t) * z + t * y, (y - z).mean()), "the shape should be (5,), but is ()"),
    ],
)
def test_the_line_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb22.on_the_line, function, fragment=fragment)


# ---------------------------------------------------------------- Euler's steps


def walk(move, count=None):
    """Make an answer of one step: move(guess, x, t, h, noise)."""

    def answer(guess, noise, steps):
        x = noise
        for k in range(steps if count is None else count(steps)):
            x = move(guess, x, k / steps, 1 / steps, noise)
        return x

    return answer


def test_the_right_walk_is_the_package_s():
    noise = torch.randn(7, generator=torch.Generator().manual_seed(1))
    mine = nb22._walk(nb22._two_points, noise, 5, nb22._euler_step)
    assert torch.allclose(mine, flowing.sample(nb22._two_points, noise, steps=5), atol=1e-5)
    exact = flowing.exact_guess(noise[:, None], torch.full((7,), 0.4), torch.tensor([[-1.0], [1.0]]))
    assert torch.allclose(nb22._two_points(noise, 0.4), exact[:, 0], atol=1e-6)
    wide = flowing.exact_guess(noise[:, None], torch.full((7,), 0.4), torch.tensor([[2.0]]), std=0.5)
    assert torch.allclose(nb22._wide(noise, 0.4), wide[:, 0], atol=1e-5)


def test_euler_accepts_other_spellings(capsys):
    accepts(capsys, nb22.euler, walk(lambda g, x, t, h, z: x + h * (g(x, t) - x) / (1 - t)), fragment="lands on")
    accepts(capsys, nb22.euler, lambda guess, noise, steps: flowing.sample(guess, noise, steps=steps))

    def with_times(guess, noise, steps):
        x, times = noise.clone(), torch.linspace(0, 1, steps + 1)
        for now, then in itertools.pairwise(times):
            x = x + (then - now) * (guess(x, now) - x) / (1 - now)
        return x

    accepts(capsys, nb22.euler, with_times)
    accepts(capsys, nb22.euler, walk(lambda g, x, t, h, z: x.lerp(g(x, t), h / (1 - t))))
    accepts(
        capsys,
        nb22.euler,
        walk(lambda g, x, t, h, z: x + h * flowing.velocity(g(x, t), x, torch.full((len(x),), t))),
    )


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (walk(lambda g, x, t, h, z: x + h * (g(x, t) - x)), "divided by the time that is left"),
        (walk(lambda g, x, t, h, z: x + h * (g(x, t) - x) * (1 - t)), "is multiplied by the time"),
        (walk(lambda g, x, t, h, z: x + (g(x, t) - x) / (1 - t)), "adds the whole velocity"),
        (walk(lambda g, x, t, h, z: g(x, t)), "jumps to the guess"),
        (walk(lambda g, x, t, h, z: x + h * (g(x, 0.0) - x) / (1 - t)), "asked at t = 0 in every step"),
        (walk(lambda g, x, t, h, z: x + h * (g(x, 0.0) - x)), "the time stays 0"),
        (walk(lambda g, x, t, h, z: x - h * (g(x, t) - x) / (1 - t)), "a sign is turned round"),
        (walk(lambda g, x, t, h, z: x + h * (g(x, t) - z)), "begins elsewhere"),
        (walk(lambda g, x, t, h, z: x + h * (g(z, t) - x) / (1 - t)), "asked about the noise in every step"),
        (walk(lambda g, x, t, h, z: x + h * (g(x, t) - z) / (1 - t)), "What way is left from x"),
        (walk(lambda g, x, t, h, z: x + h * g(x, t)), "where the line *ends*"),
        (walk(lambda g, x, t, h, z: x + h * (g(x, 1 - t - h) - x) / (1 - t)), "run backwards"),
        (walk(lambda g, x, t, h, z: x + h * (g(x, t + h / 2) - x) / (1 - t - h / 2)), "in the middle of each step"),
        (walk(lambda g, x, t, h, z: x + h * (g(x, t) - x) / (1 - t + h)), "too long by one step"),
        (walk(nb22._euler_step, count=lambda n: n - 1), "one step is missing"),
        (walk(lambda g, x, t, h, z: x + h * (g(x, t + h) - x) / (1 - t - h)), "divided by 0"),
        (walk(lambda g, x, t, h, z: x + h * (g(x, 1 - t) - x) / t), "divided by 0"),
        (lambda g, z, n: z, "is the result of a step kept"),
        (lambda g, z, n: [z] * n, "only the points at the end"),
        (lambda g, z, n: flowing.sample(g, z, steps=n, path=True), "the shape should be"),
        (lambda g, z, n: g(z, torch.zeros(3, 3)), "wants a time"),
    ],
)
def test_euler_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb22.euler, function, fragment=fragment)


# ---------------------------------------------------------------- losses of pairs


def both(d, g):
    return lambda real, fake: (d(real, fake), g(real, fake))


def d(r, f):
    return F.softplus(f - r).mean()


def g(r, f):
    return F.softplus(r - f).mean()


def test_losses_accept_other_spellings(capsys):
    accepts(capsys, nb22.paired_losses, both(d, g), fragment="only differences count")
    accepts(
        capsys,
        nb22.paired_losses,
        lambda real_logits, fake_logits: [
            d(real_logits, fake_logits),
            losses.relativistic_generator_loss(real_logits=real_logits, fake_logits=fake_logits),
        ],
    )
    accepts(capsys, nb22.paired_losses, both(lambda r, f: -F.logsigmoid(r - f).mean(), g))
    accepts(capsys, nb22.paired_losses, both(d, lambda r, f: torch.log1p(torch.exp(r.detach() - f)).mean()))


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (both(g, d), "the two losses are exchanged"),
        (both(d, d), "G's loss is D's"),
        (both(g, g), "D's loss is G's"),
        (both(d, lambda r, f: -d(r, f)), "minus D's"),
        (both(d, lambda r, f: F.softplus(-f).mean()), "does not look at the real logits"),
        (
            both(lambda r, f: (F.softplus(-r) + F.softplus(f)).mean(), lambda r, f: F.softplus(-f).mean()),
            "judged by itself",
        ),
        (
            both(lambda r, f: F.softplus(f.mean() - r).mean(), lambda r, f: F.softplus(r.mean() - f).mean()),
            "relativistic *average*",
        ),
        (
            both(lambda r, f: F.softplus(f.mean() - r.mean()), lambda r, f: F.softplus(r.mean() - f.mean())),
            "the means are compared",
        ),
        (both(lambda r, f: (f - r).mean(), lambda r, f: (r - f).mean()), "the softplus is missing"),
        (
            both(lambda r, f: -torch.sigmoid(r - f).mean(), lambda r, f: -torch.sigmoid(f - r).mean()),
            "these are probabilities",
        ),
        (both(lambda r, f: F.softplus(f - r).sum(), lambda r, f: F.softplus(r - f).sum()), "the pairs are summed"),
        (both(lambda r, f: F.relu(1 + f - r).mean(), lambda r, f: F.relu(1 + r - f).mean()), "a hinge"),
        (
            both(lambda r, f: F.softplus(f[:, None] - r).mean(), lambda r, f: F.softplus(r[:, None] - f).mean()),
            "every fake is compared with every real",
        ),
        (both(lambda r, f: F.softplus(f - r), lambda r, f: F.softplus(r - f)), "is a mean missing"),
        (lambda r, f: d(r, f), "two losses, D's and G's, were expected"),
        (both(d, lambda r, f: 3 * g(r, f)), "D's loss is right, G's loss not"),
        (both(lambda r, f: d(r, f.detach()), g), "no gradient comes back to fake_logits"),
        (both(d, lambda r, f: g(r, f.detach())), "no gradient comes back to fake_logits"),
        (both(lambda r, f: d(r, f).item(), g), "cut off from the graph"),
    ],
)
def test_losses_name_the_mistake(capsys, function, fragment):
    rejects(capsys, nb22.paired_losses, function, fragment=fragment)


def test_a_loss_of_numpy_is_cut_off(capsys):
    def in_numpy(r, f):
        r, f = r.detach().numpy(), f.detach().numpy()
        return np.log1p(np.exp(f - r)).mean(), np.log1p(np.exp(r - f)).mean()

    rejects(capsys, nb22.paired_losses, in_numpy, fragment="cut off from the graph")


# ---------------------------------------------------------------- what is wrong with whom


@pytest.mark.parametrize(
    ("checker", "right", "fragment"),
    [
        (nb22.races, nb22.RACES, "ask how it was made"),
        (nb22.broken_flows, nb22.BROKEN, "shows in a count"),
    ],
)
def test_words_are_matched(capsys, checker, right, fragment):
    matches(capsys, checker, right, fragment=fragment)


def test_every_letter_has_its_hint():
    assert set(nb22._RACE_HINTS) == set(nb22.RACES) and set(nb22._BROKEN_HINTS) == set(nb22.BROKEN)
