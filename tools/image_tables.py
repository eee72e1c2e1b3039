"""What tools/tables.py needs to measure GANs on images: one run by one set of settings, looked at as it goes.

Every row of a table is an :class:`Entry`: two networks and the settings of their training. All of them are trained by
the same few lines (:class:`Run`), on the same real digits, and judged in the same way (:class:`Examiner`), so
that a difference between two rows comes from what the rows say and from the seed.

Samples are made in eval mode after batch norm's statistics were counted again over fresh latent vectors, for
averaged weights and for plain ones; what the two other ways of sampling give stands in ``frechet_by_mode``.
"""

from __future__ import annotations

import base64
import copy
import dataclasses
import functools
import io
import math
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from gancourse import losses, penalties, runtime, schedules
from gancourse.data import batches, digits
from gancourse.metrics import image_sets, lipschitz
from gancourse.metrics import judge as judges
from gancourse.models import averaging, dcgan, dense_conv

SAMPLES = 5_000
SCORED = 1_000
SEEDS = 3
WIDTH = 16

Pair = Callable[[], tuple[nn.Module, nn.Module]]

# ---------------------------------------------------------------- networks


def dcgan_pair(width: int = WIDTH) -> tuple[nn.Module, nn.Module]:
    """DCGAN's pair with its rules: no pooling, no hidden dense layer, batch norm in both, N(0, 0.02)."""
    return dcgan.Generator(width=width), dcgan.Discriminator(width=width)


def dense_conv_pair() -> tuple[nn.Module, nn.Module]:
    return dense_conv.Generator(width=WIDTH), dense_conv.Discriminator(width=WIDTH)


def changed(
    pair: Pair = dcgan_pair,
    *,
    generator: Callable[[nn.Module], nn.Module | None] | None = None,
    discriminator: Callable[[nn.Module], nn.Module | None] | None = None,
    then: Callable[[nn.Module], None] | None = None,
) -> Pair:
    """Return a maker of ``pair`` in which each layer was replaced by what the function makes of it (None: kept).

    ``then`` is applied to both networks afterwards, for example to draw first weights.
    """

    def make() -> tuple[nn.Module, nn.Module]:
        networks = pair()
        for network, replace in zip(networks, (generator, discriminator), strict=True):
            for holder in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
                for name, layer in list(holder.named_children()):
                    made = None if replace is None else replace(layer)
                    if made is not None:
                        setattr(holder, name, made)
            if then is not None:
                network.apply(then)
        return networks

    return make


def no_batch_norm(layer: nn.Module) -> nn.Module | None:
    return nn.Identity() if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d) else None


def relu(layer: nn.Module) -> nn.Module | None:
    return nn.ReLU(inplace=True) if isinstance(layer, nn.LeakyReLU) else None


def no_tanh(layer: nn.Module) -> nn.Module | None:
    return nn.Identity() if isinstance(layer, nn.Tanh) else None


def upsampled(layer: nn.Module) -> nn.Module | None:
    """Double the side by repeating pixels, then convolve, instead of a transposed convolution of stride 2."""
    if not isinstance(layer, nn.ConvTranspose2d) or layer.stride != (2, 2):
        return None
    convolution = nn.Conv2d(layer.in_channels, layer.out_channels, 3, 1, 1, bias=False)
    return initialised(nn.Sequential(nn.Upsample(scale_factor=2), convolution))


def pooled(layer: nn.Module) -> nn.Module | None:
    """Convolve, then average over 2 x 2 pixels, instead of a convolution of stride 2."""
    if not isinstance(layer, nn.Conv2d) or layer.stride != (2, 2):
        return None
    convolution = nn.Conv2d(layer.in_channels, layer.out_channels, 3, 1, 1, bias=False)
    return initialised(nn.Sequential(convolution, nn.AvgPool2d(2)))


def normed_output(layer: nn.Module) -> nn.Module | None:
    return nn.Sequential(nn.BatchNorm2d(1), nn.Tanh()) if isinstance(layer, nn.Tanh) else None


