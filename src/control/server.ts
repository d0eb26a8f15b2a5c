/**
 * The socket of a run. It lies in the run's private folder, since the path of a socket is short and that of an output folder may be
 * long; `DIR/state/control` is a link to it, and `run.json` says where it is. Both folder and socket are for this user alone.
 */
import { chmodSync, mkdirSync, readlinkSync, rmSync, rmdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { AccessError, type ByteStream, ConnectorError } from '../base/index.js'
import { type Attendant, type RunningJob } from '../runtime/index.js'
import { Conversation } from './conversation.js'

/** Clients at once. One more takes the place of one that waits for no answer, the oldest first. */
export const clientsMax = 16
/** Answers under way when the run ends still go out, to whoever reads them within so long. */
const farewellMs = 1_000

export const controlSocket: Attendant = async (job, { out, runFolder, world, announce }) => {
  const path = join(runFolder, 'control')
  const clients = new Clients(job)
  const listener = await world.sockets.listen(`unix://${path}`, stream => clients.opened(stream))
  chmodSync(path, 0o600)
  const link = linkTo(path, join(out, 'state'))
  announce(path)
  return {
    async close() {
      unlink(link, path)
      let cancel = (): void => undefined
      const late = new Promise<void>(resolve => {
        cancel = world.clock.after(farewellMs, resolve)
      })
      await Promise.race([clients.close(), late])
      cancel()
      listener.close()
    },
  }
}

class Clients {
  /** The one that came first is first. */
  private readonly all = new Set<Conversation>()

  constructor(private readonly job: RunningJob) {}

  opened(stream: ByteStream): Conversation {
    const client: Conversation = new Conversation(this.job, stream, () => this.all.delete(client))
    if (this.makeRoom()) this.all.add(client)
    else client.refuse(new AccessError('ANB7002', `expected at most ${clientsMax} clients that wait for an answer`))
    return client
  }

  async close(): Promise<void> {
    await Promise.all([...this.all].map(client => client.close()))
  }

  private makeRoom(): boolean {
    if (this.all.size < clientsMax) return true
    const idle = [...this.all].find(client => !client.waits)
    if (idle === undefined) return false
    this.all.delete(idle)
    idle.destroy()
    return true
  }
}

/** A link that a killed run left behind is replaced: who has the lock of the folder is alone in it. */
function linkTo(path: string, folder: string): string {
  const link = join(folder, 'control')
  try {
    mkdirSync(folder, { recursive: true })
    rmSync(link, { force: true })
    symlinkSync(path, link)
  } catch (cause) {
    throw new ConnectorError('ANB4003', `could not write ${link}: ${String(cause)}`, { cause })
  }
  return link
}

function unlink(link: string, path: string): void {
  try {
    if (readlinkSync(link) === path) rmSync(link)
    // Of a run that keeps no state, or was refused, nothing else is in it.
    rmdirSync(dirname(link))
  } catch {
    // Somebody took it away already, or there is state.
  }
}
