"""Chest X-rays of 28 by 28 pixels, sound or with pneumonia, and a phantom that is always there.

``load("pneumonia")`` is PneumoniaMNIST: X-rays of children of one to five years, taken in one hospital in Guangzhou,
cropped and shrunk to a picture of a thumbnail's size. It is a set to learn methods on. Nobody's health can be judged
with it, and what is measured on it says nothing about other hospitals, ages or machines.

``load("phantom")`` draws bodies of its own: lungs, heart, spine and ribs, and haze on the lungs, more of it in half of
them. What decides the label is known there, and so is the most that any reader could tell.

| set | images: training + validation + test | source, licence |
|---|---|---|
| pneumonia | 4,708 + 524 + 624 as published | MedMNIST v2 (Yang et al. 2023), after Kermany et al. (2018); CC BY 4.0 |
| phantom | 2,000 + 500 + 600 | drawn by the course; CC BY 4.0 |

The licence asks for the names of those who made the set, and allows the rest, also selling what was trained on it. It
says nothing about what the children or their parents were asked; the paper by Kermany et al. does, for its own study.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import io
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
import torch
from torch import Tensor

from gancourse import runtime
from gancourse._numbers import whole_between
from gancourse.data import files
from gancourse.data.digits import check_images

__all__ = ["FACTORS", "NAMES", "Phantoms", "Subset", "XRays", "best_auc", "heart_side", "load", "phantom", "subset"]

NAMES = ("auto", "pneumonia", "phantom")

_CLASS_NAMES = ("normal", "pneumonia")
_SPLITS = ("train", "val", "test")
_FILE = "pneumoniamnist"
_TITLE = "PneumoniaMNIST"
_ADDRESSES = ("https://zenodo.org/records/10519652/files/pneumoniamnist.npz?download=1",)  # used by medmnist 3.0.2
_MD5 = "28209eda62fecd6e6a2d98b1501bb15f"  # of the published file, as medmnist 3.0.2 gives it
_THINNED = "e9695a3bf805b97413472a0890ebae933ea41a71e386e3ec8f2d7bcada544cc8"  # of the arrays of a thinned copy
_MOST_BYTES, _MOST_UNPACKED = 8_000_000, 20_000_000
_PUBLISHED_COUNTS, _THINNED_COUNT = {"train": 4708, "val": 524, "test": 624}, 3882
_QUICK_SECONDS, _PATIENT_SECONDS = 20.0, 300.0
_HELD_OUT = 150  # of each class, at most


@dataclass(frozen=True)
class XRays:
    """X-rays with labels, split as published; training images that occur twice or also in another part are left out.

    Attributes:
        images, val_images, test_images: float32, shape (N, 1, 28, 28), in [-1, 1].
        labels, val_labels, test_labels: int64, shape (N,), 0 for normal and 1 for pneumonia (more haze in the phantom).
        name: "pneumonia" or "phantom".
        source: one line that says what this is and where it came from.
        class_names: a word for each label.
    """

    images: Tensor
    labels: Tensor
    val_images: Tensor
    val_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    name: str
    source: str
    class_names: tuple[str, ...] = _CLASS_NAMES

    def __repr__(self) -> str:
        return f"XRays({self.source})"


class Subset(NamedTuple):
    """A few labelled images to train on, and others of the training set that are in no way used for it.

    Attributes:
        images, labels: half of them of each class, those of class 0 first.
        held_images, held_labels: as many of each class as can be had, at most 150.
    """

    images: Tensor
    labels: Tensor
    held_images: Tensor
    held_labels: Tensor


# ---------------------------------------------------------------- load


def load(name: str = "auto") -> XRays:
    """Return a set of X-rays, and print one line that says which.

    "auto" takes the pneumonia set if it is in the folder named by ``GANCOURSE_DATA``, in the cache, or downloaded
    within 20 s, and the phantom otherwise. ``GANCOURSE_OFFLINE=1`` never tries the network.

    The file is believed for what is in it: the published one by its MD5, and one thinned copy, of which 826 training
    images are missing, by the SHA-256 of its arrays. The printed line says which of the two it was. Training images
    that occur twice, or also among the validation or test images, are left out, and the line says how many.

    Args:
        name: "auto", "pneumonia" or "phantom".
    Raises:
        ValueError: an unknown name.
        files.DataUnavailable: the pneumonia set was asked for, is not at hand and cannot be fetched.
    Source: Yang et al. (2023), MedMNIST v2; Kermany et al. (2018), Identifying medical diagnoses and treatable
        diseases by image-based deep learning. CC BY 4.0.
    First met in: notebook 19.
    """
    if name not in NAMES:
        raise ValueError(f"name must be one of {', '.join(map(repr, NAMES))}, got {name!r}")
    if name == "phantom":
        data = _drawn()
    elif name == "pneumonia":
        data = _published(seconds=_PATIENT_SECONDS, patient=True)
    else:
        try:
            data = _published(seconds=_QUICK_SECONDS, patient=False)
        except files.DataUnavailable as problem:
            data = _drawn(note=f". {problem.reason}")
    print(data.source)
    return data


def subset(data: XRays, n: int, seed: int = 0) -> Subset:
    """Return ``n`` labelled training images, half of them of each class, and others that are held out.

    Of the pneumonia set, the images are put in an order that follows from their pixels and the seed, and only those
    are used that the thinned copy has too: so everybody has the same subset of the same seed, from either file.

    Args:
        data: from :func:`load`.
        n: how many, even, at least 2; of the pneumonia set at most 776.
        seed: another one, another subset; small subsets of one seed lie in its larger ones.
    Raises:
        ValueError: ``n`` is odd, or there are not as many, or the seed is no whole number from 0.
    First met in: notebook 19.
    """
    order = _order(data, runtime.checked_seed(seed))
    groups = [order[data.labels[order] == kind] for kind in (0, 1)]
    most = 2 * min(map(len, groups))
    n = whole_between("n", n, 2, most, why=f"half of each class of {data.name}")
    if n % 2:
        raise ValueError(f"n must be even, half of each class, got {n}")
    held = min(_HELD_OUT, most // 2 - n // 2)
    chosen = torch.cat([group[: n // 2] for group in groups])
    others = torch.cat([group[n // 2 : n // 2 + held] for group in groups])
    return Subset(data.images[chosen], data.labels[chosen], data.images[others], data.labels[others])


def _order(data: XRays, seed: int) -> Tensor:
    """Return the places of the images that may be drawn, in the seed's order."""
    if data.name == "phantom":
        return torch.randperm(len(data.images), generator=runtime.generator(seed))
    pixels = [image.tobytes() for image in _bytes(data.images)]
    named = _named_normals()
    allowed = [
        place
        for place, (image, label) in enumerate(zip(pixels, data.labels.tolist(), strict=True))
        if label == 1 or hashlib.sha256(image).digest()[:4] in named
    ]
    salt = seed.to_bytes(8, "big")
    return torch.tensor(sorted(allowed, key=lambda place: hashlib.sha256(salt + pixels[place]).digest()))


