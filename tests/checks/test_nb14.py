"""The checkers of notebook 14 accept what is right and say which mistake was made."""

import pytest
import torch
from torch import nn

from gancourse.checks import nb14
from verdicts import accepts, rejects, verdict

FUNCTIONS = [nb14.receptive_field, nb14.cycle_loss, nb14.identity_loss, nb14.message]


@pytest.mark.parametrize("checker", FUNCTIONS)
def test_stubs_and_nonsense(capsys, checker):
    assert "not attempted" in verdict(capsys, checker, ...)
    assert "not attempted" in verdict(capsys, checker, lambda *_: ...)
    rejects(capsys, checker, lambda *_: None, fragment="returned None")
    rejects(capsys, checker, lambda *_: 1 / 0, fragment="ZeroDivisionError")
    rejects(capsys, checker, lambda *_: "images", fragment="expected")
    rejects(capsys, checker, 3, fragment="a function was expected")


# ---------------------------------------------------------------- what a logit sees


def field(layers):
    seen, jump = 1, 1
    for kernel, stride in layers:
        seen += (kernel - 1) * jump
        jump *= stride
    return seen


def back(layers):
    seen = 1
    for kernel, stride in reversed(layers):
        seen = (seen - 1) * stride + kernel
    return seen


@pytest.mark.parametrize("layers", [[(4, 2), (4, 2), (3, 1)], [(5, 3), (2, 1), (4, 2), (3, 1)], [(3, 1)]])
def test_the_field_is_what_a_gradient_reaches(layers):
    network = nn.Sequential(*(nn.Conv2d(1, 1, kernel, stride) for kernel, stride in layers))
    for convolution in network:
        nn.init.ones_(convolution.weight)
    image = torch.ones(1, 1, 60, 60, requires_grad=True)
    network(image)[0, 0, 0, 0].backward()
    assert int((image.grad.sum(dim=(0, 1, 2)) > 0).sum()) == nb14._seen(layers) == field(layers) == back(layers)


def test_the_fields_of_view_are_accepted(capsys):
    accepts(capsys, nb14.receptive_field, field, fragment="70 by 70")
    accepts(capsys, nb14.receptive_field, lambda layers: float(back(layers)))
    accepts(capsys, nb14.receptive_field, lambda layers: torch.tensor(field(layers)))


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda ls: 1 + sum(k - 1 for k, _ in ls), "the strides play no part"),
        (lambda ls: sum(k for k, _ in ls), "the kernels are added as they are"),
        (lambda ls: field(ls) - 1, "too small by 1"),
        (lambda ls: field(ls) + 1, "too large by 1"),
        (lambda ls: field(ls[::-1]), "in the wrong order"),
        (lambda ls: field(ls) ** 2, "the number of pixels"),
        (lambda ls: torch.tensor([k for k, _ in ls]).prod(), "the kernels are multiplied"),
        (lambda ls: torch.tensor([s for _, s in ls]).prod(), "the step between two logits"),
        (lambda ls: ls[0][0], "the first layer sees"),
        (lambda ls: ls[-1][0], "the last layer sees"),
        (lambda ls: 70, "the same for every input"),
    ],
)
def test_a_wrong_field_is_named(capsys, function, fragment):
    rejects(capsys, nb14.receptive_field, function, fragment=fragment)


def own_stride(layers):
    seen, jump = 1, 1
    for kernel, stride in layers:
        jump *= stride
        seen += (kernel - 1) * jump
    return seen


def whole_kernels(layers, start=1):
    seen, jump = start, 1
    for kernel, stride in layers:
        seen += kernel * jump
        jump *= stride
    return seen


def added_strides(layers):
    seen, jump = 1, 1
    for at, (kernel, stride) in enumerate(layers):
        seen += (kernel - 1) * jump
        jump = stride if at == 0 else jump + stride
    return seen


def last_stride(layers):
    seen, jump = 1, 1
    for kernel, stride in layers:
        seen += (kernel - 1) * jump
        jump = stride
    return seen


def back_too_far(layers):
    seen = 1
    for kernel, stride in reversed(layers):
        seen = seen * stride + kernel
    return seen


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (own_stride, "own stride is counted in its own reach"),
        (whole_kernels, "and you add k"),
        (lambda layers: whole_kernels(layers, 0), "and you add k"),
        (added_strides, "they multiply"),
        (last_stride, "only the stride of the layer just before"),
        (back_too_far, "one fewer than the pixels"),
        (lambda layers: 1 + sum((k - 1) * s for k, s in layers), "multiplied by its own stride"),
    ],
)
def test_a_wrong_loop_is_named(capsys, function, fragment):
    rejects(capsys, nb14.receptive_field, function, fragment=fragment)


# ---------------------------------------------------------------- cycle and identity


def mean(one, other):
    return (one - other).abs().mean()


