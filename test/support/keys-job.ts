/** A job that counts how often each of many keys came: what comes out of any row can be said of its number. */
import { type JobFolder, type Row } from './job-folder.js'

export const keysJob = `
import { csv, files, job, json } from 'anabranch'
import code from './transforms.anabranch.ts'
export default job('counts')
  .from(files('in/*.csv', csv({ n: 'int64', k: 'utf8' })))
  .keyBy('k')
  .apply(code.count)
  .to(files.sink('rows/', json()))
`

/** The same over rows that come until a test says that it is enough, of `pacedSource`. */
export const pacedKeysJob: string = keysJob
  .replace('import { csv, files,', 'import { custom, files,')
  .replace('export default', "const own = new URL('own.ts', import.meta.url).href\nexport default")
  .replace(
    "files('in/*.csv', csv({ n: 'int64', k: 'utf8' }))",
    "custom.source(own, 'numbers', { schema: { n: 'int64', k: 'utf8' }, bounded: true, replayable: true })",
  )

/** What the n-th row is, for `pacedSource`. */
export const keysRow = (keys: number): string => `{ n: BigInt(n), k: 'key ' + ((n * 7_919) % ${keys}) }`

/** @param state the columns. @param next what they are behind a row that was seen so often. */
export const countingKeys = (state: string, next: string): string => `
import anabranch as ab

@ab.keyed(inputs={"n": ab.int64}, state={${state}}, outputs={"nth": ab.int64}, mode="row")
def count(row, state):
    seen = (state["seen"] if state else 0) + 1
    return {"nth": seen}, {${next}}
`
export const seenKeys: string = countingKeys('"seen": ab.int32', '"seen": seen')

/** Each key comes once. */
export const keysInput = (keys: number): readonly string[] =>
  Array.from({ length: keys }, (_, n) => `${n},key ${(n * 7_919) % keys}\n`)

export const keysCounted = (keys: number, rows: number): readonly Row[] =>
  Array.from({ length: rows }, (_, n) => ({ n, nth: Math.floor(n / keys) + 1 }))

export const countedIn = (folder: JobFolder): readonly Row[] =>
  folder
    .rows('rows')
    .map(({ n, nth }) => ({ n: Number(n), nth }))
    .sort((a, b) => a.n - b.n)
