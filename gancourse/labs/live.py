"""The panel of notebook 21: a generator draws while you move, whole or made smaller, and the panel keeps the time.

Play walks along a circle of latent vectors. Two sliders move the place across and down. Nothing trains.
"""

from __future__ import annotations

import contextlib
import io
import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Mapping

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from gancourse import runtime, timing
from gancourse._numbers import whole_between
from gancourse._torch_modes import usual_modes
from gancourse.compressing import channels, pruning, rounding
from gancourse.data import digits
from gancourse.encoding import inverse
from gancourse.labs._film import Film
from gancourse.labs.panel import Choice, Panel, Slider
from gancourse.models import averaging
from gancourse.plotting import style

__all__ = ["FARTHEST", "FILMS", "IMAGES", "Live", "panel"]

IMAGES: tuple[int, ...] = (1, 16, 64)
"""How many images a call makes, as the buttons offer them: neighbours in a square."""

FARTHEST = 2.0
"""How far each slider goes either way; two latent vectors drawn by chance are about 4 apart, in these units."""

_TURN, _UNIT, _APART, _CALLS = 5.0, 2.8, 0.35, 20
_SHORTEST, _LONGEST = 0.01, 100.0  # milliseconds, the ends of the axis
_DIRECTIONS = 4  # two for the walk's circle, two for the sliders

Network = Callable[[Tensor], Tensor]


class Live:
    """A stepper: a place among latent vectors, what a network draws there, and how long that takes.

    Args:
        nets: name -> a function from z, shape (N, latent_dim), to grey images, shape (N, 1, S, S) in [-1, 1].
        latent_dim: of all of them, at least 4.
        seed: of the circle and of the two directions.
    Attributes:
        kind: one of the names.
        images: one of :data:`IMAGES`.
        across, down: where the place lies, from -2 to 2.
    Raises:
        ValueError: there are no networks, ``latent_dim`` is too small, or the seed is none.
    First met in: notebook 21.
    """

    def __init__(self, nets: Mapping[str, Network], *, latent_dim: int, seed: int = 0) -> None:
        if not nets:
            raise ValueError("nets must hold at least one network")
        self.nets, self.seed = dict(nets), seed
        self._latent_dim = whole_between("latent_dim", latent_dim, _DIRECTIONS)
        self.kind, self.images, self.across, self.down = next(iter(nets)), 1, 0.0, 0.0
        self._figure: Figure | None = None
        self.reset()

    def reset(self) -> None:
        """Go back to the start of the walk, and forget all times."""
        drawn = torch.randn(_DIRECTIONS, self._latent_dim, generator=runtime.generator(self.seed))
        self._frame = torch.linalg.qr(drawn.T)[0].T  # four directions at right angles
        self.steps_done = 0
        self._took: dict[tuple[str, int], deque[float]] = {}
        self._shown: deque[float] = deque(maxlen=_CALLS)  # when pictures were finished

    def step(self) -> None:
        """Walk on: a little turn on the circle."""
        self.steps_done += 1

    def latents(self) -> Tensor:
        """Return z of all images of the picture, row by row, shape (images, latent_dim).

        Raises:
            ValueError: ``images`` is not one of those offered.
        """
        if self.images not in IMAGES:
            raise ValueError(f"images must be one of {', '.join(map(str, IMAGES))}, got {self.images!r}")
        side, turn = math.isqrt(self.images), math.radians(_TURN * self.steps_done)
        places = _APART * (torch.arange(side) - (side - 1) / 2)
        down, across = (part.flatten() for part in torch.meshgrid(places, places, indexing="ij"))
        radius = math.sqrt(self._latent_dim)
        circle = radius * torch.tensor([math.cos(turn), math.sin(turn)]).expand(self.images, 2)
        beside = _UNIT * torch.stack([across + self.across, down + self.down], dim=1)
        return torch.cat([circle, beside], dim=1).float() @ self._frame

    def picture(self) -> Tensor:
        """Return all images in a square, shape (rows * S, rows * S), and note how long the network took.

        Raises:
            ValueError: ``kind`` is not one of the names.
        """
        if self.kind not in self.nets:
            raise ValueError(f"kind must be one of {', '.join(self.nets)}, got {self.kind!r}")
        z, net = self.latents(), self.nets[self.kind]
        fresh = (self.kind, self.images) not in self._took
        with torch.inference_mode():
            if fresh:
                net(z)  # the first call is like no other
            begun = timing.clock()
            made = net(z)
            took = (timing.clock() - begun) / 1e6
        self._took.setdefault((self.kind, self.images), deque(maxlen=_CALLS)).append(took)
        side = math.isqrt(self.images)
        return made[:, 0].unflatten(0, (side, side)).transpose(1, 2).flatten(2).flatten(0, 1).clone()

    def milliseconds(self, kind: str) -> float | None:
        """Return the median CPU time of that network's last calls with so many images; None if it has made none."""
        took = self._took.get((kind, self.images))
        return statistics.median(took) if took else None

    def status(self) -> str:
        """Say who draws, where, how long it takes, and how many pictures a second that gives."""
        took = self.milliseconds(self.kind)
        plural = "" if self.images == 1 else "s"
        said = (
            f"Step {self.steps_done}, {self.kind}, {self.images} image{plural} a picture, across {self.across:.1f}, "
            f"down {self.down:.1f}."
        )
        if took is None:
            return said
        said += f" The net takes {took:.2f} ms, so it alone could draw {1000 / max(took, 1e-6):,.0f} pictures a second."
        if len(self._shown) > 1 and self._shown[-1] > self._shown[0]:
            rate = (len(self._shown) - 1) / (self._shown[-1] - self._shown[0])
            said += f" Shown in the panel, with all the rest: {rate:.0f} a second."
        return said

    # ------------------------------------------------------------ the picture

    def draw(self) -> Figure:
        """Draw what the network makes of this place, and the time that each network has taken so far."""
        if self._figure is None:
            self._build()
        made = self.picture().numpy()
        self._image.set_data(made)
        for place, (name, words) in enumerate(zip(self.nets, self._words, strict=True)):
            took = self.milliseconds(name)
            at = min(max(took or _SHORTEST, _SHORTEST), _LONGEST)
            self._marks[place].set_data([] if took is None else [at], [] if took is None else [place])
            self._marks[place].set_markersize(13 if name == self.kind else 8)
            self._marks[place].set_alpha(1.0 if name == self.kind else 0.5)
            words.set_text("" if took is None else f"  {took:.2f} ms")
            words.set_x(at * 1.15)
        self._titles[0].set_text(f"{self.kind}, {self.images} image{'' if self.images == 1 else 's'}")
        now = time.perf_counter()
        if self._shown and now - self._shown[-1] > 1.0:
            self._shown.clear()  # somebody has paused
        self._shown.append(now)
        return self._figure

    def _build(self) -> None:
        self._figure, (left, right) = style.figure(2, size=(8.4, 3.9), dpi=80, gridspec_kw={"width_ratios": [1, 1.15]})
        blank = np.zeros((28, 28))
        self._image = left.imshow(blank, cmap="gray", vmin=-1, vmax=1, interpolation="nearest", extent=(0, 1, 0, 1))
        left.set(xticks=[], yticks=[])
        self._titles = [left.set_title("")]
        names = list(self.nets)
        look = {"marker": "X", "linestyle": "none", "color": style.COLOURS["fake"], "markeredgecolor": "white"}
        self._marks = [right.plot([], [], **look)[0] for _ in names]
        self._words = [right.text(_SHORTEST, place, "", va="center", fontsize=10) for place in range(len(names))]
        right.set_yticks(range(len(names)), names)
        right.grid(axis="x", color="#eeeeee")
        right.set(xscale="log", xlim=(_SHORTEST, _LONGEST * 5), ylim=(len(names) - 0.4, -0.6))
        right.set(xlabel="milliseconds of a call, as measured here", title="tried so far")
        right.set_xticks([0.01, 0.1, 1, 10, 100], ["0.01", "0.1", "1", "10", "100"])


