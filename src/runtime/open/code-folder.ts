/**
 * Code folder: the sources of Python modules by their digest, in `DIR/state/code`. Workers run these copies under the names of
 * their files. So a worker that starts later runs what the others run although its file was edited meanwhile, a swap that is
 * thrown away has its old code, and a run that goes on has the new one.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { type Files, PlanError } from '../../base/index.js'

export class CodeFolder {
  constructor(
    private readonly files: Files,
    private readonly folder: string,
  ) {}

  /** Keeps what the file of a module holds now. Answers its SHA-256, hex. @throws PlanError ANB1020 where there is no such file */
  keep(module: string): string {
    const bytes = this.read(module)
    const digest = digestOf(bytes)
    const path = this.pathOf(digest)
    if (this.files.stat(path) !== undefined && digestOf(this.read(path)) === digest) return digest
    this.files.makeDirectory(this.folder)
    const file = this.files.open(`${path}.new`, 'create')
    try {
      file.append(bytes)
      file.sync()
    } finally {
      file.close()
    }
    this.files.rename(`${path}.new`, path)
    this.files.syncDirectory(this.folder)
    return digest
  }

  pathOf(digest: string): string {
    return join(this.folder, `${digest}.py`)
  }

  private read(path: string): Uint8Array {
    const { files } = this
    const bytes = files.stat(path)?.bytes
    if (bytes === undefined) throw new PlanError('ANB1020', `module ${path} does not exist`)
    const file = files.open(path, 'read')
    try {
      const all = new Uint8Array(bytes)
      let at = 0
      for (let n = -1; n !== 0 && at < bytes; at += n) n = file.read(all.subarray(at), at)
      return all.subarray(0, at)
    } finally {
      file.close()
    }
  }
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
