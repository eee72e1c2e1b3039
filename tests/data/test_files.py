"""The file cache against a server on this machine that misbehaves in every way we could think of."""

import collections
import errno
import gzip
import hashlib
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
import tracemalloc
from pathlib import Path

import pytest

from gancourse.data import files
from moments import altered, file_size_limit, interrupts, kills
from sources import BOMB, CONTENT, PACKED, Server, published


@pytest.fixture
def server():
    running = Server()
    yield running
    running.close()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, no data folder, short time-outs, and no memory of earlier failures."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("GANCOURSE_CACHE", str(folder))
    for name in ("GANCOURSE_DATA", "GANCOURSE_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(files.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(files, "_READ_SECONDS", 1.0)
    files.forget_failures()
    yield folder
    files.forget_failures()


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def fetch(wanted, seconds=20.0, **options):
    """Fetch, and return the contents and what was said."""
    said = []
    found = files.fetch(wanted, seconds=seconds, say=said.append, **options)
    assert found.contents == CONTENT
    return found, said


# ---------------------------------------------------------------- what a file holds


def test_unpack_takes_the_file_gzipped_by_anyone_or_plain():
    file = published().files[0]
    for payload in (PACKED[file.name], gzip.compress(CONTENT[file.name], 1), CONTENT[file.name]):
        assert files.unpack(payload, file) == CONTENT[file.name]


@pytest.mark.parametrize(
    ("payload", "fragment"),
    [
        (b"", "empty"),
        (b"<html>no</html>", "web page"),
        (b"\n<!DOCTYPE HTML>", "web page"),
        (b'{"error": 1}', "web page"),
        (PACKED["first-file"][:-9], "cut off"),
        (PACKED["first-file"][:60], "cut off"),
        (PACKED["first-file"][:40] + b"\xff\xff" + PACKED["first-file"][42:], "cannot be unpacked"),
        (CONTENT["first-file"][:-1], "holds 10,239 bytes instead of 10,240"),
        (CONTENT["first-file"][:-1] + b"x", "SHA-256 of its content"),
        (gzip.compress(CONTENT["first-file"] + b"x", mtime=0), "more than the 10,240 bytes"),
        (gzip.compress(CONTENT["second-file"], mtime=0), "holds 3,500 bytes instead of 10,240"),
    ],
)
def test_unpack_says_what_is_wrong(payload, fragment):
    with pytest.raises(files.DamagedFile, match=fragment):
        files.unpack(payload, published().files[0])


def test_a_checksum_of_the_gz_file_accepts_only_that_file():
    file = published(by_gz=True).files[0]
    assert files.unpack(PACKED[file.name], file) == CONTENT[file.name]
    with pytest.raises(files.DamagedFile, match="SHA-256 is not the published one of the .gz"):
        files.unpack(gzip.compress(CONTENT[file.name], 1, mtime=1), file)
    with pytest.raises(files.DamagedFile, match="only the .gz file has a published checksum"):
        files.unpack(CONTENT[file.name], file)


def test_a_file_that_inflates_is_never_unpacked_whole():
    tracemalloc.start()
    try:
        with pytest.raises(files.DamagedFile, match="more than"):
            files.unpack(BOMB, published().files[0])
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_file_without_a_checksum_is_refused():
    with pytest.raises(ValueError, match="needs a checksum"):
        files.PublishedFile("anything", 3)


def idx(*shape, values=None, start=(0, 0, 8)):
    count = 1
    for extent in shape:
        count *= extent
    body = bytes(index % 251 for index in range(count)) if values is None else values
    return bytes([*start, len(shape)]) + b"".join(extent.to_bytes(4, "big") for extent in shape) + body


def test_parse_idx_reads_images_and_labels():
    images = files.parse_idx(idx(2, 3, 4), dimensions=3)
    assert images.shape == (2, 3, 4) and images[1, 2, 3] == 23 and images[0, 1, 0] == 4
    assert files.parse_idx(idx(5), dimensions=1).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("data", "fragment"),
    [
        (b"", "needs 16 bytes, got 0"),
        (idx(2, 3, 4)[:15], "needs 16 bytes, got 15"),
        (idx(24), "starts with 0 0 8 3, got 0 0 8 1"),
        (idx(2, 3, 4, start=(0, 0, 13)), "got 0 0 13 3"),
        (idx(2, 3, 4, start=(1, 0, 8)), "got 1 0 8 3"),
        (idx(2, 3, 4)[:-1], r"promises shape \(2, 3, 4\), 24 values, got 23"),
        (idx(2, 3, 4) + b"\0", "24 values, got 25"),
        (idx(2**31, 2**31, 4, values=b"1234"), "got 4"),
    ],
)
def test_parse_idx_is_strict(data, fragment):
    with pytest.raises(files.DamagedFile, match=fragment):
        files.parse_idx(data, dimensions=3, name="pictures")


