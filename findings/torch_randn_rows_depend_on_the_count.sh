#!/usr/bin/env bash
# The first four latents of a seed are others when eight are asked for
#
# Guess:    with one seed the rows of torch.randn(4, 3) are the first rows of torch.randn(8, 3), as torch.rand and NumPy do it.
# Happens:  with torch 2.13.0 on a processor none of them is. Fewer than 16 numbers are drawn one by one, more in blocks of 16, and
#           where the count is no multiple of 16 the *last* 16 are drawn again. So randn(5, 100) and randn(6, 100) agree in four
#           rows, and the fifth is the same but for its end. Where the shorter draw is a multiple of 16 numbers, the longer one
#           begins with it.
# Matters:  "the same z as before, and some more" is not the same z: the last samples of a sheet become others when one is added,
#           and small sheets change altogether. Draw many once and cut, or draw a multiple of 16 numbers.
# Versions: torch 2.13.0, numpy 2.4.6
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$work/env/bin/python" - <<'PYTHON'
import numpy as np
import torch

def seeded(draw, *shape):
    return draw(*shape, generator=torch.Generator().manual_seed(0))

kept = {}
for few, many, size in ((4, 8, 3), (9, 10, 10), (5, 6, 100), (8, 9, 100)):
    for draw in (torch.randn, torch.rand):
        same = (seeded(draw, few, size) == seeded(draw, many, size)[:few]).all(dim=1)
        kept[draw.__name__, few, size] = int(same.sum())
        print(f"{draw.__name__}({few}, {size}) and {draw.__name__}({many}, {size}): {int(same.sum())} of {few} rows agree")
last = int((seeded(torch.randn, 5, 100)[4] == seeded(torch.randn, 6, 100)[4]).sum())
print("in the fifth row of 100 numbers", last, "agree")
numpys = (np.random.default_rng(0).normal(size=(4, 3)) == np.random.default_rng(0).normal(size=(8, 3))[:4]).all()
assert kept["randn", 4, 3] == 0 and kept["randn", 5, 100] == 4 and kept["randn", 8, 100] == 8 and last == 84 and numpys
assert all(number == few for (name, few, _), number in kept.items() if name == "rand")
PYTHON
