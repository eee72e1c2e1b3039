"""What ``tools/tables.py styles`` and ``directions`` measure: styled generators beside plain ones, and directions.

Training, samples and judge are those of ``growing_tables``. Directions are looked for in generators without a style:
on ellipses, whose factors are known, and on digits.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gancourse import runtime, styling
from gancourse.data import ellipses
from gancourse.metrics import directions, paths
from gancourse.models import styled
from growing_tables import SAMPLES, bench, latents, numbers, rounded, tell, together
from image_tables import picture
from judge_tables import Wanted

REAL = "real digits"

# ---------------------------------------------------------------- the styled generator beside the plain one

PLAIN = {"latent_dim": 32, "num_steps": 475}
STYLED = {"latent_dim": 64, "num_steps": 650, "mixing": 0.5}
VARIANTS = {
    "plain": PLAIN,
    "styled": {"style": "modulated", **STYLED},
    "styled, no mixing": {"style": "modulated", **STYLED, "mixing": 0.0},
    "styled, batch": {"style": "batch", **STYLED},
    "styled, image": {"style": "image", **STYLED},
}
PSI = (1.0, 0.8, 0.6, 0.4, 0.2)
SHRUNK = 0.25  # of the control whose images are nearly all alike
WAYS, MANY = 1_000, 8_000


def made(name: str, seed: int) -> nn.Module:
    return styling.train(bench().data.images, seed=seed, **VARIANTS[name])


def length(paint: Callable[[Tensor], Tensor], codes: Tensor, between: Callable[..., Tensor]) -> float:
    """Return the path length between the first thousand codes and the next."""
    a, b = codes[:WAYS], codes[WAYS : 2 * WAYS]
    features = bench().judge.features
    return round(paths.path_length(paint, features, a, b, between=between, generator=runtime.generator(8)), 1)


def fitted(codes: Tensor, images: Tensor) -> list[float]:
    """Return R^2 of ink, slant, width and height as linear functions of the codes."""
    return [round(value, 3) for value in directions.linear_fit(codes, directions.of_digits(images)).tolist()]


def truncated(paint: Callable[[Tensor], Tensor], codes: Tensor, middle: Tensor | None) -> dict[str, Any]:
    """Return what truncation does, for each psi, and a picture of eight samples for each of four of them."""
    sets = [styling.pictures(paint, styled.truncate(codes, psi, middle)) for psi in PSI]
    by_psi = together([numbers(images) for images in sets])
    shown = torch.cat([sets[place][:8] for place in (0, 1, 2, 3)])
    return {"psi": list(PSI), "by_psi": by_psi, "picture": picture(shown, columns=16)}


def of_plain(generator: nn.Module, seed: int) -> dict[str, Any]:
    z = latents(SAMPLES, generator.latent_dim, seed)
    images = styling.pictures(generator, z)
    return {**truncated(generator, z, None), "path_length": length(generator, z, paths.slerp), "fit": fitted(z, images)}


def of_shrunk(generator: nn.Module, seed: int) -> dict[str, Any]:
    """The control of the path length: the plain generator, with every z drawn to the middle before it is used."""

    def paint(z: Tensor) -> Tensor:
        return generator(styled.truncate(z, SHRUNK))

    z = latents(SAMPLES, generator.latent_dim, seed)
    images = styling.pictures(paint, z)
    return {"numbers": numbers(images), "path_length": length(paint, z, paths.slerp), "fit": fitted(z, images)}


def of_styled(generator: styled.StyledGenerator, seed: int) -> dict[str, Any]:
    z = latents(SAMPLES, generator.latent_dim, seed)
    w, middle = generator.map(z).detach(), generator.mean_style(runtime.generator(seed + 7), MANY)
    images = styling.pictures(generator.paint, w)
    return {
        **truncated(generator.paint, w, middle),
        "path_length": length(generator.paint, w, paths.lerp),
        "path_length_z": length(generator, z, paths.slerp),
        "fit": fitted(w, images), "fit_z": fitted(z, images),
        "mixing": [mixing(generator, w, images, cut) for cut in (1, 2)],
        "noise": noise_inputs(generator, w, images, seed),
    }  # fmt: skip


def mixing(generator: styled.StyledGenerator, w: Tensor, images: Tensor, cut: int) -> dict[str, float]:
    """Return what stays of an image when the styles from a place on are another one's: its class, and its factors."""
    judge, other = bench().judge, w.roll(1, 0)
    seen = judge.probabilities(images).argmax(dim=1)
    made = styling.pictures(generator.paint, styled.mixed(w, other, cut))
    after = judge.probabilities(made).argmax(dim=1)
    before, now = directions.of_digits(images), directions.of_digits(made)
    found = {"cut": cut, "class_of_first": float((after == seen).double().mean()),
             "class_of_rest": float((after == seen.roll(1)).double().mean())}  # fmt: skip
    for place, name in enumerate(directions.DIGIT_FACTORS):
        for of, values in (("first", before[:, place]), ("rest", before[:, place].roll(1))):
            found[f"{name}_of_{of}"] = float(torch.corrcoef(torch.stack([now[:, place], values]))[0, 1])
    return rounded(found)


def noise_inputs(generator: styled.StyledGenerator, w: Tensor, images: Tensor, seed: int) -> dict[str, float]:
    """Return what the noise inputs change: two draws of noise for the same styles."""
    random = runtime.generator(seed + 9)
    one, two = (styling.pictures(lambda part: generator.paint(part, random), w) for _ in range(2))
    judge = bench().judge
    first, second = (judge.probabilities(drawn).argmax(dim=1) for drawn in (one, two))
    return rounded({
        "frechet_without": numbers(images)["frechet"], "frechet_with": numbers(one)["frechet"],
        "pixel_change": float((one - two).square().mean().sqrt()),
        "pixel_spread": float((images - images.roll(1, 0)).square().mean().sqrt()),
        "class_kept": float((first == second).double().mean()),
    })  # fmt: skip


