"""Colab without Colab: its versions in an environment of their own, the course installed there by the set-up cell.

The environment is made once, in build/colab, and kept.
"""

import importlib.metadata
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from course import ROOT, Course

HERE = Path(__file__).resolve().parent
CONSTRAINTS = HERE / "constraints.txt"
ENVIRONMENT = ROOT / "build" / "colab"


class Machine:
    """A stand-in for Colab's virtual machine.

    Attributes:
        python: its Python, as a path.
        environment: what its processes see.
    """

    def __init__(self, folder, home):
        self.folder, self.home = folder, home
        self.python = folder / "bin" / "python"
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "JUPYTER", "GANCOURSE"))
        }
        self.environment = kept | {
            "PATH": os.pathsep.join([str(folder / "bin"), os.environ["PATH"]]),
            "PYTHONPATH": str(HERE / "stand_in"),
            "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
            "IPYTHONDIR": str(home / "ipython"),
            "JUPYTER_CONFIG_DIR": str(home / "jupyter"),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTER_PREFER_ENV_PATH": "1",
            "GANCOURSE_CACHE": str(home / "cache"),
            "GANCOURSE_OFFLINE": "1",
            "GANCOURSE_DEVICE": "cpu",
            "OMP_NUM_THREADS": "1",
            "GANCOURSE_THREADS": "1",
        }

    def run(self, *arguments, cwd=None, timeout=3600):
        """Run this machine's Python and return what it prints; a failure shows all it said."""
        done = subprocess.run(
            [self.python, *map(str, arguments)], env=self.environment, cwd=cwd or self.home, timeout=timeout,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-4000:]
        return done.stdout

    def packages(self):
        """Return each installed package and its version."""
        (places,) = self.folder.glob("lib/python*/site-packages")
        return {f"{found.name}=={found.version}" for found in importlib.metadata.distributions(path=[str(places)])}

    def forget_the_course(self):
        self.run("-m", "pip", "uninstall", "-y", "-q", "gancourse")


def lend(name, folder):
    """Link a package of this environment, as it is, into the other one."""
    (places,) = folder.glob("lib/python*/site-packages")
    found = importlib.metadata.distribution(name)
    for top in {file.parts[0] for file in found.files} - {"..", "__pycache__"}:
        (places / top).symlink_to(Path(found.locate_file(top)).resolve())


def make_environment(folder):
    """Install Colab's versions, unless they are there already; a visible skip where they cannot be had.

    Pip is this environment's own, and so is PyTorch where it has the version wanted: to unpack it is most of the work.
    """
    torch = next(line for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if line[:7] == "torch==")
    mark, wanted = folder / "made-for.txt", f"{CONSTRAINTS.read_text(encoding='utf-8')}\n{torch}\n{sys.prefix}\n"
    if mark.exists() and mark.read_text(encoding="utf-8") == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-compile"]
    venv = [sys.executable, "-m", "venv", "--without-pip", folder]
    try:
        subprocess.run(venv, check=True, capture_output=True, text=True)
        lend("pip", folder)
        if importlib.metadata.version("torch").partition("+")[0] == torch.partition("==")[2]:
            lend("torch", folder)
        subprocess.run([*pip, "-r", CONSTRAINTS, torch], check=True, capture_output=True, text=True, timeout=1800)
    except (subprocess.SubprocessError, OSError) as problem:
        why = (getattr(problem, "stderr", "") or str(problem)).strip().splitlines()[-1:]
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"no test with Colab's versions: they could not be installed here: {' '.join(why)}")
    mark.write_text(wanted, encoding="utf-8")


@pytest.fixture(scope="session")
def machine(tmp_path_factory):
    """Colab's versions, nothing of the course yet, and git that finds the course's address on this disk."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    make_environment(ENVIRONMENT)
    home = tmp_path_factory.mktemp("colab")
    made = Machine(ENVIRONMENT, home)
    address = Course(ROOT).address
    (home / "gitconfig").write_text(
        f'[url "{publish(home).as_uri()}"]\n\tinsteadOf = {address}\n\tinsteadOf = {address}.git\n', encoding="utf-8"
    )
    startup = home / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "colab.py").write_text("import google.colab\n", encoding="utf-8")  # Colab's kernels have it loaded
    made.forget_the_course()
    yield made
    made.forget_the_course()


def publish(home):
    """Make a bare repository whose branch main holds the checkout as it lies here, and return where it is."""
    work, bare = home / "work", home / "gancourse.git"
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    names = subprocess.run(
        [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    for name in filter(None, names.decode().split("\0")):
        if (ROOT / name).is_file():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, work / name)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "The course"]):
        subprocess.run([*git, *command], cwd=work, check=True)
    subprocess.run([*git, "clone", "-q", "--bare", str(work), str(bare)], check=True)
    return bare
