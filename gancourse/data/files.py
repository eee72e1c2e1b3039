"""Files of published data sets: found, verified, fetched, healed, and never half written.

A file is trusted for what it contains, not for where it lies: whatever is read is unpacked with a
size limit and compared with a published SHA-256, every time. The search goes from the folder
named by ``GANCOURSE_DATA`` (only ever read), through the user's cache (``GANCOURSE_CACHE``, else
where pooch puts caches, else a temporary folder), to the addresses on the web.

A download lives in memory until it is complete and verified; only then is it written, to a
temporary file that replaces the old one in a single step. So killing a download leaves nothing
behind, and several processes may do the same at the same time.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import os
import secrets
import shutil
import stat
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "DamagedFile",
    "DataUnavailable",
    "Fetched",
    "PublishedFile",
    "PublishedSet",
    "Unreachable",
    "alone_in",
    "cache_folder",
    "cache_folders",
    "download",
    "failed_sets",
    "fetch",
    "forget_failures",
    "in_megabytes",
    "offline",
    "parse_idx",
    "unpack",
    "write_atomically",
]

_GZIP_MAGIC = b"\x1f\x8b"
_SPARE_BYTES = 1_000_000  # a compressed file may be this much longer than its content, not more
_PART = ".part"  # ends the name of a temporary file
_LEFTOVER_SECONDS = 60  # writing takes a second; an older temporary file belongs to nobody
_PATIENCE_SECONDS = 20.0  # how long to wait for another process that writes in the same folder
_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}  # the disk, the file, or your share of it
_CONNECT_SECONDS = 4.0
_READ_SECONDS = 8.0

failed_sets: dict[str, str] = {}
"""For each data set that could not be fetched in this process, why."""


class DamagedFile(Exception):
    """A file's content is not what was published; the message says in which way."""


class DataUnavailable(RuntimeError):
    """A data set is neither at hand nor to be had; the message says what was tried and what to do.

    Attributes:
        reason: the first part of the message, without the advice.
    """

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason}. {advice}")
        self.reason = reason


@dataclass(frozen=True)
class PublishedFile:
    """One file of a data set, and what vouches for it.

    Args:
        name: file name without ".gz".
        unpacked_bytes: its exact size when unpacked; nothing larger is ever unpacked.
        sha256: checksum of the *unpacked* bytes. Any gzip wrapper is then fine, or none.
        sha256_gz: checksum of the compressed file exactly as published, for sets whose
            publishers give only that; then only this very .gz file is accepted.
    """

    name: str
    unpacked_bytes: int
    sha256: str = ""
    sha256_gz: str = ""

    def __post_init__(self) -> None:
        if not (self.sha256 or self.sha256_gz):
            raise ValueError(f"{self.name} needs a checksum, of the unpacked bytes or of the .gz file")


@dataclass(frozen=True)
class PublishedSet:
    """A data set: its files, and where they lie.

    Args:
        name: the folder it has in the cache and in ``GANCOURSE_DATA``.
        title: what people call it.
        files: all of them.
        addresses: web folders (ending in "/") that hold them as ``<name>.gz``.
        folders: where other programs put them, inside ``GANCOURSE_DATA``.
    """

    name: str
    title: str
    files: tuple[PublishedFile, ...]
    addresses: tuple[str, ...]
    folders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fetched:
    """The verified, unpacked bytes of every file by name, and in words where they came from."""

    contents: dict[str, bytes]
    origin: str


# ---------------------------------------------------------------- content


