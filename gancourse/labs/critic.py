"""The live panel of notebook 08: a critic learns how far apart two densities are, next to the exact distance.

Both densities are Gaussians on the line, so the distance has a closed form, and what the critic says of them is an
integral on a grid, not a guess from samples. Only its training sees samples.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from gancourse import runtime
from gancourse._numbers import real, whole
from gancourse._torch_modes import usual_modes
from gancourse.data import toy
from gancourse.labs._film import Film
from gancourse.labs.panel import Choice, Panel, Slider, check_finite
from gancourse.losses import LOSSES
from gancourse.metrics import lipschitz
from gancourse.metrics.transport import gaussian_w1
from gancourse.models import mlp
from gancourse.penalties import gradient_penalty, weight_clipping
from gancourse.plotting import critics as pictures
from gancourse.plotting import style

__all__ = ["BRAKES", "FILMS", "Critic", "film", "panel"]

BRAKES = {"none": "none", "clip the weights": "clipping", "penalty": "penalty"}
"""What keeps the critic from being steep: what the panel's buttons show, and the setting."""

BETAS, BATCH_SIZE, HIDDEN = (0.0, 0.99), 128, 32
REAL_STD = 0.5
_LOW, _HIGH, _POINTS = -3.0, 8.0, 441
_SCORED = (-8.0, 8.0)
_TRACED, _TRACE = 300, (-2.0, 10.0)


