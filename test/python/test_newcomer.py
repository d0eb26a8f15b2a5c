"""The likely mistakes of a newcomer in Python, each really made, and what we answer.

The answers are in test/golden/newcomer-mistakes-python.txt, to be read as a whole; with UPDATE_GOLDEN=1 this test
writes it anew. Those in TypeScript are in test/golden/newcomer.test.ts.
"""

import os
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import anabranch as ab

GOLDEN = Path(__file__).parents[1] / "golden" / "newcomer-mistakes-python.txt"
DATA = {"user": ["a", "b"], "price": [1.5, 2.0], "qty": [2, 3]}

DECLARED = [
    "@ab.transform\ndef f(batch): ...",
    '@ab.transform(inputs={"price": float}, outputs={})\ndef f(batch): ...',
    '@ab.transform(inputs={"price": "float"}, outputs={})\ndef f(batch): ...',
    '@ab.transform(inputs=["price"], outputs={"total": ab.float64})\ndef f(batch): ...',
    '@ab.transform(inputs={"price": ab.float64}, outputs={"total": ab.float64}, mode="rows")\ndef f(batch): ...',
    '@ab.keyed(inputs={}, state={"n": ab.int64}, outputs={}, kind="map")\ndef f(batch, state): ...',
    '@ab.transform(inputs={}, outputs={}, side={"odd": ab.int64})\ndef f(batch): ...',
    'ab.schema({"at": ab.timestamp("minutes")})',
    'ab.schema({"price": ab.decimal128(50, 2)})',
    "ab.schema({1: ab.int64})",
    'ab.schema({"n": ab.int64.default("none")})',
    '@ab.transform(outputs={"total": ab.float64})\ndef f(batch): ...',
    '@ab.filter(inputs={"qty": ab.int64}, outputs={"ok": ab.bool})\ndef f(batch): ...',
]

PRICE = '@ab.transform(inputs={"price": ab.float64}, outputs={"total": ab.float64})\ndef f(batch):\n    '
KEYED = '@ab.keyed(inputs={}, state={"n": ab.int64}, outputs={"nth": ab.int64})\ndef f(batch, state):\n    '
CALLED = [
    PRICE + 'pc.multiply(batch["price"], 2)',
    PRICE + 'return pc.multiply(batch["price"], 2)',
    PRICE + 'return {"sum": batch["price"]}',
    PRICE + 'return {"total": pc.sum(batch["price"])}',
    PRICE + 'return {"total": ["1.5", "2"]}',
    PRICE + 'return {"total": [1.0]}',
    PRICE + 'return {"total": batch["qty"]}',
    PRICE + 'return {"total": batch.price}',
    PRICE + 'batch["price"][0] = 1\n    return {"total": batch["price"]}',
    PRICE + 'return ab.result({"total": batch["price"]}, odd={"why": ["x"]})',
    PRICE + 'return {"total": batch["price"], "again": batch["price"]}',
    '@ab.filter(inputs={"qty": ab.int64})\ndef f(batch):\n    return batch["qty"]',
    '@ab.filter(inputs={"qty": ab.int64})\ndef f(batch):\n    return True',
    '@ab.flat_map(inputs={"qty": ab.int64}, outputs={"n": ab.int64})\ndef f(batch):\n    return {"n": [1, 2, 3]}',
    '@ab.flat_map(inputs={"qty": ab.int64}, outputs={"n": ab.int64})\ndef f(b):\n    return {"n": [1], "parent": [9]}',
    '@ab.transform(inputs={"qty": ab.int64}, outputs={"n": ab.int64}, mode="row")\ndef f(row):\n    return row["qty"]',
    KEYED + 'return {"nth": [1, 2]}, {"m": state["n"]}',
    KEYED + 'return {"nth": [1, 2]}, {"n": [1, 2, 3]}',
]


def test_the_mistakes_of_a_newcomer_in_python_and_what_we_answer():
    answers = [f"{code}\n{answer(code, call=False)}" for code in DECLARED]
    answers += [f"{code}\n{answer(code, call=True)}" for code in CALLED]
    text = "\n\n".join(answers) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def answer(code: str, *, call: bool) -> str:
    """What a person reads when it is imported, or called with two rows."""
    names = {"ab": ab, "pa": pa, "pc": pc, "np": np}
    try:
        exec(compile(code, "transforms.py", "exec"), names)
        if call:
            made = names["f"]
            key = {"key": "user"} if made.declaration.keyed else {}
            ab.testing.run(made, DATA, **key)
    except Exception as error:
        return re.sub(r"0x[0-9a-f]+", "0x...", f"{type(error).__name__}: {error}")
    return "(accepted)"
