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

import copy
import hashlib
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from gancourse import runtime
from gancourse._numbers import real, whole
from gancourse._torch_modes import usual_modes
from gancourse.losses import LOSSES, Loss
from gancourse.models import mlp
from gancourse.penalties import input_gradients

__all__ = ["Divergence", "Ensemble", "Member", "Recipe", "Target", "Trace", "crossed"]

_BLOCK = 32  # steps whose random numbers are drawn in one go, to draw rarely
_EPSILON = 1e-8  # Adam's
_DECAY_FLOOR = 0.05
_SMOOTHABLE = ("minimax", "non_saturating")


class Target(Protocol):
    """What an ensemble can learn: any distribution of ``data.toy``."""

    dim: int
    name: str

    def sample(self, n: int, generator: torch.Generator) -> Tensor: ...


# ---------------------------------------------------------------- the recipe


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one GAN is built and trained. Every setting has a default; change one with ``dataclasses.replace``.

    The first group is common to all members of an ensemble; the second may differ between members.

    Attributes:
        latent_dim: size of z, drawn from N(0, I).
        hidden, depth: width and number of hidden layers, of both networks.
        d_hidden, d_depth: the discriminator's, where they differ.
        features: what the discriminator is shown instead of the points, from ``models.features``; None: the points.
        spectral_norm: divide each of the discriminator's matrices by its largest singular value.
        batch_size: points in a batch.
        optimiser: "adam" or "sgd".
        beta2: Adam's memory of squared gradients.
        decay_steps: both learning rates fall along a cosine to 5 % of their value at this step; None: constant.
        noise_steps: instance noise falls in a straight line to 0 at this step; None: constant.
        unrolled_steps: the generator looks this many discriminator updates ahead, and through them.

        loss: a name in ``losses.LOSSES``.
        lr_g, lr_d: learning rates, at least 0 (0: this player stands still).
        d_steps, g_steps: updates of each player in one step, whole numbers (``d_steps_per_g_step`` with g_steps 1).
        beta1: Adam's momentum, or SGD's, which may be negative.
        r1, r2: gamma of the penalties at real and fake points; they enter as gamma / 2.
        gradient_penalty: lambda of WGAN-GP's penalty.
        one_sided_penalty: lambda of its one-sided form, which asks nothing where the slope is below 1.
        clip: the discriminator's weights are clipped to [-clip, clip]; 0: not.
        label_smoothing: a; "real" means 1 - a instead of 1 for the discriminator (cross-entropy losses only).
        instance_noise: standard deviation of noise added to all that the discriminator sees.
        average: decay of the running average of the generator's weights, which :meth:`Ensemble.sample` uses; 0: none.
        init_scale_g, init_scale_d: factor on the initial weights.
    First met in: notebook 04.
    """

    latent_dim: int = 2
    hidden: int = 64
    depth: int = 2
    d_hidden: int | None = None
    d_depth: int | None = None
    features: nn.Module | None = None
    spectral_norm: bool = False
    batch_size: int = 64
    optimiser: str = "adam"
    beta2: float = 0.999
    decay_steps: int | None = None
    noise_steps: int | None = None
    unrolled_steps: int = 0

    loss: str = "non_saturating"
    lr_g: float = 1e-3
    lr_d: float = 1e-3
    d_steps: int = 1
    g_steps: int = 1
    beta1: float = 0.5
    r1: float = 0.0
    r2: float = 0.0
    gradient_penalty: float = 0.0
    one_sided_penalty: float = 0.0
    clip: float = 0.0
    label_smoothing: float = 0.0
    instance_noise: float = 0.0
    average: float = 0.0
    init_scale_g: float = 1.0
    init_scale_d: float = 1.0

    def __post_init__(self) -> None:
        at_least = {"latent_dim": 1, "hidden": 1, "batch_size": 1, "depth": 0, "unrolled_steps": 0}
        for name in ("d_hidden", "d_depth", "decay_steps", "noise_steps"):
            if getattr(self, name) is not None:
                at_least[name] = 0 if name == "d_depth" else 1
        for name, low in at_least.items():
            object.__setattr__(self, name, _whole(name, getattr(self, name), low))
        if self.features is not None and not (isinstance(self.features, nn.Module) and hasattr(self.features, "width")):
            raise TypeError(f"features must come from models.features, or be None, got {type(self.features).__name__}")
        if self.optimiser not in ("adam", "sgd"):
            raise ValueError(f"optimiser must be 'adam' or 'sgd', got {self.optimiser!r}")
        if not _is_number(self.beta2) or not 0 <= self.beta2 < 1:
            raise ValueError(f"beta2 must be from 0 to below 1, got {self.beta2!r}")
        object.__setattr__(self, "beta2", real(self.beta2))
        for name in _PER_MEMBER:
            object.__setattr__(self, name, _checked_setting(name, getattr(self, name), self.optimiser))
        _check_smoothing(self.label_smoothing, self.loss)


class _Range(NamedTuple):
    """What a per-member number may be."""

    whole: bool
    test: Callable[[float], bool]
    words: str


_FROM_ZERO = _Range(False, lambda v: v >= 0, "a finite number of at least 0")
_ABOVE_ZERO = _Range(False, lambda v: v > 0, "a finite number above 0")
_COUNT = _Range(True, lambda v: v >= 0, "a whole number of at least 0")
_DECAY = _Range(False, lambda v: 0 <= v < 1, "from 0 to below 1")
_PER_MEMBER: dict[str, _Range | None] = {
    "loss": None,
    "lr_g": _FROM_ZERO,
    "lr_d": _FROM_ZERO,
    "d_steps": _COUNT,
    "g_steps": _COUNT,
    "beta1": _Range(False, lambda v: -1 < v < 1, "between -1 and 1"),
    "r1": _FROM_ZERO,
    "r2": _FROM_ZERO,
    "gradient_penalty": _FROM_ZERO,
    "one_sided_penalty": _FROM_ZERO,
    "clip": _FROM_ZERO,
    "label_smoothing": _Range(False, lambda v: 0 <= v < 0.5, "from 0 to below 0.5"),
    "instance_noise": _FROM_ZERO,
    "average": _DECAY,
    "init_scale_g": _ABOVE_ZERO,
    "init_scale_d": _ABOVE_ZERO,
}


def _is_number(value: object) -> bool:
    return (number := real(value)) is not None and math.isfinite(number)


def _whole(name: str, value: object, low: int) -> int:
    if (number := whole(value)) is None or number < low:
        raise ValueError(f"{name} must be a whole number of at least {low}, got {value!r}")
    return number


def _checked_setting(name: str, value: Any, optimiser: str) -> Any:
    """Return a per-member setting as a name or as Python's own number."""
    allowed = _PER_MEMBER[name]
    if allowed is None:
        if value not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {value!r}")
        return value
    if not _is_number(value) or (allowed.whole and value != int(value)) or not allowed.test(value):
        raise ValueError(f"{name} must be {allowed.words}, got {value!r}")
    if name == "beta1" and optimiser == "adam" and value < 0:
        raise ValueError(f"beta1 must be at least 0 for Adam, got {value!r}; negative momentum needs optimiser='sgd'")
    return real(value)


