"""Build the course's web site from the stored notebooks: ``make site``.

    python tools/website.py [FOLDER]    default: build/site

Pages are put together in a folder beside the result: docs/, the notebooks with their glossary and
pictures, and one page for each module of the package. Sphinx then reads them without running anything,
and a warning is an error. Needs no network.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from course import ROOT, Course


def assemble(course: Course, source: Path) -> None:
    """Put everything the site is made of into an empty folder.

    Args:
        course: the checkout; its notebooks are copied as they are.
        source: where to; what lies there is removed.
    """
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(course.root / "docs", source, ignore=shutil.ignore_patterns("*.py", "_static", "__pycache__"))
    notebooks = source / "notebooks"
    shutil.copytree(course.root / "notebooks" / "images", notebooks / "images")
    for path in [*course.notebooks, course.root / "notebooks" / "glossary.md"]:
        shutil.copy(path, notebooks)
    _write_api(course, source / "api")


def modules(package: Path) -> dict[str, list[str]]:
    """Return the pages about the package: name of each module or subpackage -> names of its own modules.

    Private modules are left out, and so are the checkers of single notebooks, whose answers nobody should read first.
    """
    pages = {}
    for path in sorted(package.iterdir()):
        if path.name.startswith("_"):
            continue
        if path.suffix == ".py":
            pages[path.stem] = []
        elif (path / "__init__.py").is_file():
            pages[path.name] = sorted(p.stem for p in path.glob("*.py") if not re.match(r"_|nb\d\d", p.name))
    return pages


def _write_api(course: Course, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    pages = modules(course.root / "gancourse")
    for page, parts in pages.items():
        text = [f"# gancourse.{page}", "", *_automodule(f"gancourse.{page}", bare=bool(parts))]
        for part in parts:
            text += ["", f"## {page}.{part}", "", *_automodule(f"gancourse.{page}.{part}")]
        (folder / f"{page}.md").write_text("\n".join(text) + "\n", encoding="utf-8")
    tree = "\n".join(["```{toctree}", ":maxdepth: 1", "", *pages, "```", ""])
    index = folder / "index.md"
    index.write_text(index.read_text(encoding="utf-8") + "\n" + tree, encoding="utf-8")


def _automodule(name: str, *, bare: bool = False) -> list[str]:
    options = [] if bare else ["   :members:", "   :show-inheritance:"]
    return ["```{eval-rst}", f".. automodule:: {name}", *options, "```"]


def build(course: Course, target: Path) -> str:
    """Build the site into a folder, from nothing.

    Args:
        course: the checkout.
        target: where to; beside it lie the folder of sources and Sphinx's cache while it works.
    Returns:
        What Sphinx said.
    Raises:
        RuntimeError: there was a warning or an error; the message has all of them.
    """
    work = target.with_name(target.name + "-work")
    shutil.rmtree(work, ignore_errors=True)
    assemble(course, work / "source")
    shutil.rmtree(target, ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "--fresh-env", "--quiet", "--builder", "html"]
    command += ["--conf-dir", str(course.root / "docs"), "--doctree-dir", str(work / "pages")]
    command += [str(work / "source"), str(work / "site")]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stdout.strip() or f"Sphinx ended with {done.returncode}")
    shutil.move(work / "site", target)
    shutil.rmtree(work)
    return done.stdout


def main(arguments: list[str] | None = None, course: Course | None = None) -> int:
    """Run the command; see the top of this file."""
    course = course or Course(ROOT)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("folder", nargs="?", type=Path, default=course.root / "build" / "site")
    target = parser.parse_args(arguments).folder.resolve()
    start = time.perf_counter()
    try:
        print(build(course, target), end="")
    except RuntimeError as problem:
        print(problem)
        return 1
    pages = len(list(target.rglob("*.html")))
    print(f"{pages} pages in {time.perf_counter() - start:.0f} s; open {target / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
