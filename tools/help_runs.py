"""What ``tools/tables.py helped``, ``remembered``, ``kept-private`` and ``rare-digit`` measure: made-up data.

Every arm of a comparison has the same real images, the same classifier, the same number of tries, and the try is
chosen on validation images; only then is it judged on test images.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gancourse import helping, measured, private, runtime
from gancourse.data import digits, xrays
from gancourse.metrics import detection, image_sets, membership
from gancourse.metrics import judge as judges
from image_tables import picture

Wanted = Callable[[str], bool]

# ---------------------------------------------------------------- X-rays

SEEDS = 5
"""Draws of every table of notebook 19, unless a run says otherwise."""

SIZES = (50, 200, 700)
"""Labelled images."""

GAN_STEPS, FIT_STEPS, SAMPLES = 250, 150, 2_000
ALONE, SHIFT, GAN, BOTH, ONLY = "alone", "shift and flip", "GAN", "GAN, shift and flip", "GAN's images only"
SEEN = "augmented GAN"
BOTH_SEEN = "augmented GAN, shift and flip"
LARGER, LEAK, EVERYTHING = "GAN of 700 others' images", "GAN that saw the test images", "reference: 776 images"
TWICE = "twice the real images"
CROWDS = "which part is it from?"
ARMS = (ALONE, SHIFT, GAN, BOTH, ONLY, SEEN, BOTH_SEEN)
SHARES, STRENGTHS, LENGTHS = (0.25, 0.5, 0.75), (1, 2, 4), (75, 150, 300)
"""The three tries of each arm: shares of made images, farthest shifts in pixels, steps of training."""

HELPED = [f"{n}: {arm}" for n in SIZES for arm in ARMS] + [f"50: {LARGER}", f"50: {LEAK}"]
HELPED += [f"{n}: {TWICE}" for n in (50, 200)] + [EVERYTHING, CROWDS]

Tries = dict[str, tuple[helping.Draw, int]]


def best_try(tries: Tries, data: xrays.XRays, seed: int) -> dict[str, Any]:
    """Fit a classifier for each try, choose by the area under the curve on validation images, judge on test images."""
    found = {}
    for name, (draw, steps) in tries.items():
        network = helping.fit(draw, num_steps=steps, seed=seed)
        on_val = detection.roc_auc(helping.margins(network, data.val_images), data.val_labels == 1)
        test = helping.margins(network, data.test_images)
        found[name] = (on_val, detection.roc_auc(test, data.test_labels == 1),
                       detection.balanced_accuracy((test > 0).long(), data.test_labels))  # fmt: skip
    chosen = max(found, key=lambda name: found[name][0])
    on_val, auc, balanced = found[chosen]
    return {"auc": round(auc, 4), "balanced": round(balanced, 4), "validation": round(on_val, 4), "chosen": chosen,
            "tries": {name: round(values[1], 4) for name, values in found.items()}}  # fmt: skip


def so_far(table: str, name: str, seeds: list[int]) -> dict[str, Any]:
    """Return a copy of the stored row that these seeds go to the end of; empty if there is none, or it has them."""
    rows = {row["name"]: row for row in measured.load(table)["rows"]} if table in measured.names() else {}
    return rows[name] if name in rows and seeds[0] not in rows[name]["seeds"] else {}


def helped(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each number of images and arm, and the controls for 50 images.

    Further seeds of rows that are stored go to their end.
    """
    data = xrays.load("pneumonia")
    all_of_it = helping.pool(*xrays.subset(data, 776, 99)[:2], augment=helping.augmentation())
    reference = helping.fit(all_of_it, num_steps=FIT_STEPS, seed=99)
    if wanted(EVERYTHING):
        test = helping.margins(reference, data.test_images)
        yield {"name": EVERYTHING, "n": 776, "auc": round(detection.roc_auc(test, data.test_labels == 1), 4)}
    if wanted(CROWDS):
        yield {"name": CROWDS, "seeds": seeds, **crowds(data, seeds)}
    for n in SIZES:
        names = [name for name in HELPED if name.startswith(f"{n}: ") and wanted(name)]
        rows = {name.split(": ")[1]: row for name in names if (row := so_far("helped", name, seeds))}
        for seed in seeds if names else ():
            for arm, values in arms_of(data, n, seed, {name.split(": ")[1] for name in names}, reference).items():
                row = rows.setdefault(arm, {"name": f"{n}: {arm}", "n": n, "arm": arm, "seeds": []})
                row["seeds"].append(seed)
                for key, value in values.items():
                    if key == "picture":
                        row.setdefault(key, value)
                    else:
                        row.setdefault(key, []).append(value)
                print(f"{n:4d} {arm:32s} seed {seed}: AUC {values['auc']:.3f}, balanced {values['balanced']:.3f}, "
                      f"{values['chosen']}", flush=True)  # fmt: skip
        yield from rows.values()


