"""A small classifier of small images: two convolutions that halve the side, and two dense layers."""

from __future__ import annotations

from torch import Tensor, nn

from gancourse.models import _inputs

__all__ = ["Classifier"]

_DENSE = 64


class Classifier(nn.Module):
    """Say of images (N, channels, image_size, image_size) which class each belongs to, by logits (N, classes).

    It is built like the course's judge, :mod:`gancourse.metrics.judge`, but knows no nonsense. Batch norm uses the
    statistics of the batch while it trains; in eval mode each image is judged by itself.

    Args:
        image_size: side of the images, at least 8.
        channels: 1 for grey, 3 for colour.
        classes: how many there are, at least 2.
        width: feature maps after the first layer.
    Raises:
        ValueError: a size is not allowed, or images of another shape come.
    First met in: notebook 19.
    """

    def __init__(self, image_size: int = 28, channels: int = 1, classes: int = 10, width: int = 16) -> None:
        super().__init__()
        image_size = self.image_size = _inputs.check_size("image_size", image_size)
        channels = self.channels = _inputs.check_size("channels", channels, (1, 3))
        classes = self.classes = _inputs.check_size("classes", classes)
        width = self.width = _inputs.check_size("width", width)
        if image_size < 8 or classes < 2:
            raise ValueError(f"image_size must be at least 8 and classes at least 2, got {image_size} and {classes}")
        side = (image_size + 3) // 4  # halved twice, rounded up
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * width * side * side, _DENSE),
            nn.ReLU(),
            nn.Linear(_DENSE, classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits of the classes, shape (N, classes)."""
        return self.layers[-1](self.features(images))

    def features(self, images: Tensor) -> Tensor:
        """Return what the network has made of each image just before it decides, shape (N, 64), at least 0."""
        _inputs.check_images(self, images, self.channels, self.image_size)
        return self.layers[:-1](images)
