"""Make the long measurements that the notebooks (from 01 on) and docs/beyond.md show; stored in measured/.

    python tools/tables.py ring             covers, collapses, collapse on demand, rescue: counts over seeds
    python tools/tables.py phase            the phase diagram: 16 x 16 GANs over both learning rates
    python tools/tables.py cures-ring       every cure with its control on the ring (sharp-sighted discriminator)
    python tools/tables.py cures-balance    the same on the ring where only the balance of the players is wrong
    python tools/tables.py cures-grid       the same on the 25 Gaussians
    python tools/tables.py lazy             R1 and R2 in every step, or in every n-th with n times the weight (24 seeds)
    python tools/tables.py literature       the papers' ring, which is tighter than ours
    python tools/tables.py speed            an ensemble against the same GANs one after the other, interleaved
    python tools/tables.py dcgan            DCGAN's rules, each left out alone, beside the recommended recipe (MNIST)
    python tools/tables.py rates            DCGAN's learning rate and beta1 beside others, at two widths (MNIST)
    python tools/tables.py wgan-images      WGAN-GP on digits, for comparison with rows of dcgan (MNIST)
    python tools/tables.py lab              what 04's Play asks: a rescue by the penalty alone, unequal blobs, the grid
    python tools/tables.py story            00's digits, with the questions of 01 to 05 (MNIST)
    python tools/tables.py who-sees-what    numbers for sets of images against spoils of known strength (MNIST)
    python tools/tables.py sample-size      two distances by number of samples, and how many an answer needs (MNIST)
    python tools/tables.py two-judges       ten sets ranked under the course's judge and under others (MNIST)
    python tools/tables.py when-to-stop     rules that choose a snapshot, and what they cost (MNIST, 8 seeds)
    python tools/tables.py libraries        the same numbers by other libraries (MNIST; see tools/judge_libraries.txt)
    python tools/tables.py patients         the ward of 11: every illness on the ring and on digits (MNIST)
    python tools/tables.py gradients        gradients through depth, gain and norms; what clipping cures
    python tools/tables.py schedules        learning rate schedules beside constant rates, ring and digits (MNIST)
    python tools/tables.py asked            digits that were asked for, by every way of telling, and two traps (MNIST)
    python tools/tables.py asked-line       the same on two and three classes on a line, beside exact answers
    python tools/tables.py infogan          codes that nobody labelled, with and without the term for them (MNIST)
    python tools/tables.py slanted          a direction of z that was fitted to the slant, beside random ones (MNIST)
    python tools/tables.py shared-rows      a label's row that two classes share by accident (MNIST)
    python tools/tables.py unseen           digit and slant as two labels, one pair of them never shown (MNIST)
    python tools/tables.py restored         what each loss makes of hidden halves, holes and shrunk digits (MNIST)
    python tools/tables.py many-answers     what makes a restorer use its noise (MNIST)
    python tools/tables.py translated-pairs  what losses make of digits with five right answers, and of blocks (MNIST)
    python tools/tables.py cycles           digits made of outlines: with and without cycle, locality and pairs (MNIST)
    python tools/tables.py hiding           who reads a colour that grey paper should not carry (MNIST)
    python tools/tables.py many-domains     one network between four domains, each loss taken out once (MNIST)
    python tools/tables.py style            digits moved to the style of outlines by Gram matrices of the judge (MNIST)
    python tools/tables.py restored-line    losses on a line with two answers to each question, beside exact errors
    python tools/tables.py restore-faults   a loss that looks at the wrong pixels, and patterns of two pixels (MNIST)
    python tools/tables.py frames           frames of which several are possible, and films of every second one (MNIST)
    python tools/tables.py encoders         five roads from digits to codes and back, and what each can draw (MNIST)
    python tools/tables.py told             codes of networks that are told the class; copies of draws (MNIST)
    python tools/tables.py codebooks        digits as sixteen tokens, with and without a discriminator (MNIST)
    python tools/tables.py toy-codes        VAEs, BiGANs and codebooks in the plane, beside exact answers
    python tools/tables.py growing          growing 7 to 14 to 28 beside full size at equal CPU seconds (MNIST)
    python tools/tables.py style-parts      pixel norm, minibatch deviation, equalised rates, each alone (MNIST)
    python tools/tables.py styles           styled generators beside the plain one: truncation, paths, mixing (MNIST)
    python tools/tables.py directions       directions found in four ways, on known ellipses and on digits (MNIST)
    python tools/tables.py edited           real digits inverted, moved in z and drawn again (MNIST)
    python tools/tables.py writers          ways to learn a language whose probabilities are known, and their controls
    python tools/tables.py text-gradients   bias and spread of gradients that go around the choice of a letter
    python tools/tables.py helped           X-rays: a classifier alone, augmented, with a GAN's images, with both
    python tools/tables.py remembered       X-rays: who was in the training set, told by D's logit and by the samples
    python tools/tables.py rare-digit       ten eights among 200 of each other digit, and what makes up for it (MNIST)
    python tools/tables.py minority         threes and a few sevens: the share of sevens among the samples (MNIST)
    python tools/tables.py detectors        detectors of fakes: generators they know, others, after changes (MNIST)
    python tools/tables.py watermark        a mark on images, or on what a GAN learns from: what is left of it (MNIST)
    python tools/tables.py attacked         a digit classifier and its hardened twin under attack (MNIST)
    python tools/tables.py projected        a classifier behind a generator, and attackers who know of it (MNIST)
    python tools/tables.py advgan           a network that learns to attack all digits at once (MNIST)
    python tools/tables.py sounds           notes by phase and phase shuffle, up-sampling and loss
    python tools/tables.py spoken           spoken words and noises under two judges (FSDD)
    python tools/tables.py vocoder          from a picture of a sound back to the sound, by every way
    python tools/tables.py relativistic     R3GAN taken apart, and its rules crossed with ours, rates searched (MNIST)
    python tools/tables.py flow             a flow beside the GAN at equal CPU seconds, by sampling steps (MNIST)
    python tools/tables.py distilled        a flow taught to answer in one step, by differences and by D (MNIST)
    python tools/tables.py small            the recommended generator made small in every way, with controls (MNIST)
    python tools/tables.py latency          CPU time of one image and of many, by size and by program
    python tools/tables.py batch-size       batch size against steps to a distance, on the ring
    python tools/tables.py processes        a step of the images' recipe on one process and on two; 8 and 64 on paper
    python tools/tables.py overhead         what python -m gancourse.train and its trackers cost

Options: --seeds 10 (lazy and schedules 24, lab 20, GANs on images 3 or 5), --first-seed 1000, --threads 1,
--rows "NAME;NAME" (only these rows, merged into what is stored). Times are CPU seconds of this process, and costs are
ratios from interleaved rounds, so that a busy machine disturbs them less. Every row keeps every seed's numbers.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import json
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

import asked_line_runs
import asked_runs
import attack_runs
import code_runs
import edit_runs
import fake_runs
import flow_runs
import frame_runs
import gradient_runs
import growing_tables
import help_runs
import image_tables
import infogan_runs
import judge_libraries
import judge_runs
import judge_stopping
import judge_tables
import latency_runs
import many_domain_runs
import patient_runs
import r3gan_runs
import restore_fault_runs
import restore_line_runs
import restore_runs
import scaling_tables
import schedule_runs
import shared_row_runs
import small_runs
import sound_runs
import spoken_runs
import story_runs
import style_runs
import style_tables
import token_runs
import told_runs
import toy_code_runs
import translate_runs
import unseen_runs
import writing_runs
from bench import machine
from course import ROOT
from gancourse import losses, memory, runtime
from gancourse.data import toy
from gancourse.ensembles import Ensemble, Recipe, crossed
from gancourse.labs.collapse import TARGETS
from gancourse.metrics import modes
from gancourse.models import mlp
from gancourse.models.features import InTurn, MinibatchStd, Packing
from gancourse.recipes import GRID, LITERATURE_RING, RING, SWITCHES, Problem

FOLDER = ROOT / "gancourse" / "measured"
SAMPLES = 2500

# ---------------------------------------------------------------- counting


def counted(ensemble: Ensemble, *, averaged: bool = True) -> dict[str, list]:
    """Return modes, quality, reverse KL and verdict of every member."""
    points = ensemble.sample(SAMPLES, averaged=averaged)
    report = modes.report(points, ensemble.target, diverged_ok=True)
    return {
        "modes": report.covered.tolist(),
        "quality": rounded(report.quality.tolist()),
        "reverse_kl": rounded(report.reverse_kl.tolist()),
        "verdict": report.verdict,
    }


def rounded(numbers: list[float], digits: int = 4) -> list[float | None]:
    return [None if number != number else round(number, digits) for number in numbers]


def say(name: str, step: int, row: dict[str, list]) -> None:
    quality = [0.0 if q is None else q for q in row["quality"]]
    print(f"{name:34s} {step:6,d} steps  {row['modes']}  quality {min(quality):.2f} to {max(quality):.2f}", flush=True)


# ---------------------------------------------------------------- the ring: what covers, collapses, rescues


RING_STEPS = 1200
COVER_FIRST, COLLAPSE_STEPS, RESCUE_STEPS = 800, 800, 2000
LOOK_EVERY, RARELY, RESCUE_AFTER = 100, 200, 700


def ring(options: argparse.Namespace) -> Iterator[dict]:
    """Follow the counts of every seed while recipes run, from the start and out of each other."""

    def follow(name: str, ensemble: Ensemble, num_steps: int) -> dict:
        looks = []
        first = ensemble.steps_done
        for _ in range(num_steps // LOOK_EVERY):
            ensemble.train(LOOK_EVERY)
            looks.append(counted(ensemble))
        say(name, ensemble.steps_done, looks[-1])
        return {
            "name": name,
            "steps": num_steps,
            "look_every": LOOK_EVERY,
            "first_step": first,
            "over_steps": {key: [look[key] for look in looks] for key in ("modes", "quality", "verdict")},
            **looks[-1],
        }

    def start(switch: str) -> Ensemble:
        return Ensemble(RING.recipe, RING.target, seeds=options.seeds, **SWITCHES[switch])

    yield follow("cover", start("cover"), RING_STEPS)
    yield follow("no penalty", start("no penalty"), RING_STEPS)
    ensemble = start("cover")
    ensemble.train(COVER_FIRST)
    say("covered state", COVER_FIRST, counted(ensemble))
    covered = ensemble.state_dict()
    ensemble.set(**SWITCHES["no penalty"])
    yield follow("penalty switched off", ensemble, COLLAPSE_STEPS)
    ensemble = start("collapse")
    ensemble.load_state_dict(covered)
    yield follow("collapse it", ensemble, COLLAPSE_STEPS)
    ensemble.set(**SWITCHES["rescue"])
    yield follow("rescue it", ensemble, RESCUE_STEPS)


# ---------------------------------------------------------------- what the collapse lab of notebook 04 asks


GRID_SEEDS, GRID_STEPS, BLOB_STEPS = 6, 3_000, 800


def lab(options: argparse.Namespace) -> Iterator[dict]:
    """Answer three questions of 04's Play: the penalty alone after a collapse, two unequal blobs, the grid."""
    collapsed = Ensemble(RING.recipe, RING.target, seeds=options.seeds, **SWITCHES["cover"])
    collapsed.train(COVER_FIRST)
    collapsed.set(**SWITCHES["collapse"])
    collapsed.train(RESCUE_AFTER)
    before = counted(collapsed)["modes"]
    collapsed.set(r1=0.1, r2=0.1)  # G stays as fast as the collapse made it
    yield {"modes_before": before, **looked_at("only the penalty again", collapsed, 1_200)}

    unequal = Ensemble(RING.recipe, TARGETS["two unequal blobs"], seeds=options.seeds, **SWITCHES["cover"])
    yield blobs("two unequal blobs, covering", unequal)
    unequal.set(**SWITCHES["collapse"])
    yield blobs("two unequal blobs, collapse it", unequal)

    grid = Ensemble(RING.recipe, GRID.target, seeds=options.seeds[:GRID_SEEDS], **SWITCHES["cover"])
    yield looked_at("the grid with the ring's recipe", grid, GRID_STEPS)


