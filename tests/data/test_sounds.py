"""WAV files of every kind come out as fast and as loud as they were, or are left out by name."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from gancourse.data import archives, files, instrument, sounds
from gancourse.metrics import sound
from sources import REAL

FSDD = REAL is not None and any(Path(REAL).glob("fsdd*"))


def tone(rate=8_000, frequency=440.0, seconds=0.5, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate + 0.3)


def wav(numbers, rate=8_000):
    stream = io.BytesIO()
    wavfile.write(stream, rate, numbers)
    return stream.getvalue()


def in_bits(bits, wave):
    if bits == 8:
        return wav(np.round(wave * 127 + 128).astype(np.uint8))
    if bits == 24:
        body = b"".join(struct.pack("<i", round(value * (2**23 - 1)))[:3] for value in wave)
        head = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8_000, 24_000, 3, 24) + b"data"
        return b"RIFF" + struct.pack("<I", 36 + len(body)) + head + struct.pack("<I", len(body)) + body
    if bits in (16, 32, 64):
        return wav(np.round(wave * (2.0 ** (bits - 1) - 1024)).astype(f"int{bits}"))
    return wav(wave.astype(bits))


@pytest.mark.parametrize("bits", [8, 16, 24, 32, 64, np.float32, np.float64])
def test_every_kind_of_number(bits):
    wave = tone()
    read = sounds.read_wav(in_bits(bits, wave))
    assert read.dtype == torch.float32 and read.shape == (4_000,)
    assert np.allclose(read.numpy(), wave, atol=1 / 100 if bits == 8 else 1 / 20_000 if bits != 16 else 0.02)


@pytest.mark.parametrize("rate", [4_000, 8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_a_sound_is_as_fast_as_it_was(rate):
    read = sounds.read_wav(wav(tone(rate).astype(np.float32), rate))
    assert abs(len(read) - 4_000) <= 2  # half a second
    assert float(sound.hear(read[1_000:2_024][None]).pitch) == pytest.approx(440, rel=0.005)
    assert np.allclose(read[200:-200].numpy(), tone()[200 : len(read) - 200], atol=0.01)


def test_nothing_above_the_new_nyquist_frequency_folds_back():
    read = sounds.read_wav(wav(tone(44_100, frequency=7_000.0).astype(np.float32), 44_100))
    assert float(read[200:-200].abs().max()) < 0.02  # kept, it would be heard as 1,000 Hz


def test_channels_are_averaged_and_loud_floats_scaled_down_together():
    left, right = tone(), tone(frequency=900.0)
    read = sounds.read_wav(wav(np.stack([left, right], 1).astype(np.float32)))
    assert np.allclose(read.numpy(), (left + right) / 2, atol=1e-6)
    read = sounds.read_wav(wav((6 * left).astype(np.float32)))
    assert np.allclose(read.numpy(), left / np.abs(left).max(), atol=1e-6)


GOOD = wav(np.round(tone() * 32_767).astype(np.int16))


def changed(payload, place, form, value):
    return payload[:place] + struct.pack(form, value) + payload[place + struct.calcsize(form) :]


BAD = {
    "empty": (b"", "it is empty"),
    "no samples": (wav(np.zeros(0, np.int16)), r"it holds 0 number\(s\)"),
    "one sample": (wav(np.zeros(1, np.int16)), r"it holds 1 number\(s\)"),
    "text": (b"this is no sound, it is a sentence", "it is no WAV file that can be read"),
    "mp3": (b"ID3\x04" + bytes(300), "it is no WAV file that can be read"),
    "head only": (GOOD[:30], "it is no WAV file that can be read"),
    "cut": (GOOD[:2_044], "it is cut off"),
    "cut in a number": (GOOD[:2_045], "it is no WAV file that can be read"),
    "cut after the head": (GOOD[:44], "it is cut off"),
    "rate 0": (wav(np.zeros(9, np.int16), 0), "its rate is 0 numbers a second"),
    "mu-law": (changed(GOOD, 20, "<H", 7), "MULAW"),
    "no channels": (changed(GOOD, 22, "<H", 0), "it is no WAV file that can be read"),
    "length unknown": (changed(changed(GOOD, 4, "<I", 2**32 - 1), 40, "<I", 2**32 - 1), "it is cut off"),
    "length 0": (changed(changed(GOOD, 4, "<I", 0), 40, "<I", 0), "it is no WAV file that can be read"),
    "not finite": (wav(np.array([0, np.nan, 0], np.float32)), "not finite"),
}


@pytest.mark.parametrize("payload, message", BAD.values(), ids=list(BAD))
def test_what_is_no_sound_is_refused(payload, message):
    with pytest.raises(sounds.NoSound, match=message):
        sounds.read_wav(payload)


def test_titles_and_trailing_bytes_do_no_harm():
    expected = sounds.read_wav(GOOD)
    for more in (b"LIST" + struct.pack("<I", 4) + b"abcd", b"junk"):
        assert torch.equal(sounds.read_wav(GOOD + more), expected)


def test_a_folder_says_what_was_done_to_each(tmp_path, capsys):
    lengths = {"long": 0.7, "short": 0.2, "right": 0.5}
    for name, seconds in lengths.items():
        (tmp_path / f"{name}.wav").write_bytes(wav(tone(seconds=seconds).astype(np.float32)))
    bad = ("empty", "text", "cut", "rate 0")
    for name in bad:
        (tmp_path / f"bad {name}.WAV").write_bytes(BAD[name][0])
    (tmp_path / "picture.png").write_bytes(b"x")
    found = sounds.from_folder(tmp_path, length=4_000)
    assert found.names == ("long.wav", "right.wav", "short.wav") and found.waves.shape == (3, 4_000)
    assert found.cut == found.padded == 1 and set(found.left_out) == {
        f"bad {n}.WAV" for n in ("empty", "text", "cut", "rate 0")
    }
    assert (
        np.allclose(found.waves[2, :1_600], tone(seconds=0.2), atol=1e-6)
        and float(found.waves[2, 1_600:].abs().max()) == 0
    )
    line = capsys.readouterr().out
    assert "3 sounds of 4,000 numbers at 8,000 Hz; 1 cut, 1 padded with silence; 4 left out (bad cut.WAV: it is" in line
    assert "and 1 more" in line


def test_folders_without_sounds_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder or zip"):
        sounds.from_folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="has no WAV file that is a sound"):
        sounds.from_folder(tmp_path)
    (tmp_path / "a.wav").write_bytes(b"")
    with pytest.raises(ValueError, match=r"has no WAV file that is a sound \(a.wav: it is empty\)"):
        sounds.from_folder(tmp_path)
    (tmp_path / "broken.zip").write_bytes(b"PK nothing")
    with pytest.raises(ValueError, match="broken.zip cannot be used: it cannot be unpacked"):
        sounds.from_folder(tmp_path / "broken.zip")


def test_equal_peaks_and_silence():
    waves = torch.stack([0.01 * torch.tensor(tone()), 3.0 * torch.tensor(tone()), torch.zeros(4_000)])
    loud = sounds.louder(waves)
    assert loud.abs().amax(1).tolist() == pytest.approx([0.9, 0.9, 0])
    assert torch.allclose(loud[0], loud[1])


def test_sounds_in_a_row():
    row = sounds.in_a_row(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), gap=3)
    assert row.tolist() == [1, 2, 0, 0, 0, 3, 4, 0, 0, 0]


def test_notes_stand_in_for_words(capsys, monkeypatch):
    monkeypatch.setenv("GANCOURSE_OFFLINE", "1")
    monkeypatch.delenv("GANCOURSE_DATA", raising=False)
    monkeypatch.setenv("GANCOURSE_CACHE", "/nonexistent/cache")
    words = sounds.load("auto")
    assert words.name == "instrument" and "GANCOURSE_OFFLINE forbids downloads" in capsys.readouterr().out
    assert words.waves.shape == (2_988, 2_048) and words.labels.bincount().tolist() == [498] * 6
    assert words.speakers.bincount().tolist() == [498] * 6 and int(words.held_out.sum()) == 6 * 6 * sounds.HELD_TAKES
    heard = sound.hear(words.waves[::83, :1_024], sample_rate=words.sample_rate)
    pitch = torch.tensor(instrument.NOTES)[words.labels[::83]]
    assert float((sound.semitones(heard.pitch) - sound.semitones(pitch.double())).abs().median()) < 0.3
    means = [float(heard.centroid[words.speakers[::83] == who].mean()) for who in range(6)]
    assert means == sorted(means)  # players differ in brightness
    with pytest.raises(files.DataUnavailable):
        sounds.load("fsdd")
    assert torch.equal(sounds.load("instrument").waves, words.waves)


def test_recordings_are_sorted_and_labelled_by_their_names(monkeypatch):
    contents = {
        f"{digit}_{who}_{take}.wav": wav(tone(frequency=300.0 + 50 * digit).astype(np.float32))
        for digit in (3, 7) for who in ("zoe", "adam") for take in (4, 5)
    } | {"odd name.wav": GOOD}  # fmt: skip
    monkeypatch.setattr(archives, "fetch", lambda *a, **k: files.Fetched(contents, "from a test"))
    words = sounds.load("fsdd", sample_rate=8_000, length=3_000)
    assert words.speaker_names == ("adam", "zoe") and words.class_names[7] == "seven"
    assert words.labels.tolist() == [3] * 4 + [7] * 4 and words.speakers.tolist() == [0, 0, 1, 1] * 2
    assert words.takes.tolist() == [4, 5] * 4 and words.held_out.tolist() == [True, False] * 4
    pitch = sound.hear(words.waves[:, :1_024]).pitch
    assert torch.allclose(pitch, 300.0 + 50 * words.labels.double(), rtol=0.01)
    assert "from a test: 8 sounds of 3,000 numbers at 8,000 Hz; 8 cut, 0 padded" in words.source


@pytest.mark.skipif(not FSDD, reason="the recordings are not at hand")
def test_the_real_recordings(monkeypatch):
    monkeypatch.setenv("GANCOURSE_DATA", str(REAL))
    words = sounds.load("fsdd")
    assert words.waves.shape == (3_000, 2_048) and words.labels.bincount().tolist() == [300] * 10
    assert words.speaker_names == ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
    assert int(words.held_out.sum()) == 300


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"name": "speech"}, "name must be one of 'auto', 'fsdd', 'instrument', got 'speech'"),
        ({"name": "instrument", "sample_rate": 100}, "sample_rate must be a whole number from 2000 to 48000"),
        ({"name": "instrument", "length": 0}, "length must be a whole number from 1 on"),
    ],
)
def test_a_wrong_request_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        sounds.load(**settings)
