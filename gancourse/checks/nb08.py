"""Checkers of notebook 08: a linear programme, the critic's losses, and a meter for slopes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse.checks.comparing import Mistakes, compare, flows, same, settle, show
from gancourse.checks.framework import NotYet, bound, call, exercise, number, several, tensor

__all__ = ["critic_losses", "programme", "steepest_slope"]


# ---------------------------------------------------------------- exercise 1


def _parts(places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what every way is long, and which routes leave, or arrive at, each place."""
    n = len(places)
    route, place = torch.arange(n * n), torch.arange(n)[:, None]
    ways = (places[:, None] - places[None, :]).flatten()
    return ways, (route // n == place).double(), (route % n == place).double()


def _programme(
    *,
    cost: Callable[[Tensor], Tensor] = torch.abs,
    rows: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] = lambda leave, arrive: (leave, arrive),
    sums: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] = lambda p, q: (q, p),
) -> Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]:
    """Return the right programme, or one with another part."""

    def formula(places: Tensor, p: Tensor, q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        ways, leave, arrive = _parts(places)
        return cost(ways).double(), torch.cat(rows(leave, arrive)), torch.cat(sums(p, q))

    return formula


_PROGRAMME_MISTAKES: Mistakes = [
    *(
        (_programme(cost=cost), "costs has negative numbers: a way backwards is as long as a way forwards")
        for cost in (lambda ways: ways, lambda ways: -ways)
    ),
    (_programme(cost=torch.square), "the ways are squared; for W1 the cost of a route is its length itself"),
    (_programme(cost=lambda ways: ways.abs().sqrt()), "the cost is the root of the length; for W1 it is the length"),
    (_programme(cost=torch.ones_like), "every route costs the same, so nothing is measured; the cost is the length"),
    *(
        (
            _programme(cost=cost),
            "only one direction costs something; a way backwards is as long as a way forwards",
        )
        for cost in (lambda ways: ways.clamp(min=0), lambda ways: (-ways).clamp(min=0))
    ),
    (
        lambda places, p, q: _programme()(torch.arange(len(places), dtype=places.dtype), p, q),
        "the costs are made of the *numbers* of the places, and not of where they are",
    ),
    (
        _programme(cost=lambda ways: (ways != 0).double()),
        "every route costs 1: this counts mass that moves, not how far",
    ),
    (_programme(cost=lambda ways: -ways.abs()), "the costs are negative, so the longest ways would be the cheapest"),
    (_programme(rows=lambda leave, arrive: (leave, leave)), "both halves of A sum over what *leaves* a place"),
    (_programme(rows=lambda leave, arrive: (arrive, arrive)), "both halves of A sum over what *arrives* at a place"),
    (
        _programme(sums=lambda p, q: (p, q)),
        "p and q have changed places in b, or the halves of A: what *leaves* is the generated mass, and what *arrives* "
        "has to be the data",
    ),
    (
        _programme(rows=lambda leave, arrive: (arrive, leave)),
        "the halves of A have changed places, or p and q in b: what *leaves* is the generated mass, and what *arrives* "
        "has to be the data",
    ),
    (_programme(sums=lambda p, q: (q, q)), "both halves of b are q: nothing says where the mass should arrive"),
    (_programme(sums=lambda p, q: (p, p)), "both halves of b are p: nothing says where the mass comes from"),
    (
        _programme(sums=lambda p, q: (q - p, p - q)),
        "b holds differences; the sums are of *all* mass that leaves, or arrives, also of what stays in its place",
    ),
    (
        _programme(sums=lambda p, q: (torch.ones_like(q), torch.ones_like(p))),
        "b is 1 for every place, and says nothing about p and q",
    ),
    (
        _programme(sums=lambda p, q: (torch.full_like(q, 1 / len(q)), torch.full_like(p, 1 / len(p)))),
        "b gives every place an equal share, and says nothing about p and q",
    ),
    (
        _programme(rows=lambda leave, arrive: (leave, -arrive)),
        "the second half of A is negative; b holds positive sums",
    ),
]


@exercise("Exercise 1")
def programme(function: Callable[[Tensor, Tensor, Tensor], tuple]) -> str:
    """Check ``programme(places, p, q)``, which returns (costs, A, b) of the linear programme from q to p.

    costs: shape (N*N,), route i*N + j goes from place i to place j; A: shape (2N, N*N), the row sums, then the
    column sums; b: shape (2N,), q and then p.

    First met in: notebook 08.
    """
    cases = [
        tuple(torch.tensor(part, dtype=torch.float64) for part in case)
        for case in (
            ([0.0, 1.0, 3.0], [0.2, 0.7, 0.1], [0.5, 0.1, 0.4]),
            ([2.0, -1.5, 0.5, 4.0], [0.1, 0.2, 0.3, 0.4], [0.25, 0.35, 0.05, 0.35]),
        )
    ]
    answers = []
    for case in cases:
        n = len(case[0])
        got = call(function, *case, name="programme", names=("places", "p", "q"))
        parts = several(got, 3, "three things, costs, A and b,", read=_table)
        shapes = ((n * n,), (2 * n, n * n), (2 * n,))
        if sorted(shapes) == sorted(tuple(part.shape) for part in parts) and parts[0].shape != shapes[0]:
            raise NotYet("the three come in another order: first costs, then A, then b")
        for name, part, shape in zip(("costs", "A", "b"), parts, shapes, strict=True):
            if part.shape != shape:
                told = ": a table, and the solver wants one number a route, in one row" if part.shape == (n, n) else ""
                raise NotYet(f"{name} should have shape {shape} for {n} places, but has {tuple(part.shape)}{told}")
        answers.append(parts)
    settle(
        answers,
        cases,
        [
            _programme(),
            _programme(rows=lambda leave, arrive: (arrive, leave), sums=lambda p, q: (p, q)),  # the same, turned round
        ],
        _PROGRAMME_MISTAKES,
        parts=("costs", "A", "b"),
        told=lambda places, p, q: f"places {show(places)}, p = {show(p)} and q = {show(q)}",
        hint="Take one route, from place i to place j: what does it cost, and in which two sums does it appear?",
    )
    return "With three places: nine unknowns, six equations. The solver did the rest."


def _table(part: Any) -> Tensor:
    if hasattr(part, "toarray"):  # a sparse matrix of scipy
        part = part.toarray()
    if isinstance(part, (list, tuple)):
        try:
            part = torch.as_tensor(
                [[float(x) for x in row] if isinstance(row, (list, tuple)) else float(row) for row in part]
            )
        except (TypeError, ValueError) as error:
            raise NotYet(
                f"a tensor was expected, but got a {type(part).__name__} of other things than numbers"
            ) from error
    return tensor(part)


# ---------------------------------------------------------------- exercise 2


def _of_means(formula: Callable[[Tensor, Tensor], Any]) -> Callable[[Tensor, Tensor], Any]:
    return lambda real, fake: formula(real.mean(), fake.mean())


_CRITIC_MISTAKES: dict[str, Mistakes] = {
    "d_loss": [
        (
            _of_means(lambda r, f: r - f),
            "d_loss has the wrong sign: it is *minimised*, and the critic wants real scores high and fake scores low",
        ),
        (lambda r, f: f.sum() - r.sum(), "d_loss adds the scores up; take the mean of each batch"),
        (lambda r, f: r.sum() - f.sum(), "d_loss adds the scores up, and has the wrong sign as well"),
        (
            _of_means(lambda r, f: -r),
            "the fake scores are missing in d_loss: a critic that calls everything real would win",
        ),
        (_of_means(lambda r, f: f), "the real scores are missing in d_loss"),
        (
            _of_means(lambda r, f: (f - r).abs()),
            "d_loss is an absolute value: a critic that is upside down would do as well",
        ),
        (_of_means(lambda r, f: -(f - r).abs()), "d_loss is minus an absolute value: upside down would be as good"),
        (
            lambda r, f: f.sigmoid().mean() - r.sigmoid().mean(),
            "there is a sigmoid on the scores: with it no distance above 1 can ever be read",
        ),
        (
            lambda r, f: F.softplus(-r).mean() + F.softplus(f).mean(),
            "this is the loss of a discriminator, with sigmoid and logarithm; a critic's scores are used as they are",
        ),
        (
            lambda r, f: F.relu(1 - r).mean() + F.relu(1 + f).mean(),
            "this is the hinge loss; a critic's scores are used as they are",
        ),
        (
            _of_means(lambda r, f: f + r),
            "one sign in d_loss is wrong: real and fake scores pull in opposite directions",
        ),
        (
            _of_means(lambda r, f: -f - r),
            "one sign in d_loss is wrong: real and fake scores pull in opposite directions",
        ),
        (lambda r, f: f.max() - r.max(), "d_loss compares the largest scores; take the means"),
    ],
    "g_loss": [
        (
            _of_means(lambda r, f: f),
            "g_loss has the wrong sign: G minimises it and wants *high* scores for its fakes",
        ),
        (lambda r, f: -f.sum(), "g_loss adds the scores up; take the mean"),
        (lambda r, f: f.sum(), "g_loss adds the scores up, and has the wrong sign as well"),
        (_of_means(lambda r, f: r - f), "g_loss carries the real scores as well: a constant for G, without a slope"),
        (_of_means(lambda r, f: f - r), "g_loss is d_loss: with it G would help the critic"),
        (_of_means(lambda r, f: -r), "g_loss is about the *real* scores, in which the generator has no say"),
        (_of_means(lambda r, f: r), "g_loss is about the *real* scores, in which the generator has no say"),
        (
            lambda r, f: F.softplus(-f).mean(),
            "this is the non-saturating loss of a GAN with a discriminator; a critic's scores are used as they are",
        ),
        (lambda r, f: -f.sigmoid().mean(), "there is a sigmoid on the scores; a critic's are used as they are"),
    ],
    "estimate": [
        (_of_means(lambda r, f: f - r), "estimate is d_loss itself, which is negative for a critic that is right"),
        (
            _of_means(lambda r, f: (f - r).abs()),
            "with a critic that is upside down the estimate must be negative: no abs",
        ),
        (
            _of_means(lambda r, f: (r - f).clamp(min=0)),
            "with a critic that is upside down the estimate must be negative: nothing is cut off at 0",
        ),
        (lambda r, f: r.sum() - f.sum(), "estimate adds the scores up; take the mean of each batch"),
        (_of_means(lambda r, f: r), "estimate forgets the fake scores: a constant added to all scores would change it"),
        (
            _of_means(lambda r, f: -f),
            "estimate forgets the real scores: a constant added to all scores would change it",
        ),
    ],
}
_CRITIC_RIGHT: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "d_loss": _of_means(lambda r, f: f - r),
    "g_loss": _of_means(lambda r, f: -f),
    "estimate": _of_means(lambda r, f: r - f),
}


