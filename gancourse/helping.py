"""Does made-up data help a classifier? The pieces of a fair comparison: every arm gets the same real images.

A *draw* is a function of (count, generator) that returns so many images with labels. Every arm of a comparison is a
draw, and all are trained by the same :func:`fit` with the same number of steps::

    real = helping.pool(few.images, few.labels)
    pair = helping.train_pair(few.images, few.labels, num_steps=250, seed=0)
    fakes = helping.pool(*helping.made(pair.generator, 2_000, seed=1))
    alone = helping.fit(real, seed=0)
    helped = helping.fit(helping.mixed(real, fakes, share=0.5), seed=0)
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse import conditional, recommended, runtime, training
from gancourse._numbers import real_between, whole_between
from gancourse.data.digits import check_images
from gancourse.models.classifier import Classifier
from gancourse.models.conditional import Generator

__all__ = [
    "BATCH_SIZE",
    "Draw",
    "Pair",
    "augmentation",
    "fit",
    "made",
    "margins",
    "mixed",
    "outputs",
    "pool",
    "shift_and_flip",
    "train_pair",
]

Draw = Callable[[int, torch.Generator], tuple[Tensor, Tensor]]
"""Returns so many images and their labels, drawn anew at every call."""

BATCH_SIZE = 64
_RATE, _DECAY = 3e-3, 1e-2  # of the classifier: largest learning rate, weight decay
_PIECE = 500  # images looked at at once; changes nothing but memory


class Pair(NamedTuple):
    """A generator that is asked for a class, ready to draw, and the discriminator it was trained against.

    The discriminator is the bare one, without the augmentation that it may have been trained behind.
    """

    generator: Generator
    discriminator: nn.Module


# ---------------------------------------------------------------- ordinary augmentation


def shift_and_flip(images: Tensor, generator: torch.Generator, pixels: int = 2, flip: bool = True) -> Tensor:
    """Move each image by up to ``pixels`` either way and mirror half of them; from outside the outermost pixels go on.

    It can be differentiated as often as one likes with respect to the images.

    Args:
        images: shape (N, C, S, S), floating point, in [-1, 1].
        generator: draws the moves, and which images are mirrored.
        pixels: the farthest move, whole, from 0 to half of the side.
        flip: whether to mirror left and right.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 19.
    """
    check_images(images)
    count, channels, height, width = images.shape
    pixels = whole_between("pixels", pixels, 0, min(height, width) // 2)
    moves = torch.randint(-pixels, pixels + 1, (2, count, 1), generator=generator, device=generator.device)
    mirrored = torch.rand(count, 1, generator=generator, device=generator.device) < 0.5
    moves, mirrored = moves.to(images.device), mirrored.to(images.device)
    rows = (torch.arange(height, device=images.device) - moves[0]).clamp(0, height - 1)
    columns = (torch.arange(width, device=images.device) - moves[1]).clamp(0, width - 1)
    if flip:
        columns = torch.where(mirrored, width - 1 - columns, columns)
    places = (rows.unsqueeze(2) * width + columns.unsqueeze(1)).flatten(1)
    return images.flatten(2).gather(2, places.unsqueeze(1).expand(-1, channels, -1)).reshape(images.shape)


def augmentation(pixels: int = 2, flip: bool = True) -> Callable[[Tensor, torch.Generator], Tensor]:
    """Return :func:`shift_and_flip` with a strength, as a function of images and a random generator.

    First met in: notebook 19.
    """
    return functools.partial(shift_and_flip, pixels=pixels, flip=flip)


# ---------------------------------------------------------------- draws


def pool(images: Tensor, labels: Tensor, *, augment: Callable[[Tensor, torch.Generator], Tensor] | None = None) -> Draw:
    """Return a draw from a fixed set, each image as likely as any other, with replacement.

    Args:
        images: shape (N, 1, S, S), in [-1, 1].
        labels: shape (N,), int64.
        augment: changes the images of every batch anew, such as :func:`augmentation`.
    Raises:
        TypeError, ValueError: these are no images, or not one label for each.
    First met in: notebook 19.
    """
    check_images(images)
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64:
        raise TypeError(f"labels must be a tensor of int64, got {getattr(labels, 'dtype', type(labels).__name__)}")
    if labels.shape != (len(images),):
        raise ValueError(f"labels must be one for each of {len(images)} images, got shape {tuple(labels.shape)}")

    def draw(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        chosen = torch.randint(len(images), (count,), generator=generator)
        batch = images[chosen]
        return (batch if augment is None else augment(batch, generator)), labels[chosen]

    return draw


def mixed(real: Draw, fakes: Draw, share: float = 0.5) -> Draw:
    """Return a draw of which ``share`` comes from the second of two, rounded to whole images.

    Args:
        real, fakes: two draws.
        share: of the second, from 0 to 1.
    Raises:
        ValueError: the share is anything else.
    First met in: notebook 19.
    """
    share = real_between("share", share, 0, 1)

    def draw(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        from_fakes = round(share * count)
        parts = [one(some, generator) for one, some in ((real, count - from_fakes), (fakes, from_fakes)) if some]
        return torch.cat([images for images, _ in parts]), torch.cat([labels for _, labels in parts])

    return draw


# ---------------------------------------------------------------- the classifier


def fit(draw: Draw, *, classes: int = 2, num_steps: int = 150, seed: int = 0, image_size: int = 28) -> Classifier:
    """Train a classifier on what ``draw`` gives, batches of 64, and return it in eval mode without gradients.

    Args:
        draw: from :func:`pool` or :func:`mixed`.
        classes: how many.
        num_steps: over how many steps the learning rate rises to 0.003 and falls again; the same for every arm.
        seed: of the first weights and of what is drawn.
        image_size: side of the images.
    Raises:
        ValueError: a size is not allowed.
    First met in: notebook 19.
    """
    num_steps = whole_between("num_steps", num_steps, 1)
    with runtime.seeded(seed):
        network = Classifier(image_size, classes=classes)
    random = runtime.generator(seed + 5)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=_RATE, total_steps=num_steps)
    for _ in range(num_steps):
        images, labels = draw(BATCH_SIZE, random)
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval().requires_grad_(False)


@torch.no_grad()
def outputs(classifier: nn.Module, images: Tensor) -> Tensor:
    """Return the logits of all images, made in pieces, shape (N, classes).

    First met in: notebook 19.
    """
    return torch.cat([classifier(piece) for piece in images.split(_PIECE)])


def margins(classifier: nn.Module, images: Tensor) -> Tensor:
    """Return the logit of class 1 minus that of class 0, shape (N,): larger for what looks more like class 1.

    Args:
        classifier: of two classes.
        images: shape (N, 1, S, S), in [-1, 1].
    Raises:
        ValueError: the classifier has another number of classes.
    First met in: notebook 19.
    """
    logits = outputs(classifier, images)
    if logits.shape[1] != 2:
        raise ValueError(f"classifier must have 2 classes, got {logits.shape[1]}")
    return logits[:, 1] - logits[:, 0]


# ---------------------------------------------------------------- the GAN


class _Behind(nn.Module):
    """A discriminator that sees all images, real and made, through an augmentation."""

    def __init__(self, inner: nn.Module, augment: Callable[[Tensor, torch.Generator], Tensor], seed: int) -> None:
        super().__init__()
        self.inner, self.augment, self.random = inner, augment, runtime.generator(seed)
        self.kind, self.codes = inner.kind, inner.codes

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        return self.inner(self.augment(images, self.random), labels)


def train_pair(
    images: Tensor,
    labels: Tensor,
    *,
    classes: int = 2,
    num_steps: int = 250,
    seed: int = 0,
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    on_step: Callable[[int, nn.Module, Callable[[], Generator]], None] | None = None,
) -> Pair:
    """Train the recommended conditional GAN (projection) on a few labelled images.

    Every batch is drawn with replacement, so that fewer images than a batch will do.

    Args:
        images: shape (N, 1, S, S), in [-1, 1].
        labels: shape (N,), int64.
        classes: how many.
        num_steps: over how many steps the rates fall.
        seed: of the first weights and of all that is drawn.
        augment: D sees real images and made ones through it, and G learns through it (Zhao et al. 2020).
        on_step: called after each step with its number from 1 on, the bare D, and a function that makes the generator
            of that moment ready to draw; it must not change what it is given.
    Raises:
        TypeError, ValueError: these are no images, or not one label for each.
    First met in: notebook 19.
    """
    draw = pool(images, labels)
    num_steps = whole_between("num_steps", num_steps, 1)
    parts = conditional.build(
        "projection", image_size=images.shape[-1], num_steps=num_steps, seed=seed, classes=classes
    )
    bare = parts.discriminator
    if augment is not None:
        parts = recommended.Parts(**{**vars(parts), "discriminator": _Behind(bare, augment, seed + 3)})
    step = conditional.make_step(parts, runtime.generator(seed + 1))

    def ready() -> Generator:
        return conditional.finish(parts, runtime.generator(seed + 4))

    training.train(
        _told(step, on_step, bare, ready), _batches(draw, runtime.generator(seed + 2)), num_steps=num_steps,
        progress=False,
    )  # fmt: skip
    return Pair(ready(), bare.eval().requires_grad_(False))


def _batches(draw: Draw, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        yield draw(recommended.BATCH_SIZE, generator)


def _told(step: Callable, on_step: Callable | None, bare: nn.Module, ready: Callable[[], Generator]) -> Callable:
    """Return the step, with a call of ``on_step`` after it."""
    if on_step is None:
        return step
    done = 0

    def both(batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        nonlocal done
        numbers = step(batch)
        done += 1
        on_step(done, bare, ready)
        return numbers

    return both


def made(generator: Generator, count: int, seed: int, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return made images and the labels they were asked for.

    Args:
        generator: of a :class:`Pair`.
        count: how many.
        seed: of z.
        labels: what to ask for, shape (count,); None for every class in turn.
    Raises:
        ValueError: a number is not allowed.
    First met in: notebook 19.
    """
    count = whole_between("count", count, 1)
    asked = torch.arange(count) % generator.classes if labels is None else labels
    return conditional.ask(generator, asked, runtime.generator(seed)), asked
