"""The rules that every notebook keeps, each a function that yields what it finds wrong.

They check the form that readers rely on; whether the text is right is for tests, asserts in the
notebooks, and people. ``tools/notebooks.py lint`` applies them.

How words and lines are counted is said in ``tools/reading_time.py``.
"""

from __future__ import annotations

import ast
import itertools
import json
import re
import symtable
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.validator import iter_validate

from claim_cells import statements
from course import BADGE_MARK, CONTENTS, SETUP_ID, Course
from reading_time import (
    LEEWAY,
    MAX_CORE_MINUTES,
    MAX_CORE_WORDS,
    MAX_OPENING_MINUTES,
    OPENING,
    lengths,
    line_count,
    without_code,
    words,
    wrongly_tagged,
)

MAX_BYTES = 400_000
MAX_BYTES_IN_ALL = 9_000_000
MAX_CODE_LINES, MAX_CLASS_LINES, MAX_WORDS = 25, 40, 150

PLAN = re.compile(r"Plan (\d+) minutes")

NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
"""All that a stored notebook says about the machine it ran on: nothing."""

_CELL_METADATA = {"tags", "jupyter", "cellView"}
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_UNTESTED_TAGS = {"nbval-skip", "raises-exception", "skip-execution"}
MACHINE_PATH = re.compile(
    r"(?<![\w.:/~-])/(?:home|Users|root|tmp|private|var|opt|usr|mnt|srv|work)/[\w.-]+|\b[A-Za-z]:\\+(?:Users|Windows)\b"
)
_MEMORY_ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}", re.IGNORECASE)


@dataclass(frozen=True)
class Page:
    """One notebook of a course, as the rules see it."""

    path: Path
    node: NotebookNode
    course: Course

    @property
    def cells(self) -> list[NotebookNode]:
        return self.node.cells

    @property
    def code(self) -> list[tuple[int, NotebookNode]]:
        return [(i, cell) for i, cell in enumerate(self.cells) if cell.cell_type == "code"]

    @property
    def text(self) -> list[tuple[int, NotebookNode]]:
        return [(i, cell) for i, cell in enumerate(self.cells) if cell.cell_type == "markdown"]

    def where(self, i: int) -> str:
        return f"cell {i} ({self.cells[i].get('id', 'no id')})"


Rule = Callable[[Page], Iterator[str]]


def read(path: Path, course: Course) -> Page:
    """Read a notebook as it is: ``nbformat.read`` would mend, and so hide, what is wrong with it.

    Raises:
        ValueError: the file is no notebook of format 4.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or content.get("nbformat") != 4 or not isinstance(content.get("cells"), list):
        raise ValueError("is no notebook of format 4")
    return Page(path, nbformat.v4.to_notebook(content), course)


def lint(page: Page, *, outputs: bool = True) -> list[str]:
    """Return every problem of one notebook, in words; an empty list if there is none.

    Args:
        page: the notebook.
        outputs: also check what was stored when it ran.
    """
    rules = SOURCE_RULES + (OUTPUT_RULES if outputs else ())
    return [problem for rule in rules for problem in rule(page)]


def lint_course(course: Course) -> Iterator[str]:
    """Yield what is wrong with the notebooks taken together: numbers, the pages that list them, total size."""
    names = [path.name for path in course.notebooks]
    for i, name in enumerate(names):
        if not re.fullmatch(r"\d\d_[a-z0-9_]+\.ipynb", name):
            yield f"notebooks/{name}: a notebook is named NN_words_in_small_letters.ipynb"
        elif i == 0 and name[:2] != "00":
            yield f"notebooks/{name}: its number should be 00, where the course starts"
        elif i > 0 and name[:2] == names[i - 1][:2]:
            yield f"notebooks/{name}: {names[i - 1]} has this number too"
    numbers = [number for number, *_ in course.contents]
    if numbers != [name[:2] for name in names]:
        yield f"{CONTENTS}: lists the notebooks {numbers}, but there are {[name[:2] for name in names]}"
    else:
        yield from _readme(course)
        yield from _plans(course)
    total = sum(path.stat().st_size for path in course.notebooks)
    if total > MAX_BYTES_IN_ALL:
        yield f"notebooks/: {total:,} bytes in all, more than {MAX_BYTES_IN_ALL:,}"


def _readme(course: Course) -> Iterator[str]:
    """Hold README's table to the list of notebooks, and its minutes to what each notebook says."""
    readme = (course.root / "README.md").read_text(encoding="utf-8")
    table = re.findall(
        r"^\| *(\d\d) *\| *\[(.*?)\]\(notebooks/([^)\s]+\.ipynb)\) *\|.*\| *([^|]+?) *\|$", readme, flags=re.MULTILINE
    )
    rows = [row[:3] for row in table]
    wanted = [
        (number, title, path.name) for (number, title, _), path in zip(course.contents, course.notebooks, strict=True)
    ]
    if rows != wanted:
        odd = next(pair for pair in itertools.zip_longest(wanted, rows) if pair[0] != pair[1])
        yield f"README.md: the table should have the row {odd[0]}, as {CONTENTS} has it, but has {odd[1]}"
        return
    for (number, *_, minutes), path in zip(table, course.notebooks, strict=True):
        said = PLAN.search(path.read_text(encoding="utf-8"))
        if said is None or minutes != said[1]:
            says = said[0] if said else "no 'Plan ... minutes'"
            yield f"README.md: notebook {number} takes {minutes} minutes, but it says itself: {says}"


