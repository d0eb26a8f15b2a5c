/**
 * The property of a tail's positions: whatever happens to its files while it follows them or while nobody does, a run that
 * is taken up again gives each line that was written once, with the number that it has in its file.
 *
 * Files grow, are renamed by a rotation to a name that no longer matches, are copied and cut, or are removed when they were
 * read. All of it is drawn, and so is when the source is left: with rows that were read and never given, and half lines.
 */
import { appendFileSync, copyFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { silent } from '../../src/base/index.js'
import { type Polled, type Source, type SourcePosition, filesSource } from '../../src/connectors/index.js'
import { decoderOf } from '../../src/formats/index.js'
import { type FormatNode } from '../../src/plan/index.js'
import { realFiles } from '../../src/runtime/open/files.js'
import { HandClock, plainCsv, temporaryFolder } from '../support/connectors.js'
import { given } from '../support/going-on.js'

const names = ['a', 'b', 'c'] as const
type Name = (typeof names)[number]

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('append'),
      name: fc.constantFrom(...names),
      lines: fc.integer({ min: 1, max: 9 }),
      half: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('poll'),
      times: fc.integer({ min: 1, max: 6 }),
      rowsMax: fc.constantFrom(1, 3, 50),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('leave') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rotate'), name: fc.constantFrom(...names) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('copy and cut'), name: fc.constantFrom(...names) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove'), name: fc.constantFrom(...names) }) },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

const limit = { rowsMax: 50, bytesMax: 1 << 20 }
const csv: FormatNode = {
  kind: 'csv',
  schema: [
    ['id', 'utf8'],
    ['pad', 'utf8'],
  ],
  ...plainCsv,
}
const text: FormatNode = { kind: 'text' }

/** A folder with files, what was written there, and a source that is left and gone on with. */
class World {
  readonly folder = temporaryFolder()
  readonly clock = new HandClock()
  readonly polled: Polled[] = []
  /** `line number and content` of each line that is whole, or is at the end of a file that ended. */
  readonly written: string[] = []
  readonly met = new Set<string>()
  private readonly lines = new Map<Name, number>()
  private readonly halves = new Map<Name, string>()
  private generation = 0
  private source: Source | null = null
  private pending: Promise<Polled | null> | null = null
  private next: SourcePosition | null = null

  constructor(private readonly format: FormatNode) {}

  async run(steps: readonly Step[]): Promise<void> {
    for (const one of steps) {
      const isMet = await this.take(one)
      if (isMet) this.met.add(`${one.kind}${this.source === null ? ' while nobody reads' : ''}`)
    }
    for (const name of names) if (this.halves.has(name)) this.append(name, 0, false)
    await this.readAll()
    await this.leave()
  }

  private async take(one: Step): Promise<boolean> {
    switch (one.kind) {
      case 'append':
        this.append(one.name, one.lines, one.half)
        return true
      case 'poll':
        for (let i = 0; i < one.times; i++) await this.poll(one.rowsMax)
        return true
      case 'leave':
        return this.leave()
      case 'rotate':
        return this.rotate(one.name)
      case 'copy and cut':
        return this.copyAndCut(one.name)
      case 'remove':
        return this.remove(one.name)
    }
  }

  private path(name: string): string {
    return join(this.folder, name)
  }

  /** Ends the half line that stands there, writes lines, and begins another half one. */
  private append(name: Name, lines: number, half: boolean): void {
    const path = this.path(`${name}.log`)
    if (!this.lines.has(name)) {
      this.lines.set(name, 0)
      this.generation += 1
      writeFileSync(path, this.format.kind === 'csv' ? 'id,pad\n' : '')
      if (this.format.kind === 'csv') this.lines.set(name, 1)
    }
    const begun = this.halves.get(name)
    this.halves.delete(name)
    let added = begun === undefined ? '' : this.end(name, begun, '!')
    for (let i = 0; i < lines; i++) added += this.end(name, '', `${this.generation}-${i},${'x'.repeat((i * 7) % 40)}`)
    if (half) {
      this.halves.set(name, 'half')
      added += 'half'
    }
    appendFileSync(path, added)
  }

