"""Checkers of notebook 15: a code with noise, its cost, a step towards z, the nearest word, and losses of pairs."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from gancourse import runtime
from gancourse.checks.comparing import Mistakes, compare, flows, same, settle
from gancourse.checks.framework import NotYet, call, exercise, number, several, tensor
from gancourse.checks.known import D_CONSTANTS, D_MISTAKES, d_loss, down, up

__all__ = ["draw_code", "kl_to_normal", "nearer", "pair_losses", "quantise"]

# ---------------------------------------------------------------- exercise 1


def _drawn(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    return mean + (log_variance / 2).exp() * noise


_DRAW_MISTAKES: Mistakes = [
    (
        lambda m, v, e: m + v.exp() / 2 * e,
        "the variance is halved. Half the *log* variance is the logarithm of the standard deviation",
    ),
    (
        lambda m, v, e: m * (v / 2).exp() + e,
        "the mean is stretched and the noise is added as it is; it has to be the other way round",
    ),
    (lambda m, v, e: m + 2 ** (v / 2) * e, "log_variance is a natural logarithm: the base is e, and not 2"),
    (lambda m, v, e: m + 10 ** (v / 2) * e, "log_variance is a natural logarithm: the base is e, and not 10"),
    (
        lambda m, v, e: m + (v / 2).exp().mean(0) * e,
        "you average deviations over the batch. Each code has deviations of its own",
    ),
    (
        lambda m, v, e: m + v.exp() * e,
        "the noise is multiplied by the *variance*; the standard deviation is its square root",
    ),
    (lambda m, v, e: m + v * e, "log_variance is a logarithm: the noise has to be multiplied by a standard deviation"),
    (lambda m, v, e: m + v / 2 * e, "half the log variance is the *logarithm* of the standard deviation"),
    (lambda m, v, e: m + (2 * v).exp() * e, "the log variance is doubled where it has to be halved"),
    (
        lambda m, v, e: m + (-v / 2).exp() * e,
        "the sign in the exponent is turned round: a large variance gives little noise",
    ),
    (lambda m, v, e: m + v.abs().sqrt() * e, "the root is taken of the *logarithm* of the variance"),
    (lambda m, v, e: m, "the mean comes back as it is, without noise: that is an autoencoder"),
    (lambda m, v, e: m + e, "the noise has the deviation 1 everywhere; log_variance is not used"),
    (lambda m, v, e: (v / 2).exp() * e, "the noise is right, and the mean is missing"),
    (lambda m, v, e: m + (v / 2).exp(), "the deviation is added as it is, without noise"),
    (lambda m, v, e: m * (v / 2).exp() * e, "mean and noise are multiplied; the noise has to be *added* to the mean"),
    (lambda m, v, e: (m + e) * (v / 2).exp(), "the mean is multiplied by the deviation too; only the noise has to be"),
    (lambda m, v, e: m + e / (v / 2).exp(), "the noise is divided by the standard deviation"),
    (lambda m, v, e: m + v.sum(1, keepdim=True).div(2).exp() * e, "each number of a code has a deviation of its own"),
    (
        lambda m, v, e: m + v.mean(1, keepdim=True).div(2).exp() * e,
        "each number of a code has a deviation of its own; you take one for the whole row",
    ),
]


@exercise("Exercise 1")
def draw_code(function: Callable[[Tensor, Tensor, Tensor], Tensor]) -> str:
    """Check ``draw_code(mean, log_variance, noise)``: a sample of the normal distribution, differentiable by both.

    First met in: notebook 15.
    """
    random, cases, names = runtime.generator(15), [], ("mean", "log_variance", "noise")
    for shape in ((3, 2), (5, 4), (1, 3)):
        cases.append(tuple(torch.randn(shape, generator=random) * scale for scale in (2.0, 1.5, 1.0)))
    again = [call(function, *cases[0], name="draw_code", names=names) for _ in range(2)]
    if all(isinstance(got, Tensor) and got.shape == cases[0][0].shape for got in again) and not same(*again):
        raise NotYet(
            "two calls with the same three arguments differ, so you draw noise of your own. Use the noise that is given"
        )
    compare(
        function,
        cases,
        (_drawn, lambda mean, log_variance, noise: _drawn(mean, log_variance, -noise)),
        _DRAW_MISTAKES,
        name="draw_code",
        names=names,
        read=tensor,
        told=lambda mean, log_variance, noise: f"{len(mean)} codes of {mean.shape[1]} numbers",
    )
    mean, log_variance, noise = cases[0]
    parts = {"mean": mean.clone().requires_grad_(), "log_variance": log_variance.clone().requires_grad_()}
    sign, weights = _sign(tensor(again[0]), cases[0]), torch.randn(mean.shape, generator=random)
    got = tensor(call(function, *parts.values(), noise, name="draw_code", names=names))
    right = (_drawn(*parts.values(), sign * noise) * weights).sum()
    flows((got * weights).sum(), right, parts, otherwise="the encoder could not learn", what="the code")
    return "The noise comes from outside, so the gradient passes through mean and deviation as through any other layer."


def _sign(got: Tensor, case: tuple[Tensor, ...]) -> int:
    """Tell whether the noise was added or taken away: both are samples of the same distribution."""
    return 1 if same(got, _drawn(*case)) else -1


# ---------------------------------------------------------------- exercise 2


def _costs(m: Tensor, v: Tensor) -> Tensor:
    """Return the KL of each number of a code, in nats."""
    return (m.square() + v.exp() - 1 - v) / 2


_KL_MISTAKES: Mistakes = [
    (lambda m, v: (m.square() - 1 - v).sum(1) / 2, "the variance itself is missing: codes with much noise cost too"),
    (
        lambda m, v: (m.square() + v.exp() - 1).sum(1) / 2,
        "the logarithm is missing: codes with hardly any noise have to become dear",
    ),
    (
        lambda m, v: ((m.square() + v.exp() - v).sum(1) - 1) / 2,
        "the 1 is taken off once for each code; every number of the code has its own",
    ),
    (
        lambda m, v: (m.square() + v.exp() - 1 - v / 2).sum(1),
        "the ½ belongs to all terms, and not to the last one alone",
    ),
    (
        lambda m, v: (m.square() + (-v).exp() - 1 - v).sum(1) / 2,
        "the sign in the exponent is turned round: exp(log_variance) is the variance",
    ),
    (
        lambda m, v: (m.square() + (-v).exp() - 1 + v).sum(1) / 2,
        "the sign of log_variance is turned round everywhere",
    ),
    (
        lambda m, v: (m.square() + v.square() - 1 - v).sum(1) / 2,
        "log_variance is squared. Its exponential is the variance",
    ),
    (
        lambda m, v: _costs(m, v).sum(1) / len(m),
        "you divide by the size of the batch. One number for each code was wanted",
    ),
    (
        lambda m, v: (m.norm(dim=1) + (v.exp() - 1 - v).sum(1)) / 2,
        "the length of the mean is not squared",
    ),
    (lambda m, v: -_costs(m, v).sum(1), "the sign is turned round: a KL divergence is never negative"),
    (lambda m, v: 2 * _costs(m, v).sum(1), "the factor ½ is missing: this is twice the KL"),
    (
        lambda m, v: _costs(m, v).mean(1),
        "you average over the numbers of a code. Each of them has to be paid for: add them up",
    ),
    (lambda m, v: _costs(m, v).sum(0), "you add up over the batch; add up over the numbers of each code, axis 1"),
    (lambda m, v: _costs(m, v).mean(0), "you average over the batch; add up over the numbers of each code, axis 1"),
    (lambda m, v: _costs(m, v), "one number for each code was wanted: the terms of its numbers have to be added up"),
    (lambda m, v: _costs(m, v).sum(), "you add up over the whole batch. One number for each code was wanted"),
    (lambda m, v: _costs(m, v).sum(1).mean(), "you average over the batch. One number for each code was wanted"),
    (lambda m, v: _costs(m, v).mean(), "you average over everything. One number for each code was wanted"),
    (lambda m, v: _costs(m, v).sum(1) / math.log(2), "this is in bits. In nats there is no division by log 2"),
    (
        lambda m, v: (m.square() + v.exp() - v).sum(1) / 2,
        "the −1 is missing: a code that is N(0, I) already has to cost nothing",
    ),
    (
        lambda m, v: (m.square() + v.exp() - 1 + v).sum(1) / 2,
        "the sign of the log variance is turned round: σ → 0 has to become dear, and σ = 1 has to be the cheapest",
    ),
    (
        lambda m, v: (m.square() + v.exp() + 1 - v).sum(1) / 2,
        "the sign of the 1 is turned round: a code that is N(0, I) already has to cost nothing",
    ),
    (
        lambda m, v: (m.square() + (v / 2).exp() - 1 - v).sum(1) / 2,
        "exp(log_variance / 2) is σ; the formula has σ², the variance",
    ),
    (lambda m, v: (m.square() + v.exp().square() - 1 - v).sum(1) / 2, "log_variance is the logarithm of σ², not of σ"),
    (
        lambda m, v: (m.square() + v.exp().square() - 1 - 2 * v).sum(1) / 2,
        "log_variance is the logarithm of σ², and you take it for that of σ",
    ),
    (
        lambda m, v: (m.square() + v - 1 - v.log()).sum(1) / 2,
        "log_variance is the *logarithm* of the variance: take it for what it is, and .exp() for the variance",
    ),
    (
        lambda m, v: (m.square() + v.exp() - 1 - v / 2).sum(1) / 2,
        "the last term is log σ², and you take log σ, which is half of it",
    ),
    (lambda m, v: (m.square() + v.exp() - 1 - 2 * v).sum(1) / 2, "the last term is log σ², once, and not twice"),
    (lambda m, v: (m + v.exp() - 1 - v).sum(1) / 2, "the mean is not squared"),
    (lambda m, v: (m.abs() + v.exp() - 1 - v).sum(1) / 2, "the mean is not squared"),
    (lambda m, v: (v.exp() - 1 - v).sum(1) / 2, "the mean is missing: codes far from 0 have to cost more"),
    (lambda m, v: m.square().sum(1) / 2, "the variance is missing: codes with hardly any noise have to cost more"),
    (
        lambda m, v: (v + (1 + m.square()) / v.exp() - 1).sum(1) / 2,
        "this is the KL the other way round, from N(0, I) to the code's distribution",
    ),
    (
        lambda m, v: m.square().sum(1) / 2 + (v.exp() - 1 - v).sum(1),
        "the ½ belongs to all terms, and not to the mean alone",
    ),
    (
        lambda m, v: m.square().sum(1) + (v.exp() - 1 - v).sum(1) / 2,
        "the ½ belongs to all terms: the mean has it too",
    ),
]


@exercise("Exercise 2")
def kl_to_normal(function: Callable[[Tensor, Tensor], Tensor]) -> str:
    """Check ``kl_to_normal(mean, log_variance)``: the KL of each code's distribution to N(0, I) in nats, shape (N,).

    First met in: notebook 15.
    """
    random, names = runtime.generator(16), ("mean", "log_variance")
    cases = [
        (torch.tensor([[0.0, 0.0], [1.0, -2.0], [0.5, 3.0]]), torch.tensor([[0.0, 0.0], [0.0, 0.0], [-1.0, 0.4]])),
        *(tuple(torch.randn(shape, generator=random) for _ in range(2)) for shape in ((4, 3), (2, 5), (1, 4))),
    ]
    compare(
        function,
        cases,
        lambda mean, log_variance: _costs(mean, log_variance).sum(1),
        _KL_MISTAKES,
        name="kl_to_normal",
        names=names,
        read=tensor,
        told=lambda mean, log_variance: f"{len(mean)} codes of {mean.shape[1]} numbers",
    )
    parts = dict(zip(names, (part.clone().requires_grad_() for part in cases[1]), strict=True))
    weights = torch.tensor([1.0, -2.0, 0.5, 3.0])
    got = tensor(call(function, *parts.values(), name="kl_to_normal", names=names))
    right = (_costs(*parts.values()).sum(1) * weights).sum()
    flows((got * weights).sum(), right, parts, otherwise="the encoder could not learn to make cheap codes")
    return "It is 0 for mean 0 and variance 1 alone, and the code's numbers add up."


# ---------------------------------------------------------------- exercise 3


class _Painter(nn.Module):
    """A small generator of pictures, shape (N, 1, 2, 3), from two numbers."""

    def __init__(self, random: torch.Generator) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.randn(2, 5, generator=random))
        self.last = nn.Parameter(torch.randn(5, 6, generator=random) / 2)

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(torch.tanh(z @ self.first) @ self.last).view(-1, 1, 2, 3)


def _moved(how: Callable[[Tensor], Tensor], sign: float = -1.0) -> Callable[..., Tensor]:
    """Return the step that descends (or, with sign 1, climbs) a loss made of the differences G(z) - image."""

    def step(G: nn.Module, image: Tensor, z: Tensor, rate: float) -> Tensor:
        return z + sign * rate * _slope(how, G, image, z)

    return step


def _slope(how: Callable[[Tensor], Tensor], G: nn.Module, image: Tensor, z: Tensor) -> Tensor:
    with torch.enable_grad():
        leaf = z.detach().clone().requires_grad_()
        return torch.autograd.grad(how(G(leaf) - image), leaf)[0]


def _sum_of_squares(off: Tensor) -> Tensor:
    return off.square().sum()


_NEARER_MISTAKES: Mistakes = [
    (
        lambda G, image, z, rate: z - 2 * rate * _slope(_sum_of_squares, G, image, z),
        "you step twice as far as the rate says. autograd has the factor 2 of the square already",
    ),
    (
        lambda G, image, z, rate: z - rate * _slope(_sum_of_squares, G, image, z).mean(0),
        "all images get the same, averaged step. Each has a slope of its own",
    ),
    (
        lambda G, image, z, rate: z - _slope(_sum_of_squares, G, image, z) / rate,
        "the slope is divided by the rate",
    ),
    (
        lambda G, image, z, rate: z - rate * (G(z) - image).square().sum().detach(),
        "the error itself is taken off z. Its *slope* by z was wanted",
    ),
    (
        lambda G, image, z, rate: _moved(_sum_of_squares)(G, image, _moved(_sum_of_squares)(G, image, z, rate), rate),
        "these are two steps; one was wanted",
    ),
    (_moved(_sum_of_squares, 1.0), "you climb: the error grows. A step *against* the slope makes it smaller"),
    (
        _moved(lambda off: off.square().mean()),
        "the squared differences are averaged over the whole batch, so each image gets a smaller step the more images "
        "there are. Add them up",
    ),
    (
        _moved(lambda off: off.square().flatten(1).mean(1).sum()),
        "the squared differences are averaged over the pixels; their *sum* was wanted",
    ),
    (
        _moved(lambda off: off.square().flatten(1).sum(1).mean()),
        "the errors are averaged over the batch, so each image gets a smaller step the more images there are. Add them "
        "up",
    ),
    (_moved(lambda off: off.square().sum() / 2), "this is half of the step: the error has no factor ½ here"),
    (_moved(lambda off: off.square().sum().sqrt()), "you descend the root of the sum; the sum itself was wanted"),
    (
        _moved(lambda off: off.flatten(1).norm(dim=1).sum()),
        "you descend the distance, the root of each image's sum; the sum of squares was wanted",
    ),
    (_moved(lambda off: off.abs().sum()), "you descend absolute differences; squares were wanted"),
    (_moved(lambda off: off.sum()), "the differences are not squared, so bright errors and dark ones cancel"),
    (lambda G, image, z, rate: z, "z comes back as it was"),
    (lambda G, image, z, rate: _slope(_sum_of_squares, G, image, z), "this is the slope; the new z was wanted"),
    (
        lambda G, image, z, rate: -rate * _slope(_sum_of_squares, G, image, z),
        "this is the step alone; add it to z",
    ),
    (lambda G, image, z, rate: z - _slope(_sum_of_squares, G, image, z), "the rate is missing"),
    (
        lambda G, image, z, rate: z - rate * _slope(_sum_of_squares, G, image, z).sign(),
        "you step by the rate in each direction, by the sign of the slope alone; its size was wanted too",
    ),
    (
        lambda G, image, z, rate: z - rate * nn.functional.normalize(_slope(_sum_of_squares, G, image, z)),
        "the slope is brought to length 1; its size was wanted too",
    ),
    (
        lambda G, image, z, rate: z - rate * _slope(lambda off: (off + image).square().sum(), G, image, z),
        "the image is not used: you make G's picture grey",
    ),
]


@exercise("Exercise 3")
def nearer(function: Callable[[nn.Module, Tensor, Tensor, float], Tensor]) -> str:
    """Check ``nearer(G, image, z, rate)``: one step of gradient descent on the summed squared error, in z alone.

    First met in: notebook 15.
    """
    random, cases, names = runtime.generator(17), [], ("G", "image", "z", "rate")
    for count, rate in ((3, 0.1), (4, 0.02), (1, 0.3)):
        image = torch.tanh(torch.randn(count, 1, 2, 3, generator=random))
        cases.append((_Painter(random), image, torch.randn(count, 2, generator=random), rate))
    weights = [part.detach().clone() for part in cases[0][0].parameters()]
    got = tensor(call(function, *cases[0], name="nearer", names=names))
    if not all(torch.equal(now, then) for now, then in zip(cases[0][0].parameters(), weights, strict=True)):
        raise NotYet("the weights of G change. G has to stay as it is; only z moves")
    compare(
        function,
        cases,
        _moved(_sum_of_squares),
        _NEARER_MISTAKES,
        name="nearer",
        names=names,
        read=tensor,
        told=lambda G, image, z, rate: f"{len(z)} images and the rate {rate}",
    )
    if got.requires_grad:
        raise NotYet(
            "z is right, but still tied to this step's graph: after a hundred steps PyTorch would keep a hundred "
            "graphs. Detach what you return"
        )
    return "One step. Up to 400 of them, with Adam in place of the bare slope, are the inversions below."


# ---------------------------------------------------------------- exercise 4


def _word(distance: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the words that are smallest by some distance, shape (N, K)."""
    return lambda rows, book: book[distance(rows, book).argmin(1)]


