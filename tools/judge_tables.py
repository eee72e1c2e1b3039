"""What tools/tables.py needs to judge the judges: which number sees which spoil, and how many samples it needs.

Real test images of MNIST are divided at random, anew for each seed: a reference, images that are held out for the
comparison of copies, and a pool from which spoiled sets are drawn. So a set without any spoil is one more draw of
the same images, and what a number says of many such sets is its interval for *no spoil*.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from gancourse import measured, runtime
from gancourse.data import digits, spoiled_sets, spoils
from gancourse.data.spoiled_sets import Labelled
from gancourse.metrics import birthday, image_sets, neighbours, two_samples
from gancourse.metrics import judge as judges
from image_tables import picture

Wanted = Callable[[str], bool]

REFERENCE, TRAIN = 1_000, 5_000
UNSPOILED = 3  # sets without a spoil, of each seed

# ---------------------------------------------------------------- the numbers

NUMBERS = {
    "inception_style_score": "higher",
    "confidence": "higher",
    "class_entropy": "higher",
    "classes": "higher",
    "frechet": "lower",
    "kernel": "lower",
    "sliced_w2": "lower",
    "precision": "higher",
    "recall": "higher",
    "density": "higher",
    "coverage": "higher",
    "linear_auc": "lower",
    "mlp_auc": "lower",
    "neighbour_real": "middle",
    "neighbour_fake": "middle",
    "nearer_than_held_out": "middle",
    "twins": "lower",
    "median_distance": "middle",
    "label_agreement": "higher",
}
"""Each number, and where it is better: higher, lower, or in the middle, at what real images give."""


class Cabinet:
    """Real images of one seed, divided into reference, held-out ones and pool, and every number for a set."""

    def __init__(self, data: digits.Digits, judge: judges.Judge, seed: int, *, reference: int = REFERENCE) -> None:
        self.judge, self.seed = judge, seed
        order = torch.randperm(len(data.test_images), generator=runtime.generator(seed))
        self.images, held_out, places = (order[:reference], order[reference : 2 * reference], order[2 * reference :])
        self.images, self.held_out = data.test_images[self.images], data.test_images[held_out]
        self.pool = Labelled(data.test_images[places], data.test_labels[places])
        chosen = torch.randperm(len(data.images), generator=runtime.generator(seed))[:TRAIN]
        self.train = Labelled(data.images[chosen], data.labels[chosen])
        self.features = judge.features(self.images)
        self.same = float(birthday.closest_pairs(self.images, 1).distances) / 2

    def numbers(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Return every number of ``NUMBERS`` for a set; what looks at copies and twins looks at pixels."""
        probabilities, features = self.judge.probabilities(images), self.judge.features(images)
        draws = runtime.generator(self.seed)
        few = min(len(images), len(self.images))
        precision, recall = image_sets.precision_recall(self.features, features)
        density, coverage = neighbours.density_coverage(self.features, features)
        of_real, of_fake = neighbours.neighbour_accuracy(self.features[:few], features[:few])
        distances = birthday.pairwise_distances(images)
        found = {
            "inception_style_score": image_sets.inception_style_score(probabilities),
            "confidence": image_sets.confidence(probabilities),
            "class_entropy": image_sets.class_entropy(probabilities),
            "classes": len(judges.classes_covered(probabilities)),
            "frechet": image_sets.frechet_distance(self.features, features),
            "kernel": image_sets.kernel_distance(self.features, features),
            "sliced_w2": two_samples.sliced_w2(self.features, features, generator=draws),
            "precision": precision,
            "recall": recall,
            "density": density,
            "coverage": coverage,
            "linear_auc": two_samples.classifier_test(self.features, features, generator=draws).auc,
            "mlp_auc": two_samples.classifier_test(self.features, features, hidden=32, generator=draws).auc,
            "neighbour_real": of_real,
            "neighbour_fake": of_fake,
            "nearer_than_held_out": image_sets.nearer_than_held_out(images, self.train.images, self.held_out),
            "twins": int((distances <= self.same).sum()),
            "median_distance": float(distances.median()),
            "label_agreement": image_sets.label_agreement(probabilities, labels),
        }
        return {name: round(value, 5) for name, value in found.items()}


# ---------------------------------------------------------------- the spoils


@dataclasses.dataclass(frozen=True)
class Spoil:
    """One column: a name, what its strength is, and how a set is made from a cabinet."""

    name: str
    make: Callable[[Cabinet, torch.Generator], Labelled]
    kind: str
    strength: float | None = None


def real(cabinet: Cabinet, generator: torch.Generator, n: int | None = None, **how: Any) -> Labelled:
    return spoiled_sets.draw(*cabinet.pool, n or REFERENCE, generator=generator, **how)


def of_each(name: str, kind: str, strength: float, change: Callable[[Tensor, torch.Generator], Tensor]) -> Spoil:
    def make(cabinet: Cabinet, generator: torch.Generator) -> Labelled:
        images, labels = real(cabinet, generator)
        return Labelled(change(images, generator), labels)

    return Spoil(name, make, kind, strength)


def of_classes(name: str, kind: str, factor: float) -> Spoil:
    return Spoil(name, lambda c, g: real(c, g, weights={c.seed % 10: factor}), kind, factor)


def few_kinds(name: str, per_class: int) -> Spoil:
    def make(cabinet: Cabinet, generator: torch.Generator) -> Labelled:
        return spoiled_sets.few_kinds(*cabinet.pool, REFERENCE, per_class=per_class, generator=generator)

    return Spoil(name, make, "few images, repeated", per_class)


