/** Lists and maps of one key in one call, as a worker has them; and the functions of `functions.ts` that keep some. */
import { type Value } from '../../batch/index.js'
import { does } from './functions.js'

type Cells = Record<string, Value>

/** What was sent of a list, and what is done to it. */
export class ListCell {
  isCleared = false
  readonly added: Value[] = []

  constructor(private readonly sent: readonly Value[]) {}

  get items(): readonly Value[] {
    return this.isCleared ? this.added : [...this.sent, ...this.added]
  }

  append(item: Value): void {
    this.added.push(item)
  }

  clear(): void {
    this.isCleared = true
    this.added.length = 0
  }
}

/** What was sent of a map, and what is done to it: emptied, then entries removed, then set. */
export class MapCell {
  isCleared = false
  readonly removed = new Set<Value>()
  readonly put = new Map<Value, Value>()

  constructor(private readonly sent: ReadonlyMap<Value, Value>) {}

  get entries(): readonly (readonly [Value, Value])[] {
    const left = this.isCleared ? [] : [...this.sent].filter(([key]) => !this.removed.has(key) && !this.put.has(key))
    return [...left, ...this.put]
  }

  get(key: Value): Value {
    return this.entries.find(([known]) => known === key)?.[1] ?? null
  }

  set(key: Value, value: Value): void {
    this.put.set(key, value)
  }

  remove(key: Value): void {
    this.put.delete(key)
    this.removed.add(key)
  }

  clear(): void {
    this.isCleared = true
    this.removed.clear()
    this.put.clear()
  }
}

/** State of one key, as it came and as the rows of the call leave it. */
export interface KeyState {
  readonly cells: Cells
  readonly lists: ReadonlyMap<string, ListCell>
  readonly maps: ReadonlyMap<string, MapCell>
  /** Values that expire and were written. */
  readonly written: Set<string>
  /** The key had no state when the call began. */
  readonly isNew: boolean
  touched: boolean
  cleared: boolean
}

const listOf = ({ lists }: KeyState, name: string): ListCell => there(lists.get(name))
const mapOf = ({ maps }: KeyState, name: string): MapCell => there(maps.get(name))

function there<T>(found: T | undefined): T {
  if (found === undefined) throw new RangeError('a function finds what it declares')
  return found
}

/** All of it goes, but for what is kept after that. */
function clearAll(key: KeyState): void {
  for (const each of [...key.lists.values(), ...key.maps.values()]) each.clear()
  key.cleared = true
}

/** Answers what the row gets. */
export function runNotes(cells: Readonly<Cells>, key: KeyState, mark: string): Cells {
  const [seen, log] = [listOf(key, 'seen'), listOf(key, 'log')]
  const trail = trailOf(seen)
  const g = Number(cells['g'])
  if (does.clearsKey(g)) {
    clearAll(key)
    key.cells['n'] = 0n
    return { trail }
  }
  key.cells['n'] = BigInt(String(key.cells['n'])) + 1n
  if (does.clearsFirst(g)) for (const list of [seen, log]) list.clear()
  if (does.appends(g)) {
    seen.append(does.appendsNull(g) ? null : `${String(cells['id'])}/${g}${mark}`)
    log.append(cells['id'] ?? null)
  }
  return { trail }
}

const trailOf = (list: ListCell): string => list.items.map(item => `${String(item)};`).join('')

export function runLedger(cells: Readonly<Cells>, key: KeyState, version: number): Cells {
  const known = mapOf(key, 'known')
  const name = cells['pad'] ?? null
  const out = { was: name === null ? null : known.get(name), latest: key.cells['latest'] ?? null }
  const g = Number(cells['g'])
  const own = BigInt(String(cells['id'])) + 10n ** 9n * BigInt(version)
  if (does.clearsKey(g)) {
    clearAll(key)
    key.cells['latest'] = null
    key.written.add('latest')
    return out
  }
  if (does.clearsFirst(g)) known.clear()
  if (name !== null && does.removes(g)) known.remove(name)
  if (name !== null && does.puts(g)) known.set(name, own)
  if (does.writes(g)) {
    key.cells['latest'] = own
    key.written.add('latest')
  }
  return out
}

/** `at_end`: what is left of a key. */
export function totalsOf(name: string, key: KeyState): Cells {
  if (name === 'notes') {
    const seen = listOf(key, 'seen')
    return { n: key.cells['n'] ?? null, sum: seen.items.length, last: trailOf(seen) }
  }
  const entries = mapOf(key, 'known').entries.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1))
  const last = entries.map(([known, value]) => `${String(known)}=${String(value)};`).join('')
  return { n: key.cells['latest'] ?? null, sum: entries.length, last }
}
