"""The file that a run is kept in: one line of text, then what ``torch.save`` writes of tensors and plain values.

The line names the run's step and the SHA-256 checksum of the rest. Nothing here knows what a run consists of.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gancourse._numbers import real
from gancourse.data import files

__all__ = ["DamagedRun", "keep_a_longer_run", "pack", "plain", "unpack", "write"]

_HEADER_BYTES = 1_000
_FORMAT = "gancourse-run-1"


class DamagedRun(ValueError):
    """A saved file is not what was written: cut short, altered, or no save at all."""


# ---------------------------------------------------------------- writing


def plain(value: Any, where: str) -> Any:
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
        return {key: plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
        return items if isinstance(value, list) else tuple(items)
    if (number := real(value)) is not None:  # numpy's, such as a learning rate out of logspace
        return number
    raise TypeError(
        f"{where} is a {type(value).__name__}; only tensors, numbers, strings, lists and dicts can be saved "
        "(arrays: torch.as_tensor)"
    )


def pack(state: dict[str, Any], *, step: int, target: Path, limit: int) -> bytes:
    """Return what the file ``target`` is to hold; no more than ``limit`` bytes after the first line."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getvalue()
    if len(payload) > limit:
        raise ValueError(
            f"{target} would take {_megabytes(len(payload))}, more than runs.MAX_BYTES ({_megabytes(limit)}); "
            "keep fewer snapshots, or raise the limit"
        )
    header = {"format": _FORMAT, "step": step, "bytes": len(payload), "sha256": _digest(step, payload)}
    return json.dumps(header).encode() + b"\n" + payload


def write(target: Path, content: bytes) -> Path:
    """Put ``content`` into the file ``target``, in one step or not at all, and return its path."""
    try:
        files.write_atomically(target, content)
    except OSError as error:
        raise OSError(
            error.errno,
            f"{target} could not be written ({error.strerror or error}); what was saved there before is intact. "
            f"Free {_megabytes(len(content))} or pass another folder=",
        ) from error
    return target


def keep_a_longer_run(target: Path, step: int) -> None:
    """Put the save at ``target`` aside if it holds more steps than the one about to replace it."""
    try:
        with target.open("rb") as stream:
            old = _header(stream.readline(_HEADER_BYTES))["step"]
        if old <= step:
            return
        content = target.read_bytes()
    except (OSError, DamagedRun):
        return
    aside = write(target.with_name(f"run-step-{old}.bin"), content)
    print(f"{target} held a run of {old:,} steps, longer than this one: it is kept as {aside}.")


# ---------------------------------------------------------------- reading


def unpack(source: Path, *, limit: int) -> tuple[int, Any]:
    """Return step and content of a save, verified; nothing of more than ``limit`` bytes is opened."""
    if not source.exists():
        raise FileNotFoundError(f"{source} does not exist; {_saved_beside(source)}")
    if not source.is_file():
        raise DamagedRun(f"{source} is not a file; move it away and save again")
    remedy = "delete it and save again, or put a copy of yours in its place"
    size = source.stat().st_size
    if size > limit + _HEADER_BYTES:
        raise DamagedRun(f"{source} has {_megabytes(size)}, more than runs.MAX_BYTES ({_megabytes(limit)})")
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
        if unpacked > limit:
            raise DamagedRun(f"{source} would unpack to {_megabytes(unpacked)}, more than runs.MAX_BYTES allows")
        return header["step"], torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
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


def _digest(step: int, payload: bytes) -> str:
    digest = hashlib.sha256(f"{_FORMAT} {step}\n".encode())
    digest.update(payload)
    return digest.hexdigest()


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
