"""Checkers of notebook 05: packing, minibatch standard deviation, R1, and a test that compares with a control."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse.checks.comparing import Mistakes, compare, flows, same, settle, show
from gancourse.checks.framework import NotYet, call, exercise, number, tensor
from gancourse.checks.known import D_MISTAKES, d_loss, down, up

__all__ = ["minibatch_std", "packing", "r1_term", "sign_flip"]

Network = Callable[[Tensor], Tensor]


# ---------------------------------------------------------------- exercise 1


@exercise("Exercise 1")
def packing(
    pack: Callable[[Tensor, int], Tensor], packed_d_loss: Callable[[Network, Tensor, Tensor, int], Tensor]
) -> str:
    """Check ``pack(points, size)``, (N, dim) -> (N / size, size dim), and the discriminator's loss on packs.

    Any way to put every point of the batch into exactly one pack is right.

    First met in: notebook 05.
    """
    for size, count, dim in ((3, 12, 2), (2, 6, 2), (4, 8, 3), (1, 5, 2)):
        points = (torch.arange(1.0, 1 + count * dim) * 37 % 101).reshape(count, dim)  # no two alike, and in no order
        _check_packs(tensor(call(pack, points, size, name="pack", names=("points", "size"))), points, size)
        points.requires_grad_()
        got = call(pack, points, size, name="pack", names=("points", "size"))
        flows(got.sum(), points.sum(), {"the points": points}, otherwise="G learns by it", what="the pack")
    random = torch.Generator().manual_seed(3)
    seen: list[tuple[_PackJudge, Any, Tensor, Tensor]] = []
    for size, count, dim in ((2, 8, 2), (4, 12, 2), (3, 12, 3)):
        real, fake = torch.randn(count, dim, generator=random), 1.5 + torch.randn(count, dim, generator=random)
        judge = _PackJudge(size * dim)
        names = ("discriminator", "real", "fake", "size")
        got = call(packed_d_loss, judge, real, fake, size, name="packed_d_loss", names=names)
        seen.append((judge, got, *_packs_seen(judge, real, fake)))
    cases = [(judge.logits(real).detach(), judge.logits(fake).detach()) for judge, _, real, fake in seen]
    settle(
        [number(got, reduce="a mean") for _, got, _, _ in seen],
        cases,
        d_loss,
        [(lambda r, f: d_loss(r[:1], f[:1]), "only the first pack's logits enter the loss"), *D_MISTAKES],
        told=lambda r, f: f"the logits {show(r)} of the packs of real points and {show(f)} of the fakes",
    )
    for judge, got, real, fake in seen:
        _check_pack_slope(got, judge, judge.logits(real), judge.logits(fake))
    return "D now judges several points at once, and a generator that repeats itself is given away."


def _check_packs(got: Tensor, points: Tensor, size: int) -> None:
    count, dim = points.shape
    wanted = (count // size, size * dim)
    if got.shape == (count // size, size, dim) and size > 1:
        raise NotYet(
            f"each pack is still a table of shape ({size}, {dim}). D takes one row per pack: flatten them to {wanted}"
        )
    if got.shape == (count // size, dim) and size > 1:
        raise NotYet("a pack keeps all its points side by side; yours are as wide as one point")
    if got.shape == (count, size * dim) and size > 1:
        raise NotYet(
            f"you return {count} packs from {count} points, so points are used more than once. Each point belongs to "
            f"one pack: {wanted[0]} packs of {size}"
        )
    if got.shape == (size, count * dim // size) and size > 1:
        raise NotYet(
            f"you made {size} packs; {size} is the number of points *in* a pack, so with {count} points there are "
            f"{wanted[0]} packs, shape {wanted}"
        )
    if got.shape != wanted:
        raise NotYet(
            f"from points of shape {tuple(points.shape)} and size {size} the packs should have shape {wanted}, but "
            f"have {tuple(got.shape)}"
        )
    rows = got.detach().reshape(count, dim)
    equal = (rows.unsqueeze(1) == points).all(-1)
    if equal.sum(0).eq(1).all():
        return
    if equal.any(1).all():
        raise NotYet("some points appear twice and others not at all; each point of the batch belongs to one pack")
    if torch.equal(rows.reshape(-1).sort().values.to(points.dtype), points.reshape(-1).sort().values):
        raise NotYet(
            f"the numbers are all there, but the coordinates of different points are mixed up. A point's {dim} "
            "coordinates stay together: first point, then the next point (no transposing)"
        )
    raise NotYet("the packs hold numbers that are no points of the batch; join the points, change nothing in them")


class _PackJudge(nn.Module):
    """A discriminator that remembers what it was shown, and is not symmetric in its inputs."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.linspace(0.4, -0.7, width))
        self.seen: list[Tensor] = []

    def forward(self, packs: Tensor) -> Tensor:
        if not isinstance(packs, Tensor):
            raise NotYet(f"the discriminator expects a tensor of packs, but was shown {type(packs).__name__}")
        if packs.ndim != 2 or packs.shape[1] != len(self.slope):
            raise NotYet(
                f"the discriminator expects packs of shape (packs, {len(self.slope)}), but you showed it "
                f"{tuple(packs.shape)}; did you forget to pack?"
            )
        self.seen.append(packs.detach().clone())
        return self.logits(packs)

    def logits(self, packs: Tensor) -> Tensor:
        return (packs * self.slope).sum(1) + 0.1 * (packs.square().sum(1) * self.slope[0]).sin()


