"""What ``tools/tables.py relativistic`` measures: R3GAN's loss taken apart, with rates searched equally for both sides.

Every arm is the recommended recipe with its loss, penalties, rates or norm exchanged, from the same seeds, for as many
steps as take equal CPU seconds (see the row "step times"). Each of two losses got eight trials, four rates by two
weights of its penalties, on one seed that is not among those that are compared afterwards; the best and the second best
of each are compared.
"""

from __future__ import annotations

import dataclasses
import functools
import statistics
import time
from collections.abc import Iterator
from typing import Any

import torch

from gancourse import flowing, r3gan, recommended, runtime, styling
from gancourse.data import batches
from gancourse.metrics import judge as judges
from gancourse.models import flow
from gancourse.r3gan import Settings
from growing_tables import SAMPLES, bench, latents, numbers, tell, together
from image_tables import picture
from judge_tables import Wanted

SEARCH_SEED = 2_000  # no seed of the rows that are compared
RATES = (4e-3, 8e-3, 1.6e-2, 3.2e-2)  # of G; D has half
GAMMAS = (0.03, 0.3)
STEPS = {"non_saturating": 400, "relativistic": 370}  # a step of the second, with R2, takes about 8 % longer
SHOWN = 24

# ---------------------------------------------------------------- one run


def judged(images: torch.Tensor) -> dict[str, float]:
    return numbers(images) | {"classes": len(judges.classes_covered(bench().judge.probabilities(images)))}


@functools.cache  # one arm of the crossed rules is an arm of the parts
def run(settings: Settings, steps: int, seed: int) -> tuple[dict[str, Any], torch.Tensor | None]:
    """Train and return the numbers and the samples; no numbers where the run diverged."""
    started = time.process_time()
    try:
        generator = r3gan.train(bench().data.images, settings, num_steps=steps, seed=seed)
    except ValueError as error:
        if "finite" not in str(error):
            raise
        blank = dict.fromkeys(("frechet", "clear", "precision", "recall", "classes"))
        return {**blank, "cpu_seconds": round(time.process_time() - started, 1), "failed": True}, None
    spent = round(time.process_time() - started, 1)
    images = styling.pictures(generator, latents(SAMPLES, generator.latent_dim, seed))
    found = judged(images)
    return {**found, "cpu_seconds": spent, "failed": failed(found)}, images


FAILED_ABOVE = 400.0


def failed(found: dict[str, float]) -> bool:
    """A run has failed if a digit is missing, or if the distance is one at which most samples cannot be read."""
    return found["classes"] < 10 or found["frechet"] > FAILED_ABOVE


