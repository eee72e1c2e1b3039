"""What the text claims about a run: stated, judged on the reader's own run, and compared with the ledger.

A claim is a sentence of the page, the number it is about, and what that number has to be. A notebook
states its claims with :func:`check`, in folded cells after the figures they speak of, and ends with
:func:`close`. A claim that does not hold is said in words, and the notebook goes on; only its last
cell raises, so that *Run All* reaches the end and a test still fails.

There are three kinds, told apart by what the number is compared with:

* **exact** (``equal``): a closed form or an identity. Holds to the stated tolerance on every run.
* **count** (``at_least`` or ``at_most``, with ``of``): how many of a number of GANs did something.
* **of a run** (``below``, ``above``, ``between``): a number that another seed, or a processor that
  rounds otherwise, changes.

How often a claim held, and how near it came to its bound, is in the *ledger*: one file a notebook in
``gancourse/measured/ledgers``, made by ``tools/ledger.py`` on many seeds and several ways of rounding.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import math
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import torch

from gancourse import __version__

__all__ = [
    "ROUNDINGS",
    "Claim",
    "ClaimsFailed",
    "arithmetic",
    "check",
    "close",
    "closeness",
    "enough",
    "export",
    "failure_chance",
    "ledger",
    "nearest",
    "row",
    "stated",
    "way",
]

ROUNDINGS: dict[str, dict[str, str]] = {
    "native": {},
    "plain loops": {"ATEN_CPU_CAPABILITY": "default"},
    "other products": {"MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "all three": {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "AVX2"},
}
"""Environment variables that make one processor round as another would, by name; read when torch starts.

