/** `anabranch state`: what is stored of a job that does not run: its operators, one key, all rows. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConnectorError, StateError } from '../base/index.js'
import { type Batch, arrowStream, batchFromRows, jsonRow, jsonRowsOf } from '../batch/index.js'
import { type Schema } from '../schema/index.js'
import { StateStore, openForReading } from '../state/stores/index.js'
import { aligned } from './aligned.js'
import { type Command, type Terminal, usageError, wordsOf } from './command.js'
import { exitCodes } from './exit-codes.js'
import { outOf } from './job-at.js'
import { counted } from './progress.js'
import { type StoredRows, joined, keyGroupsOf, keyGroupsText, storedRows } from './state-rows.js'

const options = {
  json: { type: 'boolean' },
  operator: { type: 'string' },
  key: { type: 'string' },
  to: { type: 'string' },
} as const

interface Asked {
  readonly store: StateStore
  readonly job: string
  readonly values: { readonly json?: boolean; readonly operator?: string; readonly key?: string; readonly to?: string }
  readonly terminal: Terminal
}

export const state: Command = {
  name: 'state',
  usage:
    'state list DIR or JOB.ts | inspect DIR [--key JSON] [--operator ID] | export DIR [--operator ID] [--to FILE] [--json]',
  summary: 'what is stored of a job that does not run: its operators, keys and rows; every byte and key is checked',
  options: [
    'DIR               the output folder of the run, or its state folder, or its job file; nothing is changed',
    '--operator ID     one of those that list shows; not needed where there is one',
    `--key JSON        the key columns: '{"user": "ann"}'; the value alone where there is one: '"ann"'; without it the keys of each key group`,
    '--to FILE         export to FILE.jsonl or FILE.arrow, a stream that pyarrow, pandas and polars read; else JSON lines on stdout',
    '--json            list: one JSON object: job lineage epoch unfinished operators; inspect: operator epoch keys counted groups',
  ],
  async run(args, terminal) {
    const { values, positionals } = wordsOf(state, args, options)
    const [name = '', dir, ...rest] = positionals
    const work = Object.hasOwn(works, name) ? works[name] : undefined
    if (work === undefined) throw usageError(state, `state takes list, inspect or export, but got "${name}"`)
    if (dir === undefined) throw usageError(state, `state ${name} needs the output folder of a run`)
    if (rest.length > 0) throw usageError(state, `state ${name} takes one folder, but got ${1 + rest.length}`)
    const place = await openForReading(folderOf(await outOf(state, [dir])))
    const store = await StateStore.open({ place, pause: () => Promise.resolve() })
    try {
      await store.checkCold()
      await work({ store, job: place.job, values, terminal })
      return exitCodes.done
    } finally {
      await store.close()
    }
  },
}

/** DIR, DIR/state, or the folder of the store itself. */
const folderOf = (path: string): string =>
  [path, join(path, 'store'), join(path, 'state', 'store')].find(each => existsSync(join(each, 'state.json'))) ??
  join(path, 'state')

const works: Readonly<Record<string, (asked: Asked) => Promise<void>>> = { list, inspect, export: exportRows }

async function list({ store, job, values, terminal }: Asked): Promise<void> {
  const operators = []
  for (const { operator, form } of store.operators) {
    const { slots } = (await storedRows(store, operator, form)).stored
    const bytes = store.bytesOf(operator)
    operators.push({ operator, keys: slots.length, bytes, key: form.key.fields.map(({ name }) => name) })
  }
  const epoch = store.last?.epoch ?? 0
  const unfinished = store.unfinished.map(each => each.epoch)
  if (values.json === true) {
    terminal.out(JSON.stringify({ job, lineage: store.lineage, epoch, unfinished, operators }))
    return
  }
  const rows = operators.map(each => [each.operator, each.key.join(', '), String(each.keys), String(each.bytes)])
  terminal.out(aligned([['operator', 'key', 'keys', 'bytes'], ...rows], 'llrr').join('\n'))
  const open = unfinished.length === 0 ? 'which every sink has' : `of which a sink may lack ${unfinished.join(', ')}`
  terminal.err(`job ${job}, epoch ${epoch}, ${open}`)
}

