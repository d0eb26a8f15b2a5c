/** The same life with the real Python package behind it. */
import { describe, expect, it } from 'vitest'
import { TestWorker, inWorld, root } from '../../support/worker.js'

const real = {
  packageFolder: `${root}python`,
  open: { job: 'test', role: 'io', params: {}, memoryBytes: 0, stages: [] },
  role: 'io' as const,
}

describe('the Python package behind the same bytes', () => {
  it('says hello with its versions, opens, and stops when asked', () =>
    inWorld(async world => {
      const worker = await new TestWorker(world, [], real).ready()
      const { versions, pid } = worker.told.ready[0] ?? {}
      expect(pid).toBe(worker.process.pid)
      expect(versions).toMatchObject({
        package: '0.1.0',
        pyarrow: expect.stringMatching(/^\d+\./),
        pyzmq: expect.any(String),
      })
      await worker.process.stop(10_000)
      expect(worker.told.lost).toMatchObject([{ because: 'stopped', code: 0 }])
      expect(worker.told.lines).toEqual([])
    }))

  it('W23 refuses a module that does not import, with the traceback', () =>
    inWorld(async world => {
      const schema = { id: 0, shipped: [], schemaId: 1, key: null, output: [] }
      const operator = {
        ...{
          id: 'f',
          module: `${root}test/support/nowhere.py`,
          function: 'f',
          kind: 'transform',
          mode: 'batch',
          keyed: false,
        },
        ...{ inputs: [], outputs: [], state: [], side: {}, atEnd: false, declared: '' },
      }
      const open = {
        job: 'test',
        role: 'user',
        params: {},
        memoryBytes: 0,
        stages: [{ ...schema, operators: [operator] }],
      }
      const worker = new TestWorker(world, [], { ...real, role: 'user', open })
      const reason = await worker.lost()
      expect(reason).toMatchObject({ because: 'refused', wasReady: false })
      expect(`${reason.error?.render()}`).toContain('nowhere.py')
    }))
})
