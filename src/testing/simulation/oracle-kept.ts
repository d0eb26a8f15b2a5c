/**
 * What must come out of the functions that keep lists, maps and values that expire: plain arrays and maps a key, and the two
 * moments of each call from the timetable. Where only a call that was lost, or a sweep that may have passed or not, decides
 * whether something is still there, both are right: the row then says so with a pattern.
 */
import { type Ttl } from '../../schema/index.js'
import { does } from './functions.js'
import { type Keeping } from './keeping.js'
import { type Moment } from './moments.js'
import { type Due } from './rows.js'
import { type Times } from './timetable.js'

/** One thing that is kept. */
interface Thing<T> {
  readonly value: T
  /** The call that wrote it. */
  readonly of: Times
  /** When it was surely written, or read so that it lives anew. */
  readonly sinceMs: number
}

/** What a key keeps, beside plain values. */
export interface Things {
  readonly seen: readonly Thing<string>[]
  readonly known: readonly (Thing<bigint> & { readonly name: string })[]
  readonly latest: Thing<bigint> | null
}

export const nothingKept: Things = { seen: [], known: [], latest: null }

type There = 'yes' | 'no' | 'maybe'

/** What seeds must have met, by how often. */
export class Met {
  readonly counts = new Map<string, number>()

  note(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }
}

interface Left {
  readonly out: Due
  /** null: the key has no state any more. */
  readonly things: Things | null
}

export class KeptOracle {
  constructor(
    private readonly keeping: Keeping,
    private readonly met: Met,
  ) {}

  notes(row: Due, things: Things, { moment, mark }: { readonly moment: Moment; readonly mark: string }): Left {
    const { list } = this.keeping
    const seen = things.seen.flatMap(thing => this.read('list', thing, list, moment))
    const out = { trail: textOf(seen.map(({ thing, there }) => ({ text: `${thing.value};`, there }))) }
    const g = Number(row['g'])
    if (does.clearsKey(g)) return { out, things: null }
    const kept = does.clearsFirst(g) ? [] : seen.map(({ thing }) => thing)
    const value = does.appendsNull(g) ? 'null' : `${String(row['id'])}/${g}${mark}`
    const added = does.appends(g) ? [written(value, moment)] : []
    return { out, things: { ...things, seen: [...kept, ...added] } }
  }

  ledger(row: Due, things: Things, { moment, version }: { readonly moment: Moment; readonly version: number }): Left {
    const { value, map, entries } = this.keeping
    const name = typeof row['pad'] === 'string' ? row['pad'] : null
    const isAsked = (of: string): boolean => entries === 'all' || of === name
    const known = things.known.flatMap(thing =>
      isAsked(thing.name) ? this.read('map', thing, map, moment) : [{ thing, there: 'no' as const }],
    )
    const latest = things.latest === null ? [] : this.read('value', things.latest, value, moment)
    const was = known.find(({ thing }) => thing.name === name)
    const out = { was: maybe(was), latest: maybe(latest[0]) }
    const g = Number(row['g'])
    if (does.clearsKey(g)) return { out, things: null }
    const own = BigInt(Number(row['id']) + version * 1e9)
    const left = does.clearsFirst(g) ? [] : known.map(({ thing }) => thing)
    const others = left.filter(thing => name === null || thing.name !== name)
    const puts = name !== null && does.puts(g)
    const removes = name !== null && does.removes(g)
    const entry = puts ? [{ ...written(own, moment), name }] : []
    return {
      out,
      things: {
        ...things,
        known: puts || removes ? [...others, ...entry] : left,
        latest: does.writes(g) ? written(own, moment) : (latest[0]?.thing ?? null),
      },
    }
  }

  /** What `at_end` says of a key. */
  totals(name: string, things: Things, { moment, mark }: { readonly moment: Moment; readonly mark: string }): Due {
    if (name === 'notes') {
      const seen = things.seen.flatMap(thing => this.read('list', thing, this.keeping.list, moment))
      return totalsOf(
        seen.map(({ thing, there }) => ({ text: `${thing.value};`, there })),
        mark,
      )
    }
    const known = things.known
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap(thing => this.read('map', thing, this.keeping.map, moment).map(({ there }) => ({ thing, there })))
    const texts = known.map(({ thing: { name: of, value }, there }) => ({ text: `${of}=${value};`, there }))
    return { n: things.latest?.value ?? null, ...totalsOf(texts, mark) }
  }

  /** Nothing where it is gone for ever. */
  private read<T extends Thing<unknown>>(
    what: 'list' | 'map' | 'value',
    thing: T,
    ttl: Ttl | null,
    { times, reads }: Moment,
  ): readonly { readonly thing: T; readonly there: There }[] {
    if (ttl === null || thing.of === times) return [{ thing, there: 'yes' }]
    if (thing.sinceMs + ttl.ms > times.readMs) {
      const livesAnew = ttl.update === 'on_read_and_write'
      if (livesAnew && thing.of.writtenMs + ttl.ms <= times.readMs) this.met.note(`${what} lives by reads`)
      return [{ thing: livesAnew ? { ...thing, sinceMs: times.readMs } : thing, there: 'yes' }]
    }
    const isGone =
      ttl.visibility === 'never_return_expired' && lastMs(thing.of.writtenMs, ttl, times, reads) <= times.readMs
    this.met.note(isGone ? `${what} has expired` : `${what} may have expired`)
    return isGone ? [] : [{ thing, there: 'maybe' }]
  }
}

/** When it ends, if all that was read made it live anew. */
function lastMs(writtenMs: number, ttl: Ttl, { readMs }: Times, reads: readonly number[]): number {
  let atMs = writtenMs
  if (ttl.update === 'on_read_and_write')
    for (const each of reads) if (each > atMs && each < readMs && atMs + ttl.ms > each) atMs = each
  return atMs + ttl.ms
}

const written = <T>(value: T, { times }: Moment): Thing<T> => ({ value, of: times, sinceMs: times.writtenMs })

interface Part {
  readonly text: string
  readonly there: There
}

const escaped = (text: string): string =>
  text.replaceAll(/[^\w ;]/gu, each => `\\u{${each.codePointAt(0)?.toString(16)}}`)

/** All of them one behind the other; those that may be there or not. */
function textOf(parts: readonly Part[], mark = ''): string | RegExp {
  if (parts.every(({ there }) => there === 'yes')) return parts.map(({ text }) => text).join('') + mark
  const all = parts.map(({ text, there }) => (there === 'yes' ? escaped(text) : `(${escaped(text)})?`))
  return new RegExp(`^${all.join('')}${escaped(mark)}$`, 'u')
}

function totalsOf(
  parts: readonly Part[],
  mark: string,
): { readonly sum: number | RegExp; readonly last: string | RegExp } {
  const isSure = parts.every(({ there }) => there === 'yes')
  return { sum: isSure ? parts.length : /^\d+$/u, last: textOf(parts, mark) }
}

const maybe = (found: { readonly thing: Thing<bigint>; readonly there: There } | undefined): Due[string] => {
  if (found === undefined || found.there === 'no') return null
  return found.there === 'yes' ? found.thing.value : new RegExp(`^(${found.thing.value}|null)$`, 'u')
}
