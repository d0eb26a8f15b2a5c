/**
 * The shared mapping: memory that the host and one local worker both see: a body need not go through the kernel.
 *
 * A sealed memfd: nothing lies on disk, only the process that inherits the descriptor has it, and a worker that tries
 * to shrink the file (which would kill the host with SIGBUS) is refused by the kernel. Linux only; where there is
 * none, everything travels in the frames, and nothing else changes.
 */
import { closeSync, ftruncateSync } from 'node:fs'
import { createRequire } from 'node:module'
import { platform } from 'node:process'

export interface Mapping {
  /** For the worker to inherit. -1 once `handOver` closed it. */
  readonly fd: number
  readonly bytes: Uint8Array
  /** Closes our descriptor: the worker has inherited its own. */
  handOver(): void
  /** Gives the memory back at once; the address range goes when the last view is collected. Callable twice. */
  close(): void
}

interface Native {
  memfd(name: string, flags: number): number
  map(bytes: number, fd: number): unknown
  seal(fd: number): number
  /** Frees the pages; the range stays readable as zeros, so that a view left over reads zeros and not a fault. */
  discard(pointer: unknown, bytes: number): void
  unmap(pointer: unknown, bytes: number): void
  view(pointer: unknown, bytes: number): ArrayBuffer
}

const closeOnExec = 1
const allowSealing = 2
const readWrite = 3
const shared = 1
const addSeals = 1033
/** F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW. */
const sealed = 1 | 2 | 4
const removePages = 9

let native: Native | null | undefined
const collected = new FinalizationRegistry<() => void>(unmap => unmap())

/** A mapping of `bytes` (rounded up to whole pages), or null where this machine has none to give. */
export function createMapping(bytes: number): Mapping | null {
  native ??= load()
  if (native === null || bytes <= 0) return null
  const calls = native
  const size = Math.ceil(bytes / 4096) * 4096
  let fd = calls.memfd('anabranch', closeOnExec | allowSealing)
  if (fd < 0) return null
  try {
    ftruncateSync(fd, size)
    const pointer = calls.map(size, fd)
    if (pointer === null || calls.seal(fd) !== 0) throw new Error('the kernel refused the mapping')
    const memory = calls.view(pointer, size)
    collected.register(memory, () => calls.unmap(pointer, size))
    const handOver = (): void => {
      if (fd >= 0) closeSync(fd)
      fd = -1
    }
    let open = true
    const close = (): void => {
      handOver()
      if (open) calls.discard(pointer, size)
      open = false
    }
    return {
      get fd() {
        return fd
      },
      bytes: new Uint8Array(memory),
      handOver,
      close,
    }
  } catch {
    closeSync(fd)
    return null
  }
}

function load(): Native | null {
  if (platform !== 'linux') return null
  try {
    const koffi: typeof import('koffi') = createRequire(import.meta.url)('koffi')
    const c = koffi.load(null)
    const memfd = c.func('int memfd_create(const char *name, unsigned int flags)')
    const mmap = c.func('void *mmap(void *addr, size_t length, int prot, int flags, int fd, int64_t offset)')
    const munmap = c.func('int munmap(void *addr, size_t length)')
    const madvise = c.func('int madvise(void *addr, size_t length, int advice)')
    const fcntl = c.func('int fcntl(int fd, int cmd, int arg)')
    const failed = 0xffffffffffffffffn
    return {
      memfd: (name, flags) => memfd(name, flags),
      map: (bytes, fd) => {
        const pointer: unknown = mmap(null, bytes, readWrite, shared, fd, 0)
        return koffi.address(pointer) === failed ? null : pointer
      },
      seal: fd => fcntl(fd, addSeals, sealed),
      discard: (pointer, bytes) => void madvise(pointer, bytes, removePages),
      unmap: (pointer, bytes) => void munmap(pointer, bytes),
      view: (pointer, bytes) => koffi.view(pointer, bytes),
    }
  } catch {
    return null
  }
}
