"""Drive a real JupyterLab with a real browser: what the tests of the panels and the benchmarks share.

    with JupyterLab(folder) as lab, Browser() as browser:
        notebook = browser.open(lab, "example", panel_cells("ring.panel"))
        notebook.run_all()
        notebook.panel.wait()

Needs the ``playwright`` package and a Chromium: the one it downloads, or a ``chromium`` on the path.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).resolve().parent.parent

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
_WATCH_PICTURES = """
    window.__pictures = [];
    const source = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, 'src');
    Object.defineProperty(HTMLImageElement.prototype, 'src', {
        get() { return source.get.call(this); },
        set(value) {
            if (String(value).startsWith('blob:'))
                this.addEventListener('load', () => window.__pictures.push(performance.now()), {once: true});
            source.set.call(this, value);
        },
    });
"""
_CURRENT = "window.jupyterapp.shell.currentWidget"
_KERNEL = f"{_CURRENT}.sessionContext.session.kernel"


def panels() -> list[str]:
    """Return what makes a panel in ``gancourse.labs``, e.g. "ring.panel": every function named ...panel."""
    found = []
    for path in sorted((ROOT / "gancourse" / "labs").glob("*.py")):
        found += [f"{path.stem}.{name}" for name in re.findall(r"^def (\w*panel)\(", path.read_text("utf-8"), re.M)]
    return found


def panel_cells(maker: str) -> list[str]:
    """Return the two code cells that import and show a panel, which they call ``panel``."""
    return [f"from gancourse.labs import {maker.partition('.')[0]}", f"panel = {maker}()\npanel"]


def why_not() -> str | None:
    """Say what is missing for driving a browser here; None if nothing is."""
    for module in ("playwright", "jupyterlab"):
        try:
            __import__(module)
        except ImportError:
            return f"the {module} package is not installed"
    return None if _chromium() else "no Chromium found: install one, or run `playwright install chromium`"


def _chromium() -> str | None:
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.executable_path
    return found if Path(found).exists() else None


class JupyterLab:
    """A server of its own, on a free port, that reads nobody's settings. Use it in a ``with`` block.

    Args:
        folder: where the notebooks, the settings and the log of the server go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.notebooks = self.folder / "notebooks"
        self.log = self.folder / "server.log"

    def __enter__(self) -> JupyterLab:
        self.notebooks.mkdir(parents=True, exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        settings = {f"JUPYTER_{name}_DIR": str(self.folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self.port,
            "ServerApp.port_retries": 0,
            "ServerApp.root_dir": str(self.notebooks),
            "IdentityProvider.token": "",
            "ServerApp.disable_check_xsrf": True,
            "LabApp.expose_app_in_browser": True,
            "LabApp.collaborative": False,
        }
        page = self.folder / "config" / "labconfig" / "page_config.json"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(json.dumps({"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}))
        with self.log.open("w") as log:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
                + [f"--{name}={value}" for name, value in options.items()],
                env=os.environ | settings | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait_until_it_answers(self, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._server.poll() is None:
            with contextlib.suppress(urllib.error.URLError, ConnectionError), self._ask("/api/status"):
                return
            time.sleep(0.1)
        raise RuntimeError(f"JupyterLab did not start within {seconds:.0f} s:\n{self.log.read_text()[-2000:]}")

    def _ask(self, path: str, method: str = "GET") -> Any:
        return urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method), timeout=10
        )

    def kernels(self) -> list[dict[str, Any]]:
        """Return what the server says about each running kernel."""
        with self._ask("/api/kernels") as answer:
            return json.load(answer)

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            for kernel in self.kernels():
                self._ask(f"/api/kernels/{kernel['id']}", "DELETE").close()
        self._server.terminate()
        try:
            self._server.wait(15)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()


class Browser:
    """A Chromium without a window. Use it in a ``with`` block."""

    def __enter__(self) -> Browser:
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        self._chromium = self._playwright.chromium.launch(executable_path=_chromium(), args=_FLAGS, headless=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._chromium.close()
        self._playwright.stop()

    def open(self, lab: JupyterLab, name: str, cells: list[str], *, width: int = 1100, height: int = 900) -> Notebook:
        """Write a notebook with these code cells and open it in a new tab, kernel ready."""
        metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        made = new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata=metadata)
        nbformat.write(made, lab.notebooks / f"{name}.ipynb")
        return self.open_file(lab, name, width=width, height=height)

    def open_file(self, lab: JupyterLab, name: str, *, width: int = 1100, height: int = 900) -> Notebook:
        """Open a notebook that lies in the server's folder."""
        page = self._chromium.new_context(viewport={"width": width, "height": height}).new_page()
        page.add_init_script(_WATCH_PICTURES)
        notebook = Notebook(page)
        page.goto(f"http://127.0.0.1:{lab.port}/lab/tree/{name}.ipynb?reset")
        notebook.wait_for_kernel()
        return notebook


class Notebook:
    """A notebook that is open in a tab."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)

    @property
    def panel(self) -> PanelOnScreen:
        """The panel on the page; with several, the first."""
        return PanelOnScreen(self)

    def wait_for_kernel(self) -> None:
        """Wait until the notebook is there and its kernel is idle."""
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        self.page.wait_for_function(f"window.jupyterapp && {_CURRENT}?.sessionContext?.isReady", timeout=60_000)
        self.page.wait_for_function(f"{_KERNEL}?.status === 'idle'", timeout=60_000)

    def write(self, sources: list[str]) -> None:
        """Put these sources into the cells that are there, and take their outputs away."""
        self.page.evaluate(
            f"""sources => {{
                const cells = {_CURRENT}.content.model.cells;
                sources.forEach((source, index) => {{
                    cells.get(index).sharedModel.setSource(source);
                    cells.get(index).clearExecution();
                }});
            }}""",
            sources,
        )

    def run_all(self) -> None:
        """Run every cell and wait for the last one."""
        self.page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")  # resolves when done

    def run_cell(self, index: int) -> None:
        """Run one cell, counted from 0, and wait for it."""
        self.page.evaluate(
            f"""async index => {{
                const book = {_CURRENT}.content;
                book.activeCellIndex = index; book.deselectAll();
                await window.jupyterapp.commands.execute('notebook:run-cell');
            }}""",
            index,
        )

    def ask(self, code: str) -> str:
        """Run code in the kernel beside the cells and return what it prints or raises."""
        return self.page.evaluate(
            f"""async code => {{
                let said = '';
                const asked = {_KERNEL}.requestExecute({{code, silent: false, store_history: false}});
                asked.onIOPub = ({{header, content}}) => {{
                    if (header.msg_type === 'stream') said += content.text;
                    if (header.msg_type === 'error') said += content.ename + ': ' + content.evalue;
                }};
                await asked.done;
                return said.trim();
            }}""",
            code,
        )

    def save(self) -> None:
        """Save the notebook and wait for it."""
        self.page.evaluate(f"{_CURRENT}.context.save()")

    def restart_kernel(self) -> None:
        """Restart the kernel, without a question, and wait for it."""
        self.page.evaluate(f"{_KERNEL}.restart()")
        self.wait_for_kernel()

    def use_theme(self, name: str) -> None:
        """Switch JupyterLab's colours, e.g. to "JupyterLab Dark"."""
        self.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", name)
        self.wait(1)

    def now(self) -> float:
        """Return the page's clock, in milliseconds."""
        return self.page.evaluate("performance.now()")

    def pictures(self) -> list[float]:
        """Return when each picture of a panel was shown, on the page's clock, in milliseconds."""
        return self.page.evaluate("window.__pictures")

    def wait(self, seconds: float) -> None:
        self.page.wait_for_timeout(1000 * seconds)

    def close(self) -> None:
        """Shut the kernel down and close the tab."""
        self.page.evaluate(f"{_CURRENT}.sessionContext.shutdown()")
        self.page.context.close()


class PanelOnScreen:
    """The parts of a panel, as somebody in front of the screen finds them."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook, self.page = notebook, notebook.page

    def wait(self, seconds: float = 30) -> None:
        """Wait until the panel's picture and status are there."""
        self.page.wait_for_selector("img.widget-image", timeout=1000 * seconds)
        self.page.wait_for_function(
            "[...document.querySelectorAll('img.widget-image')].some(image => image.naturalWidth > 0)",
            timeout=1000 * seconds,
        )
        self.page.wait_for_selector("[role=status]", timeout=1000 * seconds)
        self.page.wait_for_selector(".widget-slider, .widget-toggle-buttons", timeout=1000 * seconds)

    @property
    def status(self) -> str:
        return self.page.locator("[role=status]").first.inner_text()

    @property
    def alert(self) -> str:
        shown = self.page.locator("[role=alert]")
        return shown.first.inner_text() if shown.count() else ""

    def button(self, name: str) -> Any:
        return self.page.locator("button.jupyter-button", has_text=name).first

    def play(self) -> None:
        """Press Play; pressed again, it pauses."""
        self.page.locator(".widget-play button").first.click()

    def wait_for_status_other_than(self, before: str, seconds: float = 20) -> str:
        """Wait until the status line has changed, and return it."""
        self.page.wait_for_function(
            "before => document.querySelector('[role=status]')?.innerText !== before",
            arg=before,
            timeout=1000 * seconds,
        )
        return self.status

    def settle(self, seconds: float = 20) -> None:
        """Wait until nothing more comes: the kernel is idle and the status stays as it is."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            before = self.status
            self.notebook.ask("")  # everything sent before has been answered
            self.notebook.wait(0.3)
            if self.status == before:
                return
        raise TimeoutError(f"the panel did not come to rest within {seconds:.0f} s; it says {self.status!r}")

    def frames_per_second(self, seconds: float = 3.0) -> float:
        """Return how many pictures a second the page shows."""
        start = self.notebook.now()
        self.notebook.wait(seconds)
        end = self.notebook.now()
        return sum(start < shown <= end for shown in self.notebook.pictures()) / (end - start) * 1000

    def seconds_to_pause(self, watched: float = 1.5) -> float:
        """Press pause and return for how long new pictures still came."""
        pressed = self.notebook.now()
        self.play()
        self.notebook.wait(watched)
        late = [shown for shown in self.notebook.pictures() if shown > pressed]
        return (late[-1] - pressed) / 1000 if late else 0.0

    def controls(self) -> Iterator[tuple[str, Any]]:
        """Yield each control's label and a function that moves it, with the keyboard."""
        page = self.page
        for slider in page.locator(".widget-slider").all():
            handle = slider.locator(".noUi-handle").first
            label = slider.locator(".widget-label").first.inner_text()
            yield label, lambda handle=handle: self._nudge(handle)
        for choice in page.locator(".widget-toggle-buttons").all():
            label = choice.locator(".widget-label").first.inner_text()
            other = choice.locator("button:not(.mod-active)").last
            yield label, lambda other=other: (other.focus(), page.keyboard.press("Space"))
        for switch in page.locator(".widget-checkbox").all():
            box = switch.locator("input")
            yield switch.inner_text(), lambda box=box: (box.focus(), page.keyboard.press("Space"))

    def _nudge(self, handle: Any, notches: int = 5) -> None:
        """Move a slider's handle towards the end that is farther away."""
        here, low, high = (float(handle.get_attribute(f"aria-value{what}")) for what in ("now", "min", "max"))
        handle.focus()
        for _ in range(notches):
            self.page.keyboard.press("ArrowLeft" if here - low > high - here else "ArrowRight")
