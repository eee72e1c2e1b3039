"""The command as a user types it: what it leaves, what Ctrl-C does, and that it goes on bit for bit."""

import json
import signal

import numpy as np
import pytest
import torch
from PIL import Image

from gancourse import recommended, runs, runtime
from gancourse.train import report, session
from gancourse.train.__main__ import main

SMALL = ["--size", "16", "--width", "4", "--batch-size", "16", "--steps", "30"]


@pytest.fixture(autouse=True)
def at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANCOURSE_OFFLINE", "1")
    monkeypatch.setenv("GANCOURSE_DEVICE", "cpu")
    return tmp_path


def a_folder(at, count=24):
    random = np.random.default_rng(0)
    (at / "mine").mkdir()
    for number in range(count):
        pixels = random.integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(at / "mine" / f"{number:02}.png")


def weights(folder):
    parts = recommended.build(16, 3, width=4, num_steps=30, seed=99)
    modules = {"generator": parts.generator, "discriminator": parts.discriminator, "average": parts.average}
    step = runs.load_modules(folder.name, modules=modules, folder=folder.parent)
    return step, [value.clone() for module in modules.values() for value in module.parameters()]


@pytest.fixture
def interrupted(monkeypatch):
    """Let Ctrl-C come in the middle of one step, twice, as it does under torchrun."""

    def interrupt(at_step):
        made = recommended.make_step

        def make_step(*arguments, first_step=0, **more):
            step, done = made(*arguments, first_step=first_step, **more), [first_step]

            def interrupting(real):
                done[0] += 1
                if done[0] == at_step:
                    signal.raise_signal(signal.SIGINT)
                    signal.raise_signal(signal.SIGINT)
                return step(real)

            return interrupting

        monkeypatch.setattr(recommended, "make_step", make_step)

    return interrupt


def test_digits_leave_sheets_a_report_and_a_distance_beside_its_floor(at, capsys):
    assert main([*SMALL, "--samples-every", "12", "--save-every", "10"]) == 0
    out = at / "runs" / "digits"
    said = capsys.readouterr().out
    assert "step 10 of 30" in said and said.count("saved") == 3 and "real against real" in said
    assert sorted(path.name for path in (out / "sheets").iterdir()) == [
        f"step-{step:06d}.png" for step in (0, 12, 24, 30)
    ]
    page = (out / "report.md").read_text(encoding="utf-8")
    assert "| Fréchet distance on the judge's features |" in page and "| width | 4 |" in page
    for name in ("samples.png", "film.png", "losses.png"):
        assert f"({name})" in page
        with Image.open(out / name) as picture:
            assert min(picture.size) > 100
    with Image.open(out / "sheets" / "step-000030.png") as sheet:
        assert sheet.size == (142 * 3, 142 * 3)  # 8 x 16 pixels and 7 gaps of 2, three times as large
    assert json.loads((out / "settings.json").read_text())["steps"] == 30
    with torch.no_grad(), Image.open(out / "samples.png") as picture:
        drawn = report.load_generator(out)(torch.randn(64, 64, generator=runtime.generator(report._Z)))
        assert np.array_equal(np.asarray(picture)[1::3, 1::3], report.sheet(drawn)), "a saved run draws its report's"


def test_your_own_pictures_are_shown_beside_their_nearest(at, capsys):
    a_folder(at)
    assert main(["--data", "mine", *SMALL]) == 0
    page = (at / "runs" / "mine" / "report.md").read_text(encoding="utf-8")
    assert "No judge knows these data" in page and "(nearest.png)" in page
    assert (at / "runs" / "mine" / "nearest.png").is_file() and "Fréchet" not in capsys.readouterr().out


def test_ctrl_c_saves_and_going_on_is_going_through_bit_for_bit(at, interrupted, capsys):
    a_folder(at)
    command = ["--data", "mine", *SMALL, "--samples-every", "7"]
    assert main([*command, "--out", "whole"]) == 0
    interrupted(11)
    assert main([*command, "--out", "parts"]) == 130
    assert "Interrupted after 11 steps." in capsys.readouterr().out
    assert weights(at / "parts")[0] == 11 and not (at / "parts" / "report.md").exists()
    assert main(["--out", "parts", "--resume"]) == 0
    (step, ours), (_, theirs) = weights(at / "parts"), weights(at / "whole")
    assert step == 30 and all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    sheets = [(at / name / "sheets" / "step-000030.png").read_bytes() for name in ("parts", "whole")]
    assert sheets[0] == sheets[1]


def test_looking_and_saving_change_nothing(at):
    a_folder(at)
    command = ["--data", "mine", *SMALL]
    assert main([*command, "--out", "often", "--samples-every", "3", "--save-every", "4"]) == 0
    assert main([*command, "--out", "once", "--samples-every", "99", "--save-every", "99"]) == 0
    (_, ours), (_, theirs) = weights(at / "often"), weights(at / "once")
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_a_run_that_is_done_gets_its_report_again(at, capsys):
    a_folder(at)
    assert main(["--data", "mine", *SMALL]) == 0
    (at / "runs" / "mine" / "report.md").unlink()
    assert main(["--out", "runs/mine", "--resume"]) == 0
    assert "has done its 30 steps already" in capsys.readouterr().out
    assert (at / "runs" / "mine" / "report.md").is_file()


def test_other_pictures_are_refused_when_a_run_goes_on(at, capsys):
    a_folder(at)
    assert main(["--data", "mine", *SMALL]) == 0
    (at / "mine" / "00.png").write_bytes((at / "mine" / "01.png").read_bytes())
    assert main(["--out", "runs/mine", "--resume"]) == 2
    assert "--resume: " in capsys.readouterr().err


def test_a_run_that_diverges_says_so_and_keeps_its_last_save(at, monkeypatch, capsys):
    a_folder(at)
    step = {"done": 0}

    def make_step(*arguments, **more):
        def diverging(real):
            step["done"] += 1
            return {"d_loss": float("nan") if step["done"] > 15 else 1.0, "g_loss": 1.0}

        return diverging

    monkeypatch.setattr(recommended, "make_step", make_step)
    assert main(["--data", "mine", *SMALL, "--save-every", "10"]) == 1
    said = capsys.readouterr().err
    assert "d_loss became nan at step 16" in said and "--resume" in said
    assert weights(at / "runs" / "mine")[0] == 10


def test_ctrl_c_before_the_first_step_ends_without_a_trace_of_the_program(at, monkeypatch, capsys):
    def interrupting(settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "load_images", interrupting)
    assert main(SMALL) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_a_refusal_is_one_message_and_status_2(at, capsys):
    assert main(["--width", "0"]) == 2
    assert capsys.readouterr().err == "--width must be a whole number from 1 to 1024, got 0\n"
    assert not (at / "runs").exists()
