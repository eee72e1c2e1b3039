"""What ``tools/tables.py frames`` measures: the next frame where three are possible, and the frame between two.

Lanes have exact best answers. The frame between two has one right answer, so there the loss should matter little. In
films with jumps every second frame is invented, and D sees the guess alone, or the guess between its two neighbours.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

import restore_runs
from gancourse import restoring, runtime
from gancourse.data import moving
from gancourse.metrics import image_sets, restoration
from gancourse.restoring import Recipe
from image_tables import picture
from judge_tables import Wanted

ARMS = {
    "lanes: squares": Recipe("squares", wide=True),
    "lanes: absolute": Recipe("absolute", wide=True),
    "lanes: adversarial": Recipe(None, 1.0, wide=True),
    "lanes: adversarial + 3 diversity": Recipe(None, 1.0, diversity=3.0, wide=True),
}
BETWEEN = {
    "straight: squares": Recipe("squares", wide=True),
    "crossing: squares": Recipe("squares", wide=True),
    "crossing: squares + 0.05 adversarial": Recipe("squares", 0.05, wide=True),
}
FILMS = {"straight": moving.straight, "crossing": moving.crossing}
SEES = ("the guess", "three frames")
JUMPS = {"jumps: squares": Recipe("squares", wide=True)} | {
    f"jumps: squares + 0.25 adversarial, D sees {seen}": Recipe(
        "squares", 0.25, wide=True, d_sees_given=seen == SEES[1]
    )
    for seen in SEES
}
JUMPS_TRUTH, JUMPS_AVERAGE, JUMPS_HELD = (f"jumps: {what}" for what in ("truth", "average of both frames", "held"))
JUMPS_KNOWN = (JUMPS_TRUTH, JUMPS_AVERAGE, JUMPS_HELD)
AVERAGES = [f"{film}: average of both frames" for film in FILMS]
EXACT = ("lanes: exact mean", "lanes: exact median", "lanes: exact sample")
NAMES = [*EXACT, *ARMS, *AVERAGES, *BETWEEN, *JUMPS_KNOWN, *JUMPS]
ASKED, DRAWS, SHOWN = 500, 24, 4
"""Questions, answers to each, and questions in a picture, each with four answers."""

WHOLE, ON_SCREEN, ONE_LANE = 250, 8, 0.75
"""Films with jumps, frames of each that a picture shows, and the share of the ink that must lie in one lane."""


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


def between(restored: Tensor, truth: Tensor, features: Tensor) -> dict[str, float]:
    """Return the measures of frames that lie between two others; ``features`` are of other true frames."""
    judge = restore_runs.bench().judges[0]
    found = {
        "error": float((restored - truth).square().mean()),
        "psnr": restoration.psnr(restored, truth),
        "sharpness": restoration.sharpness(restored, truth),
        "frechet": image_sets.frechet_distance(features, judge.features(restored)),
        "frechet_of_truth": image_sets.frechet_distance(features, judge.features(truth)),
    }
    return {key: round(value, 5) for key, value in found.items()}


def films(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield for each film what the average of both frames is worth, and a row for every loss."""
    at = restore_runs.bench()
    for film, made in FILMS.items():
        asked = made(at.images)
        features = at.judges[0].features(made(at.data.images[: restore_runs.COMPARED_WITH]).truth)
        average = f"{film}: average of both frames"
        if wanted(average):
            restored = (asked.before + asked.after) / 2
            yield row(average, [between(restored, asked.truth, features)], shown_between(asked, restored))
        for name, recipe in BETWEEN.items():
            if not name.startswith(film) or not wanted(name):
                continue
            found, spent, kept = [], [], ""
            for seed in seeds:
                started = time.process_time()
                restorer = restoring.train(at.data.images, made, recipe, seed=seed, keep=False)
                spent.append(round(time.process_time() - started, 1))
                restored = restoring.answers(restorer, asked, runtime.generator(seed + 3), keep=False)[0]
                found.append(between(restored, asked.truth, features))
                kept = kept or shown_between(asked, restored)
            yield row(name, found, kept, recipe=recipe, seeds=seeds, spent=spent)


def shown_between(asked: moving.Between, restored: Tensor) -> str:
    """Return a picture: eight questions, each the frame before, the answer, the truth and the frame after."""
    return picture(torch.stack([asked.before, restored, asked.truth, asked.after], dim=1)[:8].flatten(0, 1), columns=16)


