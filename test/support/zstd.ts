/** Frames of zstd without a packer: raw blocks, and blocks that repeat one byte (RFC 8878). */

/** A frame with a window of 128 KiB whose blocks are the text as it is, or `newlines` times a newline. */
export function rawZstd(text: string, more: { readonly newlines?: number } = {}): Buffer {
  const blocks: Buffer[] = []
  const bytes = Buffer.from(text)
  const block = 100_000
  for (let at = 0; at < bytes.length; at += block) {
    const part = bytes.subarray(at, at + block)
    blocks.push(header(0, part.length), part)
  }
  for (let left = more.newlines ?? 0; left > 0; left -= block) {
    blocks.push(header(1, Math.min(left, block)), Buffer.from('\n'))
  }
  blocks.push(Buffer.from([1, 0, 0]))
  return Buffer.concat([Buffer.from('28b52ffd0038', 'hex'), ...blocks])
}

function header(type: 0 | 1, size: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE((size << 3) | (type << 1))
  return bytes.subarray(0, 3)
}
