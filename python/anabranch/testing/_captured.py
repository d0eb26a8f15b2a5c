"""A captured call as a test: run again, and raising what its function raises."""

from __future__ import annotations

import pyarrow as pa

from .._replay.call import replay as replay_call
from .._replay.capture import read_capture
from .._replay.modules import code_of, folders_of
from ..errors import TransformError
from ._run import Run


def replay(path: str, *, module_folder: str | None = None) -> Run:
    """Run a captured call again and return what comes out; ``anabranch replay --as-test`` writes tests that call this.

    Args:
        path: a capture: of a dead letter in ``out/<job>/dead-letters/captures``, or made by ``--capture-every``.
        module_folder: the folder that the modules of the call lie in; by default they are looked for above the
            capture, and then above the working directory.

    Raises:
        PlanError: if the file is no capture, or its functions are not found.
        TransformError: if a row dies, or the call fails without an exception of its function.
        Exception: what the function raised, where the call fails.
    """
    capture = read_capture(path)
    found = replay_call(capture, code_of(capture, folders_of(capture, module_folder)).operators)
    if found.failure is not None:
        if found.raised:
            raise found.raised[-1]
        raise TransformError(found.failure[1].message, code=found.failure[1].code)
    rows = pa.table({}) if found.rows is None else found.rows
    return Run(rows, found.outputs)