def _packs_seen(judge: _PackJudge, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Return the packs of real and those of fake points that the discriminator was shown, or say what is wrong."""
    if not judge.seen:
        raise NotYet("packed_d_loss never asks the discriminator")
    packs = torch.cat(judge.seen)
    points = packs.reshape(len(packs), -1, real.shape[1])
    is_real, is_fake = ((points.unsqueeze(2) == batch).all(-1).any(-1) for batch in (real, fake))
    if bool((is_real.any(1) & is_fake.any(1)).any()):
        raise NotYet(
            "a pack holds real and fake points together, and such a pack has no label. Pack the real points among "
            "themselves and the fake points among themselves"
        )
    for name, kind, batch in (("real", is_real, real), ("fake", is_fake, fake)):
        shown = points[kind.all(1)].reshape(-1, batch.shape[1])
        times = (shown.unsqueeze(1) == batch).all(-1).sum(0)
        if not len(shown):
            raise NotYet(f"the discriminator never sees a pack of {name} points")
        if bool((times == 0).any()):
            raise NotYet(f"the discriminator sees only {int((times > 0).sum())} of the {len(batch)} {name} points")
        if bool((times > 1).any()):
            raise NotYet(f"the discriminator sees some {name} points more than once; ask it once, about each pack")
    return packs[is_real.all(1)], packs[is_fake.all(1)]


def _check_pack_slope(got: Any, judge: _PackJudge, real_logits: Tensor, fake_logits: Tensor) -> None:
    """See that D's weights can learn from both halves of the loss."""
    if isinstance(got, Tensor) and got.requires_grad:
        (mine,) = torch.autograd.grad(got.sum(), judge.slope, retain_graph=True, allow_unused=True)
        for name, half in (("fake", up(real_logits)), ("real", down(fake_logits))):
            if mine is not None and same(mine, torch.autograd.grad(half, judge.slope, retain_graph=True)[0]):
                raise NotYet(
                    f"the number is right, but D learns nothing from the {name} packs: their logits are detached"
                )
    flows(got, d_loss(real_logits, fake_logits), {"D's weights": judge.slope}, otherwise="D could not learn from it")


# ---------------------------------------------------------------- exercise 2


def _appended(of: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda points: torch.cat([points, of(points).expand_as(points)], dim=1)


def _halves(rows: Tensor) -> Any:
    """Return the left and the right half of a table, which a tuple keeps apart; anything else as it is."""
    return rows.chunk(2, dim=1) if rows.ndim == 2 and rows.shape[1] % 2 == 0 else rows


def _spread_mistakes(unbiased: bool) -> Mistakes:
    """Return the known mistakes with the deviation that divides by N, or by N − 1."""

    def std(points: Tensor, dim: int = 0) -> Tensor:
        return points.std(dim, unbiased=unbiased, keepdim=True)

    wrong_axis = (
        "wrong axis: this is one deviation per point, over its own coordinates. A point on its own says nothing about "
        "the batch"
    )
    karras = "this is the mean over the coordinates, as in Karras et al.; here, keep one deviation per coordinate"
    return [
        (lambda p: std(p)[0], "these are the deviations alone; append them to every point"),
        (lambda p: p / std(p), "the points were divided by the deviations, which should be *appended* to them"),
        (
            lambda p: (p - p.mean(0)) / std(p),
            "the points were standardised; the deviations should be *appended* to them",
        ),
        *(
            (
                lambda p, of=of: torch.cat([of(p), std(p).expand_as(p)], dim=1),
                "the points were changed; they stay as they are, beside the deviations",
            )
            for of in (lambda p: p / std(p), lambda p: (p - p.mean(0)) / std(p), lambda p: p - p.mean(0))
        ),
        (lambda p: std(p).expand_as(p), "the deviations stand in the points' place; they should be *appended* to them"),
        (lambda p: torch.cat([p, std(p).expand_as(p)]), "you appended along the batch axis: these are 2 N points"),
        (
            lambda p: torch.cat([p, std(p)]),
            "you appended one more point; every point gets its own copy of the deviations",
        ),
        (
            lambda p: torch.cat([std(p).expand_as(p), p], dim=1),
            "the order is turned round: first the points as they are, then the deviations",
        ),
        (_appended(lambda p: std(p).square()), "this is the variance; take its root"),
        (_appended(lambda p: std(p, 1)), wrong_axis),
        (lambda p: torch.cat([p, std(p, 1)], dim=1), wrong_axis),
        (_appended(lambda p: std(p.reshape(-1, 1))), "this is one deviation over everything, all coordinates mixed"),
        (
            lambda p: torch.cat([p, std(p.reshape(-1, 1)).expand(len(p), 1)], dim=1),
            "this is one deviation over everything, all coordinates mixed",
        ),
        (_appended(lambda p: std(p).mean()), karras),
        (lambda p: torch.cat([p, std(p).mean().expand(len(p), 1)], dim=1), karras),
        (_appended(lambda p: std(p) / len(p) ** 0.5), "this is the standard error; do not divide by the root of N"),
    ]


_STD_MISTAKES: Mistakes = [
    *_spread_mistakes(unbiased=False),
    *_spread_mistakes(unbiased=True),
    (
        _appended(lambda p: p.mean(0)),
        "this is the mean of the batch; what a collapsed generator cannot fake is its *deviation*",
    ),
    (
        _appended(lambda p: p - p.mean(0)),
        "these are each point's own deviation from the mean, a different number for each point; the standard deviation "
        "is one number per coordinate for the whole batch",
    ),
    (
        _appended(lambda p: (p - p.mean(0)).abs().mean(0)),
        "this is the mean absolute deviation; the standard deviation is the root of the mean square",
    ),
    (_appended(lambda p: p.square().mean(0).sqrt()), "the mean of the batch was not taken off before squaring"),
    (
        _appended(lambda p: p.amax(0) - p.amin(0)),
        "this is the range, from the smallest to the largest; the standard deviation is wanted",
    ),
    (_appended(lambda p: p), "the points themselves were appended once more"),
    (lambda p: p, "nothing was appended"),
]


@exercise("Exercise 2")
def minibatch_std(function: Callable[[Tensor], Tensor]) -> str:
    """Check ``minibatch_std(points)``, (N, dim) -> (N, 2 dim): the points, then the batch's deviation per axis.

    Dividing by N or by N - 1 is both accepted.

    First met in: notebook 05.
    """
    random = torch.Generator().manual_seed(4)
    cases = []
    for count, spread in ((7, [0.5, 3.0, 1.2]), (10, [2.0, 0.8])):
        middle = torch.arange(2.0, 2.0 - len(spread), -1.0)
        cases.append((middle + torch.tensor(spread) * torch.randn(count, len(spread), generator=random),))
    called = {"name": "minibatch_std", "names": ("points",)}
    answers = [tensor(call(function, *case, **called)) for case in cases]
    right = [_appended(lambda p, u=unbiased: p.std(0, unbiased=u)) for unbiased in (False, True)]
    if all(got.shape == right[0](*case).shape for got, case in zip(answers, cases, strict=True)):
        answers, halves, parts = [_halves(got) for got in answers], _halves, ("the left half", "the right half")
    else:
        halves, parts = (lambda value: value), ()
    settle(
        answers,
        cases,
        [lambda p, f=formula: halves(f(p)) for formula in right],
        [(lambda p, f=formula: halves(f(p)), sentence) for formula, sentence in _STD_MISTAKES],
        parts=parts,
        told=lambda points: f"a batch of {len(points)} points in {points.shape[1]} dimensions",
        tolerance=1e-3,
    )
    points = cases[0][0].requires_grad_()
    weights = torch.randn(points.shape, generator=random)
    got = _halves(call(function, points, **called))
    fitting = right[not same(got, _halves(right[0](points)), tolerance=1e-3)]
    for what, mine, good in zip(("the left half", "the right half"), got, _halves(fitting(points)), strict=True):
        flows((mine * weights).sum(), (good * weights).sum(), {"points": points}, otherwise="G learns by it", what=what)
    equal = torch.full_like(points, 0.5).requires_grad_()
    (slope,) = torch.autograd.grad(call(function, equal, **called).sum(), equal)
    if not bool(slope.isfinite().all()):
        raise NotYet(
            "for a batch in which all points are equal the gradient is NaN: the root has no slope at 0, and a "
            "collapsed generator gets there. Something small under the root keeps it off 0"
        )
    return "One number per axis, the same for the whole batch: no single sample can hide behind it."


# ---------------------------------------------------------------- exercise 3


class _Curved(nn.Module):
    """A discriminator whose slope differs from point to point."""

    def __init__(self, weight: list[float]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + 0.6 * (self.weight[0] * x[:, 0] * x[:, 1]).sin()


def _slopes(function: Network, points: Tensor) -> Tensor:
    """Return the slope at each point, with a way back to the weights."""
    points = points.detach().requires_grad_()
    return torch.autograd.grad(function(points).sum(), points, create_graph=True)[0]


def _r1(judge: Network, real: Tensor, fake: Tensor, gamma: float) -> Tensor:
    return gamma / 2 * _slopes(judge, real).square().sum(1).mean()


def _of_slopes(formula: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """Return a penalty with something else than the mean square."""
    return lambda judge, real, fake, gamma: gamma / 2 * formula(_slopes(judge, real))


_NO_SUM = "the mean runs over the coordinates as well. |∇D|² is the *sum* over a point's coordinates"
_R1_MISTAKES: Mistakes = [
    (
        lambda D, x, y, g: 2 * _r1(D, x, y, g),
        "the ½ is missing: the paper's weight is γ/2, so that γ means the same in every paper that follows it",
    ),
    (lambda D, x, y, g: _r1(D, x, y, 2.0), "the weight γ/2 is missing"),
    (lambda D, x, y, g: _r1(D, x, y, 1.0), "γ is missing; only the ½ is there"),
    (lambda D, x, y, g: _r1(D, x, y, g) / 2, "this is half of it: γ is halved twice"),
    (lambda D, x, y, g: _r1(D, x, y, g * g), "γ is squared"),
    (_of_slopes(lambda s: s.square().mean()), _NO_SUM),
    (lambda D, x, y, g: g * _slopes(D, x).square().mean(), _NO_SUM + ", and the ½ is missing"),
    (_of_slopes(lambda s: s.square().sum()), "this is the sum over the points; the mean is wanted"),
    (
        _of_slopes(lambda s: s.square().sum(1).mean() / len(s) ** 2),
        "you differentiated the *mean* of the logits, so every slope is divided by N",
    ),
    (_of_slopes(lambda s: s.square().sum(1).max()), "this is the largest; the mean over the points is wanted"),
    (_of_slopes(lambda s: s.norm()), "this is one norm of all slopes together; each point has a slope of its own"),
    (_of_slopes(lambda s: s.norm() ** 2 / len(s) ** 2), "one norm was taken of all slopes together and divided by N"),
    (_of_slopes(lambda s: s.norm(dim=1).mean()), "the square is missing: E |∇D|², not E |∇D|"),
    (_of_slopes(lambda s: s.norm(dim=1).mean().square()), "the norms are averaged before they are squared"),
    (_of_slopes(lambda s: s.norm(dim=0).mean()), "the norm runs over the batch (dim=0), and the square is missing"),
    (_of_slopes(lambda s: s.norm(dim=0).square().mean()), "the norm runs over the batch (dim=0); each point has one"),
    (_of_slopes(lambda s: s.abs().sum(1).mean()), "the coordinates are added up without squares: E |∇D|²"),
    (_of_slopes(lambda s: s.sum(1).square().mean()), "the coordinates are added before they are squared"),
    (
        _of_slopes(lambda s: (s.norm(dim=1) - 1).square().mean()),
        "this is the penalty of WGAN-GP, (|∇D| − 1)²; R1 pulls the slope to 0, not to 1",
    ),
    (
        _of_slopes(lambda s: s.mean(0).square().sum()),
        "you averaged the slopes before you squared them, so slopes in opposite directions cancel",
    ),
    (_of_slopes(lambda s: s.square().sum(1)[0]), "only the first point enters"),
    (lambda D, x, y, g: _r1(D, y, x, g), "this is R2: the slope at the *fake* points. R1 looks at the real ones"),
    (
        lambda D, x, y, g: _r1(D, x, y, g) + _r1(D, y, x, g),
        "the fake points are in it too (R1 + R2); R1 looks at the real ones",
    ),
    (
        lambda D, x, y, g: (_r1(D, x, y, g) + _r1(D, y, x, g)) / 2,
        "the fake points are in it too; R1 looks at the real ones",
    ),
    (
        lambda D, x, y, g: _r1(D, (x + y) / 2, y, g),
        "the slope is taken between real and fake; R1 takes it at the real points",
    ),
    (
        lambda D, x, y, g: _r1(lambda p: torch.sigmoid(D(p)), x, y, g),
        "this is the slope of sigmoid(D); take it of the logit. (The sigmoid is flat where D is sure, so the penalty "
        "would vanish exactly where D is steepest)",
    ),
    (
        lambda D, x, y, g: _r1(lambda p: F.softplus(-D(p)) / len(p), x, y, g),
        "this is the slope of D's mean loss; take it of the logit D(x) itself",
    ),
    (
        lambda D, x, y, g: _r1(lambda p: F.softplus(-D(p)), x, y, g),
        "this is the slope of D's loss; take it of the logit D(x) itself",
    ),
    (lambda D, x, y, g: -_r1(D, x, y, g), "the sign: the penalty is added to what D minimises, so it is positive"),
    (lambda D, x, y, g: g / 2 * D(x).square().mean(), "this is the square of the logit itself, and not of its slope"),
    (lambda D, x, y, g: _r1(D, x, y, g * g / 2), "the weight γ/2 is squared together with the slope"),
    *(
        (
            lambda D, x, y, g, of=of: g / 2 * torch.autograd.grad(of(D(x)), D.weight)[0].square().sum(),
            "this is the slope with respect to D's *weights*; R1 is about the slope with respect to the points",
        )
        for of in (torch.sum, torch.mean)
    ),
    (lambda D, x, y, g: g / 2 * D.weight.square().sum(), "this is a penalty on the weights, and not on the slope"),
]


@exercise("Exercise 3")
def r1_term(function: Callable[[Network, Tensor, Tensor, float], Tensor]) -> str:
    """Check ``r1_term(discriminator, real, fake, gamma)``: gamma / 2 E |grad D(x)|^2 over the real points.

    First met in: notebook 05.
    """
    random = torch.Generator().manual_seed(6)
    called = {"name": "r1_term", "names": ("discriminator", "real", "fake", "gamma")}
    cases = []
    for gamma, count, weight in ((3.0, 5, [1.5, -0.8]), (0.7, 6, [0.9, 0.4, -1.1])):
        real, fake = torch.randn(2, count, len(weight), generator=random)
        cases.append((_Curved(weight), real, fake + 2, gamma))
    compare(
        function,
        cases,
        _r1,
        _R1_MISTAKES,
        told=lambda judge, real, fake, gamma: f"a discriminator of {real.shape[1]} dimensions and γ = {gamma:g}",
        hint="The slope of what, at which points, and what is made of it?",
        reduce="a mean",
        **called,
    )
    for case in cases:
        flows(
            call(function, *case, **called),
            _r1(*case),
            {"D's weights": case[0].weight},
            otherwise="nothing would change. The slope has to be taken with create_graph=True, and stay attached",
        )
    return "R1 is computed where the data is, and nowhere else."


# ---------------------------------------------------------------- exercise 4


def _share(
    *,
    two_sided: bool = False,
    hit: Callable[[Tensor, Tensor], Tensor] = lambda means, seen: means >= seen - 1e-9,
    change: Callable[[Tensor], Tensor] = lambda difference: difference,
) -> Callable[[Sequence[float], Sequence[float]], float]:
    """Return the right share, or with another argument a mistake."""

    def formula(control: Sequence[float], cure: Sequence[float]) -> float:
        difference = change(torch.tensor(cure, dtype=torch.float64) - torch.tensor(control, dtype=torch.float64))
        signs = torch.tensor(list(itertools.product((1.0, -1.0), repeat=len(difference))), dtype=torch.float64)
        sums, seen = signs @ difference, difference.sum()
        if two_sided:
            sums, seen = sums.abs(), seen.abs()
        return hit(sums, seen).double().mean().item()

    return formula


def _flipped(cure: Sequence[float], control: Sequence[float]) -> float:
    patterns = list(itertools.product((1, -1), repeat=len(cure)))
    seen = sum(cure)
    return sum(sum(s * x for s, x in zip(signs, cure, strict=True)) >= seen - 1e-9 for signs in patterns) / len(
        patterns
    )


def _wins(control: Sequence[float], cure: Sequence[float]) -> float:
    count, wins = len(cure), sum(b > a for a, b in zip(control, cure, strict=True))
    return sum(math.comb(count, k) for k in range(wins, count + 1)) / 2**count


def _pooled(control: Sequence[float], cure: Sequence[float]) -> float:
    runs, seen = [*control, *cure], sum(cure)
    sums = [sum(chosen) for chosen in itertools.combinations(runs, len(cure))]
    return sum(one >= seen - 1e-9 for one in sums) / len(sums)


_FLIP_MISTAKES: Mistakes = [
    (
        _share(hit=lambda sums, seen: sums > seen + 1e-9),
        "you count only patterns that are *larger*. At least as large (>=) is meant: the data itself is one of the "
        "patterns, so the share is never 0",
    ),
    (
        _share(change=lambda d: -d),
        "you count the patterns that are at *most* as large, or the difference has the wrong sign: it is cure minus "
        "control, so that positive means that the cure covers more",
    ),
    (
        _share(two_sided=True),
        "you compare absolute values, which asks whether the cure makes *any* difference. Here: more modes",
    ),
    (
        lambda control, cure: _share()(control, cure) * 2 ** len(control),
        "this is the number of patterns; divide by how many there are",
    ),
    (lambda control, cure: 1 - _share()(control, cure), "this is the share of the *smaller* ones"),
    (_share(hit=lambda sums, seen: (sums - seen).abs() < 1e-9), "you count only patterns that are *equal*"),
    (_share(hit=lambda sums, seen: sums >= -1e-9), "you compare with 0, and not with the difference that was seen"),
    (_share(hit=lambda sums, seen: sums > 1e-9), "you compare with 0, and not with the difference that was seen"),
    (_share(change=torch.sign), "only the signs of the differences count for you, and not their sizes"),
    (
        lambda control, cure: _share()(control, cure) * 2 ** len(control) / (2 ** len(control) - 1),
        "you divide by one pattern too few: the observed one counts too",
    ),
    (
        lambda control, cure: (_share()(control, cure) * 2 ** len(control) - 1) / (2 ** len(control) - 1),
        "you leave out the observed pattern: it is one of all, so the share is never 0",
    ),
    (
        lambda control, cure: (_share()(control, cure) * 2 ** len(control) + 1) / (2 ** len(control) + 1),
        "the observed pattern is counted twice: it is among all patterns already",
    ),
    (
        lambda control, cure: sum(b > a for a, b in zip(control, cure, strict=True)) / len(cure),
        "this is the share of *seeds* with a positive difference; go through all patterns of signs",
    ),
    (
        lambda control, cure: sum(b >= a for a, b in zip(control, cure, strict=True)) / len(cure),
        "this is the share of *seeds* with no negative difference; go through all patterns of signs",
    ),
    (
        _share(hit=lambda sums, seen: sums >= seen / math.log2(len(sums)) - 1e-9),
        "sums are compared with a mean; compare sums with the sum, or means with the mean",
    ),
    (
        lambda control, cure: _flipped(cure, control),
        "the signs are flipped of the cure alone; they belong to the *differences*",
    ),
    (
        _wins,
        "this is the sign test, which counts wins only; here the sizes of the differences count as well",
    ),
    (
        _pooled,
        "this is the permutation test, which mixes all runs; the runs of one seed belong together, and only their sign "
        "is open",
    ),
    (lambda control, cure: sum(cure) / len(cure) - sum(control) / len(control), "this is the mean difference itself"),
]


@exercise("Exercise 4")
def sign_flip(function: Callable[[Sequence[float], Sequence[float]], float]) -> str:
    """Check ``sign_flip(control, cure)``: the share of sign patterns with a mean difference at least as large.

    First met in: notebook 05.
    """
    cases = (
        ([1, 2, 1, 3, 2, 1], [2, 5, 1, 4, 1, 2]),
        ([1, 1, 2, 1, 2], [8, 7, 8, 8, 8]),
        ([3, 4, 5], [3, 4, 5]),
        ([4, 6, 5, 7], [2, 6, 4, 1]),
        ([2, 2, 5, 1, 3, 2, 4], [8, 1, 4, 3, 3, 1, 5]),
    )
    samples = [([float(x) for x in control], [float(x) for x in cure]) for control, cure in cases]
    asked = [call(function, *samples[0], name="sign_flip", names=("control", "cure")) for _ in range(3)]
    if len({number(share) for share in asked}) > 1:
        raise NotYet("the same seeds give another share in every call, so signs are drawn at random; go through all")
    compare(
        function,
        samples,
        _share(),
        _FLIP_MISTAKES,
        name="sign_flip",
        names=("control", "cure"),
        hint="There are 2 to the number of seeds ways to put + or − before the differences; go through all of them, "
        "and draw none at random",
    )
    return "With ten seeds the smallest share there can be is 1 in 1,024."
