"""Numbers for detectors against counting by hand, closed forms and Bayes' rule."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gancourse import runtime
from gancourse.metrics import detection

SCORES = torch.tensor([0.1, 0.4, 0.35, 0.8])
POSITIVE = torch.tensor([False, False, True, True])


def by_pairs(scores, positive):
    a, b = scores[positive].double(), scores[~positive].double()
    return float(((a[:, None] > b).double() + 0.5 * (a[:, None] == b).double()).mean())


def test_auc_by_hand():
    assert detection.roc_auc(SCORES, POSITIVE) == 0.75  # three of the four pairs are in order
    assert detection.roc_auc(-SCORES, POSITIVE) == 0.25
    assert detection.roc_auc(torch.zeros(4), POSITIVE) == 0.5  # ties count half
    assert detection.roc_auc(SCORES.exp() * 9 - 3, POSITIVE) == 0.75  # the order alone matters


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40))
def test_auc_counts_pairs(cases):
    scores, positive = torch.tensor([float(s) for s, _ in cases]), torch.tensor([p for _, p in cases])
    if positive.all() or not positive.any():
        return
    assert detection.roc_auc(scores, positive) == pytest.approx(by_pairs(scores, positive))


def test_two_normals_have_their_closed_form():
    random = runtime.generator(0)
    scores = torch.randn(40_000, generator=random) + 1.2 * (torch.arange(40_000) % 2)
    positive = torch.arange(40_000) % 2 == 1
    phi = lambda x: 0.5 * (1 + math.erf(x / math.sqrt(2)))  # noqa: E731
    assert detection.roc_auc(scores, positive) == pytest.approx(phi(1.2 / math.sqrt(2)), abs=0.006)
    best = detection.advantage(scores, positive)
    assert best.value == pytest.approx(2 * phi(0.6) - 1, abs=0.015)
    assert best.threshold == pytest.approx(0.6, abs=0.2)


def test_balanced_accuracy_by_hand():
    labels = torch.tensor([0, 0, 0, 0, 1, 2, 2])
    guesses = torch.tensor([0, 0, 0, 1, 1, 0, 2])
    assert detection.balanced_accuracy(guesses, labels) == pytest.approx((3 / 4 + 1 + 1 / 2) / 3)
    assert detection.balanced_accuracy(torch.zeros(7, dtype=torch.long), labels) == pytest.approx(1 / 3)
    truth = torch.tensor([True, True, False])
    assert detection.balanced_accuracy(torch.tensor([True, False, False]), truth) == pytest.approx(3 / 4)


def test_advantage_by_hand():
    best = detection.advantage(SCORES, POSITIVE)
    # from .35 on: both positives, one of two negatives; from .8 on: one positive, no negative: 1/2 either way
    assert best.value == 0.5
    alarms = [(best.threshold <= SCORES)[which].double().mean() for which in (POSITIVE, ~POSITIVE)]
    assert float(alarms[0] - alarms[1]) == best.value
    assert detection.advantage(torch.tensor([0.0, 1.0]), torch.tensor([False, True])).value == 1
    assert detection.advantage(torch.tensor([1.0, 0.0]), torch.tensor([False, True])).value == 0  # never below


def test_calibration_by_hand():
    probabilities = torch.tensor([0.05, 0.15, 0.5, 0.55, 1.0, 0.95])
    positive = torch.tensor([False, True, True, False, True, True])
    table = detection.calibration(probabilities, positive, bins=2)
    assert table.counts.tolist() == [2, 4]
    assert table.said.tolist() == pytest.approx([0.1, 0.75]) and table.true.tolist() == pytest.approx([0.5, 0.75])
    assert table.error == pytest.approx(0.4 * 2 / 6)
    ten = detection.calibration(probabilities, positive)
    assert ten.counts.tolist() == [1, 1, 0, 0, 0, 2, 0, 0, 0, 2] and math.isnan(float(ten.said[3]))
    assert ten.error == pytest.approx((0.05 + 0.85 + 2 * 0.025 + 2 * 0.025) / 6)


def test_whoever_says_the_truth_is_calibrated():
    random = runtime.generator(1)
    said = torch.rand(50_000, generator=random)
    true = torch.rand(50_000, generator=random) < said
    assert detection.calibration(said, true).error < 0.012
    assert detection.calibration(said.sqrt(), true).error == pytest.approx(2 / 3 - 1 / 2, abs=0.015)


def test_right_alarms_are_bayes_rule():
    assert detection.right_alarms(0.99, 0.01, 0.5) == pytest.approx(0.99)
    assert detection.right_alarms(0.99, 0.01, 0.001) == pytest.approx(0.00099 / (0.00099 + 0.00999))
    assert detection.right_alarms(0.3, 0.3, 0.2) == pytest.approx(0.2)  # an alarm that knows nothing
    assert detection.right_alarms(0.5, 0.0, 0.01) == 1 and detection.right_alarms(0.5, 0.1, 0.0) == 0
    assert math.isnan(detection.right_alarms(0.0, 0.0, 0.1))


@pytest.mark.parametrize("function", [detection.roc_auc, detection.advantage])
@pytest.mark.parametrize(
    "scores, positive, error, words",
    [
        (torch.arange(4), POSITIVE, TypeError, "floating-point"),
        (SCORES, torch.tensor([0, 0, 1, 1]), TypeError, "bool"),
        (SCORES, POSITIVE[:3], ValueError, r"\(4,\) and \(3,\)"),
        (SCORES[:2], POSITIVE[:2], ValueError, "both True and False"),
        (torch.tensor([0.0, math.nan, 1.0, 2.0]), POSITIVE, ValueError, "finite"),
        (SCORES[:0], POSITIVE[:0], ValueError, "one shape"),
    ],
)
def test_wrong_scores_are_refused(function, scores, positive, error, words):
    with pytest.raises(error, match=words):
        function(scores, positive)


def test_other_wrong_inputs_are_refused():
    with pytest.raises(ValueError, match="logits"):
        detection.calibration(torch.tensor([0.5, 1.5]), torch.tensor([True, False]))
    with pytest.raises(ValueError, match="bins"):
        detection.calibration(SCORES, POSITIVE, bins=0)
    with pytest.raises(TypeError, match="guesses"):
        detection.balanced_accuracy(SCORES, torch.tensor([0, 1, 1, 0]))
    with pytest.raises(ValueError, match="one for each label, 3, got 2"):
        detection.balanced_accuracy(torch.tensor([0, 1]), torch.tensor([0, 1, 1]))
    for place in range(3):
        with pytest.raises(ValueError, match=("caught", "false_alarms", "base_rate")[place]):
            detection.right_alarms(*[1.2 if k == place else 0.5 for k in range(3)])
