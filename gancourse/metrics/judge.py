"""A judge of digits: a small classifier of the real images that says what a sample looks like.

It answers two questions about generated digits: which digit is this, and how sure is the judge?
From that follow the shares of the ten classes and the number of classes covered. It knows
nothing but its ten classes. It was taught to be unsure about noise, overlaid and cut-up digits, but
something else that is no digit may still be called one, and digits on grainy paper, which a person can read, may
count as noise. So look at the pictures as well.

The judge is trained once on the training images, in less than 30 seconds on a CPU core, and kept in the
cache. Its training uses random generators of its own, so it never changes yours.
"""

from __future__ import annotations

import hashlib
import io
import math
import time
import zipfile
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gancourse import runtime
from gancourse._numbers import real
from gancourse._torch_modes import usual_modes
from gancourse.data import files
from gancourse.data.digits import Digits, check_images

__all__ = ["CONFIDENT", "COVERED_SHARE", "Judge", "class_histogram", "classes_covered", "load"]

CONFIDENT = 0.9
"""A sample counts as a clear digit when the judge gives one class at least this probability."""

COVERED_SHARE = 0.02
"""A class is covered when at least this share of *all* samples are clear digits of it: a fifth of
the fair share of one class in ten."""

_SEED = 20_140_610
_STEPS, _STEPS_IF_SMALL = 600, 250  # a set of less than 10,000 images is learnt sooner
_BATCH_SIZE = 128
_NONSENSE = 8  # of each kind, in each batch
_LARGEST_BATCH = 1_000  # images judged at once; changes nothing but memory
_LARGEST_FILE = 10_000_000  # bytes; the judge of images of 64 by 64 takes 2.1 MB


class Judge:
    """A trained classifier of ten kinds of grey images. Made by :func:`load`.

    Attributes:
        accuracy: share of the test images that it names correctly.
        device: where it computes.
        image_size: height and width of the images it takes.
    """

    def __init__(self, network: nn.Sequential, *, image_size: int, accuracy: float, device: torch.device) -> None:
        self._network = network.to(device).eval().requires_grad_(False)
        self.image_size, self.accuracy, self.device = image_size, accuracy, device

    def __repr__(self) -> str:
        return f"Judge({self.image_size}x{self.image_size}, test accuracy {self.accuracy:.3f}, {self.device})"

    @torch.no_grad()
    def probabilities(self, images: Tensor) -> Tensor:
        """Return the probability of each class for each image.

        Each image is judged by itself: the others in the batch make no difference beyond the
        rounding of floating-point numbers.

        Args:
            images: shape (N, 1, S, S), floating point, in [-1, 1], on the judge's device.
        Returns:
            Shape (N, 10), rows that sum to 1, no gradient.
        Raises:
            TypeError, ValueError: ``images`` is anything else; a batch in [0, 1] is refused too.
        First met in: notebook 00.
        """
        return torch.cat([self._network(piece).softmax(dim=1) for piece in self._pieces(images)])

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """Return what the judge has made of each image just before it decides: 64 numbers.

        Images that look alike *to this judge* have features that lie close together, which is what the
        distances in ``metrics.image_sets`` compare. Another judge has other features, so those distances
        can be compared only under the same one. What is said of batches in :meth:`probabilities` holds here too.

        Args:
            images: shape (N, 1, S, S), floating point, in [-1, 1], on the judge's device.
        Returns:
            Shape (N, 64), at least 0 (they come out of a ReLU), no gradient.
        Raises:
            TypeError, ValueError: as in :meth:`probabilities`.
        First met in: notebook 06.
        """
        before_the_decision = self._network[:-1]
        return torch.cat([before_the_decision(piece) for piece in self._pieces(images)])

    def _pieces(self, images: Tensor) -> tuple[Tensor, ...]:
        """Refuse what this judge cannot see, and split the rest into batches of a size that memory bears."""
        if isinstance(images, Tensor) and images.device != self.device:
            raise ValueError(f"images are on {images.device}, but this judge is on {self.device}")
        check_images(images, channels=1)
        if images.shape[-2:] != (self.image_size, self.image_size):
            raise ValueError(
                f"images must be {self.image_size}x{self.image_size}, as this judge was trained, "
                f"got {images.shape[-2]}x{images.shape[-1]}"
            )
        return images.detach().float().split(_LARGEST_BATCH)