def unpack(payload: bytes, file: PublishedFile) -> bytes:
    """Return the verified content of ``file`` from its bytes, gzipped or plain.

    Args:
        payload: what was read from the disk or the network.
        file: what it should be.
    Returns:
        The unpacked bytes, exactly those that were published.
    Raises:
        DamagedFile: they are not; the message says whether the file is empty, a web page, cut
            off, too large, or just different.
    """
    if not payload:
        raise DamagedFile("it is empty")
    if payload.startswith(_GZIP_MAGIC):
        if file.sha256_gz and _sha256(payload) != file.sha256_gz:
            raise DamagedFile("its SHA-256 is not the published one of the .gz file")
        content = _gunzip(payload, file.unpacked_bytes)
    elif _looks_like_a_web_page(payload):
        raise DamagedFile("it is a web page or an error message saved as data")
    elif not file.sha256:
        raise DamagedFile("it is not gzipped, and only the .gz file has a published checksum")
    else:
        content = payload
    if len(content) != file.unpacked_bytes:
        raise DamagedFile(f"it holds {len(content):,} bytes instead of {file.unpacked_bytes:,}")
    if file.sha256 and _sha256(content) != file.sha256:
        raise DamagedFile("the SHA-256 of its content is not the published one")
    return content


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _looks_like_a_web_page(payload: bytes) -> bool:
    start = payload[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"{"))


def _gunzip(payload: bytes, expected: int) -> bytes:
    """Unpack at most one byte more than ``expected``: a small file can inflate to any size."""
    stream = zlib.decompressobj(wbits=31)
    try:
        content = stream.decompress(payload, expected + 1)
    except zlib.error as error:
        raise DamagedFile(f"it cannot be unpacked ({error})") from error
    if len(content) > expected:
        raise DamagedFile(f"it unpacks to more than the {expected:,} bytes it should hold")
    if not stream.eof:
        raise DamagedFile(f"it is cut off after {len(content):,} of {expected:,} unpacked bytes")
    return content


def parse_idx(data: bytes, *, dimensions: int, name: str = "data") -> np.ndarray:
    """Return the array in an IDX file of unsigned bytes, the format MNIST is published in.

    Args:
        data: the unpacked file: two zero bytes, the type 8, the number of dimensions, each
            dimension as a big-endian 32-bit number, then one byte per value.
        dimensions: how many dimensions there must be, 3 for images, 1 for labels.
        name: what to call the file in messages.
    Returns:
        A read-only uint8 array.
    Raises:
        DamagedFile: the header is wrong or the length does not follow from it.
    """
    import numpy as np

    header = 4 + 4 * dimensions
    if len(data) < header:
        raise DamagedFile(f"{name}: an IDX file with {dimensions} dimension(s) needs {header} bytes, got {len(data)}")
    if data[:4] != bytes([0, 0, 8, dimensions]):
        raise DamagedFile(
            f"{name}: an IDX file of bytes with {dimensions} dimension(s) starts with 0 0 8 {dimensions}, "
            f"got {' '.join(str(byte) for byte in data[:4])}"
        )
    shape = tuple(int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions))
    values = 1
    for extent in shape:
        values *= extent
    if len(data) - header != values:
        raise DamagedFile(f"{name}: the header promises shape {shape}, {values:,} values, got {len(data) - header:,}")
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape)


# ---------------------------------------------------------------- folders and files


def cache_folder() -> Path | None:
    """Return a folder for files that can be fetched or computed again, or None if none is writable.

    ``GANCOURSE_CACHE`` if set, else the user's cache folder, else (a read-only home, a full disk)
    a private temporary folder.
    """
    for folder in cache_folders():
        if _is_writable(folder):
            return folder
    return None


def cache_folders() -> Iterator[Path]:
    """List the places where cached files may lie, best first. The last is private to the user."""
    named = os.environ.get("GANCOURSE_CACHE")
    if named:
        yield Path(named).expanduser()
    else:
        with contextlib.suppress(ImportError):
            import pooch

            yield Path(pooch.os_cache("gancourse"))
    user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    yield Path(tempfile.gettempdir()) / f"gancourse-{user}"


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid() and os.getuid() != 0:
            return False  # somebody else's folder under a name that can be guessed
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:  # a read-only file system is an OSError, but no PermissionError
        return False


