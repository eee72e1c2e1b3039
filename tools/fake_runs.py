"""What ``tools/tables.py minority``, ``detectors`` and ``watermark`` measure: who is missing, who is fake, who says so.

All on MNIST. Generators are trained by the course's recipe and judged by the course's judge; a detector is the small
classifier of :mod:`gancourse.models.classifier`, trained on as many fakes as real images.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gancourse import conditional, helping, losses, penalties, recommended, runtime, training, watermark
from gancourse.data import batches, digits, spoils, xrays
from gancourse.encoding import auto
from gancourse.metrics import detection, image_sets, minority
from gancourse.metrics import judge as judges
from gancourse.models import averaging
from help_runs import so_far
from image_tables import picture

Wanted = Callable[[str], bool]
Sampler = Callable[[int, int], Tensor]
"""Returns so many images from a seed."""

_PIECE, _COUNTED = 500, 4_000


@functools.cache
def bench() -> tuple[digits.Digits, judges.Judge]:
    data = digits.load("mnist")
    return data, judges.load(data)


def some(images: Tensor, count: int, seed: int) -> Tensor:
    """Return a random few: the first images of MNIST's files are not like the others."""
    return images[torch.randperm(len(images), generator=runtime.generator(seed))[:count]]


def sampler(generator: nn.Module) -> Sampler:
    @torch.no_grad()
    def draw(count: int, seed: int) -> Tensor:
        z = torch.randn(count, generator.latent_dim, generator=runtime.generator(seed))
        return torch.cat([generator(piece) for piece in z.split(_PIECE)])

    return draw


def trained(
    images: Tensor, seed: int, steps: int, *, width: int = 16, relativistic: bool = False, stream: Any = None
) -> tuple[Sampler, nn.Module]:
    """Train the recommended pair, or the same with the relativistic loss, and return its sampler and its D."""
    parts = recommended.build(28, 1, width=width, num_steps=steps, seed=seed)
    latents = recommended.latents(parts, runtime.generator(seed + 1))
    step = relativistic_step(parts, latents) if relativistic else recommended.make_step(parts, latents)
    real = stream or batches.stream(images, recommended.BATCH_SIZE, runtime.generator(seed + 2))
    training.train(step, real, num_steps=steps, progress=False)
    averaging.recompute_batch_norm(parts.average, latents(_COUNTED).split(_PIECE))
    return sampler(parts.average.module), parts.discriminator.eval().requires_grad_(False)


def relativistic_step(parts: recommended.Parts, latents: Callable[[int], Tensor]) -> Callable:
    """Return the recommended step with the relativistic loss; all else is the same."""
    G, D, steps = parts.generator, parts.discriminator, itertools.count()
    weights = list(G.parameters())

    def step(real: Tensor) -> dict[str, Tensor]:
        fake, braked = G(latents(len(real))), next(steps) % recommended.R1_EVERY == 0
        real_logits = D(real.requires_grad_(braked))
        d_loss = losses.relativistic_discriminator_loss(real_logits=real_logits, fake_logits=D(fake.detach()))
        whole = d_loss
        if braked:
            whole = whole + recommended.R1_EVERY * recommended.GAMMA / 2 * penalties.r1_penalty(real_logits, real)
        parts.d_optimizer.zero_grad()
        whole.backward()
        parts.d_optimizer.step()
        g_loss = losses.relativistic_generator_loss(real_logits=D(real.detach()), fake_logits=D(fake))
        parts.g_optimizer.zero_grad()
        g_loss.backward(inputs=weights)
        parts.g_optimizer.step()
        parts.g_schedule.step()
        parts.d_schedule.step()
        parts.average.update_parameters(G)
        return {"d_loss": d_loss, "g_loss": g_loss}

    return step


# ---------------------------------------------------------------- a minority

