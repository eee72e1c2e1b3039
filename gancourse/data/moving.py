"""Digits that move, in front of an empty background, where the right answer to "what comes next?" is known.

**Lanes.** A digit is seen in the middle of three lanes, one above the other. In the next frame it has moved up by a
lane, or down, or it has stayed, with equal odds. Nothing in the first frame says which. So the best answer by
squared error is the mean of three images, and the best one by absolute error is their median pixel by pixel.

**Jumps.** A film in which the digit runs from the left edge to the right one, and may jump to another lane on the way.
If it has, between two frames, nothing tells whether the frame half way is still in the old lane or already in the new
one. So that frame has one right answer where the lane stays, and two where it changes.

**Straight** and **crossing.** A digit moves from the left edge to the right one; or it does so while another one comes
back through it. The frames before and after are given, and the frame half way is asked for. It has one right answer.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gancourse._numbers import whole_between
from gancourse.data.degrade import Damaged
from gancourse.data.digits import check_images

__all__ = [
    "Between",
    "Jumps",
    "between_jumps",
    "crossing",
    "followed",
    "jumps",
    "lane_images",
    "lane_ink",
    "lane_mean",
    "lane_median",
    "lanes",
    "straight",
]

_BORDER = 1 / 7  # of an image, at every side: MNIST has no ink there


class Between(NamedTuple):
    """Three frames of a film, of which the middle one is asked for.

    Attributes:
        before, after: what is given, shape (N, 1, S, S) each, in [-1, 1].
        truth: the frame half way between them; same shape.
    """

    before: Tensor
    after: Tensor
    truth: Tensor

    @property
    def given(self) -> Tensor:
        """What a restorer is given: ``before`` and ``after`` as two channels, shape (N, 2, S, S)."""
        return torch.cat([self.before, self.after], dim=1)


def lanes(images: Tensor, *, generator: torch.Generator) -> Damaged:
    """Return for each digit its first frame, and a second one in a lane that is drawn.

    Args:
        images: shape (N, 1, S, S), square, in [-1, 1].
        generator: draws the lanes.
    Returns:
        ``seen`` is the first frame, ``truth`` the second, and ``mask`` is 0: no pixel of the second frame is known.
    Raises:
        TypeError, ValueError: these are no such images; ``generator`` is none.
    First met in: notebook 13.
    """
    if not isinstance(generator, torch.Generator):
        raise TypeError(f"generator must be a torch.Generator, got {type(generator).__name__}")
    ways = lane_images(images)
    lane = torch.randint(len(ways), (len(images),), generator=generator, device=generator.device).to(images.device)
    return Damaged(ways[1], torch.zeros_like(images), ways[lane, torch.arange(len(images), device=images.device)])


def lane_images(images: Tensor) -> Tensor:
    """Return the second frame in each of the three lanes, shape (3, N, 1, S, S), from top to bottom.

    Args:
        images: as for :func:`lanes`.
    First met in: notebook 13.
    """
    small, places = _lane_places(images)
    return torch.stack([_placed(small, images.shape[-1], top, places[1]) for top in places])


def lane_mean(images: Tensor) -> Tensor:
    """Return the second frame with the least expected squared error: the mean of the three, shape (N, 1, S, S).

    Args:
        images: as for :func:`lanes`.
    First met in: notebook 13.
    """
    return lane_images(images).mean(dim=0)


def lane_median(images: Tensor) -> Tensor:
    """Return the second frame with the least expected absolute error: pixel by pixel the median of the three.

    Lanes do not overlap. So two of the three values of any pixel are background, and the median is background
    everywhere.

    Args:
        images: as for :func:`lanes`.
    First met in: notebook 13.
    """
    return lane_images(images).median(dim=0).values


def straight(images: Tensor) -> Between:
    """Return for each digit three frames in which it moves from the left edge to the right one, at half its size.

    Args:
        images: as for :func:`lanes`.
    First met in: notebook 13.
    """
    return Between(*(_at(images, share) for share in (0, 1, 0.5)))


def crossing(images: Tensor) -> Between:
    """Return for each digit three frames in which another one comes back through it.

    The other one is the next of the batch, and the first for the last. Where both have ink, the brighter pixel is
    seen.

    Args:
        images: as for :func:`lanes`, at least two.
    Raises:
        TypeError, ValueError: these are no such images, or fewer.
    First met in: notebook 13.
    """
    check_images(images, channels=1)
    if len(images) < 2:
        raise ValueError(f"images must hold at least two digits that can cross, got {len(images)}")
    others = images.roll(-1, 0)
    return Between(*(torch.maximum(_at(images, share), _at(others, 1 - share)) for share in (0, 1, 0.5)))


class Jumps(NamedTuple):
    """A film of a digit that runs to the right and jumps between lanes.

    Attributes:
        frames: shape (T, N, 1, S, S), T odd, in [-1, 1]; frames 0, 2, 4, ... are what a restorer is given.
        lane: in which lane the digit is, 0 to 2 from the top, shape (T, N).
    """

    frames: Tensor
    lane: Tensor

    def questions(self) -> Between:
        """Return the frames 1, 3, 5, ... as what is asked for, and their neighbours as what is given.

        Shape (N * (T - 1) / 2, 1, S, S) each; all of frame 1 first.
        """
        return Between(*(self.frames[first : len(self.frames) - 2 + first : 2].flatten(0, 1) for first in (0, 2, 1)))

    def with_answers(self, answers: Tensor) -> Tensor:
        """Return the film with these in the place of the frames 1, 3, 5, ...; shapes as in :meth:`questions`."""
        frames = self.frames.clone()
        frames[1::2] = answers.unflatten(0, (len(frames) // 2, -1))
        return frames


def jumps(images: Tensor, frames: int = 9, *, generator: torch.Generator) -> Jumps:
    """Return for each digit a film in which it runs from left to right, and may jump to another lane.

    In the frames 0, 2, 4, ... its lane is drawn afresh, each with the same odds. In a frame between two of these it is
    in the lane of the one before or of the one after, with equal odds.

    Args:
        images: as for :func:`lanes`.
        frames: how many, odd, at least 3.
        generator: draws the lanes.
    Raises:
        TypeError, ValueError: these are no such images, ``generator`` is none, or ``frames`` is even or too small.
    First met in: notebook 13.
    """
    if not isinstance(generator, torch.Generator):
        raise TypeError(f"generator must be a torch.Generator, got {type(generator).__name__}")
    if whole_between("frames", frames, 3) % 2 == 0:
        raise ValueError(f"frames must be odd, so that the first and the last are given, got {frames}")
    side, (small, places) = images.shape[-1], _lane_places(images)
    here, at = images.device, generator.device
    lane = torch.randint(3, (frames, len(images)), generator=generator, device=at)
    late = torch.rand(frames // 2, len(images), generator=generator, device=at) < 0.5
    lane[1::2] = torch.where(late, lane[:-1:2], lane[2::2])
    lane, nth, free = lane.to(here), torch.arange(len(images), device=here), side - small.shape[-1]
    made = []
    for number in range(frames):
        left = _left(free, number, frames)
        ways = torch.stack([_placed(small, side, top, left) for top in places])
        made.append(ways[lane[number], nth])
    return Jumps(torch.stack(made), lane)


def between_jumps(images: Tensor, *, generator: torch.Generator) -> Between:
    """Return for each digit one question of a film of nine frames, :func:`jumps`, at a time that is drawn.

    Args:
        images, generator: as for :func:`jumps`.
    First met in: notebook 13.
    """
    film = jumps(images, generator=generator)
    time = torch.randint(4, (len(images),), generator=generator, device=generator.device).to(images.device)
    nth = torch.arange(len(images), device=images.device)
    return Between(*(part.unflatten(0, (4, -1))[time, nth] for part in film.questions()))


def lane_ink(frames: Tensor) -> Tensor:
    """Return how much ink each of the three lanes has: the sum of (pixel + 1) / 2, shape (3, ...).

    Args:
        frames: shape (..., 1, S, S), in [-1, 1]; any number of leading axes.
    First met in: notebook 13.
    """
    height, places = _tops(frames.flatten(0, -4))
    ink = (frames + 1).sum(dim=(-3, -1)) / 2
    return torch.stack([ink[..., top : top + height].sum(dim=-1) for top in places])


def followed(frames: Tensor) -> Tensor:
    """Return the digit cut out of every frame of a film, wherever it runs: shape (T, N, 1, side of a lane, the same).

    The cut moves to the right as the digits of :func:`jumps` do, and is taken in the lane that has most ink there. So
    all cuts out of a true film are alike.

    Args:
        frames: of a whole film, shape (T, N, 1, S, S), in [-1, 1]; not only the first few of its frames.
    First met in: notebook 13.
    """
    side, places = _tops(frames.flatten(0, 1))
    free, cuts = frames.shape[-1] - side, []
    for number, frame in enumerate(frames):
        left = _left(free, number, len(frames))
        ways = torch.stack([frame[:, :, top : top + side, left : left + side] for top in places])
        most = (ways + 1).sum(dim=(2, 3, 4)).argmax(dim=0)
        cuts.append(ways[most, torch.arange(len(frame), device=frame.device)])
    return torch.stack(cuts)


def _left(free: int, number: int, frames: int) -> int:
    """Return how far a digit has come in a frame of a film, with so many free columns."""
    return round(free * number / (frames - 1))


def _tops(images: Tensor) -> tuple[int, tuple[int, int, int]]:
    """Return the side of a lane, and the first row of each lane."""
    side = _lane_side(images)
    free = images.shape[-1] - side
    return side, (0, free // 2, free)


def _lane_places(images: Tensor) -> tuple[Tensor, tuple[int, int, int]]:
    """Return the digits at the size of a lane, and the first row of each lane."""
    side, places = _tops(images)
    return _small(images, side), places


def _at(images: Tensor, share: float) -> Tensor:
    """Return frames with the digits at half their size, so far on their way from left to right."""
    check_images(images, channels=1)
    side = images.shape[-1]
    small = _small(images, side // 2)
    way = side - side // 2
    return _placed(small, side, way // 2, round(share * way))


def _lane_side(images: Tensor) -> int:
    check_images(images, channels=1)
    return images.shape[-1] * 9 // 28  # 9 of 28, 5 of 16: less than a third


def _small(images: Tensor, side: int) -> Tensor:
    """Return the digits without their border, at another size."""
    check_images(images, channels=1)
    if images.shape[2] != images.shape[3]:
        raise ValueError(f"images must be square, got {tuple(images.shape)}")
    border = round(_BORDER * images.shape[-1])
    inner = images[:, :, border : images.shape[2] - border, border : images.shape[3] - border]
    made = F.interpolate(inner, size=side, mode="bilinear", antialias=True, align_corners=False)
    return made.clamp(-1, 1)


def _placed(small: Tensor, side: int, top: int, left: int) -> Tensor:
    """Return the small images on black ones of another side."""
    height, width = small.shape[2:]
    return F.pad(small, (left, side - left - width, top, side - top - height), value=-1.0)
