"""Checkers of notebook 14: the cycle loss, the identity loss, the message in an answer, and what a patch sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gancourse import runtime
from gancourse.checks.comparing import Mistakes, compare, same, show
from gancourse.checks.framework import NotYet, call, exercise

__all__ = ["cycle_loss", "identity_loss", "message", "receptive_field"]

# ---------------------------------------------------------------- exercise 4

Layers = Sequence[tuple[int, int]]


def _seen(
    layers: Layers, *, first: float = 1, grow: Callable[[int, int, float], float] = lambda k, s, jump: (k - 1) * jump
) -> float:
    """Return what a logit sees: 1 for itself, and for each layer what its kernel reaches beyond one step."""
    seen, jump = first, 1
    for kernel, stride in layers:
        seen, jump = seen + grow(kernel, stride, jump), jump * stride
    return seen


def _backwards(layers: Layers, rule: Callable[[float, int, int], float], first: float = 1) -> float:
    for kernel, stride in reversed(layers):
        first = rule(first, kernel, stride)
    return first


def _product(numbers: Sequence[int]) -> int:
    return int(torch.tensor(numbers).prod())


_FIELD_MISTAKES: Mistakes = [
    (
        lambda layers: _seen(layers, grow=lambda k, s, jump: k - 1),
        "the strides play no part. After a layer with stride 2, a step of the next layer is two pixels wide",
    ),
    (
        lambda layers: _seen(layers, grow=lambda k, s, jump: (k - 1) * jump * s),
        "a layer's own stride is counted in its own reach. It says how far apart its *outputs* are, so it matters from "
        "the next layer on",
    ),
    (
        lambda layers: _seen(layers, grow=lambda k, s, jump: k * jump),
        "a kernel of k pixels reaches k - 1 steps beyond the pixel that is there already, and you add k",
    ),
    (
        lambda layers: _seen(layers, first=0, grow=lambda k, s, jump: k * jump),
        "a kernel of k pixels reaches k - 1 steps beyond the pixel that is there already, and you add k",
    ),
    (
        lambda layers: _seen(layers, grow=lambda k, s, jump: (k - 1) * s),
        "each layer is multiplied by its own stride. What counts is the *product* of the strides before it",
    ),
    (
        lambda layers: 1 + sum((k - 1) * sum(s for _, s in layers[:at]) for at, (k, _) in enumerate(layers)),
        "the strides before a layer are added; they multiply: two strides of 2 make a step of 4 pixels",
    ),
    (
        lambda layers: 1 + sum((k - 1) * max(sum(s for _, s in layers[:at]), 1) for at, (k, _) in enumerate(layers)),
        "the strides before a layer are added; they multiply: two strides of 2 make a step of 4 pixels",
    ),
    (
        lambda layers: 1 + sum((k - 1) * (layers[at - 1][1] if at else 1) for at, (k, _) in enumerate(layers)),
        "only the stride of the layer just before counts in yours; the product of *all* strides before it is wanted",
    ),
    (
        lambda layers: _seen(layers[::-1]),
        "the layers are taken in the wrong order: the strides *before* a layer count, and the first layer is the one "
        "that sees the image",
    ),
    (
        lambda layers: _backwards(layers, lambda seen, k, s: seen * s + k),
        "going back from the logit, the steps between seen pixels are one fewer than the pixels: try n - 1 of them",
    ),
    (
        lambda layers: _backwards(layers, lambda seen, k, s: seen * s + k - 1),
        "going back from the logit, the steps between seen pixels are one fewer than the pixels: try n - 1 of them",
    ),
    (
        lambda layers: _product([k for k, _ in layers]),
        "the kernels are multiplied; each of them *adds* to what is seen",
    ),
    (
        lambda layers: sum(k for k, _ in layers),
        "the kernels are added as they are: neighbouring windows overlap, and the strides are missing",
    ),
    (lambda layers: _product([s for _, s in layers]), "this is the step between two logits, not what one of them sees"),
    (lambda layers: _product([k * s for k, s in layers]), "kernels and strides are multiplied; a kernel *adds*"),
    (
        lambda layers: _seen(layers) ** 2,
        "this is the number of pixels in the square; its side is wanted",
    ),
    (lambda layers: layers[0][0], "this is what the first layer sees; the later ones see further"),
    (lambda layers: layers[-1][0], "this is what the last layer sees of the layer before it, not of the image"),
]


@exercise("Exercise 4")
def receptive_field(function: Callable[[Layers], Any]) -> str:
    """Check ``receptive_field(layers)``: the side, in pixels, of what one logit of a patch discriminator sees.

    First met in: notebook 14.
    """
    cases = [
        ([(4, 2), (4, 2), (3, 1)],),
        ([(4, 2), (4, 2), (4, 2), (4, 1), (4, 1)],),
        ([(5, 3), (2, 1), (4, 2), (3, 1)],),
        ([(3, 1)],),
        ([(3, 1), (6, 2), (2, 3)],),
    ]
    compare(
        function,
        cases,
        _seen,
        _FIELD_MISTAKES,
        name="receptive_field",
        names=("layers",),
        told=lambda layers: f"layers {', '.join(f'({k}, {s})' for k, s in layers)}",
        hint="How far apart are two neighbouring inputs of a layer, counted in pixels of the image?",
    )
    return "The discriminator of pix2pix, one of the cases here, has patches of 70 by 70 pixels."


# ---------------------------------------------------------------- exercises 1 and 2


class _Map(nn.Module):
    """A small map from images to images with weights of its own, which is nobody's inverse."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        random = runtime.generator(seed)
        self.weights = nn.Parameter(torch.randn(3, generator=random) + torch.tensor([1.0, 0.5, 0.0]))

    def forward(self, images: Tensor) -> Tensor:
        a, b, c = self.weights
        return torch.tanh(a * images + b * images.roll(1, dims=-1) + c)


