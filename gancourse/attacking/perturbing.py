"""A generator of changes: a network learns to attack all images at once, with a discriminator that wants them clean.

PGD climbs anew for every image. Here a network is trained once, and afterwards an attack costs one pass. The idea is
that of AdvGAN: G turns an image into a change of its pixels within the limit, the classifier says how well it works,
and a discriminator whether the changed image could be a clean one.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse import losses, runtime
from gancourse._numbers import real_between, whole_between
from gancourse._torch_modes import usual_modes
from gancourse.attacking import pixels
from gancourse.data.digits import check_images
from gancourse.models import dense_conv

__all__ = ["BATCH_SIZE", "Perturber", "attack", "train"]

BATCH_SIZE = 64

_RATE, _BETAS, _GAP, _PIECE = 2e-3, (0.5, 0.999), 5.0, 500
_WIDTH = 16


class Perturber(nn.Module):
    """Turn images (N, channels, S, S) into changed ones of the same shape, within the limit and in [-1, 1].

    A convolution that halves the side, two residual ones, and one back to full size; a tanh times the limit is added
    to the image.

    Args:
        epsilon: limit for every pixel, a share of black to white, 0 to 1.
        channels: 1 for grey, 3 for colour.
        width: feature maps.
    Raises:
        ValueError: an argument will not do.
    First met in: notebook 20.
    """

    def __init__(self, epsilon: float, channels: int = 1, width: int = _WIDTH) -> None:
        super().__init__()
        self.epsilon = real_between("epsilon", epsilon, 0.0, 1.0)
        channels, width = whole_between("channels", channels, 1), whole_between("width", width, 1)
        self.down = nn.Sequential(nn.Conv2d(channels, width, 4, 2, 1), nn.ReLU())
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, 1, 1), nn.ReLU(), nn.Conv2d(width, width, 3, 1, 1))
            for _ in range(2)
        )
        self.up = nn.ConvTranspose2d(width, channels, 4, 2, 1)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.down(images)
        for block in self.blocks:
            maps = maps + block(maps)
        change = pixels.BLACK_TO_WHITE * self.epsilon * self.up(maps).tanh()
        return pixels.within(images + change, images, self.epsilon)


@usual_modes()
def train(
    network: pixels.Network,
    images: Tensor,
    labels: Tensor,
    epsilon: float,
    *,
    adversarial: float = 1.0,
    num_steps: int = 400,
    seed: int,
) -> Perturber:
    """Train a perturber against a classifier that does not move.

    The generator minimises the margin of the true class, down to -5, plus ``adversarial`` times the non-saturating loss
    of a discriminator that tells changed images from clean ones.

    Args:
        network: images to logits.
        images: shape (N, C, S, S), in [-1, 1], of an even side that :mod:`~gancourse.models.dense_conv` is made for.
        labels: true classes, shape (N,), int64.
        epsilon: limit for every pixel, a share of black to white, 0 to 1.
        adversarial: weight of the discriminator's word; 0 for none.
        num_steps: batches of 64.
        seed: of the first weights and of the batches.
    Returns:
        The perturber in eval mode, without gradients for its weights.
    Raises:
        TypeError, ValueError: an argument will not do.
    Source: Xiao et al. (2018), https://arxiv.org/abs/1801.02610, with a hard limit in place of a hinge on the size.
    First met in: notebook 20.
    """
    check_images(images)
    num_steps, adversarial = whole_between("num_steps", num_steps, 1), real_between("adversarial", adversarial, 0.0)
    with runtime.seeded(seed):
        perturber = Perturber(epsilon, images.shape[1]).to(images.device)
        discriminator = dense_conv.Discriminator(images.shape[-1], images.shape[1]).to(images.device)
    g_optimizer, d_optimizer = (
        torch.optim.Adam(network.parameters(), lr=_RATE, betas=_BETAS) for network in (perturber, discriminator)
    )
    drawn, weights = runtime.generator(seed + 1), list(perturber.parameters())
    for _ in range(num_steps):
        chosen, clean = (torch.randint(len(images), (BATCH_SIZE,), generator=drawn).to(images.device) for _ in range(2))
        changed = perturber(images[chosen])
        g_loss = F.relu(pixels.margin(network(changed), labels[chosen]) + _GAP).mean()
        if adversarial:
            d_loss = losses.non_saturating_discriminator_loss(
                real_logits=discriminator(images[clean]), fake_logits=discriminator(changed.detach())
            )
            d_optimizer.zero_grad()
            d_loss.backward()
            d_optimizer.step()
            fooled = losses.non_saturating_generator_loss(fake_logits=discriminator(changed))
            g_loss = g_loss + adversarial * fooled
        g_optimizer.zero_grad()
        g_loss.backward(inputs=weights)
        g_optimizer.step()
    return perturber.eval().requires_grad_(False)


@torch.no_grad()
def attack(perturber: Perturber, images: Tensor) -> Tensor:
    """Return the images as a trained perturber changes them, one pass each.

    Args:
        perturber: a trained one.
        images: shape (N, C, S, S), in [-1, 1].
    First met in: notebook 20.
    """
    return torch.cat([perturber(piece) for piece in images.split(_PIECE)])
