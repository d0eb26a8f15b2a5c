/** Observer: each step of the engine tells it what happened; metrics, logs and tests listen. It never changes what the engine does. */
export interface Observer {
  /** A thing that is counted: `lease.resent`, `reply.stale`, `reply.duplicate`, `frame.refused`, ... */
  count(name: string, by?: number, labels?: Readonly<Record<string, string | number>>): void
  /** A line for the log. */
  log(level: 'debug' | 'info' | 'warning' | 'error', message: string, fields?: Readonly<Record<string, unknown>>): void
}

export const silent: Observer = { count: () => undefined, log: () => undefined }
