"""What is known of a patient: traces, histograms, gradients, samples; and the charts that a command stored."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gancourse import measured

__all__ = ["IMAGES", "LOGITS", "POINTS", "TRACES", "Chart", "charts", "inside_band", "pack", "recognised", "unpack"]

TRACES = (
    "d_loss", "g_loss", "real_logit", "held_out_logit", "fake_logit", "real_accuracy", "held_out_accuracy",
    "fake_accuracy", "g_gradient", "d_gradient", "g_movement", "d_movement", "real_low", "real_high", "fake_low",
    "fake_high", "same_z", "distinct", "checkerboard", "g_company", "d_company",
)  # fmt: skip
"""What is read at each look, in this order."""

LOGITS = 48
"""How many logits of each kind a chart keeps."""

IMAGES, POINTS = 8, 64
"""How many samples it keeps."""


class Chart(NamedTuple):
    """What was read of one patient over one run.

    Attributes:
        illness, world, seed: who it is. Hide the first while you diagnose.
        steps: at which steps it was looked at, shape (looks,).
        traces: name in ``TRACES`` -> float64, shape (looks,).
        held_out_logits, fake_logits: at the end, for two histograms.
        gradients: "start" or "end" -> "G" or "D" -> layer -> norm of the gradient of its weight.
        samples: at the end, of the same latent vectors as ever: 8 images, or 64 points.
    """

    illness: str
    world: str
    seed: int
    steps: Tensor
    traces: dict[str, Tensor]
    held_out_logits: Tensor
    fake_logits: Tensor
    gradients: dict[str, dict[str, dict[str, float]]]
    samples: Tensor


def inside_band(
    patients: Iterable[Chart], healthy: Sequence[Chart], names: Sequence[str] = ("d_loss", "g_loss")
) -> dict[str, list[bool]]:
    """Say of each patient whether its traces are such as a healthy run might show.

    The band of a trace reaches, at each look, from the lowest to the highest healthy run, widened on both sides by its
    own width. A trace lies inside if it does at three quarters of the looks; a patient does if all its traces do.

    Args:
        patients: charts to judge, of the world and the looks of the healthy ones.
        healthy: at least two charts of runs without illness.
        names: which traces must lie inside.
    Returns:
        Illness -> one answer for each chart, in order.
    Raises:
        ValueError: there are fewer than two healthy charts, or the looks differ.
    First met in: notebook 11.
    """
    if len(healthy) < 2:
        raise ValueError(f"healthy must be at least 2 charts, got {len(healthy)}")
    bands = {}
    for name in names:
        runs = torch.stack([chart.traces[name] for chart in healthy])
        low, high = runs.amin(0), runs.amax(0)
        bands[name] = low - (high - low), high + (high - low)
    found: dict[str, list[bool]] = {}
    for chart in patients:
        if not torch.equal(chart.steps, healthy[0].steps):
            raise ValueError(f"patients must be looked at as the healthy are, but {chart.illness!r} was not")
        shares = [
            ((low <= chart.traces[n]) & (chart.traces[n] <= high)).double().mean() for n, (low, high) in bands.items()
        ]
        found.setdefault(chart.illness, []).append(all(float(share) >= 0.75 for share in shares))
    return found


def recognised(
    patients: Sequence[Chart], names: Sequence[str] = TRACES, *, known: Sequence[Chart] | None = None
) -> list[str]:
    """Name for each patient the illness of the known chart that is most like it.

    It is a doctor who has seen other charts with their names, and of these patients sees nothing but some traces. Each
    trace is turned into ranks at each look, first, second and so on, so that no unit counts more than another; the
    most similar chart has the smallest mean difference of ranks. How often the name is right says what these traces
    can decide.

    Args:
        patients: charts to name.
        names: which traces the doctor may see; two losses, or all.
        known: what the doctor has seen, for example all of another world; by default the patients themselves, and for
            each only those of other seeds. As many looks as the patients have; the first is compared with the first.
    Returns:
        A name for each patient, in order.
    Raises:
        ValueError: there is no chart of another seed, no trace is named, or the number of looks differs.
    First met in: notebook 11.
    """
    if not names:
        raise ValueError("names must hold at least one trace")
    others = patients if known is None else known
    everyone = [*patients, *others]
    if len({len(chart.steps) for chart in everyone}) != 1:
        raise ValueError("patients and known charts must all have the same number of looks")
    values = torch.stack([torch.stack([chart.traces[name] for name in names]).flatten() for chart in everyone])
    ranks = (values[:, None] > values[None]).double().sum(1) + (values[:, None] == values[None]).double().sum(1) / 2
    distances = (ranks[: len(patients), None] - ranks[None, len(patients) :]).abs().mean(-1)
    if known is None:
        seeds = torch.tensor([chart.seed for chart in patients])
        distances[seeds[:, None] == seeds[None]] = math.inf
    best, where = distances.min(1)
    if bool(best.isinf().any()):
        raise ValueError("patients must be of at least two seeds")
    return [others[k].illness for k in where.tolist()]


# ---------------------------------------------------------------- stored


def charts(world: str = "digits") -> list[Chart]:
    """Return the stored charts of a world, patient by patient, seed by seed.

    ``python tools/tables.py patients`` makes them.

    Args:
        world: "digits" or "ring".
    Raises:
        ValueError: nothing is stored of this world.
    First met in: notebook 11.
    """
    rows = [row for row in measured.load("patients")["rows"] if row["world"] == world]
    if not rows:
        raise ValueError(f"world must be digits or ring, got {world!r}")
    return [chart for row in rows for chart in unpack(row)]


def pack(found: Sequence[Chart]) -> dict[str, Any]:
    """Return what a table stores of one patient's charts over seeds: numbers with three digits, in one line each."""
    first = found[0]
    return {
        "name": f"{first.world}: {first.illness}",
        "world": first.world,
        "illness": first.illness,
        "seeds": [chart.seed for chart in found],
        "steps": first.steps.tolist(),
        **{name: [_line(chart.traces[name]) for chart in found] for name in TRACES},
        "held_out_logits": [_line(chart.held_out_logits) for chart in found],
        "fake_logits": [_line(chart.fake_logits) for chart in found],
        "layers": {player: list(norms) for player, norms in first.gradients["end"].items()},
        "gradients": {
            f"{when} {player}": [_line(chart.gradients[when][player].values()) for chart in found]
            for when in ("start", "end")
            for player in ("G", "D")
        },
        "samples": [_kept(chart.samples) for chart in found],
    }  # fmt: skip


