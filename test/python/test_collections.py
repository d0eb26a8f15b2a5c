"""Lists and maps of a key: over columns, once a key and once a row the same; what is not declared is refused."""

import numpy as np
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anabranch as ab
from anabranch import testing

STATE = {
    "n": ab.int64.default(0),
    "log": ab.list_state(ab.int64),
    "seen": ab.list_state(ab.int64, reads=True),
    "last": ab.map_state(ab.utf8, ab.int64, entries="page"),
    "all": ab.map_state(ab.int64, ab.utf8, entries="all"),
}
DECLARED = {
    "inputs": {"page": ab.utf8, "x": ab.int64},
    "state": STATE,
    "outputs": {"before": ab.int64, "length": ab.int64, "size": ab.int64},
}


def of_row(row, state):
    """The plain form that the others are held to: each row as it comes."""
    ab.reject(row["x"] == 13, "unlucky")
    return one_row(row, state)


def one_row(row, state):
    page = row["page"]
    before = state.last.get(page) if page is not None else None
    out = {"before": before, "length": len(state.seen.get()), "size": len(state.all.keys())}
    state.log.add(row["x"])
    state.seen.add(row["x"])
    if page is not None:
        state.last.put(page, row["x"])
    state.all.put(row["x"] % 3, str(row["x"]))
    state["n"] += 1
    return out


def of_key(batch, state):
    ab.reject(pc.equal(batch["x"], 13), "unlucky")
    rows = batch.arrow().to_pylist()
    out = [one_row(row, state) if row["x"] != 13 else _NOTHING for row in rows]
    return {name: [one[name] for one in out] for name in _NOTHING}


_NOTHING = {"before": None, "length": 0, "size": 0}


def of_columns(batch, state):
    x = batch.numpy("x")
    ab.reject(x == 13, "unlucky")
    good = np.flatnonzero(x != 13).astype(np.int32)
    seen, last, every = state["seen"], state["last"], state["all"]
    length = seen.lengths[state.index] + state.rank
    state["log"].append(x)
    seen.append(x[good], good)
    now = [None if v is None else int(v) for v in last.values.to_pylist()]
    before = [None] * len(x)
    for row in good.tolist():
        entry = last.index[row]
        if batch["page"][row].as_py() is not None:
            before[row], now[entry] = now[entry], int(x[row])
    last.put(now, [v is not None for v in now])
    sizes, known = [0] * len(x), [set() for _ in range(len(state))]
    for key, name in zip(every.keys.tolist(), every.names.to_pylist(), strict=True):
        known[key].add(name)
    for row in good.tolist():
        sizes[row] = len(known[state.index[row]])
        known[state.index[row]].add(x[row] % 3)
    every.set(state.index[good], x[good] % 3, [str(v) for v in x[good]])
    return {"before": before, "length": length, "size": sizes}, {"n": state.numpy("n") + state.counts}


WAYS = [
    ab.keyed(**DECLARED)(of_columns),
    ab.keyed(**DECLARED, mode="key")(of_key),
    ab.keyed(**DECLARED, mode="row")(of_row),
]
PAGES = st.sampled_from(["/", "/x", "/long/enough", None])
ROWS = st.lists(
    st.lists(st.tuples(st.sampled_from("abc"), PAGES, st.integers(0, 15)), min_size=1, max_size=20),
    min_size=1,
    max_size=4,
)


def batches(rows):
    return [{"user": [u for u, _, _ in one], "page": [p for _, p, _ in one], "x": [x for *_, x in one]} for one in rows]


@given(rows=ROWS)
def test_lists_and_maps_over_columns_once_a_key_and_once_a_row_are_the_same(rows):
    columnar, each_key, each_row = (testing.run(way, batches(rows), key="user") for way in WAYS)
    assert columnar.rows.to_pydict() == each_row.rows.to_pydict()
    assert each_key.rows.to_pydict() == each_row.rows.to_pydict()
    assert [d["row"] for d in columnar.dead] == [d["row"] for d in each_row.dead] == [d["row"] for d in each_key.dead]


def run_rows(user, state, data, outputs=None, inputs=None):
    function = ab.keyed(inputs=inputs or {"x": ab.int64}, state=state, outputs=outputs or {"y": ab.int64}, mode="row")(
        user
    )
    return testing.run(function, data, key="k")


def test_a_list_that_is_not_read_cannot_be_read_and_the_error_shows_the_right_line():
    with pytest.raises(
        ab.ContractError, match='reads list state "seen", which it declares to append to only'
    ) as raised:
        run_rows(lambda row, state: state.seen.get(), {"seen": ab.list_state(ab.int64)}, {"k": ["a"], "x": [1]})
    assert raised.value.hint == 'write "seen": ab.list_state(..., reads=True) instead of "seen": ab.list_state(...)'


