"""The numbers of the protocol; ``src/transport/README.md`` explains each."""

from __future__ import annotations

PROTOCOL_VERSION = 1
MAGIC = 0x31424E41
ENVELOPE_BYTES = 64
GRANT_BYTES = 16
ENTRY_BYTES = 32
TABLE_ALIGN = 64
MAPPED_FLAG = 1
BODY_BYTES_MAX = 320 << 20
JSON_BYTES_MAX = 16 << 20

HELLO = 1
OPEN = 2
OPENED = 3
CALL = 4
END = 5
READ = 6
WRITE = 7
DONE = 8
FAILED = 9
LOG = 10
STOP = 11
BYE = 12
INSPECT = 13

ROWS = 1
STATE = 2
INDEX = 3
ORDER = 4
STARTS = 5
LIST = 6
MAP = 7
OUTPUT = 10
PARENT = 11
DEAD = 12
KEYS = 13
CLEAR = 14
MEASURES = 15
ERROR = 16
JSON = 17
NEW = 18
WRITTEN = 19

SCHEMA_SHIPPED = 1
SCHEMA_OUTPUT = 2
SCHEMA_DEAD = 3
SCHEMA_KEYS = 4


def schema_state(operator: int) -> int:
    """Schema id of the state of an operator."""
    return 16 + operator


def schema_side(operator: int, output: int) -> int:
    """Schema id of a side output of an operator; ``output`` from 1."""
    return 256 + 16 * operator + output


def schema_lists(operator: int) -> int:
    """Schema id of the lists of an operator."""
    return 2048 + operator


def schema_maps(operator: int) -> int:
    """Schema id of the maps of an operator."""
    return 3072 + operator
