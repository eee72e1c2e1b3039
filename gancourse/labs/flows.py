"""The panel of notebook 22: a flow beside a GAN, both learning a ring of eight blobs, drawn from the same noise.

The flow is asked as often as you choose; the GAN needs one call. The exact flow of the ring, which no network has
learnt, can be put in the place of the learned one.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from gancourse import flowing, runtime
from gancourse._torch_modes import usual_modes
from gancourse.labs import ring
from gancourse.labs._film import Film
from gancourse.labs.panel import Choice, Panel, Slider, check_finite
from gancourse.metrics import modes
from gancourse.models import mlp
from gancourse.plotting import style

__all__ = ["CALLS", "FILMS", "KINDS", "Beside", "panel"]

CALLS: tuple[int, ...] = (1, 2, 4, 8, 32)
"""Steps of the flow from noise to a sample, as the buttons offer them; each is a call of the network."""

KINDS: tuple[str, ...] = ("learned", "exact")
"""Whose velocity the flow follows: a network's, or that of the ring itself."""

_BATCH, _RATE, _SHOWN, _COUNTED, _LIMIT, _RADIUS = 64, 3e-3, 200, 1_000, 2.4, 1.5


class Beside:
    """A stepper: a flow and a GAN in the plane, trained on the same ring, and a marked noise that both move.

    Both have hidden layers of 64 units (the flow's network three, each player of the GAN two) and batches of 64. A
    step is one step of each.

    Args:
        seed: of the weights and of everything drawn while training.
    Attributes:
        kind: one of :data:`KINDS`.
        calls: one of :data:`CALLS`.
        angle: where on a circle of radius 1.5 the marked noise lies, in degrees.
    Raises:
        ValueError: the seed is none.
    First met in: notebook 22.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed, self.kind, self.calls, self.angle = seed, "learned", 8, 30.0
        self._gan = ring.Ring(seed)
        self._noise = torch.randn(_COUNTED, 2, generator=runtime.generator(0))
        self._figure: Figure | None = None
        self.reset()

    def reset(self) -> None:
        """Start both afresh from ``seed``."""
        self._gan.seed = self.seed
        self._gan.reset()
        with runtime.seeded(self.seed):
            self._network = mlp.Generator(latent_dim=3, data_dim=2, depth=3)
        self._optimizer = None
        self._random = runtime.generator(self.seed + 1)
        self.steps_done = 0

    def step(self) -> None:
        """Update the GAN's players once each, and the flow's network once.

        Raises:
            Diverged: a loss is no longer finite.
        """
        if self._optimizer is None:
            self._optimizer = torch.optim.Adam(self._network.parameters(), lr=_RATE)
        self._gan.step()
        points = self._gan.data.sample(_BATCH, self._random)
        loss = flowing.loss(self._guess, points, self._random, times="uniform")
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        self.steps_done += 1
        check_finite(self.steps_done, flow_loss=loss)

    def _guess(self, x: Tensor, t: Tensor) -> Tensor:
        return self._network(torch.cat([x, t[:, None]], dim=1))

    def _exact(self, x: Tensor, t: Tensor) -> Tensor:
        return flowing.exact_guess(x, t, self._gan.data.modes, std=self._gan.data.mode_std)

    # ------------------------------------------------------------ what both draw

    @torch.no_grad()
    def path(self, noise: Tensor) -> Tensor:
        """Return the way of the flow from each noise, shape (calls + 1, N, 2).

        Raises:
            ValueError: ``kind`` or ``calls`` is not one of those offered.
        """
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.calls not in CALLS:
            raise ValueError(f"calls must be one of {', '.join(map(str, CALLS))}, got {self.calls!r}")
        return flowing.sample(
            self._guess if self.kind == "learned" else self._exact, noise, steps=self.calls, path=True
        )

    @torch.no_grad()
    def generated(self, noise: Tensor) -> Tensor:
        """Return what the GAN makes of each noise, shape (N, 2)."""
        return self._gan.G(noise)

    def marked(self) -> Tensor:
        """Return the marked noise, shape (1, 2)."""
        turn = math.radians(float(self.angle))
        return torch.tensor([[_RADIUS * math.cos(turn), _RADIUS * math.sin(turn)]])

    def status(self) -> str:
        """Say what both have learnt, and where the marked noise goes."""
        target = self._gan.data
        said = []
        for points in (self.path(self._noise)[-1], self.generated(self._noise)):
            said.append((int(modes.covered(points, target)), float(modes.quality(points, target))))
        (flow_modes, flow_good), (gan_modes, gan_good) = said
        ends = [self._blob(end) for end in (self.path(self.marked())[-1], self.generated(self.marked()))]
        return (
            f"Step {self.steps_done:,}. Flow ({self.kind}), {self.calls} call{'s' if self.calls > 1 else ''} a sample: "
            f"{flow_modes} of {len(target.modes)} blobs, {flow_good:.0%} of the points on a blob. GAN, 1 call: "
            f"{gan_modes} of {len(target.modes)}, {gan_good:.0%}. The marked noise at {float(self.angle):.0f}° goes to "
            f"{ends[0]} by the flow, to {ends[1]} by the GAN."
        )

    def _blob(self, point: Tensor) -> str:
        """Say where a point is, shape (1, 2): in coordinates, which change with every control."""
        return f"({point[0, 0]:.2f}, {point[0, 1]:.2f})"

    # ------------------------------------------------------------ the picture

    def draw(self) -> Figure:
        """Draw both clouds over the ring, and the ways of the marked noise."""
        if self._figure is None:
            self._build()
        way, marked = self.path(self._noise), self.marked()
        mine = self.path(marked)[:, 0].numpy()
        for cloud, points in zip(self._clouds, (way[-1], self.generated(self._noise)), strict=True):
            cloud.set_data(*points[:_SHOWN].numpy().T)
        ends = np.concatenate([marked.numpy(), self.generated(marked).numpy()])
        for line, places in zip(self._ways, (mine, ends), strict=True):
            line.set_data(*places.T)
        for start in self._starts:
            start.set_data(*([value] for value in marked[0].tolist()))
        self._titles[0].set_text(f"flow ({self.kind}), {self.calls} call{'s' if self.calls > 1 else ''}")
        return self._figure

    def _build(self) -> None:
        self._figure, axes = style.figure(2, size=(8.0, 4.4), dpi=80)
        real = self._gan.data.sample(_SHOWN, runtime.generator(0)).numpy()
        parts = [self._one(ax, real, look) for ax, look in zip(axes, ("o-", "o:"), strict=True)]
        self._clouds, self._ways, self._starts = (list(group) for group in zip(*parts, strict=True))
        self._titles = [axes[0].set_title(""), axes[1].set_title("GAN, 1 call")]
        handles, labels = axes[0].get_legend_handles_labels()
        self._figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)

    @staticmethod
    def _one(ax: Axes, real: np.ndarray, look: str) -> tuple[Line2D, Line2D, Line2D]:
        ax.plot(*real.T, "o", color=style.COLOURS["real"], markersize=3, alpha=0.5, label="real")
        (cloud,) = ax.plot([], [], "x", color=style.COLOURS["fake"], markersize=4.5, label="drawn")
        (way,) = ax.plot([], [], look, color="black", markersize=3.5, linewidth=1.4, label="its way")
        (start,) = ax.plot([], [], "D", color=style.COLOURS["warning"], markersize=9, label="the marked noise")
        ax.set(xlim=(-_LIMIT, _LIMIT), ylim=(-_LIMIT, _LIMIT), aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
        return cloud, way, start


@usual_modes()
def panel(seed: int = 0) -> Panel:
    """Return the panel *a flow beside a GAN*. Both train while it plays.

    Args:
        seed: of both.
    First met in: notebook 22.
    """
    return Panel(
        Beside(seed),
        name="flows",
        title="A flow beside a GAN",
        steps_per_tick=10,
        controls=[
            Choice("calls of the flow", "calls", CALLS, hint="One call: where do all points go? Why there?"),
            Choice("velocity", "kind", KINDS, hint="How few calls are enough for the exact flow?"),
            Slider("angle of the marked noise", "angle", 0, 360, step=5, hint="Does a small turn change the blob?"),
        ],
    )


FILMS = (
    Film("flows", panel, "calls", {f"{calls} call{'s' if calls > 1 else ''}": calls for calls in (1, 4, 32)},
         frames=30, steps=50, per_second=5),
)  # fmt: skip
"""What the web site shows of the panel, without a kernel."""
