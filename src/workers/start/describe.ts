/**
 * Describe: what a Python module declares, or what columns a Parquet file has. Python runs in a child with a deadline,
 * since importing a module runs its code; whatever that does, the answer here is data or a typed error.
 */
import { createRequire } from 'node:module'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PlanError, type Shape, ShapeError, type World, catalogue, shape } from '../../base/index.js'
import { type ContractLike, type FunctionLike, type MigrationRef, ruleShape } from '../../plan/index.js'
import { type SchemaJson, schemaShape } from '../../schema/index.js'

export interface DescribeOptions {
  readonly world: Pick<World, 'clock' | 'processes' | 'random'>
  /** The interpreter, as `findPython` answered it. */
  readonly python: string
  /** The folder that holds the Python package `anabranch`. */
  readonly packageFolder: string
  readonly cwd: string
  readonly hostEnv: Readonly<Record<string, string | undefined>>
  /** Milliseconds for all of it; importing a large library may take ten seconds. Default 60,000. */
  readonly timeoutMs?: number
}

/** What a function declares, as a plan has it, and where and how it is described. */
export interface DescribedFunction extends Omit<FunctionLike, 'from'> {
  readonly doc: string
  readonly line: number
}
export type DescribedContract = Omit<ContractLike, 'from'>
export interface DescribedModule {
  readonly path: string
  /** SHA-256 of the file, hex. */
  readonly source: string
  readonly doc: string
  readonly schemas: Readonly<Record<string, SchemaJson>>
  /** In the order of the file. */
  readonly functions: readonly DescribedFunction[]
  readonly contracts: readonly DescribedContract[]
  readonly migrations: readonly MigrationRef[]
}

/** Throws a PlanError: ANB1020 where the module cannot be imported, or the code that its declarations were refused with. */
export async function describeModule(path: string, options: DescribeOptions): Promise<DescribedModule> {
  return read(moduleShape, await ask({ op: 'describe', path }, options), path)
}

/** Name and type of each column of a Parquet file; null where we have no such type. Throws a PlanError. */
export async function describeParquet(
  path: string,
  options: DescribeOptions,
): Promise<readonly (readonly [string, string | null])[]> {
  return read(parquetShape, await ask({ op: 'parquet', path }, options), path).schema
}

interface Question {
  readonly op: 'describe' | 'parquet'
  readonly path: string
}

const program = new URL(import.meta.url.endsWith('.ts') ? './introspect.ts' : './introspect.js', import.meta.url)
/** From sources, as tests run it, TypeScript needs its loader. */
const loader = import.meta.url.endsWith('.ts') ? ['--import', createRequire(import.meta.url).resolve('tsx')] : []
const answerBytesMax = 64 * 2 ** 20

async function ask(question: Question, options: DescribeOptions): Promise<unknown> {
  const { world, timeoutMs = 60_000 } = options
  const mark = `anabranch-answer-${world.random.hex(16)} `
  const command = [process.execPath, ...loader, fileURLToPath(program), mark, JSON.stringify(question)]
  const ended = await run(command, options, timeoutMs)
  const at = ended.stdout.lastIndexOf(mark)
  const name = relative(options.cwd, question.path)
  if (at >= 0) return answerOf(question, name, ended.stdout.slice(at + mark.length))
  if (ended.timedOut) {
    const message = `module ${name} was not imported within ${timeoutMs / 1000} s`
    throw new PlanError('ANB1020', message, {
      detail: tail(ended.stderr),
      hint: 'do slow things when a worker opens: @ab.resource',
    })
  }
  const message = `Python ended while it imported ${name}`
  throw new PlanError('ANB1020', message, {
    detail: tail(ended.stderr),
    hint: 'a module of transforms must not end the process',
  })
}

interface Ended {
  readonly stdout: string
  readonly stderr: string
  readonly timedOut: boolean
}

function run(command: readonly string[], options: DescribeOptions, timeoutMs: number): Promise<Ended> {
  const { clock, processes } = options.world
  return new Promise(resolve => {
    const out: Uint8Array[] = []
    const err: Uint8Array[] = []
    let timedOut = false
    const child = processes.spawn(
      command,
      { env: environmentOf(options), cwd: options.cwd, stdin: 'ignore' },
      {
        stdout: bytes => keep(out, bytes),
        stderr: bytes => keep(err, bytes),
        exit: () => {
          cancel()
          // Whatever it started goes with it: Python, and what user code began.
          child.kill('SIGKILL')
          resolve({ stdout: textOf(out), stderr: textOf(err), timedOut })
        },
      },
    )
    const cancel = clock.after(timeoutMs, () => {
      timedOut = true
      child.kill('SIGKILL')
    })
  })
}

