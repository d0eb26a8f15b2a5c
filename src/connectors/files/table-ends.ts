/** The first and last bytes of files of tables: they tell what is cut off or something else without starting a process. */
import { type Files } from '../../base/index.js'
import { damaged } from '../io-error.js'
import { type Input } from './inputs.js'
import { WatchedFile } from './watched-file.js'

export type TableFormat = 'parquet' | 'arrow'

/** Throws a ConnectorError (ANB4002) where a file cannot be one of this format. */
export function checkEnds(input: Input, files: Files, format: TableFormat): void {
  if (format === 'parquet') checkParquet(input, files)
  else checkArrow(input, files)
}

/** `PAR1` at both ends and a footer that fits between them. */
function checkParquet(input: Input, files: Files): void {
  const { bytes } = input.stat
  const first = text(input.head.subarray(0, 4))
  if (first === 'PARE') throw damaged(input.name, 'is encrypted Parquet, which Anabranch cannot read')
  if (bytes < 12 || first !== 'PAR1') {
    throw damaged(input.name, `is not Parquet: ${bytes} bytes that do not begin with PAR1`)
  }
  const tail = new WatchedFile(input, files).tail(8)
  const footer = new DataView(tail.buffer).getUint32(0, true)
  if (text(tail.subarray(4)) !== 'PAR1' || footer + 12 > bytes) {
    throw damaged(input.name, `is cut off: its ${bytes} bytes do not end with a Parquet footer`)
  }
}

/** A file has `ARROW1` at both ends; a stream begins with the marker of a message. */
function checkArrow(input: Input, files: Files): void {
  const { bytes } = input.stat
  if (input.head.subarray(0, 4).every(byte => byte === 0xff) && bytes >= 8) return
  if (text(input.head.subarray(0, 6)) !== 'ARROW1') {
    throw damaged(input.name, `is not Arrow: ${bytes} bytes that begin neither as a file nor as a stream of it`)
  }
  if (bytes < 20 || text(new WatchedFile(input, files).tail(6)) !== 'ARROW1') {
    throw damaged(input.name, `is cut off: its ${bytes} bytes do not end with an Arrow footer`)
  }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
