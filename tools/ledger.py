"""Run notebooks on many seeds and several ways of rounding, and record the value of every claim.

    python tools/ledger.py run     [NOTEBOOK ...]              make the ledgers whole: run what is missing, record it
    python tools/ledger.py keep    NOTEBOOK ...                keep a ledger where new code moves no number
    python tools/ledger.py judge   [NOTEBOOK ...]              hold stored values against today's bounds; runs nothing
    python tools/ledger.py try     NOTEBOOK --seeds 9001 9002  run on other seeds, record nothing, say what failed
    python tools/ledger.py planted [NOTEBOOK ...]              run with each planted mistake, say which claims see it
    python tools/ledger.py add     NOTEBOOK ROW.json           take in a run from another machine (claims.export)

No notebook named means all of them; `04` will do for a name. A notebook has one line ``SEED = 0``; run k takes seed k
and the next of ``gancourse.claims.ROUNDINGS``, and seed 0 takes all of them. Each run has a fresh process and one
thread. A ledger is made anew when a code cell changes (not a bound or a sentence of a claim: these are judged from
stored values) or a claim is new; a run that was interrupted goes on where it stopped. Options: --workers N, --runs N,
--rounding NAME.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claim_cells import statements, written
from course import ROOT, ROUNDED, SETUP_ID, Course, data_at_hand, loads_images
from gancourse import claims
from gancourse.claims import FEW_RUNS, MANY_RUNS, ROUNDINGS, Claim

FOLDER = ROOT / "gancourse" / "measured" / "ledgers"
PLANTED = ROOT / "tools" / "planted"
LINE = re.compile(r"^SEED = \d+", flags=re.MULTILINE)
MAGIC = re.compile(r"^(\s*)[%!].*$", flags=re.MULTILINE)  # such as %pip in the set-up cell, for Colab only


# ---------------------------------------------------------------- reading a notebook


@dataclass(frozen=True)
class Cell:
    """One code cell."""

    name: str
    source: str
    tags: tuple[str, ...] = ()


def code(path: Path) -> list[Cell]:
    """Return all code cells, without magics; a cell that has no id is called by its place."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [
        Cell(
            cell.get("id") or f"cell {i}",
            MAGIC.sub(r"\1pass", "".join(cell["source"])),
            tuple(cell.get("metadata", {}).get("tags", ())),
        )
        for i, cell in enumerate(cells)
        if cell["cell_type"] == "code"
    ]


def seeded(cells: list[Cell], seed: int, name: str) -> list[Cell]:
    """Return the cells with another seed.

    Raises:
        ValueError: no cell, or more than one, has a line that starts with "SEED = ".
    """
    found = sum(len(LINE.findall(cell.source)) for cell in cells)
    if found != 1:
        raise ValueError(f"{name} should have one line 'SEED = ...', found {found}")
    return [Cell(cell.name, LINE.sub(f"SEED = {seed}", cell.source), cell.tags) for cell in cells]


def stated(path: Path) -> list[Claim]:
    """Return the claims of a notebook as its cells state them, with today's bounds and no run's value.

    Raises:
        ValueError: a name, a sentence or a bound is not written out, so that it could change from run to run.
    """
    found = []
    for cell in code(path):
        try:
            found += [
                Claim(said.name, said.sentence, 0.0, **said.bounds) for said in statements(ast.parse(cell.source))
            ]
        except ValueError as problem:
            raise ValueError(f"{path.name}, cell {cell.name}: {problem}") from problem
    return found


def fingerprint(path: Path) -> str:
    """Hash the code cells, but for the set-up cell, the cells that state claims, comments and layout."""
    trees = [ast.parse(cell.source) for cell in code(path) if cell.name != SETUP_ID and "claims" not in cell.tags]
    return _hash("\n".join(map(written, trees)))


def expressions(path: Path) -> dict[str, str]:
    """Return for each claim a hash of the expression that gives its value."""
    return {said.name: _hash(said.value) for cell in code(path) for said in statements(ast.parse(cell.source))}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# ---------------------------------------------------------------- one run


@dataclass(frozen=True)
class Plan:
    """A run to make."""

    seed: int
    rounding: str

    def __str__(self) -> str:
        return f"seed {self.seed}, {self.rounding}"


def plans(runs: int) -> list[Plan]:
    """Return what a ledger of so many runs consists of: seed 0 under every rounding, then seed k under the next."""
    every = list(ROUNDINGS)
    first = [Plan(0, rounding) for rounding in every]
    return (first + [Plan(k, every[k % len(every)]) for k in range(1, runs)])[:runs]


