"""The live panel of notebook 00: a small GAN learns a ring of eight blobs while you watch.

The data is a ring whose density is known, so what the picture shows can also be counted: a blob
is *covered* when at least a fifth of its fair share of the generated points lies on it, that is
within three standard deviations of its centre.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from gancourse import runtime
from gancourse._numbers import real, whole
from gancourse._torch_modes import usual_modes
from gancourse.data import toy
from gancourse.labs._film import Film
from gancourse.labs._surface import FADED, Surface
from gancourse.labs.panel import Choice, Panel, Slider, check_finite
from gancourse.losses import LOSSES
from gancourse.models import mlp
from gancourse.plotting import style

__all__ = ["FILMS", "Ring", "film", "panel"]

BETAS = (0.5, 0.999)
BATCH_SIZE = 64
_SHOWN, _COUNTED, _SIDE, _LIMIT = 256, 1_000, 41, 1.45
_LEVELS = np.linspace(-4, 4, 9)


class Ring:
    """A stepper: a GAN in the plane, two hidden layers of 64 units a player, trained on the ring.

    The settings may be changed at any time and hold from the next step on; ``reset`` keeps them.

    Args:
        seed: of the weights and of everything drawn while training.
        lr_g, lr_d: learning rates of Adam, betas (0.5, 0.999).
        d_steps_per_g_step: updates of the discriminator in one step.
        loss: a key of ``losses.LOSSES``.
        device: where to train; "cpu" is the fastest for networks of this size.
    Raises:
        ValueError: the loss, a number of steps, a learning rate, or the seed is none.
    First met in: notebook 00.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        lr_g: float = 1e-3,
        lr_d: float = 3e-3,
        d_steps_per_g_step: int = 1,
        loss: str = "non_saturating",
        device: str | torch.device = "cpu",
    ) -> None:
        if loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {loss!r}")
        if (turns := whole(d_steps_per_g_step)) is None or turns < 1:
            raise ValueError(f"d_steps_per_g_step must be a positive whole number, got {d_steps_per_g_step!r}")
        for name, rate in (("lr_g", lr_g), ("lr_d", lr_d)):
            if (number := real(rate)) is None or not 0 < number < float("inf"):
                raise ValueError(f"{name} must be a positive learning rate, got {rate!r}")
        self.seed, self.loss, self.d_steps_per_g_step = seed, loss, turns
        self.lr_g, self.lr_d = real(lr_g), real(lr_d)
        self.device = runtime.pick_device(device)
        self.data = toy.ring()
        self.reset()

        # Looking has random numbers of its own: it never changes what the GAN becomes.
        looking = runtime.generator(0)
        self._z = torch.randn(_COUNTED, 2, generator=looking).to(self.device)
        self._real_shown = self.data.sample(_SHOWN, looking).numpy()
        line = torch.linspace(-_LIMIT, _LIMIT, _SIDE)
        self._plane = torch.cartesian_prod(line, line).flip(1).to(self.device)  # row by row, from below
        self._picture: _Picture | None = None

    def reset(self) -> None:
        """Start afresh from ``seed``: new weights, new optimisers, no step done."""
        with runtime.seeded(self.seed):
            self.G = mlp.Generator(latent_dim=2, data_dim=2).to(self.device)
            self.D = mlp.Discriminator(data_dim=2).to(self.device)
        self.opt_g = self.opt_d = None  # made at the first step: the first picture need not wait for torch.optim
        self._random = runtime.generator(self.seed, self.device)
        self.steps_done = 0

    def step(self) -> None:
        """Update the discriminator ``d_steps_per_g_step`` times, then the generator once."""
        if self.opt_g is None:
            self.opt_g = torch.optim.Adam(self.G.parameters(), betas=BETAS)
            self.opt_d = torch.optim.Adam(self.D.parameters(), betas=BETAS)
        loss = LOSSES[self.loss]
        self.opt_g.param_groups[0]["lr"], self.opt_d.param_groups[0]["lr"] = self.lr_g, self.lr_d
        for _ in range(self.d_steps_per_g_step):
            fake = self.G(self._latents()).detach()
            d_loss = loss.discriminator_terms(self.D(self._reals()), self.D(fake)).mean()
            self.opt_d.zero_grad()
            d_loss.backward()
            self.opt_d.step()

        fake_logits = self.D(self.G(self._latents()))
        logits = (self.D(self._reals()), fake_logits) if loss.paired else (fake_logits,)
        g_loss = loss.generator_terms(*logits).mean()
        self.opt_g.zero_grad()
        g_loss.backward()
        self.opt_g.step()
        self.steps_done += 1
        check_finite(self.steps_done, d_loss=d_loss, g_loss=g_loss)

    def _latents(self) -> Tensor:
        return torch.randn(BATCH_SIZE, 2, generator=self._random, device=self.device)

    def _reals(self) -> Tensor:
        return self.data.sample(BATCH_SIZE, self._random)

    # ------------------------------------------------------------ looking

    @torch.no_grad()
    def fakes(self) -> Tensor:
        """Return 1,000 generated points, shape (1000, 2), always from the same latent vectors."""
        return self.G(self._z).cpu()

    def covered(self) -> tuple[int, float]:
        """Return how many blobs are covered, and the share of generated points that lie on a blob."""
        distance = torch.cdist(self.fakes().double(), self.data.modes)
        nearest, which = distance.min(dim=1)
        on_a_blob = nearest <= 3 * self.data.mode_std
        owned = torch.bincount(which[on_a_blob], minlength=len(self.data.modes))
        fair_share = _COUNTED / len(self.data.modes)
        return int((owned >= 0.2 * fair_share).sum()), float(on_a_blob.double().mean())

    def status(self) -> str:
        """Say how far the training is and what is covered."""
        blobs, share = self.covered()
        return (
            f"Step {self.steps_done}: {blobs} of {len(self.data.modes)} blobs covered, "
            f"{share:.0%} of the generated points lie on a blob."
        )

    def draw(self) -> Figure:
        """Draw real points, generated points, and where the discriminator believes in them."""
        if self._picture is None:
            figure, ax = style.figure(size=(4.0, 4.75))
            self._picture = _Picture(ax, self._real_shown)
            _explain(figure, ax, columns=2)
            self._figure = figure
        self.paint(self._picture)
        return self._figure

    @torch.no_grad()
    def paint(self, picture: _Picture) -> None:
        """Put the present state on ``picture``."""
        logits = self.D(self._plane).reshape(_SIDE, _SIDE).cpu().numpy()
        picture.update(self.fakes()[:_SHOWN].numpy(), logits, f"step {self.steps_done:,}")


