"""A module's tests are found without a search: tests/ has the package's folders, and its names."""

from pathlib import PurePath as P

import pytest

from course import ROOT

OF_THEIR_OWN = {"project", "browser", "colab"}  # about no module, but about the course as a whole


def home(module):
    """Say where the tests of a module of the package or the tools lie: (folder, name), from tests on."""
    folder = P(module).parent
    if folder.parts[0] == "gancourse":
        folder = folder.relative_to("gancourse")
    return str(folder), P(module).stem.lstrip("_")


def misplaced(modules, tests):
    """Yield what is wrong about where test files lie, all given as paths from the repository's root."""
    homes = {home(module) for module in modules}
    homes |= {(str(P(folder).parent), P(folder).name) for folder, _ in homes if folder not in (".", "tools")}
    for test in tests:
        place = P(test).parent.relative_to("tests")
        folder, name = str(place), P(test).stem.removeprefix("test_")
        if (folder, name) in homes or OF_THEIR_OWN & set(place.parts):
            continue
        at = sorted(P("tests", there, f"test_{name}.py").as_posix() for there, other in homes if other == name)
        if at:
            yield f"{test} is named after a module whose tests lie at {' and '.join(at)}"
        elif folder not in {there for there, _ in homes}:
            yield f"{test} lies in a folder that the package has not"
        elif folder == ".":
            yield f"{test} lies at the top and is named after no module there"


def test_tests_lie_where_their_modules_do():
    modules = [path.relative_to(ROOT).as_posix() for at in ("gancourse", "tools") for path in (ROOT / at).rglob("*.py")]
    tests = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(tests) > 60 and list(misplaced(modules, tests)) == []


@pytest.mark.parametrize(
    ("test", "wrong"),
    [
        ("tests/test_toy.py", "named after a module whose tests lie at tests/data/test_toy.py"),
        ("tests/models/test_toy.py", "named after a module whose tests lie at tests/data/test_toy.py"),
        ("tests/data/test_losses.py", "named after a module whose tests lie at tests/test_losses.py"),
        ("tests/test_ledger.py", "named after a module whose tests lie at tests/tools/test_ledger.py"),
        ("tests/images/test_files.py", "lies in a folder that the package has not"),
        ("tests/test_plotting_toy.py", "lies at the top and is named after no module there"),
    ],
)
def test_a_file_in_a_wrong_place_is_found(test, wrong):
    modules = ["gancourse/losses.py", "gancourse/_numbers.py", "gancourse/data/toy.py", "tools/ledger.py"]
    right = [
        "tests/test_numbers.py",
        "tests/data/test_toy.py",
        "tests/data/test_both_sets.py",
        "tests/tools/test_ledger.py",
    ]
    right += ["tests/test_data.py", "tests/project/test_losses.py"]
    assert [problem.startswith(f"{test} ") and wrong in problem for problem in misplaced(modules, [*right, test])] == [
        True
    ]
