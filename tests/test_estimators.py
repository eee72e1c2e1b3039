"""Gradients around the choice of a letter, against sums over every string."""

import pytest
import torch

from gancourse import estimators, runtime
from gancourse.data import language
from gancourse.models.writer import Discriminator, Writer


@pytest.fixture(scope="module")
def pair():
    with runtime.seeded(1):
        writer, judge = Writer(letters=3, hidden=4), Discriminator(letters=3, width=5)
    for network in (writer, judge):  # away from the first weights, where all letters are alike
        for parameter in network.parameters():
            parameter.data *= 2
    return writer, judge


@pytest.fixture(scope="module")
def exact(pair):
    return estimators.exact_gradient(*pair, 2)


def test_the_exact_gradient_is_the_slope_of_the_mean_score(pair, exact):
    writer, judge = pair
    strings = language.every_string(3, 2)
    scores = judge(torch.nn.functional.one_hot(strings, 3).float()).sum(1).detach().double()
    writer = Writer(3, 4).double()
    writer.load_state_dict(pair[0].state_dict())

    def mean():
        with torch.no_grad():
            return float((writer.log_prob(strings).exp() * scores).sum())

    at = 0
    for parameter in writer.parameters():
        flat = parameter.data.view(-1)
        for i in range(0, flat.numel(), 7):
            kept, moved = float(flat[i]), []
            for step in (1e-5, -1e-5):
                flat[i] = kept + step
                moved.append(mean())
            flat[i] = kept
            assert float(exact[at + i]) == pytest.approx((moved[0] - moved[1]) / 2e-5, abs=2e-5)
        at += flat.numel()
    assert at == exact.numel() and float(exact.norm()) > 0.01


def drawn(pair, kind, **settings):
    return estimators.estimates(*pair, 2, kind, **({"repeats": 800, "batch_size": 16, "seed": 2} | settings))


def test_reinforce_has_no_bias_whatever_is_taken_off(pair, exact):
    spreads = {}
    for kind in ("whole word", "whole word, baseline", "to go", "to go, baseline"):
        estimates = drawn(pair, kind)
        mean, error = estimates.mean(0), (estimates.var(0) / len(estimates)).sqrt()
        assert float(((mean - exact).abs() > 4.5 * error + 1e-7).float().mean()) == 0, kind
        quality = estimators.bias_and_spread(estimates, exact)
        spreads[kind] = quality.spread
        assert quality.bias < 2.5 * quality.spread / 800**0.5 and quality.cosine > 0.9
    assert spreads["to go, baseline"] < spreads["whole word"]


def test_what_is_biased_is_seen(pair, exact):
    own = estimators.bias_and_spread(drawn(pair, "to go, own baseline"), exact)
    assert own.bias > 0.1
    low, high = (estimators.bias_and_spread(drawn(pair, "straight_through", tau=tau), exact) for tau in (0.3, 2.0))
    assert low.spread > high.spread and high.bias > 0.1


def test_one_letter_of_reinforce_by_hand(pair):
    """With words of one letter, each estimate is the mean of pay times the slope of log q: three slopes in all."""
    writer, judge = pair
    slopes, scores = [], []
    for letter in range(3):
        log_q = writer.log_prob(torch.tensor([[letter]]))
        slopes.append(torch.cat([g.flatten() for g in torch.autograd.grad(log_q.sum(), list(writer.parameters()))]))
        scores.append(float(judge(torch.nn.functional.one_hot(torch.tensor([[letter]]), 3).float()).detach().sum()))
    estimates = estimators.estimates(writer, judge, 1, "whole word", batch_size=2, repeats=6, seed=1)
    terms = [scores[i] * slopes[i] for i in range(3)]
    possible = [(terms[i] + terms[j]) / 2 for i in range(3) for j in range(i, 3)]
    for row in estimates:
        assert min(float((row - p).norm()) for p in possible) < 1e-5


def test_bias_and_spread_by_hand():
    exact = torch.tensor([3.0, 4.0])  # length 5
    estimates = torch.tensor([[9.0, 4.0], [7.0, 4.0], [8.0, 5.0], [8.0, 3.0]])  # mean (8, 4)
    quality = estimators.bias_and_spread(estimates, exact)
    variance = 2 / 3 + 2 / 3
    assert quality.bias == pytest.approx((25 - variance / 4) ** 0.5 / 5)
    assert quality.spread == pytest.approx(variance**0.5 / 5)
    assert quality.cosine == pytest.approx((24 + 16) / (80**0.5 * 5))
    chance = estimators.bias_and_spread(torch.tensor([[3.0, 5.0], [3.0, 3.4]]), exact)
    assert chance.bias == 0  # no further off than chance


def test_estimates_repeat_and_leave_the_networks_alone(pair):
    before = [parameter.clone() for network in pair for parameter in network.parameters()]
    first, again, other = (drawn(pair, "soft", repeats=3, seed=seed) for seed in (4, 4, 5))
    assert first.equal(again) and not first.equal(other) and first.shape[0] == 3
    after = [parameter for network in pair for parameter in network.parameters()]
    assert all(a.equal(b) and a.grad is None for a, b in zip(after, before, strict=True))


def test_under_no_grad_too(pair, exact):
    with torch.no_grad():
        assert estimators.exact_gradient(*pair, 2).equal(exact)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda w, d: estimators.exact_gradient(d, w, 2), TypeError, "writer must be a models.writer.Writer"),
        (lambda w, d: estimators.exact_gradient(w, Discriminator(4), 2), ValueError, "the writer's letters, 3, got 4"),
        (lambda w, d: estimators.exact_gradient(w, d, 13), ValueError, "more than 1,000,000"),
        (lambda w, d: estimators.estimates(w, d, 2, "argmax"), ValueError, "kind must be one of whole word"),
        (lambda w, d: estimators.estimates(w, d, 2, "soft", tau=-1), ValueError, "tau must"),
        (lambda w, d: estimators.estimates(w, d, 2, "soft", repeats=1), ValueError, "repeats must"),
        (lambda w, d: estimators.bias_and_spread(torch.zeros(1, 2), torch.ones(2)), ValueError, "at least 2"),
        (lambda w, d: estimators.bias_and_spread(torch.zeros(3, 2), torch.zeros(2)), ValueError, "must not be 0"),
        (lambda w, d: estimators.bias_and_spread([1.0], torch.zeros(2)), TypeError, "tensors"),
    ],
)
def test_wrong_inputs_are_refused(pair, call, error, words):
    with pytest.raises(error, match=words):
        call(*pair)
