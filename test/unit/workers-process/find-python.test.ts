/** Which Python is taken, and with what words the others are refused. */
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type FoundPython, findPython, workerPackages } from '../../../src/workers/start/index.js'
import { inWorld, python } from '../../support/worker.js'

const folder = mkdtempSync(join(tmpdir(), 'pythons-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A program that answers as an interpreter would. */
function fake(name: string, script: string): string {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
  return path
}
/** A link that nobody can follow, as one below a folder of another user is. */
function loop(): string {
  const path = join(folder, 'loop')
  symlinkSync(path, path)
  return path
}
const says = (value: unknown): string => `echo '${JSON.stringify(value)}'`
const packages = { pyarrow: '26.0.0', numpy: '2.4.0', pyzmq: '27.0.0' }

async function find(candidates: readonly string[], timeoutMs?: number): Promise<FoundPython> {
  let found: FoundPython | undefined
  await inWorld(async world => {
    const search = { world, candidates, packages: workerPackages, env: process.env, cwd: '/' }
    found = await findPython(timeoutMs === undefined ? search : { ...search, timeoutMs })
  })
  if (found === undefined) throw new Error('found nothing')
  return found
}

describe('which Python', () => {
  it('is the first that exists, with the versions of its packages', async () => {
    const found = await find(['/nowhere/bin/python', python])
    expect(found.path).toContain('.venv')
    expect(Object.keys(found.packages)).toEqual(['pyarrow', 'numpy', 'pyzmq'])
  })

  const rows: readonly [string, () => readonly string[], string, RegExp][] = [
    [
      'none exists',
      () => ['/nowhere/bin/python', 'no-such-python'],
      'ANB8001',
      /\/nowhere\/bin\/python: does not exist/,
    ],
    ['it leads nowhere that may be looked at', () => [loop()], 'ANB8001', /loop: cannot be looked at \(ELOOP\)/],
    ['it is no Python', () => [fake('not-python', 'echo hello')], 'ANB8001', /not-python: ended with exit code 0/],
    ['it is broken', () => [fake('broken', 'echo "no encodings" >&2; exit 1')], 'ANB8001', /broken: no encodings/],
    ['it is too old', () => [fake('old', says({ path: '/old', version: '3.9.7', packages }))], 'ANB8002', /3\.9\.7/],
    [
      'a package is missing',
      () => [fake('bare', says({ path: '/bare', version: '3.11.0', packages: { ...packages, pyarrow: '' } }))],
      'ANB8002',
      /pyarrow missing/,
    ],
    [
      'a package is too old',
      () => [fake('aged', says({ path: '/aged', version: '3.11.0', packages: { ...packages, numpy: '1.20.3' } }))],
      'ANB8002',
      /numpy 1\.20\.3/,
    ],
  ]
  for (const [name, candidates, code, detail] of rows) {
    it(`W23 ${name}: refused, with what was found and the command that helps`, async () => {
      await expect(find(candidates())).rejects.toMatchObject({
        code,
        detail: expect.stringMatching(detail),
        hint: expect.stringMatching(/run: npx anabranch setup/),
      })
    })
  }

  it('W23 one that never answers is given up', async () => {
    await expect(find([fake('stuck', 'exec sleep 1000')], 300)).rejects.toMatchObject({ code: 'ANB8001' })
  })
})
