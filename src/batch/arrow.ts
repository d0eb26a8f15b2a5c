/**
 * Batches as tables of apache-arrow, for people and their tools: results of the job driver, notebooks in TypeScript.
 * The library is loaded when the first table is asked for, since that takes longer than a whole job in a test; nothing
 * that runs jobs asks.
 */
import type { Table } from 'apache-arrow'
import { type Schema } from '../schema/index.js'
import { type Batch } from './column.js'
import { arrowStream } from './ipc-stream.js'

export type ArrowTable = Table

/** Makes a table of batches that all have this schema; without batches the table has columns and no rows. */
export type ToArrowTable = (schema: Schema, batches: readonly Batch[]) => ArrowTable

/** The library, for those who need tables at once later. */
export async function loadArrow(): Promise<ToArrowTable> {
  const { tableFromIPC } = await import('apache-arrow')
  return (schema, batches) => tableFromIPC(arrowStream(schema, batches))
}

/** One batch as a table of apache-arrow. */
export const toArrowTable = async (batch: Batch): Promise<ArrowTable> => (await loadArrow())(batch.schema, [batch])
