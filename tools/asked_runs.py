"""What ``tools/tables.py asked`` measures: digits that were asked for, by five ways of telling, and two traps.

All GANs are trained by ``gancourse.conditional``, for the same steps, from the same seeds, and judged by the
course's judge and by a second one that nothing was ever compared with: another network from another seed.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import guided_runs
import judge_runs
from gancourse import conditional, runtime, training
from gancourse.data import batches, digits, spoiled_sets
from gancourse.metrics import asked, image_sets
from gancourse.metrics import judge as judges
from image_tables import picture

Wanted = Callable[[str], bool]

SEEDS = 3
STEPS, SAMPLES = 500, 5_000

# ---------------------------------------------------------------- data, judges, training


class Bench(NamedTuple):
    """Real digits, two judges, and the real test images in two halves: to compare with, and to be compared."""

    data: digits.Digits
    judges: tuple[judges.Judge, judges.Judge]
    images: Tensor
    labels: Tensor
    features: Tensor
    others: Tensor
    other_labels: Tensor


@functools.cache
def bench() -> Bench:
    data = digits.load("mnist")
    both = (judges.load(data), judge_runs.taught(data, seed=11, steps=400, network=judge_runs.dense_network))
    order = torch.randperm(len(data.test_images), generator=runtime.generator(0))
    half, rest = order.chunk(2)
    images, labels = data.test_images[half], data.test_labels[half]
    return Bench(data, both, images, labels, both[0].features(images), data.test_images[rest], data.test_labels[rest])


def trained(
    kind: str,
    images: Tensor,
    labels: Tensor,
    seed: int,
    *,
    classes: int = 10,
    codes: int = 0,
    among: Tensor | None = None,
    **how: Any,
) -> tuple[nn.Module, nn.Module]:
    """Return the averaged generator and the discriminator of a run of ``STEPS`` steps."""
    parts = conditional.build(
        kind,
        image_size=images.shape[-1],
        num_steps=STEPS,
        seed=seed,
        classes=classes,
        codes=codes,
        latent_dim=54 + codes,
    )
    step = conditional.make_step(parts, runtime.generator(seed + 1), among=among, **how)
    stream = batches.labelled(images, labels, 64, runtime.generator(seed + 2))
    training.train(step, stream, num_steps=STEPS, progress=False)
    return conditional.finish(parts, runtime.generator(seed + 3), among=among), parts.discriminator


def wanted_labels(count: int) -> Tensor:
    return torch.arange(count) % 10


def rounded(value: Any, digits_kept: int = 4) -> Any:
    if isinstance(value, Tensor):
        value = value.tolist()
    return [rounded(part) for part in value] if isinstance(value, list) else round(value, digits_kept)


# ---------------------------------------------------------------- five ways to be told, and two traps


def numbers(images: Tensor, labels: Tensor) -> dict[str, Any]:
    """Return what the judges say of images that were asked for by labels."""
    at = bench()
    course, second = at.judges
    features, chances = course.features(images), course.probabilities(images)
    by_class = asked.frechet_per_class(features, labels, at.features, at.labels)
    spread = asked.within_class_spread(features, labels, at.features, at.labels)
    return {
        "accuracy": image_sets.label_agreement(chances, labels),
        "second_judge": image_sets.label_agreement(second.probabilities(images), labels),
        "accuracy_per_class": asked.accuracy_per_class(chances, labels),
        "frechet": image_sets.frechet_distance(at.features, features),
        "frechet_within": float(by_class.mean()),
        "frechet_per_class": by_class,
        "spread": float(spread.mean()),
        "spread_per_class": spread,
    }


ARMS: dict[str, tuple[str, dict[str, Any]]] = {
    "concatenation": ("concatenation", {}),
    "plane": ("plane", {}),
    "projection": ("projection", {}),
    "AC-GAN": ("classifier", {}),
    "AC-GAN, weight 0.1": ("classifier", {"weight": 0.1}),
    "D gets no label": ("blind", {}),
    "labels shuffled in training": ("projection", {}),
}
CHOSEN, BEST = guided_runs.CHOSEN, guided_runs.BEST
OF_TWO = ("projection", "concatenation")
REAL, RELABELLED, STORED = "real images", "projection, relabelled", "one stored image per class"
NAMES = [REAL, *ARMS, RELABELLED, *(f"{name}, {BEST}" for name in OF_TWO), STORED, *guided_runs.NAMES]


def chosen(generator: nn.Module, discriminator: nn.Module, labels: Tensor, noise: torch.Generator) -> Tensor:
    """Return for each label the one of ``CHOSEN`` images that D, told the label, finds most real."""
    best, score = None, None
    for _ in range(CHOSEN):
        images = conditional.ask(generator, labels, noise)
        with torch.no_grad():
            logits = torch.cat(
                [discriminator(*pair) for pair in zip(images.split(500), labels.split(500), strict=True)]
            )
        if best is None:
            best, score = images, logits
        else:
            better = logits > score
            best, score = torch.where(better.view(-1, 1, 1, 1), images, best), torch.maximum(logits, score)
    return best


def table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each way of telling, for finished samples relabelled, for D's choice and for guidance by it, and
    for what stores one image a class."""
    at = bench()
    if wanted(REAL):
        yield row(REAL, [], [numbers(at.others, at.other_labels)], [0.0], at.others[_first_of_each(at.other_labels)])
    for name, (kind, how) in ARMS.items():
        derived = [other for other in NAMES if other.startswith(f"{name}, ") and other not in ARMS]
        if not any(map(wanted, (name, *derived))):
            continue
        found, spent, pictures = {}, [], {}
        for seed in seeds:
            labels = at.data.labels
            if name == "labels shuffled in training":
                labels = spoiled_sets.permute_labels(labels, generator=runtime.generator(seed))
            started = time.process_time()
            generator, discriminator = trained(kind, at.data.images, labels, seed, **how)
            spent.append(round(time.process_time() - started, 1))
            asked_for, noise = wanted_labels(SAMPLES), runtime.generator(seed + 4)
            sets = {name: (conditional.ask(generator, asked_for, noise), asked_for)}
            if RELABELLED in derived:
                sets[RELABELLED] = (
                    sets[name][0], spoiled_sets.permute_labels(asked_for, generator=runtime.generator(seed + 5)),
                )  # fmt: skip
            if name in OF_TWO and wanted(f"{name}, {BEST}"):
                sets[f"{name}, {BEST}"] = (chosen(generator, discriminator, asked_for, noise), asked_for)
            costs = {}
            for made in [other for other in derived if other in guided_runs.NAMES and wanted(other)]:
                guided, costs[made] = guided_runs.run(made, generator, discriminator, asked_for, seed)
                sets[made] = (guided.images, asked_for)
            for made, (images, given) in sets.items():
                if not wanted(made):
                    continue
                found.setdefault(made, []).append(numbers(images, given) | costs.get(made, {}))
                if made not in pictures:
                    pictures[made] = images[:20][given[:20].argsort(stable=True)] if made == RELABELLED else images
        for made in found:
            if wanted(made):
                yield row(made, seeds, found[made], spent if made == name else [0.0] * len(seeds), pictures[made])
    if wanted(STORED):
        found = []
        for seed in seeds:
            few = stored(seed)
            found.append(numbers(few.images, few.labels))
        yield row(STORED, seeds, found, [0.0] * len(seeds), few.images[_first_of_each(few.labels)])