def unpack(row: Mapping[str, Any]) -> list[Chart]:
    """Return the charts in a stored row."""
    images = row["world"] == "digits"
    found = []
    for k, seed in enumerate(row["seeds"]):
        sample = row["samples"][k]
        gradients: dict[str, dict[str, dict[str, float]]] = {"start": {}, "end": {}}
        for key, lines in row["gradients"].items():
            when, player = key.split()
            gradients[when][player] = dict(zip(row["layers"][player], _numbers(lines[k]).tolist(), strict=True))
        found.append(
            Chart(
                illness=row["illness"],
                world=row["world"],
                seed=seed,
                steps=torch.tensor(row["steps"]),
                traces={name: _numbers(row[name][k]) for name in TRACES},
                held_out_logits=_numbers(row["held_out_logits"][k]),
                fake_logits=_numbers(row["fake_logits"][k]),
                gradients=gradients,
                samples=measured.samples({"picture": sample}) if images else _numbers(sample).reshape(-1, 2).float(),
            )
        )
    return found


def _line(numbers: Iterable[float] | Tensor) -> str:
    values = numbers.tolist() if isinstance(numbers, Tensor) else numbers
    return " ".join(f"{value:.3g}" for value in values)


def _numbers(line: str) -> Tensor:
    return torch.tensor([float(word) for word in line.split()], dtype=torch.float64)


def _kept(samples: Tensor) -> str:
    """Return points as numbers in a line, or images as a PNG in base64: side by side, -1 black, +1 white, 8 greys."""
    from PIL import Image

    if samples.ndim == 2:
        return _line(samples.flatten())
    level = ((torch.cat(list(samples), dim=2)[0] + 1) * 3.5).round().clamp(0, 7)
    grey = (level * 255 / 7).round().to(torch.uint8)
    buffer = io.BytesIO()
    Image.fromarray(grey.numpy(), "L").save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()
