"""The checkers of notebook 05 accept what is right and say which mistake was made."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F

from gancourse.checks import nb05
from gancourse.checks.framework import ExerciseFailed
from gancourse.models import features
from verdicts import accepts, rejects, verdict


def pack(points, size):
    return points.reshape(len(points) // size, -1)


def d_loss(real_logits, fake_logits):
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def packed(discriminator, real, fake, size):
    return d_loss(discriminator(pack(real, size)), discriminator(pack(fake, size)))


def with_std(points):
    spread = (points.var(0, unbiased=False) + 1e-8).sqrt()
    return torch.cat([points, spread.expand_as(points)], 1)


def r1(discriminator, real, fake, gamma, **changes):
    x = real.detach().requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return gamma / 2 * slope.square().sum(1).mean()


def flips(control, cure):
    difference = torch.tensor(cure) - torch.tensor(control)
    signs = torch.tensor(list(itertools.product([1.0, -1.0], repeat=len(difference))))
    return (signs @ difference >= difference.sum()).float().mean()


RIGHT = {
    nb05.packing: (pack, packed),
    nb05.minibatch_std: (with_std,),
    nb05.r1_term: (r1,),
    nb05.sign_flip: (flips,),
}


@pytest.mark.parametrize("checker", RIGHT)
def test_right_answers_are_accepted(capsys, checker):
    accepts(capsys, checker, *RIGHT[checker])


def test_other_right_answers_are_accepted(capsys):
    accepts(capsys, nb05.packing, lambda points, size: features.Packing(size)(points), packed)
    halves = lambda points, size: torch.cat(points.chunk(size), dim=1)  # noqa: E731
    accepts(capsys, nb05.packing, halves, lambda D, x, y, n: d_loss(D(halves(x, n)), D(halves(y, n))))

    def shuffled(points, size):
        return pack(points[torch.randperm(len(points))], size)

    def at_once(discriminator, real, fake, size):
        logits = discriminator(torch.cat([shuffled(real, size), shuffled(fake, size)]))
        return d_loss(*logits.chunk(2))

    accepts(capsys, nb05.packing, shuffled, at_once)
    accepts(capsys, nb05.minibatch_std, features.MinibatchStd())
    unbiased = lambda p: torch.cat([p, (p.var(0) + 1e-6).sqrt().expand_as(p)], 1)  # noqa: E731
    accepts(capsys, nb05.minibatch_std, unbiased)
    accepts(capsys, nb05.minibatch_std, appended(lambda p: p.std(0)))  # torch gives its root the slope 0 at 0
    accepts(capsys, nb05.sign_flip, lambda control, cure: float(flips(control, cure)))


@pytest.mark.parametrize("checker", RIGHT)
def test_stubs_are_not_attempted_and_nonsense_never_raises(capsys, checker):
    count = len(RIGHT[checker])
    stub = [lambda *_: ...] * count
    assert "not attempted" in verdict(capsys, checker, *stub)
    assert "not attempted" in verdict(capsys, checker, *[...] * count)
    with pytest.raises(ExerciseFailed, match="not attempted"):
        checker(*stub, strict=True)
    for nonsense in (None, 3, "three", lambda: 1, lambda *_: None, lambda *_: "x", lambda *_: 1 / 0):
        assert "not yet" in verdict(capsys, checker, *[nonsense] * count)
    for shape in ((), (1,), (3,), (2, 2), (7, 4), (3, 4)):
        assert "not yet" in verdict(capsys, checker, *[lambda *_, shape=shape: torch.zeros(shape)] * count)
    for value in (math.nan, math.inf):
        assert "not yet" in verdict(capsys, checker, *[lambda *_, value=value: torch.tensor(value)] * count)
        assert "not yet" in verdict(capsys, checker, *[lambda *_, value=value: value] * count)


def test_half_an_exercise_is_not_attempted(capsys):
    assert "not attempted" in verdict(capsys, nb05.packing, pack, lambda *_: ...)
    assert "not attempted" in verdict(capsys, nb05.packing, lambda *_: ..., packed)


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda p, n: p.reshape(-1, n, p.shape[1]), "flatten them"),
        (lambda p, n: p[::n], "as wide as one point"),
        (lambda p, n: p.reshape(-1, n, p.shape[1]).mean(1), "as wide as one point"),
        (lambda p, n: torch.cat([p] * n, dim=1), "points are used more than once"),
        (lambda p, n: torch.cat([p, *[p.roll(k, 0) for k in range(1, n)]], dim=1), "points are used more than once"),
        (lambda p, n: p.reshape(n, -1), "is the number of points *in* a pack"),
        (lambda p, n: p.T.reshape(len(p) // n, -1), "coordinates of different points are mixed up"),
        (lambda p, n: torch.cat([p[::n]] * n, dim=1), "some points appear twice"),
        (lambda p, n: pack(p - p.mean(0), n), "numbers that are no points of the batch"),
        (lambda p, n: p, "should have shape (4, 6)"),
    ],
)
def test_packs(capsys, mutant, fragment):
    rejects(capsys, nb05.packing, mutant, packed, fragment=fragment)


def mixed(discriminator, real, fake, size):
    both = pack(torch.stack([real, fake], 1).reshape(-1, real.shape[1]), size)
    return d_loss(*discriminator(both).chunk(2))


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (mixed, "real and fake points together"),
        (lambda D, x, y, n: d_loss(D(pack(y, n)), D(pack(x, n))), "real and fake have changed places"),
        (lambda D, x, y, n: d_loss(D(x), D(y)), "did you forget to pack?"),
        (lambda D, x, y, n: F.softplus(-D(pack(x, n))).mean(), "never sees a pack of fake"),
        (lambda D, x, y, n: F.softplus(D(pack(y, n))).mean(), "never sees a pack of real"),
        (lambda D, x, y, n: F.softplus(-D(pack(x, n))).mean() + 0 * D(pack(y, n)).sum(), "the fake term is missing"),
        (lambda D, x, y, n: F.softplus(D(pack(y, n))).mean() + 0 * D(pack(x, n)).sum(), "the real term is missing"),
        (lambda D, x, y, n: packed(D, x, y, n) / 2, "this is half of it"),
        (lambda D, x, y, n: packed(D, x, y, n) * (len(x) // n), "the sum over the batch"),
        (lambda D, x, y, n: packed(D, x, y, n) + 1, "too large by 1, every time"),
        (lambda D, x, y, n: torch.tensor(1.0), "never asks the discriminator"),
        (lambda D, x, y, n: F.softplus(-D(pack(x, n))) + F.softplus(D(pack(y, n))), "is a mean missing?"),
    ],
)
def test_losses_on_packs(capsys, mutant, fragment):
    rejects(capsys, nb05.packing, pack, mutant, fragment=fragment)


def appended(what):
    return lambda p: torch.cat([p, what(p).expand_as(p)], 1)


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda p: p.std(0), "these are the deviations alone"),
        (lambda p: p / p.std(0), "should be *appended*"),
        (lambda p: torch.cat([p, p.std(1, keepdim=True)], 1), "wrong axis"),
        (lambda p: torch.cat([p, p.std(0).expand_as(p)], 0), "along the batch axis"),
        (lambda p: torch.cat([p, p, p], 1), "the shape should be (7, 6), but is (7, 9)"),
        (lambda p: with_std(p).roll(p.shape[1], 1), "the order is turned round"),
        (lambda p: with_std(p) * 2, "2 times what it should be, every time"),
        (appended(lambda p: p.var(0, unbiased=False)), "this is the variance"),
        (appended(lambda p: p.var(0)), "this is the variance"),
        (appended(lambda p: p.mean(0)), "this is the mean of the batch"),
        (appended(lambda p: p.std(1, keepdim=True)), "wrong axis"),
        (appended(lambda p: p.std(1, keepdim=True, unbiased=False)), "wrong axis"),
        (appended(lambda p: p.std()), "all coordinates mixed"),
        (appended(lambda p: p.std(unbiased=False)), "all coordinates mixed"),
        (appended(lambda p: p.std(0).mean()), "Karras et al."),
        (appended(lambda p: p.std(0, unbiased=False).mean()), "Karras et al."),
        (appended(lambda p: p - p.mean(0)), "each point's own deviation"),
        (appended(lambda p: p.std(0, unbiased=False) / len(p) ** 0.5), "the standard error"),
        (appended(lambda p: 2 * p.std(0, unbiased=False)), "the left half is right, the right half not: it is 2 times"),
        (appended(lambda p: p.std(0).detach()), "the right half is right, but no gradient comes back to points"),
        (appended(lambda p: p.var(0).sqrt()), "the gradient is NaN"),
    ],
)
def test_deviations(capsys, mutant, fragment):
    rejects(capsys, nb05.minibatch_std, mutant, fragment=fragment)


def slope_of(what, *, at="real", graph=True):
    def slopes(discriminator, real, fake):
        x = {"real": real, "fake": fake, "between": (real + fake) / 2}[at].detach().requires_grad_()
        return torch.autograd.grad(what(discriminator, x), x, create_graph=graph)[0]

    return slopes


LOGITS = slope_of(lambda D, x: D(x).sum())


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda D, x, y, g: 2 * r1(D, x, y, g), "the ½ is missing"),
        (lambda D, x, y, g: r1(D, x, y, 2.0), "the weight γ/2 is missing"),
        (lambda D, x, y, g: r1(D, x, y, 1.0), "γ is missing"),
        (lambda D, x, y, g: g / 2 * LOGITS(D, x, y).square().mean(), "mean runs over the coordinates as well"),
        (lambda D, x, y, g: g / 2 * LOGITS(D, x, y).square().sum(), "the sum over the points"),
        (
            lambda D, x, y, g: g / 2 * slope_of(lambda D, x: D(x).mean())(D, x, y).square().sum(1).mean(),
            "differentiated the *mean*",
        ),
        (lambda D, x, y, g: g / 2 * LOGITS(D, x, y).norm(), "all slopes together"),
        (lambda D, x, y, g: g / 2 * LOGITS(D, x, y).norm(dim=1).mean(), "the square is missing"),
        (lambda D, x, y, g: g / 2 * (LOGITS(D, x, y).norm(dim=1) - 1).square().mean(), "WGAN-GP"),
        (lambda D, x, y, g: g / 2 * LOGITS(D, x, y).mean(0).square().sum(), "averaged the slopes before"),
        (lambda D, x, y, g: r1(D, y, x, g), "this is R2"),
        (lambda D, x, y, g: r1(D, (x + y) / 2, y, g), "between real and fake"),
        (lambda D, x, y, g: r1(lambda p: torch.sigmoid(D(p)), x, y, g), "the slope of sigmoid(D)"),
        (lambda D, x, y, g: r1(lambda p: F.softplus(-D(p)), x, y, g), "the slope of D's loss"),
        (lambda D, x, y, g: -r1(D, x, y, g), "the sign"),
        (lambda D, x, y, g: r1(D, x, y, g) + 1, "too large by 1, every time"),
        (lambda D, x, y, g: r1(D, x, y, g).detach(), "cut off from the graph"),
        (lambda D, x, y, g: r1(D, x, y, g).item(), "cut off from the graph"),
        (
            lambda D, x, y, g: g / 2 * slope_of(lambda D, x: D(x).sum(), graph=False)(D, x, y).square().sum(1).mean(),
            "create_graph=True",
        ),
        (
            lambda D, x, y, g: r1(D, x, y, g).detach() + 0 * D.weight.sum(),
            "no gradient comes back to D's weights",
        ),
        (lambda D, x, y, g: torch.autograd.grad(D(x).sum(), x)[0].square().sum(1).mean(), "requires_grad_()"),
        (lambda D, x, y, g: g / 2 * LOGITS(D, x, y).square().sum(1), "is a mean missing?"),
    ],
)
def test_penalties(capsys, mutant, fragment):
    rejects(capsys, nb05.r1_term, mutant, fragment=fragment)


def share(control, cure, compare=torch.ge, of=lambda x: x, divide=True):
    difference = torch.tensor(cure) - torch.tensor(control)
    signs = torch.tensor(list(itertools.product([1.0, -1.0], repeat=len(difference))))
    hits = compare(of(signs @ difference), of(difference.sum())).float()
    return hits.mean() if divide else hits.sum()


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda a, b: share(a, b, torch.gt), "only patterns that are *larger*"),
        (lambda a, b: share(b, a), "cure minus control"),
        (lambda a, b: share(a, b, of=torch.abs), "you compare absolute values"),
        (lambda a, b: share(a, b, divide=False), "divide by how many"),
        (lambda a, b: 1 - share(a, b), "share of the *smaller* ones"),
        (lambda a, b: 0.03, "go through all of them"),
        (lambda a, b: torch.zeros(3), "one number was expected"),
    ],
)
def test_sign_flips(capsys, mutant, fragment):
    rejects(capsys, nb05.sign_flip, mutant, fragment=fragment)


# ---------------------------------------------------------------- other people's ways


def pack_by_pack(discriminator, real, fake, size):
    total = 0.0
    for one, other in zip(pack(real, size), pack(fake, size), strict=True):
        total = total + F.softplus(-discriminator(one[None])).sum() + F.softplus(discriminator(other[None])).sum()
    return total / (len(real) // size)


def in_double(points):
    points = points.double()
    return torch.cat([points, (points.var(0) + 1e-8).sqrt().expand_as(points)], 1)


def by_functions(discriminator, real, fake, gamma):
    slopes = torch.func.vmap(torch.func.grad(lambda x: discriminator(x[None]).squeeze()))(real)
    return gamma / 2 * slopes.square().sum(1).mean()


def one_by_one(discriminator, real, fake, gamma):
    total = 0.0
    for x in real:
        x = x[None].clone().requires_grad_()
        total = total + torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)[0].square().sum()
    return gamma / 2 * total / len(real)


@pytest.mark.parametrize(
    "checker, answers",
    [
        (nb05.packing, (pack, pack_by_pack)),
        (nb05.packing, (lambda p, n: torch.stack([torch.cat([*p[i : i + n]]) for i in range(0, len(p), n)]), packed)),
        (nb05.minibatch_std, (in_double,)),
        (nb05.r1_term, (by_functions,)),
        (nb05.r1_term, (one_by_one,)),
        (nb05.sign_flip, (lambda control, cure: flips(control, cure).numpy(),)),
    ],
)
def test_answers_in_other_styles_are_accepted(capsys, checker, answers):
    accepts(capsys, checker, *answers)


def cut(part):
    def answer(discriminator, real, fake, size):
        logits = {"real": discriminator(pack(real, size)), "fake": discriminator(pack(fake, size))}
        logits[part] = logits[part].detach()
        return d_loss(logits["real"], logits["fake"])

    return answer


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (cut("real"), "D learns nothing from the real packs"),
        (cut("fake"), "D learns nothing from the fake packs"),
        (lambda D, x, y, n: packed(D, x, y, n).item(), "cut off from the graph"),
        (lambda D, x, y, n: packed(D, x[:n], y[:n], n), "the discriminator sees only 2 of the 8 real points"),
        (lambda D, x, y, n: d_loss(D(pack(x, n))[:1], D(pack(y, n))[:1]), "only the first pack's logits"),
        (lambda D, x, y, n: packed(D, x.repeat(2, 1), y, n), "sees some real points more than once"),
        (
            lambda D, x, y, n: D.requires_grad_(False) and packed(D, x, y, n),
            "of the discriminator frozen",
        ),
    ],
)
def test_every_pack_counts_once_and_is_learnt_from(capsys, mutant, fragment):
    rejects(capsys, nb05.packing, pack, mutant, fragment=fragment)


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (lambda p: torch.cat([p.detach(), with_std(p)[:, p.shape[1] :]], 1), "the left half is right, but no gradient"),
        (lambda p: torch.cat([p, p[:, :2].std(0).mean() + 0 * p], 1), "the left half is right, the right half not"),
        (lambda p: with_std(p.sub_(1.0)), "changes points"),
        (lambda p: with_std(p[:, :2]), "the shape should be (7, 6), but is (7, 4)"),
    ],
)
def test_no_dimension_is_written_in(capsys, mutant, fragment):
    rejects(capsys, nb05.minibatch_std, mutant, fragment=fragment)


def sorts(control, cure):
    control.sort()
    return flips(control, cure)


@pytest.mark.parametrize(
    "mutant, fragment",
    [
        (sorts, "sign_flip changes control"),
        (lambda a, b: 0.15625, "you return the same for every input"),
        (lambda a, b: share(a, b, compare=lambda sums, seen: sums >= 0), "you compare with 0"),
    ],
)
def test_other_mistakes_with_sign_flips(capsys, mutant, fragment):
    rejects(capsys, nb05.sign_flip, mutant, fragment=fragment)


def test_a_pack_keeps_the_way_back_to_the_points(capsys):
    answer = lambda points, size: pack(points.detach(), size)  # noqa: E731
    rejects(capsys, nb05.packing, answer, packed, fragment="the pack is right, but cut off from the graph")


def by_wins(control, cure):
    wins = sum(b > a for a, b in zip(control, cure, strict=True))
    return sum(math.comb(len(cure), k) for k in range(wins, len(cure) + 1)) / 2 ** len(cure)


def by_mixing(control, cure):
    sums = [sum(chosen) for chosen in itertools.combinations([*control, *cure], len(cure))]
    return sum(one >= sum(cure) for one in sums) / len(sums)


def patterns(count):
    return torch.tensor(list(itertools.product((1.0, -1.0), repeat=count)))


def differences(control, cure):
    return torch.tensor(cure) - torch.tensor(control)


def by_lot(control, cure):
    change = differences(control, cure)
    signs = torch.randint(0, 2, (1_000, len(cure))) * 2.0 - 1
    return (signs @ change >= change.sum()).float().mean()


@pytest.mark.parametrize(
    "checker, answers, fragment",
    [
        (nb05.sign_flip, (by_wins,), "this is the sign test"),
        (nb05.sign_flip, (by_mixing,), "this is the permutation test"),
        (nb05.sign_flip, (by_lot,), "signs are drawn at random"),
        (
            nb05.sign_flip,
            (lambda a, b: (patterns(len(b)) @ torch.tensor(b) >= sum(b)).float().mean(),),
            "the signs are flipped of the cure alone",
        ),
        (
            nb05.sign_flip,
            (lambda a, b: (patterns(len(b)) @ differences(a, b) >= differences(a, b).mean()).float().mean(),),
            "sums are compared with a mean",
        ),
        (
            nb05.minibatch_std,
            (lambda p: torch.cat([p / p.std(0), p.std(0).expand_as(p)], dim=1),),
            "the points were changed",
        ),
        (nb05.minibatch_std, (lambda p: torch.cat([p, p.std(0)], dim=1),), "equally many axes"),
        (
            nb05.r1_term,
            (
                lambda d, x, y, g: (
                    g / 2 * torch.autograd.grad(d(x).sum(), d.weight, create_graph=True)[0].square().sum()
                ),
            ),
            "with respect to D's *weights*",
        ),
        (
            nb05.r1_term,
            (lambda d, x, y, g: torch.autograd.grad(d(x.requires_grad_()).sum(), x, create_graph=True).square().sum(),),
            "returns a tuple with one gradient",
        ),
    ],
)
def test_tests_and_slopes_of_another_kind_are_named(capsys, checker, answers, fragment):
    rejects(capsys, checker, *answers, fragment=fragment)