def _check_smoothing(smoothing: float, loss: str) -> None:
    if smoothing and loss not in _SMOOTHABLE:
        raise ValueError(f"label_smoothing needs a loss with labels, {' or '.join(_SMOOTHABLE)}, got {loss!r}")


def crossed(**axes: Sequence[Any]) -> dict[str, list[Any]]:
    """Return every combination of the values, as one list per setting: the members of a phase diagram.

    ``crossed(lr_g=[1, 2], lr_d=[3, 4])`` is ``{"lr_g": [1, 1, 2, 2], "lr_d": [3, 4, 3, 4]}``: the first axis
    varies slowest, so ``counts.reshape(len(lr_g), len(lr_d))`` puts it along the rows.

    Args:
        axes: values per setting, each at least one.
    Raises:
        ValueError: no axis, or an empty one.
    First met in: notebook 04.
    """
    lists = {name: list(values) for name, values in axes.items()}
    if not lists or not all(lists.values()):
        raise ValueError(f"axes must hold at least one setting with at least one value, got {lists}")
    return dict(zip(lists, map(list, zip(*itertools.product(*lists.values()), strict=True)), strict=True))


def _few(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values[:5])) + (", …" if len(values) > 5 else "")


# ---------------------------------------------------------------- what comes out


class Trace(NamedTuple):
    """Both losses at every step of one call, shape (steps, K), on the CPU; of the last update where there were several.

    The players' losses alone, without the weighted penalties, so that 2 log 2 and log 2 are where they should be.
    """

    d_loss: Tensor
    g_loss: Tensor


