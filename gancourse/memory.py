"""What the C library does with freed memory: it is kept while something trains, and given back when a cell ends.

Only glibc (Linux) is told; elsewhere nothing happens.
"""

from __future__ import annotations

import ctypes
import platform

__all__ = ["give_back", "keep"]


def keep() -> bool:
    """Let the C library keep up to 512 MiB of freed memory of this process; return whether it can be told to.

    Without that, glibc gives blocks of some megabytes back to the system and asks for them again in every step, and the
    system fills each new page with zeros: about a quarter of the time of a large ensemble's step.
    First met in: notebook 00.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(mmap_threshold, 32 << 20)) and bool(libc.mallopt(trim_threshold, 512 << 20))


def give_back() -> bool:
    """Give freed memory back to the system, also from between blocks in use; return whether there was any.

    What is kept lies in pieces. From one *Run All* to the next the pieces fit less well, and the process grows by some
    megabytes though nothing more is in use.
    First met in: notebook 00.
    """
    return platform.libc_ver()[0] == "glibc" and bool(ctypes.CDLL(None).malloc_trim(0))
