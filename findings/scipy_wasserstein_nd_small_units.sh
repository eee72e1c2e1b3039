#!/usr/bin/env bash
# The same two clouds are 60 % farther apart when they are measured in other units
#
# Guess:    wasserstein_distance_nd(s * a, s * b) is s times wasserstein_distance_nd(a, b).
# Happens:  with scipy 1.16.3 that holds for s = 1, and fails silently for s = 1e-8: the linear programme behind it is solved to
#           an absolute tolerance, so costs of 1e-8 are all nearly free and any plan will do.
# Matters:  features, gradients and weights often live on small scales. Divide by a typical cost first, multiply after.
# Versions: scipy 1.16.3, numpy 2.3.5
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check scipy==1.16.3 numpy==2.3.5
"$work/env/bin/python" - <<'PYTHON'
import numpy as np
from scipy.stats import wasserstein_distance_nd

random = np.random.default_rng(0)
a, b = random.normal(size=(20, 2)), random.normal(0.5, size=(20, 2))
true = wasserstein_distance_nd(a, b)
ratios = {unit: wasserstein_distance_nd(unit * a, unit * b) / (unit * true) for unit in (1.0, 1e-4, 1e-8)}
for unit, ratio in ratios.items():
    print(f"unit {unit:g}: {ratio:.4f} times the distance")
assert abs(ratios[1.0] - 1) < 1e-9 and ratios[1e-8] > 1.2
PYTHON