def looked_at(name: str, ensemble: Ensemble, num_steps: int) -> dict:
    """Train on, and count every few hundred steps."""
    looks = []
    for _ in range(num_steps // RARELY):
        ensemble.train(RARELY)
        looks.append(counted(ensemble))
    say(name, num_steps, looks[-1])
    over = {key: [look[key] for look in looks] for key in ("modes", "quality")}
    return {"name": name, "steps": num_steps, "look_every": RARELY, "over_steps": over}


def blobs(name: str, ensemble: Ensemble) -> dict:
    """Train on, and note which share of the samples each GAN gives to the small blob."""
    ensemble.train(BLOB_STEPS)
    small = [float(modes.histogram(points, ensemble.target)[1]) for points in ensemble.sample(SAMPLES)]
    print(name, sorted(rounded(small, 2)), flush=True)
    return {"name": name, "steps": BLOB_STEPS, "small_blob": rounded(small)}


# ---------------------------------------------------------------- the phase diagram


PHASE_SIDE, PHASE_STEPS = 16, 1000


def phase(options: argparse.Namespace) -> Iterator[dict]:
    """Train 16 x 16 GANs over both learning rates, all from one seed, a plain and a penalised ensemble."""
    rates = torch.logspace(-4, -2, PHASE_SIDE).tolist()
    plain = Recipe(hidden=32, batch_size=64, beta1=0.5)
    sharp = dataclasses.replace(RING.recipe, hidden=32, beta1=0.0)
    for name, recipe, settings in (
        ("plain discriminator", plain, {}),
        ("sharp discriminator, no penalty", sharp, {"r1": 0.0, "r2": 0.0}),
        ("sharp discriminator, R1 + R2", sharp, {"r1": 0.1, "r2": 0.1}),
    ):
        if not wanted(name, options):
            continue
        seeds = [options.seeds[0]] * PHASE_SIDE**2
        started, clock = time.process_time(), time.perf_counter()
        ensemble = Ensemble(recipe, RING.target, seeds=seeds, **crossed(lr_g=rates, lr_d=rates), **settings)
        ensemble.train(PHASE_STEPS)
        seconds, wall = time.process_time() - started, time.perf_counter() - clock
        row = counted(ensemble)
        full = sum(count == len(RING.target.modes) for count in row["modes"])
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"{name}: {full} of {len(seeds)} cover all; {seconds:.0f} s CPU, {wall:.0f} s, {memory:.2f} GB", flush=True
        )
        yield {
            "name": name, "steps": PHASE_STEPS, "lr_g": rates, "lr_d": rates, "diverged": len(ensemble.diverged),
            "cpu_seconds": round(seconds, 1), "seconds": round(wall, 1), "memory_gb": round(memory, 2), **row,
        }  # fmt: skip


