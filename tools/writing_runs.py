"""What ``tools/tables.py writers`` and ``text-gradients`` measure: ways to learn a language, and their gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from gancourse import estimators, runtime
from gancourse.data import language
from gancourse.ensembles.writing import WritingEnsemble
from gancourse.metrics import strings
from judge_tables import Wanted

TRUTH, START = "the language itself", "likelihood, 60 steps"
LOOKS = 10
WORDS, EXAMPLES = 5_000, 12
TEMPERATURES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4)

RACE: dict[str, dict[str, Any]] = {
    "likelihood": {"method": "likelihood"},
    "straight-through": {"method": "straight_through"},
    "reinforce": {"method": "reinforce"},
    "soft": {"method": "soft"},
    "wgan-gp": {"method": "wgan_gp", "num_steps": 600},
    "likelihood, as long": {"method": "likelihood", "num_steps": 3_000},
}
AFTER = {"num_steps": 300, "lr_g": 2e-3, "lr_d": 4e-3}
CONTINUED: dict[str, dict[str, Any]] = {
    "start, then likelihood": {"method": "likelihood", **AFTER},
    "start, then seqgan": {"method": "reinforce", "reward": "probability", **AFTER},
    "start, then reinforce": {"method": "reinforce", **AFTER},
    "start, then straight-through": {"method": "straight_through", **AFTER},
}
FULL = "likelihood, 1,000 steps"
AFTER_FULL = {name.replace("start", "full"): how for name, how in CONTINUED.items() if "seqgan" not in name}
SHORT = {"num_steps": 600}
ABLATION: dict[str, dict[str, Any]] = {
    "reinforce, 600 steps": {"method": "reinforce", **SHORT},
    "reinforce, no baseline": {"method": "reinforce", "baseline": "none", **SHORT},
    "reinforce, whole word": {"method": "reinforce", "reward": "whole", **SHORT},
    "reinforce, probability": {"method": "reinforce", "reward": "probability", **SHORT},
    "reinforce, own baseline": {"method": "reinforce", "baseline": "own", **SHORT},
    "straight-through, 600 steps": {"method": "straight_through", **SHORT},
    "straight-through, tau 0.01": {"method": "straight_through", "tau": 0.01, **SHORT},
    "reinforce, 256 words": {"method": "reinforce", "batch_size": 256, **SHORT},
    "straight-through, 256 words": {"method": "straight_through", "batch_size": 256, **SHORT},
}
HALF = 50  # of the names of the numbers below 100 are read
NUMBERS: dict[str, dict[str, Any]] = {
    "names, likelihood": {"method": "likelihood", "num_steps": 400},
    "names, straight-through": {"method": "straight_through", "num_steps": 400},
}
NAMES = [TRUTH, *RACE, START, *CONTINUED, FULL, *AFTER_FULL, *ABLATION, *NUMBERS]

GRADIENT_LETTERS, GRADIENT_STEPS, REPEATS = 3, 80, 300
MORE_WORDS = ", 256 words"
TAUS = (0.3, 0.5, 1.0, 2.0)
GRADIENTS = [
    *(kind for kind in estimators.KINDS if kind not in ("straight_through", "soft")),
    f"to go, baseline{MORE_WORDS}",
    *(f"{kind}, tau {tau:g}" for kind in ("straight_through", "soft") for tau in TAUS),
]


def rounded(values: Tensor, digits: int = 5) -> list[float | None]:
    """Return numbers of the seeds; those that are not finite become None."""
    return [round(value, digits) if abs(value) < float("inf") else None for value in values.double().tolist()]


def exact(ensemble: WritingEnsemble, temperature: float = 1.0) -> dict[str, list[float | None]]:
    """Return the exact numbers of every member at a temperature."""
    report = strings.exact(ensemble.language.log_p, ensemble.log_q(temperature=temperature))
    return {name: rounded(values) for name, values in report._asdict().items()}


def written(words: Tensor, spoken: language.Language) -> dict[str, list[float | None]]:
    """Return what written words, shape (K, n, L), are worth."""
    return {
        "valid_written": rounded(strings.valid_share(words, spoken)),
        "distinct": strings.distinct(words).tolist(),
        "pair_kl": rounded(strings.pair_kl(words, spoken)),
        "lost_pairs": strings.lost_pairs(words, spoken).tolist(),
    }


def recognised(ensemble: WritingEnsemble) -> list[float | None]:
    """Return the share of real words and of written ones, as D is shown them, that D tells apart."""
    real = ensemble.language.sample(WORDS, runtime.generator(77))
    right = (ensemble.scores(ensemble.language.one_hot(real)).sum(-1) > 0).double().mean(-1)
    caught = (ensemble.scores(ensemble.seen(WORDS, seed=78)).sum(-1) < 0).double().mean(-1)
    return rounded((right + caught) / 2)


def wrong_next(ensemble: WritingEnsemble) -> dict[str, list[list[float | None]]]:
    """Return how wrong the next letter is after true beginnings and after the writer's own, place by place."""
    spoken, words = ensemble.language, ensemble.write(WORDS, seed=5)
    true = spoken.sample(WORDS, runtime.generator(5)).expand(len(ensemble), -1, -1)
    parts = {"after_true": true, "after_own": words}
    return {
        name: [rounded(row) for row in strings.exposure(ensemble.log_probs(part), part, spoken)]
        for name, part in parts.items()
    }


