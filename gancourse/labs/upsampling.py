"""The panel of notebook 07: move the kernel, the stride and the padding, and see sizes and checkerboards come and go.

Nothing trains here. A smooth picture is enlarged by a transposed convolution whose kernel has equal weights; next to it
stands how many stamps lie on each pixel.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor

from gancourse.labs._film import Film
from gancourse.labs.panel import Panel, Slider
from gancourse.plotting import style

__all__ = ["FILMS", "Upsampling", "panel"]

_SIDE = 9
_FIELDS = (24, 40)  # pixels on a side of the white field round the result: the smaller one while it fits


class Upsampling:
    """A picture of 9 by 9, enlarged. Set ``kernel``, ``stride`` and ``padding``, then draw.

    Args:
        kernel: side of the kernel, 2 to 7.
        stride: pixels from one stamp to the next, 1 to 4.
        padding: rows and columns cut off at each side, 0 to 3.
    First met in: notebook 07.
    """

    def __init__(self, kernel: int = 3, stride: int = 2, padding: int = 1) -> None:
        self.kernel, self.stride, self.padding = kernel, stride, padding
        line = torch.linspace(-1, 1, _SIDE)
        self.picture = (1.4 * torch.exp(-2.5 * (line[:, None] ** 2 + line**2)) - 0.7).clamp(-1, 1)
        self._figure: Figure | None = None

    @property
    def size(self) -> int:
        """Side of the result: (9 - 1) * stride - 2 * padding + kernel."""
        return (_SIDE - 1) * self.stride - 2 * self.padding + self.kernel

    def _enlarge(self, image: Tensor, kernel: Tensor) -> Tensor:
        return F.conv_transpose2d(image[None, None], kernel[None, None], stride=self.stride, padding=self.padding)[0, 0]

    def output(self) -> Tensor:
        """Return the enlarged picture. The kernel's weights are equal, and such that the mean brightness stays."""
        kernel = torch.full((self.kernel, self.kernel), (self.stride / self.kernel) ** 2)
        return self._enlarge(self.picture, kernel)

    def counts(self) -> Tensor:
        """Return how many stamps lie on each pixel that stays."""
        return self._enlarge(torch.ones(_SIDE, _SIDE), torch.ones(self.kernel, self.kernel)).round()

    def inside(self) -> list[int]:
        """Return the different counts away from the rim, rising; [0] stands for pixels without any stamp."""
        rim = max(self.kernel - self.padding, 0)
        counts = self.counts()
        middle = counts[rim : counts.shape[0] - rim, rim : counts.shape[1] - rim]
        return sorted({int(count) for count in (middle if middle.numel() else counts).flatten()})

    def status(self) -> str:
        """Say how large the result is and whether every inner pixel gets as many stamps."""
        counts = self.inside()
        said = f"{_SIDE} by {_SIDE} becomes {self.size} by {self.size}"
        if self.size == _SIDE * self.stride:
            said += f", exactly {self.stride} times the side. " if self.stride > 1 else ", as before. "
        else:
            said += f" ({self.stride} times the side would be {_SIDE * self.stride}). "
        if counts[0] == 0:
            return said + "The kernel is narrower than the stride: some pixels get no stamp at all."
        if len(counts) == 1:
            return said + f"Away from the rim every pixel gets {counts[0]} stamp(s): no checkerboard."
        return said + f"Away from the rim a pixel gets {', '.join(map(str, counts))} stamps: a checkerboard."

    def draw(self) -> Figure:
        """Draw the enlarged picture and the counts."""
        if self._figure is None:
            self._figure, (left, right) = style.figure(2, size=(7.6, 3.8), dpi=80)
            left.set_title("a smooth spot, enlarged")
            right.set_title("stamps on each pixel")
            blank = np.zeros((2, 2))
            self._left = left.imshow(blank, cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
            self._right = right.imshow(blank, cmap="Purples", vmin=0, interpolation="nearest")
            for ax in (left, right):
                ax.set(xticks=[], yticks=[])
                for spine in ax.spines.values():
                    spine.set_visible(False)
        counts = self.counts()
        field = next(side for side in _FIELDS if self.size <= side)
        for image, values in ((self._left, self.output()), (self._right, counts)):
            image.set_data(values.numpy())
            first = (field - self.size) / 2
            image.set_extent((first, first + self.size, first + self.size, first))
            image.axes.set(xlim=(0, field), ylim=(field, 0))
        self._right.set_clim(0, 1.3 * max(float(counts.max()), 1.0))
        return self._figure


def panel() -> Panel:
    """Return the panel *sizes and checkerboards*. It draws when a slider moves; nothing trains.

    First met in: notebook 07.
    """
    return Panel(
        Upsampling(),
        name="upsampling",
        title="Sizes and checkerboards",
        controls=[
            Slider("kernel", "kernel", 2, 7, whole=True, hint="A multiple of the stride, or not: watch the pattern."),
            Slider("stride", "stride", 1, 4, whole=True, hint="The step from stamp to stamp. With 1 nothing grows."),
            Slider("padding", "padding", 0, 3, whole=True, hint="Cuts the rim off. Which one gives exactly twice 9?"),
        ],
    )


FILMS = (
    Film("upsampling", panel, "stride", {"2": 2, "3": 3, "4": 4}, moved="kernel", places=range(2, 8), per_second=2),
)
"""What the web site shows of the panel, without a kernel."""
