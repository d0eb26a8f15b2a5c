/**
 * Ctrl-C, kill and a terminal that closes: the first asks to finish what was read, the second stops, the third ends
 * this process as it is.
 */
import { type Terminal } from './command.js'
import { exitCodes } from './exit-codes.js'

const codes = { SIGINT: exitCodes.interrupted, SIGTERM: exitCodes.terminated, SIGHUP: exitCodes.hungUp } as const
export type Heard = keyof typeof codes
export const heardSignals: readonly Heard[] = ['SIGINT', 'SIGTERM', 'SIGHUP']
/** As a shell tells the end by a signal. */
export const codeOf = (signal: Heard): number => codes[signal]

export interface Signals {
  readonly first: AbortSignal
  readonly second: AbortSignal
  /** 129, 130 or 143, by the signal that came; null where none came. */
  code(): number | null
  close(): void
}

export function listenForSignals(terminal: Terminal): Signals {
  const first = new AbortController()
  const second = new AbortController()
  let code: number | null = null
  const heard = (signal: Heard): void => {
    code = codeOf(signal)
    if (!first.signal.aborted) {
      terminal.err('finishing what was read; once more stops at once')
      first.abort()
    } else if (!second.signal.aborted) second.abort()
    else process.exit(code)
  }
  for (const signal of heardSignals) process.on(signal, heard)
  return {
    first: first.signal,
    second: second.signal,
    code: () => code,
    close: () => {
      for (const signal of heardSignals) process.off(signal, heard)
    },
  }
}
