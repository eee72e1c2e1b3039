"""One JupyterLab and one Chromium for all browser tests of a worker; a visible skip where there is none."""

import pytest

import browser


@pytest.fixture(scope="session")
def chromium():
    if reason := browser.why_not():
        pytest.skip(f"no browser tests: {reason}")
    with browser.Browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def lab(tmp_path_factory, chromium):
    with browser.JupyterLab(tmp_path_factory.mktemp("lab")) as running:
        yield running
