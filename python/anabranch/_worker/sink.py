"""The stage of a sink: one operator, called with rows and their key, that answers nothing but that it is done."""

from __future__ import annotations

from .._chain.failure import CallFailedError, failure_in
from .._chain.over_sink import call_sink
from .._protocol import kinds
from .._protocol.frame import Body, Entry, read_directory
from ..errors import ProtocolError
from .link import Message, read_json
from .stage import Stage


class SinkStage(Stage):
    """A stage whose operator is a sink."""

    def call(self, message: Message) -> Body:
        """The body of DONE for a CALL with tables ROWS and JSON ``{key}``; a ``CallFailedError`` is FAILED."""
        source = self._table(message, _rows_of(message), self._shipped)
        operator = self.operators[0]
        try:
            call_sink(operator, source, str(read_json(message)["key"]))
        except BaseException as error:
            raise CallFailedError(0, failure_in(operator, error)) from error
        return Body([])


def _rows_of(message: Message) -> Entry:
    for entry in read_directory(message.body, message.start, message.envelope.tables):
        if entry.kind == kinds.ROWS:
            return entry
    raise ProtocolError("CALL has no rows")
