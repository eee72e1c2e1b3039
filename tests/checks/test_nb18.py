"""The checkers of notebook 18 accept what is right and say which mistake was made."""

import math

import numpy as np
import pytest
import torch

from gancourse.checks import nb18
from verdicts import accepts, rejects, verdict

FUNCTIONS = [nb18.gumbel_pick, nb18.score_loss, nb18.advantages]


@pytest.mark.parametrize("checker", FUNCTIONS)
def test_stubs_and_nonsense(capsys, checker):
    assert "not attempted" in verdict(capsys, checker, ...)
    assert "not attempted" in verdict(capsys, checker, lambda *_: ...)
    rejects(capsys, checker, lambda *_: None, fragment="returned None")
    rejects(capsys, checker, lambda *_: 1 / 0, fragment="ZeroDivisionError")
    rejects(capsys, checker, lambda *_: "letters", fragment="expected")
    rejects(capsys, checker, 3, fragment="a function was expected")


# ---------------------------------------------------------------- the Gumbel trick


def noise(u):
    return -(-u.log()).log()


def test_the_right_pick_has_the_probabilities_of_the_softmax():
    scores = torch.tensor([1.0, -0.5, 0.3, 2.0])
    u = torch.rand(200_000, 4, generator=torch.Generator().manual_seed(1)).clamp(1e-7, 1 - 1e-7)
    often = torch.bincount((scores + noise(u)).argmax(-1), minlength=4) / len(u)
    assert torch.allclose(often, scores.softmax(0), atol=0.005)


def test_the_pick_accepts_other_spellings(capsys):
    accepts(capsys, nb18.gumbel_pick, lambda s, u: (s + noise(u)).argmax(1), fragment="exactly the probabilities")
    accepts(capsys, nb18.gumbel_pick, lambda scores, uniform: (scores.log_softmax(-1) + noise(uniform)).max(-1).indices)
    accepts(capsys, nb18.gumbel_pick, lambda s, u: (-u.log() / s.softmax(-1)).argmin(-1))  # the race of exponentials
    accepts(capsys, nb18.gumbel_pick, lambda s, u: (s + noise(1 - u)).argmax(-1))
    accepts(capsys, nb18.gumbel_pick, lambda s, u: ((s + noise(u)) / 0.3).softmax(-1).argmax(-1))
    accepts(capsys, nb18.gumbel_pick, lambda s, u: (s + noise(u)).argmax(-1).float())
    accepts(capsys, nb18.gumbel_pick, lambda s, u: [int((a + noise(b)).argmax()) for a, b in zip(s, u, strict=True)])
    accepts(capsys, nb18.gumbel_pick, lambda s, u: np.argmax(s.numpy() - np.log(-np.log(u.numpy())), axis=1))


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda s, u: s.argmax(-1), "`uniform` is not used"),
        (lambda s, u: noise(u).argmax(-1), "`scores` are not used"),
        (lambda s, u: (s - noise(u)).argmax(-1), "the noise has the wrong sign"),
        (lambda s, u: (s - u.log()).argmax(-1), "one logarithm: -log u"),
        (lambda s, u: (s + u.log()).argmax(-1), "and another one is missing"),
        (lambda s, u: (s + u).argmax(-1), "added as they are"),
        (lambda s, u: (s.softmax(-1) + noise(u)).argmax(-1), "added to the *probabilities*"),
        (lambda s, u: (s.softmax(-1) * noise(u)).argmax(-1), "multiplies the *probabilities*"),
        (lambda s, u: (s.softmax(-1) + u).argmax(-1), "Turn them into Gumbel noise"),
        (lambda s, u: (s * noise(u)).argmax(-1), "multiplies the scores"),
        (lambda s, u: (s + noise(u)).argmin(-1), "the largest is wanted"),
        (lambda s, u: (s - noise(u)).argmin(-1), "the smallest is taken"),
        (lambda s, u: (s + noise(u)).argsort(-1)[:, 0], "the largest is wanted"),
        (lambda s, u: (s.softmax(-1).cumsum(-1) < u[:, :1]).sum(-1), "by another way"),
        (lambda s, u: (s + torch.special.ndtri(u)).argmax(-1), "Gaussian"),
        (lambda s, u: (s - (-u.log2()).log2()).argmax(-1), "base 2"),
        (lambda s, u: (s - (-u.log10()).log10()).argmax(-1), "base 10"),
        (lambda s, u: (s + noise(u)).argmax(0), "of each *column*"),
        (lambda s, u: (s + noise(u)).softmax(-1), "probabilities for each letter"),
        (lambda s, u: s + noise(u), "take the *place* of the largest"),
        (lambda s, u: (s + noise(u)).max(-1), "take .values"),
        (lambda s, u: (s + noise(u)).max(-1).values, "Its place is wanted"),
        (
            lambda s, u: torch.nn.functional.one_hot((s + noise(u)).argmax(-1), s.shape[1]),
            "these are one-hot vectors",
        ),
        (lambda s, u: torch.multinomial(s.softmax(-1), 1)[:, 0], "draw nothing yourself"),
        (lambda s, u: (s + noise(torch.rand_like(u))).argmax(-1), "draw nothing yourself"),
    ],
)
def test_the_pick_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb18.gumbel_pick, function, fragment=fragment)


