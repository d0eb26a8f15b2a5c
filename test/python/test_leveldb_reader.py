"""The checker's own reader of LevelDB, against what the real one wrote and was killed over."""

import json
import subprocess
from pathlib import Path

import pytest
from oracle import leveldb

REPOSITORY = Path(__file__).parents[2]

WRITER = """
import { ClassicLevel } from 'classic-level'
const [path, rows, end] = process.argv.slice(1)
const options = { compression: false, writeBufferSize: 65536, keyEncoding: 'utf8', valueEncoding: 'utf8' }
const db = new ClassicLevel(path, options)
await db.open()
const known = new Map()
for (let i = 0; i < Number(rows); i += 1) {
  const key = `key ${(i * 7919) % 701}`
  const value = `${i} `.repeat(1 + (i * 31) % 400)
  if (i % 5 === 3) {
    known.delete(key)
    await db.del(key)
  } else {
    known.set(key, value)
    await db.put(key, value, { sync: i === Number(rows) - 1 })
  }
}
if (end === 'compacted') await db.compactRange('a', 'z')
process.stdout.write(JSON.stringify([...known]), () => process.kill(process.pid, 'SIGKILL'))
"""


@pytest.mark.parametrize(("rows", "end"), [(0, "killed"), (40, "killed"), (4_000, "killed"), (4_000, "compacted")])
def test_it_reads_what_a_killed_writer_has_written(tmp_path, rows, end):
    script = ["node", "--input-type=module", "-e", WRITER, str(tmp_path / "db"), str(rows), end]
    wrote = subprocess.run(script, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    known = {key.encode(): value.encode() for key, value in json.loads(wrote.stdout)}
    assert leveldb.entries(tmp_path / "db") == known
    assert (rows < 100) == (not list((tmp_path / "db").glob("*.ldb")))


def test_a_log_that_was_cut_holds_what_is_whole(tmp_path):
    script = ["node", "--input-type=module", "-e", WRITER, str(tmp_path / "db"), "40", "killed"]
    subprocess.run(script, cwd=REPOSITORY, capture_output=True, timeout=60)
    before = leveldb.entries(tmp_path / "db")
    (log,) = (tmp_path / "db").glob("*.log")
    log.write_bytes(log.read_bytes()[:-3])
    assert 0 < len(leveldb.entries(tmp_path / "db")) <= len(before)
