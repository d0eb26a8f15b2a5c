/** Frames of zstd without a packer: raw blocks, and blocks that repeat one byte (RFC 8878). */

/** A frame with a window of 128 KiB whose blocks are the text as it is, then `repeat` times an x. */
export function rawZstd(text: string | Buffer, more: { readonly repeat?: number } = {}): Buffer {
  const blocks: Buffer[] = []
  const bytes = Buffer.from(text)
  const block = 100_000
  for (let at = 0; at < bytes.length; at += block) {
    const part = bytes.subarray(at, at + block)
    blocks.push(header(0, part.length), part)
  }
  for (let left = more.repeat ?? 0; left > 0; left -= block) {
    blocks.push(header(1, Math.min(left, block)), Buffer.from('x'))
  }
  blocks.push(Buffer.from([1, 0, 0]))
  return Buffer.concat([Buffer.from('28b52ffd0038', 'hex'), ...blocks])
}

function header(type: 0 | 1, size: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE((size << 3) | (type << 1))
  return bytes.subarray(0, 3)
}

/** What the zstd command (1.5) makes of `packedText`: with level 19 and a checksum, and with level 1 and none. */
export const packedByTool = [
  `KLUv/QRoXAcAQg0eFKAZCgc58imqavHvXRERkcf0l+cKADMzMzMzMzMiIiIiIiIiIiIiEREREREREREREf////////9v27Zt27Zt223btm3btm1L
  kiRJkiRJktu2bdu2bdsmSZIkSZIkSTMiEb/dkpsEsDAMBBAMBQgHCYPAAMFgMCgEgMOoEPjSvgGwk1SzBiIIIAh0yAVz+P3//zs39slpWRHpqvoAqNP0
  A2BVtRcgabp6IKja9BIgXVUfAHWaugdyA7lAIpAGJAFJgAQg/su/9hd/22/9zi/8vq/2XV/0K0/GhRUuuXCFCyuFsbZNpaY2BVQAAAABAP3/O/y5BgJE
  AAAAAQD9/zkAAkUAAAABABHfOQACAqFrbQ==`,
  `KLUv/QBIfAgAEo4gFaA16RleslxVYxGZkpQpJW7PXj2bMVW/XVVVVVVVVfX/////////tm3btm3btk1EREREREREREQ0MzMzMzMzMzMz07Zt27Zt27Yk
  SZIkSZIkuW3btm3btm0iIiIiIiIiIiJVv00005KbSDEG4wAwMIgAQYFgGMUQFAiGIUAUYzAOAYDVqGH4/T8DoKNSrQESOEROCER6+///b0L1yWn8Ob/w
  qo1V0Op1dV69sEqsrqwy66VVarW2klstzoBIGJsUogixgAJAYdSUkkRIBBIICWOSUmQhJIBASBmTcAeygaRAIpAHJAJygASg/+Z3fePb3vU2b/HGuzds
  t7bu6PDlmHAsjwHH8pgLCHfyq0wAAAh7AQD8/zkQAkwAAAg1AQD8/zkQAk0AAAg2AQAQ3zkQAg==`,
].map(text => Buffer.from(text, 'base64'))