def styles_table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield truncation, path length, linear fits, mixing and noise of the plain and the styled generators."""
    if wanted(REAL):
        yield {"name": REAL, **numbers(bench().others)}
    for name in ("plain", SHRUNK_NAME, *list(VARIANTS)[1:]):
        if not wanted(name):
            continue
        found, pictures = [], []
        for seed in seeds:
            started = time.process_time()
            generator = made("plain" if name == SHRUNK_NAME else name, seed)
            spent = round(time.process_time() - started, 1)
            measure = of_shrunk if name == SHRUNK_NAME else of_plain if name == "plain" else of_styled
            one = measure(generator, seed)
            pictures.append(one.pop("picture", None))
            found.append({**(one.pop("numbers", None) or {k: v[0] for k, v in one["by_psi"].items()}), **one,
                          "cpu_seconds": spent})  # fmt: skip
            tell(f"{name}, seed {seed}", found[-1])
        steps = VARIANTS["plain" if name == SHRUNK_NAME else name]["num_steps"]
        shown = {"picture": pictures[0]} if pictures[0] else {}
        yield {"name": name, "seeds": seeds, "steps": steps, "n": SAMPLES, **together(found), **shown}


SHRUNK_NAME = f"plain, every z times {SHRUNK}"
STYLE_NAMES = [REAL, "plain", SHRUNK_NAME, *list(VARIANTS)[1:]]

# ---------------------------------------------------------------- directions

ELLIPSES = {"latent_dim": 8, "num_steps": 480, "betas": (0.0, 0.99)}
TRAINED_ON, SETS, STEPS_TAKEN, FIT_ON = 20_000, 10, {"ellipses": 400, "digits": 200}, 4_000
KINDS = ("closed form", "closed form, raw", "principal", "supervised", "random")
DIRECTION_NAMES = [f"{what}: {kind}" for what in STEPS_TAKEN for kind in KINDS]


def directions_of(
    generator: nn.Module, measure: Callable[[Tensor], Tensor], unit: Tensor, count: int, seed: int
) -> dict[str, Any]:
    """Return effects, purity and names of the first directions of every kind, as many as there are factors."""
    random, z = runtime.generator(seed + 5), latents(FIT_ON, generator.latent_dim, seed)
    factors = torch.cat([measure(images) for images in styling.pictures(generator, z).split(500)])
    found = {
        "closed form": directions.closed_form(directions.first_weight(generator)),
        "closed form, raw": directions.closed_form(directions.first_weight(generator, folded=False)),
        "principal": directions.principal(z, directions.first_layer(generator, z)),
        "supervised": directions.supervised(z, factors),
    }
    size = len(unit)

    def judged(rows: Tensor) -> dict[str, Any]:
        rows = directions.one_deviation(rows[:size], z)
        moved = directions.effects(generator, z[:count], rows, measure, unit=unit)
        return {"purity": float(directions.purity(moved).mean()), "named": directions.named(moved),
                "effects": [[round(value, 3) for value in row] for row in moved.tolist()]}  # fmt: skip

    says: dict[str, Any] = {kind: judged(rows) for kind, rows in found.items()}
    sets = [judged(directions.random(size, generator.latent_dim, generator=random)) for _ in range(SETS)]
    purities = [one["purity"] for one in sets]
    says["random"] = {"purity": statistics.mean(purities), "best": max(purities), "worst": min(purities),
                      "named": statistics.mean(one["named"] for one in sets),
                      "effects": sets[0]["effects"]}  # fmt: skip
    spread = (factors.std(dim=0) / unit).tolist()
    return says | {"spread": spread, "fit": directions.linear_fit(z, factors).tolist()}


def directions_table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each kind of directions, on ellipses and on digits, by generators without a style."""
    for what, count in STEPS_TAKEN.items():
        names = [name for name in DIRECTION_NAMES if name.startswith(what) and wanted(name)]
        if not names:
            continue
        if what == "ellipses":
            images = ellipses.sample(TRAINED_ON, generator=runtime.generator(100)).images
            measure, settings = ellipses.measure, ELLIPSES
        else:
            images, measure, settings = bench().data.images, directions.of_digits, PLAIN
        unit, found, spent = measure(images[:FIT_ON]).std(dim=0), [], []
        for seed in seeds:
            started = time.process_time()
            generator = styling.train(images, seed=seed, **settings)
            spent.append(round(time.process_time() - started, 1))
            found.append(directions_of(generator, measure, unit, count, seed))
            if seed == seeds[0]:
                shown = styling.pictures(generator, latents(32, generator.latent_dim, seed))
            print(what, seed, {kind: round(found[-1][kind]["purity"], 3) for kind in KINDS},
                  round(found[-1]["random"]["best"], 3), found[-1]["spread"], flush=True)  # fmt: skip
        for name in names:
            values = together([rounded_all(one[name.partition(": ")[2]]) for one in found])
            both = {key: [[round(v, 3) for v in one[key]] for one in found] for key in ("spread", "fit")}
            yield {"name": name, "seeds": seeds, "steps": settings["num_steps"], "n": count, **values, **both,
                   "cpu_seconds": spent if name == names[0] else [0.0] * len(seeds),
                   **({"picture": picture(shown, columns=16)} if name == names[0] else {})}  # fmt: skip


def rounded_all(one: dict[str, Any]) -> dict[str, Any]:
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in one.items()}


NAMES = [*STYLE_NAMES, *DIRECTION_NAMES]
