/** The record of an epoch: its bytes are fixed, since later versions read what this one wrote. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { StateError } from '../../../src/base/index.js'
import { decodeRecord, encodeRecord } from '../../../src/checkpoint/index.js'
import { repository } from '../../support/repository.js'

const golden = readFileSync(join(repository, 'test', 'golden', 'epoch-record-1.json'))
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')
/** Written as a person reads it, since the formatter does so too. */
const compact = JSON.stringify(JSON.parse(text(golden)))

test('a record of version 1 is read, and written as it was', () => {
  expect(text(encodeRecord(decodeRecord(golden)))).toBe(compact)
})

test('a record from before code could be swapped is read as one where none was', () => {
  const { swapped, ...before } = JSON.parse(compact)
  expect(Object.keys(swapped)).toEqual(['sum'])
  expect(decodeRecord(Buffer.from(JSON.stringify(before))).swapped).toEqual({})
})

test('a record from before a sink could join a job that goes on has those that were there from the beginning', () => {
  const before = compact.replace(/,"joined":\d+/, '')
  expect(before).not.toBe(compact)
  expect(decodeRecord(Buffer.from(before)).sinks['out']?.joined).toBe(0)
})

test.each([
  ['that is not JSON', 'x'],
  ['of a later version', compact.replace('"version":1', '"version":2')],
  ['without its positions', compact.replace('"sources"', '"springs"')],
  ['with a count that is none', compact.replace('"rowsIn":12', '"rowsIn":-1')],
])('a record %s is refused, and nothing is guessed', (_, damaged) => {
  expect(damaged).not.toBe(compact)
  expect(() => decodeRecord(Buffer.from(damaged))).toThrow(StateError)
})
