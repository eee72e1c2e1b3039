"""What ``tools/tables.py small`` measures: the recommended generator made smaller in every way, and each way's control.

All rows of one seed start from the same whole generator, and draw from the same z. What is trained gets equal CPU
seconds: the steps below follow from the row "step times". Every way of training a generator of half the width got four
rates on a seed of its own (the whole generator's rates were searched for notebook 22); training on after pruning got
four too. What a student is taught by, the whole generator and 20,000 of its images, is there before the clock starts.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gancourse import distilling, exporting, styling, timing
from gancourse.compressing import channels, counting, folding, pruning, rounding, tuning
from gancourse.metrics import judge as judges
from gancourse.metrics.softness import BlurRuler
from gancourse.models import averaging
from growing_tables import SAMPLES, bench, latents, numbers, rounded, tell, together
from image_tables import picture
from judge_tables import Wanted

REAL, WHOLE = "real digits", "whole"
SEARCH_SEED, SHOWN, RULED = 2_000, 12, 500
STEPS = {
    "GAN whole": 400, "GAN half": 450, "GAN quarter": 485,
    "pixels whole": 1_175, "pixels half": 2_000,
    "pixels + D half": 430, "pixels + D quarter": 460,
}  # fmt: skip
TUNED = 130  # steps of training on: a third of what the whole one got
PAIRS = 20_000

# ---------------------------------------------------------------- the whole one, and what is measured


class Whole(NamedTuple):
    """A trained pair, z that no training sees, and what the generator makes of them."""

    seed: int
    generator: nn.Module
    discriminator: nn.Module
    cpu_seconds: float
    z: Tensor
    images: Tensor
    classes: Tensor


@functools.cache
def whole(seed: int) -> Whole:
    started = time.process_time()
    pair = tuning.train(*tuning.fresh(seed=seed), bench().data.images, num_steps=STEPS["GAN whole"], seed=seed)
    spent = round(time.process_time() - started, 1)
    z = latents(SAMPLES, pair[0].latent_dim, seed)
    images = styling.pictures(pair[0], z)
    return Whole(seed, *pair, spent, z, images, bench().judge.probabilities(images).argmax(1))


@functools.cache
def pairs(seed: int) -> tuple[Tensor, Tensor]:
    return distilling.generator_pairs(whole(seed).generator, PAIRS, seed=seed + 5)


@functools.cache
def ruler() -> BlurRuler:
    return BlurRuler(bench().others[:RULED])


def of_images(images: Tensor, at: Whole) -> dict[str, Any]:
    """Return what is measured of images made of the whole one's z: ``error`` and ``kept`` compare with its images."""
    chances = bench().judge.probabilities(images)
    more = {
        "soft": ruler().blur_of(images[:RULED]),
        "error": float((images - at.images).square().mean()),
        "kept": float((chances.argmax(1) == at.classes).double().mean()),
    }
    return numbers(images) | rounded(more) | {"classes": len(judges.classes_covered(chances))}


def of(generator: nn.Module, at: Whole, seconds: float = 0.0) -> tuple[dict[str, Any], Tensor]:
    """Return the numbers and the samples of a generator."""
    images = styling.pictures(generator, at.z)
    return of_images(images, at) | {"cpu_seconds": seconds}, images


def sizes(generator: nn.Module) -> dict[str, int]:
    z = torch.zeros(1, generator.latent_dim)
    return {"parameters": counting.parameters(generator), "zeros": counting.zeros(generator),
            "file_bytes": counting.file_bytes(generator), "zipped_bytes": counting.zipped_bytes(generator),
            "multiply_adds": counting.multiply_adds(generator, z)}  # fmt: skip


# ---------------------------------------------------------------- small ones, trained

TRAINED = {  # how, and size
    "half, GAN": ("GAN", "half"),
    "half, pixels": ("pixels", "half"),
    "half, pixels + D": ("pixels + D", "half"),
    "quarter, GAN": ("GAN", "quarter"),
    "quarter, pixels + D": ("pixels + D", "quarter"),
    "whole again, pixels": ("pixels", "whole"),
}
RATES = (4e-3, 8e-3, 1.6e-2, 3.2e-2)
SEARCH = {
    f"search: {name}, rate {rate:g}": (name, rate) for name in TRAINED if name.startswith("half") for rate in RATES
}  # the other sizes take what the search chose for half the width
CHOSEN = {name: 3.2e-2 if how == "pixels + D" else 1.6e-2 for name, (how, _) in TRAINED.items()}
"""The best of each search by the Fréchet distance."""