def _mean(part: Any) -> float:
    return number(part, reduce="a mean")


@exercise("Exercise 2")
def critic_losses(function: Callable[[Tensor, Tensor], tuple]) -> str:
    """Check ``critic_losses(real_scores, fake_scores)``, which returns (d_loss, g_loss, estimate).

    d_loss = mean fake - mean real, g_loss = -mean fake, estimate = -d_loss.

    First met in: notebook 08.
    """
    names = ("real_scores", "fake_scores")
    high, low = torch.tensor([2.0, -1.0, 0.5, 3.0]), torch.tensor([-0.5, 1.5, -2.0])
    cases = [(high, low), (low, high), (torch.tensor([0.3, 4.0]), torch.tensor([1.0, -0.2, 0.9, 2.4, 0.1]))]
    what = "three numbers, d_loss, g_loss and estimate,"

    def answer(case: tuple[Tensor, Tensor]) -> tuple:
        return several(call(function, *case, name="critic_losses", names=names), 3, what, read=_mean)

    try:
        answers = [answer(case) for case in cases]
    except NotYet as problem:
        if "shapes do not fit" in str(problem) and answer((high, high + 1)):
            raise NotYet(
                "it works only for as many real scores as fake ones, (N,) and (M,) may differ: are they subtracted one "
                "by one, before the mean?"
            ) from problem
        raise
    wanted = [tuple(right(*case) for right in _CRITIC_RIGHT.values()) for case in cases]
    if same(answers, [tuple(right(*case[::-1]) for right in _CRITIC_RIGHT.values()) for case in cases]):
        raise NotYet("real and fake scores have changed places, in all three")
    for order in itertools.permutations(range(3)):
        if not same(answers, wanted) and same(answers, [tuple(want[place] for place in order) for want in wanted]):
            raise NotYet("the three numbers are right, and come in another order: first d_loss, then g_loss, estimate")
    for place, (part, right) in enumerate(_CRITIC_RIGHT.items()):
        settle(
            [answer[place] for answer in answers],
            cases,
            right,
            _CRITIC_MISTAKES[part],
            told=lambda real, fake, part=part: f"{part} of real scores {show(real)} and fake scores {show(fake)}",
            hint={
                "d_loss": "What does the critic want to be small?",
                "g_loss": "What does the generator want to be small?",
                "estimate": "What has the critic found, if it is right?",
            }[part],
        )
    scores = {name: logits.clone().requires_grad_() for name, logits in zip(names, cases[2], strict=True)}
    d_loss, g_loss, _ = call(function, *scores.values(), name="critic_losses", names=names)
    for part, got, player in (("d_loss", d_loss, "the critic"), ("g_loss", g_loss, "the generator")):
        right = _CRITIC_RIGHT[part](*scores.values())
        flows(got, right, scores, otherwise=f"{player} learns from it", what=part)
    return "Train the critic alone and d_loss falls below 0; turned round, it is the estimate of the distance."


