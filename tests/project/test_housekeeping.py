"""What surrounds the course: workflows, hooks, citation, changelog, glossary, and the archives to be published."""

import json
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile

import pytest
import yaml
from packaging.requirements import Requirement

import gancourse
from course import ROOT, Course

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
PINS = {
    pin.name: next(iter(pin.specifier)).version
    for pin in map(
        Requirement,
        (line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if line[:1] not in "#"),
    )
}


def made_commands(text):
    """Return the targets that a text tells to make."""
    return set(re.findall(r"(?:^|[\s`&;])make ([a-z-]+)", text, flags=re.MULTILINE))


# ---------------------------------------------------------------- workflows


def problems(text):
    """Yield what is wrong with a workflow."""
    flow = yaml.safe_load(text)
    if not isinstance(flow, dict) or not flow.get("jobs"):
        yield "no jobs"
        return
    triggers = flow.get("on", flow.get(True))  # YAML 1.1 reads `on` as true
    if not triggers or "pull_request_target" in triggers:
        yield "no triggers, or pull_request_target, which runs a stranger's code with our rights"
    if flow.get("permissions") != {"contents": "read"}:
        yield "permissions of the workflow should be contents: read and nothing else"
    for name, job in flow["jobs"].items():
        allowed = {"pages": "write", "id-token": "write"} if name == "deploy" else None
        if job.get("permissions") != allowed:
            yield f"{name}: permissions should be {allowed}"
        if "timeout-minutes" not in job:
            yield f"{name}: no timeout"
        steps = job["steps"]
        if allowed and any("run" in step or "checkout" in step.get("uses", "") for step in steps):
            yield f"{name}: a job that may write runs nothing of ours"
        for step in steps:
            if "checkout" in step.get("uses", "") and (step.get("with") or {}).get("persist-credentials") is not False:
                yield f"{name}: checkout keeps its token"
            if "${{" in step.get("run", ""):
                yield f"{name}: a command is put together from what others may choose"
            for target in made_commands(step.get("run", "")) - TARGETS:
                yield f"{name}: the Makefile has no {target}"
    for line in re.findall(r"uses:\s*(.*)", text):
        if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line.strip()):
            yield f"not pinned by a full commit with its version beside it: {line}"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_pinned_and_may_do_little(path):
    assert list(problems(path.read_text(encoding="utf-8"))) == []


MISTAKES = {
    "a tag": ("@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0", "@v5", "not pinned"),
    "a short commit": ("@08c6903cd8c0fde910a37f88322edcfb5dd907a8", "@08c6903", "not pinned"),
    "no version beside it": (" # v6.0.0", "", "not pinned"),
    "a stranger's action": ("actions/setup-python@", "somebody/setup-python@", "not pinned"),
    "write for all": ("contents: read", "contents: write", "contents: read and nothing else"),
    "no permissions named": ("permissions:\n  contents: read\n", "", "contents: read and nothing else"),
    "a job that may write": ("  build:\n", "  build:\n    permissions:\n      pages: write\n", "build: permissions"),
    "more for the last job": ("      pages: write\n", "      pages: write\n      contents: write\n", "deploy: perm"),
    "no timeout": ("    timeout-minutes: 10\n", "", "no timeout"),
    "a token left behind": ("persist-credentials: false", "persist-credentials: true", "keeps its token"),
    "a command that is not there": ("make site", "make website", "no website"),
    "words of others in a command": ("make site", "make site ${{ github.event.head }}", "others may choose"),
    "our code with rights": (
        "      - id: deployment\n",
        "      - run: make site\n      - id: deployment\n",
        "nothing of",
    ),
    "the dangerous trigger": ("  workflow_dispatch:", "  pull_request_target:", "pull_request_target"),
}


