"""Running transforms without a host: over stateless and keyed data, in any cut into batches.

The same chain runs here as in a worker, with the same checks of what a transform returns; only processes, files and
sockets are missing.
"""

from __future__ import annotations

from ._captured import replay
from ._invariance import check_split_invariant
from ._run import Run, run, run_keyed, run_transform
from ._sink import run_sink
from ._strategies import rows

__all__ = ["Run", "check_split_invariant", "replay", "rows", "run", "run_keyed", "run_sink", "run_transform"]
