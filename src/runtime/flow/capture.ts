/**
 * A capture: one failing call as an Arrow stream file, whole in itself. The rows are its record batch; what else the
 * call had (the functions, their parameters by name, the state of the key) stands in the schema's metadata.
 */
import { type Batch, endOfStream, ipcSize, ipcTemplate, jsonRowsOf, streamHeader, writeIpc } from '../../batch/index.js'
import { type Stage } from './stage.js'
import { type Call } from './ticket.js'

export function captureOf(
  stage: Stage,
  of: { readonly batch: Batch; readonly slots: Int32Array | null; readonly call: Call },
): Uint8Array {
  const { vertex, keyed } = stage
  const state: Record<string, unknown> = {}
  if (keyed !== null && of.slots !== null)
    for (const [operator, table] of keyed.tables)
      state[vertex.operators[operator]?.id ?? ''] = jsonRowsOf(table.gather(of.slots).state)
  const metadata = {
    'anabranch.capture': '1',
    'anabranch.call': JSON.stringify(of.call),
    'anabranch.operators': JSON.stringify(
      vertex.operators.map(o => ({ id: o.id, module: o.fn.module, function: o.fn.name, declared: o.fn.declared })),
    ),
    'anabranch.key': JSON.stringify(vertex.key?.columns ?? null),
    'anabranch.state': JSON.stringify(state),
  }
  const head = streamHeader(of.batch.schema, metadata)
  const template = ipcTemplate(of.batch.schema)
  const bytes = new Uint8Array(head.length + ipcSize(template, of.batch) + endOfStream.length)
  bytes.set(head)
  const at = head.length + writeIpc(template, of.batch, bytes, head.length)
  bytes.set(endOfStream, at)
  return bytes.subarray(0, at + endOfStream.length)
}
