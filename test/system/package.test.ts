/**
 * The package as a user gets it: really packed, installed from its archive in an empty folder, and a project made of it
 * that runs and passes its own tests. What npm and pip have in their caches is not fetched again.
 */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { repository } from '../support/repository.js'
import { runFolder } from '../support/run-folder.js'

const minutes = 60_000
const home = mkdtempSync(join(runFolder().jobs, 'package'))
const shop = join(home, 'shop')
const demo = join(shop, 'demo')

interface Said {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Not the environment of npm or of this clone: a user's shell. */
function shell(command: string, cwd: string): Promise<Said> {
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|ANABRANCH_PYTHON|VIRTUAL_ENV)/.test(name))
  const child = spawn('/bin/sh', ['-c', command], { cwd, env: { ...Object.fromEntries(own), NO_COLOR: '1' } })
  const text = { stdout: '', stderr: '' }
  child.stdout.on('data', (bytes: Buffer) => (text.stdout += bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => (text.stderr += bytes.toString()))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', code => resolve({ code, ...text }))
  })
}

async function works(command: string, cwd: string): Promise<Said> {
  const said = await shell(command, cwd)
  expect(said.code, `${command}\n${said.stdout}${said.stderr}`).toBe(0)
  return said
}

const npmInstall = 'npm install --prefer-offline --no-audit --no-fund --loglevel=error'

describe('an empty folder, and the archive', () => {
  beforeAll(async () => {
    mkdirSync(shop)
    await works(`npm pack --silent --pack-destination ${home}`, repository)
    await works(`${npmInstall} ../anabranch-*.tgz`, shop)
  }, 8 * minutes)

  test('the package has no install script', () => {
    const { scripts } = JSON.parse(readFileSync(join(shop, 'node_modules', 'anabranch', 'package.json'), 'utf8'))
    expect(Object.keys(scripts).filter(name => /install/.test(name))).toEqual([])
  })

  test('what is missing is named by run, with the command that makes it', async () => {
    mkdirSync(join(home, 'bare'))
    cpSync(join(repository, 'examples', 'first'), join(home, 'bare'), { recursive: true })
    const command = `PATH=/nowhere ${process.execPath} ${shop}/node_modules/anabranch/dist/cli/main.js run job.ts --json`
    const said = await shell(command, join(home, 'bare'))
    expect(said.code).toBe(2)
    expect(JSON.parse(said.stdout)).toMatchObject({ error: { code: 'ANB8001' } })
    expect(said.stderr).toContain('hint:   run: npx anabranch setup')
  })

  test(
    'init makes a project that depends on the archive; npm install, npm start and npm test pass in it',
    async () => {
      const made = await works('npx anabranch init demo --json', shop)
      const { anabranch, python } = JSON.parse(made.stdout)
      expect(anabranch).toMatch(/^file:\.\.\/\.\.\/anabranch-.*\.tgz$/)
      expect(python).toBe(join(demo, '.venv', 'bin', 'python'))
      await works(npmInstall, demo)

      expect((await works('npm start', demo)).stderr).toMatch(/job "first" done in .*rows out +3\n/s)
      expect(readdirSync(join(demo, 'out', 'first', 'bills'))).toEqual(['part-00000.jsonl'])
      const tested = await works('npm test', demo)
      expect(tested.stdout).toMatch(/# pass [1-9][\s\S]*# fail 0[\s\S]*[1-9] passed/)
      expect(JSON.parse((await works('npx anabranch setup --json', demo)).stdout)).toEqual({ python, made: false })
    },
    8 * minutes,
  )

  test(
    'a package that requirements.txt of the project adds is installed, and the locked ones stay',
    async () => {
      writeFileSync(join(demo, 'requirements.txt'), 'pytest>=8\npyarrow==1.0\n')
      const refused = await shell('npx anabranch setup', demo)
      expect(refused.code).toBe(2)
      expect(refused.stderr).toContain('ANB8006 pip could not install what the requirements.txt of the project lists')
      writeFileSync(join(demo, 'requirements.txt'), 'pytest>=8\n')
      expect((await works('npx anabranch setup', demo)).stderr).toContain('ready: ')
    },
    2 * minutes,
  )

  test('a folder that holds something is left as it is', async () => {
    const before = readdirSync(demo)
    const said = await shell('npx anabranch init demo --no-setup', shop)
    expect([said.code, said.stdout]).toEqual([2, ''])
    expect(said.stderr).toContain('ANB8007 folder demo is not empty')
    expect(readdirSync(demo)).toEqual(before)
  })
})

test(
  'pip install . serves notebooks: the Python package alone, from the pyproject.toml of the root',
  async () => {
    const source = join(home, 'source')
    mkdirSync(source)
    for (const name of ['pyproject.toml', 'README.md', 'LICENSE', 'python'])
      cpSync(join(repository, name), join(source, name), { recursive: true })
    const python = join(repository, '.venv', 'bin', 'python')
    await works(`${python} -m pip install --quiet --no-deps --target ${home}/site .`, source)
    expect(existsSync(join(home, 'site', 'anabranch', 'py.typed'))).toBe(true)
    const said = await works(`PYTHONPATH=${home}/site ${python} -c "import anabranch; print(anabranch.__file__)"`, home)
    expect(said.stdout.trim()).toBe(join(home, 'site', 'anabranch', '__init__.py'))
  },
  2 * minutes,
)