# ---------------------------------------------------------------- where a file is found


@pytest.mark.parametrize("inside", ["letters", "."])
@pytest.mark.parametrize("packed", [True, False])
def test_the_named_folder_is_looked_in_first_and_left_alone(cache, server, tmp_path, monkeypatch, inside, packed):
    folder = tmp_path / "mine"
    (folder / inside).mkdir(parents=True)
    for name in CONTENT:
        target = folder / inside / (f"{name}.gz" if packed else name)
        target.write_bytes(PACKED[name] if packed else CONTENT[name])
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}
    monkeypatch.setenv("GANCOURSE_DATA", str(folder))
    found, said = fetch(published(server.address("right")))
    assert found.origin == "from GANCOURSE_DATA" and said == [] and server.requests == []
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}
    assert after == before and not cache.exists()


def test_a_damaged_file_in_the_named_folder_is_named_left_and_passed_over(cache, server, tmp_path, monkeypatch):
    damaged = tmp_path / "mine" / "letters" / "first-file"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(CONTENT["first-file"][:5_000])
    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path / "mine"))
    found, said = fetch(published(server.address("right")))
    assert found.origin == "downloaded"
    assert str(damaged) in said[0] and "holds 5,000 bytes instead of 10,240" in said[0] and "left as it is" in said[0]
    assert damaged.read_bytes() == CONTENT["first-file"][:5_000] and everything(tmp_path / "mine") == [
        "letters/first-file"
    ]
    damaged.with_name("first-file.gz").write_bytes(PACKED["first-file"])  # the good one beside it is taken
    server.requests.clear()
    assert fetch(published(server.address("right")))[0].origin == "from GANCOURSE_DATA and from the cache"
    assert server.requests == []


def test_a_named_folder_that_is_none_is_said(cache, server, tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path / "nowhere"))
    _, said = fetch(published(server.address("right")))
    assert len(said) == 1 and "GANCOURSE_DATA names no folder" in said[0]


def test_a_file_far_too_large_is_not_even_read(cache, server, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    with open(tmp_path / "mine" / "first-file.gz", "wb") as stream:
        stream.truncate(50_000_000)
    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path / "mine"))
    _, said = fetch(published(server.address("right")))
    assert len(said) == 1 and "far too large (50,000,000 bytes)" in said[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_in_place_of_a_file_does_not_block(cache, server, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    os.mkfifo(tmp_path / "mine" / "first-file.gz")
    (tmp_path / "mine" / "second-file.gz").mkdir()  # a folder of this name is no damaged file
    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path / "mine"))
    _, said = fetch(published(server.address("right")))
    assert len(said) == 1 and "no regular file" in said[0]


