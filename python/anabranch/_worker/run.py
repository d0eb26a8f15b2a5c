"""Run: one message after the other, each answered once, until the host says stop."""

from __future__ import annotations

import gc

from .. import _context
from .._chain.failure import CallFailedError, failure_of
from .._protocol import kinds
from .._protocol.frame import Body
from ..errors import ProtocolError
from .failed import error_json
from .failpoint import failpoint
from .link import Link, Message, json_table, read_json
from .logs import HostLog, log_to_host
from .open import open_job
from .stage import Stage
from .surroundings import Surroundings
from .tables import answer_io

_YOUNG_MAX = 50_000
"""Objects that the collector would look at, before it is called by hand between two calls."""
_FULL_EVERY = 50


def run(link: Link) -> None:
    """Answer messages until STOP."""
    log = log_to_host(link)
    stages: list[Stage] = []
    surroundings: Surroundings | None = None
    collections = 0
    while True:
        failpoint("w.recv", "before")
        try:
            message = link.receive()
        except ProtocolError as error:
            link.say(kinds.LOG, {**_line("error"), "message": f"a message was dropped: {error.message}"}, wait=False)
            continue
        if message is None:
            continue
        kind = message.envelope.kind
        if kind in (kinds.CALL, kinds.END):
            failpoint("w.recv", "after")
            _answer(link, stages, message)
            if surroundings is not None:
                surroundings.restore(_context.context().operator)
            log.send()
            collections = _collect(collections)
        elif kind in (kinds.READ, kinds.WRITE, kinds.INSPECT):
            answer_io(link, message)
        elif kind == kinds.OPEN:
            opened = open_job(link, read_json(message))
            log.send()
            stages = [] if opened is None else opened
            surroundings = Surroundings() if surroundings is None else surroundings
        elif kind == kinds.STOP:
            return
        del message


def _line(level: str) -> dict[str, object]:
    return {"level": level, "logger": "anabranch", "file": "", "line": 0, "transform": ""}


def _answer(link: Link, stages: list[Stage], message: Message) -> None:
    failpoint("w.run", "before")
    kind, body = _outcome(stages, message)
    failpoint("w.run", "after")
    failpoint("w.sent", "before")
    link.answer(message, kind, body)
    failpoint("w.sent", "after")


def _outcome(stages: list[Stage], message: Message) -> tuple[int, Body]:
    envelope = message.envelope
    counted = dict(_context.context().counters)
    try:
        if envelope.stage >= len(stages):
            raise ProtocolError(f"expected a stage below {len(stages)}, got {envelope.stage}")
        stage = stages[envelope.stage]
        return kinds.DONE, stage.call(message) if envelope.kind == kinds.CALL else stage.end(message)
    except CallFailedError as error:
        _count_again(counted)
        return kinds.FAILED, Body([json_table(kinds.ERROR, error_json(error.failure, error.operator))])
    except BaseException as error:
        _count_again(counted)
        return kinds.FAILED, Body([json_table(kinds.ERROR, error_json(failure_of(error), 0))])


def _count_again(before: dict[str, float]) -> None:
    """The rows of a failed call come again, and count then."""
    counters = _context.context().counters
    counters.clear()
    counters.update(before)


def _collect(collections: int) -> int:
    """Cycles that user code leaves are collected between calls, when there are many young objects."""
    if gc.get_count()[0] < _YOUNG_MAX:
        return collections
    gc.collect(2 if collections % _FULL_EVERY == _FULL_EVERY - 1 else 1)
    return collections + 1


__all__ = ["HostLog", "run"]