def execute(cells: list[Cell], *, say: bool = False) -> str:
    """Run code cells in this process, as a notebook does; return the error that ended the run, or ""."""
    space: dict[str, object] = {"__name__": "__main__"}
    for cell in cells:
        try:
            exec(compile(cell.source, f"<{cell.name}>", "exec"), space)
        except claims.ClaimsFailed as failed:
            if say:
                print(failed)
        except Exception as error:
            return f"cell {cell.name}: {type(error).__name__}: {error}"
    return ""


def child(path: Path, seed: int, result: Path, edits: list[tuple[str, str, str]] = ()) -> None:
    """Run a notebook here and write its row; ``edits`` are (cell, old, new), each of which has to fit once."""
    number = path.name[:2]
    cells = seeded(code(path), seed, path.name)
    for name, old, new in edits:
        fits = [i for i, cell in enumerate(cells) if cell.name == name and cell.source.count(old) == 1]
        if len(fits) != 1:
            raise ValueError(f"{path.name}: {old!r} is not just once in cell {name!r}")
        cells[fits[0]] = Cell(name, cells[fits[0]].source.replace(old, new), cells[fits[0]].tags)
    start = time.process_time()
    error = execute(cells)
    row = claims.row(number, seed=seed) | {"cpu_seconds": round(time.process_time() - start, 1)}
    row["failed"] = [claim.name for claim in claims.stated(number) if not claim.holds]
    if error:
        row["error"] = error
    result.write_text(json.dumps(row), encoding="utf-8")


def run_once(path: Path, plan: Plan, edits: Iterable[tuple[str, str, str]] = ()) -> dict[str, Any]:
    """Run a notebook in a fresh process with one thread and the plan's rounding; return its row."""
    variables = {name for setting in ROUNDINGS.values() for name in setting}
    environment = {name: value for name, value in os.environ.items() if name not in variables}
    environment |= ROUNDINGS[plan.rounding]
    environment |= {"GANCOURSE_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    environment.setdefault("GANCOURSE_DEVICE", "cpu")
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "row.json"
        job = json.dumps({"path": str(path), "seed": plan.seed, "result": str(result), "edits": list(edits)})
        environment["GANCOURSE_CACHE"] = str(Path(folder) / "cache")
        done = subprocess.run(
            [sys.executable, __file__, "child", job], env=environment, cwd=folder, capture_output=True, text=True
        )
        if not result.exists():
            raise RuntimeError(f"{path.name}, {plan}: {done.stderr.strip()[-2000:]}")
        row = json.loads(result.read_text(encoding="utf-8"))
    row["rounding"] = plan.rounding
    if data := data_at_hand(path, os.environ):
        row["data"] = data
    return row


# ---------------------------------------------------------------- the ledger's file


def read(path: Path) -> dict[str, Any]:
    """Return a notebook's ledger if it belongs to today's code cells and claims, else an empty one."""
    stored, now = claims.ledger(path.name[:2]), expressions(path)
    if stored and not list(_stale(path, stored)):
        return stored | {"values": now, "claims": {name: stored["claims"][name] for name in now}}
    return {"notebook": path.stem, "code": fingerprint(path), "runs": [], "values": now, "claims": {}}


def _stale(path: Path, stored: dict[str, Any]) -> Iterator[str]:
    """Yield why a ledger no longer belongs to its notebook. A claim that is gone does no harm."""
    if stored["code"] != fingerprint(path):
        yield "its cells changed after its ledger"
    elif missing := [name for name, value in expressions(path).items() if stored["values"].get(name) != value]:
        yield f"no values are recorded of {', '.join(missing)}"


def write(ledger: dict[str, Any]) -> None:
    """Store a ledger in one step, its runs in the order of seeds, one run or claim a line."""
    made = ledger["runs"]
    order = sorted(range(len(made)), key=lambda i: (made[i].get("data", ""), made[i]["seed"], str(made[i]["rounding"])))
    runs = ",\n".join("  " + json.dumps(made[i], ensure_ascii=False) for i in order)
    values = ",\n".join(
        f"  {json.dumps(name)}: {json.dumps([row[i] for i in order])}" for name, row in ledger["claims"].items()
    )
    head = f' "notebook": "{ledger["notebook"]}",\n "code": "{ledger["code"]}",\n'
    head += f' "values": {json.dumps(ledger["values"])},\n'
    text = f'{{\n{head} "runs": [\n{runs}\n ],\n "claims": {{\n{values}\n }}\n}}\n'
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{ledger['notebook'][:2]}.json"
    part = file.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)


def record(ledger: dict[str, Any], row: dict[str, Any]) -> None:
    """Add one run; a claim that it did not reach is null, and so is a new claim for the runs before."""
    row = dict(row)
    values = row.pop("values")
    row.pop("failed", None)
    before = len(ledger["runs"])
    ledger["runs"].append(row)
    for name in [*ledger["claims"], *(name for name in values if name not in ledger["claims"])]:
        known = ledger["claims"].setdefault(name, [None] * before)
        known.append(_digits(values[name]) if name in values else None)


