"""What tells you that your answer is right: the exercises of notebook 08, Measure distance with a critic."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.framework import NotYet, call, exercise, match_mistake, same_number
from gancourse.metrics import lipschitz
from gancourse.metrics import transport as exact

__all__ = ["critic_losses", "programme", "steepest_slope", "w1_by_sorting"]


# ---------------------------------------------------------------- exercise 1


@exercise("Exercise 1")
def w1_by_sorting(function: Callable[[Tensor, Tensor], float]) -> str:
    """Check ``w1_by_sorting(a, b)`` for two samples of equal size, shape (N,): mean |sort(a) - sort(b)|.

    First met in: notebook 08.
    """
    for a, b in (
        (torch.tensor([0.5, -3.0, 2.0, 8.0]), torch.tensor([4.0, -1.0, 13.0, -7.5])),
        (torch.tensor([5.0, 0.0, 2.5]), torch.tensor([1.0, 9.0, -2.0])),
    ):
        kept = a.clone(), b.clone()
        got = call(function, a, b, name="w1_by_sorting")
        if not (torch.equal(a, kept[0]) and torch.equal(b, kept[1])):
            raise NotYet("your function changes the samples it is given; sort copies: a.sort().values")
        same_number(got, 0.0)  # refuses what is no number
        if same_number(got, exact.wasserstein_1d(a, b)):
            continue
        up, down = a.sort().values, b.sort().values
        match_mistake(
            got,
            [
                (float((a - b).abs().mean()), "the points are paired as they happen to stand; sort both samples first"),
                (
                    float((up - b).abs().mean()),
                    "only the first sample is sorted; the plan pairs smallest with smallest",
                ),
                (float((a - down).abs().mean()), "only the second sample is sorted; sort both"),
                (
                    float((up - down).mean()),
                    "ways in opposite directions cancel: take the absolute value of each difference before the mean",
                ),
                (
                    float((up - down).mean().abs()),
                    "this is the difference of the means: take the absolute value of each way, then the mean",
                ),
                (float((up - down).abs().sum()), "this is the sum of all ways; each point carries 1/N: take the mean"),
                (
                    float((up - down).square().mean()),
                    "the ways are squared; W1 takes the length itself (squares belong to W2)",
                ),
                (
                    float((up - down).square().mean().sqrt()),
                    "this is W2, the root of the mean square; W1 is the mean of the lengths",
                ),
                (
                    float((up - down.flip(0)).abs().mean()),
                    "smallest is paired with largest, the worst plan of all; sort both the same way",
                ),
            ],
        )
        raise NotYet(
            f"for a = {a.tolist()} and b = {b.tolist()} you return {float(got):.4g}, but the distance is "
            f"{exact.wasserstein_1d(a, b):.4g}. Two sorts, a difference, abs, mean"
        )
    return "On the line the best plan never lets two ways cross."


# ---------------------------------------------------------------- exercise 2


@exercise("Exercise 2")
def programme(function: Callable[[Tensor, Tensor, Tensor], tuple]) -> str:
    """Check ``programme(places, p, q)``, which returns (costs, A, b) of the linear programme from q to p.

    costs: shape (N*N,), route i*N + j goes from place i to place j; A: shape (2N, N*N), the row sums, then the
    column sums; b: shape (2N,), q and then p.

    First met in: notebook 08.
    """
    from scipy.optimize import linprog

    places = torch.tensor([0.0, 1.0, 3.0], dtype=torch.float64)
    p = torch.tensor([0.2, 0.7, 0.1], dtype=torch.float64)
    q = torch.tensor([0.5, 0.1, 0.4], dtype=torch.float64)
    n = 3
    got = call(function, places, p, q, name="programme")
    if not isinstance(got, (tuple, list)) or len(got) != 3:
        raise NotYet(f"return three things, costs, A and b; got {type(got).__name__}")
    if any(part is ... for part in got):
        raise NotYet("one of costs, A and b is still ...")
    names = ("costs", "A", "b")
    parts = []
    for name, part in zip(names, got, strict=True):
        try:
            parts.append(torch.as_tensor(part).detach().double())
        except (TypeError, ValueError, RuntimeError) as error:
            raise NotYet(f"{name} should be a tensor or an array, but is {type(part).__name__}") from error
    costs, rows, right = parts
    if costs.shape == (n, n):
        raise NotYet("costs is a table; the solver wants one number a route, in one row: .flatten()")
    for name, part, shape in (("costs", costs, (n * n,)), ("A", rows, (2 * n, n * n)), ("b", right, (2 * n,))):
        if part.shape != shape:
            raise NotYet(f"{name} should have shape {shape} for three places, but has {tuple(part.shape)}")
        if not bool(torch.isfinite(part).all()):
            raise NotYet(f"{name} holds NaN or infinite numbers")
    gaps = places[:, None] - places[None, :]
    for mistake, sentence in (
        (gaps, "costs has negative numbers: a way backwards is as long as a way forwards; take the absolute value"),
        (-gaps, "costs has negative numbers: a way backwards is as long as a way forwards; take the absolute value"),
        (gaps.square(), "the ways are squared; for W1 the cost is the length |x_i - x_j| itself"),
        (torch.ones(n, n), "every route costs the same, so nothing is measured; the cost is the length |x_i - x_j|"),
        ((gaps != 0).double(), "every route costs 1: this counts mass that moves, not how far"),
    ):
        if torch.allclose(costs, mistake.flatten().double()):
            raise NotYet(sentence)
    if not torch.allclose(costs, gaps.abs().flatten()):
        raise NotYet("costs should hold |x_i - x_j| for route i*N + j: places[:, None] - places[None, :], abs, flatten")
    leaving, arriving = torch.zeros(n, n * n), torch.zeros(n, n * n)
    for i in range(n):
        for j in range(n):
            leaving[i, i * n + j] = arriving[j, i * n + j] = 1
    wanted = torch.cat([leaving, arriving]).double()
    if torch.allclose(right, torch.cat([p, q])) and torch.allclose(rows, wanted):
        raise NotYet("p and q have changed places: what *leaves* is q, the generated mass; what *arrives* is p")
    if torch.allclose(rows, wanted) and not torch.allclose(right, torch.cat([q, p])):
        raise NotYet("A is right; b should be q (what leaves each place) followed by p (what arrives)")
    if torch.allclose(rows, torch.cat([leaving, leaving]).double()):
        raise NotYet("both halves of A sum over what leaves a place; the second half sums over what arrives at place j")
    if torch.allclose(rows, torch.cat([arriving, leaving]).double()) and torch.allclose(right, torch.cat([q, p])):
        raise NotYet("the halves of A have changed places: b starts with q, so A starts with what leaves each place")
    answer = linprog(costs.numpy(), A_eq=rows.numpy(), b_eq=right.numpy())
    if answer.status != 0:
        raise NotYet(
            "the solver finds no plan for your A and b: row i of A has a 1 at every route that leaves place i (and the "
            "same, in the second half, for routes that arrive at j)"
        )
    truth = exact.transport(q, p, gaps.abs()).cost
    if not math.isclose(answer.fun, truth, abs_tol=1e-6):
        raise NotYet(f"your programme is solved at {answer.fun:.4g}, but the distance is {truth:.4g}: look at A and b")
    return "Nine unknowns, six equations; the solver did the rest."


# ---------------------------------------------------------------- exercise 3


@exercise("Exercise 3")
def critic_losses(function: Callable[[Tensor, Tensor], tuple]) -> str:
    """Check ``critic_losses(real_scores, fake_scores)``, which returns (d_loss, g_loss, estimate).

    d_loss = mean fake - mean real, g_loss = -mean fake, estimate = -d_loss.

    First met in: notebook 08.
    """
    real, fake = torch.tensor([2.0, -1.0, 0.5, 3.0]), torch.tensor([-0.5, 1.5, -2.0])
    got = call(function, real, fake, name="critic_losses")
    if not isinstance(got, (tuple, list)) or len(got) != 3:
        raise NotYet(f"return three numbers, d_loss, g_loss and estimate; got {type(got).__name__}")
    if any(part is ... for part in got):
        raise NotYet("one of the three numbers is still ...")
    for part in got:
        same_number(part, 0.0)  # refuses what is no number
    d_loss, g_loss, estimate = got
    r, f = float(real.mean()), float(fake.mean())
    match_mistake(
        d_loss,
        [
            (
                r - f,
                "d_loss has the wrong sign: it is *minimised*, and the critic wants real scores high and fake scores "
                "low, so it is mean fake − mean real",
            ),
            (float(fake.sum() - real.sum()), "d_loss adds the scores up; take the mean of each batch"),
            (-r, "the fake scores are missing in d_loss: a critic that calls everything real would win"),
            (f, "the real scores are missing in d_loss"),
            (abs(f - r), "d_loss is an absolute value: a critic that is upside down would win as well. Drop the abs"),
            (
                float(torch.sigmoid(fake).mean() - torch.sigmoid(real).mean()),
                "there is a sigmoid on the scores: with it no distance above 1 can ever be read",
            ),
            (f + r, "one sign in d_loss is wrong: fake scores count plus, real scores minus"),
        ],
    )
    if not same_number(d_loss, f - r):
        raise NotYet(f"d_loss is {float(d_loss):.4g} instead of {f - r:.4g} = mean fake − mean real")
    match_mistake(
        g_loss,
        [
            (
                f,
                "g_loss has the wrong sign: G minimises it and wants *high* scores for its fakes, so it is −mean fake",
            ),
            (float(-fake.sum()), "g_loss adds the scores up; take the mean"),
            (-(f - r), "g_loss carries the real scores as well: a constant for G, without a slope. Leave it out"),
        ],
    )
    if not same_number(g_loss, -f):
        raise NotYet(f"g_loss is {float(g_loss):.4g} instead of {-f:.4g} = −mean fake")
    if same_number(estimate, f - r):
        raise NotYet("estimate is d_loss itself, which is negative; the distance it stands for is −d_loss")
    if not same_number(estimate, r - f):
        raise NotYet(f"estimate is {float(estimate):.4g} instead of {r - f:.4g} = −d_loss")
    low, high = call(function, fake, real, name="critic_losses")[2], estimate
    if not same_number(low, -float(high)):
        raise NotYet("with a critic that is upside down the estimate must be negative: no abs, no clamp")
    return "Train the critic alone and d_loss falls below 0; turned round, it is the estimate of the distance."


# ---------------------------------------------------------------- exercise 4


@exercise("Exercise 4")
def steepest_slope(function: Callable[[Callable[[Tensor], Tensor], Tensor], float]) -> str:
    """Check ``steepest_slope(critic, points)``: the largest gradient norm over the points.

    First met in: notebook 08.
    """
    weight = torch.tensor([3.0, -4.0])
    flat = torch.tensor([[0.5, 1.0], [-2.0, 0.3], [1.0, 1.5], [-0.4, -0.9]])
    got = call(function, lambda x: x @ weight, flat.clone(), name="steepest_slope")
    same_number(got, 0.0)  # refuses what is no number
    match_mistake(
        got,
        [
            (4.0, "this is the largest *entry* of a gradient; take the norm over the coordinates of each point first"),
            (3.0, "this is the largest entry of a gradient, with its sign; take the norm over the coordinates first"),
            (7.0, "the entries of the gradient are added up; the norm is the root of the sum of squares, .norm(dim=1)"),
            (25.0, "the squared norm: take the root"),
            (
                10.0,
                "one norm over all points together (it grows with their number); take it for each point, .norm(dim=1)",
            ),
            (
                1.25,
                "the gradient of the *mean* score carries 1/N; differentiate the sum of the scores",
            ),
        ],
    )
    if not same_number(got, 5.0):
        raise NotYet(f"for the critic 3x − 4y, whose slope is 5 everywhere, you return {float(got):.4g}")

    def bent(x: Tensor) -> Tensor:
        return 0.5 * x.square().sum(1)

    points = torch.tensor([[0.0, 2.0], [3.0, 4.0], [0.6, 0.8]])
    got = call(function, bent, points, name="steepest_slope")
    marked, points = points.requires_grad, points.detach()
    wanted = lipschitz.largest_slope(bent, points)
    match_mistake(
        got,
        [
            (float(points.norm(dim=1).mean()), "this is the mean slope; the Lipschitz constant is about the *largest*"),
            (float(points.norm(dim=1).min()), "this is the smallest slope; take the largest"),
            (float(points[0].norm()), "this is the slope at the first point only; take the largest over all"),
            (float(points.norm()), "one norm over all points together; take one for each point, .norm(dim=1)"),
        ],
    )
    if not same_number(got, wanted):
        raise NotYet(f"for the critic |x|²/2 at {points.tolist()} you return {float(got):.4g} instead of {wanted:.4g}")
    if marked:
        raise NotYet("your function leaves requires_grad on the caller's points; work on points.detach().clone()")
    return "A lower bound: between the points, and beyond them, the critic may be steeper."
