#!/usr/bin/env bash
# Two equal sets of samples can have precision and recall 0, by the package that defines density and coverage
#
# Guess:    a set compared with itself has precision 1 and recall 1, whatever is in it.
# Happens:  with prdc 0.2 a set in which every sample stands k + 1 times has precision 0 and recall 0 against itself. The ball
#           round a sample reaches to its k-th neighbour, which is a copy at distance 0, and a sample counts only
#           strictly inside a ball. Density and coverage are 0 too. Without copies all four are as expected.
#           Improved precision and recall as published count the rim.
# Matters:  where samples repeat: generators that collapse or copy, features after a ReLU, images of few grey levels.
# Versions: prdc 0.2, numpy 2.3.5, scikit-learn 1.7.2, scipy 1.16.3
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check prdc==0.2 numpy==2.3.5 scikit-learn==1.7.2 scipy==1.16.3
"$work/env/bin/python" - <<'PYTHON'
import contextlib, io
import numpy as np
from prdc import compute_prdc

samples = np.random.default_rng(0).permutation(300)[:150].reshape(50, 3).astype(float)  # whole numbers: no rounding

def four(points, k=3):
    with contextlib.redirect_stdout(io.StringIO()):
        found = compute_prdc(real_features=points, fake_features=points, nearest_k=k)
    return {name: float(value) for name, value in found.items()}

once, four_times = four(samples), four(np.repeat(samples, 4, axis=0))
print("every sample once, against itself:      ", once)
print("every sample four times, against itself:", four_times)
assert once["precision"] == once["recall"] == once["coverage"] == 1
assert set(four_times.values()) == {0.0}
PYTHON
