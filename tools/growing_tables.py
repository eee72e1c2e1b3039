"""What ``tools/tables.py growing`` and ``style-parts`` measure: growing, and small parts, each beside its control.

Every generator is trained by the recommended recipe, from the same seeds. Its samples are compared with 5,000 test
digits; for precision and recall 1,000 of both are taken. Growing and its control of full size get equal CPU seconds,
counted by what a step costs at each size, which the row "step times" measures.
"""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gancourse import growing, recommended, runtime, styling
from gancourse.data import batches, digits
from gancourse.metrics import image_sets
from gancourse.metrics import judge as judges
from gancourse.models import dense_conv, grown, parts
from image_tables import picture
from judge_tables import Wanted

SAMPLES, SCORED, COMPARED_WITH = 2_000, 1_000, 5_000

# ---------------------------------------------------------------- data and judge


class Bench(NamedTuple):
    """Real digits, a judge, what it sees in 5,000 of the test digits, and other test digits for the floor."""

    data: digits.Digits
    judge: judges.Judge
    features: Tensor
    others: Tensor


@functools.cache
def bench() -> Bench:
    data = digits.load("mnist")
    judge = judges.load(data)
    order = torch.randperm(len(data.test_images), generator=runtime.generator(0))
    seen, others = order[:COMPARED_WITH], order[COMPARED_WITH : COMPARED_WITH + SAMPLES]
    return Bench(data, judge, judge.features(data.test_images[seen]), data.test_images[others])


def numbers(images: Tensor) -> dict[str, float]:
    """Return what is measured of a set of images."""
    at = bench()
    features, chances = at.judge.features(images), at.judge.probabilities(images)
    near = image_sets.precision_recall(at.features[:SCORED], features[:SCORED])
    return rounded({
        "frechet": image_sets.frechet_distance(at.features, features),
        "clear": float((chances.amax(dim=1) >= judges.CONFIDENT).double().mean()),
        "precision": near.precision, "recall": near.recall,
    })  # fmt: skip


def rounded(found: dict[str, float]) -> dict[str, float]:
    return {key: round(value, 4) for key, value in found.items()}


