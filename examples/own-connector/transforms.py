import pyarrow.compute as pc

import anabranch as ab


@ab.filter(inputs={"ms": ab.int64})
def slow(batch):
    """Requests that took a tenth of a second or more."""
    return pc.greater_equal(batch["ms"], 100)
