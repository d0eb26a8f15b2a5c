import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

test('three orders are billed and one is a dead letter', () => {
  const said = execFileSync('npx', ['anabranch', 'run', 'job.ts', '--json', '--out', 'out/test'], { encoding: 'utf8' })
  const { rows_out, rows_dead } = JSON.parse(said)
  assert.deepEqual({ rows_out, rows_dead }, { rows_out: 3, rows_dead: 1 })
  const bills = readFileSync('out/test/bills/part-00000.jsonl', 'utf8').trimEnd().split('\n')
  assert.deepEqual(JSON.parse(bills[0] ?? ''), { item: 'rope', price: 4.5, qty: 2, total: 9 })
})