def _measured_again(network: torch.nn.Module, seed: int) -> torch.nn.Module:
    z = torch.randn(1_000, network.latent_dim, generator=runtime.generator(seed))
    averaging.recompute_batch_norm(network, z.split(500))
    return network


def _small(seed: int) -> dict[str, torch.nn.Module]:
    """Return generators of embedded digits of 16 by 16: one trained for a second or two, and what was made of it."""
    with contextlib.redirect_stdout(io.StringIO()):  # a panel says nothing but in its own line
        data = digits.load("embedded", image_size=16)
    whole = inverse.train_generator(data.images, num_steps=90, seed=seed)
    return {
        "whole": whole,
        "half the units": _measured_again(channels.narrowed(whole, width=16, hidden=128), seed),
        "half its weights 0": _measured_again(pruning.pruned(whole, 0.5), seed),
        "8 bits": rounding.rounded(whole, 8),
        "2 bits": _measured_again(rounding.rounded(whole, 2), seed),
    }


@usual_modes()
def panel(nets: Mapping[str, Network] | None = None, *, latent_dim: int | None = None, seed: int = 0) -> Panel:
    """Return the panel *draw as you move*. Nothing trains while it is used.

    Args:
        nets: name -> network; without them, small ones are trained first, in about two seconds.
        latent_dim: of all of them; by default that of the first.
        seed: of the walk, and of that training.
    First met in: notebook 21.
    """
    nets = dict(nets or _small(seed))
    dim = latent_dim if latent_dim is not None else next(iter(nets.values())).latent_dim
    return Panel(
        Live(nets, latent_dim=dim, seed=seed),
        name="live",
        title="Draw as you move",
        steps_per_tick=1,
        controls=[
            Choice(
                "network",
                "kind",
                tuple(nets),
                hint="Try them all. Whose mark lies further left, and whose only seems to?",
            ),
            Choice("images in a call", "images", IMAGES, hint="Do 64 images take 64 times as long as one?"),
            Slider("across", "across", -FARTHEST, FARTHEST, step=0.1, hint="Where does one digit become another?"),
            Slider("down", "down", -FARTHEST, FARTHEST, step=0.1, hint="And is it the same place for a small net?"),
        ],
    )


FILMS = (
    Film(
        "live", panel, "kind", {kind: kind for kind in ("whole", "half the units", "half its weights 0", "2 bits")},
        frames=36, steps=1, per_second=6,
        note="The film's nets were trained for two seconds on small digits; its times are those of the machine that "
        "filmed it.",
    ),
)  # fmt: skip
"""What the web site shows of the panel, without a kernel."""
