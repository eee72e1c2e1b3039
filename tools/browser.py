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

PATIENCE = 120
"""Seconds to wait for what takes one or two where nothing else runs; a test machine may be busy."""

_OFTEN = 50
"""Milliseconds between two looks at a page that something is waited for in; left out, a look at each frame drawn."""

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
_WATCH_PICTURES = """
    window.__pictures = [];
    window.__different = new Set();
    const digest = async address => {
        const bytes = await (await fetch(address)).arrayBuffer();
        const hash = await crypto.subtle.digest('SHA-256', bytes);
        window.__different.add(Array.from(new Uint8Array(hash).slice(0, 8)).join());
    };
    const source = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, 'src');
    Object.defineProperty(HTMLImageElement.prototype, 'src', {
        get() { return source.get.call(this); },
        set(value) {
            if (String(value).startsWith('blob:')) {
                digest(value).catch(() => {});
                this.addEventListener('load', () => window.__pictures.push(performance.now()), {once: true});
            }
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


def longest_pause(frames_per_second: float) -> float:
    """Return for how many seconds after a press of pause frames may still come.

    What is promised is 0.4 s. On a machine so busy that a frame takes more than a third of that: three frames, one
    that is being drawn, one that waits and one on its way.
    """
    return max(0.4, 3 / frames_per_second)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stop(server: subprocess.Popen) -> None:
    """Ask a server to end, and make it end if it does not."""
    server.terminate()
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


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
        self.port = free_port()
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
                env=os.environ | settings | self._kernels_see(path),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _kernels_see(self, path: str) -> dict[str, str]:
        """Return what the kernels inherit: the checkout, one thread, no downloads, a cache of their own."""
        return {
            "PYTHONPATH": path,
            "OMP_NUM_THREADS": "1",
            "GANCOURSE_THREADS": "1",
            "GANCOURSE_DEVICE": os.environ.get("GANCOURSE_DEVICE") or "cpu",
            "GANCOURSE_OFFLINE": "1",
            "GANCOURSE_CACHE": str(self.folder / "cache"),
            "IPYTHONDIR": str(self.folder / "ipython"),
        }

    def _wait_until_it_answers(self, seconds: float = PATIENCE) -> None:
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
        stop(self._server)


def write(lab: JupyterLab, name: str, cells: list[str]) -> None:
    """Put a notebook with these code cells into the server's folder."""
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    made = new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata=metadata)
    nbformat.write(made, lab.notebooks / f"{name}.ipynb")


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
        write(lab, name, cells)
        return self.open_file(lab, name, width=width, height=height)

    def open_copy(self, lab: JupyterLab, path: Path, *, width: int = 1100, height: int = 900) -> Notebook:
        """Open a copy of a notebook in a new tab, kernel ready, with the outputs that are stored in it."""
        shutil.copy(path, lab.notebooks)
        for folder in (other for other in path.parent.iterdir() if other.is_dir() and other.name[0] != "."):
            shutil.copytree(folder, lab.notebooks / folder.name, dirs_exist_ok=True)  # pictures that the text shows
        return self.open_file(lab, path.stem, width=width, height=height)

    def new_context(self, *, width: int = 1100, height: int = 900, **options: Any) -> Any:
        """Return a fresh profile, with Playwright's own options; close it when you are done."""
        return self._chromium.new_context(viewport={"width": width, "height": height}, **options)

    def new_page(self, *, width: int = 1100, height: int = 900) -> Any:
        """Open an empty page, in which the pictures of panels will be counted."""
        page = self.new_context(width=width, height=height).new_page()
        page.add_init_script(_WATCH_PICTURES)
        page.set_default_timeout(1000 * PATIENCE)
        page.set_default_navigation_timeout(1000 * PATIENCE)
        return page

    def open_file(self, lab: JupyterLab, name: str, *, width: int = 1100, height: int = 900) -> Notebook:
        """Open a notebook that lies in the server's folder."""
        page = self.new_page(width=width, height=height)
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

    def panel_of(self, index: int) -> PanelOnScreen:
        """Scroll to a cell and return the panel under it."""
        self.scroll_to(index)
        return PanelOnScreen(self, f'.jp-Cell[data-windowed-list-index="{index}"] ')

    def wait_for_kernel(self) -> None:
        """Wait until the notebook is there and its kernel is idle."""
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=1000 * PATIENCE)
        ready = f"window.jupyterapp && {_CURRENT}?.sessionContext?.isReady && {_KERNEL}?.status === 'idle'"
        self.page.wait_for_function(ready, timeout=2000 * PATIENCE, polling=_OFTEN)

    def show(self, lab: JupyterLab, name: str, cells: list[str]) -> None:
        """Close this notebook and its kernel, and open one with these code cells in the same tab, kernel ready."""
        write(lab, name, cells)
        self.show_file(name)

    def show_file(self, name: str) -> None:
        """The same with a notebook that lies in the server's folder."""
        self.page.evaluate(
            f"""async path => {{
                const before = {_CURRENT};
                await before.sessionContext.shutdown();
                before.dispose();
                await window.jupyterapp.commands.execute('docmanager:open', {{path}});
            }}""",
            f"{name}.ipynb",
        )
        self.wait_for_kernel()
        self.complaints.clear()  # of a kernel that was shut down while somebody asked it something

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

    def begin_run_all(self) -> None:
        """Begin to run every cell, and do not wait."""
        self.page.evaluate(
            """() => {
                window.__done = false;
                window.jupyterapp.commands.execute('notebook:run-all-cells').finally(() => { window.__done = true; });
            }"""
        )

    def wait_until_done(self, seconds: float = 3600) -> None:
        """Wait for the cells that one of the ``begin_`` methods began."""
        self.page.wait_for_function("window.__done", timeout=1000 * seconds, polling=200)

    def begin_restart_and_run_all(self) -> None:
        """Restart the kernel and run all cells, with the menu's command and its question, and do not wait."""
        self.page.evaluate(
            """() => {
                window.__done = false;
                window.jupyterapp.commands.execute('notebook:restart-run-all').finally(() => { window.__done = true; });
            }"""
        )
        self.page.locator(".jp-Dialog button.jp-mod-accept").click()

    def interrupt(self) -> None:
        """Press the square in the toolbar."""
        self.page.locator('[data-command="notebook:interrupt-kernel"]').first.click()

    def reload(self) -> None:
        """Save, load the page again, and wait for the kernel, which has gone on."""
        self.save()
        self.page.reload()
        self.wait_for_kernel()

    def cells(self) -> list[dict[str, Any]]:
        """Return each cell as it would be stored: type, execution_count, outputs ..."""
        return self.page.evaluate(f"[...{_CURRENT}.content.model.cells].map(cell => cell.toJSON())")

    def scroll_to(self, index: int) -> None:
        """Bring a cell to the top of the window and wait until it is drawn."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:  # a page that is still being drawn may scroll back
            self.page.evaluate(f"index => {_CURRENT}.content.scrollToItem(index, 'start')", index)
            self.wait(0.3)
            if self.page.locator(f'.jp-Cell[data-windowed-list-index="{index}"]').count():
                return
        raise TimeoutError(f"cell {index} was not drawn within {PATIENCE} s")

    def screenshots(self, folder: Path, name: str) -> list[Path]:
        """Leave pictures of the notebook from top to bottom: name_00.png, name_01.png and so on."""
        made: list[Path] = []
        scroller = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer"
        move = f"y => {{ const box = document.querySelector('{scroller}'); box.scrollTop = y; return box.scrollTop; }}"
        wanted, before = 0.0, -1.0
        while (here := self.page.evaluate(move, wanted)) > before and len(made) < 99:
            self.wait(0.4)
            made.append(folder / f"{name}_{len(made):02d}.png")
            self.page.screenshot(path=made[-1])
            before, wanted = here, here + self.page.evaluate(f"document.querySelector('{scroller}').clientHeight") - 40
        return made

    def begin_run_cell(self, index: int) -> None:
        """Begin to run one cell, counted from 0, and do not wait."""
        self.page.evaluate(
            f"""index => {{
                const book = {_CURRENT}.content;
                book.activeCellIndex = index; book.deselectAll();
                window.__done = false;
                window.jupyterapp.commands.execute('notebook:run-cell').finally(() => {{ window.__done = true; }});
            }}""",
            index,
        )

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

    def forget_pictures(self) -> None:
        """Begin to count anew, for :meth:`different_pictures`."""
        self.page.evaluate("window.__different.clear()")

    def different_pictures(self) -> int:
        """Return how many different pictures panels have shown since :meth:`forget_pictures`."""
        return self.page.evaluate("window.__different.size")

    def wait(self, seconds: float) -> None:
        self.page.wait_for_timeout(1000 * seconds)

    def close(self) -> None:
        """Shut the kernel down and close the tab."""
        self.page.evaluate(f"{_CURRENT}.sessionContext.shutdown()")
        self.page.context.close()


class PanelOnScreen:
    """The parts of a panel, as somebody in front of the screen finds them.

    Args:
        notebook: where it is.
        within: CSS of what holds it, with a space at the end; the whole page if not given.
    """

    def __init__(self, notebook: Notebook, within: str = "") -> None:
        self.notebook, self.page, self.within = notebook, notebook.page, within

    def wait(self, seconds: float = 60) -> None:
        """Wait until the panel's picture and status are there."""
        self.page.wait_for_selector(f"{self.within}img.widget-image", timeout=1000 * seconds)
        self.page.wait_for_function(
            "images => [...document.querySelectorAll(images)].some(image => image.naturalWidth > 0)",
            arg=f"{self.within}img.widget-image",
            timeout=1000 * seconds,
            polling=_OFTEN,
        )
        self.page.wait_for_selector(f"{self.within}[role=status]", timeout=1000 * seconds)
        self._locate(".widget-slider, .widget-toggle-buttons").first.wait_for(timeout=1000 * seconds)

    def _locate(self, css: str) -> Any:
        return (self.page.locator(self.within.strip()) if self.within else self.page).locator(css)

    @property
    def status(self) -> str:
        return self._locate("[role=status]").first.inner_text()

    @property
    def alert(self) -> str:
        shown = self._locate("[role=alert]")
        return shown.first.inner_text() if shown.count() else ""

    def button(self, name: str) -> Any:
        return self._locate("button.jupyter-button").filter(has_text=name).first

    def play(self) -> None:
        """Press Play; pressed again, it pauses."""
        self._locate(".widget-play button").first.click()

    def wait_for_frames(self, many: int = 5, seconds: float = 60) -> int:
        """Wait until so many different pictures were shown while it plays, and return how many there are."""
        self.notebook.forget_pictures()
        self.page.wait_for_function(
            "many => window.__different.size >= many", arg=many, timeout=1000 * seconds, polling=_OFTEN
        )
        return self.notebook.different_pictures()

    def wait_for_status_other_than(self, before: str, seconds: float = 60) -> str:
        """Wait until the status line has changed, and return it."""
        self.page.wait_for_function(
            "([line, before]) => ![undefined, before].includes(document.querySelector(line)?.innerText)",
            arg=[f"{self.within}[role=status]", before],
            timeout=1000 * seconds,
            polling=_OFTEN,
        )
        return self.status

    def settle(self, seconds: float = 60) -> None:
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

    def seconds_to_pause_at_best(self, enough: float, tries: int = 4) -> float:
        """Pause, and while that took longer than ``enough`` play and pause again; return the shortest pause.

        One press among busy neighbours says little about the panel; a panel that is slow is slow each time.
        """
        best = self.seconds_to_pause()
        while best > enough and (tries := tries - 1):
            self.play()
            self.wait_for_frames(2)
            best = min(best, self.seconds_to_pause())
        return best

    @property
    def live(self) -> bool:
        """Whether there is a Play button."""
        return self._locate(".widget-play").count() > 0

    def controls(self) -> Iterator[tuple[str, Any]]:
        """Yield each control's label and a function that moves it, with the keyboard."""
        page = self.page
        for slider in self._locate(".widget-slider").all():
            handle = slider.locator(".noUi-handle").first
            label = slider.locator(".widget-label").first.inner_text()
            yield label, lambda handle=handle: self._nudge(handle)
        for choice in self._locate(".widget-toggle-buttons").all():
            label = choice.locator(".widget-label").first.inner_text()
            other = choice.locator("button:not(.mod-active)").last
            yield label, lambda other=other: (other.focus(), page.keyboard.press("Space"))
        for switch in self._locate(".widget-checkbox").all():
            box = switch.locator("input")
            yield switch.inner_text(), lambda box=box: (box.focus(), page.keyboard.press("Space"))

    def _nudge(self, handle: Any, notches: int = 5) -> None:
        """Move a slider's handle towards the end that is farther away."""
        here, low, high = (float(handle.get_attribute(f"aria-value{what}")) for what in ("now", "min", "max"))
        handle.focus()
        for _ in range(notches):
            self.page.keyboard.press("ArrowLeft" if here - low > high - here else "ArrowRight")
