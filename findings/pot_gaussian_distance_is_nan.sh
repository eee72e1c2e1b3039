#!/usr/bin/env bash
# The distance of two Gaussians is not a number, because two of the features are equal
#
# Guess:    ot.gaussian.bures_wasserstein_distance is defined for every pair of covariances, also for those without an inverse:
#           the formula takes roots of matrices, and inverts none.
# Happens:  with POT 0.9.7 it is NaN, or the error that eigenvalues did not converge. Its root of a matrix takes the roots of the
#           eigenvalues, and an eigenvalue that is 0 comes out as -1e-17. A feature that is always 0 does no harm here;
#           one that repeats another, or fewer samples than features, does.
# Matters:  this is the formula of FID. Features of a network behind a ReLU are often of lower rank, and 2,048 features have it
#           whenever fewer than 2,049 images are compared. (Squared it agrees to 13 digits where it is a number.)
# Versions: POT 0.9.7.post1, numpy 2.4.6, scipy 1.17.1
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check POT==0.9.7.post1 numpy==2.4.6 scipy==1.17.1
"$work/env/bin/python" - <<'PYTHON'
import warnings
import numpy as np
import ot

warnings.simplefilter("ignore")
random = np.random.default_rng(0)
a, b = random.normal(size=(500, 8)), random.normal(0.3, 1.2, size=(500, 8))

def frechet(a, b):
    """The same formula without a root of a matrix: the covariances are R'R, and their cross term a sum of singular values."""
    (m1, r1), (m2, r2) = [(x.mean(0), np.linalg.qr((x - x.mean(0)) / (len(x) - 1) ** 0.5)[1]) for x in (a, b)]
    cross = np.linalg.svd(r1 @ r2.T, compute_uv=False).sum()
    return float(((m1 - m2) ** 2).sum() + (r1**2).sum() + (r2**2).sum() - 2 * cross)

def theirs(a, b):
    try:
        return float(ot.gaussian.bures_wasserstein_distance(a.mean(0), b.mean(0), np.cov(a.T), np.cov(b.T))) ** 2
    except np.linalg.LinAlgError as error:
        print("LinAlgError:", error)
        return float("nan")

def repeated(points):
    return np.hstack([points, points[:, :1]])

few = random.normal(size=(20, 64)), random.normal(size=(20, 64))
for name, pair in (("8 features", (a, b)), ("the first one twice", (repeated(a), repeated(b))), ("20 samples, 64 features", few)):
    print(f"{name:24s} POT {theirs(*pair):10.6f}   without roots of matrices {frechet(*pair):10.6f}")
assert abs(theirs(a, b) - frechet(a, b)) < 1e-9 and np.isnan(theirs(repeated(a), repeated(b))) and np.isnan(theirs(*few))
PYTHON
