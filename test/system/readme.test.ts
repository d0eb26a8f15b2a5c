/** What README.md and the guides show is what happens: files are those of the examples, commands print what stands there. */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runCli } from '../support/cli.js'
import { blocksOf, readmeBlocks, readmes } from '../support/readme.js'
import { repository } from '../support/repository.js'
import { enough, hasWorked, pacedJob, transforms } from '../support/paced-job.js'
import { runFolder } from '../support/run-folder.js'

const python = join(repository, '.venv', 'bin', 'python')

/** A copy of an example, out of which nothing is written. */
function copyOf(example: string): string {
  const folder = mkdtempSync(join(runFolder().jobs, 'readme'))
  cpSync(join(repository, example), folder, { recursive: true })
  return folder
}

test('a code block is a file, a command or Python, and nothing else goes by unseen', () => {
  const text = '`a.ts`\n\n```ts\n1\n```\n\n```console\n$ ls\nb\n```\n\n```python\n2\n```\n\n```ts\n3\n```\n'
  expect(blocksOf(text)).toEqual([
    { kind: 'file', name: 'a.ts', text: '1\n' },
    { kind: 'console', command: 'ls', output: 'b\n' },
    { kind: 'python', text: '2\n' },
    { kind: 'unknown', language: 'ts', line: 16 },
  ])
})

test('a link to a file leads to one', () => {
  const texts = [...Object.keys(readmes), 'ARCHITECTURE.md', 'CHANGELOG.md', 'src/transport/README.md']
  const links = texts.flatMap(path => {
    const text = readFileSync(join(repository, path), 'utf8')
    return [...text.matchAll(/\]\(([\w./-]+)\)/g)].map(([, link = '']) => join(dirname(path), link))
  })
  expect(links.filter(link => !existsSync(join(repository, link)))).toEqual([])
  expect(links).toContain('examples/own-connector')
})

for (const [readme, example] of Object.entries(readmes)) {
  const blocks = readmeBlocks(readme)
  if (blocks.length === 0) continue
  describe(readme, () => {
    test('its files are those of the example, and every block is held by a test', () => {
      for (const block of blocks) {
        expect(block.kind).not.toBe('unknown')
        if (block.kind !== 'file') continue
        expect(block.text).toBe(readFileSync(join(repository, example, block.name), 'utf8'))
      }
    })

    for (const block of blocks) {
      if (block.kind === 'console')
        test(`\`${block.command}\` prints what stands there`, async () => {
          expect(await printed(block.command, copyOf(example))).toBe(untimed(block.output))
        })
      if (block.kind === 'python')
        test(`the Python that begins with \`${block.text.split('\n')[0]}\` runs`, () => {
          const code = `import anabranch as ab\n${block.text}`
          const env = { ...process.env, ANABRANCH_CLI: join(repository, 'dist', 'cli', 'main.js') }
          execFileSync(python, ['-W', 'error', '-c', code], { cwd: copyOf(example), env, stdio: 'pipe' })
        })
    }
  })
}

/** What a command of a README prints: `npx anabranch ...` for people, `python ...` on stdout. */
async function printed(command: string, cwd: string): Promise<string> {
  const [program = '', ...args] = command.split(' ')
  if (program === 'python') return untimed(execFileSync(python, args, { cwd, encoding: 'utf8' }))
  expect([program, args[0]]).toEqual(['npx', 'anabranch'])
  if (args[1] === 'transform') return beside(args.slice(1))
  const run = await runCli(args.slice(1), { cwd, env: { ...process.env, ANABRANCH_PYTHON: python } })
  expect(run.code, run.stderr).toBe(0)
  return untimed(run.stderr)
}

/** What a command says of a job that runs, and of new code that adds two to the sum of the first key of each call. */
async function beside(args: readonly string[]): Promise<string> {
  const body = 'new = [sum + 2 * (key == 0) for key, sum in enumerate(new)]'
  const folder = await pacedJob(50, { 'new.py': transforms(1, { body }) })
  const run = folder.start([])
  await hasWorked(folder, 500)
  const { stdout } = await folder.cli(...args)
  enough(folder)
  expect((await run.ended).code).toBe(0)
  return untimed(stdout)
}

/** Time and speed differ from run to run, and what came meanwhile does. */
function untimed(text: string): string {
  const same = text.startsWith('different') ? text.replace(/\d[\d,.]*/g, '#') : text
  return same.replace(/done in .*/, 'done').trim()
}