# ---------------------------------------------------------------- the log-derivative trick


def word(lp):
    return lp.sum(1)


def test_the_right_loss_has_the_gradient_of_the_expected_score():
    """Over all words of two letters, weighted by their probabilities, it is exactly that gradient."""
    logits = torch.tensor([0.3, -1.0, 0.8], dtype=torch.float64, requires_grad=True)
    paid = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0], [-1.0, 0.2, 2.0]], dtype=torch.float64)
    log_q = logits.log_softmax(0)
    both = log_q[:, None] + log_q[None, :]
    (exact,) = torch.autograd.grad((both.exp() * paid).sum(), logits, retain_graph=True)
    (trick,) = torch.autograd.grad((both.exp().detach() * paid * both).sum(), logits)
    assert torch.allclose(exact, trick) and exact.abs().max() > 0.1


def test_the_loss_accepts_other_spellings(capsys):
    accepts(capsys, nb18.score_loss, lambda lp, s: -(s.detach() * lp.sum(1)).mean(), fragment="each word is paid")
    accepts(
        capsys, nb18.score_loss, lambda log_probs, scores: -(scores.detach()[:, None] * log_probs).sum() / len(scores)
    )
    accepts(capsys, nb18.score_loss, lambda lp, s: -(s.detach() @ lp).sum() / len(s))
    accepts(capsys, nb18.score_loss, lambda lp, s: 3 - torch.mean(s.data * lp.sum(dim=-1)))
    accepts(capsys, nb18.score_loss, lambda lp, s: -(s.detach() * lp.sum(1)).mean()[None])


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda lp, s: (s.detach() * word(lp)).mean(), "the sign is turned round"),
        (lambda lp, s: -(s.detach() * word(lp)).sum(), "the words are summed; take their mean"),
        (lambda lp, s: (s.detach() * word(lp)).sum(), "and the words are summed"),
        (lambda lp, s: -(s.detach()[:, None] * lp).mean(), "The log-probability of a word is the *sum*"),
        (lambda lp, s: -(s.detach() * word(lp).exp()).mean(), "these are the words' probabilities"),
        (lambda lp, s: -(s.detach()[:, None] * lp.exp()).sum(1).mean(), "these are the letters' probabilities"),
        (lambda lp, s: -(s.detach().mean() * word(lp)).mean(), "paid the mean score"),
        (lambda lp, s: -s.detach().mean() * word(lp).mean(), "paid the mean score"),
        (lambda lp, s: -word(lp).mean(), "`scores` are not used"),
        (lambda lp, s: -(s.detach() * lp[:, -1]).mean(), "only the last letter"),
        (lambda lp, s: -(s.detach() * lp[:, 0]).mean(), "only the first letter"),
        (lambda lp, s: -((s - s.mean()).detach() * word(lp)).mean(), "exercise 3 asks for one"),
        (lambda lp, s: -(s.detach().sigmoid() * word(lp)).mean(), "went through a sigmoid"),
        (lambda lp, s: -(torch.nn.functional.logsigmoid(s.detach()) * word(lp)).mean(), "a log-sigmoid"),
        (lambda lp, s: -(s.detach() * lp.prod(1)).mean(), "so their logarithms add"),
        (lambda lp, s: -(s.detach().softmax(0) * word(lp)).sum(), "a softmax over the batch"),
        (lambda lp, s: -(s * word(lp)).mean(), "Detach them"),
        (lambda lp, s: -(s * word(lp).detach()).mean(), "no gradient comes back to log_probs"),
        (lambda lp, s: -(s.detach() * word(lp)).mean().detach(), "cut off from the graph"),
        (lambda lp, s: -(s.detach() * word(lp)), "is a mean missing?"),
        (lambda lp, s: -2 * (s.detach() * word(lp)).mean(), "2 times what it should be"),
    ],
)
def test_the_loss_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb18.score_loss, function, fragment=fragment)


