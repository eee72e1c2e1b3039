"""What the tests of all checkers share: hand in an answer, and look at what is said of it."""

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
    said = verdict(capsys, checker, *answers)
    assert ": correct" in said and fragment in said, said
    checker(*answers, strict=True)
    capsys.readouterr()


def rejects(capsys, checker, *answers, fragment: str) -> None:
    """See that the answer is turned down in words that hold the fragment, and with an error where that is asked for."""
    said = verdict(capsys, checker, *answers)
    assert "not yet, because" in said, said
    assert fragment in said, said
    with pytest.raises(ExerciseFailed):
        checker(*answers, strict=True)