def _differences(rows: Tensor, book: Tensor) -> Tensor:
    return rows[:, None] - book


def _far_by_number(rows: Tensor, book: Tensor, k: int) -> Tensor:
    return (rows[:, [k]] - book[:, k]).abs()


_nearest = _word(torch.cdist)

_WORD_MISTAKES: Mistakes = [
    (
        lambda r, b: b[torch.cdist(r, b).sum(0).argmin()].expand_as(r),
        "all rows get one word. Each row has a nearest word of its own: look along the words' axis",
    ),
    (lambda r, b: b[0].expand_as(r), "all rows get the first word"),
    (lambda r, b: r.round(), "the rows are rounded to whole numbers; the book is not used"),
    (
        lambda r, b: torch.stack([b[_far_by_number(r, b, k).argmin(1), k] for k in range(r.shape[1])], 1),
        "each *number* of a row is looked up by itself. A word is chosen for the whole row",
    ),
    (
        lambda r, b: _nearest(nn.functional.normalize(r), nn.functional.normalize(b)),
        "rows and words are brought to length 1; the words as they are were wanted",
    ),
    (_word(lambda r, b: -torch.cdist(r, b)), "these are the *farthest* words"),
    (
        _word(lambda r, b: -(r @ b.T)),
        "you take the largest dot product, which prefers long words. The smallest *distance* was wanted",
    ),
    (_word(lambda r, b: r @ b.T), "you take the smallest dot product. The smallest *distance* was wanted"),
    (
        _word(lambda r, b: -nn.functional.cosine_similarity(r[:, None], b, dim=2)),
        "you take the word in the most similar *direction*. The smallest distance was wanted",
    ),
    (_word(lambda r, b: torch.cdist(r, b, p=1)), "you add up absolute differences; the usual distance was wanted"),
    (
        _word(lambda r, b: _differences(r, b).abs().amax(2)),
        "you compare by the largest difference alone; the usual distance was wanted",
    ),
    (
        _word(lambda r, b: _differences(r, b).sum(2)),
        "the differences are added up with their signs; they have to be squared first",
    ),
    (_word(lambda r, b: _differences(r, b).sum(2).abs()), "the differences cancel before the absolute value is taken"),
    (
        _word(lambda r, b: (r.norm(dim=1)[:, None] - b.norm(dim=1)).abs()),
        "you compare lengths. Two rows of one length may lie far apart",
    ),
    (lambda r, b: r, "the rows come back as they are: nothing was looked up"),
    (lambda r, b: b[torch.cdist(r, b).argmin(0)], "the nearest *row* of each word is looked up: the other axis"),
    (
        lambda r, b: torch.cdist(r, b).argmin(1),
        "these are the *places* of the words in the book; the words were wanted",
    ),
    (lambda r, b: torch.cdist(r, b).amin(1), "these are the distances; the words were wanted"),
    (lambda r, b: (-torch.cdist(r, b)).softmax(1) @ b, "you mix all words softly; the one nearest word was wanted"),
    (lambda r, b: _nearest(r, b) - r, "this is the way from the row to its word; the word itself was wanted"),
    (lambda r, b: r + _nearest(r, b), "row and word are added; take the row off again, without its gradient"),
]


