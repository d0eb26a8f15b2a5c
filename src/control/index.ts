/**
 * control: asks a running job and tells it what to do: one table of handlers, and the socket of a run that calls it. Promises that
 * nothing a client sends, or leaves out, costs more than an answer in words; and that only the user who runs the job can connect.
 * It must never know an engine, a worker or a file of a connector: it has a `RunningJob`, and asks that.
 *
 * One request a line, one answer a line, in order: `{"id": 1, "do": "status"}`, `{"id": 1, "ok": {...}}` or
 * `{"id": 1, "error": {"class", "code", "message", "detail", "hint"}}`. `id` is any text or number, and comes back.
 */
export { askEnd, askSavepoint, askShadow, askStatus, askSwap, askWorkers } from './ask.js'
export { controlSocket } from './server.js'