# ---------------------------------------------------------------- cures and their controls


@dataclasses.dataclass(frozen=True)
class Cure:
    """What a cure changes in a problem's recipe, and nothing else."""

    name: str
    changes: dict[str, Any] = dataclasses.field(default_factory=dict)
    shown: Callable[[Any], Any] | None = None  # what is put behind the features the discriminator already sees

    def recipe(self, base: Recipe, steps: int) -> Recipe:
        changes = dict(self.changes)
        if self.shown is not None:
            after = self.shown(None)
            changes["features"] = after if base.features is None else InTurn(base.features, after)
        if changes.get("instance_noise"):
            changes["noise_steps"] = steps
        return dataclasses.replace(base, **changes)


def cures(gamma: float, lr_g: float, lr_d: float, noise: float) -> list[Cure]:
    both = {"r1": gamma, "r2": gamma}
    return [
        Cure("none"),
        Cure("R1", {"r1": gamma}),
        Cure("R2", {"r2": gamma}),
        Cure("R1 + R2", both),
        Cure("relativistic pairing", {"loss": "relativistic"}),
        Cure("relativistic pairing, R1 + R2", {"loss": "relativistic", **both}),
        Cure("two time scales", {"lr_g": lr_g, "lr_d": lr_d}),
        Cure("5 discriminator steps", {"d_steps": 5}),
        Cure("instance noise", {"instance_noise": noise}),
        Cure("label smoothing", {"label_smoothing": 0.1}),
        Cure("spectral norm", {"spectral_norm": True}),
        Cure("packing 2", shown=lambda _: Packing(2)),
        Cure("packing 4", shown=lambda _: Packing(4)),
        Cure("minibatch standard deviation", shown=lambda _: MinibatchStd()),
        Cure("unrolled, 5 steps", {"unrolled_steps": 5}),
        Cure("WGAN-GP, 1 critic step", {"loss": "wasserstein", "gradient_penalty": 1.0}),
        Cure("WGAN-GP, 5 critic steps", {"loss": "wasserstein", "gradient_penalty": 1.0, "d_steps": 5}),
    ]


