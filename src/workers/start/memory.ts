/**
 * What the system knows of a process: its memory's high-water mark, whether it stands still or is over. Linux tells
 * it in /proc; elsewhere nothing is known and nothing depends on it. The mark is read now and then, since a dead
 * process has none.
 */
import { type World } from '../../base/index.js'

const lookEveryMs = 500

export class Memory {
  peakRssBytes: number | null = null
  private cancel: () => void = () => undefined
  private watching = false

  constructor(
    private readonly process: { readonly pid: number },
    private readonly world: Pick<World, 'clock' | 'files'>,
  ) {}

  /** Looks from now on, until `stop`. */
  watch(): void {
    this.watching = true
    this.look()
  }

  stop(): void {
    this.watching = false
    this.cancel()
  }

  /** SIGSTOP, or a debugger. */
  standsStill(): boolean {
    return /^State:\s+[Tt]/m.test(this.status())
  }

  /** It ended, also where nobody has reaped it yet. */
  isOver(): boolean {
    const status = this.status()
    return status === '' ? this.world.files.stat('/proc/self') !== undefined : /^State:\s+[ZX]/m.test(status)
  }

  private look(): void {
    if (!this.watching) return
    const mark = /^VmHWM:\s+(\d+) kB/m.exec(this.status())?.[1]
    if (mark === undefined) return
    this.peakRssBytes = Number(mark) * 1024
    this.cancel = this.world.clock.after(lookEveryMs, () => this.look())
  }

  private status(): string {
    try {
      return this.world.files.readText(`/proc/${this.process.pid}/status`)
    } catch {
      // Not Linux, or gone already.
      return ''
    }
  }
}
