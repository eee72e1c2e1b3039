"""The live panel of notebook 02: a GAN learns a number, one update at a time, next to the exact answer.

The data is a mixture of two humps whose density is known. What the generator makes is counted in
bins, so the best discriminator for the *current* generator can be drawn beside the real one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from gancourse import runtime
from gancourse._numbers import real
from gancourse._torch_modes import usual_modes
from gancourse.data import toy
from gancourse.labs._film import Film
from gancourse.labs.panel import Choice, Panel, Slider, Switch, check_finite
from gancourse.losses import LOSSES
from gancourse.metrics.transport import wasserstein_1d
from gancourse.models import mlp
from gancourse.plotting import one_dimension as pictures
from gancourse.plotting import style

__all__ = ["DATA", "FILMS", "OneDimension", "film", "panel"]

DATA = toy.mixture([-1.5, 1.0], [0.4, 0.5], [0.4, 0.6])
"""Two humps: 40 % of the numbers around -1.5, 60 % around 1."""

BETAS = (0.0, 0.99)
BATCH_SIZE, LATENT_DIM, HIDDEN = 256, 4, 32
FAR_AWAY = 6.0
PLAYERS = {"both in turn": "both", "D only": "discriminator", "G only": "generator"}

_LOW, _HIGH, _BINS = -4.0, 4.0, 80
_COUNTED, _ARROWS, _LONGEST = 4_000, 24, 1.2
_TOP, _BAND = 0.9, -0.3
# What the best score of each loss is, as a probability that can be drawn; None: there is no one best score.
_BEST = {
    "minimax": "p / (p + q)",
    "non_saturating": "p / (p + q)",
    "least_squares": "p / (p + q)",
    "hinge": "1 where p > q, else 0",
    "wasserstein": None,
    "relativistic": None,
}


class OneDimension:
    """A stepper: a GAN on the line, two hidden layers of 32 units a player, four latent numbers.

    One step is one update of one player: D and G take turns, or one of them plays alone. The
    settings may be changed at any time and hold from the next step on; ``reset`` keeps them.

    Args:
        seed: of the weights and of everything drawn while training.
        lr_g, lr_d: learning rates of Adam, betas (0, 0.99).
        loss: a key of ``losses.LOSSES``.
        who: "both", "discriminator" or "generator".
        far: start with a generator that is shifted by 6.
        device: where to train; "cpu" is the fastest for networks of this size.
    Raises:
        ValueError: a setting is none of these.
    First met in: notebook 02.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        lr_g: float = 1e-3,
        lr_d: float = 3e-3,
        loss: str = "non_saturating",
        who: str = "both",
        far: bool = False,
        device: str | torch.device = "cpu",
    ) -> None:
        if loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {loss!r}")
        if who not in PLAYERS.values():
            raise ValueError(f"who must be one of {', '.join(PLAYERS.values())}, got {who!r}")
        if not isinstance(far, bool):
            raise ValueError(f"far must be True or False, got {far!r}")
        for name, rate in (("lr_g", lr_g), ("lr_d", lr_d)):
            if (number := real(rate)) is None or not 0 < number < float("inf"):
                raise ValueError(f"{name} must be a positive learning rate, got {rate!r}")
        self.seed, self.loss, self.who, self.far = seed, loss, who, far
        self.lr_g, self.lr_d = real(lr_g), real(lr_d)
        self.device = runtime.pick_device(device)

        # Looking has random numbers of its own: it never changes what the GAN becomes.
        looking = runtime.generator(0)
        self._z = torch.randn(_COUNTED, LATENT_DIM, generator=looking).to(self.device)
        self._real = DATA.sample(_COUNTED, looking)
        self._edges = torch.linspace(_LOW, _HIGH, _BINS + 1)
        self._x = (self._edges[1:] + self._edges[:-1]) / 2
        self._p = DATA.log_prob(self._x[:, None].double()).exp()
        self._picture: _Picture | None = None
        self.reset()

    def reset(self) -> None:
        """Start afresh from ``seed``: new weights, new optimisers, no step done."""
        with runtime.seeded(self.seed):
            self.G = mlp.Generator(latent_dim=LATENT_DIM, data_dim=1, hidden=HIDDEN).to(self.device)
            self.D = mlp.Discriminator(data_dim=1, hidden=HIDDEN).to(self.device)
        if self.far:
            with torch.no_grad():
                self.G.layers[-1].bias += FAR_AWAY
        self._opt_g = self._opt_d = None  # made at the first step: the first picture need not wait for torch.optim
        self._random = runtime.generator(self.seed, self.device)
        self.steps_done = self.d_steps = self.g_steps = 0
        self.last = ""

    def step(self) -> None:
        """Update one player once: whose turn it is, or the one who plays alone."""
        if self._opt_g is None:
            self._opt_g = torch.optim.Adam(self.G.parameters(), betas=BETAS)
            self._opt_d = torch.optim.Adam(self.D.parameters(), betas=BETAS)
        mover = self.who
        if mover == "both":
            mover = "generator" if self.last == "discriminator" else "discriminator"
        value = self._d_step() if mover == "discriminator" else self._g_step()
        self.last, self.steps_done = mover, self.steps_done + 1
        check_finite(self.steps_done, **{"d_loss" if mover == "discriminator" else "g_loss": value})

    def _d_step(self) -> Tensor:
        self._opt_d.param_groups[0]["lr"] = self.lr_d
        with torch.no_grad():
            fake = self.G(self._latents())
        d_loss = LOSSES[self.loss].discriminator_terms(self.D(self._reals()), self.D(fake)).mean()
        self._opt_d.zero_grad()
        d_loss.backward()
        self._opt_d.step()
        self.d_steps += 1
        return d_loss

    def _g_step(self) -> Tensor:
        self._opt_g.param_groups[0]["lr"] = self.lr_g
        g_loss = self._g_terms(self.D(self.G(self._latents()))).mean()
        self._opt_g.zero_grad()
        g_loss.backward()
        self._opt_g.step()
        self.g_steps += 1
        return g_loss

    def _g_terms(self, fake_logits: Tensor, real: Tensor | None = None) -> Tensor:
        loss = LOSSES[self.loss]
        if not loss.paired:
            return loss.generator_terms(fake_logits)
        return loss.generator_terms(self.D(self._reals() if real is None else real), fake_logits)

    def _latents(self) -> Tensor:
        return torch.randn(BATCH_SIZE, LATENT_DIM, generator=self._random, device=self.device)

    def _reals(self) -> Tensor:
        return DATA.sample(BATCH_SIZE, self._random)

    # ------------------------------------------------------------ looking

    @torch.no_grad()
    def fakes(self) -> Tensor:
        """Return 4,000 generated numbers, shape (4000, 1), always from the same latent vectors."""
        return self.G(self._z).cpu()

    def distance(self) -> float:
        """Return the W1 distance of the generated numbers to 4,000 real ones."""
        return wasserstein_1d(self.fakes(), self._real)

    def frame(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return q (counted in bins), D, and the best D for this q (None where the loss has no such thing)."""
        fake = self.fakes().flatten()
        q = torch.histogram(fake.clamp(_LOW - 1, _HIGH + 1), self._edges).hist / len(fake) * _BINS / (_HIGH - _LOW)
        q = q.double()
        with torch.no_grad():
            score = self.D(self._x[:, None].to(self.device)).cpu().double()
        seen = self._p + q > 0.01
        best = self._p / (self._p + q)
        if self.loss == "least_squares":
            d = score
        elif self.loss == "hinge":
            d, best = ((1 + score) / 2).clamp(0, 1), (self._p > q).double()  # beyond the margin all is as good
        else:
            d = torch.sigmoid(score)
        best = torch.where(seen, best, torch.nan) if _BEST[self.loss] else None
        return q, d, best

    def pushes(self, count: int = _ARROWS) -> tuple[Tensor, Tensor]:
        """Return some generated numbers, and minus the slope of each one's own loss: where it is pushed.

        Both of shape (count,). The slope is that of one sample's loss, not divided by the batch size.
        """
        x = self.fakes()[:count].to(self.device).requires_grad_()
        with torch.enable_grad():
            terms = self._g_terms(self.D(x), self._real[:count].to(self.device))
            (slope,) = torch.autograd.grad(terms.sum(), x)
        return x.detach().flatten().cpu(), -slope.flatten().cpu()

    def status(self) -> str:
        """Say in words what the picture shows."""
        w1 = self.distance()
        fake = self.fakes()
        outside = float(((fake < _LOW) | (fake > _HIGH)).double().mean())
        if w1 < 0.1:
            words = "close to the data"
        elif w1 < 0.4:
            words = "near the data, not yet in its shape"
        elif outside > 0.5:
            words = "far away, outside the picture"
        elif float(fake.std()) < 0.15:
            words = "all in (almost) one place"
        else:
            words = "not where the data is"
        said = f"{self.d_steps} updates of D, {self.g_steps} of G: the fakes are {words}, W1 = {w1:.2f}"
        pushes = self.pushes()[1]
        if float(pushes.abs().max()) < 0.02:
            said += "; D gives them hardly any push"
        return said + "."

    def draw(self) -> Figure:
        """Draw both densities, some fakes with the push on each, and D beside the best D for this G."""
        if self._picture is None:
            self._picture = _Picture(self._x, self._p)
        q, d, best = self.frame()
        samples, pushes = self.pushes()
        moved = {"discriminator": "D has just moved", "generator": "G has just moved", "": "before the first update"}
        self._picture.update(q, d, best, samples, pushes, moved[self.last])
        return self._picture.figure


class _Picture:
    """Both densities above, the discriminator below; made once and then updated."""

    def __init__(self, x: Tensor, p: Tensor) -> None:
        self.figure, (upper, lower) = style.figure(1, 2, size=(5.6, 5.6), sharex=True, height_ratios=[5, 4])
        self._x = x.numpy()
        nothing = np.zeros(len(x))
        pictures.generated(x, p, nothing, ax=upper, top=_TOP, title="0")
        pictures.judged(x, nothing, nothing, ax=lower)
        upper.set(xlabel="", ylim=(_BAND, _TOP), yticks=[0, 0.4, 0.8])
        upper.axhline(0, color=style.COLOURS["neutral"], linewidth=0.8)
        _, self._q = upper.lines[:2]
        self._best, self._d = lower.lines[1:3]
        (self._fakes,) = upper.plot([], [], "x", color=style.COLOURS["fake"], markersize=6, label="some fakes")
        self._heights = pictures.rows(_ARROWS, _BAND)
        self._arrows = pictures.arrows(upper, np.zeros(_ARROWS), np.zeros(_ARROWS), self._heights)
        self._title = upper.title
        handles = [h for ax in (upper, lower) for h in ax.get_legend_handles_labels()[0]]
        self.figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)

    def update(self, q: Tensor, d: Tensor, best: Tensor | None, samples: Tensor, pushes: Tensor, title: str) -> None:
        self._q.set_ydata(q.numpy())
        self._d.set_ydata(d.numpy())
        self._best.set_ydata(np.full(len(self._x), np.nan) if best is None else best.numpy())
        self._fakes.set_data(samples.numpy(), self._heights)
        self._arrows.set_offsets(np.column_stack([samples.numpy(), self._heights]))
        self._arrows.set_UVC(pushes.clamp(-_LONGEST, _LONGEST).numpy(), np.zeros(_ARROWS))
        self._title.set_text(title)


@usual_modes()
def panel(seed: int = 0, *, device: str | torch.device = "cpu") -> Panel:
    """Return the live panel: two players, who may also play alone, and the truth beside both.

    Args:
        seed: where to start; the panel can change it.
        device: where to train.
    First met in: notebook 02.
    """
    return Panel(
        OneDimension(seed, device=device),
        name="one_dimension",
        title="A GAN learns a number",
        steps_per_tick=6,
        controls=[
            Choice("who moves", "who", PLAYERS, hint="Try D only until blue meets the dots, then G only."),
            Slider("learning rate of G", "lr_g", 1e-4, 1e-1, log=True, hint="Try 0.02, with D at 0.0005."),
            Slider("learning rate of D", "lr_d", 1e-4, 1e-1, log=True, hint="Try 0.1: is quicker better?"),
            Choice(
                "loss", "loss", list(LOSSES), hint="The arrows change at once. Dots: the best D, where there is one."
            ),
            Switch(
                "start far away",
                "far",
                hint="D only for a while; then compare the arrows of the losses.",
                restarts=True,
            ),
        ],
    )


@usual_modes()
def film(run: OneDimension | None = None, steps: Sequence[int] = (0, 30, 100, 300, 1_000), *, seed: int = 0) -> Figure:
    """Train, and return a printed still of it: both densities and D after each number of ``steps``.

    Args:
        run: the stepper to train; a fresh one from ``seed`` if not given.
        steps: when to take a picture, from first to last; one step is one update of each player.
        seed: of the fresh one.
    Raises:
        ValueError: the steps do not rise from 0 on, or there are none.
    First met in: notebook 02.
    """
    steps = list(steps)
    if not steps or steps[0] < 0 or steps != sorted(set(steps)):
        raise ValueError(f"steps must be rising numbers from 0 on, got {steps!r}")
    run = OneDimension(seed) if run is None else run
    frames = {}
    for until in steps:
        while run.steps_done < 2 * until:
            run.step()
        frames[f"step {until:,}: W1 = {run.distance():.2f}"] = run.frame()
    return pictures.film(run._x, run._p, frames)


FILMS = (Film("one_dimension", panel, "who", PLAYERS, steps=10),)
"""What the web site shows of the panel, without a kernel."""