def _plans(course: Course) -> Iterator[str]:
    """See that each plan for teachers has every notebook."""
    text = (course.root / "docs" / "teaching.md").read_text(encoding="utf-8")
    for plan in ("Ten lectures", "Seven workshops"):
        body = text.partition(f"\n## {plan}\n")[2].partition("\n## ")[0]
        rows = "\n".join(line for line in body.splitlines() if line.startswith("|"))
        if missing := [number for number, *_ in course.contents if f"**{number}**" not in rows]:
            yield f"docs/teaching.md: the plan {plan!r} has no row for {', '.join(missing)}"


# ---------------------------------------------------------------- form


def _valid(page: Page) -> Iterator[str]:
    if (page.node.nbformat, page.node.nbformat_minor) < (4, 5):
        yield "the format should be 4.5 or newer, which gives cells stable ids"
    ids = [cell.get("id") for cell in page.cells]
    for i, cell in enumerate(page.cells):
        if not cell.get("id") or ids.count(cell.id) > 1:
            yield f"{page.where(i)}: ids must be there and unique"
        if not cell.source.strip():
            yield f"{page.where(i)}: is empty"
        if cell.cell_type not in ("code", "markdown"):
            yield f"{page.where(i)}: is a {cell.cell_type} cell"
    for error in itertools.islice(iter_validate(page.node), 1):  # nbformat.validate would mend duplicate ids
        yield f"is no valid notebook: {str(error).splitlines()[0]}"


def _metadata(page: Page) -> Iterator[str]:
    if page.node.metadata != NOTEBOOK_METADATA:
        extra = sorted(set(page.node.metadata) - set(NOTEBOOK_METADATA)) or "kernelspec or language_info"
        yield f"the notebook's metadata are not the standard ones (see {extra}); `execute` writes them"
    for i, cell in enumerate(page.cells):
        if unknown := sorted(set(cell.metadata) - _CELL_METADATA):
            yield f"{page.where(i)}: metadata {unknown} should not be stored"
        if untested := sorted(_UNTESTED_TAGS & set(_tags(cell))):
            yield f"{page.where(i)}: the tag {untested[0]!r} would hide the cell from the test"


def _opening(page: Page) -> Iterator[str]:
    if not page.cells or page.cells[0].cell_type != "markdown":
        yield "the first cell should be text with the title"
        return
    number = page.path.name[:2]
    title = next((f"# {number} · {title}" for listed, title, _ in page.course.contents if listed == number), None)
    if title is None:
        yield f"{CONTENTS}: its list has no notebook {number}"
    elif page.cells[0].source.partition("\n")[0] != title:
        yield f"{page.where(0)}: should start with the title {title!r}, as {CONTENTS} has it"
    badges = [line for line in page.cells[0].source.splitlines() if BADGE_MARK in line]
    if badges != [page.course.badge(page.path.name)]:
        yield f"{page.where(0)}: the Colab badge is missing or does not open this file; run `make stamp`"
    if not page.code:
        yield "there is no code"
        return
    i, first = page.code[0]
    if first.get("id") != SETUP_ID:
        yield f"{page.where(i)}: the first code cell should be the set-up cell; run `make stamp`"
    elif first.source != page.course.setup_source or first.metadata.get("cellView") != "form":
        yield f"{page.where(i)}: differs from the set-up cell of the other notebooks; run `make stamp`"


