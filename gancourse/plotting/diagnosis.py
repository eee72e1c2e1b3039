"""Pictures for a diagnosis: patients side by side, one patient's instruments, and what tells patients apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from torch import Tensor

from gancourse.plotting import style
from gancourse.plotting.images import image_grid

__all__ = ["EQUILIBRIUM", "LOOKS", "WORDS", "depth", "histograms", "lab_sheet", "outside", "patients", "samples",
           "sheet", "short"]  # fmt: skip

EQUILIBRIUM = {"d_loss": 2 * math.log(2), "g_loss": math.log(2)}
"""Both losses of the non-saturating pair where D cannot tell, drawn as dotted lines."""

_REAL = {"color": style.COLOURS["real"], "linestyle": "-", "marker": "o", "markersize": 3}
_FAKE = {"color": style.COLOURS["fake"], "linestyle": "--", "marker": "x", "markersize": 4}
_D = {"color": style.COLOURS["discriminator"], "linestyle": "-"}
_G = {"color": style.COLOURS["generator"], "linestyle": "--"}
LOOKS: dict[str, dict[str, Any]] = {
    "d_loss": _D,
    "g_loss": _G,
    "real_logit": _REAL,
    "fake_logit": _FAKE,
    "d_movement": _D,
    "g_movement": _G,
}
WORDS = {
    "d_loss": "D's loss",
    "g_loss": "G's loss",
    "real_logit": "real",
    "fake_logit": "fake",
    "d_movement": "D",
    "g_movement": "G",
}
"""What a trace is called in a legend."""
_FAINT, _OUT = "#f4f4f4", "#fbd3b0"


_ROWS = {"samples": (), "losses": ("d_loss", "g_loss"), "logits": ("real_logit", "fake_logit"),
         "movement": ("d_movement", "g_movement")}  # fmt: skip
_LABELS = {"losses": "loss", "logits": "mean logit", "movement": "movement, relative"}


def patients(
    charts: Mapping[str, Any], rows: Sequence[str] = ("samples", "losses", "logits"), *, points: Tensor | None = None
) -> Figure:
    """Draw patients side by side, a column each, and what is known of them in rows.

    "samples" are those at the end; "losses" have their equilibrium as dotted lines; "logits" are the mean logits of
    real and fake; "movement" is that of both players between two looks. All patients share the limits of a row.

    Args:
        charts: name -> a chart: ``steps`` (looks,), ``traces`` with a tensor (looks,) for each line, and ``samples``,
            images (N, 1, H, W) or points (N, 2). One to six.
        rows: of "samples", "losses", "logits" and "movement".
        points: real points (M, 2), drawn under samples that are points.
    Returns:
        The figure.
    Raises:
        ValueError: there are no or too many charts, or a row is unknown.
    First met in: notebook 11.
    """
    if not 1 <= len(charts) <= 6:
        raise ValueError(f"charts must hold 1 to 6 charts, got {len(charts)}")
    if not rows or not set(rows) <= set(_ROWS):
        raise ValueError(f"rows must be of {', '.join(_ROWS)}, got {list(rows)!r}")
    heights = [0.9 if row == "samples" else 1.0 for row in rows]
    size = (2.35 * len(charts) + 0.5, 1.75 * sum(heights) + 0.4)
    fig, axes = style.figure(len(charts), len(rows), size=size, dpi=80, squeeze=False, height_ratios=heights)
    for at, row in enumerate(rows):
        limits = _limits(charts.values(), row)
        for name, chart, ax in zip(charts, charts.values(), axes[at], strict=True):
            title = name if at == 0 else ""
            if row == "samples":
                samples(chart.samples, points=points, title=title, ax=ax)
                continue
            for term in _ROWS[row]:
                ax.plot(chart.steps, chart.traces[term], **LOOKS[term], label=WORDS[term])
            for value, look in _references(row):
                ax.axhline(value, color=look["color"], linestyle=":", linewidth=1.2)
            ax.set(ylim=limits, title=title)
            ax.tick_params(labelsize=9, labelleft=ax is axes[at][0])
            ax.locator_params(axis="x", nbins=3)
            if at == len(rows) - 1:
                ax.set_xlabel("step", fontsize=10)
        if row != "samples":
            axes[at][0].set_ylabel(_LABELS[row])
            axes[at][0].legend(fontsize=9, loc="upper right", handlelength=1.6, borderaxespad=0.1)
    return fig


def _references(row: str) -> list[tuple[float, Mapping[str, Any]]]:
    if row == "losses":
        return list(zip(EQUILIBRIUM.values(), (_D, _G), strict=True))
    return [(0.0, {"color": style.COLOURS["neutral"]})]


def _limits(charts: Iterable[Any], row: str) -> tuple[float, float]:
    """Return limits that hold all values of all charts, up to a size that still shows the usual ones."""
    if row == "samples":
        return 0.0, 1.0
    values = np.concatenate([_finite(chart.traces[term]) for chart in charts for term in _ROWS[row]])
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if row == "logits":
        reach = max(2.0, min(max(abs(low), abs(high)), 12.0))
        return -1.1 * reach, 1.1 * reach
    if row == "movement":
        return -0.03 * max(high, 0.1), 1.1 * max(high, 0.1)
    return min(0.0, max(low, -4.0)) - 0.1, 1.15 * min(max(1.8, high), 6.0)


def samples(
    made: Tensor,
    *,
    points: Tensor | None = None,
    title: str = "",
    ticks: bool = False,
    ax: Axes | None = None,
    count: int = 8,
) -> Figure:
    """Draw what a generator makes: a grid of images, or crosses in the plane over real dots.

    Args:
        made: images (N, 1, H, W) or points (N, 2).
        points: real points (M, 2) to draw under crosses.
        title: over it.
        ticks: numbers at the axes of points.
        ax: where to draw; a new figure if None.
        count: how many images.
    First met in: notebook 11.
    """
    fig, ax = style.figure_of(ax, size=(2.6, 2.8))
    if made.ndim == 4:
        image_grid(made[:count].clamp(-8, 8), columns=4, title=title, ax=ax)
        ax.set_xlabel("")  # a share of values out of range is a test that is to be ordered
        return fig
    if points is not None:
        ax.plot(*points.T.tolist(), ".", color=style.COLOURS["real"], markersize=3)
    ax.plot(*made.T.tolist(), "x", color=style.COLOURS["fake"], markersize=4, markeredgewidth=0.8, alpha=0.6)
    reach = 1.5 * float((made if points is None else points).abs().max())
    ax.set(title=title, aspect="equal", xlim=(-reach, reach), ylim=(-reach, reach))
    if not ticks:
        ax.set(xticks=[], yticks=[])
    return fig


def sheet(chart: Any, spectra: Mapping[str, Tensor]) -> Figure:
    """Draw all instruments of one patient: movement, gradients by layer, logits, accuracy, spectrum, the same z.

    Args:
        chart: ``steps``, ``traces``, ``gradients``, ``held_out_logits`` and ``fake_logits``, as in ``gancourse.ward``.
        spectra: "real" and "fake" -> energy by frequency (H, W), from ``metrics.instruments.power_spectrum``.
    Returns:
        The figure, six axes.
    First met in: notebook 11.
    """
    fig, axes = style.figure(3, 2, size=(10.2, 5.8), dpi=80)
    (movement, gradients, logits), (accuracy, spectrum, same) = axes
    for term in ("d_movement", "g_movement"):
        movement.plot(chart.steps, chart.traces[term], **LOOKS[term], label=WORDS[term])
    movement.set(title="movement between looks", xlabel="step", ylabel="relative to the weights", ylim=(0, None))
    for player, look in (("D", _D), ("G", _G)):
        norms = list(chart.gradients["end"][player].values())
        gradients.plot(range(1, len(norms) + 1), norms, **look, marker="o", markersize=4, label=player)
    gradients.set(title="gradient by layer", xlabel="layer, from the input", ylabel="size (log)", yscale="log")
    gradients.xaxis.get_major_locator().set_params(integer=True)
    histograms(chart.held_out_logits, chart.fake_logits, title="logits at the end", ax=logits)
    for term, look, label in (
        ("real_accuracy", {**_REAL, "linestyle": "-"}, "real, D's own batches"),
        ("held_out_accuracy", {**_REAL, "linestyle": ":", "marker": "s"}, "real, held out"),
        ("fake_accuracy", _FAKE, "fake"),
    ):
        accuracy.plot(chart.steps, chart.traces[term], **look, label=label)
    accuracy.set(title="D is right on", xlabel="step", ylabel="share of the images", ylim=(-0.05, 1.75))
    for label, look in (("real", _REAL), ("fake", _FAKE)):
        energy = _by_frequency(spectra[label].numpy())
        spectrum.plot(range(1, len(energy) + 1), energy, **look, label=label)
    spectrum.set(title="energy by frequency", xlabel="periods across the image", ylabel="share (log)", yscale="log")
    same.plot(chart.steps, chart.traces["same_z"], **_G)
    same.set(title="same z, from look to look", xlabel="step", ylabel="change of a pixel (rms)", ylim=(0, None))
    for ax in (movement, gradients, accuracy, spectrum):
        ax.legend(fontsize=9, loc="upper right" if ax is accuracy else "best")
    return fig


def _by_frequency(energy: np.ndarray) -> np.ndarray:
    """Return the share of the energy at 1, 2, ... periods across or down, whichever is more."""
    down, across = (np.minimum(np.arange(n), n - np.arange(n)) for n in energy.shape)
    frequency = np.maximum(down[:, None], across[None, :])
    shares = np.bincount(frequency.ravel(), weights=energy.ravel())[1:]
    return shares / shares.sum()


def histograms(real_logits: Tensor, fake_logits: Tensor, *, title: str = "", ax: Axes | None = None) -> Figure:
    """Draw what D says of real and of fake samples, as two histograms over one axis of logits.

    Args:
        real_logits, fake_logits: shape (N,) and (M,), finite.
        title: over it.
        ax: where to draw; a new figure if None.
    First met in: notebook 11.
    """
    fig, ax = style.figure_of(ax)
    both = np.concatenate([_finite(real_logits), _finite(fake_logits)])
    edges = np.linspace(both.min(), max(both.max(), both.min() + 1e-6), 33)
    for values, look, name in ((real_logits, _REAL, "real"), (fake_logits, _FAKE, "fake")):
        shares, _ = np.histogram(_finite(values), edges)
        shares = shares / shares.sum()
        ax.fill_between((edges[1:] + edges[:-1]) / 2, shares, color=look["color"], alpha=0.25, linewidth=0, step="mid")
        ax.step((edges[1:] + edges[:-1]) / 2, shares, where="mid", label=name, color=look["color"],
                linestyle=look["linestyle"])  # fmt: skip
    ax.axvline(0, color=style.COLOURS["neutral"], linestyle=":", linewidth=1.2)
    ax.set(xlabel="D's logit (larger: more real)", ylabel="share of samples", title=title, ylim=(0, None))
    ax.legend(fontsize=9)
    return fig


_VARIANTS = (("#222222", "-", "o"), (style.COLOURS["discriminator"], "--", "s"), (style.COLOURS["warning"], "-.", "^"),
             (style.COLOURS["gradient"], ":", "D"))  # fmt: skip


def depth(
    gains: Sequence[float],
    growth: Mapping[str, Sequence[float]],
    predicted: Sequence[float],
    slopes: Mapping[str, Mapping[int, float]],
) -> Figure:
    """Draw how much one layer makes a gradient grow on its way back, and what is left of it after many.

    Args:
        gains: gain of the first weights, rising, shape (G,).
        growth: name -> factor per layer, shape (G,); at most four.
        predicted: what theory says of the first of them, shape (G,); a grey line.
        slopes: name -> depth -> slope of D at its input; at most four.
    Returns:
        The figure, two axes, all scales logarithmic; dotted lines at 1.
    Raises:
        ValueError: there are too many names.
    First met in: notebook 11.
    """
    for name, lines in (("growth", growth), ("slopes", slopes)):
        if not 1 <= len(lines) <= len(_VARIANTS):
            raise ValueError(f"{name} must hold 1 to {len(_VARIANTS)} lines, got {len(lines)}")
    fig, (left, right) = style.figure(2, size=(10.0, 3.9), dpi=80)
    left.plot(gains, predicted, color="#bbbbbb", linewidth=6, label="predicted: the gain", zorder=0)
    for (name, values), (colour, dashes, mark) in zip(growth.items(), _VARIANTS, strict=False):
        left.plot(gains, values, dashes, color=colour, marker=mark, markersize=5, label=name)
    for (name, by_depth), (colour, dashes, mark) in zip(slopes.items(), _VARIANTS, strict=False):
        right.plot(by_depth.keys(), by_depth.values(), dashes, color=colour, marker=mark, markersize=5, label=name)
    for ax in (left, right):
        ax.axhline(1, color=style.COLOURS["neutral"], linestyle=":", linewidth=1.2)
        ax.set_yscale("log")
        ax.legend(fontsize=9)
    left.set(
        xscale="log", xlabel="gain of the first weights", ylabel="growth of the gradient per layer", title="20 layers"
    )
    left.set_xticks([0.3, 0.5, 1, 2, 3], ["0.3", "0.5", "1", "2", "3"], minor=False)
    left.minorticks_off()
    left.set_yticks([0.3, 0.5, 1, 2, 3], ["0.3", "0.5", "1", "2", "3"])
    right.set_xticks(sorted({n for by_depth in slopes.values() for n in by_depth}))
    right.set(xlabel="hidden layers of D", ylabel="slope of D at its input", title="what reaches G, no normalisation")
    return fig


def lab_sheet(
    readings: Mapping[str, Mapping[str, float]], healthy: Mapping[str, tuple[float, float]], names: Mapping[str, str]
) -> Figure:
    """Draw all readings of all patients as a table; what lies outside the healthy range is orange and bold.

    Args:
        readings: patient -> test -> reading; NaN where it cannot be taken.
        healthy: test -> (lowest, highest) of the healthy runs.
        names: test -> what stands over its column.
    Returns:
        The figure: a row per patient, a column per test, the healthy range in the last row.
    Raises:
        ValueError: a patient lacks a test.
    First met in: notebook 11.
    """
    if missing := [(who, test) for who, row in readings.items() for test in names if test not in row]:
        raise ValueError(f"every patient needs every test, but {missing[0][0]!r} has no {missing[0][1]!r}")
    rows = [*readings, "healthy"]
    fig, ax = style.figure(size=(1.3 + 0.95 * len(names), 0.9 + 0.3 * len(rows)), dpi=80)
    for y, who in enumerate(rows):
        for x, test in enumerate(names):
            if who == "healthy":
                words, colour, weight = " to ".join(dict.fromkeys(map(short, healthy[test]))), _FAINT, "normal"
            else:
                value = readings[who][test]
                out = outside(value, healthy[test])
                words, colour, weight = short(value), _OUT if out else "white", "bold" if out else "normal"
            ax.fill_between([x, x + 1], y, y + 1, color=to_rgba(colour), linewidth=0)
            ax.text(x + 0.5, y + 0.5, words, ha="center", va="center", fontsize=9, fontweight=weight)
    ax.hlines(range(len(rows) + 1), 0, len(names), color="#cccccc", linewidth=0.8)
    ax.set(xlim=(0, len(names)), ylim=(len(rows), 0))
    ax.set_xticks([x + 0.5 for x in range(len(names))], list(names.values()), fontsize=9)
    ax.set_yticks([y + 0.5 for y in range(len(rows))], rows)
    ax.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return fig


def outside(value: float, band: tuple[float, float]) -> bool:
    """Tell whether a reading lies outside a band by more than a hundredth of the bound; NaN does.

    First met in: notebook 11.
    """
    low, high = band
    return not low - 0.01 * abs(low) <= value <= high + 0.01 * abs(high)


def short(value: float) -> str:
    """Write a reading with about two digits; a dash for one that could not be taken.

    First met in: notebook 11.
    """
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    if abs(value) < 0.01 or abs(value) >= 10_000:
        return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _finite(values: Tensor | Sequence[float]) -> np.ndarray:
    array = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values, dtype=float).ravel()
    return array[np.isfinite(array)]
