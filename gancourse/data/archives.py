"""Data sets that are published as one zip of many small files: found, verified as a whole, fetched, kept.

What vouches for the content is one SHA-256 over all files: of the sorted lines "NAME SHA-256-OF-THE-FILE". So a zip
packed by somebody else is as good as the published one, and so is a folder into which it was unpacked. A zip is read
within limits: a small one can promise to become as large as it likes.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from gancourse.data import files
from gancourse.data.files import DamagedFile, DataUnavailable, Fetched

__all__ = ["PublishedArchive", "digest", "fetch", "read_folder", "read_zip"]

_LARGEST_MEMBER, _LARGEST, _MOST_MEMBERS = 20_000_000, 200_000_000, 20_000  # bytes, bytes, files


@dataclass(frozen=True)
class PublishedArchive:
    """A data set in one zip, and where it lies.

    Args:
        name: of the zip, without ".zip", and of the folder in the cache and in ``GANCOURSE_DATA``.
        title: what people call it.
        ending: of the names of the files that belong to it, e.g. ".wav"; others in the zip do not matter.
        sha256: of all files, as :func:`digest` gives it.
        addresses: of zips on the web.
        folders: patterns of names under which a copy may lie in ``GANCOURSE_DATA``, zipped or not.
        most_bytes: larger zips are not downloaded.
    """

    name: str
    title: str
    ending: str
    sha256: str
    addresses: tuple[str, ...]
    folders: tuple[str, ...]
    most_bytes: int


def digest(contents: dict[str, bytes]) -> str:
    """Return the SHA-256 of a set of files, whatever their order: of the sorted lines "name sha256" and a newline."""
    lines = sorted(f"{name} {hashlib.sha256(content).hexdigest()}\n" for name, content in contents.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_zip(source: Path | bytes, ending: str) -> dict[str, bytes]:
    """Return the files in a zip whose names end so, by their names without folders.

    Raises:
        DamagedFile: it is no zip, is cut off or damaged, holds two files of one name, or unpacks to too much.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source) as archive:
            members = [one for one in archive.infolist() if one.filename.lower().endswith(ending) and not one.is_dir()]
            members = [one for one in members if "__MACOSX" not in one.filename]
            if len(members) > _MOST_MEMBERS or sum(one.file_size for one in members) > _LARGEST:
                raise DamagedFile(f"it holds more than {_MOST_MEMBERS:,} files or {files.in_megabytes(_LARGEST)}")
            contents: dict[str, bytes] = {}
            for one in members:
                name = PurePosixPath(one.filename).name
                if name in contents:
                    raise DamagedFile(f"it holds two files called {name}")
                if one.file_size > _LARGEST_MEMBER:
                    raise DamagedFile(f"{name} is far too large ({files.in_megabytes(one.file_size)})")
                with archive.open(one) as stream:
                    contents[name] = stream.read(one.file_size + 1)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise DamagedFile(f"it cannot be unpacked ({error})") from error
    except Exception as error:  # zlib.error, lzma.LZMAError: whatever the compression has of its own
        if isinstance(error, DamagedFile):
            raise
        raise DamagedFile(f"it cannot be unpacked ({error})") from error
    return contents


def read_folder(folder: Path, ending: str) -> dict[str, bytes]:
    """Return the files in a folder whose names end so, by name; folders inside it are not searched.

    Raises:
        DamagedFile: one cannot be read, or they are too many or too large.
    """
    contents: dict[str, bytes] = {}
    try:
        for path in sorted(folder.iterdir()):
            if not path.name.lower().endswith(ending) or not path.is_file():
                continue
            if path.stat().st_size > _LARGEST_MEMBER or len(contents) >= _MOST_MEMBERS:
                raise DamagedFile(f"it holds more than {_MOST_MEMBERS:,} files, or a far too large one ({path.name})")
            contents[path.name] = path.read_bytes()
    except OSError as error:
        raise DamagedFile(f"it cannot be read ({error.strerror or error})") from error
    return contents


