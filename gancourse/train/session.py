"""One run of the command: load, build, begin or go on, train, save, look, report."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gancourse import memory, recommended, runs, runtime, training
from gancourse.data import batches
from gancourse.train import report, tracking
from gancourse.train.options import Images, Refused, Settings, load_images
from gancourse.train.processes import Apart, Processes, lost_one, together

__all__ = ["Session", "run"]


def run(settings: Settings, processes: Processes) -> int:
    """Do a whole run and return the exit status of the command: 0 done, 1 lost or diverged, 130 interrupted.

    Args:
        settings: from ``options.read``.
        processes: who trains together.
    Raises:
        Refused: the data or the saved run do not fit.
    """
    quiet = contextlib.nullcontext() if processes.first else contextlib.redirect_stdout(io.StringIO())
    try:
        with quiet, runtime.threads(max(1, 2 // processes.local_count)), contextlib.ExitStack() as at_the_end:
            memory.keep()
            images = load_images(settings)
            with together(processes, settings.device, lambda: _how_to_go_on(settings)):
                session = Session(settings, images, processes)
                session.track(at_the_end)
                done = session.train()
            if not done:
                print(f"Interrupted after {session.history.num_steps:,} steps. {_how_to_go_on(settings)}", flush=True)
                return 130
            if processes.first:
                session.finish()
            return 0
    except (training.Diverged, Apart) as problem:
        return _say(processes, f"{problem} {_how_to_go_on(settings)}")
    except Exception as error:
        if not processes.alone and lost_one(error):
            return _say(processes, f"stops, because another process has gone. {_how_to_go_on(settings)}")
        raise


class Session:
    """A run that is ready to train, fresh or taken up again.

    Args:
        settings, processes: as for :func:`run`.
        images: what to train on.
    Attributes:
        parts: networks, optimisers and schedules.
        history: the record so far.
    Raises:
        Refused: the saved run is damaged or does not fit.
    """

    def __init__(self, settings: Settings, images: Images, processes: Processes) -> None:
        self.settings, self.images, self.processes = settings, images, processes
        self.parts = recommended.build(
            settings.size,
            images.pixels.shape[1],
            width=settings.width,
            num_steps=settings.steps,
            seed=settings.seed,
            device=settings.device,
        )
        self._noise = runtime.generator(settings.seed + 1)  # on the CPU, so that a run may go on elsewhere
        self._stream = batches.stream(
            images.pixels.to(settings.device),
            settings.batch_size,
            runtime.generator(settings.seed + 2),
            part=(processes.rank, processes.count),
        )
        self.history = training.History()
        self._trackers: list[tracking.Tracker] = []
        processes.check_same("settings", {**settings.fixed, "resume": settings.resume, "torch": torch.__version__})
        processes.check_same("data", self._stream.state_dict()["data"])
        if settings.resume:
            try:
                _, self.history = runs.load(settings.out.name, folder=settings.out.parent, **self._saved())
            except (ValueError, OSError) as error:
                raise Refused(f"--resume: {error}") from error
            processes.check_same("the step of the saved run", self.history.num_steps)
        elif processes.first:
            settings.keep()

    def _saved(self) -> dict[str, Any]:
        """Return what a save holds, in the words of ``runs.save``."""
        parts = vars(self.parts)
        return {
            "modules": {name: parts[name] for name in ("generator", "discriminator", "average")},
            "optimizers": {name: parts[name] for name in ("g_optimizer", "d_optimizer", "g_schedule", "d_schedule")},
            "generators": {"noise": self._noise},
            "batches": self._stream,
        }

    @property
    def facts(self) -> dict[str, Any]:
        """What the run is made with, in plain values, for trackers and the report."""
        return {
            **self.settings.fixed,
            "device": self.settings.device.type,
            "processes": self.processes.count,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "code": tracking.code_version(),
        }

    def track(self, at_the_end: contextlib.ExitStack) -> None:
        """Open the trackers, which are closed with ``at_the_end``; the first process alone has any."""
        if self.processes.first and self.settings.track:
            self._trackers = tracking.open_all(
                self.settings.track, self.settings.out, self.facts, self.history.num_steps
            )
            for tracker in self._trackers:
                at_the_end.callback(tracker.close)

    def train(self) -> bool:
        """Train, save, and return whether the run has reached its end. Ctrl-C is heard at the end of a step only."""
        left = self.settings.steps - self.history.num_steps
        if left == 0:
            print(f"This run has done its {self.settings.steps:,} steps already.")
            return True
        told = "Going on" if self.history.num_steps else "Training"
        count, where = self.processes.count, f"{self.settings.device.type}, into {self.settings.out}"
        several = f", {count} processes" if count > 1 else ""
        print(f"{told}: {left:,} steps of {self.settings.batch_size} images, {where}{several}", flush=True)
        with runtime.interrupt_deferred(every=True) as interrupted:
            self._train(left, lambda inside: self.processes.agree(inside or interrupted()))
            self._save()
        return not self.history.interrupted

    def _train(self, left: int, agree: Any) -> None:
        processes, parts, last = self.processes, self.parts, self.settings.steps
        step = recommended.make_step(
            parts,
            processes.part(recommended.latents(parts, self._noise)),
            generator=processes.wrapped(parts.generator),
            discriminator=processes.wrapped(parts.discriminator),
            first_step=self.history.num_steps,
        )
        sheets = {*range(0, last + 1, self.settings.samples_every), last}
        saves = set(range(self.settings.save_every, last, self.settings.save_every))

        def look() -> Tensor | None:
            return self._look() if self.history.num_steps in sheets and processes.first else None

        def keep(at: int, _: Any) -> None:
            if at in saves:
                self._save()
            elif 0 < at < last and processes.first:
                self._say_how_it_goes()

        training.train(
            step,
            self._stream,
            num_steps=left,
            history=self.history,
            snapshot=look,
            snapshot_at=sheets | saves,
            on_snapshot=keep,
            progress=processes.first,
            writer=self._write if self._trackers else None,
            agree=agree,
        )

    def _look(self) -> Tensor:
        """Write a sheet and return some of its samples as whole numbers from 0 to 255."""
        at = self.history.num_steps
        made = report.samples(self.parts.average, report.SHEET)
        array = report.sheet(made)
        report.save_picture(self.settings.out / "sheets" / f"step-{at:06d}.png", array)
        for tracker in self._trackers:
            tracker.picture(at, "samples", array)
        return report.in_bytes(made[: report.FILM])

    def _save(self) -> None:
        self.processes.check_weights(self._saved()["modules"])
        if self.processes.first:
            runs.save(self.settings.out.name, folder=self.settings.out.parent, history=self.history, **self._saved())
            self._say_how_it_goes("; saved")

    def _say_how_it_goes(self, more: str = "") -> None:
        at, last = self.history.num_steps, self.settings.steps
        if sys.stderr.isatty() and at < last:
            return  # there is a bar that counts
        losses = ", ".join(f"{term} {float(self.history[term][-100:].mean()):.2f}" for term in self.history.terms)
        print(f"step {at:,} of {last:,}, {self.history.seconds:.0f} s: {losses}{more}", flush=True)

    def _write(self, step: int, numbers: Mapping[str, float]) -> None:
        for tracker in self._trackers:
            tracker.numbers(step, numbers)

    def finish(self) -> None:
        """Measure, and write the report. For the first process, when the others have gone."""
        out, average = self.settings.out, self.parts.average
        numbers = report.measure(average, self.images, self.settings.device)
        if numbers:
            self._write(self.history.num_steps, {f"final/{name}": value for name, value in numbers.items()})
            print(
                f"Fréchet distance {numbers['frechet']:.1f} (real against real {numbers['floor']:.1f}), "
                f"clear {numbers['clear']:.0%} (real images {numbers['clear_real']:.0%})"
            )
        path = report.write(
            out, average=average, images=self.images, history=self.history, settings=self.facts, numbers=numbers
        )
        print(f"Report: {path}")


def _how_to_go_on(settings: Settings) -> str:
    if not runs.exists(settings.out.name, folder=settings.out.parent):
        return "Nothing was saved yet."
    return f"The last save stands; to go on: python -m gancourse.train --out {settings.out} --resume"


def _say(processes: Processes, message: str) -> int:
    print(f"{processes.name}{message}", file=sys.stderr, flush=True)
    return 1
