#!/usr/bin/env bash
# A discriminator that tells real from made is given an AUROC of 0.5, because its logits are large
#
# Guess:    BinaryAUROC of logits depends on their order alone, as the area under the curve does, and not on the batches in which
#           they come.
# Happens:  with torchmetrics 1.9.0 logits go through a sigmoid in their own precision first. In float32 everything from about 17
#           on is 1, and a tie: logits around 20 have 0.5 where scikit-learn says 0.77. Whether they are logits is asked for each
#           *batch*, by looking for a number outside [0, 1]. A batch without one is taken for probabilities and left as it is, so
#           batches of one give 0.73, and accuracy changes too.
# Matters:  a WGAN's critic has no scale and no zero, and a strong discriminator says 20. An AUROC of 0.5 reads as "cannot be told
#           apart", the best news there is. Give the metric the ranks of all the logits, divided by their number.
# Versions: torchmetrics 1.9.0, torch 2.13.0, scikit-learn 1.9.1, scipy 1.17.1, numpy 2.4.6
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check torchmetrics==1.9.0 torch==2.13.0 scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
"$work/env/bin/python" -W ignore - <<'PYTHON'
import torch
from sklearn.metrics import roc_auc_score
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC

random = torch.Generator().manual_seed(0)
real = torch.randint(0, 2, (2_000,), generator=random)
logits = torch.randn(2_000, generator=random) + real
right = float(roc_auc_score(real, logits))
print(f"scikit-learn: {right:.3f}")

def measured(metric, logits, batch=2_000):
    for some, truth in zip(logits.split(batch), real.split(batch)):
        metric.update(some, truth)
    return float(metric.compute())

moved = {shift: measured(BinaryAUROC(), logits + shift) for shift in (0, 10, 20, 30)}
for shift, area in moved.items():
    print(f"torchmetrics, {shift} added to every logit: {area:.3f} (scikit-learn {roc_auc_score(real, logits + shift):.3f})")
batches = {batch: measured(BinaryAUROC(), logits, batch) for batch in (2_000, 4, 2, 1)}
for batch, area in batches.items():
    print(f"in batches of {batch}: {area:.3f}, accuracy {measured(BinaryAccuracy(), logits, batch):.3f}")
ranks = logits.argsort().argsort() / len(logits)
print(f"of the ranks, in batches of one: {measured(BinaryAUROC(), ranks, 1):.3f}")
assert abs(moved[0] - right) < 1e-4 and abs(moved[20] - 0.5) < 0.1 and moved[30] == 0.5
assert abs(batches[2_000] - right) < 1e-4 and right - batches[1] > 0.02
assert abs(measured(BinaryAUROC(), ranks, 1) - right) < 1e-4
PYTHON
