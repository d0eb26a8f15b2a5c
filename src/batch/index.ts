/**
 * batch: record batches as values (split, concat, take, join), their Arrow IPC bytes, and the bounds-checked
 * reader of what comes back from a worker. The only door of apache-arrow, which is the authority on schemas
 * and the oracle of the tests, never on the hot path. It must never know a worker, a file or a clock.
 */
export * from './column.js'
