/** A job over a socket that the test feeds: rows `{"id": N}` come in, and `{"id": N, "twice": 2N}` go to the sink. */
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { type JobFolder, jobFolder } from './job-folder.js'

export interface SocketJob {
  readonly folder: JobFolder
  /** Whether the job has connected to its source. */
  readonly connected: boolean
  /** Rows with the ids from `first` on. */
  feed(first: number, count: number): void
  /** The end of the input. */
  end(): void
}

/** `sink` and `options` are TypeScript of the job file, whose folder is `here`; `each` is Python done for each batch. */
export async function socketJob(sink: string, options = '{}', each = 'pass'): Promise<SocketJob> {
  const folder = await jobFolder({
    'transforms.py': `
import numpy as np
import anabranch as ab
Row = ab.schema({"id": ab.int64})
KEPT = []
@ab.transform(inputs={"id": ab.int64}, outputs={"twice": ab.int64})
def work(batch):
    ${each}
    return {"twice": batch.numpy("id") * 2}
`,
    'job.ts': `
import { files, job, json, nullSink, socket } from 'anabranch'
import t from './transforms.anabranch.js'
const here = import.meta.dirname
export default job('lines', ${options}).from(socket('unix://' + here + '/in.sock', json(t.Row))).apply(t.work).to(${sink})
`,
  })
  let peer: Socket | null = null
  const server: Server = createServer(socket => {
    // A host that is killed may cut it.
    peer = socket.on('error', () => undefined)
  }).listen(join(folder.path, 'in.sock'))
  return {
    folder,
    get connected() {
      return peer !== null
    },
    feed: (first, count) => {
      peer?.write(Array.from({ length: count }, (_, i) => `{"id":${first + i}}\n`).join(''))
    },
    end: () => {
      peer?.end()
      server.close()
    },
  }
}
