"""How long calls take, beside each other: CPU time of this thread, in rounds that go through all of them.

    found = timing.interleaved({"whole": lambda: whole(z), "half": lambda: half(z)})
    found.median("half"), found.ratio("half", "whole")

A busy machine, a warm or a cold cache and a falling clock rate change times by more than what is looked for. In each
round every call is made, one after the other, so that all of them meet the same conditions, and the ratio of two calls
is taken within a round. CPU time leaves out the time in which another program had the processor.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gancourse._numbers import whole_between

__all__ = ["Line", "Spread", "Timings", "clock", "first_call", "interleaved", "line"]

clock = time.perf_counter_ns if sys.platform == "win32" else time.thread_time_ns
"""CPU time of this thread in ns; on Windows, which counts that in ticks of some 16 ms, the time that passed."""


class Spread(NamedTuple):
    """A median with its quartiles.

    Attributes:
        median: half of the values lie below it.
        low, high: a quarter of the values lie below ``low``, a quarter above ``high``.
    """

    median: float
    low: float
    high: float


class Line(NamedTuple):
    """A time that grows with the size of a batch: ``ms = start + each * batch``.

    Attributes:
        start: milliseconds that a call takes whatever its size.
        each: milliseconds that every image adds.
    """

    start: float
    each: float


@dataclass(frozen=True)
class Timings:
    """What was measured.

    Attributes:
        ms: for each name the milliseconds of one call, one number for every round.
        first: for each name the milliseconds of the very first call, which is in no round; empty without a warm-up.
    """

    ms: dict[str, list[float]]
    first: dict[str, float]

    def spread(self, name: str) -> Spread:
        """Return median and quartiles of the milliseconds of a call."""
        return _spread(self._of(name))

    def median(self, name: str) -> float:
        """Return the median of the milliseconds of a call."""
        return self.spread(name).median

    def ratio(self, name: str, to: str) -> Spread:
        """Return median and quartiles of how many times as long as ``to`` a call took in the same round."""
        return _spread([one / other for one, other in zip(self._of(name), self._of(to), strict=True)])

    def _of(self, name: str) -> list[float]:
        if name not in self.ms:
            raise ValueError(f"name must be one of {', '.join(self.ms)}, got {name!r}")
        return self.ms[name]


def interleaved(
    calls: Mapping[str, Callable[[], Any]], *, rounds: int = 30, repeats: int = 1, warm_up: int = 3, seed: int = 0
) -> Timings:
    """Time calls in interleaved rounds, in CPU milliseconds of this thread.

    The order is drawn anew for each round, so that no call always comes after the same other one.

    Args:
        calls: functions without arguments by their names. Work that they hand to other threads is not counted: let
            them use one.
        rounds: how often each is timed.
        repeats: calls in a row that are timed together and divided; more than one for calls of less than a millisecond.
            All but the first then find their numbers in the cache, as in a loop that draws image after image. With 1
            each call finds there what the others left.
        warm_up: calls of each that are made first and not counted. The first call of a network also finds memory,
            chooses algorithms and may compile.
        seed: of the order.
    Raises:
        ValueError: a number will not do, or there are no calls.
    First met in: notebook 21.
    """
    rounds, repeats = whole_between("rounds", rounds, 1), whole_between("repeats", repeats, 1)
    warm_up = whole_between("warm_up", warm_up, 0)
    names = list(calls)
    if not names:
        raise ValueError("calls must hold at least one function")
    first = {name: first_call(calls[name]) for name in names} if warm_up else {}
    for name in names:
        for _ in range(warm_up - 1):
            calls[name]()
    ms: dict[str, list[float]] = {name: [] for name in names}
    order = random.Random(seed)
    for _ in range(rounds):
        for name in order.sample(names, len(names)):
            ms[name].append(_timed(calls[name], repeats))
    return Timings(ms, first)


def first_call(call: Callable[[], Any]) -> float:
    """Return the CPU milliseconds of one call, made at once; it has to be the first for this to mean anything.

    Args:
        call: a function without arguments.
    First met in: notebook 21.
    """
    return _timed(call, 1)


def line(batches: Sequence[int], ms: Sequence[float]) -> Line:
    """Fit ``ms = start + each * batch``, with errors counted as shares of each time: 10 % of 1 ms is as bad as of 100.

    Args:
        batches: at least two different sizes.
        ms: the time of each, above 0.
    Raises:
        ValueError: there are less than two different sizes, or the times do not belong to them.
    First met in: notebook 21.
    """
    if len(batches) != len(ms):
        raise ValueError(f"ms must be one time for each of {len(batches)} batches, got {len(ms)}")
    if len(set(batches)) < 2:
        raise ValueError(f"batches must hold at least two different sizes, got {list(batches)}")
    if not all(one > 0 for one in ms):
        raise ValueError(f"ms must be above 0, got {list(ms)}")
    each, start = np.polyfit(np.asarray(batches, float), np.asarray(ms, float), 1, w=1 / np.asarray(ms, float))
    return Line(float(start), float(each))


def _timed(call: Callable[[], Any], repeats: int) -> float:
    started = clock()
    for _ in range(repeats):
        call()
    return (clock() - started) / repeats / 1e6


def _spread(values: list[float]) -> Spread:
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)