def test_an_entry_that_no_row_names_is_refused_with_the_right_line():
    last = {"last": ab.map_state(ab.int64, ab.int64, entries="x")}
    with pytest.raises(ab.ContractError, match='asks map state "last" for entry 7, which column "x"') as raised:
        run_rows(lambda row, state: state.last.put(7, 1), last, {"k": ["a", "b"], "x": [1, 7]})
    assert raised.value.hint.startswith('write entries="all" instead of entries="x"')
    with pytest.raises(ab.ContractError, match='asks for all entries of map state "last"'):
        run_rows(lambda row, state: state.last.items(), last, {"k": ["a"], "x": [1]})


def test_what_a_row_did_to_lists_and_maps_that_raises_is_taken_back():
    def careless(row, state):
        state.seen.add(row["x"])
        state.last.put(row["x"], 1)
        if row["x"] == 0:
            state.seen.update([9, 9])
            state.last.clear()
            raise ValueError("zero")
        return {"y": len(state.seen.get()) * 10 + len(state.last.items())}

    state = {"seen": ab.list_state(ab.int64, reads=True), "last": ab.map_state(ab.int64, ab.int64, entries="all")}
    found = run_rows(careless, state, [{"k": ["a"] * 3, "x": [1, 0, 2]}, {"k": ["a"], "x": [3]}])
    assert found.rows["y"].to_pylist() == [11, 22, 33]


def test_a_key_that_is_cleared_has_neither_list_nor_map_and_what_follows_is_kept():
    def clearing(row, state):
        out = {"y": len(state.seen.get()) * 10 + len(state.last.items())}
        if row["x"] == 0:
            state.clear()
        state.seen.add(row["x"])
        state.last.put(row["x"], 1)
        return out

    state = {"seen": ab.list_state(ab.int64, reads=True), "last": ab.map_state(ab.int64, ab.int64, entries="all")}
    data = [{"k": ["a"], "x": [x]} for x in (1, 2, 0, 5)]
    assert run_rows(clearing, state, data).rows["y"].to_pylist() == [0, 11, 22, 11]


def test_at_end_sees_the_lists_that_it_reads_and_all_entries_of_maps():
    def at_end(keys, state):
        return {
            "k": keys["k"],
            "seen": state["seen"].lengths,
            "pages": np.bincount(state["last"].keys, minlength=len(state)),
        }

    @ab.keyed(
        inputs={"x": ab.int64},
        state={"seen": ab.list_state(ab.int64, reads=True), "last": ab.map_state(ab.int64, ab.int64, entries="x")},
        side={"totals": {"k": ab.utf8, "seen": ab.int32, "pages": ab.int64}},
        at_end=at_end,
    )
    def collect(batch, state):
        state["seen"].append(batch["x"])
        state["last"].put(np.ones(len(state["last"]), "i8"))
        return {}

    found = testing.run(collect, [{"k": ["a", "b"], "x": [1, 1]}, {"k": ["a", "a"], "x": [2, 2]}], key="k")
    assert found.end["totals"].to_pydict() == {"k": ["a", "b"], "seen": [3, 1], "pages": [2, 1]}


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda: ab.map_state(ab.utf8, ab.int64, entries=None), 'entries is the name of a column, or "all"'),
        (lambda: ab.list_state(ab.utf8, ttl="1h"), r"ttl is made by ab.ttl, not '1h'\n.*write ttl=ab.ttl\('1h'\)"),
        (lambda: ab.map_state(ab.utf8, ab.int64, entries="all", ttl=5), "ttl is made by ab.ttl, not 5"),
        (lambda: ab.value_state("int64", ttl=ab.ttl), "ttl is made by ab.ttl, not <function"),
        (lambda: ab.ttl("soon"), 'a ttl is a time such as "1h"'),
        (lambda: ab.ttl("1h", update="never"), "update is on_create_and_write or on_read_and_write"),
        (
            lambda: ab.keyed(inputs={}, state={"m": ab.map_state(ab.float64, ab.int64, entries="all")}),
            "keys of type float64",
        ),
        (lambda: ab.keyed(inputs={}, state={"l": ab.list_state(ab.list(ab.int64))}), "members of type list<int64>"),
    ],
)
def test_what_cannot_be_kept_is_refused_at_import(declare, said):
    with pytest.raises(ab.PlanError, match=said):
        declare()
