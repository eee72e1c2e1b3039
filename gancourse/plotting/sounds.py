"""Pictures of sounds: waves, spectrograms, what is heard in a set beside the truth, and lines in a spectrum."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gancourse import spectra
from gancourse.plotting import style
from gancourse.plotting.style import COLOURS

__all__ = ["crossed", "distributions", "lines", "spectrograms", "waves"]

_RANGE = 45.0  # decibels from white to black


def waves(sounds: Mapping[str, Tensor], sample_rate: float, *, most: int | None = None) -> Figure:
    """Draw waves below each other, all on one scale.

    Args:
        sounds: name -> numbers, shape (L,); names that begin with "true" or "real" are green.
        sample_rate: numbers a second.
        most: draw only so many numbers of each.
    First met in: notebook 17.
    """
    figure, axes = style.figure(1, len(sounds), size=(7.0, 1.25 * len(sounds) + 0.5), sharex=True, sharey=True)
    for ax, (name, numbers) in zip(np.atleast_1d(axes), sounds.items(), strict=True):
        shown = numbers.detach().cpu()[:most]
        colour = COLOURS["real"] if name.startswith(("true", "real")) else COLOURS["fake"]
        ax.plot(1_000 * np.arange(len(shown)) / sample_rate, shown.numpy(), color=colour, linewidth=0.9)
        ax.set_ylabel(name, rotation=0, ha="right", va="center")
        ax.set_ylim(-1.02, 1.02)
        ax.set_yticks([-1, 0, 1])
    np.atleast_1d(axes)[-1].set_xlabel("milliseconds")
    return figure


def spectrograms(sounds: Mapping[str, Tensor], sample_rate: float, *, highest: float | None = None) -> Figure:
    """Draw spectrograms side by side, black where a frequency is strong, over 45 decibels from the loudest of all.

    Args:
        sounds: name -> numbers, shape (L,).
        sample_rate: numbers a second.
        highest: draw frequencies up to here; by default all, up to half the rate.
    First met in: notebook 17.
    """
    highest = sample_rate / 2 if highest is None else highest
    pictures = {
        name: 20 * spectra.spectrogram(numbers.detach().cpu()[None])[0].clamp(min=1e-6).log10()
        for name, numbers in sounds.items()
    }
    top = max(float(picture.max()) for picture in pictures.values())
    figure, axes = style.figure(len(sounds), 1, size=(1.0 + 1.9 * len(sounds), 2.7), sharey=True)
    for ax, (name, picture) in zip(np.atleast_1d(axes), pictures.items(), strict=True):
        half_row = sample_rate / spectra.WINDOW / 2
        half_hop = 500 * spectra.HOP / sample_rate
        across = (-half_hop, 1_000 * (picture.shape[1] - 1) * spectra.HOP / sample_rate + half_hop)
        ax.imshow(
            picture.numpy(), origin="lower", aspect="auto", cmap="gray_r", interpolation="nearest",
            vmin=top - _RANGE, vmax=top, extent=(*across, -half_row, sample_rate / 2 + half_row),
        )  # fmt: skip
        ax.set(title=name, ylim=(0, highest), xlabel="milliseconds")
    np.atleast_1d(axes)[0].set_ylabel("Hz")
    return figure


def distributions(real: Mapping[str, Tensor], fake: Mapping[str, Tensor], units: Mapping[str, str]) -> Figure:
    """Draw what is heard in true sounds (green, filled) and in made ones (purple, crossed), a histogram for each.

    Args:
        real, fake: what is heard -> its values, shape (N,).
        units: what is heard -> the label of its axis.
    First met in: notebook 17.
    """
    figure, axes = style.figure(len(units), 1, size=(2.6 * len(units) + 0.4, 2.6))
    for ax, (what, label) in zip(np.atleast_1d(axes), units.items(), strict=True):
        both = [values[what].detach().cpu().double() for values in (real, fake)]
        low, high = (float(torch.cat(both).quantile(share)) for share in (0.005, 0.995))
        edges = np.linspace(low, high, 31)
        centres = (edges[1:] + edges[:-1]) / 2
        share = [np.histogram(values.numpy(), edges)[0] / len(values) for values in both]
        ax.bar(centres, share[0], width=edges[1] - edges[0], color=COLOURS["real"], alpha=0.35, label="true")
        ax.plot(centres, share[1], "x--", color=COLOURS["fake"], markersize=4, linewidth=1.0, label="made")
        ax.set(xlabel=label, yticks=[])
    np.atleast_1d(axes)[0].legend()
    return figure


def crossed(values: Mapping[tuple[str, str], Sequence[float]], truth: float, *, label: str) -> Figure:
    """Draw two settings crossed: a line for each first setting, over the second, a dot for each seed.

    Args:
        values: (first setting, second setting) -> a number for each seed.
        truth: the true sounds' number, as a dotted line.
        label: of the upright axis.
    First met in: notebook 17.
    """
    figure, ax = style.figure(size=(5.4, 3.3))
    firsts, seconds = (list(dict.fromkeys(pair[place] for pair in values)) for place in (0, 1))
    looks = (("o", "-", COLOURS["fake"]), ("X", "--", COLOURS["discriminator"]), ("s", ":", COLOURS["neutral"]))
    for first, (mark, line, colour) in zip(firsts, looks, strict=False):
        series = np.array([values[first, second] for second in seconds], dtype=float)
        ax.plot(np.median(series, axis=1), linestyle=line, color=colour, label=first)
        for place, seeds in enumerate(series):
            ax.plot([place] * len(seeds), seeds, mark, color=colour, markersize=7, alpha=0.7, linestyle="none")
    ax.axhline(truth, color=COLOURS["real"], linestyle=":", label="true notes")
    shown = [textwrap.fill(second, 12) for second in seconds]
    ax.set(xticks=range(len(seconds)), xticklabels=shown, ylabel=label, xlim=(-0.4, len(seconds) - 0.6))
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def lines(rows: Mapping[str, Sequence[float]], frequencies: Sequence[float], ax: Axes | None = None) -> Figure:
    """Draw by how many decibels the spectrum stands out at each of some frequencies, a series for each kind of sound.

    Args:
        rows: name -> decibels at each frequency; names that begin with "true" or "truth" are green.
        frequencies: in Hz.
        ax: where to draw.
    First met in: notebook 17.
    """
    figure, ax = style.figure(size=(6.4, 3.2)) if ax is None else (style.figure_of(ax), ax)
    marks, colours = "oXsDP^", (COLOURS["fake"], COLOURS["discriminator"], COLOURS["neutral"], "#40004b", "#5e4fa2")
    made = 0
    for place, (name, decibels) in enumerate(rows.items()):
        is_true = name.startswith("tru")
        colour = COLOURS["real"] if is_true else colours[made % len(colours)]
        made += not is_true
        ax.plot(frequencies, decibels, marks[place % len(marks)], linestyle=":" if is_true else "--", color=colour,
                linewidth=0.8, label=name)  # fmt: skip
    ax.axhline(0, color=COLOURS["neutral"], linewidth=0.6)
    ax.set(xlabel="Hz", ylabel="dB above what is around")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
