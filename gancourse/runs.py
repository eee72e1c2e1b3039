"""Keep a run on disk and take it up again later, exactly where it stopped.

``runs/<name>/run.bin`` holds everything one run needs: networks, optimisers, the states of the
random generators, the place in the data, and the history. It starts with one line of text that
names its step and the SHA-256 checksum of the rest, which is what ``torch.save`` writes.

A save goes to a temporary file first and replaces the old one in a single step, so a full disk,
a kill or a power cut leaves the save before it intact. A load checks everything before it changes
anything, and accepts tensors and plain values only, never code.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gancourse._numbers import real, whole
from gancourse.data import files
from gancourse.training import History

__all__ = ["MAX_BYTES", "DamagedRun", "exists", "load", "load_modules", "load_samples", "path", "save", "save_samples"]

MAX_BYTES = 2**30
"""Largest file that is written or read: 1 GiB, ten times what a run of this course takes."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_RESERVED = re.compile(r"checkpoints?|con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)
_WRAPPED = re.compile(r"^(?:(?:_orig_mod|module)\.)+")
_HEADER_BYTES = 1_000
_FORMAT = "gancourse-run-1"


class DamagedRun(ValueError):
    """A saved file is not what was written: cut short, altered, or no save at all."""


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
    will differ. If the file holds a run of more steps, that one is kept beside the new one,
    as ``run-step-<its step>.bin``, and a line says so.

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
    parts = _parts(modules, optimizers, generators, batches)
    state: dict[str, Any] = {"history": None if history is None else _plain(history.state_dict(), "history")}
    state["classes"] = {key: type(thing).__name__ for key, thing in parts["optimizers"].items()}
    for kind, things in parts.items():
        state[kind] = {key: _plain(_get(thing), f"{kind}[{key!r}]") for key, thing in things.items()}
    target = _place(name, folder) / "run.bin"
    content = _pack(state, step=step, target=target)
    _keep_a_longer_run(target, step)
    return _write(target, content)


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
    parts = _parts(modules, optimizers, generators, batches)
    source = _place(name, folder) / f"{_checked_name(file, 'file')}.bin"
    step, state = _run(source)
    for kind, things in parts.items():
        _same_names(source, kind, state[kind], things)
    _modules_fit(source, state, modules)
    for key, optimizer in optimizers.items():
        _optimizer_fits(f"{source}: optimizers[{key!r}]", state["optimizers"][key], state["classes"][key], optimizer)
    for key, generator in generators.items():
        _generator_fits(f"{source}: generators[{key!r}]", state["generators"][key], generator)
    history = History()
    if state["history"] is not None:
        history.load_state_dict(state["history"])
    history.num_steps = step
    _apply_all_or_nothing(
        source, [(thing, state[kind][key]) for kind, things in parts.items() for key, thing in things.items()]
    )
    return step, history


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
    _parts(modules, {}, {}, None)
    source = _place(name, folder) / f"{_checked_name(file, 'file')}.bin"
    step, state = _run(source)
    if not modules.keys() <= state["modules"].keys():
        raise ValueError(f"{source} holds modules {_listed(state['modules'])}, but modules= names {_listed(modules)}")
    _modules_fit(source, state, modules)
    _apply_all_or_nothing(source, [(module, state["modules"][key]) for key, module in modules.items()])
    return step


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
    return _write(target, _pack({"samples": _plain(samples, "samples")}, step=0, target=target))


def load_samples(name: str, *, file: str = "samples", folder: str | Path = "runs") -> Tensor:
    """Return the samples that :func:`save_samples` wrote, on the CPU.

    Raises:
        FileNotFoundError, DamagedRun, ValueError: as :func:`load`.
    First met in: notebook 00.
    """
    source = _samples_path(name, file, folder)
    _, state = _unpack(source)
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


# ---------------------------------------------------------------- what goes into a file


def _parts(modules: Any, optimizers: Any, generators: Any, batches: Any) -> dict[str, dict[str, Any]]:
    """Check the arguments and return them as kind -> name -> thing."""
    parts: dict[str, dict[str, Any]] = {}
    kinds = (
        ("modules", modules, nn.Module),
        ("optimizers", optimizers, None),
        ("generators", generators, torch.Generator),
    )
    for kind, things, wanted in kinds:
        if not isinstance(things, Mapping):
            raise TypeError(f"{kind} must be a dict from names to objects, got {type(things).__name__}")
        for key, thing in things.items():
            if not isinstance(key, str):
                raise TypeError(f"{kind} must have strings as keys, got {key!r}")
            if not (_stateful(thing) if wanted is None else isinstance(thing, wanted)):
                right = "an object with state_dict and load_state_dict" if wanted is None else f"a {wanted.__name__}"
                raise TypeError(f"{kind}[{key!r}] must be {right}, got {type(thing).__name__}")
        parts[kind] = dict(things)
    if batches is not None and not _stateful(batches):
        raise TypeError(
            f"batches must have state_dict and load_state_dict, as data.batches.stream has; got {batches!r}"
        )
    parts["batches"] = {} if batches is None else {"batches": batches}
    return parts


