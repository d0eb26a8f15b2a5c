"""The body of the loop: once as it was, a row at a time, and once over columns."""

import numpy as np

import anabranch as ab

Order = ab.schema({"user": ab.utf8, "price": ab.float64, "qty": ab.int64})
INPUTS = {"price": ab.float64, "qty": ab.int64}
OUTPUTS = {"total": ab.float64, "spent": ab.float64}


@ab.keyed(inputs=INPUTS, state={"spent": ab.float64}, outputs=OUTPUTS, mode="row")
def spend(order, state):
    """What an order comes to, and what its user has spent so far."""
    total = order["price"] * order["qty"]
    spent = (state["spent"] if state else 0.0) + total
    return {"total": total, "spent": spent}, {"spent": spent}


@ab.keyed(inputs=INPUTS, state={"spent": ab.float64.default(0.0)}, outputs=OUTPUTS)
def spend_in_columns(batch, state):
    """The same for a whole batch: the first order of every user at once, then the second."""
    total = batch.numpy("price") * batch.numpy("qty")
    spent = np.empty(len(batch))

    def step(rows, keys, so_far):
        so_far += total[rows]
        spent[rows] = so_far

    (after,) = state.rounds(step, state["spent"])
    return {"total": total, "spent": spent}, {"spent": after}
