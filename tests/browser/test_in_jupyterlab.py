"""Notebooks of the course in a real JupyterLab: Run All, panels, an interrupt, a restart, a page loaded again.

Among all tests only the shortest notebook is opened; ``make browser`` opens them all.
"""

import json

import pytest

import browser
from course import ROOT, Course

pytestmark = [pytest.mark.browser, pytest.mark.timeout(4000)]  # a whole notebook, on a machine that may be busy

NOTEBOOKS = Course(ROOT).notebooks
SHORTEST = [path for path in NOTEBOOKS if path.name.startswith("01_")]
WIDGET = "application/vnd.jupyter.widget-view+json"

TRAINING = [
    "import torch\nfrom gancourse import runtime, training\nruntime.setup()",
    """weight = torch.ones(50, 50, requires_grad=True)

def step(real):
    loss = (weight @ real).pow(2).mean()
    weight.grad = None
    loss.backward()
    return {"d_loss": loss}

batches = iter(lambda: torch.ones(50, 8), None)
history = training.train(step, batches, num_steps=10**8)""",
    "assert history.interrupted\nbefore = history.num_steps\nbefore",
    "history = training.train(step, batches, num_steps=7, history=history)\n"
    "assert history.num_steps == before + 7 and not history.interrupted",
]


def pytest_generate_tests(metafunc):
    if "path" in metafunc.fixturenames:
        every = metafunc.config.getoption("whole") and metafunc.function not in ONCE
        chosen = NOTEBOOKS if every else SHORTEST
        metafunc.parametrize("path", chosen, ids=lambda path: path.name[:2], scope="module", indirect=True)


@pytest.fixture(scope="module")
def path(request):
    return request.param


@pytest.fixture(scope="module")
def stored(path):
    """The cells as the file has them."""
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


@pytest.fixture(scope="module")
def notebook(path, lab, chromium):
    """The notebook, open, before anything was run."""
    opened = chromium.open_copy(lab, path, height=1400)
    yield opened
    opened.close()


def code(cells):
    return [cell for cell in cells if cell["cell_type"] == "code"]


def trouble(cells):
    """Return what went wrong in any cell that ran."""
    return [
        f"cell {index}: {output.get('ename', 'stderr')}: {str(output.get('evalue', output.get('text')))[:300]}"
        for index, cell in enumerate(cells)
        for output in cell.get("outputs", [])
        if output["output_type"] == "error" or output.get("name") == "stderr"
    ]


def panel_cells(cells):
    return [
        index
        for index, cell in enumerate(cells)
        if any(WIDGET in output.get("data", {}) and "image/png" in output["data"] for output in cell.get("outputs", []))
    ]


def kinds(cells):
    """Return for each code cell what its outputs show."""
    return [{kind for output in cell["outputs"] for kind in output.get("data", {})} for cell in code(cells)]


def pictures_not_shown(notebook):
    """Return the pictures of outputs and text that are empty; those from other servers cannot come here."""
    return notebook.page.evaluate(
        """[...document.querySelectorAll('.jp-OutputArea img, .jp-RenderedMarkdown img')]
           .filter(image => !image.naturalWidth && !/^https?:[/][/](?!127[.])/.test(image.src))
           .map(image => image.src.slice(0, 80) + ' ' + image.alt)"""
    )


def formulas(notebook):
    """Return how many formulas are typeset, and those that could not be."""
    return notebook.page.evaluate(
        """[document.querySelectorAll('mjx-container').length,
            [...document.querySelectorAll('[data-mml-node=merror], mjx-merror')].map(part => part.outerHTML)]"""
    )


# ---------------------------------------------------------------- one notebook, from top to bottom


def test_the_stored_page_shows_its_pictures_and_formulas_before_anything_runs(notebook, stored):
    assert pictures_not_shown(notebook) == []
    text = "".join("".join(cell["source"]) for cell in stored if cell["cell_type"] == "markdown")
    if "$" in text:
        notebook.page.wait_for_selector("mjx-container", state="attached", timeout=120_000)
        notebook.wait(1)
        typeset, broken = formulas(notebook)
        assert typeset >= text.count("$$") // 2 and broken == []


