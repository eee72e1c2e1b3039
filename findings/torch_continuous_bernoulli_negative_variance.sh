#!/usr/bin/env bash
# A variance of -1.6, for a pixel that an untrained decoder makes
#
# Guess:    torch.distributions.ContinuousBernoulli has a variance between 0 and 1/12 for every probability: the class switches to
#           a series around 1/2, where the formula divides 0 by 0.
# Happens:  with torch 2.13.0 in float32, torch's usual kind, the series is used only from 0.499 to 0.501, and the formula fails
#           long before. At 0.499 the variance is -1.6 and the standard deviation NaN, at 0.5011 three times too large; within
#           0.006 of 1/2 it can be more than a tenth off. The mean there is off by 0.003. log_prob is right to 2e-5, and in
#           float64 all is well.
# Matters:  it is the likelihood for grey images in an autoencoder, and a sigmoid that has not learned yet says 1/2. Of
#           the pixels below one in fifty is NaN. Give lims=(0.48, 0.52), which is right to a percent, or use float64.
# Versions: torch 2.13.0, numpy 2.4.6
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$work/env/bin/python" - <<'PYTHON'
import torch
from torch.distributions import ContinuousBernoulli

for probability in (0.498, 0.4985, 0.499, 0.5011, 0.51):
    single = ContinuousBernoulli(torch.tensor(probability))
    double = ContinuousBernoulli(torch.tensor(probability, dtype=torch.float64))
    print(f"p = {probability}: variance {float(single.variance):.4f}, in float64 {float(double.variance):.4f}")

grid = torch.linspace(0.3, 0.7, 400_001)
true = ContinuousBernoulli(grid.double())
single, wider = ContinuousBernoulli(grid), ContinuousBernoulli(grid, lims=(0.48, 0.52))
wrong = (single.variance / true.variance - 1).abs() > 0.1
print("more than a tenth off up to", round(float((grid - 0.5)[wrong].abs().max()), 4), "from 1/2")
print("worst mean:", float((single.mean - true.mean).abs().max()))
worst = float((wider.variance / true.variance - 1).abs().max())
print("worst relative error of the variance with lims=(0.48, 0.52):", worst)
likelihood = float((single.log_prob(torch.tensor(0.3)) - true.log_prob(torch.tensor(0.3).double())).abs().max())

torch.manual_seed(0)
pixels = ContinuousBernoulli(logits=0.05 * torch.randn(64, 784))
lost = float(pixels.stddev.isnan().float().mean())
print(f"pixels of an untrained decoder without a standard deviation: {lost:.1%}")
assert float(ContinuousBernoulli(torch.tensor(0.499)).variance) < -1 and bool((true.variance > 0.08).all())
assert 0.005 < float((grid - 0.5)[wrong].abs().max()) < 0.007 and likelihood < 2e-5
assert 0.01 < lost < 0.04 and worst < 0.01
PYTHON
