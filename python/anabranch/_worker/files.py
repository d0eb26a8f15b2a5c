"""What files of tables have in common: opening them, and what is said where that fails."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from ..errors import ConnectorError


@contextmanager
def opening(path: str, what: str) -> Iterator[None]:
    """Say of what cannot be opened whether it may not be read or is no ``what``."""
    if os.path.isdir(path):
        raise ConnectorError(f"file {path} cannot be read: it is a folder", code="ANB4001")
    try:
        yield
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise ConnectorError(f"file {path} cannot be read: {error.strerror or error}", code="ANB4001") from error
    except (pa.ArrowException, OSError) as error:
        said = f"file {path} is not a whole {what} file: {first_line(error)}"
        raise ConnectorError(said, code="ANB4002") from error


def state_of(path: str) -> tuple[int, int, int]:
    """What changes when a file becomes another one."""
    found = os.stat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns


def first_line(error: BaseException) -> str:
    """What an error says, without the stack of C++ that may follow."""
    return (str(error).splitlines() or [type(error).__name__])[0][:500]
