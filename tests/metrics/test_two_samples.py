"""A classifier and shadows: closed forms, other people's code, what changes nothing, what is refused."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gancourse import runtime
from gancourse.metrics import image_sets, transport, two_samples


def cloud(count, dim=3, seed=0, *, scale=1.0, shift=0.0):
    random = runtime.generator(seed)
    return torch.randn(count, dim, generator=random, dtype=torch.float64) * scale + shift


def draw(seed=0):
    return runtime.generator(seed)


# ---------------------------------------------------------------- the classifier


@pytest.mark.parametrize("hidden", [0, 16])
def test_one_distribution_cannot_be_told_apart_and_far_ones_can(hidden):
    found = [
        two_samples.classifier_test(cloud(300, seed=s), cloud(300, seed=s + 50), hidden=hidden, generator=draw(s))
        for s in range(12)
    ]
    accuracy, auc = torch.tensor(found, dtype=torch.float64).T
    for numbers in (accuracy, auc):
        assert abs(float(numbers.mean()) - 0.5) < 0.03 and float(numbers.std()) < 0.06
    assert two_samples.classifier_test(cloud(80), cloud(80, seed=1, shift=9), hidden=hidden, generator=draw()) == (1, 1)


def test_a_shift_is_told_as_often_as_the_best_border_allows():
    """N(0, 1) against N(d, 1): the best border is in the middle, right Phi(d / 2) of the time; AUC Phi(d / sqrt 2)."""
    shift = 1.5
    real, fake = cloud(8_000, 1), cloud(8_000, 1, seed=1, shift=shift)
    accuracy, auc = two_samples.classifier_test(real, fake, generator=draw())
    phi = torch.distributions.Normal(0.0, 1.0).cdf
    assert accuracy == pytest.approx(float(phi(torch.tensor(shift / 2))), abs=0.015)
    assert auc == pytest.approx(float(phi(torch.tensor(shift / math.sqrt(2)))), abs=0.015)
    assert two_samples.classifier_test(fake, real, generator=draw()).auc == pytest.approx(auc, abs=0.02)


def test_a_hidden_layer_sees_the_spread_and_a_plane_does_not():
    real, fake = cloud(1_000, 2), cloud(1_000, 2, seed=1, scale=2.5)
    assert two_samples.classifier_test(real, fake, generator=draw()).auc < 0.6
    assert two_samples.classifier_test(real, fake, hidden=32, generator=draw()).auc > 0.75


def test_the_classifier_is_tested_on_what_it_has_not_seen():
    """With more features than samples everything can be learnt by heart, and nothing helps on new samples."""
    found = [
        two_samples.classifier_test(cloud(30, 200, seed=s), cloud(30, 200, seed=s + 50), generator=draw(s)).accuracy
        for s in range(12)
    ]
    assert abs(sum(found) / 12 - 0.5) < 0.08


def test_the_accuracy_of_unequal_sets_is_the_mean_of_two_shares():
    """A classifier that says "real" of all has accuracy 1/2, although nine in ten are real."""
    found = two_samples.classifier_test(cloud(900), cloud(100, seed=1), generator=draw())
    assert found.accuracy == pytest.approx(0.5, abs=0.02)


def test_a_classifier_of_constants_guesses():
    for hidden in (0, 4):
        same = two_samples.classifier_test(torch.ones(20, 2), torch.ones(20, 2), hidden=hidden, generator=draw())
        assert same == (0.5, 0.5)


@pytest.mark.parametrize("hidden", [0, 8])
def test_the_generator_decides_everything(hidden):
    real, fake = cloud(100), cloud(100, seed=1, shift=0.5)
    state = torch.get_rng_state(), np.random.get_state()[1].copy()
    first = two_samples.classifier_test(real, fake, hidden=hidden, generator=draw(3))
    assert first == two_samples.classifier_test(real, fake, hidden=hidden, generator=draw(3))
    assert first != two_samples.classifier_test(real, fake, hidden=hidden, generator=draw(4))
    assert torch.equal(torch.get_rng_state(), state[0]) and (np.random.get_state()[1] == state[1]).all()


# ---------------------------------------------------------------- shadows


@given(st.floats(-50, 50), st.floats(-50, 50), st.integers(2, 40))
def test_a_pure_shift_costs_its_squared_length_up_to_the_directions(down, across, count):
    points = cloud(count, 2)
    moved = points + torch.tensor([down, across], dtype=torch.float64)
    found = two_samples.sliced_w2(points, moved, directions=4_000, generator=draw())
    assert found == pytest.approx(down**2 + across**2, rel=0.1, abs=1e-12)


def test_a_shift_on_the_line_is_exact_and_equals_frechet():
    points = cloud(40, 1)
    found = two_samples.sliced_w2(points, points + 3, directions=2, generator=draw())
    assert found == pytest.approx(9) == image_sets.frechet_distance(points, points + 3)


def test_unequal_sizes_by_hand():
    # 0 0 0 3 3 3 against 0 0 1 1 5 5, a sixth each: (0 + 0 + 1 + 4 + 4 + 4) / 6
    real, fake = torch.tensor([[0.0], [3.0]]), torch.tensor([[1.0], [5.0], [0.0]])
    for a, b in ((real, fake), (fake, real)):
        assert two_samples.sliced_w2(a, b, directions=3, generator=draw()) == pytest.approx(13 / 6)
    doubled = two_samples.sliced_w2(real.repeat(9, 1), fake.repeat(8, 1), directions=3, generator=draw())
    assert doubled == pytest.approx(13 / 6)


@pytest.mark.parametrize("counts", [(30, 30), (30, 42), (12, 31)])
def test_the_distance_on_the_line_agrees_with_a_linear_programme(counts):
    from scipy.optimize import linprog

    n, m = counts
    real, fake = cloud(n, 1), cloud(m, 1, seed=1, scale=0.5, shift=0.3)
    costs = (real - fake.T).square().numpy()
    rows = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    wanted = linprog(costs.ravel(), A_eq=rows, b_eq=np.r_[np.full(n, 1 / n), np.full(m, 1 / m)]).fun
    assert two_samples.sliced_w2(real, fake, directions=1, generator=draw()) == pytest.approx(wanted, rel=1e-7)


@pytest.mark.parametrize("counts", [(60, 60), (60, 45)])
def test_shadows_agree_with_pot(counts):
    ot = pytest.importorskip("ot", reason="POT is not installed")
    real, fake = cloud(counts[0], 5), cloud(counts[1], 5, seed=1, scale=0.7, shift=0.4)
    ways = torch.randn(5, 50, generator=draw(2), dtype=torch.float64)
    ways = (ways / ways.norm(dim=0)).numpy()
    wanted = 5 * ot.sliced_wasserstein_distance(real.numpy(), fake.numpy(), projections=ways, p=2) ** 2
    assert two_samples.sliced_w2(real, fake, directions=50, generator=draw(2)) == pytest.approx(wanted, rel=1e-9)


def test_shadows_are_never_farther_apart_than_the_points():
    real, fake = cloud(60, 4), cloud(60, 4, seed=1, scale=0.6, shift=1.0)
    found = two_samples.sliced_w2(real, fake, directions=3_000, generator=draw())
    from scipy.optimize import linear_sum_assignment

    costs = torch.cdist(real, fake).square().numpy()
    exact = costs[linear_sum_assignment(costs)].mean()
    assert 0.5 * exact < found < exact
    assert two_samples.sliced_w2(real, real.flip(0), generator=draw()) == 0
    one = transport.sliced_wasserstein(real, fake, directions=3_000, generator=draw())
    assert one**2 < found / 4  # for one direction W1 <= W2


@given(st.floats(-6, 6), st.floats(-1e3, 1e3))
def test_units_come_in_squared_and_place_not_at_all(power, shift):
    real, fake, unit = cloud(20), cloud(30, seed=1, scale=0.5), 10.0**power
    whole = two_samples.sliced_w2(real, fake, generator=draw())
    assert two_samples.sliced_w2(unit * real, unit * fake, generator=draw()) == pytest.approx(unit**2 * whole, rel=1e-9)
    assert two_samples.sliced_w2(real + shift, fake + shift, generator=draw()) == pytest.approx(whole, rel=1e-9)
    moved = two_samples.classifier_test(unit * real + shift, unit * fake + shift, generator=draw())
    assert moved == pytest.approx(two_samples.classifier_test(real, fake, generator=draw()), abs=0.02)


# ---------------------------------------------------------------- what is refused

GOOD = cloud(6)


@pytest.mark.parametrize("number", [two_samples.classifier_test, two_samples.sliced_w2])
@pytest.mark.parametrize(
    ("real", "fake", "error", "fragment"),
    [
        (GOOD.numpy(), GOOD, TypeError, "real must be a tensor"),
        (GOOD, GOOD.long(), TypeError, "fake must hold floating-point numbers"),
        (GOOD[:0], GOOD, ValueError, "real must have shape (N, ...), at least one sample"),
        (GOOD, GOOD[:1], ValueError, "fake must be features of shape (N, D), N at least 2"),
        (GOOD, GOOD[:, :2], ValueError, "real and fake must have as many features, got 3 and 2"),
        (GOOD / 0, GOOD, ValueError, "real must be finite"),
    ],
)
def test_what_is_no_set_of_features_is_refused_by_name(number, real, fake, error, fragment):
    with pytest.raises(error) as caught:
        number(real, fake, generator=draw())
    assert fragment in str(caught.value)


def test_numbers_out_of_range_are_refused_by_name():
    with pytest.raises(ValueError, match="hidden must be a whole number from 0 on, got -1"):
        two_samples.classifier_test(GOOD, GOOD, hidden=-1, generator=draw())
    with pytest.raises(ValueError, match="fake must hold at least 4 samples, two to train on and two to test, got 3"):
        two_samples.classifier_test(GOOD, GOOD[:3], generator=draw())
    with pytest.raises(ValueError, match="directions must be a whole number from 1 on, got 0"):
        two_samples.sliced_w2(GOOD, GOOD, directions=0, generator=draw())
