"""What the tests of several tools share."""

import pytest

import asked_runs
from gancourse.data import digits
from gancourse.metrics import judge as judges


@pytest.fixture
def small(monkeypatch):
    """Return the bench of asked_runs on the embedded digits, with one judge twice; runs have two steps."""
    data = digits.load("embedded", 16)
    judge = judges.load(data)
    images, labels = data.test_images, data.test_labels
    at = asked_runs.Bench(
        data, (judge, judge), images[::2], labels[::2], judge.features(images[::2]), images[1::2], labels[1::2]
    )
    for name, value in (("bench", lambda: at), ("STEPS", 2), ("SAMPLES", 60)):
        monkeypatch.setattr(asked_runs, name, value)
    return at
