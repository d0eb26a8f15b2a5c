/**
 * `anabranch dev`: runs a job again whenever one of its sources changes, in either language, and writes the types files
 * that they need. An error is shown, and the next change tries again.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Command, type Terminal, usageError } from './command.js'
import { fileOf } from './load-job.js'
import { renderError } from './render.js'
import { type Heard, codeOf, heardSignals } from './signals.js'
import { writeTypes } from './types.js'
import { type SourceWatch, watchSources } from './watch.js'

export const dev: Command = {
  name: 'dev',
  usage: 'dev JOB.ts [options of run]',
  summary: 'run a job again whenever a file changes, in either language, and keep its types files true',
  options: ['All options are those of run; with --json each run prints one line.', 'Ctrl-C ends it.'],
  async run(args, terminal) {
    const path = args.find(word => !word.startsWith('-') && existsSync(word))
    if (path === undefined) throw usageError(dev, 'dev needs a job file')
    const watch = watchSources(dirname(fileOf(path)))
    try {
      return await new Session(args, watch, terminal).run()
    } finally {
      watch.close()
    }
  },
}

const main = fileURLToPath(new URL('./main.js', import.meta.url))

class Session {
  private child: ChildProcess | null = null
  private code: number | null = null
  private quit: () => void = () => undefined
  private readonly quitting = new Promise<void>(done => {
    this.quit = done
  })

  constructor(
    private readonly args: readonly string[],
    private readonly watch: SourceWatch,
    private readonly terminal: Terminal,
  ) {}

  /** Answers the exit code once a signal came. */
  async run(): Promise<number> {
    for (const signal of heardSignals) process.on(signal, () => this.heard(signal))
    while (this.code === null) {
      await this.writeTypes()
      const changed = this.watch.changed()
      const ended = this.start()
      if ((await Promise.race([changed.then(() => 'changed'), ended])) === 'changed') await this.stop(ended)
      else await Promise.race([changed, this.quitting])
      if (this.code === null) this.terminal.err('dev: a file changed')
    }
    return this.code
  }

  private heard(signal: Heard): void {
    this.code = codeOf(signal)
    // A terminal sends Ctrl-C to the run too; what only we get is passed on. It then finishes what it read.
    if (signal !== 'SIGINT' || process.stdin.isTTY !== true) this.child?.kill(signal)
    this.quit()
  }

  /** Resolves when the run has ended, with nothing but words on stderr. */
  private start(): Promise<'ended'> {
    const child = spawn(process.execPath, [main, 'run', ...this.args], { stdio: 'inherit' })
    this.child = child
    return new Promise(done => {
      child.on('error', error => this.terminal.err(String(error)))
      child.on('close', code => {
        this.child = null
        if (this.code === null) this.terminal.err(`dev: ended with ${code ?? 'a signal'}; waiting for a change`)
        done('ended')
      })
    })
  }

  /** The old code is of no interest any more: twice means at once. */
  private async stop(ended: Promise<'ended'>): Promise<void> {
    const again = setInterval(() => this.child?.kill('SIGTERM'), 100)
    this.child?.kill('SIGTERM')
    await ended
    clearInterval(again)
  }

  /** Writes those types files that are not of their module any more; what hinders it is shown. */
  private async writeTypes(): Promise<void> {
    for (const module of staleModules(this.watch.sources)) {
      try {
        const { file } = await writeTypes(module)
        this.terminal.err(`dev: wrote ${file}`)
      } catch (error) {
        this.terminal.err(renderError(error, dirname(module)))
      }
    }
  }
}

/** Modules whose types file some source imports, and which does not carry the digest of what the module is now. */
export function staleModules(sources: ReadonlyMap<string, string>): readonly string[] {
  const modules = new Set<string>()
  for (const [path, text] of sources)
    for (const [, name = ''] of text.matchAll(/from\s+['"](\.[^'"]*)\.anabranch\.js['"]/g))
      modules.add(`${resolve(dirname(path), name)}.py`)
  return [...modules].filter(module => existsSync(module) && !isTrue(module))
}

function isTrue(module: string): boolean {
  const types = module.replace(/\.py$/, '.anabranch.ts')
  const digest = createHash('sha256').update(readFileSync(module)).digest('hex')
  return existsSync(types) && readFileSync(types, 'utf8').includes(digest)
}
