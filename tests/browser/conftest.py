"""One JupyterLab and one tab for the browser tests of a worker.

With a folder's name in ``GANCOURSE_SCREENSHOTS`` the tests leave pictures there, to be looked at.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import browser

AXE = "axe-core@4.14.1"


@pytest.fixture(scope="session")
def lab(tmp_path_factory, chromium):
    with browser.JupyterLab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="session")
def tab(lab, chromium):
    """One tab in which one small notebook after the other is shown: to load JupyterLab itself takes longest."""
    opened = chromium.open(lab, "first", [""])
    yield opened
    opened.close()


@pytest.fixture
def screenshots():
    """The folder for pictures, or None if nobody asked for any."""
    if folder := os.environ.get("GANCOURSE_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        return Path(folder)
    return None


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The text of axe-core, an automated checker of accessibility, fetched from npm; a visible skip without it."""
    if not shutil.which("npm"):
        pytest.skip("no check by axe-core: npm is not installed")
    folder = tmp_path_factory.mktemp("axe")
    try:
        npm = ["npm", "pack", AXE, "--silent"]
        said = subprocess.run(npm, cwd=folder, capture_output=True, text=True, timeout=60, check=True).stdout
        packed = said.split()[-1]
    except (subprocess.SubprocessError, OSError, IndexError) as problem:
        pytest.skip(f"no check by axe-core: {AXE} could not be fetched ({type(problem).__name__})")
    shutil.unpack_archive(folder / packed, folder)
    return (folder / "package" / "axe.min.js").read_text(encoding="utf-8")
