"""What ``tools/tables.py flow`` and ``distilled`` measure: a flow beside the recommended GAN, and flows of one step.

The flow is about as large as the GAN's two networks together and trains for no fewer CPU seconds. It got as many
trials as each loss of ``r3gan_runs``, eight, on the same seed. Samples and judge are those of ``growing_tables``.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn

import r3gan_runs
from gancourse import distilling, flowing, r3gan, styling
from gancourse.metrics import image_sets
from gancourse.models import dense_conv, flow
from growing_tables import SAMPLES, bench, latents, rounded, tell, together
from image_tables import picture
from judge_tables import Wanted
from r3gan_runs import SEARCH_SEED, SHOWN, judged

REAL = "real digits"
STEPS = {"GAN": r3gan_runs.STEPS["non_saturating"], "flow": 480}  # so that the flow has no fewer CPU seconds
PATHS = [(1, "euler"), (2, "euler"), (4, "euler"), (8, "euler"), (16, "euler"), (32, "euler"), (8, "heun")]

# ---------------------------------------------------------------- the search

RATES = (1e-3, 3e-3, 1e-2, 3e-2)
WAYS = (("middle", "velocity"), ("uniform", "velocity"))
SEARCH = {
    f"search: flow, rate {rate:g}, {times} times, {weight} error": {"rate": rate, "times": times, "weight": weight}
    for rate in RATES for times, weight in WAYS
}  # fmt: skip
CHOSEN = {"rate": 3e-2, "times": "middle", "weight": "velocity"}
SEARCH_PATH = 16


def searched(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    started = time.process_time()
    model = flowing.train(bench().data.images, num_steps=STEPS["flow"], seed=SEARCH_SEED, **settings)
    spent = round(time.process_time() - started, 1)
    found = judged(flowing.draw(model, SAMPLES, steps=SEARCH_PATH, seed=SEARCH_SEED + 6))
    tell(name, found)
    return {"name": name, "seeds": [SEARCH_SEED], "steps": STEPS["flow"], "n": SAMPLES, "settings": settings,
            "path": SEARCH_PATH, **together([found | {"cpu_seconds": spent}])}  # fmt: skip


# ---------------------------------------------------------------- the race

COPIES_OF, ASKED = 10_000, 500


@functools.cache
def held_out() -> float:
    """Return the mean squared distance of held-out digits to the nearest of the training digits."""
    return nearest(bench().others)


def nearest(images: Tensor) -> float:
    """Return the mean squared distance, over the first images, to the nearest of the first training digits."""
    found = image_sets.nearest(images[:ASKED], bench().data.images[:COPIES_OF])
    return float(found.distances.double().square().mean())


def seen(images: Tensor) -> dict[str, float]:
    """Return the numbers of samples, and how new they are: 1 is as far from training digits as held-out digits are."""
    return judged(images) | {"newness": round(nearest(images) / held_out(), 3)}


def named(steps: int, method: str) -> str:
    return f"flow, {steps} step{'s' * (steps > 1)}{', heun' * (method == 'heun')}"


def timed(make: Callable[[], Tensor]) -> tuple[Tensor, float]:
    """Return images, and CPU seconds for a thousand of them."""
    started = time.process_time()
    images = make()
    return images, round(1_000 * (time.process_time() - started) / len(images), 4)


def row(name: str, seeds: list[int], steps: int, found: list[dict[str, Any]], shown: Tensor, **more: Any) -> dict:
    values = together(found)
    tell(name, values)
    return {"name": name, "seeds": seeds, "steps": steps, "n": SAMPLES, **more, **values,
            "picture": picture(shown, columns=SHOWN // 2)}  # fmt: skip


def parameters(*networks: nn.Module) -> int:
    return sum(weight.numel() for network in networks for weight in network.parameters())


def gan_row(name: str, seeds: list[int], steps: int) -> dict[str, Any]:
    found, settings = [], r3gan_runs.CHOSEN["non_saturating"]
    for seed in seeds:
        started = time.process_time()
        generator = r3gan.train(bench().data.images, settings, num_steps=steps, seed=seed)
        spent = round(time.process_time() - started, 1)
        z = latents(SAMPLES, generator.latent_dim, seed)
        images, seconds = timed(lambda generator=generator, z=z: styling.pictures(generator, z))
        found.append(seen(images) | {"cpu_seconds": spent, "seconds_1000": seconds})
        if seed == seeds[0]:
            shown = images
    size = parameters(dense_conv.Generator(), dense_conv.Discriminator())
    return row(name, seeds, steps, found, shown, calls=1, parameters=size)


@functools.cache
def trained(steps: int, seed: int) -> tuple[flow.Denoiser, float]:
    """Return a flow and the CPU seconds of its training; those of the race are the teachers too."""
    started = time.process_time()
    model = flowing.train(bench().data.images, num_steps=steps, seed=seed, **CHOSEN)
    return model, round(time.process_time() - started, 1)


def flow_rows(
    named_paths: dict[str, tuple[int, str]], seeds: list[int], steps: int, wanted: Wanted
) -> Iterator[dict[str, Any]]:
    """Train once for each seed, and yield a row for each number of steps on the way."""
    asked = {name: path for name, path in named_paths.items() if wanted(name)}
    if not asked:
        return
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in asked}
    shown = {}
    for seed in seeds:
        model, spent = trained(steps, seed)
        for name, (count, method) in asked.items():
            images, seconds = timed(
                lambda model=model, count=count, method=method, seed=seed: flowing.draw(
                    model, SAMPLES, steps=count, method=method, seed=seed + 6
                )
            )
            found[name].append(seen(images) | {"cpu_seconds": spent, "seconds_1000": seconds})
            if seed == seeds[0]:
                shown[name] = images
        print(seed, {name: numbers[-1]["frechet"] for name, numbers in found.items()}, flush=True)
    for name, (count, method) in asked.items():
        calls = flowing.calls(count, method)
        yield row(name, seeds, steps, found[name], shown[name], calls=calls, parameters=parameters(flow.Denoiser()))


RACE = {named(*path): path for path in PATHS}


def race(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield the search, the GAN, and the flow by its steps."""
    if wanted(REAL):
        yield {"name": REAL, "n": SAMPLES, **seen(bench().others),
               "picture": picture(bench().others, columns=SHOWN // 2)}  # fmt: skip
    for name, settings in SEARCH.items():
        if wanted(name):
            yield searched(name, settings)
    if wanted("GAN"):
        yield gan_row("GAN", seeds, STEPS["GAN"])
    yield from flow_rows(RACE, seeds, STEPS["flow"], wanted)


# ---------------------------------------------------------------- one step

PAIRS, TEACHER_STEPS = 4_000, 16
ARMS = {  # weight of differences and of D, and steps: those with D take 5/3 as long
    "differences": (10.0, 0.0, 500),
    "differences + D": (10.0, 1.0, 300),
    "D alone": (0.0, 1.0, 300),
}
STUDENT_RATES = (1e-3, 4e-3)
STUDENT_SEARCH = {
    f"search: {arm}, rate {rate:g}": (arm, rate) for arm in ARMS for rate in STUDENT_RATES
}  # fmt: skip
STUDENT_CHOSEN = dict.fromkeys(ARMS, 4e-3)
TEACHER, AT_ONCE = f"teacher, {TEACHER_STEPS} steps", "teacher, 1 step"


class Lesson:
    """A teacher, its pairs, and what it makes of fresh noise, which the students will get too."""

    def __init__(self, seed: int) -> None:
        self.teacher, self.train_seconds = trained(STEPS["flow"], seed)
        started = time.process_time()
        self.noise, self.images = distilling.pairs(self.teacher, PAIRS, steps=TEACHER_STEPS, seed=seed + 5)
        self.pair_seconds = round(time.process_time() - started, 1)
        self.seed = seed
        (self.fresh, self.answers), self.seconds = timed_pairs(self.teacher, seed + 6)
        self.classes = bench().judge.probabilities(self.answers).argmax(1)

    def measured(self, images: Tensor, seconds: float) -> dict[str, Any]:
        kept = bench().judge.probabilities(images).argmax(1) == self.classes
        more = {"kept": float(kept.double().mean()), "error": float((images - self.answers).square().mean())}
        return judged(images) | rounded(more) | {"seconds_1000": seconds}

    def taught(self, arm: str, rate: float) -> tuple[dict[str, Any], Tensor]:
        differences, adversarial, steps = ARMS[arm]
        started = time.process_time()
        student = distilling.train(
            self.teacher, self.noise, self.images, bench().data.images, differences=differences,
            adversarial=adversarial, rate=rate, num_steps=steps, seed=self.seed + 7,
        )  # fmt: skip
        spent = round(time.process_time() - started, 1)
        images, seconds = timed(lambda: distilling.one_step(student, self.fresh))
        return self.measured(images, seconds) | {"cpu_seconds": spent}, images


def timed_pairs(teacher: flow.Denoiser, seed: int) -> tuple[tuple[Tensor, Tensor], float]:
    started = time.process_time()
    found = distilling.pairs(teacher, SAMPLES, steps=TEACHER_STEPS, seed=seed)
    return found, round(1_000 * (time.process_time() - started) / SAMPLES, 4)


def distilled(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield the search on a teacher of its own, then teachers and students seed by seed, all of the same noise."""
    if any(wanted(name) for name in STUDENT_SEARCH):
        lesson = Lesson(SEARCH_SEED)
        for name, (arm, rate) in STUDENT_SEARCH.items():
            if wanted(name):
                found, _ = lesson.taught(arm, rate)
                tell(name, found)
                yield {"name": name, "seeds": [SEARCH_SEED], "steps": ARMS[arm][2], "n": SAMPLES, "rate": rate,
                       **together([found])}  # fmt: skip
    asked = [name for name in (TEACHER, AT_ONCE, *ARMS) if wanted(name)]
    if not asked:
        return
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in asked}
    shown: dict[str, Tensor] = {}
    for seed in seeds:
        lesson = Lesson(seed)
        for name in asked:
            if name == TEACHER:
                images = lesson.answers
                numbers = lesson.measured(images, lesson.seconds) | {"cpu_seconds": lesson.train_seconds,
                                                                     "pair_seconds": lesson.pair_seconds}  # fmt: skip
            elif name == AT_ONCE:
                images, seconds = timed(lambda lesson=lesson: distilling.one_step(lesson.teacher, lesson.fresh))
                numbers = lesson.measured(images, seconds) | {"cpu_seconds": 0.0}
            else:
                numbers, images = lesson.taught(name, STUDENT_CHOSEN[name])
            found[name].append(numbers)
            shown.setdefault(name, images)
        print(seed, {name: numbers[-1]["frechet"] for name, numbers in found.items()}, flush=True)
    for name in asked:
        steps = ARMS[name][2] if name in ARMS else STEPS["flow"]
        yield row(name, seeds, steps, found[name], shown[name], pairs=PAIRS)


NAMES = [REAL, *SEARCH, "GAN", *RACE]
ONE_STEP_NAMES = [*STUDENT_SEARCH, TEACHER, AT_ONCE, *ARMS]
