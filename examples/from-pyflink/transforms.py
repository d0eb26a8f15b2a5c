"""A small payment to try a card, then a large one: the keyed function that a stream processor is often shown with."""

import anabranch as ab

Payment = ab.schema({"account": ab.utf8, "amount": ab.float64})
SMALL, LARGE = 1.0, 500.0


@ab.keyed(
    inputs={"account": ab.utf8, "amount": ab.float64},
    state={"was_small": ab.bool},
    side={"alerts": {"account": ab.utf8, "amount": ab.float64}},
    mode="row",
)
def detect(payment, state):
    """Alerts to a large payment right after a small one of the same account."""
    alert = state is not None and state["was_small"] and payment["amount"] > LARGE
    return ab.result({}, alerts=[payment] if alert else []), {"was_small": payment["amount"] < SMALL}