# ---------------------------------------------------------------- exercise 3


def _gradients(critic: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    points = points.detach().requires_grad_()
    return torch.autograd.grad(critic(points).sum(), points)[0]


def _of_gradients(formula: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda critic, points: formula(_gradients(critic, points))


def _between_pairs(critic: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """Return the steepest slope between two points."""
    scores, apart = critic(points), torch.cdist(points, points)
    return ((scores[:, None] - scores).abs() / apart.fill_diagonal_(1.0)).max()


_SLOPE_MISTAKES: Mistakes = [
    (
        _of_gradients(lambda g: g.abs().max()),
        "this is the largest *entry* of a gradient; each point's gradient has a norm",
    ),
    (
        _of_gradients(lambda g: g.max()),
        "this is the largest entry of a gradient, with its sign; each point's gradient has a norm",
    ),
    (
        _of_gradients(lambda g: g.abs().sum(1).max()),
        "the entries of the gradient are added up; the norm is the root of the sum of squares",
    ),
    (
        _of_gradients(lambda g: g.sum(1).max()),
        "the entries of the gradient are added up, with their signs; the norm is the root of the sum of squares",
    ),
    (_of_gradients(lambda g: g.square().sum(1).max()), "this is the squared norm: take the root"),
    (
        _of_gradients(lambda g: g.square().mean(1).sqrt().max()),
        "the root is taken of the *mean* over the coordinates; the norm has their sum",
    ),
    (
        _of_gradients(lambda g: g.norm()),
        "this is one norm over all points together, which grows with their number; each point has its own",
    ),
    (_of_gradients(lambda g: g.norm(dim=0).max()), "the norm runs over the *points* (dim=0); each point has its own"),
    (
        _of_gradients(lambda g: g.norm(dim=1).max() / len(g)),
        "the gradient of the *mean* score carries 1/N; differentiate the sum of the scores",
    ),
    (
        _of_gradients(lambda g: g.norm(dim=1).mean()),
        "this is the mean slope; the Lipschitz constant is about the *largest*",
    ),
    (_of_gradients(lambda g: g.norm(dim=1).median()), "this is the slope in the middle; the *largest* is wanted"),
    (_of_gradients(lambda g: g.norm(dim=1).sum()), "this is the sum of the slopes; the *largest* is wanted"),
    (_of_gradients(lambda g: g.norm(dim=1).min()), "this is the smallest slope; the *largest* is wanted"),
    (_of_gradients(lambda g: g.norm(dim=1)[0]), "this is the slope at the first point only"),
    (_of_gradients(lambda g: g.norm(dim=1)[-1]), "this is the slope at the last point only"),
    (
        _of_gradients(lambda g: g.mean(0).norm()),
        "the gradients are averaged before their norm is taken, so that they cancel; each point has its own",
    ),
    (
        _of_gradients(lambda g: g.sum(0).norm()),
        "the gradients are added up before their norm is taken, so that they cancel; each point has its own",
    ),
    (
        _of_gradients(lambda g: g.norm(dim=1).argmax()),
        "this is *where* the slope is largest, the number of a point; the slope itself is wanted",
    ),
    (
        lambda critic, points: _gradients(lambda x: critic(x).max(), points).norm(dim=1).max(),
        "this is the slope at the point with the largest *score*; the slope may be larger elsewhere",
    ),
    (
        lambda critic, points: (critic(points).diff().abs() / points.diff(dim=0).norm(dim=1)).max(),
        "this is the steepest slope *between* two neighbours in the list; the gradient at each point is wanted",
    ),
    (_between_pairs, "this is the steepest slope *between* two of the points; the gradient at each is wanted"),
    (lambda critic, points: critic(points).max(), "this is the largest score, and not a slope"),
    (lambda critic, points: critic(points).max() - critic(points).min(), "this is a difference of scores, not a slope"),
]


@exercise("Exercise 3")
def steepest_slope(function: Callable[[Callable[[Tensor], Tensor], Tensor], float]) -> str:
    """Check ``steepest_slope(critic, points)``: the largest gradient norm over the points.

    First met in: notebook 08.
    """
    weight = torch.tensor([3.0, -4.0])

    def straight(x: Tensor) -> Tensor:
        return x @ weight

    def bent(x: Tensor) -> Tensor:
        return 0.5 * x.square().sum(1)

    def waves(x: Tensor) -> Tensor:
        return (2.0 * x[:, 0] - x[:, 2]).sin() - 0.7 * x[:, 1] * x[:, 2]

    cases = [
        (straight, torch.tensor([[0.5, 1.0], [-2.0, 0.3], [1.0, 1.5], [-0.4, -0.9]])),
        (bent, torch.tensor([[0.0, 2.0], [3.0, 4.0], [0.6, 0.8]])),
        (
            waves,
            torch.tensor([[0.1, 1.0, -0.5], [2.0, -0.3, 0.7], [-1.0, 0.4, 1.9], [0.3, -1.8, 0.2], [1.1, 0.6, -0.8]]),
        ),
    ]
    compare(
        function,
        cases,
        _of_gradients(lambda g: g.norm(dim=1).max()),
        _SLOPE_MISTAKES,
        name="steepest_slope",
        names=("critic", "points"),
        reduce="the step from one slope for each point to the largest",
        told=lambda critic, points: (
            {straight: "3x − 4y, whose slope is 5 everywhere,", bent: "|x|²/2"}.get(critic, "a wavy critic")
            + f" at {len(points)} points in {points.shape[1]} dimensions"
        ),
        hint="One gradient for each point, the norm of each, and of these the largest",
        tolerance=2e-3,  # a slope from differences is right too, and single precision gives it no more digits
    )
    points = cases[1][1].clone()
    by_place, by_name = bound(function, [bent, points], ("critic", "points"), "steepest_slope")
    function(*by_place, **by_name)
    return "A lower bound: between the points, and beyond them, the critic may be steeper." + (
        " One remark: your function leaves requires_grad on the caller's points; points.detach().clone() is your own."
        if points.requires_grad
        else ""
    )
