"""Notebooks and every panel with Colab's versions, from an empty folder, the course installed by its cell.

Notebook 01 always, 00 to 04 with ``--whole``. As a learner opens 00 first and its set-up cell installs the course, so
does the fixture ``installed`` before whatever test comes first.
"""

import json
import os
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest

import browser
import classic
from course import ROOT, SETUP_ID, Course

pytestmark = pytest.mark.timeout(4000)  # a whole notebook, on a machine that may be busy

NOTEBOOKS = {path.name[:2]: path for path in Course(ROOT).notebooks if path.name[:2] <= "04"}
PINNED = {"ipywidgets": "7.7.1", "ipython": "7.34.0", "ipykernel": "6.17.1", "jupyter_client": "7.4.9",
          "traitlets": "5.7.1", "matplotlib": "3.10.0", "numpy": "2.1.3"}  # fmt: skip


def pytest_generate_tests(metafunc):
    if "number" in metafunc.fixturenames:
        metafunc.parametrize("number", NOTEBOOKS if metafunc.config.getoption("whole") else ["01"])


def run(machine, path, folder):
    """Run a notebook in an empty folder and return its cells."""
    machine.run(ROOT / "tests" / "colab" / "run_notebook.py", path, cwd=folder)
    executed = nbformat.read(folder / "executed.ipynb", as_version=4)
    return [cell for cell in executed.cells if cell.cell_type == "code"]


def trouble(cells):
    return [
        f"{cell['id']}: {output['ename']}: {output['evalue'][:500]}"
        for cell in cells
        for output in cell["outputs"]
        if output["output_type"] == "error"
    ]


class Installed(NamedTuple):
    """What notebook 00's set-up cell did: packages before and after, and what it and a cell after it showed."""

    before: set[str]
    after: set[str]
    cells: list


@pytest.fixture(scope="module")
def installed(machine, tmp_path_factory):
    folder, before = tmp_path_factory.mktemp("setup"), machine.packages()
    source = json.loads(NOTEBOOKS["00"].read_text(encoding="utf-8"))
    (setup,) = (cell for cell in source["cells"] if cell.get("id") == SETUP_ID)
    source["cells"] = [
        setup,
        setup | {"id": "where", "source": "import gancourse\nprint(gancourse.__file__)", "outputs": []},
    ]
    (folder / "setup.ipynb").write_text(json.dumps(source), encoding="utf-8")
    return Installed(before, cells=run(machine, folder / "setup.ipynb", folder), after=machine.packages())


def test_the_versions_are_colab_s(installed):
    assert {f"{name}=={version}" for name, version in PINNED.items()} <= installed.before
    assert not any(package.startswith("gancourse==") for package in installed.before)


def test_the_set_up_cell_installs_the_course_and_changes_nothing_else(machine, installed):
    cell, last = installed.cells
    assert trouble([cell, last]) == []
    assert "| Colab |" in "".join(output.get("text", "") for output in cell["outputs"])
    new, gone = installed.after - installed.before, installed.before - installed.after
    assert gone == set() and [package.partition("==")[0] for package in new] == ["gancourse"]
    assert str(machine.folder) in last["outputs"][0]["text"], "the checkout was found, not what was installed"


@pytest.mark.usefixtures("installed")
def test_a_notebook_runs_to_its_end(machine, number, tmp_path):
    cells = run(machine, NOTEBOOKS[number], tmp_path)
    assert trouble(cells) == []
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))


@pytest.fixture(scope="module")
def pressed(machine, installed):
    """What was said of each panel, all of them in one process."""
    return machine.run(ROOT / "tests" / "colab" / "press_panel.py", *browser.panels())


@pytest.mark.parametrize("maker", browser.panels())
def test_a_panel_is_built_pressed_and_moved(pressed, maker):
    assert f"ok {maker} 7.7.1" in pressed.splitlines(), pressed


@pytest.mark.usefixtures("installed")
def test_play_is_pressed_in_a_front_end_of_that_age(machine, chromium):
    with classic.Server(machine) as server:
        notebook = server.open(chromium, "panel", browser.panel_cells("ring.panel"))
        panel = notebook.panel
        panel.wait(60)
        before = panel.status
        panel.play()
        assert panel.wait_for_status_other_than(before)
        assert panel.wait_for_frames(5) >= 5
        classic.pause(panel)
        notebook.wait(1.0)
        paused = notebook.now()
        notebook.wait(1.5)
        assert not [shown for shown in notebook.pictures() if shown > paused], "pause does not stop it"
        before = panel.status
        classic.move_first_slider(panel)
        assert panel.wait_for_status_other_than(before)
        if folder := os.environ.get("GANCOURSE_SCREENSHOTS"):
            notebook.page.screenshot(path=Path(folder) / "classic.png")
        classic.close(notebook)
