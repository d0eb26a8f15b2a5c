/**
 * The bootstrap, tried on a small clone of its own: npm is stood in for by a program that writes down when it ran, and
 * Python by scripts that are too old or lack what they need.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { repository } from '../support/repository.js'
import { runFolder } from '../support/run-folder.js'

/** Writes "begin" and "end" around a wait for the file `go`, then installs the one package and a compiler. */
const npm = `
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
appendFileSync('npm.log', 'begin\\n')
while (!existsSync('go')) await new Promise(resolve => setTimeout(resolve, 10))
mkdirSync('node_modules/typescript/bin', { recursive: true })
writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages: { 'node_modules/a': { version: '1', integrity: 'x' } } }))
writeFileSync('node_modules/typescript/bin/tsc', \`
  const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs')
  appendFileSync('tsc.log', 'built\\\\n')
  mkdirSync('dist/cli', { recursive: true })
  writeFileSync('dist/cli/main.js', '#!/usr/bin/env node\\\\nconsole.log("main " + process.argv.slice(2).join(" "))')
\`)
appendFileSync('npm.log', 'end\\n')
`

/** A Python that answers its version, and makes "environments" that are itself. */
const python = (version: string, able: boolean): string => `#!/bin/sh
case "$*" in
  *version_info*) echo ${version} ;;
  *ensurepip*) exit ${able ? 0 : 1} ;;
  *sysconfig*) echo "$(dirname "$0")/../lib" ;;
  *"-m venv"*) mkdir -p "$3/bin" "$3/lib" && cp "$0" "$3/bin/python" ;;
  *"pip install"*) echo "$@" >> pip.log ;;
esac
`

interface Clone {
  readonly path: string
  start(args?: readonly string[]): {
    readonly child: ChildProcess
    readonly ended: Promise<{ code: number | null; text: string }>
  }
  count(log: string): number
}

function clone(options: { version?: string; able?: boolean; nodeMin?: string } = {}): Clone {
  const path = mkdtempSync(join(runFolder().jobs, 's'))
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), text)
  }
  copyFileSync(join(repository, 'setup.mjs'), join(path, 'setup.mjs'))
  cpSync(join(repository, 'setup'), join(path, 'setup'), { recursive: true })
  if (options.nodeMin !== undefined) {
    const text = readFileSync(join(path, 'setup.mjs'), 'utf8')
    write('setup.mjs', text.replace(/const nodeMin = \[.*\]/, `const nodeMin = [${options.nodeMin}]`))
  }
  write(
    'package-lock.json',
    JSON.stringify({ packages: { '': {}, 'node_modules/a': { version: '1', integrity: 'x' } } }),
  )
  write('tsconfig.json', '{}')
  write('src/cli/main.ts', '')
  for (const name of ['requirements.txt', 'requirements-dev.txt']) write(name, 'a==1\n')
  write('npm.mjs', npm)
  write('python3', python(options.version ?? '3.12.1', options.able ?? true))
  chmodSync(join(path, 'python3'), 0o755)
  const env = { ...process.env, npm_execpath: join(path, 'npm.mjs'), ANABRANCH_PYTHON: join(path, 'python3') }
  return {
    path,
    start: (args = ['start']) => {
      const child = spawn(process.execPath, ['setup.mjs', ...args], {
        cwd: path,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const printed: Buffer[] = []
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => printed.push(bytes))
      const text = (): string => Buffer.concat(printed).toString('utf8')
      return { child, ended: new Promise(resolve => child.on('close', code => resolve({ code, text: text() }))) }
    },
    count: log => (existsSync(join(path, log)) ? readFileSync(join(path, log), 'utf8').trim().split('\n').length : 0),
  }
}

const go = ({ path }: Clone): void => writeFileSync(join(path, 'go'), '')

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 10))
}