def _bytes(images: Tensor) -> np.ndarray:
    return ((images + 1) * 127.5).round().to(torch.uint8).numpy()


@functools.cache
def _named_normals() -> frozenset[bytes]:
    """Return the first four bytes of the SHA-256 of each normal training image that the thinned copy has."""
    packed = json.loads(resources.files(__package__).joinpath("xrays.json").read_text(encoding="utf-8"))["normal"]
    joined = base64.b64decode(packed)
    return frozenset(joined[start : start + 4] for start in range(0, len(joined), 4))


# ---------------------------------------------------------------- the published file


def _published(*, seconds: float, patient: bool) -> XRays:
    for path, origin in _candidates():
        try:
            payload = _read(path)
            return _parsed(payload, origin)
        except files.DamagedFile as damage:
            print(f"{path} is not {_TITLE} as published: {damage}. It is left as it is; looking elsewhere.")
    return _parsed(_downloaded(seconds, patient), "downloaded")


def _candidates() -> Iterator[tuple[Path, str]]:
    named = os.environ.get("GANCOURSE_DATA")
    if named:
        place = Path(named).expanduser()
        if place.is_file():
            yield place, "from GANCOURSE_DATA"
        elif not place.is_dir():
            print(f"GANCOURSE_DATA names no folder: {named!r}. It is ignored.")
        for path in (place / f"{_FILE}.npz", place / _FILE / f"{_FILE}.npz", place / ".medmnist" / f"{_FILE}.npz"):
            if path.is_file():
                yield path, "from GANCOURSE_DATA"
    for folder in files.cache_folders():
        path = folder / _FILE / f"{_FILE}.npz"
        with contextlib.suppress(OSError):
            if path.is_file():
                yield path, "from the cache"


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise files.DamagedFile(f"it is far too large ({path.stat().st_size:,} bytes)")
        return path.read_bytes()
    except OSError as error:
        raise files.DamagedFile(f"it cannot be read ({error.strerror or error})") from error


