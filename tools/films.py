"""Make the films of the web site: ``make site`` does, and this command alone.

    python tools/films.py [NAME ...]    into build/films; says how large they are

A film is a panel that was filmed by :mod:`gancourse.labs._film`: each of its takes is one WebP picture with all frames
side by side, lossless and in few colours, and ``film.js`` holds the words. What is there already is made again only
when code or settings that it depends on have changed. docs/_static/films.js plays it.
"""

from __future__ import annotations

import argparse
import ast
import concurrent.futures
import hashlib
import importlib
import inspect
import io
import json
import math
import multiprocessing
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from course import ROOT
from gancourse.labs._film import Film, Take, shoot

MOST_KB, MOST_KB_OF_ALL = 350, 8_000
"""Of one take, which is what a visitor loads to see it play; and of all films of the site."""

COLOURS = (48, 32, 24, 16)
"""How many colours a take has: the first number with which it is small enough."""

FOLDER = ROOT / "build" / "films"
PACKAGES = ("matplotlib", "numpy", "pillow", "torch")


def known() -> dict[str, Film]:
    """Return every film that a module of ``gancourse.labs`` names, and that of the digits: address -> film."""
    modules = [f"gancourse.labs.{path.stem}" for path in sorted((ROOT / "gancourse" / "labs").glob("[a-z]*.py"))]
    films = [
        film for module in [*modules, "film_digits"] for film in getattr(importlib.import_module(module), "FILMS", ())
    ]
    return {address(film.name): film for film in films}


def address(name: str) -> str:
    """Return the name of a panel as a part of an address."""
    return name.replace(" ", "-")


# ---------------------------------------------------------------- what a film depends on


def sources(path: Path) -> set[Path]:
    """Return a file of the package or of the tools, and every such file that it imports, however far."""
    found, waiting = set(), [path]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imported(file)
    return found


