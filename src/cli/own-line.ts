/** The line of the user that a Python traceback is about. */
import { basename } from 'node:path'

/** The innermost frame of a traceback that is no library's: `transforms.py:12  return ...`. */
export function ownLine(traceback: string): string | null {
  const frames = [...traceback.matchAll(/^ {2}File "(.+)", line (\d+)(?:, in .+)?\n {4} *(.+)$/gm)]
  const own = frames.filter(([, path = '']) => !/[/\\](site-packages|lib[/\\]python3[^/\\]*)[/\\]/.test(path)).at(-1)
  return own === undefined ? null : `${basename(own[1] ?? '')}:${own[2] ?? ''}  ${own[3] ?? ''}`
}
