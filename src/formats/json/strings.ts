/** Strings of JSON into bytes: escapes undone, base64 undone. The reader has proved that the string is valid. */
import { type BytesBuilder } from '../columns/nested-builder.js'
import { type JsonReader, backslash, quote } from './reader.js'

const escapes: Readonly<Record<string, number>> = { b: 8, f: 12, n: 10, r: 13, t: 9 }
const equals = 61

/** The string at `reader.at` as UTF-8. */
export function readText(reader: JsonReader, into: BytesBuilder): boolean {
  const { bytes } = reader
  reader.at += 1
  let from = reader.at
  for (;;) {
    const byte = bytes[reader.at] ?? quote
    if (byte !== quote && byte !== backslash) {
      reader.at += 1
      continue
    }
    into.append(bytes, from, reader.at)
    reader.at += 1
    if (byte === quote) return true
    appendEscape(reader, into)
    from = reader.at
  }
}

function appendEscape(reader: JsonReader, into: BytesBuilder): void {
  const byte = reader.peek()
  if (byte === 117) {
    let code = reader.unicodeEscape()
    if (code >= 0xd800 && code <= 0xdbff) {
      reader.at += 1
      code = 0x10000 + ((code - 0xd800) << 10) + (reader.unicodeEscape() - 0xdc00)
    }
    appendCode(code, into)
    return
  }
  reader.at += 1
  appendCode(escapes[String.fromCharCode(byte)] ?? byte, into)
}

function appendCode(code: number, into: BytesBuilder): void {
  into.need(4)
  const push = (byte: number): void => {
    into.content[into.filled] = byte
    into.filled += 1
  }
  if (code < 0x80) return push(code)
  if (code < 0x800) push(0xc0 | (code >> 6))
  else {
    if (code < 0x10000) push(0xe0 | (code >> 12))
    else {
      push(0xf0 | (code >> 18))
      push(0x80 | ((code >> 12) & 63))
    }
    push(0x80 | ((code >> 6) & 63))
  }
  push(0x80 | (code & 63))
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const sextets = new Int8Array(256).fill(-1)
for (let i = 0; i < 64; i++) sextets[alphabet.charCodeAt(i)] = i

/** The base64 string at `reader.at` as bytes; false where it is none. JSON may write "/" as "\/", which is undone too. */
export function readBase64(reader: JsonReader, into: BytesBuilder): boolean {
  const begin = into.filled
  readText(reader, into)
  return undoBase64(into, begin)
}

/** What lies in `into` from `begin` on, as the bytes it stands for (RFC 4648 section 4; padding may be left out). */
export function undoBase64(into: BytesBuilder, begin: number): boolean {
  const text = into.content.subarray(begin, into.filled)
  let length = text.length
  if (length % 4 === 0) for (let i = 0; i < 2 && text[length - 1] === equals; i++) length -= 1
  if (length % 4 === 1) return false
  let [bits, held, out] = [0, 0, 0]
  for (let i = 0; i < length; i++) {
    const sextet = sextets[text[i] ?? 0] ?? -1
    if (sextet < 0) return false
    bits = ((bits << 6) | sextet) & 0xffff
    held += 6
    if (held < 8) continue
    held -= 8
    text[out++] = (bits >> held) & 0xff
  }
  into.filled = begin + out
  return (bits & ((1 << held) - 1)) === 0
}
