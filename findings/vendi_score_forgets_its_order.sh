#!/usr/bin/env bash
# A diversity score of every order gives the same number, because one of its functions forgets the order
#
# Guess:    vendi.score_X(features, q=...) is the score of order q, the same as score_dual and score_K give: small orders count rare
#           kinds of samples, large ones look at the most frequent.
# Happens:  with vendi-score 0.0.3 score_X takes q and then computes with q = 1, without a word; the two others do as they are told.
#           And the infinite order must be the string "inf": math.inf gives NaN.
# Matters:  whoever compares orders to see whether a generator neglects rare kinds finds that it makes no difference. Here a
#           set with nine tenths in one place has 1.6 kinds of samples by order 1, 1.1 by the infinite one and 4.3 by order 0.1, and
#           score_X says 1.6 every time. Use score_dual for features and score_K for a kernel.
# Versions: vendi-score 0.0.3, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check vendi-score==0.0.3 numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
"$work/env/bin/python" -W ignore - <<'PYTHON'
import math
import numpy as np
from vendi_score import vendi

# five kinds of samples at right angles: 90 in the first, 10 in the others; so the score is known from the counts
shares = np.array([90, 4, 3, 2, 1]) / 100
features = np.repeat(np.eye(5), [90, 4, 3, 2, 1], axis=0)

def known(q):
    if q == "inf":
        return 1 / shares.max()
    return float(np.exp(-(shares * np.log(shares)).sum()) if q == 1 else (shares**q).sum() ** (1 / (1 - q)))

found = {}
for q in (0.1, 0.5, 1, 2, "inf"):
    found[q] = [float(vendi.score_X(features, q=q)), float(vendi.score_dual(features, q=q)), known(q)]
    print(f"order {q}: score_X {found[q][0]:.3f}, score_dual {found[q][1]:.3f}, from the counts {found[q][2]:.3f}")
    assert abs(found[q][1] - found[q][2]) < 1e-6 and abs(found[q][0] - known(1)) < 1e-6
infinite = float(vendi.score_dual(features, q=math.inf))
print("score_dual with math.inf:", infinite)
assert math.isnan(infinite)
kernel = features @ features.T
assert abs(float(vendi.score_K(kernel, q=2)) - known(2)) < 1e-6
PYTHON
