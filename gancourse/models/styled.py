"""A generator that is told its style at three places: StyleGAN's parts round the quick pair's generator.

z goes through a small mapping network and becomes w, the style. w enters three times: where the dense layers decide
the shape, at the maps of a quarter of the side, and at those of half the side. Different styles at different places
are mixed by handing over three of them. Each place with maps lets w in by one of three ways, the generator's ``style``:

    image       StyleGAN's AdaIN: each map of each image is normalised by itself, and gets a scale and a shift from w
    batch       the same, but normalised over the batch, as batch norm does
    modulated   StyleGAN2's way: w scales the weights of the next convolution, which are normalised again
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse._numbers import real_between, whole_between
from gancourse.models import _inputs
from gancourse.models.parts import PixelNorm, equalise

__all__ = [
    "PLACES",
    "STYLES",
    "Mapping",
    "StyledGenerator",
    "adain",
    "mixed",
    "modulate",
    "modulated_convolution",
    "truncate",
]

STYLES = ("modulated", "batch", "image")
PLACES = ("dense", "quarter", "half")
"""Where w enters: the dense layers, the maps of a quarter of the side, those of half the side."""

_DENSE = 256
_SIDES = (16, 28, 32, 64)
_LEAST = 1e-8


def adain(maps: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Return the maps with mean ``shift`` and standard deviation ``scale`` over the places of each map of each image.

    Args:
        maps: shape (N, C, H, W), more than one place.
        scale, shift: shape (N, C).
    Raises:
        ValueError: a shape is anything else.
    Source: Huang and Belongie (2017), adaptive instance normalisation.
    First met in: notebook 16.
    """
    _check_maps(maps)
    for name, value in (("scale", scale), ("shift", shift)):
        if value.shape != maps.shape[:2]:
            raise ValueError(f"{name} must have shape {tuple(maps.shape[:2])}, got {tuple(value.shape)}")
    return F.instance_norm(maps, eps=_LEAST) * scale[:, :, None, None] + shift[:, :, None, None]


def modulate(weight: Tensor, scales: Tensor, *, demodulate: bool = True) -> Tensor:
    """Return the weights that each sample's convolution has: scaled per input channel, then normalised per output.

    ``w'[o, i, a, b] = scale[i] w[o, i, a, b]``, divided by the root of the sum of its squares over i, a and b.

    Args:
        weight: of the convolution, shape (O, I, k, k).
        scales: of each sample, shape (N, I).
        demodulate: False leaves the division out.
    Returns:
        Shape (N, O, I, k, k).
    Raises:
        ValueError: a shape is anything else.
    Source: Karras et al. (2020), section 2.2.
    First met in: notebook 16.
    """
    if weight.ndim != 4 or scales.ndim != 2 or scales.shape[1] != weight.shape[1]:
        raise ValueError(
            f"weight must have shape (O, I, k, k) and scales (N, I), got {tuple(weight.shape)}, {tuple(scales.shape)}"
        )
    scaled = weight * scales[:, None, :, None, None]
    if not demodulate:
        return scaled
    return scaled * (scaled.square().sum(dim=(2, 3, 4), keepdim=True) + _LEAST).rsqrt()


