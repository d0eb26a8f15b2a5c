import sqlite3

import anabranch as ab

Order = ab.schema({"item": ab.utf8, "price": ab.float64, "qty": ab.int64})

TABLES = """
CREATE TABLE IF NOT EXISTS orders (item TEXT, price REAL, qty INTEGER);
CREATE TABLE IF NOT EXISTS taken (key TEXT PRIMARY KEY);
"""


@ab.resource
def database():
    """The connection of this worker, with its tables."""
    opened = sqlite3.connect(ab.context().params["database"])
    opened.executescript(TABLES)
    return opened


@ab.sink(inputs={"item": ab.utf8, "price": ab.float64, "qty": ab.int64})
def store(batch, key):
    """Orders into SQLite. Rows that come again after a crash have the key that they had, which is in the table then."""
    with database() as transaction:
        if transaction.execute("INSERT OR IGNORE INTO taken VALUES (?)", (key,)).rowcount == 1:
            rows = zip(*(batch.list(name) for name in ("item", "price", "qty")), strict=True)
            transaction.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)