def write_atomically(path: Path, payload: bytes) -> None:
    """Write a file so that at every moment the old or the new content is there, never a half.

    The bytes go to a temporary file in the same folder, are forced to the disk, and replace the
    old file in one step. Temporary files that a killed process left behind are swept away.

    Args:
        path: the file; its folder is made if need be.
        payload: the content.
    Raises:
        OSError: the disk is full, read-only, or the folder cannot be made; the old file is intact. ``strerror``
            says it whole: the path, the reason, and for a full disk how much is needed and how much is free.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}{_PART}")  # its name is known before it exists
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        with _held(temporary) as stream:
            stream.write(payload)
            stream.flush()
            os.fsync(stream.fileno())
            if fcntl is not None:
                os.replace(temporary, path)
        if fcntl is None:  # Windows moves no open file
            os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise OSError(error.errno, _not_written(path, len(payload), error)) from error
        raise


@contextlib.contextmanager
def _held(temporary: Path) -> Iterator[IO[bytes]]:
    """Open a new file, readable by its owner only, and hold it until it is closed or this process ends.

    A file that somebody swept away between the two is made again.
    """
    while True:
        with open(temporary, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as stream:
            if fcntl is not None:
                with contextlib.suppress(OSError):  # a file system on which nothing can be held: see _sweep
                    fcntl.flock(stream, fcntl.LOCK_EX)
                if os.fstat(stream.fileno()).st_nlink == 0:
                    continue
            yield stream
            return


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep others who ask for the same folder waiting inside a ``with`` block, or wait for them; it is made if need be.

    Nobody waits for longer than any writing takes, nor where folders cannot be locked, as on Windows.

    Raises:
        OSError: the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(error.errno, f"{folder} could not be made ({error.strerror or error})") from error
    if fcntl is None:
        yield
        return
    opened = _Folder(folder)
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while opened.is_locked_by_another() and time.monotonic() < deadline:
            time.sleep(0.02)
        yield
    finally:
        opened.unlock()


class _Folder:
    """An open folder that can be locked; closed, and so unlocked, when nobody refers to it any more."""

    _handle: int | None = None

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDONLY)

    def fileno(self) -> int:
        return self._handle

    def is_locked_by_another(self) -> bool:
        """Lock it unless another has; False also where nothing can be locked."""
        try:
            fcntl.flock(self, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return isinstance(error, BlockingIOError)
        return False

    def unlock(self) -> None:
        with contextlib.suppress(OSError):
            fcntl.flock(self, fcntl.LOCK_UN)

    def __del__(self) -> None:
        if self._handle is not None:
            os.close(self._handle)


def _sweep(folder: Path) -> None:
    """Remove temporary files that no process holds; where none can be held, those too old to be in use."""
    for leftover in folder.glob(f".*{_PART}"):
        with contextlib.suppress(OSError):
            young = time.time() - leftover.stat().st_mtime <= _LEFTOVER_SECONDS
            if fcntl is None:
                if not young:
                    leftover.unlink()
                continue
            with leftover.open("r+b") as stream:
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                except OSError:
                    if young:
                        continue
                leftover.unlink()


def _not_written(path: Path, needed: int, error: OSError) -> str:
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        reason += f": it needs {in_megabytes(needed)}, and the disk has {in_megabytes(_free(path.parent))} free"
    return f"{path} could not be written ({reason}); what was there before is intact"


def _free(folder: Path) -> int:
    """Return the free bytes of the disk that the folder is on, or will be."""
    folder = folder.absolute()
    return shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists())).free


def in_megabytes(count: int) -> str:
    """Return a number of bytes in words: "3.4 MB", or the bytes themselves below 0.1 MB."""
    return f"{count / 1e6:,.1f} MB" if count >= 100_000 else f"{count:,} bytes"


def _read(path: Path, file: PublishedFile) -> bytes | None:
    """Return the verified content of the file at ``path``, None if there is none.

    Raises:
        DamagedFile: something is there, but not what was published.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise DamagedFile("it is no regular file")
    if status.st_size > file.unpacked_bytes + _SPARE_BYTES:
        raise DamagedFile(f"it is far too large ({status.st_size:,} bytes)")
    try:
        return unpack(path.read_bytes(), file)
    except OSError as error:
        raise DamagedFile(f"it cannot be read ({error.strerror or error})") from error