def together(found: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Turn one dictionary for each seed into one list for each key."""
    return {key: [one[key] for one in found] for key in found[0]}


def tell(name: str, found: dict[str, Any]) -> None:
    shown = {key: value for key, value in found.items() if not isinstance(value, dict | str)}
    print(f"{name:36s}" + "  ".join(f"{key} {value}" for key, value in shown.items()), flush=True)


def latents(count: int, size: int, seed: int) -> Tensor:
    return torch.randn(count, size, generator=runtime.generator(seed + 6))


def trained_row(name: str, train: Callable[[int], nn.Module], seeds: list[int], steps: int) -> dict[str, Any]:
    """Train on every seed, and return what a table stores of the samples."""
    found = []
    for seed in seeds:
        started = time.process_time()
        generator = train(seed)
        spent = time.process_time() - started
        images = styling.pictures(generator, latents(SAMPLES, generator.latent_dim, seed))
        found.append(numbers(images) | {"cpu_seconds": round(spent, 1)})
        if seed == seeds[0]:
            shown = picture(images)
    values = together(found)
    tell(name, values)
    return {"name": name, "seeds": seeds, "steps": steps, "n": SAMPLES, **values, "picture": shown}


# ---------------------------------------------------------------- growing

# A step of the pair costs about 16, 30 and 32 ms at the three sizes, one of the stack 16, 50 and 134 (see the row
# "step times"). With a fifth, a quarter and 55 % of the steps at each, so many steps take as long as the control's.
GROWING = {
    "full size": ("pair", growing.FULL_SIZE, True, 475),
    "grow": ("pair", growing.STARTS, True, 540),
    "grow, jump": ("pair", growing.STARTS, False, 540),
    "stack: full size": ("stack", growing.FULL_SIZE, True, 300),
    "stack: grow": ("stack", growing.STARTS, True, 450),
}
STEP_TIMES = "step times"
ROUNDS, STEPS_A_ROUND = 5, 8


def step_times(seed: int) -> dict[str, Any]:
    """Return milliseconds of a step and multiplications of an image, for both bodies at each size."""
    images, steps = bench().data.images[: recommended.BATCH_SIZE], {}
    found: dict[str, Any] = {"name": STEP_TIMES, "side": [7, 14, 28]}
    for body in grown.BODIES:
        counted = []
        for stage in range(grown.STAGES):
            with runtime.seeded(seed):
                pair = grown.Generator(body=body), grown.Discriminator(body=body)
            made = recommended.assemble(*pair, width=16, num_steps=1_000)
            for network in pair:
                network.stage = stage
            step = recommended.make_step(made, recommended.latents(made, runtime.generator(seed)))
            steps[body, stage] = functools.partial(timed, step, growing.shown(images, stage))
            z = latents(2, pair[0].latent_dim, seed)
            counted.append([growing.multiplications(pair[0], z), growing.multiplications(pair[1], pair[0](z))])
        found[f"multiplications_{body}"] = counted
    spent: dict[tuple[str, int], list[float]] = {key: [] for key in steps}
    for _ in range(ROUNDS):
        for key, run in steps.items():
            spent[key].append(run())
    for body in grown.BODIES:
        ms = [statistics.median(spent[body, stage]) for stage in range(grown.STAGES)]
        found[f"ms_{body}"] = [round(value, 1) for value in ms]
    tell(STEP_TIMES, found)
    return found


def timed(step: Callable[[Tensor], Any], images: Tensor) -> float:
    """Return CPU milliseconds of a step, over as many as R1 needs to come once."""
    started = time.process_time()
    for _ in range(STEPS_A_ROUND):
        step(images.clone())
    return 1_000 * (time.process_time() - started) / STEPS_A_ROUND


def growing_table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each plan, and what a step costs at each size."""
    if wanted(STEP_TIMES):
        yield step_times(seeds[0])
    for name, (body, starts, fade, steps) in GROWING.items():
        if wanted(name):
            train = functools.partial(
                lambda seed, **how: growing.train(bench().data.images, seed=seed, **how),
                num_steps=steps, starts=starts, fade=fade, body=body,
            )  # fmt: skip
            yield trained_row(name, train, seeds, steps)


# ---------------------------------------------------------------- small parts, each beside its control

PARTS_STEPS, PARTS_DIM = 475, 32


def with_norm(norm: Callable[[], nn.Module]) -> dense_conv.Generator:
    """Return the plain generator with another norm in the place of batch norm, and biases that it then needs."""
    generator = dense_conv.Generator(latent_dim=PARTS_DIM)
    for layers in (generator.dense, generator.convolutions):
        for place, layer in enumerate(layers):
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                layers[place] = norm()
                before = layers[place - 1]
                before.bias = nn.Parameter(torch.zeros(layer.num_features))
    return generator


def with_deviation() -> dense_conv.Discriminator:
    """Return the plain discriminator that sees the batch's deviation beside the maps of a quarter of the side."""
    network = dense_conv.Discriminator()
    hidden = network.layers[5]
    wider = nn.Linear(hidden.in_features + (network.image_size // 4) ** 2, hidden.out_features)
    network.layers = nn.Sequential(*network.layers[:4], parts.MinibatchDeviation(), nn.Flatten(), wider,
                                   *network.layers[6:])  # fmt: skip
    return network


def plain_pair() -> tuple[nn.Module, nn.Module]:
    return dense_conv.Generator(latent_dim=PARTS_DIM), dense_conv.Discriminator()


def equalised(rate: float) -> tuple[nn.Module, ...]:
    return tuple(parts.equalise(network, rate) for network in plain_pair())


PARTS: dict[str, Callable[[], tuple[nn.Module, ...]]] = {
    "control": plain_pair,
    "minibatch deviation": lambda: (dense_conv.Generator(latent_dim=PARTS_DIM), with_deviation()),
    "equalised, rate x 3": lambda: equalised(3.0),
    "equalised, rate x 10": lambda: equalised(10.0),
    "equalised, rate x 30": lambda: equalised(30.0),
    "pixel norm for batch norm": lambda: (with_norm(parts.PixelNorm), dense_conv.Discriminator()),
    "no norm for batch norm": lambda: (with_norm(nn.Identity), dense_conv.Discriminator()),
}
SLOW = {f"{name}, rates / 4": PARTS[name] for name in list(PARTS)[-2:]}  # those above are tuned for batch norm
PARTS |= SLOW
SLOWER = (2e-3, 1e-3)


def trained_pair(
    pair: Callable[[], tuple[nn.Module, ...]], seed: int, rates: tuple[float, float] | None = None
) -> nn.Module:
    """Train a pair by the recommended recipe, as ``styling.train`` does; with other rates of G and D where given."""
    with runtime.seeded(seed):
        generator, discriminator = pair()
    made = recommended.assemble(generator, discriminator, width=16, num_steps=PARTS_STEPS, rates=rates)
    drawn = recommended.latents(made, runtime.generator(seed + 1))
    step = recommended.make_step(made, drawn)
    real = batches.stream(bench().data.images, recommended.BATCH_SIZE, runtime.generator(seed + 2))
    for _ in range(PARTS_STEPS):
        step(next(real))
    return styling.finish(made, drawn)


def parts_table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each part, at equal steps."""
    for name, pair in PARTS.items():
        if wanted(name):
            train = functools.partial(trained_pair, pair, rates=SLOWER if name in SLOW else None)
            yield trained_row(name, train, seeds, PARTS_STEPS)


NAMES = [STEP_TIMES, *GROWING, *PARTS]
