"""A world in which everything can be worked out: a generator that draws a plane, and a network that reads one line."""

import torch
from torch import nn

from gancourse import runtime

SIDE, CODES = 6, 3


class Plane(nn.Module):
    """G(z) = z A with orthonormal rows of A, so the nearest picture to x is x A' A, and its code x A'."""

    latent_dim = CODES

    def __init__(self, seed=0):
        super().__init__()
        rows = torch.linalg.qr(torch.randn(SIDE * SIDE, CODES, generator=runtime.generator(seed)))[0].T
        self.rows = nn.Parameter(rows.contiguous(), requires_grad=False)
        self.eval()

    def forward(self, z):
        return (z @ self.rows).unflatten(1, (1, SIDE, SIDE))

    def nearest(self, images):
        return self(images.flatten(1) @ self.rows.T)


def images(count=8, size=0.3, seed=3):
    return size * (2 * torch.rand(count, 1, SIDE, SIDE, generator=runtime.generator(seed)) - 1)


def reader(direction, offset=0.0):
    """A network of two classes: class 1 where images lie further along the direction than the offset."""
    return lambda given: torch.stack(
        [-(given.flatten(1) @ direction - offset), given.flatten(1) @ direction - offset], 1
    )
