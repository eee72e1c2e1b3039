"""Checkers of notebook 12: the conditional losses, a dot product, AC-GAN's term, five sets, a mixed label, a match."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse import runtime
from gancourse.checks.comparing import Mistakes, compare, settle, show
from gancourse.checks.framework import NotYet, call, exercise, matched, number, several, tensor
from gancourse.checks.known import D_MISTAKES, G_MISTAKES, d_loss, g_loss

__all__ = ["auxiliary_loss", "conditional_losses", "label_code", "matched_share", "projection_logits", "sets"]


# ---------------------------------------------------------------- exercise 1

_CLASSES, _FEATURES, _LATENT = 4, 3, 2
_LOSSES_ARGUMENTS = ("G", "D", "real", "labels", "z", "asked")


class _Told(nn.Module):
    """A small network of rows and labels; without labels it works too, and sees none."""

    def __init__(self, rows: int, out: int, random: torch.Generator) -> None:
        super().__init__()
        self.first, self.label, self.last = (
            nn.Parameter(torch.randn(shape, generator=random)) for shape in ((rows, 6), (_CLASSES, 6), (6, out))
        )

    def forward(self, rows: Tensor, labels: Tensor | None = None) -> Tensor:
        told = 0.0 if labels is None else self.label[labels]
        out = torch.tanh(rows @ self.first + told) @ self.last
        return out.squeeze(1) if out.shape[1] == 1 else out


def _losses_cases() -> list[tuple[Any, ...]]:
    cases = []
    for seed, count in ((1, 5), (2, 8), (3, 6)):
        random = runtime.generator(seed)
        pair = _Told(_LATENT + 0, _FEATURES, random), _Told(_FEATURES, 1, random)
        real, z = (torch.randn(count, size, generator=random) for size in (_FEATURES, _LATENT))
        labels = torch.randint(_CLASSES, (count,), generator=random)
        cases.append((*pair, real, labels, z, (labels + torch.randint(1, _CLASSES, (count,), generator=random)) % 4))
    return cases


_NO_LABEL = {
    "G": "G gets no label, so it cannot know what is asked for",
    "D real": "in D's step, D sees the real images without their labels",
    "D fake": "in D's step, D sees the fakes without the labels they were asked for",
    "G's D": "in G's step, D sees the fakes without their labels, so nothing tells G that the label matters",
}
_WRONG_LABEL = {
    "G": "G is given the labels of the real batch; ask for `asked`",
    "D real": "in D's step, D sees the real images with the labels *asked for*, so even real pairs are wrong",
    "D fake": "in D's step, D sees the fakes with the labels of the *real* batch, not those asked for",
    "G's D": "in G's step, D sees the fakes with the labels of the *real* batch, not those asked for",
}


def _given(labels: Tensor, asked: Tensor, place: str, how: str) -> Tensor | None:
    """Return the labels at one of the four places: right, missing, or those of the other batch."""
    right, other = (labels, asked) if place == "D real" else (asked, labels)
    return {"right": right, "missing": None, "other": other}[how]


def _mixed_up(places: tuple[str, ...], loss: Callable[..., Tensor]) -> Mistakes:
    """Return every way to get the labels wrong at some of the places, each with what is wrong in words."""
    found = []
    for ways in sorted(
        itertools.product(("right", "missing", "other"), repeat=len(places)), key=lambda w: -w.count("right")
    ):
        wrong = dict(zip(places, ways, strict=True))
        said = [(_NO_LABEL if how == "missing" else _WRONG_LABEL)[at] for at, how in wrong.items() if how != "right"]
        if said:
            found.append((lambda *case, wrong=wrong: loss(wrong, *case), "; and ".join(said)))
    return found


def _of_d(ways: Mapping[str, str], G: nn.Module, D: nn.Module, real: Tensor, labels: Tensor, z: Tensor, asked: Tensor):
    fake = G(z, _given(labels, asked, "G", ways.get("G", "right"))).detach()
    return (
        D(real, _given(labels, asked, "D real", ways.get("D real", "right"))),
        D(fake, _given(labels, asked, "D fake", ways.get("D fake", "right"))),
    )


def _of_g(ways: Mapping[str, str], G: nn.Module, D: nn.Module, real: Tensor, labels: Tensor, z: Tensor, asked: Tensor):
    fake = G(z, _given(labels, asked, "G", ways.get("G", "right")))
    return (D(fake, _given(labels, asked, "G's D", ways.get("G's D", "right"))),)


_D_LOSS_MISTAKES: Mistakes = [
    *_mixed_up(("G", "D real", "D fake"), lambda ways, *case: d_loss(*_of_d(ways, *case))),
    *((lambda *case, of=of: of(*_of_d({}, *case)), said) for of, said in D_MISTAKES),
]
_G_LOSS_MISTAKES: Mistakes = [
    *_mixed_up(("G", "G's D"), lambda ways, *case: g_loss(*_of_g(ways, *case))),
    *((lambda *case, of=of: of(*_of_g({}, *case)), said) for of, said in G_MISTAKES),
]


@exercise("Exercise 1")
def conditional_losses(function: Callable[..., tuple[Tensor, Tensor]]) -> str:
    """Check ``conditional_losses(G, D, real, labels, z, asked)``: both losses of a GAN whose players see the label.

    ``G(z, labels)`` gives samples, ``D(samples, labels)`` logits; the losses are the non-saturating ones.

    First met in: notebook 12.
    """
    cases, answers = _losses_cases(), []
    for case in cases:
        got = call(function, *case, name="conditional_losses", names=_LOSSES_ARGUMENTS)
        answers.append(several(got, 2, "two losses, d_loss and g_loss,", read=lambda part: part))
    read = [tuple(number(part, reduce="a mean") for part in pair) for pair in answers]
    parts = ((d_loss, _of_d, _D_LOSS_MISTAKES, "d_loss"), (g_loss, _of_g, _G_LOSS_MISTAKES, "g_loss"))
    for at, (loss, logits, mistakes, name) in enumerate(parts):
        try:
            settle(
                [pair[at] for pair in read],
                cases,
                lambda *case, loss=loss, logits=logits: loss(*logits({}, *case)),
                mistakes,
                told=lambda G, D, real, labels, z, asked: f"a batch of {len(real)}",
            )
        except NotYet as problem:
            raise NotYet(f"{name}: {problem}") from problem
    _refuse_graphs(cases[0], answers[0])
    return "Real pairs are (image, its label), fake pairs (sample, the label asked for)."


def _refuse_graphs(case: tuple[Any, ...], losses: tuple[Tensor, Tensor]) -> None:
    """See that D's loss reaches D alone, and G's reaches G."""
    G, D, *_ = case
    for name, loss in zip(("d_loss", "g_loss"), losses, strict=True):
        if not isinstance(loss, Tensor) or not loss.requires_grad:
            raise NotYet(f"{name} has the right value, but is cut off from the graph, so nobody can learn from it")

    def reaches(loss: Tensor, network: nn.Module) -> bool:
        found = torch.autograd.grad(loss, list(network.parameters()), allow_unused=True, retain_graph=True)
        return any(gradient is not None and bool(gradient.any()) for gradient in found)

    if not reaches(losses[0], D):
        raise NotYet("d_loss has the right value, but no gradient of it reaches D")
    if not reaches(losses[1], G):
        raise NotYet("g_loss has the right value, but the fakes are detached in it too, so G never learns")
    if reaches(losses[0], G):
        raise NotYet("d_loss has the right value, but its gradient reaches G as well: detach the fakes in D's loss")


# ---------------------------------------------------------------- exercise 2


def _projection(h: Tensor, labels: Tensor, psi: Tensor, rows: Tensor) -> Tensor:
    return h @ psi + (h * rows[labels]).sum(dim=1)


_PROJECTION_MISTAKES: Mistakes = [
    (
        lambda h, labels, psi, rows: (h * rows[labels]).sum(dim=1),
        "the label-free part is missing: without h · psi, D cannot say that an image is bad whatever its label",
    ),
    (lambda h, labels, psi, rows: h @ psi, "the label plays no part: the dot product with the label's row is missing"),
    (
        lambda h, labels, psi, rows: h @ psi + rows[labels].sum(dim=1),
        "the label's row is added up by itself; it has to meet the image in a dot product with h",
    ),
    (
        lambda h, labels, psi, rows: h @ psi + (h @ rows.T).sum(dim=1),
        "you add the dot products with *all* rows; only the row of the image's own label counts",
    ),
    (
        lambda h, labels, psi, rows: h @ psi + (h @ rows.T).logsumexp(dim=1),
        "this is a log-sum-exp over all labels, which is in the part that has no label in it. Take one row",
    ),
    (
        lambda h, labels, psi, rows: h @ psi + (h @ rows.T).log_softmax(dim=1).gather(1, labels[:, None])[:, 0],
        "this is log p(y | x) with its normaliser; in the difference of two such terms the normalisers go into the "
        "label-free part",
    ),
    (
        lambda h, labels, psi, rows: h @ psi - (h * rows[labels]).sum(dim=1),
        "the two parts are added, not subtracted",
    ),
    (
        lambda h, labels, psi, rows: h @ psi + (h * rows[labels]).mean(dim=1),
        "a dot product is the sum of the products, and you took their mean",
    ),
    (
        lambda h, labels, psi, rows: (h * rows[labels] * psi).sum(dim=1),
        "three vectors are multiplied; there are two dot products, and they are added",
    ),
    (lambda h, labels, psi, rows: (h @ psi) * (h * rows[labels]).sum(dim=1), "the two parts are added, not multiplied"),
    (
        lambda h, labels, psi, rows: torch.sigmoid(_projection(h, labels, psi, rows)),
        "these are probabilities; the loss wants the raw scores",
    ),
]


@exercise("Exercise 2")
def projection_logits(function: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> str:
    """Check ``projection_logits(h, labels, psi, rows)``: shape (N,), from features (N, F), psi (F,) and rows (C, F).

    First met in: notebook 12.
    """
    random, cases = runtime.generator(5), []
    for n, features, classes in ((5, 3, 4), (4, 6, 3), (7, 2, 5)):
        h, psi, rows = (torch.randn(s, generator=random) for s in ((n, features), (features,), (classes, features)))
        cases.append((h, torch.arange(n) * 2 % classes, psi, rows))

    def read(got: Any) -> Tensor:
        got = tensor(got, name="the logits")
        if got.ndim == 2 and got.shape[0] == got.shape[1]:
            raise NotYet(
                f"the shape is {tuple(got.shape)}: every image met every label of the batch. Each meets its own"
            )
        if got.ndim == 2 and got.shape[1] != 1:
            raise NotYet(
                f"the shape is {tuple(got.shape)}: every image met every label. Take the row of its own label first"
            )
        return got

    compare(
        function,
        cases,
        _projection,
        _PROJECTION_MISTAKES,
        name="projection_logits",
        names=("h", "labels", "psi", "rows"),
        read=read,
        told=lambda h, labels, psi, rows: f"{len(h)} images and labels {show(labels)}",
        tolerance=1e-4,
    )
    return "One part that any image can win by being good, one that it wins only under its own label."


# ---------------------------------------------------------------- exercise 3


def _auxiliary(fake_logits: Tensor, class_logits: Tensor, asked: Tensor, weight: float) -> Tensor:
    return g_loss(fake_logits) + weight * F.cross_entropy(class_logits, asked)


_AUXILIARY_MISTAKES: Mistakes = [
    (lambda f, c, y, w: g_loss(f), "the classifier's term is missing: nothing ties the sample to the label"),
    (
        lambda f, c, y, w: w * F.cross_entropy(c, y),
        "D's verdict is missing: a sample could be any shape that is guessed",
    ),
    (lambda f, c, y, w: F.cross_entropy(c, y), "D's verdict is missing, and the weight too"),
    (lambda f, c, y, w: g_loss(f) + F.cross_entropy(c, y), "the weight is missing"),
    (
        lambda f, c, y, w: g_loss(f) - w * F.cross_entropy(c, y),
        "the classifier's term has the wrong sign: G would be paid for samples that are taken for another class",
    ),
    (
        lambda f, c, y, w: g_loss(f) + w * F.cross_entropy(c.softmax(dim=1), y),
        "the softmax was applied twice: cross_entropy wants the raw class scores",
    ),
    (
        lambda f, c, y, w: g_loss(f) + w * F.nll_loss(c, y),
        "nll_loss wants log-probabilities, and these are raw scores: cross_entropy takes the logarithm of the softmax",
    ),
    (
        lambda f, c, y, w: g_loss(f) - w * c.softmax(dim=1).gather(1, y[:, None]).mean(),
        "the logarithm is missing: this is the mean probability of the class asked for",
    ),
    (
        lambda f, c, y, w: g_loss(f) + w * F.cross_entropy(c, c.argmax(dim=1)),
        "you compare the guess with itself: the labels *asked for* say what it should be",
    ),
    (
        lambda f, c, y, w: g_loss(f) + w * F.cross_entropy(c, y, reduction="sum"),
        "the classifier's term is a sum over the batch; take its mean, as for the other term",
    ),
    *((lambda f, c, y, w, of=of: of(f) + w * F.cross_entropy(c, y), f"D's verdict: {said}") for of, said in G_MISTAKES),
]


@exercise("Exercise 3")
def auxiliary_loss(function: Callable[[Tensor, Tensor, Tensor, float], Tensor]) -> str:
    """Check ``auxiliary_loss(fake_logits, class_logits, asked, weight)``: what AC-GAN's generator minimises.

    First met in: notebook 12.
    """
    random, cases = runtime.generator(7), []
    for n, classes, weight in ((5, 3, 0.5), (8, 4, 2.0), (6, 2, 0.3)):
        logits, scores = torch.randn(n, generator=random), 2 * torch.randn(n, classes, generator=random)
        cases.append((logits, scores, torch.arange(n) % classes, weight))
    for logits, scores, *_ in cases:
        logits.requires_grad_(), scores.requires_grad_()
    compare(
        function,
        cases,
        _auxiliary,
        _AUXILIARY_MISTAKES,
        name="auxiliary_loss",
        names=("fake_logits", "class_logits", "asked", "weight"),
        told=lambda f, c, y, w: f"{len(f)} samples and weight = {w}",
        reduce="a mean",
    )
    return "Two payments: for looking real whatever the label, and for being guessed."


# ---------------------------------------------------------------- exercise 4

_SETS = {
    "A": "one image per class",
    "B": "blind",
    "C": "projection, z shortened",
    "D": "projection, relabelled",
    "E": "projection",
}
_SET_HINTS = {
    "A": "A is always right, and within a class nothing varies at all",
    "B": "B does not listen, and its Fréchet distance is that of no other row",
    "C": "C listens, and its digits of one class vary far less than real ones. What does a short z do?",
    "D": "D does not listen, and its Fréchet distance is exactly that of another row. Which images give the same one?",
    "E": "E listens, and its digits of one class vary more than C's",
}


@exercise("Exercise 4")
def sets(answers: Mapping[str, Any]) -> str:
    """Check which of five sets of labelled images belongs to which row of three numbers.

    First met in: notebook 12.
    """
    matched(answers, _SETS, "a set for each letter", _SET_HINTS)
    return "No single column is enough to name all five."


# ---------------------------------------------------------------- deeper: exercises 5 and 6


def _code(weights: Tensor, table: Tensor) -> Tensor:
    return weights @ table


_CODE_MISTAKES: Mistakes = [
    (
        lambda weights, table: table[weights.argmax(dim=1)],
        "you look up the largest class alone; half a 3 and half an 8 is neither row",
    ),
    (
        lambda weights, table: (weights > 0).to(table) @ table,
        "every class with a weight above 0 counts in full; multiply by the weight",
    ),
    (
        lambda weights, table: weights @ table / len(table),
        "the rows of `weights` sum to 1 already: no division by the number of classes",
    ),
    (lambda weights, table: weights.softmax(dim=1) @ table, "the weights are weights already; a softmax changes them"),
]


@exercise("Exercise 5")
def label_code(function: Callable[[Tensor, Tensor], Tensor]) -> str:
    """Check ``label_code(weights, table)``: the vector of a mixture of classes, shape (N, E), from rows (C, E).

    First met in: notebook 12.
    """
    random, cases = runtime.generator(9), []
    for n, classes, size in ((4, 3, 5), (5, 6, 2), (3, 4, 4)):
        weights = torch.rand(n, classes, generator=random)
        weights[0] = F.one_hot(torch.tensor(classes - 1), classes)
        cases.append((weights / weights.sum(dim=1, keepdim=True), torch.randn(classes, size, generator=random)))
    compare(
        function,
        cases,
        _code,
        _CODE_MISTAKES,
        name="label_code",
        names=("weights", "table"),
        read=lambda got: tensor(got, name="the code"),
        told=lambda weights, table: f"weights of shape {tuple(weights.shape)}, table of shape {tuple(table.shape)}",
        tolerance=1e-4,
    )
    return "A one-hot row picks a row of the table: an embedding is a matrix product with one-hot labels."


def _table(codes: Tensor, kinds: Tensor) -> Tensor:
    size = 1 + int(torch.maximum(codes.max(), kinds.max()))
    counts = torch.zeros(size, size, dtype=torch.float64)
    return counts.index_put_((codes, kinds), torch.ones(len(codes), dtype=torch.float64), accumulate=True)


def _best_match(codes: Tensor, kinds: Tensor) -> float:
    table = _table(codes, kinds)
    places = itertools.permutations(range(len(table)))
    return max(float(table[torch.arange(len(table)), list(to)].sum()) for to in places) / len(codes)


def _greedy(codes: Tensor, kinds: Tensor) -> float:
    table, got = _table(codes, kinds), 0.0
    for _ in range(len(table)):
        row, column = divmod(int(table.argmax()), len(table))
        got += float(table[row, column].clamp_min(0))
        table[row], table[:, column] = -1, -1
    return got / len(codes)


_MATCH_MISTAKES: Mistakes = [
    (
        lambda codes, kinds: float((codes == kinds).double().mean()),
        "you count code = kind. Nobody told the network which code is which digit: first match them",
    ),
    (
        lambda codes, kinds: float(_table(codes, kinds).amax(dim=1).sum() / len(codes)),
        "each code takes its most frequent kind, and two codes may take the same one. One kind for each code",
    ),
    (
        lambda codes, kinds: float(_table(codes, kinds).amax(dim=0).sum() / len(codes)),
        "each kind takes its most frequent code, and two kinds may take the same one. One code for each kind",
    ),
    (
        _greedy,
        "you match the largest count first and go on. That is not always the best: an early choice can cost two later "
        "ones",
    ),
    (
        lambda codes, kinds: _best_match(codes, kinds) * len(codes),
        "this is the number of samples that fit; the share of all is wanted",
    ),
    (
        lambda codes, kinds: (
            min(
                float(_table(codes, kinds)[torch.arange(len(_table(codes, kinds))), list(to)].sum())
                for to in itertools.permutations(range(len(_table(codes, kinds))))
            )
            / len(codes)
        ),
        "this is the *worst* matching: linear_sum_assignment minimises a cost, unless it is given maximize=True",
    ),
]


@exercise("Exercise 6")
def matched_share(function: Callable[[Tensor, Tensor], float]) -> str:
    """Check ``matched_share(codes, kinds)``: the share of samples that fit under the best one-to-one matching.

    First met in: notebook 12.
    """
    tables = (  # in the first the greedy choice, 6, leads to 6 + 0 + 2; the best is 5 + 5 + 2
        [[6, 5, 0], [5, 0, 1], [1, 0, 2]],
        [[0, 7, 6], [4, 3, 0], [2, 2, 5]],
        [[1, 8, 2, 0], [7, 7, 0, 1], [0, 1, 0, 6], [3, 0, 4, 2]],
    )
    cases = []
    for table in tables:
        counts = torch.tensor(table)
        pairs = torch.nonzero(counts).repeat_interleave(counts[counts > 0], dim=0)
        pairs = pairs[torch.randperm(len(pairs), generator=runtime.generator(len(pairs)))]
        cases.append((pairs[:, 0], pairs[:, 1]))
    compare(
        function,
        cases,
        _best_match,
        _MATCH_MISTAKES,
        name="matched_share",
        names=("codes", "kinds"),
        told=lambda codes, kinds: f"{len(codes)} samples with {int(codes.max()) + 1} codes",
    )
    return "Ten codes without a meaning still fit on a little more than a tenth of the samples."