class Critic:
    """A stepper: one critic, two hidden layers of 32 units, between two Gaussians on the line.

    The real numbers come from N(0, 0.5²). One step is one update of the critic with Adam, betas (0, 0.99). The settings
    may be changed at any time and hold from the next step on; ``reset`` keeps them.

    Args:
        seed: of the weights and of everything drawn while training.
        place: mean of the generated numbers, 0 to 6.
        width: their standard deviation, above 0.
        brake: "none", "clipping" or "penalty".
        clip: weights are clipped to [-clip, clip] after each step, where the brake is clipping.
        weight: lambda of WGAN-GP's penalty, where the brake is the penalty.
        lr: learning rate.
        device: where to train; "cpu" is the fastest for a network of this size.
    Raises:
        ValueError: a setting is none of these.
    First met in: notebook 08.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        place: float = 3.0,
        width: float = 0.5,
        brake: str = "clipping",
        clip: float = 0.1,
        weight: float = 3.0,
        lr: float = 3e-3,
        device: str | torch.device = "cpu",
    ) -> None:
        if brake not in BRAKES.values():
            raise ValueError(f"brake must be one of {', '.join(BRAKES.values())}, got {brake!r}")
        for name, number in (("width", width), ("clip", clip), ("weight", weight), ("lr", lr)):
            if not _is_number(number) or number <= 0:
                raise ValueError(f"{name} must be a finite number above 0, got {number!r}")
        if not _is_number(place) or not 0 <= place <= 6:
            raise ValueError(f"place must be a number from 0 to 6, got {place!r}")
        self.seed, self.place, self.width = seed, float(place), float(width)
        self.brake, self.clip, self.weight, self.lr = brake, clip, weight, lr
        self.device = runtime.pick_device(device)
        self.x = torch.linspace(_LOW, _HIGH, _POINTS)[:, None]
        self._picture: _Picture | None = None
        self.reset()

    def reset(self) -> None:
        """Start afresh from ``seed``: new weights, a new optimiser, no step done."""
        with runtime.seeded(self.seed):
            self.f = mlp.Discriminator(data_dim=1, hidden=HIDDEN).to(self.device)
        self._optimiser = None
        self._random = runtime.generator(self.seed, self.device)
        self.steps_done = 0
        self.trace: deque[tuple[float, float, float]] = deque(maxlen=_TRACED)

    def step(self) -> None:
        """Update the critic once, with the brake that is on, and note what it says."""
        if self._optimiser is None:
            self._optimiser = torch.optim.Adam(self.f.parameters(), betas=BETAS)
        self._optimiser.param_groups[0]["lr"] = self.lr
        real = toy.gaussian(0.0, REAL_STD).sample(BATCH_SIZE, self._random)
        fake = toy.gaussian(self.place, self.width).sample(BATCH_SIZE, self._random)
        d_loss = LOSSES["wasserstein"].discriminator_terms(self.f(real), self.f(fake)).mean()
        objective = d_loss
        if self.brake == "penalty":
            objective = d_loss + self.weight * gradient_penalty(self.f, real, fake, generator=self._random)
        self._optimiser.zero_grad()
        objective.backward()
        self._optimiser.step()
        if self.brake == "clipping":
            weight_clipping(self.f, self.clip)
        self.steps_done += 1
        check_finite(self.steps_done, d_loss=d_loss)
        estimate, steepest = self.measure()
        self.trace.append((self.exact(), estimate, estimate / steepest if steepest > 0 else 0.0))

    # ------------------------------------------------------------ looking

    def densities(self) -> tuple[Tensor, Tensor]:
        """Return p and q on the grid ``x``, float64, shape (441,)."""
        x = self.x.double()
        return tuple(
            toy.gaussian(mean, std).log_prob(x).exp() for mean, std in ((0.0, REAL_STD), (self.place, self.width))
        )

    def scores(self) -> Tensor:
        """Return the critic's score on the grid, float64, shape (441,)."""
        with torch.no_grad():
            return self.f(self.x.to(self.device)).cpu().double()

    def exact(self) -> float:
        """Return the exact W1 distance of the two Gaussians."""
        return gaussian_w1(0.0, REAL_STD, self.place, self.width)

    def measure(self) -> tuple[float, float]:
        """Return what the critic says, the mean score of real minus that of generated numbers, and its steepest slope.

        Both on the grid, which holds all but 1e-3 of the mass: no sampling noise.
        """
        p, q = self.densities()
        estimate = float(torch.trapezoid(self.scores() * (p - q), self.x.double().flatten()))
        return estimate, lipschitz.largest_slope(self.f, self.x.to(self.device))

    def best(self) -> Tensor:
        """Return the score of the best critic of slope 1 on the grid: falling where more of p than of q lies behind."""
        p, q = self.densities()
        x = self.x.double().flatten()
        behind = torch.cumulative_trapezoid(p - q, x)  # F_p - F_q, between the places
        (seen,) = torch.nonzero(behind.abs() > 1e-6, as_tuple=True)
        if len(seen) == 0:  # equal densities: any critic is best
            return torch.zeros_like(x)
        slope = -behind.sign()
        slope[: seen[0]], slope[seen[-1] :] = slope[seen[0]], slope[seen[-1]]  # beyond the mass any slope will do
        return torch.cat([torch.zeros(1, dtype=torch.float64), (slope * x.diff()).cumsum(0)])

    def status(self) -> str:
        """Say in words what the picture shows."""
        exact, (estimate, steepest) = self.exact(), self.measure()
        corrected = estimate / steepest if steepest > 0 else 0.0
        said = (
            f"Step {self.steps_done}: exact W1 {exact:.2f}, the critic says {_short(estimate)}, its steepest slope is "
            f"{_short(steepest)}, the ratio of the two {corrected:.2f}"
        )
        if exact < 0.02:
            words = "there is nothing to find"
        elif estimate < 0:
            words = "upside down, it calls the generated numbers more real"
        elif corrected > 0.9 * exact:
            words = "the ratio is nearly the distance"
        elif corrected > 0.6 * exact:
            words = "the ratio is a fair lower bound"
        else:
            words = "the ratio is far below the distance"
        return f"{said}: {words}."

    def draw(self) -> Figure:
        """Draw both densities, the critic at slope 1 beside the best one, and the trace of what it said."""
        if self._picture is None:
            self._picture = _Picture(self.x.double().flatten().numpy())
        self._picture.update(self)
        return self._picture.figure


