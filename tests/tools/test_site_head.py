"""What search engines and messengers read of the site."""

import io
import types
from xml.etree import ElementTree

import docutils.core
import pytest
from PIL import Image

import site_head
from course import ROOT, Course

COURSE = Course(ROOT)
NAMESPACE = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def page(text):
    return docutils.core.publish_doctree(text)


ABOUT = "A paragraph that says what this page is about."


@pytest.mark.parametrize(
    "text, said",
    [
        (f"Title\n=====\n\nShort.\n\n{ABOUT} Then\nyou count.", f"{ABOUT} Then you count."),
        (f"{ABOUT} " + "A second one " * 12 + "ends.", ABOUT),
        ("word " * 60, "word " * 30 + "word…"),
        (f"Open in Colab and some more words that make the line long\n\n{ABOUT}", ABOUT),
        ("Only this.", ""),
    ],
)
def test_a_page_is_described_by_its_first_sentences(text, said):
    assert site_head.description(page(text)) == said
    assert len(site_head.description(page(text))) <= site_head.LONGEST


def test_a_page_that_sphinx_makes_itself_has_no_description():
    assert site_head.description(None) == ""


def test_the_head_names_the_page_and_its_card_and_escapes_both():
    app = types.SimpleNamespace(confdir=str(ROOT / "docs"))
    context = {"title": "<em>A</em> & B", "metatags": "<kept>"}
    text = page('A page that says "less < more" & nothing else than that.')
    site_head.add_metadata(app, "notebooks/a", "page.html", context, text)
    tags = context["metatags"]
    assert tags.startswith("<kept>")
    assert '<meta property="og:title" content="A &amp; B">' in tags
    assert f'<meta property="og:url" content="{site_head.home(COURSE)}notebooks/a.html">' in tags
    assert 'name="description" content="A page that says &quot;less &lt; more&quot; &amp; nothing' in tags


def test_the_home_of_the_site_follows_the_address(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project.urls]\nRepository = "https://github.com/Some-One/gans"\n')
    assert site_head.home(Course(tmp_path)) == "https://some-one.github.io/gans/"


def test_the_map_lists_pages_and_nothing_else(tmp_path):
    for name in ("index.html", "notebooks/a.html", "search.html", "_static/x.html", "picture.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    tree = ElementTree.fromstring(site_head.sitemap(COURSE, tmp_path))
    listed = [entry.text.removeprefix(site_head.home(COURSE)) for entry in tree.iter(f"{NAMESPACE}loc")]
    assert listed == ["index.html", "notebooks/a.html"]


def test_the_card_has_the_shape_that_is_shown_uncut():
    drawn = Image.open(io.BytesIO(site_head.card(COURSE)))
    assert drawn.size == site_head.CARD_SIZE and drawn.format == "PNG"
    colours = drawn.convert("RGB").resize((120, 63)).getcolors(120 * 63)
    assert len(colours) > 100  # digits and a title, not an empty sheet
