"""The classic Notebook, version 6, driven by the browser: the front end that goes with Colab's ipywidgets."""

import contextlib
import subprocess
import time
import urllib.error
import urllib.request

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

import browser


class Server:
    """A classic Notebook server of its own, on a free port. Use it in a ``with`` block."""

    def __init__(self, machine):
        self.machine, self.folder = machine, machine.home / "classic"

    def __enter__(self):
        self.folder.mkdir()
        self.port = browser.free_port()
        options = {"ip": "127.0.0.1", "port": self.port, "port_retries": 0, "notebook_dir": self.folder, "token": "",
                   "password": "", "disable_check_xsrf": True}  # fmt: skip
        command = [self.machine.python, "-m", "notebook", "--no-browser", "--allow-root"]
        command += [f"--NotebookApp.{name}={value}" for name, value in options.items()]
        with (self.machine.home / "classic.log").open("w") as log:
            self._server = subprocess.Popen(command, env=self.machine.environment, stdout=log, stderr=log)
        end = time.monotonic() + browser.PATIENCE
        while time.monotonic() < end and self._server.poll() is None:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/status", timeout=5).close()
                return self
            time.sleep(0.2)
        self.__exit__()
        raise RuntimeError(
            f"the classic Notebook did not start:\n{(self.machine.home / 'classic.log').read_text()[-2000:]}"
        )

    def __exit__(self, *_):
        browser.stop(self._server)

    def open(self, chromium, name, cells):
        """Write a notebook, open it, run all its cells; return it as the browser module knows notebooks."""
        made = new_notebook(
            cells=[new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        )
        nbformat.write(made, self.folder / f"{name}.ipynb")
        page = chromium.new_page()
        page.goto(f"http://127.0.0.1:{self.port}/notebooks/{name}.ipynb")
        page.wait_for_function(
            "window.Jupyter?.notebook?._fully_loaded && Jupyter.notebook.kernel?.is_connected()", timeout=60_000
        )
        page.wait_for_timeout(1000)
        page.evaluate("Jupyter.notebook.execute_all_cells()")
        return browser.Notebook(page)


def pause(panel):
    """Press pause, which is a button of its own in ipywidgets 7."""
    panel.page.locator(".widget-play button").nth(1).click()


def move_first_slider(panel):
    """Move it with the keyboard; a slider of ipywidgets 7 is made of other parts than one of 8."""
    panel.page.locator(".widget-slider .ui-slider-handle").first.focus()
    for _ in range(5):
        panel.page.keyboard.press("ArrowRight")


def close(notebook):
    """Shut the kernel down and close the page."""
    notebook.page.evaluate("new Promise(done => Jupyter.notebook.session.delete(done, done))")
    notebook.page.context.close()