@exercise("Exercise 4")
def quantise(function: Callable[[Tensor, Tensor], Tensor]) -> str:
    """Check ``quantise(rows, book)``: each row's nearest word; the gradient passes to ``rows`` as if nothing was done.

    First met in: notebook 15.
    """
    random, cases, names = runtime.generator(18), [], ("rows", "book")
    for rows, words, size in ((6, 4, 2), (5, 7, 3), (3, 5, 4)):
        book = torch.randn(words, size, generator=random) * torch.linspace(0.3, 2.0, words)[:, None]
        cases.append((torch.randn(rows, size, generator=random), book))
    compare(
        function,
        cases,
        _nearest,
        _WORD_MISTAKES,
        name="quantise",
        names=names,
        read=tensor,
        told=lambda rows, book: f"{len(rows)} rows and a book of {len(book)} words",
        tolerance=1e-4,
    )
    rows, book = (part.clone().requires_grad_() for part in cases[0])
    weights = torch.randn(rows.shape, generator=random)
    got = tensor(call(function, rows, book, name="quantise", names=names))
    if not got.requires_grad:
        raise NotYet("the words are right, but cut off from the graph, so neither encoder nor book could learn")
    slopes = torch.autograd.grad((got * weights).sum(), (rows, book), allow_unused=True)
    if slopes[0] is None or not bool(slopes[0].any()):
        raise NotYet(
            "the words are right, but no gradient comes back to rows: argmin has none. Let it pass by a detour that "
            "adds nothing to the value"
        )
    if not same(slopes[0], weights, tolerance=1e-4):
        factor = float((slopes[0] * weights).sum() / weights.square().sum())
        raise NotYet(
            "the words are right, but the gradient that comes back to rows is not the one that arrived (about "
            f"{factor:.2g} times it). It has to pass unchanged"
        )
    if slopes[1] is not None and bool(slopes[1].any()):
        raise NotYet(
            "the words are right and rows get their gradient, but the book gets one as well: detach the word too. "
            "Here the book learns from a loss of its own"
        )
    return "Forwards the word, backwards the row: the gradient is taken at the word and used at the row."