def stored(seed: int) -> spoiled_sets.Labelled:
    """Return one training image of each class, over and over: of 1,000 the one that the course's judge is surest of."""
    at = bench()
    some = spoiled_sets.draw(at.data.images, at.data.labels, 1_000, generator=runtime.generator(seed))
    chances = at.judges[0].probabilities(some.images)
    sure = torch.where(some.labels[:, None] == torch.arange(10), chances, -1.0).argmax(dim=0)
    labels = wanted_labels(SAMPLES)
    return spoiled_sets.Labelled(some.images[sure][labels], labels)


def _first_of_each(labels: Tensor) -> Tensor:
    """Return the places of the first two images of each of the ten classes: a row of ten, and another."""
    places = torch.stack([(labels == k).nonzero().flatten()[:2] for k in range(10)])
    return places.T.flatten()


def row(name: str, seeds: list[int], found: list[dict[str, Any]], spent: list[float], images: Tensor) -> dict[str, Any]:
    print(f"{name:46s}" + "  ".join(f"{k} {[round(f[k], 3) for f in found]}" for k in SHOWN), spent, flush=True)
    values = {key: [rounded(one[key]) for one in found] for key in found[0]}
    return {"name": name, "seeds": seeds, "steps": STEPS, "n": SAMPLES, **values, "cpu_seconds": spent,
            "picture": picture(images, columns=10)}  # fmt: skip


SHOWN = ("accuracy", "second_judge", "frechet", "frechet_within", "spread")
