"""What the site does to the course's pages while Sphinx reads them; the stored notebooks stay as they are."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

import site_head
from course import BADGE_MARK, SETUP_ID, Course

MATHJAX_FILES = ("tex-chtml.js", "output/chtml/fonts/woff-v2")


# ---------------------------------------------------------------- before a page is parsed


def read_source(app: Sphinx, docname: str, source: list[str]) -> None:
    """Prepare a page for the site."""
    course = _course(app)
    if not docname.startswith("notebooks/"):
        for name, text in {"address": course.address, "notebooks": table(course), "contents": contents(course)}.items():
            source[0] = source[0].replace("{{ " + name + " }}", text)
        source[0] = films_placed(numbers_linked(source[0], course), app.config.films)
    elif docname == "notebooks/glossary":
        source[0] = anchored(source[0])
    else:
        source[0] = json.dumps(prepared(json.loads(source[0]), Path(docname).name, course, app.config.films))


def numbers_linked(text: str, course: Course) -> str:
    """Make a link of each bold number of a notebook, such as ``**04**``; one that is planned stays bold."""
    pages = {path.name[:2]: f"notebooks/{path.name}" for path in course.notebooks}

    def link(match: re.Match[str]) -> str:
        return f"[{match[1]}]({pages[match[1]]})" if match[1] in pages else match[0]

    return re.sub(r"\*\*(\d\d)\*\*", link, text)


def anchored(glossary: str) -> str:
    """Turn each ``<a id="word"></a>word`` of a table into a span that other pages can link to."""
    return re.sub(r'<a id="([^"]+)"></a>\s*([^|]*?) \|', r"[\2]{#\1} |", glossary)


def films_placed(text: str, films: Sequence[str]) -> str:
    """Put a place for a film where a page says ``{{ film NAME }}``; nothing if it was not made."""
    return re.sub(r"\{\{ film ([\w-]+) \}\}", lambda match: _film(match[1], "films") if match[1] in films else "", text)


def _film(name: str, folder: str) -> str:
    return f'<div class="film" data-film="{name}" data-folder="{folder}/{name}/"></div>'


def panels_shown(cell: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the panels whose stills a cell of a notebook holds: the panel's name in an address, and the output."""
    found = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        said = re.search(r"\[panel '([^']+)': ", "".join(data.get("text/plain", "")))
        if said and "image/png" in data:
            found.append((said[1].replace(" ", "-"), output))
    return found


def prepared(notebook: dict[str, Any], name: str, course: Course, films: Sequence[str] = ()) -> dict[str, Any]:
    """Fold what is stored folded and the set-up cell; put two links in place of the badge, and films after stills."""
    colab = course.badge(f"{name}.ipynb").rpartition("](")[2].partition(")")[0]
    links = f"[Open in Colab]({colab}) · {{download}}`Download this notebook <{name}.ipynb>`"
    for cell in notebook["cells"]:
        for panel, output in panels_shown(cell):
            if panel in films:
                place = {"text/html": _film(panel, "../films")}
                at = cell["outputs"].index(output) + 1
                cell["outputs"].insert(at, {"output_type": "display_data", "data": place, "metadata": {}})
        if cell["cell_type"] == "markdown":
            text = "".join(cell["source"])
            text = text.replace("](../docs/", "](../")  # the site has the pages of docs/ at its top
            cell["source"] = re.sub(rf"^.*{BADGE_MARK}.*$", lambda _: links, text, flags=re.MULTILINE)
        elif "solution" in cell["metadata"].get("tags", []):
            _fold(cell, "Show the solution", "Hide the solution")
        elif "claims" in cell["metadata"].get("tags", []):
            _fold(cell, "Show the claims", "Hide the claims")
        elif cell["id"] == SETUP_ID:
            _fold(cell, "Show the set-up cell", "Hide the set-up cell")
        elif cell["metadata"].get("jupyter", {}).get("source_hidden"):
            _fold(cell, "Show the code", "Hide the code")
    return notebook


