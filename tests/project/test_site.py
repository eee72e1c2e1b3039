"""The web site: built once from the stored notebooks, read as files and, where there is a Chromium, looked at in it."""

import base64
import contextlib
import dataclasses
import functools
import html.parser
import http.server
import importlib
import json
import os
import re
import sys
import threading
import types
from pathlib import Path
from urllib.parse import unquote

import docutils.core
import docutils.nodes
import pytest

import course_pages
import website
from course import BADGE_MARK, ROOT, Course
from gancourse.labs import ring, upsampling

COURSE = Course(ROOT)
NOTEBOOKS = {path.stem: path for path in COURSE.notebooks}
FILMED = {  # two small films; `make site` makes all of them
    "upsampling": upsampling.FILMS[0],
    "ring": dataclasses.replace(ring.FILMS[0], frames=4, steps=2, values={"0.001": 1e-3, "0.01": 1e-2}),
}
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


# ---------------------------------------------------------------- small pieces


def test_a_glossary_s_anchor_becomes_a_span_that_can_be_linked():
    made = course_pages.anchored('| <a id="kl-divergence"></a>KL divergence | a number | 01 | KL 散度 |')
    assert made == "| [KL divergence]{#kl-divergence} | a number | 01 | KL 散度 |"


@pytest.mark.parametrize(
    "words, forms",
    [
        ("discriminator, D", ["discriminator"]),
        ("latent dimension, `latent_dim`", ["latent dimension", "latent_dim"]),
        ("divergence (of a run)", ["divergence"]),
        ("range [−1, 1]", ["range"]),
        ("still", []),  # nearly always the adverb
    ],
)
def test_the_forms_of_a_word(words, forms):
    assert course_pages.forms(words) == forms


def test_rows_of_the_glossary_are_read_with_the_notebook_they_belong_to():
    rows = course_pages.rows(
        "| word | in one sentence | first met | 中文 |\n|---|---|---|---|\n"
        '| <a id="gan"></a>GAN | two networks, see [00](00_x.ipynb) | [01](01_y.ipynb) | 网络 |\n'
        '| <a id="dcgan"></a>DCGAN | the pair | 07 | 卷积 |\n'
    )
    assert rows == [("gan", ["GAN"], "01"), ("dcgan", ["DCGAN"], "07")]


def test_a_page_links_notebooks_that_exist_and_names_planned_ones(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "04_collapse.ipynb").touch()
    made = course_pages.numbers_linked("See **04** and **07**.", Course(tmp_path))
    assert made == "See [04](notebooks/04_collapse.ipynb) and **07**."


def test_a_notebook_is_prepared_with_its_own_links_and_folded_cells():
    node = {
        "cells": [
            {
                "cell_type": "markdown",
                "id": "a",
                "metadata": {},
                "source": [f"# T\n\n[x](y) {BADGE_MARK}\n", "\nMore."],
            },
            {"cell_type": "code", "id": "setup", "metadata": {"cellView": "form"}, "source": "1"},
            {"cell_type": "code", "id": "b", "metadata": {}, "source": "2"},
            {"cell_type": "code", "id": "c", "metadata": {"tags": ["solution"]}, "source": "3"},
            {"cell_type": "code", "id": "d", "metadata": {"tags": ["claims"]}, "source": "4"},
        ]
    }
    text, setup, plain, solution, claims = course_pages.prepared(node, "04_x", COURSE)["cells"]
    owner = COURSE.address.removeprefix("https://github.com/")
    assert f"(https://colab.research.google.com/github/{owner}/blob/main/notebooks/04_x.ipynb)" in text["source"]
    assert "<04_x.ipynb>" in text["source"] and BADGE_MARK not in text["source"] and text["source"].endswith("More.")
    assert setup["metadata"]["tags"] == ["hide-input"] and plain["metadata"] == {}
    assert solution["metadata"]["tags"] == ["solution", "hide-input"]
    assert claims["metadata"]["tags"] == ["claims", "hide-input"]


