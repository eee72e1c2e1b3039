"""Checkers of notebook 05: packing, minibatch standard deviation, R1, and a test that compares with a control."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse import penalties
from gancourse.checks.framework import NotYet, call, exercise, match_mistake, same_number

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
    for size, count, dim in ((2, 6, 2), (3, 12, 2), (4, 8, 3)):
        points = torch.arange(1.0, 1 + count * dim).reshape(count, dim).square()
        _check_packs(call(pack, points.clone(), size, name="pack"), points, size)
    random = torch.Generator().manual_seed(3)
    for size in (2, 4):
        real, fake = torch.randn(8, 2, generator=random), 1.5 + torch.randn(8, 2, generator=random)
        judge = _PackJudge(2 * size)
        got = call(packed_d_loss, judge, real.clone(), fake.clone(), size, name="packed_d_loss")
        _check_packed_loss(got, judge, *_packs_seen(judge, real, fake))
    return "D now judges several points at once, and a generator that repeats itself is given away."


def _check_packs(got: Any, points: Tensor, size: int) -> None:
    count, dim = points.shape
    if not isinstance(got, Tensor):
        raise NotYet(f"pack should return a tensor, but returned {type(got).__name__}")
    wanted = (count // size, size * dim)
    if got.shape == (count // size, size, dim):
        raise NotYet(
            f"the packs are right, but each is still a table of shape ({size}, {dim}). D takes one row per pack: "
            f"flatten it to shape {wanted}"
        )
    if got.shape == (count // size, dim):
        raise NotYet("a pack keeps all its points side by side; you kept only one of them, or their mean")
    if got.shape == (count, size * dim):
        raise NotYet(
            f"you return {count} packs from {count} points, so points are used more than once. Each point belongs to "
            f"one pack: {wanted[0]} packs of {size}"
        )
    if got.shape == (dim, count) or got.shape == (size, count * dim // size):
        raise NotYet(
            f"the axes are turned round: {size} is the number of points *in* a pack, so with {count} points there are "
            f"{wanted[0]} packs, shape {wanted}"
        )
    if got.shape != wanted:
        raise NotYet(
            f"from points of shape {tuple(points.shape)} and size {size} the packs should have shape {wanted}, "
            f"but have {tuple(got.shape)}"
        )
    rows = got.reshape(count, dim)
    if (rows.unsqueeze(1) == points).all(-1).sum(0).eq(1).all():
        return
    if (rows.unsqueeze(1) == points).all(-1).any(1).all():
        raise NotYet("some points appear twice and others not at all; each point of the batch belongs to one pack")
    if torch.equal(rows.sort().values.reshape(-1).sort().values, points.reshape(-1).sort().values):
        raise NotYet(
            "the numbers are all there, but the coordinates of different points are mixed up. A point's "
            f"{dim} coordinates stay together: first point, then the next point (no transposing)"
        )
    raise NotYet("the packs hold numbers that are no points of the batch; join the points, change nothing in them")


class _PackJudge(nn.Module):
    """A discriminator that remembers what it was shown, and is not symmetric in its inputs."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.slope = torch.linspace(0.4, -0.7, width)
        self.seen: list[Tensor] = []
        self.wrong: tuple[int, ...] | None = None

    def forward(self, packs: Tensor) -> Tensor:
        if packs.ndim != 2 or packs.shape[1] != len(self.slope):
            self.wrong = tuple(packs.shape)
            return torch.zeros(len(packs))
        self.seen.append(packs.detach().clone())
        return self.logits(packs)

    def logits(self, packs: Tensor) -> Tensor:
        return (packs * self.slope).sum(1) + 0.1 * packs.square().sum(1).sin()