def _headings(page: Page) -> Iterator[str]:
    before, titles = 0, 0
    for i, cell in page.text:
        for line in without_code(cell.source).splitlines():
            if not (match := re.match(r"(#{1,6})\s+(.*)", line)):
                continue
            level = len(match[1])
            titles += level == 1
            if level > before + 1:
                yield f"{page.where(i)}: the heading {match[2]!r} jumps from level {before} to level {level}"
            before = level
    if titles != 1:
        yield f"there should be one title ('# ...'), found {titles}"


def _lengths(page: Page) -> Iterator[str]:
    for i, cell in page.code:
        if cell.get("id") == SETUP_ID:
            continue
        lines = line_count(cell)
        has_class = re.search(r"^class ", cell.source, flags=re.MULTILINE)
        if lines > (MAX_CLASS_LINES if has_class else MAX_CODE_LINES):
            yield f"{page.where(i)}: {lines} lines of code; at most {MAX_CODE_LINES}, with a class {MAX_CLASS_LINES}"
    for i, cell in page.text:
        if (count := words(cell.source)) > MAX_WORDS:
            yield f"{page.where(i)}: {count} words; at most {MAX_WORDS}"


def _reading_time(page: Page) -> Iterator[str]:
    """Hold the core to its limits, tags to headings, and the minutes that a page promises to what the core comes to."""
    for i, deeper in wrongly_tagged(page.cells):
        need = (
            "is under a heading 'Deeper', so it needs the tag"
            if deeper
            else "is under no heading 'Deeper', but has the tag"
        )
        yield f"{page.where(i)}: {need} 'deeper'"
    number = page.path.name[:2]
    core, _ = lengths(page.cells, number)
    if core.words > MAX_CORE_WORDS:
        yield f"its core has {core.words:,} words; at most {MAX_CORE_WORDS:,}"
    most = MAX_OPENING_MINUTES if number == OPENING else MAX_CORE_MINUTES
    if core.minutes > most * (1 + LEEWAY / 3):
        yield f"its core takes {core.minutes:.0f} minutes; at most {most}"
    said = PLAN.search("\n".join(cell.source for _, cell in page.text))
    if said and not (1 - LEEWAY) * core.minutes <= int(said[1]) <= (1 + LEEWAY) * core.minutes:
        yield f"promises {said[1]} minutes; the core comes to {core.minutes:.0f}"


def _links(page: Page) -> Iterator[str]:
    for i, cell in page.text:
        text = without_code(cell.source)
        if re.search(r"!\[\s*\][(\[]", text) or any(
            not re.search(r"\balt\s*=\s*[\"'][^\"']", tag) for tag in re.findall(r"<img\b[^>]*>", text)
        ):
            yield f"{page.where(i)}: an image has no alternative text"
        for alternative in re.findall(r"!\[\s*([^\]]*\S)\s*\][(\[]", text):
            if words(alternative) < 3:
                yield f"{page.where(i)}: the alternative text {alternative!r} does not say what the image shows"
        targets = re.findall(r"\]\(([^)\s]+)", text) + re.findall(
            r"<(?:img|a)\b[^>]*(?:src|href)\s*=\s*[\"']([^\"']+)", text
        )
        for target in targets:
            if re.match(r"[a-z]+:", target) or target.startswith("#"):
                continue
            if target.startswith("/") or not (page.path.parent / target.partition("#")[0]).exists():
                yield f"{page.where(i)}: the link {target!r} leads nowhere"
        if text.count("<details") != text.count("</details>"):
            yield f"{page.where(i)}: <details> and </details> do not match"


# ---------------------------------------------------------------- exercises


@dataclass(frozen=True)
class _Check:
    """A call of a checker in a code cell."""

    module: str
    name: str
    answers: tuple[str, ...]
    strict: bool


def _exercises(page: Page) -> Iterator[str]:
    solutions = {i for i, cell in page.code if "solution" in _tags(cell)}
    for i, cell in page.code:
        checks = _checks(cell.source)
        hidden = cell.metadata.get("jupyter", {}).get("source_hidden") is True
        if i in solutions:
            if not hidden or cell.metadata.get("cellView") != "form":
                yield f"{page.where(i)}: a solution is stored collapsed (jupyter.source_hidden and cellView: form)"
            yield from _solution(page, i, checks)
        elif any(check.strict for check in checks):
            yield f"{page.where(i)}: checks with strict=True but has no tag 'solution'"
        elif checks and _has_stub(cell.source) and i + 1 not in solutions:
            yield f"{page.where(i)}: is an exercise, so the next cell should be its solution"
        for check in checks:
            if check.module != f"nb{page.path.name[:2]}":
                yield f"{page.where(i)}: calls a checker of another notebook, {check.module}.{check.name}"


