"""What the tests of all checkers share: hand in an answer, and look at what is said of it.

An answer is judged once, strictly; that a checker prints what it would raise is the framework's own test.
"""

import pytest

from gancourse.checks.framework import ExerciseFailed

__all__ = ["accepts", "rejects", "verdict"]


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
