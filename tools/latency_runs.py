"""What ``tools/tables.py latency`` measures: CPU time of one image and of many, by size and by program.

One thread. For each batch size all kinds are called in interleaved rounds, in an order drawn for each, and each is
compared with the whole generator as PyTorch runs it, in the same round. A small batch is made several times in a row,
so its numbers are in the cache, as in a loop that draws image after image. Weights do not matter for the time, so
nothing is trained.
"""

from __future__ import annotations

import contextlib
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gancourse import exporting, runtime, timing
from gancourse.compressing import channels, counting, folding, pruning, rounding, tuning
from gancourse.models import averaging
from judge_tables import Wanted

WHOLE = "whole"
BATCHES = (1, 4, 16, 64, 250, 500)
ENDS = (1, 500)  # for what is compiled for one size at a time
ROUNDS, REPEATS = {1: 100, 4: 60, 16: 40, 64: 30, 250: 15, 500: 15}, {1: 10, 4: 5, 16: 2}
SEED = 0

Call = Callable[[Tensor], Any]

# ---------------------------------------------------------------- the kinds


UNITS = {"width": 16, "hidden": 128}  # half of the first layer's units, all maps


def sized(size: str) -> nn.Module:
    if size == "units":
        return channels.narrowed(sized(WHOLE), **UNITS)
    generator, _ = tuning.fresh(size, seed=SEED)
    z = torch.randn(1_000, generator.latent_dim, generator=runtime.generator(SEED + 1))
    averaging.recompute_batch_norm(generator, z.split(500))
    return generator.eval().requires_grad_(False)


def pinned(make: Callable[[int], Call]) -> Call:
    """Return a call that has one program for each batch size."""
    ready = {count: make(count) for count in ENDS}
    return lambda z: ready[len(z)](z)


