"""Measure what the course promises about speed and size.

    python tools/bench.py                        everything below
    python tools/bench.py imports                what a notebook's imports add to importing torch and matplotlib
    python tools/bench.py notebooks [NOTEBOOK]   seconds, CPU seconds and memory from first to last cell
    python tools/bench.py panels [PANEL]         first picture, frames and pause of each panel in a real JupyterLab
    python tools/bench.py frames [PANEL]         CPU time of a frame of each panel, without a browser; with
                                                 --against FOLDER beside another checkout of the course
    python tools/bench.py steps                  the classic tutorial's step and ours, same networks, batch and data

Times depend on the machine and on what else it does: run it on an idle one, and publish ratios, or name the
machine. Each measurement prints as rows of a Markdown table.
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from nbclient import NotebookClient
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import browser
import notebook_rules as rules
from course import ROOT, Course
from gancourse import losses, runtime
from gancourse.models import dcgan

BASE = "import torch, numpy, matplotlib.figure, matplotlib.backends.backend_agg, ipykernel.ipkernel"
IMPORT_LIMIT = 0.2


def machine() -> str:
    """Say in one line what the measurements were made on."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


# ---------------------------------------------------------------- imports


def imports_of(path: Path, course: Course) -> str:
    """Return every import statement of a notebook, in order, one a line."""
    found = []
    for _, cell in rules.read(path, course).code:
        for node in ast.walk(rules.parse(cell.source)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                found.append(ast.unparse(node))
    return "\n".join(dict.fromkeys(found))


def bench_imports(paths: list[Path], course: Course, repeat: int) -> None:
    """Time each notebook's imports in fresh processes that have torch and matplotlib already, alternating."""
    programs = {path.name: imports_of(path, course) for path in paths}
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(repeat):
        for name, program in programs.items():
            timed = f"{BASE}\nimport time\nbefore = time.process_time()\n{program}\nprint(time.process_time() - before)"
            done = subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True)
            times[name].append(float(done.stdout.split()[-1]))
    print(f"\n| imports of | added CPU seconds, median of {repeat} | least | promised |\n|---|---|---|---|")
    for name, values in times.items():
        print(f"| {name} | {statistics.median(values):.2f} | {min(values):.2f} | {IMPORT_LIMIT} |")


# ---------------------------------------------------------------- notebooks


