"""Pictures of a run: losses over steps, and any traced number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gancourse.losses import LOSSES
from gancourse.plotting.style import COLOURS, figure_of

__all__ = ["equilibrium_losses", "losses", "running_mean"]

_EQUILIBRIUM_LOGIT = {"least_squares": 0.5}


def equilibrium_losses(loss: str) -> tuple[float, float]:
    """Return (d_loss, g_loss) where the discriminator cannot tell real from fake.

    There it gives every sample the same score: logit 0, or the middle of the two targets for
    least squares. Cross-entropy: 2 log 2, and log 2 (non-saturating) or -log 2 (minimax).

    Args:
        loss: a name in ``losses.LOSSES``.
    Raises:
        ValueError: the name is unknown.
    """
    if loss not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {loss!r}")
    family, score = LOSSES[loss], torch.tensor([_EQUILIBRIUM_LOGIT.get(loss, 0.0)], dtype=torch.float64)
    g_loss = family.generator_terms(*([score, score] if family.paired else [score]))
    return float(family.discriminator_terms(score, score)), float(g_loss) + 0.0  # no minus zero


def running_mean(values: Tensor, width: int) -> Tensor:
    """Return the mean of each value and those around it, in a window of ``width`` cut off at the ends.

    Args:
        values: shape (N,).
        width: a positive whole number; 1 changes nothing.
    Raises:
        ValueError: ``width`` is not positive.
    """
    if width < 1:
        raise ValueError(f"width must be at least 1, got {width}")
    index, half = torch.arange(len(values)), (width - 1) // 2
    first, last = (index - half).clamp(min=0), (index + half).clamp(max=len(values) - 1)
    total = torch.cat([values.new_zeros(1), values.cumsum(0)])
    return (total[last + 1] - total[first]) / (last + 1 - first)


def losses(
    history: Mapping[str, Tensor] | Any,
    *,
    loss: str | None = "non_saturating",
    smooth: int = 25,
    ax: Axes | None = None,
    title: str = "Losses",
) -> Figure:
    """Draw both players' losses over steps, with the values theory gives for the equilibrium.

    Discriminator solid blue, generator dashed purple; the raw values pale behind a running mean.

    Args:
        history: a ``training.History`` with "d_loss" and "g_loss".
        loss: the family, for the dotted reference lines; None draws none.
        smooth: width of the running mean in recorded values.
        ax: where to draw; a new figure if not given.
        title: of the axes.
    Returns:
        The figure.
    First met in: notebook 02.
    """
    fig, ax = figure_of(ax)
    references = equilibrium_losses(loss) if loss is not None else (None, None)
    players = (("d_loss", "discriminator", "-"), ("g_loss", "generator", "--"))
    for (term, player, line), reference in zip(players, references, strict=True):
        steps, values = history.steps(term), history[term]
        ax.plot(steps, values, color=COLOURS[player], alpha=0.2, linewidth=0.8)
        ax.plot(steps, running_mean(values, smooth), line, color=COLOURS[player], label=player)
        if reference is not None:
            ax.axhline(reference, color=COLOURS[player], linestyle=":", linewidth=1.2)
            ax.annotate(
                _in_logs(reference),
                (1.0, reference),
                xycoords=("axes fraction", "data"),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                color=COLOURS[player],
                fontsize=10,
            )
    ax.set(title=title, xlabel="step", ylabel="loss")
    ax.legend(loc="best")
    return fig


def _in_logs(value: float) -> str:
    for text, exact in (("2 log 2", 2 * math.log(2)), ("log 2", math.log(2)), ("\N{MINUS SIGN}log 2", -math.log(2))):
        if math.isclose(value, exact, rel_tol=1e-6):
            return text
    return f"{value:g}"
