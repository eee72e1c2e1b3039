"""Cells run out of order: a missing name says which cell makes it, in a notebook, and nowhere else."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gancourse import _out_of_order


def text(*lines):
    return {"cell_type": "markdown", "source": "\n".join(lines)}


def code(*lines):
    return {"cell_type": "code", "source": [f"{line}\n" for line in lines]}  # as files keep it


CELLS = [
    text("# Title", "Words."),
    code(
        "# @title Set-up: run this cell first",
        "%pip install nothing",
        "from gancourse import runtime",
        "runtime.setup()",
    ),
    text("Words before.", "## 1. Build", "Words."),
    code("import torch", "D = torch.nn.Linear(1, 1)"),
    code("with open(__file__) as stream:", "    for line in stream: pass", "def step(real): return real + D.weight"),
    text("## 2. Train"),
    code("D = torch.nn.Linear(2, 1)  # a line that is a good deal longer than what anybody wants to read in an error"),
    code("step(1); inner = 3"),
    code("class Late: pass"),
]


@pytest.mark.parametrize(
    ("name", "failed", "words"),
    [
        (
            "torch",
            7,
            "`torch` is made in section “1. Build”, in the cell that starts with `import torch`: run it first",
        ),
        (
            "D",
            7,
            "`D` is made in section “2. Train”, in the cell that starts with `D = torch.nn.Linear(2, 1)  # a line",
        ),
        ("D", 4, "`D` is made in section “1. Build”, in the cell that starts with `import torch`: run it first"),
        ("runtime", 3, "in section “Title”, in the cell that starts with `# @title Set-up: run this cell first`"),
        ("stream", 7, "starts with `with open(__file__) as stream:`"),
        ("line", 7, "starts with `with open(__file__) as stream:`"),
        ("step", 7, "starts with `with open(__file__) as stream:`"),
        ("Late", 7, "`Late` is made in section “2. Train”, in the cell that starts with `class Late: pass`"),
        ("D", None, "in section “1. Build”"),  # a cell of the learner's own
        ("real", 7, ""),  # a parameter is no name of the notebook
        ("inner", 7, ""),  # the failed cell makes it itself
        ("nowhere", 7, ""),
    ],
)
def test_the_last_cell_before_it_that_makes_the_name_is_named(name, failed, words):
    source = "D.forward(3)" if failed is None else "".join(CELLS[failed]["source"]).strip()
    said = _out_of_order.where_made(name, CELLS, failed=source, to_python=lambda text: text.replace("%", "#"))
    assert (words in said) if words else said == ""
    assert len(said) < 200


PROGRAM = """
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
for source in {sources!r}:
    result = shell.run_cell(source, store_history=True)
    print("->", type(result.error_in_exec).__name__, result.error_in_exec)
"""


def run(folder, *sources, **environment):
    """Run cells in a shell of their own, in a folder; return what was said of each and all that was printed."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(sources=list(sources))],
        cwd=folder,
        env=os.environ
        | {"PYTHONPATH": str(Path(_out_of_order.__file__).parents[1]), "IPYTHONDIR": str(folder)}
        | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    printed = re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr)
    return [line.removeprefix("-> ") for line in printed.splitlines() if line.startswith("-> ")], printed


@pytest.fixture
def lessons(tmp_path):
    """A folder with two notebooks, the set-up cell in both, and a file that is none."""
    cells = [cell for cell in CELLS if "%pip" not in "".join(cell["source"])]
    cells.insert(1, code("from gancourse import _out_of_order", "_out_of_order.explain()"))
    (tmp_path / "b.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    others = [cells[1], text("## Elsewhere"), code("D = 7"), code("D = 8")]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": others}), encoding="utf-8")
    (tmp_path / "c.ipynb").write_bytes(b"\xff not a notebook")
    return tmp_path


def test_in_a_notebook_the_error_ends_in_what_to_run(lessons):
    setup, other = "from gancourse import _out_of_order\n_out_of_order.explain()", "step(1); inner = 3"
    said, printed = run(lessons, setup, setup, other, "x = D", "x = nowhere", "1 / 0", "D = 2", "x = D")
    hint = "in section “1. Build”, in the cell that starts with `with open(__file__) as stream:`: run it first"
    assert said[:2] == ["NoneType None"] * 2
    assert (
        said[2].startswith("NameError name 'step' is not defined. `step` is made in section “1. Build”")
        and hint in said[2]
    )
    assert "NameError: name 'step' is not defined. `step` is made" in printed  # in the traceback itself, too
    assert "in section “1. Build”, in the cell that starts with `import torch`" in said[3]
    assert said[4] == "NameError name 'nowhere' is not defined"
    assert said[5:] == ["ZeroDivisionError division by zero", "NoneType None", "NoneType None"]


def test_the_set_up_cell_alone_tells_no_notebook(lessons):
    said, _ = run(lessons, "from gancourse import _out_of_order\n_out_of_order.explain()", "x = D")
    assert said[1] == "NameError name 'D' is not defined"


def test_what_the_front_end_names_is_looked_into(lessons, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    setup = "from gancourse import _out_of_order\n_out_of_order.explain()"
    said, _ = run(elsewhere, setup, "step(1); inner = 3")
    assert said[1] == "NameError name 'step' is not defined"
    said, _ = run(elsewhere, setup, "step(1); inner = 3", JPY_SESSION_NAME=str(lessons / "b.ipynb"))
    assert "`step` is made in section “1. Build”" in said[1]


def test_without_a_shell_and_beside_another_handler_nothing_happens(lessons):
    _out_of_order.explain()
    setup = "from gancourse import _out_of_order\n_out_of_order.explain()"
    own = "get_ipython().set_custom_exc((ZeroDivisionError,), lambda *a, **k: print('mine'))"
    said, printed = run(lessons, own, setup, "1 / 0", "step(1); inner = 3")
    assert "mine" in printed and said[-1] == "NameError name 'step' is not defined"


def test_a_handler_that_fails_shows_the_error_as_it_was(lessons):
    setup = "from gancourse import _out_of_order\n_out_of_order.explain()"
    spoil = "_out_of_order.where_made = None"
    said, printed = run(lessons, setup, spoil, "step(1); inner = 3")
    assert said[-1] == "NameError name 'step' is not defined" and "unregistering" not in printed
