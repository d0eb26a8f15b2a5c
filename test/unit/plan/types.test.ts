import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { globSync } from 'tinyglobby'
import { afterAll, describe, expect, test } from 'vitest'
import { Editor } from '../../support/editor.js'
import { repository } from '../../support/repository.js'

const fixtures = join(repository, 'test', 'types', 'fixtures')
const [good = '', bad = '', typing = ''] = ['good.ts', 'bad.ts', 'typing.ts'].map(name => join(fixtures, name))
const first = join(repository, 'examples', 'first', 'job.ts')

/** What a code block of a comment may use: all that is public, and an example. */
const around = `import { arrow, avro, csv, custom, files, job, json, nullSink, parquet, postgres, socket, text } from 'anabranch'
import { drive, type MakeSource, sourceCases } from 'anabranch/testing'
import orders from './job.js'
import shops from './transforms.anabranch.js'
const odd = [['why', 'utf8']] as const
const shop = { ...shops, check: { ...shops.bill, name: 'check', side: { odd } } } as const
declare const make: MakeSource
declare function test(name: string, run: () => Promise<void>): void
`
const sources = globSync('src/**/*.ts', { cwd: repository }).sort()
const documented = sources.flatMap(source => {
  const text = readFileSync(join(repository, source), 'utf8')
  return [...text.matchAll(/^ *\* ```ts\n([\s\S]*?)^ *\* ```$/gm)].map(([, block = ''], index) => ({
    source,
    block: block.replace(/^ *\* ?/gm, ''),
    path: join(repository, 'examples', 'first', `${source.replaceAll('/', '-').replace('.ts', '')}-${index}.ts`),
  }))
})
const blocks = Object.fromEntries(documented.map(({ path, block }) => [path, `${around}${block}export {}\n`]))

/** A job that is being written: each line stops inside a string, where the cursor is. */
const unfinished = `import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
const clicks = job('x').from(files('*', json(t.Click)))
clicks.keyBy('')
clicks.select('user', '')
clicks.apply(t.enrich).side('')
`

describe('a job is checked against what its transforms declare, as it is written', () => {
  const editor = new Editor(join(fixtures, 'tsconfig.json'), [good, bad, first], { [typing]: unfinished, ...blocks })
  afterAll(() => editor[Symbol.dispose]())

  test('a job that fits compiles', { timeout: 120_000 }, () => {
    expect([...editor.errors(good)]).toEqual([])
  })

  const lines = readFileSync(bad, 'utf8').split('\n')
  for (const [index, text] of lines.entries()) {
    const [code = '', expected] = text.split(' // error: ')
    if (expected === undefined) continue
    test(`the line \`${code}\` is refused with "${expected}"`, () => {
      expect(editor.errors(bad).get(index + 1) ?? 'no error').toContain(expected)
    })
  }

  test('no other line is refused', () => {
    const expected = lines.flatMap((text, index) => (text.includes(' // error: ') ? [index + 1] : []))
    expect([...editor.errors(bad).keys()].sort((a, b) => a - b)).toEqual(expected)
  })

  for (const { source, block, path } of documented)
    test(`the code that a comment of ${source} begins with \`${block.split('\n')[0]}\` compiles`, () => {
      expect([...editor.errors(path).values()]).toEqual([])
    })

  test('the docstring of a Python function is shown where the job names it, with its columns', () => {
    expect(editor.shown(first, '.apply(shop.')).toBe(
      'What each order comes to.\n\nTransform: reads price float64, qty int64 and adds total float64.',
    )
  })

  test('the columns of the stream are offered for a key and for a select, and its side outputs by name', () => {
    expect(editor.offered(typing, "keyBy('")).toEqual(['price', 'qty', 'user'])
    expect(editor.offered(typing, "select('user', '")).toEqual(['price', 'qty', 'user'])
    expect(editor.offered(typing, "side('")).toEqual(['odd'])
  })
})
