"""What the command takes. Every wrong value, missing folder and unwritable place is refused before anything trains."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import torch

from gancourse import recommended, runs, runtime
from gancourse.data import digits, files, folder
from gancourse.train.processes import Processes

__all__ = ["SETS", "SETTINGS_FILE", "TRACKERS", "Images", "Refused", "Settings", "load_images", "read"]

SETS = {"digits": "embedded", "mnist": "mnist", "fashion_mnist": "fashion_mnist"}
"""Names of data sets on the command line -> their names in ``data.digits``."""

TRACKERS = {"tensorboard": "tensorboard", "wandb": "wandb"}
"""Names of trackers on the command line -> the package that each needs."""

SETTINGS_FILE = "settings.json"
"""In the folder of a run: what :attr:`Settings.fixed` says, as JSON."""

_FIXED = ("data", "size", "width", "steps", "batch_size", "seed", "grey")  # a run that goes on keeps them
_WIDEST = 1024


class Refused(ValueError):
    """What was asked for cannot be done; the message says why and what to do instead."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a run is made with.

    Attributes:
        data: "digits", "mnist", "fashion_mnist", or the absolute path of a folder of images.
        size, width, steps, batch_size, seed: of the recipe; ``batch_size`` counts the images of all processes.
        grey: whether a folder's images are taken in grey.
        out: folder of this run.
        device: where this process trains.
        resume: whether to go on from what ``out`` holds.
        save_every, samples_every: in steps.
        track: names in ``TRACKERS``.
    """

    data: str
    size: int
    width: int
    steps: int
    batch_size: int
    seed: int
    grey: bool
    out: Path
    device: torch.device
    resume: bool
    save_every: int
    samples_every: int
    track: tuple[str, ...]

    @property
    def fixed(self) -> dict[str, Any]:
        """What a run keeps for its whole life, in plain values."""
        return {name: getattr(self, name) for name in _FIXED}

    def keep(self) -> None:
        """Write the fixed settings into the folder of the run."""
        text = json.dumps(self.fixed, indent=1, ensure_ascii=False) + "\n"
        files.write_atomically(self.out / SETTINGS_FILE, text.encode())


@dataclasses.dataclass(frozen=True)
class Images:
    """What is trained on.

    Attributes:
        pixels: in [-1, 1], shape (N, channels, S, S).
        source: one line that says what it is.
        digits: the whole set with labels and test images, where a judge can be trained on it; else None.
    """

    pixels: torch.Tensor
    source: str
    digits: digits.Digits | None = None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refused(f"{message}\n(python -m gancourse.train --help lists all options)")


def parser() -> argparse.ArgumentParser:
    """Return the parser; the defaults that depend on others are filled in by :func:`read`."""
    made = _Parser(
        prog="python -m gancourse.train",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        description="Train the course's image GAN: notebook 07's recommended recipe, with samples, saves and a report.",
        epilog="""examples:
  python -m gancourse.train                                     digits, about a minute on two cores, no network
  python -m gancourse.train --data ~/Pictures/cats --size 64    your own pictures, in colour
  python -m gancourse.train --out runs/digits --resume          go on where it stopped, bit for bit
  torchrun --nproc-per-node 2 -m gancourse.train --data mnist   one GAN on two processes