@pytest.mark.parametrize(
    "place",
    ["{dots}", "letters/{dots}.gz", "Letters/raw/{name}", "Letters/raw/{name}.gz", "{name}/{name}", "{dots}/{dots}"],
)
def test_other_names_of_the_same_files_are_found(cache, server, tmp_path, monkeypatch, place):
    """As archives unpack them, as torchvision keeps them, and in folders called like the files."""
    content = {"some-idx3-bytes": CONTENT["first-file"]}
    wanted = files.PublishedSet(
        "letters",
        "Letters",
        tuple(
            files.PublishedFile(name, len(data), sha256=hashlib.sha256(data).hexdigest())
            for name, data in content.items()
        ),
        (server.address("right"),),
        folders=("Letters/raw",),
    )
    for name, data in content.items():
        path = tmp_path / "mine" / place.format(name=name, dots=name.replace("-idx", ".idx"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path / "mine"))
    said = []
    found = files.fetch(wanted, seconds=20.0, say=said.append)
    assert found.origin == "from GANCOURSE_DATA" and found.contents == content and said == []
    assert server.requests == []


def test_a_download_is_kept_and_not_repeated(cache, server):
    wanted = published(server.address("right"))
    found, said = fetch(wanted)
    assert found.origin == "downloaded" and said == [] and len(server.requests) == 2
    assert everything(cache) == ["letters/first-file.gz", "letters/second-file.gz"]
    found, said = fetch(wanted)
    assert found.origin == "from the cache" and said == [] and len(server.requests) == 2


