"""Bad moments: an interrupt or a kill at every line of a call, a disk that is full, and bytes that nobody wrote."""

import contextlib
import linecache
import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let no file grow beyond so many bytes inside a ``with`` block: a full disk, as a program sees it."""
    import resource  # Windows has none

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


def altered(content: bytes, count: int) -> Iterator[bytes]:
    """Yield so many altered copies, or a few less, in the ways of bad disks, bad transfers and bad editors."""
    chance = random.Random(0)
    for _ in range(count):
        copy, place = bytearray(content), chance.randrange(len(content))
        other, length = chance.randrange(len(content)), chance.randrange(1, 300)
        how = chance.randrange(7)
        if how == 0:
            copy[place] ^= 1 << chance.randrange(8)
        elif how == 1:
            del copy[place:]
        elif how == 2:
            copy += chance.randbytes(length)
        elif how == 3:
            copy[place : place + length] = bytes(len(copy[place : place + length]))
        elif how == 4:
            copy[place:place] = copy[other : other + length]
        elif how == 5:
            del copy[:length]
        else:
            copy[place : place + length] = chance.randbytes(len(copy[place : place + length]))
        if copy != content:
            yield bytes(copy)


class _Moments:
    """Counts the lines of some files (or what they are compiled to) that a call comes through, and acts at one."""

    def __init__(self, files: tuple[str, ...], act_at: int, act: Callable[[], None], unit: str = "line") -> None:
        self.files, self.act_at, self.act, self.unit, self.seen, self.where = files, act_at, act, unit, 0, ""

    def __call__(self, frame, event, argument):
        if not frame.f_code.co_filename.endswith(self.files) or frame.f_code.co_name == "__del__":
            return None  # out of __del__ comes no exception
        frame.f_trace_opcodes = self.unit == "opcode"
        if event == self.unit:
            self.seen += 1
            if self.seen == self.act_at:
                line = linecache.getline(frame.f_code.co_filename, frame.f_lineno or 0).strip()
                self.where = f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno} {line}"
                self.act()
        return self


def interrupts(
    call: Callable[[], Any], *files: str, every: int = 1, unit: str = "line", times: int = 1
) -> Iterator[tuple[str, Any, bool]]:
    """Call again and again, with a SIGINT (or several) as each line of the files is reached, or as every n-th is.

    Args:
        call: takes nothing; what it returns is yielded.
        files: ends of paths.
        every: 3 leaves two of three moments out.
        unit: "line", or "opcode" for the moments within a line.
        times: how many SIGINTs come at that moment.
    Yields:
        At which line it came, what the call returned, and whether KeyboardInterrupt came out of it.
    """
    moment = 1
    while True:
        moments = _Moments(files, moment, lambda: [signal.raise_signal(signal.SIGINT) for _ in range(times)], unit)
        result, raised = None, False
        before = sys.gettrace()
        sys.settrace(moments)
        try:
            result = call()
        except KeyboardInterrupt:
            raised = True
        finally:
            sys.settrace(before)
        if not moments.where:
            return
        yield moments.where, result, raised
        moment += every


def kills(call: Callable[[], Any], *files: str, every: int = 1) -> Iterator[str]:
    """The same with a kill, each time in a process of its own.

    Yields:
        At which line, after the process is gone.
    """
    moment = 1
    while True:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            _die_on_the_way(call, files, moment, write)
        os.close(write)
        with os.fdopen(read) as pipe:
            where = pipe.read()
        os.waitpid(child, 0)
        if not where:
            return
        yield where
        moment += every


def _die_on_the_way(call, files, moment, write):
    def die():
        os.write(write, moments.where.encode())
        os.kill(os.getpid(), signal.SIGKILL)

    moments = _Moments(files, moment, die)
    try:
        sys.settrace(moments)
        call()
    finally:
        os._exit(0)
