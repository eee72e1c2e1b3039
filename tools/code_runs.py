"""What ``tools/tables.py encoders`` measures: roads from digits to codes and back, and what each of them can draw.

All roads see the same digits, have codes of 32 numbers, and are asked for the same 2,000 test digits. Fréchet distances
are to 5,000 other test digits, so the row "truth" says what real digits score.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gancourse import codes, runtime
from gancourse.data import digits, spoils
from gancourse.encoding import auto, both, inverse, pairs
from gancourse.metrics import image_sets
from gancourse.metrics import judge as judges
from gancourse.metrics.softness import BlurRuler
from image_tables import picture
from judge_tables import Wanted

SEEDS = 3
ASKED, COMPARED_WITH, MEASURED, DESCENTS, FITTED = 2_000, 5_000, 1_000, 256, 10_000
SHOWN_DIGITS = (3, 8, 5, 9, 4, 7, 2, 6)
CODE_DIM = 32
NEAR = 2e-3  # mean squared error below which an image of the generator counts as found again

# ---------------------------------------------------------------- the bench


class Bench(NamedTuple):
    """Real digits, the judge, the digits that are asked for, and the features and the blur of other real ones."""

    data: digits.Digits
    judge: judges.Judge
    images: Tensor
    labels: Tensor
    features: Tensor
    ruler: BlurRuler
    shown: Tensor


@functools.cache
def bench() -> Bench:
    data = digits.load("mnist")
    judge = judges.load(data)
    order = torch.randperm(len(data.test_images), generator=runtime.generator(0))
    mine, others = order[:ASKED], order[ASKED : ASKED + COMPARED_WITH]
    images, labels = data.test_images[mine], data.test_labels[mine]
    shown = torch.stack([(labels == digit).nonzero()[0, 0] for digit in SHOWN_DIGITS])
    features = judge.features(data.test_images[others])
    return Bench(data, judge, images, labels, features, BlurRuler(data.test_images[others[:MEASURED]]), shown)


def as_set(images: Tensor, what: str) -> dict[str, Any]:
    """Return what is measured of a set of images by itself, under names that end in ``what``."""
    at = bench()
    sure = at.judge.probabilities(images).amax(dim=1)
    return {
        f"frechet_{what}": image_sets.frechet_distance(at.features, at.judge.features(images)),
        f"blur_{what}": at.ruler.blur_of(images),
        f"clear_{what}": float((sure >= judges.CONFIDENT).double().mean()),
    }


def returned(images: Tensor) -> dict[str, Any]:
    """Return what is measured of digits that came back, the first of those asked for; distances for all of them."""
    at = bench()
    count = len(images)
    found = {
        "error": float((images - at.images[:count]).square().mean()),
        "kept": image_sets.label_agreement(at.judge.probabilities(images), at.labels[:count]),
    }
    if count == len(at.images):
        found |= as_set(images, "again") | {"picture": picture(images[at.shown])}
    return found


def drawn(images: Tensor) -> dict[str, Any]:
    """Return what is measured of digits that were drawn from a prior."""
    return as_set(images, "samples") | {"samples_picture": picture(images)}


# ---------------------------------------------------------------- the roads

Found = dict[str, dict[str, Any]]  # what is measured, by the name of a row


def prior(seed: int) -> Tensor:
    return both.normal(ASKED, CODE_DIM, runtime.generator(seed + 5), torch.device("cpu"))


def auto_rows(name: str, recipe: auto.Recipe, seed: int) -> Found:
    """An autoencoder or a VAE, and the same with a Gaussian fitted to the codes of training digits as its prior."""
    at, started = bench(), time.process_time()
    coded = auto.train(at.data.images, recipe, seed=seed)
    spent = time.process_time() - started
    found = returned(both.pictures(coded.decoder, both.codes(coded.encoder, at.images)))
    if recipe.beta is not None:
        with torch.no_grad():
            costs = [codes.kl_to_normal(*coded.encoder(piece)) for piece in at.images.split(250)]
        found["bits"] = float(torch.cat(costs).mean()) * codes.BITS
    found |= drawn(both.pictures(coded.decoder, prior(seed)))
    fitted = codes.fit_gaussian(all_codes(coded.encoder, recipe, seed)).sample(ASKED, runtime.generator(seed + 6))
    return {
        name: found | {"cpu_seconds": spent, "steps": recipe.num_steps},
        f"{name}, fitted Gaussian": drawn(both.pictures(coded.decoder, fitted)),
    }


def all_codes(encoder: nn.Module, recipe: auto.Recipe, seed: int) -> Tensor:
    """Return codes of training digits; of a VAE draws, since that is what its decoder was shown."""
    images = bench().data.images[:FITTED]
    if recipe.beta is None:
        return both.codes(encoder, images)
    noise = runtime.generator(seed + 7)
    with torch.no_grad():
        return torch.cat([codes.draw(*encoder(piece), noise) for piece in images.split(250)])


def gan_rows(seed: int) -> Found:
    """A GAN, and four ways to find the z of a digit that it was not trained to find."""
    at, started = bench(), time.process_time()
    generator = inverse.train_generator(at.data.images, code_dim=CODE_DIM, num_steps=GAN_STEPS, seed=seed)
    spent = time.process_time() - started
    z = prior(seed)
    own = both.pictures(generator, z)
    rows = {"gan": drawn(own) | {"cpu_seconds": spent, "steps": GAN_STEPS}}
    guesses = {}
    for give_back in inverse.GIVE_BACK:
        started = time.process_time()
        encoder = inverse.train_encoder(generator, at.data.images, give_back=give_back, seed=seed + 20)
        spent = time.process_time() - started
        guesses[give_back] = both.codes(encoder, at.images)
        rows[f"gan: encoder of {give_back}"] = returned(both.pictures(generator, guesses[give_back])) | {
            "cpu_seconds": spent,
            "z_error": float((both.codes(encoder, own) - z).square().mean()),
        }
    origin = torch.zeros(DESCENTS, CODE_DIM)
    for name, start, start_of_own in (
        ("gan: steps from 0", origin, origin),
        ("gan: encoder, then steps", guesses["pixels"], both.codes(encoder, own)),
    ):
        # the digits that are shown come last
        wanted = torch.cat([at.images[:DESCENTS], at.images[at.shown]])
        begin = torch.cat([start[:DESCENTS], guesses["pixels"][at.shown] if len(start) > DESCENTS else origin[:8]])
        started = time.process_time()
        made = both.pictures(generator, inverse.invert(generator, wanted, begin))
        spent = time.process_time() - started
        again = inverse.invert(generator, own[:DESCENTS], start_of_own[:DESCENTS])
        errors = (both.pictures(generator, again) - own[:DESCENTS]).square().flatten(1).mean(dim=1)
        rows[name] = returned(made[:DESCENTS]) | {
            "picture": picture(made[DESCENTS:]),
            "cpu_seconds": spent,
            "z_error": float((again - z[:DESCENTS]).square().mean()),
            "found_again": float((errors < NEAR).double().mean()),
        }
    return rows


def pair_rows(name: str, recipe: pairs.Recipe, seed: int) -> Found:
    """A BiGAN."""
    at, started = bench(), time.process_time()
    coded = pairs.train(at.data.images, recipe, seed=seed)
    spent = time.process_time() - started
    z = prior(seed)
    own = both.pictures(coded.decoder, z)
    found = returned(both.pictures(coded.decoder, both.codes(coded.encoder, at.images))) | drawn(own)
    found["z_error"] = float((both.codes(coded.encoder, own) - z).square().mean())
    return {name: found | {"cpu_seconds": spent, "steps": recipe.num_steps}}


GAN_STEPS = 500
ROADS: dict[str, Callable[[int], Found]] = {
    "autoencoder": lambda seed: auto_rows("autoencoder", auto.Recipe(), seed),
    "vae": lambda seed: auto_rows("vae", auto.Recipe(beta=1.0), seed),
    "gan": gan_rows,
    "bigan": lambda seed: pair_rows("bigan", pairs.Recipe(), seed),
    "vae, learned variance": lambda seed: auto_rows(
        "vae, learned variance", auto.Recipe(beta=1.0, pixels="gaussian"), seed
    ),
    "bigan + cycle": lambda seed: pair_rows("bigan + cycle", pairs.Recipe(cycle=1.0), seed),
}
BLURS = (0.5, 0.75, 1.0)


def references() -> dict[str, dict[str, Any]]:
    """What the same numbers say of the digits themselves, of blurred ones, of others, and of their mean."""
    at = bench()
    order = torch.randperm(len(at.data.images), generator=runtime.generator(1))[: len(at.images)]
    others, labels = at.data.images[order], at.data.labels[order]
    places = {digit: (labels == digit).nonzero().flatten() for digit in range(10)}
    of_class = others[[places[digit][place % len(places[digit])] for place, digit in enumerate(at.labels.tolist())]]
    mean = at.data.images.mean(dim=0, keepdim=True).expand_as(at.images)
    return {
        "truth": returned(at.images),
        **{f"blurred {sigma:g} px": returned(spoils.blur(at.images, sigma)) for sigma in BLURS},
        "another digit of the class": returned(of_class),
        "another digit": returned(others),
        "mean image": {"error": float((mean - at.images).square().mean())},
    }


REFERENCES = (
    "truth",
    *(f"blurred {sigma:g} px" for sigma in BLURS),
    "another digit of the class",
    "another digit",
    "mean image",
)
ROWS = {  # of each road
    "autoencoder": ("autoencoder", "autoencoder, fitted Gaussian"),
    "vae": ("vae", "vae, fitted Gaussian"),
    "gan": (
        "gan",
        *(f"gan: encoder of {give_back}" for give_back in inverse.GIVE_BACK),
        "gan: steps from 0",
        "gan: encoder, then steps",
    ),
    "bigan": ("bigan",),
    "vae, learned variance": ("vae, learned variance", "vae, learned variance, fitted Gaussian"),
    "bigan + cycle": ("bigan + cycle",),
}
NAMES = [*REFERENCES, *(name for rows in ROWS.values() for name in rows)]

# ---------------------------------------------------------------- rows

SHOWN = ("error", "kept", "frechet_again", "blur_again", "frechet_samples", "blur_samples", "clear_samples", "bits",
         "z_error", "found_again", "cpu_seconds")  # fmt: skip


def stored(name: str, found: list[dict[str, Any]], **settings: Any) -> dict[str, Any]:
    """Return a row: every seed's numbers as lists, the pictures of the first seed."""
    told = "  ".join(f"{key} {[round(one[key], 3) for one in found]}" for key in SHOWN if key in found[0])
    print(f"{name:40s}{told}", flush=True)
    first = found[0]
    pictures = {key: value for key, value in first.items() if key.endswith("picture")}
    single = {key: value for key, value in first.items() if key in ("steps", "n")}
    numbers = {key: [round(one[key], 4) for one in found] for key in first if key not in pictures and key not in single}
    return {"name": name, **settings, **single, **numbers, **pictures}


def encoders(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each road, and for what the same numbers say of real digits."""
    if any(map(wanted, REFERENCES)):
        yield from (stored(name, [found], n=ASKED) for name, found in references().items() if wanted(name))
    for road, rows in ROWS.items():
        if any(map(wanted, rows)):
            found = [ROADS[road](seed) for seed in seeds]
            yield from (stored(name, [one[name] for one in found], seeds=seeds) for name in rows if wanted(name))
