/**
 * batch: record batches as values (split, concat, take, join), their Arrow IPC bytes, and the bounds-checked
 * reader of what comes back from a worker. It must never know a worker, a file or a clock.
 */
export { type ArrowTable, type ToArrowTable, loadArrow, toArrowTable } from './arrow.js'
export * from './bits.js'
export * from './column.js'
export { concat, joinedBytes } from './concat.js'
export type { IpcLimits } from './ipc-metadata.js'
export { readIpc } from './ipc-read.js'
export * from './loan.js'
export { endOfStream, streamHeader } from './ipc-schema.js'
export { arrowStream } from './ipc-stream.js'
export { type IpcTemplate, ipcSize, ipcTemplate, writeIpc } from './ipc-write.js'
export { type Selection, columnNamed, emptyBatch, nullColumn, select, withColumns } from './select.js'
export { Slab } from './slab.js'
export { byteLength, slice, sliceColumn } from './slice.js'
export { filterRows, take, takeColumn, takeInto, takenBytes } from './take.js'
export { textsAreUtf8 } from './utf8.js'
export { toBase64 as base64Of } from './scalar-text.js'
export * from './views.js'
export { type Json, jsonAt, jsonRow, jsonRowsOf, rowsOf, valueAt } from './rows.js'
export * from './values.js'
