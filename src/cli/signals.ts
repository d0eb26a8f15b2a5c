/** Ctrl-C and kill: the first asks to finish what was read, the second stops, the third ends this process as it is. */
import { type Terminal } from './command.js'
import { exitCodes } from './exit-codes.js'

export interface Signals {
  readonly first: AbortSignal
  readonly second: AbortSignal
  /** 130 or 143, by the signal that came; null where none came. */
  code(): number | null
  close(): void
}

export function listenForSignals(terminal: Terminal): Signals {
  const first = new AbortController()
  const second = new AbortController()
  let code: number | null = null
  const heard = (signal: NodeJS.Signals): void => {
    code = signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated
    if (!first.signal.aborted) {
      terminal.err('finishing what was read; once more stops at once')
      first.abort()
    } else if (!second.signal.aborted) second.abort()
    else process.exit(code)
  }
  process.on('SIGINT', heard)
  process.on('SIGTERM', heard)
  return {
    first: first.signal,
    second: second.signal,
    code: () => code,
    close: () => {
      process.off('SIGINT', heard)
      process.off('SIGTERM', heard)
    },
  }
}
