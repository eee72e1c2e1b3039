"""Settings of the course's web site; ``make site`` builds it (see tools/website.py).

Nothing is executed and nothing is fetched: pages are made from the outputs stored in the notebooks, and
MathJax comes out of a Python package.
"""

import importlib.util
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent), str(DOCS.parent / "tools")]

sys.modules["rfc3987_syntax"] = None  # jsonschema can do without it, and it takes seconds to load

import gancourse  # noqa: E402
from course import Course  # noqa: E402

COURSE = Course(DOCS.parent)
MATHJAX = Path(next(iter(importlib.util.find_spec("sphinx-mathjax-offline").submodule_search_locations)))

project = "gancourse"
author = "the gancourse authors"
copyright = "the gancourse authors. Text and pictures: CC BY 4.0; code: MIT License"
version = release = gancourse.__version__
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "course_pages",
]
root_doc = "index"
suppress_warnings = ["ref.python"]  # two modules may have a thing of the same name

# Notebooks: what is stored is shown. A panel is stored as a widget and, beside it, its picture.
nb_execution_mode = "off"
nb_merge_streams = True
nb_mime_priority_overrides = [("*", "application/vnd.jupyter.widget-view+json", None)]
nb_ipywidgets_js = {}
myst_enable_extensions = ["attrs_inline", "dollarmath"]
myst_heading_anchors = 3
myst_dmath_double_inline = True

# Modules: docstrings are in Google's style.
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True
add_module_names = False
toc_object_entries_show_parents = "hide"

# Formulas are typeset by MathJax 3.2.2, copied from the package by course_pages.
mathjax_path = "mathjax/tex-chtml.js"
mathjax3_config = {"chtml": {"displayAlign": "center"}}  # not empty, so that its form is that of MathJax 3
mathjax_folder = str(MATHJAX / "static" / "mathjax")

html_theme = "sphinx_book_theme"
html_title = "gancourse"
html_static_path = [str(DOCS / "_static")]
html_favicon = str(DOCS / "_static" / "favicon.svg")
html_css_files = ["course.css"]
html_js_files = ["course.js", "films.js"]
html_show_sphinx = False
html_copy_source = True
html_use_index = False  # the search finds what it would list
html_domain_indices = False
html_show_sourcelink = False
html_theme_options = {
    "repository_url": COURSE.address,
    "repository_branch": "main",
    "path_to_docs": "",
    "use_repository_button": True,
    "use_issues_button": True,
    "use_download_button": True,
    "home_page_in_toc": False,
    "navbar_persistent": [],
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "launch_buttons": {"colab_url": "https://colab.research.google.com"},
}
