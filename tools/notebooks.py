"""Execute, lint, stamp and test the notebooks of the course.

    python tools/notebooks.py execute [NOTEBOOK ...]   run from a clean kernel, store the outputs
    python tools/notebooks.py lint [NOTEBOOK ...]      check the rules of tools/notebook_rules.py
    python tools/notebooks.py lengths [NOTEBOOK ...]   words, lines, exercises and minutes, core and deeper
    python tools/notebooks.py stamp [NOTEBOOK ...]     write the set-up cell and the Colab badge
    python tools/notebooks.py test [NOTEBOOK ...]      run every cell as on Colab, with no network

No notebook named means all of them. The exit status is 0 if all went well, 1 if not, and 2 for a
wrong command line.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

import notebook_rules as rules
from course import BADGE_MARK, ROOT, ROUNDED, SETUP_ID, Course, data_at_hand, loads_images
from reading_time import lengths

CELL_SECONDS = 300
"""A cell that takes longer has hung: the longest trains for two minutes on a busy machine."""


class Refused(Exception):
    """A notebook cannot be stored as it is; the message says why. Nothing was written."""


# ---------------------------------------------------------------- execute


def execute(path: Path, course: Course) -> float:
    """Run a notebook from a clean kernel, in an empty folder, with an empty cache, and store it with its outputs.

    Counts and outputs are stored; timings, widget state and everything else that differs from
    machine to machine are not. The file changes only if every cell ran and the result keeps the
    rules for stored outputs.

    Args:
        path: the notebook.
        course: the checkout it belongs to; its package is used, whatever else is installed.
    Returns:
        Seconds from the start of the kernel to the last output.
    Raises:
        Refused: a cell failed, or an output must not be stored.
    """
    node = rules.read(path, course).node
    clean(node)
    with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryDirectory() as private:
        client = NotebookClient(
            node,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=True,
            resources={"metadata": {"path": empty}},
        )
        before = time.perf_counter()
        try:
            client.execute(
                env=_environment(
                    cpu=True,
                    PYTHONPATH=str(course.root),
                    IPYTHONDIR=str(Path(private) / "ipython"),
                    GANCOURSE_CACHE=str(Path(private) / "cache"),
                )
            )
        except (CellExecutionError, DeadKernelError, TimeoutError) as error:
            raise Refused(f"{_failing_cell(node)} failed; nothing was written\n{error}") from error
        seconds = time.perf_counter() - before
    tidy(node)
    page = rules.Page(path, node, course)
    if problems := [problem for rule in rules.STORED_RULES for problem in rule(page)]:
        raise Refused("nothing was written, because\n" + "\n".join(f"  {problem}" for problem in problems))
    _write(path, node)
    return seconds


def clean(node: NotebookNode) -> None:
    """Remove every output and all metadata that are not the author's."""
    node.metadata = copy.deepcopy(nbformat.from_dict(rules.NOTEBOOK_METADATA))
    for cell in node.cells:
        for key in set(cell.metadata) & {"execution", "collapsed", "scrolled", "ExecuteTime", "colab"}:
            del cell.metadata[key]
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def tidy(node: NotebookNode) -> None:
    """Drop from fresh outputs what says something about the machine or the moment only."""
    node.metadata = copy.deepcopy(nbformat.from_dict(rules.NOTEBOOK_METADATA))
    for cell in node.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("text") != ""]


def _failing_cell(node: NotebookNode) -> str:
    reached = [i for i, cell in enumerate(node.cells) if cell.cell_type == "code" and cell.execution_count]
    failed = [i for i in reached if any(o.output_type == "error" for o in node.cells[i].outputs)]
    i = (failed or reached or [0])[-1]
    return f"cell {i} ({node.cells[i].get('id', 'no id')})"


def _write(path: Path, node: NotebookNode) -> bool:
    """Replace the file in one step, if it changes; tell whether it did."""
    text = rules.to_text(node)
    if path.read_text(encoding="utf-8") == text:
        return False
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8", newline="\n")
    os.replace(part, path)
    return True


def _environment(*, cpu: bool, **changes: str) -> dict[str, str]:
    """Return this process's environment for a kernel that runs in another folder, with changes."""
    environment = {**os.environ, "JUPYTER_PREFER_ENV_PATH": "1", **changes}
    if environment.get("GANCOURSE_DATA"):
        environment["GANCOURSE_DATA"] = str(Path(environment["GANCOURSE_DATA"]).expanduser().resolve())
    if cpu:
        environment.setdefault("GANCOURSE_DEVICE", "cpu")
    return environment


# ---------------------------------------------------------------- stamp


