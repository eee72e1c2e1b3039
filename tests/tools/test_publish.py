"""The report before publishing: what a person decides, which checks fail, and a clone under another name."""

import subprocess

import pytest

import publish
from course import ROOT, Course


def checkout(folder, address="https://github.com/a-b/c", *, authors="Ada", unreleased=""):
    (folder / "tools").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(f'[project.urls]\nRepository = "{address}"\n')
    (folder / "CITATION.cff").write_text(f"authors:\n  - name: {authors}\n")
    (folder / "LICENSE").write_text("Copyright (c) 2026 Ada\n")
    (folder / "CHANGELOG.md").write_text(f"# Changelog\n{unreleased}\n")
    (folder / "tools" / "notebooks.py").write_text("")
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return Course(folder)


def test_what_a_person_decides_is_listed_with_its_place(tmp_path):
    before = publish.to_decide(
        checkout(
            tmp_path / "a", "https://github.com/your--account/c", authors=publish.AUTHORS, unreleased="## [Unreleased]"
        )
    )
    after = publish.to_decide(checkout(tmp_path / "b"))
    assert [line.split(":")[0] for line in before] == [
        "pyproject.toml",
        "CITATION.cff",
        "LICENSE",
        "CHANGELOG.md",
        "GitHub, by hand",
    ]
    assert [line.split(":")[0] for line in after] == ["LICENSE", "GitHub, by hand"]
    assert "make stamp" in before[0] and "2026 Ada" in after[0]


def test_a_file_that_keeps_the_old_address_is_found(tmp_path):
    course = checkout(tmp_path / "a")
    (tmp_path / "clean").mkdir()
    assert publish.under_another_name(course, tmp_path / "clean") == []
    (course.root / "page.md").write_text("see https://github.com/a-b/c/issues")
    subprocess.run(["git", "add", "-A"], cwd=course.root, check=True)
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "b"], cwd=course.root, check=True
    )
    (tmp_path / "left").mkdir()
    assert publish.under_another_name(course, tmp_path / "left") == ["page.md still names github.com/a-b/c"]


def test_a_stamp_that_fails_is_told(tmp_path):
    course = checkout(tmp_path / "a")
    (course.root / "tools" / "notebooks.py").write_text("raise SystemExit('no stamp')")
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "b"], cwd=course.root, check=True
    )
    (tmp_path / "clone").mkdir()
    assert publish.under_another_name(course, tmp_path / "clone") == ["make stamp: no stamp"]


@pytest.mark.parametrize("body, status", [("", 0), ("raise SystemExit('two badges are old')", 1)])
def test_a_failing_check_is_named_with_its_last_words(tmp_path, monkeypatch, capsys, body, status):
    course = checkout(tmp_path / "a")
    (course.root / "tools" / "check.py").write_text(body)
    monkeypatch.setattr(publish, "CHECKS", {"badges": ["tools/check.py"]})
    assert publish.main([], course) == status
    said = capsys.readouterr().out
    assert ("FAILED  badges" in said) == ("two badges are old" in said) == bool(status)
    assert "ok      a clone under another account's name" in said


def test_the_checks_name_files_that_exist():
    for command in publish.CHECKS.values():
        for word in command:
            assert not word.endswith(".py") or (ROOT / word).is_file(), word
