"""A run in the tool you already use: TensorBoard, or Weights & Biases with everything kept on this machine.

``training.train`` tells a writer the numbers of every step; a tracker is such a writer, and takes pictures too. Both
tools need the extra packages of ``pip install "gancourse[track]"``.

Images are handed on as whole numbers from 0 to 255 of type uint8, the one kind that both tools show as they are
(TensorBoard turns int64 white, see ``findings``).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gancourse import __version__

__all__ = ["TensorBoard", "Tracker", "WandbOffline", "code_version", "open_all"]


class Tracker(Protocol):
    """What the command asks of a tool.

    ``numbers(step, term -> number)`` for the losses of a step and for a final measure; ``picture(step, name, array)``
    for a sheet, uint8, shape (H, W, 3); ``close()`` at the end.
    """

    def numbers(self, step: int, numbers: Mapping[str, float]) -> None: ...
    def picture(self, step: int, name: str, array: np.ndarray) -> None: ...
    def close(self) -> None: ...


class TensorBoard:
    """Writes event files for ``tensorboard --logdir``.

    Args:
        folder: where they lie; ``tensorboard`` is added to it.
        settings: shown as a table under *Text*.
        first_step: steps done before. What an interrupted run wrote after them is hidden.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], first_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=first_step + 1 if first_step else None)
        rows = "".join(f"| {name} | {value} |\n" for name, value in settings.items())
        self._writer.add_text("settings", f"| setting | value |\n|---|---|\n{rows}", first_step)

    def numbers(self, step: int, numbers: Mapping[str, float]) -> None:
        """Write the numbers of a step."""
        for name, number in numbers.items():
            self._writer.add_scalar(name, number, step)

    def picture(self, step: int, name: str, array: np.ndarray) -> None:
        """Write a picture, uint8, shape (H, W, 3)."""
        self._writer.add_image(name, _bytes(array), step, dataformats="HWC")

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


class WandbOffline:
    """Writes a run for Weights & Biases that stays on this machine; ``wandb sync`` sends it when you want.

    Args:
        folder: where it lies; wandb adds ``wandb`` to it.
        settings: the run's configuration.
        first_step: steps done before. A run that goes on is a run of its own here.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], first_step: int) -> None:
        os.environ["WANDB_ERROR_REPORTING"] = "false"  # else even an offline run looks for a server, see findings
        import wandb

        quiet = wandb.Settings(
            silent=True, console="off", disable_git=True, disable_code=True, save_code=False, x_disable_stats=True,
            x_disable_machine_info=True, x_disable_meta=True,
        )  # fmt: skip
        config = {**settings, "first_step": first_step}
        name = folder.name if not first_step else f"{folder.name} from step {first_step}"
        self._image = wandb.Image
        self._run = wandb.init(
            mode="offline", project="gancourse", name=name, dir=str(folder), config=config, settings=quiet
        )
        self._waiting: dict[int, dict[str, Any]] = {}

    def numbers(self, step: int, numbers: Mapping[str, float]) -> None:
        """Write the numbers of a step, and what was shown at it or before."""
        earlier = [shown for shown in self._waiting if shown < step]
        for shown in earlier:
            self._run.log(self._waiting.pop(shown), step=shown)
        self._run.log({**self._waiting.pop(step, {}), **numbers}, step=step)

    def picture(self, step: int, name: str, array: np.ndarray) -> None:
        """Keep a picture until the numbers of its step come: the tool takes steps in rising order only."""
        self._waiting.setdefault(step, {})[name] = self._image(_bytes(array))

    def close(self) -> None:
        """Write what is left."""
        for shown in sorted(self._waiting):
            self._run.log(self._waiting.pop(shown), step=shown)
        self._run.finish()


def open_all(names: Sequence[str], folder: Path, settings: Mapping[str, Any], first_step: int) -> list[Tracker]:
    """Return a tracker for each name.

    Args:
        names: "tensorboard", "wandb".
        folder: of the run.
        settings: what the run is made with; the version of the code is added.
        first_step: steps done before.
    """
    kinds = {"tensorboard": TensorBoard, "wandb": WandbOffline}
    return [kinds[name](folder, {**settings, "code": code_version()}, first_step) for name in names]


def code_version() -> str:
    """Return the version of the package and, in a checkout, its commit, with "+" where files were changed."""
    where = Path(__file__).parents[2]
    try:
        if not (where / ".git").exists():  # an installed package inside somebody else's repository
            return __version__
        commit, changed = (
            subprocess.run(["git", *words], cwd=where, capture_output=True, text=True, check=True, timeout=10).stdout
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        )
    except (OSError, subprocess.SubprocessError):
        return __version__
    return f"{__version__} {commit.strip()}{'+' if changed.strip() else ''}"


def _bytes(array: np.ndarray) -> np.ndarray:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise ValueError(f"array must be uint8 of shape (H, W, 3), got {array.dtype} of shape {array.shape}")
    return array