def stamp(path: Path, course: Course) -> bool:
    """Write the common set-up cell and this notebook's Colab badge; keep all outputs.

    Args:
        path: the notebook; its first cell is text with a line that holds ``<!-- badge -->``.
        course: where the address comes from.
    Returns:
        Whether the file changed.
    Raises:
        Refused: there is no place for the badge.
    """
    node = rules.read(path, course).node
    first = node.cells[0] if node.cells else None
    if first is None or first.cell_type != "markdown" or first.source.count(BADGE_MARK) != 1:
        raise Refused(f"the first cell should be text with one line {BADGE_MARK}")
    badge = course.badge(path.name)
    first.source = re.sub(rf"^.*{BADGE_MARK}.*$", lambda _: badge, first.source, flags=re.MULTILINE)
    setup = next((cell for cell in node.cells if _is_setup(cell, course)), None)
    if setup is None:
        setup = new_code_cell(id=SETUP_ID)
        codes = [i for i, cell in enumerate(node.cells) if cell.cell_type == "code"]
        node.cells.insert(codes[0] if codes else 1, setup)
    elif setup.cell_type != "code":
        raise Refused(f"the cell {SETUP_ID!r} should be code")
    setup.source = course.setup_source
    setup.metadata = nbformat.from_dict({"cellView": "form"})
    return _write(path, node)


def _is_setup(cell: NotebookNode, course: Course) -> bool:
    """Recognise the set-up cell, also in a notebook whose cells have no ids, as Colab saves it."""
    title = course.setup_source.partition("\n")[0]
    return cell.get("id") == SETUP_ID or (cell.cell_type == "code" and cell.source.startswith(title))


# ---------------------------------------------------------------- lengths


def table_of_lengths(paths: Iterable[Path], course: Course) -> Iterator[str]:
    """Yield a Markdown table, line by line: what there is to read in each notebook, and how long it takes."""
    yield "| notebook | words | lines of code | exercises | minutes | deeper: words | lines | exercises | minutes |"
    yield "|---|---|---|---|---|---|---|---|---|"
    total = 0.0
    for path in paths:
        number = path.name[:2]
        both = lengths(rules.read(path, course).cells, number)
        total += sum(part.minutes for part in both)
        cells = [f"{p.words:,} | {p.lines} | {p.exercises} | {p.minutes:.0f}" for p in both]
        yield f"| {number} | {' | '.join(cells)} |"
    yield f"\n{total / 60:.0f} hours in all"


# ---------------------------------------------------------------- test


def test(paths: Iterable[Path], course: Course, *, without_data: bool = False, workers: int = 2) -> bool:
    """Run every cell where a Colab learner would: empty folder, installed wheel, and no network.

    Each notebook is copied into a folder of its own, and the package is built and installed into
    a fresh place, so nothing of the checkout is at hand. nbval runs the cells, one thread to a
    process, and the number of cells that ran is compared with the number of code cells.

    Args:
        paths: the notebooks.
        course: the checkout to build the package from.
        without_data: also hide the folder named by GANCOURSE_DATA, so that only the embedded data are left.
        workers: how many notebooks run at the same time.
    Returns:
        Whether all cells ran without an error.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        site = install(course, work)
        for path in paths:
            lesson = work / "lessons" / path.stem
            lesson.mkdir(parents=True)
            shutil.copy(path, lesson)
        environment = _environment(
            cpu=True,
            PYTHONPATH=os.pathsep.join([str(site), str(ROOT / "tools" / "offline")]),
            IPYTHONDIR=str(work / "ipython"),
            GANCOURSE_CACHE=str(work / "cache"),
            GANCOURSE_THREADS="1",
            OMP_NUM_THREADS="1",
            GANCOURSE_CLAIMS=str(work / "claims"),
        )
        (work / "claims").mkdir()
        if without_data:
            environment.pop("GANCOURSE_DATA", None)
        _assert_installed(site, environment, work)
        report = work / "report.xml"
        command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", ".", "-p", "no:cacheprovider"]
        command += ["--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={CELL_SECONDS}"]
        command += ["--nbval-kernel-startup-timeout=180", "-q", "--durations=5", f"--junitxml={report}"]
        command += ["-n", str(workers), "--dist", "loadfile", "."]
        passed = subprocess.run(command, cwd=work / "lessons", env=environment, check=False).returncode == 0
        ran = _all_cells_ran(list(paths), course, report)
        return _as_in_the_ledger(paths, course, work / "claims", environment) and ran and passed


def install(course: Course, work: Path) -> Path:
    """Build the package from a copy of its sources and install it, alone, into a fresh folder.

    Needs no network: everything to build with is in the environment.

    Returns:
        The folder to put on PYTHONPATH.
    """
    source, site = work / "source", work / "site"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(course.root / name, source)
    shutil.copytree(course.root / "gancourse", source / "gancourse", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index"]
    options = ["--no-deps", "--no-build-isolation", "--root-user-action=ignore", "--target", str(site), str(source)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    subprocess.run(pip + options, check=True, env=environment)
    return site


def _assert_installed(site: Path, environment: dict[str, str], folder: Path) -> None:
    """Make sure that a process started like the kernels finds the installed package, and no network."""
    program = (
        "import gancourse, socket, sys\n"
        "assert gancourse.__file__.startswith(sys.argv[1]), gancourse.__file__\n"
        "try:\n    socket.create_connection(('192.0.2.1', 80), timeout=1)\n"
        "except OSError as error:\n    assert 'cut off' in str(error), error\n"
    )
    subprocess.run([sys.executable, "-c", program, str(site)], env=environment, cwd=folder, check=True)


def _all_cells_ran(paths: list[Path], course: Course, report: Path) -> bool:
    """Compare nbval's report with the notebooks: no code cell may be missing or skipped."""
    if not report.exists():
        return False
    cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    everything = True
    for path in paths:
        mine = [case for case in cases if path.stem in case.get("classname", "")]
        ran = sum(case.find("skipped") is None for case in mine)
        seconds = sum(float(case.get("time", 0)) for case in mine)
        cells = len(rules.read(path, course).code)
        print(f"{path.name}: {ran} of {cells} code cells ran, {seconds:.0f} s")
        everything &= ran == cells
    return everything


