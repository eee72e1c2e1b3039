"""What ``tools/tables.py told`` measures: who is told the class, and what is then left of it in the code.

Two readers look for the class in the mean codes of digits: a logistic regression, and the ten nearest codes, which need
no straight line. Both learn from 5,000 training digits and are tested on the bench's test digits. A third question goes
to the decoder: told another class, does it draw that class? The rows "drawn" hold what the table ``encoders`` leaves
out: copies by a VAE of a drawn code, for which its bits pay, beside copies of the mean.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from code_runs import Found, bench, stored
from gancourse import codes, runtime
from gancourse.encoding import auto, both, told
from gancourse.encoding.told import Recipe
from gancourse.metrics import image_sets
from image_tables import picture
from judge_tables import Wanted

READ_FROM, NEIGHBOURS, STEPS, LONGER = 5_000, 10, 400, 1_600
ARMS = {
    "vae: nobody told": Recipe(num_steps=STEPS),
    "vae: encoder told": Recipe(encoder=True, num_steps=STEPS),
    "vae: decoder told": Recipe(decoder=True, num_steps=STEPS),
    "vae: both told": Recipe(encoder=True, decoder=True, num_steps=STEPS),
    "vae: both told, longer": Recipe(encoder=True, decoder=True, num_steps=LONGER),
    "autoencoder: nobody told": Recipe(beta=None, num_steps=STEPS),
    "autoencoder: both told": Recipe(encoder=True, decoder=True, beta=None, num_steps=STEPS),
}
DRAWN = {
    "drawn: vae": auto.Recipe(beta=1.0),
    "drawn: vae, learned variance": auto.Recipe(beta=1.0, pixels="gaussian"),
}
NAMES = [*ARMS, *DRAWN]


def read_class(known: Tensor, labels: Tensor, codes: Tensor, truth: Tensor) -> dict[str, float]:
    """Return the share of codes whose class two readers tell, after they have seen the known codes and their labels."""
    readers = {
        "read_by_lines": LogisticRegression(max_iter=2_000),
        "read_by_neighbours": KNeighborsClassifier(NEIGHBOURS),
    }
    found = {}
    for name, reader in readers.items():
        model = make_pipeline(StandardScaler(), reader).fit(known.double().numpy(), labels.numpy())
        found[name] = float(np.mean(model.predict(codes.double().numpy()) == truth.numpy()))
    return found


def copied(images: Tensor, what: str) -> dict[str, float]:
    """Return error and class of copies of the bench's digits, under names that end in ``what``."""
    at = bench()
    return {
        f"error_{what}": float((images - at.images).square().mean()),
        f"kept_{what}": image_sets.label_agreement(at.judge.probabilities(images), at.labels),
    }


def others(labels: Tensor, seed: int) -> Tensor:
    """Return another class for each label, each of the nine alike."""
    return (labels + torch.randint(1, 10, labels.shape, generator=runtime.generator(seed + 8))) % 10


def arm(recipe: Recipe, seed: int) -> dict[str, Any]:
    at, started = bench(), time.process_time()
    parts = told.train(at.data.images, at.data.labels, recipe, seed=seed)
    found: dict[str, Any] = {"cpu_seconds": time.process_time() - started, "steps": recipe.num_steps}
    z = told.means(parts, at.images, at.labels)
    taught = at.data.images[:READ_FROM], at.data.labels[:READ_FROM]
    found |= read_class(told.means(parts, *taught), taught[1], z, at.labels)
    found |= copied(told.pictures(parts, z, at.labels), "mean")
    if recipe.beta is not None:
        drawn, costs = told.draws(parts, at.images, at.labels, runtime.generator(seed + 9))
        found |= copied(told.pictures(parts, drawn, at.labels), "draw")
        found["bits"] = float(costs.mean()) * codes.BITS
    asked = others(at.labels, seed)
    chances = at.judge.probabilities(told.pictures(parts, z, asked))
    found["asked_drawn"] = image_sets.label_agreement(chances, asked)
    found["asked_own"] = image_sets.label_agreement(chances, at.labels)
    eight = at.images[at.shown], z[at.shown]
    rows = [told.pictures(parts, eight[1].repeat_interleave(10, 0), torch.arange(10).repeat(8))]
    found["picture"] = picture(torch.cat([eight[0][:, None], rows[0].unflatten(0, (8, 10))], dim=1).flatten(0, 1), 44)
    return found


def drawn(recipe: auto.Recipe, seed: int) -> dict[str, Any]:
    at, started = bench(), time.process_time()
    pair = auto.train(at.data.images, recipe, seed=seed)
    found: dict[str, Any] = {"cpu_seconds": time.process_time() - started, "steps": recipe.num_steps}
    noise = runtime.generator(seed + 9)
    with torch.no_grad():
        means, spreads = (torch.cat(parts) for parts in zip(*map(pair.encoder, at.images.split(250)), strict=True))
    z = codes.draw(means, spreads, noise)
    found |= copied(both.pictures(pair.decoder, means), "mean") | copied(both.pictures(pair.decoder, z), "draw")
    found["bits"] = float(codes.kl_to_normal(means, spreads).mean()) * codes.BITS
    return found


def table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each choice of who is told, and for the VAEs of the table ``encoders`` with drawn codes."""
    for name in NAMES:
        if wanted(name):
            found: Found = {str(seed): (arm(ARMS[name], seed) if name in ARMS else drawn(DRAWN[name], seed))
                            for seed in seeds}  # fmt: skip
            yield stored(name, list(found.values()), seeds=seeds)