# ---------------------------------------------------------------- fetch


def fetch(wanted: PublishedSet, *, seconds: float, patient: bool = True, say: Callable[[str], None] = print) -> Fetched:
    """Return every file of a data set, verified: from a folder, from the cache, or from the web.

    Args:
        wanted: the data set.
        seconds: limit for all downloads of this call together.
        patient: try the network even if that failed before in this process.
        say: called with one line about whatever a person should know: a damaged file by name,
            a download that starts, a cache that cannot be written.
    Returns:
        The contents and where they came from.
    Raises:
        DataUnavailable: a file is nowhere to be had; the message says what was tried, and what to do.
    First met in: notebook 00.
    """
    contents: dict[str, bytes] = {}
    origins: set[str] = set()
    for file in wanted.files:
        found = _find(wanted, file, say)
        if found is not None:
            contents[file.name], origin = found
            origins.add(origin)
    missing = [file for file in wanted.files if file.name not in contents]
    if missing:
        contents.update(_download_all(wanted, missing, seconds=seconds, patient=patient, say=say))
        origins.add("downloaded")
    return Fetched({file.name: contents[file.name] for file in wanted.files}, " and ".join(sorted(origins)))


def offline() -> bool:
    """Return whether ``GANCOURSE_OFFLINE`` forbids downloads."""
    return os.environ.get("GANCOURSE_OFFLINE", "").lower() not in ("", "0", "false", "no")


def forget_failures() -> None:
    """Let impatient calls of :func:`fetch` try the network again."""
    failed_sets.clear()


def _find(wanted: PublishedSet, file: PublishedFile, say: Callable[[str], None]) -> tuple[bytes, str] | None:
    for path, origin in _candidates(wanted, file, say):
        try:
            content = _read(path, file)
        except DamagedFile as damage:
            say(f"{path} is damaged: {damage}. It is left as it is; looking elsewhere.")
            continue
        if content is not None:
            return content, origin
    return None


def _candidates(wanted: PublishedSet, file: PublishedFile, say: Callable[[str], None]) -> Iterator[tuple[Path, str]]:
    named = os.environ.get("GANCOURSE_DATA")
    if named:
        folder = Path(named).expanduser()
        if not folder.is_dir() and file is wanted.files[0]:
            say(f"GANCOURSE_DATA names no folder: {named!r}. It is ignored.")
        names = dict.fromkeys([file.name, file.name.replace("-idx", ".idx")])  # the second: how many archives call it
        for place in (folder / wanted.name, folder, *(folder / name for name in wanted.folders)):
            for name in names:
                for path in (place / name, place / f"{name}.gz", place / name / name):
                    if not path.is_dir():  # a folder may be called like the file it holds
                        yield path, "from GANCOURSE_DATA"
    for folder in cache_folders():
        yield folder / wanted.name / f"{file.name}.gz", "from the cache"


def _download_all(
    wanted: PublishedSet,
    missing: list[PublishedFile],
    *,
    seconds: float,
    patient: bool,
    say: Callable[[str], None],
) -> dict[str, bytes]:
    if offline():
        raise _unavailable(wanted, "GANCOURSE_OFFLINE forbids downloads")
    if not patient and wanted.name in failed_sets:
        raise _unavailable(wanted, f"{failed_sets[wanted.name]}; tried once in this session")
    deadline = time.monotonic() + seconds
    folder = cache_folder()
    if folder is None:
        say("No folder for the cache is writable, so the download is not kept.")
    contents: dict[str, bytes] = {}
    addresses = list(wanted.addresses)
    problems: dict[str, list[str]] = {}  # what went wrong -> where
    for file in missing:
        payload = None
        for address in list(addresses):
            try:
                most = file.unpacked_bytes + _SPARE_BYTES
                payload = download(f"{address}{file.name}.gz", most, seconds=deadline - time.monotonic())
                contents[file.name] = unpack(payload, file)
                break
            except DamagedFile as damage:
                payload = None
                problems.setdefault(f"wrong {file.name}.gz", []).append(urlsplit(address).netloc)
                say(f"{urlsplit(address).netloc} sent a wrong {file.name}.gz: {damage}.")
            except Unreachable as problem:
                addresses.remove(address)  # no file will come from there in this call
                problems.setdefault(str(problem), []).append(urlsplit(address).netloc)
        if payload is None:
            reason = "; ".join(f"{what}: {', '.join(hosts)}" for what, hosts in problems.items())
            failed_sets[wanted.name] = reason
            raise _unavailable(wanted, reason)
        if folder is not None and not _keep(folder / wanted.name / f"{file.name}.gz", payload, say):
            folder = None
    failed_sets.pop(wanted.name, None)
    return contents


