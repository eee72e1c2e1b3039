"""Watch a training step, or a whole run: who is fed what, whose weights move, and along which gradient.

Nothing of the learner's code is read. The networks note what they are called with and whether a gradient comes back
through what they returned; a hook notes each step of an optimiser. What a network is asked only to be looked at (for a
log, say) brings no gradient back, and so does not count as training.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from gancourse import runtime
from gancourse.checks.framework import NotYet
from gancourse.models import mlp

__all__ = ["Asked", "Step", "Watch", "along", "close", "copies", "flat", "flat_grad", "gradient", "watched"]


@dataclass(eq=False)
class Asked:
    """One call of a network.

    Args:
        network: "generator" or "discriminator".
        rows: what came in, as values.
        origins: for each row that D was shown, where it is from: "real", "fake", "z", or "" for something else.
        z: for each row that D was shown the z that it was made of; 0 where it is no fake.
        weights: of both networks at that moment, generator first; only where the step is looked at closely.
        attached: whether a graph hangs on what came in.
        used: whether a gradient came back through the answer.
    """

    network: str
    rows: Tensor
    origins: list[str]
    z: Tensor
    weights: tuple[Tensor, Tensor] | None
    attached: bool
    used: bool = False

    def of(self, origin: str, what: Tensor) -> Tensor:
        """Return those rows of ``what`` (its own rows, or their z) that are from there."""
        return what[torch.tensor([where == origin for where in self.origins])]


@dataclass(eq=False)
class Step:
    """One ``step()`` of an optimiser.

    Args:
        kind: whose weights it holds: "generator", "discriminator", "both" or "other".
        optimiser: which one it was.
        lr: its learning rate.
        seed: what PyTorch's generator was last seeded with; ``state`` is where it stands.
        asked: the calls since the step before.
        gradient: what the network was moved along; only where the step is looked at closely.
        stale: whether that network had gradients already when the first backward() since the step before began.
    """

    kind: str
    optimiser: torch.optim.Optimizer
    lr: float
    seed: int
    state: int
    asked: list[Asked]
    gradient: Tensor | None
    stale: bool

    def shown(self, origin: str) -> list[Asked]:
        """Return the calls of D in this step that held such rows, and by which something was learnt."""
        return [asked for asked in self.asked if asked.used and origin in asked.origins]


class Watch:
    """What was seen while a learner's code ran."""

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        batches: list[Tensor],
        noise: Sequence[Tensor],
        places: Sequence[int],
    ) -> None:
        self.networks = {"generator": generator, "discriminator": discriminator}
        self.asked: list[Asked] = []
        self.steps: list[Step] = []
        self._weights = {name: list(network.parameters()) for name, network in self.networks.items()}
        self._counts = dict.fromkeys(self.networks, 0)
        self._places, self._batches, self._since = places, batches, []
        self._stale: dict[str, bool] = {}
        self._known: list[tuple[str, Tensor, Tensor]] = [("z", z, torch.zeros(len(z), 1)) for z in noise]
        self._read = 0  # of the batches
        self._pairs: dict[tuple, tuple[str, Tensor]] = {}
        self._paired = 0  # of what is known

    def steps_of(self, kind: str) -> list[Step]:
        """Return the steps in which this network moved."""
        return [step for step in self.steps if step.kind == kind]

    def origins(self, network: str, rows: Tensor) -> tuple[list[str], Tensor]:
        """Say of each row where it is from and which z it was made of; refuse what the network must not be given."""
        for batch in self._batches[self._read :]:
            self._known.append(("real", batch, torch.zeros(len(batch), 1)))
        self._read = len(self._batches)
        rows = rows.detach()
        for origin, block, z in (*self._known[:-9:-1], *self._known[:2]):
            if block.shape == rows.shape and torch.equal(block, rows):
                if network == "generator" and origin == "real":
                    raise NotYet("real data was passed to the generator. G turns z into data: pass it z")
                if network == "discriminator" and origin == "z":
                    raise NotYet("z was passed to the discriminator. D looks at data: pass it generator(z)")
                return [origin] * len(rows), z
        found = [("", torch.zeros(1))] * len(rows) if network == "generator" else self._row_by_row(rows)
        width = max((len(z) for _, z in found), default=1)
        made_of = [z if len(z) == width else torch.zeros(width) for _, z in found]
        return [origin for origin, _ in found], torch.stack(made_of) if made_of else torch.zeros(0, 1)

    def _row_by_row(self, rows: Tensor) -> list[tuple[str, Tensor]]:
        """Find rows in all that is known, each with a neighbour: numbers alone come twice, pairs of them do not."""
        for origin, block, z in self._known[self._paired :]:
            for place, keys in enumerate(_keys(block)):
                self._pairs |= dict.fromkeys(keys, (origin, z[place]))
        self._paired = len(self._known)
        unknown = ("", torch.zeros(1))
        alone = len(rows) == 1
        return [
            next((self._pairs[key] for key in keys if key in self._pairs and (key[0] or alone)), unknown)
            for keys in _keys(rows)
        ]

    def note(self, network: str, rows: Tensor, origins: list[str], z: Tensor, made: Tensor) -> None:
        """Take down a call: what came in, where that is from, and what came out."""
        close_up = any(count in self._places for count in self._counts.values())
        weights = (flat(self._weights["generator"]), flat(self._weights["discriminator"])) if close_up else None
        asked = Asked(network, rows.detach().clone(), origins, z, weights, rows.requires_grad)
        if network == "generator":
            self._known += [
                ("z", asked.rows, torch.zeros(len(rows), 1)),
                ("fake", made.detach().clone(), asked.rows),
            ]
        if made.requires_grad:
            made.register_hook(lambda _: self._mark(asked))
        self.asked.append(asked)
        self._since.append(asked)

    def _mark(self, asked: Asked) -> None:
        """A gradient came back: this call is part of what is learnt."""
        asked.used = True
        if not self._stale:  # the first backward() since the last step begins
            self._stale = {
                name: any(w.grad is not None and bool(w.grad.any()) for w in weights)
                for name, weights in self._weights.items()
            }

    def on_step(self, optimiser: torch.optim.Optimizer) -> None:
        """Take down a step, once the optimiser has made it."""
        held = {id(weights) for group in optimiser.param_groups for weights in group["params"]}
        owners = [name for name, weights in self._weights.items() if any(id(w) in held for w in weights)]
        kind = "both" if len(owners) == 2 else owners[0] if owners else "other"
        close_up = self._counts.get(kind) in self._places
        self.steps.append(
            Step(
                kind,
                optimiser,
                min(group["lr"] for group in optimiser.param_groups),
                torch.initial_seed(),
                hash(torch.get_rng_state().numpy().tobytes()),
                self._since,
                flat_grad(self._weights[kind]) if close_up else None,
                self._stale.get(kind, False),
            )
        )
        if kind in self._counts:
            self._counts[kind] += 1
        self._since, self._stale = [], {}


