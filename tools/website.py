"""Build the course's web site from the stored notebooks: ``make site``.

    python tools/website.py [FOLDER]    default: build/site
    python tools/website.py --without-films

Films of the panels are made first (tools/films.py), which takes minutes once. Pages are put together in a folder
beside the result: docs/, the notebooks with their glossary and pictures, and one page for each module of the package.
Sphinx then reads them without running anything, and a warning is an error. Needs no network.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import course_pages
import films
import findings
import ledger
import site_head
from course import ROOT, Course
from gancourse import claims
from gancourse.plotting import claims as plotting
from gancourse.plotting import style


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
    _write_stills(course, source / "stills")
    _write_api(course, source / "api")
    _write_ledger(course, source / "ledger.md")
    with (source / "findings.md").open("a", encoding="utf-8") as file:
        file.write(findings.page(course))


def _write_stills(course: Course, folder: Path) -> None:
    """Write each panel's picture as the first notebook that shows the panel stores it, for the pages around them."""
    folder.mkdir()
    for path in course.notebooks:
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for name, output in course_pages.panels_shown(cell):
                if not (still := folder / f"{name}.png").exists():
                    still.write_bytes(base64.b64decode("".join(output["data"]["image/png"])))


def _write_ledger(course: Course, page: Path) -> None:
    """Add a table and a picture for each notebook to the page about the ledger."""
    parts = [page.read_text(encoding="utf-8")]
    pictures = page.with_suffix("")
    pictures.mkdir()
    for path in course.notebooks:
        number, stated = path.name[:2], ledger.stated(path)
        stored = claims.ledger(number) or {"runs": [], "claims": {}}
        seeds = len({run["seed"] for run in stored["runs"]})
        ways = len({run.get("arithmetic") for run in stored["runs"]})
        words = f"{len(stored['runs'])} runs: {seeds} seeds, {ways} ways of rounding, {_machines(stored['runs'])}."
        parts += ["", f"## {number}", "", f"[The notebook](notebooks/{path.name}). {words}", ""]
        parts += [*ledger.table(path), ""]
        picture = plotting.strips(number, claims=stated, recorded=stored["claims"])
        (pictures / f"{number}.png").write_bytes(style.png(picture, palette=True))
        words = f"Strips of the {len(stated)} claims of notebook {number}: a line for each run, and the bounds"
        parts += [f"![{words}](ledger/{number}.png)"]
    page.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _machines(runs: list[dict[str, Any]]) -> str:
    """Say what runs ran on."""
    made = sorted({f"{run['machine'].split(',')[0]}, {run['versions'].split(', ', 1)[-1]}" for run in runs})
    return " and ".join(made) or "no machine"


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


def build(course: Course, target: Path, shown: dict[str, films.Film] | None = None) -> str:
    """Build the site into a folder, from nothing but films that are made already.

    Args:
        course: the checkout.
        target: where to; beside it lie the films, and while it works the folder of sources and Sphinx's cache.
        shown: the films to show, by address; None shows none.
    Returns:
        What Sphinx said.
    Raises:
        RuntimeError: there was a warning or an error, or a film cannot be made; the message has all of it.
    """
    shown = shown or {}
    filmed = target.with_name("films")
    films.make_all(shown, filmed)
    work = target.with_name(target.name + "-work")
    shutil.rmtree(work, ignore_errors=True)
    assemble(course, work / "source")
    shutil.rmtree(target, ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "--fresh-env", "--quiet", "--builder", "html"]
    command += ["--conf-dir", str(course.root / "docs"), "--doctree-dir", str(work / "pages")]
    command += ["--define", f"films={','.join(shown)}"] if shown else []
    command += [str(work / "source"), str(work / "site")]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stdout.strip() or f"Sphinx ended with {done.returncode}")
    site_head.finish(course, work / "site")
    for name in shown:
        shutil.copytree(filmed / name, work / "site" / "films" / name, ignore=shutil.ignore_patterns("key"))
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
    parser.add_argument("--without-films", action="store_true", help="show the panels' stills only")
    wanted = parser.parse_args(arguments)
    target = wanted.folder.resolve()
    start = time.perf_counter()
    try:
        print(build(course, target, {} if wanted.without_films else films.known()), end="")
    except RuntimeError as problem:
        print(problem)
        return 1
    pages = len(list(target.rglob("*.html")))
    size = sum(file.stat().st_size for file in (target / "films").rglob("*.*")) / 1e6
    seconds = time.perf_counter() - start
    print(f"{pages} pages and {size:.1f} MB of films in {seconds:.0f} s; open {target / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