class Member(NamedTuple):
    """One GAN of an ensemble, as modules of its own: training them leaves the ensemble as it is."""

    generator: nn.Module
    discriminator: nn.Module


class Divergence(NamedTuple):
    """A member that is no longer finite: which, since which step (counted from 1), and with what settings."""

    member: int
    step: int
    settings: dict[str, Any]

    def __str__(self) -> str:
        words = [
            f"{name}={value:g}" if _is_number(value) else f"{name}={value}" for name, value in self.settings.items()
        ]
        return f"member {self.member} diverged at step {self.step:,} ({', '.join(words)})"


# ---------------------------------------------------------------- one player of all members


class _Player:
    """The weights of one network of all members, a row each, and its optimiser's state."""

    def __init__(self, template: nn.Module, weights: Tensor) -> None:
        self.shapes = [parameter.shape for parameter in template.parameters()]
        self.sizes = [shape.numel() for shape in self.shapes]
        self.weights = weights  # (K, parameters)
        self.first = torch.zeros_like(weights)  # running mean of the gradient
        self.second = torch.zeros_like(weights)  # and of its square
        self.updates = torch.zeros(len(weights), 1, dtype=torch.float64)

    def leaves(self, who: Tensor | None) -> list[Tensor]:
        """Return the weights of the members ``who`` (all if None), layer by layer, ready to be differentiated by."""
        return [leaf.requires_grad_() for leaf in self.unpack(self.rows(who).detach())]

    def rows(self, who: Tensor | None) -> Tensor:
        return self.weights if who is None else self.weights[who]

    def unpack(self, rows: Tensor) -> list[Tensor]:
        parts = rows.split(self.sizes, dim=1)
        return [part.view(len(rows), *shape) for part, shape in zip(parts, self.shapes, strict=True)]


def _forward(layers: Sequence[Tensor], h: Tensor, slope: float) -> Tensor:
    """Push (K, N, inputs) through K perceptrons at once; ``slope`` is the leak of the hidden units, 0 for ReLU."""
    last = len(layers) - 2
    for i in range(0, len(layers), 2):
        h = torch.baddbmm(layers[i + 1].unsqueeze(1), h, layers[i].transpose(1, 2))
        if i < last:
            h = F.leaky_relu(h, slope) if slope else F.relu(h)
    return h


_SLOPE = {"generator": 0.0, "discriminator": 0.2}


# ---------------------------------------------------------------- the ensemble


class _Turn(NamedTuple):
    """Who makes one update: all members (``who`` None) or some; and their losses, family by family."""

    who: Tensor | None
    families: list[tuple[Loss, Tensor | None]]  # with the rows, among those who move, that play it; None: all
    order: Tensor | None  # puts the families' rows back in order


