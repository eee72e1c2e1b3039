"""Small grey images of ten kinds: handwritten digits that are always there, and MNIST.

``load("embedded")`` needs no network: 1,797 real handwritten digits that come with scikit-learn.
``load("auto")`` takes MNIST instead when it is at hand or quickly fetched, and says which it was.

| set | images | source, licence |
|---|---|---|
| embedded | 1,442 + 355 | UCI Optical Recognition of Handwritten Digits (1998), from scikit-learn; CC BY 4.0 |
| mnist | 60,000 + 10,000 | LeCun, Cortes, Burges; CC BY-SA 3.0 |
| fashion_mnist | 60,000 + 10,000 | Zalando Research (Xiao, Rasul, Vollgraf 2017); MIT |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse._numbers import whole
from gancourse.data import files

__all__ = ["NAMES", "Digits", "check_images", "load"]

NAMES = ("auto", "embedded", "mnist", "fashion_mnist")

_SMALLEST, _LARGEST = 8, 64
_QUICK_SECONDS = 20.0  # how long load("auto") may wait for the network
_PATIENT_SECONDS = 300.0

# Two checksums are possible: of the unpacked bytes, or of the .gz file as published. MNIST's are
# of the unpacked bytes, computed from a copy whose content is the canonical one, so a file packed
# by somebody else is as good. For Fashion-MNIST only those of the .gz files are published:
# by TensorFlow Datasets (url_checksums/fashion_mnist.txt) and, the same, by Keras
# (datasets/fashion_mnist.py).
_MNIST = files.PublishedSet(
    name="mnist",
    title="MNIST",
    files=(
        files.PublishedFile(
            "train-images-idx3-ubyte",
            47_040_016,
            sha256="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        files.PublishedFile(
            "train-labels-idx1-ubyte",
            60_008,
            sha256="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        files.PublishedFile(
            "t10k-images-idx3-ubyte",
            7_840_016,
            sha256="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        files.PublishedFile(
            "t10k-labels-idx1-ubyte",
            10_008,
            sha256="ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    addresses=(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",  # used by TensorFlow Datasets
        "https://ossci-datasets.s3.amazonaws.com/mnist/",  # used by torchvision
        "https://raw.githubusercontent.com/fgnt/mnist/master/",  # a mirror that many programs use
    ),
    folders=("MNIST/raw",),  # torchvision's
)

_FASHION_MNIST = files.PublishedSet(
    name="fashion_mnist",
    title="Fashion-MNIST",
    files=(
        files.PublishedFile(
            "train-images-idx3-ubyte",
            47_040_016,
            sha256_gz="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        files.PublishedFile(
            "train-labels-idx1-ubyte",
            60_008,
            sha256_gz="a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        files.PublishedFile(
            "t10k-images-idx3-ubyte",
            7_840_016,
            sha256_gz="346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        files.PublishedFile(
            "t10k-labels-idx1-ubyte",
            10_008,
            sha256_gz="67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
    addresses=(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",  # the publisher's
        "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",  # the same publisher
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",  # used by Keras
    ),
    folders=("FashionMNIST/raw",),  # torchvision's
)

_DIGIT_NAMES = tuple("0123456789")
_FASHION_NAMES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


@dataclass(frozen=True)
class Digits:
    """A set of small grey images of ten kinds, split into training and test images.

    Attributes:
        images, test_images: float32, shape (N, 1, S, S), in [-1, 1], background -1.
        labels, test_labels: int64, shape (N,), 0 to 9.
        name: "embedded", "mnist" or "fashion_mnist".
        source: one line that says what this is and where it came from.
        class_names: a word for each label.
    """

    images: Tensor
    labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    name: str
    source: str
    class_names: tuple[str, ...] = _DIGIT_NAMES

    def __repr__(self) -> str:
        return f"Digits({self.source})"

    @property
    def image_size(self) -> int:
        return self.images.shape[-1]


def load(name: str = "auto", image_size: int = 28) -> Digits:
    """Return a set of digits (or of clothes), and print one line that says which.

    "auto" takes MNIST if it is in the folder named by ``GANCOURSE_DATA``, in the cache, or
    downloaded within 20 s, and the embedded digits otherwise. A network that failed is not
    waited for again in the same session. ``GANCOURSE_OFFLINE=1`` never tries it.

    Every file is verified each time it is read: MNIST by the SHA-256 of its unpacked bytes,
    Fashion-MNIST by the published SHA-256 of its .gz files. A damaged file is named and fetched
    again, once per address.

    Args:
        name: "auto", "embedded", "mnist" or "fashion_mnist".
        image_size: height and width, 8 to 64. MNIST is 28; at 32 it gets a border of 2 pixels,
            at any other size it is resampled. The embedded digits were scanned at 8 by 8 and are
            always resampled.
    Returns:
        Images in [-1, 1] and their labels, on the CPU.
    Raises:
        ValueError: an unknown name or a size out of range.
        files.DataUnavailable: the set asked for by name is not at hand and cannot be fetched.
    First met in: notebook 00.
    """
    if name not in NAMES:
        raise ValueError(f"name must be one of {', '.join(map(repr, NAMES))}, got {name!r}")
    if (size := whole(image_size)) is None or not _SMALLEST <= size <= _LARGEST:
        raise ValueError(f"image_size must be a whole number from {_SMALLEST} to {_LARGEST}, got {image_size!r}")
    image_size = size
    if name == "embedded":
        digits = _embedded(image_size)
    elif name == "fashion_mnist":
        digits = _published(_FASHION_MNIST, image_size, seconds=_PATIENT_SECONDS, what="pictures of clothes")
    elif name == "mnist":
        digits = _published(_MNIST, image_size, seconds=_PATIENT_SECONDS, what="real handwritten digits")
    else:
        try:
            digits = _published(
                _MNIST, image_size, seconds=_QUICK_SECONDS, what="real handwritten digits", patient=False
            )
        except files.DataUnavailable as problem:
            digits = _embedded(image_size, note=f". {problem.reason}")
    print(digits.source)
    return digits


def check_images(images: Tensor, *, name: str = "images", channels: int | None = None) -> None:
    """Refuse, by name, what is no batch of images in [-1, 1].

    A batch with no negative value, much of it near 0 and some of it near 1, is refused too: it
    is a batch in [0, 1], and to a network trained on [-1, 1] it would be grey fog.

    Args:
        images: should be float, shape (N, C, H, W), in [-1, 1], N at least 1.
        name: what to call it in messages.
        channels: how many channels there must be; None accepts any number.
    Raises:
        TypeError: no tensor, or not of a floating-point type.
        ValueError: another shape, empty, not finite, or out of range.
    First met in: notebook 00.
    """
    if not isinstance(images, Tensor):
        raise TypeError(f"{name} must be a tensor of shape (N, C, H, W), got {type(images).__name__}")
    if not images.is_floating_point():
        raise TypeError(f"{name} must hold floating-point numbers in [-1, 1], got dtype {images.dtype}")
    if images.ndim != 4:
        raise ValueError(f"{name} must have shape (N, C, H, W), got {tuple(images.shape)}")
    if images.numel() == 0:
        raise ValueError(f"{name} is empty, got shape {tuple(images.shape)}")
    if channels is not None and images.shape[1] != channels:
        raise ValueError(f"{name} must have {channels} channel(s), got {images.shape[1]}")
    low, high = (float(value) for value in images.detach().aminmax())
    if not (torch.isfinite(torch.tensor([low, high])).all()):
        raise ValueError(f"{name} must be finite, got a NaN or infinite value")
    if low < -1.001 or high > 1.001:
        raise ValueError(f"{name} must lie in [-1, 1], got [{low:.2f}, {high:.2f}]")
    # In [0, 1] black is 0, give or take what resampling left; in [-1, 1] a batch without anything darker than grey,
    # but with grey and white, is hardly ever seen.
    if low >= -0.02 and high > 0.5 and float((images.detach() < 0.05).float().mean()) > 0.02:
        raise ValueError(
            f"{name} must lie in [-1, 1], got [{low:.2f}, {high:.2f}]; these look like images in [0, 1]: "
            "use 2 * images - 1"
        )


# ---------------------------------------------------------------- the embedded digits


def _embedded(size: int, note: str = "") -> Digits:
    """Load scikit-learn's digits; in each class every fifth image is kept for testing."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    labels = torch.from_numpy(bunch.target).long()
    images = _enlarge(torch.from_numpy(bunch.images).float() / 16, size)
    rank = torch.zeros_like(labels)
    for label in range(10):
        members = labels == label
        rank[members] = torch.arange(int(members.sum()))
    testing = rank % 5 == 4
    counts = f"{int((~testing).sum()):,} + {int(testing.sum()):,}"
    source = f"Data: embedded set, {counts} real handwritten digits, 8x8 enlarged to {size}x{size}{note}"
    return Digits(images[~testing], labels[~testing], images[testing], labels[testing], "embedded", source)