def _parsed(payload: bytes, origin: str) -> XRays:
    """Return the set in the bytes of an .npz file that is the published one or the thinned copy."""
    arrays = _arrays(payload)
    whole = hashlib.md5(payload, usedforsecurity=False).hexdigest() == _MD5
    digest = hashlib.sha256(b"".join(arrays[key].tobytes() for key in _keys())).hexdigest()
    if not whole and digest != _THINNED:
        raise files.DamagedFile("neither its MD5 nor the SHA-256 of its arrays is a known one")
    images = {split: torch.from_numpy(arrays[f"{split}_images"]) for split in _SPLITS}
    labels = {split: torch.from_numpy(arrays[f"{split}_labels"]).long().flatten() for split in _SPLITS}
    keep = _unique(images)
    removed = len(keep) - int(keep.sum())
    copy = "the published file" if whole else f"a thinned copy (of {_PUBLISHED_COUNTS['train']:,} training images)"
    kept = [images["train"][keep], images["val"], images["test"]]
    source = (
        f"Data: {_TITLE}, {len(kept[0]):,} + {len(kept[1]):,} + {len(kept[2]):,} chest X-rays of children, 28x28, "
        f"{copy}, {removed} repeated images left out, {origin}"
    )
    parts = [part[:, None].float() / 127.5 - 1 for part in kept]
    return XRays(parts[0], labels["train"][keep], parts[1], labels["val"], parts[2], labels["test"],
                 "pneumonia", source)  # fmt: skip


def _keys() -> list[str]:
    return [f"{split}_{what}" for split in _SPLITS for what in ("images", "labels")]


def _arrays(payload: bytes) -> dict[str, np.ndarray]:
    """Unpack the six arrays of the file, within limits: a small file can promise to become as large as it likes."""
    import zipfile

    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            if sum(one.file_size for one in archive.infolist()) > _MOST_UNPACKED:
                raise files.DamagedFile(f"it unpacks to more than {files.in_megabytes(_MOST_UNPACKED)}")
        with np.load(io.BytesIO(payload), allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in _keys()}
    except files.DamagedFile:
        raise
    except Exception as error:  # zlib.error, KeyError, ValueError: whatever a broken file provokes
        raise files.DamagedFile(f"it cannot be unpacked ({error})") from error
    for split in _SPLITS:
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
        if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (28, 28):
            raise files.DamagedFile(f"{split}_images must be bytes of shape (N, 28, 28), got {images.shape}")
        if labels.size != len(images) or not np.isin(labels, (0, 1)).all():
            raise files.DamagedFile(f"{split}_labels must be 0 or 1 for each of {len(images):,} images")
    return arrays


def _unique(images: dict[str, Tensor]) -> Tensor:
    """Mark the training images that neither came before nor are in another part."""
    seen = {image.numpy().tobytes() for split in ("val", "test") for image in images[split]}
    keep = torch.ones(len(images["train"]), dtype=torch.bool)
    for place, image in enumerate(images["train"]):
        pixels = image.numpy().tobytes()
        keep[place] = pixels not in seen
        seen.add(pixels)
    return keep