def test_run_all_reaches_the_end_without_an_error(notebook, stored, path, screenshots):
    notebook.begin_run_all()
    notebook.wait_until_done()
    cells = notebook.cells()
    assert trouble(cells) == []
    assert [cell["execution_count"] for cell in code(cells)] == list(range(1, len(code(stored)) + 1))
    assert kinds(cells) == kinds(stored), "an output shows other things than the stored one"
    notebook.page.wait_for_load_state()
    notebook.wait(0.5)
    assert pictures_not_shown(notebook) == []
    if screenshots:
        notebook.screenshots(screenshots, f"notebook_{path.name[:2]}")


def test_every_panel_in_it_plays_pauses_and_follows_its_controls(notebook, stored):
    for index in panel_cells(stored):
        panel = notebook.panel_of(index)
        panel.wait()
        if panel.live:
            before = panel.status
            panel.play()
            assert panel.wait_for_frames(5) >= 5
            longest = browser.longest_pause(panel.frames_per_second(2))
            assert panel.seconds_to_pause_at_best(longest) <= longest
            assert panel.status != before
        for _, move in panel.controls():
            before = panel.status
            move()
            assert panel.wait_for_status_other_than(before) != before
            panel.settle()
        assert panel.alert == ""


def test_the_page_loaded_again_shows_everything_and_its_kernel_goes_on(notebook, stored):
    notebook.ask("a_mark_of_this_kernel = 1")
    notebook.reload()
    for _ in range(60):  # the page is there before all its outputs are
        cells = notebook.cells()
        if kinds(cells) == kinds(stored):
            break
        notebook.wait(0.5)
    assert kinds(cells) == kinds(stored) and trouble(cells) == []
    notebook.page.wait_for_function(
        "document.querySelectorAll('.jp-OutputArea img').length > 0", timeout=120_000, polling=50
    )
    notebook.wait(1)
    assert pictures_not_shown(notebook) == []
    assert notebook.ask("print(a_mark_of_this_kernel)") == "1"
    for index in panel_cells(stored)[-1:]:
        panel = notebook.panel_of(index)
        panel.wait()
        before = panel.status
        next(panel.controls())[1]()
        assert panel.wait_for_status_other_than(before) != before


def test_the_console_is_silent(notebook):
    # The badge's picture is on a server that cannot be reached from here.
    assert [said for said in notebook.complaints if not said.startswith("Failed to load resource: net::ERR")] == []


# ---------------------------------------------------------------- two notebooks, an interrupt, a restart


def test_everything_runs_again_after_a_restart_while_training_beside_it_is_interrupted(lab, chromium, tab):
    notebook = tab
    notebook.show(lab, "again", ["from gancourse import runtime\nruntime.setup()", *browser.panel_cells("ring.panel")])
    notebook.run_all()
    notebook.ask("a_mark_of_this_kernel = 1")
    notebook.begin_restart_and_run_all()
    second = chromium.open(lab, "training", TRAINING)
    second.run_cell(0)
    second.begin_run_cell(1)
    second.page.wait_for_selector("text=/step [1-9][0-9,]* of 100,000,000/", timeout=120_000)
    second.interrupt()
    second.wait_until_done(60)
    assert "interrupted after" in second.page.locator(".jp-OutputArea").nth(1).inner_text()
    second.run_cell(2)
    second.run_cell(3)
    assert trouble(second.cells()) == [] and [cell["execution_count"] for cell in second.cells()] == [1, 2, 3, 4]
    second.close()

    notebook.wait_until_done()
    cells = notebook.cells()
    assert trouble(cells) == []
    assert [cell["execution_count"] for cell in code(cells)] == [1, 2, 3]
    assert notebook.ask("print('a_mark_of_this_kernel' in globals())") == "False"


def test_the_dark_theme_leaves_figures_on_white(notebook, screenshots):
    notebook.use_theme("JupyterLab Dark")
    if screenshots:
        notebook.screenshots(screenshots, "notebook_dark")
    corners = notebook.page.evaluate(
        """[...document.querySelectorAll('.jp-RenderedImage img, img.widget-image')].map(image => {
            const sheet = document.createElement('canvas');
            sheet.width = image.naturalWidth; sheet.height = image.naturalHeight;
            const pen = sheet.getContext('2d');
            pen.drawImage(image, 0, 0);
            return [...pen.getImageData(0, 0, 1, 1).data].join();
        })"""
    )
    notebook.use_theme("JupyterLab Light")
    assert corners and set(corners) == {"255,255,255,255"}


ONCE = {test_the_dark_theme_leaves_figures_on_white}
"""What tests JupyterLab and the package together, for which the shortest notebook is enough."""