describe('npm start on a fresh clone', () => {
  test('sets up packages, Python and the build, then runs the main job', async () => {
    const fresh = clone()
    go(fresh)
    expect(await fresh.start().ended).toEqual({
      code: 0,
      text: expect.stringContaining('main run examples/flights/job.ts'),
    })
    expect(readFileSync(join(fresh.path, 'pip.log'), 'utf8')).toContain('--require-hashes --only-binary :all:')
    expect(readFileSync(join(fresh.path, 'pip.log'), 'utf8')).not.toContain('requirements-dev.txt')
    expect(readFileSync(join(fresh.path, '.venv/lib/anabranch.pth'), 'utf8')).toBe(`${join(fresh.path, 'python')}\n`)
  })

  test('makes the command that npx finds', async () => {
    const fresh = clone()
    go(fresh)
    await fresh.start(['setup']).ended
    const npx = spawnSync(join(fresh.path, 'node_modules/.bin/anabranch'), ['plan'], { encoding: 'utf8' })
    expect(npx.stdout).toBe('main plan\n')
  })

  test('does nothing the second time', async () => {
    const fresh = clone()
    go(fresh)
    await fresh.start().ended
    expect((await fresh.start().ended).text).toBe('main run examples/flights/job.ts\n')
    expect([fresh.count('npm.log'), fresh.count('pip.log'), fresh.count('tsc.log')]).toEqual([2, 1, 1])
  })

  test.each([
    ['a source', 'src/cli/main.ts', '// new', [2, 1, 2]],
    ['the Python lock', 'requirements.txt', 'a==2\n', [2, 2, 1]],
  ] as const)('makes again only what follows from %s', async (_, file, text, made) => {
    const fresh = clone()
    go(fresh)
    await fresh.start().ended
    writeFileSync(join(fresh.path, file), text)
    await fresh.start().ended
    expect([fresh.count('npm.log'), fresh.count('pip.log'), fresh.count('tsc.log')]).toEqual(made)
  })

  test('started twice at once, sets up once', async () => {
    const fresh = clone()
    const first = fresh.start()
    await until(() => fresh.count('npm.log') === 1)
    const second = fresh.start()
    second.child.stderr?.on('data', () => go(fresh))
    const [one, two] = await Promise.all([first.ended, second.ended])
    expect([one.code, two.code]).toEqual([0, 0])
    expect(two.text).toContain(`another one is setting up ${fresh.path}; waiting for it`)
    expect([fresh.count('npm.log'), fresh.count('pip.log'), fresh.count('tsc.log')]).toEqual([2, 1, 1])
  })

  test('killed in the middle, leaves no lock; what it started is waited for', async () => {
    const fresh = clone()
    const first = fresh.start()
    await until(() => fresh.count('npm.log') === 1)
    first.child.kill('SIGKILL')
    const second = fresh.start()
    second.child.stderr?.on('data', () => go(fresh))
    expect((await second.ended).code).toBe(0)
    expect(readFileSync(join(fresh.path, 'npm.log'), 'utf8').split('\n').slice(0, 2)).toEqual(['begin', 'end'])
  })
})

describe('what is missing is named, with the command that installs it', () => {
  test.each([
    ['an old Node', { nodeMin: '99, 0' }, /Node.js 99.0 or newer is needed.*\n.*apt-get install -y nodejs/],
    ['an old Python', { version: '3.9.2' }, /Python 3.11 or newer is needed.*is 3.9.2\n.*apt-get install/],
    ['a Python without venv', { able: false }, /venv and ensurepip are missing\n.*apt-get install -y python3-venv/],
  ])('%s', async (_, options, says) => {
    const fresh = clone(options)
    go(fresh)
    expect(await fresh.start().ended).toEqual({ code: 2, text: expect.stringMatching(says) })
  })

  test('no Python', async () => {
    const fresh = clone()
    go(fresh)
    writeFileSync(join(fresh.path, 'python3'), '#!/bin/sh\nexit 127\n')
    const { code, text } = await fresh.start().ended
    expect(code).toBe(2)
    expect(text).toMatch(/Python 3.11 or newer was not found.*\n.*apt-get install -y python3/)
  })
})
