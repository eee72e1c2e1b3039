"""What ``tools/tables.py edited`` measures: real digits that are inverted, moved in z, and drawn again.

The generator is the plain one of the table ``directions``. Test digits get a z by an encoder alone, or by an encoder
and steps, as in notebook 15; the generator's own samples, whose z is known, stand beside them. Each z takes two steps
forth and two back along the direction of the slant, and along random directions of the same length. The rival moves
pixels: it slants the digits themselves as far as the generator did on average.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gancourse import runtime, styling
from gancourse.data import spoils
from gancourse.encoding import both, inverse
from gancourse.metrics import directions
from growing_tables import COMPARED_WITH, bench, latents, tell, together
from image_tables import picture
from judge_tables import Wanted
from style_tables import FIT_ON, PLAIN

ASKED, STEP, RANDOM = 256, 2.0, 10
SHOWN_DIGITS = (3, 8, 5, 9, 4, 7, 2, 6)
SLANT = directions.DIGIT_FACTORS.index("slant")
DESCENTS = {"encoder": 0, "encoder, 100 steps": 100, "encoder, 400 steps": 400}
OWN, SHEARED = "own samples", "pixels moved"
NAMES = [*DESCENTS, OWN, SHEARED]


def asked() -> tuple[Tensor, Tensor]:
    """Return real digits and their labels: test digits that the bench does not compare with."""
    data = bench().data
    order = torch.randperm(len(data.test_images), generator=runtime.generator(0))
    mine = order[COMPARED_WITH : COMPARED_WITH + ASKED]
    return data.test_images[mine], data.test_labels[mine]


def read(images: Tensor) -> Tensor:
    return bench().judge.probabilities(images).argmax(dim=1)


def moved(forth: Tensor, back: Tensor, unit: Tensor) -> Tensor:
    """Return the change of every factor from ``back`` to ``forth``, image by image, in deviations of real digits."""
    return (directions.of_digits(forth) - directions.of_digits(back)) / unit


def edited(generator: nn.Module, z: Tensor, labels: Tensor, ways: Tensor, unit: Tensor) -> dict[str, Any]:
    """Return what a set of codes gives: by itself, along the first of the ways, and along the others on the mean.

    Args:
        generator: a finished one.
        z: codes, shape (N, C).
        labels: the digits that they should show.
        ways: unit rows, the slant's direction first.
        unit: deviations of the factors of real digits.
    Returns:
        ``kept_copy``: the share of digits that the judge reads right before any step. ``kept_lean``: the same after the
        steps along the slant, mean of forth and back; ``kept_lean_by_digit`` of each kind. ``kept_random``: after steps
        along the other ways. ``factors_lean``: mean change of each factor from back to forth, with its sign;
        ``absolute_lean`` and ``absolute_random``: of its size. ``with_sign``: the share of digits whose slant rises.
        ``z_length``: mean length of the codes.
    """
    found: dict[str, Any] = {"kept_copy": float((read(both.pictures(generator, z)) == labels).double().mean())}
    per_way = []
    for way in ways:
        forth, back = (both.pictures(generator, z + sign * STEP * way) for sign in (1, -1))
        right = ((read(forth) == labels).double() + (read(back) == labels).double()) / 2
        per_way.append((right, moved(forth, back, unit)))
    (right, change), others = per_way[0], per_way[1:]
    found["kept_lean"], found["factors_lean"] = float(right.mean()), change.mean(dim=0).tolist()
    found["absolute_lean"] = change.abs().mean(dim=0).tolist()
    found["with_sign"] = float((change[:, SLANT] > 0).double().mean())
    found["kept_random"] = float(torch.stack([one for one, _ in others]).mean())
    found["absolute_random"] = torch.stack([shift.abs().mean(dim=0) for _, shift in others]).mean(dim=0).tolist()
    kinds = [right[labels == digit] for digit in range(10)]
    found["kept_lean_by_digit"] = [float(kind.mean()) if len(kind) else None for kind in kinds]
    found["z_length"] = float(z.norm(dim=1).mean())
    return found


def one_seed(seed: int) -> dict[str, dict[str, Any]]:
    images, labels = asked()
    unit = directions.of_digits(images).std(dim=0)
    started = time.process_time()
    generator = styling.train(bench().data.images, seed=seed, **PLAIN)
    encoder = inverse.train_encoder(generator, bench().data.images, seed=seed + 20)
    spent = time.process_time() - started
    z = latents(FIT_ON, generator.latent_dim, seed)
    factors = torch.cat([directions.of_digits(part) for part in both.pictures(generator, z).split(500)])
    lean = directions.supervised(z, factors[:, SLANT : SLANT + 1])
    chance = directions.random(RANDOM, generator.latent_dim, generator=runtime.generator(seed + 5))
    ways = torch.cat([lean, chance])

    spot = torch.stack([(labels == digit).nonzero()[0, 0] for digit in SHOWN_DIGITS])
    guess, rows = both.codes(encoder, images), {}
    for name, steps in DESCENTS.items():
        started = time.process_time()
        found = inverse.invert(generator, images, guess, num_steps=steps) if steps else guess
        copies = both.pictures(generator, found)
        rows[name] = edited(generator, found, labels, ways, unit) | {
            "error": float((copies - images).square().mean()),
            "cpu_seconds": spent + time.process_time() - started,
        }
        spent = 0.0  # the training is told once
        shown = [images[spot], copies[spot]]
        for way, sign in ((lean, -1), (lean, 1), (chance[:1], 1)):
            shown.append(both.pictures(generator, found[spot] + sign * STEP * way))
        rows[name]["picture"] = picture(torch.cat(shown), columns=20)
    own = z[:ASKED]
    rows[OWN] = edited(generator, own, read(both.pictures(generator, own)), ways, unit)

    # from the encoder and 100 steps: so far do pixels have to move to slant as much
    far = rows["encoder, 100 steps"]["factors_lean"][SLANT] * float(unit[SLANT])
    forth, back = (spoils.slant(images, sign * far / 2) for sign in (1, -1))
    change = moved(forth, back, unit)
    right = ((read(forth) == labels).double() + (read(back) == labels).double()) / 2
    rows[SHEARED] = {
        "kept_copy": float((read(images) == labels).double().mean()),
        "kept_lean": float(right.mean()),
        "factors_lean": change.mean(dim=0).tolist(),
        "absolute_lean": change.abs().mean(dim=0).tolist(),
        "slope": far,
        "picture": picture(torch.cat([back[spot], forth[spot]])),
    }
    return rows


def table(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each way to a z, for the generator's own samples, and for moved pixels."""
    names = [name for name in NAMES if wanted(name)]
    if not names:
        return
    found = [one_seed(seed) for seed in seeds]
    for name in names:
        pictures = [one[name].pop("picture", None) for one in found]
        values = together([
            {key: [v if v is None else round(v, 4) for v in value] if isinstance(value, list) else round(value, 4)
             for key, value in one[name].items()} for one in found
        ])  # fmt: skip
        tell(name, values)
        yield {"name": name, "seeds": seeds, "steps": PLAIN["num_steps"], "n": ASKED, **values,
               **({"picture": pictures[0]} if pictures[0] else {})}  # fmt: skip