# ---------------------------------------------------------------- exercise 5


def _both(real: Tensor, fake: Tensor) -> Tensor:
    return down(real) + up(fake)


_PAIR_MISTAKES: Mistakes = [
    (lambda r, f: r.square().mean() + (f - 1).square().mean(), "this is the least-squares form: it has no logarithm"),
    (
        lambda r, f: -_both(r, f),
        "the sign is turned round: E and G would make their pairs easier to tell apart",
    ),
    (
        lambda r, f: up(f),
        "the pairs of the encoder are missing: it is G's loss alone, and E would learn nothing",
    ),
    (lambda r, f: down(r), "G's pairs are missing: E learns, and G does not"),
    (lambda r, f: d_loss(r, f), "this is D's own loss: E and G would help D to tell the pairs apart"),
    (
        lambda r, f: -d_loss(r, f),
        "this is minus D's loss: it has the same goal, but hardly any slope where D is sure. Turn the *labels* round",
    ),
    (
        lambda r, f: up(r) + up(f),
        "E gets the label *real* for its own pairs, which D gives them already. Turn it round",
    ),
    (lambda r, f: down(r) + down(f), "G gets the label *fake* for its own pairs, which D gives them already"),
    (lambda r, f: _both(r, f) / 2, "the two means are added here, and not averaged"),
    (lambda r, f: len(r) * _both(r, f), "this is the sum over the batch; take the mean"),
    (lambda r, f: _both(r.sigmoid(), f.sigmoid()), "the sigmoid was applied twice: softplus wants the raw scores"),
    (lambda r, f: r.mean() - f.mean(), "these are bare scores, a critic's loss: the logarithms are missing"),
    (lambda r, f: up(f) - up(r), "E's term is minus D's: hardly any slope where D is sure. Turn the *label* round"),
    (lambda r, f: down(r) - down(f), "G's term is minus D's: hardly any slope where D is sure. Turn the *label* round"),
]


