"""A defence by a generator: classify the nearest picture that it can draw, instead of the image that came.

The generator was trained on clean digits, so whatever it draws looks like one, and a change that is no part of any
digit is left behind. This is the idea of Defense-GAN. The nearest picture is found by descent in z, from several
starts, since each descent ends in the next valley.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gancourse._numbers import real_between, whole_between
from gancourse.attacking.pixels import Network
from gancourse.encoding import inverse

__all__ = ["Defence", "Projected", "draw", "project"]


class Projected(NamedTuple):
    """Nearest pictures of a generator that were found, shape (N, C, S, S), and how near they are.

    Attributes:
        images: the pictures.
        errors: mean squared error to the image that came, over its pixels, shape (N,).
        z: the codes of the pictures, shape (N, latent_dim).
    """

    images: Tensor
    errors: Tensor
    z: Tensor


def project(
    generator: nn.Module,
    images: Tensor,
    noise: torch.Generator,
    *,
    restarts: int = 6,
    num_steps: int = 100,
    rate: float = 0.1,
) -> Projected:
    """Return the nearest pictures of a generator that descent in z finds, from ``restarts`` random starts an image.

    It costs ``restarts * num_steps`` passes through the generator and back for each image. See
    :func:`gancourse.encoding.inverse.invert` for the descent.

    Args:
        generator: a finished one, in eval mode, with the size of z as ``latent_dim``.
        images: shape (N, C, S, S), on its device.
        noise: draws the starts; another draw may end in another picture.
        restarts: descents for each image.
        num_steps: updates of z in each.
        rate: of Adam at the start.
    Raises:
        ValueError: an argument will not do.
    Source: Samangouei, Kabkab and Chellappa (2018), https://arxiv.org/abs/1805.06605, with Adam for their descent.
    First met in: notebook 20.
    """
    restarts = whole_between("restarts", restarts, 1)
    start = draw(generator, len(images) * restarts, noise)
    wanted = images.detach().repeat_interleave(restarts, dim=0)
    z = inverse.invert(generator, wanted, start, num_steps=num_steps, rate=rate)
    with torch.no_grad():
        made = generator(z)
    errors = (made - wanted).square().flatten(1).mean(dim=1).view(-1, restarts)
    nearest = torch.arange(len(images), device=images.device) * restarts + errors.argmin(dim=1)
    return Projected(made[nearest], errors.amin(dim=1), z[nearest])


def draw(generator: nn.Module, count: int, noise: torch.Generator) -> Tensor:
    """Return so many random codes for a generator, on its device, shape (count, latent_dim).

    Args:
        generator: with the size of z as ``latent_dim``.
        count: how many.
        noise: draws them.
    First met in: notebook 20.
    """
    device = next(generator.parameters()).device
    return torch.randn(count, generator.latent_dim, generator=noise, device=noise.device).to(device)


@dataclass(frozen=True)
class Defence:
    """Answer for the nearest picture of a generator: a network behind a projection, called as a network is.

    No gradient comes through it: the search is a piece of a program, not a layer.

    Attributes:
        generator: a finished one, in eval mode.
        network: pictures to logits.
        noise: draws the starts of the search, anew at each call.
        restarts: descents for each image.
        num_steps: updates of z in each.
        rate: of Adam at the start.
    First met in: notebook 20.
    """

    generator: nn.Module
    network: Network
    noise: torch.Generator
    restarts: int = 6
    num_steps: int = 100
    rate: float = 0.1

    def __post_init__(self) -> None:
        whole_between("restarts", self.restarts, 1)
        whole_between("num_steps", self.num_steps, 1)
        real_between("rate", self.rate, 0.0)

    @property
    def passes(self) -> int:
        """Passes through the generator and back that one image costs."""
        return self.restarts * self.num_steps

    def project(self, images: Tensor, *, num_steps: int | None = None) -> Projected:
        """Return the pictures that are classified instead of the images.

        Args:
            images: shape (N, C, S, S).
            num_steps: for a shorter search than the defence's own.
        First met in: notebook 20.
        """
        steps = self.num_steps if num_steps is None else num_steps
        return project(self.generator, images, self.noise, restarts=self.restarts, num_steps=steps, rate=self.rate)

    def __call__(self, images: Tensor) -> Tensor:
        """Return the logits of the projected images, shape (N, classes), no gradient."""
        with torch.enable_grad():  # the search needs gradients of its own
            pictures = self.project(images.detach()).images
        with torch.no_grad():
            return self.network(pictures)