def _enlarge(images: Tensor, size: int) -> Tensor:
    """Turn (N, 8, 8) in [0, 1] into (N, 1, size, size) in [-1, 1].

    A border of one pixel as in MNIST, bicubic interpolation, and a little more contrast, because
    scanning at 8 by 8 left strokes grey: 0.1 becomes black and 0.9 white.
    """
    bordered = F.pad(images[:, None], (1, 1, 1, 1))
    enlarged = F.interpolate(bordered, size=size, mode="bicubic", align_corners=False, antialias=True)
    return ((enlarged - 0.1) / 0.8).clamp(0, 1) * 2 - 1


# ---------------------------------------------------------------- published sets


def _published(
    wanted: files.PublishedSet,
    size: int,
    *,
    seconds: float,
    what: str,
    patient: bool = True,
    say: Callable[[str], None] = print,
) -> Digits:
    found = files.fetch(wanted, seconds=seconds, patient=patient, say=say)
    arrays = []
    for file, shape in zip(wanted.files, ((60_000, 28, 28), (60_000,), (10_000, 28, 28), (10_000,)), strict=True):
        array = files.parse_idx(found.contents[file.name], dimensions=len(shape), name=file.name)
        if array.shape != shape:
            raise files.DamagedFile(f"{file.name} must have shape {shape}, got {array.shape}")
        arrays.append(array)
    images, labels, test_images, test_labels = arrays
    source = f"Data: {wanted.title}, 60,000 + 10,000 {what}, {size}x{size}, {found.origin}"
    return Digits(
        _resized(images, size),
        torch.from_numpy(labels.astype("int64")),
        _resized(test_images, size),
        torch.from_numpy(test_labels.astype("int64")),
        wanted.name,
        source,
        _FASHION_NAMES if wanted is _FASHION_MNIST else _DIGIT_NAMES,
    )


def _resized(array: np.ndarray, size: int) -> Tensor:
    """Turn uint8 (N, 28, 28) into float32 (N, 1, size, size) in [-1, 1], in pieces to spare memory."""
    result = torch.empty(len(array), 1, size, size)
    for start in range(0, len(array), 5_000):
        piece = torch.from_numpy(array[start : start + 5_000].astype("float32"))[:, None]
        if size == 32:
            piece = F.pad(piece, (2, 2, 2, 2))
        elif size != 28:
            piece = F.interpolate(piece, size=size, mode="bicubic", align_corners=False, antialias=True).clamp_(0, 255)
        result[start : start + 5_000] = piece.div_(127.5).sub_(1)
    return result