def missing(ledger: dict[str, Any], runs: int, data: str | None) -> list[Plan]:
    """Return the runs that a ledger of so many still lacks, for one set of images if there is one."""
    mine = [run for run in ledger["runs"] if run.get("data") == data]
    have = {(run["seed"], run["rounding"]) for run in mine}
    return [plan for plan in plans(runs) if (plan.seed, plan.rounding) not in have]


# ---------------------------------------------------------------- the rule


def problems(path: Path) -> Iterator[str]:
    """Yield what the rule has against a notebook's ledger: see ``gancourse.claims.enough``."""
    stored = claims.ledger(path.name[:2])
    if stored is None:
        yield f"{path.name}: there is no ledger; run `python tools/ledger.py run {path.name[:2]}`"
        return
    for reason in _stale(path, stored):
        yield f"{path.name}: {reason}; run `python tools/ledger.py run {path.name[:2]}`"
        return
    wanted = FEW_RUNS if loads_images(path) else MANY_RUNS
    sets = sorted({run.get("data") for run in stored["runs"]}, key=str)
    for data in sets or [None]:
        rows = [i for i, run in enumerate(stored["runs"]) if run.get("data") == data]
        about = path.name + (f" on {data}" if data else "")
        if len(rows) < wanted:
            yield f"{about}: {len(rows)} runs are recorded, {wanted} are needed"
        for i in rows:
            if "error" in stored["runs"][i]:
                yield f"{about}: the run with seed {stored['runs'][i]['seed']} ended in {stored['runs'][i]['error']}"
        for claim in stated(path):
            values = [stored["claims"].get(claim.name, [None] * len(stored["runs"]))[i] for i in rows]
            if words := claims.enough(claim, [math.nan if value is None else value for value in values]):
                yield f"{about}: {claim.name}: {words}"


def table(path: Path) -> Iterator[str]:
    """Yield a notebook's ledger as the rows of a Markdown table."""
    stored = claims.ledger(path.name[:2])
    yield "| claim | what it says | runs | median | worst | expected | room |"
    yield "|---|---|---|---|---|---|---|"
    for claim in stated(path):
        values = [value for value in stored["claims"].get(claim.name, []) if value is not None] if stored else []
        sentence = claim.sentence.replace("|", "\\|")
        if not values:
            yield f"| {claim.name} | {sentence} | 0 | | | {claim.allowed} | |"
            continue
        worst, middle = claims.nearest(claim, values), statistics.median(values)
        if claim.kind == "exact":
            room = "exact"
        elif claim.kind == "count":
            room = f"fails on {claims.failure_chance(claim, values):.0e}"
        else:
            room = f"{claims.closeness(claim, values):.1f} times"
        yield f"| {claim.name} | {sentence} | {len(values)} | {middle:.4g} | {worst:.4g} | {claim.allowed} | {room} |"


# ---------------------------------------------------------------- commands


