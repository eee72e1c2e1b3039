"""Run the scripts in findings/ one by one, and make the page of the site that tells what they found: ``make findings``.

    python tools/findings.py [NAME ...]    default: all of them, in the order of their names

A script installs pinned packages from the network and fails when their behaviour has changed, so nothing here is part
of ``make test``. What passed is noted with its date in findings/passed.json, which the page of the site reads.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from course import ROOT, Course

PARTS = ("Guess", "Happens", "Matters", "Versions")


class Finding(NamedTuple):
    """What the head of a script says: its file's name, the surprise in one line, and the four parts."""

    name: str
    title: str
    guess: str
    happens: str
    matters: str
    versions: str


def read(path: Path) -> Finding:
    """Return what the comment at the head of a script says.

    Args:
        path: the script. Its second line is the title; then come the parts Guess, Happens, Matters and Versions.
    Raises:
        ValueError: a part is missing, is empty, or comes in another order.
    """
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    head = [line.removeprefix("#").strip() for line in lines[: next(i for i, x in enumerate(lines) if x[:1] != "#")]]
    title, parts = head[0] if head else "", {}
    for line in head[1:]:
        if match := re.match(rf"({'|'.join(PARTS)}):\s*(.*)", line):
            parts[match[1]] = [match[2]]
        elif line and parts:
            parts[list(parts)[-1]].append(line)
    said = {part: " ".join(words).strip() for part, words in parts.items()}
    if not title or tuple(said) != PARTS or not all(said.values()):
        raise ValueError(f"{path.name} must begin with a title and then say {', '.join(PARTS)}, got {list(said)}")
    return Finding(path.stem, title, *said.values())


def all_of(course: Course) -> list[Finding]:
    """Return the findings of a checkout, by name."""
    return [read(path) for path in sorted((course.root / "findings").glob("*.sh"))]


def passed(course: Course) -> dict[str, str]:
    """Return when each script last passed: name -> date. Empty if none was ever noted."""
    path = course.root / "findings" / "passed.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def page(course: Course) -> str:
    """Return the sections of the page of the site, one for each finding, in Markdown."""
    dates, parts = passed(course), []
    for finding in all_of(course):
        script = f"[{finding.name}.sh]({course.address}/blob/main/findings/{finding.name}.sh)"
        when = f"last passed on {dates[finding.name]}" if finding.name in dates else "not yet run for this page"
        parts += [
            f"## {finding.title}",
            "",
            f"* **You would guess:** {finding.guess}",
            f"* **What happens:** {finding.happens}",
            f"* **Why it matters:** {finding.matters}",
            f"* **Versions:** {finding.versions}",
            f"* **Run it:** `bash findings/{finding.name}.sh` ({script}, {when})",
            "",
        ]
    return "\n".join(parts)


def run(course: Course, names: list[str]) -> list[str]:
    """Run the scripts of these names, note those that pass, and return the names of those that do not."""
    failed = []
    for name in names:
        start = time.perf_counter()
        script = str(course.root / "findings" / f"{name}.sh")
        done = subprocess.run(
            ["bash", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        seconds = f"{time.perf_counter() - start:.0f} s"
        if done.returncode != 0:
            failed.append(name)
            print(f"{name}: FAILED ({seconds})\n{done.stdout.strip()}", flush=True)
            continue
        print(f"{name}: passed ({seconds})", flush=True)
        dates = {**passed(course), name: datetime.date.today().isoformat()}
        text = json.dumps(dict(sorted(dates.items())), indent=1) + "\n"
        (course.root / "findings" / "passed.json").write_text(text, encoding="utf-8")
    return failed


def main(arguments: list[str] | None = None, course: Course | None = None) -> int:
    """Run the command; see the top of this file."""
    course = course or Course(ROOT)
    known = [finding.name for finding in all_of(course)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a script's name without .sh")
    names = parser.parse_args(arguments).names or known
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no such finding: {', '.join(unknown)}; there are {', '.join(known)}")
    failed = run(course, names)
    print(f"{len(names) - len(failed)} of {len(names)} findings are as they were")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
