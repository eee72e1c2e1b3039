"""What a run leaves to look at: sheets of samples, and a page of Markdown with pictures and numbers.

Samples come from the average, in eval mode, after batch norm's statistics were measured again; all of it on a copy
and from generators of its own, so looking at a run never changes it. Each place in a sheet keeps its latent vector,
so the sheets of a run can be compared place by place.
"""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gancourse import recommended, runs, runtime
from gancourse.data import files
from gancourse.metrics import image_sets
from gancourse.metrics import judge as judges
from gancourse.models import averaging
from gancourse.plotting import images as pictures
from gancourse.plotting import training as curves
from gancourse.train.options import SETTINGS_FILE, Images
from gancourse.training import History

__all__ = [
    "FILM",
    "SHEET",
    "film",
    "in_bytes",
    "load_generator",
    "measure",
    "samples",
    "save_picture",
    "sheet",
    "write",
]

SHEET = 64
"""Samples in a sheet."""

FILM = 6
"""Samples that a run keeps of every sheet, as whole numbers from 0 to 255."""

_MOST = 5_000  # samples and real images that are measured
_Z, _STATISTICS, _HALVES = 11, 12, 13  # seeds of what a run is looked at with, the same for every run
_GAP = 2


@torch.no_grad()
def samples(average: nn.Module, count: int) -> Tensor:
    """Return samples of an average, shape (count, channels, S, S), in [-1, 1], on the CPU; it is not changed.

    Args:
        average: from ``averaging.average``.
        count: how many; the same ones each time.
    """
    network = _ready(average)
    device = next(network.parameters()).device
    z = torch.randn(count, network.latent_dim, generator=runtime.generator(_Z)).to(device)
    return torch.cat([network(part).cpu() for part in z.split(500)])


def _ready(average: nn.Module) -> nn.Module:
    """Return a copy of an averaged network, in eval mode, whose batch norm has statistics of its own."""
    network = copy.deepcopy(average.module)
    device = next(network.parameters()).device
    statistics = torch.randn(2_000, network.latent_dim, generator=runtime.generator(_STATISTICS)).to(device)
    averaging.recompute_batch_norm(network, statistics.split(500))
    return network


def load_generator(folder: str | Path) -> nn.Module:
    """Return the generator of a saved run, ready to draw: the average, in eval mode, on the CPU.

    Args:
        folder: of the run, as given to ``--out``.
    Returns:
        A network from latent vectors, shape (N, 64), to images in [-1, 1].
    Raises:
        FileNotFoundError: there is no run of the command.
        DamagedRun, ValueError: a file is not what the command wrote.
    """
    folder = Path(folder).expanduser()
    kept = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
    channels = 1 if kept["grey"] else 3
    parts = recommended.build(kept["size"], channels, width=kept["width"], num_steps=1, seed=0)
    runs.load_modules(folder.name, modules={"average": parts.average}, folder=folder.parent)
    return _ready(parts.average)