def test_docstrings_keep_their_meaning():
    lines = [
        "Two |x| and ``a | b``:",
        "",
        "    name    |x|",
        "",
        "| set | images |",
        "|---|---|",
        "| one | :func:`load` |",
        "",
        "Returns:",
        "    A tensor (shape: N),",
        "    or none.",
        "Source: somebody (2018), who",
        "    says so.",
        "First met in: notebook 01.",
    ]
    course_pages.plain_docstring(None, "module", "x", None, None, lines)
    assert lines == [
        "Two \\|x\\| and ``a | b``::",
        "",
        "    name    |x|",
        "",
        ".. list-table::",
        "   :header-rows: 1",
        "",
        "   * - set",
        "     - images",
        "   * - one",
        "     - :func:`load`",
        "",
        ":returns: A tensor (shape: N),",
        "    or none.",
        "",
        "Source: somebody (2018), who",
        "says so.",
        "",
        "First met in: notebook 01.",
    ]


def document(text):
    """What docutils makes of nested headings, each with a paragraph."""
    return docutils.core.publish_doctree(text, settings_overrides={"report_level": 5})


def test_what_is_deeper_is_folded_under_its_heading_and_nothing_else():
    text = (
        "Title\n=====\n\n1 · Core\n--------\n\nCore.\n\nDeeper · Why\n------------\n\nWhy.\n\n2 · Deeper\n----------\n"
    )
    made = document(text)
    app = types.SimpleNamespace(env=types.SimpleNamespace(docname="notebooks/05_x"))
    course_pages.fold_deeper(app, made)
    section = next(s for s in made.findall(docutils.nodes.section) if s[0].astext() == "Deeper · Why")
    kinds = [(type(child).__name__, child.astext()[:8]) for child in section]
    assert kinds == [("title", "Deeper ·"), ("raw", "<details"), ("paragraph", "Why."), ("raw", "</detail")]
    assert len(list(made.findall(docutils.nodes.raw))) == 2
    other = document(text)
    app.env.docname = "docs/teaching"
    course_pages.fold_deeper(app, other)
    assert not list(other.findall(docutils.nodes.raw))


# ---------------------------------------------------------------- the built site, as files


class Reader(html.parser.HTMLParser):
    """What the tests want to know of a page."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.images, self.formulas, self.folded = set(), [], [], [], []
        self.outputs, self.text, self.stack, self.deeper = [], "", [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        classes = (attrs.get("class") or "").split()
        if tag not in VOID:
            self.stack.append((tag, classes))
        self.ids |= {attrs[key] for key in ("id", "name") if attrs.get(key)}
        self.links += [attrs[key] for key in ("href", "src") if attrs.get(key)]
        if "math" in classes:
            self.formulas.append("")
        if tag == "details" and "hide" in classes:
            self.folded.append("open" not in attrs)
        if tag == "details" and "deeper" in classes:
            self.deeper.append("open" not in attrs)
        if "cell_output" in classes:
            self.outputs.append([])
        if tag == "img" and self.within("cell_output"):
            self.images.append(attrs)
        if self.outputs and self.within("cell_output"):
            self.outputs[-1].append(tag)

    def handle_endtag(self, tag):
        while self.stack and tag not in VOID and self.stack.pop()[0] != tag:
            pass

    def handle_data(self, data):
        tags = {tag for tag, _ in self.stack}
        if self.within("math"):
            self.formulas[-1] += data
        elif not tags & {"code", "pre", "script", "style"}:
            self.text += data

    def within(self, name):
        return any(name in classes for _, classes in self.stack)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The site, and the seconds of processor time it took."""
    pytest.importorskip("myst_nb", reason="no tests of the site: Sphinx and its parts are not installed")
    target = tmp_path_factory.mktemp("site") / "site"
    before = os.times()
    website.build(COURSE, target, FILMED)  # a warning is an error
    after = os.times()
    return target, after.children_user + after.children_system - before.children_user - before.children_system


@pytest.fixture(scope="module")
def site(built):
    return built[0]


@pytest.fixture(scope="module")
def pages(site):
    return {str(path.relative_to(site)): Reader(path) for path in site.rglob("*.html") if "_static" not in path.parts}


