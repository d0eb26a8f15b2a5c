/** Holds a source of the user's own to its contract: a wrong batch stops the job and names what was wrong. */
import { type Batch } from '../../batch/index.js'
import { AnabranchError, ConnectorError, ContractError, ShapeError, shape } from '../../base/index.js'
import { type Schema, formatType } from '../../schema/index.js'
import { type PollLimit, type Polled, type Source, type SourcePosition, type SourceProgress } from '../contract.js'

export interface OwnSourceOptions {
  /** Of the export, for messages. */
  readonly name: string
  readonly schema: Schema
  readonly source: Source
}

const json = shape.anyJson()

export class OwnSource implements Source {
  private ended = false

  constructor(private readonly options: OwnSourceOptions) {}

  get bounded(): boolean {
    return this.options.source.bounded
  }

  get replayable(): boolean {
    return this.options.source.replayable
  }

  open(from?: SourcePosition | null): Promise<void> {
    return own('source', this.options.name, () => this.options.source.open(from))
  }

  /** A poll after the end is answered here: it need not expect one. */
  async poll(limit: PollLimit): Promise<Polled | null> {
    const { name, source, schema } = this.options
    if (this.ended) return null
    const polled = await own('source', name, () => source.poll(limit))
    this.ended = polled === null
    if (polled === null) return null
    checkColumns('source', name, polled.batch, schema)
    const { batch, dead, positions } = polled
    const records = batch.rows + dead.length
    if (records > limit.rowsMax) throw broken('source', name, `at most ${limit.rowsMax} rows`, `${records}`)
    if (positions !== null && positions.length !== batch.rows) {
      throw broken('source', name, `a position for each of ${batch.rows} rows`, `${positions.length}`)
    }
    this.checkNext(polled)
    return polled
  }

  private checkNext({ next }: Polled): void {
    const { name, source } = this.options
    if (source.replayable && next === undefined) {
      throw broken('source', name, 'where to go on (next) in every poll, as it declares replayable: true', 'none')
    }
    if (!source.replayable && next !== undefined) {
      throw broken('source', name, 'no next in a poll, as it declares replayable: false', 'one')
    }
    try {
      if (next !== undefined) json(next, 'next')
    } catch (cause) {
      if (cause instanceof ShapeError) throw broken('source', name, 'next to be plain JSON', cause.message)
      throw cause
    }
  }

  progress(): SourceProgress {
    return this.options.source.progress()
  }

  drain(): void {
    this.options.source.drain()
  }

  close(): Promise<void> {
    return own('source', this.options.name, () => this.options.source.close())
  }
}

/** What user code throws that is no error of ours, with the name of the export. */
export async function own<T>(kind: 'source' | 'sink', name: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (cause) {
    throw cause instanceof AnabranchError ? cause : failed(kind, name, cause)
  }
}

type Kind = 'source' | 'sink' | 'decoder'

export function failed(kind: Kind, name: string, cause: unknown): ConnectorError {
  const said = cause instanceof Error ? cause.message : String(cause)
  const detail = cause instanceof Error ? (cause.stack ?? '') : ''
  return new ConnectorError('ANB4010', `${kind} "${name}" failed: ${said}`, { detail, cause })
}

export function checkColumns(kind: Kind, name: string, { schema: given }: Batch, declared: Schema): void {
  const text = (schema: Schema): string =>
    schema.fields.map(field => `${field.name} ${formatType(field.type)}`).join(', ')
  if (text(given) !== text(declared)) throw broken(kind, name, `columns ${text(declared)}`, text(given))
}

export const broken = (kind: Kind, name: string, expected: string, got: string): ContractError =>
  new ContractError('ANB4011', `${kind} "${name}": expected ${expected}, got ${got}`)
