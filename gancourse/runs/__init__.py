"""Keep a run on disk and take it up again later, exactly where it stopped.

``runs/<name>/run.bin`` holds everything one run needs: networks, optimisers, the states of the
random generators, the place in the data, and the history.

A save goes to a temporary file first and replaces the old one in a single step, so a full disk,
a kill or a power cut leaves the save before it intact. A load checks everything before it changes
anything, and accepts tensors and plain values only, never code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gancourse._numbers import whole
from gancourse.runs import _file, _fitting
from gancourse.runs._file import DamagedRun
from gancourse.training import History

__all__ = ["MAX_BYTES", "DamagedRun", "exists", "load", "load_modules", "load_samples", "path", "save", "save_samples"]

MAX_BYTES = 2**30
"""Largest file that is written or read: 1 GiB, ten times what a run of this course takes."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_RESERVED = re.compile(r"checkpoints?|con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)


class Stateful(Protocol):
    """Anything with ``state_dict`` and ``load_state_dict``: networks, optimisers, schedules, streams."""

    def state_dict(self) -> Mapping[str, Any]: ...
    def load_state_dict(self, state: Any) -> Any: ...


def path(name: str, *, folder: str | Path = "runs") -> Path:
    """Return the folder of the run called ``name``, made if need be: a place for its pictures too.

    Args:
        name: letters, digits, "-" and "_", at most 64; not "checkpoints", which Jupyter cannot open.
        folder: where the runs lie, seen from the folder of the notebook.
    Raises:
        ValueError: the name is of another kind.
        OSError: the folder cannot be made.
    First met in: notebook 00.
    """
    place = _place(name, folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            error.errno, f"{place} could not be made ({error.strerror}); pass another folder=, such as your home"
        ) from error
    return place


def exists(name: str, *, folder: str | Path = "runs") -> bool:
    """Tell whether a run called ``name`` was saved.

    Raises:
        ValueError: the name is not allowed, see :func:`path`.
    First met in: notebook 00.
    """
    return (_place(name, folder) / "run.bin").is_file()


def save(
    name: str,
    *,
    step: int | None = None,
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, Stateful],
    generators: Mapping[str, torch.Generator],
    batches: Stateful | None = None,
    history: History | None = None,
    folder: str | Path = "runs",
) -> Path:
    """Write a run to ``runs/<name>/run.bin``, in one step or not at all.

    Call it between two steps of training. Name everything that training changes, or a resumed run
    will differ. If the file holds a run of more steps, or another one that this session has neither
    saved nor loaded, that one is kept beside the new one, as ``run-step-<its step>.bin``, and a
    line says so. So two notebooks that save under one name lose nothing.

    Args:
        name: see :func:`path`.
        step: steps done; taken from ``history`` if not given.
        modules: name -> network, averaged copies included.
        optimizers: name -> optimiser; learning-rate schedules belong here too.
        generators: name -> random generator used in training. Where dropout is used, add
            ``torch.default_generator``.
        batches: the stream of real batches, if its order should go on.
        history: what ``training.train`` returned. Its snapshots must be tensors or plain values.
        folder: where the runs lie.
    Returns:
        The path of the file.
    Raises:
        TypeError: something is of another kind, or cannot be stored as tensors and plain values.
        ValueError: the name, the step, or the size is not allowed.
        OSError: the file cannot be written; the save before it is intact.
    First met in: notebook 00.
    """
    if history is not None and not isinstance(history, History):
        raise TypeError(f"history must be a History or None, got {type(history).__name__}")
    if step is None:
        if history is None:
            raise ValueError("step is missing: pass step= or history=")
        step = history.num_steps
    if (number := whole(step)) is None or number < 0:
        raise ValueError(f"step must be a whole number of at least 0, got {step!r}")
    step = number
    if history is not None and history.num_steps != step:
        raise ValueError(f"step is {step}, but history counts {history.num_steps} steps; leave step out")
    state = _fitting.state_of(_fitting.checked(modules, optimizers, generators, batches), history)
    target = _place(name, folder) / "run.bin"
    content = _file.pack(state, step=step, target=target, limit=MAX_BYTES)
    return _file.replace(target, content, limit=MAX_BYTES, same=lambda other: _fitting.same(state, other))