def _imported(file: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            for folder in (ROOT, ROOT / "tools"):
                place = folder.joinpath(*name.split("."))
                yield from (at for at in (place.with_suffix(".py"), place / "__init__.py") if at.is_file())


def key(film: Film) -> str:
    """Return what changes when a film may look different: a digest of code, settings and versions."""
    digest = hashlib.sha256()
    code = sources(Path(inspect.getfile(inspect.unwrap(film.make)))) | sources(Path(__file__))
    for path in sorted(code):
        digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    settings = [film.name, film.choice, dict(film.values), film.frames, film.steps, film.moved, list(film.places)]
    settings += [film.per_second, film.note, film.make.__qualname__]
    digest.update(repr(settings).encode())
    digest.update(repr([metadata.version(package) for package in PACKAGES]).encode())
    return digest.hexdigest()


# ---------------------------------------------------------------- making one


def sheet(pictures: Sequence[bytes], most_kb: float = MOST_KB) -> tuple[bytes, int]:
    """Return all frames side by side as one lossless WebP, about square, and the number of frames in a row.

    Args:
        pictures: PNG bytes, all of one size.
        most_kb: how large it may be.
    Raises:
        ValueError: the frames differ in size, or do not fit even in few colours.
    """
    frames = [Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
    if len(sizes := {frame.size for frame in frames}) != 1:
        raise ValueError(f"the frames must have one size, got {sorted(sizes)}")
    (width, height) = frames[0].size
    across = math.ceil(math.sqrt(len(frames) * height / width))
    whole = Image.new("RGB", (across * width, math.ceil(len(frames) / across) * height), "white")
    for number, frame in enumerate(frames):
        whole.paste(frame, (number % across * width, number // across * height))
    for colours in COLOURS:
        buffer = io.BytesIO()
        _in_colours(whole, palette(whole, colours)).save(buffer, "webp", lossless=True, quality=80, method=4)
        if buffer.tell() <= 1_000 * most_kb:
            return buffer.getvalue(), across
    raise ValueError(f"{len(frames)} frames take {buffer.tell() / 1_000:.0f} KB in {colours} colours, over {most_kb}")


def palette(picture: Image.Image, colours: int) -> np.ndarray:
    """Return at most so many colours, shape (colours, 3): the most frequent ones, but none close to another.

    So areas keep their exact colour, and thin lines in a colour of their own are not painted in a neighbour's.
    """
    pixels = np.asarray(picture).reshape(-1, 3)[::7].astype(np.int64)
    packed, counts = np.unique(pixels @ (65_536, 256, 1), return_counts=True)
    frequent = packed[np.argsort(-counts, kind="stable")][:4_000]
    candidates = np.stack([frequent >> 16, frequent >> 8 & 255, frequent & 255], axis=1).astype(float)
    for apart in (48, 32, 24, 16, 12, 8, 4, 1):
        chosen = np.empty((0, 3))
        left = candidates
        while len(left) and len(chosen) < colours:
            chosen = np.vstack([chosen, left[:1]])
            left = left[np.linalg.norm(left - left[0], axis=1) >= apart]
        if len(chosen) == colours:
            break
    return chosen.astype(np.uint8)


def _in_colours(picture: Image.Image, colours: np.ndarray) -> Image.Image:
    """Paint each pixel in the nearest of the colours, found once for each of 64 levels of red, green and blue."""
    middle = 4.0 * np.arange(64) + 2
    places = np.stack(np.meshgrid(middle, middle, middle, indexing="ij"), axis=-1).reshape(-1, 3)
    nearest = (np.sum(colours.astype(float) ** 2, axis=1) - 2 * places @ colours.T.astype(float)).argmin(axis=1)
    levels = (np.asarray(picture) >> 2).astype(np.int32)
    return Image.fromarray(colours[nearest[levels @ np.array((4_096, 64, 1), dtype=np.int32)]])


def make(film: Film, folder: Path) -> bool:
    """Make a film, unless it is there and nothing that it depends on has changed.

    Args:
        film: what to film.
        folder: of this film alone; what lies there is replaced as a whole.
    Returns:
        Whether it was made.
    Raises:
        RuntimeError: it cannot be filmed, or it is too large; the message names it.
    """
    if _is_there(film, folder):
        return False
    torch.set_num_threads(1)
    new = folder.with_name(f"{folder.name}-new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        takes = [
            _store(label, shoot(film, value), new / f"{k}.webp") for k, (label, value) in enumerate(film.values.items())
        ]
    except (RuntimeError, ValueError) as problem:
        raise RuntimeError(f"film {film.name!r}: {problem}") from problem
    panel = film.make()
    title = panel.title
    choice = panel.controls[film.choice].description if film.choice else "press"
    panel.close()
    told = {"title": title, "choice": choice, "note": film.note, "perSecond": film.per_second, "takes": takes}
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    (new / "film.js").write_text(f"window.courseFilms({json.dumps(address(film.name))},{text});\n", encoding="utf-8")
    (new / "key").write_text(key(film))
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)
    return True


def _store(label: str, take: Take, path: Path) -> dict[str, Any]:
    """Write one take, and return what the page has to know of it."""
    picture, across = sheet(take.pictures)
    path.write_bytes(picture)
    width, height = Image.open(io.BytesIO(take.pictures[0])).size
    return {"label": label, "file": path.name, "width": width, "height": height, "across": across, "words": take.words}


# ---------------------------------------------------------------- making them all


def make_all(films: dict[str, Film], folder: Path) -> dict[str, float]:
    """Make what is not there yet, more than two films in two processes.

    Args:
        films: by address.
        folder: of all films, a folder each.
    Returns:
        Address -> kilobytes.
    Raises:
        RuntimeError: a film cannot be made, or all together are too large.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {name: film for name, film in films.items() if not _is_there(film, folder / name)}
    if len(wanted) > 2 and (os.cpu_count() or 1) > 1:
        fresh = multiprocessing.get_context("spawn")  # a fork of a process in which PyTorch has threads may hang
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=fresh) as pool:
            for done in [pool.submit(make, film, folder / name) for name, film in wanted.items()]:
                done.result()
    else:
        for name, film in wanted.items():
            make(film, folder / name)
    sizes = {name: sum(file.stat().st_size for file in (folder / name).iterdir()) / 1_000 for name in films}
    if sum(sizes.values()) > MOST_KB_OF_ALL:
        raise RuntimeError(f"all films together have {sum(sizes.values()):,.0f} KB, over {MOST_KB_OF_ALL:,}")
    return sizes


def _is_there(film: Film, folder: Path) -> bool:
    stamp = folder / "key"
    return stamp.is_file() and stamp.read_text() == key(film)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; see the top of this file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    names, films, start = parser.parse_args(arguments).names, known(), time.perf_counter()
    if unknown := set(names) - set(films):
        parser.error(f"no film {', '.join(sorted(unknown))}; there are {', '.join(films)}")
    try:
        sizes = make_all({name: films[name] for name in names or films}, FOLDER)
    except RuntimeError as problem:
        print(problem, file=sys.stderr)
        return 1
    for name, kb in sizes.items():
        print(f"{name:16s} {len(films[name].values)} takes {kb:6.0f} KB")
    print(f"{len(sizes)} films, {sum(sizes.values()):,.0f} KB, {time.perf_counter() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
