"""The quick pair of small images with a label: a generator that is told what to draw, a discriminator that is told too.

The networks are those of :mod:`gancourse.models.dense_conv`. The generator gets the label beside z. The
discriminator meets it in one of five ways, its ``kind``:

    projection      the logit is score(h) + <rows[label], h>, with h the 256 numbers of the last hidden layer
    concatenation   the label as a one-hot vector beside what the convolutions found
    plane           a learned plane of pixels for each label, as one more channel of the image
    classifier      not at all; but a second head guesses the label (AC-GAN), or what G was given (InfoGAN)
    blind           not at all: the control
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from gancourse._numbers import whole_between
from gancourse.models import _inputs, dense_conv

__all__ = ["KINDS", "TOLD", "Discriminator", "Generator", "Reading"]

KINDS = ("projection", "concatenation", "plane", "classifier", "blind")
TOLD = ("projection", "concatenation", "plane")
"""The kinds whose logit depends on the label."""

_ROW_STD = 0.05  # of the first rows of the projection: small, so that at the start D says of all labels the same


class Reading(NamedTuple):
    """What a discriminator with a second head makes of N images, in one pass.

    Attributes:
        logits: shape (N,), larger = more real.
        classes: logits of the classes, shape (N, classes); their softmax is the guess.
        codes: guessed continuous codes, shape (N, codes).
    """

    logits: Tensor
    classes: Tensor
    codes: Tensor


class Generator(nn.Module):
    """Turn latent vectors and labels into images (N, channels, image_size, image_size) in [-1, 1].

    What is put beside z is the label's one-hot vector, or with ``embed`` a learned vector of that size. The first
    layer is linear and multiplies the one-hot vector by a matrix of its own, one column for each class: that is a
    learned vector for each class already, so ``embed`` says only how many numbers it may have.

    Args:
        classes: how many, at least 2.
        latent_dim: size of z, without the label.
        embed: size of the learned vector of a class; None for the one-hot vector.
        image_size, channels, width: as for :class:`gancourse.models.dense_conv.Generator`.
    Raises:
        ValueError: a size is not allowed.
    Source: Mirza and Osindero (2014) for the label beside z.
    First met in: notebook 12.
    """

    def __init__(
        self,
        classes: int = 10,
        *,
        latent_dim: int = 54,
        embed: int | None = None,
        image_size: int = 28,
        channels: int = 1,
        width: int = 16,
    ) -> None:
        super().__init__()
        self.classes = whole_between("classes", classes, 2)
        self.latent_dim = _inputs.check_size("latent_dim", latent_dim)
        self.embedding = None
        beside = self.classes
        if embed is not None:
            beside = _inputs.check_size("embed", embed)
            self.embedding = nn.Embedding(self.classes, beside)
        self.network = dense_conv.Generator(image_size, channels, self.latent_dim + beside, width)
        self.image_size, self.channels = self.network.image_size, self.network.channels

    def code(self, labels: Tensor) -> Tensor:
        """Return what is put beside z, shape (N, classes or embed); for weights, the mean of the classes' vectors.

        Args:
            labels: classes, shape (N,), int64; or weights of the classes, shape (N, classes), with rows that sum to 1.
        Raises:
            TypeError, ValueError: ``labels`` is anything else.
        """
        weights = _inputs.class_weights(self, labels, self.classes)
        return weights if self.embedding is None else weights @ self.embedding.weight

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Return images for ``z``, shape (N, latent_dim), and ``labels``, as in :meth:`code`."""
        _inputs.check_latents(self, z, self.latent_dim)
        code = self.code(labels)
        _inputs.check_count("labels", code, len(z), "z")
        return self.network(torch.cat([z, code], dim=1))