def finished(name: str, ensemble: WritingEnsemble, how: dict[str, Any], curve: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of a run that is over, and say what came out."""
    words = ensemble.write(WORDS, seed=5)
    row = {
        "name": name, "settings": how, "seeds": list(ensemble.seeds), "steps": ensemble.num_steps, "curve": curve,
        **written(words, ensemble.language), "examples": ensemble.language.decode(words[0, :EXAMPLES]),
    }  # fmt: skip
    if ensemble.method not in ("likelihood", "wgan_gp"):  # a critic's 0 says nothing
        row["recognised"] = recognised(ensemble)
    if ensemble.method != "wgan_gp":
        row |= exact(ensemble)
        row["temperatures"] = [{"temperature": t, **exact(ensemble, t)} for t in TEMPERATURES]
        row |= wrong_next(ensemble)
    row["cpu_seconds"] = round(ensemble.cpu_seconds, 1)
    told = {key: row[key] for key in ("kl", "valid", "reverse", "pair_kl", "recognised") if key in row}
    print(f"{name:30s} {row['cpu_seconds']:6.1f} s  {told}", flush=True)
    return row


def run(name: str, how: dict[str, Any], seeds: list[int], start: WritingEnsemble | None = None) -> dict[str, Any]:
    """Train, and look ten times on the way."""
    ensemble = WritingEnsemble(seeds=seeds, start=start, **how)
    curve = []
    for _ in range(LOOKS):
        ensemble.train(ensemble.num_steps // LOOKS)
        look = {"steps": ensemble.steps_done, "cpu_seconds": round(ensemble.cpu_seconds, 2)}
        if ensemble.method == "wgan_gp":
            look |= written(ensemble.write(WORDS, seed=6), ensemble.language)
        else:
            look |= exact(ensemble)
        curve.append(look)
    return finished(name, ensemble, how, curve)


def truth(spoken: language.Language, seeds: list[int]) -> dict[str, Any]:
    """Return what samples of the language itself come to."""
    words = torch.stack([spoken.sample(WORDS, runtime.generator(seed)) for seed in seeds])
    return {
        "name": TRUTH, "seeds": seeds, "words": len(spoken), "entropy": round(spoken.entropy, 5),
        "expected_distinct": round(strings.expected_distinct(spoken.log_p, WORDS), 1),
        **written(words, spoken), "examples": spoken.decode(words[0, :EXAMPLES]),
    }  # fmt: skip


def table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for the language and for each way of learning it."""
    spoken = language.syllables()
    if wanted(TRUTH):
        yield truth(spoken, seeds)
    for name, how in RACE.items():
        if wanted(name):
            yield run(name, how, seeds)
    for begun, steps, after in ((START, 60, CONTINUED), (FULL, 1_000, AFTER_FULL)):
        if not any(wanted(name) for name in (begun, *after)):
            continue
        how = {"method": "likelihood", "num_steps": steps}
        start = WritingEnsemble(seeds=seeds, **how)
        start.train()
        if wanted(begun):
            yield finished(begun, start, how, [])
        for name, how in after.items():
            if wanted(name):
                yield run(name, how, seeds, start)
    for name, how in ABLATION.items():
        if wanted(name):
            yield run(name, how, seeds)
    for name, how in NUMBERS.items():
        if wanted(name):
            yield names(name, how, seeds)


def names(name: str, how: dict[str, Any], seeds: list[int]) -> dict[str, Any]:
    """Train on the names of half of the numbers below 100, and ask for those of the other half too."""
    order = torch.randperm(100, generator=runtime.generator(0)).tolist()
    read, other = (language.number_names(sorted(part)) for part in (order[:HALF], order[HALF:]))
    ensemble = WritingEnsemble(seeds=seeds, language=read, **how)
    ensemble.train()
    report = strings.exact(read.log_p, ensemble.log_q())
    row = {
        "name": name, "settings": how, "seeds": seeds, "steps": ensemble.num_steps,
        "read": rounded(report.valid), "not_read": rounded(ensemble.log_q(language=other).exp().sum(-1)),
        "kl": rounded(report.kl), "missed": rounded(report.missed),
        "examples": read.decode(ensemble.write(EXAMPLES, seed=5)[0]), "cpu_seconds": round(ensemble.cpu_seconds, 1),
    }  # fmt: skip
    print(f"{name:30s} {row['cpu_seconds']:6.1f} s  {row}", flush=True)
    return row


def gradients(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield bias and spread of every estimator, for writers and discriminators that have played for a while."""
    spoken = language.syllables(GRADIENT_LETTERS)
    ensemble = WritingEnsemble("straight_through", language=spoken, seeds=seeds, decay=False)
    ensemble.train(GRADIENT_STEPS)
    pairs = [ensemble.member(k) for k in range(len(seeds))]
    truths = [estimators.exact_gradient(*pair, GRADIENT_LETTERS) for pair in pairs]
    for name in GRADIENTS:
        if not wanted(name):
            continue
        kind, batch_size = name.removesuffix(MORE_WORDS), 256 if name.endswith(MORE_WORDS) else 64
        kind, _, tau = kind.partition(", tau ")
        settings = {"tau": float(tau or 1), "batch_size": batch_size, "repeats": REPEATS}
        qualities = [
            estimators.bias_and_spread(
                estimators.estimates(*pair, GRADIENT_LETTERS, kind, seed=seed, **settings), right
            )
            for pair, right, seed in zip(pairs, truths, seeds, strict=True)
        ]
        row = {
            field: rounded(torch.tensor(values))
            for field, values in zip(qualities[0]._fields, zip(*qualities, strict=True), strict=True)
        }
        print(f"{name:28s} {row}", flush=True)
        yield {"name": name, "letters": GRADIENT_LETTERS, **settings, **row}
