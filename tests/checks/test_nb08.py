"""The checkers of notebook 08 accept what is right and say which mistake was made."""

import math

import pytest
import torch

from gancourse.checks import nb08
from gancourse.checks.framework import ExerciseFailed
from verdicts import accepts, rejects, verdict


def programme(places, p, q, *, cost=torch.abs, right=lambda p, q: (q, p), halves=("leaves", "arrives")):
    n = len(places)
    route = torch.arange(n * n)
    half = {
        "leaves": (route // n == torch.arange(n)[:, None]).double(),
        "arrives": (route % n == torch.arange(n)[:, None]).double(),
    }
    costs = cost(places[:, None] - places[None, :]).flatten()
    return costs, torch.cat([half[name] for name in halves]), torch.cat(right(p, q))


def losses(real, fake):
    d_loss = fake.mean() - real.mean()
    return d_loss, -fake.mean(), -d_loss


def gradient(critic, points, of=torch.sum):
    points = points.detach().clone().requires_grad_()
    (found,) = torch.autograd.grad(of(critic(points)), points)
    return found


def steepest(critic, points):
    return gradient(critic, points).norm(dim=1).max()


RIGHT = {
    nb08.programme: programme,
    nb08.critic_losses: losses,
    nb08.steepest_slope: steepest,
}


@pytest.mark.parametrize("checker", RIGHT)
def test_right_answers_are_accepted(capsys, checker):
    accepts(capsys, checker, RIGHT[checker])


def test_other_right_answers_are_accepted(capsys):
    accepts(capsys, nb08.programme, lambda *given: [part.numpy() for part in programme(*given)])
    accepts(capsys, nb08.critic_losses, lambda r, f: [*losses(r, f)[:2], losses(r, f)[2].item()])
    swapped = lambda *given: programme(*given, right=lambda p, q: (p, q), halves=("arrives", "leaves"))  # noqa: E731
    accepts(capsys, nb08.programme, swapped)
    accepts(capsys, nb08.steepest_slope, lambda critic, x: float(steepest(critic, x)))


@pytest.mark.parametrize("checker", RIGHT)
def test_stubs_are_not_attempted_and_nonsense_never_raises(capsys, checker):
    stub = lambda *_: ...  # noqa: E731
    assert "not attempted" in verdict(capsys, checker, stub)
    assert "not attempted" in verdict(capsys, checker, ...)
    with pytest.raises(ExerciseFailed, match="not attempted"):
        checker(stub, strict=True)
    for nonsense in (
        None,
        3,
        "three",
        lambda: 1,
        lambda *_: None,
        lambda *_: "x",
        lambda *_: (1, "x", 2),
        lambda *_: 1 / 0,
        lambda *_: math.nan,
        lambda *_: (math.nan,) * 3,
        lambda *_: torch.zeros(3),
        lambda *_: [torch.zeros(9), torch.zeros(6, 9), torch.full((6,), math.nan)],
    ):
        assert "not yet" in verdict(capsys, checker, nonsense)


def with_table(*given):
    costs, rows, right = programme(*given)
    return costs.reshape(3, 3), rows, right


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda *g: programme(*g, cost=lambda gap: gap), "negative numbers"),
        (lambda *g: programme(*g, cost=lambda gap: -gap), "negative numbers"),
        (lambda *g: programme(*g, cost=torch.square), "the ways are squared"),
        (lambda *g: programme(*g, cost=torch.ones_like), "every route costs the same"),
        (lambda *g: programme(*g, cost=lambda gap: (gap != 0).double()), "how far"),
        (lambda *g: programme(*g, cost=lambda gap: 3 * gap.abs()), "A and b are right, costs not: it is 3 times"),
        (lambda *g: programme(*g, right=lambda p, q: (p, q)), "p and q have changed places"),
        (lambda *g: programme(*g, right=lambda p, q: (q, q)), "both halves of b are q"),
        (lambda *g: programme(*g, halves=("leaves", "leaves")), "both halves of A"),
        (lambda *g: programme(*g, halves=("arrives", "leaves")), "the halves of A have changed places"),
        (lambda *g: programme(*g, halves=("arrives", "arrives")), "both halves of A sum over what *arrives*"),
        (lambda *g: (programme(*g)[0], torch.zeros(6, 9), torch.zeros(6)), "for 4 places, but has (6, 9)"),
        (
            lambda *g: (*programme(*g)[:2], 0 * programme(*g)[2]),
            "costs and A are right, b not: you return nothing but 0",
        ),
        (lambda *g: (programme(*g)[0], programme(*g)[1].T, programme(*g)[2]), "A should have shape (6, 9)"),
        (lambda *g: programme(*g)[:2], "three things, costs, A and b, were expected, but got 2"),
        (with_table, "one number a route, in one row"),
    ],
)
def test_programmes(capsys, mutant, fragment):
    rejects(capsys, nb08.programme, mutant, fragment=fragment)


