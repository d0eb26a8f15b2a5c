/**
 * Tables of LevelDB, every byte of which is looked at without it: it has a check sum behind each block, and does not look at them.
 *
 *     blocks    each with u8 kind and u32 masked CRC32C of both behind it: entries in order, then the filter of their keys
 *     metaindex where the filter is, as a block
 *     index     where each block of entries is, as a block
 *     footer    where metaindex and index are, zeros up to byte 40, u64 magic
 *
 * Blocks lie one behind the other, so a place that says something else is no place.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { crc32cRows } from '../../kernels/index.js'
import { LevelBytes, u32In, unmasked } from './level-bytes.js'

const footerBytes = 48
/** Kind and sum. */
const tailBytes = 5
const magic = [0x8b80fb57, 0xdb477524] as const
/** Read at once while as many are looked at: a disk gives such pieces as fast as it can. */
const pieceBytes = 1 << 20

interface BlockPlace {
  readonly at: number
  /** Without its tail. */
  readonly bytes: number
}

/** Whether a table has so many bytes, and all of them are what was written. */
export async function isWholeTable(path: string, bytes: number): Promise<boolean> {
  const file = await open(path, 'r')
  try {
    if ((await file.stat()).size !== bytes || bytes < footerBytes) return false
    const places = await placesIn(file, bytes)
    return places !== null && (await areWhole(file, places))
  } finally {
    await file.close()
  }
}

/** The blocks that the end of a table says there are, without metaindex and index, which were looked at; null: they do not fit. */
async function placesIn(file: FileHandle, bytes: number): Promise<readonly BlockPlace[] | null> {
  const footer = await readAt(file, bytes - footerBytes, new Uint8Array(footerBytes))
  const said = new LevelBytes(footer.subarray(0, 40))
  const [meta, index] = [placeOf(said), placeOf(said)]
  const isEnd = u32In(footer, 40) === magic[0] && u32In(footer, 44) === magic[1] && said.take(40).every(b => b === 0)
  if (!isEnd || end(meta) !== index.at || end(index) !== bytes - footerBytes) return null
  const ending = await readAt(file, meta.at, new Uint8Array(end(index) - meta.at))
  if (!hasItsSums(ending, [meta, index])) return null
  const within = (place: BlockPlace): Uint8Array =>
    ending.subarray(place.at - meta.at, end(place) - tailBytes - meta.at)
  const places = [...valuesIn(within(index)), ...valuesIn(within(meta))].map(value => placeOf(new LevelBytes(value)))
  return places.every((place, i) => place.at === end(places[i - 1])) && end(places.at(-1)) === meta.at ? places : null
}

const placeOf = (said: LevelBytes): BlockPlace => ({ at: said.varint(), bytes: said.varint() })

/** Where the next one begins. */
const end = (place: BlockPlace | undefined): number => (place === undefined ? 0 : place.at + place.bytes + tailBytes)

/** The values of a block of small entries: bytes shared with the key before, further ones, bytes of the value, both. */
function valuesIn(block: Uint8Array): readonly Uint8Array[] {
  const restarts = u32In(block, block.length - 4)
  const said = new LevelBytes(block.subarray(0, block.length - 4 * (restarts + 1)))
  const values: Uint8Array[] = []
  while (!said.isOver) {
    said.varint()
    const [own, bytes] = [said.varint(), said.varint()]
    said.take(own)
    values.push(said.take(bytes))
  }
  return values
}

/** Reads the next piece while it looks at one. */
async function areWhole(file: FileHandle, places: readonly BlockPlace[]): Promise<boolean> {
  const pieces = piecesOf(places)
  const sizes = pieces.map(piece => end(piece.at(-1)) - (piece[0]?.at ?? 0))
  const most = Math.max(0, ...sizes)
  const buffers = [new Uint8Array(most), new Uint8Array(most)] as const
  const read = (i: number): Promise<Uint8Array> | null => {
    const [first] = pieces[i] ?? []
    return first === undefined ? null : readAt(file, first.at, buffers[i % 2 === 0 ? 0 : 1].subarray(0, sizes[i]))
  }
  let reading = read(0)
  for (const [i, piece] of pieces.entries()) {
    const bytes = await reading
    reading = read(i + 1)
    if (bytes === null || !hasItsSums(bytes, piece)) {
      await reading?.catch(() => undefined)
      return false
    }
  }
  return true
}

function piecesOf(places: readonly BlockPlace[]): readonly (readonly BlockPlace[])[] {
  const pieces: BlockPlace[][] = []
  let from = Number.NEGATIVE_INFINITY
  for (const place of places) {
    if (end(place) > from + pieceBytes) {
      pieces.push([])
      from = place.at
    }
    pieces.at(-1)?.push(place)
  }
  return pieces
}

/** @param bytes what these blocks take, one behind the other */
function hasItsSums(bytes: Uint8Array, places: readonly BlockPlace[]): boolean {
  // Of two rows a block the first is what the second is the sum of.
  const ends = new Uint32Array(2 * places.length)
  let at = 0
  places.forEach((place, i) => {
    at += place.bytes + tailBytes
    ends[2 * i] = at - 4
    ends[2 * i + 1] = at
  })
  const sums = crc32cRows(bytes, ends)
  return at === bytes.length && places.every((_, i) => sums[2 * i] === unmasked(u32In(bytes, ends[2 * i] ?? 0)))
}

/** As much as there is. */
async function readAt(file: FileHandle, at: number, into: Uint8Array): Promise<Uint8Array> {
  let done = 0
  while (done < into.length) {
    const { bytesRead } = await file.read(into, done, into.length - done, at + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return into.subarray(0, done)
}
