"""Schedules have the shares that their docstring says, and the cosine is the one of the ensembles."""

import pytest

from gancourse import schedules
from gancourse.ensembles.settings import _cosine


def shares(name, num_steps):
    return [schedules.share(name, step, num_steps) for step in range(num_steps)]


def test_each_schedule_at_known_steps():
    assert shares("constant", 7) == [1.0] * 7
    assert shares("halving", 20) == [0.5 ** (step // 2) for step in range(20)]
    assert shares("halving", 20)[-1] == 1 / 512
    assert shares("warm-up", 40)[:6] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 1.0])
    cosine = shares("cosine", 40)
    assert cosine[0] == 1 and cosine[20] == pytest.approx(0.525) and cosine[-1] == pytest.approx(0.05, abs=0.002)
    assert cosine == sorted(cosine, reverse=True)


def test_the_cosine_is_that_of_the_ensembles():
    assert shares("cosine", 30) == pytest.approx([_cosine(step, 30) for step in range(30)])


@pytest.mark.parametrize("name", schedules.NAMES)
@pytest.mark.parametrize("num_steps", [1, 3, 11])
def test_a_short_run_has_a_share_too(name, num_steps):
    assert all(0 < part <= 1 for part in shares(name, num_steps))


@pytest.mark.parametrize(
    "arguments, words",
    [(("linear", 0, 5), "name must be one of"), (("cosine", 5, 5), "step must be"), (("cosine", -1, 5), "step must be"),
     (("cosine", 0.5, 5), "step must be"), (("cosine", 0, 0), "num_steps must be")],
)  # fmt: skip
def test_what_cannot_be_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        schedules.share(*arguments)
