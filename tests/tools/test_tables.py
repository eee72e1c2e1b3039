"""The tool that makes the long tables keeps what is stored, in order, and counts by both sets of rules."""

import argparse
import dataclasses
import json

import pytest
import torch

import tables
from course import ROOT
from gancourse import measured
from gancourse.ensembles import Ensemble
from gancourse.recipes import GRID, LITERATURE_RING, RING


def options(rows=None, seeds=(7, 8)):
    return argparse.Namespace(seeds=list(seeds), rows=rows, threads=1)


def small(problem):
    return problem._replace(recipe=dataclasses.replace(problem.recipe, hidden=8, batch_size=16))


def stored(folder):
    return json.loads((folder / "cures_grid.json").read_text(encoding="utf-8"))


def test_rows_made_later_find_their_place_and_replace_their_own(tmp_path):
    tables.store("cures-grid", [{"name": "R1 + R2", "cpu_seconds": 3.0}], options("R1 + R2"), 3.5, tmp_path)
    assert stored(tmp_path)["made"]["cpu_seconds"] == 3.5
    tables.store("cures-grid", [{"name": "none", "cpu_seconds": 1.0}], options("none"), 1.5, tmp_path)
    tables.store("cures-grid", [{"name": "R1 + R2", "cpu_seconds": 5.0}], options("R1 + R2"), 5.5, tmp_path)
    tables.store("cures-grid", [{"name": "none", "cpu_seconds": 4.0}], options("none"), 4.5, tmp_path)
    table = stored(tmp_path)
    assert table["rows"] == [{"name": "none", "cpu_seconds": 4.0}, {"name": "R1 + R2", "cpu_seconds": 5.0}]
    assert table["made"]["cpu_seconds"] == 9.0 and table["made"]["seeds"] == [7, 8]
    tables.store("cures-grid", [{"name": "R1"}], options(), 1.0, tmp_path)  # all rows asked for: a new table
    assert [row["name"] for row in stored(tmp_path)["rows"]] == ["R1"]


def test_further_seeds_keep_the_other_rows_and_the_seconds_of_all(tmp_path):
    old = [{"name": name, "seeds": [7, 8], "cpu_seconds": [1.0, 2.0]} for name in ("none", "R1 + R2")]
    tables.store("cures-grid", old, options(), 3.0, tmp_path)
    longer = {"name": "none", "seeds": [7, 8, 9], "cpu_seconds": [1.0, 2.0, 4.0]}
    tables.store("cures-grid", [longer], options(seeds=(9,)), 4.5, tmp_path)
    table = stored(tmp_path)
    assert table["rows"] == [longer, old[1]]
    assert table["made"]["cpu_seconds"] == 10.0 and table["made"]["seeds"] == [7, 9]


def test_a_list_of_numbers_takes_one_line():
    table = {"a": [1, 2.5, None], "ä": [[1, 2], []], "b": {}, "c": {"d": [{"e": "f"}], "g": (0, "[]")}}
    text = tables.as_json(table)
    assert json.loads(text) == json.loads(json.dumps(table))
    assert text.split("\n")[:5] == ["{", ' "a": [1, 2.5, null],', ' "ä": [', "  [1, 2],", "  []"]
    assert text.endswith("\n }\n}")


def test_rows_are_asked_for_by_their_whole_name():
    assert tables.wanted("R1", options()) and tables.wanted("R1", options("none;R1"))
    assert not tables.wanted("R1 + R2", options("none;R1"))


def test_a_cure_changes_what_it_names_and_nothing_else():
    base = small(RING).recipe
    for cure in tables.cures(gamma=0.1, lr_g=5e-4, lr_d=4e-3, noise=0.1):
        recipe = cure.recipe(base, 50)
        allowed = set(cure.changes) | ({"features"} if cure.shown else set())
        allowed |= {"noise_steps"} if "instance_noise" in cure.changes else set()
        changed = {field.name for field in dataclasses.fields(base) if field.name != "features"
                   and getattr(recipe, field.name) != getattr(base, field.name)}  # fmt: skip
        changed |= {"features"} if recipe.features is not base.features else set()
        assert changed == allowed, cure.name


@pytest.mark.parametrize("problem", [GRID, LITERATURE_RING])
def test_the_papers_rules_count_on_the_papers_scale(problem):
    class Perfect:
        def sample(self, n):
            return torch.stack([problem.target.sample(n, torch.Generator().manual_seed(k)) for k in (0, 1)])

    row = tables.by_the_papers_rules(Perfect(), problem)
    assert row["literature_modes"] == [len(problem.target.modes)] * 2
    assert min(row["literature_quality"]) > 0.97 and max(row["literature_reverse_kl"]) < 0.02
    assert tables.by_the_papers_rules(Perfect(), RING) == {}


def test_a_diverged_member_has_no_mode_by_the_papers_rules():
    class Broken:
        def sample(self, n):
            good = GRID.target.sample(n, torch.Generator().manual_seed(0))
            return torch.stack([good, torch.full_like(good, torch.nan)])

    row = tables.by_the_papers_rules(Broken(), GRID)
    assert row["literature_modes"] == [25, 0] and row["literature_quality"][1] == 0


def test_a_table_trains_every_cure_on_the_same_seeds():
    table = tables.cures(gamma=5.0, lr_g=5e-4, lr_d=4e-3, noise=0.1)[:2]
    control, cured = tables.compared(small(RING), table, 40, options(), pictured=("none",))
    assert (control["name"], cured["name"], cured["changes"]) == ("none", "R1", {"r1": 5.0})
    assert len(control["modes"]) == 2 and len(control["samples"]) == 2 and "samples" not in cured
    ensemble = Ensemble(dataclasses.replace(small(RING).recipe, r1=5.0), RING.target, seeds=[7, 8])
    ensemble.train(40)
    assert cured["reverse_kl"] == tables.counted(ensemble)["reverse_kl"] != control["reverse_kl"]


def test_readme_says_what_the_table_has():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = {row["name"]: row for row in measured.load("dcgan")["rows"]}

    def span(name, what="frechet", digits=0):
        return f"{min(rows[name][what]):.{digits}f}–{max(rows[name][what]):.{digits}f}"

    quick, patient = (rows[name]["steps"] * rows[name]["cost"] for name in ("recommended", "classic, 5,600 steps"))
    for said in (
        f"real against real {span('real images', digits=1)}",
        f"{span('classic')} after 2,000 steps, {span('classic, 5,600 steps')} after 5,600 |",
        f"{span('recommended')} after 1,100 steps, in {quick / patient:.2f} of the time",
        f"and {span('recommended, 2,200 steps')} after 2,200",
    ):
        assert said in readme