def _fold(cell: dict[str, Any], show: str, hide: str) -> None:
    cell["metadata"] = {
        "tags": [*cell["metadata"].get("tags", []), "hide-input"],
        "mystnb": {"code_prompt_show": show, "code_prompt_hide": hide},
    }


# ---------------------------------------------------------------- words linked where they are first met

Row = tuple[str, list[str], str]
"""A word of the glossary: its anchor, the forms it is written in, and the number of the notebook it is first met in."""


def rows(glossary: str) -> list[Row]:
    """Read the glossary's tables."""
    found = []
    for line in glossary.splitlines():
        if match := re.match(r'\| <a id="([^"]+)"></a>(.*?) \|.*\| (?:\[(\d\d)\]\([^)]*\)|(\d\d)) \|[^|]*\|$', line):
            anchor, words, linked, planned = match.groups()
            found.append((anchor, forms(words), linked or planned))
    return found


def forms(words: str) -> list[str]:
    """Return the forms of a glossary's word that can be looked for in a text.

    "discriminator, D" is looked for as "discriminator": one letter is too little to go by. What stands
    in brackets explains the word and is no form of it. A still is a picture, but "still" seldom is.
    """
    parts = re.split(r",\s*", re.sub(r"\s*[(\[].*?[)\]]", "", words).replace("`", ""))
    return [part for part in parts if len(part) > 1 and part != "still"]


def link_words(app: Sphinx, doctree: nodes.document) -> None:
    """Link each word to the glossary at its first use in the notebook where it is first met."""
    docname = app.env.docname
    if not (number := re.match(r"notebooks/(\d\d)_", docname)):
        return
    glossary = (_course(app).root / "notebooks" / "glossary.md").read_text(encoding="utf-8")
    for anchor, words, first in rows(glossary):
        if first == number[1]:
            _link(doctree, anchor, words)


def _link(doctree: nodes.document, anchor: str, words: list[str]) -> bool:
    for word in words:
        pattern = re.compile(rf"(?<![\w-]){re.escape(word)}(?:s|es)?(?![\w-])", flags=re.IGNORECASE)
        for text in doctree.findall(nodes.Text):
            if _is_plain(text) and (match := pattern.search(str(text))):
                reference = nodes.reference("", match[0], refuri=f"glossary.html#{anchor}", internal=True)
                reference["classes"] = ["glossary-word"]
                before, after = str(text)[: match.start()], str(text)[match.end() :]
                new = [nodes.Text(before), reference, nodes.Text(after)]
                text.parent.replace(text, [node for node in new if node.astext()])
                return True
    return False


def _is_plain(text: nodes.Text) -> bool:
    """Tell whether a text may hold a link: a sentence or a word in it, but no heading, link, formula or output."""
    node: Any = text.parent
    while node is not None and not isinstance(node, nodes.section | nodes.document):
        if isinstance(node, nodes.title | nodes.reference | nodes.math | nodes.literal_block | nodes.raw):
            return False
        if "cell_output" in node.get("classes", []):
            return False
        node = node.parent
    return True


# ---------------------------------------------------------------- docstrings