``ATEN_CPU_CAPABILITY`` chooses PyTorch's own loops, ``MKL_CBWR`` the code path of matrix products, and
``ONEDNN_MAX_CPU_ISA`` that of convolutions. ``tools/ledger.py`` says whether each changes anything here.
"""

MANY_RUNS, FEW_RUNS = 24, 10
"""Runs a ledger has for a notebook about toys, and for one that trains on images."""

_MARGIN = {MANY_RUNS: 3.0, FEW_RUNS: 5.0}
_RARE = 1e-4


class ClaimsFailed(AssertionError):
    """What :func:`close` raises at the end of a notebook; the message names every claim that did not hold."""


@dataclass(frozen=True)
class Claim:
    """One sentence of the page about one number of this run.

    Args:
        name: what the ledger calls it, in small letters with hyphens; unique in its notebook.
        sentence: what the text says, as a whole sentence.
        value: the number it is about: a Python, numpy or one-element torch number, not NaN and not a bool.
        below: the value is smaller than this.
        above: the value is larger than this.
        between: the value lies strictly between these two.
        equal: the value is this, to within ``within``: an exact claim.
        within: largest difference from ``equal`` that rounding may make; 0 for whole numbers.
        at_least: of ``of`` GANs, at least so many.
        at_most: of ``of`` GANs, at most so many.
        of: how many GANs were counted, each trained independently of the others.
        log: compare on a log scale, as is right for ratios, distances and other positive numbers.
    Raises:
        TypeError: the value or a bound is no real number.
        ValueError: the value or a bound is NaN, or there is not just one kind of bound.
    First met in: notebook 00.
    """

    name: str
    sentence: str
    value: float
    below: float | None = field(default=None, kw_only=True)
    above: float | None = field(default=None, kw_only=True)
    between: tuple[float, float] | None = field(default=None, kw_only=True)
    equal: float | None = field(default=None, kw_only=True)
    within: float = field(default=0.0, kw_only=True)
    at_least: int | None = field(default=None, kw_only=True)
    at_most: int | None = field(default=None, kw_only=True)
    of: int | None = field(default=None, kw_only=True)
    log: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"a claim needs a name, got {self.name!r}")
        if not isinstance(self.sentence, str) or not self.sentence.strip():
            raise ValueError(f"the claim {self.name!r} needs a sentence, got {self.sentence!r}")
        object.__setattr__(self, "value", _number(self.name, "value", self.value))
        given = [key for key in ("below", "above", "between", "equal", "at_least", "at_most")
                 if getattr(self, key) is not None]  # fmt: skip
        if len(given) != 1:
            said = f"{' and '.join(given)} together" if given else "none"
            raise ValueError(
                f"the claim {self.name!r} needs one of below, above, between, equal, at_least, at_most; got {said}"
            )
        (bound,) = given
        if bound == "between":
            if not isinstance(self.between, Sequence) or len(self.between) != 2:
                raise TypeError(f"the claim {self.name!r}: between must be two numbers, got {self.between!r}")
            low, high = (_number(self.name, "between", end) for end in self.between)
            if not low < high:
                raise ValueError(f"the claim {self.name!r}: between must go upwards, got {self.between!r}")
            object.__setattr__(self, "between", (low, high))
        else:
            object.__setattr__(self, bound, _number(self.name, bound, getattr(self, bound)))
        within = _number(self.name, "within", self.within)
        if within < 0 or (within > 0 and bound != "equal"):
            raise ValueError(f"the claim {self.name!r}: within goes with equal and is not negative, got {within}")
        if (bound in ("at_least", "at_most")) != (self.of is not None):
            raise ValueError(f"the claim {self.name!r}: at_least and at_most go with of=, the number counted")
        if self.of is not None:
            count, bar = self.value, getattr(self, bound)
            if any(number != int(number) for number in (self.of, count, bar)) or not 0 <= count <= self.of:
                raise ValueError(f"the claim {self.name!r}: counts go from 0 to of={self.of}, got {count} and {bar}")
        if self.log and self.kind != "run":
            raise ValueError(f"the claim {self.name!r}: log goes with below, above or between")

    @property
    def kind(self) -> str:
        """One of "exact", "count" and "run"; see the top of this module."""
        return "exact" if self.equal is not None else "count" if self.of is not None else "run"

    @property
    def holds(self) -> bool:
        """Whether the value is what the sentence says."""
        return self.held_by(self.value)

    def held_by(self, value: float) -> bool:
        """Whether another run's value, such as one from the ledger, is what the sentence says."""
        if self.equal is not None:
            return abs(value - self.equal) <= self.within
        if self.between is not None:
            return self.between[0] < value < self.between[1]
        if self.below is not None:
            return value < self.below
        if self.above is not None:
            return value > self.above
        return value >= self.at_least if self.at_least is not None else value <= self.at_most

    @property
    def allowed(self) -> str:
        """The bound in words, such as "below 1.7" or "at least 9 of 10"."""
        if self.equal is not None:
            return f"{_say(self.equal)}" + (f" to within {_say(self.within)}" if self.within else "")
        if self.between is not None:
            return f"between {_say(self.between[0])} and {_say(self.between[1])}"
        if self.of is not None:
            few = self.at_least if self.at_least is not None else self.at_most
            return f"at {'least' if self.at_least is not None else 'most'} {int(few)} of {int(self.of)}"
        return f"below {_say(self.below)}" if self.below is not None else f"above {_say(self.above)}"


# ---------------------------------------------------------------- the rule


def _sides(claim: Claim) -> tuple[float | None, float | None]:
    """Return the largest and the smallest number that are too small and too large; None where no number is."""
    if claim.between is not None:
        return claim.between
    lower = claim.above if claim.at_least is None else claim.at_least - 1
    upper = claim.below if claim.at_most is None else claim.at_most + 1
    return lower, upper


def way(claim: Claim, value: float, values: Sequence[float]) -> float:
    """Return which part of the way from the ledger's median to the bound a value has gone.

    0 is the median, 1 the bound, more than 1 beyond it; negative on the side where no bound is. For an exact claim it
    is the part of the tolerance that is used up. Infinite where the bound does not lie beyond the median.

    Args:
        claim: the claim with today's bound; of a count, the bound is the first number that fails.
        value: a run's value.
        values: what the ledger recorded, at least one.
    """
    if claim.equal is not None:
        off = abs(value - claim.equal)
        return off / claim.within if claim.within else math.inf if off else 0.0
    scale = _log if claim.log else float
    middle = scale(statistics.median(values))
    lower, upper = _sides(claim)
    sides = [] if upper is None else [(scale(value) - middle, scale(upper) - middle)]
    sides += [] if lower is None else [(middle - scale(value), middle - scale(lower))]
    return max(gone / room if room > 0 else math.inf for gone, room in sides)


