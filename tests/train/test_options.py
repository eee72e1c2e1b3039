"""What the command refuses, by name, before anything trains."""

import json
import os

import numpy as np
import pytest
import torch
from PIL import Image

from gancourse import runs
from gancourse.train import options
from gancourse.train.processes import Processes


@pytest.fixture(autouse=True)
def at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANCOURSE_OFFLINE", "1")
    monkeypatch.setenv("GANCOURSE_DEVICE", "cpu")
    monkeypatch.delenv("GANCOURSE_DATA", raising=False)
    return tmp_path


def read(*words, processes=None):
    return options.read(list(words), processes or Processes())


def a_saved_run(folder, steps=7):
    settings = read("--steps", str(steps), "--out", str(folder), "--width", "4")
    settings.keep()
    runs.save(folder.name, folder=folder.parent, step=3, modules={}, optimizers={}, generators={})
    return settings


def test_without_a_word_it_trains_on_the_digits_that_are_always_there(at):
    settings = read()
    assert settings.fixed == {
        "data": "digits", "size": 28, "width": 16, "steps": 1_100, "batch_size": 64, "seed": 0, "grey": True
    }  # fmt: skip
    assert settings.out == at / "runs" / "digits" and settings.device == torch.device("cpu")
    assert len(options.load_images(settings).pixels) == 1_442


def test_a_folder_is_taken_in_colour_and_names_its_run(at):
    (at / "My cats (2)").mkdir()
    settings = read("--data", "My cats (2)")
    assert (settings.data, settings.size, settings.steps, settings.grey) == (
        str(at / "My cats (2)"), 32, 2_000, False
    )  # fmt: skip
    assert settings.out == at / "runs" / "My-cats--2"
    assert read("--data", "My cats (2)", "--grey").grey


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--data", "cats"],
            "--data must be digits, mnist, fashion_mnist or a folder .*, but cats is no folder",
        ),
        (["--data", "file.zip"], "--data must be .*, but file.zip is a file, not a folder"),
        (["--size", "48"], "--size must be one of 16, 28, 32, 64, got 48"),
        (["--width", "0"], "--width must be a whole number from 1 to 1024, got 0"),
        (["--width", "5000"], "--width must be a whole number from 1 to 1024, got 5000"),
        (["--steps", "0"], "--steps must be a whole number of at least 1, got 0"),
        (["--steps", "many"], "--steps: invalid int value: 'many'"),
        (["--batch-size", "1"], "--batch-size must be a whole number of at least 2, got 1"),
        (["--seed", "-1"], "--seed must be a whole number from 0 to 9223372036854775805, got -1"),
        (["--save-every", "0"], "--save-every must be .* at least 1, got 0"),
        (["--samples-every", "-5"], "--samples-every must be .* at least 1, got -5"),
        (["--device", "tpu"], "--device: device must be 'cuda', 'mps' or 'cpu', got 'tpu'"),
        (["--track", "mlflow"], "argument --track: invalid choice: 'mlflow'.*--help"),
        (["--wdith", "16"], "unrecognized arguments: --wdith 16.*--help"),
        (["--out", "runs/my cats"], "--out: the last part of .* becomes the run's name, and name must be 1 to 64"),
        (["--out", "file.zip/run"], "--out: nothing can be written to .*file.zip/run \\(Not a directory\\)"),
        (["--resume"], "--resume: .*runs/digits holds no run of this command"),
    ],
)
def test_a_wrong_value_is_named(at, words, message):
    (at / "file.zip").write_text("")
    with pytest.raises(options.Refused, match=f"(?s){message}"):
        read(*words)


def test_a_gpu_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(options.Refused, match="--device: device 'cuda' is not available on this machine"):
        read("--device", "cuda")