def run_one(path: Path, course: Course) -> dict[str, float]:
    """Execute a notebook in a kernel that is this process's only child, and return what it used."""
    with tempfile.TemporaryDirectory() as empty:
        client = NotebookClient(
            rules.read(path, course).node,
            timeout=None,
            kernel_name="python3",
            store_widget_state=False,
            resources={"metadata": {"path": empty}},
        )
        before = time.perf_counter()
        client.execute(env={**os.environ, "PYTHONPATH": str(course.root), "IPYTHONDIR": empty})
        seconds = time.perf_counter() - before
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 1 if sys.platform == "darwin" else 1024
    return {"seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "bytes": used.ru_maxrss * unit}


def bench_notebooks(paths: list[Path], course: Course, repeat: int) -> None:
    """Execute each notebook ``repeat`` times, one after the other, and print its median cost."""
    print(f"\n| notebook | seconds, median of {repeat} | CPU seconds | peak GB |\n|---|---|---|---|")
    for path in paths:
        command = [sys.executable, __file__, "--one", str(path)]
        runs = [json.loads(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(repeat)]
        peak = max(run["bytes"] for run in runs) / 1e9
        seconds, cpu = (statistics.median(run[key] for run in runs) for key in ("seconds", "cpu"))
        print(f"| {path.name} | {seconds:.0f} | {cpu:.0f} | {peak:.2f} |", flush=True)


# ---------------------------------------------------------------- panels


def bench_panels(makers: list[str], repeat: int) -> None:
    """Run, play and pause each panel in JupyterLab and Chromium; processor time is the kernel's own."""
    if reason := browser.why_not():
        print(f"\nno panels measured: {reason}")
        return
    columns = "first picture, s | CPU s of building | frames a second | CPU ms of a frame | pause, s"
    print(f"\n| panel, median of {repeat} | {columns} |\n|---|---|---|---|---|---|")
    print("| aimed at, where a step leaves room | 1 | | 15 | | 0.2 |")
    with tempfile.TemporaryDirectory() as folder, browser.JupyterLab(Path(folder)) as lab, browser.Browser() as chrome:
        for maker in makers:
            notebook = chrome.open(lab, maker.replace(".", "_"), browser.panel_cells(maker))
            notebook.run_cell(0)
            runs = [_one_panel(notebook, maker) for _ in range(repeat)]
            notebook.close()
            medians = [statistics.median(values) if None not in values else None for values in zip(*runs, strict=True)]
            cells = ["" if value is None else f"{value:.2g}" for value in medians]
            print(f"| {maker} | " + " | ".join(cells) + " |", flush=True)


def _one_panel(notebook: browser.Notebook, maker: str) -> list[float | None]:
    """Return the columns of one row; a panel without a Play button shows no frames of its own accord."""
    timed = "import time\nbefore = time.process_time()\n{}\nprint((time.process_time() - before) / {})"
    started = notebook.now()
    notebook.run_cell(1)
    notebook.panel.wait()
    first = next(shown for shown in notebook.pictures() if shown > started)
    frame = float(notebook.ask(timed.format("for _ in range(20): panel._show()", 20)))
    frames = pause = None
    if notebook.ask("print(panel.live)") == "True":
        notebook.panel.button("one step").click()  # imports that a first step may bring
        notebook.panel.settle()
        notebook.panel.play()
        notebook.wait(1)
        frames = notebook.panel.frames_per_second(5)
        pause = notebook.panel.seconds_to_pause()
    building = float(notebook.ask(timed.format(f"{maker}()", 1)))
    return [(first - started) / 1000, building, frames, 1000 * frame, pause]


# ---------------------------------------------------------------- frames

_FRAMES = """
import importlib, json, random, sys, time

module, _, name = sys.argv[1].partition(".")
panel = getattr(importlib.import_module(f"gancourse.labs.{module}"), name)()
chance = random.Random(0)


def moves(count):
    found = []
    while len(found) < count:
        attribute = chance.choice(sorted(panel.controls))
        control = panel.controls[attribute]
        if hasattr(control, "options"):
            values = [option[1] if isinstance(option, tuple) else option for option in control.options]
        elif isinstance(control.value, bool):
            values = [False, True]
        else:
            steps = round((control.max - control.min) / control.step)
            values = [type(control.value)(control.min + control.step * chance.randint(0, steps))]
        found.append((attribute, chance.choice(values)))
    return found


def frame(move):
    if panel.live:
        panel.advance(1)
    else:
        panel.controls[move[0]].value = move[1]


plan = moves(40)
for move in plan:  # once without the clock, for what is made when it is first asked for
    frame(move)
drawn, before = panel.frames, time.process_time()
for move in plan:
    frame(move)
used, drawn = time.process_time() - before, panel.frames - drawn
step = 0.0
if panel.live:
    before = time.process_time()
    for _ in range(40):
        panel.stepper.step()
    step = (time.process_time() - before) / 40
if panel.alert_text:
    sys.exit(panel.alert_text)
print(json.dumps({"frame": 1000 * used / drawn, "step": 1000 * step, "kilobytes": len(panel.png) / 1000}))
"""
"""Makes 40 frames of a panel: each after one training step, or, on a panel that does not train, after one move of a
control, of which each panel gets the same in the same order."""


def bench_frames(makers: list[str], repeat: int, against: Path | None) -> None:
    """Count the CPU time of a frame, on one thread: one step or one move of a control, the picture and its words.

    A busy machine disturbs it little. With ``against`` both checkouts take turns, panel by panel.
    """
    trees = [ROOT] if against is None else [against.resolve(), ROOT]
    columns = "CPU ms of a frame | of it the step | frames a CPU second | KB of a picture"
    more = "" if against is None else " | CPU ms there | times as many frames"
    print(f"\n| panel, least of {repeat} | {columns}{more} |\n|---|---|---|---|---|{'---|---|' if more else ''}")
    for maker in makers:
        runs = {tree: [found for _ in range(repeat) if (found := _frames_of(maker, tree))] for tree in trees}
        least = {tree: min(found, key=lambda run: run["frame"]) for tree, found in runs.items() if found}
        if ROOT not in least:
            print(f"| {maker} | failed |", flush=True)
            continue
        here = least[ROOT]
        cells = [f"{here['frame']:.1f}", f"{here['step']:.1f}" if here["step"] else ""]
        cells += [f"{1000 / here['frame']:.0f}", f"{here['kilobytes']:.0f}"]
        if more:
            there = least.get(trees[0])
            cells += [f"{there['frame']:.1f}", f"{there['frame'] / here['frame']:.2f}"] if there else ["none", ""]
        print(f"| {maker} | " + " | ".join(cells) + " |", flush=True)


def _frames_of(maker: str, tree: Path) -> dict[str, float] | None:
    """Return what a process of its own counts in one checkout; None where the panel is missing or stops."""
    one = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "GANCOURSE_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", _FRAMES, maker],
        env={**os.environ, **one, "PYTHONPATH": str(tree)},
        cwd=tree,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None


# ---------------------------------------------------------------- steps

Step = Callable[[Tensor], None]


def classic_step(generator: nn.Module, discriminator: nn.Module, random: torch.Generator) -> Step:
    """The step of the famous tutorials: sigmoid and BCE, D's loss in two backward passes, ``.item()`` every time."""
    g_optimizer, d_optimizer = (
        torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in (generator, discriminator)
    )
    bce = nn.BCELoss()

    def step(real: Tensor) -> None:
        ones, zeros = torch.ones(len(real), device=real.device), torch.zeros(len(real), device=real.device)
        discriminator.zero_grad()
        real_loss = bce(torch.sigmoid(discriminator(real)), ones)
        real_loss.backward()
        z = torch.randn(len(real), generator.latent_dim, generator=random, device=real.device)
        fake = generator(z)
        fake_loss = bce(torch.sigmoid(discriminator(fake.detach())), zeros)
        fake_loss.backward()
        d_optimizer.step()
        generator.zero_grad()
        g_loss = bce(torch.sigmoid(discriminator(fake)), ones)
        g_loss.backward()
        g_optimizer.step()
        (real_loss + fake_loss).item(), g_loss.item()

    return step


def our_step(generator: nn.Module, discriminator: nn.Module, random: torch.Generator) -> Step:
    """The same mathematics with less work; on a GPU the networks compute in bfloat16 where that is safe.

    One backward pass for D, no gradient of D's weights in G's step, channels last, fused Adam, nothing read
    from the device.
    """
    for network in (generator, discriminator):
        network.to(memory_format=torch.channels_last)
    g_optimizer, d_optimizer = (
        torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999), fused=True)
        for net in (generator, discriminator)
    )
    kind = next(generator.parameters()).device.type

    def step(real: Tensor) -> None:
        z = torch.randn(len(real), generator.latent_dim, generator=random, device=real.device)
        with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
            fake = generator(z)
            real_logits, fake_logits = discriminator(real), discriminator(fake.detach())
        d_loss = losses.non_saturating_discriminator_loss(
            real_logits=real_logits.float(), fake_logits=fake_logits.float()
        )
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()
        discriminator.requires_grad_(False)
        with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
            fake_logits = discriminator(fake)
        g_loss = losses.non_saturating_generator_loss(fake_logits=fake_logits.float())
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        discriminator.requires_grad_(True)

    return step


