"""The average of a generator's weights along a run, and batch norm statistics that belong to it.

The last weights of a run are one point of a path that trembles. A slowly following mean of the weights is often the
better generator, and costs next to nothing. One thing has to be done by hand: batch norm's running statistics were
measured with the *trained* weights, not with their average, so they are measured again before the average is sampled
in eval mode.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gancourse._numbers import real

__all__ = ["average", "recompute_batch_norm"]


def average(generator: nn.Module, decay: float = 0.99) -> AveragedModel:
    """Return a copy of the generator whose weights will follow those of the original slowly.

    Call ``averaged.update_parameters(generator)`` after each of its steps: the first call copies the weights, every
    further one makes ``w <- decay * w + (1 - decay) * w_generator``. About the last ``1 / (1 - decay)`` steps count, so
    a run should be several times longer than that. The copy is in eval mode and gets no gradient. Its batch norm
    statistics are those of the *original*: call :func:`recompute_batch_norm` on it after the last update and before
    you sample. The network in it is ``averaged.module``.

    Args:
        generator: the network that is trained; it is not changed.
        decay: share of the old average that is kept, from 0 (no average at all) to less than 1.
    Returns:
        PyTorch's own ``AveragedModel``: call it as the generator is called.
    Raises:
        TypeError: ``generator`` is no module.
        ValueError: ``decay`` is no such number, or there is nothing to average.
    Source: Polyak and Juditsky (1992); for the weights of GANs Yazici et al. (2019).
    First met in: notebook 07.
    """
    if not isinstance(generator, nn.Module):
        raise TypeError(f"generator must be a module, got {type(generator).__name__}")
    if (number := real(decay)) is None or not 0 <= number < 1:
        raise ValueError(f"decay must be a number from 0 to less than 1, got {decay!r}")
    decay = number
    if not any(True for _ in generator.parameters()):
        raise ValueError(f"generator has no parameters to average: {type(generator).__name__}")
    try:
        averaged = AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(decay))
    except RuntimeError as error:  # a layer keeps a tensor that was computed from its weights
        raise ValueError(
            f"generator cannot be copied ({type(generator).__name__}): does it use the old spectral or weight norm of "
            "torch.nn.utils? Those of torch.nn.utils.parametrizations can be copied"
        ) from error
    return averaged.eval().requires_grad_(False)


@torch.no_grad()
def recompute_batch_norm(generator: nn.Module, latents: Iterable[Tensor | tuple[Tensor, ...]]) -> int:
    """Measure the running statistics of every batch norm layer anew, over these batches of z; in place.

    Each layer's mean and variance become the average of what it sees, batch by batch, each batch with the weight of
    its size. Batch norm alone works in training mode meanwhile: dropout and the like are off, as in eval mode, so no
    random number is drawn. Afterwards every mode and momentum is as it was, and the statistics too if anything failed.

    Args:
        generator: a network or an average of one (see :func:`average`).
        latents: batches of z as the generator takes them, at least two samples in each, e.g.
            ``torch.randn(2_000, latent_dim, generator=g).split(500)``; for a generator that takes more than z, tuples
            of what it takes, such as (z, labels).
    Returns:
        How many batch norm layers were measured; 0 for a network without any, which needs nothing.
    Raises:
        TypeError: ``generator`` is no module; ``latents`` is one tensor, or not made of tensors.
        ValueError: there is no batch, a batch has less than two samples, a layer keeps no running statistics,
            or what it measures is not finite.
    First met in: notebook 07.
    """
    if not isinstance(generator, nn.Module):
        raise TypeError(f"generator must be a module, got {type(generator).__name__}")
    layers = {name: module for name, module in generator.named_modules() if isinstance(module, _BatchNorm)}
    for name, layer in layers.items():
        if layer.running_mean is None or layer.running_var is None:
            raise ValueError(f"layer {name!r} keeps no running statistics (track_running_stats=False)")
    before = {layer: (layer.momentum, [buffer.clone() for buffer in layer.buffers()]) for layer in layers.values()}
    modes = {module: module.training for module in generator.modules()}
    done = False
    try:
        for module in modes:
            module.training = isinstance(module, _BatchNorm)
        for layer in layers.values():
            layer.reset_running_stats()
        seen = 0
        for z, *more in _batches(latents):
            seen += len(z)
            for layer in layers.values():
                layer.momentum = len(z) / seen  # 1 for the first batch: the weighted mean of all so far
            generator(z, *more)
        for name, layer in layers.items():
            if not bool(torch.isfinite(layer.running_mean).all() and torch.isfinite(layer.running_var).all()):
                raise ValueError(f"layer {name!r} sees values that are not finite; has the run diverged?")
        done = True
    finally:
        for module, mode in modes.items():
            module.training = mode
        for layer, (momentum, statistics) in before.items():
            layer.momentum = momentum
            if not done:
                for buffer, kept in zip(layer.buffers(), statistics, strict=True):
                    buffer.copy_(kept)
    return len(layers)


def _batches(latents: Iterable[Tensor | tuple[Tensor, ...]]) -> Iterator[tuple[Tensor, ...]]:
    """Refuse what are no batches of latent vectors, one by one as they are used; each as a tuple that begins with z."""
    if isinstance(latents, Tensor):
        raise TypeError(f"latents must be batches, got one tensor of shape {tuple(latents.shape)}; use z.split(500)")
    empty = True
    for batch in latents:
        empty = False
        z, *more = batch if isinstance(batch, tuple) and batch else (batch,)
        if not isinstance(z, Tensor):
            raise TypeError(f"latents must be tensors, got {type(z).__name__}")
        if z.ndim < 2 or len(z) < 2:
            raise ValueError(f"a batch of latents must hold at least 2 samples, got shape {tuple(z.shape)}")
        yield z, *more
    if empty:
        raise ValueError("latents holds no batch at all, so there is nothing to measure the statistics on")