def _solution(page: Page, i: int, checks: list[_Check]) -> Iterator[str]:
    """Check that cell ``i`` ends an exercise: task with hints, stub with checker, this, what it teaches."""
    around = [page.cells[k] if 0 <= k < len(page.cells) else None for k in (i - 2, i - 1, i + 1)]
    if [cell and cell.cell_type for cell in around] != ["markdown", "code", "markdown"]:
        yield f"{page.where(i)}: an exercise is four cells: task (text), stub (code), solution (code), afterword (text)"
        return
    task, stub, _ = around
    if "<details" not in task.source:
        yield f"{page.where(i - 2)}: the task has no hints in <details>"
    stub_checks = [check for check in _checks(stub.source) if not check.strict]
    strict = {(check.module, check.name) for check in checks if check.strict}
    if not strict or strict != {(check.module, check.name) for check in stub_checks}:
        yield f"{page.where(i)}: should end with the stub's checker and strict=True"
    learners = {name for check in stub_checks for name in check.answers}
    bound = _bound(page.cells[i].source)
    for name in sorted(learners):
        if f"solution_{name}" not in bound:
            yield f"{page.where(i)}: should bind solution_{name}"
        if name in bound:
            yield f"{page.where(i)}: binds the learner's name {name!r}"
        for k, cell in page.code:
            if k >= i and name in _bound(cell.source):
                break
            if k >= i and name in _loaded(cell.source):
                yield f"{page.where(k)}: uses the learner's {name!r}, which may still be a stub"
                break