TWICE = "half, GAN, twice as long"  # as long as the whole one and what is then trained on together


TEACHING: dict[str, dict[str, float]] = {"pixels": {"adversarial": 0.0}, "pixels + D": {}}


def small(name: str, rate: float, seed: int, times: int = 1) -> tuple[nn.Module, float, int]:
    """Train a small generator, and return it with the CPU seconds and the steps that it took."""
    how, size = TRAINED[name]
    at, steps = whole(seed), times * STEPS[f"{how} {size}"]
    pair = tuning.fresh(size, seed=seed + 11)
    if how != "GAN":
        pairs(seed)  # made before the clock starts
    started = time.process_time()
    if how == "GAN":
        made, _ = tuning.train(*pair, bench().data.images, rates=(rate, rate / 2), num_steps=steps, seed=seed + 11)
    else:
        made = distilling.train(
            at.generator, *pairs(seed), bench().data.images, student=pair[0], rate=rate, num_steps=steps,
            seed=seed + 11, **TEACHING[how],
        )  # fmt: skip
    return made, round(time.process_time() - started, 1), steps


def taught(name: str, rate: float, seed: int, times: int = 1) -> tuple[dict[str, Any], nn.Module, Tensor, int]:
    """Return the numbers of a small one, with its error on the very z that it was taught with."""
    made, seconds, steps = small(name, rate, seed, times)
    found, images = of(made, whole(seed), seconds)
    if not name.endswith("GAN"):
        z, wanted = (one[:SAMPLES] for one in pairs(seed))
        found["error_seen"] = round(float((styling.pictures(made, z) - wanted).square().mean()), 4)
    return found, made, images, steps


def searched(name: str) -> dict[str, Any]:
    of_what, rate = SEARCH[name]
    found, _, _, steps = taught(of_what, rate, SEARCH_SEED)
    tell(name, found)
    return {"name": name, "seeds": [SEARCH_SEED], "steps": steps, "n": SAMPLES, "rate": rate, **together([found])}


# ---------------------------------------------------------------- pruned ones

SHARES = (30, 50, 70, 90)
TUNING_RATES = (1e-3, 3e-3, 8e-3, 1.6e-2)
TUNING = {"whole, trained on": 0, "smallest 70 %, trained on": 70}
TUNING_SEARCH = {f"search: {name}, rate {rate:g}": (name, rate) for name in TUNING for rate in TUNING_RATES}
# Trying 0.016 came last, and changed little: 71 for 73, and 179 for 201.
TUNING_CHOSEN = {"whole, trained on": 8e-3, "pruned": 8e-3}


def again(generator: nn.Module, seed: int) -> nn.Module:
    """Measure batch norm's statistics again, and return the same network."""
    z = latents(5_000, generator.latent_dim, seed + 3)
    averaging.recompute_batch_norm(generator, z.split(250))
    return generator


def tuned(generator: nn.Module, rate: float, at: Whole, steps: int = TUNED) -> nn.Module:
    made, _ = tuning.train(
        generator, at.discriminator, bench().data.images, rates=(rate, rate / 2), num_steps=steps, seed=at.seed + 13
    )
    return made


def cut(share: int, at: Whole, **how: Any) -> nn.Module:
    return pruning.pruned(at.generator, share / 100, seed=at.seed, **how)


def half(way: str, at: Whole) -> nn.Module:
    return channels.narrowed(at.generator, way=way, seed=at.seed, **channels.SIZES["half"])


MADE: dict[str, Callable[[Whole], nn.Module]] = {WHOLE: lambda at: at.generator}
for share in SHARES:
    MADE |= {
        f"smallest {share} %, stale": functools.partial(cut, share),
        f"smallest {share} %": lambda at, share=share: again(cut(share, at), at.seed),
        f"smallest {share} % over all": lambda at, share=share: again(cut(share, at, scope="network"), at.seed),
    }
