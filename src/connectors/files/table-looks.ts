/** Looks at files of tables before the first row: their ends, their footers, and all that is wrong with them, told together. */
import { AnabranchError, ConnectorError, type Files, type PlanFault, catalogue } from '../../base/index.js'
import { type Schema } from '../../schema/index.js'
import { type TableFooter, type TableWork } from '../contract.js'
import { damaged } from '../io-error.js'
import { type Input } from './inputs.js'
import { refuseMisfits } from './misfits.js'
import { type TableFormat, checkEnds } from './table-ends.js'
import { faultsOf } from './table-fit.js'

/** Footers that are looked at together. */
const inspectMax = 4

/** A file and its footer, or why it is damaged. */
export interface Look {
  readonly input: Input
  readonly footer: TableFooter | ConnectorError
}
interface Looking {
  readonly files: Files
  readonly format: TableFormat
  readonly tables: TableWork
}

export async function lookAtAll(inputs: readonly Input[], looking: Looking): Promise<readonly Look[]> {
  const looks: Look[] = []
  for (let from = 0; from < inputs.length; from += inspectMax) {
    looks.push(...(await Promise.all(inputs.slice(from, from + inspectMax).map(input => lookAt(input, looking)))))
  }
  return looks
}

async function lookAt(input: Input, { files, format, tables }: Looking): Promise<Look> {
  try {
    checkEnds(input, files, format)
    const footer = await orDamaged(input, 'has a footer that cannot be read', () => tables.inspect(input.path))
    return { input, footer }
  } catch (cause) {
    if (cause instanceof ConnectorError && cause.code === 'ANB4002') return { input, footer: cause }
    throw cause
  }
}

/** Files that are damaged or do not fit, told together: who mends one must not find the next one in the next run. */
export function refuseBad(looks: readonly Look[], schema: Schema): void {
  const damages = looks.flatMap(({ footer }) => (footer instanceof ConnectorError ? [footer] : []))
  const faults = looks.flatMap(({ input, footer }) =>
    footer instanceof ConnectorError ? [damageOf(input, footer)] : faultsOf(input.name, footer, schema),
  )
  const [first, ...others] = damages
  if (first === undefined || faults.length > damages.length) return refuseMisfits(faults, looks.length)
  if (others.length === 0) throw first
  const detail = others.map(error => error.message).join('\n')
  throw new ConnectorError('ANB4002', first.message, { detail, cause: first })
}

const damageOf = (input: Input, { code, message, hint }: ConnectorError): PlanFault => ({
  code,
  message,
  place: `file "${input.name}"`,
  hint: hint || catalogue[code].hint,
})

/**
 * Whatever pyarrow says of a file, and bytes that are no rows, mean that it is damaged: told with the file's name as the
 * job knows it. A process of ours that is lost keeps its own error.
 */
export async function orDamaged<T>(input: Input, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof ConnectorError) {
      const message = cause.message.replace(`file ${input.path}`, `file "${input.name}"`)
      throw new ConnectorError(cause.code, message, { detail: `It ${what}.`, cause })
    }
    const isContent = cause instanceof AnabranchError && ['TransformError', 'ProtocolError'].includes(cause.class)
    if (cause instanceof AnabranchError && !isContent) throw cause
    throw damaged(input.name, `${what}: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
  }
}
