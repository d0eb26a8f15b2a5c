"""The life of a worker, as a table of contents."""

from __future__ import annotations

import sys

from .start import start


def main() -> int:
    """Start, say hello, open, run until the host says stop."""
    seat = start()
    # Only now: these imports take most of the start, and a host that died meanwhile has already ended us.
    from .hello import say_hello
    from .link import Link
    from .run import run
    from .stop import stop

    link = Link(seat)
    say_hello(link, seat)
    run(link)
    stop(link)
    return 0


if __name__ == "__main__":
    sys.exit(main())