class Sparse(nn.Module):
    """The pruned generator with its largest layer as a sparse matrix, which skips zeros."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = folding.folded(generator)
        layer = self.generator.dense[2]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that sparse matrices are new
            self.weight, self.bias = layer.weight.detach().to_sparse_csr(), layer.bias.detach()
        self.generator.dense[2] = nn.Identity()
        self.generator.dense[2].forward = self._product

    def _product(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias[:, None], self.weight, x.T).T

    def forward(self, z: Tensor) -> Tensor:
        return self.generator(z)


def compiled(count: int) -> Call:
    if shutil.which("c++") is None and shutil.which("g++") is None:
        raise RuntimeError("torch.compile needs a C++ compiler, and none was found")
    import torch._inductor.config

    torch._inductor.config.compile_threads = 1
    return torch.compile(sized(WHOLE), dynamic=False)


def traced(count: int) -> Call:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        generator = sized(WHOLE)
        return torch.jit.freeze(torch.jit.trace(generator, torch.zeros(count, generator.latent_dim)))


def by_onnx(folder: Path, size: str = WHOLE, way: str | None = None, batch_size: int | None = None) -> Call:
    path = exporting.to_onnx(sized(size), folder / f"{size}-{batch_size}.onnx", batch_size=batch_size)
    if way is not None:
        z = torch.randn(512, 64, generator=runtime.generator(SEED + 2)) if way == "static" else None
        path = exporting.to_int8(path, folder / f"{size}-{way}.onnx", z, way=way)
    return exporting.Session(path)


def contiguous() -> nn.Module:
    return sized(WHOLE).to(memory_format=torch.contiguous_format)


def half_precision() -> Call:
    generator = sized(WHOLE).to(torch.bfloat16)
    return lambda z: generator(z.to(torch.bfloat16))


MODES: dict[str, Callable[[], Any]] = {
    "whole, gradients recorded": contextlib.nullcontext,
    "whole, no_grad": torch.no_grad,
}
"""How PyTorch is told not to record; every other kind is called in inference mode."""


def kinds(folder: Path) -> dict[str, tuple[Callable[[], Call], tuple[int, ...]]]:
    """Return how each kind is made, and the batch sizes that it is timed at."""
    return {
        WHOLE: (lambda: sized(WHOLE), BATCHES),
        "whole, a second copy": (lambda: sized(WHOLE), BATCHES),  # what the clock cannot tell apart
        "whole, gradients recorded": (lambda: sized(WHOLE).requires_grad_(True), BATCHES),
        "whole, no_grad": (lambda: sized(WHOLE), BATCHES),
        "whole, channels first": (contiguous, BATCHES),
        "whole, bfloat16": (half_precision, BATCHES),
        "folded": (lambda: folding.folded(sized(WHOLE)), BATCHES),
        "smallest 90 % zero": (lambda: pruning.pruned(sized(WHOLE), 0.9), BATCHES),
        "smallest 90 % zero, sparse": (lambda: Sparse(pruning.pruned(sized(WHOLE), 0.9)), BATCHES),
        "4 bits": (lambda: rounding.rounded(sized(WHOLE), 4), BATCHES),
        "half": (lambda: sized("half"), BATCHES),
        "half the units": (lambda: sized("units"), BATCHES),
        "quarter": (lambda: sized("quarter"), BATCHES),
        "tiny": (lambda: sized("tiny"), BATCHES),
        "torch.export": (lambda: exporting.exported(sized(WHOLE)), BATCHES),
        "torch.jit.trace": (lambda: pinned(traced), ENDS),
        "torch.compile": (lambda: pinned(compiled), ENDS),
        "ONNX": (lambda: by_onnx(folder), BATCHES),
        "ONNX, one batch size": (lambda: pinned(lambda count: by_onnx(folder, batch_size=count)), ENDS),
        "ONNX, half": (lambda: by_onnx(folder, "half"), BATCHES),
        "ONNX, half the units": (lambda: by_onnx(folder, "units"), BATCHES),
        "ONNX, quarter": (lambda: by_onnx(folder, "quarter"), BATCHES),
        "ONNX, tiny": (lambda: by_onnx(folder, "tiny"), BATCHES),
        "ONNX, int8 dynamic": (lambda: by_onnx(folder, way="dynamic"), BATCHES),
        "ONNX, int8 static": (lambda: by_onnx(folder, way="static"), BATCHES),
    }


# ---------------------------------------------------------------- the table


def spread(found: timing.Spread, digits: int = 4) -> list[float]:
    return [round(value, digits) for value in found]


def bound(call: Call, z: Tensor, name: str) -> Callable[[], Any]:
    mode = MODES.get(name, torch.inference_mode)

    def one() -> Any:
        with mode():
            return call(z)

    return one


def table(wanted: Wanted, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield a row for each kind: medians with quartiles, and ratios to the whole one, at each batch size.

    A kind that cannot be made here has a row that says why, and no numbers.
    """
    ready: dict[str, tuple[Call, tuple[int, ...]]] = {}
    rows: dict[str, dict[str, Any]] = {}
    for name, (make, batch_sizes) in kinds(folder).items():
        if name != WHOLE and not wanted(name):
            continue
        started = time.process_time()
        rows[name] = {"name": name}
        try:
            call = make()
            for count in batch_sizes:
                bound(call, torch.zeros(count, 64), name)()
        except (RuntimeError, ImportError, AttributeError) as error:  # a program that this machine lacks
            rows[name]["missing"] = f"{type(error).__name__}: {str(error).splitlines()[0][:150]}"
            continue
        rows[name]["ready_seconds"] = round(time.process_time() - started, 2)
        if isinstance(call, nn.Module) and not isinstance(call, Sparse):
            rows[name]["parameters"] = sum(weight.numel() for weight in call.parameters())
        ready[name] = (call, batch_sizes)
    for name, size in ((WHOLE, WHOLE), ("half", "half"), ("half the units", "units"), ("quarter", "quarter"),
                       ("tiny", "tiny")):  # fmt: skip
        if name in rows:
            rows[name]["multiply_adds"] = counting.multiply_adds(sized(size), torch.zeros(1, 64))
    for count in BATCHES:
        z = torch.randn(count, 64, generator=runtime.generator(SEED + 3))
        calls = {name: bound(call, z, name) for name, (call, sizes) in ready.items() if count in sizes}
        found = timing.interleaved(calls, rounds=ROUNDS[count], repeats=REPEATS.get(count, 1), warm_up=5)
        for name in calls:
            at = rows[name]
            at.setdefault("batches", []).append(count)
            at.setdefault("ms", []).append(spread(found.spread(name)))
            at.setdefault("ratio", []).append(spread(found.ratio(name, WHOLE)))
        print(count, {name: round(found.median(name), 3) for name in calls}, flush=True)
    for name, row in rows.items():
        if len(row.get("batches", [])) == len(BATCHES):
            fit = timing.line(row["batches"], [ms for ms, _, _ in row["ms"]])
            row["line"] = [round(fit.start, 4), round(fit.each, 5)]
        if wanted(name):
            yield row


NAMES = list(kinds(Path()))