def _downloaded(seconds: float, patient: bool, say: Callable[[str], None] = print) -> bytes:
    if files.offline():
        raise _unavailable("GANCOURSE_OFFLINE forbids downloads")
    if not patient and _FILE in files.failed_sets:
        raise _unavailable(f"{files.failed_sets[_FILE]}; tried once in this session")
    deadline, problems = time.monotonic() + seconds, []
    for address in _ADDRESSES:
        host = urlsplit(address).netloc
        try:
            payload = files.download(address, _MOST_BYTES, seconds=deadline - time.monotonic())
            if hashlib.md5(payload, usedforsecurity=False).hexdigest() != _MD5:
                raise files.DamagedFile("its MD5 is not the published one")
        except files.DamagedFile as damage:
            say(f"{host} sent a wrong {_FILE}.npz: {damage}.")
            problems.append(f"wrong {_FILE}.npz: {host}")
        except files.Unreachable as problem:
            problems.append(f"{problem}: {host}")
        else:
            files.failed_sets.pop(_FILE, None)
            _keep(payload, say)
            return payload
    files.failed_sets[_FILE] = "; ".join(problems)
    raise _unavailable(files.failed_sets[_FILE])


def _keep(payload: bytes, say: Callable[[str], None]) -> None:
    folder = files.cache_folder()
    if folder is None:
        say("No folder for the cache is writable, so the download is not kept.")
        return
    try:
        files.write_atomically(folder / _FILE / f"{_FILE}.npz", payload)
    except OSError as error:
        say(f"{error.strerror}. The download is not kept.")


def _unavailable(reason: str) -> files.DataUnavailable:
    return files.DataUnavailable(
        f"{_TITLE} is not at hand and could not be fetched ({reason})",
        f"With a network, try again; without, put {_FILE}.npz into a folder and set GANCOURSE_DATA to it, "
        "or use the X-rays that are always there: xrays.load('phantom').",
    )


# ---------------------------------------------------------------- the phantom

FACTORS = ("heart", "haze")
"""What is known of a phantom: the side of its heart (1: on the right of the picture, where it always is; mirrored it
would be -1), and how much haze lies on the lungs, in units of [-1, 1]; all of the label is in that."""

_SIZE, _NOISE = 28, 0.06  # pixels; standard deviation of the noise on every pixel
_HAZE, _SPREAD = (0.15, 0.45), 0.45  # median of each class; standard deviation of the logarithm in both
_SEED = 20_190_628
_COUNTS = (2_000, 500, 600)


class Phantoms(NamedTuple):
    """Drawn X-rays, shape (N, 1, 28, 28), in [-1, 1], and the factors behind them, shape (N, 2), as in FACTORS."""

    images: Tensor
    factors: Tensor


