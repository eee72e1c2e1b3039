"""timing: rounds that take turns, ratios within a round, CPU time alone, and a line through times."""

import time

import pytest

from gancourse import timing


def burn(ms):
    """Use so much of the processor."""
    until = timing.clock() + int(ms * 1e6)
    while timing.clock() < until:
        pass


def test_each_call_is_made_once_a_round_in_an_order_of_its_own():
    made = []
    calls = {name: (lambda name=name: made.append(name)) for name in "abc"}
    found = timing.interleaved(calls, rounds=20, warm_up=2)
    assert "".join(made[:6]) == "abcabc"  # to warm up
    rounds = ["".join(made[at : at + 3]) for at in range(6, 66, 3)]
    assert len(made) == 66 and all(sorted(one) == list("abc") for one in rounds) and len(set(rounds)) > 3
    assert {name: len(ms) for name, ms in found.ms.items()} == {"a": 20, "b": 20, "c": 20}
    assert set(found.first) == set("abc")
    again = made.copy()
    made.clear()
    timing.interleaved(calls, rounds=20, warm_up=2)
    assert made == again
    made.clear()
    assert timing.interleaved(calls, rounds=1, repeats=2, warm_up=0, seed=3).first == {}
    assert made[0::2] == made[1::2] and sorted(made) == list("aabbcc")


def test_cpu_time_and_ratios():
    found = timing.interleaved({"one": lambda: burn(1), "three": lambda: burn(3)}, rounds=5, warm_up=1)
    assert 1 <= found.median("one") < 1.3 and 3 <= found.median("three") < 3.4
    low_to_high = found.ratio("three", "one")
    assert 2.3 < low_to_high.low <= low_to_high.median <= low_to_high.high < 3.2
    if timing.clock is time.thread_time_ns:
        slept = timing.interleaved({"sleep": lambda: time.sleep(0.02)}, rounds=2, warm_up=0)
        assert slept.median("sleep") < 5  # waiting is no work
    assert 2 <= timing.first_call(lambda: burn(2)) < 2.5
    assert timing.interleaved({"two": lambda: burn(0.5)}, rounds=3, repeats=4).median("two") < 0.8  # of one call


def test_medians_and_quartiles_by_hand():
    found = timing.Timings({"a": [1.0, 2.0, 3.0, 4.0, 10.0], "b": [2.0, 2.0, 2.0, 2.0, 2.0]}, {})
    assert found.spread("a") == (3.0, 2.0, 4.0) and found.median("a") == 3.0
    assert found.ratio("a", "b") == (1.5, 1.0, 2.0)
    # within rounds, not between medians
    rounds = timing.Timings({"a": [1.0, 20.0, 3.0], "b": [10.0, 10.0, 1.0]}, {})
    assert rounds.ratio("a", "b").median == 2.0
    assert timing.Timings({"a": [1.5]}, {}).spread("a") == (1.5, 1.5, 1.5)
    with pytest.raises(ValueError, match="name must be one of a, b, got 'c'"):
        found.ratio("a", "c")


def test_a_line_is_found_and_large_batches_do_not_decide_alone():
    batches = [1, 4, 16, 64, 500]
    line = timing.line(batches, [0.3 + 0.04 * count for count in batches])
    assert line.start == pytest.approx(0.3) and line.each == pytest.approx(0.04)
    # 10 % off at 500 moves the start by little, because 2 ms there count as much as 0.034 ms at 1
    off = timing.line(batches, [*(0.3 + 0.04 * count for count in batches[:-1]), 1.1 * 20.3])
    assert off.start == pytest.approx(0.3, rel=0.1)


@pytest.mark.parametrize(
    "call, match",
    [
        (lambda: timing.interleaved({}), "at least one function"),
        (lambda: timing.interleaved({"a": int}, rounds=0), "rounds"),
        (lambda: timing.interleaved({"a": int}, repeats=0), "repeats"),
        (lambda: timing.interleaved({"a": int}, warm_up=-1), "warm_up"),
        (lambda: timing.line([1, 1], [1.0, 1.0]), "two different sizes"),
        (lambda: timing.line([1, 2], [1.0]), "one time for each of 2 batches, got 1"),
        (lambda: timing.line([1, 2], [1.0, 0.0]), "above 0"),
    ],
)
def test_what_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
