"""What tools/tables.py needs to measure restored images: what each loss gives, by two judges, and how many answers.

Every row trains restorers by :mod:`gancourse.restoring`, one for each seed, and asks them about the same test digits.
The second judge is another network from another seed. Nothing was ever trained against it, so it says whether a
number under the first judge is worth anything where a loss used that judge's features.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import image_tables
import judge_runs
from gancourse import restoring, runtime
from gancourse.data import degrade, digits
from gancourse.metrics import image_sets, restoration
from gancourse.metrics import judge as judges
from gancourse.restoring import Recipe

ASKED, DRAWS = 2_000, 4
SHOWN = (3, 8, 5, 9, 4, 7, 2, 6)  # the first test image of each of these digits is in the picture
SECOND_SEED, SECOND_STEPS = 11, 500
PERCEPTUAL_WEIGHT = 0.18

DAMAGES: dict[str, tuple[Callable[[Tensor], degrade.Damaged], bool]] = {
    "half": (degrade.half, True),
    "super-resolution": (degrade.shrink, False),
    "hole": (degrade.hole, True),
}
"""What is done to the images, and whether known pixels are let through."""


class Task(NamedTuple):
    """A row: a damage, and what is asked of the restorer. ``perceptual`` adds features of the course's judge."""

    name: str
    damage: str
    recipe: Recipe
    perceptual: bool = False


def tasks(damage: str, asked: dict[str, Recipe]) -> list[Task]:
    return [Task(f"{damage}: {name}", damage, recipe, "perceptual" in name) for name, recipe in asked.items()]


ADVERSARIAL = {f"squares + {weight} adversarial": Recipe("squares", weight) for weight in (0.01, 0.05, 0.25)}
RESTORED = [
    *tasks(
        "half",
        {
            "squares": Recipe("squares"),
            **ADVERSARIAL,
            "adversarial": Recipe(None, 1.0),
            "absolute": Recipe("absolute"),
            "perceptual + absolute": Recipe("absolute"),
        },
    ),
    *(
        task
        for damage in ("super-resolution", "hole")
        for task in tasks(
            damage,
            {
                "squares": Recipe("squares"),
                "absolute": Recipe("absolute"),
                "absolute + 0.05 adversarial": Recipe("absolute", 0.05),
            },
        )
    ),
]
"""Notebook 13: each loss on each damage."""

MANY_ANSWERS = tasks(
    "half",
    {
        "squares + 0.25 adversarial, dropout": Recipe("squares", 0.25, noise="dropout"),
        "squares + 0.25 adversarial, diversity 0.25": Recipe("squares", 0.25, diversity=0.25),
        "squares + 0.25 adversarial, diversity 0.75": Recipe("squares", 0.25, diversity=0.75),
        "adversarial, diversity 3": Recipe(None, 1.0, diversity=3.0),
    },
)
"""Notebook 13: what makes a restorer use its noise. The rows with z alone are in ``RESTORED``."""

NAMES = [f"{damage}: truth" for damage in DAMAGES] + [task.name for task in (*RESTORED, *MANY_ANSWERS)]

# ---------------------------------------------------------------- judges


def other_network(image_size: int) -> nn.Sequential:
    """Three convolutions without batch norm, where the course's judge has two with it."""
    side = (image_size + 7) // 8
    layers: list[nn.Module] = []
    for inputs, outputs in ((1, 24), (24, 48), (48, 48)):
        layers += [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(48 * side * side, 64), nn.ReLU(), nn.Linear(64, 10))


def perceptual(judge: judges.Judge) -> Callable[[Tensor], Tensor]:
    """Return what the judge's three hidden layers make of images, as one row each; the last counts threefold."""
    first, second, third = (judge._network[part] for part in (slice(0, 3), slice(3, 6), slice(6, 9)))

    def features(images: Tensor) -> Tensor:
        one = first(images)
        two = second(one)
        return PERCEPTUAL_WEIGHT * torch.cat([one.flatten(1), two.flatten(1), 3 * third(two)], dim=1)

    return features


