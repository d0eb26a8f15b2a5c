/**
 * Watches the sources below a folder: TypeScript and Python files, by their content. An editor that writes a file three
 * times has changed it once, and a types file follows from its module and is no source.
 */
import { type FSWatcher, readFileSync, readdirSync, watch } from 'node:fs'
import { join } from 'node:path'

/** Milliseconds without an event before the sources are looked at: editors write in several steps. */
const quietMs = 80
const ignored = /^(node_modules|out|dist|__pycache__|\..*)$/
const source = /(?<!\.anabranch)\.(ts|mts|py)$/

export interface SourceWatch {
  /** Absolute paths of all sources with their text, as they were when `changed` last answered. */
  readonly sources: ReadonlyMap<string, string>
  /** Resolves with the next change since it last did, however long ago that was. */
  changed(): Promise<void>
  close(): void
}

export function watchSources(folder: string): SourceWatch {
  const watchers = new Map<string, FSWatcher>()
  let timer: NodeJS.Timeout | null = null
  let heard: (() => void) | null = null

  const look = (): ReadonlyMap<string, string> => {
    const found = new Map<string, string>()
    for (const path of foldersBelow(folder)) {
      if (!watchers.has(path)) watchers.set(path, watchFolder(path, soon))
      for (const entry of readdirSync(path, { withFileTypes: true }))
        if (entry.isFile() && source.test(entry.name)) found.set(join(path, entry.name), read(join(path, entry.name)))
    }
    return found
  }
  let sources = look()
  const compare = (): void => {
    const now = look()
    if (heard === null || same(now, sources)) return
    const tell = heard
    heard = null
    sources = now
    tell()
  }
  function soon(): void {
    if (timer !== null) clearTimeout(timer)
    timer = setTimeout(compare, quietMs)
  }

  return {
    get sources() {
      return sources
    },
    changed: () =>
      new Promise(resolve => {
        heard = resolve
        soon()
      }),
    close: () => {
      if (timer !== null) clearTimeout(timer)
      for (const each of watchers.values()) each.close()
    },
  }

  function watchFolder(path: string, event: () => void): FSWatcher {
    const made = watch(path, event)
    // The folder is gone: the next look does without it.
    made.on('error', () => {
      made.close()
      watchers.delete(path)
    })
    return made
  }
}

function foldersBelow(folder: string): readonly string[] {
  const below = readdirSync(folder, { withFileTypes: true }).filter(
    each => each.isDirectory() && !ignored.test(each.name),
  )
  return [folder, ...below.flatMap(each => foldersBelow(join(folder, each.name)))]
}

function same(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([path, text]) => b.get(path) === text)
}

/** Empty where it is gone between two looks. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