@pytest.mark.parametrize("damage", ["half", "page", "flipped", "nothing"])
def test_a_damaged_file_in_the_cache_is_named_and_replaced(cache, server, damage):
    wanted = published(server.address("right"))
    fetch(wanted)
    target = cache / "letters" / "first-file.gz"
    right = target.read_bytes()
    target.write_bytes(
        {
            "half": right[: len(right) // 2],
            "page": b"<html></html>",
            "flipped": right[:-5] + bytes([right[-5] ^ 4]) + right[-4:],
            "nothing": b"",
        }[damage]
    )
    _, said = fetch(wanted)
    assert len(said) == 1 and str(target) in said[0] and "damaged" in said[0]
    assert len(server.requests) == 3 and target.read_bytes() == right
    assert fetch(wanted)[1] == [] and len(server.requests) == 3


def test_no_altered_file_gives_other_content_and_the_next_fetch_heals_it(cache, server):
    wanted, outcomes = published(server.address("right")), collections.Counter()
    fetch(wanted)
    target = cache / "letters" / "first-file.gz"
    tracemalloc.start()
    for content in altered(PACKED["first-file"], 500):
        target.write_bytes(content)
        found = files._find(wanted, wanted.files[0], lambda line: outcomes.update(["named"] * (str(target) in line)))
        assert found is None or found[0] == CONTENT["first-file"]
        outcomes["right all the same"] += found is not None  # the name and the time in a .gz file do not count
        if outcomes["named"] % 20 == 1 and found is None:
            fetch(wanted)
            assert target.read_bytes() == PACKED["first-file"]
            outcomes["healed"] += 1
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert outcomes["named"] > 350 and outcomes["named"] + outcomes["right all the same"] > 480
    assert outcomes["healed"] > 15 and most < 10_000_000


# ---------------------------------------------------------------- the web


@pytest.mark.parametrize(
    ("behaviour", "fragment"),
    [
        ("html", "web page"),
        ("xml", "web page"),
        ("cut", "cut off"),
        ("flipped", ""),
        ("other", "SHA-256"),
        ("empty", "empty"),
        ("huge", "larger than"),
        ("inflates", "more than"),
    ],
)
def test_wrong_bytes_from_one_address_right_ones_from_the_next(cache, server, behaviour, fragment):
    found, said = fetch(published(*server.addresses(behaviour, "right")))
    assert found.origin == "downloaded" and len(said) == 2  # one line for each of the two files
    for name, line in zip(CONTENT, said, strict=True):
        assert f"sent a wrong {name}.gz" in line and fragment in line
    assert {path.name: path.read_bytes() for path in (cache / "letters").iterdir()} == {
        f"{name}.gz": PACKED[name] for name in CONTENT
    }


@pytest.mark.parametrize("behaviour", ["403", "404", "503", "silent", "hang-up"])
def test_an_address_that_does_not_deliver_is_tried_once(cache, server, behaviour):
    fetch(published(*server.addresses(behaviour, "right")))
    assert sum(behaviour in path for path in server.requests) == 1
    assert sum("right" in path for path in server.requests) == 2


def test_a_port_where_nobody_listens(cache, server):
    found, said = fetch(published("http://127.0.0.1:9/", server.address("right")))
    assert found.origin == "downloaded" and said == []


def test_a_mirror_that_packs_otherwise_or_not_at_all_is_as_good(cache, server):
    for behaviour in ("plain", "repacked"):
        wanted = published(server.address(behaviour))
        fetch(wanted)
        assert fetch(wanted)[0].origin == "from the cache"
        for path in (cache / "letters").iterdir():
            assert gzip.decompress(path.read_bytes()) == CONTENT[path.stem]
            path.unlink()


def test_the_time_limit_holds_against_a_server_that_drips(cache, server):
    started = time.monotonic()
    with pytest.raises(files.DataUnavailable, match="not finished within 1 s"):
        fetch(published(*server.addresses("drip", "drip")), seconds=1.0)
    assert time.monotonic() - started < 4
    assert not cache.exists() or everything(cache) == []


def test_when_nothing_helps_the_message_says_what_was_tried_and_what_to_do(cache, server):
    with pytest.raises(files.DataUnavailable) as caught:
        fetch(published(*server.addresses("403", "html", "silent")))
    message, host = str(caught.value), f"127.0.0.1:{server.http.server_port}"
    for fragment in (
        "The letters is not at hand",
        f"HTTP error 403: {host}",
        f"wrong first-file.gz: {host}",
        f"no answer in time: {host}",
        "set GANCOURSE_DATA",
        "digits.load('embedded')",
    ):
        assert fragment in message
    assert "GANCOURSE_DATA" not in caught.value.reason
    assert not cache.exists() or everything(cache) == []


def test_a_network_that_failed_is_not_waited_for_again_unless_asked(cache, server):
    wanted = published(server.address("403"))
    with pytest.raises(files.DataUnavailable, match="HTTP error 403"):
        fetch(wanted, patient=False)
    with pytest.raises(files.DataUnavailable, match="tried once in this session"):
        fetch(wanted, patient=False)
    assert len(server.requests) == 1
    with pytest.raises(files.DataUnavailable, match="HTTP error 403"):
        fetch(wanted)
    assert len(server.requests) == 2
    fetch(published(server.address("right")))  # it works again: forgotten
    for path in (cache / "letters").iterdir():
        path.unlink()
    fetch(published(server.address("right")), patient=False)


def test_offline_means_no_request(cache, server, monkeypatch):
    monkeypatch.setenv("GANCOURSE_OFFLINE", "1")
    with pytest.raises(files.DataUnavailable, match="GANCOURSE_OFFLINE forbids"):
        fetch(published(server.address("right")))
    assert server.requests == []
    monkeypatch.setenv("GANCOURSE_OFFLINE", "0")
    fetch(published(server.address("right")))


# ---------------------------------------------------------------- disks


def read_only(*args, **kwargs):
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def test_a_read_only_cache_gives_way_to_a_temporary_folder(cache, server, tmp_path, monkeypatch):
    original = files.tempfile.TemporaryFile

    def refuse_there(*args, dir=None, **kwargs):
        return read_only() if Path(dir) == cache else original(*args, dir=dir, **kwargs)

    monkeypatch.setattr(files.tempfile, "TemporaryFile", refuse_there)
    assert files.cache_folder().parent == tmp_path and files.cache_folder() != cache
    wanted = published(server.address("right"))
    assert fetch(wanted)[1] == [] and everything(cache) == []
    assert fetch(wanted)[0].origin == "from the cache"


def test_with_no_writable_folder_at_all_the_data_still_come(cache, server, monkeypatch):
    monkeypatch.setattr(files.tempfile, "TemporaryFile", read_only)
    assert files.cache_folder() is None
    _, said = fetch(published(server.address("right")))
    assert len(said) == 1 and "not kept" in said[0]


def test_a_full_disk_costs_a_line_not_the_data_and_leaves_nothing(cache, server, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    _, said = fetch(published(server.address("right")))
    assert len(said) == 1 and "No space left" in said[0] and "not kept" in said[0]
    assert everything(cache) == []


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "kept"
    files.write_atomically(path, b"old")
    monkeypatch.setattr(files.os, "fsync", read_only)
    with pytest.raises(OSError, match="Read-only"):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old" and everything(tmp_path) == ["kept"]
    monkeypatch.undo()
    files.write_atomically(path, b"new")
    assert path.read_bytes() == b"new" and everything(tmp_path) == ["kept"]


def test_leftovers_of_a_killed_writer_are_swept_but_not_a_file_being_written(tmp_path):
    old, young = tmp_path / ".data.abc.part", tmp_path / ".data.def.part"
    for path in (old, young):
        path.write_bytes(b"half")
    with files._held(tmp_path / ".data.held.part"):
        os.utime(tmp_path / ".data.held.part", (time.time() - 120, time.time() - 120))
        files.write_atomically(tmp_path / "data", b"whole")
        assert everything(tmp_path) == [".data.held.part", "data"]
    files.write_atomically(tmp_path / "data", b"whole")
    assert everything(tmp_path) == ["data"]


def test_where_no_file_can_be_held_only_old_leftovers_are_swept(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    for without in ((files.fcntl, "flock", unsupported), (files, "fcntl", None)):  # such a file system; Windows
        old, young = tmp_path / ".data.abc.part", tmp_path / ".data.def.part"
        for path in (old, young):
            path.write_bytes(b"half")
        os.utime(old, (time.time() - 120, time.time() - 120))
        with monkeypatch.context() as patch:
            patch.setattr(*without)
            files.write_atomically(tmp_path / "data", b"whole")
            with files.alone_in(tmp_path):
                pass
        assert everything(tmp_path) == [".data.def.part", "data"]


def test_a_file_swept_away_before_it_was_held_is_made_again(tmp_path, monkeypatch):
    flock, swept = files.fcntl.flock, []

    def sweep_first(stream, how):
        if not swept:
            swept.append(stream.name)
            os.unlink(stream.name)
        return flock(stream, how)

    monkeypatch.setattr(files.fcntl, "flock", sweep_first)
    files.write_atomically(tmp_path / "data", b"whole")
    assert swept and everything(tmp_path) == ["data"] and (tmp_path / "data").read_bytes() == b"whole"


def test_an_interrupt_at_any_moment_leaves_the_old_or_the_new_file_and_nothing_else(tmp_path):
    path, seen = tmp_path / "made" / "data", set()
    for where, _, raised in interrupts(lambda: files.write_atomically(path, b"new"), "data/files.py", "contextlib.py"):
        assert raised and everything(tmp_path) in ([], ["made/data"]), where
        seen.add(path.exists() and path.read_bytes())
        path.unlink(missing_ok=True)
    assert seen == {False, b"new"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_kill_at_any_moment_leaves_the_old_or_the_new_file_and_the_next_write_tidies_up(tmp_path):
    path, seen = tmp_path / "data", collections.Counter()
    files.write_atomically(path, b"old")
    for where in kills(lambda: files.write_atomically(path, b"new"), "data/files.py"):
        assert path.read_bytes() in (b"old", b"new"), where
        seen[path.read_bytes()] += 1
        seen["litter"] += len(everything(tmp_path)) - 1
        files.write_atomically(path, b"old")
        assert everything(tmp_path) == ["data"], where
    assert seen[b"old"] > 10 and seen[b"new"] >= 1 and seen["litter"] > 5


def test_two_do_not_get_into_a_folder_at_once(tmp_path, monkeypatch):
    place, order = tmp_path / "made", []

    def second():
        with files.alone_in(place):
            order.append("second")

    with files.alone_in(place):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    monkeypatch.setattr(files, "_PATIENCE_SECONDS", 0.05)
    with files.alone_in(place):
        second()  # rather than never
    assert order == ["first", "second", "second"]
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file could not be made"), files.alone_in(tmp_path / "file"):
        pass


@pytest.mark.parametrize("size", [0, 1, 10, 99, 100, 1_000, 4_095, 4_096, 5_000, 9_999])
def test_a_disk_that_is_full_after_so_many_bytes_says_what_is_needed_and_keeps_what_was_there(tmp_path, size):
    """The system refuses to let any file grow beyond ``size``; a quota or a full disk looks the same from inside."""
    path = tmp_path / "data"
    files.write_atomically(path, b"old")
    with file_size_limit(size), pytest.raises(OSError) as caught:
        files.write_atomically(path, bytes(10_000))
    assert re.fullmatch(
        rf"{path} could not be written \(File too large: it needs 10,000 bytes, and the disk has [\d.,]+ (MB|bytes) "
        r"free\); what was there before is intact",
        caught.value.strerror,
    )
    assert path.read_bytes() == b"old" and everything(tmp_path) == ["data"]


# ---------------------------------------------------------------- other processes


def start(code, *arguments, **environment):
    """Start Python on ``code``, with files, the data set of these tests and one address at hand."""
    preamble = """
        import sys
        from gancourse.data import files
        sys.path.insert(0, sys.argv[1])
        from sources import CONTENT, published
        wanted = published(sys.argv[2])
    """
    program = textwrap.dedent(preamble) + textwrap.dedent(code)
    root = Path(files.__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", program, str(Path(__file__).parent), *arguments],
        env=os.environ | {"PYTHONPATH": str(root)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_killed_download_leaves_nothing_behind(cache, server):
    process = start("files.fetch(wanted, seconds=60)", server.address("drip"), GANCOURSE_CACHE=str(cache))
    deadline = time.monotonic() + 30
    while not server.requests and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)  # in the middle of the first file
    process.kill()
    process.communicate()
    assert len(server.requests) == 1 and (not cache.exists() or everything(cache) == [])


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_writer_killed_half_way_damages_nothing(cache, server, tmp_path):
    fetch(published(server.address("right")))
    right = (cache / "letters" / "first-file.gz").read_bytes()
    code = """
        import os, signal
        files.os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
        files.write_atomically(files.Path(sys.argv[3]), b"half")
    """
    process = start(code, server.address("right"), str(cache / "letters" / "first-file.gz"))
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert (cache / "letters" / "first-file.gz").read_bytes() == right
    assert fetch(published(server.address("right")))[0].origin == "from the cache"


def test_several_processes_and_threads_may_fetch_at_once(cache, server):
    code = """
        found = files.fetch(wanted, seconds=60)
        assert found.contents == CONTENT
    """
    processes = [start(code, server.address("right"), GANCOURSE_CACHE=str(cache)) for _ in range(8)]
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(fetch(published(server.address("right"))))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in processes:
        _, problems = process.communicate(timeout=60)
        assert process.returncode == 0, problems
    assert len(results) == 6 and all(said == [] for _, said in results)
    assert everything(cache) == ["letters/first-file.gz", "letters/second-file.gz"]
    assert fetch(published(server.address("right")))[0].origin == "from the cache"


def test_importing_files_costs_neither_torch_nor_pooch():
    heavy = ("torch", "pooch", "requests", "numpy")
    code = f"import sys, gancourse.data.files; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
