"""How large a network is, in four units that are easily confused: numbers, zeros, bytes, and work."""

from __future__ import annotations

import gzip
import io
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gancourse.compressing._layers import KINDS, weighted

__all__ = ["Layer", "file_bytes", "layers", "multiply_adds", "parameters", "zeros", "zipped_bytes"]


class Layer(NamedTuple):
    """One dense or convolutional layer.

    Attributes:
        name: as in ``named_modules``.
        kind: "Linear", "Conv2d" or "ConvTranspose2d".
        weights: how many weights and biases it has.
        multiply_adds: multiplications, each with one addition, that it needs for one image.
    """

    name: str
    kind: str
    weights: int
    multiply_adds: int


def parameters(network: nn.Module) -> int:
    """Return how many numbers are learnt.

    Args:
        network: any module.
    First met in: notebook 21.
    """
    return sum(weights.numel() for weights in network.parameters())


def zeros(network: nn.Module) -> int:
    """Return how many weights of the dense and convolutional layers are exactly 0; biases are not counted.

    Args:
        network: any module with such layers.
    Raises:
        TypeError, ValueError: it has none, or is no module.
    First met in: notebook 21.
    """
    return sum(int((layer.weight == 0).sum()) for layer in weighted(network).values())


def file_bytes(network: nn.Module) -> int:
    """Return the bytes of the file that ``torch.save`` makes of the state, names and batch norm statistics included.

    Args:
        network: any module.
    First met in: notebook 21.
    """
    return len(_saved(network))


def zipped_bytes(network: nn.Module) -> int:
    """Return the bytes of that file after gzip, which finds repetitions, such as zeros.

    Args:
        network: any module.
    First met in: notebook 21.
    """
    return len(gzip.compress(_saved(network), mtime=0))


def _saved(network: nn.Module) -> bytes:
    buffer = io.BytesIO()
    torch.save(network.state_dict(), buffer)
    return buffer.getvalue()


@torch.no_grad()
def layers(network: nn.Module, z: Tensor) -> list[Layer]:
    """Return the dense and convolutional layers in the order of the forward pass, with the work of one image.

    A dense weight is used once for an image. A convolution's weight is used once for each pixel of its output, a
    transposed convolution's once for each pixel of its input, which it spreads. Pixels that fall off the edge count, as
    in PyTorch's own ``FlopCounterMode``, which counts a multiplication and an addition as two.

    Args:
        network: any module; in eval mode one z is enough.
        z: its input, shape (N, latent_dim) or whatever it takes.
    Raises:
        TypeError, ValueError: the network has no such layer.
    First met in: notebook 21.
    """
    names = {layer: name for name, layer in weighted(network).items()}
    found: list[Layer] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        spread = inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output
        places = 1 if isinstance(layer, nn.Linear) else spread.shape[-2] * spread.shape[-1]
        work = layer.weight.numel() * places
        found.append(Layer(names[layer], type(layer).__name__, parameters(layer), work))

    hooks = [layer.register_forward_hook(note) for layer in network.modules() if isinstance(layer, KINDS)]
    try:
        network(z)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def multiply_adds(network: nn.Module, z: Tensor) -> int:
    """Return the multiplications of one image in the dense and convolutional layers, see :func:`layers`.

    Norms and activations are left out: they are few operations, though each of them takes its time.

    Args:
        network, z: as for :func:`layers`.
    First met in: notebook 21.
    """
    return sum(layer.multiply_adds for layer in layers(network, z))
