/**
 * The files of a database for state beyond memory, as a crash leaves them, and what becomes of them on a disk. Whatever that is: it is
 * said in words before LevelDB opens them, or the database has what was written until some write.
 */
import { spawn } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type KeyReader } from '../../../src/state/stores/key-value.js'
import { damageOf } from '../../../src/state/stores/level-files.js'
import { openLevel } from '../../../src/state/stores/level.js'
import { numbers } from '../../support/damage.js'
import { repository } from '../../support/repository.js'

const bufferBytes = 64 << 10
const writes = 400
const [last, key, value] = [
  'last',
  (write: number) => `key ${(write * 7919) % 997}`,
  (write: number) => 'x'.repeat(write % 900),
]
const text = new TextEncoder()
let root = ''
let image = ''
let count = 0

/** What is there after each write: its own key and the number of the write, and now and then a write of many pages. */
function putsOf(write: number): readonly (readonly [string, string])[] {
  const more = write % 50 === 0 ? [[`long ${write}`, 'y'.repeat(100_000)] as const] : []
  return [[key(write), value(write)], ...more, [last, String(write)]]
}

function stateAfter(write: number): Readonly<Record<string, number>> {
  const state: Record<string, number> = {}
  for (let i = 1; i <= write; i++) for (const [name, said] of putsOf(i)) state[name] = said.length
  return state
}

async function found(
  kv: KeyReader,
): Promise<{ readonly write: number; readonly state: Readonly<Record<string, number>> }> {
  const state: Record<string, number> = {}
  let write = 0
  for await (const entry of kv.entries({})) {
    const name = Buffer.from(entry.key).toString()
    state[name] = entry.value.length
    if (name === last) write = Number(Buffer.from(entry.value).toString())
  }
  return { write, state }
}

beforeAll(async () => {
  root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'anabranch-level-files-'))
  image = join(root, 'image')
  const kv = await openLevel(join(root, 'live'), true, bufferBytes)
  for (let write = 1; write <= writes; write++) {
    await kv.write(putsOf(write).map(([name, said]) => ({ key: text.encode(name), value: text.encode(said) })))
  }
  await kv.close()
  // Opening it makes a table of the log; then it has a log of some writes, as a crash leaves it.
  const again = await openLevel(join(root, 'live'), false)
  for (let write = writes + 1; write <= writes + 40; write++) {
    await again.write(putsOf(write).map(([name, said]) => ({ key: text.encode(name), value: text.encode(said) })))
  }
  cpSync(join(root, 'live'), image, { recursive: true, filter: name => !/\/(LOCK|LOG|LOG\.old)$/.test(name) })
  await again.close()
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

const named = (pattern: RegExp): string =>
  readdirSync(image).find(name => pattern.test(name)) ?? expect.fail(`there is a file ${pattern}`)
const sizeOf = (name: string): number => statSync(join(image, name)).size

/** What is said of a copy that somebody changed; null: nothing, and then it has what was written until this write. */
async function looked(change: (folder: string) => void): Promise<string | number> {
  const folder = join(root, `copy-${count++}`)
  cpSync(image, folder, { recursive: true })
  change(folder)
  const damage = await damageOf(folder)
  if (damage === null) {
    const kv = await openLevel(folder, false)
    const { write, state } = await found(kv)
    await kv.close()
    expect(state).toEqual(stateAfter(write))
    rmSync(folder, { recursive: true })
    return write
  }
  rmSync(folder, { recursive: true })
  return damage
}

const flip =
  (name: string, at: number, bit: number) =>
  (folder: string): void => {
    const bytes = readFileSync(join(folder, name))
    bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
    writeFileSync(join(folder, name), bytes)
  }