@exercise("Exercise 5")
def pair_losses(function: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> str:
    """Check ``pair_losses(real_logits, fake_logits)``: D's loss, and the one that E and G share.

    First met in: notebook 15.
    """
    random, cases, names = runtime.generator(19), [], ("real_logits", "fake_logits")
    for count in (4, 7, 5):
        cases.append(tuple(2 * torch.randn(count, generator=random) + shift for shift in (0.5, -0.8)))
    answers = [
        several(call(function, *case, name="pair_losses", names=names), 2, "two losses,", read=lambda part: part)
        for case in cases
    ]
    read = [tuple(number(part, reduce="a mean") for part in pair) for pair in answers]
    both = (("D's loss", d_loss, [*D_MISTAKES, *D_CONSTANTS]), ("the loss of E and G", _both, _PAIR_MISTAKES))
    for at, (name, right, mistakes) in enumerate(both):
        got = [pair[at] for pair in read]
        try:
            settle(got, cases, right, mistakes, told=lambda real, fake: f"{len(real)} pairs of each kind")
        except NotYet as problem:
            raise NotYet(f"{name}: {problem}") from problem
    parts = dict(zip(names, (part.clone().requires_grad_() for part in cases[0]), strict=True))
    losses = call(function, *parts.values(), name="pair_losses", names=names)
    for loss, (name, right, _) in zip(losses, both, strict=True):
        flows(loss, right(*parts.values()), parts, otherwise="nobody could learn from it", what=name)
    return "D tells two kinds of pairs apart, and both E and G want them to be the same."
