"""A reader beside the job: looks at the sinks again and again, as somebody does who cannot wait for the end."""

import os
import time
from pathlib import Path

from .outputs import lines
from .rules import SINKS, ident

PAUSE_S = 0.05


class Watch:
    """Views of the sinks by time. A file is read again where its size, its time or its inode is another one."""

    def __init__(self, out):
        self.out, self.views = Path(out), []
        self._read = {}

    def look(self):
        """One view more, where it differs from the last one."""
        view = {sink: self._view(self.out / sink) for sink in SINKS}
        if not self.views or view != self.views[-1]:
            self.views.append(view)

    def _view(self, folder):
        found = []
        for path in sorted(folder.glob("*.jsonl")):
            try:
                found += self._rows(path)
            except FileNotFoundError:
                continue
        return found

    def _rows(self, path):
        stat = os.stat(path)
        known = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if self._read.get(path, (None,))[0] != known:
            rows = lines(path.read_bytes(), path)
            self._read[path] = (known, [(_name(row), str(row)) for row in rows])
        return self._read[path][1]


def _name(row):
    return ident(row) if "seq" in row else row["key"]


def watch(out, until):
    """Looks until `until` answers true, and once more."""
    seen = Watch(out)
    while not until():
        seen.look()
        time.sleep(PAUSE_S)
    seen.look()
    return seen.views
