"""Parquet by an io worker: footers, row groups in the declared schema, and files written from a stream."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from host import INSPECT, JSON, OUTPUT, READ, WRITE, Worker


@pytest.fixture(scope="module")
def worker():
    with Worker(role="io") as w:
        yield w


@pytest.fixture
def written(tmp_path):
    def write(table, **options):
        path = str(tmp_path / "some.parquet")
        pq.write_table(table, path, **options)
        return path

    return write


def read(worker, path, schema, *, group=0, **more):
    said = {"path": path, "rowGroup": group, "columns": [c[0] for c in schema], "schema": schema, **more}
    reply = worker.ask(READ, said)
    if reply.kind == 9:
        return reply.error
    from anabranch._schema import schema_from_json

    arrow = schema_from_json(schema).arrow()
    return [reply.batch(OUTPUT, arrow, 0, i) for i in range(len(reply.tables))]


FLIGHTS = pa.table(
    {"origin": ["BOS", None, "JFK"], "delay": pa.array([1, -2, None], pa.int32()), "at": [dt.datetime(2020, 1, 1)] * 3}
)


def test_a_footer_tells_rows_row_groups_and_types(worker, written):
    path = written(FLIGHTS.append_column("clock", pa.array([1, 2, 3], pa.time32("s"))), row_group_size=2)
    footer = worker.ask(INSPECT, {"path": path}).json(JSON)
    assert footer["rows"] == 3
    assert [g["rows"] for g in footer["rowGroups"]] == [2, 1]
    assert all(g["bytes"] > 0 for g in footer["rowGroups"])
    assert footer["schema"] == [["origin", "utf8"], ["delay", "int32"], ["at", "timestamp[us]"], ["clock", None]]


def test_seconds_that_parquet_keeps_as_milliseconds_come_back_as_seconds_or_not_at_all(worker, written):
    path = written(pa.table({"at": pa.array([0, 1_600_000_000], pa.timestamp("s"))}))
    assert worker.ask(INSPECT, {"path": path}).json(JSON)["schema"] == [["at", "timestamp[ms]"]]
    (found,) = read(worker, path, [["at", "timestamp[s]"]])
    assert found.to_pydict() == {"at": [dt.datetime(1970, 1, 1), dt.datetime(2020, 9, 13, 12, 26, 40)]}
    path = written(pa.table({"at": pa.array([0, 1_500], pa.timestamp("ms"))}))
    refused = read(worker, path, [["at", "timestamp[s]"]])
    assert (refused["class"], refused["code"]) == ("PlanError", "ANB1018")
    assert "does not fit into timestamp[s]" in refused["message"]
    assert "1500" in refused["message"]


def test_a_row_group_comes_in_the_declared_schema_and_order(worker, written):
    path = written(FLIGHTS, row_group_size=2)
    schema = [["delay", "int64"], ["origin", "utf8"], ["at", "timestamp[ms]"]]
    first, second = (read(worker, path, schema, group=i)[0] for i in (0, 1))
    assert first.to_pydict() == {"delay": [1, -2], "origin": ["BOS", None], "at": [dt.datetime(2020, 1, 1)] * 2}
    assert second.to_pydict() == {"delay": [None], "origin": ["JFK"], "at": [dt.datetime(2020, 1, 1)]}


@pytest.mark.parametrize(
    ("column", "declared"),
    [
        (pa.array(["a", "b", "a"]).dictionary_encode(), "utf8"),
        (pa.array(["a", None, "b"], pa.large_utf8()), "utf8"),
        (pa.array([b"ab", None, b"cd"], pa.binary(2)), "binary"),
        (pa.array([1.5, None, 2.5], pa.float32()), "float64"),
        (pa.array([[1], None, []], pa.large_list(pa.int32())), "list<int64>"),
        (pa.array([1, 2, 3], pa.timestamp("ms", "UTC")), "timestamp[us, UTC]"),
    ],
)
def test_what_the_declared_type_holds_is_taken(worker, written, column, declared):
    (found,) = read(worker, written(pa.table({"c": column})), [["c", declared]])
    assert found.column(0).to_pylist() == column.to_pylist()


@pytest.mark.parametrize(
    ("column", "declared", "said"),
    [
        (pa.array(["a"]), ["c", "int64"], 'column "c" of'),
        (pa.array([1], pa.int64()), ["c", "int32"], "is int64, declared is int32"),
        (pa.array([1], pa.timestamp("us")), ["c", "timestamp[s]"], "does not fit into timestamp[s]"),
        (pa.array([None], pa.int64()), ["c", "int64", {"required": True}], "has 1 nulls"),
        (pa.array([1]), ["d", "int64"], 'has no column "d"'),
    ],
)
def test_another_schema_is_a_fault_of_the_plan(worker, written, column, declared, said):
    error = read(worker, written(pa.table({"c": column})), [declared])
    assert (error["class"], error["code"]) == ("PlanError", "ANB1018")
    assert said in error["message"]


def test_large_row_groups_come_in_several_tables(worker, written):
    x = np.arange(5_000_000, dtype=np.float64)
    path = written(pa.table({"x": x}), row_group_size=len(x), compression="none")
    parts = read(worker, path, [["x", "float64"]])
    assert len(parts) == 3
    assert all(part.nbytes <= 16 << 20 for part in parts)
    assert np.concatenate([part.column(0).to_numpy() for part in parts]).tobytes() == x.tobytes()
    assert [p.num_rows for p in read(worker, path, [["x", "float64"]], rowsMax=2_000_000)] == [
        2_000_000,
        2_000_000,
        1_000_000,
    ]


def test_a_row_group_without_rows_has_no_tables(worker, written):
    path = written(pa.table({"x": pa.array([], pa.int64())}))
    groups = worker.ask(INSPECT, {"path": path}).json(JSON)["rowGroups"]
    assert [read(worker, path, [["x", "int64"]], group=i) for i in range(len(groups))] == [[]] * len(groups)


def test_what_is_no_parquet_file_is_told_from_what_is_not_there(worker, written, tmp_path):
    whole = written(pa.table({"x": np.random.default_rng(0).normal(size=50_000)}))
    data = (tmp_path / "some.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(data[: len(data) // 2])
    (tmp_path / "empty.parquet").write_bytes(b"")
    hole = bytearray(data)
    hole[4:40] = b"\xff" * 36
    (tmp_path / "hole.parquet").write_bytes(hole)
    for name, code in (("cut", "ANB4002"), ("empty", "ANB4002"), ("gone", "ANB4001")):
        error = worker.ask(INSPECT, {"path": str(tmp_path / f"{name}.parquet")}).error
        assert (error["class"], error["code"]) == ("ConnectorError", code), name
        assert name in error["message"]
    error = read(worker, str(tmp_path / "hole.parquet"), [["x", "float64"]])
    assert (error["class"], error["code"]) == ("ConnectorError", "ANB4002")
    assert worker.ask(INSPECT, {"path": str(tmp_path)}).error["code"] == "ANB4001"
    assert read(worker, whole, [["x", "float64"]])[0].num_rows == 50_000


def test_a_stream_becomes_a_parquet_file(worker, tmp_path):
    batches = [pa.record_batch({"a": [i, None], "s": ["x", None]}) for i in range(5)]
    source, target = str(tmp_path / "rows.arrow"), str(tmp_path / "rows.parquet")
    with pa.ipc.new_stream(source, batches[0].schema) as stream:
        for batch in batches:
            stream.write_batch(batch)
    said = worker.ask(WRITE, {"from": source, "to": target, "format": "parquet", "options": {"rowGroupRows": 4}}).json(
        JSON
    )
    assert said["rows"] == 10
    assert pq.read_table(target).to_pydict() == pa.Table.from_batches(batches).to_pydict()
    assert [pq.ParquetFile(target).metadata.row_group(i).num_rows for i in range(3)] == [4, 4, 2]
    with pa.ipc.new_stream(source, batches[0].schema):
        pass
    worker.ask(WRITE, {"from": source, "to": target, "format": "parquet"}).json(JSON)
    assert pq.read_table(target).num_rows == 0


def test_what_cannot_be_written_says_so(worker, tmp_path):
    (tmp_path / "bad.arrow").write_bytes(b"no stream at all")
    said = {"from": str(tmp_path / "bad.arrow"), "to": str(tmp_path / "x.parquet"), "format": "parquet"}
    assert worker.ask(WRITE, said).error["code"] == "ANB4002"
    said["to"] = str(tmp_path / "no" / "folder" / "x.parquet")
    with pa.ipc.new_stream(said["from"], pa.schema([("a", "int64")])):
        pass
    assert worker.ask(WRITE, said).error["code"] == "ANB4003"
