"""tools/edit_runs.py with painters whose answer is known, and on a few digits."""

import pytest
import torch

import edit_runs
import growing_tables
import style_tables
from gancourse import measured, styling
from gancourse.data import digits, spoils
from gancourse.metrics import directions
from gancourse.metrics import judge as judges


@pytest.fixture
def few(monkeypatch):
    """Embedded digits of 28 pixels, and short runs with few samples."""
    data = digits.load("embedded")
    judge = judges.load(data)
    at = growing_tables.Bench(data, judge, judge.features(data.test_images[:200]), data.test_images[200:260])
    for module in (growing_tables, edit_runs):
        monkeypatch.setattr(module, "bench", lambda: at)
    for name, value in (("COMPARED_WITH", 200), ("ASKED", 100), ("FIT_ON", 150), ("RANDOM", 2)):
        monkeypatch.setattr(edit_runs, name, value)
    monkeypatch.setattr(edit_runs, "DESCENTS", {"encoder": 0, "encoder, 100 steps": 2})
    monkeypatch.setattr(edit_runs, "NAMES", ["encoder", "encoder, 100 steps", edit_runs.OWN, edit_runs.SHEARED])
    monkeypatch.setattr(styling, "_COUNTED", 500)
    monkeypatch.setitem(style_tables.PLAIN, "num_steps", 2)
    return at


def test_the_digits_asked_for_are_none_that_the_bench_compares_with(few):
    images, labels = edit_runs.asked()
    assert len(images) == len(labels) == 100
    order = torch.randperm(355, generator=torch.Generator().manual_seed(0))
    assert torch.equal(images, few.data.test_images[order[200:300]])
    assert torch.equal(labels, few.data.test_labels[order[200:300]])


def test_a_painter_that_slants_by_its_first_number_is_found_to(few):
    """One slope for each step of z: real digits, slanted by 0.1 a step along the first axis, else left alone."""
    images, _ = edit_runs.asked()
    labels = edit_runs.read(images)
    unit = directions.of_digits(images).std(dim=0)

    class Painter(torch.nn.Module):
        def forward(self, z):
            return torch.cat([spoils.slant(images[int(row[3]) : int(row[3]) + 1], 0.1 * float(row[0])) for row in z])

    z = torch.zeros(100, 4)
    z[:, 3] = torch.arange(100)
    ways = torch.eye(4)[:3]
    found = edit_runs.edited(Painter(), z, labels, ways, unit)
    assert found["kept_copy"] == 1 and found["kept_random"] == 1 and max(found["absolute_random"]) == 0
    assert found["factors_lean"][edit_runs.SLANT] * float(unit[edit_runs.SLANT]) == pytest.approx(0.4, rel=0.1)
    signed, size = (found[key][edit_runs.SLANT] for key in ("factors_lean", "absolute_lean"))
    assert found["with_sign"] == 1 and signed == pytest.approx(size)
    assert 0.5 < found["kept_lean"] <= 1
    turned = edit_runs.edited(Painter(), z, labels, -ways, unit)
    assert turned["factors_lean"][edit_runs.SLANT] == pytest.approx(-found["factors_lean"][edit_runs.SLANT])
    assert turned["with_sign"] == 0 and turned["kept_lean"] == pytest.approx(found["kept_lean"])


def test_rows_are_whole(few):
    rows = {row["name"]: row for row in edit_runs.table([0, 1], lambda name: True)}
    assert list(rows) == edit_runs.NAMES
    for name in ("encoder", "encoder, 100 steps"):
        assert len(rows[name]["error"]) == len(rows[name]["factors_lean"]) == 2
        assert measured.samples(rows[name]).shape == (40, 1, 28, 28)
    assert rows["encoder, 100 steps"]["error"] != rows["encoder"]["error"]
    assert rows["encoder"]["kept_lean_by_digit"][0][3] is not None
    assert rows[edit_runs.OWN]["kept_copy"] == [1.0, 1.0] and "error" not in rows[edit_runs.OWN]
    images, labels = edit_runs.asked()
    spot = [int((labels == digit).nonzero()[0]) for digit in edit_runs.SHOWN_DIGITS]
    assert torch.allclose(measured.samples(rows["encoder"])[:8], images[spot], atol=0.01)
    slid = rows[edit_runs.SHEARED]
    wanted = rows["encoder, 100 steps"]["factors_lean"][0][edit_runs.SLANT]
    assert slid["factors_lean"][0][edit_runs.SLANT] == pytest.approx(wanted, rel=0.15, abs=0.02)


def test_nothing_is_trained_for_no_row(monkeypatch):
    monkeypatch.setattr(styling, "train", lambda *a, **k: 1 / 0)
    assert list(edit_runs.table([0], lambda name: False)) == []


def test_the_stored_rows_are_those_that_are_named():
    rows = {row["name"]: row for row in measured.load("edited")["rows"]}
    assert list(rows) == edit_runs.NAMES
    assert all(len(row["kept_lean"]) == 3 for row in rows.values())
    for name in edit_runs.DESCENTS:
        assert measured.samples(rows[name]).shape == (40, 1, 28, 28)