def _stateful(thing: Any) -> bool:
    return callable(getattr(thing, "state_dict", None)) and callable(getattr(thing, "load_state_dict", None))


def _get(thing: Any) -> Any:
    return thing.get_state() if isinstance(thing, torch.Generator) else thing.state_dict()


def _set(thing: Any, state: Any) -> None:
    if isinstance(thing, torch.Generator):
        thing.set_state(state)
    else:
        thing.load_state_dict(state)


def _plain(value: Any, where: str) -> Any:
    """Return ``value`` with its tensors on the CPU, or refuse by name what is no tensor or plain value."""
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        alone = value.untyped_storage().nbytes() == value.numel() * value.element_size()
        return value if alone else value.clone()  # a view would take its whole tensor along
    if value is None or type(value) in (bool, int, float, complex, str):
        return value
    if isinstance(value, Mapping):
        for key in value:
            if type(key) not in (str, int):
                raise TypeError(f"{where} has the key {key!r}; only strings and whole numbers can be saved")
        return {key: _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
        return items if isinstance(value, list) else tuple(items)
    if (number := real(value)) is not None:  # numpy's, such as a learning rate out of logspace
        return number
    raise TypeError(
        f"{where} is a {type(value).__name__}; only tensors, numbers, strings, lists and dicts can be saved "
        "(arrays: torch.as_tensor)"
    )


def _pack(state: dict[str, Any], *, step: int, target: Path) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getvalue()
    if len(payload) > MAX_BYTES:
        raise ValueError(
            f"{target} would take {_megabytes(len(payload))}, more than runs.MAX_BYTES ({_megabytes(MAX_BYTES)}); "
            "keep fewer snapshots, or raise the limit"
        )
    header = {"format": _FORMAT, "step": step, "bytes": len(payload), "sha256": _digest(step, payload)}
    return json.dumps(header).encode() + b"\n" + payload


def _digest(step: int, payload: bytes) -> str:
    digest = hashlib.sha256(f"{_FORMAT} {step}\n".encode())
    digest.update(payload)
    return digest.hexdigest()


def _write(target: Path, content: bytes) -> Path:
    try:
        files.write_atomically(target, content)
    except OSError as error:
        raise OSError(
            error.errno,
            f"{target} could not be written ({error.strerror or error}); what was saved there before is intact. "
            f"Free {_megabytes(len(content))} or pass another folder=",
        ) from error
    return target


def _keep_a_longer_run(target: Path, step: int) -> None:
    """Put the save at ``target`` aside if it holds more steps than the one about to replace it."""
    try:
        with target.open("rb") as stream:
            old = _header(stream.readline(_HEADER_BYTES))["step"]
        if old <= step:
            return
        content = target.read_bytes()
    except (OSError, DamagedRun):
        return
    aside = _write(target.with_name(f"run-step-{old}.bin"), content)
    print(f"{target} held a run of {old:,} steps, longer than this one: it is kept as {aside}.")


# ---------------------------------------------------------------- reading it back


def _unpack(source: Path) -> tuple[dict[str, Any], Any]:
    """Return header and content of a save, verified."""
    if not source.exists():
        raise FileNotFoundError(f"{source} does not exist; {_saved_beside(source)}")
    if not source.is_file():
        raise DamagedRun(f"{source} is not a file; move it away and save again")
    remedy = "delete it and save again, or put a copy of yours in its place"
    size = source.stat().st_size
    if size > MAX_BYTES + _HEADER_BYTES:
        raise DamagedRun(f"{source} has {_megabytes(size)}, more than runs.MAX_BYTES ({_megabytes(MAX_BYTES)})")
    line, newline, payload = source.read_bytes().partition(b"\n")
    try:
        header = _header(line + newline)
    except DamagedRun as problem:
        raise DamagedRun(f"{source} {problem}; {remedy}") from None
    if len(payload) != header["bytes"]:
        raise DamagedRun(
            f"{source} is cut short or has grown: {len(payload):,} bytes, not {header['bytes']:,}; {remedy}"
        )
    if _digest(header["step"], payload) != header["sha256"]:
        raise DamagedRun(f"{source} was altered: its content does not have the checksum in its first line; {remedy}")
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MAX_BYTES:
            raise DamagedRun(f"{source} would unpack to {_megabytes(unpacked)}, more than runs.MAX_BYTES allows")
        return header, torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    except DamagedRun:
        raise
    except Exception as error:  # whatever a file made by somebody else provokes
        raise DamagedRun(
            f"{source} holds something other than tensors and plain values ({type(error).__name__}) and was not "
            "opened, because such a file can run code; use only files that runs.save wrote"
        ) from error


def _header(line: bytes) -> dict[str, Any]:
    try:
        header = json.loads(line)
    except ValueError:
        header = None
    if not line.endswith(b"\n") or not isinstance(header, dict):
        raise DamagedRun("does not start as a save does")
    kinds = {"format": str, "step": int, "bytes": int, "sha256": str}
    if any(type(header.get(key)) is not kind for key, kind in kinds.items()) or header["step"] < 0:
        raise DamagedRun("does not start as a save does")
    if header["format"] != _FORMAT:
        raise DamagedRun(f"was written in another format, {header['format'][:40]!r} (expected {_FORMAT!r})")
    return header


def _saved_beside(source: Path) -> str:
    folder = source.parent.parent
    names = sorted(found.parent.name for found in folder.glob("*/run.bin")) if folder.is_dir() else []
    return f"saved runs in {folder}: {', '.join(names) or 'none'}"


def _run(source: Path) -> tuple[int, dict[str, Any]]:
    """Return step and state of a run, with the parts that :func:`save` writes."""
    header, state = _unpack(source)
    parts = ("modules", "optimizers", "generators", "batches", "classes")
    if not isinstance(state, dict) or "history" not in state or not all(isinstance(state.get(p), dict) for p in parts):
        raise DamagedRun(f"{source} holds no run; samples are read with runs.load_samples")
    return header["step"], state


def _same_names(source: Path, kind: str, saved: Mapping[str, Any], things: Mapping[str, Any]) -> None:
    if saved.keys() != things.keys():
        raise ValueError(
            f"{source} holds {kind} {_listed(saved)}, but {kind}= names {_listed(things)}; pass the same ones "
            "(for the networks alone: runs.load_modules)"
        )


def _modules_fit(source: Path, state: Mapping[str, Any], modules: Mapping[str, nn.Module]) -> None:
    for key, module in modules.items():
        own = module.state_dict()
        state["modules"][key] = _renamed(state["modules"][key], own)
        where, saved = f"{source}: modules[{key!r}]", state["modules"][key]
        if not isinstance(saved, dict) or saved.keys() != own.keys():
            odd = sorted(set(own) ^ set(saved))[:3] if isinstance(saved, dict) else ["no layers at all"]
            raise ValueError(f"{where} has other layers ({', '.join(odd)}); build the network that was saved")
        for layer, value in own.items():
            if isinstance(value, Tensor):
                _tensor_fits(f"{where}.{layer}", saved[layer], value)


def _renamed(saved: Any, own: Mapping[str, Any]) -> Any:
    """Give the saved layers the names they have in this network, where only a wrapper's name stands before them.

    A compiled network calls its layers "_orig_mod.…", one that is trained in parallel "module.…".
    """
    if not isinstance(saved, dict) or saved.keys() == own.keys():
        return saved
    names = {_WRAPPED.sub("", name): name for name in own}
    bare = {_WRAPPED.sub("", name): value for name, value in saved.items() if isinstance(name, str)}
    return {names[name]: value for name, value in bare.items()} if bare.keys() == names.keys() else saved


def _optimizer_fits(where: str, saved: Any, saved_class: str, optimizer: Any) -> None:
    if saved_class != type(optimizer).__name__:
        raise ValueError(f"{where} was saved from {saved_class}, but is {type(optimizer).__name__} now")
    if not isinstance(optimizer, torch.optim.Optimizer):
        return  # a schedule, say: plain numbers
    own = [len(group["params"]) for group in optimizer.param_groups]
    if [len(group["params"]) for group in saved["param_groups"]] != own:
        raise ValueError(f"{where} belongs to another number of parameters; build it for the network that was saved")
    indices = [index for group in saved["param_groups"] for index in group["params"]]
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for index, parameter in zip(indices, parameters, strict=True):
        for key, value in saved["state"].get(index, {}).items():
            if isinstance(value, Tensor) and value.ndim > 0 and value.shape != parameter.shape:
                raise ValueError(
                    f"{where} keeps {key} of shape {tuple(value.shape)} for a parameter of shape "
                    f"{tuple(parameter.shape)}; build it for the network that was saved"
                )


def _generator_fits(where: str, saved: Any, generator: torch.Generator) -> None:
    own = generator.get_state()
    if not isinstance(saved, Tensor) or saved.dtype != own.dtype or saved.shape != own.shape:
        raise ValueError(
            f"{where} was saved on another kind of device than {generator.device}, and random states do not carry "
            "over; take the networks alone with runs.load_modules"
        )


def _tensor_fits(where: str, saved: Any, own: Tensor) -> None:
    if not isinstance(saved, Tensor) or saved.shape != own.shape:
        shape = tuple(saved.shape) if isinstance(saved, Tensor) else type(saved).__name__
        raise ValueError(
            f"{where} has shape {shape} in the file, but {tuple(own.shape)} in the network; "
            "build it with the sizes it was saved with"
        )
    if saved.dtype != own.dtype:
        raise ValueError(f"{where} has dtype {saved.dtype} in the file, but {own.dtype} in the network")


def _apply_all_or_nothing(source: Path, pairs: list[tuple[Any, Any]]) -> None:
    before = [(thing, copy.deepcopy(_get(thing))) for thing, _ in pairs]
    try:
        for thing, state in pairs:
            _set(thing, state)
    except BaseException as error:
        for thing, state in before:
            _set(thing, state)
        if isinstance(error, Exception):
            what = str(error).strip().splitlines()
            raise ValueError(
                f"{source} does not fit what was passed: {what[0] if what else type(error).__name__}"
            ) from error
        raise


def _listed(things: Mapping[str, Any]) -> str:
    return ", ".join(sorted(map(str, things))) or "none"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
