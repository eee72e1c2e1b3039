"""What tools/tables.py needs to judge trained generators: with few samples and many, and by one judge and another."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import math
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

import image_tables
from gancourse import runtime
from gancourse.data import digits, files, spoiled_sets, spoils
from gancourse.data.spoiled_sets import Labelled
from gancourse.metrics import image_sets
from gancourse.metrics import judge as judges
from gancourse.models import averaging

RECIPE = dataclasses.replace(image_tables.RECOMMENDED, name="recommended", steps=800, looks=(200, 400, 600, 800))
"""The recommended recipe of notebook 07, for a shorter time: four generators from bad to good."""

# ---------------------------------------------------------------- generators and their samples


@torch.no_grad()
def samples(generator: nn.Module, count: int, seed: int) -> Tensor:
    """Return samples in eval mode, batch norm's statistics counted anew; the generator is left as it is."""
    generator, random = copy.deepcopy(generator), runtime.generator(seed)
    counted = torch.randn(8, 250, generator.latent_dim, generator=random)
    averaging.recompute_batch_norm(generator, counted.unbind())
    latents = torch.randn(count, generator.latent_dim, generator=random)
    return torch.cat([generator(z) for z in latents.split(250)])


def trained(data: digits.Digits, seed: int) -> dict[int, nn.Module]:
    """Return the averaged generators of one run of :data:`RECIPE` by step, from the cache if they are there."""
    made_with = (RECIPE.name, RECIPE.changes(), RECIPE.look_at(), seed, torch.__version__, data.name)
    key = hashlib.sha256(repr(made_with).encode()).hexdigest()[:16]
    folder = files.cache_folder()
    path = None if folder is None else folder / "tables" / f"generators-{key}.pt"
    run = image_tables.Run(RECIPE, data.images, seed)
    if path is not None and path.exists():
        states = torch.load(path, weights_only=True)
    else:
        states = {}
        for steps in RECIPE.look_at():
            run.advance(steps - run.steps_done)
            states[steps] = copy.deepcopy(run.final_generator().state_dict())
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.save(states, path)
    made = {}
    for steps, state in states.items():
        made[steps] = copy.deepcopy(run.generator)
        made[steps].load_state_dict(state)
    return made


# ---------------------------------------------------------------- how many samples

NUMBERS_OF_SAMPLES = (100, 200, 500, 1_000, 2_000, 5_000)
DRAWS, FITTED, REFERENCE = 10, (500, 1_000, 2_000), 5_000
PAIRS = ((200, 400), (400, 600), (600, 800))  # steps of the worse generator and of the better one


def straight(counts: tuple[int, ...], values: list[float]) -> float:
    """Return where the straight line through the values against 1/n ends: at infinitely many samples."""
    x = torch.tensor([1 / n for n in counts], dtype=torch.float64)
    y = torch.tensor(values, dtype=torch.float64)
    slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
    return float(y.mean() - slope * x.mean())


def by_number(reference: Tensor, features: Tensor, seed: int) -> dict[str, Any]:
    """Return both distances for draws of each number of samples, and of all; and what a line through three says.

    Draws of one number have no sample in common: ten of them, or as many as there are samples for.
    """
    random = runtime.generator(seed)
    found: dict[str, Any] = {"n": [], "frechet": [], "kernel": []}
    for n in NUMBERS_OF_SAMPLES:
        if n > len(features) // 2:
            break
        draws = features[torch.randperm(len(features), generator=random)].split(n)[:DRAWS]
        draws = [part for part in draws if len(part) == n]
        found["n"].append(n)
        found["frechet"].append([round(image_sets.frechet_distance(reference, part), 4) for part in draws])
        found["kernel"].append([round(image_sets.kernel_distance(reference, part), 3) for part in draws])
    ends = []
    for _ in range(DRAWS):
        part = features[torch.randperm(len(features), generator=random)[: FITTED[-1]]]
        ends.append(straight(FITTED, [image_sets.frechet_distance(reference, part[:n]) for n in FITTED]))
    return {
        **found,
        "fitted": FITTED,
        "extrapolated": [round(end, 4) for end in ends],
        "all": len(features),
        "frechet_of_all": round(image_sets.frechet_distance(reference, features), 4),
        "kernel_of_all": round(image_sets.kernel_distance(reference, features), 3),
    }