async function inspect(asked: Asked): Promise<void> {
  const { values, terminal } = asked
  const rows = await chosen(asked)
  if (values.key === undefined) return inspectKeys(asked, rows)
  const { stored } = rows
  const { operator, form } = stored
  const slot = stored.slotOf(keyOf(values.key, form.key))
  if (slot === undefined) {
    throw new StateError('ANB6015', `operator "${operator}" has no state of the key ${values.key}`, {
      hint: 'anabranch state export DIR shows the keys that it has',
    })
  }
  const { keys, state: found } = stored.rowsOf(Int32Array.of(slot))
  terminal.out(JSON.stringify({ operator, key: jsonRow(keys, 0), state: jsonRow(found, 0) }))
}

function inspectKeys({ store, values, terminal }: Asked, rows: StoredRows): void {
  const { stored, keys, isCounted } = rows
  const { operator } = stored
  const epoch = store.last?.epoch ?? 0
  if (values.json === true) {
    const groups = keyGroupsOf(rows)
    terminal.out(JSON.stringify({ operator, epoch, keys: keys.total, counted: isCounted, groups }))
    return
  }
  terminal.out(keyGroupsText(rows))
  const says = isCounted ? `those that epoch ${epoch} counted` : 'not counted by the version that wrote them'
  terminal.err(`operator ${operator}: ${counted(keys.total, 'key')} in ${keys.keyGroups} key groups, ${says}`)
}

/** One row of the key columns. */
function keyOf(text: string, key: Schema): Batch {
  const names = key.fields.map(({ name }) => name).join(', ')
  try {
    const said: unknown = JSON.parse(text)
    const isValue = key.fields.length === 1 && (typeof said !== 'object' || said === null)
    const row = Object.fromEntries(
      key.fields.map(({ name }) => [name, isValue ? plain(said, name) : scalar(said, name)]),
    )
    const given = typeof said === 'object' && said !== null ? Object.keys(said) : []
    const other = given.find(name => !key.fields.some(field => field.name === name))
    if (other !== undefined) throw new TypeError(`"${other}" is none of them`)
    return batchFromRows(key, [row])
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw usageError(state, `--key must be a JSON object with the key columns ${names}: ${why}`)
  }
}

function scalar(said: unknown, name: string): string | number | boolean | null {
  return plain(typeof said === 'object' && said !== null ? Reflect.get(said, name) : undefined, name)
}

function plain(value: unknown, name: string): string | number | boolean | null {
  const fits = value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
  if (!fits) throw new TypeError(`"${name}" is ${value === undefined ? 'missing' : 'no plain value'}`)
  return value
}

async function exportRows(asked: Asked): Promise<void> {
  const { values, terminal } = asked
  const { to } = values
  if (to !== undefined && !/\.(jsonl|arrow)$/.test(to))
    throw usageError(state, `--to ends in .jsonl or .arrow, but it is "${to}"`)
  const { stored } = await chosen(asked)
  const { slots } = stored
  const batches: Batch[] = []
  for (let from = 0; from < slots.length; from += 65_536)
    batches.push(joined(stored.rowsOf(slots.subarray(from, from + 65_536))))
  const { schema } = joined(stored.rowsOf(new Int32Array(0)))
  const lines = (batch: Batch): string =>
    jsonRowsOf(batch)
      .map(row => JSON.stringify(row))
      .join('\n')
  if (to === undefined) for (const batch of batches) terminal.out(lines(batch))
  else if (to.endsWith('.arrow')) write(to, arrowStream(schema, batches))
  else write(to, batches.map(batch => `${lines(batch)}\n`).join(''))
  if (to !== undefined) terminal.err(`${to}: ${slots.length} rows`)
}

function write(to: string, content: string | Uint8Array): void {
  try {
    writeFileSync(to, content)
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause)
    throw new ConnectorError('ANB4003', `could not write "${to}": ${said}`, { cause })
  }
}

/** The operator that is asked for, with its rows. */
async function chosen({ store, values }: Asked): Promise<StoredRows> {
  const { operators } = store
  const names = operators.map(each => each.operator)
  const wanted = operators.filter(each => values.operator === undefined || each.operator === values.operator)
  const [one, another] = wanted
  if (one !== undefined && another === undefined) return storedRows(store, one.operator, one.form)
  const have = names.length === 0 ? 'no operator has state' : `there is ${names.join(', ')}`
  throw usageError(
    state,
    one === undefined ? `there is no operator "${values.operator ?? ''}": ${have}` : `give --operator: ${have}`,
  )
}
