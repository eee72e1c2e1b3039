"""Run a notebook's code again with other seeds, to see whether its asserts hold on them too.

    python tools/seeds.py notebooks/02_train_a_gan_on_a_number.ipynb 11 22 33

The notebook has to say ``SEED = 0`` in one of its cells; this line is changed and all code cells
run, in order, in one fresh process a seed. What the cells print is shown; the exit status is the
number of seeds on which an assert (or anything else) failed.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

LINE = re.compile(r"^SEED = \d+", flags=re.MULTILINE)
MAGIC = re.compile(r"^(\s*)[%!].*$", flags=re.MULTILINE)  # such as %pip in the set-up cell, for Colab only


def cells_with_seed(path: Path, seed: int) -> list[tuple[str, str]]:
    """Return (id, source) of every code cell, with the seed changed.

    Raises:
        ValueError: no cell, or more than one, has a line that starts with "SEED = ".
    """
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [(cell["id"], "".join(cell["source"])) for cell in cells if cell["cell_type"] == "code"]
    found = sum(len(LINE.findall(source)) for _, source in code)
    if found != 1:
        raise ValueError(f"{path.name} should have one line 'SEED = ...', found {found}")
    return [(name, LINE.sub(f"SEED = {seed}", MAGIC.sub(r"\1pass", source))) for name, source in code]


def run(path: Path, seed: int) -> int:
    """Run all code cells in this process; return 0, or 1 after saying which cell failed and how."""
    space: dict[str, object] = {"__name__": "__main__"}
    failed = 0
    for name, source in cells_with_seed(path, seed):
        try:
            exec(compile(source, f"<{name}>", "exec"), space)
        except Exception as error:
            print(f"seed {seed}: cell {name} failed: {type(error).__name__}: {error}", flush=True)
            failed = 1
            if not isinstance(error, AssertionError):  # what follows would fail for want of this cell
                break
    print(f"seed {seed}: {'FAILED' if failed else 'all asserts hold'}", flush=True)
    return failed


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("seeds", type=int, nargs="+")
    options = parser.parse_args(arguments)
    if len(options.seeds) == 1:
        return run(options.notebook, options.seeds[0])
    again = [sys.executable, __file__, str(options.notebook)]
    return sum(subprocess.run([*again, str(seed)]).returncode != 0 for seed in options.seeds)


if __name__ == "__main__":
    sys.exit(main())
