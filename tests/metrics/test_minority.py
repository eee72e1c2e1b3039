"""Shares of a group by hand: rubble does not count as a group."""

import math

import pytest
import torch

from gancourse.metrics import minority


def says(rows):
    return torch.tensor(rows, dtype=torch.float64)


SAID = says(
    [
        [0.95, 0.03, 0.02],
        [0.02, 0.96, 0.02],
        [0.97, 0.02, 0.01],
        [0.30, 0.31, 0.39],  # rubble: of 0 and 1 it is rather 1
        [0.02, 0.03, 0.95],  # clear, but of neither
        [0.08, 0.91, 0.01],
    ]
)


def test_by_hand():
    found = minority.shares(SAID, 1, (0, 1))
    assert found.clear == 2 / 4 and found.argmax == 4 / 6 and found.unclear == 2 / 6
    other = minority.shares(SAID, 0, (0, 1))
    assert other.clear == 2 / 4 and other.argmax == 2 / 6
    all_three = minority.shares(SAID, 1, (2, 0, 1))
    assert all_three.clear == 2 / 5 and all_three.argmax == 2 / 6 and all_three.unclear == 1 / 6


def test_how_sure_is_clear_can_be_said():
    assert minority.shares(SAID, 1, (0, 1), confident=0.96).clear == 1 / 2
    assert minority.shares(SAID, 1, (0, 1), confident=0.3).unclear == 1 / 6


def test_without_a_clear_sample_there_is_no_share():
    found = minority.shares(SAID[3:5], 1, (0, 1))
    assert math.isnan(found.clear) and found.unclear == 1 and found.argmax == 1


@pytest.mark.parametrize(
    "kind, among, confident, words",
    [
        (2, (0, 1), 0.9, "kind 2"),
        (0, (0,), 0.9, "at least one other"),
        (0, (0, 3), 0.9, "among"),
        (0, (0, 1), 0, "above 0"),
        (0, (0, 1), 1.1, "confident"),
    ],
)
def test_wrong_arguments_are_refused(kind, among, confident, words):
    with pytest.raises(ValueError, match=words):
        minority.shares(SAID, kind, among, confident)
    with pytest.raises(ValueError, match="logits"):
        minority.shares(3 * SAID, 0, (0, 1))
