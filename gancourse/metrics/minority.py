"""How large is a group among what a generator draws? Counted among samples that are clearly of some group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse._numbers import real_between, whole_between
from gancourse.metrics.judge import CONFIDENT, class_histogram

__all__ = ["Shares", "shares"]


class Shares(NamedTuple):
    """What a judge says of a group's size.

    Attributes:
        clear: its share among the clear samples of all groups; NaN if no sample is clear.
        argmax: its share if every sample counts for the group that is likelier, however unlikely both are.
        unclear: share of all samples that are clear for none of the groups.
    """

    clear: float
    argmax: float
    unclear: float


def shares(probabilities: Tensor, kind: int, among: Sequence[int], confident: float = CONFIDENT) -> Shares:
    """Return the share of one class among samples that should be of a few classes.

    Args:
        probabilities: shape (N, K), from ``judge.Judge.probabilities``.
        kind: the class that is counted.
        among: the classes that there are, ``kind`` being one of them.
        confident: lowest probability of a clear sample, above 0, at most 1.
    Raises:
        TypeError, ValueError: an argument is anything else.
    First met in: notebook 19.
    """
    class_histogram(probabilities)  # refuses what are no probabilities
    last = probabilities.shape[1] - 1
    groups = sorted({whole_between("among", group, 0, last) for group in among})
    kind = whole_between("kind", kind, 0, last)
    if kind not in groups or len(groups) < 2:
        raise ValueError(f"among must hold kind and at least one other class, got kind {kind} and {list(among)}")
    if real_between("confident", confident, 0, 1) == 0:
        raise ValueError("confident must be above 0")
    of_groups = probabilities[:, groups]
    winners = torch.tensor(groups)[of_groups.argmax(dim=1).cpu()]
    clear = (of_groups.amax(dim=1) >= confident).cpu()
    among_clear = float((winners[clear] == kind).double().mean()) if bool(clear.any()) else float("nan")
    return Shares(among_clear, float((winners == kind).double().mean()), float((~clear).double().mean()))