def normed_input(layer: nn.Module) -> nn.Module | None:
    if not isinstance(layer, nn.Conv2d) or layer.in_channels != 1:
        return None
    return nn.Sequential(layer, initialised(nn.BatchNorm2d(layer.out_channels)))


def dense_first(layer: nn.Module) -> nn.Module | None:
    """Put a hidden dense layer of 256 before the layer that makes the first map."""
    if not isinstance(layer, nn.ConvTranspose2d) or layer.stride != (1, 1):
        return None
    dense = [nn.Flatten(), nn.Linear(layer.in_channels, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU()]
    first = nn.ConvTranspose2d(256, layer.out_channels, layer.kernel_size, 1, 0, bias=False)
    return initialised(nn.Sequential(*dense, nn.Unflatten(1, (256, 1, 1)), first))


def dense_last(layer: nn.Module) -> nn.Module | None:
    """Put a hidden dense layer of 256 before the discriminator's score."""
    if not isinstance(layer, nn.Conv2d) or layer.out_channels != 1:
        return None
    dense = nn.Linear(layer.in_channels * math.prod(layer.kernel_size), 256)
    return initialised(nn.Sequential(nn.Flatten(), dense, nn.LeakyReLU(0.2), nn.Linear(256, 1)))


def initialised(network: nn.Module) -> nn.Module:
    """Draw first weights as DCGAN does, dense layers included."""
    for module in network.modules():
        dcgan.initialise(module)
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02)
    return network


def as_pytorch_does(module: nn.Module) -> None:
    if hasattr(module, "reset_parameters"):
        module.reset_parameters()


# ---------------------------------------------------------------- settings


