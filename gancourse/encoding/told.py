"""Autoencoder and VAE with a class label for the encoder, for the decoder, or for both.

What the decoder is told need not be in the code. What the encoder is told it could mostly see in the image anyway. To
hold these two apart, every pair here has both inputs: a network that is not told gets zeros for the label.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from gancourse import codes, runtime
from gancourse._numbers import real_between, whole_between
from gancourse.data import batches
from gancourse.encoding import auto, both
from gancourse.models import _inputs
from gancourse.models.encoder import Decoder, Encoder

__all__ = ["Parts", "Recipe", "ToldEncoder", "build", "draws", "make_step", "means", "pictures", "train"]

_RATE, _BETAS = 3e-3, (0.9, 0.99)  # those of auto
_PIECE = 250


@dataclass(frozen=True)
class Recipe:
    """What is trained, and who is told.

    Attributes:
        encoder, decoder: whether this network gets the label.
        classes: how many there are.
        code_dim: numbers in a code.
        beta: weight of the code's cost: 1 for a VAE; None for an autoencoder.
        num_steps: over how many steps the rate falls.
    First met in: notebook 15.
    """

    encoder: bool = False
    decoder: bool = False
    classes: int = 10
    code_dim: int = 32
    beta: float | None = 1.0
    num_steps: int = 600

    def __post_init__(self) -> None:
        for name in ("encoder", "decoder"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be True or False, got {getattr(self, name)!r}")
        whole_between("classes", self.classes, 2)
        whole_between("code_dim", self.code_dim, 1)
        whole_between("num_steps", self.num_steps, 1)
        if self.beta is not None:
            real_between("beta", self.beta, 0.0)


class ToldEncoder(nn.Module):
    """Turn images and labels into means and log variances of codes, shape (N, code_dim) both.

    The label adds a number to each map of the first layer. But at the border, that is what the layer would make of
    planes of ones and zeros beside the image.

    Args:
        image_size, channels, code_dim, width: as for :class:`gancourse.models.encoder.Encoder`.
        classes: numbers in a label.
    First met in: notebook 15.
    """

    def __init__(
        self, image_size: int = 28, channels: int = 1, code_dim: int = 32, classes: int = 10, *, width: int = 16
    ) -> None:
        super().__init__()
        self.code_dim, self.classes = _inputs.check_size("code_dim", code_dim), classes
        self.both = Encoder(image_size, channels, 2 * self.code_dim, width=width)
        self.label = nn.Linear(classes, width, bias=False)

    def forward(self, images: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        _inputs.check_images(self, images, self.both.channels, self.both.image_size)
        first, *rest = self.both.layers
        maps = first(images) + self.label(label)[:, :, None, None]
        for layer in rest:
            maps = layer(maps)
        mean, log_variance = maps.chunk(2, dim=1)
        return mean, log_variance


@dataclass(frozen=True)
class Parts:
    """Everything that training changes, and the recipe that says who is told; made by :func:`build`.

    Attributes:
        recipe: what it was built by.
        encoder: a :class:`ToldEncoder`; an autoencoder's log variances are not used.
        decoder: from the code and the label behind it to an image.
        optimizer, schedule: of both.
    """

    recipe: Recipe
    encoder: ToldEncoder
    decoder: Decoder
    optimizer: torch.optim.Optimizer
    schedule: CosineAnnealingLR

    def hint(self, labels: Tensor, told: bool) -> Tensor:
        """Return what a network gets for labels (N,): their one-hot rows, or zeros if it is not told."""
        weights = _inputs.class_weights(self.encoder, labels, self.recipe.classes)
        return weights if told else torch.zeros_like(weights)

    def code(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return means and log variances of codes; the labels count if the encoder is told."""
        return self.encoder(images, self.hint(labels, self.recipe.encoder))

    def whole(self, z: Tensor, labels: Tensor) -> Tensor:
        """Return what the decoder reads: the code, and behind it the label, or zeros."""
        return torch.cat([z, self.hint(labels, self.recipe.decoder)], dim=1)


def build(
    recipe: Recipe, *, image_size: int = 28, channels: int = 1, seed: int, device: str | torch.device = "cpu"
) -> Parts:
    """Return a fresh encoder and decoder, equal for every choice of who is told, and what trains them.

    Args:
        recipe: what is trained, and who is told.
        image_size, channels: of the images.
        seed: of the first weights.
        device: where to train.
    Raises:
        ValueError: the networks are not made for this size.
    First met in: notebook 15.
    """
    with runtime.seeded(seed):
        encoder = ToldEncoder(image_size, channels, recipe.code_dim, recipe.classes).to(device)
        decoder = Decoder(image_size, channels, recipe.code_dim + recipe.classes).to(device)
    weights = (*encoder.parameters(), *decoder.parameters())
    return Parts(recipe, encoder, decoder, *both.falling_adam(weights, _RATE, _BETAS, recipe.num_steps))