def crowds(data: xrays.XRays, seeds: list[int]) -> dict[str, Any]:
    """Return how well a classifier tells two parts of the set apart, within a class: 1/2 if they are one crowd."""
    parts = {
        "training": (data.images, data.labels),
        "validation": (data.val_images, data.val_labels),
        "test": (data.test_images, data.test_labels),
    }
    found: dict[str, Any] = {"auc": {}}
    for kind, word in enumerate(data.class_names):
        for one, other in (("training", "validation"), ("training", "test"), ("validation", "test")):
            for seed in seeds:
                random = runtime.generator(seed)
                groups = [images[labels == kind] for images, labels in (parts[one], parts[other])]
                n = min(map(len, groups)) // 2
                halves = [group[torch.randperm(len(group), generator=random)[: 2 * n]].split(n) for group in groups]
                is_other = torch.arange(2 * n) >= n
                taught = helping.pool(torch.cat([half[0] for half in halves]), is_other.long())
                network = helping.fit(taught, num_steps=FIT_STEPS, seed=seed)
                margins = helping.margins(network, torch.cat([half[1] for half in halves]))
                auc = round(detection.roc_auc(margins, is_other), 4)
                found["auc"].setdefault(f"{one} or {other}, {word}", []).append(auc)
    print({name: [round(value, 2) for value in values] for name, values in found["auc"].items()}, flush=True)
    return found


def arms_of(data: xrays.XRays, n: int, seed: int, arms: set[str], reference: nn.Module) -> dict[str, dict[str, Any]]:
    """Return what came of the arms asked for, for one subset of n images."""
    few = xrays.subset(data, n, seed)

    def real(pixels: int | None = None) -> helping.Draw:
        augment = None if pixels is None else helping.augmentation(pixels)
        return helping.pool(few.images, few.labels, augment=augment)

    found: dict[str, dict[str, Any]] = {}

    def note(arm: str, tries: Tries, **more: Any) -> None:
        started = time.process_time()
        found[arm] = best_try(tries, data, seed) | more
        found[arm]["cpu_seconds"] = round(time.process_time() - started + more.get("gan_seconds", 0.0), 1)

    if ALONE in arms:
        note(ALONE, {f"{steps} steps": (real(), steps) for steps in LENGTHS})
    if TWICE in arms:
        double = helping.pool(*xrays.subset(data, 2 * n, seed)[:2])
        note(TWICE, {f"{steps} steps": (double, steps) for steps in LENGTHS})
    if SHIFT in arms:
        note(SHIFT, {f"{pixels} px": (real(pixels), FIT_STEPS) for pixels in STRENGTHS})
    plain, seen = {GAN, BOTH, ONLY} & arms, {SEEN, BOTH_SEEN} & arms
    for asked, with_gan, with_both, augment in (
        (plain, GAN, BOTH, None),
        (seen, SEEN, BOTH_SEEN, helping.augmentation()),
    ):
        if not asked:
            continue
        made, more = of_pair(few.images, few.labels, seed, reference, data, augment)
        if with_gan in arms:
            tries = {f"share {s}": (helping.mixed(real(), helping.pool(*made), s), FIT_STEPS) for s in SHARES}
            note(with_gan, tries, **more)
        if with_both in arms:
            fakes = helping.pool(*made, augment=helping.augmentation())
            tries = {f"share {s}": (helping.mixed(real(2), fakes, s), FIT_STEPS) for s in SHARES}
            note(with_both, tries)
        if augment is None and ONLY in arms:
            note(ONLY, {f"{steps} steps": (helping.pool(*made), steps) for steps in LENGTHS})
    if LARGER in arms:
        many = xrays.subset(data, 750, seed)  # the few are the first of each class: these are the others
        others = torch.ones(750, dtype=torch.bool)
        others[:25] = others[375:400] = False
        made, more = of_pair(many.images[others], many.labels[others], seed, reference, data, None)
        tries = {f"share {s}": (helping.mixed(real(), helping.pool(*made), s), FIT_STEPS) for s in SHARES}
        note(LARGER, tries, **more)
    if LEAK in arms:
        images, labels = torch.cat([few.images, data.test_images]), torch.cat([few.labels, data.test_labels])
        made, more = of_pair(images, labels, seed, reference, data, None)
        tries = {f"share {s}": (helping.mixed(real(), helping.pool(*made), s), FIT_STEPS) for s in SHARES}
        note(LEAK, tries, **more)
    return found


