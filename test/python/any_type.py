"""Any declared type with values of it, null among them, for hypothesis."""

import datetime as dt
import decimal

from hypothesis import strategies as st

import anabranch as ab

UNITS = st.sampled_from(["s", "ms", "us", "ns"])
FLAT = st.one_of(
    st.sampled_from([ab.bool_, ab.utf8, ab.binary, ab.date32, ab.float32, ab.float64]),
    st.sampled_from([ab.int8, ab.int16, ab.int32, ab.int64, ab.uint8, ab.uint16, ab.uint32, ab.uint64]),
    st.tuples(st.integers(1, 38), st.integers(0, 10)).filter(lambda d: d[1] <= d[0]).map(lambda d: ab.decimal128(*d)),
    st.tuples(UNITS, st.sampled_from([None, "UTC", "Europe/Rome", "+02:00"])).map(lambda t: ab.timestamp(*t)),
    UNITS.map(ab.duration),
)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)


def nested(children):
    return st.one_of(
        children.map(ab.list),
        st.dictionaries(NAMES, children, min_size=1, max_size=3).map(ab.struct),
        st.tuples(st.sampled_from([ab.utf8, ab.int32]), children).map(lambda kv: ab.map(*kv)),
    )


TYPES = st.recursive(FLAT, nested, max_leaves=4)
INTEGERS = {f"{sign}{bits}": ((0, 2**bits - 1) if sign == "uint" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
            for sign in ("int", "uint") for bits in (8, 16, 32, 64)}  # fmt: skip
MOMENTS = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1)).map(lambda d: d.replace(microsecond=0))


def values_of(item):
    """Values of a type as Python has them; never null inside a map's key."""
    kind = item.kind
    if kind in INTEGERS:
        return st.integers(*INTEGERS[kind])
    if kind in ("float32", "float64"):
        return st.floats(width=32 if kind == "float32" else 64, allow_nan=False)
    if kind == "decimal128":
        most = 10**item.precision - 1
        return st.integers(-most, most).map(lambda n: decimal.Decimal(n).scaleb(-item.scale, decimal.Context(prec=60)))
    if kind == "timestamp":
        return MOMENTS.map(lambda d: d if item.tz is None else d.replace(tzinfo=dt.UTC))
    if kind == "duration":
        return st.integers(-(10**8), 10**8).map(lambda s: dt.timedelta(seconds=s))
    if kind == "list":
        return st.lists(st.none() | values_of(item.children[0]), max_size=3)
    if kind == "struct":
        parts = zip(item.names, item.children, strict=True)
        return st.fixed_dictionaries({n: st.none() | values_of(c) for n, c in parts})
    if kind == "map":
        key, value = item.children
        return st.dictionaries(values_of(key), st.none() | values_of(value), max_size=3).map(lambda d: list(d.items()))
    return {
        "bool": st.booleans(),
        "utf8": st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        "binary": st.binary(max_size=5),
        "date32": st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1)),
    }[kind]


@st.composite
def columns(draw, types=TYPES, rows_max=6):
    """A type and a column of it as a list, null among its values."""
    item = draw(types)
    return item, draw(st.lists(st.none() | values_of(item), min_size=1, max_size=rows_max))
