"""A pair for sounds: convolutions along time, in steps of four.

A wave is a long row of numbers. The generator decides its shape with dense layers, at 1/64 of its length, and makes
it four times as long three times, either by transposed convolutions or by repeating each number and convolving. The
discriminator goes the same way back.

:class:`PhaseShuffle` shifts what the discriminator sees by a few places, another way for every sound, so that it
cannot go by where exactly a wave begins.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from gancourse._numbers import whole_between
from gancourse.models import _inputs

__all__ = ["STRIDE", "UPSAMPLING", "Discriminator", "Generator", "PhaseShuffle", "Vocoder", "shifted"]

STRIDE = 4
"""How many times longer each layer makes a sound."""

UPSAMPLING = ("transposed", "nearest")
"""How the generator makes a sound longer: by transposed convolutions, or by repeating each number and convolving."""

_LAYERS, _KERNEL, _PADDING = 3, 16, 6
_AFTER_REPEATING = 9  # kernel
_DENSE, _LAST = 256, 128
_WHOLE_STEP = STRIDE**_LAYERS


class Generator(nn.Module):
    """Turn latent vectors (N, latent_dim) into waves (N, length) in [-1, 1].

    In training mode batch norm uses the statistics of the batch (which needs at least two samples); ``.eval()`` uses
    the running averages, so that a sample depends on its own z alone.

    Args:
        length: numbers of a wave, a multiple of 64.
        latent_dim: size of z.
        width: feature maps before the last layer.
        up: one of ``UPSAMPLING``.
    Raises:
        ValueError: an argument is anything else.
    Source: after Donahue et al. (2019), WaveGAN, made smaller, with dense layers at its beginning.
    First met in: notebook 17.
    """

    def __init__(self, length: int = 1_024, latent_dim: int = 64, width: int = 16, up: str = "transposed") -> None:
        super().__init__()
        self.length = _length(length)
        self.latent_dim = _inputs.check_size("latent_dim", latent_dim)
        self.width = width = _inputs.check_size("width", width)
        if up not in UPSAMPLING:
            raise ValueError(f"up must be one of {', '.join(UPSAMPLING)}, got {up!r}")
        self.up = up
        maps, places = [4 * width, 2 * width, width, 1], self.length // _WHOLE_STEP
        layers: list[nn.Module] = [
            nn.Linear(self.latent_dim, _DENSE),
            nn.BatchNorm1d(_DENSE),
            nn.ReLU(),
            nn.Linear(_DENSE, maps[0] * places),
            nn.Unflatten(1, (maps[0], places)),
        ]
        for inputs, outputs in itertools.pairwise(maps):
            layers += [nn.BatchNorm1d(inputs), nn.ReLU(), *_longer(inputs, outputs, up)]
        self.layers = nn.Sequential(*layers, nn.Tanh(), nn.Flatten())

    def forward(self, z: Tensor) -> Tensor:
        _inputs.check_latents(self, z, self.latent_dim)
        _inputs.needs_two_samples(self, z)
        return self.layers(z)


class Discriminator(nn.Module):
    """Score waves (N, length) by logits (N,), larger = more real.

    No batch norm: each sound is scored by itself, so a gradient penalty per sample makes sense.

    Args:
        length: numbers of a wave, a multiple of 64.
        width: feature maps after the first layer.
        shuffle: phase shuffle by up to so many places after every convolution; 0 for none. In eval mode there is none.
        seed: of the shifts.
        shuffle_last: also after the last convolution, where a place stands for 64 numbers.
    Raises:
        ValueError: an argument is anything else.
    Source: after Donahue et al. (2019), WaveGAN, made smaller. Their code shifts nothing after the last convolution,
        and a whole batch alike.
    First met in: notebook 17.
    """

    def __init__(
        self, length: int = 1_024, width: int = 16, shuffle: int = 0, seed: int = 0, *, shuffle_last: bool = True
    ) -> None:
        super().__init__()
        self.length = _length(length)
        self.width = width = _inputs.check_size("width", width)
        maps, layers = [1, width, 2 * width, 4 * width], [nn.Unflatten(1, (1, self.length))]
        for place, (inputs, outputs) in enumerate(itertools.pairwise(maps)):
            layers += [nn.Conv1d(inputs, outputs, _KERNEL, STRIDE, _PADDING), nn.LeakyReLU(0.2)]
            if whole_between("shuffle", shuffle, 0) and (shuffle_last or place < _LAYERS - 1):
                layers.append(PhaseShuffle(shuffle, seed=seed + place))
        self.layers = nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Linear(maps[-1] * self.length // _WHOLE_STEP, _LAST),
            nn.LeakyReLU(0.2),
            nn.Linear(_LAST, 1),
            nn.Flatten(0),
        )

    def forward(self, waves: Tensor) -> Tensor:
        _inputs.check_waves(self, waves, self.length)
        return self.layers(waves)


class Vocoder(nn.Module):
    """Turn pictures of sounds (N, 1, bands, windows) into waves (N, 32 windows) in [-1, 1].

    Two convolutions along time look at the windows, with a band in each channel; three transposed ones make them 2, 4
    and 4 times as long. No noise goes in and no batch norm is used: one picture gives one sound, whatever is beside it.

    Args:
        bands: rows of the pictures.
        width: feature maps before the last layer.
    Raises:
        ValueError: an argument is anything else.
    Source: after the generator of Kong et al. (2020), HiFi-GAN, made very small.
    First met in: notebook 17.
    """

    def __init__(self, bands: int = 32, width: int = 16) -> None:
        super().__init__()
        self.bands = _inputs.check_size("bands", bands)
        self.width = width = _inputs.check_size("width", width)
        self.layers = nn.Sequential(
            nn.Conv1d(self.bands, 4 * width, 5, padding=2),
            nn.LeakyReLU(0.2),
            nn.Conv1d(4 * width, 4 * width, 5, padding=2),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose1d(4 * width, 2 * width, 8, 2, 3),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose1d(2 * width, width, _KERNEL, STRIDE, _PADDING),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose1d(width, 1, _KERNEL, STRIDE, _PADDING),
            nn.Tanh(),
            nn.Flatten(),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        if not isinstance(pictures, Tensor) or pictures.ndim != 4 or tuple(pictures.shape[1:3]) != (1, self.bands):
            got = getattr(pictures, "shape", type(pictures))
            raise ValueError(f"pictures must have shape (N, 1, {self.bands}, windows), got {got}")
        return self.layers(pictures[:, 0])


class PhaseShuffle(nn.Module):
    """Shift every sound of a batch along time by a random number of places, alike in all its feature maps.

    What the shift leaves empty is filled by reflection: ``a b c d e`` shifted by two to the right is ``c b a b c``. In
    eval mode nothing is shifted.

    Args:
        most: the largest shift, at least 1; all whole numbers from -most to most are equally likely.
        seed: of the module's own random numbers.
    Raises:
        ValueError: an argument is anything else.
    Source: Donahue et al. (2019), section 3.3.
    First met in: notebook 17.
    """

    def __init__(self, most: int, *, seed: int = 0) -> None:
        super().__init__()
        self.most, self._random = whole_between("most", most, 1), torch.Generator().manual_seed(seed)

    def extra_repr(self) -> str:
        return f"most={self.most}"

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of shape (N, C, L), each sound shifted; L is larger than ``most``."""
        if maps.shape[-1] <= self.most:
            raise ValueError(f"maps must be longer than the largest shift, {self.most}, got length {maps.shape[-1]}")
        if not self.training:
            return maps
        shifts = torch.randint(-self.most, self.most + 1, (len(maps),), generator=self._random)
        return shifted(maps, shifts.to(maps.device))


def shifted(maps: Tensor, shifts: Tensor) -> Tensor:
    """Return maps (N, C, L), each moved to the right by its own number of places, ends filled by reflection.

    Args:
        maps: shape (N, C, L).
        shifts: whole numbers, shape (N,), each less than L in size.
    First met in: notebook 17.
    """
    last = maps.shape[-1] - 1
    place = (torch.arange(last + 1, device=maps.device) - shifts[:, None]).abs()
    place = last - (last - place).abs()
    return maps.gather(2, place[:, None].expand_as(maps))


def _longer(inputs: int, outputs: int, up: str) -> list[nn.Module]:
    if up == "transposed":
        return [nn.ConvTranspose1d(inputs, outputs, _KERNEL, STRIDE, _PADDING)]
    return [
        nn.Upsample(scale_factor=STRIDE),
        nn.Conv1d(inputs, outputs, _AFTER_REPEATING, padding=_AFTER_REPEATING // 2),
    ]


def _length(length: int) -> int:
    length = whole_between("length", length, _WHOLE_STEP)
    if length % _WHOLE_STEP:
        raise ValueError(f"length must be a multiple of {_WHOLE_STEP}, got {length}")
    return length