def fetch(
    wanted: PublishedArchive, *, seconds: float, patient: bool = True, say: Callable[[str], None] = print
) -> Fetched:
    """Return every file of a data set, verified: from a folder or zip, from the cache, or from the web.

    Args:
        wanted: the data set.
        seconds: limit for the download.
        patient: try the network even if that failed before in this process.
        say: called with one line about whatever a person should know.
    Returns:
        The contents by name, and where they came from.
    Raises:
        DataUnavailable: it is nowhere to be had; the message says what was tried, and what to do.
    First met in: notebook 17.
    """
    for path, origin in _candidates(wanted, say):
        try:
            read = read_folder if path.is_dir() else read_zip
            contents = read(path, wanted.ending)
            if contents or not path.is_dir():  # a folder without such files is some other folder
                return Fetched(_verified(contents, wanted), origin)
        except DamagedFile as damage:
            say(f"{path} is not {wanted.title} as published: {damage}. It is left as it is; looking elsewhere.")
    payload = _download(wanted, seconds, patient, say)
    return Fetched(payload, "downloaded")


def _verified(contents: dict[str, bytes], wanted: PublishedArchive) -> dict[str, bytes]:
    if digest(contents) != wanted.sha256:
        raise DamagedFile(f"the SHA-256 of its {len(contents):,} files is not the published one")
    return contents


def _candidates(wanted: PublishedArchive, say: Callable[[str], None]) -> Iterator[tuple[Path, str]]:
    named = os.environ.get("GANCOURSE_DATA")
    if named and not (folder := Path(named).expanduser()).is_dir():
        say(f"GANCOURSE_DATA names no folder: {named!r}. It is ignored.")
    elif named:
        for pattern in (wanted.name, f"{wanted.name}.zip", *wanted.folders):
            for path in sorted(folder.glob(pattern)):
                yield path, "from GANCOURSE_DATA"
    for folder in files.cache_folders():
        path = folder / wanted.name / f"{wanted.name}.zip"
        with contextlib.suppress(OSError):
            if path.is_file():
                yield path, "from the cache"


def _download(wanted: PublishedArchive, seconds: float, patient: bool, say: Callable[[str], None]) -> dict[str, bytes]:
    if files.offline():
        raise _unavailable(wanted, "GANCOURSE_OFFLINE forbids downloads")
    if not patient and wanted.name in files.failed_sets:
        raise _unavailable(wanted, f"{files.failed_sets[wanted.name]}; tried once in this session")
    deadline, problems = time.monotonic() + seconds, []
    for address in wanted.addresses:
        host = urlsplit(address).netloc
        try:
            payload = files.download(address, wanted.most_bytes, seconds=deadline - time.monotonic())
            contents = _verified(read_zip(payload, wanted.ending), wanted)
        except DamagedFile as damage:
            say(f"{host} sent a wrong {wanted.name}.zip: {damage}.")
            problems.append(f"wrong {wanted.name}.zip: {host}")
        except files.Unreachable as problem:
            problems.append(f"{problem}: {host}")
        else:
            files.failed_sets.pop(wanted.name, None)
            _keep(wanted, payload, say)
            return contents
    files.failed_sets[wanted.name] = "; ".join(problems)
    raise _unavailable(wanted, files.failed_sets[wanted.name])


def _keep(wanted: PublishedArchive, payload: bytes, say: Callable[[str], None]) -> None:
    folder = files.cache_folder()
    if folder is None:
        say("No folder for the cache is writable, so the download is not kept.")
        return
    try:
        files.write_atomically(folder / wanted.name / f"{wanted.name}.zip", payload)
    except OSError as error:
        say(f"{error.strerror}. The download is not kept.")


def _unavailable(wanted: PublishedArchive, reason: str) -> DataUnavailable:
    return DataUnavailable(
        f"{wanted.title} is not at hand and could not be fetched ({reason})",
        f"With a network, try again; without, put {wanted.name}.zip into a folder and set GANCOURSE_DATA to it",
    )