def _keys(rows: Tensor) -> list[list[tuple]]:
    """Return for each row what it is known by: itself and the row after it, and before it, and (None) by itself."""
    values = [tuple(row) for row in rows.detach().flatten(1).tolist()]
    keys: list[list[tuple]] = [[] for _ in values]
    for place, (first, second) in enumerate(itertools.pairwise(values)):
        keys[place].append(("before", first, second))
        keys[place + 1].append(("after", second, first))
    for value, known_by in zip(values, keys, strict=True):
        known_by.append((None, value))
    return keys


@contextlib.contextmanager
def watched(
    generator: nn.Module,
    discriminator: nn.Module,
    batches: list[Tensor],
    noise: Sequence[Tensor] = (),
    places: Sequence[int] = (),
) -> Iterator[Watch]:
    """Watch both networks and every optimiser while the block runs.

    Args:
        generator, discriminator: of :mod:`gancourse.models.mlp`.
        batches: the real batches that the code is given, shape (N, data_dim); may grow meanwhile.
        noise: z that the code is given, if it is.
        places: which steps of each network to look at closely, counted from 0.
    """
    seen = Watch(generator, discriminator, batches, noise, places)

    def watch(name: str, forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def asked(*args: Any, **kwargs: Any) -> Tensor:
            rows = next(iter((*args, *kwargs.values())), None)
            if not isinstance(rows, Tensor):
                return forward(*args, **kwargs)  # which refuses it, in its own words
            origins, z = seen.origins(name, rows)
            made = forward(*args, **kwargs)
            seen.note(name, rows, origins, z, made)
            return made

        return asked

    hook = register_optimizer_step_post_hook(lambda optimiser, *_: seen.on_step(optimiser))
    for name, network in seen.networks.items():
        network.forward = watch(name, network.forward)
    try:
        yield seen
    finally:
        hook.remove()
        for network in seen.networks.values():
            del network.forward


def copies(generator: nn.Module, discriminator: nn.Module, weights: Sequence[Tensor]) -> tuple[nn.Module, nn.Module]:
    """Return two networks of the same kind with these weights, generator first, that nobody watches."""
    hidden = generator.layers[0].out_features
    with runtime.seeded(0):  # first weights are drawn, and must not be drawn from the learner's stream
        made = (
            mlp.Generator(latent_dim=generator.latent_dim, data_dim=generator.data_dim, hidden=hidden),
            mlp.Discriminator(data_dim=discriminator.data_dim, hidden=hidden),
        )
    for network, values in zip(made, weights, strict=True):
        nn.utils.vector_to_parameters(values.clone(), network.parameters())
    return made


def flat(weights: Iterable[Tensor]) -> Tensor:
    """Return all weights in one vector, as values."""
    return torch.cat([w.detach().flatten() for w in weights])


def flat_grad(weights: Iterable[Tensor]) -> Tensor:
    """Return all gradients in one vector, 0 where there is none."""
    return torch.cat([(torch.zeros_like(w) if w.grad is None else w.grad).detach().flatten() for w in weights])


def gradient(value: Tensor, network: nn.Module) -> Tensor:
    """Return the gradient of a number by all weights, 0 where it does not depend on them."""
    weights = list(network.parameters())
    if not value.requires_grad:
        return torch.zeros(sum(w.numel() for w in weights))
    found = torch.autograd.grad(value, weights, allow_unused=True)
    return torch.cat([(torch.zeros_like(w) if g is None else g).flatten() for w, g in zip(weights, found, strict=True)])


def close(a: Tensor, b: Tensor) -> bool:
    """Tell whether two vectors are the same, up to rounding."""
    return bool((a - b).norm() <= 1e-3 * b.norm() + 1e-5)


def along(a: Tensor, b: Tensor) -> bool:
    """Tell whether two vectors point the same way, whatever their lengths; what is nearly parallel does not."""
    return float(F.cosine_similarity(a.double(), b.double(), dim=0)) > 1 - 1e-8
