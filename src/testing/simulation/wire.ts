/**
 * The wire from one worker to the host: bytes on their way, with everything that can happen to them. What was not yet
 * handed to the kernel dies with its process.
 */
import { type Chance } from './chance.js'
import { type VirtualClock } from './clock.js'
import { type Striker } from './faults.js'

interface Sent {
  /** When the host could hear it. */
  readonly atMs: number
  /** When it left the process. */
  readonly flushedMs: number
  lost: boolean
  heard: boolean
}

const incarnationAt = 16
const directoryAt = 64

/** One damaged reply at a time, shared by all wires: two refusals in a row stop a job, which is another test. */
export class Damage {
  private out = false
  private wasRefused = false

  /** `without`: no limit. */
  constructor(private readonly without: boolean) {}

  get allowed(): boolean {
    return this.without || !this.out
  }
  sent(): void {
    this.out = true
    this.wasRefused = false
  }
  refused(): void {
    this.wasRefused = true
  }
  /** The host took a good reply. */
  healed(): void {
    if (this.wasRefused) this.out = false
  }
}

export class Wire {
  private onTheWay: Sent[] = []
  private lastMs = 0

  constructor(
    private readonly world: {
      readonly clock: VirtualClock
      readonly chance: Chance
      readonly striker: Striker
      readonly damage: Damage
    },
    private readonly hear: (bytes: Uint8Array) => void,
  ) {}

  heardBefore(ms: number): boolean {
    return this.onTheWay.some(s => !s.lost && !s.heard && s.atMs < ms)
  }

  send(reply: Uint8Array): void {
    const { chance, striker, damage } = this.world
    const harmed = this.harmed(reply)
    if (harmed !== null) damage.sent()
    this.deliver(harmed ?? reply, this.delay(), false)
    // A copy of a damaged reply would be the reply itself.
    if (harmed !== null) return
    if (striker.strikes('reply duplicated')) this.deliver(reply, 0.1 + chance.next(), false)
    if (striker.strikes('reply comes again late')) this.deliver(reply, chance.between(100, 20_000), true)
    if (striker.strikes('reply of another incarnation')) {
      const foreign = new Uint8Array(reply)
      foreign[incarnationAt] = (foreign[incarnationAt] ?? 0) + (chance.happens(0.5) ? 1 : -1)
      this.deliver(foreign, 0.1, true)
    }
  }

  /** The process is gone. Answers in how many milliseconds the last of its bytes is heard. */
  cut(unflushed: boolean): number {
    const { nowMs } = this.world.clock
    let lastMs = 0
    for (const sent of this.onTheWay) {
      if (unflushed && sent.flushedMs > nowMs) sent.lost = true
      if (!sent.lost && !sent.heard) lastMs = Math.max(lastMs, sent.atMs - nowMs)
    }
    return lastMs
  }

  private delay(): number {
    const { chance, striker, clock } = this.world
    const own = striker.strikes('reply delayed') ? chance.between(20, 800) : 0.05 + 0.2 * chance.next()
    const after = clock.nowMs + own
    if (striker.strikes('replies reordered')) return own + 2 * chance.next()
    this.lastMs = Math.max(this.lastMs, after)
    return this.lastMs - clock.nowMs
  }

  /** Late copies are not waited for when the process ends. */
  private deliver(bytes: Uint8Array, ms: number, late: boolean): void {
    const { clock } = this.world
    const sent: Sent = { atMs: clock.nowMs + ms, flushedMs: clock.nowMs + Math.min(ms, 0.1), lost: false, heard: false }
    if (!late) this.onTheWay = [...this.onTheWay.filter(s => !s.heard && !s.lost), sent]
    clock.tell(ms, () => {
      sent.heard = true
      if (!sent.lost) this.hear(bytes)
    })
  }

  private harmed(reply: Uint8Array): Uint8Array | null {
    const { chance, striker, damage } = this.world
    if (!damage.allowed) return null
    if (striker.strikes('reply cut')) return reply.slice(0, chance.below(reply.length))
    return striker.strikes('reply damaged') ? damaged(reply, chance) : null
  }
}

/** One bit of what describes the tables. (Values have no check sum: a socket of this machine does not turn bits.) */
function damaged(reply: Uint8Array, chance: Chance): Uint8Array {
  const copy = new Uint8Array(reply)
  const view = new DataView(copy.buffer)
  const directory = 32 * view.getUint32(44, true)
  const at = directoryAt + chance.below(Math.max(1, directory))
  copy[at] = (copy[at] ?? 0) ^ (1 << chance.below(8))
  return copy
}
