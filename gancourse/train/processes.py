"""Several processes that train one GAN, on PyTorch's own engine: ``torchrun --nproc-per-node 2 -m gancourse.train``.

Every process holds both networks and takes an equal part of each batch. After D's backward pass, and after G's, the
processes average their gradients, so all take the same step. That is
:class:`torch.nn.parallel.DistributedDataParallel`; over gloo on CPUs, over NCCL on GPUs.

A GAN asks three things of it that a classifier does not:

* The gradient of a penalty on D's slope has to be averaged too. Only gradients that reach the weights in the backward
  pass *for which the wrapper was called* are. So the penalty is computed from logits that came through the
  wrapper, and is added to the loss before the one backward pass (:func:`gancourse.recommended.make_step`).
* G's batch norm normalises each process's part of the batch by itself, on CPUs and GPUs alike: PyTorch's own
  synchronised batch norm wants GPUs, and a run should not depend on where it runs. Two processes with
  32 images each are therefore no rounding-true copy of one with 64; D, which has no batch norm, is. The running
  statistics differ between processes and are nobody's input: before samples are drawn they are measured again.
* What is random has to be the same for any number of processes: all draw the whole batch's random numbers from
  equal generators, and each uses its part.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import hashlib
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

__all__ = ["Apart", "Processes", "lost_one", "together"]

_PATIENCE = datetime.timedelta(minutes=10)  # for the slowest: it may be loading its data


class Apart(RuntimeError):
    """Processes that should be equal are not."""


@dataclass(frozen=True)
class Processes:
    """Who trains together.

    Attributes:
        rank: which process this is, counted from 0. The first alone writes and prints.
        count: how many there are.
        local_rank, local_count: the same among those on this machine.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1

    @classmethod
    def of_torchrun(cls) -> Processes:
        """Return what torchrun has told this process, or one that is alone."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        return cls(*(int(os.environ[name]) for name in names)) if all(name in os.environ for name in names) else cls()

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    @property
    def name(self) -> str:
        """What to put in front of a message: nothing for the first process."""
        return "" if self.first else f"process {self.rank}: "

    @property
    def alone(self) -> bool:
        """Whether there is no other."""
        return self.count == 1

    def part(self, draw: Callable[[int], Tensor]) -> Callable[[int], Tensor]:
        """Return a function like ``draw``, which draws for all processes and gives this one's part.

        Args:
            draw: draws so many random samples, with a generator that is equal in all processes.
        """
        if self.alone:
            return draw
        return lambda count: draw(count * self.count)[self.rank * count : (self.rank + 1) * count]

    def wrapped(self, network: nn.Module) -> nn.Module:
        """Return the network such that its gradients are averaged over the processes; alone, as it is."""
        if self.alone:
            return network
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # its new name for this argument came with PyTorch 2.13
            # no broadcast of buffers: batch norm's running statistics are no input of anything
            return DistributedDataParallel(network, broadcast_buffers=False)

    def agree(self, stop: bool) -> bool:
        """Return whether any process wants to stop; all have to ask at the same step."""
        if self.alone:
            return stop
        wish = torch.tensor(float(stop))
        dist.all_reduce(wish, dist.ReduceOp.MAX)
        return bool(wish)

    def check_same(self, what: str, value: Any) -> None:
        """Refuse values that differ between the processes.

        Raises:
            Apart: they do; the error names ``what`` and both values.
        """
        if self.alone:
            return
        values: list[Any] = [None] * self.count
        dist.all_gather_object(values, value)
        for rank, other in enumerate(values):
            if other != values[0]:
                raise Apart(f"{what} must be the same in all processes, got {values[0]!r} in 0 and {other!r} in {rank}")

    def check_weights(self, modules: Mapping[str, nn.Module]) -> None:
        """Refuse networks whose weights are not the same bits in all processes; running statistics may differ.

        Raises:
            Apart: a network has come apart; the error names it.
        """
        for name, module in modules.items():
            digest = hashlib.sha256()
            for parameter in module.parameters() if not self.alone else ():
                digest.update(parameter.detach().cpu().contiguous().numpy().tobytes())
            self.check_same(f"the weights of the {name}", digest.hexdigest()[:12])


@contextlib.contextmanager
def together(processes: Processes, device: torch.device, last_words: Callable[[], str]) -> Iterator[None]:
    """Join the other processes inside a ``with`` block; nothing for one that is alone.

    Args:
        processes: from :meth:`Processes.of_torchrun`.
        device: where this process trains.
        last_words: what to say when torchrun ends this process, because another has gone.
    """
    if processes.alone:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    # what is asked about stopping goes over gloo also on GPUs, so that no step waits for its GPU
    # torchrun ends the others when one has gone, often before they have noticed
    signal.signal(signal.SIGTERM, functools.partial(_ended, processes, last_words))
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        with warnings.catch_warnings():
            # a kernel of one channel lies in memory in two ways at once, and PyTorch's check sees one of them
            warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
            yield
    finally:
        dist.destroy_process_group()


def _ended(processes: Processes, last_words: Callable[[], str], *_: Any) -> None:
    """Say why, and end at once: nothing is half written, because every file is put in its place in one step."""
    sys.stdout.flush()
    print(f"{processes.name}ended from outside, because another process has gone. {last_words()}", file=sys.stderr)
    sys.stderr.flush()
    os._exit(128 + signal.SIGTERM)


def lost_one(error: BaseException) -> bool:
    """Tell whether an error says that another process has gone."""
    gone = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "Timed out waiting", "[gloo]")
    return isinstance(error, dist.DistError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in gone)
    )
