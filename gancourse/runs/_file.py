"""The file that a run is kept in: one line of text, then what ``torch.save`` writes of tensors and plain values.

The line names the run's step and the SHA-256 checksum of the rest. Nothing here knows what a run consists of.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gancourse._numbers import real
from gancourse.data import files

__all__ = ["DamagedRun", "Header", "go_on_from", "pack", "plain", "replace", "unpack", "write"]

_HEADER_BYTES = 1_000
_FORMAT = "gancourse-run-1"

Header = dict[str, Any]
"""The first line of a file: format, step, bytes and sha256."""

_ours: set[str] = set()  # checksums of the runs that this session has saved, or goes on from


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
            f"{target} would take {files.in_megabytes(len(payload))}, more than runs.MAX_BYTES "
            f"({files.in_megabytes(limit)}); keep fewer snapshots, or raise the limit"
        )
    header = {"format": _FORMAT, "step": step, "bytes": len(payload), "sha256": _digest(step, payload)}
    return json.dumps(header).encode() + b"\n" + payload


def write(target: Path, content: bytes) -> Path:
    """Put ``content`` into the file ``target``, in one step or not at all, and return its path."""
    try:
        files.write_atomically(target, content)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}. Make room, or pass another folder=") from error
    return target


def replace(target: Path, content: bytes, *, limit: int, same: Callable[[Any], bool]) -> Path:
    """Put a run into the file ``target``. What would be lost by that is kept beside it first, and a line says so.

    Args:
        target: the file.
        content: from :func:`pack`.
        limit: as for :func:`unpack`.
        same: tells whether what another file holds would be no loss, because it is the same.
    """
    new = _header(content[: content.index(b"\n") + 1])
    with files.alone_in(target.parent):
        loss, old = "", _header_in(target)
        if old is not None and old["step"] > new["step"]:
            loss = f"a run of {old['step']:,} steps, longer than this one"
        elif old is not None and old["sha256"] not in _ours and not _holds(target, limit, same):
            loss = f"another run, of {old['step']:,} steps, which this session neither saved nor loaded"
        aside = _keep(target, old) if loss else None
        _ours.add(new["sha256"])  # before it is written, so that an interrupt leaves no run of ours as a stranger's
        write(target, content)
    if loss:
        print(f"{target} held {loss}: it is kept as {aside}.")
    return target


def go_on_from(header: Header) -> None:
    """Note that this session continues a run, so that its own saves may replace it."""
    _ours.add(header["sha256"])


def _holds(target: Path, limit: int, same: Callable[[Any], bool]) -> bool:
    try:
        return same(unpack(target, limit=limit)[1])
    except (OSError, DamagedRun):
        return False


def _keep(target: Path, old: Header) -> Path:
    """Give the file ``target`` a second name, under which it stays when the first is replaced."""
    for aside in _names_beside(target, old["step"]):
        if not os.path.lexists(aside):
            break
        if (there := _header_in(aside)) is not None and there["sha256"] == old["sha256"]:
            return aside
    try:
        os.link(target, aside)  # takes no space, and both names are there at every moment
    except OSError:
        write(aside, target.read_bytes())
    return aside


def _names_beside(target: Path, step: int) -> Iterator[Path]:
    for number in itertools.count(1):
        yield target.with_name(f"run-step-{step}{f'-{number}' if number > 1 else ''}.bin")


def _header_in(source: Path) -> Header | None:
    """Return the first line of a save, None if there is no such file or it is no save."""
    try:
        if not source.is_file():
            return None
        with source.open("rb") as stream:
            return _header(stream.readline(_HEADER_BYTES))
    except (OSError, DamagedRun):
        return None


# ---------------------------------------------------------------- reading


def unpack(source: Path, *, limit: int) -> tuple[Header, Any]:
    """Return first line and content of a save, verified; nothing of more than ``limit`` bytes is opened."""
    if not source.exists():
        raise FileNotFoundError(f"{source} does not exist; {_saved_beside(source)}")
    if not source.is_file():
        raise DamagedRun(f"{source} is not a file; move it away and save again")
    remedy = "delete it and save again, or put a copy of yours in its place"
    size = source.stat().st_size
    if size > limit + _HEADER_BYTES:
        raise DamagedRun(
            f"{source} has {files.in_megabytes(size)}, more than runs.MAX_BYTES ({files.in_megabytes(limit)})"
        )
    with source.open("rb") as stream:
        line, payload = stream.readline(_HEADER_BYTES), stream.read()
    try:
        header = _header(line)
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
        if unpacked <= limit:
            content = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
            unpacked = _bytes_of(content)
    except Exception as error:  # whatever a file made by somebody else provokes
        raise DamagedRun(
            f"{source} holds something other than tensors and plain values ({type(error).__name__}) and was not "
            "opened, because such a file can run code; use only files that runs.save wrote"
        ) from error
    if unpacked > limit:
        raise DamagedRun(f"{source} would unpack to {files.in_megabytes(unpacked)}, more than runs.MAX_BYTES allows")
    return header, content


def _bytes_of(content: Any) -> int:
    """Count what the tensors take once they are copied: one value in the file may stand for any number of them."""
    if isinstance(content, Tensor):
        return content.numel() * content.element_size()
    if isinstance(content, Mapping):
        content = content.values()
    return sum(map(_bytes_of, content)) if not isinstance(content, str) and isinstance(content, Iterable) else 0


def _header(line: bytes) -> dict[str, Any]:
    try:
        header = json.loads(line)
    except (ValueError, RecursionError):
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