@pytest.mark.parametrize("size", [63, 2])
def test_a_batch_that_cannot_be_shared_out_is_refused(size):
    with pytest.raises(options.Refused, match="--batch-size counts the images of all processes, so 2 .* at least 4"):
        read("--batch-size", str(size), processes=Processes(0, 2, 0, 2))


def test_a_tracker_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(options.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(options.Refused, match=r"--track wandb needs .* pip install 'gancourse\[track\]'"):
        read("--track", "wandb")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_cannot_be_written_to_is_named(at):
    (at / "closed").mkdir(mode=0o500)
    with pytest.raises(options.Refused, match=r"--out: nothing can be written to .*closed/run \(Permission denied\)"):
        read("--out", "closed/run")


def test_a_set_that_is_not_at_hand_is_named():
    with pytest.raises(options.Refused, match="--data: .*MNIST"):
        options.load_images(read("--data", "mnist"))


def test_a_folder_with_too_few_images_is_refused(at):
    folder = at / "few"
    folder.mkdir()
    for number in range(20):
        Image.fromarray(np.full((40, 40, 3), 9 * number, dtype=np.uint8)).save(folder / f"{number}.png")
    with pytest.raises(options.Refused, match="--batch-size: 64 images .* only 20; pass --batch-size 10"):
        options.load_images(read("--data", "few"))
    assert options.load_images(read("--data", "few", "--batch-size", "10")).pixels.shape == (20, 3, 32, 32)
    for number in range(10):
        (folder / f"{number}.png").unlink()
    with pytest.raises(options.Refused, match="--data: folder must hold at least 16 usable images"):
        options.load_images(read("--data", "few", "--batch-size", "10"))


# ---------------------------------------------------------------- going on


def test_a_run_that_is_there_is_not_written_over(at):
    a_saved_run(at / "mine")
    with pytest.raises(options.Refused, match="--out: .*mine holds a run already; go on with it by --resume"):
        read("--out", "mine")


def test_a_run_that_goes_on_keeps_its_settings(at):
    begun = a_saved_run(at / "mine")
    settings = read("--out", "mine", "--resume", "--save-every", "9")
    assert settings.fixed == begun.fixed and settings.width == 4 and settings.save_every == 9
    assert read("--out", "mine", "--resume", "--width", "4", "--data", "digits").fixed == begun.fixed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--steps", "9"], r"--steps: the run was begun with 7 and goes on with it \(the learning rates .*\), got 9"),
        (["--width", "8"], "--width: the run was begun with 4 and goes on with it, got 8"),
        (["--batch-size", "32"], "--batch-size: the run was begun with 64"),
        (["--data", "mnist"], "--data: the run was begun with 'digits'"),
    ],
)
def test_a_run_that_goes_on_refuses_other_settings(at, words, message):
    a_saved_run(at / "mine")
    with pytest.raises(options.Refused, match=message):
        read("--out", "mine", "--resume", *words)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"data": "digits"}', None])
def test_settings_that_somebody_else_wrote_are_named(at, text):
    a_saved_run(at / "mine")
    path = at / "mine" / "settings.json"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(options.Refused, match="--resume: .*mine"):
        read("--out", "mine", "--resume")


def test_a_folder_of_images_may_move(at):
    for name in ("here", "there"):
        (at / name).mkdir()
    settings = read("--data", "here", "--out", "mine")
    settings.keep()
    assert json.loads((at / "mine" / "settings.json").read_text())["data"] == str(at / "here")
    runs.save("mine", folder=at, step=3, modules={}, optimizers={}, generators={})
    assert read("--out", "mine", "--resume", "--data", "there").data == str(at / "there")


def test_the_help_names_every_option_and_says_what_it_does():
    text = options.parser().format_help()
    for option in ("data", "size", "grey", "width", "steps", "batch-size", "seed", "device", "out", "resume",
                   "save-every", "samples-every", "track"):  # fmt: skip
        assert f"--{option}" in text
    assert "torchrun" in text and max(map(len, text.splitlines())) <= 120
