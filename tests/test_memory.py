"""Freed memory: kept while something trains, given back when a cell ends."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from gancourse import memory

NEXT_STEP = """
import resource, torch
from gancourse import memory
from gancourse.data import toy
from gancourse.ensembles import Ensemble, Recipe
torch.set_num_threads(1)
if {told}:
    assert memory.keep()
ensemble = Ensemble(Recipe(hidden=32, batch_size=64), toy.ring(), seeds=range(256))
ensemble.train(8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
ensemble.train(8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

CELLS = """
import numpy as np
from IPython.core.interactiveshell import InteractiveShell
from gancourse import _shown, memory

def resident():
    pages = int(open("/proc/self/statm").read().split()[1])
    return pages * 4096 / 2**20

assert memory.keep()
shell = InteractiveShell.instance()
if {hooked}:
    _shown.let_go()
shell.run_cell("import numpy as np; pins = []")
before = resident()
# Blocks of half a MB, a small one that stays between each two of them: the freed ones lie in pieces.
shell.run_cell("for _ in range(400): block = [np.ones(2**16), pins.append(np.ones(64))]; pins.append(block)")
shell.run_cell("pins = pins[::2]; block = None")
print(resident() - before)
"""


def printed(program):
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(Path(memory.__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout.split()[-1])


@pytest.fixture(autouse=True)
def glibc():
    if platform.libc_ver()[0] != "glibc":
        assert memory.keep() is False and memory.give_back() is False
        pytest.skip("only glibc can be told what to do with freed memory")


def test_freed_memory_is_kept_for_the_next_step():
    """Counts the pages that the system fills with zeros while an ensemble trains."""
    faults = [printed(NEXT_STEP.format(told=told)) for told in (False, True)]
    assert faults[1] < faults[0] / 4, faults


def test_memory_that_is_free_after_a_cell_is_given_back():
    assert printed(CELLS.format(hooked=False)) > 100  # MB that nobody uses, still with the process
    assert printed(CELLS.format(hooked=True)) < 20
