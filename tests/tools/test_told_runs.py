"""tools/told_runs.py on a few digits: readers find what is there, and a row has every number."""

from dataclasses import replace

import pytest
import torch

import code_runs
import told_runs
from gancourse import measured, runtime
from gancourse.data import digits
from gancourse.encoding import told
from gancourse.metrics import judge as judges


@pytest.fixture(scope="module")
def few_digits(tmp_path_factory):
    """Embedded digits, and a judge that learns for a few steps."""
    data = digits.load("embedded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANCOURSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(digits, "load", lambda name: data)
        patch.setattr(judges, "_STEPS_IF_SMALL", 20)
        patch.setattr(code_runs, "ASKED", 120)
        patch.setattr(told_runs, "READ_FROM", 300)
        code_runs.bench.cache_clear()
        yield code_runs.bench()
        code_runs.bench.cache_clear()


def test_readers_find_a_class_on_a_line_and_one_that_is_on_none():
    random = runtime.generator(0)
    labels = torch.randint(0, 2, (400,), generator=random)
    noise = torch.randn(400, 6, generator=random)
    on_line = noise + 6 * labels[:, None] * torch.tensor([1.0, 0, 0, 0, 0, 0])
    ring = noise[:, :2] / noise[:, :2].norm(dim=1, keepdim=True) * (1 + 2 * labels[:, None])
    for codes, low, high in ((on_line, 0.97, 1.0), (noise, 0.35, 0.65)):
        found = told_runs.read_class(codes[:300], labels[:300], codes[300:], labels[300:])
        assert all(low <= value <= high for value in found.values())
    found = told_runs.read_class(ring[:300], labels[:300], ring[300:], labels[300:])
    assert found["read_by_lines"] < 0.75 and found["read_by_neighbours"] > 0.97


def test_another_class_is_never_the_own_one():
    labels = torch.arange(10).repeat(90)
    asked = told_runs.others(labels, 3)
    assert not bool((asked == labels).any()) and int(asked.min()) == 0 and int(asked.max()) == 9
    ways = torch.bincount((asked - labels) % 10, minlength=10)
    assert ways[0] == 0 and int(ways[1:].min()) > 70


@pytest.mark.parametrize("name", ["vae: both told", "autoencoder: nobody told"])
def test_an_arm_has_its_numbers(few_digits, monkeypatch, name):
    recipe = replace(told_runs.ARMS[name], num_steps=3)
    found = told_runs.arm(recipe, 1)
    assert ("bits" in found) == ("error_draw" in found) == name.startswith("vae")
    assert {"read_by_lines", "read_by_neighbours", "error_mean", "kept_mean", "asked_drawn", "asked_own"} <= set(found)
    shown = measured.samples(found)
    assert shown.shape == (88, 1, 28, 28)
    assert torch.allclose(shown[::11], few_digits.images[few_digits.shown], atol=0.01)


def test_what_is_asked_for_goes_to_the_decoder(few_digits, monkeypatch):
    """A decoder that draws a real digit of the class it is told draws what is asked for, and never the own class."""
    data = few_digits.data
    places = torch.stack([(data.labels == digit).nonzero()[0, 0] for digit in range(10)])
    monkeypatch.setattr(told, "pictures", lambda parts, z, labels: data.images[places[labels]])
    found = told_runs.arm(replace(told_runs.ARMS["vae: both told"], num_steps=2), 1)
    right = few_digits.judge.probabilities(data.images[places]).argmax(1) == torch.arange(10)
    assert found["asked_drawn"] > 0.6 * float(right.double().mean()) and found["asked_own"] < 0.3


def test_a_drawn_copy_is_farther_off_than_that_of_the_mean(few_digits):
    recipe = replace(told_runs.DRAWN["drawn: vae"], num_steps=100)
    found = told_runs.drawn(recipe, 1)
    assert found["error_draw"] > 1.02 * found["error_mean"] and found["bits"] > 0


def test_the_stored_rows_are_those_that_are_named():
    rows = {row["name"]: row for row in measured.load("told")["rows"]}
    assert list(rows) == told_runs.NAMES
    assert all(len(row["error_mean"]) == len(row["seeds"]) == 3 for row in rows.values())
    again = {row["name"]: row for row in measured.load("encoders")["rows"]}
    for name in told_runs.DRAWN:  # the same seeds and steps, trained again
        before = again[name.removeprefix("drawn: ")]["error"]
        assert rows[name]["error_mean"] == pytest.approx(before, rel=0.05)
