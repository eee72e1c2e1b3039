"""Recipes for the collapse lab: what covers, what collapses, and what brings back what was lost.

They were chosen on some seeds and counted on others: ``measured/ring.json`` holds the counts over 20 fresh ones.

A *problem* is a target with the networks and optimiser of all recipes on it. A *switch* is a set of per-member settings
that an ensemble can be given at the start, ``Ensemble(RING.recipe, RING.target, seeds=..., **SWITCHES["cover"])``,
or on the way, ``ensemble.set(**SWITCHES["collapse"])``. ``python tools/tables.py ring`` counts over fresh seeds how
often each does what its name says, and stores the counts in ``gancourse.measured``.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from gancourse.data import toy
from gancourse.ensembles import Recipe
from gancourse.models.features import FourierFeatures

__all__ = ["GRID", "LITERATURE_RING", "RING", "SWITCHES", "Problem"]


class Problem(NamedTuple):
    """A target, and a recipe without penalties for it.

    Where papers count on it by rules of their own, ``protocol`` names them in ``metrics.modes.PROTOCOLS``, and
    ``scale`` times the target's points are on the papers' scale.
    """

    target: toy.Mixture
    recipe: Recipe
    protocol: str | None = None
    scale: float = 1.0


RING = Problem(
    toy.ring(modes=8, radius=1.0, std=0.05),
    Recipe(
        hidden=64,
        features=FourierFeatures(scale=8.0),
        batch_size=64,
        lr_g=4e-3,
        lr_d=2e-3,
        beta1=0.3,
        beta2=0.99,
        average=0.98,
    ),
)
"""The ring of 8 with a sharp-sighted discriminator, whose Fourier features tell near points apart."""

SWITCHES: dict[str, dict[str, Any]] = {
    "cover": {"r1": 0.1, "r2": 0.1, "lr_g": 4e-3, "lr_d": 2e-3},
    "no penalty": {"r1": 0.0, "r2": 0.0, "lr_g": 4e-3, "lr_d": 2e-3},
    "collapse": {"r1": 0.0, "r2": 0.0, "lr_g": 1e-2, "lr_d": 3e-3},
    "rescue": {"r1": 0.1, "r2": 0.1, "lr_g": 2e-3, "lr_d": 2e-3},
}
"""Settings for :data:`RING`. "cover" and "no penalty" differ in nothing but the penalties; "collapse" takes a covering
ensemble to one or two modes, and "rescue" takes it back. Counted on 20 fresh seeds, where collapse means one or two
modes and at least 80 % of the points near them:

* "cover": all 8 modes on 20 from step 400 on;
* "no penalty": collapse on 18 at step 800 (16 to 18 from step 500 on);
* "collapse", from the covered state: on 18 after 500 steps, on 19 after 800;
* "rescue", from there: all 8 modes on 18 after 1,100 steps, on 20 after 1,600."""

_LONG = Recipe(
    hidden=128,
    depth=3,
    features=FourierFeatures(scale=4.0),
    batch_size=128,
    lr_g=2e-3,
    lr_d=3e-3,
    beta1=0.0,
    average=0.99,
    decay_steps=8000,
)
_GRID_SCALE = math.sqrt(8.0)

GRID = Problem(
    toy.grid(side=5, spacing=2 / _GRID_SCALE, std=0.05 / _GRID_SCALE), _LONG, protocol="grid", scale=_GRID_SCALE
)
"""The literature's 25 Gaussians, scaled to unit variance."""

LITERATURE_RING = Problem(
    toy.ring(modes=8, radius=math.sqrt(2), std=0.01 * math.sqrt(2)), _LONG, protocol="ring", scale=1 / math.sqrt(2)
)
"""The literature's ring, standard deviation 0.01 on the unit circle, scaled to unit variance."""