def class_histogram(probabilities: Tensor) -> Tensor:
    """Return the share of samples that the judge takes for each class, sure or not.

    Args:
        probabilities: shape (N, K), from :meth:`Judge.probabilities`.
    Returns:
        Shape (K,), float64, sums to 1. Real digits give about 1/K everywhere.
    Raises:
        TypeError, ValueError: the rows are no probabilities.
    First met in: notebook 00.
    """
    _check_probabilities(probabilities)
    winners = probabilities.argmax(dim=1)
    return torch.bincount(winners, minlength=probabilities.shape[1]).double() / len(probabilities)


def classes_covered(probabilities: Tensor, *, confident: float = CONFIDENT, share: float = COVERED_SHARE) -> list[int]:
    """Return the classes of which there are enough clear samples.

    A class is covered when at least ``share`` of all samples are judged to be it with at least
    ``confident`` probability. Count with ``len(...)``; what is missing is mode dropping.

    Args:
        probabilities: shape (N, K), from :meth:`Judge.probabilities`.
        confident: lowest probability of a clear sample, above 0, at most 1.
        share: lowest share of the samples, above 0, at most 1.
    Returns:
        The labels of the covered classes, rising.
    Raises:
        TypeError, ValueError: the rows are no probabilities, or a threshold is out of range.
    First met in: notebook 00.
    """
    _check_probabilities(probabilities)
    for name, value in (("confident", confident), ("share", share)):
        if (number := real(value)) is None or not 0 < number <= 1:
            raise ValueError(f"{name} must be a number above 0 and at most 1, got {value!r}")
    confident, share = real(confident), real(share)
    sureness, winners = probabilities.max(dim=1)
    clear = torch.bincount(winners[sureness >= confident], minlength=probabilities.shape[1])
    needed = max(1, math.ceil(share * len(probabilities) - 1e-9))
    return [label for label, count in enumerate(clear.tolist()) if count >= needed]


def _check_probabilities(probabilities: Tensor) -> None:
    if not isinstance(probabilities, Tensor) or not probabilities.is_floating_point():
        got = probabilities.dtype if isinstance(probabilities, Tensor) else type(probabilities).__name__
        raise TypeError(f"probabilities must be a floating-point tensor of shape (N, K), got {got}")
    if probabilities.ndim != 2 or probabilities.numel() == 0:
        raise ValueError(f"probabilities must have shape (N, K), not empty, got {tuple(probabilities.shape)}")
    sums = probabilities.sum(dim=1)
    if not bool((probabilities >= 0).all()) or not bool(((sums - 1).abs() < 1e-3).all()):
        raise ValueError("probabilities must be at least 0 and sum to 1 in every row; are these logits?")


# ---------------------------------------------------------------- training and keeping


@usual_modes()
def load(digits: Digits, device: str | torch.device = "cpu") -> Judge:
    """Return the judge of these digits, from the cache or freshly trained, and print one line.

    The cache is keyed by the images, the labels and this file, so it can never be the judge of
    something else; its checksum is verified, and a damaged file is named and made again.

    Args:
        digits: from ``digits.load``; trained on its training images, tested on its test images.
        device: where it will judge, e.g. the one that ``runtime.setup()`` returned.
    Raises:
        TypeError: ``digits`` is no set of digits.
        ValueError: the device is not available, or the images are not in [-1, 1].
    First met in: notebook 00.
    """
    if not isinstance(digits, Digits):
        raise TypeError(f"digits must come from digits.load(...), got {type(digits).__name__}")
    for name in ("images", "test_images"):
        check_images(getattr(digits, name), name=f"digits.{name}", channels=1)
    device = _indexed(runtime.pick_device(device))
    folder = files.cache_folder()
    path = None if folder is None else folder / "judge" / f"{digits.name}-{digits.image_size}-{_key(digits)}.pt"
    if path is not None and (stored := _read(path, digits.image_size)) is not None:
        network, accuracy = stored
        print(f"Judge: from the cache, test accuracy {accuracy:.3f}")
        return Judge(network, image_size=digits.image_size, accuracy=accuracy, device=device)
    started = time.perf_counter()
    network = _train(digits, device)
    judge = Judge(network, image_size=digits.image_size, accuracy=float("nan"), device=device)
    judge.accuracy = _accuracy(judge, digits)
    if path is not None:
        _write(path, {"network": {k: v.cpu() for k, v in network.state_dict().items()}, "accuracy": judge.accuracy})
    print(f"Judge: trained in {time.perf_counter() - started:.0f} s, test accuracy {judge.accuracy:.3f}")
    return judge


def _indexed(device: torch.device) -> torch.device:
    """Name the device the way tensors do: "cuda" becomes "cuda:0"."""
    return torch.empty(0, device=device).device