def right_answers(worse: list[list[float]], better: list[list[float]]) -> list[list[float]]:
    """Return how often the worse generator has the larger number, by samples of the worse (rows) and of the better one.

    Every draw of one is compared with every draw of the other.
    """
    return [
        [sum(a > b for a in draws for b in others) / (len(draws) * len(others)) for others in better] for draws in worse
    ]


def sample_size(seeds: list[int]) -> Iterator[dict[str, Any]]:
    """Yield a row for real images and for each generator; then, for pairs of them, how often the right one wins.

    Each seed is a run of the recommended recipe, with images drawn anew.
    """
    data = digits.load("mnist")
    runs = [counted_run(data, seed) for seed in seeds]
    for name in runs[0]:
        yield {"name": name, "runs": [run[name] for run in runs]}
    for worse, better in PAIRS:
        ends = (f"{worse} steps", f"{better} steps")
        by_run = {
            number: [right_answers(*(run[end][number] for end in ends)) for run in runs]
            for number in ("frechet", "kernel")
        }
        mean = {number: torch.tensor(tables).mean(0).tolist() for number, tables in by_run.items()}
        yield {
            "name": f"{worse} against {better} steps",
            "worse": ends[0],
            "better": ends[1],
            "n": runs[0][ends[0]]["n"],
            "right": {number: [[round(share, 4) for share in row] for row in table] for number, table in mean.items()},
            "by_run": by_run,
        }


def counted_run(data: digits.Digits, seed: int) -> dict[str, dict[str, Any]]:
    """Return both distances by number of samples, for real images and for each moment of one run."""
    judge = judges.load(data)
    order = torch.randperm(len(data.test_images), generator=runtime.generator(seed))
    reference, others = (judge.features(data.test_images[part]) for part in (order[:REFERENCE], order[REFERENCE:]))
    rows = {"real images": by_number(reference, others, seed)}
    for steps, generator in trained(data, seed).items():
        images = samples(generator, 2 * NUMBERS_OF_SAMPLES[-1], seed + steps)
        rows[f"{steps} steps"] = by_number(reference, judge.features(images), seed)
    for name, row in rows.items():
        means = [round(sum(draws) / len(draws), 2) for draws in row["frechet"]]
        print(
            f"{name:16s} Fréchet {means}, all {row['frechet_of_all']:.2f}, line {row['extrapolated'][0]:.2f}",
            flush=True,
        )
    return rows


# ---------------------------------------------------------------- one judge and another

SET_SIZE, SET_DRAWS, COMPARED_WITH, QUICK_STEPS = 1_000, 3, 2_500, 300


def dense_network(image_size: int) -> nn.Sequential:
    """A judge without convolutions, with as many features."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(image_size**2, 256), nn.ReLU(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10)
    )


def by_ink(data: digits.Digits) -> digits.Digits:
    """Label every image with how much ink it has, in ten even classes: no word about digits."""
    ink, test_ink = (images.mean(dim=(1, 2, 3)) for images in (data.images, data.test_images))
    borders = ink.quantile(torch.linspace(0.1, 0.9, 9))
    return dataclasses.replace(
        data, labels=torch.bucketize(ink, borders), test_labels=torch.bucketize(test_ink, borders)
    )


def by_rotation(data: digits.Digits) -> digits.Digits:
    """Turn every image by a random number of quarters and label it with that: nobody has to label anything."""
    random, made = runtime.generator(0), {}
    for images, labels in (("images", "labels"), ("test_images", "test_labels")):
        given = getattr(data, images)
        quarters = torch.randint(4, (len(given),), generator=random)
        turned = given.clone()
        for k in range(1, 4):
            turned[quarters == k] = given[quarters == k].rot90(k, (2, 3))
        made |= {images: turned, labels: quarters}
    return dataclasses.replace(data, **made)


def taught(data: digits.Digits, *, seed: int, steps: int, network: Callable[[int], nn.Sequential] | None = None):
    """Train a judge as the course's is trained, but from another seed, for other labels, or with another network."""
    changes = {"_SEED": seed, "_STEPS": steps, "_network": network or judges._network}
    with mock.patch.multiple(judges, **changes):
        made = judges._train(data, torch.device("cpu"))
    judge = judges.Judge(made, image_size=data.image_size, accuracy=math.nan, device=torch.device("cpu"))
    guesses = judge.probabilities(data.test_images[:2_000]).argmax(dim=1)
    judge.accuracy = float((guesses == data.test_labels[:2_000]).double().mean())
    return judge


