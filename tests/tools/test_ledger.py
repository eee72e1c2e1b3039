"""The tool that records claims over seeds and roundings, and the ledgers of the course's own notebooks."""

import ast
import hashlib
import json
import math

import pytest

import claim_cells
import ledger
from course import ROOT, Course
from gancourse import claims
from gancourse.claims import ROUNDINGS

SETUP = "import importlib\nif importlib.util.find_spec('gancourse') is None:\n    %pip install -q gancourse"
START = "import torch\nfrom gancourse import claims\nSEED = 0  # yours"
CHECK = 'claims.check("91", claims.Claim("seed", "The seed is small.", SEED, below=7))'
CLOSE = 'claims.close("91")'


def notebook(tmp_path, *sources, ids=True):
    cells = [{"cell_type": "markdown", "id": "text", "source": ["SEED = 0 in a text"], "metadata": {}}]
    for i, source in enumerate(sources):
        metadata = {"tags": ["claims"]} if "claims.c" in source else {}
        cell = {"cell_type": "code", "source": source.splitlines(keepends=True), "metadata": metadata}
        cells.append(cell | ({"id": f"cell-{i}"} if ids else {}))
    path = tmp_path / "91_try.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder of ledgers that is not the course's."""
    monkeypatch.setattr(ledger, "FOLDER", tmp_path / "ledgers")

    def stored(number):
        file = tmp_path / "ledgers" / f"{number}.json"
        return json.loads(file.read_text()) if file.exists() else None

    monkeypatch.setattr(claims, "ledger", stored)
    return tmp_path / "ledgers"


def row(seed, value, rounding="native", **more):
    return {"seed": seed, "rounding": rounding, "values": {"seed": value}, "failed": [], **more}


# ---------------------------------------------------------------- runs


def test_a_run_takes_its_seed_and_records_values(tmp_path):
    path = notebook(tmp_path, SETUP, START, CHECK, CLOSE, ids=False)  # with ids: below
    made = ledger.run_once(path, ledger.Plan(4, "native"))
    assert made["values"] == {"seed": 4} and made["failed"] == [] and "error" not in made
    assert made["seed"] == 4 and made["threads"] == 1 and "PyTorch" in made["versions"]


def test_a_claim_that_fails_and_an_error_are_recorded(tmp_path):
    path = notebook(tmp_path, START, CHECK, CLOSE)
    assert ledger.run_once(path, ledger.Plan(7, "native"))["failed"] == ["seed"]
    path = notebook(tmp_path, START, CHECK, "1 / 0", "SEED = None", CLOSE)
    made = ledger.run_once(path, ledger.Plan(4, "native"))
    assert made["values"] == {"seed": 4} and made["error"] == "cell cell-2: ZeroDivisionError: division by zero"


def test_a_rounding_is_set_before_torch_starts_and_changes_a_product(tmp_path, monkeypatch):
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")  # of the shell; a plan has its own
    value = "torch.randn(64, 300, generator=torch.manual_seed(SEED)).matmul(torch.ones(300)).tanh().double().sum()"
    path = notebook(tmp_path, START, CHECK.replace("SEED,", f"{value},").replace("below=7", "below=999"))
    runs = [ledger.run_once(path, ledger.Plan(3, name)) for name in ("native", "plain loops")]
    assert runs[0]["values"] != runs[1]["values"]
    assert runs[0]["values"]["seed"] == pytest.approx(runs[1]["values"]["seed"], rel=1e-4)
    assert "DEFAULT" in runs[1]["machine"] and "DEFAULT" not in runs[0]["machine"]


def test_a_notebook_without_a_seed_is_refused(tmp_path):
    with pytest.raises(ValueError, match="should have one line 'SEED = ...', found 0"):
        ledger.child(notebook(tmp_path, "x = 1"), 1, tmp_path / "row.json")


def test_seed_0_takes_every_rounding_and_the_others_take_turns():
    plans = ledger.plans(24)
    assert len(plans) == 24 == len(set(plans))
    assert {plan.rounding for plan in plans if plan.seed == 0} == set(ROUNDINGS)
    assert sorted({plan.seed for plan in plans}) == list(range(21))
    counts = [sum(plan.rounding == name for plan in plans) for name in ROUNDINGS]
    assert max(counts) - min(counts) <= 1


# ---------------------------------------------------------------- the file


def test_a_ledger_goes_on_where_it_stopped(tmp_path, monkeypatch, capsys):
    path = notebook(tmp_path, START, CHECK, CLOSE)
    made = []

    def run_once(path, plan, edits=()):
        made.append(plan)
        if len(made) == 3:
            raise KeyboardInterrupt
        return row(plan.seed, plan.seed, plan.rounding, cpu_seconds=1.0)

    monkeypatch.setattr(ledger, "run_once", run_once)
    with pytest.raises(KeyboardInterrupt):
        ledger.run(path, runs=6, workers=1)
    assert len(claims.ledger("91")["runs"]) < 6
    assert ledger.run(path, runs=6, workers=1) == 0
    stored = claims.ledger("91")
    assert len(stored["runs"]) == 6 and made.count(made[2]) == 2 and made.count(made[0]) == 1
    assert stored["claims"]["seed"] == [run["seed"] for run in stored["runs"]]