def plain_docstring(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Make of a docstring, which is written to be read as it stands, what Sphinx reads in the same way.

    Indented examples stay as they are, tables of vertical bars become tables, bars elsewhere are bars,
    and the lines "Source:" and "First met in:" are paragraphs of their own.
    """
    if lines and lines[0].startswith("Alias for field number"):
        lines.clear()  # what Python says of every field of a named tuple
    made: list[str] = []
    literal, closing, returns = False, False, ""
    for line in lines:
        text = line.strip()
        indented = line.startswith("    ")
        if line == "Returns:":
            returns = ":returns:"
            continue
        if returns and indented:  # as a field: napoleon would take what stands before a colon for a type
            made.append(f"{returns} {_bars(text)}")
            returns = "   "
            continue
        returns = ""
        if literal and (indented or not text):
            made.append(line)
            continue
        literal = False
        if indented and made and not made[-1].strip() and (k := _last(made)) is not None and made[k].endswith(":"):
            literal, made[k] = True, made[k] + ":"
            made.append(line)
        elif re.match(r"\|[\s:|-]+\|$", text):
            made[-1:] = [".. list-table::", "   :header-rows: 1", "", *_table_row(made[-1])]
        elif text.startswith("|") and made and made[-1].startswith("     - "):
            made += _table_row(line)
        elif re.match(r"(Source|First met in): ", line):
            made += ["", line]
            closing = True
        elif text.startswith("|"):
            made.append(line)  # the head of a table: the next line says so
        else:
            made.append(_bars(text if closing and indented else line))
            closing = closing and indented
    lines[:] = made


def _last(lines: list[str]) -> int | None:
    return next((k for k in range(len(lines) - 1, -1, -1) if lines[k].strip()), None)


def _table_row(line: str) -> list[str]:
    cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
    return [f"   {'* -' if k == 0 else '  -'} {cell}" for k, cell in enumerate(cells)]


def _bars(line: str) -> str:
    parts = re.split(r"(``.*?``|`[^`]*`)", line)
    return "".join(part if k % 2 else part.replace("|", r"\|") for k, part in enumerate(parts))


# ---------------------------------------------------------------- after a page was parsed


def describe_figures(app: Sphinx, doctree: nodes.document) -> None:
    """Give each stored figure a text for those who cannot see it: where it stands and that words follow."""
    for image in doctree.findall(nodes.image):
        if image.get("alt"):
            continue
        section: Any = image
        while section is not None and not isinstance(section, nodes.section):
            section = section.parent
        title = next(iter(section.findall(nodes.title)), None) if section is not None else None
        image["alt"] = f"Figure of “{title.astext()}”; the text below reads it." if title else "Figure"


def fold_deeper(app: Sphinx, doctree: nodes.document) -> None:
    """Fold what follows a heading of a notebook that begins with "Deeper"; the heading itself stays in sight."""
    if not app.env.docname.startswith("notebooks/"):
        return
    for section in list(doctree.findall(nodes.section)):
        title = section.next_node(nodes.title)
        if title is None or title.parent is not section or not re.match(r"Deeper\b", title.astext()):
            continue
        at = section.index(title) + 1
        summary = '<details class="deeper"><summary>Show this part: it can be skipped without loss</summary>'
        section.insert(at, nodes.raw("", summary, format="html"))
        section.append(nodes.raw("", "</details>", format="html"))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("mathjax_folder", "", "html", types=(str,))
    app.add_config_value("films", [], "env", types=(list,))
    app.connect("source-read", read_source)
    app.connect("doctree-read", describe_figures)
    app.connect("doctree-read", link_words)
    app.connect("doctree-read", fold_deeper)
    app.connect("autodoc-process-docstring", plain_docstring, priority=100)  # before napoleon reads it
    app.connect("html-page-context", site_head.add_metadata)
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def table(course: Course) -> str:
    """Return README's table of notebooks, with links that hold on the home page."""
    readme = (course.root / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^\| \| notebook .*?(?=\n\n)", readme, flags=re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError("README.md has no table that starts with '| | notebook'")
    return found[0].replace("| |", "| number |", 1)


def contents(course: Course) -> str:
    """Return the notebooks for the site's sidebar, part by part, from the list that the course's map is drawn from."""
    pages = {path.name[:2]: path.stem for path in course.notebooks}
    parts = dict.fromkeys(part for _, _, part in course.contents)
    trees = []
    for part in parts:
        entries = [f"notebooks/{pages[number]}" for number, _, of in course.contents if of == part]
        trees.append("\n".join(["```{toctree}", f":caption: {part}", ":hidden:", "", *entries, "```"]))
    return "\n\n".join(trees)


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Copy what formulas need, and nothing else, from the package that carries MathJax."""
    if error is not None or app.builder.format != "html":
        return
    for name in MATHJAX_FILES:
        file = Path(app.config.mathjax_folder) / name
        target = Path(app.outdir) / "_static" / "mathjax" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.is_dir():
            shutil.copytree(file, target)
        else:
            shutil.copy(file, target)


def _course(app: Sphinx) -> Course:
    return Course(Path(app.confdir).parent)
