"""What all tests share.

``--whole`` (``make browser``, ``make colab``) runs every notebook where the tests of each day run
the shortest. One CPU thread, because small networks are fastest so and test workers run side by
side. Ctrl-C works, also where a shell started the tests in the background and told them to ignore it. And
property tests without a time limit per example, which a busy machine would break.
"""

import os
import signal
import sys

import matplotlib.colors
import matplotlib.text
import pytest
from hypothesis import settings

sys.modules.setdefault("rfc3987_syntax", None)  # jsonschema can do without it, and it takes over a second to load

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("course", deadline=None, derandomize=True)
settings.load_profile("course")


def pytest_addoption(parser):
    parser.addoption("--whole", action="store_true", help="browser and Colab: every notebook, which takes long")


@pytest.hookimpl(optionalhook=True)  # nobody asks where pytest-xdist is switched off
def pytest_xdist_make_scheduler(config, log):
    """Give all files of tests/browser to one worker: two would start a JupyterLab each."""
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            return "tests/browser" if file.startswith("tests/browser/") else file

    return Together(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def chromium():
    """The one Chromium of a worker (a second cannot be driven beside it); a visible skip where there is none."""
    import browser

    if reason := browser.why_not():
        pytest.skip(f"no browser tests: {reason}")
    with browser.Browser() as opened:
        yield opened


@pytest.fixture(autouse=True)
def no_words_in_the_warning_orange(monkeypatch):
    """Watch every word that a test draws: the orange is too pale for text."""
    from gancourse.plotting import style

    set_color = matplotlib.text.Text.set_color

    def watched(text, color):
        if matplotlib.colors.is_color_like(color):
            drawn = matplotlib.colors.to_hex(color)
            assert drawn != style.COLOURS["warning"], "words in the warning orange: use style.WARNING_TEXT"
        set_color(text, color)

    monkeypatch.setattr(matplotlib.text.Text, "set_color", watched)