def of_film(frames: Tensor, film: moving.Jumps, features: Tensor) -> dict[str, float]:
    """Return the measures of a film of which every second frame is invented; ``features`` are of other true frames.

    A frame keeps to its lanes if one lane has three quarters of its ink, and if the digit may be in that lane: it is
    there in the frame before or in the one after.
    """
    ink = moving.lane_ink(frames[1::2])
    before, after = film.lane[:-1:2], film.lane[2::2]
    most = ink.argmax(dim=0)
    kept = (ink.amax(dim=0) >= ONE_LANE * ink.sum(dim=0)) & ((most == before) | (most == after))
    stays = before == after
    invented, truth = frames[1::2].flatten(0, 1), film.frames[1::2].flatten(0, 1)
    off = (frames - film.frames)[1::2].square().flatten(2).mean(dim=2)
    twice = [one.diff(n=2, dim=0).abs().mean() for one in (frames, film.frames)]
    found = between(invented, truth, features) | {
        "error_stays": float(off[stays].mean()),
        "kept_stays": float(kept[stays].double().mean()),
        "kept_jumps": float(kept[~stays].double().mean()),
        "ink": float((invented + 1).mean() / (truth + 1).mean()),
        "flicker": restoration.flicker(moving.followed(frames), moving.followed(film.frames)),
        "second_difference": float(twice[0] / twice[1]),
    }
    return {key: round(value, 5) for key, value in found.items()}


def strips(frames: Tensor) -> str:
    """Return a picture: the first films, two in a row, without the last frame."""
    return picture(frames[:ON_SCREEN, :SHOWN].transpose(0, 1).flatten(0, 1), columns=2 * ON_SCREEN)


def jumps(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield films with jumps: the true one, two that need no training, and a row for every recipe."""
    at = restore_runs.bench()
    film = moving.jumps(at.images[:WHOLE], generator=runtime.generator(79))
    asked = film.questions()
    others = moving.jumps(at.data.images[: restore_runs.COMPARED_WITH // 4], generator=runtime.generator(80))
    features = at.judges[0].features(others.questions().truth)
    known = zip(JUMPS_KNOWN, (asked.truth, (asked.before + asked.after) / 2, asked.before), strict=True)
    for name, answers in known:
        if wanted(name):
            made = film.with_answers(answers)
            found = of_film(made, film, features)
            yield row(name, [{key: value for key, value in found.items() if value != math.inf}], strips(made))
    for name, recipe in JUMPS.items():
        if not wanted(name):
            continue
        found, spent, kept = [], [], ""
        for seed in seeds:
            random = runtime.generator(seed + 4)
            started = time.process_time()
            restorer = restoring.train(
                at.data.images,
                lambda x, random=random: moving.between_jumps(x, generator=random),
                recipe,
                seed=seed,
                keep=False,
            )
            spent.append(round(time.process_time() - started, 1))
            made = film.with_answers(restoring.answers(restorer, asked, runtime.generator(seed + 3), keep=False)[0])
            found.append(of_film(made, film, features))
            kept = kept or strips(made)
        yield row(name, found, kept, recipe=recipe, seeds=seeds, spent=spent)


def row(
    name: str,
    found: list[dict[str, float]],
    kept: str,
    *,
    recipe: Recipe | None = None,
    seeds: list[int] | None = None,
    spent: list[float] | None = None,
) -> dict[str, Any]:
    """Return what a table stores: every seed's numbers, and a picture of the first."""
    print(f"{name:36s}" + "  ".join(f"{key} {[round(one[key], 4) for one in found]}" for key in found[0]), flush=True)
    settings = {} if recipe is None else {key: getattr(recipe, key) for key in ("pixel", "adversarial", "diversity")}
    run = {} if recipe is None else {"seeds": seeds, "steps": recipe.num_steps, "cpu_seconds": spent}
    return {"name": name, **settings, **run, **{key: [one[key] for one in found] for key in found[0]}, "picture": kept}


def lanes(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield what the exact answers reach where three frames are possible, and a row for every loss."""
    at = restore_runs.bench()
    images = at.images[:ASKED]
    damaged = moving.lanes(images, generator=runtime.generator(78))
    again = [moving.lanes(images, generator=runtime.generator(100 + k)).truth for k in range(DRAWS)]
    answers = (moving.lane_mean(images), moving.lane_median(images))
    exact = [*(answer.expand(DRAWS, *answer.shape) for answer in answers), torch.stack(again)]
    for name, draws in zip(EXACT, exact, strict=True):
        if wanted(name):
            yield row(name, [numbers(draws, images, damaged.truth)], shown(draws, images, damaged.truth))
    for name, recipe in ARMS.items():
        if not wanted(name):
            continue
        found, spent, kept = [], [], ""
        for seed in seeds:
            random = runtime.generator(seed + 4)
            started = time.process_time()
            restorer = restoring.train(
                at.data.images, lambda x, random=random: moving.lanes(x, generator=random), recipe, seed=seed
            )
            spent.append(round(time.process_time() - started, 1))
            draws = restoring.answers(restorer, damaged, runtime.generator(seed + 3), draws=DRAWS)
            found.append(numbers(draws, images, damaged.truth))
            kept = kept or shown(draws, images, damaged.truth)
        yield row(name, found, kept, recipe=recipe, seeds=seeds, spent=spent)


def table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield all rows: lanes first, then single frames between two, then films."""
    yield from lanes(seeds, wanted)
    yield from films(seeds, wanted)
    yield from jumps(seeds, wanted)
