/** The real terminal: data on stdout, the rest on stderr, one status line that never mixes with what is printed. */
import { writeSync } from 'node:fs'
import { ConnectorError } from '../base/index.js'
import { type Terminal } from './command.js'

export function realTerminal(env: Readonly<Record<string, string | undefined>> = process.env): Terminal {
  const interactive = process.stderr.isTTY === true
  let shown = ''
  // A terminal that closed takes no more: the run that it hung up on still finishes what it read.
  if (interactive) process.stderr.on('error', () => undefined)
  const clear = (): void => {
    if (shown !== '') process.stderr.write('\r\u001b[K')
    shown = ''
  }
  return {
    interactive,
    color: interactive && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
    get columns() {
      return process.stderr.columns ?? 80
    },
    // A pipe is written at once: whoever reads the last line may be gone before a queue is.
    out: text => writeAll(1, `${text}\n`),
    err: text => {
      const status = shown
      clear()
      writeAll(2, `${text}\n`)
      if (status !== '') draw(status)
    },
    status: text => {
      if (!interactive) return
      clear()
      if (text !== '') draw(text)
    },
  }

  function draw(text: string): void {
    shown = text.slice(0, Math.max(10, (process.stderr.columns ?? 80) - 1))
    process.stderr.write(shown)
  }
}

/**
 * A pipe that is full answers EAGAIN; one that nobody reads any more is no error of ours. Where stderr cannot be
 * written there is nobody to tell.
 */
function writeAll(descriptor: 1 | 2, text: string): void {
  const bytes = Buffer.from(text)
  let at = 0
  while (at < bytes.length) {
    try {
      at += writeSync(descriptor, bytes, at)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : ''
      if (code === 'EAGAIN') continue
      if (code === 'EPIPE' || descriptor === 2) return
      const said = error instanceof Error ? error.message : String(error)
      const hint = 'check space and permissions where stdout goes'
      throw new ConnectorError('ANB4003', `could not write to stdout: ${said}`, { hint, cause: error })
    }
  }
}
