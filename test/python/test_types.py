"""Types: their names, their text both ways, and what is refused."""

import pyarrow as pa
import pytest
from any_type import TYPES
from hypothesis import given

import anabranch as ab
from anabranch._arrow_types import arrow_type, from_arrow

TEXTS = [
    (ab.bool, "bool"),
    (ab.bool_, "bool"),
    (ab.int64, "int64"),
    (ab.uint8, "uint8"),
    (ab.float32, "float32"),
    (ab.utf8, "utf8"),
    (ab.binary, "binary"),
    (ab.date32, "date32"),
    (ab.decimal128(10, 2), "decimal128(10, 2)"),
    (ab.timestamp("ms"), "timestamp[ms]"),
    (ab.timestamp("us", "UTC"), "timestamp[us, UTC]"),
    (ab.timestamp("ns", "America/New_York"), "timestamp[ns, America/New_York]"),
    (ab.duration("s"), "duration[s]"),
    (ab.list(ab.list(ab.int8)), "list<list<int8>>"),
    (ab.map(ab.utf8, ab.float64), "map<utf8, float64>"),
    (ab.struct({"a": ab.int64, "b c": ab.utf8}), 'struct<a: int64, "b c": utf8>'),
    (ab.struct({'q"\\\n': ab.bool}), 'struct<"q\\"\\\\\\n": bool>'),
    (ab.struct({"é": ab.bool}), 'struct<"é": bool>'),
    (ab.struct({}), "struct<>"),
]


@pytest.mark.parametrize(("item", "text"), TEXTS)
def test_a_type_reads_and_writes_the_text_that_typescript_does(item, text):
    assert ab.types.format(item) == text
    assert ab.types.parse(text) == item
    assert ab.types.parse(text.replace(" ", "   ") if '"' not in text else text) == item


@given(TYPES)
def test_every_type_survives_its_text_and_its_arrow_form(item):
    assert ab.types.parse(ab.types.format(item)) == item
    assert arrow_type(from_arrow(arrow_type(item))) == arrow_type(item)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a word at position 0"),
        ("int65", 'there is no type "int65"'),
        ("list<int64", 'expected ">" at position 10'),
        ("timestamp[day]", "expected a unit"),
        ("decimal128(39, 0)", "a precision of 1 to 38"),
        ("int64 int64", "expected the end"),
        ("struct<a int64>", 'expected ":"'),
        ("list<" * 40 + "int8" + ">" * 40, "at most 32 levels"),
    ],
)
def test_text_that_is_no_type_is_refused_with_its_position(text, said):
    with pytest.raises(ab.PlanError, match="ANB1015") as caught:
        ab.types.parse(text)
    assert said in caught.value.message


@pytest.mark.parametrize(
    "make",
    [
        lambda: ab.timestamp("minutes"),
        lambda: ab.timestamp("ms", "no zone!"),
        lambda: ab.decimal128(0, 0),
        lambda: ab.list(ab.int64.required()),
        lambda: ab.list(int),
        lambda: ab.schema({"x": int}),
        lambda: ab.schema({"x": ab.int8.default(300)}),
        lambda: ab.schema({"x": ab.utf8.default(3)}),
        lambda: ab.schema({"": ab.int8}),
    ],
)
def test_what_is_no_declaration_is_refused_at_import(make):
    with pytest.raises(ab.PlanError):
        make()


@pytest.mark.parametrize(
    ("arrow", "text"),
    [
        (pa.dictionary(pa.int32(), pa.utf8()), "utf8"),
        (pa.large_utf8(), "utf8"),
        (pa.large_list(pa.large_binary()), "list<binary>"),
        (pa.binary(4), "binary"),
        (pa.time32("s"), None),
        (pa.float16(), None),
        (pa.struct([("a", pa.time32("s"))]), None),
    ],
)
def test_arrow_types_of_files_have_the_declared_type_that_holds_them(arrow, text):
    found = from_arrow(arrow)
    assert (None if found is None else str(found)) == text