@pytest.mark.parametrize("old, new, message", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_a_workflow_is_found(old, new, message):
    text = (ROOT / ".github" / "workflows" / "site.yml").read_text(encoding="utf-8")
    assert old in text
    assert any(message in problem for problem in problems(text.replace(old, new)))


def test_an_action_has_one_version():
    used = {pin for path in WORKFLOWS for pin in re.findall(r"uses:\s*(.*)", path.read_text(encoding="utf-8"))}
    assert len({pin.partition("@")[0] for pin in used}) == len(used) >= 4


def test_the_site_that_is_published_is_the_one_that_is_built():
    text = (ROOT / ".github" / "workflows" / "site.yml").read_text(encoding="utf-8")
    assert "path: build/site\n" in text and "into build/site" in (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "build/" in (ROOT / ".gitignore").read_text(encoding="utf-8").split()


def test_the_forms_for_issues_are_complete():
    for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        if path.name == "config.yml":
            assert form == {"blank_issues_enabled": True}
            continue
        assert {"name", "description", "body"} <= form.keys()
        ids = [item["id"] for item in form["body"]]
        assert len(set(ids)) == len(ids)
        for item in form["body"]:
            assert item["type"] in ("input", "textarea", "dropdown") and item["attributes"]["label"]
            assert item["type"] != "dropdown" or len(item["attributes"]["options"]) > 1
        assert any(item.get("validations", {}).get("required") for item in form["body"])


# ---------------------------------------------------------------- hooks, container, citation, changelog


def test_the_hooks_use_the_pinned_versions_and_files_that_exist():
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    hooks = [hook for repo in repos for hook in repo["hooks"]]
    assert {hook["id"] for hook in hooks} == {"ruff-check", "ruff-format", "notebooks"}
    for hook in hooks:
        for needed in map(Requirement, hook["additional_dependencies"]):
            assert str(needed.specifier) == f"=={PINS[needed.name]}", needed
        for word in hook["entry"].split():
            assert not word.endswith(".py") or (ROOT / word).is_file()
    pattern = next(hook["files"] for hook in hooks if hook["id"] == "notebooks")
    assert all(re.search(pattern, f"notebooks/{path.name}") for path in Course(ROOT).notebooks)


def test_the_hook_for_notebooks_needs_no_more_than_it_installs():
    """It runs in an environment of its own, with these packages and what they bring."""
    absent = "torch=None, numpy=None, matplotlib=None, gancourse=None, rfc3987_syntax=None"
    program = f"import sys\nsys.modules.update({absent})\nimport notebooks"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT / "tools", check=True)


def test_the_container_is_made_with_commands_that_exist():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert made_commands(container["postCreateCommand"]) == {"setup"} <= TARGETS
    assert container["image"].rpartition(":")[2].startswith("3.11")
    assert container["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"].endswith(
        ".venv/bin/python"
    )


def test_the_citation_is_valid_and_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    known = {"abstract", "cff-version", "message", "title", "type", "authors", "version", "license", "keywords"}
    assert citation.keys() <= known, "what CFF 1.2.0 does not know"
    assert citation["cff-version"] == "1.2.0" and citation["type"] == "software" and citation["license"] == "MIT"
    assert citation["version"] == gancourse.__version__
    assert citation["authors"] == [{"name": "The gancourse authors"}]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"*{citation['title']}.* Version {citation['version']}" in readme


def changelog_problems(text):
    """Yield what Keep a Changelog would object to."""
    if not text.startswith("# Changelog\n"):
        yield "no title"
    versions = re.findall(r"^## (.*)$", text, flags=re.MULTILINE)
    if not versions or versions[0] != "[Unreleased]":
        yield "the first part should be [Unreleased]"
    for version in versions[1:]:
        if not re.fullmatch(r"\[\d+\.\d+\.\d+\] - 20\d\d-[01]\d-[0-3]\d", version):
            yield f"not '[1.2.3] - 2030-01-31': {version}"
    numbers = [tuple(map(int, re.findall(r"\d+", version)[:3])) for version in versions[1:]]
    if numbers != sorted(numbers, reverse=True):
        yield "the newest version comes first"
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "Known limits"}
    for kind in set(re.findall(r"^### (.*)$", text, flags=re.MULTILINE)) - kinds:
        yield f"no kind of change: {kind}"


