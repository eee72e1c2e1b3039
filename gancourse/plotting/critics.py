"""Pictures of transport and of critics: what is moved where, what a critic scores, and how far it can be believed.

Every function takes numbers (tensors, arrays or lists), computes nothing but what it draws, and returns the figure.
Real is green and filled, generated purple and hatched or dashed, the critic blue; exact answers are dotted and grey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gancourse.plotting import style
from gancourse.plotting.one_dimension import EXACT
from gancourse.plotting.style import COLOURS

__all__ = ["critics", "estimates", "layers", "per_seed", "piles", "profiles"]

LOOKS = (
    {"color": COLOURS["discriminator"], "linestyle": "-"},
    {"color": COLOURS["warning"], "linestyle": (0, (5, 1.5))},
    {"color": COLOURS["gradient"], "linestyle": "-."},
    {"color": COLOURS["neutral"], "linestyle": (0, (2, 1))},
)
"""How several critics are told apart: by colour and by dashes."""
_MARKERS = ("o", "^", "s", "D")


def piles(places, p, q, plan=None, *, critic=None, title: str = "", ax: Axes | None = None) -> Figure:
    """Draw piles of mass, real (green) and generated (purple), and a plan that turns the generated into the real.

    Args:
        places: where the piles stand, rising, shape (N,).
        p, q: mass of the real and of the generated piles, shape (N,), at least 0.
        plan: how much goes from pile i of q to place j of p, shape (N, N): an arrow each, with the amount on it.
        critic: a score at each place, shape (N,), drawn as a line on an axis of its own, to the right.
        title: what the axes say on top.
        ax: where to draw; a new figure if not given.
    First met in: notebook 08.
    """
    places, p, q = _lines(places=places, p=p, q=q)
    fig, ax = style.figure_of(ax, size=(6.4, 3.6))
    width = 0.32 * float(np.diff(places).min()) if len(places) > 1 else 0.3
    ax.bar(places - width / 2, p, width, color=COLOURS["real"], label="real p")
    ax.bar(
        *(places + width / 2, q, width),
        **{"color": "white", "edgecolor": COLOURS["fake"], "hatch": "////", "label": "generated q"},
    )
    tall = float(max(p.max(), q.max()))
    top = 1.12 * tall
    if plan is not None:
        plan = _array("plan", plan, (len(places), len(places)))
        ways = [(i, j) for i, j in np.argwhere(plan > 1e-9) if i != j]
        ways.sort(key=lambda way: abs(places[way[0]] - places[way[1]]))
        for row, (i, j) in enumerate(ways):
            height = tall * (1.12 + 0.2 * row)
            ax.annotate(
                *("", (places[j], height), (places[i], height)),
                arrowprops={"arrowstyle": "-|>", "color": COLOURS["fake"], "shrinkA": 0, "shrinkB": 0},
            )
            ax.text((places[i] + places[j]) / 2, height, f"{plan[i, j]:.2g}", ha="center", va="bottom", fontsize=10)
        top = tall * (1.2 + 0.2 * len(ways))
    ax.set(xlabel="place x", ylabel="mass", title=title, ylim=(0, top), xticks=places)
    handles = ax.get_legend_handles_labels()[0]
    if critic is not None:
        (_, critic) = _lines(places=places, critic=critic)
        right = ax.twinx()
        (line,) = right.plot(places, critic, "D-", color=COLOURS["discriminator"], label="critic f (right axis)")
        right.set_ylabel("score f(x)")
        right.spines["right"].set_visible(True)
        handles.append(line)
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    return fig


def critics(x, p, q, frames: Mapping[str, object], *, best=None) -> Figure:
    """Draw several critics side by side: both densities above, the score below, beside the best critic there is.

    Args:
        x: places, evenly spaced, shape (N,).
        p, q: the real and the generated density there, shape (N,).
        frames: title -> the critic's score, shape (N,). Constants do not count: each is drawn with mean 0 over p and q.
        best: the score of the best critic of slope 1, shape (N,), dotted.
    Raises:
        ValueError: there is no frame, or a shape differs.
    First met in: notebook 08.
    """
    x, p, q = _lines(x=x, p=p, q=q)
    if not frames:
        raise ValueError("frames is empty: at least one critic is needed")
    count = len(frames)
    fig, axes = style.figure(
        count, 2, size=(max(2.9 * count, 6.6), 4.6), sharex=True, sharey="row", height_ratios=[2, 3], squeeze=False
    )
    for column, (title, f) in enumerate(frames.items()):
        (_, f) = _lines(x=x, f=f)
        upper, lower = axes[:, column]
        densities(upper, x, p, q)
        if best is not None:
            lower.plot(x, centred(best, p, q), **EXACT, label="best critic of slope 1")
        lower.plot(x, centred(f, p, q), color=COLOURS["discriminator"], linewidth=2.2, label="critic f")
        upper.set(title=title)
        lower.set(xlabel="x", xlim=(x[0], x[-1]))
    axes[0, 0].set_ylabel("density")
    axes[1, 0].set_ylabel("score f(x)")
    handles = [handle for row in axes for handle in row[0].get_legend_handles_labels()[0]]
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    return fig


def densities(ax: Axes, x, p, q) -> None:
    """Draw a real density, filled and green, and a generated one, dashed and purple, on axes that are there."""
    ax.fill_between(x, p, color=COLOURS["real"], alpha=0.28, linewidth=0)
    ax.plot(x, p, color=COLOURS["real"], label="real p")
    ax.plot(x, q, color=COLOURS["generator"], linestyle=(0, (4, 1.5)), linewidth=2.0, label="generated q")
    ax.set_ylim(bottom=0)


def centred(f, p, q) -> np.ndarray:
    """Return the scores less their mean over p and q: what a critic says, without the constant that says nothing."""
    f, weight = np.asarray(f, dtype=float), np.asarray(p, dtype=float) + np.asarray(q, dtype=float)
    return f - (f * weight).sum() / weight.sum()


def estimates(
    steps,
    lines: Mapping[str, object],
    *,
    exact=None,
    top: float | None = None,
    title: str = "",
    ylabel: str = "distance",
    ax: Axes | None = None,
) -> Figure:
    """Draw what critics say of a distance over steps, beside the exact distance.

    Args:
        steps: when it was measured, shape (T,).
        lines: name -> values, shape (T,), at most four; NaN draws nothing.
        exact: the exact distance, dotted: one number, or one a step, shape (T,).
        top: upper limit of the axis; what lies above is cut off, and its name says up to where it goes.
        title: what the axes say on top.
        ylabel: what the values are.
        ax: where to draw; a new figure if not given.
    First met in: notebook 08.
    """
    (steps,) = _lines(steps=steps)
    _at_most("lines", lines, len(LOOKS))
    fig, ax = style.figure_of(ax)
    for (name, values), look in zip(lines.items(), LOOKS, strict=False):
        values = _array(f"lines[{name!r}]", values, steps.shape, finite=False)
        cut = top is not None and np.nanmax(values) > top
        ax.plot(steps, values, **look, label=f"{name} (up to {np.nanmax(values):,.0f})" if cut else name)
    if exact is not None:
        ax.plot(steps, _array("exact", np.broadcast_to(exact, steps.shape), steps.shape), **EXACT, label="exact W1")
    ax.axhline(0, color=COLOURS["neutral"], linewidth=0.8)
    if top is not None:
        lowest = min(0.0, *(float(np.nanmin(line.get_ydata())) for line in ax.lines))
        ax.set_ylim(lowest - 0.06 * (top - lowest), top)
    ax.set(title=title, xlabel="step of the critic", ylabel=ylabel, xlim=(steps[0], steps[-1]))
    ax.legend(frameon=False)
    return fig


def profiles(
    x,
    measured: Mapping[str, object],
    formula: Mapping[str, object] | None = None,
    *,
    xlabel: str = "x",
    ylabel: str = "slope |f'(x)|",
    title: str = "",
    dotted: str = "formula",
    ax: Axes | None = None,
) -> Figure:
    """Draw measured curves, each told apart by colour and dashes, with the curve of a formula dotted over it.

    Args:
        x: places, shape (N,).
        measured: name -> values, shape (N,), at most four.
        formula: some of the same names -> what the formula says, shape (N,); NaN draws nothing.
        xlabel, ylabel, title: what the axes say.
        dotted: what the formula's curves are called.
        ax: where to draw; a new figure if not given.
    Raises:
        ValueError: a name of ``formula`` was not measured, or a shape differs.
    First met in: notebook 08.
    """
    (x,) = _lines(x=x)
    _at_most("measured", measured, len(LOOKS))
    formula = formula or {}
    if unknown := set(formula) - set(measured):
        raise ValueError(f"formula has {sorted(unknown)}, which measured lacks")
    fig, ax = style.figure_of(ax, size=(5.6, 3.6))
    for (name, values), look in zip(measured.items(), LOOKS, strict=False):
        ax.plot(x, _array(f"measured[{name!r}]", values, x.shape, finite=False), **look, label=name)
    for k, (name, values) in enumerate(formula.items()):
        values = _array(f"formula[{name!r}]", values, x.shape, finite=False)
        ax.plot(x, values, **EXACT, label=None if k else dotted)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title, xlim=(x[0], x[-1]))
    ax.legend(frameon=False)
    return fig


def per_seed(groups: Mapping[str, Mapping[str, Sequence[float]]], *, exact: float, ylabel: str = "distance") -> Figure:
    """Draw one mark a seed for several readings of the same distance, group by group, beside the exact one.

    Args:
        groups: what stands below the axis -> {reading: one number a seed}; the same readings in each, at most four.
        exact: the exact distance, dotted.
        ylabel: what the numbers are.
    Raises:
        ValueError: there is no group, or the readings differ.
    First met in: notebook 08.
    """
    if not groups:
        raise ValueError("groups is empty: at least one is needed")
    names = list(next(iter(groups.values())))
    if any(list(readings) != names for readings in groups.values()):
        raise ValueError(f"groups must all have the readings {names}")
    _at_most("readings", names, len(LOOKS))
    fig, ax = style.figure(size=(6.8, 3.8))
    ax.axhline(exact, **EXACT, label="exact W1")
    for place, readings in enumerate(groups.values()):
        for k, (name, values) in enumerate(readings.items()):
            (values,) = _lines(**{name.replace(" ", "_"): values})
            at = place + (k - (len(names) - 1) / 2) * 0.26 + np.linspace(-0.08, 0.08, len(values))
            ax.plot(
                *(at, values, _MARKERS[k]),
                **{"color": LOOKS[k]["color"], "markersize": 5, "alpha": 0.8, "label": None if place else name},
            )
    ax.axhline(0, color=COLOURS["neutral"], linewidth=0.8)
    ax.set_xticks(range(len(groups)), list(groups))
    ax.set(ylabel=ylabel, xlim=(-0.6, len(groups) - 0.4))
    fig.legend(loc="outside lower center", ncols=len(names) + 1, frameon=False)
    return fig


def layers(norms: Mapping[str, Sequence[float]], *, title: str = "", ax: Axes | None = None) -> Figure:
    """Draw the size of the gradient at each layer of a deep critic, on a logarithmic axis, one line a critic.

    Args:
        norms: name -> one positive number a layer, from the input to the output; at most four names.
        title: what the axes say on top.
        ax: where to draw; a new figure if not given.
    First met in: notebook 08.
    """
    _at_most("norms", norms, len(LOOKS))
    fig, ax = style.figure_of(ax, size=(5.6, 3.6))
    for (name, values), look, marker in zip(norms.items(), LOOKS, _MARKERS, strict=False):
        (values,) = _lines(**{"norms": values})
        if not (values > 0).all():
            raise ValueError(f"norms must be above 0 for a logarithmic axis, got {values.min():g} for {name!r}")
        ax.plot(np.arange(1, len(values) + 1), values, **look, marker=marker, markersize=5, label=name)
    ax.set_yscale("log")
    ax.set(xlabel="layer, from the input to the score", ylabel="size of the gradient", title=title)
    ax.legend(frameon=False)
    return fig


# ---------------------------------------------------------------- helpers


def _at_most(name: str, what, most: int) -> None:
    if not 1 <= len(what) <= most:
        raise ValueError(f"{name} must hold 1 to {most} entries, got {len(what)}")


def _array(name: str, value: object, shape: tuple[int, ...], *, finite: bool = True) -> np.ndarray:
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    array = np.asarray(value, dtype=np.float64)
    if array.shape != tuple(shape):
        raise ValueError(f"{name} must have shape {tuple(shape)}, got {array.shape}")
    if finite and not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {int((~np.isfinite(array)).sum())} NaN or infinite value(s)")
    return array


def _lines(**values: object) -> list[np.ndarray]:
    """Return float64 arrays of one shape (N,), or refuse by name."""
    lines: list[np.ndarray] = []
    for name, value in values.items():
        if hasattr(value, "detach"):
            value = value.detach().cpu()
        line = np.asarray(value, dtype=np.float64)
        if line.ndim != 1 or line.size == 0:
            raise ValueError(f"{name} must have shape (N,), got {line.shape}")
        lines.append(_array(name, line, lines[0].shape if lines else line.shape))
    return lines
