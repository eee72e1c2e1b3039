"""Measure what the course promises about speed and size.

    python tools/bench.py                        everything below
    python tools/bench.py imports                what a notebook's imports add to importing torch and matplotlib
    python tools/bench.py notebooks [NOTEBOOK]   seconds, CPU seconds and memory from first to last cell
    python tools/bench.py panels                 first picture, frames and pause of each panel in a real JupyterLab

Times depend on the machine and on what else it does: run it on an idle one, and publish ratios, or name the
machine. Each measurement prints as rows of a Markdown table.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from nbclient import NotebookClient

import browser
import notebook_rules as rules
from course import ROOT, Course

BASE = "import torch, numpy, matplotlib.figure, matplotlib.backends.backend_agg, ipykernel.ipkernel"
IMPORT_LIMIT = 0.2


def machine() -> str:
    """Say in one line what the measurements were made on."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


# ---------------------------------------------------------------- imports


def imports_of(path: Path, course: Course) -> str:
    """Return every import statement of a notebook, in order, one a line."""
    found = []
    for _, cell in rules.read(path, course).code:
        for node in ast.walk(rules.parse(cell.source)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                found.append(ast.unparse(node))
    return "\n".join(dict.fromkeys(found))


def bench_imports(paths: list[Path], course: Course, repeat: int) -> None:
    """Time each notebook's imports in fresh processes that have torch and matplotlib already, alternating."""
    programs = {path.name: imports_of(path, course) for path in paths}
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(repeat):
        for name, program in programs.items():
            timed = f"{BASE}\nimport time\nbefore = time.process_time()\n{program}\nprint(time.process_time() - before)"
            done = subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True)
            times[name].append(float(done.stdout.split()[-1]))
    print(f"\n| imports of | added CPU seconds, median of {repeat} | least | promised |\n|---|---|---|---|")
    for name, values in times.items():
        print(f"| {name} | {statistics.median(values):.2f} | {min(values):.2f} | {IMPORT_LIMIT} |")


# ---------------------------------------------------------------- notebooks


def run_one(path: Path, course: Course) -> dict[str, float]:
    """Execute a notebook in a kernel that is this process's only child, and return what it used."""
    with tempfile.TemporaryDirectory() as empty:
        client = NotebookClient(
            rules.read(path, course).node,
            timeout=None,
            kernel_name="python3",
            store_widget_state=False,
            resources={"metadata": {"path": empty}},
        )
        before = time.perf_counter()
        client.execute(env={**os.environ, "PYTHONPATH": str(course.root), "IPYTHONDIR": empty})
        seconds = time.perf_counter() - before
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 1 if sys.platform == "darwin" else 1024
    return {"seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "bytes": used.ru_maxrss * unit}


def bench_notebooks(paths: list[Path], course: Course, repeat: int) -> None:
    """Execute each notebook ``repeat`` times, one after the other, and print its median cost."""
    print(f"\n| notebook | seconds, median of {repeat} | CPU seconds | peak GB |\n|---|---|---|---|")
    for path in paths:
        command = [sys.executable, __file__, "--one", str(path)]
        runs = [json.loads(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(repeat)]
        peak = max(run["bytes"] for run in runs) / 1e9
        seconds, cpu = (statistics.median(run[key] for run in runs) for key in ("seconds", "cpu"))
        print(f"| {path.name} | {seconds:.0f} | {cpu:.0f} | {peak:.2f} |", flush=True)


# ---------------------------------------------------------------- panels


def bench_panels(paths: list[Path], course: Course, repeat: int) -> None:
    """Run, play and pause each panel in JupyterLab and Chromium; processor time is the kernel's own."""
    if reason := browser.why_not():
        print(f"\nno panels measured: {reason}")
        return
    columns = "first picture, s | CPU s of building | frames a second | CPU ms of a frame | pause, s"
    print(f"\n| panel, median of {repeat} | {columns} |\n|---|---|---|---|---|---|")
    print("| promised | 1 | | 8 | | 0.4 |")
    with tempfile.TemporaryDirectory() as folder, browser.JupyterLab(Path(folder)) as lab, browser.Browser() as chrome:
        for maker in browser.panels():
            notebook = chrome.open(lab, maker.replace(".", "_"), browser.panel_cells(maker))
            notebook.run_cell(0)
            runs = [_one_panel(notebook, maker) for _ in range(repeat)]
            notebook.close()
            medians = [statistics.median(values) if None not in values else None for values in zip(*runs, strict=True)]
            cells = ["" if value is None else f"{value:.2g}" for value in medians]
            print(f"| {maker} | " + " | ".join(cells) + " |", flush=True)


def _one_panel(notebook: browser.Notebook, maker: str) -> list[float | None]:
    """Return the columns of one row; a panel without a Play button shows no frames of its own accord."""
    timed = "import time\nbefore = time.process_time()\n{}\nprint((time.process_time() - before) / {})"
    started = notebook.now()
    notebook.run_cell(1)
    notebook.panel.wait()
    first = next(shown for shown in notebook.pictures() if shown > started)
    frame = float(notebook.ask(timed.format("for _ in range(20): panel._show()", 20)))
    frames = pause = None
    if notebook.ask("print(panel.live)") == "True":
        notebook.panel.button("one step").click()  # imports that a first step may bring
        notebook.panel.settle()
        notebook.panel.play()
        notebook.wait(1)
        frames = notebook.panel.frames_per_second(5)
        pause = notebook.panel.seconds_to_pause()
    building = float(notebook.ask(timed.format(f"{maker}()", 1)))
    return [(first - started) / 1000, building, frames, 1000 * frame, pause]


# ---------------------------------------------------------------- command line

MEASUREMENTS: dict[str, tuple[Callable[[list[Path], Course, int], None], int]] = {
    "imports": (bench_imports, 5),
    "notebooks": (bench_notebooks, 1),
    "panels": (bench_panels, 3),
}
"""What can be measured: the function, and how often it repeats if nothing else is said."""


def main() -> None:
    """Run the measurements that were named; see the top of this file."""
    course = Course(ROOT)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measurement", nargs="?", choices=[*MEASUREMENTS, "all"], default="all")
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--repeat", type=int, help="how often to measure")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(run_one(options.one, course)))
        return
    paths = [path.resolve() for path in options.notebooks] or course.notebooks
    print(machine())
    for name, (measure, repeat) in MEASUREMENTS.items():
        if options.measurement in (name, "all"):
            measure(paths, course, options.repeat or repeat)


if __name__ == "__main__":
    main()
