#!/usr/bin/env bash
# An optimal transport of cost 0.0, because the costs are not numbers
#
# Guess:    ot.emd2 on a cost matrix of NaN raises, or returns NaN.
# Happens:  with POT 0.9.6 it returns 0.0, the best distance there is, with a warning that speaks of something else. One NaN
#           features vector of a diverged generator makes a whole row of such costs.
# Matters:  a Wasserstein distance that is logged while a GAN diverges falls to 0 and looks like success.
# Versions: POT 0.9.6.post1, numpy 2.3.5, scipy 1.16.3
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check POT==0.9.6.post1 numpy==2.3.5 scipy==1.16.3
"$work/env/bin/python" - <<'PYTHON'
import warnings
import numpy as np
import ot

masses = np.full(4, 0.25)
points = np.arange(4.0)[:, None]
costs = ot.dist(points, points + 1, metric="euclidean")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    right = float(ot.emd2(masses, masses, costs))
    wrong = float(ot.emd2(masses, masses, np.full((4, 4), np.nan)))
print("four points moved by 1:", right)
print("costs of NaN:          ", wrong)
print("warnings:              ", [str(w.message)[:90] for w in caught])
assert abs(right - 1) < 1e-12 and wrong == 0.0
PYTHON