def cycle(G, F, a, b):
    return mean(F(G(a)), a) + mean(G(F(b)), b)


def identity(G, F, a, b):
    return mean(G(b), b) + mean(F(a), a)


def test_right_losses_are_accepted(capsys):
    l1 = nn.functional.l1_loss
    accepts(capsys, nb14.cycle_loss, cycle, fragment="from both terms")
    accepts(capsys, nb14.cycle_loss, lambda G, F, a, b: l1(F(G(a)), a) + l1(b, G(F(b))))
    accepts(capsys, nb14.cycle_loss, lambda g, f, x, y: (2 * torch.cat([f(g(x)) - x, g(f(y)) - y]).abs()).mean())
    accepts(capsys, nb14.identity_loss, identity, fragment="change nothing")
    accepts(capsys, nb14.identity_loss, lambda G, F, a, b: l1(F(a), a) + l1(G(b), b))


def of_cycle(term, put=torch.add):
    return lambda G, F, a, b: put(term(F(G(a)) - a), term(G(F(b)) - b))


def of_identity(term, put=torch.add):
    return lambda G, F, a, b: put(term(G(b) - b), term(F(a) - a))


WRONG_MEANS = [
    (lambda off: off.square().mean(), torch.add, "are squared"),
    (lambda off: off.square().mean().sqrt(), torch.add, "root of mean squares"),
    (lambda off: off.norm(), torch.add, "this is a length"),
    (lambda off: off.abs().sum(), torch.add, "are summed"),
    (lambda off: off.abs().flatten(1).sum(1).mean(), torch.add, "of an image are summed"),
    (lambda off: off.mean(), torch.add, "without absolute values"),
    (lambda off: (-off).mean(), torch.add, "without absolute values"),
    (lambda off: off.mean().abs(), torch.add, "comes after the mean"),
    (lambda off: off.abs().max(), torch.add, "the largest difference"),
    (lambda off: off.abs().mean(), lambda p, q: (p + q) / 2, "this is half of it"),
    (lambda off: off.abs().mean(), torch.sub, "subtracted from the other"),
    (lambda off: off.abs().mean(), lambda p, q: q - p, "subtracted from the other"),
    (lambda off: -off.abs().mean(), torch.add, "the sign is turned round"),
    (lambda off: off.abs().mean(), torch.mul, "the two are multiplied"),
    (lambda off: off.abs().mean(), max, "only the larger one counts"),
    (lambda off: 10 * off.abs().mean(), torch.add, "10 times what it should be"),
    (lambda off: off.abs().mean().item(), lambda p, q: p + q, "cut off from the graph"),
    (lambda off: off.detach().abs().mean(), torch.add, "cut off from the graph"),
]


@pytest.mark.parametrize(("term", "put", "fragment"), WRONG_MEANS)
def test_a_wrong_mean_of_right_differences_is_named(capsys, term, put, fragment):
    rejects(capsys, nb14.cycle_loss, of_cycle(term, put), fragment=fragment)
    rejects(capsys, nb14.identity_loss, of_identity(term, put), fragment=fragment)


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda G, F, a, b: mean(F(G(a)), a), "F sends `b`"),
        (lambda G, F, a, b: mean(G(F(b)), b), "G sends `a`"),
        (lambda G, F, a, b: mean(G(F(a)), a) + mean(F(G(b)), b), "the order is turned round"),
        (lambda G, F, a, b: mean(F(G(a)), b) + mean(G(F(b)), a), "They are no pair"),
        (lambda G, F, a, b: mean(G(a), b) + mean(F(b), a), "as if they were a pair"),
        (lambda G, F, a, b: mean(F(G(a)), F(b)) + mean(G(F(b)), G(a)), "two translations are compared"),
        (lambda G, F, a, b: mean(F(G(a)), G(a)) + mean(G(F(b)), F(b)), "compared with the translation"),
        (lambda G, F, a, b: mean(G(a), a) + mean(F(b), b), "nothing comes back"),
        (identity, "the identity loss of the next exercise"),
        (lambda G, F, a, b: mean(G(G(a)), a) + mean(F(F(b)), b), "the way back is the *other* one"),
        (lambda G, F, a, b: mean(F(G(a)), a) + mean(F(G(b)), b), "for `b`, F comes first"),
        (lambda G, F, a, b: mean(G(F(a)), a) + mean(G(F(b)), b), "for `a`, G comes first"),
        (lambda G, F, a, b: mean(F(G(a)), a) + mean(F(G(a)), a), "round twice"),
        (lambda G, F, a, b: mean(F(G(a).detach()), a) + mean(G(F(b).detach()), b), "only as the way *back*"),
        (lambda G, F, a, b: mean(F(G(a).detach()), a) + mean(G(F(b)), b), "G(a) is detached"),
        (lambda G, F, a, b: mean(F(G(a)), a) + mean(G(F(b).detach()), b), "F(b) is detached"),
        (lambda G, F, a, b: mean(F(G(a)), a) + mean(G(F(b)), b).detach(), "from the way of `b`"),
        (lambda G, F, a, b: mean(F(G(a)), a).detach() + mean(G(F(b)), b), "from the way of `a`"),
        (lambda G, F, a, b: (F(G(a)) - a).abs() + (G(F(b)) - b).abs(), "a mean"),
    ],
)
def test_a_wrong_cycle_is_named(capsys, function, fragment):
    rejects(capsys, nb14.cycle_loss, function, fragment=fragment)


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda G, F, a, b: mean(G(a), a) + mean(F(b), b), "what it should *translate*"),
        (lambda G, F, a, b: mean(G(b), b), "F should leave `a` alone"),
        (lambda G, F, a, b: mean(F(a), a), "G should leave `b` alone"),
        (lambda G, F, a, b: mean(F(b), b) + mean(F(a), a), "F appears twice"),
        (lambda G, F, a, b: mean(G(b), b) + mean(G(a), a), "G appears twice"),
        (cycle, "the cycle loss of exercise 1"),
        (lambda G, F, a, b: mean(G(b), a) + mean(F(a), b), "compared with the other batch"),
        (lambda G, F, a, b: mean(G(a), b) + mean(F(b), a), "as if they were a pair"),
        (lambda G, F, a, b: mean(G(b), F(a)), "compared with each other"),
        (lambda G, F, a, b: mean(G(b).detach(), b) + mean(F(a), a), "no gradient reaches G"),
        (lambda G, F, a, b: mean(G(b), b) + mean(F(a), a).detach(), "no gradient reaches F"),
    ],
)
def test_a_wrong_identity_is_named(capsys, function, fragment):
    rejects(capsys, nb14.identity_loss, function, fragment=fragment)


