#!/usr/bin/env bash
# Images of 0 to 255 come out white in TensorBoard, if their whole numbers are of torch's usual kind
#
# Guess:    SummaryWriter.add_images takes whole numbers from 0 to 255, as it takes uint8.
# Happens:  with torch 2.13.0 and tensorboard 2.20.0 only uint8 is left as it is. Any other kind, int64 included, is taken for
#           numbers in [0, 1], multiplied by 255 and cut off: everything from 1 on is white.
# Matters:  (255 * images).long() is a common way to write out samples; the sheet is white and the run looks broken.
# Versions: torch 2.13.0, tensorboard 2.20.0, numpy 2.3.5, pillow 12.0.0, setuptools 80.9.0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check torch==2.13.0 tensorboard==2.20.0 numpy==2.3.5 pillow==12.0.0 setuptools==80.9.0
"$work/env/bin/python" - "$work/log" <<'PYTHON'
import io, sys
import numpy as np
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

ramp = torch.arange(256).reshape(1, 1, 16, 16)
with SummaryWriter(sys.argv[1]) as writer:
    writer.add_images("uint8", ramp.to(torch.uint8))
    writer.add_images("int64", ramp)
log = EventAccumulator(sys.argv[1], size_guidance={"images": 0}).Reload()
seen = {}
for name in ("uint8", "int64"):
    picture = np.asarray(Image.open(io.BytesIO(log.Images(name)[0].encoded_image_string)).convert("L"))
    seen[name] = np.unique(picture).tolist()
    print(name, "has", len(seen[name]), "grey levels, mean", round(float(picture.mean()), 1))
assert len(seen["uint8"]) == 256 and seen["int64"] == [0, 255]
PYTHON
