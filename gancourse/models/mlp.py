"""A generator and a discriminator made of fully connected layers, for data of few dimensions.

Both are plain stacks of ``Linear`` layers; size is a matter of arguments. Data points are rows,
shape (N, data_dim), also where ``data_dim`` is 1. The initial weights are PyTorch's default and
come from its global generator: build inside ``runtime.seeded(seed)`` to repeat them.
"""

from __future__ import annotations

from torch import Tensor, nn

from gancourse._numbers import whole

__all__ = ["Discriminator", "Generator"]


class Generator(nn.Module):
    """Turn latent vectors into data points: ``depth`` hidden layers with ReLU, then a linear one.

    The output has no activation, so it can be any real number: right for toy data with no bounds,
    wrong for images in [-1, 1].

    Args:
        latent_dim: size of the latent vector z.
        data_dim: number of coordinates of a data point.
        hidden: units of each hidden layer.
        depth: number of hidden layers; 0 gives an affine map, z to weight z + bias.
    Raises:
        ValueError: a size is not a whole number of at least 1 (``depth``: 0).
    First met in: notebook 02.
    """

    def __init__(self, *, latent_dim: int, data_dim: int, hidden: int = 64, depth: int = 2) -> None:
        super().__init__()
        latent_dim, data_dim, hidden, depth = _check_sizes(
            latent_dim=latent_dim, data_dim=data_dim, hidden=hidden, depth=depth
        )
        self.latent_dim = latent_dim
        self.data_dim = data_dim
        self.layers = _stack(latent_dim, data_dim, hidden, depth, nn.ReLU)

    def forward(self, z: Tensor) -> Tensor:
        """Return generated points, shape (N, data_dim), for latent vectors ``z``, shape (N, latent_dim)."""
        _check_points("z", z, self.latent_dim, "latent_dim", self)
        return self.layers(z)


class Discriminator(nn.Module):
    """Score data points, one logit each, larger = more real: hidden layers with LeakyReLU(0.2).

    The last layer is linear and there is no sigmoid: every loss of the course takes logits.
    D(x), the probability that x is real, is ``torch.sigmoid`` of the logit.

    Args:
        data_dim: number of coordinates of a data point.
        hidden: units of each hidden layer.
        depth: number of hidden layers; 0 gives one linear unit (logistic regression).
    Raises:
        ValueError: a size is not a whole number of at least 1 (``depth``: 0).
    First met in: notebook 02.
    """

    def __init__(self, *, data_dim: int, hidden: int = 64, depth: int = 2) -> None:
        super().__init__()
        data_dim, hidden, depth = _check_sizes(data_dim=data_dim, hidden=hidden, depth=depth)
        self.data_dim = data_dim
        self.layers = _stack(data_dim, 1, hidden, depth, lambda: nn.LeakyReLU(0.2))

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, shape (N,), of data points ``x``, shape (N, data_dim)."""
        _check_points("x", x, self.data_dim, "data_dim", self)
        return self.layers(x).squeeze(1)


def _stack(inputs: int, outputs: int, hidden: int, depth: int, activation) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(inputs, hidden), activation()]
        inputs = hidden
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


def _check_sizes(**sizes: int) -> list[int]:
    """Return sizes as Python's own whole numbers; ``depth`` may be 0."""
    checked = [whole(value) for value in sizes.values()]
    for (name, value), number in zip(sizes.items(), checked, strict=True):
        least = 0 if name == "depth" else 1
        if number is None or number < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return checked


def _check_points(name: str, points: Tensor, size: int, size_name: str, network: nn.Module) -> None:
    """Refuse, by name, what the first layer would refuse in words about matrices."""
    if not isinstance(points, Tensor):
        raise TypeError(f"{name} must be a tensor of shape (N, {size}), got {type(points).__name__}")
    if points.ndim != 2 or points.shape[1] != size:
        hint = "; add the second axis with .unsqueeze(1)" if points.ndim == 1 and size == 1 else ""
        raise ValueError(
            f"{name} must have shape (N, {size}), one row per sample ({size_name}={size}), "
            f"got {tuple(points.shape)}{hint}"
        )
    if points.shape[0] == 0:
        raise ValueError(f"{name} is empty: a network needs at least one row")
    weight = next(network.parameters())
    if points.dtype != weight.dtype:
        raise TypeError(f"{name} must have the dtype of the weights, {weight.dtype}, got {points.dtype}")
    if points.device != weight.device:
        raise ValueError(f"{name} is on {points.device}, but the weights are on {weight.device}")
