"""A GAN whose training is differentially private: what its discriminator may take from each image is cut and drowned.

Only D sees real images, and of D's loss only the term of the real images does. So that term's gradient is made
private, by DP-SGD, and all the rest may be trained as ever: made images, and G that learns from D, know of the training
set nothing that D does not know::

    pair = private.train_pair(few.images, few.labels, noise=membership.noise_for(1.0, 250), num_steps=250, seed=0)

:mod:`gancourse.metrics.membership` says what a noise promises.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from gancourse import conditional, penalties, recommended, runtime, training
from gancourse._numbers import real, real_between, whole_between
from gancourse.helping import Pair, pool
from gancourse.models import _inputs
from gancourse.models.conditional import Generator

__all__ = ["Discriminator", "clipped", "train_pair"]

_RATE = 1e-3  # of D
_RATE_OF_G = 4e-3


class Discriminator(nn.Module):
    """A small discriminator with labels: two convolutions that halve the side, and one linear score for each class.

    Noise has a length of the square root of the number of weights, so a private D has to be small: 3,770 weights for
    28 x 28 and two classes, a hundredth of the usual pair's. No batch norm, in which images would touch each other.

    Args:
        classes: how many, at least 2.
        image_size: side of the images, a multiple of 4.
        width: feature maps after the first layer.
    Raises:
        ValueError: a size is not allowed.
    First met in: notebook 19.
    """

    kind, codes, channels = "small", 0, 1

    def __init__(self, classes: int = 2, *, image_size: int = 28, width: int = 8) -> None:
        super().__init__()
        self.classes, width = whole_between("classes", classes, 2), _inputs.check_size("width", width)
        self.image_size = _inputs.check_size("image_size", image_size)
        if self.image_size % 4:
            raise ValueError(f"image_size must be a multiple of 4, got {image_size}")
        self.trunk = nn.Sequential(
            nn.Conv2d(1, width, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
        )
        self.scores = nn.Linear(2 * width * (self.image_size // 4) ** 2, self.classes)

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the logits, shape (N,), of images (N, 1, S, S) with labels (N,), int64."""
        return self.scores(self.trunk(images)).gather(1, labels[:, None]).squeeze(1)


def clipped(
    one_loss: Callable[..., Tensor], weights: Mapping[str, Tensor], examples: tuple[Tensor, ...], largest: float
) -> tuple[dict[str, Tensor], Tensor]:
    """Return the sum of the gradients of all examples, each cut to a largest length, and their lengths before.

    A gradient that is shorter stays as it is; of a longer one only the direction is left. So whatever one example is,
    the sum changes by no more than ``largest`` when it is left out.

    Args:
        one_loss: of (weights, one example's tensors, without the axis of the batch) to a number.
        weights: name -> tensor, by which it is differentiated.
        examples: tensors of shape (N, ...).
        largest: length, over all weights together, above 0; infinity cuts nothing.
    Returns:
        Name -> sum, in the shapes of the weights; and lengths, shape (N,).
    Raises:
        ValueError: ``largest`` is not above 0, or there are no examples.
    Source: Abadi et al. (2016), https://arxiv.org/abs/1607.00133, algorithm 1.
    First met in: notebook 19.
    """
    if (cut := real(largest)) is None or not cut > 0:
        raise ValueError(f"largest must be above 0, got {largest!r}")
    if not examples or not len(examples[0]):
        raise ValueError("examples must hold tensors with at least one example")
    slopes = vmap(grad(one_loss), in_dims=(None, *[0] * len(examples)))(dict(weights), *examples)
    lengths = torch.stack([slope.reshape(len(slope), -1).norm(dim=1) for slope in slopes.values()]).norm(dim=0)
    shares = (cut / lengths.clamp(min=1e-12)).clamp(max=1.0)
    return {name: torch.tensordot(shares, slope, dims=1) for name, slope in slopes.items()}, lengths


