"""How many modes does a generator cover, and how many of its samples are any good?

For targets whose modes are known (``toy.ring``, ``toy.grid``, any ``toy.mixture``). Two numbers are needed together,
because each alone can be perfect for a useless generator: all samples on one mode are of perfect quality, and samples
strewn everywhere touch every mode.

Our rule. A sample is *good* when it lies within 3 standard deviations of a mode. A mode is *covered* when it owns at
least 20 % of its fair share of all samples, counting good ones only; its fair share is its weight in the target.

The literature's rule (VEEGAN, PacGAN and others) is milder, a mode counts with a single good sample among 2,500, and
the numbers of samples and the targets are fixed by name: see :data:`PROTOCOLS`. Use it to compare with papers.

The ceiling. Not even the target itself reaches quality 1: within 3 standard deviations lies 98.9 % of a Gaussian in
the plane (99.7 % on the line); see :func:`ceiling`.

Every function takes points of shape (N, dim), one sample, and gives a plain number; or (K, N, dim), one sample from
each of K generators, and gives a tensor of K numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from gancourse._numbers import real, whole
from gancourse.data import toy

__all__ = [
    "PROTOCOLS",
    "ModeReport",
    "Protocol",
    "Target",
    "ceiling",
    "covered",
    "forward_kl",
    "histogram",
    "literature_report",
    "quality",
    "report",
    "reverse_kl",
    "verdict",
]

REACH = 3.0
"""A sample is good within this many standard deviations of a mode."""

SHARE = 0.2
"""A mode is covered when it owns this part of its fair share."""

COLLAPSE_MODES, COLLAPSE_QUALITY = 2, 0.8
"""Collapse: at most so many modes (and at least one), with at least this quality."""


class Target(Protocol):
    """What modes can be counted for: a distribution of ``data.toy`` with modes."""

    dim: int
    name: str
    modes: Tensor | None
    mode_std: float | None


# ---------------------------------------------------------------- one number each


def covered(points: Tensor, target: Target, *, share: float = SHARE) -> Any:
    """Count the modes that own at least ``share`` of their fair share of the samples, by good samples only.

    Args:
        points: generated points, shape (N, dim), or (K, N, dim) for K generators.
        target: a distribution with modes.
        share: part of the fair share that counts, above 0 and at most 1.
    Returns:
        A whole number from 0 to the number of modes; K of them (int64) for K generators.
    Raises:
        TypeError, ValueError: ``points`` has another shape or dtype, is empty or is not finite; ``target`` has no
            modes; ``share`` is out of range.
    First met in: notebook 04.
    """
    share = _checked_share(share)
    points, target_modes = _checked(points, target)
    _, good = _assign(points, target_modes)
    return _plain(_covered(good, target_modes, points.shape[-2], share))


def quality(points: Tensor, target: Target) -> Any:
    """Return the share of good samples: those within 3 standard deviations of a mode.

    Args:
        points, target: as in :func:`covered`.
    Returns:
        A number from 0 to 1; compare with :func:`ceiling`, not with 1. K of them for K generators.
    Raises:
        TypeError, ValueError: as :func:`covered`.
    First met in: notebook 04.
    """
    points, target_modes = _checked(points, target)
    return _plain(_assign(points, target_modes)[1].sum(-1) / points.shape[-2])


def histogram(points: Tensor, target: Target) -> Tensor:
    """Return which part of all samples each mode is nearest to, shape (modes,) or (K, modes); sums to 1.

    Every sample counts, good or not, so that it is defined for any generator. "Near" is measured in the mode's own
    standard deviations.

    Args:
        points, target: as in :func:`covered`.
    Raises:
        TypeError, ValueError: as :func:`covered`.
    First met in: notebook 04.
    """
    points, target_modes = _checked(points, target)
    return _assign(points, target_modes)[0] / points.shape[-2]


def reverse_kl(points: Tensor, target: Target) -> Any:
    """Return KL(generated || target) between the mode histograms, in nats.

    Sum over modes of q log(q / p), with q from :func:`histogram` and p the modes' weights. The papers' "reverse KL".
    It is mild on a lost mode (0 log 0 = 0): one mode of 8 equal ones gives log 8, not infinity.

    Args:
        points, target: as in :func:`covered`.
    Returns:
        A number from 0 to -log of the smallest weight; K of them for K generators.
    Raises:
        TypeError, ValueError: as :func:`covered`.
    Source: Lin et al. (2018), PacGAN, section 4.1.
    First met in: notebook 04.
    """
    points, target_modes = _checked(points, target)
    return _plain(_kl(_assign(points, target_modes)[0] / points.shape[-2], target_modes.weights))


def forward_kl(points: Tensor, target: Target) -> Any:
    """Return KL(target || generated) between the mode histograms, in nats: infinite when a mode got no sample.

    Sum over modes of p log(p / q). Nothing is smoothed: a mode that is never visited is infinitely surprising.

    Args:
        points, target: as in :func:`covered`.
    Returns:
        A number of at least 0, or ``inf``; K of them for K generators.
    Raises:
        TypeError, ValueError: as :func:`covered`.
    First met in: notebook 04.
    """
    points, target_modes = _checked(points, target)
    return _plain(_kl(target_modes.weights, _assign(points, target_modes)[0] / points.shape[-2]))


def ceiling(dim: int = 2, *, reach: float = REACH) -> float:
    """Return the quality of perfect samples: the mass of a Gaussian within ``reach`` standard deviations.

    In the plane 1 - exp(-reach^2 / 2) = 0.989 for 3; on the line 0.997. (Modes that overlap raise it slightly.)

    Args:
        dim: number of coordinates, at least 1.
        reach: radius in standard deviations, above 0.
    Raises:
        ValueError: an argument is out of range.
    First met in: notebook 04.
    """
    if (axes := whole(dim)) is None or axes < 1:
        raise ValueError(f"dim must be a positive whole number, got {dim!r}")
    if (radius := real(reach)) is None or not 0 < radius < math.inf:
        raise ValueError(f"reach must be a positive finite number, got {reach!r}")
    dim, reach = axes, radius
    half = torch.tensor([dim / 2, reach**2 / 2], dtype=torch.float64)
    return float(torch.special.gammainc(half[0], half[1]))


# ---------------------------------------------------------------- all of them together


@dataclass(frozen=True)
class ModeReport:
    """Everything this module knows about one sample, or about K at once (then every field but ``of`` holds K).

    Attributes:
        covered: modes covered.
        of: modes there are.
        quality: share of good samples.
        reverse_kl, forward_kl: between the mode histograms, in nats.
        histogram: share of the samples per mode, shape (of,) or (K, of).
        verdict: in words, see :func:`verdict`, or "too few samples" where there are fewer of them than modes; a list
            of K for K generators.
    """

    covered: Any
    of: int
    quality: Any
    reverse_kl: Any
    forward_kl: Any
    histogram: Tensor
    verdict: Any

    def __len__(self) -> int:
        """Return K; a report on one sample has no length."""
        if self.histogram.ndim == 1:
            raise TypeError("a report on one sample has no length")
        return len(self.histogram)

    def __getitem__(self, k: int) -> ModeReport:
        """Return the report on generator ``k`` alone, in plain numbers."""
        if self.histogram.ndim == 1:
            raise TypeError("a report on one sample cannot be indexed")
        numbers = {name: getattr(self, name)[k].item() for name in ("covered", "quality", "reverse_kl", "forward_kl")}
        return ModeReport(**numbers, of=self.of, histogram=self.histogram[k], verdict=self.verdict[k])

    def __str__(self) -> str:
        if self.histogram.ndim == 1:
            if self.verdict == "diverged":
                return "diverged: the samples are not finite"
            return (
                f"{self.covered} of {self.of} modes, {self.quality:.0%} of the samples within "
                f"{REACH:g} standard deviations of one: {self.verdict}"
            )
        return "\n".join(f"{k}: {self[k]}" for k in range(len(self)))


def report(points: Tensor, target: Target, *, share: float = SHARE, diverged_ok: bool = False) -> ModeReport:
    """Return modes covered, quality, both divergences, the histogram and a verdict in words.

    Args:
        points, target, share: as in :func:`covered`.
        diverged_ok: accept samples that are not finite. Such a generator covers 0 modes with quality 0, its
            divergences are NaN and its verdict is "diverged"; without it, NaN samples are refused.
    Raises:
        TypeError, ValueError: as :func:`covered`.
    First met in: notebook 04.
    """
    share = _checked_share(share)
    return _report(points, target, lambda good, modes, n: _covered(good, modes, n, share), diverged_ok)


def verdict(covered: int, of: int, quality: float) -> str:
    """Say in words what a number of modes and a quality mean together.

    "covers all": every mode. "collapse": one or two modes, and at least 80 % of the samples on them.
    "drops modes": some of the modes. "no mode at all": none; the samples are elsewhere, scattered or all in one spot
    that is no mode (collapse off target: look at their spread). "diverged": the numbers are not finite.

    Args:
        covered: modes covered.
        of: modes there are.
        quality: share of good samples; NaN if the samples are not finite.
    Returns:
        One of the five.
    Raises:
        ValueError: a number is out of range.
    First met in: notebook 04.
    """
    if isinstance(quality, float) and math.isnan(quality):
        return "diverged"
    if not 0 <= covered <= of:
        raise ValueError(f"covered must lie between 0 and the number of modes, {of}, got {covered}")
    if not 0 <= quality <= 1:
        raise ValueError(f"quality must lie between 0 and 1, got {quality}")
    if covered == 0:
        return "no mode at all"
    if covered == of:
        return "covers all"
    return "collapse" if covered <= COLLAPSE_MODES and quality >= COLLAPSE_QUALITY else "drops modes"


# ---------------------------------------------------------------- the literature's protocols


class Protocol(NamedTuple):
    """How the papers count: this target, so many samples, and a mode counts from so many good ones."""

    target: toy.Mixture
    samples: int
    good_samples: int


PROTOCOLS: dict[str, Protocol] = {
    "ring": Protocol(toy.ring(modes=8, radius=1.0, std=0.01), samples=2500, good_samples=1),
    "grid": Protocol(toy.grid(side=5, spacing=2.0, std=0.05), samples=2500, good_samples=1),
}
"""A ring of 8 Gaussians (Metz et al. 2017) on the unit circle with standard deviation 0.01, and a 5 x 5 grid (Dumoulin
et al. 2017) with spacing 2 and standard deviation 0.05, counted as VEEGAN (Srivastava et al. 2017) and PacGAN (Lin et
al. 2018) do: 2,500 samples; a sample is good within 3 standard deviations of its nearest mode; a mode counts with at
least one good sample; reverse KL between the histograms of nearest modes."""


def literature_report(points: Tensor, name: str, *, diverged_ok: bool = False) -> ModeReport:
    """Report by the literature's rules, so that the numbers may stand beside those of the papers.

    Args:
        points: exactly 2,500 points, shape (2500, 2) or (K, 2500, 2), on the scale of the named target.
        name: "ring" or "grid", see :data:`PROTOCOLS`.
        diverged_ok: as in :func:`report`.
    Raises:
        TypeError, ValueError: as :func:`covered`; ``name`` is unknown; or there are not 2,500 points.
    First met in: notebook 05.
    """
    if name not in PROTOCOLS:
        raise ValueError(f"name must be one of {', '.join(PROTOCOLS)}, got {name!r}")
    protocol = PROTOCOLS[name]
    if isinstance(points, Tensor) and points.ndim >= 2 and points.shape[-2] != protocol.samples:
        raise ValueError(f"points must hold the protocol's {protocol.samples:,} samples, got {points.shape[-2]:,}")
    return _report(points, protocol.target, lambda good, modes, n: (good >= protocol.good_samples).sum(-1), diverged_ok)


# ---------------------------------------------------------------- helpers


class _Modes(NamedTuple):
    centres: Tensor  # (M, dim), float64
    stds: Tensor  # (M,)
    weights: Tensor  # (M,), sum 1


def _modes_of(target: Target) -> _Modes:
    name = getattr(target, "name", type(target).__name__)
    centres = getattr(target, "modes", None)
    if centres is None:
        raise ValueError(f"target must be a distribution with modes to count, got {name}, which has none")
    count = len(centres)
    stds, weights = getattr(target, "stds", None), getattr(target, "weights", None)
    if stds is None or len(stds) != count:
        if target.mode_std is None:
            raise ValueError(f"target must know the standard deviation of its modes, got {name}, which does not")
        stds = torch.full((count,), target.mode_std)
    if weights is None or len(weights) != count:
        weights = torch.full((count,), 1 / count)
    return _Modes(centres.double(), stds.double(), weights.double())


def _checked(points: Tensor, target: Target, *, diverged_ok: bool = False) -> tuple[Tensor, _Modes]:
    modes = _modes_of(target)
    dim = modes.centres.shape[1]
    shapes = f"(N, {dim}) or (K, N, {dim})"
    if not isinstance(points, Tensor):
        raise TypeError(f"points must be a tensor of shape {shapes}, got {type(points).__name__}")
    if not points.is_floating_point():
        raise TypeError(f"points must hold floating-point numbers, got dtype {points.dtype}")
    if points.ndim not in (2, 3) or points.shape[-1] != dim:
        raise ValueError(f"points must have shape {shapes} for {target.name}, got {tuple(points.shape)}")
    if points.numel() == 0:
        raise ValueError(f"points is empty, shape {tuple(points.shape)}: nothing to count")
    points = points.detach().cpu().double()
    if not diverged_ok and not bool(torch.isfinite(points).all()):
        bad = int((~torch.isfinite(points)).sum())
        raise ValueError(f"points must be finite, got {bad} NaN or infinite value(s) of {points.numel()}")
    return points, modes


def _assign(points: Tensor, modes: _Modes) -> tuple[Tensor, Tensor]:
    """Return, per mode, how many samples are nearest to it, and how many of these are good: shape (..., M)."""
    if points.ndim == 3:  # one generator at a time, to keep the table of distances small
        tables = [_assign(own, modes) for own in points]
        return torch.stack([shares for shares, _ in tables]), torch.stack([good for _, good in tables])
    distance = torch.linalg.vector_norm(points.unsqueeze(-2) - modes.centres, dim=-1) / modes.stds
    nearest = distance.min(dim=-1)
    empty = torch.zeros(*points.shape[:-2], len(modes.centres), dtype=torch.float64)
    counts = empty.scatter_add(-1, nearest.indices, torch.ones_like(nearest.values))
    return counts, empty.scatter_add(-1, nearest.indices, (nearest.values <= REACH).double())


def _checked_share(share: float) -> float:
    if (number := real(share)) is None or not 0 < number <= 1:
        raise ValueError(f"share must be above 0 and at most 1, got {share!r}")
    return number


def _covered(good: Tensor, modes: _Modes, count: int, share: float) -> Tensor:
    return (good >= share * count * modes.weights - 1e-9).sum(-1)


def _kl(p: Tensor, q: Tensor) -> Tensor:
    """Return sum p log(p / q) over the last axis, with 0 log 0 = 0 and x log(x / 0) infinite."""
    return (torch.special.xlogy(p, p) - torch.special.xlogy(p, q)).sum(-1).clamp(min=0)


def _report(points: Tensor, target: Target, count: Any, diverged_ok: bool) -> ModeReport:
    points, modes = _checked(points, target, diverged_ok=diverged_ok)
    n, of = points.shape[-2], len(modes.centres)
    finite = torch.isfinite(points).flatten(start_dim=-2).all(-1)  # one per sample
    shares, good = _assign(torch.where(finite[..., None, None], points, torch.inf), modes)
    shares = torch.where(finite[..., None], shares / n, torch.nan)
    counts, fine = count(good, modes, n), good.sum(-1) / n
    words = [
        "too few samples" if ok and n < of else verdict(int(c), of, float(q) if ok else math.nan)
        for c, q, ok in zip(counts.reshape(-1), fine.reshape(-1), finite.reshape(-1), strict=True)
    ]
    return ModeReport(
        covered=_plain(counts),
        of=of,
        quality=_plain(fine),
        reverse_kl=_plain(_kl(shares, modes.weights)),
        forward_kl=_plain(_kl(modes.weights, shares)),
        histogram=shares,
        verdict=words if points.ndim == 3 else words[0],
    )


def _plain(numbers: Tensor) -> Any:
    return numbers.item() if numbers.ndim == 0 else numbers
