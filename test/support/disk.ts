/**
 * A disk in memory that can lose power. What was written is seen at once and outlives a crash of the process; it outlives a
 * loss of power only where it was synced: bytes of a file by `sync`, names by `syncDirectory` of their folder.
 *
 * At a chosen step it dies in the middle: half of an append is there, and every later step throws too, until it is started
 * again. No real file system forgets as much as a loss of power does here.
 */
import { basename, dirname } from 'node:path'
import { type FileStat, type Files, type OpenFile } from '../../src/base/index.js'

/** A step of a disk that has died. */
export class Died extends Error {}

/** Whether the machine died in the middle; whatever else goes wrong passes through. */
export async function diedIn(run: () => Promise<unknown>): Promise<boolean> {
  try {
    await run()
    return false
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    if (cause instanceof Died) return true
    throw error
  }
}

interface FileNode {
  readonly kind: 'file'
  bytes: Buffer
  synced: Buffer
}
interface FolderNode {
  readonly kind: 'directory'
  names: Map<string, Node>
  synced: Map<string, Node>
}
type Node = FileNode | FolderNode

const folderNode = (): FolderNode => ({ kind: 'directory', names: new Map(), synced: new Map() })

const refused = (code: string, path: string): Error => Object.assign(new Error(`${code}: ${path}`), { code })

export class Disk implements Files {
  /** Steps that change something, so far. */
  steps = 0
  private readonly root = folderNode()
  private dead = false
  private diesAt = Number.POSITIVE_INFINITY

  /** The machine is on again, and dies at this many further steps. */
  start(diesAfter: number, power: 'kept' | 'lost'): void {
    if (power === 'lost') lose(this.root)
    this.dead = false
    this.diesAt = this.steps + diesAfter
  }

  open(path: string, mode: 'read' | 'create' | 'exclusive' | 'append'): OpenFile {
    if (mode === 'read') return this.opened(path, this.file(path))
    const folder = this.folder(dirname(path))
    const found = folder.names.get(basename(path))
    if (found?.kind === 'directory') throw refused('EISDIR', path)
    if (found !== undefined && mode === 'exclusive') throw refused('EEXIST', path)
    const file: FileNode = found ?? { kind: 'file', bytes: Buffer.alloc(0), synced: Buffer.alloc(0) }
    if (found === undefined || mode === 'create') {
      this.step()
      file.bytes = Buffer.alloc(0)
      folder.names.set(basename(path), file)
    }
    return this.opened(path, file)
  }

  stat(path: string): FileStat | undefined {
    const node = this.find(path)
    return node === undefined ? undefined : statOf(node)
  }

  list(directory: string): readonly string[] {
    return [...this.folder(directory).names.keys()]
  }

  glob(): readonly string[] {
    throw new TypeError('nobody reads this disk by patterns')
  }

  makeDirectory(path: string): void {
    if (this.find(path) !== undefined) return
    if (path === '/') return
    this.makeDirectory(dirname(path))
    this.step()
    this.folder(dirname(path)).names.set(basename(path), folderNode())
  }

  rename(from: string, to: string): void {
    const moved = this.find(from)
    if (moved === undefined) throw refused('ENOENT', from)
    const into = this.folder(dirname(to))
    this.step()
    this.folder(dirname(from)).names.delete(basename(from))
    into.names.set(basename(to), moved)
  }

  remove(path: string): void {
    this.file(path)
    this.step()
    this.folder(dirname(path)).names.delete(basename(path))
  }

  removeTree(path: string): void {
    if (this.find(path) === undefined) return
    this.step()
    this.folder(dirname(path)).names.delete(basename(path))
  }

  syncDirectory(path: string): void {
    const folder = this.folder(path)
    this.step()
    folder.synced = new Map(folder.names)
  }

  realPath(path: string): string {
    return path
  }

  readText(path: string): string {
    return this.read(path).toString()
  }

  writeText(path: string, text: string): void {
    this.open(path, 'create').append(Buffer.from(text))
  }

  /** As a person sees it, also while it is dead. */
  read(path: string): Buffer {
    return Buffer.from(this.file(path).bytes)
  }

  /** Paths of all files below a folder, in order. */
  below(path: string): readonly string[] {
    const node = this.find(path)
    if (node === undefined) return []
    if (node.kind === 'file') return [path]
    return [...node.names.keys()].sort().flatMap(name => this.below(`${path}/${name}`))
  }

  private opened(path: string, file: FileNode): OpenFile {
    return {
      read: (into, position) => file.bytes.copy(into, 0, position, position + into.length),
      append: bytes => {
        const part = this.dies() ? bytes.subarray(0, bytes.length >> 1) : bytes
        file.bytes = Buffer.concat([file.bytes, part])
        if (this.dead) throw new Died(path)
      },
      truncate: bytes => {
        this.step()
        file.bytes = Buffer.from(file.bytes.subarray(0, bytes))
      },
      sync: () => this.sync(file),
      syncSoon: async () => this.sync(file),
      stat: () => statOf(file),
      close: () => undefined,
    }
  }

  private sync(file: FileNode): void {
    this.step()
    file.synced = file.bytes
  }

  private step(): void {
    if (this.dies()) throw new Died('the machine went off')
  }

  private dies(): boolean {
    if (this.dead) throw new Died('the machine is off')
    this.steps += 1
    this.dead = this.steps >= this.diesAt
    return this.dead
  }

  private find(path: string): Node | undefined {
    let at: Node | undefined = this.root
    for (const part of path.split('/').filter(Boolean)) {
      at = at?.kind === 'directory' ? at.names.get(part) : undefined
    }
    return at
  }

  private folder(path: string): FolderNode {
    const node = this.find(path)
    if (node?.kind === 'directory') return node
    throw refused(node === undefined ? 'ENOENT' : 'ENOTDIR', path)
  }

  private file(path: string): FileNode {
    const node = this.find(path)
    if (node?.kind === 'file') return node
    throw refused(node === undefined ? 'ENOENT' : 'EISDIR', path)
  }
}

function lose(folder: FolderNode): void {
  folder.names = new Map(folder.synced)
  for (const node of folder.names.values()) {
    if (node.kind === 'directory') lose(node)
    else node.bytes = node.synced
  }
}

function statOf(node: Node): FileStat {
  const bytes = node.kind === 'file' ? node.bytes.length : 0
  return { bytes, modifiedMs: 0, inode: 0, kind: node.kind }
}
