"""The input: drawn from a seed, written to files, read back from them."""

import json
import random
import zlib
from dataclasses import dataclass
from pathlib import Path

POISON, DROPPED = 0.005, 0.1
LATE_MS = 5_000


@dataclass(frozen=True)
class Row:
    """One line of an input file."""

    partition: int
    seq: int
    key: str
    value: int
    at: int
    what: str

    @property
    def id(self):
        """What names the row."""
        return self.partition, self.seq

    @property
    def crc(self):
        """The check sum that travels with the row."""
        text = f"{self.partition}|{self.seq}|{self.key}|{self.value}|{self.at}|{self.what}"
        return zlib.crc32(text.encode())


def draw(seed, rows, partitions=4, keys=200):
    """The stream of a seed: rows by partition, then by seq."""
    chance = random.Random(seed)
    each = [rows // partitions + (p < rows % partitions) for p in range(partitions)]
    stream = []
    for partition, count in enumerate(each):
        at = 1_700_000_000_000
        for seq in range(1, count + 1):
            at += chance.randrange(20)
            late = chance.randrange(LATE_MS) if chance.random() < 0.05 else 0
            rank = int(keys ** chance.random()) - 1
            value = chance.randrange(-(10**6), 10**6)
            stream.append(Row(partition, seq, f"k{rank}", value, at - late, _what(chance)))
    return _with_liars(stream, chance)


def _what(chance):
    at = chance.random()
    return "poison" if at < POISON else "drop" if at < POISON + DROPPED else ""


def _with_liars(stream, chance):
    """Few rows whose worker lies: more than one damaged frame in a row would rightly stop the job."""
    for what in ("twice", "flipped"):
        plain = [i for i, row in enumerate(stream) if row.what == ""]
        if len(plain) > 100:
            i = chance.choice(plain)
            stream[i] = Row(**{**stream[i].__dict__, "what": what})
    return stream


def write(stream, folder):
    """One file a partition."""
    folder.mkdir(parents=True, exist_ok=True)
    for partition in sorted({row.partition for row in stream}):
        lines = [json.dumps({**row.__dict__, "crc": row.crc}) for row in stream if row.partition == partition]
        (folder / f"p{partition:02}.jsonl").write_text("".join(f"{line}\n" for line in lines))


def read(folder):
    """The stream as it stands in the files."""
    stream = []
    for path in sorted(Path(folder).glob("p*.jsonl")):
        for line in path.read_text().splitlines():
            said = json.loads(line)
            crc = said.pop("crc")
            row = Row(**said)
            if row.crc != crc:
                raise ValueError(f"{path.name}: the generator wrote a wrong crc for {row.id}")
            stream.append(row)
    return stream
