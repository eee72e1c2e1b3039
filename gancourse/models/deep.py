"""A discriminator of any depth for points, with the means people use so that gradients pass through it.

Its first weights are drawn so that theory can say what depth does: see :func:`growth_per_layer`.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from gancourse._numbers import real, whole

__all__ = ["NORMS", "SLOPE", "Discriminator", "growth_per_layer", "pytorch_gain"]

NORMS = ("none", "batch", "spectral")
SLOPE = 0.2  # of the LeakyReLU for negative numbers


class Discriminator(nn.Module):
    """Score points (N, data_dim) by logits (N,), larger = more real: ``depth`` equal blocks between two linear layers.

    A block is Linear, then a norm if wanted, then LeakyReLU(0.2); in a residual network its output is added to its
    input. Weights are drawn from N(0, gain^2 * 2 / ((1 + 0.2^2) * inputs)), biases are 0. With gain 1 (He et al.) a
    block keeps the mean square of what passes through it, on average over the weights, in both directions. The gain
    is that of the blocks; the first and the last layer always have gain 1.

    Args:
        data_dim: coordinates of a point.
        hidden: units of each block.
        depth: number of blocks, at least 1.
        gain: factor on the first weights of the blocks, above 0.
        norm: "none", "batch" (batch norm), or "spectral" (each block's matrix by its largest singular value, so that
            the gain has no effect at all).
        residual: whether blocks add to what they are given.
    Raises:
        ValueError: an argument is out of range.
    Source: He et al. (2015) for the variance; He et al. (2016) for residual paths.
    First met in: notebook 11.
    """

    def __init__(
        self,
        *,
        data_dim: int = 2,
        hidden: int = 64,
        depth: int = 2,
        gain: float = 1.0,
        norm: str = "none",
        residual: bool = False,
    ) -> None:
        super().__init__()
        for name, value in (("data_dim", data_dim), ("hidden", hidden), ("depth", depth)):
            if whole(value) is None or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
        gain = _positive("gain", gain)
        if norm not in NORMS:
            raise ValueError(f"norm must be one of {', '.join(NORMS)}, got {norm!r}")
        self.residual = bool(residual)
        self.first = _linear(data_dim, hidden, 1.0)
        self.blocks = nn.ModuleList(_block(hidden, gain, norm) for _ in range(depth))
        self.last = _linear(hidden, 1, 1.0)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, shape (N,)."""
        return self.last(self.signals(x)[-1]).squeeze(1)

    def signals(self, x: Tensor) -> list[Tensor]:
        """Return what goes into the first block and comes out of each, shapes (N, hidden): depth + 1 tensors."""
        h = nn.functional.leaky_relu(self.first(x), SLOPE)
        found = [h]
        for block in self.blocks:
            h = h + block(h) if self.residual else block(h)
            found.append(h)
        return found


def growth_per_layer(gain: float = 1.0, *, norm: str = "none", residual: bool = False) -> float:
    """Return by which factor one block makes a gradient larger on its way back, as predicted from the variance.

    Over a whole network it is this to the power of the depth. (Root mean squares, on average over first weights; wide
    layers.) With the slope a = 0.2 of the LeakyReLU f:

    * no norm: the gain itself, and the signal grows alike on its way forward;
    * with a residual path: sqrt(1 + gain^2), if what a block adds is uncorrelated with what it is given;
    * batch norm: sqrt(E f'^2 / Var f) of a standard normal number = 1.12, whatever the gain, in blocks far from the
      input. (Yang et al. have it for ReLU: sqrt(pi / (pi - 1)) = 1.21.) Less where all samples pull the same way,
      because batch norm takes out what they have in common.
    * spectral norm: sqrt((1 + a^2) / 2) / 2 = 0.36, whatever the gain, because the largest singular value of a random
      square matrix is twice what its usual one is (root mean square), and the usual one counts.

    Args:
        gain: as the discriminator's.
        norm: as the discriminator's.
        residual: only without a norm.
    Raises:
        ValueError: ``gain`` is no number above 0, there is no such norm, or a norm and a residual path come together.
    Source: He et al. (2015); Yang et al. (2019), A mean field theory of batch normalization.
    First met in: notebook 11.
    """
    gain = _positive("gain", gain)
    if norm not in NORMS or (residual and norm != "none"):
        raise ValueError(f"norm must be one of {', '.join(NORMS)}, and none with a residual path, got {norm!r}")
    kept = (1 + SLOPE**2) / 2  # E f^2 and E f'^2 of a standard normal number
    if norm == "batch":
        return math.sqrt(kept / (kept - (1 - SLOPE) ** 2 / (2 * math.pi)))
    if norm == "spectral":
        return math.sqrt(kept) / 2
    return math.sqrt(1 + gain**2) if residual else gain


def pytorch_gain() -> float:
    """Return the gain of PyTorch's own first weights of ``nn.Linear``, whose variance is 1 / (3 inputs).

    First met in: notebook 11.
    """
    return math.sqrt((1 / 3) * (1 + SLOPE**2) / 2)


def _block(hidden: int, gain: float, norm: str) -> nn.Sequential:
    linear = _linear(hidden, hidden, gain)
    layers: list[nn.Module] = [spectral_norm(linear) if norm == "spectral" else linear]
    if norm == "batch":
        layers.append(nn.BatchNorm1d(hidden))
    return nn.Sequential(*layers, nn.LeakyReLU(SLOPE))


def _linear(inputs: int, outputs: int, gain: float) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, 0.0, gain * math.sqrt(2 / ((1 + SLOPE**2) * inputs)))
    nn.init.zeros_(layer.bias)
    return layer


def _positive(name: str, value: float) -> float:
    if (number := real(value)) is None or not 0 < number < math.inf:
        raise ValueError(f"{name} must be a finite number above 0, got {value!r}")
    return float(number)
