"""Say what a person has to change before the course is published, and run the checks for it: ``make publish-check``.

    python tools/publish.py

Nothing is changed here. The first part lists what only a person can decide; the second runs the checks and says which
fail; the last tries a copy of the repository under another account's name. The exit status is 1 only if a check fails.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from course import ROOT, Course

PLACEHOLDER = "your--account"
AUTHORS = "The gancourse authors"
ELSEWHERE = "https://github.com/somebody-else/gans"

_PACKAGING, _HOUSEKEEPING = "tests/project/test_packaging.py", "tests/project/test_housekeeping.py"
CHECKS = {
    "badges and set-up cells, executed pages": ["tools/notebooks.py", "lint"],
    "links in pages": ["-m", "pytest", "-q", _PACKAGING, "-k", "links or address or readme"],
    "paths of machines, sizes of files": ["-m", "pytest", "-q", _PACKAGING, "-k", "path or large"],
    "workflows, forms, container, citation": ["-m", "pytest", "-q", _HOUSEKEEPING, "-k", "not archives"],
    "wheel and source archive": ["-m", "pytest", "-q", _HOUSEKEEPING, "-k", "wheel or twine"],
}


def to_decide(course: Course) -> list[str]:
    """Return what a person has to change by hand, a line each; empty if nothing is left."""
    read = {
        name: (course.root / name).read_text(encoding="utf-8") for name in ("CITATION.cff", "LICENSE", "CHANGELOG.md")
    }
    found = []
    if PLACEHOLDER in course.address:
        found.append(
            f"pyproject.toml: Repository is {course.address}, a placeholder. Put the true address there, the only "
            "place that has it, then run `make stamp` (badges, set-up cells) and `make site`."
        )
    if AUTHORS in read["CITATION.cff"]:
        found.append(f'CITATION.cff: the authors are "{AUTHORS}". Put names there, if persons are to be cited.')
    if holders := re.search(r"Copyright \(c\) (.*)", read["LICENSE"]):
        found.append(f'LICENSE: the holders are "{holders[1]}". Say whether this is right.')
    if "## [Unreleased]" in read["CHANGELOG.md"]:
        found.append("CHANGELOG.md: its newest section is *Unreleased*. Give it the version and a date.")
    found.append(
        "GitHub, by hand: Settings, Pages, Source: GitHub Actions. Settings, Social preview: _static/card.png."
    )
    return found


def failing(course: Course) -> list[str]:
    """Run the checks that exist, say how each went, and return the names of those that fail."""
    failed = []
    for name, command in CHECKS.items():
        done = _python(command, course.root)
        print(f"  {'ok    ' if done.returncode == 0 else 'FAILED'}  {name}", flush=True)
        if done.returncode != 0:
            failed.append(name)
            print("\n".join(f"          {line}" for line in done.stdout.strip().splitlines()[-8:]))
    return failed


def _python(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *command]
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def under_another_name(course: Course, folder: Path) -> list[str]:
    """Clone the course, give the clone another address, stamp it, and return what still names the old one.

    Args:
        course: a git checkout; what is not committed is not in the clone.
        folder: where the clone goes.
    """
    copy = folder / "course"
    subprocess.run(["git", "clone", "--quiet", str(course.root), str(copy)], check=True)
    settings = copy / "pyproject.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace(course.address, ELSEWHERE), encoding="utf-8")
    done = _python(["tools/notebooks.py", "stamp"], copy)
    if done.returncode != 0:
        return [f"make stamp: {done.stdout.strip()[-300:]}"]
    old = course.address.removeprefix("https://")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=copy, stdout=subprocess.PIPE, text=True, check=True).stdout
    naming = []
    for name in filter(None, listed.split("\0")):
        if old.encode() in (copy / name).read_bytes():
            naming.append(f"{name} still names {old}")
    return naming


def main(arguments: list[str] | None = None, course: Course | None = None) -> int:
    """Run the command; see the top of this file."""
    course = course or Course(ROOT)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args(arguments)
    print("A person has to decide:")
    for line in to_decide(course):
        print(f"  - {line}")
    print("Checks:", flush=True)
    failed = failing(course)
    with tempfile.TemporaryDirectory() as folder:
        problems = under_another_name(course, Path(folder))
    print(f"  {'FAILED' if problems else 'ok    '}  a clone under another account's name")
    print("\n".join(f"          {line}" for line in problems), end="\n" if problems else "")
    return 1 if failed or problems else 0


if __name__ == "__main__":
    sys.exit(main())