def _both(jobs: list[Any], do: Any, workers: int) -> Iterator[Any]:
    """Do jobs in turn, some at the same time; yield (job, result) as they end. An interrupt leaves out the rest."""
    with ThreadPoolExecutor(workers) as pool:
        started = {pool.submit(do, job): job for job in jobs}
        try:
            for future in as_completed(started):
                yield started[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def run(path: Path, *, runs: int | None, workers: int) -> int:
    """Complete a ledger; return how many runs failed a claim or ended early."""
    ledger = read(path)
    wanted = runs or (FEW_RUNS if loads_images(path) else MANY_RUNS)
    data = data_at_hand(path, os.environ)
    bad = 0
    for plan, row in _both(missing(ledger, wanted, data), lambda plan: run_once(path, plan), workers):
        record(ledger, row)
        write(ledger)
        bad += _report(path, plan, row)
    return bad


def keep(path: Path, workers: int) -> int:
    """Keep a ledger for code that changed but moves no number, such as a new name; return how many values moved.

    The first and the last of the recorded runs are made again on this machine, and every value has to come out the same
    to a thousandth.

    Raises:
        ValueError: there is no ledger, a claim is new, or no run was recorded under this arithmetic.
    """
    stored, now = claims.ledger(path.name[:2]), expressions(path)
    if new := [name for name in now if stored is None or name not in stored["claims"]]:
        raise ValueError(f"{path.name}: no values are recorded of {', '.join(new)}, so a ledger has to be made")
    data = data_at_hand(path, os.environ)
    mine = [run for run in stored["runs"] if run.get("data") == data and run["rounding"] in ROUNDINGS]
    mine.sort(key=lambda run: (run["seed"], list(ROUNDINGS).index(run["rounding"])))
    moved, plans_again = 0, [Plan(run["seed"], run["rounding"]) for run in mine[:1] + mine[1:][-1:]]
    for plan, row in _both(plans_again, lambda plan: run_once(path, plan), workers):
        at = next(
            i
            for i, run in enumerate(stored["runs"])
            if (run["seed"], run["rounding"], run.get("data")) == (plan.seed, plan.rounding, data)
        )
        if row["arithmetic"] != stored["runs"][at]["arithmetic"]:
            raise ValueError(f"{path.name}, {plan}: recorded under other arithmetic than this machine's")
        differ = [
            f"{name} from {stored['claims'][name][at]} to {row['values'].get(name)}"
            for name in now
            if not _same(row["values"].get(name), stored["claims"][name][at])
        ]
        moved += len(differ)
        said = "moved: " + ", ".join(differ) if differ else "every value is as before"
        print(f"{path.name}, {plan}: {said}", flush=True)
    if not moved:
        write(
            stored
            | {"code": fingerprint(path), "values": now, "claims": {name: stored["claims"][name] for name in now}}
        )
    return moved


def _same(value: float | None, stored: float | None) -> bool:
    """Tell whether a value is as before but for rounding: even where memory lies may change the last bit of a sum."""
    if value is None or stored is None:
        return value is stored
    return abs(value - stored) <= ROUNDED * abs(stored) + 1e-6


def _digits(value: float) -> float:
    return float(f"{value:.12g}")


def _report(path: Path, plan: Plan, row: dict[str, Any]) -> bool:
    said = row.get("error") or ("failed " + ", ".join(row["failed"]) if row["failed"] else "all claims hold")
    print(f"{path.name}, {plan}: {said} ({len(row['values'])} claims, {row['cpu_seconds']:.0f} s)", flush=True)
    return bool(row.get("error") or row["failed"])


def attempt(path: Path, seeds: list[int], rounding: str | None, workers: int) -> int:
    """Run on seeds of your own; record nothing."""
    every = list(ROUNDINGS)
    jobs = [Plan(seed, rounding or every[i % len(every)]) for i, seed in enumerate(seeds)]
    return sum(_report(path, plan, row) for plan, row in _both(jobs, lambda plan: run_once(path, plan), workers))


def planted(path: Path, workers: int) -> int:
    """Run a notebook with each of its planted mistakes; return how many no claim saw."""
    mistakes = json.loads((PLANTED / f"{path.name[:2]}.json").read_text(encoding="utf-8"))
    unseen = 0

    def do(mistake: dict[str, Any]) -> dict[str, Any]:
        return run_once(path, Plan(0, "native"), mistake["edits"])

    for mistake, row in _both(mistakes, do, workers):
        seen = row["failed"] + ([row["error"]] if row.get("error") else [])
        unseen += not row["failed"]
        print(f"{path.name}: {mistake['mistake']}: {'seen by ' + ', '.join(seen) if seen else 'NOT SEEN'}", flush=True)
    return unseen


def _path(name: str) -> Path:
    if re.fullmatch(r"\d\d", name):
        return next(path for path in Course(ROOT).notebooks if path.name.startswith(name))
    return Path(name).resolve()


def main(arguments: list[str] | None = None) -> int:
    """Run one command; see the top of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("run", "keep", "judge", "try", "planted", "add"))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seeds", type=int, nargs="+", default=[])
    parser.add_argument("--rounding", choices=tuple(ROUNDINGS))
    parser.add_argument("--runs", type=int)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    if options.command == "add":
        path, row = _path(options.names[0]), json.loads(Path(options.names[1]).read_text(encoding="utf-8"))
        if row.get("seed") is None:
            parser.error("this run does not say its seed: export it with claims.export(..., seed=SEED)")
        row["rounding"] = next(
            (name for name, setting in ROUNDINGS.items() if setting == row["rounding"]), row["rounding"]
        )
        ledger = read(path)
        record(ledger, row)
        write(ledger)
        return 0
    paths = [_path(name) for name in options.names] or Course(ROOT).notebooks
    if options.command == "try" and not options.seeds:
        parser.error("try needs --seeds")
    failures = 0
    for path in paths:
        if options.command == "run":
            failures += run(path, runs=options.runs, workers=options.workers)
        elif options.command == "keep":
            failures += keep(path, options.workers)
        elif options.command == "try":
            failures += attempt(path, options.seeds, options.rounding, options.workers)
        elif options.command == "planted":
            failures += planted(path, options.workers)
        else:
            found = list(problems(path))
            failures += len(found)
            print(f"\n{path.name}", *table(path), *found, sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        job = json.loads(sys.argv[2])
        child(Path(job["path"]), job["seed"], Path(job["result"]), [tuple(edit) for edit in job["edits"]])
    else:
        sys.exit(main())
