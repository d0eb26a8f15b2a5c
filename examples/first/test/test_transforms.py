from transforms import bill

import anabranch as ab


def test_a_bill_is_price_times_quantity():
    rows = ab.testing.run_transform(bill, {"price": [4.5, 30.0], "qty": [2, 1]})
    assert rows["total"].to_pylist() == [9.0, 30.0]
