"""The DCGAN pair: convolutions only, one class each, any of five image sizes.

Both networks halve or double the side at every layer. The generator starts from a map of 4 by 4
pixels (7 by 7 for images of 28) and ends in tanh, so images lie in [-1, 1]. Batch norm stands
everywhere except at the generator's output and at the discriminator's first layer. Kernels are 4 wide,
as in the paper's later Torch version and PyTorch's tutorial, but for the generator's first and the
discriminator's last, which are as wide as the smallest map.
"""

from __future__ import annotations

from torch import Tensor, nn

from gancourse.models import _inputs

__all__ = ["IMAGE_SIZES", "Discriminator", "Generator"]

IMAGE_SIZES = (16, 28, 32, 64, 128)
"""Image sides that the pair can be built for."""


class Generator(nn.Module):
    """Turn latent vectors (N, latent_dim) into images (N, channels, image_size, image_size).

    Images lie in [-1, 1]. ``width`` counts the feature maps before the last layer; each layer
    towards the input has twice as many. In training mode batch norm uses the statistics of the
    batch, so a sample depends on its neighbours; ``.eval()`` uses the running averages.

    Args:
        image_size: side of the images, one of ``IMAGE_SIZES``.
        channels: 1 for grey, 3 for colour.
        latent_dim: size of z.
        width: feature maps before the last layer.
    Source: Radford et al. (2016), whose own network is 128 wide and has kernels of 5. With the
        arguments (64, 3, 100, 64) this is the one of PyTorch's tutorial: 3,576,704 parameters.
    First met in: notebook 07.
    """

    def __init__(self, image_size: int = 28, channels: int = 1, latent_dim: int = 100, width: int = 64) -> None:
        super().__init__()
        image_size = self.image_size = _inputs.check_size("image_size", image_size, IMAGE_SIZES)
        channels = self.channels = _inputs.check_size("channels", channels, (1, 3))
        latent_dim = self.latent_dim = _inputs.check_size("latent_dim", latent_dim)
        width = self.width = _inputs.check_size("width", width)
        side, doublings = _plan(image_size)
        maps = width * 2 ** (doublings - 1)
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(latent_dim, maps, side, 1, 0, bias=False),
            nn.BatchNorm2d(maps),
            nn.ReLU(inplace=True),
        ]
        for _ in range(doublings - 1):
            layers += [
                nn.ConvTranspose2d(maps, maps // 2, 4, 2, 1, bias=False),
                nn.BatchNorm2d(maps // 2),
                nn.ReLU(inplace=True),
            ]
            maps //= 2
        layers += [nn.ConvTranspose2d(maps, channels, 4, 2, 1, bias=False), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(initialise)

    def forward(self, z: Tensor) -> Tensor:
        _inputs.check_latents(self, z, self.latent_dim)
        return self.layers(z[:, :, None, None])


class Discriminator(nn.Module):
    """Score images (N, channels, image_size, image_size) by logits (N,), larger = more real.

    Args:
        image_size: side of the images, one of ``IMAGE_SIZES``.
        channels: 1 for grey, 3 for colour.
        width: feature maps after the first layer; each further layer has twice as many.
    Source: Radford et al. (2016); with the arguments (64, 3, 64) this is the one of PyTorch's
        tutorial: 2,765,568 parameters.
    First met in: notebook 07.
    """

    def __init__(self, image_size: int = 28, channels: int = 1, width: int = 64) -> None:
        super().__init__()
        image_size = self.image_size = _inputs.check_size("image_size", image_size, IMAGE_SIZES)
        channels = self.channels = _inputs.check_size("channels", channels, (1, 3))
        width = self.width = _inputs.check_size("width", width)
        side, halvings = _plan(image_size)
        maps = width
        layers: list[nn.Module] = [nn.Conv2d(channels, maps, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)]
        for _ in range(halvings - 1):
            layers += [
                nn.Conv2d(maps, maps * 2, 4, 2, 1, bias=False),
                nn.BatchNorm2d(maps * 2),
                nn.LeakyReLU(0.2, inplace=True),
            ]
            maps *= 2
        layers += [nn.Conv2d(maps, 1, side, 1, 0, bias=False), nn.Flatten(0)]
        self.layers = nn.Sequential(*layers)
        self.apply(initialise)

    def forward(self, images: Tensor) -> Tensor:
        _inputs.check_images(self, images, self.channels, self.image_size)
        return self.layers(images)


def initialise(module: nn.Module) -> None:
    """Draw the first weights as the DCGAN paper does; use it as ``network.apply(initialise)``.

    Convolutions come from N(0, 0.02). Batch norm's scale comes from N(1, 0.02), round 1 and not
    round 0, because it multiplies what passes through; its shift starts at 0.

    Args:
        module: one layer; other kinds than these two are left alone.
    Source: Radford et al. (2016), section 4; the batch norm line is that of their code.
    First met in: notebook 07.
    """
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def _plan(image_size: int) -> tuple[int, int]:
    """Return the side of the smallest map and how often it doubles: 64 -> (4, 4), 28 -> (7, 2)."""
    side = 7 if image_size == 28 else 4
    return side, (image_size // side).bit_length() - 1
