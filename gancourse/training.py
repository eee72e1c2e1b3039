"""The loop around every training step: it repeats, records, snapshots and stops cleanly.

It knows nothing of GANs: what a step does is written in the notebook, where it can be read.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from gancourse import runtime
from gancourse._numbers import real, whole

__all__ = ["Diverged", "History", "train"]

_FLUSH_EVERY = 100


class Diverged(ArithmeticError):
    """A recorded number became NaN or infinite.

    Attributes:
        term: name of the number, such as "d_loss".
        step: the step at which it happened, counted from 1.
        history: everything recorded up to that step.
    """

    def __init__(self, term: str, step: int, value: float, history: History) -> None:
        super().__init__(
            f"{term} became {value} at step {step}, so the run has diverged; "
            "try a smaller learning rate. The record so far is in the error's `history`."
        )
        self.term, self.step, self.history = term, step, history


class History:
    """What a run recorded: ``history["d_loss"]`` is a float64 tensor on the CPU.

    Attributes:
        num_steps: steps done so far.
        seconds: time spent inside :func:`train`.
        interrupted: whether the last call was stopped before its end.
        snapshots: step -> what ``snapshot()`` returned after that step (0: before the first).
    First met in: notebook 02.
    """

    def __init__(self) -> None:
        self.num_steps = 0
        self.seconds = 0.0
        self.interrupted = False
        self.snapshots: dict[int, Any] = {}
        self._parts: dict[str, list[tuple[Tensor, Tensor]]] = {}  # steps and values, flushed together
        self._pending: dict[str, list[tuple[int, Tensor | float]]] = {}

    def __getitem__(self, term: str) -> Tensor:
        """Return every recorded value of ``term``, oldest first, shape (times recorded,)."""
        return self._joined(term)[1].double()

    def steps(self, term: str) -> Tensor:
        """Return the steps at which ``term`` was recorded, counted from 1, shape as ``history[term]``."""
        return self._joined(term)[0]

    @property
    def terms(self) -> list[str]:
        """The names of the recorded numbers, in the order they first came."""
        return list(dict.fromkeys([*self._parts, *(term for term, entries in self._pending.items() if entries)]))

    def rows(self, *, after: int = 0) -> Iterator[tuple[int, dict[str, float]]]:
        """Yield what was recorded in each step, in their order: (step, term -> number).

        Args:
            after: only steps later than this one.
        """
        found: dict[int, dict[str, float]] = {}
        for term in self.terms:
            steps = self.steps(term)
            new = steps > after
            for step, value in zip(steps[new].tolist(), self[term][new].tolist(), strict=True):
                found.setdefault(step, {})[term] = value
        yield from sorted(found.items())

    def __repr__(self) -> str:
        stopped = ", interrupted" if self.interrupted else ""
        return f"History({self.num_steps:,} steps in {self.seconds:.1f} s{stopped}; {', '.join(self.terms) or 'empty'})"

    def record(self, step: int, numbers: Mapping[str, Tensor | float]) -> None:
        """Keep the numbers of one step, without reading them from the device yet.

        Raises:
            TypeError, ValueError: something is not a number, or has more than one element.
        """
        if not isinstance(numbers, Mapping):
            raise TypeError(f"step must return a dict of numbers, got {type(numbers).__name__}")
        for term, value in numbers.items():
            if isinstance(value, Tensor):
                if value.numel() != 1:
                    raise ValueError(f"{term} must be one number a step, got a tensor of shape {tuple(value.shape)}")
                value = value.detach().reshape(())
                if value.device.type == "cpu":
                    value = float(value)
            elif isinstance(value, bool):
                value = float(value)
            elif (number := real(value)) is None:
                raise TypeError(f"{term} must be a number or a tensor with one element, got {type(value).__name__}")
            else:
                value = number
            self._pending.setdefault(term, []).append((step, value))

    def flush(self) -> None:
        """Move pending numbers into the record, one transfer a term, and check that they are finite.

        Raises:
            Diverged: one of them is NaN or infinite.
        """
        kept = {term: list(parts) for term, parts in self._parts.items()}
        diverged = None
        for term, entries in self._pending.items():
            if not entries:  # an interrupt came between the name and its first number
                continue
            steps = torch.tensor([step for step, _ in entries])
            if isinstance(entries[0][1], Tensor):
                values = torch.stack([torch.as_tensor(value) for _, value in entries]).double().cpu()
            else:
                values = torch.tensor([float(value) for _, value in entries], dtype=torch.float64)
            kept.setdefault(term, []).append((steps, values))
            bad = (~torch.isfinite(values)).nonzero()
            if len(bad):
                first = int(bad[0])
                if diverged is None or int(steps[first]) < diverged[1]:
                    diverged = (term, int(steps[first]), float(values[first]))
        vars(self).update(_parts=kept, _pending={})  # both in one call, so that no interrupt comes between
        if diverged is not None:
            raise Diverged(*diverged, history=self)

    def state_dict(self) -> dict[str, Any]:
        """Return the whole record as tensors, numbers and dicts (snapshots as they are)."""
        self.flush()
        return {
            "num_steps": self.num_steps,
            "seconds": self.seconds,
            "interrupted": self.interrupted,
            "values": {term: self[term] for term in self._parts},
            "steps": {term: self.steps(term) for term in self._parts},
            "snapshots": dict(self.snapshots),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Replace the record by one that :meth:`state_dict` returned."""
        self.num_steps, self.seconds = state["num_steps"], state["seconds"]
        self.interrupted, self.snapshots = state["interrupted"], dict(state["snapshots"])
        self._parts = {term: [(state["steps"][term], values)] for term, values in state["values"].items()}
        self._pending = {}

    def _joined(self, term: str) -> tuple[Tensor, Tensor]:
        self.flush()
        if term not in self._parts:
            known = ", ".join(self.terms) or "nothing yet"
            raise KeyError(f"no number called {term!r} was recorded; there are: {known}")
        if len(self._parts[term]) > 1:
            steps, values = zip(*self._parts[term], strict=True)
            self._parts[term] = [(torch.cat(steps), torch.cat(values))]
        return self._parts[term][0]