class Examiner:
    """Both judges, and the same questions to every restorer."""

    def __init__(self, data: digits.Digits) -> None:
        self.data, self.judge = data, judges.load(data)
        self.truth, self.labels = data.test_images[:ASKED], data.test_labels[:ASKED]
        self.shown = torch.tensor([int((self.labels == label).nonzero()[0]) for label in SHOWN])

    @functools.cached_property
    def second(self) -> judges.Judge:
        return judge_runs.taught(self.data, seed=SECOND_SEED, steps=SECOND_STEPS, network=other_network)

    @functools.cached_property
    def judged_truth(self) -> list[tuple[Tensor, Tensor]]:
        return [(judge.probabilities(self.truth), judge.features(self.truth)) for judge in (self.judge, self.second)]

    def floor(self, damage: str) -> dict[str, Any]:
        """Return what both judges say of other real images, and a picture of what is seen and of the truth."""
        others = self.data.test_images[ASKED : 2 * ASKED]
        found: dict[str, Any] = {"accuracy": [self.judge.accuracy, self.second.accuracy]}
        for name, judge, (probabilities, features) in self._judges():
            found[f"frechet{name}"] = [round(image_sets.frechet_distance(features, judge.features(others)), 3)]
            found[f"kept{name}"] = [round(image_sets.label_agreement(probabilities, self.labels), 4)]
        damaged = DAMAGES[damage][0](self.truth[self.shown])
        return {**found, "picture": image_tables.picture(torch.cat([damaged.seen, damaged.truth]))}

    def of(self, restorer: nn.Module, damage: str, seed: int) -> tuple[dict[str, float], str]:
        """Return the numbers of a restorer, and a picture: two answers to each of eight questions."""
        damaging, keep = DAMAGES[damage]
        damaged = damaging(self.truth)
        draws = restoring.answers(restorer, damaged, runtime.generator(seed + 77), draws=DRAWS, keep=keep)
        answer = draws[0]
        error = (answer - self.truth).double().square().mean()
        says = {
            "psnr": restoration.psnr(answer, self.truth),
            "error": float(error),
            "error_of_mean": float((draws.mean(dim=0) - self.truth).double().square().mean()),
            "sharpness": restoration.sharpness(answer, self.truth),
            "noise_use": restoration.noise_use(draws, self.truth),
        }
        for name, judge, (truths, features) in self._judges():
            probabilities = judge.probabilities(answer)
            says[f"frechet{name}"] = image_sets.frechet_distance(features, judge.features(answer))
            says[f"kept{name}"] = image_sets.label_agreement(probabilities, self.labels)
            says[f"changed{name}"] = restoration.changed(probabilities, truths)
        pictures = image_tables.picture(draws[:2, self.shown].flatten(0, 1))
        return {key: round(value, 5) for key, value in says.items()}, pictures

    def _judges(self) -> Iterator[tuple[str, judges.Judge, tuple[Tensor, Tensor]]]:
        yield from zip(("", "_second"), (self.judge, self.second), self.judged_truth, strict=True)


# ---------------------------------------------------------------- rows


def measured(task: Task, examiner: Examiner, seeds: list[int]) -> dict[str, Any]:
    """Train a task on every seed and return its row."""
    damage, keep = DAMAGES[task.damage]
    recipe = task.recipe
    if task.perceptual:
        recipe = dataclasses.replace(recipe, perceptual=perceptual(examiner.judge))
    found, pictures = [], []
    for seed in seeds:
        started = time.process_time()
        restorer = restoring.train(examiner.data.images, damage, recipe, seed=seed, keep=keep)
        spent = time.process_time() - started
        says, picture = examiner.of(restorer, task.damage, seed)
        found.append({**says, "cpu_seconds": round(spent, 2)})
        pictures.append(picture)
        print(f"{task.name:48s} seed {seed}: {found[-1]}", flush=True)
    columns = {key: [says[key] for says in found] for key in found[0]}
    asked = {"pixel": recipe.pixel, "adversarial": recipe.adversarial, "diversity": recipe.diversity}
    facts = {"damage": task.damage, **asked, "noise": recipe.noise, "steps": recipe.num_steps}
    return {"name": task.name, **facts, **columns, "picture": pictures[0]}


def table(asked: list[Task], seeds: list[int], wanted: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    """Yield a row for each task, and before the first of each damage what both judges say of real images."""
    data = digits.load("mnist")
    examiner, begun = Examiner(data), set()
    for task in asked:
        floor = f"{task.damage}: truth"
        if floor not in begun and wanted(floor):
            yield {"name": floor, "damage": task.damage, **examiner.floor(task.damage)}
        begun.add(floor)
        if wanted(task.name):
            yield measured(task, examiner, seeds)


def restored(seeds: list[int], wanted: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    yield from table(RESTORED, seeds, wanted)


def many_answers(seeds: list[int], wanted: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    yield from table(MANY_ANSWERS, seeds, wanted)