def closeness(claim: Claim, values: Sequence[float]) -> float:
    """Return how often the way from the median to the worst value fits into the way from the median to the bound.

    1 means that the worst value lies on the bound; below 1, a run failed. Larger is safer. Infinite where
    all values are the same and the bound lies beyond them.

    Args:
        claim: the claim with today's bound.
        values: what the ledger recorded, at least one.
    """
    farthest = max(way(claim, value, values) for value in values)
    return math.inf if farthest <= 0 else 1 / farthest


def failure_chance(claim: Claim, values: Sequence[float]) -> float:
    """Return the chance that a count fails, at the upper 95 % limit of the share of GANs that go astray.

    All GANs of all runs are pooled: that share is the Clopper-Pearson limit, and the chance that one run has
    more of them than the bound allows is binomial. Both take the GANs for independent, so a notebook's runs must not
    share any: seeds of its ensembles are spaced by at least their number (``SEED * 100 + k``).

    Args:
        claim: a count.
        values: what the ledger recorded, one count a run.
    """
    from scipy.stats import beta, binom

    wanted = claim.at_least is not None
    astray = sum(claim.of - value if wanted else value for value in values)
    total = claim.of * len(values)
    share = 1.0 if astray == total else float(beta.ppf(0.95, astray + 1, total - astray))
    spare = claim.of - claim.at_least if wanted else claim.at_most
    return float(binom.sf(spare, claim.of, share))


def nearest(claim: Claim, values: Sequence[float]) -> float:
    """Return the value that came nearest to the bound, or went farthest beyond it.

    Args:
        claim: the claim with today's bound.
        values: what the ledger recorded, at least one.
    """
    return max(values, key=lambda value: way(claim, value, values))


def enough(claim: Claim, values: Sequence[float]) -> str:
    """Say what the ledger's rule has against a claim; nothing if it may stand.

    Every recorded run holds, and the bound keeps its distance: an exact claim uses at most a third of its
    tolerance; a count fails at most once in 10,000 runs (:func:`failure_chance`); any other bound lies at least
    three times as far from the median as the worst of 24 values does, or five times for fewer
    (:func:`closeness`), and not on the median.

    Args:
        claim: the claim with today's bound; its own value does not matter.
        values: what the ledger recorded, one value a run, NaN where a run did not get as far.
    Returns:
        A sentence, or "".
    """
    if not values:
        return "no run is recorded"
    if failed := [value for value in values if not claim.held_by(value)]:
        return f"failed on {len(failed)} of {len(values)} recorded runs, such as {_say(failed[0])}, not {claim.allowed}"
    if claim.kind == "exact":
        worst = max(abs(value - claim.equal) for value in values)
        return (
            ""
            if 3 * worst <= claim.within
            else f"uses {_say(worst)} of a tolerance of {_say(claim.within)}: more than a third"
        )
    if claim.kind == "count":
        chance = failure_chance(claim, values)
        return "" if chance <= _RARE else f"may fail on {chance:.2g} of all runs: more than 1 in 10,000"
    wanted = _MARGIN[MANY_RUNS if len(values) >= MANY_RUNS else FEW_RUNS]
    near = closeness(claim, values)
    return (
        ""
        if near >= wanted
        else f"the bound is {near:.2f} times as far from the median as the worst value, not {wanted:g}"
    )


# ---------------------------------------------------------------- the ledger


def ledger(notebook: str) -> dict[str, Any] | None:
    """Return the ledger of a notebook, or None if there is none yet.

    Args:
        notebook: its number, such as "04".
    Returns:
        "code", a hash of the code cells it was made from; "runs", a list with seed, rounding, machine,
        versions and date of each run; "claims", name -> one value a run, in the order of the runs.
    """
    file = resources.files("gancourse.measured").joinpath("ledgers", f"{notebook}.json")
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def _recorded(notebook: str, name: str) -> list[float]:
    stored = ledger(notebook)
    return [math.nan if value is None else value for value in stored["claims"].get(name, [])] if stored else []


