"""What a reader finds below DIR: whole files with whole lines, in the order of their names."""

import json
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Letter:
    """One dead letter, as far as the rules ask."""

    id: tuple
    value: int
    type: str
    message: str
    traceback: str


@dataclass
class Seen:
    """The rows of each sink, and the dead letters."""

    echo: list = field(default_factory=list)
    counts: list = field(default_factory=list)
    totals: list = field(default_factory=list)
    letters: list = field(default_factory=list)


def read(out):
    """Of a run that is not writing any more."""
    out = Path(out)
    return Seen(
        echo=list(rows(out / "echo")),
        counts=list(rows(out / "counts")),
        totals=list(rows(out / "totals")),
        letters=[letter(said) for said in rows(out / "dead-letters")],
    )


def rows(folder):
    """JSON lines of all files with a name that a reader looks at."""
    for path in sorted(Path(folder).glob("*.jsonl")):
        yield from lines(path.read_bytes(), path)


def lines(data, path):
    """The lines of a file; one that does not end is a torn one."""
    if data and not data.endswith(b"\n"):
        raise ValueError(f"{path} ends in the middle of a line")
    return [json.loads(line) for line in data.splitlines()]


def letter(said):
    """A line of dead-letters."""
    row, error = said["row"], said["error"]
    return Letter(
        id=(row["partition"], row["seq"]),
        value=row["value"],
        type=error["type"],
        message=error["message"],
        traceback=error["traceback"] or "",
    )