def timed(work: Callable[[], object], device: torch.device, repeat: int) -> float:
    """Return seconds of one ``work()``, the mean over ``repeat``, with the device's queue emptied before and after."""

    def settle() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    settle()
    started = time.perf_counter()
    for _ in range(repeat):
        work()
    settle()
    return (time.perf_counter() - started) / repeat


def peak(device: torch.device) -> dict[str, float]:
    """Return FLOP a second of the largest matrix product and the largest convolution that were tried, single precision.

    On a GPU the matrix product is in bfloat16, in which our step computes there.
    """
    cuda = device.type == "cuda"
    kind = torch.bfloat16 if cuda else torch.float32
    found = {"matrix product": 0.0, "convolution": 0.0}
    for side in (8192, 4096) if cuda else (2048, 1024, 512):
        a = torch.randn(side, side, device=device, dtype=kind)
        seconds = min(timed(lambda a=a: a @ a, device, 5) for _ in range(3))
        found["matrix product"] = max(found["matrix product"], 2 * side**3 / seconds)
    for maps, side in ((256, 64), (512, 32)) if cuda else ((64, 32), (128, 16), (256, 16)):
        x = torch.randn(64, maps, side, side, device=device, dtype=kind).to(memory_format=torch.channels_last)
        layer = nn.Conv2d(maps, maps, 3, padding=1, bias=False).to(device=device, dtype=kind)
        layer.to(memory_format=torch.channels_last).requires_grad_(False)
        seconds = min(timed(lambda x=x, layer=layer: layer(x), device, 5) for _ in range(3))
        found["convolution"] = max(found["convolution"], 2 * 64 * maps * maps * 9 * side * side / seconds)
    return found