def stored(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def stored_pictures(path):
    outputs = [output for cell in stored(path) for output in cell.get("outputs", [])]
    return [base64.b64decode("".join(o["data"]["image/png"])) for o in outputs if "image/png" in o.get("data", {})]


def test_a_notebook_takes_less_than_three_and_a_half_seconds(built):
    assert built[1] < 3.5 * len(NOTEBOOKS), f"{built[1]:.0f} s of processor time for {len(NOTEBOOKS)} notebooks"


def test_every_notebook_has_its_page_and_the_menu_has_their_order(site, pages):
    assert all(f"notebooks/{name}.html" in pages for name in NOTEBOOKS)
    menu = [link for link in pages["index.html"].links if re.fullmatch(r"notebooks/\d\d_\w+\.html", link)]
    assert list(dict.fromkeys(menu)) == [f"notebooks/{name}.html" for name in NOTEBOOKS]
    assert menu.count("notebooks/00_start_here.html") >= 2, "in the menu and in the table"
    captions = re.findall(r'class="caption-text">([^<]*)<', (site / "index.html").read_text(encoding="utf-8"))
    assert captions == [*dict.fromkeys(part for *_, part in COURSE.contents), "Around them"], "the menu has the parts"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_page_shows_all_that_is_stored(site, pages, name):
    page, cells = pages[f"notebooks/{name}.html"], stored(NOTEBOOKS[name])
    shown = [(site / "notebooks" / image["src"]).read_bytes() for image in page.images]
    assert shown == stored_pictures(NOTEBOOKS[name]), "every stored picture, in its order, and a panel's picture too"
    assert all(len(image.get("alt", "")) > 10 and "png" not in image["alt"] for image in page.images)
    assert len(page.outputs) == sum(bool(cell.get("outputs")) for cell in cells)
    assert all(page.outputs), "an output is empty"
    assert "Loading widget" not in page.text and "widget-view" not in page.text


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_solutions_are_folded_and_the_original_can_be_downloaded(site, pages, name):
    page, cells = pages[f"notebooks/{name}.html"], stored(NOTEBOOKS[name])
    folded = sum(cell["metadata"].get("jupyter", {}).get("source_hidden", False) for cell in cells)
    assert page.folded == [True] * (folded + 1), "the solutions, the claims, code that is not to read, the set-up cell"
    deeper = sum(bool(re.match(r"#+ Deeper\b", "".join(cell["source"]))) for cell in cells)
    assert page.deeper == [True] * deeper, "what can be skipped is folded"
    downloads = [link for link in page.links if link.endswith(f"{name}.ipynb") and "://" not in link]
    assert downloads
    for link in downloads:
        assert (site / "notebooks" / unquote(link)).resolve().read_bytes() == NOTEBOOKS[name].read_bytes()
    colab = COURSE.badge(f"{name}.ipynb").rpartition("](")[2].partition(")")[0]
    assert page.links.count(colab) >= 2, "under the title and at the rocket"


def test_films_fall_in_behind_their_stills_and_nowhere_else(site):
    for name, path in NOTEBOOKS.items():
        page = (site / "notebooks" / f"{name}.html").read_text(encoding="utf-8")
        shown = [panel for cell in stored(path) for panel, _ in course_pages.panels_shown(cell)]
        there = re.findall(r'<div class="film" data-film="([\w-]+)" data-folder="([^"]+)">', page)
        assert there == [(panel, f"../films/{panel}/") for panel in shown if panel in FILMED]
    assert sorted(path.name for path in (site / "films" / "ring").iterdir()) == ["0.webp", "1.webp", "film.js"]
    index = (site / "index.html").read_text(encoding="utf-8")
    assert "data-film" not in index and "{{" not in index, "films that were not made have no place"


def test_a_place_for_a_film_that_was_made():
    made = course_pages.films_placed("A\n\n{{ film ring }}\n\n{{ film damping }}\n", ["ring"])
    assert made == 'A\n\n<div class="film" data-film="ring" data-folder="films/ring/"></div>\n\n\n'


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_formulas_are_formulas(pages, name):
    page = pages[f"notebooks/{name}.html"]
    text = "\n\n".join("".join(cell["source"]) for cell in stored(NOTEBOOKS[name]) if cell["cell_type"] == "markdown")
    text = re.sub(r"`[^`]*`", "", text)
    assert len(page.formulas) == len(re.findall(r"\$\$.+?\$\$|\$[^$\n]+\$", text, flags=re.DOTALL))
    assert all(re.match(r"\s*\\[(\[].*\\[)\]]\s*$", formula, flags=re.DOTALL) for formula in page.formulas)
    assert "$" not in page.text, "a formula was left as it is typed"


def test_no_link_leads_nowhere(site, pages):
    for name, page in pages.items():
        for link in page.links:
            address, _, fragment = link.partition("#")
            if re.match(r"[a-z]+:", link) or (name in ("search.html", "genindex.html") and not address):
                continue
            target = (site / name).parent / unquote(address.partition("?")[0]) if address else site / name
            assert target.exists(), f"{name}: {link}"
            if fragment and target.suffix == ".html":
                known = pages[str(target.resolve().relative_to(site.resolve()))].ids
                assert unquote(fragment) in known, f"{name}: {link}"


def test_nothing_is_loaded_from_elsewhere(site, pages):
    for name in pages:
        loaded = re.findall(
            r"<(?:script|img|link|iframe)\b[^>]*?(?:src|href)=\"([^\"]+)\"", (site / name).read_text("utf-8")
        )
        outside = [link for link in loaded if re.match(r"(?:https?:)?//", link)]
        assert not outside, f"{name} loads {outside}"


def test_words_are_linked_where_they_are_first_met(site, pages):
    rows = course_pages.rows((ROOT / "notebooks" / "glossary.md").read_text(encoding="utf-8"))
    glossary = pages["notebooks/glossary.html"]
    assert {anchor for anchor, *_ in rows} <= glossary.ids
    linked = 0
    for anchor, _, number in rows:
        page = next((page for name, page in pages.items() if name.startswith(f"notebooks/{number}_")), None)
        linked += page is not None and f"glossary.html#{anchor}" in page.links
    there = sum(number in {name[:2] for name in NOTEBOOKS} for *_, number in rows)
    assert linked >= 0.7 * there, f"{linked} of {there} words are linked"
    assert re.search("[\u4e00-\u9fff]{4}", glossary.text), "the Chinese terms"


def test_the_package_s_public_names_have_an_entry(pages):
    for page, parts in website.modules(ROOT / "gancourse").items():
        for module in [f"gancourse.{page}.{part}" for part in parts] or [f"gancourse.{page}"]:
            for name in getattr(importlib.import_module(module), "__all__", []):
                thing = getattr(importlib.import_module(module), name)
                if callable(thing) and getattr(thing, "__module__", module) == module:
                    assert f"{module}.{name}" in pages[f"api/{page}.html"].ids, f"{module}.{name}"


def test_the_plans_for_teachers_fill_ten_lectures_and_three_hours():
    text = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
    lectures, workshops = text.partition("## Ten lectures")[2].split("## Seven workshops")
    assert len(re.findall(r"^\| \d+ · ", lectures, flags=re.MULTILINE)) == 10
    assert len(re.findall(r"^\| \*\*\d · ", workshops, flags=re.MULTILINE)) == 7
    for workshop in re.split(r"^\| \*\*\d · ", workshops.partition("## Exercises")[0], flags=re.MULTILINE)[1:]:
        assert sum(map(int, re.findall(r"\| (\d+) \|", workshop))) == 180, workshop


def test_the_plans_name_exercises_that_exist():
    """In a row about one notebook, "exercises 2, 4 and 5" are exercises of that notebook."""
    for line in (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8").splitlines():
        numbers = set(re.findall(r"\*\*(\d\d)\*\*", line))
        path = next((path for name, path in NOTEBOOKS.items() if {name[:2]} == numbers), None)
        if not line.startswith("|") or path is None:
            continue
        headings = re.findall(
            r"^### (?:Deeper · )?Exercise (\d)", "\n".join("".join(cell["source"]) for cell in stored(path)), re.M
        )
        sections = re.findall(r"^## (\d+) ·", "\n".join("".join(cell["source"]) for cell in stored(path)), re.M)
        for kind, there in (("exercise", headings), ("section", sections)):
            for named in re.findall(rf"{kind}s? ((?:\d+(?:, | and | to )?)+)", line):
                assert set(re.findall(r"\d+", named)) <= set(there), f"{path.name} has no such {kind}: {line}"


# ---------------------------------------------------------------- a page made by nbconvert, as other sites show it


@pytest.fixture(scope="module")
def converted():
    """What nbconvert makes of a notebook, its code left out to save time."""
    sys.modules.setdefault("rfc3987_syntax", None)  # it takes seconds to load, and jsonschema can do without it
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(exclude_input=True, mathjax_url="", require_js_url="")
    return functools.cache(lambda name: exporter.from_filename(str(NOTEBOOKS[name]))[0])


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_page_of_nbconvert_shows_every_picture(converted, name):
    shown = re.findall(r"<img[^>]*?src=\"data:image/png;base64,([^\"]+)\"", converted(name))
    assert [base64.b64decode(picture) for picture in shown] == stored_pictures(NOTEBOOKS[name])
    assert "widget-view+json" not in converted(name)


# ---------------------------------------------------------------- the built site, in Chromium


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def look(site, chromium):
    """Open a page in Chromium as a reader does: look(name, theme) -> the page, typeset; it notes what goes wrong."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    home = f"http://127.0.0.1:{server.server_port}/"

    @contextlib.contextmanager
    def opened(name, theme="light"):
        context = chromium.new_context(width=1200, color_scheme=theme)
        context.set_default_timeout(240_000)  # a busy machine is no mistake
        context.route(lambda url: not url.startswith((home, "data:", "blob:")), lambda route: route.abort())
        try:
            page = context.new_page()
            page.wrong = []
            page.on("requestfailed", lambda request: page.wrong.append(f"not loaded: {request.url}"))
            page.on(
                "response", lambda got: page.wrong.append(f"{got.status}: {got.url}") if got.status >= 400 else None
            )
            page.on("pageerror", lambda error: page.wrong.append(f"script: {error}"))
            page.goto(home + name, wait_until="load")
            page.evaluate("window.MathJax?.startup?.promise")
            yield page
        finally:
            context.close()

    yield opened
    server.shutdown()


@pytest.mark.browser
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_looks_right(look, pages, name):
    with look(f"notebooks/{name}.html") as page:
        assert page.wrong == []
        assert page.locator("mjx-container").count() == len(pages[f"notebooks/{name}.html"].formulas)
        assert page.locator("mjx-merror").count() == 0
        widths = page.evaluate("[...document.images].map(i => i.complete && i.naturalWidth)")
        assert len(widths) >= len(pages[f"notebooks/{name}.html"].images) and all(widths), "a picture is not shown"
        flat = page.evaluate("[...document.querySelectorAll('.cell_output')].filter(o => o.offsetHeight < 10).length")
        assert flat == 0, "an output takes no room"
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, "the page has to be moved sideways"


@pytest.mark.browser
@pytest.mark.parametrize("name, film", [("00_start_here", "ring"), ("07_build_a_dcgan", "upsampling")])
def test_a_film_plays_in_its_page(look, name, film):
    with look(f"notebooks/{name}.html") as page:
        place = page.locator(f".film[data-film={film}]")
        place.evaluate("place => place.closest('details')?.setAttribute('open', '')")  # a part marked Deeper is folded
        place.scroll_into_view_if_needed()
        place.locator("canvas").wait_for()
        words = place.locator(".film-words").inner_text()
        place.locator(".film-play").click()
        place.locator("css=.film-count", has_text=re.compile(r"^(\d+) / \1$")).wait_for()
        assert place.locator(".film-words").inner_text() != words and page.wrong == []


@pytest.mark.browser
def test_a_page_of_nbconvert_looks_right(look, site, converted):
    (site / "_static" / "by_nbconvert.html").write_text(converted("00_start_here"), encoding="utf-8")
    with look("_static/by_nbconvert.html") as page:
        widths = page.evaluate("[...document.querySelectorAll('.jp-OutputArea img')].map(i => i.naturalWidth)")
        assert len(widths) == len(stored_pictures(NOTEBOOKS["00_start_here"])) and all(widths)


@pytest.mark.browser
def test_the_search_finds_a_word(look):
    with look("search.html?q=collapse") as page:
        page.wait_for_selector("#search-results li a")
        found = page.locator("#search-results li a").all_inner_texts()
        assert any("Make a GAN collapse" in title for title in found), found
        assert page.wrong == []


AXE_PAGES = [
    ("index.html", "dark"),
    ("notebooks/00_start_here.html", "light"),
    ("notebooks/glossary.html", "dark"),
    ("teaching.html", "light"),
    ("api/penalties.html", "light"),
]


@pytest.mark.browser
@pytest.mark.parametrize("name, theme", AXE_PAGES)
def test_everybody_can_read_it(look, name, theme):
    """axe-core finds nothing serious: contrast, names of controls, order of headings, texts for images."""
    axe = pytest.importorskip(
        "axe_playwright_python", reason="axe-core is not installed, so nobody looked for barriers"
    )
    script = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    with look(name, theme) as page:
        page.evaluate(script)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        serious = {v["id"]: [n["html"] for n in v["nodes"]] for v in found if v["impact"] in ("serious", "critical")}
        assert serious == {}
        assert page.locator(".bd-article h1").count() == 1
