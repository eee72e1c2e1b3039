"""Lets go of figures and panels that were shown: IPython keeps every result of a cell in ``Out`` while the kernel runs.

A figure takes some 5 MB, so a notebook that is run again and again would fill the memory with pictures that are on the
page anyway. The newest result stays in ``Out`` and ``_``; what has a name of its own stays whatever happens. Memory
that is free after a cell is given back to the system.
"""

from __future__ import annotations

import sys
from typing import Any

from gancourse import memory

__all__ = ["let_go"]


def let_go() -> None:
    """From now on let go of shown figures and panels after each cell; without IPython, do nothing."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None and _after_a_cell not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", _after_a_cell)


def _after_a_cell(result: Any) -> None:
    shell = sys.modules["IPython"].get_ipython()
    out = shell.user_ns["_oh"]
    for number in list(out)[:-1]:
        if _is_large(out[number]):
            shown = out.pop(number)
            for names in (shell.user_ns, shell.user_ns_hidden):  # where it is also called _7 or the like
                if names.get(f"_{number}") is shown:
                    del names[f"_{number}"]
    memory.give_back()


def _is_large(shown: Any) -> bool:
    """Tell figures, panels and widgets from numbers, tensors and texts."""
    figure = "matplotlib.figure" in sys.modules and isinstance(shown, sys.modules["matplotlib.figure"].Figure)
    return figure or any(hasattr(type(shown), name) for name in ("_repr_mimebundle_", "_ipython_display_"))
