/** Forgetting: dead blocks and records go, beside the epochs that follow: what is dead is up to half of what lives. */
import { failpoint } from '../../base/index.js'
import { type KeyValue } from './key-value.js'
import { type Manifest } from './manifest.js'
import { keyOf } from './record.js'

/** Less that is dead is not worth the work. */
const deadBytesMin = 16 << 20
const deadCountMaxDefault = 4096

export class Forgetting {
  private forgetting: Promise<void> = Promise.resolve()

  constructor(
    private readonly manifest: Manifest,
    private readonly deadCountMax = deadCountMaxDefault,
  ) {}

  /** Takes out what is dead, where that is worth it. */
  forget(kv: KeyValue): void {
    const { manifest } = this
    const much = manifest.deadBytes >= Math.max(deadBytesMin, manifest.bytes / 2)
    if (!much && manifest.deadCount < this.deadCountMax) return
    const keys = manifest.takeDead().map(([epoch, kind, number]) => keyOf(epoch, kind, number))
    // Where it fails the handle shows it at the next write, and room is given back another time.
    this.forgetting = this.forgetting.then(() => trim(kv, keys)).catch(() => undefined)
  }

  /** Nothing of it is under way. */
  settled(): Promise<void> {
    return this.forgetting
  }
}

async function trim(kv: KeyValue, keys: readonly Uint8Array[]): Promise<void> {
  failpoint('log.trim', 'before')
  await kv.forget(keys)
  failpoint('log.trim', 'after')
}