class _Setting:
    """An attribute with one value per member: reads as a tensor (or a list of names), is set with one value or K."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, ensemble: Ensemble | None, owner: type) -> Any:
        return self if ensemble is None else ensemble._settings[self.name]

    def __set__(self, ensemble: Ensemble, value: Any) -> None:
        ensemble._set({self.name: value})


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
            if name not in _PER_MEMBER:
                common = name in {field.name for field in fields(Recipe)}
                hint = "it is common to all members: set it in the recipe" if common else "there is no such setting"
                raise TypeError(f"{name} cannot be set per member: {hint}. These can: {', '.join(_PER_MEMBER)}")
        self.recipe, self.target, self.seeds = recipe, target, tuple(map(runtime.checked_seed, seeds))
        self.device = runtime.pick_device(device)
        self.steps_done = 0
        self._settings: dict[str, Any] = {}
        self._set({name: per_member.get(name, getattr(recipe, name)) for name in _PER_MEMBER})
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
        num_steps = _whole("num_steps", num_steps, 1)
        first = self.steps_done
        d_losses, g_losses = torch.empty(2, num_steps, len(self), device=self.device)  # a list would scatter the heap
        with runtime.interrupt_deferred() as interrupted:
            if "average" not in self._on:
                self._averaged = None
            elif self._averaged is None:  # starts from the weights as they are
                self._averaged = self._generator.weights.clone()
            while self.steps_done < first + num_steps and not interrupted():
                for update, turn in enumerate(self._turns["discriminator"]):
                    self.d_loss = self._merged(self.d_loss, self._discriminator_update(update, turn), turn.who)
                for update, turn in enumerate(self._turns["generator"]):
                    self.g_loss = self._merged(self.g_loss, self._generator_update(update, turn), turn.who)
                self._average()
                d_losses[self.steps_done - first] = self.d_loss
                g_losses[self.steps_done - first] = self.g_loss
                self.steps_done += 1
        done = self.steps_done - first
        trace = Trace(d_losses[:done].cpu(), g_losses[:done].cpu())
        self._note_divergence(trace, first)
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
        self._set(settings)

    @property
    def diverged(self) -> tuple[Divergence, ...]:
        """The members that are no longer finite, with the step at which that showed and their settings."""
        return tuple(
            Divergence(k, step, {"seed": self.seeds[k], **{name: self._value(name, k) for name in _PER_MEMBER}})
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
        n = _whole("n", n, 1)
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
        latents = self._batches("latents", latents, self.recipe.latent_dim)
        return _forward(self._generator.unpack(self._generator_weights(averaged)), latents, _SLOPE["generator"])

    def logits(self, points: Tensor) -> Tensor:
        """Return every discriminator's logits, shape (K, N): larger = more real.

        The points count as one batch, which matters where the discriminator looks at batches (``MinibatchStd``), and
        are joined into packs, N / size of them, under ``Packing``. Differentiable by the points if they ask for it.

        Args:
            points: shape (N, dim), the same for all members, or (K, N, dim).
        Raises:
            TypeError, ValueError: ``points`` has another shape or dtype.
        """
        points = self._batches("points", points, self.target.dim)
        return self._score(self._normalised(self._discriminator.unpack(self._discriminator.weights), None), points)

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
        layers = self._normalised(self._discriminator.unpack(self._discriminator.weights), None)
        rows = torch.cat([layer[k].reshape(-1) for layer in layers])
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
            tensors |= {f"{name}.{part}": getattr(player, part) for part in _PLAYER_STATE}
        tensors |= {f"spectral.{i}": vector for i, vector in self._spectral.items()}
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
            for part in _PLAYER_STATE:
                setattr(player, part, state[f"{name}.{part}"].detach().clone())
        self._spectral = {i: state[f"spectral.{i}"].clone() for i in self._spectral}
        self._averaged = state["averaged"].clone() if "averaged" in state else None

    # ------------------------------------------------------------ settings

    def _set(self, changes: Mapping[str, Any]) -> None:
        """Check and take over per-member settings, then prepare what the steps need of them."""
        settings = dict(self._settings)
        for name, value in changes.items():
            values = value.tolist() if hasattr(value, "tolist") else value  # an array or a tensor
            several = isinstance(values, Sequence) and not isinstance(values, str)
            values = list(values) if several else [values]
            if several and len(values) != len(self):
                raise ValueError(f"{name} must be one value or one per member, {len(self)}, got {len(values)}")
            values = [_checked_setting(name, entry, self.recipe.optimiser) for entry in values]
            values = values if several else values * len(self)
            settings[name] = values if name == "loss" else torch.tensor(values, dtype=torch.float64)
        for smoothing, loss in zip(settings["label_smoothing"].tolist(), settings["loss"], strict=True):
            _check_smoothing(smoothing, loss)
        self._settings = settings
        numbers = {name: values for name, values in settings.items() if name != "loss"}
        self._on = {name for name, values in numbers.items() if bool(values.any())}
        self._numbers = {name: values.to(self.device, torch.float32) for name, values in numbers.items()}
        self._turns = {
            "discriminator": self._make_turns(settings["d_steps"].tolist()),
            "generator": self._make_turns(settings["g_steps"].tolist()),
        }
        self._blocks: dict[tuple, tuple[int, Tensor]] = {}

    def _make_turns(self, counts: list[float]) -> list[_Turn]:
        turns = []
        for update in range(int(max(counts))):
            moving = [k for k, count in enumerate(counts) if count > update]
            names = [self._settings["loss"][k] for k in moving]
            rows = {name: [row for row, own in enumerate(names) if own == name] for name in dict.fromkeys(names)}
            who = None if len(moving) == len(self) else torch.tensor(moving, device=self.device)
            if len(rows) == 1:
                turns.append(_Turn(who, [(LOSSES[names[0]], None)], None))
            else:
                parts = {name: torch.tensor(mine, device=self.device) for name, mine in rows.items()}
                order = torch.argsort(torch.cat(list(parts.values())))
                turns.append(_Turn(who, [(LOSSES[name], mine) for name, mine in parts.items()], order))
        return turns

    def _value(self, name: str, k: int) -> Any:
        value = self._settings[name][k]
        return value.item() if isinstance(value, Tensor) else value

    def _number(self, name: str, who: Tensor | None) -> Tensor | None:
        """Return a setting as float32 on the device, one per moving member, or None where it is 0 for all."""
        if name not in self._on:
            return None
        return self._numbers[name] if who is None else self._numbers[name][who]

    # ------------------------------------------------------------ the start

    def _start(self) -> None:
        weights = {
            seed: [parameters_to_vector(net.parameters()).detach() for net in self._build(seed)]
            for seed in dict.fromkeys(self.seeds)
        }
        templates = self._build(self.seeds[0])
        stacked = [torch.stack([weights[seed][player] for seed in self.seeds]).to(self.device) for player in (0, 1)]
        self._generator = _Player(templates[0], stacked[0] * self._numbers["init_scale_g"].unsqueeze(1))
        self._discriminator = _Player(templates[1], stacked[1] * self._numbers["init_scale_d"].unsqueeze(1))
        self._features = None if self.recipe.features is None else copy.deepcopy(self.recipe.features).to(self.device)
        self._averaged: Tensor | None = None
        self._spectral: dict[int, Tensor] = {}
        if self.recipe.spectral_norm:
            for i, layer in enumerate(self._discriminator.unpack(self._discriminator.weights)):
                if layer.ndim == 3:
                    self._spectral[i] = torch.ones_like(layer[:, :, 0])
            for _ in range(15):
                self._power_iteration(self._discriminator.unpack(self._discriminator.weights), None)
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

    # ------------------------------------------------------------ random numbers

    def _draw(self, what: str, player: str, update: int, who: Tensor | None) -> Tensor:
        """Return this step's random numbers of one kind, shape (k, batch, size), for the members ``who``.

        Drawn for ``_BLOCK`` steps at a time, by every member from a generator seeded for this block and purpose.
        """
        block, offset = divmod(self.steps_done, _BLOCK)
        drawn_for, numbers = self._blocks.get((what, player, update), (None, None))
        if drawn_for != block:
            seeds = self.seeds if who is None else [self.seeds[k] for k in who.tolist()]
            shape = (_BLOCK, self.recipe.batch_size, -1)
            rows = [self._draw_block(what, _mixed_seed(seed, what, player, update, block)) for seed in seeds]
            numbers = torch.stack(rows).to(self.device).reshape(len(rows), *shape)
            self._blocks[what, player, update] = (block, numbers)
        return numbers[:, offset]

    def _draw_block(self, what: str, seed: int) -> Tensor:
        random, count = torch.Generator().manual_seed(seed), _BLOCK * self.recipe.batch_size
        if what == "real":
            return self.target.sample(count, random).to("cpu", torch.float32)  # your own target may return float64
        if what == "latents":
            return torch.randn(count, self.recipe.latent_dim, generator=random)
        if what == "mix":
            return torch.rand(count, 1, generator=random)
        return torch.randn(count, self.target.dim, generator=random)

    def _noisy(self, points: Tensor, what: str, player: str, update: int, who: Tensor | None) -> Tensor:
        """Add instance noise, if there is any left at this step."""
        deviation, steps = self._number("instance_noise", who), self.recipe.noise_steps
        left = 1.0 if steps is None else max(0.0, 1 - self.steps_done / steps)
        if deviation is None or left == 0:
            return points
        return points + left * deviation.view(-1, 1, 1) * self._draw(what, player, update, who)

    # ------------------------------------------------------------ the two updates

    def _discriminator_update(self, update: int, turn: _Turn) -> Tensor:
        player, who = "discriminator", turn.who
        with torch.no_grad():
            generator = self._generator.unpack(self._generator.rows(who))
            fake = _forward(generator, self._draw("latents", player, update, who), _SLOPE["generator"])
            fake = self._noisy(fake, "noise on fake", player, update, who)
            real = self._noisy(self._draw("real", player, update, who), "noise on real", player, update, who)
        leaves = self._discriminator.leaves(who)
        if self._spectral:
            self._power_iteration(leaves, who)
        mix = self._draw("mix", player, update, who) if self._on & _BETWEEN else None
        objective, game = self._discriminator_objective(leaves, real, fake, mix, turn)
        self._move(self._discriminator, "lr_d", torch.autograd.grad(objective.sum(), leaves), who)
        return game.detach()

    def _discriminator_objective(
        self, leaves: list[Tensor], real: Tensor, fake: Tensor, mix: Tensor | None, turn: _Turn
    ) -> tuple[Tensor, Tensor]:
        """Return what each discriminator minimises, with penalties, and the game's part of it alone, shape (k,)."""
        who, layers = turn.who, self._normalised(leaves, turn.who)
        r1, r2 = self._number("r1", who), self._number("r2", who)
        real = real.detach().requires_grad_() if r1 is not None else real
        fake = fake if r2 is None or fake.requires_grad else fake.detach().requires_grad_()
        if (r1 is None) == (r2 is None):  # one pass for both halves
            real_logits, fake_logits = self._score(layers, real, fake)
        else:  # two, so that the penalty's second differentiation sees only its own half
            real_logits, fake_logits = self._score(layers, real), self._score(layers, fake)
        terms = [family.discriminator_terms(*_rows(rows, real_logits, fake_logits)) for family, rows in turn.families]
        game = _in_order(terms, turn.order).mean(1)
        smoothing = self._number("label_smoothing", who)
        weight, one_sided = self._number("gradient_penalty", who), self._number("one_sided_penalty", who)
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
            excess = input_gradients(self._score(layers, between), between).norm(dim=-1) - 1
            if weight is not None:
                objective = objective + weight * excess.square().mean(1)
            if one_sided is not None:
                objective = objective + one_sided * excess.clamp(min=0).square().mean(1)
        return objective, game

    def _generator_update(self, update: int, turn: _Turn) -> Tensor:
        player, who = "generator", turn.who
        leaves = self._generator.leaves(who)
        fake = _forward(leaves, self._draw("latents", player, update, who), _SLOPE["generator"])
        fake = self._noisy(fake, "noise on fake", player, update, who)
        paired = any(family.paired for family, _ in turn.families)
        real = None
        if paired or self.recipe.unrolled_steps:
            real = self._noisy(self._draw("real", player, update, who), "noise on real", player, update, who)
        discriminator = self._discriminator.unpack(self._discriminator.rows(who))
        if self.recipe.unrolled_steps:
            discriminator = self._unrolled(real, fake, update, turn)
        layers = self._normalised(discriminator, who)
        fake_logits = self._score(layers, fake)
        real_logits = self._score(layers, real) if paired else None
        terms = [
            family.generator_terms(*_rows(rows, *([real_logits, fake_logits] if family.paired else [fake_logits])))
            for family, rows in turn.families
        ]
        loss = _in_order(terms, turn.order).mean(1)
        self._move(self._generator, "lr_g", torch.autograd.grad(loss.sum(), leaves), who)
        return loss.detach()

    def _unrolled(self, real: Tensor, fake: Tensor, update: int, turn: _Turn) -> list[Tensor]:
        """Return the discriminator some updates later, as a function of the fakes that gradients flow through."""
        player, who = self._discriminator, turn.who
        rows = player.rows(who).detach().requires_grad_()
        first, second, updates = (
            part if who is None else part[who] for part in (player.first, player.second, player.updates)
        )
        mix = self._draw("mix", "generator", update, who) if self._on & _BETWEEN else None
        for _ in range(self.recipe.unrolled_steps):
            leaves = player.unpack(rows)
            objective, _ = self._discriminator_objective(leaves, real, fake, mix, turn)
            gradient = _joined(torch.autograd.grad(objective.sum(), leaves, create_graph=True))
            updates = updates + 1
            rate, beta1, beta2, correction = self._coefficients("lr_d", updates, who)
            if self.recipe.optimiser == "sgd":
                first = beta1 * first + gradient
                rows = rows - rate * first
            else:
                first = beta1 * first + (1 - beta1) * gradient
                second = beta2 * second + (1 - beta2) * gradient.square()
                rows = rows - rate * first / (second.clamp(min=1e-30).sqrt() / correction + _EPSILON)
        return player.unpack(rows)

    # ------------------------------------------------------------ parts of an update

    def _score(self, layers: Sequence[Tensor], *batches: Tensor) -> Any:
        """Return the logits of each batch, shape (k, N): one tensor for one batch, a list for several."""
        seen = batches if self._features is None else [self._features(points) for points in batches]
        together = seen[0] if len(seen) == 1 else torch.cat(list(seen), dim=1)
        logits = _forward(layers, together, _SLOPE["discriminator"]).squeeze(-1)
        return logits if len(seen) == 1 else logits.split([points.shape[1] for points in seen], dim=1)

    def _coefficients(self, lr: str, updates: Tensor, who: Tensor | None) -> tuple[Tensor, Tensor, float, Tensor]:
        """Return rate, beta1, beta2 and the root of Adam's second correction; float32 columns, found in float64."""
        pick = slice(None) if who is None else who.cpu()
        rate, beta1 = self._settings[lr][pick].unsqueeze(1), self._settings["beta1"][pick].unsqueeze(1)
        rate = rate * _cosine(self.steps_done, self.recipe.decay_steps)
        beta2, correction = self.recipe.beta2, torch.ones_like(rate)
        if self.recipe.optimiser == "adam":
            rate = rate / (1 - beta1**updates)
            correction = (1 - beta2**updates).sqrt()
        return (
            *(part.to(self.device, torch.float32) for part in (rate, beta1)),
            beta2,
            correction.to(self.device, torch.float32),
        )

    @torch.no_grad()
    def _move(self, player: _Player, lr: str, gradients: Sequence[Tensor], who: Tensor | None) -> None:
        """Let the optimiser make one update of the members ``who``: the arithmetic of torch.optim's Adam or SGD."""
        gradient = _joined(gradients)
        parts = [player.weights, player.first, player.second]
        weights, first, second = parts if who is None else [part[who] for part in parts]
        moved = slice(None) if who is None else who.cpu()
        player.updates[moved] += 1
        rate, beta1, beta2, correction = self._coefficients(lr, player.updates[moved], who)
        if self.recipe.optimiser == "sgd":
            first.mul_(beta1).add_(gradient)
            weights.sub_(first * rate)
        else:
            first.lerp_(gradient, 1 - beta1)
            second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
            weights.sub_((first * rate).div_(second.sqrt().div_(correction).add_(_EPSILON)))
        limit = self._number("clip", who) if lr == "lr_d" else None
        if limit is not None:
            bound = torch.where(limit > 0, limit, math.inf).unsqueeze(1)
            weights.copy_(weights.clamp(-bound, bound))
        if who is not None:
            for part, changed in zip(parts, (weights, first, second), strict=True):
                part[who] = changed

    @torch.no_grad()
    def _average(self) -> None:
        if self._averaged is not None:
            self._averaged.lerp_(self._generator.weights, 1 - self._numbers["average"].unsqueeze(1))

    def _generator_weights(self, averaged: bool) -> Tensor:
        return self._averaged if averaged and self._averaged is not None else self._generator.weights

    @torch.no_grad()
    def _power_iteration(self, layers: Sequence[Tensor], who: Tensor | None) -> None:
        """Move each matrix's estimate of its first left singular vector one step on."""
        for i, vectors in self._spectral.items():
            u = vectors if who is None else vectors[who]
            v = F.normalize(torch.bmm(u.unsqueeze(1), layers[i]), dim=2)
            u = F.normalize(torch.bmm(layers[i], v.transpose(1, 2)).squeeze(2), dim=1)
            if who is None:
                self._spectral[i] = u
            else:
                vectors[who] = u

    def _normalised(self, layers: list[Tensor], who: Tensor | None) -> list[Tensor]:
        """Divide every matrix by its largest singular value, if the recipe says so."""
        if not self._spectral:
            return layers
        layers = list(layers)
        for i, vectors in self._spectral.items():
            u = (vectors if who is None else vectors[who]).unsqueeze(1)
            v = F.normalize(torch.bmm(u, layers[i].detach()), dim=2)
            layers[i] = layers[i] / torch.bmm(torch.bmm(u, layers[i]), v.transpose(1, 2))
        return layers

    # ------------------------------------------------------------ books

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

    def _batches(self, name: str, rows: Tensor, size: int) -> Tensor:
        if not isinstance(rows, Tensor) or rows.dtype != torch.float32:
            got = rows.dtype if isinstance(rows, Tensor) else type(rows).__name__
            raise TypeError(f"{name} must be a float32 tensor of shape (N, {size}), got {got}")
        fits = rows.ndim == 2 or (rows.ndim == 3 and len(rows) == len(self))
        if not fits or rows.shape[-1] != size or rows.shape[-2] == 0:
            shape = tuple(rows.shape)
            raise ValueError(f"{name} must have shape (N, {size}), or ({len(self)}, N, {size}), got {shape}")
        return rows.to(self.device).expand(len(self), *rows.shape[-2:])