def bench_steps(paths: list[Path], course: Course, repeat: int) -> None:
    """Time the classic step and ours in interleaved rounds on identical networks, batch and data.

    On a CPU 32 x 32, grey, width 64, batch 64; on a GPU DCGAN's own size: 64 x 64, colour, width 64, batch 128.
    """
    device = runtime.pick_device()
    cuda = device.type == "cuda"
    size, channels, batch, inner = (64, 3, 128, 100) if cuda else (32, 1, 64, 4)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = cuda
    with runtime.seeded(0):
        networks = dcgan.Generator(size, channels), dcgan.Discriminator(size, channels)
    real = (2 * torch.rand(batch, channels, size, size, generator=runtime.generator(1)) - 1).to(device)
    steps, work = {}, 0.0
    for name, make in (("classic", classic_step), ("ours", our_step)):
        own = [copy.deepcopy(network).to(device) for network in networks]
        steps[name] = make(*own, runtime.generator(2, device))
        images = real.to(memory_format=torch.channels_last) if name == "ours" else real
        steps[name] = lambda step=steps[name], images=images: step(images)
        with FlopCounterMode(display=False) as counter:
            steps[name]()
        work = counter.get_total_flops() if name == "classic" else work  # both are measured by the classic's work
        timed(steps[name], device, 2)
    with runtime.threads(2):
        seconds: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(max(repeat, 9)):
            for name, step in steps.items():
                seconds[name].append(timed(step, device, inner))
        best = max(peak(device).values())
        threads = torch.get_num_threads()
    ratio = statistics.median(a / b for a, b in zip(seconds["classic"], seconds["ours"], strict=True))
    where = torch.cuda.get_device_name(device) if cuda else f"{threads} CPU threads"
    print(f"\n{where}: {size} x {size} x {channels}, width 64, batch {batch}; {work / 1e9:.1f} GFLOP a step, ")
    print(f"peak {best / 1e9:,.0f} GFLOP a second; classic over ours, median of paired rounds: {ratio:.2f}")
    print(f"\n| step, median of {max(repeat, 9)} | ms | images a second | share of the peak |\n|---|---|---|---|")
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"| {name} | {1000 * median:.1f} | {batch / median:,.0f} | {work / median / best:.0%} |")


# ---------------------------------------------------------------- command line

REPEATS = {"imports": 5, "notebooks": 1, "panels": 3, "frames": 3, "steps": 9}
"""What can be measured, and how often it repeats if nothing else is said."""


def main() -> None:
    """Run the measurements that were named; see the top of this file."""
    course = Course(ROOT)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measurement", nargs="?", choices=[*REPEATS, "all"], default="all")
    parser.add_argument("what", nargs="*", metavar="NOTEBOOK|PANEL", help="which notebooks, or panels such as ring")
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout, to count frames in both")
    parser.add_argument("--repeat", type=int, help="how often to measure")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(run_one(options.one, course)))
        return
    print(machine())
    wanted = [*REPEATS] if options.measurement == "all" else [options.measurement]
    paths = [Path(path).resolve() for path in options.what if path.endswith(".ipynb")] or course.notebooks
    for name in wanted:
        repeat = options.repeat or REPEATS[name]
        if name in ("panels", "frames"):
            named = [] if options.measurement == "all" else options.what
            makers = [maker for maker in browser.panels() if not named or {maker, maker.partition(".")[0]} & {*named}]
            if name == "panels":
                bench_panels(makers, repeat)
            else:
                bench_frames(makers, repeat, options.against)
            continue
        {"imports": bench_imports, "notebooks": bench_notebooks, "steps": bench_steps}[name](paths, course, repeat)


if __name__ == "__main__":
    main()
