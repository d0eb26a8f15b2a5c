"""Hello: everything that takes time is imported before the host gets to know us."""

from __future__ import annotations

import os
import platform

import numpy as np
import pyarrow as pa
import pyarrow.compute
import zmq

from .. import __version__
from .._protocol import kinds
from .link import Link
from .pandas_import import hide_pandas
from .start import Seat, limit_memory


def say_hello(link: Link, seat: Seat) -> None:
    """Say who we are; one process is one core, so pyarrow gets one thread."""
    hide_pandas()
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    limit_memory(seat.memory_bytes)
    link.say(
        kinds.HELLO,
        {
            "token": seat.token,
            "pid": os.getpid(),
            "protocol": kinds.PROTOCOL_VERSION,
            "python": platform.python_version(),
            "package": __version__,
            "pyarrow": pa.__version__,
            "numpy": np.__version__,
            "pyzmq": zmq.__version__,
        },
    )
