"""What tools/tables.py needs to measure how training scales with the batch and with the number of processes, and what
the command around it costs."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import io
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from course import ROOT
from gancourse import recommended, runtime, training
from gancourse.data import batches
from gancourse.ensembles import Ensemble
from gancourse.metrics import transport
from gancourse.recipes import RING, SWITCHES
from gancourse.train import options, session
from gancourse.train.processes import Processes, together

# ---------------------------------------------------------------- batch size against steps to a distance

BATCHES = (8, 16, 32, 64, 128, 256, 512)
RATES = (1.0, 2.0, 4.0)
NEAR = 0.1
"""Sliced Wasserstein-1 distance from the ring, whose radius is 1; two sets of real points are at about 0.03."""

POINTS, DIRECTIONS, LOOK_EVERY, MOST_STEPS = 1_000, 60, 10, 1_000


def steps_until_near(batch_size: int, rate: float, seeds: list[int]) -> list[int | None]:
    """Train a GAN for each seed on the ring, R1 + R2 on; return when each first came near, or None if it did not.

    Args:
        batch_size: real points, and fakes, in each step.
        rate: times the learning rates of the recipe, for both players.
        seeds: one for each GAN.
    """
    switch = {**SWITCHES["cover"]}
    switch |= {name: rate * switch[name] for name in ("lr_g", "lr_d")}
    recipe = dataclasses.replace(RING.recipe, batch_size=batch_size)
    ensemble = Ensemble(recipe, RING.target, seeds=seeds, **switch)
    goal = RING.target.sample(POINTS, runtime.generator(0))
    found: list[int | None] = [None] * len(seeds)
    while None in found and ensemble.steps_done < MOST_STEPS:
        ensemble.train(LOOK_EVERY)
        for member, points in enumerate(ensemble.sample(POINTS)):
            if found[member] is None and distance(points, goal) < NEAR:
                found[member] = ensemble.steps_done
    return found


def distance(points: Tensor, goal: Tensor) -> float:
    if not bool(points.isfinite().all()):
        return math.inf
    return transport.sliced_wasserstein(points, goal, directions=DIRECTIONS, generator=runtime.generator(1))


def batch_size(seeds: list[int], wanted: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    """Yield a row for each batch size: the steps of every seed at each learning rate, and which rate was best."""
    for batch in BATCHES:
        name = f"batches of {batch}"
        if not wanted(name):
            continue
        at = {f"{rate:g}": steps_until_near(batch, rate, seeds) for rate in RATES}
        medians = {rate: median_steps(steps) for rate, steps in at.items()}
        best = min(medians, key=lambda rate: medians[rate])
        print(f"{name:>16}: median steps {medians}", flush=True)
        yield {"name": name, "batch_size": batch, "near": NEAR, "steps_at_rate": at, "best_rate": float(best),
               "steps": at[best], "points": batch * medians[best]}  # fmt: skip


def median_steps(steps: list[int | None]) -> float:
    """Return the median, where a GAN that did not come near counts as more than all steps that were tried."""
    return statistics.median(MOST_STEPS + 1 if step is None else step for step in steps)


# ---------------------------------------------------------------- one process and two

WIDTHS = ((28, 1, 16), (32, 3, 64))  # side, channels, width
STEPS, ROUNDS = 8, 5  # eight steps have one R1 in them


def processes(wanted: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    """Yield a row for each pair: what a step costs one process with the whole batch, and each of two with a half.

    Two processes are started once, each with one thread. In every round the first trains alone while the second waits,
    then both train together, so a machine that gets busy slows both down. CPU seconds are those of the first process,
    its communication included; wall seconds mean something on an idle machine only, so both are stored.
    """
    with tempfile.TemporaryDirectory() as at:
        found = Path(at) / "found.json"
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tools'}"}
        subprocess.run([*command, str(Path(__file__)), str(found)], env=environment, check=True)
        rows = json.loads(found.read_text(encoding="utf-8"))
    yield from (row for row in [*rows, *on_paper()] if wanted(row["name"]))


def timed_processes(path: str) -> None:
    """Do the work of :func:`processes` in each of two processes; the first writes what was found."""
    both, rows = Processes.of_torchrun(), []
    torch.set_num_threads(1)
    with together(both, torch.device("cpu"), str), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Grad strides")
        for size, channels, width in WIDTHS:
            advance = {processes.count: stepper(processes, size, channels, width) for processes in (Processes(), both)}
            spent: dict[str, list[list[float]]] = {"1": [], "2": []}
            for _ in range(ROUNDS + 1):
                for count in (1, 2):
                    dist.barrier()
                    if count == 2 or both.first:
                        spent[str(count)].append(advance[count](STEPS))
                    dist.barrier()
            parts = recommended.build(size, channels, width=width, num_steps=1, seed=0)
            numbers = [sum(p.numel() for p in net.parameters()) for net in (parts.generator, parts.discriminator)]
            gradient = torch.zeros(sum(numbers))
            communication = [clocked(lambda: [dist.all_reduce(gradient) for _ in range(STEPS)]) for _ in range(ROUNDS)]  # noqa: B023
            if both.first:
                cpu, wall = ({n: [pair[k] for pair in spent[n][1:]] for n in spent} for k in (0, 1))
                ratio = statistics.median(a / b for a, b in zip(cpu["1"], cpu["2"], strict=True))
                rows.append({
                    "name": f"{size} x {size}, width {width}", "parameters": numbers,
                    "cpu_seconds_a_step": rounded(cpu), "wall_seconds_a_step": rounded(wall),
                    "all_reduce_cpu_seconds": rounded({"2": [pair[0] for pair in communication]})["2"],
                    "times_as_fast_by_cpu": round(ratio, 3),
                })  # fmt: skip
                print(rows[-1]["name"], f"a half batch costs a process {1 / ratio:.2f} of a whole one", flush=True)
    if both.first:
        Path(path).write_text(json.dumps(rows), encoding="utf-8")


def stepper(processes: Processes, size: int, channels: int, width: int) -> Callable[[int], list[float]]:
    """Return a function that does so many steps of the recipe and returns CPU and wall seconds for each."""
    parts = recommended.build(size, channels, width=width, num_steps=1_000, seed=0)
    step = recommended.make_step(
        parts,
        processes.part(recommended.latents(parts, runtime.generator(1))),
        generator=processes.wrapped(parts.generator),
        discriminator=processes.wrapped(parts.discriminator),
    )
    images = torch.rand(256, channels, size, size, generator=runtime.generator(0)) * 2 - 1
    share = processes.rank, processes.count
    stream = batches.stream(images, recommended.BATCH_SIZE, runtime.generator(2), part=share)
    return lambda count: clocked(lambda: [step(next(stream)) for _ in range(count)])


def clocked(work: Callable[[], Any]) -> list[float]:
    """Return the CPU seconds of this process and the wall seconds that one of the ``STEPS`` in ``work`` takes."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return [(time.process_time() - cpu) / STEPS, (time.perf_counter() - wall) / STEPS]


