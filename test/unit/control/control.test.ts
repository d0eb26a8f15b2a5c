/** The socket of a running job, as clients meet it: what is answered, and what hostile or broken ones can do, which is nothing. */
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { type Socket, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { askEnd, askStatus, askWorkers, controlSocket } from '../../../src/control/index.js'
import { clientsMax } from '../../../src/control/server.js'
import { type JobEnd, type JobStatus, type RunningJob, openWorld } from '../../../src/runtime/index.js'

const status: JobStatus = {
  job: 'shop',
  pid: 1,
  state: 'running',
  started: '2026-01-01T00:00:00.000Z',
  seconds: 1,
  restarts: 0,
  epochs: null,
  stateBytes: 0,
  rowsIn: 3,
  rowsOut: 2,
  rowsDead: 1,
  rowsInPerSecond: { lastSecond: 0, lastMinute: 0 },
  rowsOutPerSecond: { lastSecond: 0, lastMinute: 0 },
  deadByOperator: [],
  sources: [],
  stages: [],
  sinks: [],
  workers: { min: 1, max: 2, byLoad: false, wanted: 1, spares: 1, restarts: 0, list: [] },
}
const over: JobEnd = { end: 'finished', rowsIn: 3, rowsOut: 2, rowsDead: 1 }

let folder = ''
let done: (() => Promise<void>)[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'control-'))
  done = []
})
afterEach(async () => {
  for (const each of done) await each()
  rmSync(folder, { recursive: true })
})

/** A job that listens; what it was told is in `told`. */
async function listening(more: Partial<RunningJob> = {}) {
  const told: string[] = []
  const out = join(folder, 'out')
  const runFolder = join(folder, 'run')
  for (const path of [out, runFolder]) mkdirSync(path, { recursive: true })
  const job: RunningJob = {
    status: () => status,
    stop: async () => over,
    cancel: async () => over,
    setWorkers: ({ min, max }) => {
      told.push(`workers ${min ?? ''}..${max}`)
      return { ...status.workers, max }
    },
    ...more,
  }
  const world = openWorld()
  const announce = (control: string): void =>
    writeFileSync(join(out, 'run.json'), JSON.stringify({ host: process.pid, control }))
  const socket = await controlSocket(job, { out, runFolder, world, announce })
  const close = () => socket.close()
  done.unshift(close, () => world.close())
  return { out, path: join(runFolder, 'control'), told, close }
}

/** A client that sends what it likes. */
async function client(path: string): Promise<{ readonly socket: Socket; lines(count: number): Promise<string[]> }> {
  const socket = connect(path)
  let text = ''
  const wakes: (() => void)[] = []
  socket.setEncoding('utf8')
  const wake = () => wakes.splice(0).forEach(each => each())
  socket.on('data', (part: string) => {
    text += part
    wake()
  })
  socket.on('close', wake)
  socket.on('error', wake)
  await new Promise<void>(resolve => socket.once('connect', () => resolve()))
  done.unshift(async () => void socket.destroy())
  return {
    socket,
    async lines(count) {
      while (text.split('\n').length <= count && !socket.destroyed) await new Promise<void>(r => wakes.push(r))
      const lines = text.split('\n').slice(0, count)
      text = text.split('\n').slice(count).join('\n')
      return lines
    },
  }
}

/** What the job answers to these bytes: `ok`, or the code and message of the error. */
async function said(path: string, bytes: string, answers = 1): Promise<readonly unknown[]> {
  const { socket, lines } = await client(path)
  socket.write(bytes)
  return (await lines(answers)).map(line => {
    const { id, ok, error } = JSON.parse(line)
    return error === undefined ? [id, Object.keys(ok).length > 0] : [id, error.code, error.message]
  })
}