def test_a_function_that_freezes_a_network_is_refused(capsys):
    def freezing(G, F, a, b):
        loss = cycle(G, F, a, b)
        F.requires_grad_(False)
        return loss

    rejects(capsys, nb14.cycle_loss, freezing, fragment="leaves weights of the F frozen")


# ---------------------------------------------------------------- the message


def spread(answers):
    return (answers - answers.mean(dim=0)).square().mean().sqrt()


def test_the_message_is_accepted(capsys):
    accepts(capsys, nb14.message, spread, fragment="No truth is needed")
    accepts(capsys, nb14.message, lambda answers: answers.var(dim=0, correction=0).mean() ** 0.5)
    accepts(capsys, nb14.message, lambda a: float((a - a.mean(0, keepdim=True)).pow(2).mean().sqrt()))
    known = torch.tensor([0.0, 0.6])[:, None, None, None, None] + torch.rand(1, 3, 1, 4, 4)
    assert float(nb14._spread(known)) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda a: (a - a.mean(0)).square().mean(), "the root is missing"),
        (lambda a: (a - a.mean(0)).abs().mean(), "absolute differences"),
        (lambda a: (a - a.mean(0)).mean(), "sum to 0"),
        (lambda a: (a - a.mean(1, keepdim=True)).square().mean().sqrt(), "over the *digits* of one paper"),
        (lambda a: (a - a.mean()).square().mean().sqrt(), "the strokes count as a message"),
        (lambda a: a.std(), "the strokes count as a message"),
        (lambda a: a.std(dim=0).mean(), "Average the squares first"),
        (lambda a: a.std(dim=0, correction=0).mean(), "Average the squares first"),
        (lambda a: a.var(dim=0).mean().sqrt(), "divide by one less"),
        (lambda a: (a - a.mean(0)).square().flatten(2).mean(2).sqrt().mean(), "a root for each answer"),
        (lambda a: (a - a.mean(0)).square().flatten(1).mean(1).sqrt().mean(), "a root for each paper"),
        (lambda a: (a - a[0]).square().mean().sqrt(), "the first paper's answer"),
        (lambda a: (a[1:] - a[:1]).square().mean().sqrt(), "the first paper's answer"),
        (lambda a: a.diff(dim=0).square().mean().sqrt(), "you compare neighbours"),
        (lambda a: (a.max(0).values - a.min(0).values).mean(), "the range"),
        (lambda a: (a - a.median(0).values).square().mean().sqrt(), "the median of the papers"),
        (lambda a: (a - a.mean(0)).norm(), "the squares are summed"),
        (lambda a: a.mean(0).square().mean().sqrt(), "the size of the mean answer"),
        (lambda a: a.square().mean().sqrt(), "the size of the answers"),
        (lambda a: (a - a.mean(0)).abs().max(), "the largest difference"),
        (lambda a: 2 * spread(a), "2 times what it should be"),
        (lambda a: a - a.mean(0), "a mean"),
    ],
)
def test_a_wrong_message_is_named(capsys, function, fragment):
    rejects(capsys, nb14.message, function, fragment=fragment)
