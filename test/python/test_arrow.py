"""Arrow IPC by an io worker: files and streams, parts of record batches, and bytes that lead astray."""

import pyarrow as pa
import pytest
from host import INSPECT, JSON, OUTPUT, READ, WRITE, Worker


@pytest.fixture(scope="module")
def worker():
    with Worker(role="io") as w:
        yield w


ROWS = pa.table({"n": pa.array([1, None, 3, 4, 5], pa.int32()), "word": pa.array(list("abcab")).dictionary_encode()})


def written(path, form, *, chunk=2, table=ROWS, **options):
    new = pa.ipc.new_file if form == "file" else pa.ipc.new_stream
    with new(str(path), table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=chunk)
    return str(path)


def groups_of(worker, path):
    return worker.ask(INSPECT, {"path": path, "format": "arrow"}).json(JSON)["rowGroups"]


def read(worker, path, group, schema):
    said = {
        "path": path,
        "format": "arrow",
        "rowGroup": group["index"],
        "first": group["first"],
        "rows": group["rows"],
        "columns": [name for name, _ in schema],
        "schema": schema,
    }
    reply = worker.ask(READ, said)
    if reply.kind == 9:
        return reply.error
    from anabranch._schema import schema_from_json

    arrow = schema_from_json(schema).arrow()
    return pa.Table.from_batches([reply.batch(OUTPUT, arrow, 0, i) for i in range(len(reply.tables))], arrow)


DECLARED = [["word", "utf8"], ["n", "int64"]]


@pytest.mark.parametrize("form", ["file", "stream"])
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 1, 0]])
@pytest.mark.parametrize("compression", [None, "zstd", "lz4"])
def test_record_batches_come_in_the_declared_schema_in_whatever_order_they_are_asked_for(
    worker, tmp_path, form, order, compression
):
    path = written(tmp_path / "rows.arrow", form, compression=compression)
    footer = worker.ask(INSPECT, {"path": path, "format": "arrow"}).json(JSON)
    assert (footer["rows"], [g["rows"] for g in footer["rowGroups"]]) == (5, [2, 2, 1])
    assert footer["schema"] == [["n", "int32"], ["word", "utf8"]]
    expected = [
        {"word": ["a", "b"], "n": [1, None]},
        {"word": ["c", "a"], "n": [3, 4]},
        {"word": ["b"], "n": [5]},
    ]
    for i in order:
        assert read(worker, path, footer["rowGroups"][i], DECLARED).to_pydict() == expected[i]


@pytest.mark.parametrize("form", ["file", "stream"])
def test_a_large_record_batch_is_read_in_parts(worker, tmp_path, form):
    table = pa.table({"n": pa.array(range(5_000_000), pa.int64())})
    path = written(tmp_path / "large.arrow", form, chunk=5_000_000, table=table)
    groups = groups_of(worker, path)
    assert len(groups) == 3
    assert sum(g["rows"] for g in groups) == 5_000_000
    parts = [read(worker, path, group, [["n", "int64"]]) for group in groups]
    assert pa.concat_tables(parts)["n"].equals(table["n"])


def test_a_stream_becomes_a_file(worker, tmp_path):
    source, target = written(tmp_path / "in.stream", "stream"), str(tmp_path / "out.arrow")
    said = {"from": source, "to": target, "format": "arrow", "options": {}}
    assert worker.ask(WRITE, said).json(JSON)["rows"] == 5
    assert pa.ipc.open_file(target).read_all().to_pydict() == ROWS.to_pydict()


def test_a_file_that_was_written_again_is_read_anew(worker, tmp_path):
    path = written(tmp_path / "rows.arrow", "stream")
    read(worker, path, groups_of(worker, path)[0], DECLARED)
    written(path, "stream", table=ROWS.slice(2))
    assert read(worker, path, groups_of(worker, path)[0], DECLARED).to_pydict() == {"word": ["c", "a"], "n": [3, 4]}


def test_offsets_that_lead_astray_are_refused_and_the_worker_stays(worker, tmp_path):
    path = written(tmp_path / "rows.arrow", "stream", table=pa.table({"word": ["aaaa", "bbbb"]}))
    groups = groups_of(worker, path)
    content = bytearray((tmp_path / "rows.arrow").read_bytes())
    at = content.index(b"aaaabbbb") - 16
    assert content[at : at + 12] == b"\0\0\0\0\x04\0\0\0\x08\0\0\0"
    content[at + 4 : at + 8] = (1 << 30).to_bytes(4, "little")
    (tmp_path / "rows.arrow").write_bytes(content)
    error = read(worker, path, groups[0], [["word", "utf8"]])
    assert error["code"] == "ANB4002"
    assert "is damaged" in error["message"]
    whole = written(tmp_path / "whole.arrow", "stream")
    assert read(worker, whole, groups_of(worker, whole)[0], DECLARED).num_rows == 2


@pytest.mark.parametrize("content", [b"", b"ARROW1\0\0 and no more", b"\xff\xff\xff\xff\x10\0\0\0garbage", b"{}\n"])
def test_what_is_no_arrow_is_said(worker, tmp_path, content):
    path = tmp_path / "x.arrow"
    path.write_bytes(content)
    error = worker.ask(INSPECT, {"path": str(path), "format": "arrow"}).error
    assert (error["class"], error["code"]) == ("ConnectorError", "ANB4002")
    assert "is not a whole Arrow file" in error["message"]
