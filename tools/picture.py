"""Write README's picture: the film strip that notebook 00 stored when it was last executed.

    python tools/picture.py

Nothing is drawn or chosen here: the picture is the stored output of the cell that trains, byte for
byte, so README shows what the notebook really learnt. A test compares the two.
"""

from __future__ import annotations

import base64
import json
import sys

from course import ROOT

NOTEBOOK = ROOT / "notebooks" / "00_start_here.ipynb"
CELL = "train"
PICTURE = ROOT / "notebooks" / "images" / "digits.png"


def stored_picture() -> bytes:
    """Return the one PNG among the stored outputs of the cell that trains.

    Raises:
        ValueError: there is not exactly one; execute the notebook first.
    """
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells if cell["id"] == CELL for output in cell.get("outputs", [])]
    found = [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    if len(found) != 1:
        raise ValueError(f"cell {CELL!r} of {NOTEBOOK.name} stores {len(found)} pictures, not 1; run `make execute`")
    return base64.b64decode("".join(found[0]))


def main() -> int:
    try:
        picture = stored_picture()
    except ValueError as problem:
        print(problem, file=sys.stderr)
        return 1
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_bytes(picture)
    print(f"{PICTURE.relative_to(ROOT)}: {len(picture):,} bytes, from {NOTEBOOK.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
