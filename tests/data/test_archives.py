"""A published zip is found wherever it lies, verified by its content, and a wrong one is named and left alone."""

import io
import zipfile

import pytest

from gancourse.data import archives, files

CONTENT = {"a.wav": b"RIFF one", "b.wav": b"RIFF two two", "c.wav": bytes(2_000)}


def packed(contents=CONTENT, folder="repo-master/recordings/", more=(("README.md", b"hello"),), method=8):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in contents.items():
            archive.writestr(folder + name, content)
        for name, content in more:
            archive.writestr(name, content)
    return stream.getvalue()


def wanted(*addresses):
    return archives.PublishedArchive(
        "letters", "The letters", ".wav", archives.digest(CONTENT), addresses, ("letters-*", "recordings"), 100_000
    )


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("GANCOURSE_OFFLINE", raising=False)
    (tmp_path / "data").mkdir()
    files.forget_failures()


def answering(monkeypatch, answers):
    asked = []

    def download(url, most_bytes, *, seconds):
        asked.append(url)
        answer = answers[url]
        if isinstance(answer, Exception):
            raise answer
        assert most_bytes == 100_000 and seconds <= 5
        return answer

    monkeypatch.setattr(files, "download", download)
    return asked


def test_the_digest_is_that_of_sorted_lines():
    import hashlib

    lines = "".join(f"{name} {hashlib.sha256(CONTENT[name]).hexdigest()}\n" for name in ("a.wav", "b.wav", "c.wav"))
    assert archives.digest(dict(reversed(CONTENT.items()))) == hashlib.sha256(lines.encode()).hexdigest()
    assert archives.digest(CONTENT | {"b.wav": b"RIFF two twO"}) != archives.digest(CONTENT)
    assert archives.digest({"d.wav" if name == "c.wav" else name: c for name, c in CONTENT.items()}) != wanted().sha256


@pytest.mark.parametrize("place", ["letters.zip", "letters-1.0.zip"])
def test_a_zip_is_found(tmp_path, place):
    (tmp_path / "data" / place).write_bytes(packed(method=0))
    found = archives.fetch(wanted(), seconds=5)
    assert found.contents == CONTENT and found.origin == "from GANCOURSE_DATA"


@pytest.mark.parametrize("place", ["letters", "letters-main", "recordings"])
def test_a_folder_is_found(tmp_path, place):
    (tmp_path / "data" / place).mkdir()
    for name, content in CONTENT.items():
        (tmp_path / "data" / place / name).write_bytes(content)
    (tmp_path / "data" / place / "notes.txt").write_text("mine")
    assert archives.fetch(wanted(), seconds=5).contents == CONTENT


def test_a_wrong_copy_is_named_and_the_next_place_is_tried(tmp_path):
    (tmp_path / "data" / "letters.zip").write_bytes(packed(CONTENT | {"a.wav": b"other"}))
    (tmp_path / "data" / "letters-2.zip").write_bytes(packed()[:-40])
    cache = tmp_path / "cache" / "letters"
    cache.mkdir(parents=True)
    (cache / "letters.zip").write_bytes(packed())
    said = []
    found = archives.fetch(wanted(), seconds=5, say=said.append)
    assert found.contents == CONTENT and found.origin == "from the cache"
    assert len(said) == 2 and "letters.zip is not The letters as published: the SHA-256 of its 3 files" in said[0]
    assert "letters-2.zip is not The letters as published: it cannot be unpacked" in said[1]


def test_a_download_is_verified_and_kept(tmp_path, monkeypatch):
    addresses = ("https://one.example/z.zip", "https://two.example/z.zip", "https://three.example/z.zip")
    asked = answering(
        monkeypatch,
        dict(
            zip(
                addresses, (files.Unreachable("no connection"), packed(CONTENT | {"a.wav": b""}), packed()), strict=True
            )
        ),
    )
    said = []
    found = archives.fetch(wanted(*addresses), seconds=5, say=said.append)
    assert found.contents == CONTENT and found.origin == "downloaded" and asked == list(addresses)
    assert said == ["two.example sent a wrong letters.zip: the SHA-256 of its 3 files is not the published one."]
    assert (tmp_path / "cache" / "letters" / "letters.zip").read_bytes() == packed()
    assert archives.fetch(wanted(*addresses), seconds=5).origin == "from the cache" and len(asked) == 3


def test_what_is_nowhere_is_said_with_what_to_do(monkeypatch):
    asked = answering(monkeypatch, {"https://one.example/z.zip": files.Unreachable("no connection")})
    for attempt in range(3):
        with pytest.raises(files.DataUnavailable, match="no connection: one.example.*put letters.zip into a folder"):
            archives.fetch(wanted("https://one.example/z.zip"), seconds=5, patient=attempt == 2)
    assert len(asked) == 2  # an impatient call does not ask again
    monkeypatch.setenv("GANCOURSE_OFFLINE", "1")
    with pytest.raises(files.DataUnavailable, match="GANCOURSE_OFFLINE forbids downloads"):
        archives.fetch(wanted("https://one.example/z.zip"), seconds=5)
    assert len(asked) == 2


def test_a_data_folder_that_is_none_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path / "nowhere"))
    said = []
    with pytest.raises(files.DataUnavailable):
        archives.fetch(wanted(), seconds=5, say=said.append)
    assert len(said) == 1 and "GANCOURSE_DATA names no folder" in said[0]


@pytest.mark.parametrize(
    "payload, message",
    [
        (b"<html>not found</html>", "it cannot be unpacked"),
        (b"", "it cannot be unpacked"),
        (packed(more=[("other/a.wav", b"RIFF")]), "it holds two files called a.wav"),
        (packed({"big.wav": bytes(21_000_000)}), "big.wav is far too large \\(21.0 MB\\)"),
        (packed({f"{n}.wav": b"" for n in range(20_001)}), "it holds more than 20,000 files"),
    ],
    ids=["web page", "empty", "twice", "large", "many"],
)
def test_a_zip_that_will_not_do(payload, message):
    with pytest.raises(files.DamagedFile, match=message):
        archives.read_zip(payload, ".wav")


def test_a_flipped_bit_is_seen():
    payload = bytearray(packed(method=0))
    payload[payload.index(b"two two")] ^= 1
    with pytest.raises(files.DamagedFile, match="it cannot be unpacked"):
        archives.read_zip(bytes(payload), ".wav")
