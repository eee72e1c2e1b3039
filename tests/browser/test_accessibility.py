"""A panel without a mouse and without eyes: the Tab key, what a screen reader is told, an automated checker."""

import pytest

import browser

pytestmark = pytest.mark.browser

# ipywidgets' own parts that axe-core finds fault with, and that a notebook cannot mend without JavaScript of its
# own (an Image with a tooltip, its only words, is not shown at all in ipywidgets 8.1). What they lack stands beside
# them as text: the label of a slider; "one step" and "+50 steps" for Play; the status line for the picture.
NOT_OURS = {
    "aria-input-field-name": ".noUi-handle",
    "button-name": ".widget-play button",
    "image-alt": "img.widget-image",
}
PANEL = ".jp-OutputArea-output > .jupyter-widgets"
FOCUSABLE = "button, input, select, textarea, [tabindex='0'], [contenteditable=true]"


@pytest.fixture(scope="module")
def notebook(lab, tab):
    tab.show(lab, "accessible", [*browser.panel_cells("collapse.panel"), "'what comes after'"])
    tab.run_all()
    tab.panel.wait()
    return tab


@pytest.fixture
def panel(notebook):
    return notebook.panel


def look(notebook):
    """Return how the part that has the focus looks, or None if the focus is outside the panel."""
    return notebook.page.evaluate(
        f"""() => {{
            const part = document.activeElement;
            if (!part.closest('{PANEL}')) return null;
            const style = getComputedStyle(part);
            const look = () => [style.outline, style.boxShadow, style.borderColor, style.backgroundColor].join(' / ');
            const focused = look();
            part.blur();
            const plain = look();
            part.focus();
            return {{number: window.__parts.indexOf(part), seen: focused !== plain}};
        }}"""
    )


def test_tab_reaches_every_control_in_order_shows_where_it_is_and_leaves_again(notebook):
    words = notebook.page.evaluate(
        f"""() => {{
            window.__parts = [...document.querySelector('{PANEL}').querySelectorAll(`{FOCUSABLE}`)]
                .filter(part => part.getClientRects().length);
            window.__parts[0].focus();
            return window.__parts.map(part => part.innerText || part.className || part.tagName);
        }}"""
    )
    assert len(words) > 10
    for number, word in enumerate(words):
        found = look(notebook)
        assert found and found["number"] == number, f"Tab does not come to {word!r}"
        assert found["seen"], f"nobody sees that {word!r} has the focus"
        notebook.page.keyboard.press("Tab")
    assert look(notebook) is None, "the focus is caught in the panel"
    notebook.page.keyboard.press("Shift+Tab")
    assert look(notebook)["number"] == len(words) - 1


def test_every_control_can_be_worked_from_where_tab_leaves_it(notebook, panel):
    notebook.page.evaluate("window.__parts[0].focus()")
    panel.page.keyboard.press("Space")  # Play
    panel.wait_for_frames(2)
    panel.page.keyboard.press("Space")
    panel.settle()
    for key, word in (("Space", "one step"), ("Enter", "+50 steps"), ("Space", "Reset")):
        before = panel.status
        while notebook.page.evaluate("document.activeElement.innerText").strip() != word:
            panel.page.keyboard.press("Tab")
        panel.page.keyboard.press(key)
        assert panel.wait_for_status_other_than(before) != before
    before = panel.status
    panel.page.keyboard.press("Tab")  # the seed
    panel.page.keyboard.press("ArrowUp")
    panel.page.keyboard.press("Enter")
    assert "seed 1" in panel.wait_for_status_other_than(before)
    assert len(list(panel.controls())) > 1  # tests of all panels move these with the keyboard


def told(notebook):
    """Return the live setting of the status line that Chromium tells a screen reader."""
    session = notebook.page.context.new_cdp_session(notebook.page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    (node,) = [node for node in nodes if node.get("role", {}).get("value") == "status"]
    return {entry["name"]: entry["value"].get("value") for entry in node["properties"]}.get("live", "off")


def test_the_status_line_is_announced_and_waits_while_the_panel_plays(notebook, panel):
    panel.settle()
    assert told(notebook) == "polite"
    panel.play()
    panel.wait_for_frames(3)
    assert told(notebook) == "off", "every frame would be read out"
    panel.play()
    panel.settle()
    assert told(notebook) == "polite"
    before = panel.status
    panel.button("one step").click()
    panel.wait_for_status_other_than(before)
    assert told(notebook) == "polite"


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_an_automated_checker_finds_nothing_of_ours(notebook, axe, theme):
    notebook.use_theme(theme)
    notebook.page.evaluate(axe)
    report = notebook.page.evaluate("panel => axe.run(panel)", PANEL)
    notebook.use_theme("JupyterLab Light")
    assert {"color-contrast", "button-name", "image-alt"} <= {
        rule["id"] for rule in report["passes"] + report["violations"]
    }
    found = [
        f"{rule['id']} ({rule['impact']}): {node['html'][:120]}"
        for rule in report["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
        if rule["id"] not in NOT_OURS or not is_part(notebook, node["target"][0], NOT_OURS[rule["id"]])
    ]
    assert found == []


def is_part(notebook, target, css):
    return notebook.page.evaluate("([target, css]) => document.querySelector(target).matches(css)", [target, css])
