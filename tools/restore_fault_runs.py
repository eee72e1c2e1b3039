"""What ``tools/tables.py restore-faults`` measures: a loss that looks at the wrong pixels, and a pattern of two pixels.

**Holes.** The squared error counts all pixels, the hidden ones, or the known ones, and no known pixel is put back
while the restorer learns. Then the answers are judged twice: as they are, and with the known pixels put back. The
control learns with them put back, as everywhere else.

**Patterns.** Absolute differences at two learning rates; and the hole at which no loss looks, with sides doubled by
transposed kernels or by repeated pixels. How much of an answer's energy repeats every two pixels is measured in the
hidden part alone, and divided by the same number of the true ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

import restore_runs
from gancourse import restoring, runtime
from gancourse.data import degrade
from gancourse.data.degrade import Damaged
from gancourse.metrics import image_sets, instruments, restoration
from gancourse.restoring import Recipe
from image_tables import picture
from judge_tables import Wanted

HOLES = {f"hole: {where}": Recipe("squares", where=where) for where in restoring.WHERE}
PUT_BACK = "hole: put back while learning"
HOLES[PUT_BACK] = Recipe("squares")
UNTOUCHED = "hole: nothing done"

LOW, HIGH = 1.5e-3, 4e-3
PATTERNS = {f"half: absolute, rate {rate:g}": Recipe("absolute", rate=rate) for rate in (LOW, HIGH)} | {
    f"unseen hole: {how}": Recipe("squares", where="known", enlarge=how == "enlarged")
    for how in ("transposed", "enlarged")
}
TRUTH = "half: truth"
NAMES = [TRUTH, UNTOUCHED, *HOLES, *PATTERNS]


def inside(images: Tensor, damaged: Damaged) -> Tensor:
    """Return the hidden rectangles alone, shape (N, 1, H, W)."""
    hidden = (damaged.mask[0, 0] == 0).nonzero()
    (top, left), (bottom, right) = hidden.amin(dim=0).tolist(), hidden.amax(dim=0).tolist()
    return images[:, :, top : bottom + 1, left : right + 1]


def of_hole(answer: Tensor, damaged: Damaged) -> dict[str, float]:
    """Return the squared errors of an answer on known and on hidden pixels, and the rest with the known put back."""
    at, known = restore_runs.bench(), damaged.mask > 0
    off = (answer - damaged.truth).square()
    put_back = torch.where(known, damaged.seen, answer)
    found = {
        "error_known": off[known].mean(),
        "error_hidden": off[~known].mean(),
        "psnr": restoration.psnr(answer, damaged.truth),
        "psnr_put_back": restoration.psnr(put_back, damaged.truth),
        "frechet": image_sets.frechet_distance(at.features[0], at.judges[0].features(answer)),
        "frechet_put_back": image_sets.frechet_distance(at.features[0], at.judges[0].features(put_back)),
        "ink_hidden": ((answer + 1)[~known].mean() / (damaged.truth + 1)[~known].mean()),
    }
    return {key: round(float(value), 5) for key, value in found.items()}


def of_pattern(answer: Tensor, damaged: Damaged) -> dict[str, float]:
    """Return the share of energy at a period of two pixels in the hidden part, also beside the truth's."""
    at = restore_runs.bench()
    share, true_share = (instruments.checkerboard(inside(x, damaged)) for x in (answer, damaged.truth))
    found = {
        "checkerboard": share,
        "beside_truth": share / true_share,
        "psnr": restoration.psnr(answer, damaged.truth),
        "frechet": image_sets.frechet_distance(at.features[0], at.judges[0].features(answer)),
    }
    return {key: round(float(value), 7) for key, value in found.items() if value != float("inf")}


def trained(name: str, recipe: Recipe, seeds: list[int]) -> dict[str, Any]:
    """Train a recipe on every seed, and return its row."""
    at, half = restore_runs.bench(), name.startswith("half")
    damage, measure = degrade.half if half else degrade.hole, of_hole if name in HOLES else of_pattern
    damaged, found, spent = damage(at.images), [], []
    keep = name == PUT_BACK or half
    for seed in seeds:
        started = time.process_time()
        restorer = restoring.train(at.data.images, damage, recipe, seed=seed, keep=keep)
        spent.append(round(time.process_time() - started, 1))
        answer = restoring.answers(restorer, damaged, runtime.generator(seed + 3), keep=half)[0]
        found.append(measure(answer, damaged))
        if seed == seeds[0]:
            kept = picture(answer[at.shown])
    settings = {key: getattr(recipe, key) for key in ("pixel", "where", "rate", "enlarge")}
    run = {"seeds": seeds, "steps": recipe.num_steps, "n": len(at.images), "cpu_seconds": spent}
    return row(name, found, kept, **settings, **run)


def row(name: str, found: list[dict[str, float]], kept: str, **more: Any) -> dict[str, Any]:
    """Return what a table stores: every seed's numbers, and a picture of the first."""
    print(f"{name:36s}" + "  ".join(f"{key} {[round(one[key], 4) for one in found]}" for key in found[0]), flush=True)
    return {"name": name, **more, **{key: [one[key] for one in found] for key in found[0]}, "picture": kept}


def table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield all rows: what the truth and the hole itself have, then holes, then patterns."""
    at = restore_runs.bench()
    if wanted(TRUTH):
        damaged = degrade.half(at.images)
        yield row(TRUTH, [of_pattern(damaged.truth, damaged)], picture(damaged.truth[at.shown]))
    if wanted(UNTOUCHED):
        damaged = degrade.hole(at.images)
        yield row(UNTOUCHED, [of_hole(damaged.seen, damaged)], picture(damaged.seen[at.shown]))
    for name, recipe in (HOLES | PATTERNS).items():
        if wanted(name):
            yield trained(name, recipe, seeds)
