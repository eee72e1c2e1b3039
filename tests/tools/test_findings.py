"""Scripts of findings/: their heads are read, they are run one by one, and the site tells what they found."""

import pytest

import findings
from course import ROOT, Course

HEAD = """#!/usr/bin/env bash
# A mean that is no mean
#
# Guess:    the mean of one number
#           is that number.
# Happens:  it is: another.
# Matters:  to everybody.
# Versions: nothing 1.0
set -euo pipefail
# Guess:    this is no part of the head
"""


def checkout(folder, **scripts):
    (folder / "findings").mkdir()
    (folder / "pyproject.toml").write_text('[project.urls]\nRepository = "https://github.com/a/b"\n')
    for name, script in scripts.items():
        (folder / "findings" / f"{name}.sh").write_text(script)
    return Course(folder)


def test_the_head_of_a_script_is_read(tmp_path):
    (found,) = findings.all_of(checkout(tmp_path, mean=HEAD))
    assert found == findings.Finding(
        name="mean",
        title="A mean that is no mean",
        guess="the mean of one number is that number.",
        happens="it is: another.",
        matters="to everybody.",
        versions="nothing 1.0",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        HEAD.replace("# Matters:  to everybody.\n", ""),
        HEAD.replace("nothing 1.0", ""),
        HEAD.replace("# A mean that is no mean", "#"),
        HEAD.replace("Guess", "Thought"),
    ],
)
def test_a_head_with_a_part_missing_is_refused_by_name(tmp_path, wrong):
    with pytest.raises(ValueError, match="mean.sh must begin with a title and then say Guess, Happens"):
        findings.all_of(checkout(tmp_path, mean=wrong))


def test_what_passes_is_noted_and_what_fails_keeps_its_old_date(tmp_path, capsys):
    course = checkout(tmp_path, good=HEAD, bad=HEAD + "echo it came out as 3; exit 1\n")
    (tmp_path / "findings" / "passed.json").write_text('{"bad": "2020-01-02"}')
    assert findings.main([], course) == 1
    dates = findings.passed(course)
    assert dates["bad"] == "2020-01-02" and dates["good"] > "2026"
    said = capsys.readouterr().out
    assert "good: passed" in said and "it came out as 3" in said and "1 of 2 findings are as they were" in said
    assert findings.main(["good"], course) == 0


def test_an_unknown_name_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        findings.main(["other"], checkout(tmp_path, good=HEAD))
    assert "no such finding: other; there are good" in capsys.readouterr().err


def test_the_page_says_when_a_script_last_passed(tmp_path):
    course = checkout(tmp_path, mean=HEAD, other=HEAD)
    (tmp_path / "findings" / "passed.json").write_text('{"mean": "2026-11-28"}')
    mean, other = findings.page(course).split("## ")[1:]
    assert mean.startswith("A mean that is no mean\n") and "(https://github.com/a/b/blob/main/findings/mean.sh)" in mean
    assert "last passed on 2026-11-28" in mean and "not yet run" in other
    assert "* **What happens:** it is: another.\n" in mean


def test_every_script_of_the_course_can_be_read_and_cleans_up_behind_itself():
    course = Course(ROOT)
    assert len(findings.all_of(course)) >= 5
    for found in findings.all_of(course):
        script = (ROOT / "findings" / f"{found.name}.sh").read_text(encoding="utf-8")
        assert "trap 'rm -rf" in script and "set -euo pipefail" in script, found.name
        assert findings.passed(course).keys() <= {each.name for each in findings.all_of(course)}
