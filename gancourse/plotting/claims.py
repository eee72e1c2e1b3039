"""The ledger of a notebook's claims as strips: where all runs came out, and where yours did."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from gancourse import claims as stated_claims
from gancourse.claims import FEW_RUNS, MANY_RUNS, Claim
from gancourse.plotting import style
from gancourse.plotting.style import COLOURS, WARNING_TEXT

__all__ = ["strips"]

_END = 1.25
_ROW = 0.26


def strips(
    notebook: str,
    *,
    claims: Sequence[Claim] | None = None,
    recorded: Mapping[str, Sequence[float | None]] | None = None,
) -> Figure:
    """Draw one strip for each claim of a notebook: a grey line for each run of the ledger, a green dot for yours.

    All strips share one scale: 0 is the median of the ledger's runs, 1 the bound, beyond which the claim fails; an
    arrow stands at the end for what lies farther. Exact claims show the part of their tolerance that is used.

    Args:
        notebook: its number, such as "04".
        claims: the claims to draw; by default those that were checked in this session.
        recorded: name -> values, one a run; by default the ledger's.
    Returns:
        The figure.
    Raises:
        ValueError: there is no claim to draw.
    """
    own = {claim.name: claim.value for claim in stated_claims.stated(notebook)}
    if claims is None:
        claims = stated_claims.stated(notebook)
    if not claims:
        raise ValueError(f"no claim of notebook {notebook} was checked yet: run the notebook first")
    if recorded is None:
        recorded = (stated_claims.ledger(notebook) or {}).get("claims", {})
    fig, ax = style.figure(size=(8.6, 0.9 + _ROW * len(claims)), dpi=80)
    ax.axvspan(1, _END, color="#fbe9dd", zorder=0)
    ax.axvline(1, color=COLOURS["warning"], zorder=1)
    ax.axvline(0, color=COLOURS["neutral"], linewidth=0.8, zorder=1)
    for place, claim in enumerate(claims):
        values = [float(value) for value in recorded.get(claim.name, ()) if value is not None]
        known = values or [own.get(claim.name, claim.value)]
        at = [_place(stated_claims.way(claim, value, known)) for value in values]
        ax.plot(at, [place] * len(at), "|", color=COLOURS["neutral"], markersize=9, markeredgewidth=1.2)
        if claim.name in own:
            here = _place(stated_claims.way(claim, own[claim.name], known))
            far = abs(here) >= _END
            marker = "o" if not far else ">" if here > 0 else "<"
            colour = COLOURS["real"] if claim.held_by(own[claim.name]) else COLOURS["warning"]
            ax.plot([here], [place], marker, color=colour, markersize=7, clip_on=False, zorder=3)
    ax.set_yticks(range(len(claims)), [claim.name for claim in claims], fontsize=8.5)
    ax.set(ylim=(len(claims) - 0.4, -0.6), xlim=(-_END, _END))
    ax.set_xticks([-1, 0, 1 / 5, 1 / 3, 1], ["-1", "median", "1/5", "1/3", "bound"], fontsize=9)
    ax.set_xlabel(
        f"part of the way to the bound (the rule: at most 1/3 in {MANY_RUNS} runs, 1/5 in {FEW_RUNS})", fontsize=9
    )
    ax.text(1.02, -0.5, "fails", color=WARNING_TEXT, fontsize=9, va="bottom")
    ax.grid(axis="y", color="#eeeeee", zorder=0)
    return fig


def _place(way: float) -> float:
    """Keep a place inside the picture."""
    return math.copysign(min(abs(way), _END), way)
