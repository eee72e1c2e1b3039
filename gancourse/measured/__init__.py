"""Long measurements that were made by a command and stored, so that a notebook can show them at once.

Each is a JSON file beside this module, written by ``python tools/tables.py NAME``, with the date, the versions, the
machine, the seeds and the steps it was made with. A notebook that shows one says so, and trains a
smaller version live.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

__all__ = ["load", "names", "origin"]


def names() -> list[str]:
    """Return the names of the stored measurements."""
    return sorted(file.name.removesuffix(".json") for file in resources.files(__name__).iterdir()
                  if file.name.endswith(".json"))  # fmt: skip


def load(name: str) -> dict[str, Any]:
    """Return a stored measurement: its rows, and under "made" how it came about.

    Args:
        name: one of :func:`names`.
    Raises:
        ValueError: there is no such measurement.
    First met in: notebook 04.
    """
    if name not in names():
        raise ValueError(f"name must be one of {', '.join(names()) or '(none stored yet)'}, got {name!r}")
    return json.loads(resources.files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8"))


def origin(table: dict[str, Any]) -> str:
    """Say in one line when, with what and how long a measurement was made.

    Args:
        table: from :func:`load`.
    First met in: notebook 04.
    """
    made = table["made"]
    return (
        f"made on {made['date']} by `python tools/tables.py {made['command']}` with PyTorch {made['torch']} "
        f"on {made['machine']}, {made['threads']} thread(s), {made['cpu_seconds']:,.0f} s of CPU time"
    )