COMMON, UNCOMMON, TOTAL = 3, 7, 5_000
SHORT = 250
PLAN = {
    "50 %": (0.5, SHORT, "recommended"),
    "10 %": (0.1, SHORT, "recommended"),
    "3 %": (0.03, SHORT, "recommended"),
    "1 %": (0.01, SHORT, "recommended"),
    "50 %, no brake": (0.5, SHORT, "no brake"),
    "10 %, no brake": (0.1, SHORT, "no brake"),
    "10 %, drawn as often": (0.1, SHORT, "as often"),
}
"""Share of sevens among threes and sevens, steps, how it is trained."""

MINORITIES = ["real images", *PLAN]


def minorities(seeds: list[int], wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each share of a minority, and for what makes it worse or better."""
    data, judge = bench()
    groups = {kind: data.images[data.labels == kind] for kind in (COMMON, UNCOMMON)}
    tests = {kind: data.test_images[data.test_labels == kind] for kind in (COMMON, UNCOMMON)}
    if wanted("real images"):
        said = {kind: minority.shares(judge.probabilities(tests[kind]), UNCOMMON, (COMMON, UNCOMMON)) for kind in tests}
        yield {"name": "real images", "share": [round(said[kind].clear, 4) for kind in tests],
               "argmax": [round(said[kind].argmax, 4) for kind in tests],
               "unclear": [round(said[kind].unclear, 4) for kind in tests]}  # fmt: skip
    rows = {name: so_far("minority", name, seeds) for name in PLAN if wanted(name)}
    for name, row in rows.items():
        share, steps, way = PLAN[name]
        row = row or {
            "name": name,
            "truth": share,
            "steps": steps,
            "way": way,
            **{key: [] for key in ("seeds", "clear", "argmax", "unclear", "best_by_d", "recall", "recall_common",
                                   "cpu_seconds")},
        }  # fmt: skip
        for seed in seeds:
            started = time.process_time()
            few = round(share * TOTAL)
            images = torch.cat([some(groups[COMMON], TOTAL - few, 500 + seed), some(groups[UNCOMMON], few, 900 + seed)])
            labels = (torch.arange(TOTAL) >= TOTAL - few).long()
            draw, discriminator = grown_with(images, labels, way, steps, seed)
            made = draw(4_000, seed + 50)
            probabilities = judge.probabilities(made)
            said = minority.shares(probabilities, UNCOMMON, (COMMON, UNCOMMON))
            with torch.no_grad():
                logits = torch.cat([discriminator(piece) for piece in made.split(_PIECE)])
            best = probabilities[logits.argsort(descending=True)[:400]]
            values = {**said._asdict(), "best_by_d": minority.shares(best, UNCOMMON, (COMMON, UNCOMMON)).clear}
            for key, value in values.items():  # None where no sample is clear
                row[key].append(round(value, 4) if value == value else None)
            for key, kind in (("recall", UNCOMMON), ("recall_common", COMMON)):
                row[key].append(covered(judge, tests[kind], made[probabilities[:, kind] >= judges.CONFIDENT]))
            row["seeds"].append(seed)
            row.setdefault("picture", picture(made[:40], columns=20))
            row["cpu_seconds"].append(round(time.process_time() - started, 1))
            print(f"{name:24s} seed {seed}: clear {said.clear:.4f}, argmax {said.argmax:.4f}, unclear "
                  f"{said.unclear:.3f}, best by D {row['best_by_d'][-1]}, recall {row['recall'][-1]} "
                  f"{row['recall_common'][-1]}", flush=True)  # fmt: skip
        yield row


def grown_with(images: Tensor, labels: Tensor, way: str, steps: int, seed: int) -> tuple[Sampler, Callable]:
    """Train on a common group (label 0) and an uncommon one (label 1) in one of three ways."""
    if way == "no brake":
        return unbraked(images, steps, seed)
    stream = None
    if way == "as often":
        often = torch.multinomial(1.0 / torch.bincount(labels)[labels].float(), 20_000, replacement=True,
                                  generator=runtime.generator(seed + 7))  # fmt: skip
        stream = batches.stream(images[often], recommended.BATCH_SIZE, runtime.generator(seed + 2))
    return trained(images, seed, steps, stream=stream)


def unbraked(images: Tensor, steps: int, seed: int) -> tuple[Sampler, nn.Module]:
    """Train the pair without R1 and without the average, with momentum: what collapses now and then."""
    parts = recommended.build(28, 1, width=16, num_steps=steps, seed=seed)
    latents, real = recommended.latents(parts, runtime.generator(seed + 1)), batches.stream(
        images, recommended.BATCH_SIZE, runtime.generator(seed + 2)
    )  # fmt: skip
    G, D = parts.generator, parts.discriminator
    opt_g, opt_d = (torch.optim.Adam(net.parameters(), lr=2e-3, betas=(0.5, 0.999)) for net in (G, D))
    for _ in range(steps):
        x = next(real)
        fake = G(latents(len(x)))
        opt_d.zero_grad()
        losses.non_saturating_discriminator_loss(real_logits=D(x), fake_logits=D(fake.detach())).backward()
        opt_d.step()
        opt_g.zero_grad()
        losses.non_saturating_generator_loss(fake_logits=D(fake)).backward()
        opt_g.step()
    averaging.recompute_batch_norm(G, latents(_COUNTED).split(_PIECE))
    return sampler(G.eval().requires_grad_(False)), D.eval().requires_grad_(False)


def covered(judge: judges.Judge, real: Tensor, made: Tensor, count: int = 300) -> float | None:
    """Return the recall within a group, of equally many real and clear made images; None if there are too few."""
    if len(made) < count:
        return None
    both = judge.features(some(real, count, 1)), judge.features(made[:count])
    return round(image_sets.precision_recall(*both).recall, 4)


# ---------------------------------------------------------------- detectors of fakes

A, OTHER, RELATIVISTIC, NARROW, TOLD, VAE = (
    "known", "other seed", "relativistic", "half the width", "told the digit", "VAE",
)  # fmt: skip
SOURCES = (A, OTHER, RELATIVISTIC, NARROW, TOLD, VAE)
RAW, EIGHT, HARDENED, TWO, FOUR = "one, not rounded", "one", "one, spoiled", "two", "four"
DETECTORS = (RAW, EIGHT, HARDENED, TWO, FOUR, "A's own D")
GAN_STEPS, FIT_STEPS, COUNT, JUDGED = 350, 350, 4_000, 1_000
THRESHOLDS = [round(0.05 * k, 2) for k in range(1, 20)] + [0.97, 0.99, 0.995, 0.999]


def eight(images: Tensor) -> Tensor:
    return spoils.to_levels(images, 256)


CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "JPEG 75": lambda images: spoils.jpeg(images, 75),
    "JPEG 30": lambda images: spoils.jpeg(images, 30),
    "blur 0.5": lambda images: spoils.blur(images, 0.5),
    "blur 0.7": lambda images: spoils.blur(images, 0.7),
    "noise 0.1": lambda images: spoils.noise(images, 0.1, generator=runtime.generator(3)),
    "small and large again": lambda images: spoils.resize(images, 20, careful=True),
}


def generators(data: digits.Digits, seed: int) -> dict[str, tuple[Sampler, Any]]:
    """Train all generators of one seed."""
    images = data.images
    found: dict[str, tuple[Sampler, Any]] = {A: trained(images, seed, GAN_STEPS)}
    found[RELATIVISTIC] = trained(images, seed + 200, GAN_STEPS, relativistic=True)
    found[NARROW] = trained(images, seed + 300, GAN_STEPS, width=8)
    parts = conditional.build("projection", image_size=28, num_steps=GAN_STEPS, seed=seed + 400)
    step = conditional.make_step(parts, runtime.generator(seed + 401))
    real = batches.labelled(images, data.labels, recommended.BATCH_SIZE, runtime.generator(seed + 402))
    training.train(step, real, num_steps=GAN_STEPS, progress=False)
    told = conditional.finish(parts, runtime.generator(seed + 403))
    found[TOLD] = (lambda count, at: helping.made(told, count, at)[0]), None
    coded = auto.train(images, auto.Recipe(beta=1.0, num_steps=GAN_STEPS), seed=seed + 500)

    @torch.no_grad()
    def from_vae(count: int, at: int) -> Tensor:
        z = torch.randn(count, 32, generator=runtime.generator(at))
        return torch.cat([coded.decoder(piece) for piece in z.split(_PIECE)]).clamp(-1, 1)

    found[VAE] = from_vae, None
    return found


def detector(real: Tensor, fake: Tensor, seed: int, prepare: Callable | None = None) -> nn.Module:
    """Train a classifier: 0 is real, 1 is fake."""
    labels = torch.cat([torch.zeros(len(real)), torch.ones(len(fake))]).long()
    draw = helping.pool(torch.cat([real, fake]), labels, augment=prepare)
    return helping.fit(draw, num_steps=FIT_STEPS, seed=seed)


def spoiled_now_and_then(images: Tensor, random: torch.Generator) -> Tensor:
    """Leave a batch as it is, blur it or put noise on it, one of the three at random."""
    which = int(torch.randint(3, (1,), generator=random))
    if which == 0:
        return images
    return spoils.blur(images, 0.6) if which == 1 else spoils.noise(images, 0.1, generator=random)


def said(network: nn.Module, real: Tensor, fake: Tensor) -> dict[str, Any]:
    """Return the AUC, the shares called fake at many thresholds, and the calibration."""
    margins = helping.margins(network, torch.cat([real, fake]))
    probabilities, is_fake = margins.double().sigmoid(), torch.arange(len(margins)) >= len(real)
    table = detection.calibration(probabilities, is_fake)
    alarms = [[round(float((probabilities[which] >= level).double().mean()), 4) for level in THRESHOLDS]
              for which in (~is_fake, is_fake)]  # fmt: skip
    return {
        "auc": round(detection.roc_auc(margins, is_fake), 4),
        "false_alarms": alarms[0],
        "caught": alarms[1],
        "error": round(table.error, 4),
        "said": [round(value, 4) if value == value else None for value in table.said.tolist()],
        "true": [round(value, 4) if value == value else None for value in table.true.tolist()],
        "counts": table.counts.tolist(),
    }


def detectors(first_seed: int, count: int, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield a row for each detector: what it says of fakes it knows, of others, and after changes; seed by seed.

    Detectors are called by how many generators they were trained on: "one" is A, "two" are A and one with the
    relativistic loss, "four" also one of half the width and the relativistic one of another seed.
    """
    data, judge = bench()
    seeds = list(range(first_seed, first_seed + count))
    rows: dict[str, dict[str, Any]] = {name: {"name": name, "seeds": seeds, "thresholds": THRESHOLDS, "of": {},
                                              "after": {}} for name in DETECTORS}  # fmt: skip
    sources: dict[str, Any] = {"name": "generators", "seeds": seeds, "frechet": {}, "pictures": {}, "cpu_seconds": []}
    test = some(data.test_images, JUDGED, 79)
    features = judge.features(some(data.test_images, 2_000, 78))
    made = {}
    for seed in seeds:
        started = time.process_time()
        made[seed] = generators(data, seed)
        sources["cpu_seconds"].append(round(time.process_time() - started, 1))
        for name, (draw, _) in made[seed].items():
            distance = image_sets.frechet_distance(features, judge.features(draw(2_000, 650 + seed)))
            sources["frechet"].setdefault(name, []).append(round(distance, 1))
            sources["pictures"].setdefault(name, picture(draw(16, 651)))
        print("generators", seed, {name: values[-1] for name, values in sources["frechet"].items()}, flush=True)
    if wanted("generators"):
        yield sources
    for place, seed in enumerate(seeds):
        started = time.process_time()
        other = seeds[(place + 1) % len(seeds)]
        real, here = some(data.images, COUNT, 80 + seed), {name: draw for name, (draw, _) in made[seed].items()}
        fakes = here[A](COUNT, 600 + seed)
        sets = {name: here[name](JUDGED, 700) for name in SOURCES if name != OTHER} | {
            OTHER: made[other][A][0](JUDGED, 700)
        }
        parts = [(A, here[A]), (RELATIVISTIC, here[RELATIVISTIC]), (NARROW, here[NARROW]),
                 (RELATIVISTIC, made[other][RELATIVISTIC][0])]  # fmt: skip
        several = {
            many: torch.cat([eight(draw(COUNT // many, 610 + k)) for k, (_, draw) in enumerate(parts[:many])])
            for many in (2, 4)
        }
        networks = {
            RAW: detector(real, fakes, seed),
            EIGHT: detector(real, eight(fakes), seed),
            HARDENED: detector(real, eight(fakes), seed, spoiled_now_and_then),
            TWO: detector(real, several[2], seed),
            FOUR: detector(real, several[4], seed),
        }
        for name, network in networks.items():
            through = (lambda images: images) if name == RAW else eight
            for source, images in sets.items():
                note(rows[name]["of"], source, said(network, test, through(images)))
            if place == 0 and name in (EIGHT, FOUR):  # what a panel draws from: sorted logits of "fake"
                both = {"real": test, **{source: eight(images) for source, images in sets.items()}}
                rows[name]["scores"] = {
                    source: [round(value, 2) for value in helping.margins(network, images).sort().values.tolist()]
                    for source, images in both.items()
                }
            if name not in (TWO, FOUR):
                for change, apply in CHANGES.items():
                    both = said(network, apply(test), apply(through(sets[A])))
                    note(rows[name]["after"], change, {key: both[key] for key in ("auc", "false_alarms", "caught")})
            rows[name].setdefault("cpu_seconds", []).append(0.0)
        own = made[seed][A][1]
        with torch.no_grad():
            for source, images in {**sets, "train against test": test}.items():
                here_real = real[:JUDGED] if source == "train against test" else test
                logits = own(torch.cat([here_real, images]))
                auc = detection.roc_auc(-logits, torch.arange(len(logits)) >= len(here_real))
                note(rows["A's own D"]["of"], source, {"auc": round(auc, 4)})
        rows[RAW]["cpu_seconds"][-1] = round(time.process_time() - started, 1)
        print(seed, {name: {source: values["auc"][-1] for source, values in row["of"].items()}
                     for name, row in rows.items()}, flush=True)  # fmt: skip
        print(seed, {name: {change: values["auc"][-1] for change, values in row["after"].items()}
                     for name, row in rows.items() if row["after"]}, flush=True)  # fmt: skip
    yield from (row for name, row in rows.items() if wanted(name))


def note(table: dict[str, Any], name: str, values: dict[str, Any]) -> None:
    """Append each value to the list of its name."""
    for key, value in values.items():
        table.setdefault(name, {}).setdefault(key, []).append(value)


# ---------------------------------------------------------------- a mark

KEY, WRONG_KEY, MARK = 190_019, 4_711, 0.1
ON, LEARNT = "on {}", "learnt from marked {}"
MARKS = [form.format(what) for what in ("digits", "X-rays") for form in (ON, LEARNT)]
MARKED = 776  # X-rays that may be drawn


def watermarks(first_seed: int, count: int, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Yield rows for a mark put on images, and for generators that were trained on marked images."""
    seeds = list(range(first_seed, first_seed + count))
    for what in ("digits", "X-rays"):
        names = {form: form.format(what) for form in (ON, LEARNT) if wanted(form.format(what))}
        rows: dict[str, dict[str, Any]] = {
            name: {"name": name, "seeds": seeds, "strength": MARK, "of": {}, "cpu_seconds": []}
            for name in names.values()
        }
        for seed in seeds if names else ():
            if what == "digits":
                data = bench()[0]
                test, images, rest = (
                    some(data.test_images, JUDGED, 79),
                    some(data.images, JUDGED, 90 + seed),
                    some(data.images, JUDGED, 97 + seed),
                )
            else:
                chests = xrays.load("pneumonia")
                few = xrays.subset(chests, MARKED, seed)
                test, (images, rest) = chests.test_images, some(few.images, MARKED, seed).chunk(2)
            for form, name in names.items():
                started = time.process_time()
                if form == ON:
                    on(rows[name], images, rest, test)
                elif what == "digits":
                    draw, _ = trained(watermark.embed(data.images, KEY, MARK), seed, GAN_STEPS)
                    learnt(rows[name], draw(JUDGED, 700), test)
                else:
                    pair = helping.train_pair(watermark.embed(few.images, KEY, MARK), few.labels, seed=seed)
                    learnt(rows[name], helping.made(pair.generator, JUDGED, 700)[0], test)
                rows[name]["cpu_seconds"].append(round(time.process_time() - started, 1))
                print(name, seed, {key: values["auc"][-1] for key, values in rows[name]["of"].items()}, flush=True)
        yield from rows.values()


def on(row: dict[str, Any], images: Tensor, rest: Tensor, test: Tensor) -> None:
    """Mark images, with cells of three sizes, and ask who finds the mark after what."""
    for cell in (1, 2, 4):
        marked = watermark.embed(images, KEY, MARK, cell)
        after_changes(row, marked, test, cell)
        note(row["of"], f"cells of {cell}: another key", marks(marked, test, cell, WRONG_KEY))
    marked = watermark.embed(images, KEY, MARK)
    stolen = marked.mean(dim=0, keepdim=True) - rest.mean(dim=0)  # what marked images have on average, and others not
    forged = MARK * (stolen - stolen.mean()).sign()
    note(row["of"], "cells of 2: put on others by a forger", marks((rest + forged).clamp(-1, 1), test, 2))
    note(row["of"], "cells of 2: taken off by a forger", marks((marked - forged).clamp(-1, 1), test, 2))


def learnt(row: dict[str, Any], made: Tensor, test: Tensor) -> None:
    """Ask who finds the mark in samples of a generator that learnt from marked images."""
    after_changes(row, made, test, 2)
    note(row["of"], "cells of 2: another key", marks(made, test, 2, WRONG_KEY))
    row.setdefault("picture", picture(made))


def after_changes(row: dict[str, Any], marked: Tensor, test: Tensor, cell: int) -> None:
    for change, apply in {
        "untouched": lambda images: images,
        "8 bits": eight,
        **CHANGES,
        "shift 1 px": shifted,
    }.items():
        note(row["of"], f"cells of {cell}: {change}", marks(apply(marked), apply(test), cell))


def shifted(images: Tensor) -> Tensor:
    return spoils.shift_pixels(images, 0, 1)


def marks(marked: Tensor, test: Tensor, cell: int, key: int = KEY) -> dict[str, float]:
    """Return how well one marked image is told from an unmarked one, and how surely a hundred are."""
    scores, others = (watermark.score(images, key, cell) for images in (marked, test))
    together = torch.cat([scores, others])
    hundred = [part[: len(part) // 100 * 100].reshape(-1, 100).mean(dim=1) for part in (scores, others)]
    caught = float((scores > others.quantile(0.99)).double().mean())
    gap = float(hundred[0].mean() - hundred[1].mean()) / float(hundred[1].std()) if len(hundred[1]) > 1 else None
    return {"score": round(float(scores.mean()), 2), "score_unmarked": round(float(others.mean()), 2),
            "auc": round(detection.roc_auc(together, torch.arange(len(together)) < len(scores)), 4),
            "caught_at_1_percent": round(caught, 4),
            "gap_of_hundred": gap if gap is None else round(gap, 2)}  # fmt: skip