describe('a running job', () => {
  test('answers what it is asked, in order, each with the id of its request', async () => {
    const { path } = await listening()
    const both = '{"id":1,"do":"status"}\n{"id":"b","do":"workers","max":3}\n'
    expect(await said(path, both, 2)).toEqual([
      [1, true],
      ['b', true],
    ])
  })

  test('is asked and told by the commands of the CLI', async () => {
    const { out, told } = await listening()
    expect(await askStatus(out)).toEqual(status)
    expect(await askWorkers(out, {})).toEqual(status.workers)
    await askWorkers(out, { min: 1, max: 8 })
    expect(told).toEqual(['workers 1..8'])
    expect(await askEnd(out, { do: 'stop' })).toEqual(over)
  })

  test('refuses in words what it does not know, and goes on', async () => {
    const { path, told } = await listening()
    const refused = async (request: string) => (await said(path, `${request}\n`))[0]
    const workers = 'a whole number of 1 to 256'
    expect([
      await refused('garbage'),
      await refused('[]'),
      await refused(''),
      await refused('{"id":7}'),
      await refused('{"id":7,"do":"fly"}'),
      await refused('{"id":7,"do":"__proto__"}'),
      await refused('{"id":7,"do":["status"]}'),
      await refused('{"id":7,"do":"status","now":true}'),
      await refused('{"id":7,"do":"workers","max":"4"}'),
      await refused('{"id":7,"do":"workers","max":0}'),
      await refused('{"id":7,"do":"workers","max":1e9}'),
      await refused('{"id":7,"do":"workers","min":5,"max":4}'),
    ]).toEqual([
      [null, 'ANB5004', 'expected one JSON object a line, got "garbage"'],
      [null, 'ANB5004', 'expected one JSON object a line, got "[]"'],
      [null, 'ANB5004', 'expected one JSON object a line, got ""'],
      [7, 'ANB5004', 'expected "do" to be one of status, stop, cancel, workers, savepoint, shadow, swap, got nothing'],
      [
        7,
        'ANB5004',
        'expected "do" to be one of status, stop, cancel, workers, savepoint, shadow, swap, got the text "fly"',
      ],
      [
        7,
        'ANB5004',
        'expected "do" to be one of status, stop, cancel, workers, savepoint, shadow, swap, got the text "__proto__"',
      ],
      [7, 'ANB5004', 'expected "do" to be one of status, stop, cancel, workers, savepoint, shadow, swap, got an array'],
      [7, 'ANB5004', 'expected the request to be without "now"'],
      [7, 'ANB5004', `expected "max" to be a whole number, 0 or more`],
      [7, 'ANB5004', `expected "max" to be ${workers}`],
      [7, 'ANB5004', `expected "max" to be ${workers}`],
      [7, 'ANB5004', 'expected "max" to be there, and not less than min'],
    ])
    expect(told).toEqual([])
  })

  test('refuses what it cannot do, with an error of its own kind', async () => {
    const { path } = await listening()
    expect(await said(path, '{"id":1,"do":"savepoint"}\n{"id":2,"do":"swap","module":"x.py"}\n', 2)).toEqual([
      [1, 'ANB8012', 'expected a job that can make a savepoint, this one cannot'],
      [2, 'ANB8012', 'expected a job that can swap code, this one cannot'],
    ])
  })

  test('makes a savepoint where it can, by the name that it is given', async () => {
    const { path } = await listening({
      savepoint: async name => ({ path: `/savepoints/${name ?? 'unnamed'}`, epoch: 4 }),
    })
    const { socket, lines } = await client(path)
    socket.write('{"id":1,"do":"savepoint","name":"friday"}\n{"id":2,"do":"savepoint"}\n')
    expect((await lines(2)).map(line => JSON.parse(line).ok.path)).toEqual([
      '/savepoints/friday',
      '/savepoints/unnamed',
    ])
  })

  test('takes a line in pieces, and throws away one that is too long, whole, after it has said so once', async () => {
    const { path } = await listening()
    const { socket, lines } = await client(path)
    for (const piece of ['{"id":', '1,"do":"sta', 'tus"}', '\n']) {
      socket.write(piece)
      await new Promise<void>(resolve => setImmediate(resolve))
    }
    expect(await lines(1)).toHaveLength(1)
    socket.write('x'.repeat(1 << 20))
    expect((await lines(1))[0]).toContain('expected a request of at most 65536 bytes')
    socket.write('{"id":2,"do":"stop"}\n{"id":3,"do":"status"}\n')
    expect((await lines(1)).map(line => JSON.parse(line).id)).toEqual([3])
  })

  test('is not harmed by a client that goes in the middle of a line or of an answer', async () => {
    let settle: (end: JobEnd) => void = () => undefined
    const { path } = await listening({ stop: () => new Promise<JobEnd>(resolve => (settle = resolve)) })
    const half = await client(path)
    half.socket.end('{"id":1,"do":"sto')
    const waits = await client(path)
    await new Promise<void>(resolve => waits.socket.write('{"id":1,"do":"stop"}\n', () => resolve()))
    waits.socket.destroy()
    expect(await said(path, '{"id":1,"do":"status"}\n')).toEqual([[1, true]])
    settle(over)
    expect(await said(path, '{"id":2,"do":"status"}\n')).toEqual([[2, true]])
  })

  test('keeps little for a client that asks and never reads, and answers others meanwhile', async () => {
    let asked = 0
    const large = { ...status, job: 'x'.repeat(1 << 20) }
    const { path } = await listening({
      status: () => {
        asked += 1
        return large
      },
    })
    const deaf = await client(path)
    deaf.socket.pause()
    deaf.socket.write('{"do":"status"}\n'.repeat(10_000))
    expect(await said(path, '{"id":1,"do":"workers","max":2}\n')).toEqual([[1, true]])
    // What the kernel takes, and one answer more.
    expect(asked).toBeLessThan(10)
  })

  test('makes room for a new client by letting the oldest idle one go, and refuses one where all wait', async () => {
    const { path } = await listening({ stop: () => new Promise(() => undefined) })
    const first = await client(path)
    for (let n = 1; n < clientsMax; n += 1) await client(path)
    const gone = new Promise<void>(resolve => first.socket.once('close', () => resolve()))
    expect(await said(path, '{"id":1,"do":"status"}\n')).toEqual([[1, true]])
    await gone
    for (let n = 0; n < clientsMax; n += 1) {
      const waits = await client(path)
      waits.socket.write('{"id":1,"do":"status"}\n{"id":2,"do":"stop"}\n')
      await waits.lines(1)
    }
    const { lines } = await client(path)
    expect((await lines(1))[0]).toContain('ANB7002')
  })
})