def _as_in_the_ledger(paths: Iterable[Path], course: Course, rows: Path, environment: dict[str, str]) -> bool:
    """Compare each run with the ledger's run of seed 0, where that was made by the same arithmetic and versions.

    Such runs agree digit by digit. Where they do not, and some value has left the range of seed 0's other roundings by
    three times its width, the package has changed what the ledger was made with.
    """
    same, usual = True, "mnist" if environment.get("GANCOURSE_DATA") else "embedded"
    for path in paths:
        file = rows / f"{path.name[:2]}.json"
        if not file.exists():
            print(f"{path.name}: left no values of claims")
            same = False
            continue
        book = course.root / "gancourse" / "measured" / "ledgers" / file.name
        ledger = json.loads(book.read_text(encoding="utf-8")) if book.exists() else None
        moved = _moved(ledger, json.loads(file.read_text(encoding="utf-8")), data_at_hand(path, environment) or usual)
        if moved is None:
            print(f"{path.name}: not compared with the ledger, which was made by other arithmetic or versions")
        elif moved:
            print(f"{path.name}: {', '.join(moved)} moved from what the ledger says; run `tools/ledger.py run`")
            same = False
    return same


def _moved(ledger: dict[str, Any] | None, row: dict[str, Any], data: str) -> list[str] | None:
    """Return the claims whose values are no longer the ledger's, or None if there is nothing to compare with."""
    made = ("arithmetic", "versions", "threads")
    runs = ledger["runs"] if ledger else []
    rows = [i for i, run in enumerate(runs) if run["seed"] == 0 and run.get("data", data) == data]
    twins = [i for i in rows if all(runs[i].get(key) == row[key] for key in made)]
    if not twins:
        return None
    found = []
    for name, value in row["values"].items():
        values = [ledger["claims"][name][i] for i in rows] if name in ledger["claims"] else [None]
        known = [other for other in values if other is not None]
        spread = max(known) - min(known) if known else 0.0
        if not known or min(abs(value - other) for other in known) > 3 * spread + ROUNDED * abs(value) + 1e-6:
            found.append(name)
    return found


# ---------------------------------------------------------------- command line


def main(arguments: list[str] | None = None, course: Course | None = None) -> int:
    """Run one command; see the top of this file."""
    course = course or Course(ROOT)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("execute", "lengths", "lint", "stamp", "test"):
        command = commands.add_parser(name)
        command.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
        if name == "lint":
            command.add_argument("--source", action="store_true", help="do not look at stored outputs")
        if name == "test":
            command.add_argument("--without-data", action="store_true", help="image notebooks, embedded data only")
            command.add_argument("--workers", type=int, default=2, help="notebooks at the same time")
    options = parser.parse_args(arguments)
    paths = [path.resolve() for path in options.notebooks] or course.notebooks
    if missing := [str(path) for path in paths if not path.is_file()]:
        parser.error(f"no such notebook: {', '.join(missing)}")

    if options.command == "test":
        if options.without_data:
            paths = [path for path in paths if loads_images(path)]
        if not paths:
            print("no notebooks to test")
            return 0
        return 0 if test(paths, course, without_data=options.without_data, workers=options.workers) else 1

    if options.command == "lengths":
        print("\n".join(table_of_lengths(paths, course)))
        return 0

    failures = 0
    for path in paths:
        try:
            if options.command == "execute":
                print(f"{path.name} ...", end=" ", flush=True)
                print(f"{execute(path, course):.1f} s, {path.stat().st_size / 1000:.0f} KB")
            elif options.command == "stamp":
                print(f"{path.name}: {'stamped' if stamp(path, course) else 'unchanged'}")
            else:
                problems = rules.lint(rules.read(path, course), outputs=not options.source)
                failures += len(problems)
                for problem in problems:
                    print(f"{path.name}: {problem}")
        except (Refused, ValueError) as problem:
            failures += 1
            print(f"{path.name}: {problem}")
    if options.command == "lint":
        if not options.notebooks:
            for problem in rules.lint_course(course):
                failures += 1
                print(problem)
        print(f"notebook lint: {failures} problem{'s' * (failures != 1)} in {len(paths)} notebooks")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
