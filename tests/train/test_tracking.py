"""What was written for TensorBoard and for Weights & Biases, read back from the files."""

import contextlib
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from course import ROOT
from gancourse.train import tracking
from gancourse.train.__main__ import main

NO_TENSORBOARD = "tensorboard is not installed (pip install 'gancourse[track]'), so what is written for it was not read"
NO_WANDB = "wandb is not installed (pip install 'gancourse[track]'), so what is written for it was not read"
SMALL = ["--data", "mine", "--size", "16", "--width", "4", "--batch-size", "16", "--steps", "30"]


@pytest.fixture
def at(tmp_path, monkeypatch):
    """A folder with pictures to train on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANCOURSE_DEVICE", "cpu")
    random = np.random.default_rng(0)
    (tmp_path / "mine").mkdir()
    for number in range(24):
        pixels = random.integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "mine" / f"{number:02}.png")
    return tmp_path


def sheet(out, step):
    """Return the sheet that the command saved at a step, in its own size."""
    with Image.open(out / "sheets" / f"step-{step:06d}.png") as picture:
        pixels = np.asarray(picture)
    zoom = len(pixels) // 142
    return pixels[::zoom, ::zoom]


# ---------------------------------------------------------------- TensorBoard


def events(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0, "tensors": 0}).Reload()


def decoded(event):
    return np.asarray(Image.open(io.BytesIO(event.encoded_image_string)).convert("RGB"))


def test_tensorboard_has_losses_pictures_settings_and_the_commit(at):
    pytest.importorskip("tensorboard", reason=NO_TENSORBOARD)
    assert main([*SMALL, "--samples-every", "12", "--track", "tensorboard"]) == 0
    out = at / "runs" / "mine"
    log = events(out / "tensorboard")
    assert set(log.Tags()["scalars"]) == {"d_loss", "g_loss"}
    assert [event.step for event in log.Scalars("g_loss")] == list(range(1, 31))
    values = [event.value for event in log.Scalars("d_loss")]
    assert 0.1 < min(values) < max(values) < 9 and len(set(values)) == 30
    shown = log.Images("samples")
    assert [event.step for event in shown] == [0, 12, 24, 30]
    for event in shown:
        assert np.array_equal(decoded(event), sheet(out, event.step)), "the very pixels, not white"
    assert len(np.unique(decoded(shown[-1]))) > 20
    (text,) = log.Tensors("settings/text_summary")
    words = text.tensor_proto.string_val[0].decode()
    assert "| width | 4 |" in words and f"| code | {tracking.code_version()} |" in words


def test_what_an_interrupted_run_wrote_too_much_is_hidden(at):
    """The save is of step 4; the numbers of step 5 were written, and come again when the run goes on."""
    pytest.importorskip("tensorboard", reason=NO_TENSORBOARD)
    for first, steps in ((0, range(1, 6)), (4, range(5, 8))):
        board = tracking.TensorBoard(at, {"width": 4}, first)
        for step in steps:
            board.numbers(step, {"d_loss": first + step / 10})
        board.close()
    seen = [(event.step, round(event.value, 3)) for event in events(at / "tensorboard").Scalars("d_loss")]
    assert seen == [(1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4), (5, 4.5), (6, 4.6), (7, 4.7)]


# ---------------------------------------------------------------- Weights & Biases


def records(folder):
    """Read a ``.wandb`` file: 7 bytes, then records in blocks of 32,768, as LevelDB keeps its log."""
    from wandb.proto import wandb_internal_pb2

    (path,) = folder.glob("wandb/offline-run-*/*.wandb")
    content, place, whole = path.read_bytes(), 7, b""
    assert content[:4] == b":W&B"
    while place + 7 <= len(content):
        if 32_768 - place % 32_768 < 7:  # too little for a header: filled with zeros
            place += 32_768 - place % 32_768
            continue
        _, length, kind = struct.unpack_from("<IHB", content, place)
        whole = (whole if kind in (3, 4) else b"") + content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(whole)
            yield record


def read_wandb(folder):
    """Return settings, step -> what was logged, and the folder of files; wait for the program that writes them."""
    config, rows, found = {}, {}, []
    until = time.monotonic() + 60
    while not any(record.WhichOneof("record_type") == "exit" for record in found) and time.monotonic() < until:
        found = list(records(folder))
    for record in found:
        if record.WhichOneof("record_type") == "run":
            config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
        if record.WhichOneof("record_type") == "history":
            row = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
            rows.setdefault(record.history.step.num, {}).update(row)
    return SimpleNamespace(config=config, rows=rows, files=next(folder.glob("wandb/offline-run-*/files")))


def test_wandb_has_losses_pictures_settings_and_the_commit_offline(at, monkeypatch):
    pytest.importorskip("wandb", reason=NO_WANDB)
    monkeypatch.delenv("WANDB_ERROR_REPORTING", raising=False)
    assert main([*SMALL, "--samples-every", "12", "--track", "wandb"]) == 0
    out = at / "runs" / "mine"
    run = read_wandb(out)
    assert [step for step, row in run.rows.items() if "d_loss" in row] == list(range(1, 31))
    assert all(0.1 < row["g_loss"] < 9 for step, row in run.rows.items() if step)
    shown = {step: row["samples/path"] for step, row in run.rows.items() if "samples/path" in row}
    assert list(shown) == [0, 12, 24, 30]
    for step, path in shown.items():
        with Image.open(run.files / path) as picture:
            assert np.array_equal(np.asarray(picture.convert("RGB")), sheet(out, step))
    assert run.config["width"] == 4 and run.config["code"] == tracking.code_version()


def test_wandb_offline_asks_nobody(at):
    """Not even a name server: without our setting, an offline run looks for one host (see findings)."""
    pytest.importorskip("wandb", reason=NO_WANDB)
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed, so nobody watched what wandb connects to")
    program = (
        "from pathlib import Path; from gancourse.train.tracking import WandbOffline; "
        "t = WandbOffline(Path('.'), {'width': 4}, 0); t.numbers(1, {'d_loss': 1.0}); t.close()"
    )
    command = ["strace", "-f", "-qq", "-e", "trace=connect", "-o", "seen.txt", sys.executable, "-c", program]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("WANDB_ERROR_REPORTING", None)
    done = subprocess.run(command, cwd=at, env=environment, capture_output=True, text=True, check=False)
    if "ptrace" in done.stderr.lower():
        pytest.skip(f"strace may not watch here: {done.stderr[:80]}")
    assert done.returncode == 0, done.stderr
    seen = (at / "seen.txt").read_text()
    assert not [
        line for line in seen.splitlines() if "AF_INET" in line and "127.0.0.1" not in line and "::1" not in line
    ]


def test_a_picture_waits_for_the_numbers_of_its_step(monkeypatch):
    """The command shows pictures at once, and numbers when they have come from the device; wandb wants rising steps."""
    logged = []
    tracker = object.__new__(tracking.WandbOffline)
    tracker._waiting, tracker._image = {}, lambda array: "picture"
    tracker._run = SimpleNamespace(log=lambda row, step: logged.append((step, row)), finish=lambda: None)
    array = np.zeros((2, 2, 3), dtype=np.uint8)
    for step in (0, 2, 4):
        tracker.picture(step, "samples", array)
    for step in (1, 2, 3):
        tracker.numbers(step, {"d_loss": float(step)})
    tracker.close()
    assert logged == [
        (0, {"samples": "picture"}), (1, {"d_loss": 1.0}), (2, {"samples": "picture", "d_loss": 2.0}),
        (3, {"d_loss": 3.0}), (4, {"samples": "picture"}),
    ]  # fmt: skip


# ---------------------------------------------------------------- both


@pytest.mark.parametrize("array", [np.zeros((4, 4, 3), dtype=np.int64), np.zeros((4, 4), dtype=np.uint8)])
def test_pictures_that_would_turn_white_are_refused(array):
    with pytest.raises(ValueError, match="array must be uint8 of shape"):
        tracking._bytes(array)


def test_the_code_is_named_by_its_version_and_commit():
    from gancourse import __version__

    done = None
    with contextlib.suppress(OSError):
        done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    said = tracking.code_version()
    assert said.startswith(__version__)
    if done is not None and done.returncode == 0 and (ROOT / ".git").exists():
        assert said.removesuffix("+") == f"{__version__} {done.stdout.strip()}"


def test_without_a_checkout_the_version_is_enough(monkeypatch):
    def no_git(*arguments, **more):
        raise FileNotFoundError("git")

    monkeypatch.setattr(tracking.subprocess, "run", no_git)
    assert " " not in tracking.code_version()
