"""Pictures of two-number games: phase portraits, traces, powers of a number, a Dirac-GAN."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver
from torch import Tensor

from gancourse import games
from gancourse.plotting.style import COLOURS, WARNING_TEXT, figure, figure_of

__all__ = ["dirac", "dirac_film", "distances", "factors", "players", "portrait", "powers"]

DIRAC_NAMES = ("θ, the fake point", "ψ, D's slope")
_LINES = ("-", "--", "-.", ":", (0, (1, 3)), (0, (6, 2, 1, 2, 1, 2)))
_ARROWS = 9


def portrait(
    game: games.Game,
    paths: Tensor | Sequence[Tensor] | None = None,
    *,
    limit: float = 2.0,
    names: tuple[str, str] = ("x", "y"),
    colour: str = "neutral",
    arrows: bool = True,
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw where both players want to go (magenta arrows) and where they went (lines).

    The generator's number runs to the right, the discriminator's upwards, on the same scale. A path
    starts at the open circle, has a dot at every step and ends at the filled square; the star is the equilibrium.

    Args:
        game: the game whose field is drawn; arrows show directions, all of one length.
        paths: one path, shape (T, 2), or several.
        limit: both axes go from -limit to limit.
        names: what the two numbers are called.
        colour: of the paths, a key of ``COLOURS``; "warning" for play that runs away.
        arrows: whether to draw the field.
        title: by default the game's name.
        ax: where to draw; a new figure if not given.
    Returns:
        The figure.
    First met in: notebook 03.
    """
    fig, ax = figure_of(ax, size=(4.2, 4.2))
    paths = [] if paths is None else [paths] if isinstance(paths, Tensor) else list(paths)
    if arrows:
        draw_field(ax, game, limit)
    for path in paths:
        path = _path("paths", path)
        x, y = path[:, 0], path[:, 1]
        ax.plot(x, y, color=COLOURS[colour], linewidth=1.3, alpha=0.9, zorder=3)
        ax.plot(x, y, ".", color=COLOURS[colour], markersize=3.5, zorder=3)
        ax.plot(x[0], y[0], "o", markersize=9, markerfacecolor="white", color=COLOURS[colour], zorder=4)
        ax.plot(x[-1], y[-1], "s", markersize=7, color=COLOURS[colour], zorder=5)
    ax.plot(0, 0, "*", markersize=13, color="#222222", markeredgecolor="white", zorder=6)
    _square(ax, limit, names)
    ax.set_title(game.name if title is None else title)
    return fig


def draw_field(ax: Axes, game: games.Game, limit: float) -> Quiver:
    """Draw the field's directions as arrows of one length, and return them."""
    line = np.linspace(-limit, limit, _ARROWS + 2)[1:-1]
    x, y = np.meshgrid(line, line)
    return ax.quiver(
        x, y, *_directions(game, x, y), color=COLOURS["gradient"], alpha=0.5, angles="xy", pivot="mid", width=0.006,
        scale=15, zorder=1,
    )  # fmt: skip


def turn_field(arrows: Quiver, game: games.Game) -> None:
    """Turn arrows that :func:`draw_field` has drawn to another game's directions."""
    arrows.set_UVC(*_directions(game, arrows.X, arrows.Y))