  private end(name: Name, begun: string, rest: string): string {
    const line = (this.lines.get(name) ?? 0) + 1
    this.lines.set(name, line)
    const whole = `${begun}${rest}${begun === '' ? '' : ',p'}`
    this.written.push(`${line} ${whole}`)
    return `${whole.slice(begun.length)}\n`
  }

  /** Where rows of it were given, and everything that was written when somebody reads: then its rest is not lost. */
  private async rotate(name: Name): Promise<boolean> {
    if (!this.isKnown(name) || this.halves.has(name)) return false
    this.generation += 1
    renameSync(this.path(`${name}.log`), this.path(`${name}.${this.generation}`))
    this.forget(name)
    return true
  }

  /** While somebody reads, only when everything was read: what a cut file had is gone. */
  private async copyAndCut(name: Name): Promise<boolean> {
    if (!this.isKnown(name) || this.halves.has(name)) return false
    if (this.source !== null) await this.readAll()
    const cutAlone = this.lines.get(name) === (this.format.kind === 'csv' ? 1 : 0)
    if (cutAlone) return false
    this.generation += 1
    copyFileSync(this.path(`${name}.log`), this.path(`${name}.${this.generation}`))
    truncateSync(this.path(`${name}.log`), 0)
    if (this.source !== null) await this.readAll()
    rmSync(this.path(`${name}.log`))
    if (this.source !== null) await this.readAll()
    this.forget(name)
    return true
  }

  /** Read to its end, then gone for so long that nothing is waited for any more. */
  private async remove(name: Name): Promise<boolean> {
    if (!this.isKnown(name) || this.halves.has(name) || this.source === null) return false
    await this.readAll()
    rmSync(this.path(`${name}.log`))
    await this.readAll()
    this.forget(name)
    return true
  }

  private isKnown(name: Name): boolean {
    const files = JSON.stringify(this.next ?? '')
    return this.lines.has(name) && files.includes(`"${name}.log"`)
  }

  private forget(name: Name): void {
    this.lines.delete(name)
  }

  private async poll(rowsMax: number): Promise<boolean> {
    if (this.source === null) {
      const { clock, folder, format } = this
      const more = { tables: null, decoder: decoderOf(format), tail: true, needed: null, clock, observer: silent }
      this.source = filesSource({ glob: '*.log', folder, format, files: realFiles, ...more })
      await this.source.open(this.next)
    }
    this.pending ??= this.source.poll({ ...limit, rowsMax })
    const waits = new Promise<'waits'>(resolve => setImmediate(() => resolve('waits')))
    const polled = await Promise.race([this.pending, waits])
    if (polled === 'waits') {
      this.clock.advance(250)
      return false
    }
    this.pending = null
    if (polled === null) return false
    this.polled.push(polled)
    this.next = JSON.parse(JSON.stringify(polled.next)) as SourcePosition
    return true
  }

  /** Until nothing comes for as long as a file without a name is waited for. */
  private async readAll(): Promise<void> {
    for (let idle = 0; idle < 25; idle += 1) while (await this.poll(50));
  }

  private async leave(): Promise<boolean> {
    if (this.source === null) return false
    this.source.drain()
    // What a poll under way brings was not given to anybody.
    await this.pending
    this.pending = null
    await this.source.close()
    this.source = null
    return true
  }
}

test.for([
  ['text', text],
  ['CSV with a header in each file', csv],
] as const)(
  'each line of files that are followed comes once, whenever the source is left: %s',
  { timeout: 120_000 },
  async ([, format]) => {
    const met = new Set<string>()
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async steps => {
        const world = new World(format)
        await world.run(steps)
        const came = given(world.polled).rows.map(row => {
          const [, line = '', json = ''] = /^.*?:(\d+) (.*)$/.exec(row) ?? []
          return `${line} ${Object.values(JSON.parse(json) as object).join(',')}`
        })
        expect(came.toSorted()).toEqual(world.written.toSorted())
        for (const kind of world.met) met.add(kind)
      }),
      { numRuns: 120, seed: 20_261_126 },
    )
    expect([...met]).toEqual(
      expect.arrayContaining([
        'append while nobody reads',
        'rotate',
        'rotate while nobody reads',
        'copy and cut',
        'copy and cut while nobody reads',
        'remove',
      ]),
    )
  },
)