def phantom(labels: Tensor, *, generator: torch.Generator) -> Phantoms:
    """Draw a chest for each label: the ill ones have more haze on their lungs, as a rule.

    Body, lungs, heart, spine, ribs, brightness and the places of the haze vary in the same way in both classes. The
    amount of haze is log-normal in both, with a median three times as large in class 1; the two overlap, so that
    nobody can tell all of them apart (see :func:`best_auc`). The heart is always on the right of the picture, as on an
    X-ray.

    Args:
        labels: shape (N,), int64, 0 or 1.
        generator: draws all that varies.
    Raises:
        TypeError, ValueError: these are no such labels.
    First met in: notebook 19.
    """
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64:
        raise TypeError(f"labels must be a tensor of int64, got {getattr(labels, 'dtype', type(labels).__name__)}")
    if labels.ndim != 1 or len(labels) == 0 or not bool(((labels == 0) | (labels == 1)).all()):
        raise ValueError(f"labels must be 0 or 1, shape (N,), not empty, got shape {tuple(labels.shape)}")
    count = len(labels)

    def between(low: float, high: float) -> Tensor:
        return (low + (high - low) * torch.rand(count, generator=generator)).view(-1, 1, 1)

    line = (torch.arange(_SIZE) + 0.5) / _SIZE * 2 - 1
    across, down = between(-0.08, 0.08), between(-0.08, 0.08)
    x, y = line.view(1, 1, -1) - across, line.view(1, -1, 1) - down
    scale, contrast, bright = between(0.9, 1.1), between(0.8, 1.1), between(-0.12, 0.12)

    def blob(at_x: Tensor | float, at_y: Tensor | float, wide: Tensor | float, high: Tensor | float) -> Tensor:
        """Return a soft ellipse: near 1 inside, 0 outside."""
        inside = 1 - (((x - at_x) / wide).square() + ((y - at_y) / high).square()).sqrt()
        return torch.sigmoid(9 * inside)

    apart, tall = between(0.40, 0.46) * scale, between(0.58, 0.74) * scale
    lungs = (blob(-apart, -0.05, 0.34 * scale, tall) + blob(apart, -0.05, 0.34 * scale, tall)).clamp(max=1)
    body = blob(0.0, 0.15, 1.05 * scale, 1.35)
    heart = blob(0.17, between(0.22, 0.34), between(0.26, 0.36) * scale, 0.35)
    spine = torch.exp(-(x / 0.12).square() / 2)
    phase, pitch = between(0, 2 * math.pi), between(15, 18)
    ribs = torch.cos(pitch * (y + 0.35 * x.square()) + phase)
    cloud = torch.zeros(count, _SIZE, _SIZE)
    for _ in range(4):
        side = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0).view(-1, 1, 1)
        at_x, at_y, wide = side * apart + between(-0.18, 0.18), between(-0.5, 0.45), between(0.15, 0.3)
        cloud = cloud + torch.exp(-((x - at_x).square() + (y - at_y).square()) / (2 * wide.square()))
    median = torch.tensor(_HAZE)[labels].view(-1, 1, 1)
    haze = median * (_SPREAD * torch.randn(count, 1, 1, generator=generator)).exp()
    image = -0.95 + 1.15 * body - 0.85 * lungs + 0.5 * heart.maximum(0.4 * spine * body) + 0.07 * ribs * body
    image = contrast * (image + haze * cloud) + bright
    image = image + _NOISE * torch.randn(count, _SIZE, _SIZE, generator=generator)
    known = torch.cat([torch.ones_like(haze), haze], dim=1).squeeze(2)
    return Phantoms(image.clamp(-1, 1).unsqueeze(1), known)


def best_auc() -> float:
    """Return the largest area under the ROC curve that any reader of phantoms can have.

    The label is in a phantom by way of its haze alone, so nobody tells the classes apart better than one who knows the
    haze. Its logarithm is normal in both, a gap of log 3 apart and with one standard deviation s, so of a pair the ill
    one has more with probability Phi(log 3 / (s sqrt 2)).

    First met in: notebook 19.
    """
    return 0.5 * (1 + math.erf(math.log(_HAZE[1] / _HAZE[0]) / (2 * _SPREAD)))


def heart_side(images: Tensor) -> Tensor:
    """Return how much lighter the right of the middle is than the left, where the heart is, shape (N,).

    Positive for a heart on the right of the picture, where it is on an X-ray of nearly everybody, and negative for a
    mirrored one. On a real X-ray this is a hint and no proof: haze is light too.

    Args:
        images: shape (N, 1, 28, 28), in [-1, 1].
    Raises:
        TypeError, ValueError: these are no such images.
    First met in: notebook 19.
    """
    check_images(images, channels=1)
    if images.shape[-1] != _SIZE or images.shape[-2] != _SIZE:
        raise ValueError(f"images must be {_SIZE}x{_SIZE}, got {images.shape[-2]}x{images.shape[-1]}")
    band = images[:, 0, 14:22]
    return band[:, :, 15:21].mean(dim=(1, 2)) - band[:, :, 7:13].mean(dim=(1, 2))


@functools.cache
def _drawn(note: str = "") -> XRays:
    random = runtime.generator(_SEED)
    parts: list[Tensor] = []
    for count in _COUNTS:
        labels = torch.arange(count) % 2
        parts += [phantom(labels, generator=random).images, labels]
    source = f"Data: a phantom, {' + '.join(f'{n:,}' for n in _COUNTS)} chests drawn by the course, 28x28{note}"
    return XRays(*parts, "phantom", source, ("normal", "hazy"))