Ctrl-C stops after the step that is running and saves. The page docs/beyond.md says more.""",
    )
    what = made.add_argument_group("what to train on")
    what.add_argument("--data", help="digits (always there), mnist, fashion_mnist, or a folder of images [digits]")
    what.add_argument("--size", type=int, metavar="N", help="side: 16, 28, 32 or 64 [28; a folder 32, on a GPU 64]")
    what.add_argument("--grey", action="store_true", default=None, help="take the images of a folder in grey")
    how = made.add_argument_group("how to train")
    how.add_argument("--width", type=int, metavar="N", help="feature maps next to the image [16, on a GPU 64]")
    how.add_argument("--steps", type=int, metavar="N", help="how many [1100; a folder 2000; on a GPU ten times that]")
    how.add_argument("--batch-size", type=int, metavar="N", help="images in a step, all processes together [64]")
    how.add_argument("--seed", type=int, metavar="N", help="of everything that is random [0]")
    how.add_argument("--device", help="cuda, mps or cpu [the best there is]")
    where = made.add_argument_group("what to keep")
    where.add_argument("--out", help="folder of this run [runs/ and the name of the data]")
    where.add_argument("--resume", action="store_true", help="go on with the run in --out, with the settings it has")
    where.add_argument("--save-every", type=int, metavar="N", default=500, help="from save to save [%(default)s]")
    where.add_argument("--samples-every", type=int, metavar="N", default=250, help="from sheet to sheet [%(default)s]")
    where.add_argument(
        "--track", nargs="+", choices=list(TRACKERS), default=[], metavar="TOOL",
        help="tensorboard, wandb (offline: nothing is sent); pip install 'gancourse[track]'",
    )  # fmt: skip
    return made


def read(arguments: Sequence[str] | None, processes: Processes) -> Settings:
    """Return the settings of a run, or refuse by name what cannot be done.

    Args:
        arguments: of the command; those of ``sys.argv`` if None.
        processes: who trains together.
    Raises:
        Refused: a value is wrong, or a place or a package is missing.
    """
    given = vars(parser().parse_args(arguments))
    given["device"] = _device(given["device"], processes)
    out = Path(given["out"] or f"runs/{_name_of(given['data'] or 'digits')}").expanduser()
    given["out"] = out = Path(os.path.abspath(out))
    given["data"] = given["data"] and _data(given["data"])
    if given["resume"]:
        _take_over(given, _kept(out))
    elif runs.exists(_checked_name(out), folder=out.parent):
        raise Refused(f"--out: {out} holds a run already; go on with it by --resume, or name another folder")
    _fill_in(given)
    _check(given, processes)
    given["track"] = _trackers(given["track"])
    _check_writable(out)
    return Settings(**given)


def load_images(settings: Settings) -> Images:
    """Load what to train on, and refuse it where it is too little.

    Raises:
        Refused: the data are not at hand, are fewer than one batch, or a folder has too few usable images.
    """
    try:
        if settings.data in SETS:
            found = digits.load(SETS[settings.data], settings.size)
            images = Images(found.images, found.source, found)
        else:
            pictures = folder.load(settings.data, settings.size, channels=1 if settings.grey else 3)
            images = Images(pictures.images, pictures.source)
    except (ValueError, files.DataUnavailable) as error:
        raise Refused(f"--data: {error}") from error
    if len(images.pixels) < settings.batch_size:
        raise Refused(
            f"--batch-size: {settings.batch_size} images make a batch, but there are only {len(images.pixels):,}; "
            f"pass --batch-size {max(2, len(images.pixels) // 2)}, or find more images"
        )
    return images


# ---------------------------------------------------------------- one option after the other


def _device(name: str | None, processes: Processes) -> torch.device:
    try:
        device = runtime.pick_device(name)
        if processes.alone:
            return device
        if device.type == "mps":
            raise ValueError("mps takes one process only; pass cpu to several")
        if device.type == "cuda":
            return runtime.pick_device(f"cuda:{processes.local_rank}")
        return device
    except ValueError as error:
        raise Refused(f"--device: {error}") from error


def _data(data: str) -> str:
    if data in SETS:
        return data
    path = Path(data).expanduser()
    if not path.is_dir():
        what = "is a file, not a folder" if path.exists() else "is no folder"
        raise Refused(f"--data must be {', '.join(SETS)} or a folder of images, but {data} {what}")
    return os.path.abspath(path)


def _name_of(data: str) -> str:
    """Return a name for a run on these data: letters, digits, "-" and "_" of the last part of a path."""
    name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in Path(data).name)
    return name.strip("-")[:64] or "images"


def _kept(out: Path) -> dict[str, Any]:
    """Return the settings of the run that is to go on."""
    path = out / SETTINGS_FILE
    if not runs.exists(_checked_name(out), folder=out.parent) or not path.is_file():
        raise Refused(f"--resume: {out} holds no run of this command; leave --resume out to begin one")
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {name: kept[name] for name in _FIXED}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(f"--resume: {path} cannot be read ({error}); it should be as this command wrote it") from error


def _take_over(given: dict[str, Any], kept: dict[str, Any]) -> None:
    moved = given["data"] is not None and not {given["data"], kept["data"]} & set(SETS)
    for name, value in kept.items():
        if name == "data" and moved:
            continue  # a folder may lie elsewhere now; whether its images are the same is seen when it is loaded
        if given[name] is not None and given[name] != value:
            why = " (the learning rates fall over all of them)" if name == "steps" else ""
            option = "--" + name.replace("_", "-")
            raise Refused(f"{option}: the run was begun with {value!r} and goes on with it{why}, got {given[name]!r}")
        given[name] = value


def _fill_in(given: dict[str, Any]) -> None:
    gpu = given["device"].type == "cuda"
    named = given["data"] is None or given["data"] in SETS
    defaults = {
        "data": "digits",
        "size": 28 if named else 64 if gpu else 32,
        "width": 64 if gpu else 16,
        "steps": (1_100 if named else 2_000) * (10 if gpu else 1),
        "batch_size": recommended.BATCH_SIZE,
        "seed": 0,
        "grey": named,
    }
    for name, value in defaults.items():
        given[name] = value if given[name] is None else given[name]


def _check(given: dict[str, Any], processes: Processes) -> None:
    for option, low, high in (
        ("width", 1, _WIDEST),
        ("steps", 1, None),
        ("batch_size", 2, None),
        ("save_every", 1, None),
        ("samples_every", 1, None),
        ("seed", 0, 2**63 - 3),  # two more generators count on from it
    ):
        value = given[option]
        if not isinstance(value, int) or value < low or (high is not None and value > high):
            limit = f"from {low} to {high}" if high is not None else f"of at least {low}"
            raise Refused(f"--{option.replace('_', '-')} must be a whole number {limit}, got {value}")
    if given["size"] not in recommended.IMAGE_SIZES:
        raise Refused(f"--size must be one of {', '.join(map(str, recommended.IMAGE_SIZES))}, got {given['size']}")
    size, count = given["batch_size"], processes.count
    if size % count or size < 2 * count:
        raise Refused(
            f"--batch-size counts the images of all processes, so {count} of them need a multiple of {count} that is "
            f"at least {2 * count}, got {size}"
        )


def _trackers(names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if importlib.util.find_spec(TRACKERS[name]) is None:
            raise Refused(f"--track {name} needs a package that is not installed: pip install 'gancourse[track]'")
    return tuple(dict.fromkeys(names))


def _checked_name(out: Path) -> str:
    try:
        runs.exists(out.name, folder=out.parent)
    except ValueError as error:
        raise Refused(f"--out: the last part of {out} becomes the run's name, and {error}") from error
    return out.name


def _check_writable(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise Refused(f"--out: nothing can be written to {out} ({error.strerror or error}); name another") from error