def compared(
    problem: Problem, table: list[Cure], steps: int, options: argparse.Namespace, *, pictured: tuple[str, ...] = ()
) -> Iterator[dict]:
    """Train every cure on the same seeds for the same steps; measure what a step costs, relative to the plain one.

    Of the cures named in ``pictured`` some samples of the first seeds are kept, to be drawn.
    """
    control = table[0].recipe(problem.recipe, steps)
    for cure in table:
        if not wanted(cure.name, options):
            continue
        recipe = cure.recipe(problem.recipe, steps)
        started = time.process_time()
        ensemble = Ensemble(recipe, problem.target, seeds=options.seeds)
        ensemble.train(steps)
        seconds = time.process_time() - started
        row = counted(ensemble)
        say(cure.name, steps, row)
        changes = {name: value for name, value in cure.changes.items() if not isinstance(value, torch.nn.Module)}
        yield {
            "name": cure.name,
            "changes": changes,
            "steps": steps,
            "cpu_seconds": round(seconds, 1),
            "cost": relative_cost(recipe, control, problem, options),
            "diverged": [report.member for report in ensemble.diverged],
            **row,
            **by_the_papers_rules(ensemble, problem),
            "without_average": counted(ensemble, averaged=False),
            **({"samples": a_few(ensemble)} if cure.name in pictured else {}),
        }


PICTURED_SEEDS, PICTURED_POINTS = 5, 300


def a_few(ensemble: Ensemble) -> list[str]:
    """Return some points of the first members, "x y x y ..." with 3 decimals: one line of a file per member."""
    points = ensemble.sample(PICTURED_POINTS, seed=1)[:PICTURED_SEEDS]
    return [" ".join(f"{number:.3f}" for number in member.flatten().tolist()) for member in points]


def relative_cost(recipe: Recipe, control: Recipe, problem: Problem, options: argparse.Namespace) -> float:
    """Return CPU time of a step relative to the control's: the median over interleaved rounds."""
    pair = [Ensemble(made, problem.target, seeds=options.seeds) for made in (control, recipe)]
    for ensemble in pair:
        ensemble.train(2)
    ratios = []
    for _ in range(5):
        spent = []
        for ensemble in pair:
            started = time.process_time()
            ensemble.train(8)
            spent.append(time.process_time() - started)
        ratios.append(spent[1] / spent[0])
    return round(statistics.median(ratios), 2)


BALANCE = Problem(RING.target, Recipe(hidden=64, batch_size=64, lr_g=1e-3, lr_d=3e-4, beta1=0.5, average=0.98))


def cures_ring(options: argparse.Namespace) -> Iterator[dict]:
    return compared(RING, cures(gamma=0.1, lr_g=5e-4, lr_d=4e-3, noise=0.1), 1000, options)


def cures_balance(options: argparse.Namespace) -> Iterator[dict]:
    return compared(BALANCE, cures(gamma=0.1, lr_g=1e-3, lr_d=3e-3, noise=0.1), 1500, options)


def cures_grid(options: argparse.Namespace) -> Iterator[dict]:
    table = cures(gamma=0.05, lr_g=5e-4, lr_d=3e-3, noise=0.1)
    return compared(GRID, table, GRID.recipe.decay_steps, options, pictured=("none", "R1", "R1 + R2"))


# ---------------------------------------------------------------- penalties in some steps only


LAZY_STEPS = {"ring": 800, "grid": GRID.recipe.decay_steps}


def lazy(options: argparse.Namespace) -> Iterator[dict]:
    """Penalise by R1 and R2 in every step, or in every n-th with n times the weight."""
    for where, problem, gamma, intervals in (("ring", RING, 0.1, (1, 2, 4, 8)), ("grid", GRID, 0.05, (1, 8))):
        for every in intervals:
            name = f"{where}, every step" if every == 1 else f"{where}, every {every} steps"
            if not wanted(name, options):
                continue
            on, off = ({"r1": weight, "r2": weight} for weight in (gamma * every, 0.0))
            ensemble = Ensemble(problem.recipe, problem.target, seeds=options.seeds)
            started = time.process_time()
            for _ in range(0, LAZY_STEPS[where], every):
                ensemble.set(**on)
                ensemble.train(1)
                if every > 1:
                    ensemble.set(**off)
                    ensemble.train(every - 1)
            row = {"cpu_seconds": round(time.process_time() - started, 1), **counted(ensemble)}
            say(name, ensemble.steps_done, row)
            yield {"name": name, "changes": on, "steps": ensemble.steps_done, **row}


# ---------------------------------------------------------------- the papers' ring


def literature(options: argparse.Namespace) -> Iterator[dict]:
    """Train on the papers' tight ring, without penalties and with both."""
    table = [Cure("none"), Cure("R1 + R2", {"r1": 0.02, "r2": 0.02})]
    return compared(LITERATURE_RING, table, LITERATURE_RING.recipe.decay_steps, options)