# ---------------------------------------------------------------- small helpers


_LIVE = [name for name in _PER_MEMBER if isinstance(getattr(Ensemble, name, None), _Setting)]
_BETWEEN = {"gradient_penalty", "one_sided_penalty"}  # penalties at points between real and fake
_PLAYER_STATE = ("weights", "first", "second", "updates")


def _mixed_seed(*words: object) -> int:
    """Return a seed for exactly these words, unrelated to those for any others."""
    digest = hashlib.blake2b(" ".join(map(str, words)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def _cosine(step: int, decay_steps: int | None) -> float:
    if decay_steps is None:
        return 1.0
    return _DECAY_FLOOR + (1 - _DECAY_FLOOR) * 0.5 * (1 + math.cos(math.pi * min(step / decay_steps, 1.0)))


def _joined(gradients: Sequence[Tensor]) -> Tensor:
    return torch.cat([gradient.reshape(len(gradient), -1) for gradient in gradients], dim=1)


def _mean_square(gradient: Tensor) -> Tensor:
    return gradient.square().sum(-1).mean(1)


def _rows(rows: Tensor | None, *logits: Tensor) -> tuple[Tensor, ...]:
    return logits if rows is None else tuple(part[rows] for part in logits)


def _in_order(terms: list[Tensor], order: Tensor | None) -> Tensor:
    return terms[0] if order is None else torch.cat(terms)[order]