describe('its socket', () => {
  test('is for this user alone: another one is refused by the system', async () => {
    const { path, out } = await listening()
    expect(statSync(path).mode & 0o777).toBe(0o600)
    if (process.getuid?.() !== 0) return
    // The folder is made passable, so that the socket's own mode decides.
    for (const each of [folder, join(folder, 'run')]) execFileSync('chmod', ['711', each])
    const script = `require('net').connect(process.argv[1]).on('error', e => { console.log(e.code); process.exit() })`
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e', script, path]
    expect(execFileSync('setpriv', nobody, { encoding: 'utf8' })).toBe('EACCES\n')
    expect(await askStatus(out)).toEqual(status)
  })

  test('is linked from the state folder, in the place of what a killed run left there, and gone after the run', async () => {
    const state = join(folder, 'out', 'state')
    mkdirSync(state, { recursive: true })
    symlinkSync(join(folder, 'gone'), join(state, 'control'))
    const { path, close } = await listening()
    expect(readlinkSync(join(state, 'control'))).toBe(path)
    await close()
    expect(() => lstatSync(join(state, 'control'))).toThrow('ENOENT')
    expect(existsSync(path)).toBe(false)
  })

  test('still carries the answer to who asked the job to end', async () => {
    let settle: (end: JobEnd) => void = () => undefined
    let heard: () => void = () => undefined
    const asked = new Promise<void>(resolve => (heard = resolve))
    const { out, close } = await listening({
      stop: () => {
        heard()
        return new Promise<JobEnd>(resolve => (settle = resolve))
      },
    })
    const answer = askEnd(out, { do: 'stop' })
    await asked
    const closed = close()
    settle(over)
    expect(await answer).toEqual(over)
    await closed
  })
})

describe('who asks where no job runs', () => {
  const refusal = (record: string | null): Promise<string> => {
    const out = join(folder, 'out')
    mkdirSync(out, { recursive: true })
    if (record !== null) writeFileSync(join(out, 'run.json'), record)
    return askStatus(out).then(
      () => 'an answer',
      (error: unknown) => (error instanceof Error ? error.message.replaceAll(folder, '') : ''),
    )
  }

  test('is told so, and of a killed run which process it was', async () => {
    // A process that has ended: its number is free.
    const dead = Number(execFileSync(process.execPath, ['-e', 'console.log(process.pid)'], { encoding: 'utf8' }))
    expect([
      await refusal(null),
      await refusal('{"host"'),
      await refusal(JSON.stringify({ host: dead, control: '/nowhere' })),
      await refusal(JSON.stringify({ host: process.pid, control: join(folder, 'nothing') })),
      await refusal(JSON.stringify({ host: process.pid, control: null })),
    ]).toEqual([
      'no job runs in /out',
      'no job runs in /out',
      `no job runs in /out: process ${dead} began one and is gone without having finished it`,
      'no job runs in /out: its socket is there, but nobody listens at it',
      `expected the job in /out to listen, process ${process.pid} is only starting`,
    ])
  })
})
