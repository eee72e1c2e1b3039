"""How long a notebook takes to read: words, lines of code and exercises, made into minutes.

A notebook's *core* is what later notebooks lean on. Sections whose heading begins with "Deeper" can be
skipped without loss: their cells have the tag ``deeper``, and the site folds them.

The rates are fitted to ten notebooks that a careful reader walked through with the exercises done: all
come out within a fifth of the reader's minutes, seven within 15 %. The opening notebook, which has no
derivations, took two thirds of what they say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nbformat import NotebookNode

from course import SETUP_ID

WORDS_A_MINUTE, LINES_A_MINUTE, MINUTES_AN_EXERCISE = 65, 8, 5
MAX_CORE_WORDS, MAX_CORE_MINUTES = 3_200, 75
OPENING, OPENING_SHARE, MAX_OPENING_MINUTES = "00", 2 / 3, 45
LEEWAY = 0.15

DEEPER = "deeper"
_HEADING = re.compile(r"(#{1,6})\s+(.*)")


@dataclass(frozen=True)
class Length:
    """What there is to read.

    Args:
        words: words of text read from top to bottom.
        lines: lines of code in sight, blank ones and the set-up cell aside.
        exercises: how many there are to solve.
        share: what share of the fitted minutes it takes.
    """

    words: int
    lines: int
    exercises: int
    share: float = 1.0

    @property
    def minutes(self) -> float:
        read = self.words / WORDS_A_MINUTE + self.lines / LINES_A_MINUTE
        return self.share * (read + self.exercises * MINUTES_AN_EXERCISE)


def lengths(cells: Iterable[NotebookNode], number: str) -> tuple[Length, Length]:
    """Return the lengths of a notebook's core and of what is marked *Deeper*.

    Args:
        cells: all cells of the notebook.
        number: its number, such as "03".
    """
    deep: list[NotebookNode] = []
    core: list[NotebookNode] = []
    for cell in cells:
        (deep if is_deeper(cell) else core).append(cell)
    share = OPENING_SHARE if number == OPENING else 1.0
    return _length(core, share), _length(deep, share)


def _length(cells: list[NotebookNode], share: float) -> Length:
    code = [cell for cell in cells if cell.cell_type == "code"]
    return Length(
        words=sum(words(cell.source) for cell in cells if cell.cell_type == "markdown"),
        lines=sum(line_count(cell) for cell in code if not _folded(cell) and cell.get("id") != SETUP_ID),
        exercises=sum("solution" in cell.metadata.get("tags", []) for cell in code),
        share=share,
    )


def is_deeper(cell: NotebookNode) -> bool:
    return DEEPER in cell.metadata.get("tags", [])


def wrongly_tagged(cells: list[NotebookNode]) -> Iterator[tuple[int, bool]]:
    """Yield each cell whose tag does not fit the heading it is under, and whether it should have the tag."""
    level = 0  # of the Deeper heading that the cell is under; 0 if it is under none
    for i, cell in enumerate(cells):
        heading = _HEADING.match(cell.source) if cell.cell_type == "markdown" else None
        if heading and (not level or len(heading[1]) <= level):
            level = len(heading[1]) if re.match(r"Deeper\b", heading[2]) else 0
        if is_deeper(cell) != bool(level):
            yield i, bool(level)


def line_count(cell: NotebookNode) -> int:
    """Count the lines of a cell that are not blank."""
    return sum(bool(line.strip()) for line in cell.source.splitlines())


def _folded(cell: NotebookNode) -> bool:
    return cell.metadata.get("jupyter", {}).get("source_hidden") is True


def words(text: str) -> int:
    """Count the words of a text cell that are read from top to bottom.

    Tables are looked up, folded ``<details>`` are opened on demand, code is counted elsewhere: none of them counts.
    A formula is one word.
    """
    text = without_code(text)
    text = re.sub(r"<details.*?</details>", " ", text, flags=re.DOTALL)
    text = re.sub(r"^\s*\|.*$", " ", text, flags=re.MULTILINE)
    text = re.sub(r"\$\$.*?\$\$|\$[^$\n]+\$", " x ", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->|<[^>\n]+>", " ", text, flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)", " ", text)
    return len(re.findall(r"[^\W_](?:[\w'’.,-]*\w)?", text))


def without_code(text: str) -> str:
    """Leave out blocks of code, and put x for code in a line."""
    text = re.sub(r"^(```|~~~).*?^\1[ \t]*$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "x", text)
