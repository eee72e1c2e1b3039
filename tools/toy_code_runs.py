"""What ``tools/tables.py toy-codes`` measures: VAEs, BiGANs and codebooks in the plane, beside exact answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch

from code_runs import Wanted
from gancourse import runtime
from gancourse.data import toy
from gancourse.data.bent import bent_plane
from gancourse.encoding import words
from gancourse.ensembles.codes import BiGANEnsemble, VAEEnsemble
from gancourse.metrics import alignment
from gancourse.metrics.likelihood import Quadrature
from gancourse.models.codebook import nearest, perplexity

POINTS, SIDE, CODES, WORDS = 200, 240, 4_000, 32  # SIDE: of the grid
BETAS = (1.0, 4.0)
CYCLES = (0.0, 1.0)
VAES = {f"vae, beta {beta:g}": beta for beta in BETAS}
BIGANS = {f"bigan, cycle {cycle:g}": cycle for cycle in CYCLES}
BOOKS = {f"codebook, {kind}, start {start}": (kind, start) for start in words.STARTS for kind in words.KINDS}
NAMES = ["exact", *VAES, *BIGANS, *BOOKS]


def rounded(found: list[dict[str, float]]) -> dict[str, list[float]]:
    return {key: [round(one[key], 4) for one in found] for key in found[0]}


def points() -> torch.Tensor:
    return bent_plane().sample(POINTS, runtime.generator(98))


def blobs() -> toy.Mixture:
    return toy.ring(8, 1.0, 0.15)


def exact() -> dict[str, Any]:
    """Return the mean log p(x) of the world itself, and the best codebook of ten k-means."""
    world, at = bent_plane(), blobs().sample(CODES, runtime.generator(7))
    log_prob = Quadrature(world.place, world.noise, side=SIDE).log_prob(points()).mean()
    return {"name": "exact", "log_prob": round(float(log_prob), 4),
            "distortion": round(words.distortion(words.best_book(at, WORDS), at), 5)}  # fmt: skip


def vaes(name: str, beta: float, seeds: list[int]) -> dict[str, Any]:
    """Train VAEs, and part what the bound misses of log p(x) into the model's share and the encoder's."""
    world, x, started = bent_plane(), points(), time.process_time()
    ensemble = VAEEnsemble(world, seeds=seeds, beta=beta)
    ensemble.train()
    spent = time.process_time() - started
    truth = Quadrature(world.place, world.noise, side=SIDE).log_prob(x).mean()
    means, log_variances = ensemble.encode(x)
    found = []
    for member, (mean, log_variance) in enumerate(zip(means, log_variances, strict=True)):
        grid = Quadrature(lambda z, member=member: ensemble.decode(z)[member], world.noise, side=SIDE)
        bound, moments = grid.bound(x, mean, log_variance), grid.moments(x)
        found.append(
            {
                "log_prob": float(bound.log_prob.mean()),
                "elbo": float(bound.elbo.mean()),
                "model_gap": float(truth - bound.log_prob.mean()),
                "encoder_gap": float(bound.divergence.mean()),
                "width": float(((log_variance / 2).exp() / moments.variance.sqrt()).mean()),
            }
        )
    return {"name": name, "seeds": seeds, "steps": ensemble.num_steps, **rounded(found), "cpu_seconds": round(spent, 1)}


def bigans(name: str, cycle: float, seeds: list[int]) -> dict[str, Any]:
    """Train BiGANs, and hold their encoders against themselves and against the true one."""
    world, started = bent_plane(0.0), time.process_time()
    ensemble = BiGANEnsemble(world, seeds=seeds, cycle=cycle)
    ensemble.train()
    spent = time.process_time() - started
    z = torch.randn(CODES, 2, generator=runtime.generator(99))
    x = world.place(z)
    codes = ensemble.encode(x)
    again, back = ensemble.decode(codes), ensemble.encode(ensemble.decode(z))
    found = []
    for member, code in enumerate(codes):
        turned = code @ alignment.best_rotation(code, z)
        told = alignment.explained(code, z)
        found.append(
            {
                "x_again": float((again[member] - x).square().sum(1).mean() / x.var(dim=0).sum()),
                "z_again": float((back[member] - z).square().mean()),
                "raw": float((code - z).square().mean()),
                "rotated": float((turned - z).square().mean()),
                "affine": told.affine,
                "smooth": told.smooth,
            }
        )
    return {"name": name, "seeds": seeds, "steps": ensemble.num_steps, **rounded(found), "cpu_seconds": round(spent, 1)}


def books(name: str, kind: str, start: str, seeds: list[int]) -> dict[str, Any]:
    """Train codebooks, and count the words that are in use."""
    at, found, started = blobs().sample(CODES, runtime.generator(7)), [], time.process_time()
    for seed in seeds:
        book = words.train_book(blobs(), kind=kind, start=start, words=WORDS, seed=seed).book
        chosen = nearest(at, book)
        found.append(
            {
                "distortion": words.distortion(book, at),
                "words_used": len(chosen.unique()),
                "perplexity": perplexity(chosen, WORDS),
            }
        )
    return {"name": name, "seeds": seeds, **rounded(found), "cpu_seconds": round(time.process_time() - started, 1)}


def toy_codes(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield the exact answers, and a row for each kind of VAE, BiGAN and codebook."""
    for name in NAMES:
        if not wanted(name):
            continue
        if name == "exact":
            row = exact()
        elif name in VAES:
            row = vaes(name, VAES[name], seeds)
        elif name in BIGANS:
            row = bigans(name, BIGANS[name], seeds)
        else:
            row = books(name, *BOOKS[name], seeds)
        print(row, flush=True)
        yield row
