"""What the tools know about the course: where it lies, where it is published, its fixed cells."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BADGE_MARK = "<!-- badge -->"
SETUP_ID = "setup"
ROUNDED = 1e-3  # a claim's value so near to the recorded one of the same run, relative to it, is the same
CONTENTS = "gancourse/plotting/course.py"

_SETUP_SOURCE = """\
# @title Set-up: run this cell first
import importlib.util

if importlib.util.find_spec("gancourse") is None:  # true on a fresh Colab machine
    %pip install -q "gancourse @ git+{address}@main"

from gancourse import runtime

device = runtime.setup()"""


@dataclass(frozen=True)
class Course:
    """A checkout of the course.

    Args:
        root: the folder with pyproject.toml, README.md, gancourse/ and notebooks/.
    """

    root: Path

    @cached_property
    def address(self) -> str:
        """The address of the repository, from the one place that knows it: pyproject.toml."""
        settings = tomllib.loads((self.root / "pyproject.toml").read_text(encoding="utf-8"))
        address = settings["project"]["urls"]["Repository"].removesuffix("/").removesuffix(".git")
        if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
            raise ValueError(f"Repository in pyproject.toml must be https://github.com/OWNER/NAME, got {address!r}")
        return address

    @property
    def notebooks(self) -> list[Path]:
        """All notebooks, in reading order."""
        return sorted((self.root / "notebooks").glob("*.ipynb"))

    @cached_property
    def contents(self) -> tuple[tuple[str, str, str], ...]:
        """Number, title and part of each notebook: the one list of them, which the map of the course is drawn from.

        Read as text, because the hook that lints before a commit has no matplotlib to import it with.
        """
        for node in ast.parse((self.root / CONTENTS).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "NOTEBOOKS" and node.value:
                return ast.literal_eval(node.value)
        raise ValueError(f"{CONTENTS} has no list NOTEBOOKS")

    @property
    def setup_source(self) -> str:
        """The set-up cell, the same in every notebook."""
        return _SETUP_SOURCE.format(address=self.address)

    def badge(self, name: str) -> str:
        """Return the line that opens the notebook with this file name in Colab."""
        target = self.address.replace("https://github.com/", "https://colab.research.google.com/github/")
        picture = "https://colab.research.google.com/assets/colab-badge.svg"
        return f"[![Open this notebook in Colab]({picture})]({target}/blob/main/notebooks/{name}) {BADGE_MARK}"


def loads_images(path: Path) -> bool:
    """Tell whether a notebook imports a set of images or of sounds, or the ward: whether it matters what is at hand."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    loads = r"^from gancourse(\.data import .*\b(digits|sounds)| import .*\bward)\b"
    return any(re.search(loads, source, flags=re.MULTILINE) for source in sources)


def data_at_hand(path: Path, environment: Mapping[str, str]) -> str | None:
    """Tell on which of its sets a notebook runs here: the real one or what stands in for it; None: it loads none.

    Args:
        path: the notebook.
        environment: with "GANCOURSE_DATA" where real sets are at hand.
    """
    if not loads_images(path):
        return None
    folder, source = environment.get("GANCOURSE_DATA"), path.read_text(encoding="utf-8")
    if re.search(r"from gancourse\.data import [^\n]*\bsounds\b", source):
        spoken = bool(folder) and any((Path(folder) / name).exists() for name in ("fsdd", "fsdd.zip"))
        return "fsdd" if spoken else "instrument"
    return "mnist" if folder else "embedded"