def rounded(values: dict[str, list[float]]) -> dict[str, list[float]]:
    return {name: [round(number, 5) for number in numbers] for name, numbers in values.items()}


# ---------------------------------------------------------------- on paper

SPEED = 10e12  # floating-point operations a second that a GPU is assumed to reach in these small networks
LINKS = {8: 100e9, 64: 10e9}  # bytes a second that each GPU is assumed to send: in one machine, and over a network


def on_paper() -> Iterator[dict[str, Any]]:
    """Yield what 8 and 64 GPUs would send, for 64 by 64 images at width 64 with 64 images on each GPU. Not measured.

    A ring sends 2 (N - 1) / N times the gradient; a step multiplies and adds as often as PyTorch counts.
    """
    parts = recommended.build(64, 3, width=64, num_steps=1, seed=0)
    step = recommended.make_step(parts, recommended.latents(parts, runtime.generator(0)), first_step=1)  # without R1
    with FlopCounterMode(display=False) as counter:
        step(torch.zeros(recommended.BATCH_SIZE, 3, 64, 64))
    size = 4 * sum(p.numel() for net in (parts.generator, parts.discriminator) for p in net.parameters())
    computing = counter.get_total_flops() / SPEED
    for count, link in LINKS.items():
        sent = 2 * (count - 1) / count * size
        yield {
            "name": f"on paper, {count} GPUs", "gradient_bytes": size, "sent_bytes": round(sent),
            "flops": counter.get_total_flops(), "assumed_flops_a_second": SPEED, "assumed_bytes_a_second": link,
            "computing_seconds": round(computing, 5), "sending_seconds": round(sent / link, 5),
            "share_of_sending": round(sent / link / (sent / link + computing), 3),
        }  # fmt: skip


# ---------------------------------------------------------------- what the command and its trackers cost

BLOCK, BLOCKS = 250, 3


class Pausing(Processes):
    """One process that stops wherever it is told to."""

    goal = 0

    def agree(self, stop: bool) -> bool:
        """Return whether the block is done."""
        Pausing.goal -= 1
        return Pausing.goal < 0


def overhead(wanted: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    """Yield CPU seconds a step of the bare loop and of the command, without and with trackers, in interleaved blocks.

    In each block of 250 steps the command writes a sheet and a save, which is a save more than it does by itself.
    """
    tools = {"the command": [], "with TensorBoard": ["tensorboard"], "with Weights & Biases": ["wandb"]}
    tools = {name: track for name, track in tools.items() if all(map(importlib.util.find_spec, track))}
    spent: dict[str, list[float]] = {"a bare loop": [], **{name: [] for name in tools}}
    with tempfile.TemporaryDirectory() as at, contextlib.ExitStack() as stack:
        sessions, data = {}, None
        for name, track in tools.items():
            words = ["--steps", str(BLOCK * (BLOCKS + 1)), "--out", f"{at}/{len(sessions)}", "--device", "cpu"]
            settings = options.read([*words, *(["--track", *track] if track else [])], Pausing())
            data = data or options.load_images(settings)
            sessions[name] = session.Session(settings, data, Pausing())
            sessions[name].track(stack)
        parts = recommended.build(28, 1, width=16, num_steps=BLOCK * (BLOCKS + 1), seed=0)
        step = recommended.make_step(parts, recommended.latents(parts, runtime.generator(1)))
        stream = batches.stream(data.pixels, recommended.BATCH_SIZE, runtime.generator(2))
        for _ in range(BLOCKS):
            started = time.process_time()
            training.train(step, stream, num_steps=BLOCK, progress=False)
            spent["a bare loop"].append((time.process_time() - started) / BLOCK)
            for name, made in sessions.items():
                Pausing.goal, started = BLOCK, time.process_time()
                with contextlib.redirect_stdout(io.StringIO()):
                    made.train()
                spent[name].append((time.process_time() - started) / BLOCK)
            print({name: [round(1e3 * second, 2) for second in seconds] for name, seconds in spent.items()}, flush=True)
    for name, seconds in spent.items():
        if wanted(name):
            ratios = [ours / bare for ours, bare in zip(seconds, spent["a bare loop"], strict=True)]
            yield {"name": name, "cpu_seconds_a_step": [round(second, 5) for second in seconds],
                   "of_the_bare_loop": [round(ratio, 4) for ratio in ratios]}  # fmt: skip


if __name__ == "__main__":
    timed_processes(sys.argv[1])