def by_the_papers_rules(ensemble: Ensemble, problem: Problem) -> dict[str, list]:
    """Return modes, quality and reverse KL as the papers count them; nothing where no paper has rules."""
    if problem.protocol is None:
        return {}
    points = torch.nan_to_num(problem.scale * ensemble.sample(SAMPLES), nan=1e6)  # a diverged member is nowhere near
    theirs = modes.literature_report(points, problem.protocol)
    return {
        "literature_modes": theirs.covered.tolist(),
        "literature_quality": rounded(theirs.quality.tolist()),
        "literature_reverse_kl": rounded(theirs.reverse_kl.tolist()),
    }


# ---------------------------------------------------------------- speed


def speed(options: argparse.Namespace) -> Iterator[dict]:
    """Compare an ensemble's GAN-steps a second with those of the same GAN as modules, in interleaved rounds."""
    for hidden, batch, members, floor in ((32, 64, 256, 10), (64, 64, 256, 3), (64, 128, 256, 3), (64, 64, 10, 3)):
        recipe = Recipe(hidden=hidden, batch_size=batch)
        ensemble = Ensemble(recipe, RING.target, seeds=range(members))
        alone = one_gan(recipe, RING.target)
        ensemble.train(2)
        alone(3)
        ratios = []
        for _ in range(5):
            clock = time.perf_counter()
            alone(60)
            single = 60 / (time.perf_counter() - clock)
            clock = time.perf_counter()
            ensemble.train(8)
            ratios.append(8 * members / (time.perf_counter() - clock) / single)
        name = f"{members} GANs, {hidden} units, batch {batch}"
        ratio = statistics.median(ratios)
        print(f"{name}: {ratio:.1f} times (rounds {', '.join(f'{r:.1f}' for r in ratios)}; target {floor})", flush=True)
        yield {"name": name, "ratio": round(ratio, 2), "rounds": rounded(ratios, 2), "target": floor}


def one_gan(recipe: Recipe, target: toy.Mixture) -> Callable[[int], None]:
    """Return a function that trains one GAN as notebook 02 does, some steps at a time."""
    with runtime.seeded(0):
        generator = mlp.Generator(latent_dim=recipe.latent_dim, data_dim=target.dim, hidden=recipe.hidden)
        discriminator = mlp.Discriminator(data_dim=target.dim, hidden=recipe.hidden)
    betas, loss, random = (recipe.beta1, recipe.beta2), losses.LOSSES[recipe.loss], runtime.generator(0)
    g_optimiser = torch.optim.Adam(generator.parameters(), lr=recipe.lr_g, betas=betas)
    d_optimiser = torch.optim.Adam(discriminator.parameters(), lr=recipe.lr_d, betas=betas)

    def train(num_steps: int) -> None:
        for _ in range(num_steps):
            real = target.sample(recipe.batch_size, random)
            z = torch.randn(recipe.batch_size, recipe.latent_dim, generator=random)
            fake_logits = discriminator(generator(z).detach())
            d_loss = loss.discriminator(real_logits=discriminator(real), fake_logits=fake_logits)
            d_optimiser.zero_grad()
            d_loss.backward()
            d_optimiser.step()
            z = torch.randn(recipe.batch_size, recipe.latent_dim, generator=random)
            g_loss = loss.generator(fake_logits=discriminator(generator(z)))
            g_optimiser.zero_grad()
            g_loss.backward()
            g_optimiser.step()

    return train


# ---------------------------------------------------------------- images


def dcgan(options: argparse.Namespace) -> Iterator[dict]:
    return image_tables.table(image_tables.DCGAN, options.seeds, lambda name: wanted(name, options))


def rates(options: argparse.Namespace) -> Iterator[dict]:
    return image_tables.table(image_tables.RATES, options.seeds, lambda name: wanted(name, options))


def wgan_images(options: argparse.Namespace) -> Iterator[dict]:
    return image_tables.table(image_tables.WGAN_IMAGES, options.seeds, lambda name: wanted(name, options))


def story(options: argparse.Namespace) -> Iterator[dict]:
    return story_runs.table(options.seeds, lambda name: wanted(name, options))


def who_sees_what(options: argparse.Namespace) -> Iterator[dict]:
    return judge_tables.who_sees_what(options.seeds, lambda name: wanted(name, options))


def sample_size(options: argparse.Namespace) -> Iterator[dict]:
    return judge_runs.sample_size(options.seeds)


def two_judges(options: argparse.Namespace) -> Iterator[dict]:
    return judge_runs.two_judges(options.seeds)


def when_to_stop(options: argparse.Namespace) -> Iterator[dict]:
    return judge_stopping.when_to_stop(options.seeds)


def libraries(options: argparse.Namespace) -> Iterator[dict]:
    return judge_libraries.libraries(lambda name: wanted(name, options))


# ---------------------------------------------------------------- sick GANs


def patients(options: argparse.Namespace) -> Iterator[dict]:
    return patient_runs.table(options.seeds, lambda name: wanted(name, options))


def gradients(options: argparse.Namespace) -> Iterator[dict]:
    return gradient_runs.table(options.seeds, lambda name: wanted(name, options))


def schedules(options: argparse.Namespace) -> Iterator[dict]:
    return schedule_runs.table(options.seeds, lambda name: wanted(name, options))


# ---------------------------------------------------------------- asked for a class


def asked(options: argparse.Namespace) -> Iterator[dict]:
    return asked_runs.table(options.seeds, lambda name: wanted(name, options))


def asked_line(options: argparse.Namespace) -> Iterator[dict]:
    return asked_line_runs.table(options.seeds, lambda name: wanted(name, options))


def infogan(options: argparse.Namespace) -> Iterator[dict]:
    return infogan_runs.table(options.seeds, lambda name: wanted(name, options))