Case = tuple[nn.Module, nn.Module, Tensor, Tensor]
_ARGUMENTS = ("G", "F", "a", "b")


def _cases() -> list[Case]:
    cases = []
    for seed, count, side in ((1, 3, 4), (3, 5, 3), (5, 2, 6)):
        random = runtime.generator(seed)
        a, b = 2 * torch.rand(2, count, 1, side, side, generator=random) - 1
        cases.append((_Map(seed), _Map(seed + 1), a, b * 0.8))
    return cases


def _mean(one: Tensor, other: Tensor) -> Tensor:
    return (one - other).abs().mean()


def _cycle(G: nn.Module, F: nn.Module, a: Tensor, b: Tensor) -> Tensor:
    return _mean(F(G(a)), a) + _mean(G(F(b)), b)


def _identity(G: nn.Module, F: nn.Module, a: Tensor, b: Tensor) -> Tensor:
    return _mean(G(b), b) + _mean(F(a), a)


def _other_means(pairs: Callable[..., tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]]) -> Mistakes:
    """Return the ways to make a wrong number of two right pairs of images."""

    def of(term: Callable[[Tensor], Tensor], put: Callable[[Tensor, Tensor], Tensor] = torch.add) -> Callable[..., Any]:
        return lambda *case: put(*(term(a - b) for a, b in pairs(*case)))

    def absolute(off: Tensor) -> Tensor:
        return off.abs().mean()

    return [
        (of(lambda off: off.square().mean()), "the differences are squared; absolute ones are wanted"),
        (of(lambda off: off.square().mean().sqrt()), "this is a root of mean squares; mean absolute values are wanted"),
        (of(lambda off: off.norm()), "this is a length (the root of summed squares); mean absolute values are wanted"),
        (
            of(lambda off: off.abs().sum()),
            "the absolute differences are summed; take their mean, or it grows with size",
        ),
        (
            of(lambda off: off.abs().sum() / len(off)),
            "the differences of an image are summed. The mean goes over the pixels too",
        ),
        (of(lambda off: off.mean()), "without absolute values, too bright and too dark cancel"),
        (of(lambda off: -off.mean()), "without absolute values, too bright and too dark cancel"),
        (
            of(lambda off: off.mean().abs()),
            "the absolute value comes after the mean, so too bright and too dark cancel",
        ),
        (of(lambda off: off.abs().max()), "this is the largest difference; the mean is wanted"),
        (
            of(absolute, lambda a, b: (a + b) / 2),
            "this is half of it: the two means are added, not averaged",
        ),
        (of(absolute, torch.sub), "one way round is subtracted from the other; both should become small, so add them"),
        (of(absolute, lambda a, b: b - a), "one way round is subtracted from the other; both should become small"),
        (of(absolute, lambda a, b: -a - b), "the sign is turned round: minimising this drives the images apart"),
        (
            of(absolute, torch.mul),
            "the two are multiplied: if one of them were 0, the other could be anything. Add them",
        ),
        (of(absolute, torch.maximum), "only the larger one counts in yours; both are wanted, added"),
    ]


