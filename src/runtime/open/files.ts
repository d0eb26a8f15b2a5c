/** The real files: node:fs, synchronous, errors as the platform gives them. */
import {
  Dirent,
  closeSync,
  fsync,
  fsyncSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
  type Stats,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { globSync } from 'tinyglobby'
import { type FileStat, type Files, type OpenFile } from '../../base/index.js'

const fsyncSoon = promisify(fsync)

const openFlags = { read: 'r', create: 'w', append: 'a', exclusive: 'wx' } as const

/** The walk takes regular files alone and passes over the rest in silence, so what only looks like input is called one. */
const listing = new Proxy(readdirSync, {
  apply: (list, self, args) => {
    const found: unknown = Reflect.apply(list, self, args)
    if (Array.isArray(found))
      for (const entry of found) if (entry instanceof Dirent && isOther(entry)) entry.isFile = () => true
    return found
  },
})
const globbing = {
  absolute: true,
  onlyFiles: true,
  dot: false,
  expandDirectories: false,
  fs: { readdirSync: listing },
} as const

/** Neither file nor folder: a pipe, a socket, a device, a link that leads nowhere or to itself. */
function isOther(entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return !entry.isFile() && !entry.isDirectory()
  try {
    return stat(join(entry.parentPath, entry.name)) === undefined
  } catch {
    return true
  }
}

export const realFiles: Files = {
  open: (path, mode) => openFile(openSync(path, openFlags[mode])),
  stat,
  list: directory => readdirSync(directory).sort(compare),
  glob: (pattern, directory) => globSync(pattern, { ...globbing, cwd: directory }).sort(compare),
  makeDirectory,
  rename: renameSync,
  remove: unlinkSync,
  removeTree: path => rmSync(path, { recursive: true, force: true }),
  syncDirectory: path => {
    const fd = openSync(path, 'r')
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  },
  realPath: path => realpathSync(path),
  readText: path => readFileSync(path, 'utf8'),
  writeText: (path, text) => writeFileSync(path, text),
}

function stat(path: string): FileStat | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false })
    return stats === undefined ? undefined : statOf(stats)
  } catch (error) {
    // Below a file there is nothing.
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return undefined
    throw error
  }
}

/**
 * As `mkdir -p`. Node's own recursion never ends below /proc, which answers ENOENT for a name it does not take, and says
 * of a read-only file system that the folder is missing.
 */
function makeDirectory(path: string): void {
  if (stat(path)?.kind === 'directory') return
  const parent = dirname(path)
  if (parent !== path && stat(parent) === undefined) makeDirectory(parent)
  try {
    mkdirSync(path)
  } catch (error) {
    // Another process may have made it meanwhile.
    if (stat(path)?.kind !== 'directory') throw error
  }
}

function openFile(fd: number): OpenFile {
  let open = true
  return {
    read: (into, position) => readSync(fd, into, 0, into.length, position),
    append: bytes => {
      // A full disk may take a part of the bytes; the next write then says why.
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at)
    },
    truncate: bytes => ftruncateSync(fd, bytes),
    sync: () => fsyncSync(fd),
    syncSoon: () => fsyncSoon(fd),
    stat: () => statOf(fstatSync(fd)),
    close: () => {
      if (open) closeSync(fd)
      open = false
    },
  }
}

function statOf(stats: Stats): FileStat {
  return {
    bytes: stats.size,
    modifiedMs: stats.mtimeMs,
    inode: stats.ino,
    kind: stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other',
  }
}

/** By code unit, the same on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
