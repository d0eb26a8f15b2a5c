import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PlanError, type ErrorCode } from '../../../src/base/index.js'
import {
  arrow,
  avro,
  csv,
  custom,
  files,
  job,
  json,
  nullSink,
  parquet,
  planFromJson,
  planToJson,
  socket,
} from '../../../src/plan/index.js'
import { repository } from '../../support/repository.js'
import { cleanPlan, clicks, fn } from './functions.js'

/** Every kind of node, connector and format. The place of a call is not part of what is compared. */
function everything() {
  const j = job('everything', { params: { limit: 5, paths: ['a', { deep: null }] }, maxDead: 10, workerMemory: '1GiB' })
  const left = j.from(clicks).filter(fn('keep', { kind: 'filter', in: 'price float64' }))
  const right = j.from(
    files(
      '*.parquet',
      parquet([
        ['user', 'utf8', { required: true }],
        ['price', 'float64', { default: 1.5 }],
      ]),
    ),
  )
  const other = j.from(files('*.csv', csv({ user: 'utf8', price: 'float64' }, { delimiter: ';', nullValue: 'NA' })))
  const rows = left
    .select('user', 'price')
    .union(right as never)
    .union(other as never)
    .union(j.from(files('*.avro', avro({ user: 'utf8', price: 'float64' }))) as never)
    .union(j.from(files('*.arrow', arrow({ user: 'utf8', price: 'float64' }))) as never)
    .union(j.from(files('*.log', json({ user: 'utf8', price: 'float64' }), { tail: true })) as never)
    .union(
      j.from(
        files(
          '*.bars',
          custom.decoder('file:///job/own.ts', 'fromBars', { schema: { user: 'utf8', price: 'float64' } }),
        ),
      ) as never,
    )
    .union(
      j.from(
        custom.source('file:///job/own.ts', 'ticks', {
          schema: { user: 'utf8', price: 'float64' },
          bounded: false,
          replayable: true,
          options: { every: 5 },
        }),
      ) as never,
    )
    .keyBy('user', { nullKeys: 'drop' })
  const scored = rows.apply(
    fn('score', { in: 'price float64', state: 'n int64', out: 'z float64', side: { odd: 'why utf8' }, atEnd: true }),
  )
  return scored
    .to(files.sink('out/', parquet()))
    .to(files.sink('csv/', csv.write({ header: false })))
    .to(files.sink('avro/', avro()))
    .to(files.sink('own/', custom.encoder('file:///job/own.ts', 'toBars', { extension: 'bars' })))
    .to(custom.sink('file:///job/own.ts', 'post', { delivery: 'at-least-once' }))
    .to(files.sink('arrow/', arrow(), { partitionBy: ['user'] }))
    .to(nullSink({ checksum: 'z' }))
    .side('odd' as never)
    .to(socket.sink('tcp://h:1'))
}
const placeless = (text: string): string => text.replaceAll(/"place": "[^"]*"/g, '"place": ""')
const plan = cleanPlan(everything())
const portable = planToJson(plan)

test('a sink of Python is named by its module, wherever the job lies', () => {
  const pushed = cleanPlan(
    job('p')
      .from(clicks)
      .to(fn('push', { kind: 'sink', in: 'user utf8' }) as never),
  )
  const text = planToJson(pushed)
  const { nodes, modules } = JSON.parse(text) as {
    readonly nodes: readonly object[]
    readonly modules: readonly object[]
  }
  const sink = { kind: 'python', module: 'transforms.py', name: 'push', inputs: [['user', 'utf8']] }
  expect(nodes.at(-1)).toMatchObject({ id: 'push', connector: sink })
  expect(modules).toMatchObject([{ path: 'transforms.py' }])
  expect(planFromJson(text, pushed.folder)).toEqual(pushed)
})

