"""What a run consists of, and whether a saved one fits what it is to be put into.

Every refusal comes before anything is changed, and a failure half way is taken back.
"""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.runs import _file
from gancourse.training import History

__all__ = ["checked", "compare", "compare_modules", "is_run", "named", "put_back", "same", "state_of"]

_WRAPPED = re.compile(r"^(?:(?:_orig_mod|module)\.)+")


def checked(modules: Any, optimizers: Any, generators: Any, batches: Any) -> dict[str, dict[str, Any]]:
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


def state_of(parts: dict[str, dict[str, Any]], history: History | None) -> dict[str, Any]:
    """Return the state of a run, in tensors and plain values."""
    state: dict[str, Any] = {"history": None if history is None else _file.plain(history.state_dict(), "history")}
    state["classes"] = {key: type(thing).__name__ for key, thing in parts["optimizers"].items()}
    for kind, things in parts.items():
        state[kind] = {key: _file.plain(_get(thing), f"{kind}[{key!r}]") for key, thing in things.items()}
    return state


def is_run(state: Any) -> bool:
    """Tell whether what a file holds has the parts that :func:`state_of` gives."""
    parts = ("modules", "optimizers", "generators", "batches", "classes")
    return isinstance(state, dict) and "history" in state and all(isinstance(state.get(part), dict) for part in parts)


def same(state: dict[str, Any], other: Any) -> bool:
    """Tell whether a file holds this state, bit for bit; the history aside, in which times differ."""
    return is_run(other) and all(_equal(state[kind], other[kind]) for kind in state if kind != "history")


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, Tensor):
        return isinstance(right, Tensor) and left.dtype == right.dtype and torch.equal(left, right)
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_equal(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(_equal, left, right))
    return left == right


def put_back(source: Path, state: dict[str, Any], parts: dict[str, dict[str, Any]]) -> None:
    """Put the saved states into the things they belong to, into all of them or into none."""
    pairs = [(thing, state[kind][key]) for kind, things in parts.items() for key, thing in things.items()]
    before = [(thing, copy.deepcopy(_get(thing))) for thing, _ in pairs]
    try:
        for thing, saved in pairs:
            _set(thing, saved)
    except BaseException as error:
        for thing, saved in before:
            _set(thing, saved)
        if isinstance(error, Exception):
            what = str(error).strip().splitlines()
            raise ValueError(
                f"{source} does not fit what was passed: {what[0] if what else type(error).__name__}"
            ) from error
        raise


def _stateful(thing: Any) -> bool:
    return callable(getattr(thing, "state_dict", None)) and callable(getattr(thing, "load_state_dict", None))


def _get(thing: Any) -> Any:
    return thing.get_state() if isinstance(thing, torch.Generator) else thing.state_dict()


def _set(thing: Any, state: Any) -> None:
    if isinstance(thing, torch.Generator):
        thing.set_state(state)
    else:
        thing.load_state_dict(state)


# ---------------------------------------------------------------- what fits into what


@contextlib.contextmanager
def named(source: Path) -> Iterator[None]:
    """Let whatever a file made by somebody else provokes inside a ``with`` block be an error that names the file."""
    try:
        yield
    except ValueError:
        raise
    except Exception as error:
        raise _file.DamagedRun(
            f"{source} does not hold what runs.save writes ({type(error).__name__}: {error}); use only what it wrote"
        ) from error


def compare(source: Path, state: dict[str, Any], parts: dict[str, dict[str, Any]]) -> None:
    """Refuse a saved run that has other parts than these, or parts that do not fit into them.

    The saved layers of a network that was wrapped, or now is, get the names they have here.
    """
    for kind, things in parts.items():
        _same_names(source, kind, state[kind], things)
    _modules_fit(source, state, parts["modules"])
    for key, optimizer in parts["optimizers"].items():
        _optimizer_fits(f"{source}: optimizers[{key!r}]", state["optimizers"][key], state["classes"][key], optimizer)
    for key, generator in parts["generators"].items():
        _generator_fits(f"{source}: generators[{key!r}]", state["generators"][key], generator)


def compare_modules(source: Path, state: dict[str, Any], modules: Mapping[str, nn.Module]) -> None:
    """Refuse, as :func:`compare` does, a saved run without one of these networks, or with one that does not fit."""
    if not modules.keys() <= state["modules"].keys():
        raise ValueError(f"{source} holds modules {_listed(state['modules'])}, but modules= names {_listed(modules)}")
    _modules_fit(source, state, modules)


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


def _listed(things: Mapping[str, Any]) -> str:
    return ", ".join(sorted(map(str, things))) or "none"