MADE |= {
    f"random {share} %": lambda at, share=share: again(cut(share, at, way="random"), at.seed) for share in (10, 30, 50)
}
MADE["whole, trained on"] = lambda at: tuned(at.generator, TUNING_CHOSEN["whole, trained on"], at)
MADE |= {
    f"smallest {share} %{over}, trained on": lambda at, share=share, scope=scope: tuned(
        cut(share, at, scope=scope), TUNING_CHOSEN["pruned"], at
    )
    for share, over, scope in ((70, "", "layer"), (70, " over all", "network"), (90, " over all", "network"))
}
MADE |= {f"channels, {way}": lambda at, way=way: again(half(way, at), at.seed) for way in channels.WAYS}
ONLY = {"units": {"width": 16, "hidden": 128}, "maps": {"width": 8, "hidden": 256}}  # half of one kind of channel
MADE |= {
    f"{kind}, {way}": lambda at, way=way, size=size: again(
        channels.narrowed(at.generator, way=way, seed=at.seed, **size), at.seed
    )
    for kind, size in ONLY.items() for way in ("outgoing", "random")
}  # fmt: skip
MADE |= {
    f"channels, {way}, trained on": lambda at, way=way: tuned(half(way, at), TUNING_CHOSEN["pruned"], at)
    for way in channels.WAYS
}
MADE["channels, outgoing, trained as long"] = lambda at: tuned(
    half("outgoing", at), CHOSEN["half, GAN"], at, STEPS["GAN half"]
)

# ---------------------------------------------------------------- rounded ones

BITS = (8, 6, 5, 4, 3, 2)
ROUNDED = {f"{bits} bits": (bits, "channel") for bits in BITS}
ROUNDED |= {f"{bits} bits, one step a layer": (bits, "layer") for bits in (8, 6, 5, 4, 3)}
ONNX = {"ONNX": None, "ONNX, int8 dynamic": "dynamic", "ONNX, int8 static": "static"}


class Run(NamedTuple):
    """What one seed gives to a row: its numbers, its samples, and what is told of the first seed alone."""

    numbers: dict[str, Any]
    images: Tensor
    more: Callable[[], dict[str, Any]]


def run_made(name: str, seed: int) -> Run:
    at = whole(seed)
    started = time.process_time()
    network = MADE[name](at)
    seconds = at.cpu_seconds if name == WHOLE else round(time.process_time() - started, 1)
    return Run(*of(network, at, seconds), lambda: sizes(network))


def run_rounded(name: str, seed: int) -> Run:
    (bits, per), at = ROUNDED[name], whole(seed)
    flat = folding.folded(at.generator)  # what a program that stores whole numbers rounds
    network = rounding.rounded(flat, bits, per=per)

    def more() -> dict[str, Any]:
        errors = [one._asdict() for one in rounding.errors(flat, bits, per=per)]
        return sizes(network) | {"packed_bytes": rounding.packed_bytes(flat, bits, per=per), "layers": errors}

    return Run(*of(network, at), more)


def run_trained(name: str, seed: int) -> Run:
    of_what, times = ("half, GAN", 2) if name == TWICE else (name, 1)
    numbers, network, images, steps = taught(of_what, CHOSEN[of_what], seed, times)
    return Run(numbers, images, lambda: sizes(network) | {"steps": steps, "rate": CHOSEN[of_what]})


@functools.cache
def onnx_file(seed: int, folder: Any) -> Any:
    return exporting.to_onnx(whole(seed).generator, folder / f"whole-{seed}.onnx")