def _keep(path: Path, payload: bytes, say: Callable[[str], None]) -> bool:
    """Store a verified download; a failure costs a line, not the data."""
    try:
        write_atomically(path, payload if payload.startswith(_GZIP_MAGIC) else gzip.compress(payload, mtime=0))
    except OSError as error:
        say(f"{error.strerror}. The download is not kept.")
        return False
    return True


def _unavailable(wanted: PublishedSet, reason: str) -> DataUnavailable:
    return DataUnavailable(
        f"{wanted.title} is not at hand and could not be fetched ({reason})",
        "With a network, try again; without, put "
        f"{', '.join(f'{file.name}.gz' for file in wanted.files)} into a folder and set GANCOURSE_DATA to it, "
        "or use the digits that are always there: digits.load('embedded').",
    )


# ---------------------------------------------------------------- one download


class Unreachable(Exception):
    """An address does not deliver: no connection, an HTTP error, or too slow."""


class _Sink:
    """A file in memory that refuses more bytes than it was made for, and all once it is closed."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes, self.closed, self.bytes = most_bytes, False, bytearray()

    def write(self, chunk: bytes) -> None:
        if self.closed:
            raise Unreachable("given up")
        if len(self.bytes) + len(chunk) > self.most_bytes:
            raise DamagedFile(f"it is larger than {self.most_bytes:,} bytes")
        self.bytes += chunk

    def flush(self) -> None:
        """Nothing to do: pooch calls it after each chunk."""


def download(url: str, most_bytes: int, *, seconds: float) -> bytes:
    """Return what the address sends, at most so many bytes, within ``seconds``, whatever hangs.

    The transfer runs in a thread of its own, because neither a name server nor a server that
    sends a byte now and then heeds a time-out. When time is up the thread is left to itself:
    it holds only memory, and ends with the next piece it gets.

    Raises:
        DamagedFile: it sends more.
        Unreachable: it sends nothing, an error, or too slowly; the message says which.
    """
    try:
        import pooch
    except ImportError as error:
        raise Unreachable("the package pooch is not installed") from error
    if seconds <= 0:
        raise Unreachable("out of time")
    sink = _Sink(most_bytes)
    outcome: list[BaseException | None] = []
    download = pooch.HTTPDownloader(
        timeout=(min(_CONNECT_SECONDS, seconds), min(_READ_SECONDS, seconds)),
        headers={"Accept-Encoding": "identity"},
        chunk_size=16_384,
    )

    def work() -> None:
        try:
            download(url, sink, None)
            outcome.append(None)
        except BaseException as error:  # handed over to the caller
            outcome.append(error)

    worker = threading.Thread(target=work, name="gancourse-download", daemon=True)
    worker.start()
    try:
        worker.join(seconds)
    finally:
        sink.closed = True
    if not outcome:
        raise Unreachable(f"not finished within {seconds:.0f} s")
    if isinstance(outcome[0], DamagedFile):
        raise outcome[0]
    if outcome[0] is not None:
        raise Unreachable(_in_few_words(outcome[0])) from outcome[0]
    return bytes(sink.bytes)


def _in_few_words(error: BaseException) -> str:
    """Say what went wrong with a request, without requests' nested tracebacks."""
    requests = sys.modules["requests"]
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP error {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'failed'}"[:160]