# ---------------------------------------------------------------- in a notebook

_STATED: dict[str, dict[str, Claim]] = {}


def stated(notebook: str) -> list[Claim]:
    """Return the claims that were checked in this session, in the order in which they first came."""
    return list(_STATED.get(notebook, {}).values())


def check(notebook: str, *claims: Claim) -> None:
    """Judge claims about this run, and print one line, or a few lines for each one that does not hold.

    Never raises for a claim that does not hold: :func:`close` does, at the end of the notebook. A cell may
    be run again; the newest value counts.

    Args:
        notebook: the number of the notebook, such as "04".
        claims: one or more.
    Raises:
        ValueError: a name comes twice, or stood for another sentence before.
    First met in: notebook 00.
    """
    if not claims:
        raise ValueError("check needs at least one claim")
    known = _STATED.setdefault(notebook, {})
    names = [claim.name for claim in claims]
    for claim in claims:
        if names.count(claim.name) > 1 or (claim.name in known and known[claim.name].sentence != claim.sentence):
            raise ValueError(f"the name {claim.name!r} stands for two claims of notebook {notebook}")
    known.update(zip(names, claims, strict=True))
    values = {claim.name: _recorded(notebook, claim.name) for claim in claims}
    holding = [claim for claim in claims if claim.holds]
    if holding:
        print(_in_one_line(holding, values))
    for claim in claims:
        if not claim.holds:
            print(_in_words(claim, values[claim.name]))


def close(notebook: str) -> None:
    """Sum up the claims of a notebook in its last cell, and raise if one did not hold.

    Where the environment variable ``GANCOURSE_CLAIMS`` names a folder, the run is also written there, as
    :func:`export` does.

    Args:
        notebook: the number of the notebook, such as "04".
    Raises:
        ClaimsFailed: with every claim that did not hold.
    First met in: notebook 00.
    """
    if folder := os.environ.get("GANCOURSE_CLAIMS"):
        export(notebook, Path(folder) / f"{notebook}.json")
    claims = stated(notebook)
    if failed := [claim for claim in claims if not claim.holds]:
        raise ClaimsFailed(
            f"{_count(len(failed), 'claim')} of {len(claims)} did not hold on this run; "
            "everything else on the page ran.\n"
            + "\n".join(_in_words(claim, _recorded(notebook, claim.name)) for claim in failed)
        )
    print(
        f"All {len(claims)} claims that were checked hold on this run. To see them beside those of our own runs: "
        f"from gancourse.plotting import claims as claim_pictures; claim_pictures.strips({notebook!r})"
        if claims
        else "No claim was checked in this session: run the notebook from its top."
    )


def row(notebook: str, *, seed: int | None = None) -> dict[str, Any]:
    """Return this session's run as the ledger stores one: what it ran on, and the value of each claim.

    Args:
        notebook: the number of the notebook, such as "04".
        seed: the ``SEED`` it ran with, if you know it.
    """
    variables = {name for setting in ROUNDINGS.values() for name in setting}
    return {
        "seed": seed,
        "rounding": {name: os.environ[name] for name in sorted(variables) if os.environ.get(name)},
        "machine": f"{_processor()}, {platform.system()}, {torch.backends.cpu.get_cpu_capability()}",
        "versions": f"gancourse {__version__}, Python {platform.python_version()}, PyTorch {torch.__version__}",
        "threads": torch.get_num_threads(),
        "arithmetic": arithmetic(),
        "date": datetime.date.today().isoformat(),
        "values": {claim.name: claim.value for claim in stated(notebook)},
    }


