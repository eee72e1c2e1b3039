"""What the tests of all checkers share: hand in an answer, and look at what is said of it.

An answer is judged once, strictly; that a checker prints what it would raise is the framework's own test.
"""

import pytest

from gancourse.checks.framework import ExerciseFailed

__all__ = ["accepts", "matches", "rejects", "verdict"]


def verdict(capsys, checker, *answers) -> str:
    """Return the one line that the checker says."""
    checker(*answers)
    said = capsys.readouterr().out.strip()
    assert said.count("\n") == 0
    return said


def accepts(capsys, checker, *answers, fragment: str = "") -> None:
    """See that the answer is called correct, in words that hold the fragment."""
    checker(*answers, strict=True)
    said = capsys.readouterr().out.strip()
    assert ": correct" in said and fragment in said and said.count("\n") == 0, said


def rejects(capsys, checker, *answers, fragment: str) -> None:
    """See that the answer is turned down in words that hold the fragment, in one line."""
    with pytest.raises(ExerciseFailed, match="not yet, because ") as refused:
        checker(*answers, strict=True)
    capsys.readouterr()
    said = str(refused.value)
    assert fragment in said and said.count("\n") == 0, said


def matches(capsys, checker, right, *, fragment: str) -> None:
    """See that a checker of letters and their words takes the right ones, and says what is missing or exchanged."""
    right = dict(right)
    accepts(capsys, checker, right, fragment=fragment)
    accepts(capsys, checker, {key.lower(): value for key, value in right.items()})
    assert "not attempted" in verdict(capsys, checker, dict.fromkeys(right, ...))
    rejects(capsys, checker, {**right, "A": ...}, fragment="no answer for 'A'")
    rejects(capsys, checker, {**right, "A": right["B"]}, fragment="used exactly once")
    rejects(capsys, checker, {**right, "A": right["B"], "B": right["A"]}, fragment=f"2 of the {len(right)} are wrong")
    rejects(capsys, checker, {**right, "A": "a guess"}, fragment="should be one of")