def _packs_seen(judge: _PackJudge, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Return the packs of real and those of fake points that the discriminator was shown, or say what is wrong."""
    width = len(judge.slope)
    if judge.wrong is not None:
        raise NotYet(
            f"the discriminator expects packs of shape (packs, {width}), but you showed it {judge.wrong}; "
            "did you forget to pack?"
        )
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
    for name, kind in (("real", is_real), ("fake", is_fake)):
        if not bool(kind.all(1).any()):
            raise NotYet(f"the discriminator never sees a pack of {name} points")
    return packs[is_real.all(1)], packs[is_fake.all(1)]


def _check_packed_loss(got: Any, judge: _PackJudge, real_packs: Tensor, fake_packs: Tensor) -> None:
    real_logits, fake_logits = judge.logits(real_packs), judge.logits(fake_packs)
    wanted = (F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()).item()
    if same_number(got, wanted):
        return
    swapped = (F.softplus(-fake_logits).mean() + F.softplus(real_logits).mean()).item()
    match_mistake(
        got,
        [
            (swapped, "real and fake have changed places in the loss: D would learn to call the fakes real"),
            (F.softplus(-real_logits).mean().item(), "the fake half of the loss is missing: + softplus(fake logits)"),
            (F.softplus(fake_logits).mean().item(), "the real half of the loss is missing: softplus(−real logits) +"),
            (wanted / 2, "this is half of D's loss: the two halves are added, not averaged"),
            (
                (F.softplus(-real_logits).sum() + F.softplus(fake_logits).sum()).item(),
                "this is the sum over packs; the loss is the mean",
            ),
        ],
    )
    raise NotYet(
        f"D's loss on the packs should be {wanted:.4f}, but is {_plain(got):.4f}. It is the usual one, "
        "mean softplus(−real) + mean softplus(fake), with one logit per pack"
    )


# ---------------------------------------------------------------- exercise 2


@exercise("Exercise 2")
def minibatch_std(function: Callable[[Tensor], Tensor]) -> str:
    """Check ``minibatch_std(points)``, (N, dim) -> (N, 2 dim): the points, then the batch's deviation per axis.

    Dividing by N or by N - 1 is both accepted.

    First met in: notebook 05.
    """
    random = torch.Generator().manual_seed(4)
    spread = torch.tensor([0.5, 3.0])
    points = (torch.tensor([2.0, -1.0]) + spread * torch.randn(7, 2, generator=random)).requires_grad_()
    got = call(function, points, name="minibatch_std")
    _check_std_shape(got, points)
    if not torch.allclose(got[:, :2], points):
        if torch.allclose(got[:, 2:], points):
            raise NotYet("the order is turned round: first the points as they are, then the deviations")
        raise NotYet("the first half of each row should be the point itself, unchanged")
    _check_std_values(got[:, 2:], points)
    _check_std_slope(function, points)
    return "One number per axis, the same for the whole batch: no single sample can hide behind it."


def _check_std_shape(got: Any, points: Tensor) -> None:
    count, dim = points.shape
    if not isinstance(got, Tensor):
        raise NotYet(f"minibatch_std should return a tensor, but returned {type(got).__name__}")
    if got.shape in ((dim,), (1, dim)):
        raise NotYet("these are the deviations alone; append them to every point: torch.cat along the last axis")
    if got.shape == (count, dim):
        raise NotYet(
            "the shape is that of the points: the deviations should be *appended* to them, not replace or rescale them"
        )
    if got.shape == (count, dim + 1):
        raise NotYet(
            "you append one number. Either it is taken over the wrong axis (across a point's coordinates), or it is "
            "the mean over the axes as in Karras et al.; here, append one deviation per coordinate"
        )
    if got.shape == (2 * count, dim):
        raise NotYet("you appended along the batch axis: 2 N points. Append features, along the last axis")
    if got.shape != (count, 2 * dim):
        raise NotYet(
            f"from shape {(count, dim)} the result should have shape {(count, 2 * dim)}, not {tuple(got.shape)}"
        )


def _check_std_values(got: Tensor, points: Tensor) -> None:
    points = points.detach()
    got = got.detach()
    rows = torch.ones(len(points), 1)
    deviation = points.std(0, unbiased=False)

    def same(wanted: Tensor) -> bool:
        return torch.allclose(got, wanted.expand_as(got), rtol=1e-3, atol=1e-3)

    if same(rows * deviation) or same(rows * points.std(0)):
        return
    for mistake, sentence in (
        (points.var(0, unbiased=False), "this is the variance; take its root"),
        (points.var(0), "this is the variance; take its root"),
        (points.mean(0), "this is the mean of the batch; the *deviation* is what a collapsed generator cannot fake"),
        (points.std(1, unbiased=False, keepdim=True), "wrong axis: this is one deviation per point, over its own "
         "coordinates. A point on its own says nothing about the batch; take dim=0"),
        (points.std(1, keepdim=True), "wrong axis: this is one deviation per point, over its own coordinates. A point "
         "on its own says nothing about the batch; take dim=0"),
        (points.std().view(1, 1), "this is one deviation over everything, both coordinates mixed; take it per "
         "coordinate, over the batch (dim=0)"),
        (points.std(unbiased=False).view(1, 1), "this is one deviation over everything, both coordinates mixed; take "
         "it per coordinate, over the batch (dim=0)"),
        (deviation.mean().view(1, 1), "this is the mean over the axes, as in Karras et al.; here, keep one per axis"),
        (points.std(0).mean().view(1, 1), "this is the mean over the axes, as in Karras et al.; here, keep one per "
         "axis"),
        (points - points.mean(0), "these are each point's own deviation from the mean, a different number for each "
         "point; the standard deviation is one number per axis for the whole batch"),
        (deviation / len(points) ** 0.5, "this is the standard error; do not divide by the root of N"),
    ):  # fmt: skip
        if same(mistake):
            raise NotYet(sentence)
    raise NotYet(
        f"the deviations of this batch are ({deviation[0]:.3f}, {deviation[1]:.3f}), but the first row ends in "
        f"({got[0, 0]:.3f}, {got[0, 1]:.3f})"
    )


def _check_std_slope(function: Callable[[Tensor], Tensor], points: Tensor) -> None:
    appended = function(points)[:, points.shape[1] :]
    slope = torch.autograd.grad(appended.sum(), points, allow_unused=True)[0] if appended.requires_grad else None
    if slope is None or not bool(slope.any()):
        raise NotYet(
            "the numbers are right, but no gradient flows through the deviations (a detach, or no_grad?). The "
            "generator learns that it repeats itself only through them"
        )
    same = torch.full_like(points, 0.5).requires_grad_()
    seen = function(same)
    (slope,) = torch.autograd.grad(seen.sum(), same)
    if not bool(seen.isfinite().all()) or not bool(slope.isfinite().all()):
        raise NotYet(
            "for a batch in which all points are equal the gradient is NaN: the root has no slope at 0, and a "
            "collapsed generator gets there. Add a small number under the root: (variance + 1e-8).sqrt()"
        )


# ---------------------------------------------------------------- exercise 3


@exercise("Exercise 3")
def r1_term(function: Callable[[Network, Tensor, Tensor, float], Tensor]) -> str:
    """Check ``r1_term(discriminator, real, fake, gamma)``: gamma / 2 E |grad D(x)|^2 over the real points.

    First met in: notebook 05.
    """
    random = torch.Generator().manual_seed(6)
    real, fake = torch.randn(5, 2, generator=random), 2 + torch.randn(5, 2, generator=random)
    for gamma in (3.0, 0.7):
        judge = _Curved()
        try:
            got = call(function, judge, real.clone(), fake.clone(), gamma, name="r1_term")
        except NotYet as problem:
            if "does not require grad" in str(problem) or "not have been used" in str(problem):
                raise NotYet(
                    "the gradient is taken by the points, and they must say so *before* D sees them: "
                    "x = real.detach().requires_grad_(), then D(x)"
                ) from problem
            raise
        _check_r1_value(got, judge, real, fake, gamma)
        _check_r1_graph(got, judge, real, gamma)
    return "R1 holds D flat where the data is, and nowhere else."


class _Curved(nn.Module):
    """A discriminator whose slope differs from point to point."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.5, -0.8]))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + 0.6 * (self.weight[0] * x[:, 0] * x[:, 1]).sin()


def _slopes(function: Network, points: Tensor) -> Tensor:
    points = points.detach().requires_grad_()
    return torch.autograd.grad(function(points).sum(), points)[0].detach()


def _check_r1_value(got: Any, judge: _Curved, real: Tensor, fake: Tensor, gamma: float) -> None:
    slopes, count = _slopes(judge, real), len(real)
    squared = slopes.square().sum(1)
    wanted = gamma / 2 * squared.mean().item()
    if same_number(got, wanted):
        return
    at_fake = _slopes(judge, fake).square().sum(1).mean().item()
    between = _slopes(judge, (real + fake) / 2).square().sum(1).mean().item()
    of_sigmoid = _slopes(lambda x: torch.sigmoid(judge(x)), real).square().sum(1).mean().item()
    of_loss = _slopes(lambda x: F.softplus(-judge(x)), real).square().sum(1).mean().item()
    half = gamma / 2
    match_mistake(
        got,
        [
            (
                2 * wanted,
                "the ½ is missing: the paper's weight is γ/2, so that γ means the same in every paper that follows it",
            ),
            (squared.mean().item(), "the weight γ/2 is missing"),
            (wanted / gamma, "γ is missing; only the ½ is there"),
            (
                wanted / 2,
                "you took the mean over the coordinates as well. |∇D|² is the *sum* over a point's coordinates; "
                "the mean is over the points only",
            ),
            (wanted * count, "this is the sum over the points; take the mean"),
            (wanted / count**2, "you differentiated the *mean* of the logits, so every slope is divided by N; "
             "differentiate the sum"),
            (half * slopes.square().sum().sqrt().item(), "this is the norm of all slopes together; square each "
             "point's slope, sum its coordinates, then take the mean"),
            (half * squared.sqrt().mean().item(), "the square is missing: E |∇D|², not E |∇D|"),
            (half * (squared.sqrt() - 1).square().mean().item(), "this is the penalty of WGAN-GP, (|∇D| − 1)²; "
             "R1 pulls the slope to 0, not to 1"),
            (half * slopes.mean(0).square().sum().item(), "you averaged the slopes before you squared them, so "
             "slopes in opposite directions cancel; square first"),
            (half * at_fake, "this is R2: the slope at the *fake* points. R1 looks at the real ones"),
            (half * between, "the slope is taken between real and fake; R1 takes it at the real points"),
            (half * of_sigmoid, "this is the slope of sigmoid(D); take it of the logit. (The sigmoid is flat where D "
             "is sure, so the penalty would vanish exactly where D is steepest)"),
            (half * of_loss, "this is the slope of D's loss; take it of the logit D(x) itself"),
            (-wanted, "the sign: the penalty is added to what D minimises, so it is positive"),
        ],
    )  # fmt: skip
    raise NotYet(
        f"for this discriminator and γ = {gamma:g} the term is {wanted:.4f}, but you return {_plain(got):.4f}. "
        "Three steps: slope of the logit at each real point; sum of its squares per point; mean, times γ/2"
    )


def _check_r1_graph(got: Any, judge: _Curved, real: Tensor, gamma: float) -> None:
    slope = None
    if isinstance(got, Tensor) and got.requires_grad:
        slope = torch.autograd.grad(got, judge.weight, allow_unused=True)[0]
    if slope is None:
        raise NotYet(
            "the number is right, but it is only a number: D's weights get no gradient from it, so nothing would "
            "change. Take the slope with create_graph=True, and detach nothing after it"
        )
    real = real.detach().requires_grad_()
    wanted = torch.autograd.grad(gamma / 2 * penalties.r1_penalty(judge(real), real), judge.weight)[0]
    if not torch.allclose(slope, wanted, rtol=1e-4, atol=1e-5):
        raise NotYet(
            "the number is right, but its gradient by D's weights is not; is a part of the way from the weights to "
            "the number detached?"
        )


# ---------------------------------------------------------------- exercise 4


@exercise("Exercise 4")
def sign_flip(function: Callable[[Sequence[float], Sequence[float]], float]) -> str:
    """Check ``sign_flip(control, cure)``: the share of sign patterns with a mean difference at least as large.

    First met in: notebook 05.
    """
    for control, cure in (
        ([1, 2, 1, 3, 2, 1], [2, 5, 1, 4, 1, 2]),
        ([1, 1, 2, 1, 2], [8, 7, 8, 8, 8]),
        ([3, 4, 5], [3, 4, 5]),
        ([4, 6, 5, 7], [2, 6, 4, 1]),
    ):
        got = call(function, [float(x) for x in control], [float(x) for x in cure], name="sign_flip")
        wanted = _share(control, cure)
        if same_number(got, wanted):
            continue
        match_mistake(
            got,
            [
                (
                    _share(control, cure, strict=True),
                    "you count only patterns that are *larger*. At least as large (>=) is meant: the data itself is "
                    "one of the patterns, so the share is never 0",
                ),
                (
                    _share(cure, control),
                    "the difference has the wrong sign: cure minus control, so that positive means that the cure "
                    "covers more",
                ),
                (
                    _share(control, cure, two_sided=True),
                    "you compare absolute values, which asks whether the cure makes *any* difference. Here: more "
                    "modes, so no absolute value",
                ),
                (wanted * 2 ** len(control), "this is the number of patterns; divide by how many there are"),
                (1 - wanted, "this is the share of the *smaller* ones; count those at least as large"),
            ],
        )
        raise NotYet(
            f"for control {control} and cure {cure} the share is {wanted:.4f}, but you return {_plain(got):.4f}. Go "
            f"through all {2 ** len(control)} ways to put + or − before the differences"
        )
    return "With ten seeds the smallest share there can be is 1 in 1,024."


def _plain(number: Any) -> float:
    return number.item() if isinstance(number, Tensor) else float(number)


def _share(control: Sequence[float], cure: Sequence[float], *, strict: bool = False, two_sided: bool = False) -> float:
    difference = torch.tensor(cure, dtype=torch.float64) - torch.tensor(control, dtype=torch.float64)
    signs = torch.tensor(list(itertools.product((1.0, -1.0), repeat=len(difference))), dtype=torch.float64)
    means, seen = signs @ difference, difference.sum()
    if two_sided:
        means, seen = means.abs(), seen.abs()
    return ((means > seen + 1e-9) if strict else (means >= seen - 1e-9)).double().mean().item()