def train(
    step: Callable[[Any], Mapping[str, Tensor | float]],
    batches: Iterator[Any],
    *,
    num_steps: int,
    history: History | None = None,
    snapshot: Callable[[], Any] | None = None,
    snapshot_at: Iterable[int] = (),
    on_snapshot: Callable[[int, Any], None] | None = None,
    progress: bool = True,
    writer: Callable[[int, Mapping[str, float]], None] | None = None,
    agree: Callable[[bool], bool] | None = None,
) -> History:
    """Call ``step(next(batches))`` ``num_steps`` times and return what it recorded.

    An interrupt (the square in JupyterLab, Ctrl-C) waits for the end of the step that is running, so the
    networks are never left between their two updates; a second one stops at once. The history so
    far comes back, and passing it in again carries on from there.

    Args:
        step: does one step of training and returns a dict of numbers to record.
        batches: an iterator of real batches; see ``data.batches.stream``.
        num_steps: how many more steps to do, at least 1.
        history: record of an earlier call to carry on; a new one if not given.
        snapshot: called without gradients; what it returns is kept. PyTorch's global random state is put
            back afterwards, so taking snapshots never changes a run.
        snapshot_at: steps after which to call it, counted over the whole history; 0 is before the first.
        on_snapshot: called with (step, snapshot), for example to show it at once.
        progress: show a line that counts steps while the loop runs.
        writer: called with (step, term -> number) for every step, in their order and some time later: whenever the
            numbers have come from the device, every 100 steps and at the end, also at a bad end. For a tracking tool.
        agree: called before every step with whether an interrupt came, and tells whether to stop here. Processes that
            train together ask each other, because all have to stop at the same step. No interrupt stops at once then.
    Returns:
        The history; ``history.interrupted`` tells whether it ended early.
    Raises:
        Diverged: a recorded number became NaN or infinite; the error names step and term.
        TypeError, ValueError: an argument is of another kind or range.
    First met in: notebook 00.
    """
    if not callable(step):
        raise TypeError(f"step must be a function of a real batch, got {type(step).__name__}")
    if not hasattr(batches, "__next__"):
        raise TypeError(f"batches must be an iterator, such as data.batches.stream(...), got {type(batches).__name__}")
    if (count := whole(num_steps)) is None or count < 1:
        raise ValueError(f"num_steps must be a positive whole number, got {num_steps!r}")
    num_steps = count
    if history is not None and not isinstance(history, History):
        raise TypeError(f"history must be a History or None, got {type(history).__name__}")
    wanted = frozenset(snapshot_at)
    if wanted and snapshot is None:
        raise ValueError("snapshot_at names steps, but there is no snapshot function to call")
    history = History() if history is None else history
    history.interrupted = False
    last = history.num_steps + num_steps

    def take_snapshot() -> None:
        if history.num_steps in wanted and history.num_steps not in history.snapshots:
            with torch.no_grad(), _global_random_state_kept():
                history.snapshots[history.num_steps] = snapshot()
                if on_snapshot is not None:
                    on_snapshot(history.num_steps, history.snapshots[history.num_steps])

    told = history.num_steps

    def flush() -> None:
        nonlocal told
        try:
            history.flush()
        finally:
            if writer is not None:
                since, told = told, history.num_steps
                for row in history.rows(after=since):
                    writer(*row)

    before, started = history.seconds, time.perf_counter()
    try:
        with runtime.interrupt_deferred(every=agree is not None) as interrupted:

            def stopped() -> bool:
                return interrupted() if agree is None else agree(interrupted())

            shown = _progress_line(last) if progress else None
            try:
                take_snapshot()
                while history.num_steps < last and not stopped():
                    try:
                        real = next(batches)
                    except StopIteration:
                        raise ValueError(
                            f"batches ended after {history.num_steps} steps, {last - history.num_steps} short; "
                            "use an endless iterator such as data.batches.stream(...)"
                        ) from None
                    numbers = step(real)
                    history.num_steps += 1
                    history.record(history.num_steps, numbers)
                    history.seconds = before + time.perf_counter() - started
                    if history.num_steps % _FLUSH_EVERY == 0:
                        flush()
                    take_snapshot()
                    if shown is not None:
                        shown.update(history)
            except KeyboardInterrupt:  # a second interrupt, or one that did not come as a signal
                pass
            finally:
                history.interrupted = history.num_steps < last
                history.seconds = before + time.perf_counter() - started
                if shown is not None:
                    shown.close(history)
            flush()
    except KeyboardInterrupt:  # it came before our handler was there, or as the one before was put back
        history.interrupted = history.num_steps < last
    return history