def load(
    name: str,
    *,
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, Stateful],
    generators: Mapping[str, torch.Generator],
    batches: Stateful | None = None,
    folder: str | Path = "runs",
    file: str = "run",
) -> tuple[int, History]:
    """Put a saved run back into the networks, optimisers, generators and batches given here.

    Build them first, exactly as when the run was saved. Everything is compared before anything is
    changed: where something does not fit, an error says what, and all stays as it was.
    Learning rates come back too; to change one, set it after loading.

    Args:
        name, modules, optimizers, generators, batches, folder: as in :func:`save`.
        file: "run", or the name (without ".bin") of a save that was kept beside it.
    Returns:
        The step and the history; pass the latter to ``training.train`` to carry on. A run saved without
        a history gives an empty one that counts from this step.
    Raises:
        FileNotFoundError: there is no such run; the message lists those there are.
        DamagedRun: the file is cut short, altered, or not a save.
        ValueError: the run does not fit what was passed.
    First met in: notebook 00.
    """
    parts = _fitting.checked(modules, optimizers, generators, batches)
    source = _place(name, folder) / f"{_checked_name(file, 'file')}.bin"
    header, state = _run_in(source)
    history = History()
    with _fitting.named(source):
        _fitting.compare(source, state, parts)
        if state["history"] is not None:
            history.load_state_dict(state["history"])
    history.num_steps = header["step"]
    _fitting.put_back(source, state, parts)
    _file.go_on_from(header)
    return header["step"], history


def load_modules(name: str, *, modules: Mapping[str, nn.Module], folder: str | Path = "runs", file: str = "run") -> int:
    """Put the weights of a saved run back into the networks named here, and nothing else.

    Enough for drawing samples, also on another device than the run was trained on. To train on, use
    :func:`load`: without the optimisers and random states a run would go on differently.

    Args:
        name, folder, file: as in :func:`load`.
        modules: name -> network, all or some of those that were saved.
    Returns:
        The step at which the run was saved.
    Raises:
        FileNotFoundError, DamagedRun, ValueError: as :func:`load`.
    First met in: notebook 00.
    """
    parts = _fitting.checked(modules, {}, {}, None)
    source = _place(name, folder) / f"{_checked_name(file, 'file')}.bin"
    header, state = _run_in(source)
    with _fitting.named(source):
        _fitting.compare_modules(source, state, modules)
    _fitting.put_back(source, state, parts)
    return header["step"]


def save_samples(name: str, samples: Tensor, *, file: str = "samples", folder: str | Path = "runs") -> Path:
    """Write a tensor of samples to ``runs/<name>/<file>.bin``, in one step or not at all.

    Args:
        name: the run they belong to, see :func:`path`.
        samples: any tensor; it is stored on the CPU, without gradients, values unchanged.
        file: name of the file, without ending; not "run".
        folder: where the runs lie.
    Returns:
        The path of the file.
    Raises:
        TypeError, ValueError, OSError: as :func:`save`.
    First met in: notebook 00.
    """
    if not isinstance(samples, Tensor):
        raise TypeError(f"samples must be a tensor, got {type(samples).__name__}")
    target = _samples_path(name, file, folder)
    state = {"samples": _file.plain(samples, "samples")}
    return _file.write(target, _file.pack(state, step=0, target=target, limit=MAX_BYTES))


def load_samples(name: str, *, file: str = "samples", folder: str | Path = "runs") -> Tensor:
    """Return the samples that :func:`save_samples` wrote, on the CPU.

    Raises:
        FileNotFoundError, DamagedRun, ValueError: as :func:`load`.
    First met in: notebook 00.
    """
    source = _samples_path(name, file, folder)
    _, state = _file.unpack(source, limit=MAX_BYTES)
    if not isinstance(state, dict) or not isinstance(state.get("samples"), Tensor):
        raise DamagedRun(f"{source} holds no samples")
    return state["samples"]


# ---------------------------------------------------------------- names and places


def _checked_name(name: str, what: str) -> str:
    if not isinstance(name, str):
        raise ValueError(f"{what} must be a string, got {type(name).__name__}")
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{what} must be 1 to 64 letters, digits, '-' or '_', starting with none of these two, got {name!r}"
        )
    if _RESERVED.fullmatch(name):
        raise ValueError(f"{what} {name!r} makes trouble in Jupyter or on Windows; choose another")
    return name


def _place(name: str, folder: str | Path) -> Path:
    return Path(folder) / _checked_name(name, "name")


def _samples_path(name: str, file: str, folder: str | Path) -> Path:
    if _checked_name(file, "file").lower().startswith("run"):
        raise ValueError(f"file must not start with 'run', which names the run itself, got {file!r}")
    return _place(name, folder) / f"{file}.bin"


def _run_in(source: Path) -> tuple[_file.Header, dict[str, Any]]:
    """Return the first line and the state of the run in a file."""
    header, state = _file.unpack(source, limit=MAX_BYTES)
    if not _fitting.is_run(state):
        raise DamagedRun(f"{source} holds no run; samples are read with runs.load_samples")
    return header, state
