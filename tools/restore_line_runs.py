"""What ``tools/tables.py restored-line`` measures: losses on a line where each question has two answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from gancourse import runtime
from gancourse.data import answers
from gancourse.ensembles.answers import AnswerEnsemble
from judge_tables import Wanted

WEIGHTS = (0.1, 0.3, 1.0, 3.0, 10.0)
ARMS: dict[str, dict[str, Any]] = {
    "squares": {"pixel": "squares"},
    "absolute": {"pixel": "absolute"},
    "adversarial": {"pixel": None, "adversarial": 1.0},
    "adversarial, no noise": {"pixel": None, "adversarial": 1.0, "noise": False},
    "adversarial, D blind to the question": {"pixel": None, "adversarial": 1.0, "d_sees_question": False},
    "absolute + adversarial": {"pixel": "absolute", "adversarial": 1.0},
    "absolute + adversarial + 0.5 diversity": {"pixel": "absolute", "adversarial": 1.0, "diversity": 0.5},
    "absolute + 0.5 diversity": {"pixel": "absolute", "diversity": 0.5},
    "adversarial + 0.5 diversity": {"pixel": None, "adversarial": 1.0, "diversity": 0.5},
    **{
        f"squares + {weight:g} adversarial{told}": {
            "pixel": "squares", "adversarial": weight, "d_sees_question": sees,
        }
        for told, sees in (("", True), (", D blind", False))
        for weight in WEIGHTS
    },
}  # fmt: skip
EXACT = "exact answers"
NAMES = [EXACT, *ARMS]
POINTS, CURVE, GRID, SAMPLES = 300, 41, 200_000, 20_000


def rounded(values: Tensor) -> list[float]:
    return [round(value, 4) for value in values.tolist()]


def exact(problem: answers.TwoAnswers) -> dict[str, Any]:
    """Return error and distance of four ways to answer, and the curve of the least error at each distance.

    Questions lie evenly, and the distance is to exact quantiles, so nothing here is drawn but for ``floor``: what the
    report's distance is, in the mean, for answers drawn from the truth. It is not 0, since a few answers too many on
    one side have a long way to the other.
    """
    x = (2 * torch.arange(GRID, dtype=torch.float64) + 1) / GRID - 1
    ways = {"mean": problem.mean(x), "median": problem.median(x), "majority": problem.majority(x)}
    second_moment = 1 + problem.spread**2
    # the mean answer to x is x, so that E (y - a)^2 = E y^2 - 2 x a + a^2
    errors = {name: float((second_moment - 2 * x * way + way.square()).mean()) for name, way in ways.items()}
    quantiles = problem.quantiles(GRID)
    apart = {name: float((way.sort().values - quantiles).square().mean().sqrt()) for name, way in ways.items()}
    drawn = (problem.sample(SAMPLES, runtime.generator(seed))[1].squeeze(1) for seed in range(10))
    floors = [float((y.sort().values - problem.quantiles(SAMPLES)).square().mean().sqrt()) for y in drawn]
    distances = torch.linspace(0, 1.2 * problem.distance_of_mean, CURVE)
    return {
        "name": EXACT,
        "spread": problem.spread,
        "error": {name: round(error, 4) for name, error in (errors | {"sample": problem.errors["sample"]}).items()},
        "distance": {name: round(distance, 4) for name, distance in (apart | {"sample": 0.0}).items()},
        "floor": round(sum(floors) / len(floors), 4),
        "diversity": 0.67,
        "curve": {
            "distance": rounded(distances),
            "error": [round(problem.trade_off(distance), 4) for distance in distances.tolist()],
        },
    }


def table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield the exact answers, and a row for each loss: every number of the report for every seed."""
    problem = answers.two_answers()
    if wanted(EXACT):
        yield exact(problem)
    questions = torch.linspace(-0.99, 0.99, POINTS)
    for name, how in ARMS.items():
        if not wanted(name):
            continue
        started = time.process_time()
        ensemble = AnswerEnsemble(problem=problem, seeds=seeds, **how)
        ensemble.train()
        spent = time.process_time() - started
        report = ensemble.report()._asdict()
        least = [round(problem.trade_off(distance), 4) for distance in report["distance"].tolist()]
        told = "  ".join(f"{key} {v.mean():.3f} [{v.min():.3f}, {v.max():.3f}]" for key, v in report.items())
        print(f"{name:42s}{told}", flush=True)
        yield {
            "name": name, "settings": how, "seeds": seeds, "steps": ensemble.num_steps,
            **{key: rounded(values) for key, values in report.items()}, "least_error": least,
            "questions": rounded(questions), "answers": rounded(ensemble.answer(questions[:, None])[0]),
            "cpu_seconds": round(spent, 1),
        }  # fmt: skip
