#!/usr/bin/env bash
# The "±" of a kernel distance can be 0, and is never the error of the number it stands behind
#
# Guess:    KernelInceptionDistance returns the distance and how far it may be off.
# Happens:  with torchmetrics 1.9.0 the second number is the spread over random parts of the *same* samples, each part as large as
#           subset_size. With parts as large as the set it is 0 (up to rounding); with the default it tells
#           how much a distance of that few samples scatters. Over new samples the number that is reported scatters otherwise.
# Matters:  "KID 0.012 ± 0.000" in a table looks like certainty. Repeat the sampling to get an error.
# Versions: torch 2.13.0, torchmetrics 1.9.0, numpy 2.4.6
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check torch==2.13.0 torchmetrics==1.9.0 numpy==2.4.6
"$work/env/bin/python" - <<'PYTHON'
import warnings
import torch
from torchmetrics.image.kid import KernelInceptionDistance

warnings.simplefilter("ignore")
torch.manual_seed(0)

class Given(torch.nn.Module):
    """Gives back the features it is shown."""
    num_features = 8
    def forward(self, features):
        return features

def kid(n, part):
    metric = KernelInceptionDistance(feature=Given(), subsets=50, subset_size=part).set_dtype(torch.float64)
    metric.update(torch.randn(n, 8).double(), real=True)
    metric.update(torch.randn(n, 8).double() + 0.3, real=False)
    return [float(number) for number in metric.compute()]

n, spread = 400, {}
for part in (400, 100):
    found = torch.tensor([kid(n, part) for _ in range(40)])
    spread[part] = float(found[:, 1].median()), float(found[:, 0].std())
    print(f"{n} samples, parts of {part}: it says ± {spread[part][0]:.2g}; over 40 new sets the number scatters by {spread[part][1]:.2g}")
assert spread[400][0] < 1e-9 < 1e-3 < spread[400][1] and spread[100][0] > 1.3 * spread[100][1]
PYTHON
