"""Says which cell to run first when a cell uses a name that another one makes.

Notebooks are run out of order, after a restart above all. ``NameError: name 'D' is not defined`` is true then, and no
help. In a notebook, :func:`explain` lets the error end in where the name is made.
"""

from __future__ import annotations

import ast
import contextlib
import dis
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["explain", "where_made"]

_COLAB_SECONDS = 5  # how long to wait for the page, which holds the notebook there


def explain() -> None:
    """From now on let every NameError of a cell say where the name is made; without IPython, do nothing."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None and (not shell.custom_exceptions or shell.custom_exceptions == (NameError,)):
        shell.set_custom_exc((NameError,), _show)


def _show(shell: Any, kind: type, error: NameError, traceback: Any, tb_offset: int | None = None) -> None:
    """Show an error as IPython does, and at its end what to run first."""
    with contextlib.suppress(Exception):  # a hint, which must never stand in the way of the error itself
        if type(error) is NameError and (hint := _hint(shell, error.name)):
            error.args = (f"{error.args[0]}. {hint}", *error.args[1:])
    shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)


def _hint(shell: Any, name: str) -> str:
    done = [source.strip() for source in shell.history_manager.input_hist_raw if source.strip()]
    best, most = [], 1  # the set-up cell alone is in every notebook of the course
    for cells in _notebooks(shell):
        known = len({_source(cell) for cell in cells} & set(done))
        if known > most:
            best, most = cells, known
    return where_made(name, best, failed=done[-1] if done else "", to_python=shell.transform_cell)


def where_made(name: str, cells: list[dict[str, Any]], *, failed: str, to_python: Any = str) -> str:
    """Say in which cell of a notebook a name is made.

    Args:
        name: what was not defined.
        cells: of the notebook, as they are stored.
        failed: the source of the cell that missed it; the last cell before it counts, else the first of all.
        to_python: turns a cell's source into Python, which lines that start with % are not.
    Returns:
        A sentence; empty if no other cell makes the name.
    """
    section, before, places = "", True, []
    for cell in cells:
        source = _source(cell)
        if cell["cell_type"] == "markdown" and (headings := re.findall(r"^#{1,4} +(.+)$", source, re.MULTILINE)):
            section = headings[-1].strip()
        elif cell["cell_type"] == "code" and source == failed:
            before = False
        elif cell["cell_type"] == "code" and name in _made(source, to_python):
            places.append((before, section, source.partition("\n")[0].strip()))
    if not places:
        return ""
    earlier = [place for place in places if place[0]]
    _, section, line = earlier[-1] if earlier and not before else places[0]
    line = line if len(line) <= 60 else f"{line[:59]}…"
    where = f"in section “{section}”, " if section else ""
    return f"`{name}` is made {where}in the cell that starts with `{line}`: run it first, or all cells above this one"


def _source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"]).strip()


def _made(source: str, to_python: Any) -> set[str]:
    """Return the names that a cell binds: by assignment, import, definition, loop or with."""
    try:
        code = compile(to_python(source), "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError):
        return set()
    return {step.argval for step in dis.get_instructions(code) if step.opname in ("STORE_NAME", "STORE_GLOBAL")}


def _notebooks(shell: Any) -> Iterator[list[dict[str, Any]]]:
    """Yield the cells of what may be this notebook: what the front end names, and what lies in this folder."""
    named = [shell.user_ns.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME")]  # VS Code; JupyterLab
    for path in dict.fromkeys([*(Path(path) for path in named if path), *sorted(Path.cwd().glob("*.ipynb"))]):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            yield list(json.loads(path.read_text(encoding="utf-8"))["cells"])
    if "google.colab" in sys.modules:
        with contextlib.suppress(Exception):  # no public part of Colab
            from google.colab import _message

            yield _message.blocking_request("get_ipynb", request="", timeout_sec=_COLAB_SECONDS)["ipynb"]["cells"]