def test_the_changelog_keeps_its_form():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert list(changelog_problems(text)) == []
    assert gancourse.__version__ in text
    released = "## [0.1.0] - 2026-12-01\n\n### Added\n\n- All.\n"
    assert list(changelog_problems(f"{text}\n{released}")) == []
    wrong = ["## 0.1.0\n", "## [0.1.0]\n", f"{released}\n## [0.2.0] - 2027-01-01\n", "### News\n"]
    for later in wrong:
        assert list(changelog_problems(f"{text}\n{later}")), later


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "CHANGELOG.md", "docs/index.md", "docs/teaching.md", "README.md"])
def test_pages_name_commands_and_files_that_exist(name):
    page = ROOT / name
    text = page.read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```.*?```|`[^`]*`", text, flags=re.DOTALL))
    assert made_commands(code) <= TARGETS, made_commands(code) - TARGETS
    here = page.parent if not name.startswith("docs") else ROOT
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        target = target.partition("#")[0]
        if target and not re.match(r"[a-z]+:|\{\{|stills/", target):  # stills of panels are made with the site
            assert (here / target).exists() or (page.parent / target).exists(), f"{name}: {target}"
    for file in re.findall(r"(?:\.venv/bin/)?python (tools/\w+\.py)", text):
        assert (ROOT / file).is_file(), file


def test_the_style_has_ten_lines():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    style = text.partition("## Style in ten lines\n")[2].partition("\n## ")[0]
    assert re.findall(r"^(\d+)\. ", style, flags=re.MULTILINE) == [str(k) for k in range(1, 11)]


def test_what_the_site_needs_is_pinned():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for needed in map(Requirement, extras["site"]):
        assert PINS[needed.name] in needed.specifier
    assert "gancourse[lab,site]" in extras["dev"], "make site and the tests of the site need it"


# ---------------------------------------------------------------- the glossary


def slug(word):
    """Return the anchor of a word: what stands before its first comma, in small letters and hyphens."""
    made = re.sub(r"[^a-z0-9]+", "-", word.partition(",")[0].lower().replace("é", "e")).strip("-")
    return re.sub(r"^1-", "one-", made)


def glossary_problems(text, existing):
    """Yield what is wrong with the glossary's tables."""
    anchors = []
    for line in text.splitlines():
        if not line.startswith("| ") or line.startswith("| word |"):
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if len(cells) != 4:
            yield f"not four columns: {line}"
            continue
        word, sentence, met, chinese = cells
        match = re.fullmatch(r'<a id="([^"]*)"></a>(.+)', word)
        if match is None or match[1] != slug(match[2]):
            yield f'should begin with <a id="{slug(re.sub("<.*>", "", word))}"></a>: {line}'
        else:
            anchors.append(match[1])
        number = re.fullmatch(r"\[(\d\d)\]\((\d\d)_\w+\.ipynb\)|(\d\d)", met)
        if number is None or number[1] != number[2]:
            yield f"should name the notebook where it is first met: {line}"
        elif bool(number[1]) != ((number[1] or number[3]) in existing):
            yield f"notebook {number[1] or number[3]}: linked if it is there, a plain number if it is planned: {line}"
        if not chinese or not sentence:
            yield f"something is missing: {line}"
    for anchor in {anchor for anchor in anchors if anchors.count(anchor) > 1}:
        yield f"used twice: {anchor}"


def test_the_glossary_can_be_linked_to():
    text = (ROOT / "notebooks" / "glossary.md").read_text(encoding="utf-8")
    assert list(glossary_problems(text, {path.name[:2] for path in Course(ROOT).notebooks})) == []


@pytest.mark.parametrize(
    "row, message",
    [
        ("| mode | a place | [04](04_x.ipynb) | 模式 |", 'begin with <a id="mode">'),
        ('| <a id="modes"></a>mode | a place | [04](04_x.ipynb) | 模式 |', 'begin with <a id="mode">'),
        ('| <a id="mode"></a>mode | a place | [04](04_x.ipynb) |', "four columns"),
        ('| <a id="mode"></a>mode | a place | [04](05_x.ipynb) | 模式 |', "first met"),
        ('| <a id="mode"></a>mode | a place | 04 | 模式 |', "linked if it is there"),
        ('| <a id="mode"></a>mode | a place | [07](07_x.ipynb) | 模式 |', "linked if it is there"),
        ('| <a id="gan"></a>GAN | a pair | [04](04_x.ipynb) | 网络 |', "used twice"),
    ],
)
def test_a_mistake_in_the_glossary_is_found(row, message):
    good = '| <a id="gan"></a>GAN | two networks | [04](04_x.ipynb) | 网络 |\n| <a id="s"></a>S | one | 07 | 样本 |\n'
    assert list(glossary_problems(good, {"04"})) == []
    assert any(message in problem for problem in glossary_problems(good + row, {"04"}))


# ---------------------------------------------------------------- the archives


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """The sdist and, built from it, the wheel: with no network, from a copy of the sources."""
    work = tmp_path_factory.mktemp("archives")
    source = work / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "gancourse", source / "gancourse", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(work / "dist"), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return sorted((work / "dist").iterdir())


def test_wheel_and_sdist_hold_the_package_and_little_else(archives):
    wheel, sdist = archives
    assert [wheel.suffix, sdist.suffix] == [".whl", ".gz"]
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "gancourse").rglob("*") if path.is_file()}
    files = {name for name in files if not name.endswith(".pyc")}
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in packed if ".dist-info/" not in name} == files
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert files | {"LICENSE", "README.md", "pyproject.toml"} <= names
    assert not any(name.startswith(("tests", "notebooks", "tools", "docs")) for name in names)


def test_twine_accepts_them(archives):
    pytest.importorskip("twine", reason="twine is not installed, so nobody checked the archives' descriptions")
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *archives], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and done.stdout.count("PASSED") == 2, done.stdout + done.stderr
