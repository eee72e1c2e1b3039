"""What ``tools/tables.py gradients`` measures: gradients through depth, and what clipping them does.

Rows of the kind "depth" hold a deep discriminator (``gancourse.models.deep``) on the ring, for several gains of its
first weights. ``input`` is the norm of the gradient of the mean logit by the points, times their number's root: what G
gets of it. ``growth`` is by how much a block makes the gradient of its signal larger on the way back. Both are taken at
the start, where theory predicts them, and after 200 steps of a GAN with this discriminator.

Rows of the kind "clipping" count, over seeds, how many GANs end well with and without clipping the gradient's norm.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from gancourse import runtime, ward
from gancourse.data import batches, toy
from gancourse.metrics import instruments, modes
from gancourse.models import deep, mlp
from gancourse.training import Diverged

DEPTHS = (2, 5, 10, 20)
GAINS = (0.3, 0.4, 0.55, 0.75, 1.0, 1.35, 1.8, 2.4, 3.0)
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "batch norm": {"norm": "batch"},
    "spectral norm": {"norm": "spectral"},
    "residual": {"residual": True},
}
TRAINED_DEPTHS, TRAINED_GAINS, TRAINED_STEPS = (20,), (0.3, 1.0, 3.0), 200
BATCH, RATE = 64, 1e-3
DEPTH_SEEDS = 3

RING = toy.ring(modes=8, radius=1.0, std=0.05)

# ---------------------------------------------------------------- depth


def built(variant: str, depth: int, gain: float, seed: int) -> deep.Discriminator:
    with runtime.seeded(seed):
        return deep.Discriminator(hidden=64, depth=depth, gain=gain, **VARIANTS[variant])


def through(discriminator: deep.Discriminator, points: Tensor) -> dict[str, Any]:
    """Return what G gets (``input``), the growth per block of the signal's gradient, and each weight's gradient."""
    points = points.clone().requires_grad_()
    kept: list[Tensor] = []
    hooks = [block.register_forward_hook(lambda _, __, out: kept.append(out)) for block in discriminator.blocks]
    loss = discriminator(points).mean()
    for hook in hooks:
        hook.remove()
    first, last, by_points = torch.autograd.grad(loss, [kept[0], kept[-1], points], retain_graph=True)
    discriminator.zero_grad()
    loss.backward()
    weights = instruments.gradient_norms(discriminator)
    discriminator.zero_grad()
    between = len(discriminator.blocks) - 1
    return {
        "input": float(by_points.norm()) * math.sqrt(len(points)),
        "growth": (float(first.norm()) / float(last.norm())) ** (1 / between),
        "layers": list(weights.values()),
    }


def trained(variant: str, depth: int, gain: float, seed: int) -> tuple[dict[str, Any], dict[str, float]]:
    """Train a GAN whose discriminator is deep, and return what passes through it afterwards, and how it plays."""
    d = built(variant, depth, gain, seed)
    with runtime.seeded(seed):
        g = mlp.Generator(latent_dim=2, data_dim=2, hidden=64)
    real_batches = batches.stream(RING, BATCH, runtime.generator(seed + 1))
    random = runtime.generator(seed + 2)
    d_optimizer, g_optimizer = (torch.optim.Adam(net.parameters(), lr=RATE, betas=(0.5, 0.999)) for net in (d, g))
    for _ in range(TRAINED_STEPS):
        fake = g(torch.randn(BATCH, 2, generator=random))
        d_loss = softplus(-d(next(real_batches))).mean() + softplus(d(fake.detach())).mean()
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()
        g_loss = softplus(-d(fake)).mean()
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
    with torch.no_grad():
        made = g(torch.randn(2_000, 2, generator=random))
    return through(d, RING.sample(BATCH, runtime.generator(seed + 3))), {
        "d_loss": float(d_loss.detach()),
        "distance": nearest_mode(made),
    }


def nearest_mode(points: Tensor) -> float:
    """Return the mean distance of points to the nearest mode; on the ring's own samples it is about 0.06."""
    return float(torch.cdist(points.double(), RING.modes.double()).amin(1).mean())


def depth_row(variant: str, depth: int, seeds: list[int]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": f"{variant}, depth {depth}", "kind": "depth", "variant": variant, "depth": depth, "gains": list(GAINS),
        "seeds": seeds, "input": [], "growth": [], "layers": [],
        "predicted": [digits(deep.growth_per_layer(gain, **VARIANTS[variant])) for gain in GAINS],
    }  # fmt: skip
    for gain in GAINS:
        found = [through(built(variant, depth, gain, s), RING.sample(BATCH, runtime.generator(s + 3))) for s in seeds]
        row["input"].append([digits(f["input"]) for f in found])
        row["growth"].append([digits(f["growth"]) for f in found])
        row["layers"].append(" ".join(str(digits(norm)) for norm in found[0]["layers"]))
    if depth in TRAINED_DEPTHS:
        row["after"] = {"steps": TRAINED_STEPS, "gains": list(TRAINED_GAINS)}
        for key in ("input", "growth", "layers", "d_loss", "distance"):
            row["after"][key] = []
        for gain in TRAINED_GAINS:
            found = [trained(variant, depth, gain, seed) for seed in seeds]
            for key in ("input", "growth"):
                row["after"][key].append([digits(f[key]) for f, _ in found])
            for key in ("d_loss", "distance"):
                row["after"][key].append([digits(plays[key]) for _, plays in found])
            row["after"]["layers"].append(" ".join(str(digits(norm)) for norm in found[0][0]["layers"]))
    return row


