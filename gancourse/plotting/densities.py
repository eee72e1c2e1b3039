"""Pictures of the game on paper: densities, the best discriminator, rulers between densities, slopes.

Every function takes numbers (tensors, arrays or lists), computes nothing but what it draws, and returns the figure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gancourse.plotting import style
from gancourse.plotting.style import COLOURS

__all__ = [
    "coin_game",
    "density_pair",
    "discriminator",
    "discriminator_loss_against_shift",
    "discriminators_for",
    "fakes_with_slopes",
    "generator_losses",
    "generators_measured",
    "moving_mass",
    "outcome_scores",
    "rulers",
]


def density_pair(x, p, q, *, ax: Axes | None = None, title: str = "") -> Figure:
    """Draw the real density (green, solid) and the generated density (purple, dashed) over the line.

    Args:
        x: places, shape (N,).
        p, q: both densities at these places, shape (N,).
        ax: where to draw; a new figure if not given.
        title: what the axes say on top.
    First met in: notebook 01.
    """
    x, p, q = _lines(x=x, p=p, q=q)
    fig, ax = style.figure_of(ax)
    _density(ax, x, p, "real", "real p", "-")
    _density(ax, x, q, "fake", "generated q", "--")
    ax.set(xlim=(x[0], x[-1]), ylim=(0, None), xlabel="x", ylabel="density", title=title)
    ax.legend(loc="upper left", frameon=False)
    return fig


def discriminator(
    x,
    probability,
    *,
    label: str = "D",
    compare: Mapping[str, object] | None = None,
    ax: Axes | None = None,
    title: str = "",
) -> Figure:
    """Draw D(x), the probability that x is real (blue, solid), with the line 1/2.

    Args:
        x: places, shape (N,).
        probability: D at these places, shape (N,), from 0 to 1.
        label: what the curve is called beside others.
        compare: up to two more curves by label: the first in dashes, the second in dots.
        ax, title: as in :func:`density_pair`.
    First met in: notebook 01.
    """
    x, probability = _lines(x=x, probability=probability)
    fig, ax = style.figure_of(ax)
    ax.axhline(0.5, color=COLOURS["neutral"], lw=1, ls=":")
    ax.plot(x, probability, color=COLOURS["discriminator"], lw=2.5, label=label)
    looks = [
        {"color": COLOURS["warning"], "ls": (0, (4, 3)), "lw": 2.2},
        {"color": COLOURS["neutral"], "ls": "", "marker": "o", "ms": 4.5, "markevery": max(1, len(x) // 40)},
    ]
    if compare and len(compare) > len(looks):
        raise ValueError(f"compare takes at most {len(looks)} curves, got {len(compare)}")
    for (name, curve), look in zip((compare or {}).items(), looks, strict=False):
        _, curve = _lines(x=x, **{"compare": curve})
        ax.plot(x, curve, label=name, **look)
    ax.set(xlim=(x[0], x[-1]), ylim=(-0.04, 1.04), xlabel="x", ylabel="D(x)", title=title)
    if compare:
        ax.legend(loc="best", frameon=False)
    return fig


def discriminators_for(
    x,
    p,
    qs: Sequence,
    probabilities: Sequence,
    titles: Sequence[str],
    *,
    logits: bool = False,
    label: str = "D",
    compare: Mapping[str, object] | None = None,
) -> Figure:
    """Draw, side by side, several generated densities against one real density, each above its D.

    Args:
        x: places, shape (N,).
        p: the real density there, shape (N,).
        qs: generated densities, each of shape (N,).
        probabilities: D for each of them, each of shape (N,).
        titles: one title each.
        logits: the ``probabilities`` are logits of D instead, drawn with the line 0.
        label, compare: what D is called, and further curves for it, as in :func:`discriminator`; not for logits.
    First met in: notebook 01.
    """
    if not len(qs) == len(probabilities) == len(titles) or not len(qs):
        raise ValueError(
            f"qs, probabilities and titles must be as many, got {len(qs)}, {len(probabilities)}, {len(titles)}"
        )
    columns = len(qs)
    fig, axes = style.figure(
        columns, 2, size=(max(3.6 * columns, 6.2), 4.4), sharex=True, sharey="row", height_ratios=[3, 2], squeeze=False
    )
    for column, (q, curve, title) in enumerate(zip(qs, probabilities, titles, strict=True)):
        density_pair(x, p, q, ax=axes[0, column], title=title)
        if logits:
            axes[1, column].axhline(0, color=COLOURS["neutral"], lw=1, ls=":")
            axes[1, column].plot(*_lines(x=x, probabilities=curve), color=COLOURS["discriminator"], lw=2.5)
            axes[1, column].set(xlabel="x", ylabel="logit of D(x)")
        else:
            discriminator(x, curve, ax=axes[1, column], label=label, compare=compare)
        axes[0, column].set_xlabel("")
        if column:
            axes[0, column].get_legend().remove()
            axes[0, column].set_ylabel("")
            axes[1, column].set_ylabel("")
    axes[0, 0].set_ylim(top=1.35 * max(float(np.max(_lines(curve=c)[0])) for c in (p, *qs)))
    return fig


def outcome_scores(p, q, names: Sequence[str] = ("heads", "tails")) -> Figure:
    """Draw, for each outcome of a coin, its part of the value as a function of the answer d, with the top marked.

    Args:
        p, q: probability of each outcome under the real and the forged coin, shape (K,), above 0.
        names: what each outcome is called.
    First met in: notebook 01.
    """
    p, q = _lines(p=p, q=q)
    fig, axes = style.figure(len(p), size=(4.4 * len(p), 3.3), sharey=True, squeeze=False)
    d = np.linspace(0.005, 0.995, 400)
    for ax, a, b, name in zip(axes[0], p, q, names, strict=True):
        score, best = a * np.log(d) + b * np.log(1 - d), a / (a + b)
        top = a * np.log(best) + b * np.log(1 - best)
        ax.plot(d, score, color=COLOURS["discriminator"], lw=2.2)
        ax.plot([best], [top], "o", color=COLOURS["warning"], ms=9)
        ax.annotate(f"best answer {best:.3f}", (best, top), (0, 9), textcoords="offset points", ha="center")
        ax.set(
            xlim=(0, 1),
            ylim=(-2.5, 0.0),
            xlabel=f"d, the answer to {name}",
            title=f"{name}: real {a:g}, forged {b:g}",
        )
    axes[0, 0].set_ylabel("p log d + q log(1 − d)")
    return fig


def coin_game(history: Mapping[str, Sequence[float]], real_heads: float, *, title: str = "") -> Figure:
    """Draw a game of coins over its steps: the value, the two answers of D, and the forger's coin.

    Args:
        history: the lists "value", "D(heads)", "D(tails)" and "q(heads)", one entry per step.
        real_heads: probability of heads of the real coin.
        title: what the figure says on top.
    First met in: notebook 01.
    """
    wanted = ("value", "D(heads)", "D(tails)", "q(heads)")
    missing = [key for key in wanted if key not in history]
    if missing:
        raise ValueError(f"history must hold {', '.join(wanted)}; {', '.join(missing)} is missing")
    value, heads, tails, forged = (_lines(**{"history": history[key]})[0] for key in wanted)
    fig, axes = style.figure(3, size=(11.4, 3.4))
    axes[0].axhline(-math.log(4), color=COLOURS["neutral"], ls=":", label="−log 4 = −1.386")
    axes[0].plot(value, color=COLOURS["discriminator"], lw=2.2, label="V")
    axes[0].set_title("the value V")
    axes[1].axhline(0.5, color=COLOURS["neutral"], ls=":")
    axes[1].plot(heads, color=COLOURS["discriminator"], lw=2.2, label="D(heads)")
    axes[1].plot(tails, color=COLOURS["discriminator"], lw=2.2, ls="-.", label="D(tails)")
    axes[1].set(title="what D answers", ylim=(-0.04, 1.04))
    axes[2].axhline(real_heads, color=COLOURS["real"], lw=2.2, label="real coin")
    axes[2].plot(forged, color=COLOURS["fake"], lw=2.2, ls="--", label="forged coin")
    axes[2].set(title="probability of heads", ylim=(-0.04, 1.04))
    for ax in axes:
        ax.set_xlabel("step")
        ax.legend(loc="best", facecolor="white", edgecolor="none", framealpha=0.9)
    if title:
        fig.suptitle(title)
    return fig


def discriminator_loss_against_shift(shift, d_loss) -> Figure:
    """Draw the least loss of D as two densities come together, with 2 log 2 and the JS divergence it encodes.

    The largest distance is at the left, so that the curve is read as a generator that learns goes: from left to right.

    Args:
        shift: distances, shape (N,).
        d_loss: the best discriminator's loss at each, shape (N,).
    First met in: notebook 01.
    """
    shift, d_loss = _lines(shift=shift, d_loss=d_loss)
    fig, ax = style.figure(size=(6.4, 3.5))
    ax.axhline(2 * math.log(2), color=COLOURS["neutral"], ls=":")
    ax.text(shift.max(), 2 * math.log(2) - 0.03, " 2 log 2 = 1.386: D always answers ½", ha="left", va="top")
    ax.plot(shift, d_loss, color=COLOURS["discriminator"], lw=2.5)
    ax.set(xlabel="distance from q to p in standard deviations: G learns →", ylabel="d_loss of the best D")
    ax.set(xlim=(shift.max(), shift.min()), ylim=(0, 1.5), title="The loss of the best D rises as the fakes get better")
    right = ax.secondary_yaxis("right", functions=(lambda y: math.log(2) - y / 2, lambda j: 2 * math.log(2) - 2 * j))
    right.set_ylabel("JS")
    right.set_yticks([0, 0.2, 0.4, 0.6, math.log(2)], ["0", "0.2", "0.4", "0.6", "log 2"])
    return fig


def rulers(shift, values: Mapping[str, object]) -> Figure:
    """Draw how KL, reverse KL, JS and W1 grow as two densities move apart.

    Args:
        shift: distances between the centres, shape (N,).
        values: the curves "KL", "reverse KL", "JS" and "W1", each of shape (N,).
    First met in: notebook 01.
    """
    wanted = ("KL", "reverse KL", "JS", "W1")
    missing = [key for key in wanted if key not in values]
    if missing:
        raise ValueError(f"values must hold {', '.join(wanted)}; {', '.join(missing)} is missing")
    (shift,) = _lines(shift=shift)
    curves = {key: _lines(shift=shift, **{"values": values[key]})[1] for key in wanted}
    fig, axes = style.figure(3, size=(11.4, 3.5))
    axes[0].plot(shift, curves["KL"], color=COLOURS["neutral"], lw=2.2, label="KL(p ‖ q)")
    axes[0].plot(shift, curves["reverse KL"], color=COLOURS["neutral"], ls=":", lw=2.2, label="reverse, KL(q ‖ p)")
    axes[0].set_title("KL: explodes")
    axes[0].legend(loc="upper left", frameon=False)
    axes[1].axhline(math.log(2), color=COLOURS["neutral"], ls=":")
    axes[1].text(shift[-1], math.log(2) + 0.012, "log 2", ha="right", va="bottom")
    axes[1].plot(shift, curves["JS"], color=COLOURS["warning"], lw=2.2)
    axes[1].set(title="JS: goes flat", ylim=(0, 0.8))
    axes[2].plot(shift, curves["W1"], color=COLOURS["neutral"], lw=2.2)
    axes[2].set_title("W1: grows with the distance")
    for ax in axes:
        ax.set(xlabel="distance between the centres", xlim=(shift[0], shift[-1]))
        ax.set_ylim(bottom=0)
    return fig


def moving_mass(x, p, q, *, parts: int = 10) -> Figure:
    """Draw W1 as work: an arrow from each part of q to where p wants it, and the area between the cumulative curves.

    Args:
        x: places, shape (N,), rising, with (almost) all the mass of both densities between the first and the last.
        p, q: real and generated density there, shape (N,).
        parts: into how many equal parts q is cut; each gets one arrow.
    First met in: notebook 01.
    """
    x, p, q = _lines(x=x, p=p, q=q)
    fig, (left, right) = style.figure(2, size=(10.4, 3.7))
    density_pair(x, p, q, ax=left, title=f"each arrow carries 1/{parts} of the mass")
    cumulative = [np.concatenate([[0], np.cumsum(np.diff(x) * (f[1:] + f[:-1]) / 2)]) for f in (p, q)]
    share = (np.arange(parts) + 0.5) / parts
    to, start = (np.interp(share, c / c[-1], x) for c in cumulative)
    top = 1.35 * max(p.max(), q.max())
    left.set_ylim(top=top)
    look = {"angles": "xy", "scale_units": "xy", "scale": 1, "color": COLOURS["gradient"], "width": 0.005}
    still = np.zeros(parts)
    left.quiver(start, share * 0.7 * top, to - start, still, **look, zorder=3)
    right.fill_between(x, *cumulative, color=COLOURS["neutral"], alpha=0.2, lw=0)
    right.plot(x, cumulative[0], color=COLOURS["real"], lw=2.2, label="p")
    right.plot(x, cumulative[1], color=COLOURS["fake"], ls="--", lw=2.2, label="q")
    right.quiver(start, share, to - start, still, **look, zorder=3)
    area = np.abs(cumulative[0] - cumulative[1])
    w1 = float(np.sum(np.diff(x) * (area[1:] + area[:-1]) / 2))
    right.set(xlim=(x[0], x[-1]), ylim=(0, 1.02), xlabel="x", ylabel="share of the mass left of x")
    right.set_title(f"grey area: W1 = {w1:.2f}")
    right.legend(loc="upper left", frameon=False)
    return fig


def generators_measured(x, p, generators: Mapping[str, tuple[object, Mapping[str, float]]]) -> Figure:
    """Draw several generated densities against one real density, with what each ruler reads under each.

    The largest reading of each ruler is printed bold: the generator that this ruler likes least.

    Args:
        x: places, shape (N,).
        p: the real density there, shape (N,).
        generators: for each generator by name, its density there, shape (N,), and its readings by the ruler's name.
    First met in: notebook 01.
    """
    if not generators:
        raise ValueError("generators must hold at least one, got none")
    rulers_of = [tuple(readings) for _, readings in generators.values()]
    if len(set(rulers_of)) != 1:
        raise ValueError(f"every generator must be read by the same rulers, got {rulers_of}")
    columns, names = len(generators), rulers_of[0]
    fig, axes = style.figure(
        columns, 2, size=(3.7 * columns, 4.6), sharey="row", height_ratios=[2.2, 0.4 * len(names)], squeeze=False
    )
    worst = {name: max(readings[name] for _, readings in generators.values()) for name in names}
    for column, (title, (q, readings)) in enumerate(generators.items()):
        top, below = axes[:, column]
        density_pair(x, p, q, ax=top, title=title)
        below.axis("off")
        below.set_ylim(len(names) - 0.5, -0.5)
        for row, name in enumerate(names):
            look = {"color": style.WARNING_TEXT, "weight": "bold"} if readings[name] == worst[name] else {}
            below.text(0.5, row, name, ha="right", va="center", **look)
            below.text(0.8, row, f"{readings[name]:.2f}", ha="right", va="center", **look)
        if column:
            top.get_legend().remove()
            top.set_ylabel("")
    highest = max(float(np.max(_lines(q=curve)[0])) for curve in (p, *(q for q, _ in generators.values())))
    axes[0, 0].set_ylim(top=1.35 * highest)
    return fig


def generator_losses(logits) -> Figure:
    """Draw the saturating and the non-saturating generator loss, and the size of their slopes, against the logit.

    Args:
        logits: places on the horizontal axis, logits of D on a fake, shape (N,), rising.
    First met in: notebook 01.
    """
    (logits,) = _lines(logits=logits)
    fake = 1 / (1 + np.exp(-logits))
    fig, axes = style.figure(2, size=(11.0, 3.9))
    saturating = {"color": COLOURS["warning"], "ls": "-.", "lw": 2.2}
    kept = {"color": COLOURS["generator"], "ls": "--", "lw": 2.2}
    axes[0].plot(logits, -np.logaddexp(0, logits), **saturating, label="saturating, log(1 − D)")
    axes[0].plot(logits, np.logaddexp(0, -logits), **kept, label="non-saturating, −log D")
    axes[0].set(title="the two losses of G", ylabel="loss")
    axes[1].plot(logits, fake, **saturating, label="saturating: D")
    axes[1].plot(logits, 1 - fake, **kept, label="non-saturating: 1 − D")
    axes[1].set(title="how steep they are against the logit", ylabel="size of the slope", ylim=(-0.03, 1.12))
    ticks = [t for t in (-8, -4, 0, 4, 8) if logits[0] <= t <= logits[-1]]
    names = {-8: "0.0003", -4: "0.02", 0: "0.5", 4: "0.98", 8: "0.9997"}
    for ax in axes:
        ax.axvspan(logits[0], 0, color=COLOURS["neutral"], alpha=0.09, lw=0)
        ax.set(xlim=(logits[0], logits[-1]), xlabel="logit of a fake, and D(G(z)) below it")
        ax.set_xticks(ticks, [f"{t:+d}\n{names[t]}".replace("+0", "0").replace("-", "−") for t in ticks])
    axes[0].text(logits[0] + 0.4, -0.97 * logits[-1], "shaded: D rejects the fake", va="bottom")
    axes[0].legend(loc="upper right", frameon=False)
    axes[1].legend(loc="center right", frameon=False)
    return fig


def fakes_with_slopes(x, p, q, fakes, pushes: Mapping[str, object], *, scale: float = 1.0) -> Figure:
    """Draw where each fake sits and which way, and how hard, a loss pushes it; one row per loss.

    Args:
        x: places, shape (N,).
        p, q: real and generated density there, shape (N,).
        fakes: generated points, shape (M,).
        pushes: for each loss by name, minus the derivative of its loss at each fake, shape (M,).
        scale: length of an arrow for a push of 1, in units of x.
    First met in: notebook 01.
    """
    x, p, q = _lines(x=x, p=p, q=q)
    (fakes,) = _lines(fakes=fakes)
    fig, axes = style.figure(
        1, 1 + len(pushes), size=(8.6, 2.2 + 1.0 * len(pushes)), sharex=True, height_ratios=[2.2] + [1] * len(pushes)
    )
    density_pair(x, p, q, ax=axes[0])
    axes[0].set_xlabel("")
    heights = np.linspace(-0.8, 0.8, len(fakes))[np.argsort(np.arange(len(fakes)) * 0.6180339887 % 1)]
    for ax, (name, push) in zip(axes[1:], pushes.items(), strict=True):
        _, push = _lines(fakes=fakes, **{"pushes": push})
        ax.quiver(
            *(fakes, heights, scale * push, np.zeros_like(push)),
            **{"angles": "xy", "scale_units": "xy", "scale": 1, "color": COLOURS["gradient"]},
            **{"width": 0.004, "minlength": 0},
        )
        ax.plot(fakes, heights, "x", color=COLOURS["fake"], ms=6)
        ax.set(ylim=(-1, 1), yticks=[], title=name)
    axes[-1].set_xlabel("x: fakes (crosses) and the push on each (arrows)")
    return fig


# ---------------------------------------------------------------- helpers


def _density(ax: Axes, x: np.ndarray, density: np.ndarray, colour: str, label: str, dashes: str) -> None:
    ax.fill_between(x, density, color=COLOURS[colour], alpha=0.18, lw=0)
    ax.plot(x, density, color=COLOURS[colour], ls=dashes, lw=2.2, label=label)


def _lines(**values: object) -> list[np.ndarray]:
    """Return float64 arrays of one shape (N,), or refuse by name."""
    lines, first = [], ""
    for name, value in values.items():
        if hasattr(value, "detach"):
            value = value.detach().cpu()
        try:
            line = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{name} must hold numbers, got {type(value).__name__}") from error
        if line.ndim != 1 or line.size == 0:
            raise ValueError(f"{name} must have shape (N,), at least one number, got {line.shape}")
        if not np.isfinite(line).all():
            raise ValueError(f"{name} must be finite, got {int((~np.isfinite(line)).sum())} NaN or infinite value(s)")
        if lines and line.shape != lines[0].shape:
            raise ValueError(f"{name} must have the shape of {first}, {lines[0].shape}, got {line.shape}")
        first = first or name
        lines.append(line)
    return lines