def run_by_onnx(name: str, seed: int, *, folder: Any) -> Run:
    """Run the whole generator by ONNX Runtime; what is told of the first seed is what the file holds."""
    way, at, path = ONNX[name], whole(seed), onnx_file(seed, folder)
    if way is not None:
        z = latents(512, at.generator.latent_dim, at.seed + 4) if way == "static" else None
        path = exporting.to_int8(path, folder / f"{way}-{at.seed}.onnx", z, way=way)
    session = exporting.Session(path)
    images = torch.cat([session(part) for part in at.z.split(250)])
    found = of_images(images, at) | {"largest_difference": float((images - at.images).abs().max()), "cpu_seconds": 0.0}

    def more() -> dict[str, Any]:
        kinds: dict[str, int] = {}
        for one in exporting.stored(path):
            kinds[one.number_type] = kinds.get(one.number_type, 0) + one.count
        return {"file_bytes": path.stat().st_size, "numbers": kinds, "operations": session.operations}

    return Run(found, images, more)


# ---------------------------------------------------------------- the table

STEP_TIMES, FEW, MANY, ROUNDS = "step times", 8, 32, 3


def step_times() -> dict[str, Any]:
    """Return CPU milliseconds of a step of each way of training: what more steps take longer, in interleaved rounds."""
    at, images = whole(SEARCH_SEED), bench().data.images
    z, wanted = (one[:SAMPLES] for one in pairs(SEARCH_SEED))
    calls = {}
    for name in STEPS:
        how, size = name.rsplit(" ", 1)
        pair = tuning.fresh(size, seed=0)
        for count in (FEW, MANY):
            if how == "GAN":
                call = functools.partial(tuning.train, *pair, images, num_steps=count, seed=0)
            else:
                call = functools.partial(
                    distilling.train,
                    at.generator,
                    z,
                    wanted,
                    images,
                    student=pair[0],
                    num_steps=count,
                    seed=0,
                    **TEACHING[how],
                )  # fmt: skip
            calls[name, count] = call
    found = timing.interleaved(calls, rounds=ROUNDS, warm_up=1)
    ms = {name: (found.median((name, MANY)) - found.median((name, FEW))) / (MANY - FEW) for name in STEPS}
    seconds = {name: round(STEPS[name] * ms[name] / 1_000, 1) for name in STEPS}
    row = {"name": STEP_TIMES, "ms": rounded(ms), "seconds": seconds}
    tell(STEP_TIMES, ms)
    return row


def row(name: str, seeds: list[int], found: list[dict[str, Any]], shown: Tensor, **more: Any) -> dict[str, Any]:
    values = together(found)
    tell(name, values)
    return {"name": name, "seeds": seeds, "n": SAMPLES, **more, **values, "picture": picture(shown, columns=SHOWN // 2)}


def table(seeds: list[int], wanted: Wanted, folder: Any) -> Iterator[dict[str, Any]]:
    """Yield the searches, then every way and its control."""
    if wanted(STEP_TIMES):
        yield step_times()
    for name in SEARCH:
        if wanted(name):
            yield searched(name)
    for name, (of_what, rate) in TUNING_SEARCH.items():
        if wanted(name):
            at = whole(SEARCH_SEED)
            started = time.process_time()
            made = tuned(cut(TUNING[of_what], at), rate, at)
            found, _ = of(made, at, round(time.process_time() - started, 1))
            tell(name, found)
            yield {"name": name, "seeds": [SEARCH_SEED], "steps": TUNED, "n": SAMPLES, "rate": rate,
                   **together([found])}  # fmt: skip
    if wanted(REAL):
        images = bench().others
        soft = round(ruler().blur_of(images[RULED : 2 * RULED]), 4)  # below 0.3 it cannot tell
        yield {"name": REAL, "n": SAMPLES, **numbers(images), "soft": soft,
               "picture": picture(images, columns=SHOWN // 2)}  # fmt: skip
    runs = {
        **dict.fromkeys(MADE, run_made),
        **dict.fromkeys(ROUNDED, run_rounded),
        **dict.fromkeys((*TRAINED, TWICE), run_trained),
    }
    if not exporting.missing():
        runs |= dict.fromkeys(ONNX, functools.partial(run_by_onnx, folder=folder))
    for name, run in runs.items():
        if wanted(name):
            found = [run(name, seed) for seed in seeds]
            yield row(name, seeds, [one.numbers for one in found], found[0].images, **found[0].more())


NAMES = [STEP_TIMES, *SEARCH, *TUNING_SEARCH, REAL, *MADE, *ROUNDED, *TRAINED, *ONNX, TWICE]
