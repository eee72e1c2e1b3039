"""The collapse lab: a GAN in the plane to break and to mend, with its modes counted while it plays.

Two buttons hold recipes whose effect was counted over seeds (``gancourse.measured``, table "ring"): *collapse it*
goes to a GAN that covers the ring and lets it lose its modes; *rescue it* goes to a collapsed one and brings them back.
Both play the way there in front of you, if the GAN is not there yet.

The discriminator sees the points through Fourier features (``recipes.RING``), on every target.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from gancourse import runtime
from gancourse._torch_modes import usual_modes
from gancourse.data import toy
from gancourse.ensembles import Ensemble
from gancourse.labs._film import Film
from gancourse.labs._surface import FADED, Surface
from gancourse.labs.panel import Action, Choice, Diverged, Panel, Slider
from gancourse.losses import LOSSES
from gancourse.metrics import modes
from gancourse.plotting import style
from gancourse.recipes import GRID, RING, SWITCHES

__all__ = ["FILMS", "TARGETS", "Lab", "panel"]

TARGETS: dict[str, toy.Mixture] = {
    "ring": RING.target,
    "grid": GRID.target,
    "two moons": toy.two_moons(noise=0.08),
    "spiral": toy.spiral(noise=0.04),
    "two unequal blobs": toy.mixture([[-0.7, 0.0], [0.7, 0.0]], stds=[0.15, 0.05], weights=[0.85, 0.15]),
}
"""What the lab offers to learn. Two moons and the spiral are curves: they have no modes to count."""

PLAYERS = ("both", "D only", "G only")
COVER_STEPS, COLLAPSE_STEPS = 800, 600
"""How long a recipe runs before the lab looks whether the next may follow; as in the stored counts."""

_COUNTED, _SHOWN, _ARROWS, _SIDE, _COUNT_EVERY = 1_000, 240, 36, 41, 20
_LEVELS = [-4, -1.5, -0.5, -0.15, -0.05, 0.05, 0.15, 0.5, 1.5, 4]  # a penalised D has small logits
_SETTINGS = ("loss", "lr_g", "lr_d", "d_steps", "penalty", "player")


class Count(NamedTuple):
    """What was counted at one step."""

    step: int
    covered: int
    quality: float
    verdict: str


class Lab:
    """A stepper: one GAN of ``recipes.RING`` on a target of your choice, and what is known about it.

    The settings may be changed at any time and hold from the next step on; ``reset`` keeps them.

    Args:
        seed: of the weights and of everything drawn while training.
        target: one of :data:`TARGETS`.
        device: where to train; "cpu" is the fastest for networks of this size.
    Raises:
        ValueError: there is no such target, or the seed is none.
    Attributes:
        loss, lr_g, lr_d, d_steps: as in ``ensembles.Recipe``.
        penalty: gamma of R1 and of R2, the same for both.
        player: "both", "D only" or "G only" learns.
        counts: a :class:`Count` every 20 steps; stays empty on a target without modes.
    First met in: notebook 04.
    """

    def __init__(self, seed: int = 0, *, target: str = "ring", device: str | torch.device = "cpu") -> None:
        self.seed, self.target, self.device = seed, target, runtime.pick_device(device)
        self.loss, self.d_steps, self.player = RING.recipe.loss, 1, "both"
        self._take(SWITCHES["cover"])
        looking = runtime.generator(0)  # looking has random numbers of its own: it never changes what the GAN becomes
        self._z = torch.cat([torch.randn(_COUNTED, RING.recipe.latent_dim, generator=looking), _NET])
        self._reals = {name: toys.sample(_SHOWN, looking) for name, toys in TARGETS.items()}
        self._picture: _Picture | None = None
        self.reset()

    def reset(self) -> None:
        """Start afresh from ``seed``: new weights, no step done, no recipe running."""
        if self.target not in TARGETS:
            raise ValueError(f"target must be one of {', '.join(TARGETS)}, got {self.target!r}")
        self.toy = TARGETS[self.target]
        self.gan = Ensemble(RING.recipe, self.toy, seeds=[self.seed], device=self.device)
        self.counts: list[Count] = []
        self._seen: tuple[int, Tensor] | None = None
        self._plan, self._story = deque[str](), ""
        self._applied: tuple | None = None
        self._apply()
        self._count()

    @property
    def steps_done(self) -> int:
        """Return the number of steps since the start."""
        return self.gan.steps_done

    # ------------------------------------------------------------ training

    def step(self) -> None:
        """Let the players make their updates once, then see whether the running recipe has reached its aim.

        Raises:
            Diverged: the numbers are no longer finite; the message says when and with which settings.
        """
        self._apply()
        self.gan.train(1)
        if self.gan.diverged:
            raise Diverged(
                f"at step {self.steps_done:,} the networks' numbers are no longer finite (loss {self.loss}, learning "
                f"rates {self.lr_g:g} and {self.lr_d:g}, {self.d_steps} D steps, penalty {self.penalty:g})"
            )
        if self.steps_done % _COUNT_EVERY == 0:
            self._count()
            self._go_on()

    def _apply(self) -> None:
        """Hand the settings to the GAN if one of them has changed."""
        settings = tuple(getattr(self, name) for name in _SETTINGS)
        if settings == self._applied:
            return
        if self.player not in PLAYERS:
            raise ValueError(f"player must be one of {', '.join(PLAYERS)}, got {self.player!r}")
        self.gan.set(
            loss=self.loss, lr_g=self.lr_g, lr_d=self.lr_d, r1=self.penalty, r2=self.penalty,
            d_steps=0 if self.player == "G only" else self.d_steps, g_steps=0 if self.player == "D only" else 1,
        )  # fmt: skip
        if self._applied is not None:
            self._plan.clear()  # somebody has taken over
            self._story = ""
        self._applied = settings

    # ------------------------------------------------------------ recipes known to work

    def collapse_it(self) -> None:
        """Let a GAN that covers the ring lose its modes; make one that covers it first, if this one does not."""
        if self._on_the_ring() and self.now.covered >= 7:
            self._follow(["collapse"])
        else:
            self._from_the_start(["cover", "collapse"])

    def rescue_it(self) -> None:
        """Bring the modes back to a collapsed GAN; cover the ring and collapse it first, if this one is not."""
        if self._on_the_ring() and self.now.verdict == "collapse":
            self._follow(["rescue"])
        else:
            self._from_the_start(["cover", "collapse", "rescue"])

    def _on_the_ring(self) -> bool:
        if self.target == "ring":
            self._count()
        return self.target == "ring" and not self.gan.diverged

    def _from_the_start(self, plan: list[str]) -> None:
        self.target = "ring"
        self.reset()
        self._follow(plan)

    def _follow(self, plan: list[str]) -> None:
        self._take(SWITCHES[plan[0]])
        self.loss, self.d_steps, self.player = RING.recipe.loss, 1, "both"
        self._applied = None
        self._apply()
        self._plan, self._since = deque(plan), self.steps_done
        self._tell()

    def _take(self, switch: dict[str, float]) -> None:
        self.penalty, self.lr_g, self.lr_d = switch["r1"], switch["lr_g"], switch["lr_d"]

    def _go_on(self) -> None:
        """Turn to the next recipe of the plan as soon as the running one has done its work."""
        if len(self._plan) < 2:
            return
        ran = self.steps_done - self._since
        covered = self._plan[0] == "cover" and ran >= COVER_STEPS and self.now.covered >= 7
        collapsed = self._plan[0] == "collapse" and ran >= COLLAPSE_STEPS and self.now.verdict == "collapse"
        if covered or collapsed:
            self._follow(list(self._plan)[1:])

    def _tell(self) -> None:
        aim = {
            "cover": "cover the ring first",
            "collapse": "lose the modes: watch the count fall",
            "rescue": "bring the modes back, which takes 600 to 1,600 steps",
        }[self._plan[0]]
        self._story = (
            f"Recipe since step {self._since:,}: penalty {self.penalty:g}, learning rates {self.lr_g:g} for G and "
            f"{self.lr_d:g} for D, to {aim}."
        )

    # ------------------------------------------------------------ looking

    @property
    def now(self) -> Count:
        """Return the last count; on a target without modes there is none."""
        return self.counts[-1]

    def _count(self) -> None:
        if self.toy.modes is None or (self.counts and self.now.step == self.steps_done):
            return
        report = modes.report(self.fakes(), self.toy, diverged_ok=True)
        self.counts.append(Count(self.steps_done, report.covered, report.quality, report.verdict))

    def fakes(self, n: int = _COUNTED) -> Tensor:
        """Return the first ``n`` of 1,000 generated points, shape (n, 2), always from the same latent vectors."""
        return self._see()[:n]

    def _net(self) -> Tensor:
        """Return where G puts a square net of latent vectors: 22 lines of 31 points, shape (22, 31, 2)."""
        return self._see()[_COUNTED:].reshape(-1, _ALONG, 2)

    def _see(self) -> Tensor:
        """Return the generated points and the net after them, made once after each step."""
        if self._seen is None or self._seen[0] != self.steps_done:
            self._seen = self.steps_done, self.gan.generate(self._z)[0].cpu()
        return self._seen[1]

    def pushes(self, n: int = _ARROWS) -> tuple[Tensor, Tensor]:
        """Return ``n`` generated points and where the generator's loss wants each to go, both of shape (n, 2).

        The push is minus the gradient of the generator's loss at the point itself: what G feels of D.
        """
        points = self.fakes(n).to(self.device).requires_grad_()
        with torch.enable_grad():
            fake, family = self.gan.logits(points)[0], LOSSES[self.loss]
            if family.paired:
                terms = family.generator_terms(self.gan.logits(self._reals[self.target][:n])[0], fake)
            else:
                terms = family.generator_terms(fake)
            (gradient,) = torch.autograd.grad(terms.sum(), points)
        return points.detach().cpu(), -gradient.cpu()

    def status(self) -> str:
        """Say how far the training is, what is covered, and which recipe runs."""
        if self.toy.modes is None:
            words = f"{self.toy.name} has no modes to count: judge the picture."
        else:
            self._count()
            words = (
                f"{self.now.covered} of {len(self.toy.modes)} modes, {self.now.quality:.0%} of the samples on them: "
            )
            words += f"{self.now.verdict}."
        return " ".join(filter(None, (f"Step {self.steps_done:,}: {words}", self._story)))

    def draw(self) -> Figure:
        """Draw points, D's opinion and G's wishes; the latent grid pushed through G; the counts over time."""
        if self._picture is None:
            self._picture = _Picture()
        self._picture.update(self)
        return self._picture.figure


class _Picture:
    """Four axes, made once and then updated."""

    def __init__(self) -> None:
        self.figure, axes = style.figure(2, 1, size=(7.9, 5.0), dpi=80, width_ratios=(1.65, 1))
        self.plane, right = axes
        box = right.get_subplotspec().subgridspec(3, 1, height_ratios=(1.5, 1, 1))
        right.remove()
        self.net, self.covered, self.quality = (self.figure.add_subplot(part) for part in box)
        self._make_plane(self.plane)
        self.plane.set_anchor("N")
        (self.lines,) = self.net.plot([], [], color=style.COLOURS["generator"], linewidth=0.8)
        self.net.set(xticks=[], yticks=[], aspect="equal", title="latent grid through G")
        self.curves = []
        for ax, title, role in ((self.covered, "modes covered", "real"), (self.quality, "on a mode", "generator")):
            ax.set_title(title, fontsize=10)
            ax.tick_params(labelsize=9)
            for side in ("top", "right"):
                ax.spines[side].set_visible(False)
            self.curves += ax.plot([], [], "-" if role == "real" else "--", color=style.COLOURS[role])
        self.covered.set_xticks([])
        self.quality.set_xlabel("steps", fontsize=10)
        self.quality.set(ylim=(-0.04, 1.04), yticks=[0, 0.5, 1], yticklabels=["0", "50 %", "100 %"])
        self.absent = self.covered.text(0.5, 0.5, "", transform=self.covered.transAxes, ha="center", va="center")
        self.net.title.set_fontsize(10)
        colours, handles = colormaps[style.DECISION_MAP], self.plane.get_legend_handles_labels()[0]
        handles += [
            Patch(facecolor=colours(side), alpha=FADED, edgecolor="#999999", label=f"D says {word}")
            for side, word in ((0.85, "real"), (0.15, "fake"))
        ]
        self.figure.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False, fontsize=10)
        self._shown = ""
        self._until = 0

    def _make_plane(self, ax: Axes) -> None:
        self.surface = Surface(ax, _SIDE, 1.0, _LEVELS)
        (self.real,) = ax.plot([], [], "o", markersize=3, color=style.COLOURS["real"], label="real")
        (self.fake,) = ax.plot([], [], "x", markersize=4.5, markeredgewidth=1.1, color=style.COLOURS["fake"],
                               label="generated")  # fmt: skip
        (self.arrows,) = ax.plot([], [], color=style.COLOURS["gradient"], linewidth=1.3, zorder=3,
                                 solid_capstyle="butt", label="where G wants it")  # fmt: skip
        ax.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1])

    @torch.no_grad()
    def update(self, lab: Lab) -> None:
        """Show the present state of the lab."""
        if lab.target != self._shown:
            self._look_at(lab)
        self.fake.set_data(*lab.fakes(_SHOWN).numpy().T)
        self.surface.set_data(lab.gan.logits(self.places.to(lab.device))[0].reshape(_SIDE, _SIDE).cpu().numpy())
        points, push = lab.pushes()
        size = push.norm(dim=1, keepdim=True).clamp(min=1e-12)
        arrow = push / size * (0.1 * size.sqrt()).clamp(max=0.2) * self.limit  # so that weak ones are seen too
        self.arrows.set_data(*_with_gaps(torch.stack([points, points + arrow], 1)))
        self.lines.set_data(*_with_gaps(lab._net()))
        self.plane.title.set_text(f"step {lab.steps_done:,}")
        self._draw_counts(lab)

    def _look_at(self, lab: Lab) -> None:
        """Set the limits for another target, all of which are centred on the origin."""
        self._shown = lab.target
        self.limit = 1.12 * max(abs(edge) for pair in lab.toy.support for edge in pair)
        window = (-self.limit, self.limit)
        line = torch.linspace(*window, _SIDE)
        self.places = torch.cartesian_prod(line, line).flip(1)  # row by row, from below
        self.surface.set_extent((*window, *window))
        for ax in (self.plane, self.net):
            ax.set(xlim=window, ylim=window, aspect="equal")
        self.real.set_data(*lab._reals[lab.target].numpy().T)
        countable = lab.toy.modes is not None
        self.absent.set_text("" if countable else "no modes to count")
        of = len(lab.toy.modes) if countable else 1
        self.covered.set(ylim=(-0.04 * of, 1.04 * of), yticks=[0, of] if countable else [])

    def _draw_counts(self, lab: Lab) -> None:
        until = 500 * 2 ** max(0, math.ceil(math.log2(max(lab.steps_done, 1) / 500)))  # seldom moved: ticks are slow
        if until != self._until:
            self._until = until
            for ax in (self.covered, self.quality):
                ax.set_xlim(0, until)
            self.quality.set_xticks([0, until // 2], ["0", f"{until // 2:,}"])
        steps = [count.step for count in lab.counts]
        self.curves[0].set_data(steps, [count.covered for count in lab.counts])
        self.curves[1].set_data(steps, [count.quality for count in lab.counts])


def _with_gaps(lines: Tensor) -> np.ndarray:
    """Return lines of shape (lines, points, 2) as one with gaps, shape (2, all points): drawn in half the time."""
    return F.pad(lines, (0, 0, 0, 1), value=math.nan).reshape(-1, 2).numpy().T


_ALONG = 31
_EDGES, _BETWEEN = torch.linspace(-2.2, 2.2, 11), torch.linspace(-2.2, 2.2, _ALONG)
_NET = torch.cat([torch.cartesian_prod(_EDGES, _BETWEEN), torch.cartesian_prod(_EDGES, _BETWEEN).flip(1)])
"""A square net in the plane of latent vectors, line by line."""


@usual_modes()
def panel(seed: int = 0, *, device: str | torch.device = "cpu") -> Panel:
    """Return the collapse lab: break a GAN with one button, mend it with another, or find out how yourself.

    Args:
        seed: where to start; the panel can change it.
        device: where to train.
    First met in: notebook 04.
    """
    return Panel(
        Lab(seed, device=device),
        name="collapse",
        title="The collapse lab",
        actions=[
            Action("collapse it", "collapse_it", "take a GAN that covers the ring and make it lose its modes"),
            Action("rescue it", "rescue_it", "take a collapsed GAN and bring the modes back"),
        ],
        controls=[
            Slider(
                "penalty γ", "penalty", 0.0, 1.0, step=0.02,
                hint="Weight of R1 and R2. Cover the ring, then pull it to 0: how many modes go?",
            ),
            Slider(
                "learning rate of G", "lr_g", 1e-4, 1e-1, log=True,
                hint="Cover the ring, then try 0.1: what does the net do?",
            ),
            Slider(
                "learning rate of D", "lr_d", 1e-4, 1e-1, log=True,
                hint="Without penalty, try 0.0002: do you see one blob chased by another?",
            ),
            Slider(
                "D steps per G step", "d_steps", 1, 5, whole=True,
                hint="After a collapse, try 5: does more judging bring the modes back?",
            ),
            Choice("who learns", "player", PLAYERS, hint="Freeze G: what does D find out? Then freeze D."),
            Choice("loss", "loss", list(LOSSES), hint="Collapse with another loss: is any of them safe?"),
            Choice(
                "target", "target", list(TARGETS), restarts=True,
                hint="The curves have no modes. Can you still tell a collapse when you see it?",
            ),
        ],
    )  # fmt: skip


FILMS = (
    Film(
        "collapse", panel, "", {"collapse and rescue": "rescue_it", "collapse only": "collapse_it"}, frames=40, steps=75
    ),
)
"""What the web site shows of the panel, without a kernel."""
