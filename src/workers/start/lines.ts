/**
 * Lines: what a process prints, as lines for the log, whatever it prints.
 *
 * A worker must never block on its output and must never drown the host with it: bytes are always taken, a line is cut
 * at 8 KiB, and past 200 lines in a second the rest of that second is thrown away and counted. Nothing is kept but the
 * line that is not finished and the tail for the post-mortem. Pure: it is told the time.
 */
export const lineBytesMax = 8_192
export const linesPerSecondMax = 200
export const tailBytesMax = 16_384

const newline = 0x0a
const secondMs = 1_000

export class Lines {
  private open: Uint8Array[] = []
  private openBytes = 0
  private windowMs = Number.NEGATIVE_INFINITY
  private inWindow = 0
  private dropped = 0
  /** In the middle of a line of which the beginning was thrown away. */
  private skipping = false
  private readonly recent: Uint8Array[] = []
  private recentBytes = 0

  constructor(
    private readonly name: string,
    private readonly emit: (line: string) => void,
  ) {}

  take(bytes: Uint8Array, nowMs: number): void {
    this.remember(bytes)
    this.turn(nowMs)
    let at = 0
    while (at < bytes.length) {
      if (this.inWindow >= linesPerSecondMax) {
        this.dropped += bytes.length - at + this.openBytes
        this.clear()
        this.skipping = bytes[bytes.length - 1] !== newline
        return
      }
      const found = bytes.indexOf(newline, at)
      const end = found < 0 ? bytes.length : found
      if (this.skipping) {
        this.dropped += end - at
        if (found >= 0) this.skipping = false
      } else {
        this.append(bytes.subarray(at, end))
        if (found >= 0) this.finish()
      }
      at = end + 1
    }
  }

  /** The stream has ended: the unfinished line and what was dropped. */
  end(): void {
    if (this.openBytes > 0) this.finish()
    this.report()
  }

  /** The last 16 KiB as text, whatever the rate. */
  tail(): string {
    const text = new TextDecoder().decode(join(this.recent, this.recentBytes).subarray(-tailBytesMax))
    return text.trimEnd()
  }

  /** A new second begins: says what the last one lost. */
  private turn(nowMs: number): void {
    if (nowMs - this.windowMs < secondMs) return
    this.report()
    this.windowMs = nowMs
    this.inWindow = 0
  }

  private report(): void {
    if (this.dropped === 0) return
    this.emit(
      `${this.dropped.toLocaleString('en-US')} bytes of ${this.name} dropped: over ${linesPerSecondMax} lines a second`,
    )
    this.dropped = 0
  }

  /** Cuts at the limit: the rest of the line comes as further lines, which count too. */
  private append(part: Uint8Array): void {
    let rest = part
    while (this.openBytes + rest.length > lineBytesMax && this.inWindow < linesPerSecondMax) {
      const room = lineBytesMax - this.openBytes
      this.push(rest.subarray(0, room))
      this.finish()
      rest = rest.subarray(room)
    }
    if (this.inWindow >= linesPerSecondMax) this.dropped += rest.length
    else if (rest.length > 0) this.push(rest)
  }

  private push(part: Uint8Array): void {
    this.open.push(part.slice())
    this.openBytes += part.length
  }

  private finish(): void {
    const line = new TextDecoder().decode(join(this.open, this.openBytes))
    this.clear()
    this.inWindow += 1
    this.emit(line.endsWith('\r') ? line.slice(0, -1) : line)
  }

  private clear(): void {
    this.open = []
    this.openBytes = 0
  }

  private remember(bytes: Uint8Array): void {
    this.recent.push(bytes.length > tailBytesMax ? bytes.slice(-tailBytesMax) : bytes.slice())
    this.recentBytes += this.recent[this.recent.length - 1]?.length ?? 0
    for (let first = this.recent[0]; first !== undefined; first = this.recent[0]) {
      if (this.recentBytes - first.length < tailBytesMax) return
      this.recent.shift()
      this.recentBytes -= first.length
    }
  }
}

function join(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
