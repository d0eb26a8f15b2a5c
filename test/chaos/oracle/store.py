"""The state of a stopped job, read from its files: the epochs that were written, and the state of the newest."""

import json
import struct
from dataclasses import dataclass
from pathlib import Path

from . import arrow, leveldb

BLOCK, RECORD, FINISHED = 0, 1, 2
#: What stands in the place of a large value: number of its file, where it begins, its bytes.
ADDRESS = struct.Struct("<4sIQI")
#: deleted, key, n, total, least, r_sum
STATE = "bsiiii"


@dataclass(frozen=True)
class Stored:
    """What the job would go on from."""

    lineage: str
    #: By epoch what the job said of it; the last is the newest.
    records: dict
    #: By key (n, total, least, r_sum), at the newest epoch.
    state: dict

    @property
    def last(self):
        """The newest epoch; 0: none."""
        return max(self.records, default=0)


def read(folder):
    """Of `DIR/state`; None where nothing was begun."""
    folder = Path(folder)
    if not (folder / "state.json").exists():
        return None
    identity = json.loads((folder / "state.json").read_text())
    generation = folder / f"generation-{identity['generation']}"
    found = leveldb.entries(generation) if generation.exists() else {}
    blocks, records, live = {}, {}, {}
    for key, at_hand in found.items():
        epoch, kind, number = struct.unpack(">QBI", key)
        value = _value(generation, at_hand)
        if kind == BLOCK:
            blocks[epoch, number] = value
        elif kind == RECORD:
            head, body = _record(value)
            records[epoch] = body
            live = _replay({} if head["full"] else live, head)
    return Stored(identity["lineage"], records, _state(blocks, live))


def _value(generation, value):
    if len(value) != ADDRESS.size or value[:4] != b"ABSP":
        return value
    _, number, begin, size = ADDRESS.unpack(value)
    path = generation / f"{number:06}.blocks"
    # A block that is dead may be gone.
    return path.read_bytes()[begin : begin + size] if path.exists() else b""


def _record(value):
    magic, _, _, _, length = struct.unpack_from("<4sIHHI", value)
    if magic != b"ABSR":
        raise ValueError("not a record of an epoch")
    return json.loads(value[16 : 16 + length]), json.loads(value[16 + length :])


def _replay(live, head):
    gone = {tuple(one) for one in head["removed"]}
    kept = {name for name in live if name not in gone}
    return kept | {(block[1], block[2]) for block in head["blocks"]}


def _state(blocks, live):
    state = {}
    for name in sorted(live):
        for deleted, key, *values in zip(*_block(blocks[name]), strict=True):
            if deleted:
                state.pop(key, None)
            else:
                state[key] = tuple(values)
    return state


def _block(value):
    magic, groups = struct.unpack_from("<4s32xI", value)
    if magic != b"ABSB":
        raise ValueError("not a block of state")
    body = (64 + 8 * groups + 63) // 64 * 64
    return arrow.batch(value[body:], STATE)
