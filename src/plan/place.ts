/** Place: the line of the job file in which a method was called, from the stack of an error that nobody throws. */

/** Absolute path and line; null where the stack does not say. */
export interface CallPlace {
  readonly file: string
  readonly line: number
}

/** Who called `method`: the first frame of the stack below it. */
export function callPlace(method: (...args: never[]) => unknown): CallPlace | null {
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, method)
  return placeOfStack(holder.stack ?? '')
}

/** The first frame: `at f (file:///a/job.ts:18:3)`, `at /a/job.ts:18:3`. A query after the path is the loader's. */
export function placeOfStack(stack: string): CallPlace | null {
  for (const line of stack.split('\n')) {
    const found = /^\s*at (?:async )?(?:[^(/]*\()?((?:file:\/\/)?\/.*?)(?:\?[^:]*)?:(\d+):\d+\)?$/.exec(line)
    if (found?.[1] !== undefined) return { file: pathOf(found[1]), line: Number(found[2]) }
  }
  return null
}

const pathOf = (file: string): string =>
  file.startsWith('file://') ? decodeURIComponent(new URL(file).pathname) : file

/** `job.ts:18`, relative to the folder of the job. */
export function placeText(place: CallPlace | null, folder: string): string {
  if (place === null) return ''
  const inside = place.file.startsWith(`${folder}/`) ? place.file.slice(folder.length + 1) : place.file
  return `${inside}:${place.line}`
}
