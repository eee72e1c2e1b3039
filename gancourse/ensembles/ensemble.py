"""The ensemble that a user meets: made, trained, looked at, saved."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from gancourse import runtime
from gancourse._numbers import whole
from gancourse._torch_modes import usual_modes
from gancourse.ensembles.player import SLOPE, Player, SpectralNorm, for_all, forward
from gancourse.ensembles.randomness import Draws, Target
from gancourse.ensembles.recipe import PER_MEMBER, Recipe, checked_whole
from gancourse.ensembles.results import Divergence, Member, Trace
from gancourse.ensembles.settings import Settings
from gancourse.ensembles.updates import Updates
from gancourse.models import mlp

__all__ = ["Ensemble"]


class _Setting:
    """An attribute with one value per member: reads as a tensor (or a list of names), is set with one value or K."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, ensemble: Ensemble | None, owner: type) -> Any:
        return self if ensemble is None else ensemble._settings.values[self.name]

    def __set__(self, ensemble: Ensemble, value: Any) -> None:
        ensemble.set(**{self.name: value})


class Ensemble:
    """K independent small GANs on one target, trained at once.

    The per-member settings of :class:`Recipe` are attributes: ``ensemble.lr_g`` is a tensor of K learning rates, and
    ``ensemble.lr_g = 1e-4`` (or K values) holds from the next step on. :meth:`set` changes several at once.

    Args:
        recipe: networks and training; its per-member settings are the defaults.
        target: what to learn, from ``data.toy``.
        seeds: one per member, whole numbers; equal seeds give equal starts and equal data.
        device: where to compute. Random numbers are drawn on the CPU, so they are the same everywhere.
        per_member: settings of the second group of :class:`Recipe`, one value for all members or one each.
    Raises:
        TypeError, ValueError: an argument is of another kind, length or range; the message names it.
    Attributes:
        steps_done: steps of training so far.
        seeds, recipe, target: as given.
        d_loss, g_loss: the last losses, shape (K,); NaN before the first step.
    First met in: notebook 04.
    """

    loss = _Setting()
    lr_g = _Setting()
    lr_d = _Setting()
    d_steps = _Setting()
    g_steps = _Setting()
    beta1 = _Setting()
    r1 = _Setting()
    r2 = _Setting()
    gradient_penalty = _Setting()
    one_sided_penalty = _Setting()
    clip = _Setting()
    label_smoothing = _Setting()
    instance_noise = _Setting()
    average = _Setting()

    @usual_modes()
    def __init__(
        self,
        recipe: Recipe,
        target: Target,
        *,
        seeds: Sequence[int],
        device: str | torch.device = "cpu",
        **per_member: Any,
    ) -> None:
        if not isinstance(recipe, Recipe):
            raise TypeError(f"recipe must be a Recipe, got {type(recipe).__name__}")
        if not hasattr(target, "sample") or not hasattr(target, "dim"):
            raise TypeError(f"target must be a distribution of data.toy, got {type(target).__name__}")
        seeds = seeds.tolist() if hasattr(seeds, "tolist") else seeds  # an array or a tensor
        if not isinstance(seeds, Sequence) or isinstance(seeds, (str, bytes)) or len(seeds) == 0:
            raise ValueError(f"seeds must be a sequence with one seed per member, such as range(10), got {seeds!r}")
        for name in per_member:
            if name not in PER_MEMBER:
                common = name in {field.name for field in fields(Recipe)}
                hint = "it is common to all members: set it in the recipe" if common else "there is no such setting"
                raise TypeError(f"{name} cannot be set per member: {hint}. These can: {', '.join(PER_MEMBER)}")
        self.recipe, self.target, self.seeds = recipe, target, tuple(map(runtime.checked_seed, seeds))
        self.device = runtime.pick_device(device)
        self.steps_done = 0
        self._settings = Settings(recipe, len(self.seeds), self.device)
        self._settings.change({name: per_member.get(name, getattr(recipe, name)) for name in PER_MEMBER})
        self._start()

    def __len__(self) -> int:
        return len(self.seeds)

    def __repr__(self) -> str:
        return f"<Ensemble of {len(self)} GANs on {self.target.name}, {self.steps_done:,} steps done>"

    # ------------------------------------------------------------ training

    @usual_modes()
    def train(self, num_steps: int) -> Trace:
        """Train every member ``num_steps`` steps further and return both losses at each step.

        Call it again to go on: 10 and then 10 steps are 20. An interrupt waits for the end of the running step.

        Args:
            num_steps: how many more steps, at least 1.
        Returns:
            The losses, shape (steps, K) each; fewer steps than asked for after an interrupt.
        Raises:
            ValueError: ``num_steps`` is not a positive whole number.
        """
        num_steps = checked_whole("num_steps", num_steps, 1)
        first = self.steps_done
        d_losses, g_losses = torch.empty(2, num_steps, len(self), device=self.device)  # a list would scatter the heap
        with runtime.interrupt_deferred() as interrupted:
            if "average" not in self._settings.on:
                self._averaged = None
            elif self._averaged is None:  # starts from the weights as they are
                self._averaged = self._generator.weights.clone()
            while self.steps_done < first + num_steps and not interrupted():
                for update, turn in enumerate(self._settings.turns["discriminator"]):
                    d_loss = self._updates.discriminator(self.steps_done, update, turn)
                    self.d_loss = self._merged(self.d_loss, d_loss, turn.who)
                for update, turn in enumerate(self._settings.turns["generator"]):
                    g_loss = self._updates.generator(self.steps_done, update, turn)
                    self.g_loss = self._merged(self.g_loss, g_loss, turn.who)
                self._average()
                d_losses[self.steps_done - first] = self.d_loss
                g_losses[self.steps_done - first] = self.g_loss
                self.steps_done += 1
            done = self.steps_done - first
            trace = Trace(d_losses[:done].cpu(), g_losses[:done].cpu())
            self._note_divergence(trace, first)  # an interrupt here would lose the trace of steps that were done
        return trace

    def set(self, **settings: Any) -> None:
        """Change per-member settings from the next step on; all of them, or none if one is refused.

        Args:
            settings: any per-member settings of :class:`Recipe` but the initial scales, one value or one per member.
        Raises:
            TypeError, ValueError: there is no such setting, or a value is out of range.
        """
        for name in settings:
            if not isinstance(getattr(type(self), name, None), _Setting):
                raise TypeError(f"{name} cannot be changed while training; what can: {', '.join(_LIVE)}")
        if self._settings.change(settings):
            self._draws.forget()

    @property
    def diverged(self) -> tuple[Divergence, ...]:
        """The members that are no longer finite, with the step at which that showed and their settings."""
        return tuple(
            Divergence(k, step, {"seed": self.seeds[k], **{name: self._settings.value(name, k) for name in PER_MEMBER}})
            for k, step in enumerate(self._diverged_at.tolist())
            if step > 0
        )

    # ------------------------------------------------------------ looking

    @usual_modes()
    def sample(self, n: int, *, seed: int = 0, averaged: bool = True) -> Tensor:
        """Return ``n`` generated points of every member, shape (K, n, dim), from the same latents for all.

        The latents come from a generator of their own, so looking never changes the training.

        Args:
            n: points per member, at least 1.
            seed: of the latents.
            averaged: use the running average of the weights where a member keeps one.
        """
        n = checked_whole("n", n, 1)
        return self.generate(
            torch.randn(n, self.recipe.latent_dim, generator=runtime.generator(seed)), averaged=averaged
        )

    @torch.no_grad()
    def generate(self, latents: Tensor, *, averaged: bool = True) -> Tensor:
        """Return what every generator makes of the latents, shape (K, N, dim).

        Args:
            latents: shape (N, latent_dim), the same for all, or (K, N, latent_dim).
            averaged: as in :meth:`sample`.
        Raises:
            TypeError, ValueError: ``latents`` has another shape or dtype.
        """
        latents = for_all("latents", latents, size=self.recipe.latent_dim, count=len(self), device=self.device)
        return forward(self._generator.unpack(self._generator_weights(averaged)), latents, SLOPE["generator"])

    def logits(self, points: Tensor) -> Tensor:
        """Return every discriminator's logits, shape (K, N): larger = more real.

        The points count as one batch, which matters where the discriminator looks at batches (``MinibatchStd``), and
        are joined into packs, N / size of them, under ``Packing``. Differentiable by the points if they ask for it.

        Args:
            points: shape (N, dim), the same for all members, or (K, N, dim).
        Raises:
            TypeError, ValueError: ``points`` has another shape or dtype.
        """
        points = for_all("points", points, size=self.target.dim, count=len(self), device=self.device)
        return self._updates.score(self._discriminator_layers(), points)

    @usual_modes()
    def member(self, k: int, *, averaged: bool = True) -> Member:
        """Return member ``k`` as two modules of its own, on the CPU (see :class:`Member`).

        Args:
            k: which, from 0; negative counts from the end.
            averaged: as in :meth:`sample`.
        Raises:
            IndexError: there is no such member.
        """
        if (number := whole(k)) is None or not -len(self) <= number < len(self):
            raise IndexError(f"k must be a member's number from 0 to {len(self) - 1}, got {k!r}")
        k = number
        generator, discriminator = self._build(self.seeds[k])
        rows = torch.cat([layer[k].reshape(-1) for layer in self._discriminator_layers()])
        with torch.no_grad():
            vector_to_parameters(self._generator_weights(averaged)[k].cpu().clone(), generator.parameters())
            vector_to_parameters(rows.cpu(), discriminator.parameters())
        if self.recipe.features is not None:
            discriminator = nn.Sequential(copy.deepcopy(self.recipe.features).cpu(), discriminator)
        return Member(generator, discriminator)

    def state_dict(self) -> dict[str, Any]:
        """Return copies of all that training changes: weights, optimisers' memories, averages, the step."""
        tensors = {"d_loss": self.d_loss, "g_loss": self.g_loss, "diverged_at": self._diverged_at}
        for name, player in (("generator", self._generator), ("discriminator", self._discriminator)):
            tensors |= {f"{name}.{part}": getattr(player, part) for part in Player.STATE}
        if self._spectral is not None:
            tensors |= {f"spectral.{i}": vector for i, vector in self._spectral.vectors.items()}
        if self._averaged is not None:
            tensors["averaged"] = self._averaged
        copies = {name: tensor.detach().clone() for name, tensor in tensors.items()}
        return {"steps_done": self.steps_done, "seeds": list(self.seeds), **copies}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where :meth:`state_dict` was taken, with this ensemble's own settings.

        That makes fair forks: two ensembles with different settings, both from one trained state.

        Args:
            state: from an ensemble with the same networks and number of members.
        Raises:
            ValueError: something is missing, or of another shape, or the seeds differ, so that the data would.
        """
        own = self.state_dict()
        if list(state.get("seeds", self.seeds)) != own["seeds"]:
            raise ValueError(f"state has the seeds {_few(state['seeds'])}, but this ensemble {_few(self.seeds)}")
        for name, tensor in own.items():
            if name != "averaged" and name not in state:
                raise ValueError(f"state lacks {name!r}: it must come from an ensemble like this one")
            if name in state and isinstance(tensor, Tensor) and state[name].shape != tensor.shape:
                got = tuple(state[name].shape)
                raise ValueError(f"state[{name!r}] must have shape {tuple(tensor.shape)}, got {got}: other networks?")
        self.steps_done = state["steps_done"]
        self.d_loss, self.g_loss = state["d_loss"].clone(), state["g_loss"].clone()
        self._diverged_at = state["diverged_at"].clone()
        for name, player in (("generator", self._generator), ("discriminator", self._discriminator)):
            for part in Player.STATE:
                setattr(player, part, state[f"{name}.{part}"].detach().clone())
        if self._spectral is not None:
            self._spectral.vectors = {i: state[f"spectral.{i}"].clone() for i in self._spectral.vectors}
        self._averaged = state["averaged"].clone() if "averaged" in state else None

    # ------------------------------------------------------------ inside

    def _start(self) -> None:
        weights = {
            seed: [parameters_to_vector(net.parameters()).detach() for net in self._build(seed)]
            for seed in dict.fromkeys(self.seeds)
        }
        players = []
        for place, (template, scale) in enumerate(zip(self._build(self.seeds[0]), ("g", "d"), strict=True)):
            rows = torch.stack([weights[seed][place] for seed in self.seeds]).to(self.device)
            rows = rows * self._settings.numbers(f"init_scale_{scale}").unsqueeze(1)
            players.append(Player(template, rows, self.recipe.optimiser))
        self._generator, self._discriminator = players
        features = None if self.recipe.features is None else copy.deepcopy(self.recipe.features).to(self.device)
        layers = self._discriminator.unpack(self._discriminator.weights)
        self._spectral = SpectralNorm(layers) if self.recipe.spectral_norm else None
        self._averaged: Tensor | None = None
        self._draws = Draws(self.seeds, self.target, self.recipe, self.device)
        self._updates = Updates(self.recipe, self._settings, self._draws, *players, features, self._spectral)
        self.d_loss = self.g_loss = torch.full((len(self),), math.nan, device=self.device)
        self._diverged_at = torch.zeros(len(self), dtype=torch.int64)

    def _build(self, seed: int) -> tuple[nn.Module, nn.Module]:
        recipe, dim = self.recipe, self.target.dim
        width = dim if recipe.features is None else recipe.features.width(dim)
        with runtime.seeded(seed):
            return (
                mlp.Generator(latent_dim=recipe.latent_dim, data_dim=dim, hidden=recipe.hidden, depth=recipe.depth),
                mlp.Discriminator(
                    data_dim=width,
                    hidden=recipe.hidden if recipe.d_hidden is None else recipe.d_hidden,
                    depth=recipe.depth if recipe.d_depth is None else recipe.d_depth,
                ),
            )

    @torch.no_grad()
    def _average(self) -> None:
        if self._averaged is not None:
            self._averaged.lerp_(self._generator.weights, 1 - self._settings.numbers("average").unsqueeze(1))

    def _generator_weights(self, averaged: bool) -> Tensor:
        return self._averaged if averaged and self._averaged is not None else self._generator.weights

    def _discriminator_layers(self) -> list[Tensor]:
        """Return the discriminators' layers as they score points: under spectral norm, if there is any."""
        return self._updates.normalised(self._discriminator.unpack(self._discriminator.weights), None)

    @staticmethod
    def _merged(before: Tensor, now: Tensor, who: Tensor | None) -> Tensor:
        return now if who is None else before.index_copy(0, who, now)

    def _note_divergence(self, trace: Trace, first: int) -> None:
        """Find each member's first step with a loss, or at the end a weight, that is not finite."""
        bad = torch.zeros_like(trace.d_loss, dtype=torch.bool)  # (steps, K)
        for losses, player in ((trace.d_loss, self._discriminator), (trace.g_loss, self._generator)):
            bad |= ~losses.isfinite() & (player.updates[:, 0] > 0)  # NaN before the first update is no divergence
        weights = torch.cat([self._generator.weights, self._discriminator.weights], dim=1).isfinite().all(1).cpu()
        bad[-1] |= ~weights
        step = first + 1 + bad.int().argmax(0)
        new = bad.any(0) & (self._diverged_at == 0)
        self._diverged_at = torch.where(new, step, self._diverged_at)


_LIVE = [name for name in PER_MEMBER if isinstance(getattr(Ensemble, name, None), _Setting)]


def _few(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values[:5])) + (", …" if len(values) > 5 else "")
