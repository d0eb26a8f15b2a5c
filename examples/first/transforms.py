import pyarrow.compute as pc

import anabranch as ab

Order = ab.schema({"item": ab.utf8, "price": ab.float64, "qty": ab.int64})


@ab.transform(inputs={"price": ab.float64, "qty": ab.int64}, outputs={"total": ab.float64})
def bill(batch):
    """What each order comes to."""
    return {"total": pc.multiply(batch["price"], batch["qty"])}