def in_bytes(images: Tensor) -> Tensor:
    """Return images in [-1, 1] as uint8 from 0 to 255; what lies outside is cut off, nothing is rescaled."""
    return ((images.detach().cpu().float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def sheet(images: Tensor, columns: int = 8) -> np.ndarray:
    """Return images side by side as uint8, shape (H, W, 3), -1 black and +1 white, never rescaled, gaps white.

    Args:
        images: shape (N, 1 or 3, S, S), in [-1, 1]; what lies outside is cut off.
        columns: images in a row.
    """
    count, _, height, width = images.shape
    rows = -(-count // columns)
    made = np.full((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3), 255, dtype=np.uint8)
    for place, image in enumerate(in_bytes(images).permute(0, 2, 3, 1).numpy()):
        top, left = place // columns * (height + _GAP), place % columns * (width + _GAP)
        made[top : top + height, left : left + width] = image
    return made


def save_picture(path: Path, array: np.ndarray) -> Path:
    """Write a sheet as a PNG, in one step or not at all, enlarged by a whole number where it is small."""
    from PIL import Image

    zoom = max(1, 512 // array.shape[1])
    buffer, size = io.BytesIO(), (array.shape[1] * zoom, array.shape[0] * zoom)
    Image.fromarray(array).resize(size, Image.Resampling.NEAREST).save(buffer, "PNG")
    files.write_atomically(path, buffer.getvalue())
    return path


def film(history: History) -> dict[int, Tensor]:
    """Return step -> the samples that a run kept then, in [-1, 1]."""
    return {step: kept.float() / 127.5 - 1 for step, kept in history.snapshots.items() if kept is not None}


def measure(average: nn.Module, images: Images, device: torch.device) -> dict[str, float]:
    """Return what a judge says of as many samples as there are real test images in one half of them.

    Returns:
        ``frechet`` on the judge's features (smaller is better), ``floor`` (real against real, the median of five),
        ``clear`` (share of samples that are a digit for sure), ``clear_real``, ``classes`` of ten, and ``samples``.
        Nothing where no judge knows the data.
    """
    if images.digits is None:
        return {}
    outside = judges.load(images.digits, device)
    test = images.digits.test_images
    order = torch.randperm(len(test), generator=runtime.generator(_HALVES))
    count = min(_MOST, len(order) // 2)
    real = outside.features(test[order[:count]].to(device))
    made = samples(average, count).to(device)
    says, says_real = outside.probabilities(made), outside.probabilities(test[order[:count]].to(device))
    floors = image_sets.real_against_real(
        outside.features(test[order].to(device)), count, generator=runtime.generator(_HALVES)
    )
    return {
        "frechet": image_sets.frechet_distance(real, outside.features(made)),
        "floor": float(floors.median()),
        "clear": float((says.amax(dim=1) >= judges.CONFIDENT).double().mean()),
        "clear_real": float((says_real.amax(dim=1) >= judges.CONFIDENT).double().mean()),
        "classes": float(len(judges.classes_covered(says))),
        "samples": float(count),
    }


def write(
    folder: Path,
    *,
    average: nn.Module,
    images: Images,
    history: History,
    settings: Mapping[str, Any],
    numbers: Mapping[str, float],
) -> Path:
    """Write ``report.md`` and its pictures into the folder of a run, and return its path.

    Args:
        folder: of the run.
        average, images, history: of the run.
        settings: what it was made with, in plain values.
        numbers: from :func:`measure`.
    """
    made = samples(average, SHEET)
    save_picture(folder / "samples.png", sheet(made))
    shown = film(history)
    few = {step: shown[step] for step in _spread(sorted(shown), 8)}
    pictures.film_strip(few, title="The same samples after so many steps").savefig(folder / "film.png", dpi=120)
    curves.losses(history).savefig(folder / "losses.png", dpi=120)
    lines = [
        f"# The run {folder.name}",
        "",
        f"{history.num_steps:,} steps in {history.seconds:,.0f} s. {images.source}.",
        "",
        "![Samples of the average](samples.png)",
        "",
        *(_judged(numbers) if numbers else _beside_nearest(folder, made, images)),
        "## On the way",
        "",
        "![The same samples after so many steps](film.png)",
        "",
        "![Losses](losses.png)",
        "",
        "The losses say how the two players do against each other, not how good the samples are.",
        "",
        "## Made with",
        "",
        "| setting | value |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in settings.items()),
        "",
    ]
    path = folder / "report.md"
    files.write_atomically(path, "\n".join(lines).encode())
    return path


def _judged(numbers: Mapping[str, float]) -> list[str]:
    return [
        "| measure | samples | real images | better |",
        "|---|---|---|---|",
        f"| Fréchet distance on the judge's features | {numbers['frechet']:.1f} | {numbers['floor']:.1f} | ↓ |",
        f"| clear digits, by the judge | {numbers['clear']:.0%} | {numbers['clear_real']:.0%} | ↑ |",
        f"| classes covered | {numbers['classes']:.0f} of 10 | | ↑ |",
        "",
        f"From {numbers['samples']:.0f} samples and as many real test images. The distance depends on that number and "
        "on the judge: compare runs on the same data, and with the distance of real images from real images beside it. "
        "It is not the FID of papers.",
        "",
    ]


def _beside_nearest(folder: Path, made: Tensor, images: Images) -> list[str]:
    """Show samples over the nearest training images: no judge knows these data, but a copy can be seen."""
    few = made[:8]
    nearest = images.pixels[image_sets.nearest(few, images.pixels).indices]
    save_picture(folder / "nearest.png", sheet(torch.cat([few, nearest])))
    return [
        "No judge knows these data, so there is no distance. Below, each sample stands over the training image that is "
        "nearest to it, pixel by pixel: look for copies.",
        "",
        "![Samples above, the nearest training images below](nearest.png)",
        "",
    ]


def _spread(steps: list[int], most: int) -> list[int]:
    """Return up to ``most`` of the steps, evenly spread, the first and the last among them."""
    if len(steps) <= most:
        return steps
    return [steps[round(place * (len(steps) - 1) / (most - 1))] for place in range(most)]