def changed(**parts):
    def mutant(real, fake):
        d_loss, g_loss, estimate = losses(real, fake)
        right = {"d": d_loss, "g": g_loss, "e": estimate}
        return tuple(parts[name](real, fake) if name in parts else right[name] for name in "dge")

    return mutant


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (changed(d=lambda r, f: r.mean() - f.mean()), "d_loss has the wrong sign"),
        (changed(d=lambda r, f: f.sum() - r.sum()), "d_loss adds the scores up"),
        (changed(d=lambda r, f: -r.mean()), "the fake scores are missing"),
        (changed(d=lambda r, f: f.mean()), "the real scores are missing"),
        (changed(d=lambda r, f: f.sigmoid().mean() - r.sigmoid().mean()), "there is a sigmoid"),
        (changed(d=lambda r, f: f.mean() + r.mean()), "one sign in d_loss is wrong"),
        (changed(d=lambda r, f: 2 * f.mean()), "For d_loss of real scores (2, -1, 0.5, 3)"),
        (changed(g=lambda r, f: f.mean()), "g_loss has the wrong sign"),
        (changed(g=lambda r, f: -f.sum()), "g_loss adds the scores up"),
        (changed(g=lambda r, f: r.mean() - f.mean()), "g_loss carries the real scores"),
        (changed(g=lambda r, f: 3 * f.mean()), "it is -3 times what it should be"),
        (changed(e=lambda r, f: f.mean() - r.mean()), "estimate is d_loss itself"),
        (changed(e=lambda r, f: (r.mean() - f.mean()).abs()), "must be negative: no abs"),
        (changed(e=lambda r, f: 7.0), "the same for every input. For estimate of"),
        (changed(d=lambda r, f: (f.mean() - r.mean()).item()), "d_loss is right, but cut off from the graph"),
        (changed(d=lambda r, f: f.mean().detach() - r.mean()), "no gradient comes back to fake_scores"),
        (changed(g=lambda r, f: -f.detach().mean()), "g_loss is right, but cut off from the graph"),
        (lambda r, f: losses(r, f)[:2], "three numbers, d_loss, g_loss and estimate, were expected, but got 2"),
        (lambda r, f: (f - f, *losses(r, f)[1:]), "is a mean missing?"),
    ],
)
def test_losses(capsys, mutant, fragment):
    rejects(capsys, nb08.critic_losses, mutant, fragment=fragment)


def leaves_its_mark(critic, points):
    points.requires_grad_()
    (found,) = torch.autograd.grad(critic(points).sum(), points)
    return found.norm(dim=1).max().item()


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda c, x: gradient(c, x).abs().max(), "the largest *entry*"),
        (lambda c, x: gradient(c, x).max(), "with its sign"),
        (lambda c, x: gradient(c, x).abs().sum(1).max(), "the entries of the gradient are added up"),
        (lambda c, x: gradient(c, x).square().sum(1).max(), "the squared norm"),
        (lambda c, x: gradient(c, x).norm(), "one norm over all points together"),
        (lambda c, x: gradient(c, x, torch.mean).norm(dim=1).max(), "carries 1/N"),
        (lambda c, x: gradient(c, x).norm(dim=1).mean(), "the mean slope"),
        (lambda c, x: gradient(c, x).norm(dim=1).min(), "the smallest slope"),
        (lambda c, x: gradient(c, x).norm(dim=1)[0], "the first point only"),
        (lambda c, x: gradient(c, x).norm(dim=1), "is the step from one slope for each point to the largest missing?"),
        (
            lambda c, x: 1.1 * steepest(c, x),
            "it is 1.1 times what it should be, every time. For 3x − 4y, whose slope is 5",
        ),
        (lambda c, x: 5.0, "the same for every input"),
        (lambda c, x: steepest(c, x) if len(x) == 4 else 4.9, "For |x|²/2 at 3 points in 2 dimensions you return 4.9"),
    ],
)
def test_slopes(capsys, mutant, fragment):
    rejects(capsys, nb08.steepest_slope, mutant, fragment=fragment)


