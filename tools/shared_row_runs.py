"""What ``tools/tables.py shared-rows`` measures: numbers of a label that two classes or two players share.

The pair is the projection pair of ``tools/tables.py asked``, trained in the same way from the same seeds. Beside what
the judges say stand readings of the networks themselves, which need no samples to be judged.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from asked_runs import SAMPLES, STEPS, Wanted, bench, numbers, rounded, wanted_labels
from gancourse import conditional, recommended, runtime, training
from gancourse.data import batches
from gancourse.models.conditional import Discriminator, Generator
from image_tables import picture

TWINS = (3, 8)
"""The two classes that get one row; an 8 is looked up as a 3."""

HEALTHY = "nothing shared"
NAMES = [
    HEALTHY,
    "in D, 3 and 8 share a row",
    "in G, 3 and 8 share a row",
    "a vector of 256 in G",
    "both players, one table",
]
WIDE, HANDED = NAMES[3:]
SHOWN = 6
"""How many samples a picture has of each of the two classes, from the same z."""


def merged(labels: Tensor) -> Tensor:
    return torch.where(labels == TWINS[1], TWINS[0], labels)


class SharingDiscriminator(Discriminator):
    """A projection discriminator that finds the row of 3 for an 8 as well."""

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        return super().forward(images, merged(labels))


class SharingGenerator(Generator):
    """A generator that puts the one-hot vector of 3 beside z for an 8 as well."""

    def code(self, labels: Tensor) -> Tensor:
        return super().code(merged(labels))


def parts_of(name: str, image_size: int, seed: int) -> recommended.Parts:
    """Return a fresh pair with its accident, from the first weights of ``conditional.build``."""
    generator_kind = SharingGenerator if name == NAMES[2] else Generator
    discriminator_kind = SharingDiscriminator if name == NAMES[1] else Discriminator
    embed = 256 if name in (WIDE, HANDED) else None  # as long as D's rows
    with runtime.seeded(seed):
        G, D = generator_kind(image_size=image_size, embed=embed), discriminator_kind(image_size=image_size)
    if name == HANDED:
        G.embedding.weight = D.rows.weight  # one parameter, in both optimisers
    if name == WIDE:
        G.embedding.weight.data.copy_(D.rows.weight.data)  # the control: the same start, and then two tables
    return recommended.assemble(G, D, width=16, num_steps=STEPS)


def trained(name: str, seed: int) -> tuple[recommended.Parts, Generator]:
    """Return the parts after ``STEPS`` steps, as ``asked_runs.trained`` takes them, and the averaged generator."""
    at = bench()
    parts = parts_of(name, at.data.images.shape[-1], seed)
    step = conditional.make_step(parts, runtime.generator(seed + 1))
    stream = batches.labelled(at.data.images, at.data.labels, 64, runtime.generator(seed + 2))
    training.train(step, stream, num_steps=STEPS, progress=False)
    return parts, conditional.finish(parts, runtime.generator(seed + 3))


@torch.no_grad()
def readings(parts: recommended.Parts, generator: Generator, seed: int) -> dict[str, Any]:
    """Return what the networks show by themselves.

    ``falls`` and ``moves`` are those of the notebook's *Break it*, in deviations of D's logit over real test images.
    ``moves_twins`` is how far the logit moves from one of the two labels to the other, ``moves_others`` how far from
    the first to the rest. ``draws_twins`` is how far G's pixels move for the same z, ``draws_others`` likewise.
    """
    at, D = bench(), parts.discriminator
    images, right = at.images[:1_000], at.labels[:1_000]
    logits = torch.stack([D(images, (right + shift) % 10) for shift in range(10)])
    by_label = torch.stack([D(images, torch.full_like(right, label)) for label in range(10)])
    spread = logits[0].std()
    apart = (by_label - by_label[TWINS[0]]).abs().mean(dim=1) / spread
    z = torch.randn(200, generator.latent_dim, generator=runtime.generator(seed + 7))
    drawn = torch.stack([conditional.ask(generator, torch.full((200,), label), z=z) for label in range(10)])
    differ = (drawn - drawn[TWINS[0]]).abs().flatten(1).mean(dim=1)
    others = [label for label in range(10) if label not in TWINS]
    return {
        "falls": float((logits[0] - logits[1:]).mean() / spread),
        "moves": float(logits.std(dim=0).mean() / spread),
        "moves_twins": float(apart[TWINS[1]]),
        "moves_others": float(apart[others].mean()),
        "draws_twins": float(differ[TWINS[1]]),
        "draws_others": float(differ[others].mean()),
    }


def table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for the pairs without an accident, and for each accident."""
    for name in filter(wanted, NAMES):
        found, spent = [], []
        for seed in seeds:
            started = time.process_time()
            parts, generator = trained(name, seed)
            spent.append(round(time.process_time() - started, 1))
            labels = wanted_labels(SAMPLES)
            images = conditional.ask(generator, labels, runtime.generator(seed + 4))
            found.append(numbers(images, labels) | readings(parts, generator, seed))
            if seed == seeds[0]:
                z = torch.randn(SHOWN, generator.latent_dim, generator=runtime.generator(seed + 5)).repeat(2, 1)
                twins = torch.tensor(TWINS).repeat_interleave(SHOWN)
                pictured = conditional.ask(generator, twins, z=z)
        values = {key: [rounded(one[key]) for one in found] for key in found[0]}
        print(f"{name:28s}", {key: value for key, value in values.items() if "per_class" not in key}, flush=True)
        yield {"name": name, "seeds": seeds, "steps": STEPS, "n": SAMPLES, **values, "cpu_seconds": spent,
               "picture": picture(pictured, columns=SHOWN)}  # fmt: skip
