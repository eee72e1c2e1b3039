"""What is shipped: the wheel, the dependencies, and what a reader of the repository finds."""

import ast
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import gancourse
import notebook_rules as rules
import notebooks
from course import ROOT, Course

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
TEXT_ENDINGS = {".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".ipynb", ".cfg", ".json", ""}


def requirements(lines):
    return {requirement.name: requirement for requirement in map(Requirement, lines)}


# ---------------------------------------------------------------- dependencies


def test_conda_gets_the_same_packages_in_the_same_ranges():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    plain = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    got = {re.split(r"[<>=!~]", entry, maxsplit=1)[0]: re.sub(r"^[\w.-]+", "", entry) for entry in plain}
    wanted = {"python": PROJECT["requires-python"], "pip": ""}
    for name, requirement in requirements(PROJECT["dependencies"]).items():
        wanted[CONDA_NAMES.get(name, name)] = str(requirement.specifier)
    for name, requirement in requirements(PROJECT["optional-dependencies"]["lab"]).items():
        wanted[CONDA_NAMES.get(name, name)] = str(requirement.specifier)
    assert got == wanted
    assert {"pip": ["-e ."]} in environment["dependencies"]


def test_constraints_are_exact_and_within_the_ranges():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"==[\w.]+", str(pin.specifier)) for pin in pins), "name==version, no local version"
    names = {pin.name.lower() for pin in pins}
    extras = PROJECT["optional-dependencies"]
    optional = [line for name in ("lab", "track", "export", "dev") for line in extras[name]]
    for requirement in map(Requirement, PROJECT["dependencies"] + optional):
        if requirement.name == PROJECT["name"]:
            continue
        assert requirement.name in names, f"constraints.txt has no version of {requirement.name}"
        for pin in pins:
            if pin.name.lower() == requirement.name:
                assert next(iter(pin.specifier)).version in requirement.specifier, pin


# Colab's image of August 2026. Nothing here may be reinstalled by the set-up cell.
COLAB = {
    "torch": "2.11.0",
    "numpy": "2.1.3",
    "matplotlib": "3.10.0",
    "ipywidgets": "7.7.1",
    "scipy": "1.16.3",
    "scikit-learn": "1.6.1",
    "pooch": "1.9.0",
    "pillow": "11.3.0",
    "tqdm": "4.67.3",
}


def test_colab_has_all_that_the_package_needs():
    wanted = requirements(PROJECT["dependencies"])
    assert wanted.keys() == COLAB.keys()
    assert all(COLAB[name] in requirement.specifier for name, requirement in wanted.items())
    assert all(python in SpecifierSet(PROJECT["requires-python"]) for python in ("3.12", "3.13"))


def test_everything_imported_is_a_dependency():
    """Also what is imported inside functions, which no start of the package would notice."""
    names = {"sklearn": "scikit-learn", "PIL": "pillow", "IPython": "ipywidgets", "requests": "pooch"}
    extras = PROJECT["optional-dependencies"]
    wanted = requirements(PROJECT["dependencies"] + extras["track"] + extras["export"])
    not_ours = {"gancourse", "google"}  # google.colab is asked only where Colab has brought it
    for file in (ROOT / "gancourse").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            imported += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in {name.partition(".")[0] for name in imported} - set(sys.stdlib_module_names) - not_ours:
                assert names.get(name, name) in wanted, f"{file.name} imports {name}, which is no dependency"


# ---------------------------------------------------------------- the wheel


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The package, built from its sources and installed alone into a fresh folder, with no network."""
    return notebooks.install(Course(ROOT), tmp_path_factory.mktemp("wheel"))


def test_the_installed_package_is_whole(installed):
    def files(folder):
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix != ".pyc" and path.is_file()}

    assert files(installed / "gancourse") == files(ROOT / "gancourse")
    others = {path.name for path in installed.iterdir()} - {"gancourse", f"gancourse-{gancourse.__version__}.dist-info"}
    assert not others, "tests, tools and notebooks stay out of the wheel"
    licence = list(installed.glob("*.dist-info/**/LICENSE"))
    assert licence and "MIT" in licence[0].read_text(encoding="utf-8")


def test_every_module_of_the_installed_package_can_be_imported_offline(installed, tmp_path):
    names = [module.name for module in pkgutil.walk_packages(gancourse.__path__, "gancourse.")]
    program = f"import importlib\nfor n in {names}: print(importlib.import_module(n).__file__)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), str(ROOT / "tools" / "offline")])}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert len(names) > 10
    assert all(line.startswith(str(installed)) for line in done.stdout.splitlines())


def test_the_network_is_really_cut_off(tmp_path):
    """The notebooks run with tools/offline on their path: nothing outside is reached, this machine itself is."""
    program = """