def of_pair(
    images: Tensor, labels: Tensor, seed: int, reference: nn.Module, data: xrays.XRays, augment: Callable | None
) -> tuple[tuple[Tensor, Tensor], dict[str, Any]]:
    """Train a pair, and return its samples with their labels, and what is noted of it."""
    started = time.process_time()
    pair = helping.train_pair(images, labels, num_steps=GAN_STEPS, seed=seed, augment=augment)
    spent = round(time.process_time() - started, 1)
    made = helping.made(pair.generator, SAMPLES, seed + 70)
    with torch.no_grad():
        distance = image_sets.frechet_distance(reference.features(data.test_images), reference.features(made[0]))
    margins = helping.margins(reference, made[0])
    return made, {"gan_seconds": spent, "frechet": round(distance, 2),
                  "obeyed": round(detection.roc_auc(margins, made[1] == 1), 4),
                  "picture": picture(made[0][torch.arange(16) // 8 + 2 * (torch.arange(16) % 8)])}  # fmt: skip


# ---------------------------------------------------------------- memory

LOOKS = (50, 100, 175, 250, 400)
"""Steps after which the game is played; the training ends with the last."""

PLAIN, AUGMENTED = "plain", "augmented"
REMEMBERED = [f"{n}: {kind}" for n in SIZES for kind in (PLAIN, AUGMENTED)]


def remembered(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each number of images, with and without augmentation: the game by logit and by nearness."""
    data = xrays.load("pneumonia")
    for n in SIZES:
        for kind in (PLAIN, AUGMENTED):
            if not wanted(name := f"{n}: {kind}"):
                continue
            row: dict[str, Any] = {"name": name, "n": n, "kind": kind, "seeds": [], "steps": list(LOOKS), "logit": [],
                                   "nearness": [], "advantage": [], "lead_by_nearness": [], "copies": [],
                                   "classifier": [], "mirrored": [], "mirrored_real": [],
                                   "cpu_seconds": []}  # fmt: skip
            for seed in seeds:
                started = time.process_time()
                for key, values in followed(xrays.subset(data, n, seed), kind, seed).items():
                    if key == "picture":
                        row.setdefault(key, values)
                    else:
                        row[key].append(values)
                row["seeds"].append(seed)
                row["cpu_seconds"].append(round(time.process_time() - started, 1))
                print(name, seed, "logit", row["logit"][-1], "nearness", row["nearness"][-1], flush=True)
            yield row


def followed(few: xrays.Subset, kind: str, seed: int) -> dict[str, Any]:
    """Train a pair and play the game on the way: members against others of the training set; at last count hearts.

    Mirrored hearts are counted among normal X-rays alone, where :func:`gancourse.data.xrays.heart_side` can be trusted.
    """
    found: dict[str, Any] = {"logit": [], "advantage": [], "nearness": [], "lead_by_nearness": [], "copies": []}
    last: dict[str, Any] = {}

    def look(step: int, discriminator: nn.Module, ready: Callable) -> None:
        if step not in LOOKS:
            return
        logits = [membership.by_logit(discriminator, *part) for part in (few[:2], few[2:])]
        samples = helping.made(ready(), SAMPLES, seed + 70)[0]
        near = [membership.by_nearness(samples, images) for images in (few.images, few.held_images)]
        by_logit, by_nearness = membership.game(*logits), membership.game(*near)
        found["logit"].append(round(by_logit.auc, 4))
        found["advantage"].append(round(by_logit.advantage, 4))
        found["nearness"].append(round(by_nearness.auc, 4))
        found["lead_by_nearness"].append(round(by_nearness.advantage, 4))
        even = min(len(few.images), len(few.held_images))
        found["copies"].append(
            round(image_sets.nearer_than_held_out(samples[:500], few.images[:: len(few.images) // even][:even],
                                                  few.held_images[:: len(few.held_images) // even][:even]), 4)
        )  # fmt: skip
        last["mirrored"] = round(float((xrays.heart_side(samples[::2]) < 0).double().mean()), 4)
        last["mirrored_real"] = round(float((xrays.heart_side(few.images[few.labels == 0]) < 0).double().mean()), 4)
        last["picture"] = picture(samples[torch.arange(16) // 8 + 2 * (torch.arange(16) % 8)])

    augment = helping.augmentation() if kind == AUGMENTED else None
    helping.train_pair(few.images, few.labels, num_steps=LOOKS[-1], seed=seed, augment=augment, on_step=look)
    network = helping.fit(helping.pool(few.images, few.labels, augment=augment), num_steps=FIT_STEPS, seed=seed)
    sure = [of_true_label(network, *part) for part in (few[:2], few[2:])]
    return found | last | {"classifier": round(membership.game(*sure).auc, 4)}


def of_true_label(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Return the logarithm of the probability that a classifier gives to each image's label."""
    return helping.outputs(network, images).log_softmax(dim=1)[torch.arange(len(labels)), labels]


# ---------------------------------------------------------------- a private training

DELTA, RATE = 1e-5, 4e-3
SMALL, CUT = "small D", "small D, cut"
NOISES = {SMALL: 0.0, CUT: 0.0, "small D, cut, noise 1.6": 1.6, "small D, cut, noise 9.5": 9.5}
KEPT_PRIVATE = list(NOISES)
"""A small D trained as usual; with the gradient of each image cut to length 1; and with noise beside."""


def kept_private(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each way to train a small D on 50 images: the game, and what the samples are worth.

    D's rate was chosen on another draw (seed 7) from 0.001 and 0.004: the larger was better with and without noise.
    """
    data = xrays.load("pneumonia")
    all_of_it = helping.pool(*xrays.subset(data, 776, 99)[:2], augment=helping.augmentation())
    reference = helping.fit(all_of_it, num_steps=FIT_STEPS, seed=99)
    rows = {name: so_far("kept_private", name, seeds) for name in KEPT_PRIVATE if wanted(name)}
    for name, row in rows.items():
        noise, largest = NOISES[name], math.inf if name == SMALL else 1.0
        row = row or {"name": name, "n": 50, "steps": GAN_STEPS, "noise": noise}
        if noise:
            mu = membership.gaussian_mu(noise, GAN_STEPS)
            row |= {"mu": round(mu, 4), "delta": DELTA, "epsilon": round(membership.epsilon_for(mu, DELTA), 2)}
        for seed in seeds:
            started, few, lengths = time.process_time(), xrays.subset(data, 50, seed), []
            pair = private.train_pair(
                few.images, few.labels, noise=noise, largest=largest, num_steps=GAN_STEPS, rate=RATE, seed=seed,
                on_step=lambda _, each, lengths=lengths: lengths.append(float(each.median())),
            )  # fmt: skip
            logits = [membership.by_logit(pair.discriminator, *part) for part in (few[:2], few[2:])]
            made = helping.made(pair.generator, SAMPLES, seed + 70)
            near = [membership.by_nearness(made[0], images) for images in (few.images, few.held_images)]
            with torch.no_grad():
                both = reference.features(data.test_images), reference.features(made[0])
            tries = {f"{steps} steps": (helping.pool(*made), steps) for steps in LENGTHS}
            values = {
                "seeds": seed,
                "logit": round(membership.game(*logits).auc, 4),
                "nearness": round(membership.game(*near).auc, 4),
                "frechet": round(image_sets.frechet_distance(*both), 2),
                "obeyed": round(detection.roc_auc(helping.margins(reference, made[0]), made[1] == 1), 4),
                "length": round(sum(lengths) / len(lengths), 3),
                "auc": best_try(tries, data, seed)["auc"],
                "cpu_seconds": round(time.process_time() - started, 1),
            }
            for key, value in values.items():
                row.setdefault(key, []).append(value)
            row.setdefault("picture", picture(made[0][torch.arange(16) // 8 + 2 * (torch.arange(16) % 8)]))
            print(name, {key: value for key, value in values.items()}, flush=True)
        row["weights"] = sum(weight.numel() for weight in pair.discriminator.parameters())
        yield row


# ---------------------------------------------------------------- a rare digit

RARE, FEW, MANY, RARE_STEPS = 8, 10, 200, 400
AS_IS, OFTEN, OFTEN_SHIFT = "as it is", "repeated", "repeated, shifted"
FOR_RARE, FOR_RARE_SHIFT, MADE_ONLY = "GAN for the rare", "GAN for the rare, shifted", "GAN's images only"
RARE_ARMS = (AS_IS, OFTEN, OFTEN_SHIFT, FOR_RARE, FOR_RARE_SHIFT, MADE_ONLY)
RARE_NAMES = [f"rare: {arm}" for arm in RARE_ARMS]
RARE_LENGTHS = (150, 250, 400)


def rare_digit(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each way to make up for a digit of which there are ten examples where the others have 200."""
    data = digits.load("mnist")
    judge = judges.load(data)
    arms = [arm for arm in RARE_ARMS if wanted(f"rare: {arm}")]
    rows = {arm: so_far("rare_digit", f"rare: {arm}", seeds) or {"name": f"rare: {arm}", "arm": arm, "seeds": []}
            for arm in arms}  # fmt: skip
    for seed in seeds:
        for row in rows.values():
            row["seeds"].append(seed)
        for arm, values in rare_arms(data, judge, seed).items():
            if arm not in rows:
                continue
            for key, value in values.items():
                if key == "picture":
                    rows[arm].setdefault(key, value)
                else:
                    rows[arm].setdefault(key, []).append(value)
            print(f"{arm:28s} seed {seed}: recall of the rare {values['recall']:.3f}, balanced "
                  f"{values['balanced']:.3f}, {values['chosen']}", flush=True)  # fmt: skip
    yield from rows.values()


def rare_arms(data: digits.Digits, judge: judges.Judge, seed: int) -> dict[str, dict[str, Any]]:
    random = runtime.generator(300 + seed)
    groups, others = [], []
    for kind in range(10):
        places = (data.labels == kind).nonzero().flatten()
        places = places[torch.randperm(len(places), generator=random)]
        groups.append(places[: FEW if kind == RARE else MANY])
        others.append(places[-100:])
    places, on = torch.cat(groups), torch.cat(others)
    images, labels = data.images[places], data.labels[places]
    val_images, val_labels = data.images[on], data.labels[on]
    weights = 1.0 / torch.bincount(labels)[labels].float()
    often = torch.multinomial(weights, 20_000, replacement=True, generator=random)  # every class as often
    started = time.process_time()
    pair = helping.train_pair(images[often], labels[often], classes=10, num_steps=RARE_STEPS, seed=seed)
    spent = round(time.process_time() - started, 1)
    rare, _ = helping.made(pair.generator, 400, seed + 70, torch.full((400,), RARE))
    every = helping.made(pair.generator, 4_000, seed + 72)
    judged = float((judge.probabilities(rare).argmax(dim=1) == RARE).double().mean())
    kinds = image_sets.nearest(rare, images[labels == RARE])
    repeated, shifted = images[often], helping.augmentation

    def with_rare(share: float, pixels: int | None) -> helping.Draw:
        """Repeat every class as often; of the rare ones, ``share`` are made."""
        count = round(share * int((labels[often] == RARE).sum()))
        at = (labels[often] == RARE).nonzero().flatten()[:count]
        pool = repeated.clone()
        pool[at] = rare[torch.randint(len(rare), (count,), generator=runtime.generator(seed + 6))]
        return helping.pool(pool, labels[often], augment=None if pixels is None else shifted(pixels, flip=False))

    tries: dict[str, Tries] = {
        AS_IS: {f"{steps} steps": (helping.pool(images, labels), steps) for steps in RARE_LENGTHS},
        OFTEN: {f"{steps} steps": (helping.pool(repeated, labels[often]), steps) for steps in RARE_LENGTHS},
        OFTEN_SHIFT: {
            f"{pixels} px": (helping.pool(repeated, labels[often], augment=shifted(pixels, flip=False)), 250)
            for pixels in STRENGTHS
        },
        FOR_RARE: {f"share {share}": (with_rare(share, None), 250) for share in SHARES},
        FOR_RARE_SHIFT: {f"share {share}": (with_rare(share, 2), 250) for share in SHARES},
        MADE_ONLY: {f"{steps} steps": (helping.pool(*every), steps) for steps in RARE_LENGTHS},
    }
    found: dict[str, dict[str, Any]] = {}
    for arm, of_arm in tries.items():
        started, results = time.process_time(), {}
        for name, (draw, steps) in of_arm.items():
            network = helping.fit(draw, classes=10, num_steps=steps, seed=seed)
            on_val = detection.balanced_accuracy(helping.outputs(network, val_images).argmax(dim=1), val_labels)
            results[name] = (on_val, network)
        chosen = max(results, key=lambda name: results[name][0])
        guesses = helping.outputs(results[chosen][1], data.test_images).argmax(dim=1)
        recall = float((guesses[data.test_labels == RARE] == RARE).double().mean())
        found[arm] = {
            "recall": round(recall, 4),
            "balanced": round(detection.balanced_accuracy(guesses, data.test_labels), 4),
            "validation": round(results[chosen][0], 4),
            "chosen": chosen,
            "cpu_seconds": round(time.process_time() - started, 1),
        }
    of_gan = {
        "judged_right": round(judged, 4),
        "gan_seconds": spent,
        "distance": round(float(kinds.distances.median()), 3),
        "picture": picture(torch.cat([rare[:10], images[labels == RARE]]), columns=10),
    }
    found[FOR_RARE] |= of_gan
    return found