def compared(name: str, settings: Settings, seeds: list[int], steps: int) -> dict[str, Any]:
    found = [run(settings, steps, seed) for seed in seeds]
    values = together([numbers for numbers, _ in found])
    tell(name, values)
    shown = next((images for _, images in found if images is not None), None)
    pictured = {} if shown is None else {"picture": picture(shown, columns=SHOWN // 2)}
    return {"name": name, "seeds": seeds, "steps": steps, "n": SAMPLES, "settings": dataclasses.asdict(settings),
            **values, **pictured}  # fmt: skip


# ---------------------------------------------------------------- the search, equal for both

SIDES = {"non_saturating": {"r2": 0.0}, "relativistic": {}}  # ours has R1 alone, R3GAN's has both


def candidate(loss: str, rate: float, gamma: float) -> Settings:
    penalised = {"r1": gamma, "r2": gamma} | SIDES[loss]
    return Settings(loss=loss, rates=(rate, rate / 2), **penalised)


SEARCH = {
    f"search: {loss}, rate {rate:g}, gamma {gamma:g}": (loss, rate, gamma)
    for loss in SIDES for rate in RATES for gamma in GAMMAS
}  # fmt: skip

CHOSEN = {
    "non_saturating": candidate("non_saturating", 8e-3, 0.3),
    "relativistic": candidate("relativistic", 3.2e-2, 0.03),
}
"""The best of each search by the Fréchet distance."""

SECOND = {
    "second: non_saturating + R1": candidate("non_saturating", 4e-3, 0.03),
    "second: relativistic + R1 + R2": candidate("relativistic", 1.6e-2, 0.03),
}
"""The second best of each, because a search on one seed chooses by luck too."""

# ---------------------------------------------------------------- R3GAN's loss taken apart

OURS, THEIRS = "non_saturating + R1", "relativistic + R1 + R2"


def parts() -> dict[str, Settings]:
    """Each loss with what its search chose; every other arm has the settings of the side that it belongs to."""
    ours, theirs = CHOSEN["non_saturating"], CHOSEN["relativistic"]
    change = dataclasses.replace
    return {
        OURS: ours,
        THEIRS: theirs,
        "relativistic + R1": change(theirs, r2=0.0),
        "relativistic + R2": change(theirs, r1=0.0),
        "relativistic": change(theirs, r1=0.0, r2=0.0),
        "non_saturating + R1 + R2": change(theirs, loss="non_saturating"),
    }


# ---------------------------------------------------------------- its rules crossed with ours

CROSSED_SEEDS = 2
SMALL, MIDDLE = (2e-4, 2e-4), (2e-3, 1e-3)  # R3GAN's own first rates; and a quarter of the recommended ones


def crossed() -> dict[str, Settings]:
    """R3GAN's loss with and without batch norm in G, at the large rates of its search and at its own small ones.

    Without batch norm there are rates between, because nothing says that the large ones suit it.
    """
    ours = CHOSEN["relativistic"]
    arms = {
        "batch norm, large": {},
        "batch norm, small": {"rates": SMALL},
        "none norm, large": {"norm": "none"},
        "none norm, middle": {"norm": "none", "rates": MIDDLE},
        "none norm, small": {"norm": "none", "rates": SMALL},
    }
    return {f"crossed: relativistic, {name} rates": dataclasses.replace(ours, **arm) for name, arm in arms.items()}


# ---------------------------------------------------------------- what a step costs

STEP_TIMES = "step times"
ROUNDS, STEPS_A_ROUND = 5, 8


def step_times(seed: int) -> dict[str, Any]:
    """Return CPU milliseconds of a step for every arm and for a flow, from interleaved rounds."""
    images = bench().data.images[: recommended.BATCH_SIZE]
    steps = {}
    for name, settings in parts().items():
        made = r3gan.build(settings, num_steps=1_000, seed=seed)
        steps[name] = functools.partial(gan_rounds, r3gan.make_step(
            made, recommended.latents(made, runtime.generator(seed)), settings), images)  # fmt: skip
    with runtime.seeded(seed):
        model = flow.Denoiser()
    real = batches.stream(bench().data.images, flowing.BATCH_SIZE, runtime.generator(seed))
    steps["flow"] = functools.partial(flow_rounds, model, torch.optim.Adam(model.parameters(), fused=True), real)
    spent: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(ROUNDS):
        for name, go in steps.items():
            started = time.process_time()
            go()
            spent[name].append(1_000 * (time.process_time() - started) / STEPS_A_ROUND)
    ms = {name: round(statistics.median(values), 1) for name, values in spent.items()}
    print(STEP_TIMES, ms, flush=True)
    return {"name": STEP_TIMES, "ms": ms}


def gan_rounds(step: Any, images: torch.Tensor) -> None:
    for _ in range(STEPS_A_ROUND):
        step(images.clone())


def flow_rounds(model: flow.Denoiser, optimizer: torch.optim.Optimizer, real: batches.Stream) -> None:
    random = runtime.generator(0)
    for _ in range(STEPS_A_ROUND):
        optimizer.zero_grad()
        flowing.loss(model, next(real), random).backward()
        optimizer.step()


# ---------------------------------------------------------------- the table


def table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield the search, the parts and the crossed rules."""
    for name, (loss, rate, gamma) in SEARCH.items():
        if wanted(name):
            row = compared(name, candidate(loss, rate, gamma), [SEARCH_SEED], STEPS[loss])
            yield {key: value for key, value in row.items() if key != "picture"}
    if wanted(STEP_TIMES):
        yield step_times(seeds[0])
    for name, settings in {**parts(), **SECOND, **crossed()}.items():
        if wanted(name):
            of = seeds[:CROSSED_SEEDS] if name in crossed() else seeds
            yield compared(name, settings, of, STEPS[settings.loss])


NAMES = [*SEARCH, STEP_TIMES, *parts(), *SECOND, *crossed()]
