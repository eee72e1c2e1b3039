"""The panel of notebook 16: move a latent vector along directions, and read off which factors of the ellipse follow.

Nothing trains here. The generator is the one that the notebook has trained on ellipses, or a stand-in that draws them
by rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from gancourse import runtime
from gancourse._torch_modes import usual_modes
from gancourse.data import ellipses
from gancourse.labs._film import Film
from gancourse.labs.panel import Choice, Panel, Slider
from gancourse.metrics import directions
from gancourse.plotting import style

__all__ = ["FARTHEST", "FILMS", "SLIDERS", "Moved", "StandIn", "panel"]

SLIDERS: tuple[str, ...] = ("first", "second", "third", "fourth")
"""Attributes that say how far to go along the first four directions of a set."""

FARTHEST = 2.0
"""How far a slider goes either way; a latent number has standard deviation 1."""

_LATENTS = 20
_STILL = 0.05  # a change of all factors together below which nothing has moved


class StandIn:
    """A generator without any training: four hidden mixtures of eight latent numbers, and an ellipse drawn from them.

    Attributes:
        weight: what turns z into the four factors, shape (4, 8); its rows differ in length.
    First met in: notebook 16.
    """

    latent_dim = 8

    def __init__(self) -> None:
        hidden = directions.random(len(ellipses.FACTORS), self.latent_dim, generator=runtime.generator(16))
        self.weight = torch.tensor([[0.5], [0.45], [0.35], [0.6]]) * hidden

    def __call__(self, z: Tensor) -> Tensor:
        """Return ellipses for z, shape (N, 8)."""
        return ellipses.draw((z @ self.weight.T).tanh())


class Moved:
    """One latent vector, moved along four directions of a set, and the factors of the ellipse before and after.

    Set ``which``, ``first`` to ``fourth`` and ``z``, then ask for :attr:`before` and :attr:`after` or draw.

    Args:
        generator: called with codes, shape (N, latent_dim), returns images of ellipses; it has a ``latent_dim``, and
            should be in eval mode.
        sets: name of a set -> its directions, shape (4 or more, latent_dim), each of length 1.
        seed: of the latent vectors.
    Attributes:
        which: name of the set.
        first, second, third, fourth: steps along its first four directions.
        z: which latent vector, from 1 to 20.
    Raises:
        TypeError, ValueError: ``generator`` has no ``latent_dim``, or a set has another shape.
    First met in: notebook 16.
    """

    def __init__(self, generator: Callable[[Tensor], Tensor], sets: Mapping[str, Tensor], *, seed: int = 0) -> None:
        if not callable(generator) or not hasattr(generator, "latent_dim"):
            raise TypeError(f"generator must be called with z and have a latent_dim, got {type(generator).__name__}")
        if not sets:
            raise ValueError("sets must hold one set of directions at least, got none")
        size = generator.latent_dim
        for name, rows in sets.items():
            if rows.ndim != 2 or rows.shape[1] != size or len(rows) < len(SLIDERS):
                raise ValueError(
                    f"sets[{name!r}] must hold at least {len(SLIDERS)} directions of {size} numbers, "
                    f"got shape {tuple(rows.shape)}"
                )
        self._generator = generator
        self._sets = {name: rows[: len(SLIDERS)].detach().cpu().float() for name, rows in sets.items()}
        self._codes = torch.randn(_LATENTS, size, generator=runtime.generator(seed))
        self.which, self.z = next(iter(self._sets)), 1
        self.first, self.second, self.third, self.fourth = 1.0, 0.0, 0.0, 0.0
        self._figure: Figure | None = None
        self._known: tuple | None = None

    def _steps(self) -> tuple[float, ...]:
        return tuple(float(getattr(self, slider)) for slider in SLIDERS)

    @torch.no_grad()
    def _make(self) -> tuple[Tensor, Tensor]:
        """Return two images, before and after, and their factors, shape (2, 4)."""
        wish = (self.which, self.z, *self._steps())
        if self._known != wish:
            code = self._codes[int(self.z) - 1]
            moved = code + torch.tensor(self._steps()) @ self._sets[self.which]
            images = self._generator(torch.stack([code, moved])).cpu()
            self._made, self._known = (images, ellipses.measure(images)), wish
        return self._made

    @property
    def before(self) -> Tensor:
        """The factors of the latent vector's own image, shape (4,)."""
        return self._make()[1][0]

    @property
    def after(self) -> Tensor:
        """The factors after the steps, shape (4,)."""
        return self._make()[1][1]

    def status(self) -> str:
        """Say where the steps lead, and which factor follows most."""
        change = self.after - self.before
        steps = ", ".join(f"{step:+.1f}" for step in self._steps())
        values = [round(value, 2) + 0.0 for value in change.tolist()]  # + 0.0: no "-0.00"
        said = ", ".join(f"{name} {value:+.2f}" for name, value in zip(ellipses.FACTORS, values, strict=True))
        total, most = float(change.abs().sum()), int(change.abs().argmax())
        verdict = "nothing has moved"
        if total >= _STILL:
            verdict = f"{float(change.abs()[most]) / total:.0%} of the change is {ellipses.FACTORS[most]}"
        return f"Latent vector {self.z:.0f}, {self.which} directions, steps {steps}. Change: {said}; {verdict}."

    # ------------------------------------------------------------ the picture

    def draw(self) -> Figure:
        """Draw the ellipse before and after, and its four factors: circles before, bars after."""
        images, factors = self._make()
        if self._figure is None:
            self._build(images.shape[-1])
        for shown, image in zip(self._pictures, images, strict=True):
            shown.set_data(image[0].numpy())
        before, after = factors.numpy()
        self._circles.set_data(before, np.arange(len(before)))
        for bar, start, end in zip(self._bars, before, after, strict=True):
            bar.set_x(min(start, end))
            bar.set_width(abs(end - start))
        self._crosses.set_data(after, np.arange(len(after)))
        return self._figure

    def _build(self, side: int) -> None:
        self._figure, axes = style.figure(3, 1, size=(7.6, 2.9), dpi=80, gridspec_kw={"width_ratios": [1, 1, 1.7]})
        self._pictures = []
        for ax, title in zip(axes[:2], ("before", "after"), strict=True):
            blank = np.zeros((side, side))
            self._pictures.append(ax.imshow(blank, cmap="gray", vmin=-1, vmax=1, interpolation="nearest"))
            ax.set(xticks=[], yticks=[], title=title)
        ax, places = axes[2], range(len(ellipses.FACTORS))
        grey, purple = style.COLOURS["neutral"], style.COLOURS["fake"]
        self._bars = ax.barh(places, [0.0] * len(places), height=0.35, color=purple, alpha=0.35)
        (self._circles,) = ax.plot([], [], "o", markerfacecolor="white", color=grey, markersize=8, label="before")
        (self._crosses,) = ax.plot([], [], "X", color=purple, markeredgecolor="white", markersize=10, label="after")
        ax.axvline(0, color=grey, linewidth=0.8, zorder=0)
        ax.set(xlim=(-1.6, 1.6), ylim=(len(places) - 0.5, -0.5), xlabel="factor, from -1 to 1 in the data")
        ax.set_yticks(places, ellipses.FACTORS)
        self._figure.legend(handles=[self._circles, self._crosses], loc="outside upper right", ncols=2)