def _directions(game: games.Game, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    v = games.field(game, torch.from_numpy(np.stack([x, y], -1))).numpy()
    length = np.hypot(v[..., 0], v[..., 1])
    u, v = np.moveaxis(v / np.where(length > 1e-9, length, np.inf)[..., None], -1, 0)
    return u, v


def players(
    path: Tensor,
    *,
    names: tuple[str, str] = DIRAC_NAMES,
    title: str = "Both players over time",
    ax: Axes | None = None,
) -> Figure:
    """Draw each player's number over the steps: generator dashed purple, discriminator solid blue.

    Args:
        path: shape (T, 2), from ``games.run``.
        names: what the two numbers are called.
        title: of the axes.
        ax: where to draw; a new figure if not given.
    Returns:
        The figure.
    First met in: notebook 03.
    """
    fig, ax = figure_of(ax, size=(6.4, 3.2))
    path = _path("path", path)
    ax.axhline(0, color=COLOURS["neutral"], linewidth=0.8)
    ax.plot(path[:, 0], "--", color=COLOURS["generator"], label=names[0])
    ax.plot(path[:, 1], "-", color=COLOURS["discriminator"], label=names[1])
    top = 1.25 * float(path.abs().max()) or 1.0
    ax.set(title=title, xlabel="step", ylim=(-top, 1.45 * top))
    ax.legend(loc="upper center", ncols=2, frameon=False)
    return fig


def distances(
    paths: Mapping[str, Tensor],
    *,
    colours: Mapping[str, str] | None = None,
    title: str = "Distance to the equilibrium",
    ax: Axes | None = None,
) -> Figure:
    """Draw the distance of each path to (0, 0) over the steps, on a logarithmic scale.

    On that scale a constant factor per step is a straight line.

    Args:
        paths: name -> path, shape (T, 2).
        colours: name -> a key of ``COLOURS``; neutral where not given. Line styles differ in any case.
        title: of the axes.
        ax: where to draw; a new figure if not given.
    Returns:
        The figure.
    First met in: notebook 03.
    """
    fig, ax = figure_of(ax, size=(6.4, 3.6))
    for index, (name, path) in enumerate(paths.items()):
        distance = _path(f"paths[{name!r}]", path).norm(dim=-1)
        colour = COLOURS[(colours or {}).get(name, "neutral")]
        ax.plot(distance, linestyle=_LINES[index % len(_LINES)], color=colour, label=name)
    ax.set(title=title, xlabel="step", ylabel="distance", yscale="log")
    ax.legend(loc="best")
    return fig


def factors(
    values: Tensor,
    per_step: Mapping[str, Tensor],
    *,
    xlabel: str,
    marks: Mapping[str, float] | None = None,
    limits: tuple[float, float] = (0.6, 1.2),
    title: str = "Factor on the distance, per step",
    ax: Axes | None = None,
) -> Figure:
    """Draw the factor by which a step changes the distance, as a function of a setting.

    Above 1 (shaded in the colour of warnings) play runs away, below 1 it comes to rest.

    Args:
        values: the setting, shape (K,).
        per_step: name of a method -> its factors, shape (K,), e.g. from ``games.spectral_radius``.
        xlabel: what the setting is.
        marks: label -> setting, drawn as thin vertical lines.
        limits: of the vertical axis.
        title: of the axes.
        ax: where to draw; a new figure if not given.
    Returns:
        The figure.
    First met in: notebook 03.
    """
    fig, ax = figure_of(ax, size=(6.4, 3.8))
    ax.axhspan(1, max(limits[1], 1), color=COLOURS["warning"], alpha=0.1, linewidth=0)
    ax.axhline(1, color=COLOURS["warning"], linewidth=1)
    for label, mark in (marks or {}).items():
        ax.axvline(mark, color=COLOURS["neutral"], linewidth=0.8, linestyle=":")
        ax.annotate(label, (mark, 0.98), xycoords=("data", "axes fraction"), ha="center", va="top", fontsize=10,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
    for index, (name, factor) in enumerate(per_step.items()):
        if len(factor) != len(values):
            raise ValueError(f"per_step[{name!r}] must have {len(values)} values, one a setting, got {len(factor)}")
        shade = ("#222222", "#777777")[index % 2]
        ax.plot(values, factor, linestyle=_LINES[index % len(_LINES)], color=shade, label=name)
    ax.set(title=title, xlabel=xlabel, ylabel="factor", ylim=limits, xlim=(float(values[0]), float(values[-1])))
    ax.annotate("runs away", (0.99, 1), xycoords=("axes fraction", "data"), xytext=(0, 3), textcoords="offset points",
                ha="right", color=WARNING_TEXT, fontsize=10)  # fmt: skip
    ax.legend(loc="best", frameon=False)
    return fig


def powers(numbers: Sequence[complex], *, num_steps: int = 32, limit: float = 2.0) -> Figure:
    """Draw what multiplying by a complex number does when it is done again and again: it turns and stretches.

    One picture for each number: 1 (open circle), its products with 1, 2, ... factors (dots, the last a square), the
    number itself (diamond), and the disc of radius 1. The path has the colour of warnings if the number lies outside.

    Args:
        numbers: the numbers, one or more.
        num_steps: how many products.
        limit: both axes go from -limit to limit.
    Returns:
        The figure.
    First met in: notebook 03.
    """
    numbers = [complex(number) for number in numbers]
    if not numbers or not all(math.isfinite(abs(number)) for number in numbers):
        raise ValueError(f"numbers must be finite complex numbers, at least one, got {numbers}")
    fig, axes = figure(len(numbers), size=(4.0 * len(numbers), 4.2), dpi=66, squeeze=False)
    for number, ax in zip(numbers, axes[0], strict=True):
        draw_stable_region(ax, limit)
        path = np.cumprod([1.0, *[number] * num_steps])
        colour = COLOURS["warning" if abs(number) > 1 + 1e-12 else "neutral"]
        ax.plot(path.real, path.imag, ".-", color=colour, linewidth=1.2, markersize=5, zorder=3)
        ax.plot(1, 0, "o", markersize=9, markerfacecolor="white", color=colour, zorder=4)
        ax.plot(path.real[-1:], path.imag[-1:], "s", markersize=7, color=colour, zorder=4)
        ax.plot(number.real, number.imag, "D", markersize=8, color="#222222", zorder=5)
        ax.set_title(f"times {number.real:g} {'+' if number.imag >= 0 else '−'} {abs(number.imag):g}i")
    return fig


def draw_stable_region(ax: Axes, limit: float) -> None:
    """Shade the unit disc, where eigenvalues of a step mean rest, and draw the axes of the complex plane."""
    round_trip = np.linspace(0, 2 * math.pi, 200)
    ax.fill(np.cos(round_trip), np.sin(round_trip), color="#e8e8e8", zorder=0)
    ax.plot(np.cos(round_trip), np.sin(round_trip), color=COLOURS["neutral"], linewidth=1.2, zorder=1)
    ax.axhline(0, color=COLOURS["neutral"], linewidth=0.7, zorder=1)
    ax.axvline(0, color=COLOURS["neutral"], linewidth=0.7, zorder=1)
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal", xlabel="real part", ylabel="imaginary part")


def dirac(theta: float, psi: float, *, limit: float = 2.0, title: str | None = None, ax: Axes | None = None) -> Figure:
    """Draw a Dirac-GAN: the real point at 0, the fake point at theta, D's logit psi x as a line.

    The magenta arrow shows where the generator wants to go: uphill on the line.

    Args:
        theta: the fake point.
        psi: the slope of the discriminator's logit.
        limit: the horizontal axis goes from -limit to limit.
        title: of the axes.
        ax: where to draw; a new figure if not given.
    Returns:
        The figure.
    First met in: notebook 03.
    """
    for name, value in (("theta", theta), ("psi", psi)):
        if not math.isfinite(value):
            raise ValueError(f"{name} must be a finite number, got {value!r}")
    fig, ax = figure_of(ax, size=(3.4, 2.8))
    ax.axhline(0, color=COLOURS["neutral"], linewidth=0.8)
    ax.plot([-limit, limit], [-psi * limit, psi * limit], "-", color=COLOURS["discriminator"], label="D's logit ψx")
    ax.plot(0, 0, "o", color=COLOURS["real"], markersize=10, label="real", zorder=4)
    ax.plot(theta, 0, "x", color=COLOURS["fake"], markersize=11, markeredgewidth=3, label="fake, at θ", zorder=5)
    if abs(psi) > 0.05:
        push = 0.25 * limit * math.copysign(1, psi)
        ax.annotate(
            "",
            (theta + push, -0.28 * limit),
            (theta, -0.28 * limit),
            arrowprops={"arrowstyle": "-|>", "color": COLOURS["gradient"], "linewidth": 2},
            annotation_clip=False,
        )
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), xlabel="x", title=title or f"θ = {theta:.1f}, ψ = {psi:.1f}")
    return fig