function keep(parts: Uint8Array[], bytes: Uint8Array): void {
  const size = parts.reduce((sum, part) => sum + part.length, 0)
  if (size + bytes.length <= answerBytesMax) parts.push(bytes)
}

function textOf(parts: readonly Uint8Array[]): string {
  const decoder = new TextDecoder()
  return parts.map(part => decoder.decode(part, { stream: true })).join('') + decoder.decode()
}

const tail = (text: string): string => text.trim().split('\n').slice(-20).join('\n').slice(-4_096)

function environmentOf(options: DescribeOptions): Record<string, string> {
  const env: Record<string, string> = { PYTHONUTF8: '1', PYTHONPATH: options.packageFolder, PYTHON_BIN: options.python }
  for (const name of ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'LD_LIBRARY_PATH']) {
    const value = options.hostEnv[name]
    if (value !== undefined) env[name] = value
  }
  return env
}

const answerShape = shape.object({ ok: shape.boolean, value: shape.any })
const failedShape = shape.object({
  ok: shape.boolean,
  code: shape.string,
  hint: shape.string,
  type: shape.string,
  message: shape.string,
  traceback: shape.string,
  cause: shape.list(shape.object({ type: shape.string, message: shape.string })),
})

function answerOf(question: Question, name: string, text: string): unknown {
  const raw: unknown = JSON.parse(text)
  if (shape.record(raw, '')['ok'] === true) return answerShape(raw, '').value
  const failed = failedShape(raw, '')
  const detail = failed.traceback.trim()
  if (isPlanCode(failed.code)) {
    throw new PlanError(failed.code, failed.message, { detail, ...(failed.hint !== '' && { hint: failed.hint }) })
  }
  const said = failed.message.split('\n')[0] ?? ''
  if (question.op === 'parquet') {
    throw new PlanError('ANB4002', `expected a Parquet file, "${name}" cannot be read as one: ${said}`)
  }
  throw new PlanError('ANB1020', `module ${name} could not be imported: ${failed.type}: ${said}`, { detail })
}

const isPlanCode = (code: string): code is keyof typeof catalogue =>
  code.startsWith('ANB') && Object.hasOwn(catalogue, code)

function read<T>(form: Shape<T>, value: unknown, path: string): T {
  try {
    return form(value, '')
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error
    const message = `the Python package described ${path} in a form that this version does not know: ${error.message}`
    throw new PlanError('ANB8002', message, {
      cause: error,
      hint: 'use the Python package that comes with this version',
    })
  }
}

const moduleShape = shape.object({
  path: shape.string,
  source: shape.string,
  doc: shape.string,
  schemas: shape.map(schemaShape),
  functions: shape.list(
    shape.object({
      name: shape.string,
      kind: shape.oneOf('transform', 'filter', 'flat_map', 'sink'),
      keyed: shape.boolean,
      mode: shape.oneOf('batch', 'key', 'row'),
      inputs: schemaShape,
      outputs: schemaShape,
      state: schemaShape,
      side: shape.map(schemaShape),
      atEnd: shape.boolean,
      timeoutMs: shape.whole,
      unordered: shape.boolean,
      doc: shape.string,
      line: shape.whole,
      declared: shape.string,
    }),
  ),
  contracts: shape.list(
    shape.object({
      name: shape.string,
      columns: schemaShape,
      rules: shape.list(ruleShape),
      declared: shape.string,
    }),
  ),
  migrations: shape.list(
    shape.object({ name: shape.string, operator: shape.string, from: schemaShape, declared: shape.string }),
  ),
})
const parquetShape = shape.object({
  schema: shape.list<readonly [string, string | null]>((value, path) => {
    const pair = shape.list(shape.any, 2)(value, path)
    return [shape.string(pair[0], `${path}[0]`), shape.nullOr(shape.string)(pair[1], `${path}[1]`)]
  }),
})