def copied(name: str, share: float, *, moved: int = 0) -> Spoil:
    def make(cabinet: Cabinet, generator: torch.Generator) -> Labelled:
        images, labels = spoiled_sets.copies(*real(cabinet, generator), *cabinet.train, share, generator=generator)
        return Labelled(spoils.shift_pixels(images, moved, moved) if moved else images, labels)

    return Spoil(name, make, "copies, moved" if moved else "copies", share)


def one_mode(name: str, share: float) -> Spoil:
    def make(cabinet: Cabinet, generator: torch.Generator) -> Labelled:
        label = cabinet.seed % 10
        return spoiled_sets.one_mode(*cabinet.pool, REFERENCE, label=label, share=share, generator=generator)

    return Spoil(name, make, "one mode of a class", share)


def mixed_labels(name: str, share: float) -> Spoil:
    def make(cabinet: Cabinet, generator: torch.Generator) -> Labelled:
        images, labels = real(cabinet, generator)
        return Labelled(images, spoiled_sets.permute_labels(labels, share, generator=generator))

    return Spoil(name, make, "labels permuted", share)


def few(n: int) -> Spoil:
    return Spoil(f"{n} samples", lambda c, g: real(c, g, n), "few samples", n)


NONE = Spoil("no spoil", real, "none")
SPOILS = [
    few_kinds("one image per class", 1),
    few_kinds("ten images per class", 10),
    copied("half copies", 0.5),
    copied("all copies", 1.0),
    copied("all copies, moved by a pixel", 1.0, moved=1),
    of_each("a pixel to the side", "moved", 1, lambda i, g: spoils.shift_pixels(i, 1, 1)),
    of_classes("a class left out", "class left out", 0),
    of_classes("a class doubled", "class doubled", 2),
    one_mode("one mode of a class", 0.125),
    mixed_labels("labels permuted, a tenth", 0.1),
    mixed_labels("labels permuted, all", 1.0),
    few(100),
    few(300),
    *(of_each(f"blur {s}", "blur", s, lambda i, g, s=s: spoils.blur(i, s)) for s in (0.4, 0.6, 1.0)),
    *(of_each(f"noise {s}", "noise", s, lambda i, g, s=s: spoils.noise(i, s, generator=g)) for s in (0.05, 0.1, 0.3)),
    *(of_each(f"brighter by {s}", "shifted mean", s, lambda i, g, s=s: spoils.brighten(i, s)) for s in (0.02, 0.1)),
    *(of_each(f"{s} greys", "rounding", s, lambda i, g, s=s: spoils.to_levels(i, s)) for s in (256, 16, 2)),
    *(of_each(f"JPEG {s}", "JPEG", s, lambda i, g, s=s: spoils.jpeg(i, s)) for s in (90, 50, 10)),
    *(
        of_each(f"{how}, {s} pixels", how, s, lambda i, g, s=s, c=c: spoils.resize(i, s, careful=c))
        for s in (20, 14)
        for how, c in (("careless resize", False), ("careful resize", True))
    ),
]

# ---------------------------------------------------------------- who sees what

FAR = 3.0  # standard deviations: a number outside this many says that something is wrong
MOST, FEW = 0.9, 0.1  # seen: in so many of the seeds; not seen: in so few


def interval(values: list[float]) -> list[float]:
    """Return what a number says of sets without a spoil: the mean, less and plus three standard deviations."""
    numbers = torch.tensor(values, dtype=torch.float64)
    half = FAR * float(numbers.std())
    return [round(float(numbers.mean()) - half, 5), round(float(numbers.mean()) + half, 5)]


def verdict(values: list[float], low: float, high: float, better: str) -> str:
    """Say whether a number sees a spoil: "sees", "praises" (outside, on its better side), "sometimes", "blind"."""
    below, above = (sum(v < low for v in values) / len(values), sum(v > high for v in values) / len(values))
    if below + above <= FEW:
        return "blind"
    if below + above < MOST:
        return "sometimes"
    return "praises" if {"higher": above, "lower": below, "middle": 0.0}[better] >= MOST else "sees"


def who_sees_what(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield the row of real images, with the interval of each number, and then a row for each spoil.

    If only some spoils are wanted, they are measured against the interval that is stored.
    """
    data = digits.load("mnist")
    judge = judges.load(data)
    cabinets = [Cabinet(data, judge, seed) for seed in seeds]
    limits = None if wanted(NONE.name) else measured.load("who_sees_what")["rows"][0]["interval"]
    for spoil in [NONE, *SPOILS]:
        if not wanted(spoil.name):
            continue
        found, images, started = [], None, time.process_time()
        for cabinet in cabinets:
            for repeat in range(UNSPOILED if spoil is NONE else 1):
                made = spoil.make(cabinet, runtime.generator(1_000 * repeat + cabinet.seed))
                found.append(cabinet.numbers(*made))
                images = made.images if images is None else images
        values = {name: [of_set[name] for of_set in found] for name in NUMBERS}
        if spoil is NONE:
            limits = {name: interval(values[name]) for name in NUMBERS}
        says = {name: verdict(values[name], *limits[name], NUMBERS[name]) for name in NUMBERS}
        print(f"{spoil.name:32s} seen by {', '.join(n for n in NUMBERS if says[n] == 'sees') or 'none'}", flush=True)
        yield {
            "name": spoil.name,
            "kind": spoil.kind,
            "strength": spoil.strength,
            "n": len(made.images),
            "seeds": seeds,
            "cpu_seconds": round(time.process_time() - started, 1),
            "values": values,
            **({"interval": limits, "better": NUMBERS} if spoil is NONE else {"verdict": says}),
            "picture": picture(images),
        }
