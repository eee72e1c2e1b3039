"""The film of the site's first page in which digits appear: the GAN of notebook 00, and one whose generator runs ahead.

Both are trained by the lines of image_tables.py, on the digits that lie in the package, so that every build of the
site shows the same.
"""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Tensor

from gancourse import runtime
from gancourse._torch_modes import usual_modes
from gancourse.data import digits
from gancourse.labs._film import Film
from gancourse.labs.panel import Choice, Panel
from gancourse.plotting import style
from image_tables import Run
from story_runs import AHEAD, RECIPE_OF_00, drawn

ENTRIES = {"as in notebook 00": RECIPE_OF_00, "the generator runs ahead": AHEAD}
ROWS, COLUMNS, GAP = 2, 8, 3


class Digits:
    """A stepper: a GAN on the embedded digits, seen through the images of 16 latent vectors that stay.

    Attributes: ``recipe``, a key of :data:`ENTRIES`; ``seed``.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed, self.recipe = seed, next(iter(ENTRIES))
        self._data = digits.load("embedded")
        self._figure: Figure | None = None
        self.reset()

    def reset(self) -> None:
        """Start afresh from ``seed``, with the recipe as it is."""
        self._run = Run(ENTRIES[self.recipe], self._data.images, self.seed)
        latent_dim = self._run.generator.latent_dim
        self._z = torch.randn(ROWS * COLUMNS, latent_dim, generator=runtime.generator(self.seed + 4))

    @property
    def steps_done(self) -> int:
        """The number of steps since the start."""
        return self._run.steps_done

    def step(self) -> None:
        """Let D and G make one update each."""
        self._run.advance(1)

    def samples(self) -> Tensor:
        """Return the images of the latent vectors, shape (16, 1, 28, 28)."""
        return drawn(self._run.generator, self._z)

    def alike(self) -> float:
        """Return the mean distance of two of the samples, as a share of that of two real digits."""
        apart = [torch.pdist(images.flatten(1)).mean() for images in (self.samples(), self._data.images[:500])]
        return float(apart[0] / apart[1])

    def status(self) -> str:
        """Say how far it is, and how different the samples are from each other."""
        share = f"two of the samples differ {self.alike():.0%} as much as two real digits"
        return f"Step {self.steps_done:,}, {self.recipe}: {share}."

    def draw(self) -> Figure:
        """Draw the samples, -1 black and +1 white."""
        padded = torch.nn.functional.pad(self.samples(), (0, GAP, 0, GAP), value=1.0)
        rows = padded[:, 0].unflatten(0, (ROWS, COLUMNS)).transpose(1, 2).flatten(2).flatten(0, 1)
        if self._figure is None:
            self._figure, ax = style.figure(size=(7.0, 2.2), dpi=80)
            ax.set_axis_off()
            self._image = ax.imshow(rows, cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
            self._title = ax.set_title("")
        self._image.set_data(rows)
        self._title.set_text(f"step {self.steps_done:,}")
        return self._figure


@usual_modes()
def panel() -> Panel:
    """Return the digits as a panel, for filming."""
    return Panel(
        Digits(),
        name="digits",
        title="Digits appear",
        controls=[Choice("recipe", "recipe", list(ENTRIES), hint="What do 16 samples have in common?", restarts=True)],
    )


FILMS = (Film("digits", panel, "recipe", {name: name for name in ENTRIES}, frames=36, steps=60),)
