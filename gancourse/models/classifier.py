"""A small classifier of small grey images: two convolutions and two dense layers, trained in about a second.

It is the network that the judge of digits is, for any number of classes; what it is trained on is somebody else's
matter (see :mod:`gancourse.helping`).
"""

from __future__ import annotations

from torch import Tensor, nn

from gancourse._numbers import whole_between
from gancourse.models import _inputs

__all__ = ["Classifier"]


class Classifier(nn.Module):
    """Say of images (N, 1, S, S) in [-1, 1] which class they are, by logits (N, classes).

    Batch norm uses the statistics of the batch while it trains, so a batch needs at least two images; in eval mode
    each image is judged by itself.

    Args:
        classes: how many, at least 2.
        image_size: side of the images, 8 to 64.
        width: feature maps after the first layer.
    Raises:
        ValueError: a size is not allowed.
    First met in: notebook 19.
    """

    def __init__(self, classes: int = 2, *, image_size: int = 28, width: int = 16) -> None:
        super().__init__()
        self.classes = whole_between("classes", classes, 2)
        self.image_size = whole_between("image_size", image_size, 8, 64)
        width = _inputs.check_size("width", width)
        side = (self.image_size + 3) // 4  # halved twice, rounded up
        self.body = nn.Sequential(
            nn.Conv2d(1, width, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * width * side * side, 64),
            nn.ReLU(),
        )
        self.decide = nn.Linear(64, self.classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of the classes, shape (N, classes)."""
        return self.decide(self.features(images))

    def features(self, images: Tensor) -> Tensor:
        """Return what the network has made of each image just before it decides, shape (N, 64), at least 0."""
        _inputs.check_images(self, images, 1, self.image_size)
        return self.body(images)
