"""Every exact answer on the line with two answers agrees with counting, quadrature or transport."""

import math

import pytest
import torch

from gancourse import runtime
from gancourse.data import answers

LINE = answers.two_answers()


def drawn(n=400_000, seed=0, problem=LINE):
    x, y = problem.sample(n, runtime.generator(seed))
    return x.double().squeeze(1), y.double().squeeze(1)


def test_samples_have_the_odds_and_the_spread():
    x, y = drawn()
    assert float(x.min()) < -0.999 and float(x.max()) > 0.999
    near = (x - 0.5).abs() < 0.02
    assert float((y[near] > 0).double().mean()) == pytest.approx(0.75, abs=0.015)
    assert float((y.abs() - 1).std()) == pytest.approx(0.1, abs=0.001)
    assert float(LINE.share(torch.tensor(-0.2))) == pytest.approx(0.4)


def test_errors_are_what_counting_gives():
    x, y = drawn()
    again = torch.where(torch.rand(len(x), generator=runtime.generator(9)) < LINE.share(x), 1.0, -1.0)
    again = again + 0.1 * torch.randn(len(x), generator=runtime.generator(10))
    counted = {"mean": LINE.mean(x), "majority": LINE.majority(x), "sample": again}
    for name, answer in counted.items():
        assert float((answer - y).square().mean()) == pytest.approx(LINE.errors[name], rel=0.01), name
    assert LINE.errors == pytest.approx({"mean": 2 / 3 + 0.01, "majority": 1.01, "sample": 4 / 3 + 0.02})


@pytest.mark.parametrize("at", [-0.9, -0.3, 0.05, 0.6])
@pytest.mark.parametrize("spread", [0.1, 0.2])
def test_the_median_has_as_many_answers_above_as_below(at, spread):
    problem = answers.two_answers(spread)
    median = float(problem.median(torch.tensor(at, dtype=torch.float64)))

    def below(value, centre):
        return 0.5 * math.erfc((centre - value) / (spread * math.sqrt(2)))

    share = (1 + at) / 2
    assert share * below(median, 1) + (1 - share) * below(median, -1) == pytest.approx(0.5, abs=1e-3)


def test_the_median_has_the_least_absolute_error():
    x, y = drawn()
    best = float((LINE.median(x) - y).abs().mean())
    assert best < float((LINE.majority(x) - y).abs().mean())
    assert best < float((LINE.mean(x) - y).abs().mean())
    assert best < float((LINE.median(x) * 0.97 - y).abs().mean())


def test_the_mean_s_distance_is_what_sorted_samples_give():
    x, y = drawn(n=1_000_000)
    counted = float((x.sort().values - y.sort().values).square().mean().sqrt())
    assert LINE.distance_of_mean == pytest.approx(counted, rel=0.005)
    # without spread all answers are +1 or -1, and |x| moves to 1: sqrt(1/3)
    assert answers.two_answers(0.001).distance_of_mean == pytest.approx(math.sqrt(1 / 3), abs=0.002)


def test_quantiles_have_their_share_of_the_answers_below_them():
    points = LINE.quantiles(1_000)
    _, y = drawn(n=1_000_000)
    for place in (3, 250, 499, 500, 620, 999):
        assert float((y < points[place]).double().mean()) == pytest.approx((place + 0.5) / 1_000, abs=0.002)
    assert torch.allclose(points, -points.flip(0), atol=1e-9)


def test_no_mixture_of_mean_and_truth_s_order_beats_the_trade_off():
    """Moving each mean answer part of its way to the true answer of its rank reaches the curve exactly."""
    x, y = drawn(n=1_000_000)
    ranked = torch.empty_like(x)
    ranked[x.argsort()] = y.sort().values
    for share in (0.0, 0.25, 0.5, 1.0):
        answer = x + share * (ranked - x)
        distance = float((answer.sort().values - y.sort().values).square().mean().sqrt())
        # the rank's own y carries its noise, which adds its variance to no error: y and rank are drawn apart
        error = float((answer - x).square().mean()) + LINE.errors["mean"]
        assert LINE.trade_off(distance) == pytest.approx(error, rel=0.005)
    assert LINE.trade_off(0) == pytest.approx(LINE.errors["mean"] + LINE.distance_of_mean**2)
    assert LINE.trade_off(2) == LINE.errors["mean"]


def test_a_perfect_sampler_does_not_reach_the_curve():
    """At distance 0 the least error is below that of a sampler: seeing the question, it pays more."""
    assert LINE.trade_off(0) < LINE.errors["majority"] < LINE.errors["sample"]


@pytest.mark.parametrize("spread", [0, -0.1, 0.3, math.nan, "0.1", True])
def test_another_spread_is_refused(spread):
    with pytest.raises(ValueError, match="spread must be a number above 0 and at most 0.25"):
        answers.two_answers(spread)


@pytest.mark.parametrize("distance", [-0.1, math.inf, None])
def test_another_distance_is_refused(distance):
    with pytest.raises(ValueError, match="distance must be a finite number, at least 0"):
        LINE.trade_off(distance)


def test_no_questions_are_refused():
    with pytest.raises(ValueError, match="n must be a whole number from 1 on, got 0"):
        LINE.sample(0, runtime.generator(0))