@usual_modes()
def panel(
    generator: Callable[[Tensor], Tensor] | None = None, sets: Mapping[str, Tensor] | None = None, seed: int = 0
) -> Panel:
    """Return the panel *move along directions*. Nothing trains.

    Args:
        generator, sets: a generator of ellipses and sets of directions, as for :class:`Moved`; without them a stand-in
            that draws by rule, its closed form, and random directions.
        seed: of the latent vectors.
    Raises:
        ValueError: only one of ``generator`` and ``sets`` is given.
    First met in: notebook 16.
    """
    if (generator is None) != (sets is None):
        raise ValueError("generator and sets must be given together, or neither")
    if generator is None:
        generator = StandIn()
        sets = {
            "closed form": directions.closed_form(generator.weight),
            "random": directions.random(len(SLIDERS), generator.latent_dim, generator=runtime.generator(3)),
        }
    hints = (
        "Which factor follows? Does another one follow as well?",
        "Is it the same factor as for the first?",
        "Go to both ends: does the factor follow evenly?",
        "Which factor is left?",
    )
    return Panel(
        Moved(generator, sets, seed=seed),
        name="directions",
        title="Move along a direction, and see which factors follow",
        controls=[
            Choice("directions", "which", tuple(sets), hint="Found without labels, or drawn by chance?"),
            *(
                Slider(slider, slider, -FARTHEST, FARTHEST, step=0.1, hint=hint)
                for slider, hint in zip(SLIDERS, hints, strict=True)
            ),
            Slider("z", "z", 1, _LATENTS, whole=True, hint="Another start: does the same direction do the same?"),
        ],
    )


FILMS = (
    Film(
        "directions", panel, "which", {"closed form": "closed form", "random": "random"},
        moved="first", places=[place / 5 for place in range(-10, 11)], per_second=5,
        note="Here a stand-in draws ellipses by rule, and not a GAN.",
    ),
)  # fmt: skip
"""What the web site shows of the panel, without a kernel."""