def digits(number: float) -> float | None:
    return float(f"{number:.3g}") if math.isfinite(number) else None


# ---------------------------------------------------------------- clipping

LIMIT = 1.0
CLIP_STEPS = 300
CLIPPED = ("healthy", "G runs ahead", "rates too high", "one optimiser for both")
STEEP_DEPTH, STEEP_GAIN, STEEP_STEPS, SGD_RATE = 10, 2.0, 100, 0.02


def clip(optimizer: torch.optim.Optimizer, limit: float) -> None:
    """Clip the norm of the gradient of all that an optimiser holds, before each of its steps."""
    held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    optimizer.register_step_pre_hook(lambda *_: nn.utils.clip_grad_norm_(held, limit) and None)


def clipped_patient(illness: str, seed: int, limit: float) -> int:
    """Return how many modes a patient on the ring covers at the end; 0 if it ran away."""
    patient = ward.admit(illness, "ring", seed)
    if limit:
        clip(patient.g_optimizer, limit)
        clip(patient.d_optimizer, limit)
    try:
        patient.train(CLIP_STEPS)
    except Diverged:
        return 0
    return int(modes.report(patient.samples(2_000, seed=1), RING, diverged_ok=True).covered)


def steep(optimiser: str, seed: int, limit: float) -> float:
    """Train a deep discriminator with too large first weights against fixed fakes; return its last loss."""
    d = built("plain", STEEP_DEPTH, STEEP_GAIN, seed)
    make = {"SGD": lambda p: torch.optim.SGD(p, lr=SGD_RATE), "Adam": lambda p: torch.optim.Adam(p, lr=RATE)}
    optimizer = make[optimiser](d.parameters())
    if limit:
        clip(optimizer, limit)
    random = runtime.generator(seed + 1)
    for _ in range(STEEP_STEPS):
        fake = 0.5 * torch.randn(BATCH, 2, generator=random)
        d_loss = softplus(-d(RING.sample(BATCH, random))).mean() + softplus(d(fake)).mean()
        optimizer.zero_grad()
        d_loss.backward()
        optimizer.step()
    return float(d_loss.detach())


def clipping_rows(seeds: list[int], wanted: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    for illness in CLIPPED:
        if wanted(name := f"clipping: {illness}"):
            counts = {arm: [clipped_patient(illness, seed, limit) for seed in seeds]
                      for arm, limit in (("control", 0.0), ("clipped", LIMIT))}  # fmt: skip
            yield {"name": name, "kind": "clipping", "illness": illness, "limit": LIMIT, "steps": CLIP_STEPS,
                   "seeds": seeds, "modes": counts}  # fmt: skip
    for optimiser in ("SGD", "Adam"):
        if wanted(name := f"clipping: gain {STEEP_GAIN:g}, depth {STEEP_DEPTH}, {optimiser}"):
            found = {arm: [digits(steep(optimiser, seed, limit)) for seed in seeds]
                     for arm, limit in (("control", 0.0), ("clipped", LIMIT))}  # fmt: skip
            yield {"name": name, "kind": "clipping", "optimiser": optimiser, "limit": LIMIT, "steps": STEEP_STEPS,
                   "seeds": seeds, "d_loss": found}  # fmt: skip


# ---------------------------------------------------------------- the table

NAMES = [
    *(f"{variant}, depth {depth}" for variant in VARIANTS for depth in DEPTHS),
    *(f"clipping: {illness}" for illness in CLIPPED),
    *(f"clipping: gain {STEEP_GAIN:g}, depth {STEEP_DEPTH}, {optimiser}" for optimiser in ("SGD", "Adam")),
]


def table(seeds: list[int], wanted: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    """Yield the rows about depth, on the first seeds, then those about clipping, on all."""
    for variant in VARIANTS:
        for depth in DEPTHS:
            if wanted(f"{variant}, depth {depth}"):
                started = time.process_time()
                row = depth_row(variant, depth, seeds[:DEPTH_SEEDS])
                told = row.get("after", {}).get("distance", "")
                print(f"{row['name']:28s} growth {[each[0] for each in row['growth']]} {told}", flush=True)
                yield {**row, "cpu_seconds": round(time.process_time() - started, 1)}
    started = time.process_time()
    for row in clipping_rows(seeds, wanted):
        print(f"{row['name']:44s} {row.get('modes', row.get('d_loss'))}", flush=True)
        yield {**row, "cpu_seconds": round(time.process_time() - started, 1)}
        started = time.process_time()