@dataclasses.dataclass(frozen=True)
class Entry:
    """One row: two networks and how they are trained. The plain settings are the classic ones."""

    name: str
    pair: Pair = dcgan_pair
    loss: str = "non_saturating"
    lr_g: float = 2e-3
    lr_d: float = 2e-3
    beta1: float = 0.5
    beta2: float = 0.999
    batch_size: int = 64
    r1: float = 0.0  # gamma; enters as gamma / 2
    r1_every: int = 1  # n: in every n-th step only, with n times the weight
    r1_by: float = 0.0  # 0: by differentiating; else by the difference to points so far away
    gradient_penalty: float = 0.0  # lambda
    d_steps: int = 1
    decay: bool = False  # both rates fall to 5 % of themselves along a cosine
    average: float = 0.0  # of the generator's weights; 0 for none
    steps: int = 2_000
    looks: tuple[int, ...] = ()  # at which steps it is judged, the last among them; if empty, half way and at the end
    rows: tuple[tuple[int, str], ...] = ()  # a long run makes several rows: (steps, name)
    unaveraged: str = ""  # name of a second row, of the same runs, judged by their last weights

    def look_at(self) -> tuple[int, ...]:
        return self.looks or (self.steps // 2, self.steps)

    def changes(self) -> dict[str, Any]:
        """Say what differs from the classic settings, in the words of the fields."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("name", "pair", "looks", "rows", "steps", "unaveraged")
            and getattr(self, field.name) != field.default
        }


MODERN: dict[str, Any] = {"lr_g": 8e-3, "lr_d": 4e-3, "beta1": 0.0, "r1": 0.3, "decay": True, "average": 0.99}
CRITIC: dict[str, Any] = {**MODERN, "r1": 0.0, "loss": "wasserstein", "gradient_penalty": 10.0}
LESS_WORK: dict[str, Any] = {**MODERN, "beta2": 0.9, "r1_every": 8}

CLASSIC = Entry(
    "classic",
    steps=5_600,
    looks=(200, 500, 1_000, 1_500, 2_000, 3_000, 4_000, 5_600),
    rows=((1_000, "classic, 1,000 steps"), (2_000, "classic"), (5_600, "classic, 5,600 steps")),
)
THOROUGH = Entry(
    "modern",
    dense_conv_pair,
    **MODERN,
    looks=(200, 500, 1_000, 1_500, 2_000),
    unaveraged="modern without averaging",
)
RECOMMENDED = Entry("recommended", dense_conv_pair, **LESS_WORK, steps=1_100)

DCGAN = [
    CLASSIC,
    Entry("classic with the modern rates", **{key: MODERN[key] for key in ("lr_g", "lr_d", "decay")}),
    THOROUGH,
    Entry("modern without R1", dense_conv_pair, **{**MODERN, "r1": 0.0}),
    Entry("classic network, modern loss and optimiser", dcgan_pair, **MODERN),
    Entry("modern network, classic loss and optimiser", dense_conv_pair),
    # about equal CPU seconds, spent in different ways
    dataclasses.replace(THOROUGH, name="modern, 950 steps", steps=950, looks=(), unaveraged=""),
    RECOMMENDED,
    dataclasses.replace(RECOMMENDED, name="recommended, but R1 in every step", r1_every=1, steps=900),
    dataclasses.replace(RECOMMENDED, name="recommended, but R1 by differences", r1_every=1, r1_by=0.01, steps=920),
    dataclasses.replace(RECOMMENDED, name="recommended, but β₂ = 0.999", beta2=0.999),
    dataclasses.replace(
        RECOMMENDED, name="recommended, but batches of 32", batch_size=32, lr_g=6e-3, lr_d=3e-3, steps=1_800
    ),
    dataclasses.replace(RECOMMENDED, name="recommended, 2,200 steps", steps=2_200),
    *(
        dataclasses.replace(entry, steps=1_000, looks=(1_000,))
        for entry in (
            Entry("the paper's rate, 2e-4", lr_g=2e-4, lr_d=2e-4),
            Entry("PyTorch's Adam: 1e-3, beta1 0.9", lr_g=1e-3, lr_d=1e-3, beta1=0.9),
            Entry("PyTorch's initialisation", changed(then=as_pytorch_does)),
            Entry("no batch norm", changed(generator=no_batch_norm, discriminator=no_batch_norm)),
            Entry("batch norm everywhere", changed(generator=normed_output, discriminator=normed_input)),
            Entry("hidden dense layers", changed(generator=dense_first, discriminator=dense_last)),
            Entry("pooling and upsampling", changed(generator=upsampled, discriminator=pooled)),
            Entry("ReLU in D", changed(discriminator=relu)),
            Entry("no tanh", changed(generator=no_tanh)),
        )
    ),
]
"""Notebook 07: the modern and the recommended recipe beside the classic one; DCGAN's rules, each left out alone.

The classic recipe keeps DCGAN's rules, but for the learning rate: with 2e-4 the generator never leaves grey in so few
steps at this width (see its row), and at three times it the judge still sees nothing (see ``RATES``).
"""

CRITIC_LOOKS = (100, 200, 400, 600, 1_000, 1_500, 2_000)
WGAN_IMAGES = [
    Entry("WGAN-GP, 1 critic step", dense_conv_pair, **CRITIC, looks=CRITIC_LOOKS),
    Entry("WGAN-GP, equal rates", dense_conv_pair, **{**CRITIC, "lr_g": 2e-3, "lr_d": 2e-3}, looks=CRITIC_LOOKS),
    Entry(
        "WGAN-GP, 5 critic steps",
        dense_conv_pair,
        **CRITIC,
        d_steps=5,
        steps=600,
        looks=(60, 120, 180, 240, 300, 360, 480, 600),
    ),
]
"""Notebook 09: WGAN-GP on digits; it stands beside rows of ``DCGAN``, trained on the same seeds."""


RATES = [
    Entry(
        f"width {width}, rate {rate:.0e}, β₁ {beta1:g}".replace("e-0", "e-"),
        functools.partial(dcgan_pair, width),
        lr_g=rate,
        lr_d=rate,
        beta1=beta1,
        steps=500,
        looks=(500,),
    )
    for width in (16, 48)
    for rate in (2e-4, 2e-3)
    for beta1 in (0.0, 0.5, 0.9)
]
"""Notebook 07: DCGAN's learning rate and β₁, each beside others, at our width and at three times it."""


# ---------------------------------------------------------------- training


class Run:
    """One GAN in training. :meth:`advance` does steps and returns the CPU seconds they took."""

    def __init__(self, entry: Entry, real: Tensor, seed: int) -> None:
        self.entry = entry
        with runtime.seeded(seed):
            # channels last: the same numbers to rounding, and a fifth faster on a CPU
            self.generator, self.discriminator = (n.to(memory_format=torch.channels_last) for n in entry.pair())
        self.latents = runtime.generator(seed + 1)
        self.penalised = runtime.generator(seed + 2)
        self.real = batches.stream(real, entry.batch_size, runtime.generator(seed + 3))
        betas = (entry.beta1, entry.beta2)
        self.g_optimizer = torch.optim.Adam(self.generator.parameters(), lr=entry.lr_g, betas=betas, fused=True)
        self.d_optimizer = torch.optim.Adam(self.discriminator.parameters(), lr=entry.lr_d, betas=betas, fused=True)
        self.average = averaging.average(self.generator, entry.average) if entry.average else None
        self.loss = losses.LOSSES[entry.loss]
        self.steps_done, self.d_loss = 0, math.nan

    def z(self, count: int) -> Tensor:
        return torch.randn(count, self.generator.latent_dim, generator=self.latents)

    def advance(self, num_steps: int) -> float:
        started = time.process_time()
        for _ in range(num_steps):
            self._set_rates()
            for turn in reversed(range(self.entry.d_steps)):
                with torch.set_grad_enabled(turn == 0):  # the last fake is used by G's step as well
                    fake = self.generator(self.z(self.entry.batch_size))
                self._train_discriminator(next(self.real), fake.detach())
            self._train_generator(fake)
            if self.average is not None:
                self.average.update_parameters(self.generator)
            self.steps_done += 1
        return time.process_time() - started

    def _set_rates(self) -> None:
        if self.entry.decay:
            share = schedules.share("cosine", self.steps_done, self.entry.steps)
            self.g_optimizer.param_groups[0]["lr"] = self.entry.lr_g * share
            self.d_optimizer.param_groups[0]["lr"] = self.entry.lr_d * share

    def _train_discriminator(self, real: Tensor, fake: Tensor) -> None:
        d, entry = self.discriminator, self.entry
        braked = bool(entry.r1) and self.steps_done % entry.r1_every == 0
        real.requires_grad_(braked and not entry.r1_by)  # one pass gives the logits and, through them, the penalty
        real_logits = d(real)
        d_loss = self.loss.discriminator(real_logits=real_logits, fake_logits=d(fake))
        self.d_loss = d_loss.detach()
        if braked:
            penalty = self._difference(real, real_logits) if entry.r1_by else penalties.r1_penalty(real_logits, real)
            d_loss = d_loss + entry.r1_every * entry.r1 / 2 * penalty
        if entry.gradient_penalty:
            penalty = penalties.gradient_penalty(d, real, fake, generator=self.penalised)
            d_loss = d_loss + entry.gradient_penalty * penalty
        self.d_optimizer.zero_grad()
        d_loss.backward()
        self.d_optimizer.step()

    def _difference(self, real: Tensor, real_logits: Tensor) -> Tensor:
        """Return R1 without a second derivative: for small s, E ((D(x + s e) - D(x)) / s)^2 over e ~ N(0, 1)."""
        nearby = real + self.entry.r1_by * torch.randn(real.shape, generator=self.penalised)
        return ((self.discriminator(nearby) - real_logits) / self.entry.r1_by).square().mean()

    def _train_generator(self, fake: Tensor) -> None:
        self.discriminator.requires_grad_(False)
        g_loss = self.loss.generator(fake_logits=self.discriminator(fake))
        self.g_optimizer.zero_grad()
        g_loss.backward()
        self.g_optimizer.step()
        self.discriminator.requires_grad_(True)

    def final_generator(self) -> nn.Module:
        """Return the network that is judged: the average where there is one. Not a copy."""
        return self.generator if self.average is None else self.average.module


# ---------------------------------------------------------------- judging


class Examiner:
    """The judge, its features of real test images, and latent vectors that are the same for every run."""

    def __init__(self, data: digits.Digits) -> None:
        self.judge = judges.load(data)
        order = torch.randperm(len(data.test_images), generator=runtime.generator(0))
        self.held_out = data.test_images[order[: min(SAMPLES, len(order) // 2)]]
        self.others = data.test_images[order[len(self.held_out) : 2 * len(self.held_out)]]
        self.features = self.judge.features(self.held_out)

    def floor(self) -> dict[str, list[float]]:
        """What the same measures say of real images: five pairs of sets for the distance, one for the rest."""
        real = torch.cat([self.features, self.judge.features(self.others)])
        distances = image_sets.real_against_real(real, len(self.features), generator=runtime.generator(1))
        says = {key: [value] for key, value in self.of_images(self.others).items()}
        return {**says, "frechet": [round(distance, 3) for distance in distances.tolist()]}

    def of_images(self, images: Tensor) -> dict[str, float]:
        probabilities = self.judge.probabilities(images)
        sureness = probabilities.amax(dim=1)
        precision, recall = image_sets.precision_recall(self.features[:1000], self.judge.features(images[:1000]))
        return {
            "frechet": self.frechet(images),
            "confidence": round(image_sets.confidence(probabilities), 4),
            "clear": round(float((sureness >= judges.CONFIDENT).double().mean()), 4),
            "classes": len(judges.classes_covered(probabilities)),
            "smallest": round(float(judges.class_histogram(probabilities).min()), 4),
            "precision": round(precision, 3),
            "recall": round(recall, 3),
        }

    def frechet(self, images: Tensor) -> float:
        return round(image_sets.frechet_distance(self.features, self.judge.features(images)), 3)

    @torch.no_grad()
    def samples(self, generator: nn.Module, how: str, count: int | None = None) -> Tensor:
        """Sample from a copy of the generator: "train mode", "running statistics" or "recomputed" ones."""
        generator = copy.deepcopy(generator)
        random = runtime.generator(77)
        latents = torch.randn(count or SAMPLES, generator.latent_dim, generator=random)
        if how == "recomputed":
            counted = torch.randn(20, 250, generator.latent_dim, generator=random)
            averaging.recompute_batch_norm(generator, counted.unbind())
        generator.train(how == "train mode")
        drawn = torch.cat([generator(z) for z in latents.split(250)])
        return drawn.clamp(-1, 1)  # an output without tanh may leave the range; the judge refuses that

    def of_critic(self, run: Run) -> dict[str, float]:
        """What the critic says, and how far away the samples are that it says it of: those of the weights in training.

        The other measures are of the averaged weights, which lag behind. So the distance is taken here again.
        """
        d = copy.deepcopy(run.discriminator).eval()
        made = self.samples(run.generator, "recomputed")
        real, fake = self.held_out[:SCORED], made[:SCORED]
        with torch.no_grad():
            gap = float(d(real).mean() - d(fake).mean())
        slope = lipschitz.mean_slope(d, real, fake[: len(real)], generator=runtime.generator(78))
        return {"gap": round(gap, 4), "slope": round(slope, 4), "frechet_in_training": self.frechet(made)}


def picture(images: Tensor, columns: int = 8) -> str:
    """Return the first 16 images as a PNG in base64: two rows, -1 black, +1 white."""
    rows = [torch.cat(list(row), dim=2) for row in images[: 2 * columns].split(columns)]
    grey = ((torch.cat(rows, dim=1)[0] + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).numpy()
    buffer = io.BytesIO()
    Image.fromarray(grey, "L").save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


# ---------------------------------------------------------------- one row

ENDS = ("frechet", "confidence", "clear", "classes", "smallest", "precision", "recall", "cpu_seconds", "d_loss")
OF_CRITIC = ("gap", "slope", "frechet_in_training")
WAYS = ("train mode", "running statistics", "recomputed")


def look(run: Run, examiner: Examiner, spent: float, *, averaged: bool = True) -> dict[str, Any]:
    """Judge a run where it stands; what a critic says is kept too, and what each way of sampling gives."""
    generator = run.final_generator() if averaged else run.generator
    images = examiner.samples(generator, "recomputed")
    says: dict[str, Any] = examiner.of_images(images)
    says |= {"cpu_seconds": round(spent, 2), "d_loss": round(float(run.d_loss), 4)}
    if run.entry.loss == "wasserstein":
        says |= examiner.of_critic(run)
    if run.steps_done in (run.entry.steps, *(steps for steps, _ in run.entry.rows)):
        others = {how: examiner.frechet(examiner.samples(generator, how)) for how in WAYS[:2]}
        says |= {"ways": {**others, "recomputed": says["frechet"]}, "picture": picture(images)}
    return says


def measured(entry: Entry, data: digits.Digits, examiner: Examiner, seeds: list[int]) -> Iterator[dict[str, Any]]:
    """Train an entry on every seed, look at it on the way, and yield the rows that a table stores."""
    found: list[list[dict[str, Any]]] = []  # one list of looks per seed
    last_weights: list[dict[str, Any]] = []
    for seed in seeds:
        run, spent, looks = Run(entry, data.images, seed), 0.0, []
        for steps in entry.look_at():
            spent += run.advance(steps - run.steps_done)
            looks.append(look(run, examiner, spent))
        found.append(looks)
        if entry.unaveraged:
            last_weights.append(look(run, examiner, spent, averaged=False))
        told = {key: looks[-1][key] for key in ENDS[:5]}
        print(f"{entry.name:48s} seed {seed}: {spent:5.0f} s  {told}", flush=True)
    facts = {
        "changes": entry.changes(),
        "parameters": [sum(p.numel() for p in net.parameters()) for net in (run.generator, run.discriminator)],
        "cost": relative_cost(entry, data, seeds[0]),
    }
    for steps, name in entry.rows or ((entry.steps, entry.name),):
        until = entry.look_at().index(steps) + 1
        yield row(name, entry.look_at()[:until], [looks[:until] for looks in found], facts)
    if entry.unaveraged:
        yield row(entry.unaveraged, (entry.steps,), [[says] for says in last_weights], facts)


def row(name: str, steps: tuple[int, ...], found: list[list[dict[str, Any]]], facts: dict[str, Any]) -> dict[str, Any]:
    """Return what a table stores of the looks of every seed; the last look is the row's result."""
    ends = [looks[-1] for looks in found]
    keys = [key for key in (*ENDS, *OF_CRITIC) if key in ends[0]]
    return {
        "name": name,
        "steps": steps[-1],
        **facts,
        **{key: [end[key] for end in ends] for key in keys},
        "frechet_by_mode": {how: [end["ways"][how] for end in ends] for how in WAYS},
        "over_steps": {
            "steps": list(steps),
            **{key: [[looks[at][key] for looks in found] for at in range(len(steps))] for key in keys},
        },
        "picture": ends[0]["picture"],
    }


def relative_cost(entry: Entry, data: digits.Digits, seed: int) -> float:
    """Return CPU time of a generator step relative to the classic recipe's: the median over interleaved rounds."""
    pair = [Run(made, data.images, seed) for made in (CLASSIC, entry)]
    for run in pair:
        run.advance(2)
    ratios = []
    for _ in range(5):
        classic, ours = (run.advance(8) for run in pair)
        ratios.append(ours / classic)
    return round(statistics.median(ratios), 2)


def table(entries: list[Entry], seeds: list[int], wanted: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    """Yield the rows, the floor of real images first. Needs real MNIST, because the numbers are about it."""
    data = digits.load("mnist")
    examiner = Examiner(data)
    if wanted("real images"):
        yield {"name": "real images", **examiner.floor()}
    for entry in entries:
        if any(wanted(name) for name in (entry.name, entry.unaveraged, *(name for _, name in entry.rows)) if name):
            yield from measured(entry, data, examiner, seeds)
