"""tools/shared_row_runs.py: each accident is where its name says, and its reading finds it exactly."""

import pytest
import torch

import asked_runs
import shared_row_runs as shared
from gancourse import measured


@pytest.fixture
def few(small, monkeypatch):
    for name, value in (("bench", asked_runs.bench), ("STEPS", 2), ("SAMPLES", 60)):
        monkeypatch.setattr(shared, name, value)
    return small


def rows_of(*names):
    return {row["name"]: row for row in shared.table([0], lambda name: name in names)}


def test_readings_find_each_accident_exactly(few):
    rows = rows_of(*shared.NAMES)
    in_d, in_g = (rows[name] for name in shared.NAMES[1:3])
    for name, row in rows.items():
        assert (row["moves_twins"] == [0]) == (name == shared.NAMES[1])
        assert (row["draws_twins"] == [0]) == (name == shared.NAMES[2])
        assert row["moves_others"][0] > 0 and row["draws_others"][0] > 0
    assert in_d["draws_twins"][0] > 0 and in_g["moves_twins"][0] > 0


def test_a_pair_without_an_accident_is_that_of_the_table_asked(few):
    parts, generator = shared.trained(shared.HEALTHY, 0)
    other, discriminator = asked_runs.trained("projection", few.data.images, few.data.labels, 0)
    for ours, theirs in ((generator, other), (parts.discriminator, discriminator)):
        assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))


def test_all_rows_are_stored():
    rows = {row["name"]: row for row in measured.load("shared_rows")["rows"]}
    assert list(rows) == shared.NAMES
    assert all(len(row["accuracy"]) == 3 for row in rows.values())
    healthy = {row["name"]: row for row in measured.load("asked")["rows"]}["projection"]
    assert all(rows[shared.HEALTHY][key] == healthy[key] for key in ("accuracy", "frechet", "spread"))


def test_two_players_share_one_table_or_start_from_two_equal_ones():
    parts = {name: shared.parts_of(name, 28, 0) for name in (shared.WIDE, shared.HANDED)}
    wide, handed = ((p.generator.embedding.weight, p.discriminator.rows.weight) for p in parts.values())
    assert torch.equal(*wide) and wide[0] is not wide[1] and handed[0] is handed[1]
    assert torch.equal(wide[0], handed[0])
    for optimizer in (parts[shared.HANDED].g_optimizer, parts[shared.HANDED].d_optimizer):
        assert any(weight is handed[0] for group in optimizer.param_groups for weight in group["params"])


def test_a_picture_has_the_same_z_under_both_labels():
    rows = {row["name"]: row for row in measured.load("shared_rows")["rows"]}
    for name, row in rows.items():
        three, eight = measured.samples(row).split(shared.SHOWN)
        assert torch.equal(three, eight) == (name == shared.NAMES[2])
