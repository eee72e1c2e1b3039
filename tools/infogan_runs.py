"""What ``tools/tables.py infogan`` measures: do unlabelled codes find digits, and what do continuous ones change?

``tools/tables.py slanted`` asks the other way round: a generator that was told digits and nothing else, and a direction
of its z that is fitted to the slants of its samples, measured as the codes are.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from asked_runs import SAMPLES, STEPS, Wanted, bench, rounded, trained, wanted_labels
from gancourse import conditional, runtime
from gancourse.labs.asking import slanting
from gancourse.metrics import asked, image_sets
from image_tables import picture

CODES, CODE_SAMPLES, DIRECTIONS = 2, 2_000, 10
PROPERTIES = ("ink", "width", "height", "slant")
NAMES = {"with the term": 1.0, "without the term": 0.0}
REACH = 3**0.5  # standard deviations of z: as far as -1 and 1 are for a code that is uniform between them


def changes(generator: nn.Module, z: Tensor, labels: Tensor, low: Tensor, high: Tensor) -> dict[str, float]:
    """Return how much each property changes from ``low`` to ``high``, in standard deviations of real digits.

    The mean change over all images, and the share of images that the judge takes for the same digit at both ends.
    """
    at = bench()
    ends = [conditional.ask(generator, labels, z=torch.where(end.isnan(), z, end)) for end in (low, high)]
    before, after = (asked.moments(images) for images in ends)
    unit = asked.moments(at.images)
    found = {
        key: float((getattr(after, key) - getattr(before, key)).mean() / getattr(unit, key).std()) for key in PROPERTIES
    }
    first, last = (at.judges[0].probabilities(images).argmax(dim=1) for images in ends)
    return found | {"keeps_class": float((first == last).double().mean())}


def codes_of(generator: nn.Module, discriminator: nn.Module, seed: int) -> dict[str, Any]:
    """Return how well the ten codes match the digits, the Fréchet distance, and what continuous codes change."""
    at = bench()
    noise, labels = runtime.generator(seed + 4), wanted_labels(SAMPLES)
    z = torch.randn(SAMPLES, generator.latent_dim, generator=noise)
    z[:, -CODES:] = 2 * torch.rand(SAMPLES, CODES, generator=noise) - 1
    images = conditional.ask(generator, labels, z=z)
    seen = at.judges[0].probabilities(images).argmax(dim=1)
    with torch.no_grad():
        guessed = torch.cat([discriminator.classify(part) for part in at.others.split(500)]).argmax(dim=1)
    found: dict[str, Any] = {
        "matched": asked.matched_clusters(labels, seen).share,
        "matched_real": asked.matched_clusters(guessed, at.other_labels).share,
        "frechet": image_sets.frechet_distance(at.features, at.judges[0].features(images)),
    }
    z, labels = z[:CODE_SAMPLES], labels[:CODE_SAMPLES]
    moves = []
    for code in range(CODES):
        ends = torch.full((2, *z.shape), torch.nan)
        ends[0, :, z.shape[1] - CODES + code], ends[1, :, z.shape[1] - CODES + code] = -1.0, 1.0
        moves.append(changes(generator, z, labels, *ends))
    ways = torch.randn(DIRECTIONS, z.shape[1] - CODES, generator=noise)
    random = []
    for way in ways / ways.norm(dim=1, keepdim=True):
        ends = z.repeat(2, 1, 1)
        without = z[:, :-CODES] - (z[:, :-CODES] @ way)[:, None] * way
        ends[0, :, :-CODES], ends[1, :, :-CODES] = without - REACH * way, without + REACH * way
        random.append(changes(generator, z, labels, *ends))
    for name, of in (("codes", moves), ("random_directions", random)):
        found[name] = {key: [one[key] for one in of] for key in (*PROPERTIES, "keeps_class")}
    return found


def table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row with the information term in G's loss and one without; D guesses the codes in both."""
    at = bench()
    for name, weight in NAMES.items():
        if not wanted(name):
            continue
        found, spent = [], []
        for seed in seeds:
            started = time.process_time()
            pair = trained(
                "classifier", at.data.images, at.data.labels, seed, codes=CODES, weight=weight, classifier_on="fake"
            )
            spent.append(round(time.process_time() - started, 1))
            found.append(codes_of(*pair, seed))
            if seed == seeds[0]:
                images = conditional.ask(pair[0], wanted_labels(20), runtime.generator(seed + 5))
        print(f"{name:20s}" + "  ".join(f"{k} {[round(f[k], 3) for f in found]}" for k in SHOWN), flush=True)
        values = {key: [one[key] for one in found] for key in found[0]}
        for key in ("codes", "random_directions"):
            values[key] = [{inner: rounded(value) for inner, value in one.items()} for one in values[key]]
        plain = {key: rounded(values[key]) for key in SHOWN}
        yield {"name": name, "weight": weight, "seeds": seeds, "steps": STEPS, "n": SAMPLES, **values, **plain,
               "cpu_seconds": spent, "picture": picture(images, columns=10)}  # fmt: skip


SHOWN = ("matched", "matched_real", "frechet")


# ---------------------------------------------------------------- a direction found afterwards

SLANTED = ("a fitted direction", "random directions")


def slanted(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield what z moved along the panel's direction changes in the projection GANs of ``asked``, and along others."""
    at, found, spent = bench(), {name: [] for name in SLANTED}, []
    for seed in seeds:
        started = time.process_time()
        generator, _ = trained("projection", at.data.images, at.data.labels, seed)
        spent.append(round(time.process_time() - started, 1))
        noise, labels = runtime.generator(seed + 4), wanted_labels(CODE_SAMPLES)
        z = torch.randn(CODE_SAMPLES, generator.latent_dim, generator=noise)
        random = torch.randn(DIRECTIONS, z.shape[1], generator=noise)
        ways = {SLANTED[0]: slanting(generator, seed=seed + 5)[None], SLANTED[1]: random}
        for name, rows in ways.items():
            ends = []
            for way in rows / rows.norm(dim=1, keepdim=True):
                without = z - (z @ way)[:, None] * way
                ends.append(changes(generator, z, labels, without - REACH * way, without + REACH * way))
            found[name].append({key: rounded([one[key] for one in ends]) for key in ends[0]})
    for name in filter(wanted, SLANTED):
        print(f"{name:20s}", found[name], flush=True)
        yield {"name": name, "seeds": seeds, "steps": STEPS, "n": CODE_SAMPLES, "directions": found[name],
               "cpu_seconds": spent if name == SLANTED[0] else [0.0] * len(seeds)}  # fmt: skip