def slanted(options: argparse.Namespace) -> Iterator[dict]:
    return infogan_runs.slanted(options.seeds, lambda name: wanted(name, options))


def shared_rows(options: argparse.Namespace) -> Iterator[dict]:
    return shared_row_runs.table(options.seeds, lambda name: wanted(name, options))


def unseen(options: argparse.Namespace) -> Iterator[dict]:
    return unseen_runs.table(options.seeds, lambda name: wanted(name, options))


# ---------------------------------------------------------------- translated images


def translated_pairs(options: argparse.Namespace) -> Iterator[dict]:
    return translate_runs.translated_pairs(options.seeds, lambda name: wanted(name, options))


def cycles(options: argparse.Namespace) -> Iterator[dict]:
    return translate_runs.cycles(options.seeds, lambda name: wanted(name, options))


def hiding(options: argparse.Namespace) -> Iterator[dict]:
    return translate_runs.hiding(options.seeds, lambda name: wanted(name, options))


def many_domains(options: argparse.Namespace) -> Iterator[dict]:
    return many_domain_runs.table(options.seeds, lambda name: wanted(name, options))


def style(options: argparse.Namespace) -> Iterator[dict]:
    return style_runs.table(options.seeds, lambda name: wanted(name, options))


# ---------------------------------------------------------------- restored images


def restored(options: argparse.Namespace) -> Iterator[dict]:
    return restore_runs.restored(options.seeds, lambda name: wanted(name, options))


def many_answers(options: argparse.Namespace) -> Iterator[dict]:
    return restore_runs.many_answers(options.seeds, lambda name: wanted(name, options))


def restored_line(options: argparse.Namespace) -> Iterator[dict]:
    return restore_line_runs.table(options.seeds, lambda name: wanted(name, options))


def restore_faults(options: argparse.Namespace) -> Iterator[dict]:
    return restore_fault_runs.table(options.seeds, lambda name: wanted(name, options))


def frames(options: argparse.Namespace) -> Iterator[dict]:
    return frame_runs.table(options.seeds, lambda name: wanted(name, options))


# ---------------------------------------------------------------- growing, styles and directions


def growing(options: argparse.Namespace) -> Iterator[dict]:
    return growing_tables.growing_table(options.seeds, lambda name: wanted(name, options))


def style_parts(options: argparse.Namespace) -> Iterator[dict]:
    return growing_tables.parts_table(options.seeds, lambda name: wanted(name, options))


def styles(options: argparse.Namespace) -> Iterator[dict]:
    return style_tables.styles_table(options.seeds, lambda name: wanted(name, options))


def directions(options: argparse.Namespace) -> Iterator[dict]:
    return style_tables.directions_table(options.seeds, lambda name: wanted(name, options))


def edited(options: argparse.Namespace) -> Iterator[dict]:
    return edit_runs.table(options.seeds, lambda name: wanted(name, options))


# ---------------------------------------------------------------- sounds


def sounds(options: argparse.Namespace) -> Iterator[dict]:
    return sound_runs.table(options.seeds, lambda name: wanted(name, options))


def spoken(options: argparse.Namespace) -> Iterator[dict]:
    return spoken_runs.spoken(options.seeds, lambda name: wanted(name, options))


def vocoder(options: argparse.Namespace) -> Iterator[dict]:
    return spoken_runs.vocoder(options.seeds, lambda name: wanted(name, options))


# ---------------------------------------------------------------- words


def writers(options: argparse.Namespace) -> Iterator[dict]:
    return writing_runs.table(options.seeds, lambda name: wanted(name, options))


def text_gradients(options: argparse.Namespace) -> Iterator[dict]:
    return writing_runs.gradients(options.seeds, lambda name: wanted(name, options))


# ---------------------------------------------------------------- attacks


def attacked(options: argparse.Namespace) -> Iterator[dict]:
    return attack_runs.attacked(options.seeds, lambda name: wanted(name, options))


def projected(options: argparse.Namespace) -> Iterator[dict]:
    return attack_runs.projected(options.seeds, lambda name: wanted(name, options))


def advgan(options: argparse.Namespace) -> Iterator[dict]:
    return attack_runs.advgan(options.seeds, lambda name: wanted(name, options))


# ---------------------------------------------------------------- where GANs stand


def relativistic(options: argparse.Namespace) -> Iterator[dict]:
    return r3gan_runs.table(options.seeds, lambda name: wanted(name, options))


def flow(options: argparse.Namespace) -> Iterator[dict]:
    return flow_runs.race(options.seeds, lambda name: wanted(name, options))


def small(options: argparse.Namespace) -> Iterator[dict]:
    with tempfile.TemporaryDirectory() as folder:
        yield from small_runs.table(options.seeds, lambda name: wanted(name, options), Path(folder))


def latency(options: argparse.Namespace) -> Iterator[dict]:
    with tempfile.TemporaryDirectory() as folder:
        yield from latency_runs.table(lambda name: wanted(name, options), Path(folder))


def distilled(options: argparse.Namespace) -> Iterator[dict]:
    return flow_runs.distilled(options.seeds, lambda name: wanted(name, options))


# ---------------------------------------------------------------- larger batches, more processes


def encoders(options: argparse.Namespace) -> Iterator[dict]:
    """Go five roads from digits to codes and back."""
    return code_runs.encoders(options.seeds, lambda name: wanted(name, options))


def told(options: argparse.Namespace) -> Iterator[dict]:
    """Tell an encoder, a decoder or both the class, and see what is left of it in the code."""
    return told_runs.table(options.seeds, lambda name: wanted(name, options))


