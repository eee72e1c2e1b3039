"""An encoder and decoder with skips: a small network from damaged images to whole ones, with noise if wanted.

Three roads lead from what is given to the answer. Two skips carry it at full detail, at half and at a quarter of the
side. The third goes through a code of 256 numbers, which sees all of the image at once, and where the noise comes in.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse.models import _inputs

__all__ = ["NOISE", "Restorer"]

_CODE = 256
_SIDES = (16, 28, 32, 64)

NOISE = ("beside", "dropout")
"""How z comes in: beside the code, or by deciding which half of the code's numbers are dropped."""


class Restorer(nn.Module):
    """Turn what is given, shape (N, given_channels, S, S), and noise into images (N, channels, S, S) in [-1, 1].

    In training mode batch norm uses the statistics of the batch, as in :class:`gancourse.models.dense_conv.Generator`.

    Args:
        image_size: S, the side of the images: 16, 28, 32 or 64.
        channels: of the answer.
        given_channels: of what is given, such as the seen image and its mask, or two frames.
        width: feature maps at half the side; twice as many at a quarter.
        latent_dim: size of z; for "dropout" it is 256, one number for each of the code.
        noise: one of :data:`NOISE`.
        wide: mix the maps at a quarter of the side once more by kernels of 5 by 5, for things that move far.
        enlarge: double the side by repeating every pixel, and then convolve with kernels of 3 by 3. The default is
            transposed convolutions with kernels of 4 by 4.
    Source: the U-Net of Ronneberger et al. (2015), as in Isola et al. (2017), made small.
    First met in: notebook 13.
    """

    def __init__(
        self,
        image_size: int = 28,
        channels: int = 1,
        given_channels: int = 2,
        *,
        width: int = 16,
        latent_dim: int = 16,
        noise: str = "beside",
        wide: bool = False,
        enlarge: bool = False,
    ) -> None:
        super().__init__()
        image_size = self.image_size = _inputs.check_size("image_size", image_size, _SIDES)
        self.channels = _inputs.check_size("channels", channels)
        self.given_channels = _inputs.check_size("given_channels", given_channels)
        width = self.width = _inputs.check_size("width", width)
        self.latent_dim = _inputs.check_size("latent_dim", latent_dim)
        if noise not in NOISE:
            raise ValueError(f"noise must be one of {', '.join(NOISE)}, got {noise!r}")
        if noise == "dropout" and self.latent_dim != _CODE:
            raise ValueError(f"latent_dim must be {_CODE} with noise='dropout', got {latent_dim!r}")
        self.noise, self.wide, self.enlarge = noise, wide, enlarge
        side, maps = image_size // 4, 2 * width
        inner = maps * side * side
        self.to_half = nn.Sequential(nn.Conv2d(self.given_channels, width, 4, 2, 1), nn.LeakyReLU(0.2))
        self.to_quarter = nn.Sequential(
            nn.Conv2d(width, maps, 4, 2, 1, bias=False), nn.BatchNorm2d(maps), nn.LeakyReLU(0.2)
        )
        self.code = nn.Sequential(
            nn.Flatten(), nn.Linear(inner, _CODE, bias=False), nn.BatchNorm1d(_CODE), nn.ReLU(inplace=True)
        )
        beside = self.latent_dim if noise == "beside" else 0
        self.dense = nn.Sequential(
            nn.Linear(_CODE + beside, inner, bias=False),
            nn.BatchNorm1d(inner),
            nn.ReLU(inplace=True),
            nn.Unflatten(1, (maps, side, side)),
        )
        self.mix = None
        if wide:
            self.mix = nn.Sequential(
                nn.Conv2d(2 * maps, maps, 5, 1, 2, bias=False), nn.BatchNorm2d(maps), nn.ReLU(inplace=True)
            )
        self.up_to_half = nn.Sequential(
            *_doubling(2 * maps, width, enlarge, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )
        self.up = nn.Sequential(*_doubling(2 * width, self.channels, enlarge), nn.Tanh())
        self.to(memory_format=torch.channels_last)

    def forward(self, given: Tensor, z: Tensor, *, known: Tensor | None = None) -> Tensor:
        """Return the answer.

        Args:
            given: what is given, shape (N, given_channels, S, S).
            z: noise, shape (N, latent_dim), from N(0, 1).
            known: a mask, 1 where a pixel of the first channels of ``given`` is the true one: it is let through to
                the answer as it is. Shape (N, 1, S, S). None: every pixel is the network's own.
        """
        _inputs.check_images(self, given, self.given_channels, self.image_size)
        _inputs.check_latents(self, z, self.latent_dim)
        _inputs.needs_two_samples(self, z)
        if len(z) != len(given):
            raise ValueError(f"z must hold one row for each image, {len(given)}, got {len(z)}")
        half = self.to_half(given)
        quarter = self.to_quarter(half)
        code = self.code(quarter)
        # z > 0 has the chance one half: such a number of the code is kept, and doubled to make up for the others
        code = torch.cat([code, z], dim=1) if self.noise == "beside" else code * 2 * (z > 0)
        inner = self.dense(code)
        if self.mix is not None:
            inner = self.mix(torch.cat([inner, quarter], dim=1))
        answer = self.up(torch.cat([self.up_to_half(torch.cat([inner, quarter], dim=1)), half], dim=1))
        if known is None:
            return answer
        if not isinstance(known, Tensor) or known.shape != (len(given), 1, self.image_size, self.image_size):
            got = tuple(known.shape) if isinstance(known, Tensor) else type(known).__name__
            raise ValueError(f"known must be a mask of shape (N, 1, {self.image_size}, {self.image_size}), got {got}")
        return torch.where(known > 0, given[:, : self.channels], answer)


def _doubling(inputs: int, outputs: int, enlarge: bool, *, bias: bool = True) -> list[nn.Module]:
    """Return layers that double the side of maps."""
    if enlarge:
        return [nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(inputs, outputs, 3, 1, 1, bias=bias)]
    return [nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=bias)]
