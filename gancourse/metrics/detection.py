"""Numbers for whoever says yes or no by a score: a classifier of X-rays, a detector of fakes.

| function | asks | does not depend on |
|---|---|---|
| :func:`roc_auc` | in a pair of one of each kind, how often has the positive one more? | threshold, base rate |
| :func:`balanced_accuracy` | how many of each kind are named rightly, each kind counting as much? | base rate |
| :func:`advantage` | how much more often is a positive one named so than a negative one, at best? | base rate |
| :func:`calibration` | of those said to be positive with 80 %, are 80 % so? | the order of the scores |
| :func:`right_alarms` | how many of the alarms are right? | the order of the scores |
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gancourse._numbers import real_between, whole_between

__all__ = [
    "Advantage",
    "Calibration",
    "advantage",
    "balanced_accuracy",
    "calibration",
    "right_alarms",
    "roc_auc",
]


class Advantage(NamedTuple):
    """The largest lead of true over false alarms, in [0, 1], and a threshold that has it: alarm from there on."""

    value: float
    threshold: float


class Calibration(NamedTuple):
    """What was said and what was true, bin by bin.

    Attributes:
        said: mean probability that was said in each bin, shape (bins,), NaN where there is none.
        true: share of positive ones in each bin, the same.
        counts: how many in each bin, shape (bins,), int64.
        error: mean distance of the two, each bin with the weight of its count (expected calibration error).
    """

    said: Tensor
    true: Tensor
    counts: Tensor
    error: float


def roc_auc(scores: Tensor, positive: Tensor) -> float:
    """Return the chance that of a positive and a negative one the positive has the larger score; ties count half.

    It is the area under the curve of true over false alarms (ROC), and 1/2 for scores that know nothing.

    Args:
        scores: shape (N,), floating point, finite; larger for what is rather positive.
        positive: shape (N,), bool.
    Raises:
        TypeError, ValueError: an argument is anything else, or only one kind is there.
    Source: Hanley and McNeil (1982); computed by scikit-learn.
    First met in: notebook 19.
    """
    from sklearn.metrics import roc_auc_score

    scores, positive = _scored(scores, positive)
    return float(roc_auc_score(positive.numpy(), scores.numpy()))


def balanced_accuracy(guesses: Tensor, labels: Tensor) -> float:
    """Return the share of right guesses within each class, averaged over the classes that occur.

    Args:
        guesses: shape (N,), int64 or bool.
        labels: what is true, the same.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 19.
    """
    for name, value in (("guesses", guesses), ("labels", labels)):
        if not isinstance(value, Tensor) or value.dtype not in (torch.int64, torch.bool):
            raise TypeError(f"{name} must be a tensor of int64 or bool, got {getattr(value, 'dtype', type(value))}")
        if value.ndim != 1 or len(value) == 0:
            raise ValueError(f"{name} must have shape (N,), not empty, got {tuple(value.shape)}")
    if len(guesses) != len(labels):
        raise ValueError(f"guesses must be one for each label, {len(labels)}, got {len(guesses)}")
    right = (guesses == labels).double()
    return float(torch.stack([right[labels == kind].mean() for kind in labels.unique()]).mean())


def advantage(scores: Tensor, positive: Tensor) -> Advantage:
    """Return the largest difference of true and false alarms over all thresholds, and where it is.

    A guesser of "positive or not", half of each, is right in (1 + advantage) / 2 of all cases. Chosen on few scores
    the best threshold flatters: choose it on one half and count on the other where that matters.

    Args:
        scores, positive: as for :func:`roc_auc`.
    Raises:
        TypeError, ValueError: as there.
    Source: Yeom et al. (2018), for guesses of membership; elsewhere called Youden's J.
    First met in: notebook 19.
    """
    from sklearn.metrics import roc_curve

    scores, positive = _scored(scores, positive)
    false, true, thresholds = roc_curve(positive.numpy(), scores.numpy())
    best = int((true - false).argmax())
    return Advantage(float(true[best] - false[best]), float(thresholds[best]))


def calibration(probabilities: Tensor, positive: Tensor, bins: int = 10) -> Calibration:
    """Return, for bins of equal width, what was said and what was true.

    Args:
        probabilities: of being positive, shape (N,), floating point, in [0, 1].
        positive: shape (N,), bool.
        bins: how many, at least 1; a value on a limit belongs to the upper bin, 1 to the last.
    Raises:
        TypeError, ValueError: an argument is anything else.
    Source: Guo et al. (2017), On calibration of modern neural networks.
    First met in: notebook 19.
    """
    bins = whole_between("bins", bins, 1)
    probabilities, positive = _scored(probabilities, positive, name="probabilities", both=False)
    if not bool(((probabilities >= 0) & (probabilities <= 1)).all()):
        raise ValueError("probabilities must lie in [0, 1]; are these logits?")
    place = (probabilities * bins).long().clamp(max=bins - 1)
    counts = torch.bincount(place, minlength=bins)
    said = torch.bincount(place, weights=probabilities, minlength=bins) / counts
    true = torch.bincount(place, weights=positive.double(), minlength=bins) / counts
    error = float(((said - true).abs().nan_to_num() * counts).sum() / len(probabilities))
    return Calibration(said, true, counts, error)


def right_alarms(caught: float, false_alarms: float, base_rate: float) -> float:
    """Return the share of alarms that are right, where ``base_rate`` of all cases are positive (Bayes' rule).

    Args:
        caught: share of the positive ones that give an alarm, from 0 to 1.
        false_alarms: share of the negative ones that do.
        base_rate: share of positive ones among all.
    Returns:
        A number in [0, 1]; NaN if there is never an alarm.
    Raises:
        ValueError: a share is anything else.
    First met in: notebook 19.
    """
    caught = real_between("caught", caught, 0, 1)
    false_alarms = real_between("false_alarms", false_alarms, 0, 1)
    base_rate = real_between("base_rate", base_rate, 0, 1)
    right, wrong = base_rate * caught, (1 - base_rate) * false_alarms
    return right / (right + wrong) if right + wrong > 0 else float("nan")


def _scored(scores: Tensor, positive: Tensor, name: str = "scores", both: bool = True) -> tuple[Tensor, Tensor]:
    """Refuse what are no scores with their truth; return the rest in float64 on the CPU."""
    if not isinstance(scores, Tensor) or not scores.is_floating_point():
        raise TypeError(f"{name} must be a floating-point tensor, got {getattr(scores, 'dtype', type(scores))}")
    if not isinstance(positive, Tensor) or positive.dtype != torch.bool:
        raise TypeError(f"positive must be a tensor of bool, got {getattr(positive, 'dtype', type(positive))}")
    if scores.ndim != 1 or len(scores) == 0 or positive.shape != scores.shape:
        raise ValueError(
            f"{name} and positive must have one shape (N,), got {tuple(scores.shape)} and {tuple(positive.shape)}"
        )
    if not bool(torch.isfinite(scores).all()):
        raise ValueError(f"{name} must be finite, got {int((~torch.isfinite(scores)).sum())} NaN or infinite value(s)")
    if both and positive.all() | ~positive.any():
        raise ValueError("positive must hold both True and False: with one kind alone there is nothing to tell apart")
    return scores.detach().cpu().double(), positive.detach().cpu()
