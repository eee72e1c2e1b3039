"""What ``tools/tables.py restored`` and ``many-answers`` measure: damaged digits restored, by every recipe.

Every restorer is trained by ``gancourse.restoring`` for the same steps, from the same seeds. It restores the same
2,000 test digits, and two judges look at the result: the course's, and a second one of other layers from another
seed. "Perceptual" restorers are trained with the features of one of them, and only the other is impartial then.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import judge_runs
from gancourse import restoring, runtime
from gancourse.data import degrade, digits
from gancourse.data.degrade import Damaged
from gancourse.metrics import image_sets, restoration
from gancourse.metrics import judge as judges
from image_tables import picture
from judge_tables import Wanted

SEEDS = 3
RESTORED, COMPARED_WITH, DRAWS = 2_000, 5_000, 8
SHOWN_DIGITS = (3, 8, 5, 9, 4, 7, 2, 6)  # the upper halves of some of them are alike
SHOWN_QUESTIONS = (0, 1, 4, 5)  # of those
TASKS: dict[str, Callable[[Tensor], Damaged]] = {
    "half": degrade.half,
    "super-resolution": degrade.shrink,
    "hole": degrade.hole,
}

# ---------------------------------------------------------------- data and judges


class Bench(NamedTuple):
    """Real digits, two judges, the digits to be restored, and what both judges see in other real ones."""

    data: digits.Digits
    judges: tuple[judges.Judge, judges.Judge]
    images: Tensor
    labels: Tensor
    features: tuple[Tensor, Tensor]
    shown: Tensor


def second_network(image_size: int) -> nn.Sequential:
    """Three convolutions without batch norm, where the course's judge has two with it."""
    side = (image_size + 7) // 8
    layers: list[nn.Module] = []
    for inputs, outputs in ((1, 24), (24, 48), (48, 48)):
        layers += [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(48 * side * side, 64), nn.ReLU(), nn.Linear(64, 10))


@functools.cache
def bench() -> Bench:
    data = digits.load("mnist")
    both = (judges.load(data), judge_runs.taught(data, seed=11, steps=500, network=second_network))
    order = torch.randperm(len(data.test_images), generator=runtime.generator(0))
    mine, others = order[:RESTORED], order[RESTORED : RESTORED + COMPARED_WITH]
    features = tuple(judge.features(data.test_images[others]) for judge in both)
    labels = data.test_labels[mine]
    places = torch.stack([(labels == digit).nonzero().flatten()[:2] for digit in SHOWN_DIGITS])
    return Bench(data, both, data.test_images[mine], labels, features, places.T.flatten())


def seen_by(judge: judges.Judge, weight: float) -> Callable[[Tensor], Tensor]:
    """Return what a judge's hidden layers make of images, with gradients: all of them side by side.

    The last one counts threefold: it is small, and it is what Fréchet distances are measured on.
    """
    network = judge._network
    ends = [place + 1 for place, layer in enumerate(network) if isinstance(layer, nn.ReLU)]

    def features(images: Tensor) -> Tensor:
        layers, images = [], images
        for first, last in zip([0, *ends], ends, strict=False):
            images = network[first:last](images)
            layers.append(images.flatten(1))
        return weight * torch.cat([*layers[:-1], 3 * layers[-1]], dim=1)

    return features


# ---------------------------------------------------------------- what is trained


class Entry(NamedTuple):
    """One row: what was done to the digits, and the recipe that restores them.

    A perceptual term has the features of one of both judges, ``judge``, and a weight, ``perceptual``.
    """

    task: str
    pixel: str | None
    adversarial: float = 0.0
    judge: int | None = None
    diversity: float = 0.0
    noise: str = "beside"
    perceptual: float = 1.0

    def recipe(self) -> restoring.Recipe:
        perceptual = None
        if self.judge is not None:
            weight = PERCEPTUAL[self.judge] * self.perceptual**0.5  # features enter squared
            perceptual = seen_by(bench().judges[self.judge], weight)
        return restoring.Recipe(self.pixel, self.adversarial, perceptual, self.diversity, noise=self.noise)


PERCEPTUAL = (0.18, 0.31)  # makes the term of either judge about as large as the absolute loss
NEXT_TO_NOTHING = 1e-9  # the control: all that comes with a discriminator, and no weight of it
HALF = {
    "half: squares": Entry("half", "squares"),
    "half: squares, settings of the adversarial ones": Entry("half", "squares", NEXT_TO_NOTHING),
    **{f"half: squares + {w:g} adversarial": Entry("half", "squares", w) for w in (0.01, 0.05, 0.25)},
    "half: adversarial": Entry("half", None, 1.0),
    "half: absolute": Entry("half", "absolute"),
    "half: perceptual + absolute": Entry("half", "absolute", judge=0),
    "half: perceptual by the second judge + absolute": Entry("half", "absolute", judge=1),
    "half: 30 perceptual + absolute": Entry("half", "absolute", judge=0, perceptual=30.0),
    "half: 30 perceptual by the second judge + absolute": Entry("half", "absolute", judge=1, perceptual=30.0),
}
OTHERS = {
    f"{task}: {name}": Entry(task, *how)
    for task in ("super-resolution", "hole")
    for name, how in {
        "squares": ("squares",),
        "absolute": ("absolute",),
        "absolute + 0.05 adversarial": ("absolute", 0.05),
    }.items()
}
ENTRIES = HALF | OTHERS
TRUTH, NOTHING = "truth", "nothing done"
REFERENCES = [f"{task}: {what}" for task in TASKS for what in (TRUTH, NOTHING)]
NAMES = [name for task in TASKS for name in (*REFERENCES, *ENTRIES) if name.startswith(f"{task}: ")]

