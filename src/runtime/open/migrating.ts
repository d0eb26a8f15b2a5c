/**
 * Migrating: stored rows of an operator through the Python function that its module declares for what was stored. It runs in
 * a worker of its own, which opens nothing but migrations, before a source gives its first row; what comes back is state
 * of the run that is not stored before the first epoch is, so a start that dies on the way begins again from what was.
 */
import { type AnabranchError, ProtocolError, StateError, WorkerError } from '../../base/index.js'
import { type Batch, ipcSize, ipcTemplate, readIpc, writeIpc } from '../../batch/index.js'
import { type MigrationRef, type OpenStage, type Plan, deadSchema, schemaIds } from '../../plan/index.js'
import { type Schema, formatType, schemaFromJson, schemaToJson } from '../../schema/index.js'
import { type StateForm } from '../../state/index.js'
import { type Frame, Message, Table, type TablePart, type TableView } from '../../transport/index.js'
import { type LostReason } from '../../workers/index.js'
import { readDead } from '../flow/index.js'
import { failureOf, startFailure } from './failures.js'
import { OneWorker, type OneWorkerParts } from './one-worker.js'

export interface Migration extends MigrationRef {
  /** Absolute path of its module. */
  readonly module: string
  /** The values that the operator declares now. */
  readonly to: Schema
}

/** Rows of a call: as a batch of an operator, and below what a worker may answer at once. */
export const migratedRowsMax = 16_384
const replyBytesMin = 1 << 20

/** By operator: the values of the state that it declares. */
export type DeclaredValues = ReadonlyMap<string, Schema>

/** What the modules of a job declare for the operators that it has. */
export const migrationsOf = ({ modules }: Plan, declared: DeclaredValues): readonly Migration[] =>
  modules.flatMap(({ path, migrations = [] }) =>
    migrations.flatMap(each => {
      const to = declared.get(each.operator)
      return to === undefined ? [] : [{ ...each, module: path, to }]
    }),
  )

/** A migration is a stage of one transform: what was stored comes in, what is declared goes out. */
const stageOf = ({ name, operator, module, from, to, declared }: Migration, id: number): OpenStage => {
  const outputs = schemaToJson({
    fields: to.fields.map(({ name: column, type, required }) => {
      return { name: column, type, ...(required === true && { required }) }
    }),
  })
  const form = { kind: 'transform', mode: 'batch', keyed: false, state: [], side: {}, atEnd: false } as const
  const called = { id: operator, module, function: name, inputs: from, outputs, declared, migrates: true } as const
  return {
    id,
    shipped: from,
    schemaId: schemaIds.shipped,
    key: null,
    keys: null,
    operators: [{ ...form, ...called }],
    output: outputs,
  }
}

export class Migrating {
  private readonly worker: OneWorker
  private known: readonly Migration[] | null = null

  /**
   * @param declared of the code with which the run goes on, which is known before it is asked
   * @param parts `start` starts a worker that opens these stages
   */
  constructor(
    private readonly declared: () => readonly Migration[],
    parts: Pick<OneWorkerParts, 'incarnation' | 'pidsChanged'> & {
      start(
        stages: readonly OpenStage[],
        ...args: Parameters<OneWorkerParts['start']>
      ): ReturnType<OneWorkerParts['start']>
    },
  ) {
    this.worker = new OneWorker({
      start: (incarnation, events) => parts.start(this.migrations.map(stageOf), incarnation, events),
      incarnation: () => parts.incarnation(),
      pidsChanged: () => parts.pidsChanged(),
      refused: failed,
      lost: lostError,
    })
  }

  private get migrations(): readonly Migration[] {
    this.known ??= this.declared()
    return this.known
  }

  get pid(): number | null {
    return this.worker.pid
  }

  /** The one for what was stored; null where none is declared. */
  find(operator: string, stored: StateForm): Migration | null {
    return this.migrations.find(each => each.operator === operator && isStored(each, stored.state)) ?? null
  }

  /** @throws StateError ANB6017 where the function raised, or did not take a row. */
  async migrate(migration: Migration, rows: Batch): Promise<Batch> {
    const template = ipcTemplate(schemaFromJson(migration.from))
    const bytes = ipcSize(template, rows)
    const part: TablePart = {
      kind: Table.rows,
      operator: 0,
      output: 0,
      schemaId: schemaIds.shipped,
      rows: rows.rows,
      bytes,
      write: (to, at) => {
        writeIpc(template, rows, to, at)
      },
    }
    const frame = await this.ask(migration, { rows: rows.rows, part, replyBytes: Math.max(replyBytesMin, 4 * bytes) })
    return migratedOf(migration, frame, rows.rows)
  }

  close(): Promise<void> {
    return this.worker.close()
  }

  private async ask(
    migration: Migration,
    { rows, part, replyBytes }: { readonly rows: number; readonly part: TablePart; readonly replyBytes: number },
  ): Promise<Frame> {
    const stage = this.migrations.indexOf(migration)
    try {
      return await this.worker.request({ kind: Message.call, parts: [part], replyBytes, stage, rows })
    } catch (cause) {
      if (!(cause instanceof MigrationFailure)) throw cause
      throw refusal(migration, cause.message, cause.detail)
    }
  }
}

export const isStored = ({ from }: Migration, stored: Schema): boolean =>
  from.length === stored.fields.length &&
  schemaFromJson(from).fields.every(({ name, type }, i) => {
    const field = stored.fields[i]
    return field?.name === name && formatType(field.type) === formatType(type)
  })

/** A copy: the frame's memory goes back. */
function migratedOf(migration: Migration, { tables, loan }: Frame, rows: number): Batch {
  const [dead] = readDead(tables, deadSchema, rows, 1)
  if (dead !== undefined) throw refusal(migration, `it rejected a row: ${dead.message}`, dead.traceback)
  const output = tables.find(({ kind, output: number }) => kind === Table.output && number === 0)
  if (output === undefined) throw new ProtocolError('ANB5001', 'expected rows in the reply of a migration, got none')
  const batch = readIpc(migration.to, output.bytes.slice())
  loan?.release()
  if (batch.rows === rows) return batch
  throw new ProtocolError('ANB5001', `expected ${rows} rows of a migration, got ${batch.rows}`)
}

const refusal = ({ name, operator, module }: Migration, why: string, traceback: string): StateError =>
  new StateError('ANB6017', `migration "${name}" of the state of operator "${operator}" failed: ${why}`, {
    detail: [`In ${module}. Nothing was changed.`, traceback.trimEnd()].filter(text => text !== '').join('\n'),
  })

/** What the function raised, on its way to who knows which one it was. */
class MigrationFailure extends StateError {
  constructor(message: string, detail: string) {
    super('ANB6017', message, { detail })
  }
}

function failed(tables: readonly TableView[]): AnabranchError {
  const { type, message, traceback } = failureOf(tables)
  return new MigrationFailure(type === '' || message.startsWith(type) ? message : `${type}: ${message}`, traceback)
}

const lostError = (reason: LostReason): AnabranchError =>
  startFailure(reason) ??
  reason.error ??
  new WorkerError('ANB3001', 'expected the worker of migrations to stay, it was lost', { detail: reason.stderr })