@contextlib.contextmanager
def _global_random_state_kept() -> Iterator[None]:
    cuda = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=list(cuda)):
        yield


# ---------------------------------------------------------------- the line that counts steps


class _NotebookLine:
    """One line of text in a notebook's output, replaced in place, finished at the end."""

    def __init__(self, last: int) -> None:
        from IPython.display import display

        self._last, self._due = last, 0.0
        self._handle = display(_Text("training ..."), display_id=True)

    def update(self, history: History) -> None:
        now = time.perf_counter()
        if now >= self._due:
            self._due = now + 0.5
            self._handle.update(_Text(f"step {history.num_steps:,} of {self._last:,}, {history.seconds:.0f} s"))

    def close(self, history: History) -> None:
        how = "interrupted after" if history.num_steps < self._last else "done:"
        self._handle.update(_Text(f"{how} {history.num_steps:,} steps, {history.seconds:.0f} s"))


class _Text:
    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


class _TerminalBar:
    """A tqdm bar for terminals; it leaves nothing behind."""

    def __init__(self, last: int) -> None:
        from tqdm import tqdm

        self._bar = tqdm(total=last, leave=False)

    def update(self, history: History) -> None:
        self._bar.update(history.num_steps - self._bar.n)

    def close(self, history: History) -> None:
        self._bar.close()


def _progress_line(last: int) -> _NotebookLine | _TerminalBar | None:
    if "ipykernel" in sys.modules and threading.current_thread() is threading.main_thread():
        from IPython import get_ipython

        if getattr(get_ipython(), "kernel", None) is not None:
            return _NotebookLine(last)
    return _TerminalBar(last) if sys.stderr.isatty() else None