describe('files of a database that a crash left', { timeout: 120_000 }, () => {
  it('are what was written', async () => {
    expect(await looked(() => undefined)).toBe(writes + 40)
  })

  it('S5 a bit flipped anywhere in a table is said', async () => {
    const below = numbers(7)
    const tables = readdirSync(image).filter(name => name.endsWith('.ldb'))
    expect(tables.length).toBeGreaterThan(3)
    for (const name of tables) {
      // All of its end, where nothing has a check sum, and some places before it.
      const end = Array.from({ length: 48 }, (_, i) => sizeOf(name) - 48 + i)
      for (const at of [...end, ...Array.from({ length: 40 }, () => below(sizeOf(name)))])
        expect(await looked(flip(name, at, below(8)))).toBe(`${name} is not what was written`)
    }
  })

  it('S5 a table that is longer or shorter is said', async () => {
    const name = named(/\.ldb$/)
    for (const bytes of [0, 20, 48, sizeOf(name) - 1])
      expect(await looked(folder => truncateSync(join(folder, name), bytes))).toBe(`${name} is not what was written`)
    expect(await looked(folder => appendFileSync(join(folder, name), '\0'))).toBe(`${name} is not what was written`)
  })

  it('S4 a bit flipped anywhere in the log is said, but in its last write', async () => {
    const name = named(/\.log$/)
    const [below, before] = [numbers(8), sizeOf(name) - 2_000]
    for (let i = 0; i < 150; i++)
      expect(await looked(flip(name, below(before), below(8)))).toBe(`${name} is not what was written`)
    for (let at = before; at < sizeOf(name); at += 5)
      expect([`${name} is not what was written`, writes + 39]).toContain(await looked(flip(name, at, below(8))))
  })

  it('S3 a log that is cut short anywhere has what was written before that', async () => {
    const name = named(/\.log$/)
    const seen = new Set<string | number>()
    for (let i = 0; i <= 100; i++)
      seen.add(await looked(folder => truncateSync(join(folder, name), Math.floor((sizeOf(name) * i) / 100))))
    expect([...seen].every(write => Number(write) >= writes)).toBe(true)
    expect(seen.size).toBeGreaterThan(20)
  })

  it('S3 zeros at the end of a log, where a machine went down, are no write', async () => {
    const name = named(/\.log$/)
    expect(await looked(folder => appendFileSync(join(folder, name), new Uint8Array(9_000)))).toBe(writes + 40)
  })

  it('S4 a write that is gone from the middle of the log is said', async () => {
    const name = named(/\.log$/)
    const bytes = readFileSync(join(image, name))
    const first = 7 + bytes.readUInt16LE(4)
    const second = 7 + bytes.readUInt16LE(first + 4)
    const without = Buffer.concat([bytes.subarray(0, first), bytes.subarray(first + second, 32 << 10)])
    expect(await looked(folder => writeFileSync(join(folder, name), without))).toBe(
      `entries are missing before those of ${name}`,
    )
    const headless = bytes.subarray(first, 32 << 10)
    expect(await looked(folder => writeFileSync(join(folder, name), headless))).toBe(
      `entries are missing before those of ${name}`,
    )
  })

  it('S6 a bit flipped in what says which files there are is said, or changes nothing', async () => {
    const said = new Set<string | number>()
    for (const name of ['CURRENT', named(/^MANIFEST/)]) {
      for (let at = 0; at < sizeOf(name); at++) said.add(await looked(flip(name, at, at % 8)))
    }
    expect([...said].filter(each => typeof each === 'number')).toEqual([])
  })

  it('S6 a manifest that is cut short is said, or changes nothing', async () => {
    const name = named(/^MANIFEST/)
    for (let bytes = 0; bytes < sizeOf(name); bytes++) {
      const outcome = await looked(folder => truncateSync(join(folder, name), bytes))
      if (typeof outcome === 'number') expect(outcome).toBe(writes + 40)
      else expect(outcome).toMatch(/^it lacks |is not what was written$|^entries are missing/)
    }
  })

  it.each([/CURRENT/, /^MANIFEST/, /\.ldb$/, /\.log$/])('S6 a file %s that is gone is named', async pattern => {
    const name = named(pattern)
    expect(await looked(folder => rmSync(join(folder, name)))).toBe(`it lacks ${name}`)
  })

  it('what no manifest names is nobody’s: tables that were never finished, and a manifest that never counted', async () => {
    const garbage = (folder: string): void => {
      for (const name of ['009998.ldb', '009999.ldb', 'MANIFEST-009997', '009996.dbtmp'])
        writeFileSync(join(folder, name), 'x'.repeat(1_000))
      cpSync(join(folder, named(/\.ldb$/)), join(folder, '009995.ldb'))
      truncateSync(join(folder, '009995.ldb'), 100)
    }
    expect(await looked(garbage)).toBe(writes + 40)
  })

  it('S2 are what was written until then whenever the process is killed, compactions under way or not', async () => {
    const below = numbers(9)
    for (let round = 0; round < 12; round++) {
      const folder = join(root, `killed-${round}`)
      const acknowledged = await killedAfter(folder, 1 + below(400))
      expect(await damageOf(folder)).toBe(null)
      const kv = await openLevel(folder, false)
      const { write, state } = await found(kv)
      await kv.close()
      expect(write).toBeGreaterThanOrEqual(acknowledged)
      expect(Object.keys(state).length).toBe(Math.min(write, 997) + 1)
    }
  })
})

/** Writes in a process of its own, which is killed once it said that so many are done. Answers how many it said. */
async function killedAfter(folder: string, most: number): Promise<number> {
  const options = { compression: false, writeBufferSize: bufferBytes, maxFileSize: 16 << 20 }
  const script = `
    import { ClassicLevel } from 'classic-level'
    const level = new ClassicLevel(${JSON.stringify(folder)}, ${JSON.stringify(options)})
    for (let write = 1; ; write++) {
      const puts = [['key ' + (write % 997), 'x'.repeat(2000)], ['${last}', String(write)]]
      await level.batch(puts.map(([key, value]) => ({ type: 'put', key, value })), { sync: true })
      console.log(write)
    }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: repository,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const over = new Promise(resolve => child.once('close', resolve))
  let acknowledged = 0
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged = Number(line)
    if (acknowledged >= most) child.kill('SIGKILL')
  }
  await over
  return acknowledged
}