def test_new_code_or_a_new_claim_starts_anew_but_new_words_and_bounds_do_not(tmp_path):
    def kept(*sources):
        path = notebook(tmp_path, *sources)
        return len(ledger.read(path)["runs"]) == 1

    book = ledger.read(notebook(tmp_path, START, "x = 1", CHECK, CLOSE))
    ledger.record(book, row(0, 0))
    ledger.write(book)
    assert kept(START, "x = 1", CHECK, CLOSE)
    assert kept(START, "x = 1", CHECK.replace("below=7", "above=-1"), CLOSE)
    assert kept(START, "x = 1", CHECK.replace("The seed is small.", "It is a small one."), CLOSE)
    assert kept(START, "x = 1  # one", CHECK.replace("SEED,", "SEED,  # mine\n  "), CLOSE)
    assert kept(START, "x = 1", "y = 1\n" + CHECK, CLOSE), "what a claims cell computes shows in the value on seed 0"
    assert not kept(START, "x = 2", CHECK, CLOSE)
    assert not kept(START, "x = 1", CHECK.replace('"seed"', '"start"'), CLOSE)
    assert not kept(START, "x = 1", CHECK.replace("SEED,", "SEED + 1,"), CLOSE)
    more = CHECK[:-1] + ', claims.Claim("more", "There is more.", 1, above=0))'
    assert not kept(START, "x = 1", more, CLOSE)


def test_a_ledger_is_kept_for_code_that_moves_no_number(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ledger, "FEW_RUNS", 4)
    value = "torch.randn(64, 300, generator=torch.manual_seed(SEED)).matmul(torch.ones(300)).tanh().double().sum()"
    check = CHECK.replace("SEED,", "number,").replace("below=7", "below=999")
    path = notebook(tmp_path, START, f"number = {value}", check, CLOSE)
    once, again = ledger.run_once, (ledger.Plan(0, "native"), ledger.Plan(2, "other products"))

    def only_those_made_again(path, plan, edits=()):
        return once(path, plan) if plan in again else row(plan.seed, 9.0, plan.rounding, cpu_seconds=1.0)

    with monkeypatch.context() as quick:
        quick.setattr(ledger, "run_once", only_those_made_again)
        assert ledger.run(path, runs=6, workers=2) == 0
    before = claims.ledger("91")
    notebook(tmp_path, START, f"named = {value}\nnumber = named", check, CLOSE)
    assert "its cells changed" in next(ledger.problems(path))
    assert ledger.keep(path, 2) == 0
    assert "seed 2, other products: every value is as before" in capsys.readouterr().out
    assert claims.ledger("91") == before | {"code": ledger.fingerprint(path)} and ledger.read(path)["runs"]
    notebook(tmp_path, START, f"number = {value} * 1.01", check, CLOSE)
    kept = claims.ledger("91")
    assert ledger.keep(path, 2) == 2 and claims.ledger("91") == kept
    assert "seed 0, native: moved: seed" in capsys.readouterr().out
    notebook(tmp_path, START, f"number = {value}", check.replace('"seed"', '"other"'), CLOSE)
    with pytest.raises(ValueError, match="no values are recorded of other"):
        ledger.keep(path, 2)


def test_a_claim_that_is_gone_leaves_the_others(tmp_path):
    two = CHECK[:-1] + ', claims.Claim("more", "There is more.", 1, above=0))'
    book = ledger.read(notebook(tmp_path, START, two))
    ledger.record(book, row(0, 5) | {"values": {"seed": 5, "more": 1}})
    ledger.write(book)
    book = ledger.read(notebook(tmp_path, START, CHECK))
    assert book["claims"] == {"seed": [5.0]} and len(book["runs"]) == 1 and set(book["values"]) == {"seed"}


def test_a_claim_that_a_run_did_not_reach_is_empty(tmp_path):
    book = ledger.read(notebook(tmp_path, START, CHECK))
    ledger.record(book, row(0, 5))
    ledger.record(book, row(1, 5) | {"values": {"later": 2}})
    assert book["claims"] == {"seed": [5, None], "later": [None, 2]}


def test_a_run_from_another_machine_is_taken_in(tmp_path):
    path = notebook(tmp_path, START, CHECK)
    file = tmp_path / "row.json"
    file.write_text(json.dumps(row(3, 3, {})))
    assert ledger.main(["add", str(path), str(file)]) == 0
    assert claims.ledger("91")["claims"] == {"seed": [3.0]}
    file.write_text(json.dumps(row(None, 3)))
    with pytest.raises(SystemExit):
        ledger.main(["add", str(path), str(file)])


# ---------------------------------------------------------------- the rule


def filled(path, values, **more):
    book = ledger.read(path)
    for plan, value in zip(ledger.plans(len(values)), values, strict=True):
        ledger.record(book, row(plan.seed, value, plan.rounding, **more))
    ledger.write(book)


