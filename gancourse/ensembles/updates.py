"""The two updates of a step, for all members at once: the one-GAN step of notebook 02, batched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.ensembles.player import SLOPE, Player, SpectralNorm, forward
from gancourse.ensembles.randomness import Draws
from gancourse.ensembles.recipe import Recipe
from gancourse.ensembles.settings import Settings, Turn
from gancourse.penalties import input_gradients

__all__ = ["Updates"]

_BETWEEN = {"gradient_penalty", "one_sided_penalty"}  # penalties at points between real and fake


class Updates:
    """Makes one update of a player of all members that move.

    Args:
        recipe: what all members have in common.
        settings: what may differ between them.
        draws: their random numbers.
        generator, discriminator: the players; they are changed in place.
        features: what the discriminator is shown in the place of points; None: the points.
        spectral: the discriminator's spectral norm; None: it has none.
    """

    def __init__(
        self,
        recipe: Recipe,
        settings: Settings,
        draws: Draws,
        generator: Player,
        discriminator: Player,
        features: nn.Module | None,
        spectral: SpectralNorm | None,
    ) -> None:
        self._recipe, self._settings, self._draws = recipe, settings, draws
        self._generator, self._discriminator = generator, discriminator
        self._features, self._spectral = features, spectral

    def discriminator(self, step: int, update: int, turn: Turn) -> Tensor:
        """Update the discriminators once; return their losses without penalties, shape (k,).

        Args:
            step: steps done before this one.
            update: which of the step's updates, from 0.
            turn: who moves, and which losses they play.
        """
        player, who = "discriminator", turn.who
        with torch.no_grad():
            layers = self._generator.unpack(self._generator.rows(who))
            fake = forward(layers, self._draws(step, "latents", player, update, who), SLOPE["generator"])
            fake = self._noisy(fake, step, "noise on fake", player, update, who)
            real = self._noisy(
                self._draws(step, "real", player, update, who), step, "noise on real", player, update, who
            )
        leaves = self._discriminator.leaves(who)
        if self._spectral is not None:
            self._spectral.iterate(leaves, who)
        mix = self._draws(step, "mix", player, update, who) if self._settings.on & _BETWEEN else None
        objective, game = self._objective(leaves, real, fake, mix, turn)
        self._move(self._discriminator, "lr_d", objective, leaves, who, step)
        return game.detach()

    def generator(self, step: int, update: int, turn: Turn) -> Tensor:
        """Update the generators once; return their losses, shape (k,). Arguments as in :meth:`discriminator`."""
        player, who = "generator", turn.who
        leaves = self._generator.leaves(who)
        fake = forward(leaves, self._draws(step, "latents", player, update, who), SLOPE["generator"])
        fake = self._noisy(fake, step, "noise on fake", player, update, who)
        paired = any(family.paired for family, _ in turn.families)
        real = None
        if paired or self._recipe.unrolled_steps:
            real = self._draws(step, "real", player, update, who)
            real = self._noisy(real, step, "noise on real", player, update, who)
        discriminator = self._discriminator.unpack(self._discriminator.rows(who))
        if self._recipe.unrolled_steps:
            discriminator = self._unrolled(real, fake, step, update, turn)
        layers = self.normalised(discriminator, who)
        fake_logits = self.score(layers, fake)
        real_logits = self.score(layers, real) if paired else None
        terms = [
            family.generator_terms(*_rows(rows, *([real_logits, fake_logits] if family.paired else [fake_logits])))
            for family, rows in turn.families
        ]
        loss = _in_order(terms, turn.order).mean(1)
        self._move(self._generator, "lr_g", loss, leaves, who, step)
        return loss.detach()

    def score(self, layers: Sequence[Tensor], *batches: Tensor) -> Any:
        """Return the logits of each batch, shape (k, N): one tensor for one batch, a list for several."""
        seen = batches if self._features is None else [self._features(points) for points in batches]
        together = seen[0] if len(seen) == 1 else torch.cat(list(seen), dim=1)
        logits = forward(layers, together, SLOPE["discriminator"]).squeeze(-1)
        return logits if len(seen) == 1 else logits.split([points.shape[1] for points in seen], dim=1)

    def normalised(self, layers: list[Tensor], who: Tensor | None) -> list[Tensor]:
        """Divide every matrix of the discriminator by its largest singular value, if the recipe says so."""
        return layers if self._spectral is None else self._spectral(layers, who)

    # ------------------------------------------------------------ parts of an update

    def _objective(
        self, leaves: list[Tensor], real: Tensor, fake: Tensor, mix: Tensor | None, turn: Turn
    ) -> tuple[Tensor, Tensor]:
        """Return what each discriminator minimises, with penalties, and the game's part of it alone, shape (k,)."""
        who, layers, number = turn.who, self.normalised(leaves, turn.who), self._settings.number
        r1, r2 = number("r1", who), number("r2", who)
        real = real.detach().requires_grad_() if r1 is not None else real
        fake = fake if r2 is None or fake.requires_grad else fake.detach().requires_grad_()
        if (r1 is None) == (r2 is None):  # one pass for both halves
            real_logits, fake_logits = self.score(layers, real, fake)
        else:  # two, so that the penalty's second differentiation sees only its own half
            real_logits, fake_logits = self.score(layers, real), self.score(layers, fake)
        terms = [family.discriminator_terms(*_rows(rows, real_logits, fake_logits)) for family, rows in turn.families]
        game = _in_order(terms, turn.order).mean(1)
        smoothing = number("label_smoothing", who)
        if smoothing is not None:  # (1 - a) softplus(-real) + a softplus(real) = softplus(-real) + a real
            game = game + smoothing * real_logits.mean(1)
        objective = game
        if r1 is not None and r2 is not None:
            slopes = torch.autograd.grad(real_logits.sum() + fake_logits.sum(), [real, fake], create_graph=True)
            objective = objective + r1 / 2 * _mean_square(slopes[0]) + r2 / 2 * _mean_square(slopes[1])
        elif r1 is not None:
            objective = objective + r1 / 2 * _mean_square(input_gradients(real_logits, real))
        elif r2 is not None:
            objective = objective + r2 / 2 * _mean_square(input_gradients(fake_logits, fake))
        if mix is not None:
            between = (mix * real + (1 - mix) * fake).detach().requires_grad_()
            excess = input_gradients(self.score(layers, between), between).norm(dim=-1) - 1
            weight, one_sided = number("gradient_penalty", who), number("one_sided_penalty", who)
            if weight is not None:
                objective = objective + weight * excess.square().mean(1)
            if one_sided is not None:
                objective = objective + one_sided * excess.clamp(min=0).square().mean(1)
        return objective, game

    def _unrolled(self, real: Tensor, fake: Tensor, step: int, update: int, turn: Turn) -> list[Tensor]:
        """Return the discriminator some updates later, as a function of the fakes that gradients flow through."""
        player, who = self._discriminator, turn.who
        rows = player.rows(who).detach().requires_grad_()
        first, second, updates = (
            part if who is None else part[who] for part in (player.first, player.second, player.updates)
        )
        memory = first, second
        mix = self._draws(step, "mix", "generator", update, who) if self._settings.on & _BETWEEN else None
        for _ in range(self._recipe.unrolled_steps):
            leaves = player.unpack(rows)
            objective, _ = self._objective(leaves, real, fake, mix, turn)
            gradients = torch.autograd.grad(objective.sum(), leaves, create_graph=True)
            updates = updates + 1
            by = self._settings.coefficients("lr_d", updates, who, step)
            rows, memory = player.moved(rows, memory, gradients, by)
        return player.unpack(rows)

    def _move(
        self, player: Player, lr: str, objective: Tensor, leaves: list[Tensor], who: Tensor | None, step: int
    ) -> None:
        gradients = torch.autograd.grad(objective.sum(), leaves)
        by = self._settings.coefficients(lr, player.count_update(who), who, step)
        player.move(gradients, by, who, self._settings.number("clip", who) if lr == "lr_d" else None)

    def _noisy(self, points: Tensor, step: int, what: str, player: str, update: int, who: Tensor | None) -> Tensor:
        """Add instance noise, if there is any left at this step."""
        deviation, steps = self._settings.number("instance_noise", who), self._recipe.noise_steps
        left = 1.0 if steps is None else max(0.0, 1 - step / steps)
        if deviation is None or left == 0:
            return points
        return points + left * deviation.view(-1, 1, 1) * self._draws(step, what, player, update, who)


def _mean_square(gradient: Tensor) -> Tensor:
    return gradient.square().sum(-1).mean(1)


def _rows(rows: Tensor | None, *logits: Tensor) -> tuple[Tensor, ...]:
    return logits if rows is None else tuple(part[rows] for part in logits)


def _in_order(terms: list[Tensor], order: Tensor | None) -> Tensor:
    return terms[0] if order is None else torch.cat(terms)[order]
