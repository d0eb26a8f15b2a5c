/** The log of a simulated run: one line an event, aligned, without anything that differs between two runs of a seed. */
export class Log {
  private readonly lines: string[] = []
  /** FNV-1a of all lines: two runs are the same where it is. */
  private digestSoFar = 0x811c9dc5

  constructor(
    private readonly kept: boolean,
    private readonly nowMs: () => number,
  ) {}

  write(who: string, what: string, about = ''): void {
    const line = `${this.nowMs().toFixed(3).padStart(12)}  ${who.padEnd(9)} ${what.padEnd(10)} ${about}`.trimEnd()
    for (let i = 0; i < line.length; i += 1)
      this.digestSoFar = Math.imul(this.digestSoFar ^ line.charCodeAt(i), 0x01000193)
    if (this.kept) this.lines.push(line)
  }

  get digest(): string {
    return (this.digestSoFar >>> 0).toString(16).padStart(8, '0')
  }
  get text(): string {
    return this.lines.join('\n')
  }
}
