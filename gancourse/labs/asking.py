"""The panel of notebook 12: ask a generator for a digit, walk to another one, and read the judge's opinion beside.

Nothing trains here. The generator is the one that the notebook has trained, or a stand-in made of averages. It was told
digits and no slants. Its slant is moved all the same: along the direction of z on which the slant of its own samples
depends, fitted by least squares when the panel is made.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from gancourse import runtime
from gancourse._torch_modes import usual_modes
from gancourse.data import digits, spoils
from gancourse.labs._film import Film
from gancourse.labs._quick_judge import quick_judge
from gancourse.labs.panel import Panel, Slider
from gancourse.metrics import asked as listening
from gancourse.metrics import directions, judge
from gancourse.plotting import style

__all__ = ["FARTHEST", "FILMS", "Asking", "StandIn", "panel", "slanting"]

FARTHEST = 2.0
"""How far z is moved for the slant, either way; along any direction z has standard deviation 1."""

_CLASSES = 10
_WALK = 11  # images from the first digit to the second
_MOST_Z = 40
_GAP = 2  # pixels between the images of the walk
_SURE = 0.9
_SAMPLES = 500  # whose slants are fitted
_LEAN = 0.15  # slope to either side, for the stand-in's last number


class StandIn:
    """A generator without any training: a class's mean image, moved along the directions in which its images vary most.

    The last number of z makes the mean image lean.

    Args:
        data: images and labels to average.
        directions: principal directions of each class; z has one number more.
    First met in: notebook 12.
    """

    def __init__(self, data: digits.Digits, directions: int = 6) -> None:
        self.latent_dim = directions + 1
        means, ways = [], []
        for label in range(_CLASSES):
            mine = data.images[data.labels == label].flatten(1)
            means.append(mine.mean(dim=0))
            _, sizes, axes = torch.linalg.svd(mine - means[-1], full_matrices=False)
            axes = axes * torch.where(axes.sum(dim=1) < 0, -1.0, 1.0)[:, None]  # the sign of a direction is chance
            mean = means[-1].view(1, *data.images.shape[1:])
            lean = (spoils.slant(mean, _LEAN) - spoils.slant(mean, -_LEAN)).flatten(1) / 2
            ways.append(torch.cat([axes[:directions] * sizes[:directions, None] / len(mine) ** 0.5, lean]))
        self._means, self._ways, self._shape = torch.stack(means), torch.stack(ways), data.images.shape[1:]

    def __call__(self, z: Tensor, weights: Tensor) -> Tensor:
        """Return images in [-1, 1] for z, shape (N, latent_dim), and weights of the classes, shape (N, 10)."""
        flat = weights @ self._means + torch.einsum("nc,nd,cdp->np", weights, z, self._ways)
        return flat.clamp(-1, 1).view(-1, *self._shape)


@torch.no_grad()
def slanting(
    generator: Callable[[Tensor, Tensor], Tensor], *, seed: int = 0, device: str | torch.device = "cpu"
) -> Tensor:
    """Return the direction of z along which a generator's digits lean to the right, of length 1, shape (latent_dim,).

    Five hundred samples, fifty of each digit, are measured. How far a sample leans beyond the mean of its digit is
    fitted by a linear function of z, by least squares (``directions.supervised``). No label says slant.

    Args:
        generator: called with z, shape (N, latent_dim), and weights of the ten classes, shape (N, 10).
        seed: of the samples.
        device: where the generator is.
    First met in: notebook 12.
    """
    z = torch.randn(_SAMPLES, generator.latent_dim, generator=runtime.generator(seed))
    labels = torch.arange(_SAMPLES) % _CLASSES
    images = generator(z.to(device), torch.eye(_CLASSES)[labels].to(device)).cpu()
    leans = listening.moments(images).slant.view(-1, _CLASSES)
    beyond = (leans - leans.mean(dim=0)).view(-1, 1)
    return directions.supervised(z, beyond)[0]


class Asking:
    """What a generator makes of a wish, and what the judge takes it for.

    Set ``first``, ``second``, ``between`` (0: the first digit, 1: the second), ``z`` (which latent vector) and
    ``slant`` (how far that is moved along :func:`slanting`), then ask for :meth:`opinion`, :meth:`leans` or draw.

    Args:
        generator: called with z, shape (N, latent_dim), and weights of the classes, shape (N, 10); it has a
            ``latent_dim``, and should be in eval mode.
        outside: the judge.
        seed: of the latent vectors.
    Raises:
        TypeError: ``generator`` or ``outside`` is something else.
    First met in: notebook 12.
    """

    def __init__(self, generator: Callable[[Tensor, Tensor], Tensor], outside: judge.Judge, *, seed: int = 0) -> None:
        if not callable(generator) or not hasattr(generator, "latent_dim"):
            got = type(generator).__name__
            raise TypeError(f"generator must be called with z and weights and have a latent_dim, got {got}")
        if not isinstance(outside, judge.Judge):
            raise TypeError(f"outside must come from judge.load, got {type(outside).__name__}")
        self._generator, self._judge = generator, outside
        self._latents = torch.randn(_MOST_Z, generator.latent_dim, generator=runtime.generator(seed))
        self._way = slanting(generator, seed=seed + 1, device=outside.device)
        self.first, self.second, self.between, self.z, self.slant = 7, 1, 0.0, 1, 0.0
        self._figure: Figure | None = None
        self._known: tuple | None = None

    def weights(self, between: float) -> Tensor:
        """Return the weights of the ten classes at a place between the two digits, shape (10,)."""
        asked = torch.zeros(_CLASSES)
        asked[self.first] += 1 - between
        asked[self.second] += between
        return asked

    @torch.no_grad()
    def _make(self) -> tuple[Tensor, Tensor]:
        """Return the images of the walk, the one asked for without the slant, and with it, and the judge's opinions."""
        wish = (self.first, self.second, self.between, self.z, self.slant)
        if self._known != wish:
            places = [place / (_WALK - 1) for place in range(_WALK)] + [self.between] * 2
            asked = torch.stack([self.weights(place) for place in places]).to(self._judge.device)
            z = (self._latents[self.z - 1] + self.slant * self._way).repeat(len(places), 1)
            z[-2] = self._latents[self.z - 1]
            images = self._generator(z.to(self._judge.device), asked)
            self._made = images.cpu(), self._judge.probabilities(images).cpu()
            self._known = wish
        return self._made

    def opinion(self) -> Tensor:
        """Return the judge's probabilities for the image asked for, shape (10,)."""
        return self._make()[1][-1]

    def leans(self) -> tuple[float, float]:
        """Return the slant of the image asked for, in pixels to the right for each upwards: as z is, and as moved."""
        before, after = listening.moments(self._make()[0][-2:]).slant.tolist()
        return before, after

    def status(self) -> str:
        """Say what was asked for, what the judge takes it for, and how far it leans."""
        opinion = self.opinion()
        asked = (
            f"a {self.first}"
            if self.first == self.second or self.between == 0
            else f"a {self.second}"
            if self.between == 1
            else f"{1 - self.between:.0%} of a {self.first} and {self.between:.0%} of a {self.second}"
        )
        seen, sure = int(opinion.argmax()), float(opinion.max())
        verdict = f"takes it for a {seen} ({sure:.0%})" if sure >= _SURE else f"is not sure: {seen} at {sure:.0%}"
        way = f"On the way from a {self.first} to a {self.second}: {self.between:.0%}."
        before, after = self.leans()
        lean = f"It leans by {after:+.2f}" + (f", and by {before:+.2f} without the slant" if self.slant else "")
        return f"Asked for {asked}, latent vector {self.z}, slant {self.slant:+g}. The judge {verdict}. {lean}. {way}"

    def draw(self) -> Figure:
        """Draw the image asked for, the judge's opinion as bars, and the whole walk below."""
        images, opinions = self._make()
        if self._figure is None:
            self._build(images.shape[-1])
        self._large.set_data(images[-1, 0].numpy())
        wanted = self.weights(self.between)
        for label, (bar, share) in enumerate(zip(self._bars, opinions[-1].tolist(), strict=True)):
            bar.set_width(share)
            bar.set_color(style.COLOURS["fake"] if wanted[label] > 0 else style.COLOURS["neutral"])
        for pixels, image in zip(self._walk, images[:_WALK], strict=True):
            pixels.set_data(image[0].numpy())
        self._frame.set_x(round(self.between * (_WALK - 1)) * self._pitch - _GAP / 2)
        self._ends[0].set_text(f"{self.first}")
        self._ends[1].set_text(f"{self.second}")
        return self._figure

    def _build(self, side: int) -> None:
        self._figure, axes = style.figure(
            2, 2, size=(7.2, 4.4), dpi=80, gridspec_kw={"height_ratios": [3, 1], "width_ratios": [1, 1.2]}
        )
        large, bars = axes[0]
        below = axes[1, 0].get_gridspec()
        for ax in axes[1]:
            ax.remove()
        walk = self._figure.add_subplot(below[1, :])
        grey = {"cmap": "gray", "vmin": -1, "vmax": 1}
        self._large = large.imshow(np.zeros((side, side)), **grey)
        large.set(xticks=[], yticks=[], title="what you asked for")
        self._bars = bars.barh(range(_CLASSES), [0.0] * _CLASSES, height=0.7)
        bars.set(xlim=(0, 1), ylim=(_CLASSES - 0.4, -0.6), yticks=range(_CLASSES), title="what the judge sees")
        bars.set_xlabel("probability (purple: asked for)")
        self._pitch = side + _GAP
        self._walk = [
            walk.imshow(np.zeros((side, side)), extent=(at * self._pitch, at * self._pitch + side, 0, side), **grey)
            for at in range(_WALK)
        ]
        self._frame = walk.add_patch(
            Rectangle((0, -_GAP / 2), self._pitch, self._pitch, fill=False, linewidth=2.5, color=style.COLOURS["fake"])
        )
        end = _WALK * self._pitch - _GAP
        self._ends = [
            walk.text(x, side / 2, "", ha=ha, va="center", fontsize=13)
            for x, ha in ((-2 * _GAP, "right"), (end + 2 * _GAP, "left"))
        ]
        walk.set(xlim=(-3 * _GAP, end + 3 * _GAP), ylim=(-_GAP, side + _GAP))
        walk.set_axis_off()


