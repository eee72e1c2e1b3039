"""What ``tools/tables.py story`` measures: the digits of notebook 00, seen with the questions of 01 to 05.

Two things are trained, by the lines of image_tables.py and with 00's networks: 00's own recipe, and a generator that
runs ahead of its discriminator, as it is and with one setting changed. Of the first seed some samples are kept as PNG
sheets, in eval mode, always of the same latent vectors, the first ones drawn; of every seed what the outside judge
says of 1,000 samples. ``gancourse.plotting.story`` draws what is stored.
"""

from __future__ import annotations

import base64
import dataclasses
import io
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from gancourse import losses, runtime
from gancourse.data import digits
from gancourse.metrics import judge as judges
from gancourse.models import averaging
from image_tables import Entry, Run, dense_conv_pair

ON_THE_WAY, AT_THE_END, OF_THE_AVERAGE, PER_ROW = 12, 24, 6, 12
COUNTED = 1_000
AVERAGE = 0.998
SMOOTHED = 10

RECIPE_OF_00 = Entry(
    "notebook 00", dense_conv_pair, lr_g=3e-3, lr_d=3e-3, beta1=0.0, beta2=0.9, batch_size=32, r1=0.3, steps=2_200,
    looks=(3, 50, 100, 200, 400, 700, 1_000, *range(1_700, 2_201, 100)),
)  # fmt: skip
AHEAD = Entry(
    "G runs ahead", dense_conv_pair, lr_g=1e-2, lr_d=3e-5, batch_size=32, steps=1_000, looks=(*range(100, 1_001, 100),)
)
ENTRIES = [
    RECIPE_OF_00,
    AHEAD,
    dataclasses.replace(AHEAD, name="with the brake R1", r1=0.3),
    dataclasses.replace(AHEAD, name="with a quicker D", lr_d=3e-3),
]
"""The brake's weight is 00's: 0.15 R1 is gamma / 2 with gamma = 0.3."""


class Watched(Run):
    """A run that keeps both losses, and an average of the generator's weights that has no part in it."""

    def __init__(self, entry: Entry, real: Tensor, seed: int) -> None:
        super().__init__(entry, real, seed)
        self.followed = averaging.average(self.generator, AVERAGE)
        self.losses: dict[str, list[float]] = {"d_loss": [], "g_loss": []}

    def _train_generator(self, fake: Tensor) -> None:
        with torch.no_grad():
            g_loss = losses.non_saturating_generator_loss(fake_logits=self.discriminator(fake))
        super()._train_generator(fake)
        self.followed.update_parameters(self.generator)
        self.losses["g_loss"].append(float(g_loss))

    def _train_discriminator(self, real: Tensor, fake: Tensor) -> None:
        super()._train_discriminator(real, fake)
        self.losses["d_loss"].append(float(self.d_loss))


@torch.no_grad()
def drawn(generator: nn.Module, z: Tensor) -> Tensor:
    mode = generator.training
    images = generator.eval()(z)
    generator.train(mode)
    return images


@torch.no_grad()
def believed(discriminator: nn.Module, images: Tensor) -> Tensor:
    """Return D(x) as a probability."""
    return discriminator(images).sigmoid()


def sheet(images: Tensor) -> str:
    """Return images as one PNG in base64, 12 a row, -1 black and +1 white, in 16 greys."""
    rows = [torch.cat(list(row), dim=2) for row in images.split(PER_ROW)]
    grey = ((torch.cat(rows, dim=1)[0] + 1) * 7.5).round().clamp(0, 15).to(torch.uint8) * 17
    buffer = io.BytesIO()
    Image.fromarray(grey.numpy(), "L").save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def told(probabilities: Tensor) -> dict[str, Any]:
    """Return what the outside judge says: kinds covered, share clear, each kind's share."""
    clear = probabilities.amax(dim=1) >= judges.CONFIDENT
    return {
        "kinds": len(judges.classes_covered(probabilities)),
        "clear": round(float(clear.double().mean()), 3),
        "shares": " ".join(f"{share:.3f}" for share in judges.class_histogram(probabilities).tolist()),
    }


def in_sheet(entry: Entry, steps: int, name: str) -> int:
    """Return how many samples of a look are kept; of a cure only the last look is."""
    if name:
        return OF_THE_AVERAGE if entry is RECIPE_OF_00 else 0
    if steps == entry.steps:
        return AT_THE_END
    return ON_THE_WAY if entry in (RECIPE_OF_00, AHEAD) else 0


def looks(entry: Entry, data: digits.Digits, outside: judges.Judge, seed: int) -> tuple[list[dict], Watched, float]:
    """Train once and look at it on the way: real digits for D are test images, which it never trains on."""
    run, spent, found = Watched(entry, data.images, seed), 0.0, []
    random = runtime.generator(seed + 4)
    z = torch.randn(COUNTED, run.generator.latent_dim, generator=random)
    count_on = torch.randn(2_000, run.generator.latent_dim, generator=random).split(500)
    kinds_before: dict[str, Tensor] = {}
    for steps in entry.look_at():
        spent += run.advance(steps - run.steps_done)
        averaging.recompute_batch_norm(run.followed, count_on)
        says: dict[str, Any] = {"step": steps}
        for name, generator in (("", run.generator), ("average_", run.followed.module)):
            images = drawn(generator, z)
            probabilities = outside.probabilities(images)
            says |= {name + key: value for key, value in told(probabilities).items()}
            kinds = probabilities.argmax(dim=1)
            if name in kinds_before:
                says[name + "changed"] = round(float((kinds != kinds_before[name]).double().mean()), 3)
            kinds_before[name] = kinds
            if shown := in_sheet(entry, steps, name):
                says[name + "sheet"] = sheet(images[:shown])
            if not name:
                fake = believed(run.discriminator, images)
        says["d_real"] = round(float(believed(run.discriminator, data.test_images[:COUNTED]).mean()), 3)
        says["d_fake"] = round(float(fake.mean()), 3)
        says["d_shown"] = " ".join(f"{p:.3f}" for p in fake[:ON_THE_WAY].tolist())
        found.append(says)
    return found, run, spent


def smoothed(values: list[float]) -> str:
    """Return means over 10 steps, as one line."""
    means = torch.tensor(values).reshape(-1, SMOOTHED).mean(dim=1)
    return " ".join(f"{mean:.3f}" for mean in means.tolist())


def table(seeds: list[int], wanted: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    """Yield a row for each entry. Needs real MNIST, because the pictures are of it."""
    data = digits.load("mnist")
    outside = judges.load(data)
    for entry in ENTRIES:
        if not wanted(entry.name):
            continue
        row: dict[str, Any] = {}
        for seed in seeds[:1] if entry is RECIPE_OF_00 else seeds:
            started = time.process_time()
            found, run, spent = looks(entry, data, outside, seed)
            end = {key: found[-1][key] for key in ("kinds", "clear", "d_real", "d_fake")}
            whole = time.process_time() - started
            print(f"{entry.name:20s} seed {seed}: {spent:4.0f} s of {whole:.0f}  {end}", flush=True)
            if not row:
                row = {
                    "name": entry.name, "changes": entry.changes(), "steps": entry.steps, "average": AVERAGE,
                    "cpu_seconds": [], "seeds": [], "kinds": [], "clear": [], "looks": found,
                    **{term: smoothed(values) for term, values in run.losses.items()},
                }  # fmt: skip
            row["cpu_seconds"].append(round(spent, 1))
            row["seeds"].append(seed)
            for key in ("kinds", "clear"):
                row[key].append([look[key] for look in found])
        yield row
