"""Panels of notebook 03: a phase portrait to play in, and a slider that finds critical damping."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from gancourse import games
from gancourse._torch_modes import usual_modes
from gancourse.labs._film import Film
from gancourse.labs.panel import Choice, Diverged, Panel, Slider, check_finite
from gancourse.plotting import games as pictures
from gancourse.plotting import style

__all__ = ["FILMS", "Damping", "Portrait", "damping_panel", "panel", "verdict"]

METHODS = {
    "simultaneous": games.simultaneous,
    "alternating": games.alternating,
    "extragradient": games.extragradient,
    "optimistic": games.optimistic,
}
WITH_MOMENTUM = ("simultaneous", "alternating")
FAR_AWAY = 1_000.0
"""A state farther than this from the equilibrium has run away."""


def verdict(matrix: Tensor) -> str:
    """Say in words what a step does near the equilibrium, from the eigenvalues of its update matrix.

    Args:
        matrix: shape (k, k), from ``games.update_matrix``.
    First met in: notebook 03.
    """
    values = torch.linalg.eigvals(matrix)
    largest = values[values.abs().argmax()]
    size, turns = float(largest.abs()), abs(float(largest.imag)) > 1e-6
    round_trip = f", one round takes {2 * math.pi / abs(float(largest.angle())):.0f} steps" if turns else ""
    if abs(size - 1) < 1e-6:
        way = "it goes round at a constant distance" if turns else "it stands still in one direction"
    elif size < 1:
        way = "it spirals in" if turns else "it comes in without going round"
    else:
        way = "it spirals out" if turns else "it runs away without going round"
    return f"{way} (largest eigenvalue has size {size:.4f}{round_trip})"


# ---------------------------------------------------------------- the slider of the damping section


class Damping:
    """A Dirac-GAN with an R1 penalty: path and eigenvalues for one gamma. Nothing trains here.

    Attributes: ``gamma``, ``step_size``, ``method`` ("simultaneous" or "alternating").
    """

    START, STEPS, HIGHEST = (1.0, 0.0), 80, 2.5
    SIZES = (0.05, 0.8)

    def __init__(self, gamma: float = 0.0, step_size: float = 0.4, method: str = "simultaneous") -> None:
        self.gamma, self.step_size, self.method = gamma, step_size, method
        self.figure, (self._left, self._right) = style.figure(2, size=(8.6, 4.0), dpi=66)
        pictures.portrait(games.dirac_gan(), limit=2.0, names=pictures.DIRAC_NAMES, arrows=False, ax=self._left)
        self._arrows = pictures.draw_field(self._left, games.dirac_gan(), 2.0)
        (self._line,) = self._left.plot([], [], ".-", color=style.COLOURS["neutral"], markersize=4, linewidth=1.2)
        self._left.plot(*self.START, "o", markersize=9, markerfacecolor="white", color=style.COLOURS["neutral"])
        pictures.draw_stable_region(self._right, 1.15)
        self._right.set(title="Eigenvalues of the step", xlim=(0.2, 1.1), ylim=(-0.45, 0.45))
        (self._way,) = self._right.plot([], [], ".", color="#9a9a9a", markersize=3)
        (self._values,) = self._right.plot([], [], "D", color="#222222", markersize=8)
        self._way_of: tuple | None = None
        self._paths: dict[str, dict[tuple[float, float], Tensor]] = {}
        self._matrix_of: tuple | None = None

    def _step(self, gamma: float | Tensor) -> games.Step:
        return METHODS[self.method](games.dirac_gan(r1=gamma), step_size=self.step_size)

    def matrix(self) -> Tensor:
        """Return the update matrix of the step, shape (2, 2)."""
        settings = (self.gamma, self.step_size, self.method)
        if self._matrix_of != settings:
            self._matrix, self._matrix_of = games.update_matrix(self._step(self.gamma)), settings
        return self._matrix

    def eigenvalues(self) -> Tensor:
        """Return the two eigenvalues of the step, complex."""
        return torch.linalg.eigvals(self.matrix())

    def path(self) -> Tensor:
        """Return the path that is drawn, shape (STEPS + 1, 2)."""
        paths, wish = self._paths.setdefault(self.method, {}), (round(self.gamma, 9), round(self.step_size, 9))
        if wish not in paths:  # thousands of games side by side take no longer than a few
            gammas = [round(0.01 * count, 9) for count in range(round(self.HIGHEST / 0.01) + 1)]
            sizes = [round(self.SIZES[0] * count, 9) for count in range(1, round(self.SIZES[1] / self.SIZES[0]) + 1)]
            places = [wish, *((gamma, size) for gamma in gammas for size in sizes if not paths)]
            gamma, size = torch.tensor(places, dtype=torch.float64).unbind(1)
            step = METHODS[self.method](games.dirac_gan(r1=gamma), step_size=size)
            start = torch.tensor(self.START, dtype=torch.float64).expand(len(places), 2)
            paths |= zip(places, games.run(step, start, num_steps=self.STEPS).unbind(1), strict=True)
        return paths[wish]

    def draw(self) -> Figure:
        """Draw the path and the eigenvalues, and the way the eigenvalues take as gamma grows."""
        if self._way_of != (self.method, self.step_size):
            gammas = torch.linspace(0, self.HIGHEST, 126, dtype=torch.float64)
            at = torch.zeros(len(gammas), 2, dtype=torch.float64)
            way = torch.linalg.eigvals(games.update_matrix(self._step(gammas), at)).flatten()
            self._way.set_data(way.real.numpy(), way.imag.numpy())
            self._way_of = (self.method, self.step_size)
        path, values = self.path().numpy(), self.eigenvalues().numpy()
        pictures.turn_field(self._arrows, games.dirac_gan(r1=self.gamma))
        self._line.set_data(path[:, 0], path[:, 1])
        self._values.set_data(values.real, values.imag)
        self._left.set_title(f"{self.STEPS} steps, γ = {self.gamma:.2f}")
        return self.figure

    def status(self) -> str:
        """Say what the step does at this gamma, and how far the path has come."""
        distance = float(self.path()[-1].norm())
        return (
            f"γ = {self.gamma:.2f}, {self.method} steps of size {self.step_size:.2f}: "
            f"{verdict(self.matrix())}. "
            f"After {self.STEPS} steps the distance to the equilibrium is {distance:.2g}; it began at 1."
        )


def damping_panel() -> Panel:
    """Return the panel with which a learner finds critical damping.

    First met in: notebook 03.
    """
    return Panel(
        Damping(),
        name="damping",
        title="How much penalty stops the circling?",
        controls=[
            Slider(
                "γ, weight of R1", "gamma", 0.0, Damping.HIGHEST, step=0.01,
                hint="Raise it slowly from 0 and watch the two diamonds. Where do they meet?",
            ),
            Slider(
                "step size η", "step_size", *Damping.SIZES, step=Damping.SIZES[0],
                hint="Does the meeting point depend on it? Try both kinds of steps.",
            ),
            Choice("steps", "method", WITH_MOMENTUM, hint="Both players at once, or in turn."),
        ],
    )  # fmt: skip


# ---------------------------------------------------------------- the phase portrait to play in


class Portrait:
    """One Dirac-GAN played step by step, with its field, its traces and its eigenvalues.

    Attributes: ``loss``, ``method``, ``step_size``, ``r1``, ``momentum``; ``state`` is (theta, psi) now.
    """

    START, MEMORY = (1.5, 0.0), 400

    def __init__(self, loss: str = "minimax", method: str = "simultaneous") -> None:
        self.loss, self.method = loss, method
        self.step_size, self.r1, self.momentum = 0.2, 0.0, 0.0
        self.figure, (self._left, self._middle, self._right) = style.figure(3, size=(11.6, 3.9), dpi=66)
        game, names = games.dirac_gan(), pictures.DIRAC_NAMES
        pictures.portrait(game, names=names, limit=2.5, arrows=False, title="", ax=self._left)
        self._limit, self._arrows = 2.5, pictures.draw_field(self._left, game, 2.5)
        colours = style.COLOURS
        (self._line,) = self._left.plot([], [], ".-", color=colours["neutral"], markersize=3, linewidth=1.1)
        (self._here,) = self._left.plot([], [], "s", color="#222222", markersize=8)
        self._middle.axhline(0, color=colours["neutral"], linewidth=0.8)
        (self._theta,) = self._middle.plot([], [], "--", color=colours["generator"], label="θ (generator)")
        (self._psi,) = self._middle.plot([], [], "-", color=colours["discriminator"], label="ψ (discriminator)")
        self._middle.legend(loc="upper center", ncols=2, frameon=False, fontsize=9)
        self._middle.set(xlabel="step", title="Both players over time")
        pictures.draw_stable_region(self._right, 1.25)
        self._right.set_title("Eigenvalues of the step")
        (self._values,) = self._right.plot([], [], "D", color="#222222", markersize=7)
        self._drawn_field: tuple | None = None
        self._matrix_of: games.Step | None = None
        self.reset()

    @property
    def state(self) -> tuple[float, float]:
        """The two numbers now."""
        return self._path[-1]

    def _settings(self) -> tuple:
        return self.loss, self.method, self.step_size, self.r1, self.momentum

    def _made(self) -> games.Step:
        """Return the step for the settings as they are, and carry the state over when they changed."""
        if self._made_for != self._settings():
            momentum = {"momentum": self.momentum} if self.method in WITH_MOMENTUM else {}
            game = games.dirac_gan(self.loss, r1=self.r1)
            self._step = METHODS[self.method](game, step_size=self.step_size, **momentum)
            begun = self._step.begin(torch.tensor(self.state, dtype=torch.float64)).detach()
            keeps_velocity = self._made_for is not None and self._made_for[:2] == self._settings()[:2]
            if self._full is None or begun.shape != self._full.shape or not keeps_velocity:
                self._full = begun
            self._made_for = self._settings()
        return self._step

    def matrix(self) -> Tensor:
        """Return the update matrix of the step at the equilibrium, shape (k, k)."""
        step = self._made()
        if self._matrix_of is not step:
            self._matrix, self._matrix_of = games.update_matrix(step), step
        return self._matrix

    def reset(self) -> None:
        """Go back to the start, with the settings as they are."""
        self.steps_done = 0
        self._path = deque([self.START], maxlen=self.MEMORY)
        self._made_for, self._full = None, None

    def step(self) -> None:
        """Let both players move once."""
        step = self._made()
        self._full = step.update(self._full).detach()
        self.steps_done += 1
        theta, psi = self._full[..., :2].tolist()
        check_finite(self.steps_done, theta=theta, psi=psi)
        self._path.append((theta, psi))
        if math.hypot(theta, psi) > FAR_AWAY:
            raise Diverged(f"at step {self.steps_done}, the distance to the equilibrium passed {FAR_AWAY:,.0f}")

    def draw(self) -> Figure:
        """Draw the path so far, both traces and the eigenvalues of the step, from near by if all are near 1."""
        path = np.array(self._path)
        farthest = float(np.abs(path).max())
        limit = next(size for size in (2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, math.inf) if farthest <= size)
        limit = limit if math.isfinite(limit) else 1.1 * farthest
        if self._drawn_field != (self.loss, self.r1, limit):
            self._arrows.remove()
            self._arrows = pictures.draw_field(self._left, games.dirac_gan(self.loss, r1=self.r1), limit)
            self._left.set(xlim=(-limit, limit), ylim=(-limit, limit))
            self._drawn_field = (self.loss, self.r1, limit)
        self._left.set_title(f"{self.loss.replace('_', '-')}, {self.method}")
        self._line.set_data(path[:, 0], path[:, 1])
        self._here.set_data(path[-1:, 0], path[-1:, 1])
        steps = np.arange(self.steps_done + 1 - len(path), self.steps_done + 1)
        self._theta.set_data(steps, path[:, 0])
        self._psi.set_data(steps, path[:, 1])
        last = next((end for end in (50, 100, 200) if self.steps_done <= end), 100 * math.ceil(self.steps_done / 100))
        self._middle.set(xlim=(max(0, last - self.MEMORY - 100), last), ylim=(-1.2 * limit, 1.5 * limit))
        values = torch.linalg.eigvals(self.matrix()).numpy()
        self._values.set_data(values.real, values.imag)
        zoomed = bool((values.real > 0.22).all() and (values.real < 1.08).all() and (np.abs(values.imag) < 0.43).all())
        self._right.set(xlim=(0.2, 1.1) if zoomed else (-1.25, 1.25), ylim=(-0.45, 0.45) if zoomed else (-1.25, 1.25))
        return self.figure

    def status(self) -> str:
        """Say where the players are and what the eigenvalues promise."""
        theta, psi = self.state
        unused = " (it has no momentum)" if self.momentum and self.method not in WITH_MOMENTUM else ""
        return (
            f"Step {self.steps_done}: θ = {theta:.2f}, ψ = {psi:.2f}, distance {math.hypot(theta, psi):.3g} from the "
            f"equilibrium. Near the equilibrium, {self.method} play{unused} does this: "
            f"{verdict(self.matrix())}."
        )


@usual_modes()
def panel() -> Panel:
    """Return the panel in which a learner plays a Dirac-GAN by hand.

    First met in: notebook 03.
    """
    return Panel(
        Portrait(),
        name="phase portrait",
        title="Two players, two numbers",
        steps_per_tick=4,
        controls=[
            Choice("loss", "loss", games.DIRAC_LOSSES, restarts=True, hint="Which comes nearest by itself?"),
            Choice("method", "method", tuple(METHODS), hint="Change it in mid-run: does the circle open or close?"),
            Slider("step size η", "step_size", 0.02, 1.5, step=0.02, hint="Larger steps: more growth in a round?"),
            Slider("γ, weight of R1", "r1", 0.0, 2.5, step=0.05, hint="When do the diamonds leave the circle?"),
            Slider("momentum β", "momentum", -0.9, 0.9, step=0.05, hint="With alternating steps, try 0.5, then −0.5."),
        ],
    )  # fmt: skip


FILMS = (
    Film(
        "damping", damping_panel, "method", {"simultaneous": "simultaneous", "alternating": "alternating"},
        moved="gamma", places=[round(0.05 * k, 2) for k in range(51)],
    ),
    Film("phase portrait", panel, "method", {name: name for name in METHODS}, steps=4),
)  # fmt: skip
"""What the web site shows of the panel, without a kernel."""