def all_judges(data: digits.Digits) -> Iterator[tuple[str, Callable[[Tensor], Tensor], float | None]]:
    """Yield each judge's name, its features, and how often it is right about its own task."""
    course = judges.load(data)
    yield "the course's", course.features, course.accuracy
    made = {
        "another seed": taught(data, seed=1, steps=judges._STEPS),
        "another network": taught(data, seed=2, steps=QUICK_STEPS, network=dense_network),
        "other labels: ink": taught(by_ink(data), seed=3, steps=QUICK_STEPS),
        "no labels: rotations": taught(by_rotation(data), seed=4, steps=QUICK_STEPS),
    }
    for name, judge in made.items():
        yield name, judge.features, judge.accuracy
    untrained = taught(data, seed=5, steps=1)
    yield "untrained", untrained.features, untrained.accuracy
    yield "no judge: pixels", lambda images: images.flatten(1), None


def ten_sets(data: digits.Digits, pool: Labelled, seed: int) -> dict[str, list[Tensor]]:
    """Return draws of real images, of six spoiled sets of them, and of four generators."""
    made: dict[str, list[Tensor]] = {}
    for draw in range(SET_DRAWS):
        random = runtime.generator(1_000 * draw + seed)
        real = spoiled_sets.draw(*pool, SET_SIZE, generator=random).images
        sets = {
            "real images": real,
            "blur 0.4": spoils.blur(real, 0.4),
            "noise 0.05": spoils.noise(real, 0.05, generator=random),
            "JPEG 50": spoils.jpeg(real, 50),
            "a pixel to the side": spoils.shift_pixels(real, 1, 1),
            "a class left out": spoiled_sets.draw(*pool, SET_SIZE, generator=random, weights={seed % 10: 0}).images,
            "ten images per class": spoiled_sets.few_kinds(*pool, SET_SIZE, per_class=10, generator=random).images,
        }
        for name, images in sets.items():
            made.setdefault(name, []).append(images)
    for steps, generator in trained(data, seed).items():
        made[f"GAN, {steps} steps"] = list(samples(generator, SET_DRAWS * SET_SIZE, seed + steps).split(SET_SIZE))
    return made


def two_judges(seeds: list[int]) -> Iterator[dict[str, Any]]:
    """Yield each judge's Fréchet distances of ten sets; then the rank correlations and the sure reversals."""
    from scipy.stats import spearmanr

    data, seed = digits.load("mnist"), seeds[0]
    order = torch.randperm(len(data.test_images), generator=runtime.generator(seed))
    reference = data.test_images[order[:COMPARED_WITH]]
    places = order[COMPARED_WITH:]
    sets = ten_sets(data, Labelled(data.test_images[places], data.test_labels[places]), seed)
    says: dict[str, dict[str, list[float]]] = {}
    for name, features, accuracy in all_judges(data):
        seen = features(reference)
        says[name] = {
            of: [round(image_sets.frechet_distance(seen, features(images)), 4) for images in draws]
            for of, draws in sets.items()
        }
        floor = says[name]["real images"]
        print(f"{name:22s} {[(of, round(sum(d) / sum(floor), 1)) for of, d in says[name].items()]}", flush=True)
        yield {"name": name, "accuracy": accuracy, "frechet": says[name]}
    ranked = [of for of in sets if of != "real images"]
    means = {name: [sum(found[of]) for of in ranked] for name, found in says.items()}
    names = list(says)
    yield {
        "name": "rank correlations",
        "judges": names,
        "sets": ranked,
        "spearman": [[round(float(spearmanr(means[a], means[b]).statistic), 4) for b in names] for a in names],
        "between_draws": {
            name: round(float(spearmanr(*([found[of][draw] for of in ranked] for draw in (0, 1))).statistic), 4)
            for name, found in says.items()
        },
        "reversals": [
            {"judges": [names[0], other], "first_prefers": a, "second_prefers": b}
            for other in names[1:]
            for a in ranked
            for b in ranked
            if max(says[names[0]][a]) < min(says[names[0]][b]) and max(says[other][b]) < min(says[other][a])
        ],
    }
