/** Slots that come and go: one that was given back is used again before a new one is made. */
export class SlotPool {
  private free = new Int32Array(256)
  private count = 0
  private next = 0

  get bytes(): number {
    return this.free.byteLength
  }

  take(count: number): Int32Array {
    const slots = new Int32Array(count)
    const used = Math.min(count, this.count)
    this.count -= used
    slots.set(this.free.subarray(this.count, this.count + used))
    for (let i = used; i < count; i++) slots[i] = this.next++
    return slots
  }

  giveBack(slots: Int32Array): void {
    if (this.count + slots.length > this.free.length) {
      const larger = new Int32Array(Math.max(this.count + slots.length, 2 * this.free.length))
      larger.set(this.free)
      this.free = larger
    }
    this.free.set(slots, this.count)
    this.count += slots.length
  }
}
