#!/usr/bin/env bash
# Two samples out of 102 can move batch norm's mean by more than the other hundred
#
# Guess:    torch.optim.swa_utils.update_bn measures the mean of the data it is shown.
# Happens:  with torch 2.13.0 it averages the means of the *batches*, each with the same weight. A last batch of 2 weighs as much
#           as one of 100: here a mean that should be near 0.2 becomes 5.
# Matters:  the statistics of an averaged generator are measured anew just so; a data loader's last batch is short.
# Versions: torch 2.13.0, numpy 2.3.5
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.3.5
"$work/env/bin/python" - <<'PYTHON'
import torch
from torch.optim.swa_utils import update_bn

data = torch.cat([torch.zeros(100, 1), torch.full((2, 1), 10.0)])
network = torch.nn.BatchNorm1d(1)
update_bn(data.split(100), network)
print("mean of the data:         ", round(float(data.mean()), 3))
print("mean that update_bn finds:", round(float(network.running_mean), 3))
assert abs(float(data.mean()) - 0.196) < 1e-3 and abs(float(network.running_mean) - 5) < 1e-5
PYTHON