def test_a_good_ledger_passes_and_each_fault_is_named(tmp_path, capsys):
    path = notebook(tmp_path, START, CHECK)
    assert "there is no ledger" in next(ledger.problems(path))
    filled(path, [1.0] * 23 + [2.5])
    assert list(ledger.problems(path)) == []
    assert ledger.main(["judge", str(path)]) == 0
    assert "| seed | The seed is small. | 24 | 1 | 2.5 | below 7 | 4.0 times |" in capsys.readouterr().out
    nearer = notebook(tmp_path, START, CHECK.replace("below=7", "below=5"))  # a bound that was moved too near
    assert "2.67 times as far" in next(ledger.problems(nearer))
    assert ledger.main(["judge", str(path)]) == 1
    changed = notebook(tmp_path, START, "x = 1", CHECK)
    assert "its cells changed" in next(ledger.problems(changed))


def test_too_few_runs_an_early_end_and_a_claim_without_a_row_are_named(tmp_path):
    path = notebook(tmp_path, START, CHECK)
    filled(path, [1.0] * 10, error="cell x: ValueError: y")
    found = list(ledger.problems(path))
    assert "10 runs are recorded, 24 are needed" in found[0] and "ended in cell x" in found[1]
    (path.parent / "ledgers" / "91.json").unlink()
    path = notebook(tmp_path, START, CHECK)
    filled(path, [1.0] * 24)
    two = CHECK[:-1] + ', claims.Claim("more", "There is more.", 1, above=0))'
    assert "no values are recorded of more" in next(ledger.problems(notebook(tmp_path, START, two)))


def test_an_image_notebook_needs_ten_runs_on_each_set_it_was_run_on(tmp_path):
    path = notebook(tmp_path, "from gancourse.data import digits", START, CHECK)
    filled(path, [1.0] * 10, data="mnist")
    assert list(ledger.problems(path)) == []
    book = ledger.read(path)
    ledger.record(book, row(0, 9.0, data="embedded"))
    ledger.write(book)
    found = list(ledger.problems(path))
    assert "on embedded: 1 runs" in found[0] and "on embedded: seed: failed on 1 of 1" in found[1]
    assert len(found) == 2


def test_a_bound_that_depends_on_the_run_is_refused(tmp_path):
    path = notebook(tmp_path, START, CHECK.replace("below=7", "below=2 * math.pi / 3"))
    assert ledger.stated(path)[0].below == pytest.approx(2 * math.pi / 3)
    with pytest.raises(ValueError, match=r"91_try.ipynb, cell cell-1: line 1: write out"):
        ledger.stated(notebook(tmp_path, START, CHECK.replace("below=7", "below=SEED")))


# ---------------------------------------------------------------- planted mistakes


def test_a_planted_mistake_is_seen_or_not(tmp_path, monkeypatch, capsys):
    path = notebook(tmp_path, START, "shift = 0", CHECK.replace("SEED,", "SEED + shift,"))
    mistakes = [
        {"mistake": "a large shift", "edits": [["cell-1", "= 0", "= 9"]]},
        {"mistake": "a small shift", "edits": [["cell-1", "= 0", "= 1"]]},
    ]
    (tmp_path / "planted").mkdir()
    (tmp_path / "planted" / "91.json").write_text(json.dumps(mistakes))
    monkeypatch.setattr(ledger, "PLANTED", tmp_path / "planted")
    assert ledger.planted(path, 1) == 1
    said = capsys.readouterr().out
    assert "a large shift: seen by seed" in said and "a small shift: NOT SEEN" in said
    with pytest.raises(RuntimeError, match="is not just once"):
        ledger.run_once(path, ledger.Plan(0, "native"), [("cell-1", "= 5", "= 1")])


# ---------------------------------------------------------------- the course's own


NOTEBOOKS = [pytest.param(path, id=path.name[:2]) for path in Course(ROOT).notebooks]


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_every_claim_of_the_course_keeps_the_rule(path, monkeypatch):
    monkeypatch.undo()
    assert list(ledger.problems(path)) == []


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_three_mistakes_are_planted_in_every_notebook(path, monkeypatch):
    monkeypatch.undo()
    mistakes = json.loads((ledger.PLANTED / f"{path.name[:2]}.json").read_text(encoding="utf-8"))
    assert len(mistakes) >= 3 and len({mistake["mistake"] for mistake in mistakes}) == len(mistakes)
    sources = {cell.name: cell.source for cell in ledger.code(path)}
    for mistake in mistakes:
        for name, old, new in mistake["edits"]:
            assert sources[name].count(old) == 1 and old != new, f"{mistake['mistake']}: {old!r} in {name}"


def test_code_is_written_out_alike_in_every_version_of_python():
    """The hash of a ledger must not depend on who computes it: 3.12 and 3.13 dump the same tree in other ways."""
    source = 'def f(x, *, y=1):  # a comment\n    return f"{x:{y}}" + "a" "b" if x is None else [x, -y]\n'
    written = "".join(claim_cells.written(node) for node in ast.parse(source).body)
    assert hashlib.sha256(written.encode()).hexdigest()[:16] == "6d31aacb13a4523c"
    assert "type_params" not in written and "a comment" not in written
    other = ast.parse(source.replace("y=1", "y=2")).body[0]
    assert claim_cells.written(other) != written