def codebooks(options: argparse.Namespace) -> Iterator[dict]:
    """Write digits as sixteen tokens each, with and without a discriminator."""
    return token_runs.codebooks(options.seeds, lambda name: wanted(name, options))


def toy_codes(options: argparse.Namespace) -> Iterator[dict]:
    """Hold encoders of the plane against the true one."""
    return toy_code_runs.toy_codes(options.seeds, lambda name: wanted(name, options))


def helped(options: argparse.Namespace) -> Iterator[dict]:
    return help_runs.helped(options.seeds, lambda name: wanted(name, options))


def remembered(options: argparse.Namespace) -> Iterator[dict]:
    return help_runs.remembered(options.seeds, lambda name: wanted(name, options))


def kept_private(options: argparse.Namespace) -> Iterator[dict]:
    return help_runs.kept_private(options.seeds, lambda name: wanted(name, options))


def rare_digit(options: argparse.Namespace) -> Iterator[dict]:
    return help_runs.rare_digit(options.seeds, lambda name: wanted(name, options))


def minority(options: argparse.Namespace) -> Iterator[dict]:
    return fake_runs.minorities(options.seeds, lambda name: wanted(name, options))


def detectors(options: argparse.Namespace) -> Iterator[dict]:
    return fake_runs.detectors(options.seeds[0], len(options.seeds), lambda name: wanted(name, options))


def watermark(options: argparse.Namespace) -> Iterator[dict]:
    return fake_runs.watermarks(options.seeds[0], len(options.seeds), lambda name: wanted(name, options))


# ---------------------------------------------------------------- scale


def batch_size(options: argparse.Namespace) -> Iterator[dict]:
    return scaling_tables.batch_size(options.seeds, lambda name: wanted(name, options))


def processes(options: argparse.Namespace) -> Iterator[dict]:
    return scaling_tables.processes(lambda name: wanted(name, options))


def overhead(options: argparse.Namespace) -> Iterator[dict]:
    return scaling_tables.overhead(lambda name: wanted(name, options))


# ---------------------------------------------------------------- the command


COMMANDS: dict[str, Callable[[argparse.Namespace], Iterator[dict]]] = {
    "ring": ring,
    "lab": lab,
    "phase": phase,
    "cures-ring": cures_ring,
    "cures-balance": cures_balance,
    "cures-grid": cures_grid,
    "lazy": lazy,
    "literature": literature,
    "speed": speed,
    "dcgan": dcgan,
    "rates": rates,
    "wgan-images": wgan_images,
    "story": story,
    "who-sees-what": who_sees_what,
    "sample-size": sample_size,
    "two-judges": two_judges,
    "when-to-stop": when_to_stop,
    "libraries": libraries,
    "patients": patients,
    "gradients": gradients,
    "schedules": schedules,
    "asked": asked,
    "asked-line": asked_line,
    "infogan": infogan,
    "slanted": slanted,
    "shared-rows": shared_rows,
    "unseen": unseen,
    "translated-pairs": translated_pairs,
    "cycles": cycles,
    "hiding": hiding,
    "many-domains": many_domains,
    "style": style,
    "restored": restored,
    "many-answers": many_answers,
    "restored-line": restored_line,
    "restore-faults": restore_faults,
    "frames": frames,
    "encoders": encoders,
    "told": told,
    "codebooks": codebooks,
    "toy-codes": toy_codes,
    "growing": growing,
    "style-parts": style_parts,
    "styles": styles,
    "directions": directions,
    "edited": edited,
    "writers": writers,
    "text-gradients": text_gradients,
    "helped": helped,
    "remembered": remembered,
    "kept-private": kept_private,
    "rare-digit": rare_digit,
    "minority": minority,
    "detectors": detectors,
    "watermark": watermark,
    "attacked": attacked,
    "projected": projected,
    "advgan": advgan,
    "sounds": sounds,
    "spoken": spoken,
    "vocoder": vocoder,
    "relativistic": relativistic,
    "flow": flow,
    "distilled": distilled,
    "small": small,
    "latency": latency,
    "batch-size": batch_size,
    "processes": processes,
    "overhead": overhead,
}
SEEDS = {"lazy": 24, "schedules": 24, "lab": 20}
SEEDS |= dict.fromkeys(("dcgan", "rates", "wgan-images", "story", "patients", "sample-size"), image_tables.SEEDS)
SEEDS |= dict.fromkeys(("asked", "infogan", "slanted", "shared-rows", "unseen"), asked_runs.SEEDS)
SEEDS |= dict.fromkeys(("translated-pairs", "cycles", "hiding", "many-domains", "style"), translate_runs.SEEDS)
SEEDS |= dict.fromkeys(("restored", "many-answers", "restore-faults", "frames"), image_tables.SEEDS)
SEEDS |= dict.fromkeys(("encoders", "told", "codebooks"), image_tables.SEEDS)
SEEDS |= dict.fromkeys(("growing", "style-parts", "styles", "edited"), image_tables.SEEDS)
SEEDS["directions"] = 5
SEEDS |= dict.fromkeys(("helped", "remembered", "rare-digit", "kept-private"), help_runs.SEEDS)
SEEDS |= dict.fromkeys(("minority", "detectors", "watermark"), help_runs.SEEDS)
SEEDS |= dict.fromkeys(("attacked", "projected", "advgan"), attack_runs.SEEDS)
SEEDS |= dict.fromkeys(("relativistic", "flow", "distilled", "small"), image_tables.SEEDS)
SEEDS |= dict.fromkeys(("sounds", "spoken", "vocoder"), sound_runs.SEEDS)


