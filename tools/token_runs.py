"""What ``tools/tables.py codebooks`` measures: digits as sixteen tokens, with and without a discriminator.

Tokenisers are compared at equal steps and at equal CPU seconds, since a step with a discriminator costs more than twice
one without. The digits asked for and the numbers are those of the table ``encoders``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from code_runs import as_set, bench, returned, stored
from gancourse import runtime
from gancourse.encoding import tokens
from gancourse.encoding.tokens import Recipe
from gancourse.models.codebook import perplexity
from gancourse.models.tokens import Tokeniser
from image_tables import picture
from judge_tables import Wanted

SEEDS, CROSSED_SEEDS = 3, 2
STEPS, FEWER, MORE = 780, 320, 1_900  # FEWER with a discriminator, or STEPS without: equal seconds; STEPS with, or MORE
PRIOR_STEPS, TAUGHT = 300, 20_000
WEIGHT = 0.1

MAIN = {
    "vqvae": Recipe(num_steps=STEPS),
    "vqvae, no restarts": Recipe(num_steps=STEPS, restart_after=None),
    "vqvae, running means": Recipe(num_steps=STEPS, restart_after=None, follow=0.98),
    "vqgan": Recipe(num_steps=STEPS, adversarial=WEIGHT),
    f"vqgan, {FEWER} steps": Recipe(num_steps=FEWER, adversarial=WEIGHT),
    f"vqvae, {MORE:,} steps": Recipe(num_steps=MORE),
}
WITH_PRIOR = ("vqvae", "vqgan", f"vqgan, {FEWER} steps", f"vqvae, {MORE:,} steps")
CROSSED = {
    f"vqgan, from {start} on, {silent} silent": Recipe(
        num_steps=STEPS, adversarial=WEIGHT, starts_at=start_share, silent=silent_share
    )
    for start, start_share, ways in (
        ("1/3", 1 / 3, (("0", 0.0), ("1/6", 1 / 6), ("1/3", 1 / 3))),
        ("2/3", 2 / 3, (("0", 0.0), ("1/3", 1 / 3), ("2/3", 2 / 3))),
    )
    for silent, silent_share in ways
}
STRAIGHT = "vqvae, steps along the straight-through gradient"
STEP_SIZES = (0.1, 0.3, 1.0, 3.0)  # in typical distances of a vector from its word
NAMES = [*MAIN, STRAIGHT, *CROSSED]


def row(name: str, recipe: Recipe, seed: int) -> dict[str, Any]:
    """Train a tokeniser, and for some of them a prior, and return what is measured of them."""
    at, started = bench(), time.process_time()
    tokeniser = tokens.train(at.data.images, recipe, seed=seed)
    spent = time.process_time() - started
    told = tokens.token_sets(tokeniser, at.images)
    used = perplexity(told, recipe.words)
    found = returned(decoded(tokeniser, told)) | {
        "perplexity": used,
        "words_used": len(told.unique()),
        "bits": told.shape[1] * math.log2(used),
        "cpu_seconds": spent,
        "steps": recipe.num_steps,
    }
    return found | (prior(tokeniser, told, recipe, seed) if name in WITH_PRIOR else {})


def prior(tokeniser: Tokeniser, told: Tensor, recipe: Recipe, seed: int) -> dict[str, Any]:
    """Train a prior on training digits, and return what it says of the test digits and what it draws."""
    at, started = bench(), time.process_time()
    taught = tokens.token_sets(tokeniser, at.data.images[:TAUGHT])
    model = tokens.train_prior(taught, words=recipe.words, num_steps=PRIOR_STEPS, seed=seed + 30)
    spent = time.process_time() - started
    random = runtime.generator(seed + 31)
    new = decoded(tokeniser, model.sample(len(told), random))
    # the control: each place has its right tokens, but out of different digits
    mixed = torch.stack([column[torch.randperm(len(told), generator=random)] for column in told.T], dim=1)
    shuffled = decoded(tokeniser, mixed)
    return as_set(new, "samples") | {
        "frechet_mixed": as_set(shuffled, "mixed")["frechet_mixed"],
        "prior_bits": tokens.prior_bits(model, told),
        "prior_cpu_seconds": spent,
        "samples_picture": picture(new),
        "mixed_picture": picture(shuffled),
    }


def straight_through_steps(tokeniser: Tokeniser, images: Tensor, random: torch.Generator) -> dict[str, list[float]]:
    """Move all vectors along minus the straight-through gradient, and say what becomes of the images' error.

    For each of :data:`STEP_SIZES`: the share of tokens that change, the share by which the error really falls, the
    share that the gradient promised, and the real fall after a random step of the same size.
    """
    with torch.no_grad():
        vectors = tokeniser.encode(images)
    words = tokeniser.codebook(vectors).words.detach()
    vectors = vectors.clone().requires_grad_()

    def error(at: Tensor) -> Tensor:
        return (tokeniser.draw(tokeniser.codebook(at).words) - images).square().mean()

    before = error(vectors)
    (slope,) = torch.autograd.grad(before, vectors)
    other = torch.randn(slope.shape, generator=random)
    apart = (vectors.detach() - words).square().sum(dim=-1).mean().sqrt()
    found: dict[str, list[float]] = {name: [] for name in ("changed", "fall", "promised", "fall_random")}
    for size in STEP_SIZES:
        falls = []
        for direction in (slope, other):
            step = -size * apart * direction / direction.square().sum(dim=-1).mean().sqrt()
            with torch.no_grad():
                moved = vectors + step
                falls.append(1 - float(error(moved) / before.detach()))
            if direction is slope:
                changed = tokeniser.codebook(moved).tokens != tokeniser.codebook(vectors).tokens
                found["changed"].append(float(changed.double().mean()))
                found["promised"].append(-float((slope * step).sum() / before.detach()))
        found["fall"].append(falls[0])
        found["fall_random"].append(falls[1])
    return {name: [round(value, 4) for value in values] for name, values in found.items()}


def straight_through_row(seeds: list[int]) -> dict[str, Any]:
    """Train the plain tokeniser on every seed, and step along its straight-through gradient."""
    found, started = [], time.process_time()
    for seed in seeds:
        tokeniser = tokens.train(bench().data.images, MAIN["vqvae"], seed=seed)
        found.append(straight_through_steps(tokeniser, bench().images[:500], runtime.generator(seed + 40)))
    numbers = {name: [one[name] for one in found] for name in found[0]}
    print(STRAIGHT, numbers, flush=True)
    spent = round(time.process_time() - started, 1)
    return {"name": STRAIGHT, "seeds": seeds, "sizes": list(STEP_SIZES), **numbers, "cpu_seconds": spent}


@torch.no_grad()
def decoded(tokeniser: Tokeniser, told: Tensor) -> Tensor:
    return torch.cat([tokeniser.decode(piece) for piece in told.split(500)])


def codebooks(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each tokeniser, the crossed ones with two seeds, and one for the straight-through gradient."""
    if wanted(STRAIGHT):
        yield straight_through_row(seeds)
    for name, recipe in (MAIN | CROSSED).items():
        if wanted(name):
            mine = seeds if name in MAIN else seeds[:CROSSED_SEEDS]
            settings = {key: getattr(recipe, key) for key in ("adversarial", "features", "starts_at", "silent")}
            yield stored(name, [row(name, recipe, seed) for seed in mine], seeds=mine, **settings)
