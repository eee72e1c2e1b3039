"""tools/infogan_runs.py on a few digits: what moves is what is said to move, and as far."""

import pytest
import torch

import asked_runs
import infogan_runs
from gancourse import measured
from gancourse.data import spoils
from gancourse.metrics import asked


@pytest.fixture
def pair(small, monkeypatch):
    for name, value in (("bench", asked_runs.bench), ("SAMPLES", 60), ("CODE_SAMPLES", 20), ("DIRECTIONS", 3)):
        monkeypatch.setattr(infogan_runs, name, value)
    return asked_runs.trained("classifier", small.data.images, small.data.labels, 0, codes=2, classifier_on="fake")


def test_a_code_is_moved_alone_and_from_end_to_end(pair, monkeypatch):
    moved = []

    def noted(generator, z, labels, low, high):
        moved.append([torch.where(end.isnan(), z, end) - z for end in (low, high)] + [z])
        return dict.fromkeys((*infogan_runs.PROPERTIES, "keeps_class"), 0.0)

    monkeypatch.setattr(infogan_runs, "changes", noted)
    infogan_runs.codes_of(*pair, 0)
    assert len(moved) == 2 + 3
    for code, (low, high, z) in enumerate(moved[:2]):
        place = 54 + code
        assert torch.allclose((z + low)[:, place], torch.tensor(-1.0))
        assert torch.allclose((z + high)[:, place], torch.tensor(1.0))
        for change in (low, high):
            change[:, place] = 0
            assert not change.any()
    for low, high, z in moved[2:]:
        assert not low[:, 54:].any() and not high[:, 54:].any()
        assert (high - low).norm(dim=1).tolist() == pytest.approx([2 * 3**0.5] * 20, rel=1e-4)
        ways = torch.nn.functional.normalize(high - low, dim=1)
        assert torch.allclose(ways, ways[:1].expand(20, -1), atol=1e-4)
        for end, place in ((low, -(3**0.5)), (high, 3**0.5)):
            assert ((z + end) * ways).sum(1).tolist() == pytest.approx([place] * 20, abs=1e-3)


def test_changes_are_in_standard_deviations_of_real_digits(small, pair):
    class Painter(torch.nn.Module):
        latent_dim = 56

        def forward(self, z, labels):
            images = torch.full((len(z), 1, 16, 16), -1.0)
            images[:, :, 4:12, 4:12] = z[:, 54].view(-1, 1, 1, 1).clamp(-0.9, 1)
            return images

    z, labels = torch.zeros(20, 56), torch.zeros(20, dtype=torch.int64)
    ends = torch.full((2, 20, 56), torch.nan)
    ends[0, :, 54], ends[1, :, 54] = 0.0, 0.5
    found = infogan_runs.changes(Painter(), z, labels, *ends)
    assert found["ink"] == pytest.approx(0.25 / 4 / float(asked.moments(small.images).ink.std()))
    assert found["slant"] == pytest.approx(0, abs=1e-6) and found["width"] == pytest.approx(0, abs=1e-6)


def test_a_row_is_whole(small, pair, monkeypatch):
    monkeypatch.setattr(infogan_runs, "trained", lambda *arguments, **more: pair)
    (row,) = infogan_runs.table([0], lambda name: name == "without the term")
    assert row["weight"] == 0.0 and 0.1 <= row["matched"][0] <= 1
    assert len(row["codes"][0]["slant"]) == 2 and len(row["random_directions"][0]["slant"]) == 3


def test_both_rows_are_stored_with_three_seeds():
    rows = {row["name"]: row for row in measured.load("infogan")["rows"]}
    assert list(rows) == list(infogan_runs.NAMES)
    assert all(len(row[key]) == 3 for row in rows.values() for key in ("matched", "frechet", "codes"))


def test_the_fitted_direction_is_measured_as_the_codes_are(small, pair, monkeypatch):
    class Leaning(torch.nn.Module):
        latent_dim = 3

        def forward(self, z, labels):
            upright = torch.full((1, 1, 16, 16), -1.0)
            upright[:, :, 2:14, 7:9] = 1
            return torch.cat([spoils.slant(upright, float(lean.clamp(-2, 2))) for lean in 0.2 * z[:, 1]])

    monkeypatch.setattr(infogan_runs, "trained", lambda *arguments, **more: (Leaning(), None))
    rows = {row["name"]: row for row in infogan_runs.slanted([0], lambda name: True)}
    assert list(rows) == list(infogan_runs.SLANTED)
    ((fitted,), (others,)) = (rows[name]["directions"] for name in infogan_runs.SLANTED)
    assert len(fitted["slant"]) == 1 and len(others["slant"]) == 3
    wide = 2 * 3**0.5 * 0.2 / float(asked.moments(small.images).slant.std())
    assert fitted["slant"][0] == pytest.approx(wide, rel=0.15)
    assert max(abs(value) for value in others["slant"]) < fitted["slant"][0]


def test_the_fitted_direction_is_stored_with_three_seeds():
    rows = {row["name"]: row for row in measured.load("slanted")["rows"]}
    assert list(rows) == list(infogan_runs.SLANTED)
    assert [len(row["directions"]) for row in rows.values()] == [3, 3]
