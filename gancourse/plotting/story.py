"""Back to the digits: what each idea of notebooks 01 to 05 looks like on the digits of notebook 00.

Nothing is trained here: the pictures are drawn from ``gancourse.measured``'s table "story", which
``python tools/tables.py story`` makes. Samples are those of the first latent vectors drawn, not chosen ones.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gancourse import measured
from gancourse.plotting import images, style
from gancourse.plotting.style import COLOURS

__all__ = ["collapsed", "cured", "curves", "moving", "verdicts"]

_SIDE, _GAP, _SHOWN = 28, 2, 6
_PITCH = _SIDE + _GAP

_VERDICTS_AT = (3, 400, 2_200)
_SHEETS_AT = (50, 200, 700, 2_200)
_MOVING_AT = tuple(range(1_700, 2_201, 100))
_COLLAPSED_AT = tuple(range(500, 1_001, 100))


def verdicts() -> Figure:
    """Show six forgeries early, on the way and at the end of 00's run, with D(x) over each.

    Left of a row stands the mean of D(x) over 1,000 test digits and over 1,000 forgeries.

    Returns:
        The figure.
    First met in: notebook 01.
    """
    looks = _looks("notebook 00")
    fig, rows = style.figure(1, len(_VERDICTS_AT), size=(7.4, 4.9), dpi=80)
    for ax, step in zip(rows, _VERDICTS_AT, strict=True):
        look = looks[step]
        images.image_grid(_sheet(look)[:_SHOWN], rows=1, ax=ax)
        for place, p in enumerate(_numbers(look["d_shown"])[:_SHOWN]):
            middle = place * _PITCH + _SIDE / 2
            ax.text(middle, -2, f"{p:.2f}", ha="center", va="bottom", color=COLOURS["discriminator"], fontsize=12)
        says = f"step {step:,}\nmean D(x)\nreal {look['d_real']:.2f}\nfake {look['d_fake']:.2f}"
        ax.set_ylabel(says, rotation=0, ha="right", va="center", labelpad=8, linespacing=1.3)
    fig.suptitle("What D says of six forgeries: first they are told apart, in the end near ½", fontsize=12)
    return fig


def curves() -> Figure:
    """Show both losses of 00's run, and under them what the generator made at four of its steps.

    Returns:
        The figure.
    First met in: notebook 02.
    """
    row = _row("notebook 00")
    looks = {look["step"]: look for look in row["looks"]}
    fig, axes = style.figure(len(_SHEETS_AT), 2, size=(9.2, 4.9), dpi=80, height_ratios=(1.25, 1))
    grid = axes[0, 0].get_gridspec()
    for ax in axes[0]:
        ax.remove()
    top = fig.add_subplot(grid[0, :])
    _draw_losses(top, row)
    for number, (ax, step) in enumerate(zip(axes[1], _SHEETS_AT, strict=True)):
        top.axvline(step, color=COLOURS["neutral"], linestyle=":", linewidth=1.0)
        top.annotate("abcd"[number], (step, 1), xycoords=("data", "axes fraction"), ha="center", va="bottom")
        look = looks[step]
        images.image_grid(_sheet(look)[:12], rows=3, title=f"{'abcd'[number]} · step {step:,}", ax=ax)
        ax.set_xlabel(f"{look['clear']:.0%} clear")
    return fig


def _draw_losses(ax: Axes, row: dict[str, Any]) -> None:
    d_loss, g_loss = _numbers(row["d_loss"]), _numbers(row["g_loss"])
    width = row["steps"] / len(d_loss)
    middles = width * (np.arange(len(d_loss)) + 0.5)
    ax.plot(middles, d_loss, color=COLOURS["discriminator"], label="d_loss")
    ax.plot(middles, g_loss, color=COLOURS["generator"], linestyle="--", label="g_loss")
    for level, name in ((2 * math.log(2), "2 log 2"), (math.log(2), "log 2")):
        ax.axhline(level, color=COLOURS["neutral"], linestyle=":", linewidth=1.0)
        ax.annotate(f" {name}", (1, level), xycoords=("axes fraction", "data"), va="center", fontsize=10)
    ax.set(xlabel="step", ylabel="loss", xlim=(0, row["steps"]), ylim=(0, 2))
    ax.legend(loc="lower right", ncols=2)


def moving() -> Figure:
    """Show what 00's generator makes of six latent vectors late in its run, beside the slow average of its weights.

    Over each strip: how many of 1,000 latent vectors are taken for another digit 100 steps later.

    Returns:
        The figure.
    First met in: notebook 03.
    """
    looks = _looks("notebook 00")
    fig, axes = style.figure(2, size=(9.4, 4.9), dpi=80)
    who = {"": "The generator itself", "average_": "A slow average of its weights"}
    for ax, name in zip(axes, who, strict=True):
        changed = np.mean([looks[step][f"{name}changed"] for step in _MOVING_AT[1:]])
        title = f"{who[name]}:\n{changed:.0%} change their digit in 100 steps"
        images.film_strip({step: _sheet(looks[step], name)[:_SHOWN] for step in _MOVING_AT}, title=title, ax=ax)
    return fig


def collapsed() -> Figure:
    """Show a generator that runs ahead of a slow discriminator: few kinds of digit, and others each time.

    Returns:
        The figure.
    First met in: notebook 04.
    """
    looks = _looks("G runs ahead")
    fig, ax = style.figure(size=(6.2, 6.6), dpi=80)
    images.film_strip({step: _sheet(looks[step])[:_SHOWN] for step in _COLLAPSED_AT}, ax=ax)
    says = [f"{step:,}\n{looks[step]['clear']:.0%} clear:\n{_kinds(looks[step])}" for step in _COLLAPSED_AT]
    ax.set_xticks([_PITCH * place + _SIDE / 2 for place in range(len(says))], says, linespacing=1.4)
    ax.set_title("Six latent vectors, every 100 steps: few kinds, and they come and go")
    return fig


def cured() -> Figure:
    """Show the run of :func:`collapsed` beside the same with one setting changed: the brake R1, or a quicker D.

    Returns:
        The figure.
    First met in: notebook 05.
    """
    shown = {
        "G runs ahead": "As it was",
        "with the brake R1": "With the brake R1",
        "with a quicker D": "With D's rate × 100",
    }
    fig, axes = style.figure(len(shown), size=(9.4, 2.9), dpi=80)
    for ax, (name, title) in zip(axes, shown.items(), strict=True):
        row = _row(name)
        look = row["looks"][-1]
        images.image_grid(_sheet(look), rows=4, title=f"{title}:\n{_kinds(look)}, {look['clear']:.0%} clear", ax=ax)
        kinds = ", ".join(str(counts[-1]) for counts in row["kinds"])
        ax.set_xlabel(f"kinds on {len(row['seeds'])} seeds: {kinds}")
    return fig


# ---------------------------------------------------------------- what is stored


def _row(name: str) -> dict[str, Any]:
    return next(row for row in measured.load("story")["rows"] if row["name"] == name)


def _looks(name: str) -> dict[int, dict[str, Any]]:
    return {look["step"]: look for look in _row(name)["looks"]}


def _numbers(line: str) -> list[float]:
    return [float(number) for number in line.split()]


def _kinds(look: dict[str, Any]) -> str:
    return f"{look['kinds']} kind" + ("" if look["kinds"] == 1 else "s")


def _sheet(look: dict[str, Any], name: str = "") -> Tensor:
    """Return the images of a stored sheet, shape (N, 1, 28, 28), in [-1, 1]."""
    return measured.samples({"name": look["step"], "picture": look[f"{name}sheet"]}, _SIDE)