def _network(image_size: int) -> nn.Sequential:
    side = (image_size + 3) // 4  # halved twice, rounded up
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, stride=2, padding=2, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * side * side, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def _train(digits: Digits, device: torch.device) -> nn.Sequential:
    """Train on slightly turned, shifted and scaled images; every random number is our own."""
    with runtime.seeded(_SEED):
        network = _network(digits.image_size).to(device)
    generator = runtime.generator(_SEED)
    images, labels = digits.images, digits.labels
    steps = _STEPS if len(images) >= 10_000 else _STEPS_IF_SMALL
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=8e-3, total_steps=steps)
    network.train()
    for _ in range(steps):
        chosen = torch.randint(len(images), (_BATCH_SIZE,), generator=generator)
        batch = _jitter(images[chosen], generator)
        nonsense = _nonsense(batch[: 3 * _NONSENSE], generator)
        logits = network(torch.cat([batch, nonsense]).to(device))
        loss = F.cross_entropy(logits[:_BATCH_SIZE], labels[chosen].to(device))
        loss = loss - 0.2 * logits[_BATCH_SIZE:].log_softmax(dim=1).mean()  # unsure: 1/10 for each class
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
    return network


def _jitter(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turn each image by up to 10 degrees, shift it by up to 6 %, scale it by up to 8 %."""
    angle, across, down, scale = (2 * torch.rand(4, len(images), generator=generator) - 1).unbind()
    angle, scale = angle * math.radians(10), 1 + 0.08 * scale
    cosine, sine = scale * angle.cos(), scale * angle.sin()
    rows = torch.stack([torch.stack([cosine, -sine, 0.12 * across], 1), torch.stack([sine, cosine, 0.12 * down], 1)], 1)
    grid = F.affine_grid(rows, list(images.shape), align_corners=False)
    return F.grid_sample(images + 1, grid, align_corners=False) - 1  # outside is background


def _nonsense(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turn images into as many that are no digits: two overlaid, one cut in four and swapped, smooth noise.

    Trained to be unsure about them, the judge keeps its confidence for what looks like a digit.
    """
    overlaid, cut, other = images.chunk(3)
    overlaid = (overlaid + overlaid.roll(1, dims=0)) / 2
    half = images.shape[-1] // 2
    cut = cut.roll((half, half), dims=(2, 3))
    coarse, fine, grey = torch.rand(3, len(other), 1, 1, 1, generator=generator).unbind()
    smooth = torch.randn(len(other), 1, 7, 7, generator=generator)
    smooth = F.interpolate(smooth, size=images.shape[-2:], mode="bilinear", align_corners=False)
    speckled = torch.randn(other.shape, generator=generator)
    noise = 2 * coarse * smooth + fine * speckled + (2 * grey - 1)
    return torch.cat([overlaid, cut, noise.clamp(-1, 1)])


def _accuracy(judge: Judge, digits: Digits) -> float:
    guesses = judge.probabilities(digits.test_images.to(judge.device)).argmax(dim=1).cpu()
    return float((guesses == digits.test_labels).double().mean())


def _key(digits: Digits) -> str:
    """Name what the judge depends on: the data it saw and the code that trained it."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for tensor in (digits.images, digits.labels, digits.test_images, digits.test_labels):
        digest.update(str(tuple(tensor.shape)).encode())
        digest.update(tensor.contiguous().numpy())
    return digest.hexdigest()[:16]


def _write(path: Path, content: dict) -> None:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    payload = buffer.getvalue()
    try:
        files.write_atomically(path, hashlib.sha256(payload).digest() + payload)
    except OSError as error:
        print(f"{error.strerror}. This judge is not kept.")


def _read(path: Path, image_size: int) -> tuple[nn.Sequential, float] | None:
    """Return the network and its accuracy, None if none is stored; a damaged file is named and ignored."""
    try:
        if not path.exists():
            return None
        if not path.is_file() or path.stat().st_size > _LARGEST_FILE:
            raise ValueError("no file, or too large")
        payload = path.read_bytes()
        if hashlib.sha256(payload[32:]).digest() != payload[:32]:
            raise ValueError("another checksum")
        with zipfile.ZipFile(io.BytesIO(payload[32:])) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST_FILE:
                raise ValueError("too large when unpacked")
        stored = torch.load(io.BytesIO(payload[32:]), map_location="cpu", weights_only=True)
        network = _network(image_size)
        network.load_state_dict(stored["network"])
        return network, float(stored["accuracy"])
    except OSError as error:
        print(f"{path} cannot be read ({error.strerror or error}): training the judge again.")
    except Exception:  # whatever a file made by somebody else provokes
        print(f"{path} is damaged: training the judge again.")
    return None