def wanted(name: str, options: argparse.Namespace) -> bool:
    return options.rows is None or name in options.rows.split(";")


def spent(row: dict[str, Any]) -> float:
    """Return the CPU seconds of a row: one number, or one for each seed."""
    seconds = row.get("cpu_seconds", 0.0)
    return sum(seconds) if isinstance(seconds, list) else seconds


def store(command: str, rows: list[dict], options: argparse.Namespace, cpu_seconds: float, folder: Path) -> Path:
    """Write a table; rows of the same name replace those stored before, the others stay.

    A run of all rows starts anew, unless it adds further seeds to rows that are stored.
    """
    path = folder / f"{command.replace('-', '_')}.json"
    further = any(set(row.get("seeds", ())) - set(options.seeds) for row in rows)
    again = path.exists() and (options.rows or further)
    before = json.loads(path.read_text(encoding="utf-8"))["rows"] if again else []
    fresh = {row["name"] for row in rows}
    entries = [*image_tables.DCGAN, *image_tables.RATES, *image_tables.WGAN_IMAGES, *story_runs.ENTRIES]
    made = [name for entry in entries for name in (*dict(entry.rows).values(), entry.name, entry.unaveraged)]
    made += [*patient_runs.NAMES, *gradient_runs.NAMES, *schedule_runs.NAMES]
    made += [*asked_runs.NAMES, *asked_line_runs.NAMES, *infogan_runs.NAMES, *unseen_runs.NAMES]
    made += [*infogan_runs.SLANTED, *shared_row_runs.NAMES]
    made += [*restore_runs.NAMES, *restore_runs.MANY, *restore_line_runs.NAMES]
    made += [*restore_fault_runs.NAMES, *frame_runs.NAMES]
    made += [*translate_runs.PAIR_NAMES, *translate_runs.CYCLE_NAMES, *translate_runs.HIDING, *many_domain_runs.NAMES]
    made += [style_runs.NAME]
    made += [*told_runs.NAMES, *edit_runs.NAMES]
    made += [*code_runs.NAMES, *token_runs.NAMES, *toy_code_runs.NAMES]
    made += [*growing_tables.NAMES, *style_tables.NAMES]
    made += [*writing_runs.NAMES, *writing_runs.GRADIENTS]
    made += [*help_runs.HELPED, *help_runs.REMEMBERED, *help_runs.RARE_NAMES, *help_runs.KEPT_PRIVATE]
    made += [*fake_runs.MINORITIES, "generators", *fake_runs.DETECTORS, *fake_runs.MARKS]
    made += [*attack_runs.ATTACKED_NAMES, *attack_runs.PROJECTED_NAMES, *attack_runs.ADVGAN_NAMES]
    made += [*sound_runs.NAMES, *spoken_runs.SPOKEN, *spoken_runs.WAYS]
    made += [*r3gan_runs.NAMES, *flow_runs.NAMES, *flow_runs.ONE_STEP_NAMES]
    made += [*small_runs.NAMES, *latency_runs.NAMES]
    spoils = [spoil.name for spoil in (judge_tables.NONE, *judge_tables.SPOILS)]
    names = dict.fromkeys(["real images", *spoils, *(cure.name for cure in cures(0.0, 0.0, 0.0, 0.0)), *made])
    order = {name: place for place, name in enumerate(names)}
    kept = [row for row in before if row["name"] not in fresh]
    rows = sorted(kept + rows, key=lambda row: order.get(row["name"], -1))
    seeds = [options.seeds[0], options.seeds[-1], *(seed for row in rows for seed in row.get("seeds", ()))]
    if kept or further:  # made in several runs
        cpu_seconds = sum(spent(row) for row in rows)
    made = {
        "command": command,
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": machine(),
        "threads": options.threads,
        "seeds": [min(seeds), max(seeds)],
        "cpu_seconds": round(cpu_seconds, 1),
    }
    table = {"made": made, "rows": rows}
    part = path.with_suffix(".part")
    part.write_text(as_json(table) + "\n", encoding="utf-8")
    part.replace(path)
    return path


def as_json(value: Any, depth: int = 0) -> str:
    """Return indented JSON, in which a list without lists or tables in it takes one line."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    if not parts or not (isinstance(value, dict) or any(isinstance(part, dict | list | tuple) for part in parts)):
        return json.dumps(value, ensure_ascii=False)
    inner = "\n" + " " * (depth + 1)
    lines = [as_json(part, depth + 1) for part in parts]
    if isinstance(value, dict):
        lines = [f"{json.dumps(str(key), ensure_ascii=False)}: {line}" for key, line in zip(value, lines, strict=True)]
    opened, closed = "{}" if isinstance(value, dict) else "[]"
    return opened + inner + ("," + inner).join(lines) + inner[:-1] + closed


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=list(COMMANDS))
    parser.add_argument(
        "--seeds", type=int, default=None, help="how many: 10, lazy and schedules 24, lab 20, GANs on images 3 or 5"
    )
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", default=None, help="only the rows of these names, separated by semicolons")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args(arguments)
    if options.seeds is None:
        options.seeds = SEEDS.get(options.command, 10)
    options.seeds = list(range(options.first_seed, options.first_seed + options.seeds))
    torch.set_num_threads(options.threads)
    memory.keep()
    started, rows = time.process_time(), []
    for row in COMMANDS[options.command](options):
        rows.append(row)
        path = store(options.command, rows, options, time.process_time() - started, options.folder)
    print(f"stored in {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
