/** Holds a decoder of the user's own to its contract, as `own-source.ts` does for a source. */
import { AnabranchError } from '../../base/index.js'
import { type Decoded, type Decoder, type Mark, type MarkedDecoder } from '../../formats/index.js'
import { type Schema } from '../../schema/index.js'
import { broken, checkColumns, failed } from './own-source.js'

export interface OwnDecoderOptions {
  /** Of the export, for messages. */
  readonly name: string
  readonly schema: Schema
  readonly decoder: Decoder | MarkedDecoder
}

export class OwnDecoder implements MarkedDecoder {
  private answered = 0

  constructor(private readonly options: OwnDecoderOptions) {}

  get pendingBytes(): number {
    return this.options.decoder.pendingBytes
  }

  get misfits(): readonly string[] | null {
    return this.own(decoder => decoder.misfits)
  }

  space(bytes: number): Uint8Array {
    const space = this.own(decoder => decoder.space(bytes))
    if (space.length >= bytes) return space
    throw broken('decoder', this.options.name, `space for ${bytes} bytes`, `${space.length}`)
  }

  filled(bytes: number): void {
    this.own(decoder => decoder.filled(bytes))
  }

  finish(): void {
    this.own(decoder => decoder.finish())
  }

  next(rowsMax: number): Decoded | null {
    const { name, schema } = this.options
    const decoded = this.own(decoder => decoder.next(rowsMax))
    if (decoded === null) return null
    checkColumns('decoder', name, decoded.batch, schema)
    const records = decoded.batch.rows + decoded.dead.length
    if (records > rowsMax) throw broken('decoder', name, `at most ${rowsMax} rows`, `${records}`)
    this.answered += records
    return decoded
  }

  /** One that gives no marks is gone on with from its first byte. */
  mark(): Mark {
    return this.own(decoder => ('mark' in decoder ? decoder.mark() : { at: 0, position: 1, pass: this.answered }))
  }

  resume(mark: Mark): void {
    this.own(decoder => {
      if ('resume' in decoder) decoder.resume(mark)
      else throw broken('decoder', this.options.name, 'resume(mark), since its marks had it', 'none')
    })
  }

  private own<T>(step: (decoder: Decoder | MarkedDecoder) => T): T {
    try {
      return step(this.options.decoder)
    } catch (cause) {
      throw cause instanceof AnabranchError ? cause : failed('decoder', this.options.name, cause)
    }
  }
}
