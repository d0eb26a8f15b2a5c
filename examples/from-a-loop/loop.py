"""The consumer as it was: a row at a time, state in a dict, and a try around it all."""

import json
import sys

spent = {}
with open("input/orders.jsonl", encoding="utf-8") as lines:
    for line in lines:
        try:
            order = json.loads(line)
            total = order["price"] * order["qty"]
            after = spent.get(order["user"], 0.0) + total
        except (ValueError, KeyError, TypeError) as error:
            print(f"skipped {line.strip()}: {error}", file=sys.stderr)
            continue
        spent[order["user"]] = after
        print(json.dumps({"user": order["user"], "total": total, "spent": after}))
