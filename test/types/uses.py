"""What a user writes, as a type checker sees it: mypy reads this file and nothing runs it.

Where a line ends in ``type: ignore``, exactly that error is expected: one that does not come is an error too.
"""

from typing import assert_type

import anabranch as ab
from anabranch import testing

Order = ab.schema({"item": ab.utf8, "price": ab.float64, "qty": ab.int64.required()})
assert_type(Order.names, tuple[str, ...])
assert_type(ab.int64.default(0), ab.Declared)
assert_type(ab.list(ab.decimal128(10, 2)), ab.DataType)


@ab.resource
def rates() -> dict[str, float]:
    with open(ab.context().params["rates"], encoding="utf-8") as file:
        return dict.fromkeys(file, 1.0)


assert_type(rates(), dict[str, float])


@ab.transform(inputs={"price": ab.float64}, outputs={"total": ab.float64}, side={"odd": {"price": ab.float64}})
def bill(batch: ab.Batch) -> ab.Result:
    ab.reject(batch.numpy("price") < 0, "below zero")
    ab.context().counter("bills").add(len(batch))
    return ab.result({"total": batch.numpy("price") * rates()["eur"]}, odd={"price": batch["price"]})


@ab.keyed(inputs={"price": ab.float64}, state={"n": ab.int64.default(0)}, outputs={"nth": ab.int64}, mode="row")
def count(row: dict[str, float], state: dict[str, int] | None) -> tuple[dict[str, int], dict[str, int]]:
    nth = (state["n"] if state else 0) + 1
    return {"nth": nth}, {"n": nth}


assert_type(bill, ab.Function)
print(bill({"price": [1.0]})["total"].to_pylist())
print(testing.run_transform(bill, {"price": [1.0]}, params={"rates": "r.txt"}, resources={rates: {"eur": 1.1}}))
print(testing.run_keyed(count, [{"user": "a", "price": 1.0}], key="user")["nth"])
result = ab.run_job("job.ts", params={"limit": 3}, orders=[{"item": "rope"}])
assert_type(result, ab.JobResult)
assert_type(result.rows_dead, int)

ab.transform(inputs={"price": ab.float64})  # type: ignore[call-arg]
ab.transform(inputs={"price": float}, outputs={})  # type: ignore[dict-item]
ab.filter(inputs={}, outputs={})  # type: ignore[call-arg]
ab.filter(inputs={}, timeout_ms="1s")  # type: ignore[arg-type]
ab.keyed(inputs={}, outputs={})  # type: ignore[call-arg]
ab.schema({"price": ab.float46})  # type: ignore[attr-defined]
ab.decimal128("10")  # type: ignore[arg-type]
ab.run_job("job.ts", workers="many")  # type: ignore[arg-type]
testing.run_keyed(count, [])  # type: ignore[call-arg]
testing.run_transform(lambda batch: batch, [])  # type: ignore[arg-type]
rates().append(1)  # type: ignore[attr-defined]
