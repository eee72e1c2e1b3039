#!/usr/bin/env bash
# IPython's player makes a whisper as loud as a shout, and one NaN makes everything silent
#
# Guess:    Audio(numbers, rate=8000) plays the numbers as they are, and refuses those that are no numbers.
# Happens:  with IPython 9.18.1 every sound is scaled to full loudness unless normalize=False is given, so two sounds a hundred
#           times apart give the same bytes, and clipping to a quiet level cannot be heard as what it is. One NaN among the
#           numbers makes all of them 0, with a RuntimeWarning about a division; so does a sound that is silent to begin with.
# Matters:  generators make sounds that are too quiet, and sometimes a NaN. Pass normalize=False, which refuses numbers beyond 1,
#           and test for NaN before you play.
# Versions: ipython 9.18.1, numpy 2.4.6
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check ipython==9.18.1 numpy==2.4.6
"$work/env/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from IPython.display import Audio

loud = np.sin(0.3 * np.arange(8_000))
same = Audio(loud, rate=8_000).data == Audio(0.01 * loud, rate=8_000).data
differ = Audio(loud, rate=8_000, normalize=False).data != Audio(0.01 * loud, rate=8_000, normalize=False).data
broken = loud.copy()
broken[5] = np.nan
silent = not np.frombuffer(Audio(broken, rate=8_000).data[44:], "<i2").any()
print(f"a hundredth as loud gives the same bytes: {same}; with normalize=False: {not differ}")
print(f"one NaN makes all 8,000 numbers 0: {silent}")
assert same and differ and silent
PYTHON
