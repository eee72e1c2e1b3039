"""Many small GANs, trained at once: what makes ten seeds cost little more than one.

A claim about a toy GAN is worth what it is worth over seeds. An :class:`Ensemble` trains K independent GANs as one
batched computation; each member has its own seed and, where wanted, its own learning rates, loss, steps a player,
penalties and so on::

    ten = Ensemble(Recipe(loss="non_saturating"), toy.ring(), seeds=range(10))
    ten.train(1_000)
    ten.sample(2_500)                                # (10, 2500, 2)

    rates = torch.logspace(-4, -2, 8).tolist()       # a phase diagram: 8 x 8 members
    many = Ensemble(recipe, toy.ring(), seeds=[0] * 64, **crossed(lr_g=rates, lr_d=rates))

The mathematics is that of the one-GAN step of notebook 02, and a test holds the two against each other. In one
*step* the discriminator makes ``d_steps`` updates, then the generator ``g_steps``, each on fresh batches.

**Randomness.** Member k starts with the weights that ``with runtime.seeded(seed): mlp.Generator(...);
mlp.Discriminator(...)`` would give, and draws its batches from generators of its own, seeded by (seed, what is drawn,
player, update, step). So a member's path depends on its seed and settings alone: not on who trains beside it, nor on
how the steps are divided among calls; two members with one seed see the same data, which makes a fair control.
(Bit for bit on one machine with one thread count; the size of a batched product may round the last digit differently.)

**Divergence.** A member that becomes NaN stays so and is listed in ``diverged`` with its step and settings. The
others never notice.
"""

from __future__ import annotations

from gancourse.ensembles.ensemble import Ensemble
from gancourse.ensembles.randomness import Target
from gancourse.ensembles.recipe import Recipe, crossed
from gancourse.ensembles.results import Divergence, Member, Trace

__all__ = ["Divergence", "Ensemble", "Member", "Recipe", "Target", "Trace", "crossed"]
