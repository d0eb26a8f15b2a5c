"""The life of a worker, as a table of contents."""

from __future__ import annotations

import sys

from .start import die_with_host, start


def main() -> int:
    """Start, say hello, open, run until the host says stop."""
    if sys.argv[1:] == ["fork-server"]:
        from .fork_server import serve

        die_with_host()
        serve(_import_all)
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


def _import_all() -> None:
    """What every worker needs, and pyarrow's one attempt to import pandas."""
    from . import hello, link, run, stop  # noqa: F401
    from .pandas_import import hide_pandas

    hide_pandas()


if __name__ == "__main__":
    sys.exit(main())
