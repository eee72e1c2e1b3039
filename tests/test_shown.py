"""Figures and panels that were shown are let go of; what has a name, and all other results, stay."""

import os
import subprocess
import sys
from pathlib import Path

from gancourse import _shown

PROGRAM = """
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
setup = "from gancourse import _shown; _shown.let_go(); _shown.let_go()"
imports = "import ipywidgets; from matplotlib.figure import Figure\\nclass Drawn(Figure): pass"
cells = [setup, "3", imports, "mine = Figure(); mine", *["Drawn()"] * 6, *["ipywidgets.HTML()"] * 2, "'words'"]
cells += [*["Figure()"] * 8, "print(len(get_ipython().events.callbacks['post_run_cell']))"]
for cell in cells:
    result = shell.run_cell(cell, store_history=True)
    assert result.success, cell

import gc

gc.collect()
figures = [thing for thing in gc.get_objects() if isinstance(thing, shell.user_ns["Figure"])]
assert shell.user_ns["mine"] in figures
kept = shell.user_ns["Out"]
print("KEPT", len(figures), sorted(kept), shell.user_ns["_2"], shell.user_ns["_13"], type(shell.user_ns["_"]).__name__)
"""


def test_sixteen_shown_things_leave_the_newest_and_the_one_with_a_name(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {"PYTHONPATH": str(Path(_shown.__file__).parents[1]), "IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Error in callback" not in done.stdout
    # The three newest results are also called _, __ and ___.
    assert done.stdout.splitlines()[-2:] == ["1", "KEPT 4 [2, 13, 21] 3 words Figure"]


def test_without_a_shell_nothing_happens():
    _shown.let_go()