def dirac_film(path: Tensor, steps: Sequence[int], *, limit: float = 2.0) -> Figure:
    """Draw a Dirac-GAN at several steps of a path, side by side.

    Args:
        path: shape (T, 2), from ``games.run``.
        steps: which entries of the path.
        limit: of each frame's axes.
    Returns:
        The figure.
    First met in: notebook 03.
    """
    path, steps = _path("path", path), list(steps)
    if not steps or not all(0 <= step < len(path) for step in steps):
        raise ValueError(f"steps must be whole numbers from 0 to {len(path) - 1}, at least one, got {steps}")
    fig, axes = figure(len(steps), size=(2.5 * len(steps), 2.7), sharey=True, squeeze=False)
    for step, ax in zip(steps, axes[0], strict=True):
        theta, psi = path[step].tolist()
        dirac(theta, psi, limit=limit, title=f"step {step}", ax=ax)
    axes[0, 0].set_ylabel("logit (high = real)")
    axes[0, 0].legend(loc="upper left", fontsize=8, borderaxespad=0.1, handlelength=1.2)
    return fig


def _square(ax: Axes, limit: float, names: tuple[str, str]) -> None:
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    ax.set_xlabel(names[0], color=COLOURS["generator"])
    ax.set_ylabel(names[1], color=COLOURS["discriminator"])
    ax.locator_params(nbins=5)


def _path(name: str, path: Tensor) -> Tensor:
    if not isinstance(path, Tensor) or path.ndim != 2 or path.shape[1] != 2 or len(path) == 0:
        got = tuple(path.shape) if isinstance(path, Tensor) else type(path).__name__
        raise ValueError(f"{name} must be one path, a tensor of shape (T, 2), got {got}")
    return path.detach()
