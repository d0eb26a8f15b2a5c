/**
 * The same job with its real Python code: real workers, a real clock, real files in a folder that is gone when the run
 * is over. Slower than stand-ins by the start of an interpreter; it proves that the transforms fit the job.
 */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { invariant, silent } from '../../base/index.js'
import { batchFromRows, loadArrow } from '../../batch/index.js'
import { encoderOf, jsonDecoder, jsonEncoder } from '../../formats/index.js'
import {
  type OtherInput,
  type Plan,
  type SourceNode,
  type Topology,
  stagesOf,
  withFileSinks,
  withInputs,
} from '../../plan/index.js'
import { type RunResult, openWorld, pythonFor, runJob } from '../../runtime/index.js'
import { schemaFromJson } from '../../schema/index.js'
import { FaultHere, type InputItem, type Inputs, inputNamed, rowOf } from './input.js'
import { type Collected, type Letter, Outcome } from './outcome.js'

export interface PythonTerms {
  readonly workers: number
  readonly lanes: number
  readonly batchRows: number
}

export async function runWithPython(plan: Plan, inputs: Inputs, terms: PythonTerms): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'anabranch-drive-'))
  try {
    const rewired = withFileSinks(withInputs(plan, writeInputs(plan, inputs, folder)), 'json')
    const out = join(folder, 'out')
    const result = await run(rewired, out, terms)
    const collected = collect(stagesOf(rewired), out)
    const { rowsIn, rowsOut, rowsDead, counters } = result
    const letters = readLetters(join(out, 'dead-letters'))
    return new Outcome({
      collected: () => collected,
      letters: () => letters,
      counts: () => ({ rowsIn, rowsOut, rowsDead }),
      counters: () => counters,
      toArrow: await loadArrow(),
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function run(plan: Plan, out: string, { workers, lanes, batchRows }: PythonTerms): Promise<RunResult> {
  const never = new AbortController().signal
  const world = openWorld()
  const python = await pythonFor(plan.folder, world).finally(() => world.close())
  return runJob(plan, {
    epochMs: null,
    stateBudgetBytes: null,
    fresh: false,
    from: null,
    rewind: false,
    dropState: [],
    out,
    workers: workers === null ? null : { min: null, max: workers },
    spares: null,
    lanes,
    batchRows,
    captures: { every: null, slowMs: null },
    python,
    observer: silent,
    onProgress: () => undefined,
    attendants: [],
    signal: { first: never, second: never },
  })
}

/** One file a source, those without input included: nothing outside the folder is read. */
function writeInputs(plan: Plan, inputs: Inputs, folder: string): readonly OtherInput[] {
  const sources = plan.nodes.filter(node => node.kind === 'source')
  const known = new Map(sources.map(source => [source.id, source]))
  for (const id of Object.keys(inputs)) inputNamed(known, id)
  return sources.map(source => {
    const { format } = source.connector
    const path = join(folder, `${source.id}.${format.kind === 'csv' ? 'csv' : 'jsonl'}`)
    writeFileSync(path, textOf(source, inputs[source.id] ?? []))
    return { source: source.id, path }
  })
}

/** Lines as they were given, rows as the source's format has them: JSON, where it has no lines. */
function textOf(source: SourceNode, items: readonly InputItem[]): string {
  const schema = schemaFromJson(source.schema)
  const { format } = source.connector
  const encoder = (format.kind === 'csv' ? encoderOf(format, schema) : null) ?? jsonEncoder(schema)
  const lines = items.map((item, i) => {
    if (item instanceof FaultHere) throw new TypeError('a fault needs stand-ins: real workers fail by themselves')
    if (typeof item === 'string') return `${item}\n`
    const row = rowOf(schema, item, `row ${i + 1} of source "${source.id}"`)
    if (format.kind === 'text') return `${String(row['line'])}\n`
    return new TextDecoder().decode(encoder.encode(batchFromRows(schema, [row])))
  })
  return `${new TextDecoder().decode(encoder.head)}${lines.join('')}`
}

function collect(topology: Topology, out: string): ReadonlyMap<string, Collected> {
  const sinks = topology.vertices.filter(vertex => vertex.kind === 'sink')
  return new Map(
    sinks.map(({ id, schema }) => {
      const decoder = jsonDecoder(schema)
      for (const bytes of filesIn(join(out, 'sinks', id))) {
        decoder.space(bytes.length).set(bytes)
        decoder.filled(bytes.length)
      }
      decoder.finish()
      const rows = decoder.next(Number.MAX_SAFE_INTEGER)
      return [id, { schema, batches: rows === null ? [] : [rows.batch] }]
    }),
  )
}

/** Whole files in the order of their names; none where the folder is not there. */
function filesIn(folder: string): readonly Uint8Array[] {
  if (!existsSync(folder)) return []
  const names = readdirSync(folder).filter(name => name.endsWith('.jsonl'))
  return names.sort().map(name => readFileSync(join(folder, name)))
}

function readLetters(folder: string): readonly Letter[] {
  const lines = filesIn(folder).flatMap(bytes => new TextDecoder().decode(bytes).split('\n'))
  return lines.filter(line => line !== '').map(letterOf)
}

function letterOf(line: string): Letter {
  const letter: unknown = JSON.parse(line)
  invariant(isLetter(letter), 'our own dead letters have their fields')
  const { operator, transform, source, position, row, error, attempt } = letter
  return { operator, transform, source: basename(source).replace(/\.\w+$/, ''), position, row, error, attempt }
}

const isLetter = (value: unknown): value is Letter =>
  typeof value === 'object' && value !== null && 'operator' in value && 'error' in value