MANY = {
    "half: absolute + 0.5 diversity": Entry("half", "absolute", diversity=0.5),
    "half: squares + 0.25 adversarial, dropout": Entry("half", "squares", 0.25, noise="dropout"),
    "half: squares + 0.25 adversarial + 0.75 diversity": Entry("half", "squares", 0.25, diversity=0.75),
    "half: adversarial + 3 diversity": Entry("half", None, 1.0, diversity=3.0),
}

# ---------------------------------------------------------------- what is found


def numbers(draws: Tensor, truth: Tensor) -> dict[str, float]:
    """Return what is measured of answers, shape (draws, N, 1, S, S); the first draw stands for all but the last two."""
    at, restored = bench(), draws[0]
    (chances, second), (before, _) = (
        [judge.probabilities(images) for judge in at.judges] for images in (restored, truth)
    )
    found = {
        "psnr": restoration.psnr(restored, truth),
        "frechet": image_sets.frechet_distance(at.features[0], at.judges[0].features(restored)),
        "frechet_second": image_sets.frechet_distance(at.features[1], at.judges[1].features(restored)),
        "kept": image_sets.label_agreement(chances, at.labels),
        "kept_second": image_sets.label_agreement(second, at.labels),
        "changed": restoration.changed(chances, before),
        "clear": float((chances.amax(dim=1) >= judges.CONFIDENT).double().mean()),
        "sharpness": restoration.sharpness(restored, truth),
    }
    if len(draws) > 1:
        found["noise_use"] = restoration.noise_use(draws, truth)
        found["psnr_of_mean"] = restoration.psnr(draws.mean(dim=0), truth)
    return {key: round(value, 4) for key, value in found.items()}


def surely_changed(restored: Tensor, truth: Tensor) -> Tensor:
    """Return up to eight truths whose restoration is surely another digit, and under them these restorations."""
    judge = bench().judges[0]
    (sure, shown), (sure_before, shown_before) = (judge.probabilities(x).max(dim=1) for x in (restored, truth))
    both = torch.minimum(sure, sure_before) * (shown != shown_before)
    places = both.topk(8).indices
    return torch.cat([truth[places], restored[places]])


def row(name: str, entry: Entry, seeds: list[int]) -> dict[str, Any]:
    """Train an entry on every seed, and return what a table stores of it."""
    at, recipe = bench(), entry.recipe()
    damage = TASKS[entry.task]
    damaged, found, spent = damage(at.images), [], []
    for seed in seeds:
        started = time.process_time()
        restorer = restoring.train(at.data.images, damage, recipe, seed=seed)
        spent.append(round(time.process_time() - started, 1))
        draws = restoring.answers(restorer, damaged, runtime.generator(seed + 3), draws=DRAWS)
        found.append(numbers(draws, damaged.truth))
        if seed == seeds[0]:
            pictures = {
                "picture": picture(draws[0, at.shown]),
                "changed_picture": picture(surely_changed(draws[0], damaged.truth)),
                "draws_picture": picture(
                    draws[:, at.shown[list(SHOWN_QUESTIONS)]].transpose(0, 1).flatten(0, 1), columns=2 * DRAWS
                ),
            }
    tell(name, found, spent)
    settings = {key: getattr(entry, key) for key in ("task", "pixel", "adversarial", "diversity", "noise")}
    values = {key: [one[key] for one in found] for key in found[0]}
    return {"name": name, **settings, "seeds": seeds, "steps": recipe.num_steps, "n": RESTORED, **values,
            "cpu_seconds": spent, **pictures}  # fmt: skip


def reference(name: str) -> dict[str, Any]:
    """Return what the same measures say of the truth itself, and of what was seen with nothing restored."""
    at = bench()
    task, what = name.split(": ")
    damaged = TASKS[task](at.images)
    images = damaged.truth if what == TRUTH else damaged.seen
    found = numbers(images[None], damaged.truth)
    if what == TRUTH:
        found.pop("psnr")  # infinite
    tell(name, [found], [])
    values = {key: [value] for key, value in found.items()}
    return {"name": name, "task": task, "n": RESTORED, **values, "picture": picture(images[at.shown])}


def tell(name: str, found: list[dict[str, float]], spent: list[float]) -> None:
    told = "  ".join(f"{key} {[round(one[key], 3) for one in found]}" for key in SHOWN if key in found[0])
    print(f"{name:44s}{told}  {spent}", flush=True)


SHOWN = ("psnr", "frechet", "frechet_second", "kept", "kept_second", "changed", "sharpness", "noise_use")


def restored(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each task and recipe, and for the truth and the damaged images themselves."""
    for name in NAMES:
        if wanted(name):
            yield reference(name) if name in REFERENCES else row(name, ENTRIES[name], seeds)


def many_answers(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each way to make the noise matter, on hidden halves; what z alone does stands in ``restored``."""
    for name, entry in MANY.items():
        if wanted(name):
            yield row(name, entry, seeds)
