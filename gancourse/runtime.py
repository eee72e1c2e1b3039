"""Device, threads, seeds and budgets: what every notebook settles before it starts.

Nothing here touches a random stream that belongs to somebody else: seeds live in
generators that you hold, and :func:`seeded` puts PyTorch's own generators back as they were.
"""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch

from gancourse import __version__, _out_of_order, _shown, memory
from gancourse._numbers import whole

__all__ = ["budget", "generator", "interrupt_deferred", "pick_device", "seeded", "setup", "threads"]

_MAX_SEED = 2**63 - 1


def pick_device(name: str | torch.device | None = None) -> torch.device:
    """Return the device to train on: CUDA, else Apple's MPS, else the CPU.

    The environment variable ``GANCOURSE_DEVICE`` overrides the automatic choice.

    Args:
        name: "cuda", "mps", "cpu" or a device such as "cuda:1"; None chooses.
    Returns:
        A device that exists on this machine.
    Raises:
        ValueError: the named device is unknown or not available here.
    First met in: notebook 00.
    """
    wanted = name if name is not None else os.environ.get("GANCOURSE_DEVICE") or None
    if wanted is None:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    source = "device" if name is not None else "GANCOURSE_DEVICE"
    try:
        device = torch.device(wanted)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"{source} must be 'cuda', 'mps' or 'cpu', got {wanted!r}") from error
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < max(torch.cuda.device_count(), 1),
        "mps": torch.backends.mps.is_available(),
    }
    if not available.get(device.type, False):
        raise ValueError(f"{source} {str(device)!r} is not available on this machine; 'cpu' always is")
    return device


def _allowed_threads() -> int:
    """Count the CPU cores this process may use, capped by ``GANCOURSE_THREADS``."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cap = os.environ.get("GANCOURSE_THREADS", "")
    if not cap:
        return cores
    if not cap.isdigit() or int(cap) < 1:
        raise ValueError(f"GANCOURSE_THREADS must be a positive whole number, got {cap!r}")
    return min(cores, int(cap))


@contextlib.contextmanager
def threads(count: int) -> Iterator[int]:
    """Let PyTorch use up to ``count`` CPU threads inside a ``with`` block, then go back.

    Small networks run fastest on one thread, which :func:`setup` chooses; training on images
    gains from two. Never more than the machine has, or than ``GANCOURSE_THREADS`` allows.

    Args:
        count: threads wanted, at least 1.
    Yields:
        The number of threads in use.
    Raises:
        ValueError: ``count`` is not a positive whole number.
    First met in: notebook 00.
    """
    if (wanted := whole(count)) is None or wanted < 1:
        raise ValueError(f"count must be a positive whole number of threads, got {count!r}")
    before = torch.get_num_threads()
    used = min(wanted, _allowed_threads())
    torch.set_num_threads(used)
    try:
        yield used
    finally:
        torch.set_num_threads(before)


def setup(device: str | torch.device | None = None) -> torch.device:
    """Choose the device, set PyTorch to one CPU thread, and print one line about it.

    One thread because the networks of most notebooks are tiny, and a second thread then costs
    more than it brings; cells that train on images ask for more with :func:`threads`.
    Freed memory is kept for the next step, and in a notebook given back after each cell.
    Draws no random number and seeds nothing. In a notebook, a ``NameError`` says from now on which cell
    makes the name, and of the figures and panels that cells show only the newest stays in
    IPython's ``Out``.

    Args:
        device: passed to :func:`pick_device`.
    Returns:
        The device; pass it on explicitly.
    First met in: notebook 00.
    """
    chosen = pick_device(device)
    torch.set_num_threads(1)
    memory.keep()
    _out_of_order.explain()
    _shown.let_go()
    name = f"{chosen.type} ({torch.cuda.get_device_name(chosen)})" if chosen.type == "cuda" else chosen.type
    where = "Colab" if "google.colab" in sys.modules else platform.system()
    print(
        f"gancourse {__version__} | Python {platform.python_version()} | PyTorch {torch.__version__} | "
        f"{where} | device: {name} | CPU threads: 1"
    )
    return chosen


def budget(*, cpu: int, gpu: int, device: str | torch.device | None = None) -> int:
    """Return how much work to do here: ``gpu`` on a CUDA device, ``cpu`` everywhere else.

    Apple's MPS counts as a CPU, because it is not faster for networks of this size.

    Args:
        cpu: number of steps (or whatever is counted) that already shows the phenomenon.
        gpu: the larger number for a GPU.
        device: passed to :func:`pick_device`.
    Raises:
        ValueError: a budget is not a positive whole number.
    First met in: notebook 00.
    """
    for label, value in (("cpu", cpu), ("gpu", gpu)):
        if (number := whole(value)) is None or number < 1:
            raise ValueError(f"{label} must be a positive whole number, got {value!r}")
    return whole(gpu if pick_device(device).type == "cuda" else cpu)


def generator(seed: int, device: str | torch.device = "cpu") -> torch.Generator:
    """Return a random generator of your own, seeded, on ``device``.

    Give training, evaluation and plotting one each: then looking at a run never changes it.

    Args:
        seed: whole number from 0 to 2**63 - 1.
        device: where the numbers will be drawn.
    Raises:
        ValueError: the seed is not such a number.
    First met in: notebook 00.
    """
    return torch.Generator(device=device).manual_seed(checked_seed(seed))


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed PyTorch's global generators inside a ``with`` block and put them back afterwards.

    For what takes no generator of its own, above all the initial weights of a network:
    ``with runtime.seeded(0): G = mlp.Generator(latent_dim=1)``.

    Args:
        seed: whole number from 0 to 2**63 - 1.
    Raises:
        ValueError: the seed is not such a number.
    First met in: notebook 00.
    """
    seed = checked_seed(seed)
    cuda = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(seed)
        yield


@contextlib.contextmanager
def interrupt_deferred(*, every: bool = False) -> Iterator[Callable[[], bool]]:
    """Note the first SIGINT instead of raising; the second raises KeyboardInterrupt.

    For loops that must stop between steps, never inside one. Where interrupts are ignored, as in a program that a
    shell runs in the background, they stay ignored. Only the main thread can set a signal handler; elsewhere
    interrupts stay as they are.

    Args:
        every: note every one and raise none: a program that starts others hands Ctrl-C on to them, so that one
            press comes twice.
    Yields:
        A function that tells whether an interrupt came.
    """
    noted = False
    previous = signal.getsignal(signal.SIGINT)  # None: set by another language's code, which could not be put back
    here = threading.current_thread() is threading.main_thread()
    if not here or previous is None or previous == signal.SIG_IGN:
        yield lambda: False
        return

    def note(number: int, frame: Any) -> None:
        nonlocal noted
        if noted and not every:
            signal.signal(signal.SIGINT, previous)
            raise KeyboardInterrupt
        noted = True

    try:
        signal.signal(signal.SIGINT, note)
        yield lambda: noted
    finally:
        signal.signal(signal.SIGINT, previous)


def checked_seed(seed: int) -> int:
    """Return a seed as Python's own whole number, or refuse it by name."""
    if (number := whole(seed)) is None or not 0 <= number <= _MAX_SEED:
        raise ValueError(f"seed must be a whole number from 0 to 2**63 - 1, got {seed!r}")
    return number