def test_a_mark_left_on_the_points_is_remarked(capsys):
    accepts(capsys, nb08.steepest_slope, leaves_its_mark, fragment="One remark: your function leaves requires_grad")


# ---------------------------------------------------------------- other people's ways


def test_matrices_may_come_from_anywhere(capsys):
    accepts(capsys, nb08.programme, lambda *given: [part.tolist() for part in programme(*given)])
    accepts(capsys, nb08.programme, lambda *given: [part.to_sparse() for part in programme(*given)])
    accepts(capsys, nb08.critic_losses, lambda r, f: torch.stack(losses(r, f)))
    accepts(capsys, nb08.steepest_slope, lambda c, x: max(gradient(c, x).norm(dim=1)))
    accepts(capsys, nb08.steepest_slope, lambda points, critic: steepest(critic, points))


@pytest.mark.parametrize(
    "checker, mutant, fragment",
    [
        (nb08.critic_losses, lambda r, f: losses(r, f)[::-1], "come in another order"),
        (nb08.critic_losses, lambda r, f: losses(f, r), "real and fake scores have changed places"),
        (nb08.programme, lambda *given: programme(*given)[::-1], "the three come in another order"),
        (
            nb08.steepest_slope,
            lambda c, x: steepest(c, x[:, :2]),
            "That was for a wavy critic at 5 points in 3 dimensions",
        ),
        (nb08.steepest_slope, lambda c, x: steepest(c, x.mul_(2)), "changes points"),
    ],
)
def test_other_mistakes_are_named(capsys, checker, mutant, fragment):
    rejects(capsys, checker, mutant, fragment=fragment)


@pytest.mark.parametrize("checker", [nb08.programme, nb08.critic_losses])
def test_what_cannot_be_named_is_not_given_away(capsys, checker):
    given = {
        nb08.programme: lambda x, p, q: (programme(x, p, q)[0] ** 3, *programme(x, p, q)[1:]),
        nb08.critic_losses: lambda r, f: (f.mean() ** 2, -f.mean(), r.mean() - f.mean()),
    }[checker]
    words = verdict(capsys, checker, given)
    assert not any(code in words for code in ("[:, None]", "flatten", "|x_i", "mean fake", "mean real", "−d_loss")), (
        words
    )


def by_differences(critic, points):
    steps = 1e-3 * torch.eye(points.shape[1])
    slopes = [(critic(points + step) - critic(points - step)) / 2e-3 for step in steps]
    return torch.stack(slopes).norm(dim=0).max()


def test_a_slope_from_differences_is_right(capsys):
    accepts(capsys, nb08.steepest_slope, by_differences)


def by_weights(critic, points):
    return max(g.norm() for g in torch.autograd.grad(critic(points).sum(), list(critic.parameters())))


@pytest.mark.parametrize(
    "checker, mutant, fragment",
    [
        (nb08.programme, lambda x, p, q: programme(torch.arange(len(x)), p, q), "the *numbers* of the places"),
        (nb08.programme, lambda x, p, q: programme(x, p, q, cost=lambda w: w.clamp(min=0)), "only one direction"),
        (
            nb08.programme,
            lambda x, p, q: programme(x, p, q, right=lambda p, q: (torch.ones_like(p) / len(p),) * 2),
            "every place an equal share",
        ),
        (
            nb08.critic_losses,
            lambda r, f: ((f - r).mean(), -f.mean(), (r - f).mean()),
            "only for as many real scores as fake ones",
        ),
        (nb08.steepest_slope, lambda c, x: gradient(c, x).norm(dim=1).argmax(), "*where* the slope is largest"),
        (nb08.steepest_slope, lambda c, x: gradient(c, x, torch.max).norm(dim=1).max(), "the largest *score*"),
        (
            nb08.steepest_slope,
            lambda c, x: (c(x).diff().abs() / x.diff(dim=0).norm(dim=1)).max(),
            "two neighbours in the list",
        ),
        (nb08.steepest_slope, by_weights, "with respect to the *points*"),
    ],
)
def test_half_understood_answers_are_named(capsys, checker, mutant, fragment):
    rejects(capsys, checker, mutant, fragment=fragment)