@usual_modes()
def panel(
    generator: Callable[[Tensor, Tensor], Tensor] | None = None, outside: judge.Judge | None = None, seed: int = 0
) -> Panel:
    """Return the panel *ask for a digit*. Nothing trains.

    Args:
        generator, outside: a conditional generator in eval mode and the judge; without them a stand-in made of averages
            of the embedded digits, and a judge that is made at once, by least squares.
        seed: of the latent vectors.
    Raises:
        ValueError: only one of ``generator`` and ``outside`` is given.
    First met in: notebook 12.
    """
    if (generator is None) != (outside is None):
        raise ValueError("generator and outside must be given together, or neither")
    if generator is None:
        with contextlib.redirect_stdout(io.StringIO()):  # a panel says nothing but in its own line
            data = digits.load("embedded", image_size=8)
        generator, outside = StandIn(data), quick_judge(data)
    return Panel(
        Asking(generator, outside, seed=seed),
        name="asking",
        title="Ask for a digit",
        controls=[
            Slider("digit", "first", 0, 9, whole=True, hint="What do you want?"),
            Slider("other digit", "second", 0, 9, whole=True, hint="Where the walk leads."),
            Slider("between", "between", 0.0, 1.0, step=0.05, hint="Half way: is it one of the two, both, or neither?"),
            Slider("z", "z", 1, _MOST_Z, whole=True, hint="Another latent vector: another hand writes the same digit."),
            Slider(
                "slant",
                "slant",
                -FARTHEST,
                FARTHEST,
                step=0.25,
                hint="No label says slant. This moves z along a line that was fitted to the slants of samples.",
            ),
        ],
    )


FILMS = (
    Film(
        "asking", panel, "second", {"a 7 becomes a 1": 1, "a 7 becomes a 9": 9, "a 7 becomes a 2": 2},
        moved="between", places=[place / 20 for place in range(21)], per_second=4,
        note="Here a stand-in made of averages draws, and not a GAN.",
    ),
)  # fmt: skip
"""What the web site shows of the panel, without a kernel."""
