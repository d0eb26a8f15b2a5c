"""Zones of datetimes: importing Pandera tells pyarrow, for PySpark, to pass over them; times are then off by it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_IGNORE_ZONES = "PYARROW_IGNORE_TIMEZONE"


@contextmanager
def zones_counted() -> Iterator[None]:
    """While it is open pyarrow makes arrays of datetimes with their zones; it reads the variable at each call."""
    asked = os.environ.pop(_IGNORE_ZONES, None)
    try:
        yield
    finally:
        if asked is not None:
            os.environ[_IGNORE_ZONES] = asked