_ONE = "one direction is missing: "
_CYCLE_MISTAKES: Mistakes = [
    (lambda G, F, a, b: _mean(F(G(a)), a), f"{_ONE}F sends `b`, and G brings it back, too"),
    (lambda G, F, a, b: _mean(G(F(b)), b), f"{_ONE}G sends `a`, and F brings it back, too"),
    (
        lambda G, F, a, b: _mean(G(F(a)), a) + _mean(F(G(b)), b),
        "the order is turned round: `a` belongs to the first domain, so G comes first, and F brings it back. (F(G(a)) "
        "means: first G, then F)",
    ),
    (
        lambda G, F, a, b: _mean(F(G(a)), b) + _mean(G(F(b)), a),
        "what comes back from `a` is compared with `b`. They are no pair: each is compared with itself",
    ),
    (
        lambda G, F, a, b: _mean(G(a), b) + _mean(F(b), a),
        "G(a) is compared with `b` as if they were a pair. They are not: nobody knows which `b` belongs to `a`",
    ),
    (
        lambda G, F, a, b: _mean(F(G(a)), F(b)) + _mean(G(F(b)), G(a)),
        "two translations are compared. What comes back is compared with the image that was sent",
    ),
    (
        lambda G, F, a, b: _mean(F(G(a)), G(a)) + _mean(G(F(b)), F(b)),
        "what comes back is compared with the translation; compare it with the image that was sent",
    ),
    (
        lambda G, F, a, b: _mean(G(a), a) + _mean(F(b), b),
        "nothing comes back: this asks G and F to change nothing at all",
    ),
    (_identity, "this is the identity loss of the next exercise; here an image goes there and back"),
    (
        lambda G, F, a, b: _mean(G(G(a)), a) + _mean(F(F(b)), b),
        "each network is applied twice; the way back is the *other* one",
    ),
    (lambda G, F, a, b: _mean(F(G(a)), a) + _mean(F(G(b)), b), "`b` takes the way of `a`: for `b`, F comes first"),
    (lambda G, F, a, b: _mean(G(F(a)), a) + _mean(G(F(b)), b), "`a` takes the way of `b`: for `a`, G comes first"),
    (lambda G, F, a, b: 2 * _mean(F(G(a)), a), "`a` is sent round twice, and `b` never"),
    *_other_means(lambda G, F, a, b: ((F(G(a)), a), (G(F(b)), b))),
]

_IDENTITY_MISTAKES: Mistakes = [
    (
        lambda G, F, a, b: _mean(G(a), a) + _mean(F(b), b),
        "G is asked to leave `a` as it is, and `a` is what it should *translate*. G makes images like `b`, so "
        "it should leave `b` alone",
    ),
    (lambda G, F, a, b: _mean(G(b), b), f"{_ONE}F should leave `a` alone, too"),
    (lambda G, F, a, b: _mean(F(a), a), f"{_ONE}G should leave `b` alone, too"),
    (
        lambda G, F, a, b: _mean(F(b), b) + _mean(F(a), a),
        "F appears twice: `b` is what *G* makes, so G should leave it alone",
    ),
    (
        lambda G, F, a, b: _mean(G(b), b) + _mean(G(a), a),
        "G appears twice: `a` is what *F* makes, so F should leave it alone",
    ),
    (_cycle, "this is the cycle loss of exercise 1; here each network is applied once"),
    (
        lambda G, F, a, b: _mean(G(b), a) + _mean(F(a), b),
        "the result is compared with the other batch. It should be what went in",
    ),
    (
        lambda G, F, a, b: _mean(G(a), b) + _mean(F(b), a),
        "`a` and `b` are compared as if they were a pair. Each network gets what it should *not* change",
    ),
    (
        lambda G, F, a, b: _mean(G(b), F(a)),
        "the two results are compared with each other; each should be what went in",
    ),
    *_other_means(lambda G, F, a, b: ((G(b), b), (F(a), a))),
]