class _Picture:
    """Densities, critic and trace, one below the other; made once and then updated."""

    def __init__(self, x: np.ndarray) -> None:
        self.figure, (upper, middle, lower) = style.figure(1, 3, size=(6.0, 6.6), height_ratios=[2, 3, 3])
        self._x, nothing = x, np.full(len(x), np.nan)
        real, neutral = style.COLOURS["real"], style.COLOURS["neutral"]
        p = np.exp(-0.5 * (x / REAL_STD) ** 2) / REAL_STD / math.sqrt(2 * math.pi)
        upper.fill_between(x, p, color=real, alpha=0.28, linewidth=0)
        upper.plot(x, p, color=real, label="real p")
        (self._q,) = upper.plot(
            *(x, nothing), color=style.COLOURS["generator"], linestyle=(0, (4, 1.5)), linewidth=2, label="generated q"
        )
        upper.set(ylabel="density", xlim=(_LOW, _HIGH), ylim=(0, 2.1), xticklabels=[])
        (self._best,) = middle.plot(x, nothing, **pictures.EXACT, label="best critic of slope 1")
        (self._f,) = middle.plot(
            x, nothing, color=style.COLOURS["discriminator"], linewidth=2.2, label="critic / its steepest slope"
        )
        middle.axhline(0, color=neutral, linewidth=0.8)
        middle.set(xlabel="x", ylabel="score", xlim=(_LOW, _HIGH), ylim=_SCORED)
        age = np.arange(-_TRACED + 1, 1)
        self._lines = []
        for label, look in (
            ("exact W1", pictures.EXACT),
            ("what the critic says", pictures.LOOKS[0]),
            ("the same / its steepest slope", pictures.LOOKS[1]),
        ):
            self._lines += lower.plot(age, np.full(_TRACED, np.nan), **look, label=label)
        lower.axhline(0, color=neutral, linewidth=0.8)
        lower.set(xlabel=f"the last {_TRACED} steps", ylabel="distance", xlim=(-_TRACED, 0), ylim=_TRACE)
        self._title = upper.set_title("")
        for ax in (upper, middle, lower):
            ax.legend(loc="upper right" if ax is not lower else "upper left", frameon=False)

    def update(self, run: Critic) -> None:
        p, q = (density.numpy() for density in run.densities())
        _, steepest = run.measure()
        self._q.set_ydata(q)
        self._best.set_ydata(pictures.centred(run.best().numpy(), p, q))
        f = run.scores().numpy() / steepest if steepest > 0 else np.zeros(len(self._x))
        self._f.set_ydata(pictures.centred(f, p, q))
        rows = np.full((_TRACED, 3), np.nan)
        if run.trace:
            rows[-len(run.trace) :] = run.trace
        for line, values in zip(self._lines, rows.T, strict=True):
            line.set_ydata(np.clip(values, *_TRACE))
        self._title.set_text(f"exact W1 = {run.exact():.2f}, steepest slope of the critic = {_short(steepest)}")


@usual_modes()
def panel(seed: int = 0, *, device: str | torch.device = "cpu") -> Panel:
    """Return the live panel: two densities and a critic that learns their distance, beside the exact one.

    Args:
        seed: where to start; the panel can change it.
        device: where to train.
    First met in: notebook 08.
    """
    return Panel(
        Critic(seed, device=device),
        name="critic",
        title="A critic measures a distance",
        steps_per_tick=10,
        controls=[
            Choice("brake", "brake", BRAKES, hint="Try none first: what grows without end, and what does not?"),
            Slider("clip value", "clip", 0.005, 1.0, log=True, hint="Clipping only. Try 0.01, then 0.5."),
            Slider(
                "penalty weight λ", "weight", 0.1, 100.0, log=True, hint="Penalty only. Try 0.5: too high by how much?"
            ),
            Slider(
                "place of q",
                "place",
                0.0,
                6.0,
                step=0.1,
                hint="Move it while the critic stands still: it is wrong now.",
            ),
            Slider("width of q", "width", 0.2, 1.5, step=0.05, hint="At place 0, try 1.5: is the roof found?"),
        ],
    )


@usual_modes()
def film(brakes: Sequence[str] = ("none", "clipping", "penalty"), *, num_steps: int = 300, seed: int = 0) -> Figure:
    """Train one critic a brake, from the same start, and return a still: what each says over steps, next to the truth.

    Args:
        brakes: of :data:`BRAKES`' values.
        num_steps: updates of each, 1 to 300.
        seed: of all of them.
    Raises:
        ValueError: a brake is unknown, or ``num_steps`` out of range.
    First met in: notebook 08.
    """
    if (count := whole(num_steps)) is None or not 1 <= count <= _TRACED:
        raise ValueError(f"num_steps must be a whole number from 1 to {_TRACED}, got {num_steps!r}")
    num_steps = count
    said = {}
    for brake in brakes:
        run = Critic(seed, brake=brake)
        for _ in range(num_steps):
            run.step()
        said[f"brake: {brake}"] = [estimate for _, estimate, _ in run.trace]
    return pictures.estimates(range(1, num_steps + 1), said, exact=run.exact(), top=_TRACE[1], title="What critics say")


# ---------------------------------------------------------------- helpers


def _is_number(value: object) -> bool:
    return (number := real(value)) is not None and math.isfinite(number)


def _short(value: float) -> str:
    """Write a number with about two digits, however large or small it is."""
    return (
        f"{value:.2f}"
        if 0.1 <= abs(value) < 100 or value == 0
        else f"{value:.2g}"
        if abs(value) < 1e6
        else f"{value:.1e}"
    )


FILMS = (Film("critic", panel, "brake", BRAKES, steps=6),)
"""What the web site shows of the panel, without a kernel."""