class _Picture:
    """The plane with a decision surface and two clouds of points, made once and then updated."""

    def __init__(self, ax: Axes, real: np.ndarray) -> None:
        self.surface = Surface(ax, _SIDE, _LIMIT, _LEVELS)
        dots = {"linestyle": "none", "zorder": 2}
        ax.plot(*real.T, marker="o", markersize=3.2, color=style.COLOURS["real"], label="real", **dots)
        (self.fake,) = ax.plot(
            [],
            [],
            marker="x",
            markersize=4.5,
            markeredgewidth=1.1,
            color=style.COLOURS["fake"],
            label="generated",
            **dots,
        )
        ax.set(xlim=(-_LIMIT, _LIMIT), ylim=(-_LIMIT, _LIMIT), xticks=[-1, 0, 1], yticks=[-1, 0, 1], aspect="equal")
        self.title = ax.set_title("step 0")

    def update(self, fake: np.ndarray, logits: np.ndarray, title: str) -> None:
        self.fake.set_data(*fake.T)
        self.surface.set_data(logits)
        self.title.set_text(title)


def _explain(figure: Figure, ax: Axes, *, columns: int) -> None:
    """Put a legend under everything: both clouds, and what the background says."""
    colours = colormaps[style.DECISION_MAP]
    believes = [
        Patch(facecolor=colours(side), alpha=FADED, edgecolor="#999999", label=f"D says {word}")
        for side, word in ((0.85, "real"), (0.15, "fake"))
    ]
    clouds = ax.get_legend_handles_labels()[0]
    figure.legend(handles=clouds + believes, loc="outside lower center", ncols=columns, frameon=False, fontsize=10)


@usual_modes()
def panel(seed: int = 0, *, device: str | torch.device = "cpu") -> Panel:
    """Return the live panel: press Play and watch the crosses look for the dots.

    Args:
        seed: where to start; the panel can change it.
        device: where to train.
    First met in: notebook 00.
    """
    return Panel(
        Ring(seed, device=device),
        name="ring",
        title="A GAN learns a ring of eight blobs",
        steps_per_tick=5,
        controls=[
            Slider(
                "learning rate of G",
                "lr_g",
                1e-4,
                1e-1,
                log=True,
                hint="Try 0.01: why do the crosses huddle and hop about?",
            ),
            Slider(
                "learning rate of D",
                "lr_d",
                1e-4,
                1e-1,
                log=True,
                hint="Try 0.0003 and Reset: how many blobs are found while D is slow?",
            ),
            Slider(
                "D steps per G step",
                "d_steps_per_g_step",
                1,
                5,
                whole=True,
                hint="Keep that slow D, try 5 and Reset: what changes?",
            ),
            Choice(
                "loss",
                "loss",
                ["non_saturating", "minimax", "least_squares", "hinge"],
                hint="Try each, with Reset: which matters more here, the loss or the learning rates?",
            ),
        ],
    )


@usual_modes()
def film(steps: Sequence[int] = (0, 100, 300, 1_000), seed: int = 0, *, device: str | torch.device = "cpu") -> Figure:
    """Return a printed still of the same story: the plane after each of ``steps`` steps.

    Args:
        steps: when to take a picture, from first to last.
        seed: as in :func:`panel`.
        device: where to train.
    Raises:
        ValueError: the steps do not rise from 0 on, or there are none.
    First met in: notebook 00.
    """
    steps = list(steps)
    if not steps or steps[0] < 0 or steps != sorted(set(steps)):
        raise ValueError(f"steps must be rising numbers from 0 on, got {steps!r}")
    ring = Ring(seed, device=device)
    figure, axes = style.figure(len(steps), size=(3.0 * len(steps), 3.7), squeeze=False)
    for until, ax in zip(steps, axes[0], strict=True):
        while ring.steps_done < until:
            ring.step()
        ring.paint(_Picture(ax, ring._real_shown))
        blobs, _ = ring.covered()
        ax.set_xlabel(f"{blobs} of {len(ring.data.modes)} blobs covered")
    _explain(figure, axes[0, 0], columns=4)
    return figure


FILMS = (Film("ring", panel, "lr_g", {"0.001": 1e-3, "0.01": 1e-2, "0.0003": 3e-4}, frames=48, steps=20),)
"""What the web site shows of the panel, without a kernel."""
