"""Transforms whose replies have every table that a reply can have; hostile-replies.test.ts damages them."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import anabranch as ab


@ab.transform(inputs={"id": ab.int64, "k": ab.utf8}, outputs={"y": ab.float64, "text": ab.utf8})
def plain(batch):
    ids = batch.numpy("id")
    ab.reject(ids % 7 == 3, "every seventh")
    ab.context().counter("seen").add(len(batch))
    return {"y": pa.array([None if i % 5 == 0 else i / 4 for i in ids.tolist()]), "text": batch["k"]}


@ab.flat_map(
    inputs={"id": ab.int64}, outputs={"i": ab.int32, "tags": ab.list_(ab.utf8)}, side={"odd": {"id": ab.int64}}
)
def several(batch):
    ids = batch.numpy("id")
    times = ids % 3
    parent = np.repeat(np.arange(len(ids), dtype=np.int32), times)
    odd = np.flatnonzero(ids % 2).astype(np.int32)
    tags = pa.array([["a"] * (int(i) % 4) for i in ids[parent]], pa.list_(pa.utf8()))
    columns = {"i": np.arange(len(parent), dtype=np.int32), "tags": tags, "parent": parent}
    return ab.result(columns, odd=({"id": ids[odd]}, odd))


def left(keys, state):
    return {"k": keys["k"], "n": state["n"]}


@ab.keyed(
    inputs={"id": ab.int64, "k": ab.utf8},
    state={"n": ab.int64.default(0), "last": ab.utf8},
    outputs={"nth": ab.int64},
    side={"ends": {"k": ab.utf8, "n": ab.int64}},
    at_end=left,
)
def counted(batch, state):
    nth = state["n"].to_numpy()[state.index] + state.rank + 1
    n = state["n"].to_numpy() + state.counts
    state.clear(n % 3 == 0)
    return {"nth": nth}, {"n": n, "last": pc.take(batch["k"], pa.array(state.last))}
