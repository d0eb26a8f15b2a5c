"""A host in a few lines: builds frames by hand from the tables of src/transport/README.md and drives a real worker.

Nothing here uses the package's own protocol code, so that a mistake in it cannot hide.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import zmq

HELLO, OPEN, OPENED, CALL, END, READ, WRITE, DONE, FAILED, LOG, STOP, BYE, INSPECT = range(1, 14)
ROWS, STATE, INDEX, ORDER, STARTS, LIST, MAP, TIMERS, WATERMARK, OUTPUT, PARENT, DEAD, KEYS, CLEAR, MEASURES = range(
    1, 16
)
ERROR, JSON, NEW = range(16, 19)

PYTHON = Path(__file__).parents[2] / "python"
JOB = 0x0123456789ABCDEF
DEAD_SCHEMA = pa.schema(
    [("row", pa.int32()), ("operator", pa.int32())]
    + [(name, pa.utf8()) for name in ("code", "class", "type", "message", "traceback")]
)


def envelope(kind, *, lane=0, sequence=0, attempt=0, flags=0, rows=0, stage=0, tables=0, length=0, at=0, **other):
    job, incarnation = other.get("job", JOB), other.get("incarnation", 1)
    head = (0x31424E41, 1, kind, job, incarnation, lane, sequence, attempt, flags, rows, stage, tables, length, at)
    return struct.pack("<IHHQIIQHHIIIQQ", *head)


def body(tables):
    """``tables``: (kind, operator, output, schema id, rows, bytes) each."""
    at = 32 * len(tables)
    directory, content = b"", b""
    for kind, operator, output, schema, rows, data in tables:
        gap = -(at + len(content)) % 64
        content += bytes(gap)
        directory += struct.pack("<HHHHIIQQ", kind, operator, output, 0, schema, rows, at + len(content), len(data))
        content += data
    return directory + content


def tables_of(data, count):
    found = {}
    for i in range(count):
        kind, operator, output, reserved, schema, rows, offset, length = struct.unpack_from("<HHHHIIQQ", data, 32 * i)
        assert reserved == 0
        assert offset % 64 == 0
        assert (kind, operator, output) not in found
        found[kind, operator, output] = (schema, rows, data[offset : offset + length])
    return found


def arrow(batch):
    return batch.serialize().to_pybytes()


def group(keys):
    """Keys by first appearance: index, order, starts, and the distinct keys."""
    seen = {}
    index = np.array([seen.setdefault(k, len(seen)) for k in keys], np.int32)
    order = np.argsort(index, kind="stable").astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(np.bincount(index, minlength=len(seen)))]).astype(np.int32)
    return index, order, starts, list(seen)


class Reply:
    """DONE or FAILED, taken apart."""

    def __init__(self, head, data, schemas):
        (
            _,
            _,
            self.kind,
            self.job,
            self.incarnation,
            self.lane,
            self.sequence,
            self.attempt,
            self.flags,
            self.rows,
            self.stage,
            count,
            self.length,
            self.at,
        ) = head
        self.tables = tables_of(data, count)
        self.schemas = schemas

    def json(self, kind):
        return json.loads(self.tables[kind, 0, 0][2])

    def batch(self, kind, schema, operator=0, output=0):
        _, rows, data = self.tables[kind, operator, output]
        found = pa.ipc.read_record_batch(pa.py_buffer(data), schema)
        found.validate(full=True)
        assert found.num_rows == rows
        return found

    @property
    def error(self):
        assert self.kind == FAILED
        return self.json(ERROR)

    def output(self, operator=0, output=0):
        assert self.kind == DONE, self.json(ERROR)
        return self.batch(OUTPUT, self.schemas[OUTPUT, operator, output], operator, output)

    def state(self, operator=0):
        return self.batch(STATE, self.schemas[STATE, operator, 0], operator)

    def parent(self, operator=0, output=0):
        found = self.tables.get((PARENT, operator, output))
        return None if found is None else np.frombuffer(found[2], np.int32).tolist()

    def cleared(self, operator=0):
        found = self.tables.get((CLEAR, operator, 0))
        if found is None:
            return []
        return np.flatnonzero(
            np.unpackbits(np.frombuffer(found[2], np.uint8), count=found[1], bitorder="little")
        ).tolist()

    @property
    def dead(self):
        if (DEAD, 0, 0) not in self.tables:
            return []
        return self.batch(DEAD, DEAD_SCHEMA).to_pylist()

    @property
    def measures(self):
        return self.json(MEASURES)


class EndedError(Exception):
    """A worker process ended without an answer: what it printed last."""


class Worker:
    """A real worker process. ``stages`` as OPEN carries them; see ``stage``."""

    def __init__(self, stages=(), *, role="user", params=None, mapping=0, memory=0, expect=OPENED, env=None, **more):
        self.folder = tempfile.TemporaryDirectory(prefix="ab-")
        address = f"ipc://{self.folder.name}/w"
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(address)
        self.logs, self.sequence, self.schemas = [], 0, schemas_of(stages)
        seat = {"address": address, "token": "secret", "job": f"{JOB:016x}", "incarnation": 1, "role": role}
        seat |= {"protocol": 1, "mappingBytes": mapping, "memoryBytes": memory}
        self.mapping = self._map(mapping)
        self.process = self._spawn(seat, env or {})
        try:
            self.hello = self.receive(HELLO).json(JSON)
            said = {
                "job": "test",
                "role": role,
                "params": params or {},
                "memoryBytes": memory,
                "stages": list(stages),
                **more,
            }
            self.send(envelope(OPEN, tables=1, length=0), [(JSON, 0, 0, 0, 0, json.dumps(said).encode())])
            self.opened = self.receive(expect)
        except BaseException:
            self.close()
            raise

    def _map(self, size):
        if not size:
            return None
        self.descriptor = os.memfd_create("test")
        os.ftruncate(self.descriptor, size)
        import mmap

        return mmap.mmap(self.descriptor, size)

    def _spawn(self, seat, env):
        names = ("PATH", "HOME", "LD_LIBRARY_PATH", "LANG")
        clean = {n: os.environ[n] for n in names if n in os.environ} | {
            "PYTHONPATH": str(PYTHON),
            "PYTHONSAFEPATH": "1",
        }
        pass_fds = ()
        prepare = None
        if self.mapping is not None:
            pass_fds = (3,)
            descriptor = self.descriptor

            def prepare():
                os.dup2(descriptor, 3)

        return subprocess.Popen(
            [sys.executable, "-m", "anabranch._worker"],
            env=clean | {"ANABRANCH_WORKER": json.dumps(seat)} | env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=pass_fds,
            preexec_fn=prepare,
        )

    def send(self, head, tables=(), extra=b""):
        data = body(tables)
        kind = struct.unpack_from("<IHH", head)[2]
        fields = list(struct.unpack("<IHHQIIQHHIIIQQ", head))
        if not fields[8] & 1:
            fields[11], fields[12] = len(tables), len(data)
        self.socket.send(struct.pack("<IHHQIIQHHIIIQQ", *fields) + (extra if fields[8] & 1 else data))
        return kind

    def receive(self, *kinds):
        while True:
            data = self._next()
            head = struct.unpack_from("<IHHQIIQHHIIIQQ", data)
            assert head[:2] == (0x31424E41, 1)
            assert head[3:5] == (JOB, 1)
            where = data[64:]
            if head[8] & 1:
                assert len(data) == 64
                where = self.mapping[head[13] : head[13] + head[12]]
            assert len(where) == head[12]
            reply = Reply(head, where, self.schemas)
            if reply.kind == LOG:
                self.logs.append(reply.json(JSON))
                continue
            assert reply.kind in (kinds or (DONE, FAILED)), (reply.kind, reply.tables)
            return reply

    def _next(self):
        """The next message. Raises EndedError where the process ended and all that it sent is read."""
        for _ in range(300):
            ended = self.process.poll() is not None
            if self.socket.poll(1_000 if ended else 100):
                return self.socket.recv()
            if ended:
                raise EndedError(self.process.communicate()[1].decode())
        self.process.kill()
        raise AssertionError(self.process.communicate()[1].decode())

    def call(self, rows, *, keys=None, state=None, new=None, stage=0, mapped=False, attempt=1, lane=7):
        """``rows``: a record batch; ``state``: {operator: record batch}; ``new``: {operator: [key rows]}."""
        tables = [(ROWS, 0, 0, 1, rows.num_rows, arrow(rows))]
        if keys is not None:
            index, order, starts, names = group(keys)
            k = len(names)
            for operator, batch in (state or {}).items():
                assert batch.num_rows == k
                tables.append((STATE, operator, 0, 16 + operator, k, arrow(batch)))
                bits = np.zeros(k, bool)
                bits[(new or {}).get(operator, [])] = True
                tables.append((NEW, operator, 0, 0, k, np.packbits(bits, bitorder="little").tobytes()))
            for kind, numbers in ((INDEX, index), (ORDER, order), (STARTS, starts)):
                tables.append((kind, 0, 0, 0, len(numbers), numbers.tobytes()))
        self.sequence += 1
        head = {"lane": lane, "sequence": self.sequence, "attempt": attempt, "rows": rows.num_rows, "stage": stage}
        if mapped:
            data = body(tables)
            self.mapping[: len(data)] = data
            at = (len(data) + 63) & -64
            grant = struct.pack("<QQ", at, len(self.mapping) - at)
            self.send(envelope(CALL, flags=1, tables=len(tables), length=len(data), at=0, **head), extra=grant)
        else:
            self.send(envelope(CALL, **head), tables)
        reply = self.receive()
        assert (reply.lane, reply.sequence, reply.attempt, reply.stage) == (lane, self.sequence, attempt, stage)
        assert reply.rows == rows.num_rows
        return reply

    def end(self, keys, state, operator=0, stage=0):
        self.sequence += 1
        k = keys.num_rows
        tables = [(KEYS, 0, 0, 4, k, arrow(keys)), (STATE, operator, 0, 16 + operator, k, arrow(state))]
        self.send(envelope(END, sequence=self.sequence, attempt=1, rows=k, stage=stage), tables)
        return self.receive()

    def ask(self, kind, said):
        self.sequence += 1
        self.send(envelope(kind, sequence=self.sequence, attempt=1), [(JSON, 0, 0, 0, 0, json.dumps(said).encode())])
        return self.receive()

    def stop(self):
        self.send(envelope(STOP))
        self.receive(BYE)
        return self.process.wait(10)

    def close(self):
        self.process.kill()
        out, err = self.process.communicate()
        self.stdout, self.stderr = out.decode(errors="replace"), err.decode(errors="replace")
        self.socket.close()
        self.context.term()
        if self.mapping is not None:
            self.mapping.close()
            os.close(self.descriptor)
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def schemas_of(stages):
    from anabranch._arrow_types import arrow_schema
    from anabranch._schema import schema_from_json

    found = {}
    for stage in stages:
        found[OUTPUT, 0, 0] = arrow_schema(schema_from_json(stage["output"]))
        for i, operator in enumerate(stage["operators"]):
            found[STATE, i, 0] = arrow_schema(schema_from_json(operator["state"]))
            for j, columns in enumerate(operator["side"].values(), 1):
                found[OUTPUT, i, j] = arrow_schema(schema_from_json(columns))
    return found


def stage(path, names, shipped, keys=None):
    """A stage of the functions ``names`` of the module at ``path``, as the plan would make it."""
    from anabranch._introspect import describe

    functions = {f["name"]: f for f in describe(str(path))["functions"]}
    output = {}
    operators = []
    for i, name in enumerate(names):
        f = functions[name]
        output |= {column[0]: column for column in f["outputs"]}
        more = {k: f[k] for k in ("kind", "mode", "keyed", "inputs", "outputs", "state", "side", "atEnd", "declared")}
        operators.append({"id": f"{name}-{i}", "module": str(path), "function": name, **more})
    return {
        "id": 0,
        "shipped": shipped,
        "schemaId": 1,
        "key": None if keys is None else [k[0] for k in keys],
        "keys": keys,
        "operators": operators,
        "output": list(output.values()),
    }
