"""``python -m gancourse.train``: see there with ``--help``."""

from __future__ import annotations

import sys
import time

from gancourse.train import options, processes, session


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status: 0 done, 1 lost or diverged, 2 refused, 130 interrupted."""
    who = processes.Processes.of_torchrun()
    try:
        settings = options.read(arguments, who)
        return session.run(settings, who)
    except options.Refused as refused:
        if not who.first:
            time.sleep(20)  # the first process says it for all, if it has the same to say, and torchrun ends the rest
        print(f"{who.name}{refused}", file=sys.stderr, flush=True)
        return 2
    except KeyboardInterrupt:  # before or after the steps, in which it is heard at the end of one
        print(f"{who.name}Interrupted.", file=sys.stderr, flush=True)
        return 130


if __name__ == "__main__":
    sys.exit(main())