# ---------------------------------------------------------------- a baseline


def others(s):
    return (s.sum() - s) / (len(s) - 1)


def test_the_baseline_accepts_other_spellings(capsys):
    accepts(capsys, nb18.advantages, lambda s: s - others(s), fragment="sum to 0")
    accepts(capsys, nb18.advantages, lambda s: (s - others(s)).tolist())
    accepts(capsys, nb18.advantages, lambda scores: (scores - scores.mean()) * len(scores) / (len(scores) - 1))
    accepts(
        capsys,
        nb18.advantages,
        lambda s: torch.stack([x - torch.cat([s[:i], s[i + 1 :]]).mean() for i, x in enumerate(s)]),
    )
    accepts(capsys, nb18.advantages, lambda s: s.numpy() - (s.numpy().sum() - s.numpy()) / (len(s) - 1))


@pytest.mark.parametrize(
    ("function", "fragment"),
    [
        (lambda s: s - s.mean(), "holds the word's own score"),
        (lambda s: (s - s.mean()) / s.std(), "you divide by the deviation"),
        (lambda s: (s - s.mean()) / s.std(unbiased=False), "you divide by the deviation"),
        (lambda s: (s - others(s)) / s.std(), "the difference is right"),
        (others, "the baseline itself"),
        (lambda s: others(s) - s, "the sign is turned round"),
        (lambda s: s + others(s), "the baseline is added"),
        (lambda s: s - (s.sum() - s) / len(s), "How many others are there?"),
        (lambda s: s - s.sum() / (len(s) - 1), "still holds the word's own score"),
        (lambda s: s - (s.sum() - s), "the *sum* of the others"),
        (lambda s: s - s.sum(), "the sum of all scores"),
        (lambda s: (s - s.mean()) * (len(s) - 1) / len(s), "the factor is turned round"),
        (lambda s: s - s.median(), "the median of all scores"),
        (lambda s: s - s.max(), "the largest score is subtracted"),
        (lambda s: s - s.min(), "the smallest score is subtracted"),
        (lambda s: s - s.roll(1), "one other word's score"),
        (lambda s: s, "nothing is subtracted"),
        (lambda s: s - s, "nothing is left"),
        (lambda s: s[:, None] - s, "for each *pair* of words"),
        (lambda s: (s - others(s)).mean(), "the shape should be (4,)"),
    ],
)
def test_the_baseline_names_the_mistake(capsys, function, fragment):
    rejects(capsys, nb18.advantages, function, fragment=fragment)


# ---------------------------------------------------------------- whose curve is it


def test_curves(capsys):
    right = dict(nb18.CURVES)
    accepts(capsys, nb18.curves, right, fragment="order of the biases")
    accepts(capsys, nb18.curves, {key.lower(): value.upper() for key, value in right.items()})
    assert "not attempted" in verdict(capsys, nb18.curves, dict.fromkeys("ABC", ...))
    rejects(capsys, nb18.curves, {**right, "A": ...}, fragment="no answer for 'A'")
    rejects(capsys, nb18.curves, {**right, "A": right["B"]}, fragment="used exactly once")
    rejects(capsys, nb18.curves, {**right, "A": right["B"], "B": right["A"]}, fragment="2 of the 3 are wrong")
    rejects(capsys, nb18.curves, {value: key for key, value in right.items()}, fragment="turned round")
    rejects(capsys, nb18.curves, {**right, "A": "a guess"}, fragment="should be one of")
    assert math.prod(len(hint) for hint in nb18._CURVE_HINTS.values()) and set(nb18._CURVE_HINTS) == set(right)
