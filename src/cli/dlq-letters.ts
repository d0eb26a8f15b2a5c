/** Dead letters as they lie in an output folder, and how they read. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ConnectorError, PlanError, ShapeError, catalogue, shape } from '../base/index.js'
import { ownLine } from './own-line.js'

const errorShape = shape.object({
  class: shape.string,
  code: shape.string,
  type: shape.string,
  message: shape.string,
  traceback: shape.nullOr(shape.string),
})

export interface Letter {
  /** From 1, over all files in the order of their names. */
  readonly number: number
  readonly operator: string
  /** Empty where a source could not read the row. */
  readonly transform: string
  readonly source: string
  readonly position: number | null
  /** A row, or the line that did not parse. */
  readonly row: unknown
  readonly error: ReturnType<typeof errorShape>
  /** From the output folder. */
  readonly capture: string | null
  readonly attempt: number
}

/** Throws a PlanError where there is no such folder, a ConnectorError ANB4002 where a line is not one of ours. */
export function readLetters(out: string): readonly Letter[] {
  if (!existsSync(out) || !statSync(out).isDirectory()) {
    const hint = 'give the folder that a run wrote to: ./out/<job> unless --out was given'
    throw new PlanError('ANB8003', `output folder ${out} does not exist`, { hint })
  }
  const folder = join(out, 'dead-letters')
  const names = existsSync(folder) ? readdirSync(folder).filter(name => name.endsWith('.jsonl')) : []
  const lines = names.sort().flatMap(name => {
    const texts = readFileSync(join(folder, name), 'utf8').split('\n')
    return texts.flatMap((text, i) => (text === '' ? [] : [{ text, place: `${join(folder, name)}:${i + 1}` }]))
  })
  return lines.map(({ text, place }, i) => ({ number: i + 1, ...letterOf(text, place) }))
}

function letterOf(text: string, place: string): Omit<Letter, 'number'> {
  try {
    const json = shape.record(JSON.parse(text), '')
    const orEmpty = (name: string): string => shape.nullOr(shape.string)(json[name], name) ?? ''
    return {
      operator: shape.string(json['operator'], 'operator'),
      transform: orEmpty('transform'),
      source: orEmpty('source'),
      position: shape.nullOr(shape.whole)(json['position'], 'position'),
      row: json['row'],
      error: errorShape(json['error'], 'error'),
      capture: shape.nullOr(shape.string)(json['capture'], 'capture'),
      attempt: shape.whole(json['attempt'], 'attempt'),
    }
  } catch (cause) {
    if (!(cause instanceof ShapeError || cause instanceof SyntaxError)) throw cause
    throw new ConnectorError('ANB4002', `expected a dead letter in ${place}, got something else`, { cause })
  }
}

/** One line a letter: number, operator, where the row came from, why. */
export function lettersTable(letters: readonly Letter[]): string {
  const rows = letters.map(letter => [String(letter.number), letter.operator, placeOf(letter), reasonOf(letter)])
  const width = (column: number): number => Math.max(...rows.map(row => row[column]?.length ?? 0))
  const widths = [width(0), width(1), width(2)]
  return rows
    .map(([number = '', operator = '', place = '', reason = '']) =>
      [number.padStart(widths[0] ?? 0), operator.padEnd(widths[1] ?? 0), place.padEnd(widths[2] ?? 0), reason].join(
        '  ',
      ),
    )
    .join('\n')
}

/** The user's own line first, as with every error. */
export function letterText(letter: Letter, dir: string): string {
  const { error } = letter
  const own = ownLine(error.traceback ?? '')
  const from = placeOf(letter) === '' ? '' : `, ${placeOf(letter)}`
  const again = letter.capture === null ? hintOf(error.code) : `npx anabranch dlq replay ${dir} ${letter.number} --pdb`
  return [
    ...(own === null ? [] : [own]),
    `${error.code} ${reasonOf(letter)}`,
    `  row:    ${typeof letter.row === 'string' ? letter.row : JSON.stringify(letter.row)}`,
    `  at:     operator "${letter.operator}"${from}, attempt ${letter.attempt}`,
    ...(again === null ? [] : [`  hint:   ${again}`]),
    ...(error.traceback === null || error.traceback === '' ? [] : ['', error.traceback.trimEnd()]),
  ].join('\n')
}

/** What to do about a row that no call can be made for again. */
const hintOf = (code: string): string | null =>
  Object.entries(catalogue).find(([known]) => known === code)?.[1].hint ?? null

const placeOf = ({ source, position }: Letter): string =>
  position === null ? source : `${source === '' ? 'row ' : `${source}:`}${position}`

function reasonOf({ error }: Letter): string {
  const [first = ''] = error.message.split('\n')
  return ['Reject', 'ParseError', 'NullKey'].includes(error.type) ? first : `${error.type}: ${first}`
}
