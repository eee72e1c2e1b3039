"""What tools/tables.py needs to ask when to stop: rules that choose a snapshot, and what each choice costs.

Every run is trained on few images, so that the discriminator can learn them by heart and more training is not always
better. Each rule sees only what somebody sees who trains; the truth is the Fréchet distance with many samples.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

import image_tables
from gancourse import runtime
from gancourse.data import digits
from gancourse.metrics import image_sets
from gancourse.metrics import judge as judges
from judge_runs import samples

IMAGES, FEW, MANY, REFERENCE = 500, 500, 2_000, 5_000
STEPS, EVERY, RUNS = 600, 50, 8
ENTRY = image_tables.Entry(
    "few images", image_tables.dense_conv_pair, lr_g=2e-3, lr_d=2e-3, batch_size=32, average=0.98, steps=STEPS
)

# ---------------------------------------------------------------- what can be seen on the way


class Watched:
    """One run, what is seen of it at every snapshot, and the truth."""

    def __init__(self, data: digits.Digits, judge: judges.Judge, seed: int) -> None:
        order = torch.randperm(len(data.images), generator=runtime.generator(seed))
        self.train, self.judge, self.seed = data.images[order[:IMAGES]], judge, seed
        others = torch.randperm(len(data.test_images), generator=runtime.generator(seed))
        truth, self.held_out = (data.test_images[part] for part in (others[:REFERENCE], others[-FEW:]))
        self.truth, self.few = judge.features(truth), judge.features(self.train)
        self.run = image_tables.Run(ENTRY, self.train, seed)

    @torch.no_grad()
    def look(self) -> dict[str, float]:
        """Return losses, D's accuracies and the distances where the run stands."""
        d, loss, random = self.run.discriminator, self.run.loss, runtime.generator(self.run.steps_done)
        z = torch.randn(FEW, self.run.generator.latent_dim, generator=random)
        real, held_out, fake = d(self.train[:FEW]), d(self.held_out), d(self._train_mode(z))
        plain = self.judge.features(samples(self.run.generator, MANY, self.seed))
        average = self.judge.features(samples(self.run.final_generator(), MANY, self.seed))
        return {
            "d_loss": float(loss.discriminator(real_logits=real, fake_logits=fake)),
            "g_loss": float(loss.generator(fake_logits=fake)),
            "d_accuracy": (float((real > 0).double().mean()) + float((fake < 0).double().mean())) / 2,
            "d_accuracy_held_out": (float((held_out > 0).double().mean()) + float((fake < 0).double().mean())) / 2,
            "frechet_few": image_sets.frechet_distance(self.few, plain[:FEW]),
            "frechet_few_average": image_sets.frechet_distance(self.few, average[:FEW]),
            "frechet": image_sets.frechet_distance(self.truth, plain),
            "frechet_average": image_sets.frechet_distance(self.truth, average),
        }

    def _train_mode(self, z: Tensor) -> Tensor:
        """Return what D is shown: samples with the statistics of their batch, which are not kept."""
        before = {name: kept.clone() for name, kept in self.run.generator.named_buffers()}
        fake = torch.cat([self.run.generator(part) for part in z.split(ENTRY.batch_size * 2)])
        for name, kept in self.run.generator.named_buffers():
            kept.copy_(before[name])
        return fake


# ---------------------------------------------------------------- the rules

Looks = dict[str, list[float]]


def first(key: str, score: Callable[[float], float]) -> Callable[[Looks], int]:
    """Choose the snapshot with the lowest score of one of the numbers."""
    return lambda seen: min(range(len(seen[key])), key=lambda at: score(seen[key][at]))


RULES: dict[str, tuple[Callable[[Looks], int], str]] = {
    "the last snapshot": (lambda seen: len(seen["frechet"]) - 1, "frechet"),
    "lowest loss of G": (first("g_loss", lambda v: v), "frechet"),
    "lowest loss of D": (first("d_loss", lambda v: v), "frechet"),
    "highest loss of D": (first("d_loss", lambda v: -v), "frechet"),
    "D's accuracy nearest to 1/2": (first("d_accuracy", lambda v: abs(v - 0.5)), "frechet"),
    "the same on held-out images": (first("d_accuracy_held_out", lambda v: abs(v - 0.5)), "frechet"),
    "lowest Fréchet of 500 samples": (first("frechet_few", lambda v: v), "frechet"),
    "the average, last": (lambda seen: len(seen["frechet"]) - 1, "frechet_average"),
    "the average, lowest Fréchet of 500": (first("frechet_few_average", lambda v: v), "frechet_average"),
}
"""Each rule: which snapshot it chooses from what was seen, and which weights are then kept."""


def regrets(seen: Looks) -> dict[str, float]:
    """Return for each rule the true distance of its choice, divided by that of the best snapshot (plain weights)."""
    best = min(seen["frechet"])
    return {name: round(seen[kept][choose(seen)] / best, 4) for name, (choose, kept) in RULES.items()}


def when_to_stop(seeds: list[int]) -> Iterator[dict[str, Any]]:
    """Yield a row for each run: what was seen at every snapshot, and the regret of every rule."""
    data = digits.load("mnist")
    judge = judges.load(data)
    for seed in seeds:
        started, watched, seen = time.process_time(), Watched(data, judge, seed), {}
        for _ in range(STEPS // EVERY):
            watched.run.advance(EVERY)
            for key, value in watched.look().items():
                seen.setdefault(key, []).append(round(value, 4))
        row = regrets(seen)
        print(f"seed {seed}: {[round(f) for f in seen['frechet']]} {row}", flush=True)
        yield {
            "name": f"run {seed}",
            "changes": ENTRY.changes(),
            "training_images": IMAGES,
            "steps": [EVERY * (at + 1) for at in range(STEPS // EVERY)],
            "cpu_seconds": round(time.process_time() - started, 1),
            **seen,
            "chosen": {name: EVERY * (choose(seen) + 1) for name, (choose, _) in RULES.items()},
            "regret": row,
        }
