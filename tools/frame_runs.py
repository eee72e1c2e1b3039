"""What ``tools/tables.py frames`` measures: the next frame where three are possible, beside the exact best answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

import restore_runs
from gancourse import restoring, runtime
from gancourse.data import moving
from gancourse.metrics import restoration
from gancourse.restoring import Recipe
from image_tables import picture
from judge_tables import Wanted

ARMS = {
    "lanes: squares": Recipe("squares", wide=True),
    "lanes: absolute": Recipe("absolute", wide=True),
    "lanes: adversarial": Recipe(None, 1.0, wide=True),
    "lanes: adversarial + 3 diversity": Recipe(None, 1.0, diversity=3.0, wide=True),
}
EXACT = ("lanes: exact mean", "lanes: exact median", "lanes: exact sample")
NAMES = [*EXACT, *ARMS]
ASKED, DRAWS, SHOWN = 500, 24, 4
"""Questions, answers to each, and questions in a picture, each with four answers."""


def lanes_used(draws: Tensor, ways: Tensor) -> float:
    """Return into how many lanes the answers to one question go: 1 for always the same one, 3 for all evenly.

    Every answer counts for the lane it is nearest to; the number is the exponential of the entropy, averaged over the
    questions.

    Args:
        draws: answers, shape (K, N, ...).
        ways: the truths that are possible, shape (3, N, ...).
    """
    apart = torch.stack([(draws - way).square().flatten(2).mean(dim=2) for way in ways])
    nearest = torch.nn.functional.one_hot(apart.argmin(dim=0), len(ways))
    shares = nearest.double().mean(dim=0)
    return float((-torch.special.xlogy(shares, shares).sum(dim=1)).exp().mean())


def numbers(draws: Tensor, images: Tensor, truth: Tensor) -> dict[str, float]:
    """Return how far the answers lie from every exact one, how bright they are, and how many lanes they use."""
    ways, answer = moving.lane_images(images), draws[0]
    apart = {
        "to_mean": (answer - ways.mean(dim=0)).square().mean(),
        "to_median": (answer - ways.median(dim=0).values).square().mean(),
        "to_nearest": torch.stack([(answer - way).square().flatten(1).mean(dim=1) for way in ways]).amin(dim=0).mean(),
        "error": (answer - truth).square().mean(),
        "ink": (answer + 1).mean() / (truth + 1).mean(),
    }
    found = {key: float(value) for key, value in apart.items()}
    found |= {"lanes": lanes_used(draws, ways), "noise_use": restoration.noise_use(draws, truth)}
    return {key: round(value, 5) for key, value in found.items()}


def shown(draws: Tensor, images: Tensor, truth: Tensor) -> str:
    """Return a picture: each question, its truth, and six answers to it, a row of two questions."""
    seen = moving.lanes(images[:SHOWN], generator=runtime.generator(0)).seen
    rows = [torch.cat([seen[k : k + 1], truth[k : k + 1], draws[:6, k]]) for k in range(SHOWN)]
    return picture(torch.cat(rows), columns=2 * 8)


def table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield what the exact answers reach, and a row for every loss."""
    at = restore_runs.bench()
    images = at.images[:ASKED]
    damaged = moving.lanes(images, generator=runtime.generator(78))
    again = [moving.lanes(images, generator=runtime.generator(100 + k)).truth for k in range(DRAWS)]
    answers = (moving.lane_mean(images), moving.lane_median(images))
    exact = [*(answer.expand(DRAWS, *answer.shape) for answer in answers), torch.stack(again)]
    for name, draws in zip(EXACT, exact, strict=True):
        if wanted(name):
            found = numbers(draws, images, damaged.truth)
            tell(name, [found])
            values = {key: [value] for key, value in found.items()}
            yield {"name": name, "n": ASKED, "draws": DRAWS, **values, "picture": shown(draws, images, damaged.truth)}
    for name, recipe in ARMS.items():
        if not wanted(name):
            continue
        rows, spent = [], []
        for seed in seeds:
            random = runtime.generator(seed + 4)
            started = time.process_time()
            restorer = restoring.train(
                at.data.images, lambda x, random=random: moving.lanes(x, generator=random), recipe, seed=seed
            )
            spent.append(round(time.process_time() - started, 1))
            draws = restoring.answers(restorer, damaged, runtime.generator(seed + 3), draws=DRAWS)
            rows.append(numbers(draws, images, damaged.truth))
            if seed == seeds[0]:
                kept = shown(draws, images, damaged.truth)
        tell(name, rows)
        values = {key: [row[key] for row in rows] for key in rows[0]}
        yield {
            "name": name, "pixel": recipe.pixel, "adversarial": recipe.adversarial, "diversity": recipe.diversity,
            "seeds": seeds, "steps": recipe.num_steps, "n": ASKED, "draws": DRAWS, **values, "cpu_seconds": spent,
            "picture": kept,
        }  # fmt: skip


def tell(name: str, found: list[dict[str, float]]) -> None:
    print(f"{name:36s}" + "  ".join(f"{key} {[round(one[key], 4) for one in found]}" for key in found[0]), flush=True)