def arithmetic() -> str:
    """Return a short hash of a few products, a convolution and a few functions: equal where a processor rounds alike.

    Two runs of one seed can be expected to agree digit by digit only where this agrees, with equal versions and
    thread counts.
    """
    draw = torch.Generator().manual_seed(0)
    a, b = torch.randn(64, 200, generator=draw), torch.randn(200, 96, generator=draw)
    images, kernels = torch.randn(8, 16, 14, 14, generator=draw), torch.randn(32, 16, 4, 4, generator=draw)
    results = (
        a @ b,
        a.double() @ b.double(),
        torch.bmm(a.view(8, 8, 200), b.expand(8, 200, 96)),
        torch.nn.functional.conv2d(images, kernels, stride=2, padding=1),
        torch.nn.functional.conv_transpose2d(images, kernels.transpose(0, 1), stride=2, padding=1),
        *(function(a) for function in (torch.tanh, torch.exp, torch.nn.functional.softplus, torch.sum)),
    )
    return hashlib.sha256(b"".join(result.numpy().tobytes() for result in results)).hexdigest()[:12]


def export(notebook: str, path: str | Path, *, seed: int | None = None) -> None:
    """Write this session's run to a small JSON file, which ``tools/ledger.py add`` takes into the ledger.

    Args:
        notebook: the number of the notebook, such as "04".
        path: where to write.
        seed: the ``SEED`` it ran with; without one the file can be looked at but not added.
    """
    Path(path).write_text(json.dumps(row(notebook, seed=seed), indent=1) + "\n", encoding="utf-8")


# ---------------------------------------------------------------- words


def _in_one_line(claims: list[Claim], values: dict[str, list[float]]) -> str:
    """Say that claims hold, how often they did before, and which came nearest to its bound."""
    said = f"{_count(len(claims), 'claim')} {'holds' if len(claims) == 1 else 'hold'}"
    known = [claim for claim in claims if values[claim.name]]
    if not known:
        return f"{said}; not yet in the ledger."
    runs = list(zip(*(map(claim.held_by, values[claim.name]) for claim in known), strict=True))
    kept, runs = sum(map(all, runs)), len(runs)
    said += f"; on {kept} runs of {runs}"
    of_runs = [claim for claim in known if claim.kind == "run"] or [claim for claim in known if claim.kind == "count"]
    values = {name: [value for value in row if not math.isnan(value)] for name, row in values.items()}
    of_runs = [claim for claim in of_runs if values[claim.name]]
    if not of_runs:
        return f"{said}."
    closest = min(of_runs, key=lambda claim: closeness(claim, values[claim.name]))
    if math.isinf(closeness(closest, values[closest.name])):  # every run gave the same numbers
        return f"{said}."
    worst = nearest(closest, values[closest.name])
    return f"{said}, the closest call {_say(worst)} where {closest.allowed} is allowed."


def _in_words(claim: Claim, values: list[float]) -> str:
    """Say which claim did not hold, what came, how often that happens, and what to do."""
    lines = [
        f"This run went another way. The page says: {claim.sentence}",
        f"  Here the number is {_say(claim.value)}; {claim.allowed} was expected. [{claim.name}]",
    ]
    if values := [value for value in values if not math.isnan(value)]:
        kept = sum(map(claim.held_by, values))
        lines.append(
            f"  In the ledger this held on {kept} of {len(values)} runs, "
            f"with values from {_say(min(values))} to {_say(max(values))}."
        )
    else:
        lines.append("  This claim is not in the ledger yet.")
    lines.append(
        "  Did you change a cell, or run cells out of order? Then this is what the change did. If not: read on, "
        "the figure above shows your run; and please report this line."
    )
    return "\n".join(lines)


def _say(number: float) -> str:
    if not math.isfinite(number):
        return "nothing" if math.isnan(number) else f"{number:g}"
    return f"{number:,.0f}" if abs(number) >= 1000 or number == int(number) else f"{number:.3g}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


# ---------------------------------------------------------------- numbers


def _number(name: str, what: str, value: Any) -> float:
    """Return a real number as Python's own float, or refuse it by the claim's name."""
    if (isinstance(value, torch.Tensor) and value.numel() == 1) or getattr(value, "size", None) == 1:  # torch, numpy
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real | Integral):
        raise TypeError(f"the claim {name!r}: {what} must be a number, got {value!r} of type {type(value).__name__}")
    if math.isnan(value):
        raise ValueError(f"the claim {name!r}: {what} is not a number (NaN)")
    return float(value)


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf


def _processor() -> str:
    """Return the processor's name, if the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine() or sys.platform