def parse(source: str) -> ast.Module:
    """Parse a code cell; IPython's magics become ``pass``. A cell that is no Python is empty."""
    plain = re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.MULTILINE)
    try:
        return ast.parse(textwrap.dedent(plain))
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def _checks(source: str) -> list[_Check]:
    found = []
    for node in ast.walk(parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner = node.func.value
        module = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
        if re.fullmatch(r"nb\d\d", module):
            answers = tuple(argument.id for argument in node.args if isinstance(argument, ast.Name))
            strict = any(k.arg == "strict" and getattr(k.value, "value", None) is True for k in node.keywords)
            found.append(_Check(module, node.func.attr, answers, strict))
    return found


def _has_stub(source: str) -> bool:
    return any(isinstance(node, ast.Constant) and node.value is ... for node in ast.walk(parse(source)))


def _bound(source: str) -> set[str]:
    """Collect the names that a cell binds at its top level, imports aside."""
    names = set()
    stack: list[ast.AST] = list(parse(source).body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif not isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            stack.extend(ast.iter_child_nodes(node))
    return names


def _loaded(source: str) -> set[str]:
    return {n.id for n in ast.walk(parse(source)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


# ---------------------------------------------------------------- claims


def _claims(page: Page) -> Iterator[str]:
    """Check where claims stand: folded, after words that read what they speak of, and summed up in the last cell."""
    number, names = page.path.name[:2], []
    for i, cell in page.code:
        tree, tags = parse(cell.source), _tags(cell)
        if any(isinstance(node, ast.Assert) for node in ast.walk(tree)) and not {"parity", "solution"} & set(tags):
            yield f"{page.where(i)}: an assert in sight; state a claim, or tag the cell 'parity' if that is its lesson"
        numbers = [call.args[0].value for call in _claim_calls(tree) if call.args and hasattr(call.args[0], "value")]
        if wrong := sorted(set(numbers) - {number}):
            yield f"{page.where(i)}: states claims of notebook {wrong[0]}"
        try:
            names += [(said.name, i) for said in statements(tree)]
        except ValueError as problem:
            yield f"{page.where(i)}: {problem}"
        if not numbers:
            continue
        folded = (
            cell.metadata.get("jupyter", {}).get("source_hidden") is True and cell.metadata.get("cellView") == "form"
        )
        if "claims" not in tags or not folded:
            yield f"{page.where(i)}: claims are stated folded (tag 'claims', jupyter.source_hidden, cellView: form)"
        before = page.cells[i - 1]
        if "claims.check(" in cell.source and (
            before.cell_type != "markdown" or re.search(r"\*\*Predict", before.source)
        ):
            yield f"{page.where(i)}: claims come after the text that reads what they are about, and give no answer away"
    for name, i in names:
        if [other for other, _ in names].count(name) > 1:
            yield f"{page.where(i)}: the name {name!r} stands for two claims"
    if not page.cells or page.cells[-1].source != f'claims.close("{number}")':
        yield f'the last cell should be claims.close("{number}")'


def _leans_on_claims(page: Page) -> Iterator[str]:
    """Check that whoever skips the folded claims can run all other cells."""
    claims_only: set[str] = set()
    others: set[str] = set()
    for i, cell in page.code:
        if "claims" in _tags(cell):
            claims_only |= _bound(cell.source) - others
            continue
        if missing := sorted(_needed(cell.source) & claims_only):
            yield f"{page.where(i)}: uses {missing[0]!r}, which only folded claims bind"
        others |= _bound(cell.source)
        claims_only -= others


def _needed(source: str) -> set[str]:
    """Collect the names that a cell reads and does not bind itself, arguments and comprehensions aside."""
    names, bound = set(), _bound(source)
    tables = [symtable.symtable(ast.unparse(parse(source)), "cell", "exec")]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        outer = table.get_type() == "module"
        names |= {s.get_name() for s in table.get_symbols() if s.is_referenced() and (outer or s.is_global())}
    return names - bound


def _claim_calls(tree: ast.Module) -> list[ast.Call]:
    """Find ``claims.check(...)`` and ``claims.close(...)``."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    return [call for call in calls if ast.unparse(call.func) in ("claims.check", "claims.close")]


# ---------------------------------------------------------------- what was stored


def _executed(page: Page) -> Iterator[str]:
    counts = [cell.execution_count for _, cell in page.code]
    if counts != list(range(1, len(counts) + 1)):
        yield "was not executed top to bottom from a clean kernel; run `make execute`"


def _outputs(page: Page) -> Iterator[str]:
    for i, cell in page.code:
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"{page.where(i)}: stores an error output ({output.ename})"
            if output.get("name") == "stderr":
                yield f"{page.where(i)}: stores a warning or an error stream: {_start(output.text)}"
            if _WIDGET_VIEW in output.get("data", {}) and "image/png" not in output.data:
                yield f"{page.where(i)}: a widget without a picture beside it shows nothing on GitHub"
            for text in _texts(output):
                if match := MACHINE_PATH.search(text):
                    yield f"{page.where(i)}: its output names a path of the machine, {match[0]}"
                if match := _MEMORY_ADDRESS.search(text):
                    yield f"{page.where(i)}: its output shows a memory address, {match[0]}"
        for check in _checks(cell.source):
            said = "".join(text for output in cell.outputs for text in _texts(output))
            if not check.strict and _has_stub(cell.source) and ": correct" in said:
                yield f"{page.where(i)}: is stored solved"


def _figures(page: Page) -> Iterator[str]:
    waiting: int | None = None
    for i, cell in enumerate(page.cells):
        if cell.cell_type == "markdown":
            if waiting is not None and cell.source.lstrip().startswith("#"):
                break  # the next section has begun
            waiting = None
        elif cell.cell_type == "code" and any("image/png" in output.get("data", {}) for output in cell.outputs):
            if waiting is not None:
                break
            waiting = i
    if waiting is not None:
        yield f"{page.where(waiting)}: the figure is not followed by words that read it"


def _size(page: Page) -> Iterator[str]:
    if (size := len(to_text(page.node).encode())) > MAX_BYTES:
        yield f"{size:,} bytes, more than {MAX_BYTES:,}"


SOURCE_RULES: tuple[Rule, ...] = (
    _valid,
    _metadata,
    _opening,
    _headings,
    _lengths,
    _reading_time,
    _links,
    _exercises,
    _claims,
    _leans_on_claims,
)
STORED_RULES: tuple[Rule, ...] = (_executed, _outputs, _size)
OUTPUT_RULES: tuple[Rule, ...] = (*STORED_RULES, _figures)


# ---------------------------------------------------------------- helpers


def to_text(node: NotebookNode) -> str:
    """Return the file's content, always written in the same way."""
    return nbformat.v4.writes(node).rstrip("\n") + "\n"


def _tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def _texts(output: NotebookNode) -> Iterator[str]:
    if "text" in output:
        yield output.text
    for kind, value in output.get("data", {}).items():
        if kind.startswith("text/") and isinstance(value, str):
            yield value


def _start(text: Any) -> str:
    return repr(str(text).strip()[:80])