def modulated_convolution(
    images: Tensor, weight: Tensor, scales: Tensor, *, demodulate: bool = True, up: bool = False
) -> Tensor:
    """Convolve every sample with weights of its own, those of :func:`modulate`, without making them.

    Scaling the weights of an input channel is scaling that channel, and dividing the weights of an output is dividing
    that output. So one ordinary convolution does it for the whole batch.

    Args:
        images: shape (N, I, H, W).
        weight: shape (O, I, k, k), k odd; with ``up`` k is 4.
        scales: of each sample, shape (N, I).
        demodulate: divide each output by the root of the sum of squares of its weights: white input of variance 1 then
            gives output of variance 1, whatever the scales.
        up: double the side by a transposed convolution of stride 2. Only a quarter of the weights meet in one output
            there, so it is multiplied by 2 when it is demodulated.
    Returns:
        Shape (N, O, H, W), or (N, O, 2 H, 2 W).
    Raises:
        ValueError: a shape is anything else.
    Source: Karras et al. (2020), appendix B, who compute it by groups instead.
    First met in: notebook 16.
    """
    _check_maps(images)
    if weight.ndim != 4 or weight.shape[1] != images.shape[1] or scales.shape != images.shape[:2]:
        raise ValueError(
            f"weight must have shape (O, {images.shape[1]}, k, k) and scales {tuple(images.shape[:2])}, "
            f"got {tuple(weight.shape)} and {tuple(scales.shape)}"
        )
    side = weight.shape[-1]
    if side != weight.shape[-2] or (side != 4 if up else side % 2 == 0):
        raise ValueError(f"weight must have a kernel {'of 4 by 4' if up else 'of an odd side'}, got {side}")
    scaled = images * scales[:, :, None, None]
    if up:
        made = F.conv_transpose2d(scaled, weight.transpose(0, 1), stride=2, padding=1)
    else:
        made = F.conv2d(scaled, weight, padding=side // 2)
    if not demodulate:
        return made
    squares = scales.square() @ weight.square().sum(dim=(2, 3)).T / (4 if up else 1)
    return made * (squares + _LEAST).rsqrt()[:, :, None, None]


def truncate(codes: Tensor, psi: float, middle: Tensor | None = None) -> Tensor:
    """Return codes drawn towards a middle: ``middle + psi (codes - middle)``.

    Args:
        codes: z or w, shape (N, C).
        psi: 1 leaves them, 0 makes all of them the middle.
        middle: shape (C,); None for 0, the middle of z.
    Raises:
        ValueError: ``psi`` is no finite number from 0 on, or ``middle`` has another shape.
    Source: Brock et al. (2019) shorten z; Karras et al. (2019), section 3, shorten w.
    First met in: notebook 16.
    """
    psi = real_between("psi", psi, 0.0)
    if middle is None:
        return psi * codes
    if middle.shape != codes.shape[1:]:
        raise ValueError(f"middle must have shape {tuple(codes.shape[1:])}, got {tuple(middle.shape)}")
    return middle + psi * (codes - middle)


def mixed(styles: Tensor, others: Tensor, cut: int) -> Tensor:
    """Return styles for the three places: the first ``cut`` of PLACES get ``styles``, the rest ``others``.

    Args:
        styles, others: w of two sets of images, shape (N, C) each.
        cut: 0 (all from ``others``) to 3 (all from ``styles``).
    Returns:
        Shape (3, N, C), for :meth:`StyledGenerator.paint`.
    Raises:
        ValueError: the shapes differ, or ``cut`` is no such number.
    First met in: notebook 16.
    """
    cut = whole_between("cut", cut, 0, len(PLACES))
    if styles.shape != others.shape:
        raise ValueError(f"styles and others must have one shape, got {tuple(styles.shape)} and {tuple(others.shape)}")
    return torch.stack([styles] * cut + [others] * (len(PLACES) - cut))


class Mapping(nn.Module):
    """Turn z, shape (N, size), into w of the same shape: pixel norm, then equalised dense layers with LeakyReLU(0.2).

    Pixel norm gives every z one length, so only its direction matters.

    Args:
        size: of z and of w.
        layers: how many dense layers, at least 1.
    Raises:
        ValueError: an argument is no such number.
    Source: Karras et al. (2019), whose mapping has 8 layers of 512.
    First met in: notebook 16.
    """

    def __init__(self, size: int = 64, layers: int = 3) -> None:
        super().__init__()
        self.size = _inputs.check_size("size", size)
        made: list[nn.Module] = [PixelNorm()]
        for _ in range(_inputs.check_size("layers", layers)):
            made += [nn.Linear(self.size, self.size), nn.LeakyReLU(0.2)]
        self.layers = equalise(nn.Sequential(*made))

    def forward(self, z: Tensor) -> Tensor:
        _inputs.check_latents(self, z, self.size)
        return self.layers(z)


class _Place(nn.Module):
    """One place with maps: the style, noise, ReLU, and the convolution that doubles the side."""

    def __init__(self, maps: int, out: int, style_dim: int, style: str, *, noise: bool, last: bool) -> None:
        super().__init__()
        self.style, self.last = style, last
        self.strength = nn.Parameter(torch.zeros(maps)) if noise else None
        self.affine = nn.Linear(style_dim, maps if style == "modulated" else 2 * maps)
        self.up = nn.ConvTranspose2d(maps, out, 4, 2, 1, bias=last or style == "modulated")
        self.norm: nn.Module = nn.Identity()
        if style == "batch":
            self.norm = nn.BatchNorm2d(maps, affine=False)
        elif style == "modulated" and not last:
            self.norm = nn.BatchNorm2d(maps)  # of what the dense layers make; further on demodulation does its work

    def forward(self, maps: Tensor, w: Tensor, noise: torch.Generator | None) -> Tensor:
        told = self.affine(w)
        if self.style == "modulated":
            maps = self.norm(maps)
        else:
            scale, shift = told.chunk(2, dim=1)
            if self.style == "image":
                maps = adain(maps, 1 + scale, shift)
            else:
                maps = self.norm(maps) * (1 + scale)[:, :, None, None] + shift[:, :, None, None]
        if noise is not None and self.strength is not None:
            drawn = torch.randn(len(maps), 1, *maps.shape[2:], generator=noise, device=noise.device)
            maps = maps + self.strength[:, None, None] * drawn.to(maps.device, maps.dtype)
        maps = maps.relu()
        if self.style != "modulated":
            return self.up(maps)
        weight = self.up.weight.transpose(0, 1)
        made = modulated_convolution(maps, weight, 1 + told, demodulate=not self.last, up=True)
        return made + self.up.bias[:, None, None]


class StyledGenerator(nn.Module):
    """Turn z into w, and w into images (N, channels, S, S) in [-1, 1].

    The layers are those of :class:`gancourse.models.dense_conv.Generator`, where w takes the place of z, and comes in
    again at both maps.

    Args:
        image_size: S, the side of the images: 16, 28, 32 or 64.
        channels: 1 for grey, 3 for colour.
        latent_dim: size of z and of w.
        width: feature maps at half the side; twice as many at a quarter.
        style: one of :data:`STYLES`.
        noise: whether it has noise inputs: at both maps one plane of N(0, 1) for each image, times a strength for each
            map that is learned and starts at 0.
    Raises:
        ValueError: an argument is not allowed.
    Source: after Karras et al. (2019, 2020), made small. Their first map is a learned constant; here w makes it.
    First met in: notebook 16.
    """

    def __init__(
        self,
        image_size: int = 28,
        channels: int = 1,
        latent_dim: int = 64,
        width: int = 16,
        *,
        style: str = "modulated",
        noise: bool = True,
    ) -> None:
        super().__init__()
        image_size = self.image_size = _inputs.check_size("image_size", image_size, _SIDES)
        self.channels = _inputs.check_size("channels", channels, (1, 3))
        size = self.latent_dim = _inputs.check_size("latent_dim", latent_dim)
        width = self.width = _inputs.check_size("width", width)
        if style not in STYLES:
            raise ValueError(f"style must be one of {', '.join(STYLES)}, got {style!r}")
        self.style = style
        self.mapping = Mapping(size)
        self.dense = nn.Sequential(
            nn.Linear(size, _DENSE, bias=False),
            nn.BatchNorm1d(_DENSE),
            nn.ReLU(inplace=True),
            nn.Linear(_DENSE, 2 * width * (image_size // 4) ** 2, bias=False),
        )
        self.at_quarter = _Place(2 * width, width, size, style, noise=noise, last=False)
        self.at_half = _Place(width, self.channels, size, style, noise=noise, last=True)
        self.to(memory_format=torch.channels_last)

    def map(self, z: Tensor) -> Tensor:
        """Return w for ``z``, shape (N, latent_dim) both."""
        return self.mapping(z)

    def paint(self, w: Tensor, noise: torch.Generator | None = None) -> Tensor:
        """Return images for styles.

        Args:
            w: shape (N, latent_dim), the same at all places; or (3, N, latent_dim), one for each of :data:`PLACES`.
            noise: draws the noise inputs; None leaves them out.
        Raises:
            TypeError, ValueError: ``w`` is anything else.
        """
        first, quarter, half = self._at_places(w)
        _inputs.needs_two_samples(self, first)
        side = self.image_size // 4
        maps = self.dense(first).unflatten(1, (side, side, 2 * self.width)).permute(0, 3, 1, 2)
        return self.at_half(self.at_quarter(maps, quarter, noise), half, noise).tanh()

    def forward(self, z: Tensor, noise: torch.Generator | None = None) -> Tensor:
        """Return ``paint(map(z), noise)``."""
        return self.paint(self.map(z), noise)

    @torch.no_grad()
    def mean_style(self, noise: torch.Generator, count: int = 8_000) -> Tensor:
        """Return the mean of w over ``count`` random z, shape (latent_dim,): the middle that truncation draws to.

        Args:
            noise: draws z.
            count: how many.
        """
        z = torch.randn(whole_between("count", count, 1), self.latent_dim, generator=noise, device=noise.device)
        return self.map(z.to(next(self.parameters()).device)).mean(dim=0)

    def _at_places(self, w: Tensor) -> tuple[Tensor, ...]:
        if isinstance(w, Tensor) and w.ndim == 3 and len(w) == len(PLACES):
            places = w.unbind()
        else:
            places = (w,) * len(PLACES)
        for place in places:
            _inputs.check_latents(self, place, self.latent_dim)
        return places


def _check_maps(maps: Tensor) -> None:
    if not isinstance(maps, Tensor) or maps.ndim != 4:
        got = tuple(maps.shape) if isinstance(maps, Tensor) else type(maps).__name__
        raise ValueError(f"maps must have shape (N, C, H, W), got {got}")
