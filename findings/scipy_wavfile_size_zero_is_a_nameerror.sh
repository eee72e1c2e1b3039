#!/usr/bin/env bash
# A WAV file whose header says length 0 ends in a Python error about a variable called fs
#
# Guess:    a WAV file that was written to a pipe, with 0 where the length belongs, is read to its end or refused in words.
# Happens:  with scipy 1.17.1 wavfile.read leaves its loop before the first chunk and raises UnboundLocalError: "cannot access local
#           variable 'fs'". With 0xFFFFFFFF there instead it reads everything, and warns that the file is cut off.
# Matters:  recorders that stop early leave a 0 there, and programs that write to a pipe one of both. Whoever catches ValueError for
#           "no WAV file" does not catch this: catch Exception around wavfile.read, and give the reason yourself.
# Versions: scipy 1.17.1, numpy 2.4.6
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
"$work/env/bin/python" - <<'PYTHON'
import io, struct, warnings
import numpy as np
from scipy.io import wavfile

stream = io.BytesIO()
wavfile.write(stream, 8_000, np.arange(100, dtype=np.int16))
whole, seen = stream.getvalue(), {}
for size in (0, 2**32 - 1):
    said = struct.pack("<I", size)
    payload = whole[:4] + said + whole[8:40] + said + whole[44:]
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            seen[size] = len(wavfile.read(io.BytesIO(payload))[1])
        except Exception as error:
            seen[size] = type(error).__name__
    print(f"length {size}: {seen[size]}, warnings: {[str(one.message)[:60] for one in warned]}")
assert seen[0] == "UnboundLocalError" and seen[2**32 - 1] == 100
PYTHON