def train_pair(
    images: Tensor,
    labels: Tensor,
    *,
    noise: float = 0.0,
    largest: float = 1.0,
    classes: int = 2,
    num_steps: int = 250,
    width: int = 8,
    rate: float = _RATE,
    seed: int = 0,
    on_step: Callable[[int, Tensor], None] | None = None,
) -> Pair:
    """Train a conditional pair whose small D sees all images in every step, each through a cut gradient with noise.

    In each step the gradient of every image's term of D's loss is cut, they are summed, and Gaussian noise of standard
    deviation ``noise`` times ``largest`` is added to every weight's sum; then it is divided by the number of images.
    What made images add to the gradient is neither cut nor noisy. D's brake is taken at made images (R2), which costs
    no privacy. The number of images counts as known.

    Args:
        images: shape (N, 1, S, S), in [-1, 1].
        labels: shape (N,), int64.
        noise: at least 0; with 0 nothing is private. ``membership.gaussian_mu(noise, num_steps)`` is what it promises.
        largest: length to which a gradient is cut, above 0; infinity cuts nothing, and then there may be no noise.
        classes: how many.
        num_steps: over how many steps the rates fall.
        width: of D.
        rate: of D's Adam at the start.
        seed: of the first weights and of all that is drawn.
        on_step: called after each step with its number from 1 on and the gradients' lengths before they were cut; it
            must not let them out of a training that is to be private.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Source: Xie et al. (2018), *Differentially Private GAN*, https://arxiv.org/abs/1802.06739, with the usual loss.
    First met in: notebook 19.
    """
    pool(images, labels)  # refuses what are no labelled images
    num_steps, noise = whole_between("num_steps", num_steps, 1), real_between("noise", noise, 0.0)
    if noise and real(largest) == math.inf:
        raise ValueError("largest must be finite where there is noise: it says how much noise that is")
    with runtime.seeded(seed):
        generator = Generator(classes, latent_dim=54, image_size=images.shape[-1])
        discriminator = Discriminator(classes, image_size=images.shape[-1], width=width)
    parts = recommended.assemble(
        generator, discriminator, width=16, num_steps=num_steps, rates=(_RATE_OF_G, rate), device=images.device
    )
    G, D, draw = generator, discriminator, conditional.latents(parts, runtime.generator(seed + 1))
    drowning, done = runtime.generator(seed + 3), 0

    def one_loss(weights: Mapping[str, Tensor], image: Tensor, label: Tensor) -> Tensor:
        return F.softplus(-functional_call(D, weights, (image[None], label[None]))).squeeze(0)

    def step(_: None) -> dict[str, Tensor]:
        nonlocal done
        z, asked = draw(recommended.BATCH_SIZE)
        fake = G(z, asked)
        given = fake.detach().requires_grad_()
        fake_logits = D(given, asked)
        d_fake = F.softplus(fake_logits).mean()
        parts.d_optimizer.zero_grad()
        (d_fake + recommended.GAMMA / 2 * penalties.r2_penalty(fake_logits, given)).backward()
        weights = {name: weight.detach() for name, weight in D.named_parameters()}
        sums, lengths = clipped(one_loss, weights, (images, labels), largest)
        for name, weight in D.named_parameters():
            told = sums[name]
            if noise:
                told = told + noise * float(largest) * torch.randn(told.shape, generator=drowning).to(told)
            weight.grad.add_(told / len(images))
        parts.d_optimizer.step()
        g_loss = F.softplus(-D(fake, asked)).mean()
        parts.g_optimizer.zero_grad()
        g_loss.backward(inputs=list(G.parameters()))
        parts.g_optimizer.step()
        parts.g_schedule.step()
        parts.d_schedule.step()
        parts.average.update_parameters(G)
        done += 1
        if on_step is not None:
            on_step(done, lengths)
        return {"d_fake": d_fake, "g_loss": g_loss}

    training.train(step, itertools.repeat(None), num_steps=num_steps, progress=False)
    return Pair(conditional.finish(parts, runtime.generator(seed + 4)), D.eval().requires_grad_(False))