Loss = Callable[[nn.Module, nn.Module, Tensor, Tensor], Tensor]
_WRONG_GRAPHS: dict[str, list[tuple[Loss, str]]] = {
    "cycle_loss": [
        (
            lambda G, F, a, b: _mean(F(G(a).detach()), a) + _mean(G(F(b).detach()), b),
            "the translation is detached, so each network learns only as the way *back*. The way there is part of the "
            "cycle, too: G has to send what F can undo",
        ),
        (
            lambda G, F, a, b: _mean(F(G(a).detach()), a) + _mean(G(F(b)), b),
            "G(a) is detached on its way to F, so G does not learn to send what F can undo",
        ),
        (
            lambda G, F, a, b: _mean(F(G(a)), a) + _mean(G(F(b).detach()), b),
            "F(b) is detached on its way to G, so F does not learn to send what G can undo",
        ),
        (lambda G, F, a, b: _mean(F(G(a)), a) + 0 * b.sum(), "no gradient comes from the way of `b` (detached?)"),
        (lambda G, F, a, b: _mean(G(F(b)), b) + 0 * a.sum(), "no gradient comes from the way of `a` (detached?)"),
    ],
    "identity_loss": [
        (lambda G, F, a, b: _mean(G(b), b), "no gradient reaches F (detached?)"),
        (lambda G, F, a, b: _mean(F(a), a), "no gradient reaches G (detached?)"),
    ],
}


def _gradients(loss: Tensor, G: nn.Module, F: nn.Module) -> tuple[Tensor, ...]:
    weights = [*G.parameters(), *F.parameters()]
    found = torch.autograd.grad(loss, weights, allow_unused=True)
    return tuple(torch.zeros_like(w) if g is None else g for g, w in zip(found, weights, strict=True))


def _of_two_maps(function: Loss, right: Loss, mistakes: Mistakes, name: str) -> None:
    """Judge a loss of G, F and both batches: first its value, then which weights its gradient reaches."""
    cases = _cases()
    compare(
        function,
        cases,
        right,
        mistakes,
        name=name,
        names=_ARGUMENTS,
        reduce="a mean",
        told=lambda G, F, a, b: f"{len(a)} images of {a.shape[-1]}a{a.shape[-1]} pixels from each domain",
    )
    for case in cases:
        loss = call(function, *case, name=name, names=_ARGUMENTS)
        if not isinstance(loss, Tensor) or not loss.requires_grad:
            raise NotYet("the value is right, but it is cut off from the graph (.item(), no_grad?): nobody would learn")
        mine = _gradients(loss.sum(), *case[:2])
        if same(mine, _gradients(right(*case), *case[:2]), tolerance=1e-4):
            continue
        for wrong, sentence in _WRONG_GRAPHS[name]:
            if same(mine, _gradients(wrong(*case), *case[:2]), tolerance=1e-4):
                raise NotYet(f"the value is right, but not the gradient: {sentence}")
        raise NotYet(
            "the value is right, but its gradient is not: something on the way is detached. Both networks learn from "
            f"both terms where they take part. The gradient by the weights of G begins with {show(mine[0][:2])}"
        )


@exercise("Exercise 1")
def cycle_loss(function: Loss) -> str:
    """Check ``cycle_loss(G, F, a, b)``: mean absolute differences of both batches after the way there and back.

    First met in: notebook 14.
    """
    _of_two_maps(function, _cycle, _CYCLE_MISTAKES, "cycle_loss")
    return "Both networks get a gradient from both terms: once for the way there, once for the way back."


@exercise("Exercise 2")
def identity_loss(function: Loss) -> str:
    """Check ``identity_loss(G, F, a, b)``: what makes a b should leave a b alone, and F an a.

    First met in: notebook 14.
    """
    _of_two_maps(function, _identity, _IDENTITY_MISTAKES, "identity_loss")
    return "G is shown what it should make, and asked to change nothing."


# ---------------------------------------------------------------- exercise 3


def _spread(answers: Tensor) -> Tensor:
    return (answers - answers.mean(dim=0)).square().mean().sqrt()


