/** A source of logfmt lines (`level=info ms=12 path="/a b"`) and a sink that writes one Markdown table. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Polled, Row, SinkFactory, SourceFactory } from 'anabranch'

const pair = /([^\s=]+)=(?:"([^"]*)"|(\S*))/g

function parsed(line: string, names: ReadonlySet<string>): Row {
  const pairs = [...line.matchAll(pair)].filter(([, name = '']) => names.has(name))
  return Object.fromEntries(pairs.map(([, name, quoted, plain]) => [name, quoted ?? plain ?? null]))
}

export const logfmt: SourceFactory = ({ options, schema, folder, batch }) => {
  const names = new Set(schema.fields.map(field => field.name))
  const files = Array.isArray(options) ? options.map(String) : []
  const lines: { readonly split: string; readonly position: number; readonly line: string }[] = []
  let at = 0
  let stopped = false
  const poll = async ({ rowsMax }: { readonly rowsMax: number }): Promise<Polled | null> => {
    const [first] = lines.slice(at)
    if (first === undefined || stopped) return null
    const same = lines.slice(at, at + rowsMax).filter(({ split }) => split === first.split)
    at += same.length
    const rows = batch(same.map(({ line }) => parsed(line, names)))
    return { batch: rows, split: first.split, firstPosition: first.position, positions: null, dead: [], next: at }
  }
  return {
    bounded: true,
    replayable: true,
    async open(from) {
      for (const split of files) {
        const text = readFileSync(join(folder, split), 'utf8').split('\n').filter(Boolean)
        lines.push(...text.map((line, i) => ({ split, position: i + 1, line })))
      }
      at = Number(from ?? 0)
      if (at > lines.length) throw new Error(`${at} lines were read before, and only ${lines.length} are there`)
    },
    poll,
    progress: () => ({ rows: at, done: at, total: lines.length }),
    drain() {
      stopped = true
    },
    async close() {
      stopped = true
    },
  }
}

export const markdown: SinkFactory = ({ options, schema, out, rows }) => {
  const path = join(out, String(options))
  const line = (cells: readonly unknown[]): string => `| ${cells.map(cell => String(cell ?? '')).join(' | ')} |\n`
  const names = schema.fields.map(field => field.name)
  const table: Row[] = []
  return {
    open: async () => rmSync(path, { force: true }),
    write: async batch => void table.push(...rows(batch)),
    async finish() {
      const body = table.map(row => line(names.map(name => row[name])))
      writeFileSync(`${path}.part`, [line(names), line(names.map(() => '---')), ...body].join(''))
      renameSync(`${path}.part`, path)
      return [{ path, rows: table.length }]
    },
    abort: async () => [],
  }
}