import socket, urllib.request
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
socket.getaddrinfo("localhost", 80)
for attempt in (
    lambda: socket.create_connection(("192.0.2.1", 80), timeout=5),
    lambda: socket.getaddrinfo("example.org", 80),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)),
    lambda: urllib.request.urlopen("https://example.org", timeout=5),
):
    try:
        attempt()
    except OSError as error:
        assert "cut off" in str(error), error
    else:
        raise SystemExit("reached the network")
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tools" / "offline")}
    subprocess.run([sys.executable, "-c", program], env=environment, cwd=tmp_path, check=True)


# ---------------------------------------------------------------- what a reader finds


def public_things():
    for module in pkgutil.walk_packages(gancourse.__path__, "gancourse."):
        if not module.name.rpartition(".")[2].startswith("_"):
            yield module.name


@pytest.mark.parametrize("name", list(public_things()))
def test_what_is_public_is_explained(name):
    """Every public module, function, class and method has a docstring, and every public name exists."""
    module = importlib.import_module(name)
    assert inspect.getdoc(module), f"{name} has no docstring"
    things = {key: getattr(module, key) for key in getattr(module, "__all__", [])}
    for key, thing in vars(module).items():
        if not key.startswith("_") and getattr(thing, "__module__", None) == name:
            things[key] = thing
    for key, thing in things.items():
        if not (inspect.isclass(thing) or inspect.isroutine(thing)):
            continue
        assert inspect.getdoc(thing), f"{name}.{key} has no docstring"
        if inspect.isroutine(thing) or getattr(thing, "_is_protocol", False):
            continue  # a protocol says in one docstring what its methods are
        for method, function in vars(thing).items():
            if not method.startswith("_") and inspect.isfunction(function):
                assert inspect.getdoc(getattr(thing, method)), f"{name}.{key}.{method} has no docstring"


def tracked_files():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("this copy of the course is no git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_a_path_of_a_machine():
    made_up = {"test_notebooks.py", "test_packaging.py", "notebook_rules.py"}  # they are about such paths
    for path in tracked_files():
        if path.suffix in TEXT_ENDINGS and path.name not in made_up:
            text = path.read_text(encoding="utf-8").replace("#!/usr/bin/env", "")
            if path.suffix == ".ipynb":
                text = re.sub(r'"image/png": "[^"]*"', "", text)
            found = rules.MACHINE_PATH.search(text)
            assert not found, f"{path.relative_to(ROOT)} names {found[0]}"


def test_the_address_stands_in_one_place():
    address = Course(ROOT).address.removeprefix("https://github.com/")
    stamped = {path for path in tracked_files() if path.suffix == ".ipynb"}
    naming = {
        path.name
        for path in tracked_files()
        if path not in stamped and path.suffix in TEXT_ENDINGS and address in path.read_text(encoding="utf-8")
    }
    assert naming == {"pyproject.toml"}


def test_no_file_is_large():
    for path in tracked_files():
        assert path.stat().st_size <= 400_000, f"{path.relative_to(ROOT)} has {path.stat().st_size:,} bytes"


def test_links_in_pages_lead_somewhere():
    for page in [ROOT / "README.md", *(ROOT / "notebooks").glob("*.md")]:
        for target in re.findall(r"\]\(([^)\s]+)", page.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:|#", target):
                assert (page.parent / target.partition("#")[0]).exists(), f"{page.name}: {target} leads nowhere"


def test_the_readme_draws_the_folders_that_exist():
    tree = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "gancourse").iterdir():
        if (path.suffix == ".py" and not path.stem.startswith("_")) or (path / "__init__.py").is_file():
            assert re.search(rf"^  {path.name}/? ", tree, flags=re.MULTILINE), f"README's tree lacks {path.name}"
    for name in re.findall(r"^(?:  )?([a-z_]+(?:\.py|/))  ", tree, flags=re.MULTILINE):
        assert any((folder / name).exists() for folder in (ROOT, ROOT / "gancourse")), f"README draws {name}"


def test_the_readme_cites_this_version():
    assert f"Version {gancourse.__version__}," in (ROOT / "README.md").read_text(encoding="utf-8")