_MESSAGE_MISTAKES: Mistakes = [
    (lambda a: (a - a.mean(dim=0)).square().mean(), "the root is missing: this is the mean *square*"),
    (
        lambda a: (a - a.mean(dim=0)).abs().mean(),
        "these are absolute differences; the root of their mean square is wanted",
    ),
    (lambda a: (a - a.mean(dim=0)).mean(), "differences from a mean sum to 0; square them before the mean"),
    (
        lambda a: (a - a.mean(dim=1, keepdim=True)).square().mean().sqrt(),
        "the mean is taken over the *digits* of one paper. Which answers should have been equal?",
    ),
    (lambda a: (a - a.mean()).square().mean().sqrt(), "one mean over everything: then the strokes count as a message"),
    (lambda a: a.std(), "this is the deviation of all pixels together: then the strokes count as a message"),
    (
        lambda a: (a - a.mean(dim=(-2, -1), keepdim=True)).square().mean().sqrt(),
        "the mean is taken over the pixels of an image: then the strokes count as a message",
    ),
    (
        lambda a: a.var(dim=0).mean().sqrt(),
        "torch's var and std divide by one less than the number of answers; here the plain mean is wanted "
        "(correction=0)",
    ),
    (
        lambda a: a.std(dim=0).mean(),
        "you take a deviation at each pixel and average these. Average the squares first, over everything, then the "
        "root. (And torch's std divides by one less than the number of answers: correction=0)",
    ),
    (
        lambda a: a.std(dim=0, correction=0).mean(),
        "you take a deviation at each pixel and average these. Average the squares first, over everything, then the "
        "root",
    ),
    (
        lambda a: (a - a.mean(dim=0)).square().mean(dim=(1, 2, 3, 4)).sqrt().mean(),
        "you take a root for each paper and average these. Average the squares first, over everything, then the root",
    ),
    (
        lambda a: (a - a.mean(dim=0)).square().flatten(2).mean(2).sqrt().mean(),
        "you take a root for each answer and average these. Average the squares first, over everything, then the root",
    ),
    (
        lambda a: (a - a[0]).square().mean().sqrt(),
        "you compare with the first paper's answer; take the mean of all papers",
    ),
    (
        lambda a: (a[1:] - a[0]).square().mean().sqrt(),
        "you compare with the first paper's answer; take the mean of all papers",
    ),
    (lambda a: (a[1:] - a[:-1]).square().mean().sqrt(), "you compare neighbours; take the mean of all papers"),
    (lambda a: (a.amax(0) - a.amin(0)).mean(), "this is the range from the smallest to the largest answer"),
    (
        lambda a: (a - a.median(dim=0).values).square().mean().sqrt(),
        "you subtract the median of the papers, not the mean",
    ),
    (lambda a: (a - a.mean(dim=0)).norm(), "the squares are summed; take their mean, or it grows with the batch"),
    (
        lambda a: a.mean(dim=0).square().mean().sqrt(),
        "this is the size of the mean answer. How far is each one *from* it?",
    ),
    (
        lambda a: a.square().mean().sqrt(),
        "this is the size of the answers. How far is each one from the *mean* answer?",
    ),
    (
        lambda a: (a - a.mean(dim=0)).abs().max(),
        "this is the largest difference; the root of the mean square is wanted",
    ),
]


@exercise("Exercise 3")
def message(function: Callable[[Tensor], Any]) -> str:
    """Check ``message(answers)``: the root mean square of what K answers to one digit differ in, (K, N, 1, S, S).

    First met in: notebook 14.
    """
    random, cases = runtime.generator(14), []
    for papers, count, side, strength in ((3, 4, 5, 0.2), (2, 6, 4, 0.05), (4, 3, 6, 0.5)):
        strokes = 2 * torch.rand(1, count, 1, side, side, generator=random) - 1
        far = strength * torch.arange(1, papers + 1)[:, None, None, None, None]
        cases.append((strokes + far * torch.randn(papers, count, 1, side, side, generator=random),))
    compare(
        function,
        cases,
        _spread,
        _MESSAGE_MISTAKES,
        name="message",
        names=("answers",),
        reduce="a mean",
        told=lambda a: f"{a.shape[1]} digits on {a.shape[0]} papers, {a.shape[-1]}x{a.shape[-1]} pixels",
        hint="Which of the answers should be equal, if the map were the true one?",
    )
    return "No truth is needed for this: what should be equal is compared with itself."
