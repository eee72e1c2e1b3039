"""What is measured about scaling, on a small scale; and the page says what is stored."""

import re
import statistics

import pytest
import torch

import scaling_tables
from course import ROOT
from gancourse import measured

PAGE = (ROOT / "docs" / "beyond.md").read_text(encoding="utf-8")


def page_rows(heading):
    """Return the cells of the table in a section of the page, its header left out."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_steps_are_counted_until_a_gan_is_near_and_not_after(monkeypatch):
    monkeypatch.setattr(scaling_tables, "MOST_STEPS", 20)
    near = iter([5.0, 0.05, 0.01, 5.0])  # member 0 is far at step 10, member 1 near; at step 20 member 0 is near
    monkeypatch.setattr(scaling_tables, "distance", lambda points, goal: next(near))
    assert scaling_tables.steps_until_near(8, 1.0, [3, 4]) == [20, 10]


def test_a_gan_that_never_comes_near_counts_as_more_than_all_steps():
    assert scaling_tables.median_steps([10, None, 30]) == 30
    assert scaling_tables.median_steps([None, None, 30]) == scaling_tables.MOST_STEPS + 1


def test_points_that_are_no_numbers_are_far():
    assert scaling_tables.distance(torch.full((4, 2), float("nan")), torch.zeros(4, 2)) == float("inf")


def test_on_paper_a_ring_sends_nearly_twice_the_gradient():
    rows = {row["name"]: row for row in scaling_tables.on_paper()}
    eight, many = rows["on paper, 8 GPUs"], rows["on paper, 64 GPUs"]
    assert eight["sent_bytes"] / eight["gradient_bytes"] == pytest.approx(14 / 8, rel=1e-6)
    assert many["sent_bytes"] / many["gradient_bytes"] == pytest.approx(126 / 64, rel=1e-6)
    assert 0 < eight["share_of_sending"] < many["share_of_sending"] < 1


def test_the_page_has_the_stored_numbers_of_batch_sizes():
    rows = measured.load("batch_size")["rows"]
    told = page_rows("When a larger batch stops helping")
    assert len(told) == len(rows)
    for row, (batch, steps, rate, points) in zip(rows, told, strict=True):
        median = statistics.median(row["steps"])
        assert [batch, steps, rate, points] == [
            str(row["batch_size"]), f"{median:,.0f}", f"{row['best_rate']:g}", f"{median * row['batch_size']:,.0f}"
        ]  # fmt: skip


def test_the_page_has_the_stored_numbers_of_processes():
    rows = measured.load("processes")["rows"]
    for row in rows:
        if "times_as_fast_by_cpu" in row:
            assert re.search(rf"{re.escape(row['name'])}.*{row['times_as_fast_by_cpu']:.2f} times", PAGE), row["name"]
        else:
            assert f"{row['share_of_sending']:.0%}".replace("%", " %") in PAGE, row["name"]


def test_the_command_and_its_trackers_cost_less_than_three_in_a_hundred():
    spent = {row["name"]: row["cpu_seconds_a_step"] for row in measured.load("overhead")["rows"]}
    for name, beside in (
        ("the command", "a bare loop"),
        ("with TensorBoard", "the command"),
        ("with Weights & Biases", "the command"),
    ):
        ratio = statistics.median(ours / theirs for ours, theirs in zip(spent[name], spent[beside], strict=True))
        assert ratio < 1.03, name
        assert f"{ratio - 1:.1%}".replace("%", " %") in PAGE, (name, ratio)