test('that a function gives up the order of its rows is part of the text', () => {
  const unordered = cleanPlan(
    job('order')
      .from(clicks)
      .apply(fn('f', { in: 'qty int64', unordered: true }))
      .to(nullSink()),
  )
  const text = planToJson(unordered)
  expect(planToJson(planFromJson(text, '/job'))).toBe(text)
  expect(text).toContain('"unordered": true')
})

function refusal(text: string): { readonly code: ErrorCode; readonly message: string } {
  try {
    planFromJson(text, '/job')
  } catch (error) {
    if (error instanceof PlanError) return { code: error.code, message: error.message }
    throw error
  }
  throw new Error('was accepted')
}

test('a plan goes through its portable form unchanged, and into another folder', () => {
  expect(planFromJson(portable, '/job')).toEqual(plan)
  const moved = planFromJson(portable, '/elsewhere/deep')
  expect([moved.folder, moved.modules[0]?.path]).toEqual(['/elsewhere/deep', '/elsewhere/deep/transforms.py'])
  expect(planToJson(moved)).toBe(portable)
})

test('the bytes of version 3 are fixed', () => {
  expect(placeless(portable)).toBe(readFileSync(join(repository, 'test', 'golden', 'plan-3.json'), 'utf8'))
})

describe('text that is no plan is refused with the place of what is wrong', () => {
  const cases: readonly (readonly [string, (text: string) => string, string])[] = [
    ['no JSON', () => '{', 'the portable plan cannot be read'],
    ['another version', text => text.replace('"version": 3', '"version": 4'), 'version must be one of 3'],
    ['an unknown property', text => text.replace('"job":', '"jobs": 1, "job":'), 'must be without "jobs"'],
    ['a missing property', text => text.replace('"atEnd": true,', ''), '.fn.atEnd must be true or false'],
    [
      'an unknown kind of node',
      text => text.replace('"kind": "union"', '"kind": "join"'),
      '.kind must be one of source',
    ],
    [
      'an edge that leads nowhere',
      text => text.replace('"node": "union"', '"node": "onion"'),
      'must be after node "onion" that it reads',
    ],
    [
      'an id that is there twice',
      text => text.replace('"id": "union"', '"id": "keep"'),
      '.id must be unique, but "keep" was there before',
    ],
    [
      'a schema that does not follow',
      text => text.replace(/("kind": "select"[\s\S]*?"schema": \[\s*\[\s*")user/, '$1usr'),
      '.schema must be what its inputs make it',
    ],
  ]
  for (const [sentence, damage, expected] of cases) {
    test(sentence, () => {
      const damaged = damage(portable)
      expect(damaged).not.toBe(portable)
      expect(refusal(damaged)).toMatchObject({ code: 'ANB1021', message: expect.stringContaining(expected) })
    })
  }

  test('a plan that breaks a rule is refused with its faults', () => {
    expect(refusal(portable.replace('"checksum": "z"', '"checksum": "y"')).code).toBe('ANB1000')
  })
})

test('whatever value is put anywhere, the answer is a plan or a PlanError', () => {
  const paths: (string | number)[][] = []
  const walk = (value: unknown, path: (string | number)[]): void => {
    paths.push(path)
    if (Array.isArray(value)) value.forEach((item, index) => walk(item, [...path, index]))
    else if (typeof value === 'object' && value !== null)
      for (const [name, item] of Object.entries(value)) walk(item, [...path, name])
  }
  walk(JSON.parse(portable), [])
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
      let text: string
      if (path.length === 0) text = JSON.stringify(value)
      else {
        const copy: unknown = JSON.parse(portable)
        let at: unknown = copy
        for (const step of path.slice(0, -1)) at = Reflect.get(at as object, step)
        Reflect.set(at as object, path.at(-1) ?? '', value)
        text = JSON.stringify(copy)
      }
      try {
        const read = planFromJson(text, '/job')
        expect(planFromJson(planToJson(read), '/job')).toEqual(read)
      } catch (error) {
        if (!(error instanceof PlanError)) throw error
      }
    }),
    { numRuns: 2_000, seed: 1 },
  )
})
