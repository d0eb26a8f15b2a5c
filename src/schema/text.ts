/** The text form of types, both ways. `parseType(formatType(t))` equals `t` for every type. */
import { type DataType, type Field, type PlainKind, type TimeUnit } from './types.js'

const plainKinds: ReadonlySet<string> = new Set<PlainKind>([
  'bool',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'float32',
  'float64',
  'utf8',
  'binary',
  'date32',
])
const units: ReadonlySet<string> = new Set<TimeUnit>(['s', 'ms', 'us', 'ns'])
const isPlain = (word: string): word is PlainKind => plainKinds.has(word)
const isUnit = (word: string): word is TimeUnit => units.has(word)
/** A type nested deeper than this is refused: neither side should recurse on what somebody else wrote. */
export const typeDepthMax = 32

export function formatType(type: DataType): string {
  switch (type.kind) {
    case 'decimal128':
      return `decimal128(${type.precision}, ${type.scale})`
    case 'timestamp':
      return type.tz === null ? `timestamp[${type.unit}]` : `timestamp[${type.unit}, ${type.tz}]`
    case 'duration':
      return `duration[${type.unit}]`
    case 'list':
      return `list<${formatType(type.item)}>`
    case 'struct':
      return `struct<${type.fields.map(formatMember).join(', ')}>`
    case 'map':
      return `map<${formatType(type.key)}, ${formatType(type.value)}>`
    default:
      return type.kind
  }
}

function formatMember(field: Field): string {
  const name = /^[A-Za-z_]\w*$/.test(field.name) ? field.name : JSON.stringify(field.name)
  return `${name}: ${formatType(field.type)}`
}

/** What the same types are called elsewhere: in SQL, Java, NumPy and TypeScript. */
const otherNames: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['float', 'double', 'real', 'number'].map(name => [name, 'float64'])),
  ...Object.fromEntries(['int', 'integer', 'long', 'bigint'].map(name => [name, 'int64'])),
  ...Object.fromEntries(['str', 'string', 'text', 'varchar'].map(name => [name, 'utf8'])),
  boolean: 'bool',
  bytes: 'binary',
  date: 'date32',
  datetime: 'timestamp[us]',
  decimal: 'decimal128(18, 2)',
}

function noSuchType(word: string): string {
  const near = Object.hasOwn(otherNames, word.toLowerCase()) ? otherNames[word.toLowerCase()] : undefined
  return near === undefined ? `there is no type "${word}"` : `there is no type "${word}": write "${near}"`
}

/** Throws a `SyntaxError` that names the position; rooms that face users make a `PlanError` of it. */
export function parseType(text: string): DataType {
  const reader = new TypeReader(text)
  const type = reader.type(0)
  reader.end()
  return type
}

class TypeReader {
  private at = 0
  constructor(private readonly text: string) {}

  end(): void {
    this.space()
    if (this.at < this.text.length) this.fail('the end')
  }

  type(depth: number): DataType {
    if (depth > typeDepthMax) this.fail(`at most ${typeDepthMax} levels`)
    const word = this.word()
    if (isPlain(word)) return { kind: word }
    switch (word) {
      case 'decimal128':
        return this.decimal()
      case 'timestamp':
        return this.timestamp()
      case 'duration': {
        this.take('[')
        const unit = this.unit()
        this.take(']')
        return { kind: 'duration', unit }
      }
      case 'list': {
        this.take('<')
        const item = this.type(depth + 1)
        this.take('>')
        return { kind: 'list', item }
      }
      case 'struct':
        return { kind: 'struct', fields: this.members(depth) }
      case 'map': {
        this.take('<')
        const key = this.type(depth + 1)
        this.take(',')
        const value = this.type(depth + 1)
        this.take('>')
        return { kind: 'map', key, value }
      }
      default:
        throw new SyntaxError(noSuchType(word))
    }
  }

  private decimal(): DataType {
    this.take('(')
    const precision = Number(this.match(/\d+/y, 'a precision'))
    this.take(',')
    const scale = Number(this.match(/-?\d+/y, 'a scale'))
    this.take(')')
    if (precision < 1 || precision > 38) this.fail('a precision of 1 to 38')
    return { kind: 'decimal128', precision, scale }
  }

  private timestamp(): DataType {
    this.take('[')
    const unit = this.unit()
    this.space()
    if (this.text[this.at] !== ',') {
      this.take(']')
      return { kind: 'timestamp', unit, tz: null }
    }
    this.take(',')
    const tz = this.match(/[A-Za-z0-9_+\-/:]+/y, 'a time zone')
    this.take(']')
    return { kind: 'timestamp', unit, tz }
  }

  private members(depth: number): readonly Field[] {
    this.take('<')
    const fields: Field[] = []
    this.space()
    while (this.text[this.at] !== '>') {
      if (fields.length > 0) this.take(',')
      this.space()
      const name: unknown =
        this.text[this.at] === '"' ? JSON.parse(this.match(/"(?:[^"\\]|\\.)*"/y, 'a name')) : this.word()
      this.take(':')
      fields.push({ name: String(name), type: this.type(depth + 1) })
      this.space()
    }
    this.take('>')
    return fields
  }

  private unit(): TimeUnit {
    const word = this.word()
    return isUnit(word) ? word : this.fail('a unit: s, ms, us or ns')
  }

  private word(): string {
    return this.match(/[A-Za-z_]\w*/y, 'a word')
  }

  private match(pattern: RegExp, what: string): string {
    this.space()
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)
    if (found === null) return this.fail(what)
    this.at = pattern.lastIndex
    return found[0]
  }

  private take(symbol: string): void {
    this.space()
    if (this.text[this.at] !== symbol) this.fail(`"${symbol}"`)
    this.at += 1
  }

  private space(): void {
    while (this.text[this.at] === ' ') this.at += 1
  }

  private fail(expected: string): never {
    throw new SyntaxError(`expected ${expected} at position ${this.at} of type "${this.text}"`)
  }
}