class Discriminator(nn.Module):
    """Score images with their labels by logits (N,), larger = more real; the ``kind`` says how it meets the label.

    Args:
        classes: how many, at least 2.
        kind: one of ``KINDS``.
        codes: for the kind "classifier": how many continuous codes it guesses besides the class (InfoGAN).
        image_size, channels, width: as for :class:`gancourse.models.dense_conv.Discriminator`.
    Raises:
        ValueError: a size or the kind is not allowed.
    Source: projection: Miyato and Koyama (2018), section 3; classifier: Odena et al. (2017), Chen et al. (2016).
    First met in: notebook 12.
    """

    def __init__(
        self,
        classes: int = 10,
        kind: str = "projection",
        *,
        codes: int = 0,
        image_size: int = 28,
        channels: int = 1,
        width: int = 16,
    ) -> None:
        super().__init__()
        self.classes = whole_between("classes", classes, 2)
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
        self.kind = kind
        self.codes = whole_between("codes", codes, 0, None if kind == "classifier" else 0, why=f"kind is {kind!r}")
        plain = dense_conv.Discriminator(image_size, channels, width)
        self.image_size, self.channels = plain.image_size, plain.channels
        self.trunk, hidden, activation, self.score = plain.layers[:5], *plain.layers[5:8]
        if kind == "plane":
            self.planes = nn.Embedding(self.classes, self.image_size**2)
            first = self.trunk[0]
            self.trunk[0] = nn.Conv2d(first.in_channels + 1, first.out_channels, 4, 2, 1)
        if kind == "concatenation":
            hidden = nn.Linear(hidden.in_features + self.classes, hidden.out_features)
        self.dense = nn.Sequential(hidden, activation)
        if kind == "projection":
            self.rows = nn.Embedding(self.classes, hidden.out_features)
            nn.init.normal_(self.rows.weight, std=_ROW_STD)
        if kind == "classifier":
            self.guess = nn.Linear(hidden.out_features, self.classes + self.codes)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the logits, shape (N,).

        Args:
            images: shape (N, channels, S, S).
            labels: of each image, shape (N,), int64; or weights, as in :meth:`Generator.code`. The kinds "classifier"
                and "blind" do not look at them.
        Raises:
            TypeError, ValueError: an argument is anything else, or labels are missing.
        """
        told = self._weights(images, labels)
        hidden = self._hidden(images, told)
        logits = self.score(hidden).squeeze(1)
        if self.kind == "projection":
            logits = logits + (hidden * (told @ self.rows.weight)).sum(dim=1)
        return logits

    def features(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the last hidden layer, shape (N, 256): h in the formulas. The label enters as in :meth:`forward`.

        Under "projection" h does not depend on the label, and none is needed.
        """
        return self._hidden(images, None if self.kind == "projection" else self._weights(images, labels))

    def read(self, images: Tensor) -> Reading:
        """Return logits, class logits and guessed codes in one pass; for the kind "classifier".

        Raises:
            ValueError: this discriminator has no second head.
        """
        if self.kind != "classifier":
            raise ValueError(f"only the kind 'classifier' can read a class, and this one is {self.kind!r}")
        hidden = self._hidden(images, None)
        classes, codes = self.guess(hidden).split([self.classes, self.codes], dim=1)
        return Reading(self.score(hidden).squeeze(1), classes, codes)

    def classify(self, images: Tensor) -> Tensor:
        """Return the logits of the classes, shape (N, classes); for the kind "classifier" (see :meth:`read`)."""
        return self.read(images).classes

    def _weights(self, images: Tensor, labels: Tensor | None) -> Tensor | None:
        """Return the labels as weights of the classes, None where this kind does not look at them."""
        if self.kind not in TOLD:
            return None
        if labels is None:
            raise ValueError(
                f"labels are needed: a discriminator of kind {self.kind!r} scores images with their labels"
            )
        weights = _inputs.class_weights(self, labels, self.classes)
        _inputs.check_count("labels", weights, len(images), "images")
        return weights

    def _hidden(self, images: Tensor, told: Tensor | None) -> Tensor:
        _inputs.check_images(self, images, self.channels, self.image_size)
        if self.kind == "plane":
            plane = (told @ self.planes.weight).view(-1, 1, self.image_size, self.image_size)
            images = torch.cat([images, plane], dim=1)
        found = self.trunk(images)
        return self.dense(torch.cat([found, told], dim=1) if self.kind == "concatenation" else found)
