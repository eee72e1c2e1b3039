"""A patient: a GAN in training with all instruments attached."""

from __future__ import annotations

import collections
import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gancourse import runtime
from gancourse._numbers import whole
from gancourse._torch_modes import usual_modes
from gancourse.metrics import instruments
from gancourse.training import History, train
from gancourse.ward.chart import IMAGES, LOGITS, POINTS, TRACES, Chart
from gancourse.ward.illnesses import HEALTHY, ILLNESSES, programme_of
from gancourse.ward.worlds import World, world

__all__ = ["Patient", "admit", "resume"]

_SHOWN = 4  # batches kept of what D was shown as real
_EXAMINED = 128  # samples that a look is made with


class Patient:
    """A GAN with an illness, or with none. Made by :func:`admit`; looking at it never changes its training.

    Attributes:
        illness: its name in ``ILLNESSES``.
        world, seed: where it lives, and what its random numbers come from.
        generator, discriminator, g_optimizer, d_optimizer, batches, step: what its programme built.
        history: both losses, step by step.
    """

    @usual_modes()
    def __init__(self, illness: str, at: World, seed: int) -> None:
        self.illness, self.world, self.seed = illness, at, runtime.checked_seed(seed)
        built = programme_of(illness)(at, self.seed)
        self.generator, self.discriminator = built.generator, built.discriminator
        self.g_optimizer, self.d_optimizer = built.g_optimizer, built.d_optimizer
        self.batches, self.step = built.batches, built.step
        self.history = History()
        self.latent_dim: int = self.generator.latent_dim
        self._z = torch.randn(_EXAMINED, self.latent_dim, generator=runtime.generator(self.seed + 3))
        self._shown: collections.deque[Tensor] = collections.deque(maxlen=_SHOWN)
        self._gradients: dict[str, dict[str, float]] = {}
        self._norms: dict[str, float] = {}
        self._watched = False
        self._first_in_step = False
        self._attach()
        self._remember()

    def __repr__(self) -> str:
        return f"<Patient on the {self.world.name}, seed {self.seed}, {self.history.num_steps:,} steps done>"

    # ------------------------------------------------------------ training

    @usual_modes()
    def train(self, num_steps: int) -> History:
        """Train ``num_steps`` steps further and return the record of both losses.

        Raises:
            Diverged: a loss became NaN or infinite.
            ValueError: ``num_steps`` is no positive whole number.
        """
        if (count := whole(num_steps)) is None or count < 1:
            raise ValueError(f"num_steps must be a positive whole number, got {num_steps!r}")
        last = self.history.num_steps + count

        def step(real: Tensor) -> Mapping[str, Tensor]:
            self._first_in_step = True
            self._watched = self.history.num_steps in (0, last - 1)
            return self.step(real)

        return train(step, self.batches, num_steps=count, history=self.history, progress=False)

    def samples(self, n: int = _EXAMINED, *, seed: int | None = None) -> Tensor:
        """Return ``n`` samples in eval mode, always of the same latent vectors unless another seed is named."""
        random = runtime.generator(self.seed + 3 if seed is None else seed)
        return self._drawn(torch.randn(n, self.latent_dim, generator=random))

    @torch.no_grad()
    def _drawn(self, z: Tensor) -> Tensor:
        mode = self.generator.training
        fake = self.generator.eval()(z)
        self.generator.train(mode)
        return fake

    # ------------------------------------------------------------ looking

    def readings(self) -> dict[str, float]:
        """Return what every instrument says now; movements and distances since the last call.

        The keys are ``TRACES``. Losses are means over the steps since the last call. What D was shown as real is read
        where it arrives at D, so a slip on the way there is seen. The patient has to have been trained since.

        Raises:
            ValueError: there was no step since the last call.
        """
        if self.history.num_steps == self._looked_at:
            raise ValueError("readings need at least one step of training since the last call")
        fake, shown, held_out = self._drawn(self._z), torch.cat(list(self._shown)), self.world.held_out[:_EXAMINED]
        d = self.discriminator
        said = {name: instruments.logits(d, batch) for name, batch in
                (("shown", shown), ("held_out", held_out), ("fake", fake))}  # fmt: skip
        made, given = instruments.value_range(fake), instruments.value_range(shown)
        found = {
            **{term: float(self.history[term][self._looked_at :].mean()) for term in ("d_loss", "g_loss")},
            "real_logit": float(said["shown"].mean()),
            "held_out_logit": float(said["held_out"].mean()),
            "fake_logit": float(said["fake"].mean()),
            "real_accuracy": instruments.accuracy(said["shown"], real=True),
            "held_out_accuracy": instruments.accuracy(said["held_out"], real=True),
            "fake_accuracy": instruments.accuracy(said["fake"], real=False),
            "g_gradient": self._norms["G"],
            "d_gradient": self._norms["D"],
            "g_movement": instruments.movement(self._before["G"], self.generator),
            "d_movement": instruments.movement(self._before["D"], self.discriminator),
            "real_low": given.low,
            "real_high": given.high,
            "fake_low": made.low,
            "fake_high": made.high,
            "same_z": instruments.same_z_distance(self._before["fake"], fake),
            "distinct": float(instruments.distinct(fake, self.world.radius)),
            "checkerboard": instruments.checkerboard(fake) if fake.ndim == 4 else 0.0,
            "g_company": self._company(self.generator, self._z),
            "d_company": self._company(d, torch.cat([held_out[:64], fake[:64]])),
        }
        assert tuple(found) == TRACES
        self._remember()
        return found

    @staticmethod
    def _company(network: nn.Module, batch: Tensor) -> float:
        """Return how much the first half changes when the second joins it; 0 where all answers are the same."""
        first, second = batch.chunk(2)
        try:
            return instruments.company(network, first, second)
        except ValueError:
            return 0.0

    def follow(self, num_steps: int | None = None, looks: int = 12) -> Chart:
        """Train on, look ``looks`` times at equal distances, and return the chart.

        Args:
            num_steps: a multiple of ``looks``; by default what the world says.
            looks: how many.
        Raises:
            Diverged: a loss became NaN or infinite.
            ValueError: the steps cannot be divided so.
        """
        num_steps = self.world.steps if num_steps is None else num_steps
        if whole(num_steps) is None or whole(looks) is None or looks < 1 or num_steps < looks or num_steps % looks:
            raise ValueError(f"num_steps must be a multiple of looks, {looks!r}, got {num_steps!r}")
        steps, found, start = [], [], None
        for _ in range(looks):
            self.train(num_steps // looks)
            start = copy.deepcopy(self._start) if start is None else start
            found.append(self.readings())
            steps.append(self.history.num_steps)
        fake = self._drawn(self._z)
        return Chart(
            illness=self.illness,
            world=self.world.name,
            seed=self.seed,
            steps=torch.tensor(steps),
            traces={name: torch.tensor([look[name] for look in found], dtype=torch.float64) for name in TRACES},
            held_out_logits=instruments.logits(self.discriminator, self.world.held_out[:_EXAMINED])[:LOGITS],
            fake_logits=instruments.logits(self.discriminator, fake)[:LOGITS],
            gradients={"start": start, "end": copy.deepcopy(self._gradients)},
            samples=fake[: IMAGES if fake.ndim == 4 else POINTS],
        )

    # ------------------------------------------------------------ wires

    def _attach(self) -> None:
        """Read gradients where an optimiser is about to use them, and real samples where D gets them."""
        for name, network, optimizer in (
            ("G", self.generator, self.g_optimizer),
            ("D", self.discriminator, self.d_optimizer),
        ):

            def read(*_: Any, name: str = name, network: nn.Module = network) -> None:
                if self._watched:
                    self._gradients[name] = instruments.gradient_norms(network)
                    self._norms[name] = instruments.gradient_norm(network)
                    if self.history.num_steps == 0:
                        self._start[name] = self._gradients[name]

            optimizer.register_step_pre_hook(read)

        self._start: dict[str, dict[str, float]] = {}

        def see(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            if self._first_in_step:
                self._shown.append(inputs[0].detach())
                self._first_in_step = False

        self.discriminator.register_forward_pre_hook(see)

    def _remember(self) -> None:
        self._looked_at = self.history.num_steps
        self._before = {
            "G": instruments.snapshot(self.generator),
            "D": instruments.snapshot(self.discriminator),
            "fake": self._drawn(self._z),
        }


def admit(illness: str = HEALTHY, at: str | World = "digits", seed: int = 0) -> Patient:
    """Return a new patient: a GAN whose programme has the illness, before its first step.

    Args:
        illness: a name in ``ILLNESSES``.
        at: "digits", "ring", or a world.
        seed: of the first weights, the batches and the latent vectors.
    Raises:
        ValueError: there is no such illness or world, or the illness cannot be caught there.
    First met in: notebook 11.
    """
    at = at if isinstance(at, World) else world(at)
    if illness not in ILLNESSES:
        raise ValueError(f"illness must be one of {', '.join(ILLNESSES)}, got {illness!r}")
    if at.name not in ILLNESSES[illness].worlds:
        raise ValueError(f"{illness!r} can be caught on {' or '.join(ILLNESSES[illness].worlds)}, not on {at.name!r}")
    return Patient(illness, at, seed)


def resume(patient: Patient, illness: str = HEALTHY) -> Patient:
    """Return a patient that goes on from the weights of another by another programme, by default the healthy one.

    Weights and batch norm's statistics are copied; the optimisers start afresh, because an old one may hold the wrong
    weights. The old patient stays as it is.

    Raises:
        ValueError: the two programmes build different networks, so that the weights do not fit: start again.
    First met in: notebook 11.
    """
    cured = Patient(illness, patient.world, patient.seed + 100)
    for name in ("generator", "discriminator"):
        old, new = getattr(patient, name), getattr(cured, name)
        kept = old.state_dict()
        shapes = [{key: value.shape for key, value in state.items()} for state in (kept, new.state_dict())]
        if shapes[0] != shapes[1]:
            raise ValueError(f"the weights of the {name} do not fit the programme {illness!r}: admit a new patient")
        new.load_state_dict(kept)
    cured._remember()
    return cured
