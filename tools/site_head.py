"""What search engines and messengers read of the site: a description of each page, a card, an icon, a map of pages."""

from __future__ import annotations

import html
import io
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from matplotlib import image
from sphinx.application import Sphinx

from course import Course
from gancourse.plotting import style

CARD = "_static/card.png"
CARD_SIZE = (1200, 630)  # pixels, the shape that messengers show uncut
LONGEST = 160  # search engines cut what is longer


def home(course: Course) -> str:
    """Return the address at which GitHub Pages serves the site of a repository, with a slash at its end."""
    owner, name = course.address.removeprefix("https://github.com/").split("/")
    return f"https://{owner.lower()}.github.io/{name}/"


def description(doctree: nodes.document | None) -> str:
    """Return the first sentences of a page that fit into 160 characters; empty if it has no text.

    Args:
        doctree: the page as Sphinx read it, or None for one that Sphinx makes itself, such as the search.
    """
    if doctree is None:
        return ""
    for paragraph in doctree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if len(text) > 40 and "Open in Colab" not in text:
            break
    else:
        return ""
    kept = ""
    for sentence in re.split(r"(?<=[.?!])\s+", text):
        if kept and len(kept) + len(sentence) + 1 > LONGEST:
            return kept
        kept = f"{kept} {sentence}".strip()
    return kept if len(kept) <= LONGEST else kept[: LONGEST - 1].rsplit(" ", 1)[0] + "…"


def add_metadata(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Put a page's description and its card into its head."""
    said = html.escape(description(doctree))
    course = Course(Path(app.confdir).parent)
    properties = {
        "og:title": html.escape(re.sub(r"<[^>]+>", "", context.get("title", "gancourse"))),
        "og:type": "website",
        "og:url": f"{home(course)}{pagename}.html",
        "og:image": home(course) + CARD,
        "og:image:alt": "Noise turns into handwritten digits while a generator trains",
    }
    tags = [f'<meta property="{name}" content="{value}">' for name, value in properties.items()]
    tags.append('<meta name="twitter:card" content="summary_large_image">')
    if said:
        tags += [f'<meta name="description" content="{said}">', f'<meta property="og:description" content="{said}">']
    context["metatags"] = context.get("metatags", "") + "\n".join(["", *tags, ""])


def card(course: Course) -> bytes:
    """Return the picture that a messenger shows beside a link to the site: a PNG of 1,200 by 630 pixels."""
    figure, ax = style.figure(1, size=(CARD_SIZE[0] / 100, CARD_SIZE[1] / 100), dpi=100)
    ax.set_axis_off()
    ax.set_position((0.05, 0.06, 0.9, 0.56))
    ax.imshow(image.imread(course.root / "notebooks" / "images" / "digits.png"))
    figure.text(0.05, 0.83, "gancourse", fontsize=54, weight="bold", color=style.COLOURS["fake"])
    words = "Learn generative adversarial networks by training them"
    figure.text(0.05, 0.71, words, fontsize=27, color=style.COLOURS["neutral"])
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def sitemap(course: Course, site: Path) -> str:
    """Return the map of a built site: the address of each page that a visitor would look for."""
    made_by_sphinx = {"genindex.html", "search.html", "py-modindex.html"}
    pages = sorted(page.relative_to(site).as_posix() for page in site.rglob("*.html") if "_static" not in page.parts)
    entries = [f"  <url><loc>{home(course)}{page}</loc></url>" for page in pages if page not in made_by_sphinx]
    opening = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    return "\n".join([opening, *entries, "</urlset>", ""])


def finish(course: Course, site: Path) -> None:
    """Put the card and the map into a built site."""
    (site / CARD).write_bytes(card(course))
    (site / "sitemap.xml").write_text(sitemap(course, site), encoding="utf-8")