def make_step(parts: Parts, noise: torch.Generator) -> Callable[[tuple[Tensor, Tensor]], dict[str, Tensor]]:
    """Return the step: that of ``auto.make_step``, with labels.

    Args:
        parts: from :func:`build`.
        noise: draws the codes of a VAE.
    Returns:
        A function from (images, labels) to scalars: "loss", "pixel_cost" (nats for an image) and, for a VAE,
        "code_cost" (the same, before beta).
    First met in: notebook 15.
    """
    beta = parts.recipe.beta

    def step(batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        images, labels = batch
        mean, log_variance = parts.code(images, labels)
        z = mean if beta is None else codes.draw(mean, log_variance, noise)
        says = {"pixel_cost": auto.pixel_cost(parts.decoder, parts.whole(z, labels), images).mean()}
        loss = says["pixel_cost"]
        if beta is not None:
            says["code_cost"] = codes.kl_to_normal(mean, log_variance).mean()
            loss = loss + beta * says["code_cost"]
        parts.optimizer.zero_grad()
        loss.backward()
        parts.optimizer.step()
        parts.schedule.step()
        return {"loss": loss.detach(), **{name: value.detach() for name, value in says.items()}}

    return step


def train(images: Tensor, labels: Tensor, recipe: Recipe, *, seed: int) -> Parts:
    """Train a pair from its first weights to its end, on the device of the images; return it in eval mode.

    Args:
        images: shape (N, channels, S, S), in [-1, 1].
        labels: their classes, int64 of shape (N,).
        recipe: what is trained, who is told, and for how many steps.
        seed: of the first weights, of the batches and of the noise.
    Raises:
        TypeError, ValueError: images or labels will not do.
    First met in: notebook 15.
    """
    parts = build(recipe, image_size=images.shape[-1], channels=images.shape[1], seed=seed, device=images.device)
    step = make_step(parts, runtime.generator(seed + 1))
    real = batches.labelled(images, labels, both.BATCH_SIZE, runtime.generator(seed + 2))
    for _ in range(recipe.num_steps):
        step(next(real))
    for network in (parts.encoder, parts.decoder):
        network.eval().requires_grad_(False)
    return parts


@torch.no_grad()
def means(parts: Parts, images: Tensor, labels: Tensor) -> Tensor:
    """Return the mean code of each image, shape (N, code_dim), piece by piece.

    Args:
        parts: a trained pair.
        images: shape (N, channels, S, S), in [-1, 1].
        labels: what the encoder is told, if it is.
    First met in: notebook 15.
    """
    pieces = zip(images.split(_PIECE), labels.split(_PIECE), strict=True)
    return torch.cat([parts.code(*piece)[0] for piece in pieces])


@torch.no_grad()
def draws(parts: Parts, images: Tensor, labels: Tensor, noise: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return a drawn code of each image of a VAE, shape (N, code_dim), and its cost in nats, shape (N,).

    Args:
        parts: a trained pair with a beta.
        images, labels: as for :func:`means`.
        noise: draws the codes.
    Raises:
        ValueError: the pair is an autoencoder, whose codes are no draws.
    First met in: notebook 15.
    """
    if parts.recipe.beta is None:
        raise ValueError("parts must be a VAE, with a beta: an autoencoder draws nothing")
    drawn, costs = [], []
    for piece in zip(images.split(_PIECE), labels.split(_PIECE), strict=True):
        mean, log_variance = parts.code(*piece)
        drawn.append(codes.draw(mean, log_variance, noise))
        costs.append(codes.kl_to_normal(mean, log_variance))
    return torch.cat(drawn), torch.cat(costs)


@torch.no_grad()
def pictures(parts: Parts, z: Tensor, labels: Tensor) -> Tensor:
    """Return the images of codes, shape (N, channels, S, S), piece by piece.

    Args:
        parts: a trained pair.
        z: codes, shape (N, code_dim).
        labels: what the decoder is told, if it is.
    First met in: notebook 15.
    """
    pieces = zip(z.split(_PIECE), labels.split(_PIECE), strict=True)
    return torch.cat([parts.decoder(parts.whole(*piece)) for piece in pieces])
