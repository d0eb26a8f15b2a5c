import { describe, expect, test } from 'vitest'
import { type FunctionLike, avro, between, contract, csv, files, job, json, parquet, text } from 'anabranch'
import { type Fault, away, drive, fault, reject, result } from 'anabranch/testing'
import { columns } from '../plan/functions.js'
import shop from './shop.js'

const order = (item: string, qty: number, price = 1): Readonly<Record<string, unknown>> => ({ item, price, qty })
const orders = () => job('shop').from(files('*.jsonl', json(shop.Order)), { id: 'orders' })

const billed = orders().apply(shop.bill).to(files.sink('bills/', json()))
const lines = (table: string): string =>
  table
    .split('\n')
    .filter(line => line.trim() !== '')
    .map(line => line.slice(4))
    .join('\n')

/** The tally of a key, as its Python would count it; a quantity below zero is refused. */
const counting = {
  each: (
    row: { readonly qty: bigint | null },
    state: { readonly n: bigint | null; readonly sum: bigint | null } | null,
  ) => {
    const n = (state?.n ?? 0n) + 1n
    const sum = (state?.sum ?? 0n) + (row.qty ?? 0n)
    if ((row.qty ?? 0n) < 0n) reject('less than nothing')
    return [
      { nth: n, sum },
      { n, sum },
    ] as const
  },
  atEnd: (key: Readonly<Record<string, unknown>>, state: { readonly sum: bigint | null }) => ({
    totals: { item: String(key['item']), sum: state.sum },
  }),
}

const keyed = orders().keyBy('item').apply(shop.tally)
const counted = keyed.to(files.sink('tallied/', json())).side('totals').to(files.sink('totals/', parquet()))

describe('what a job gives', () => {
  test('columns that no function declares stay beside those that are added', async () => {
    const t = await drive(billed)
      .with(shop, { bill: row => ({ total: Number(row.price) * Number(row.qty) }) })
      .input({ orders: [order('rope', 2, 4.5), order('lamp', 1, 30)] })
      .run()
    expect(t.text('bills')).toBe(
      lines(`
    item  price  qty  total
    rope    4.5    2      9
    lamp     30    1     30`),
    )
    expect(t.counts).toEqual({ rowsIn: 2, rowsOut: 2, rowsDead: 0 })
  })

  test('a filter keeps, a flat_map repeats, and the places of rows stay known', async () => {
    const t = await drive(orders().filter(shop.inStock).flatMap(shop.pieces).to(files.sink('out/', json())))
      .with(shop, {
        inStock: row => (row.qty ?? 0n) > 0n,
        pieces: row => Array.from({ length: Number(row.qty) }, (_, piece) => ({ piece })),
      })
      .input({ orders: [order('rope', 2), order('lamp', 0), order('tent', 1)] })
      .run()
    expect(t.text('out')).toBe(
      lines(`
    item  price  qty  piece
    rope      1    2      0
    rope      1    2      1
    tent      1    1      0`),
    )
  })

  test('side outputs come out where the job sends them', async () => {
    const sides = orders()
      .apply(shop.bill)
      .to(files.sink('bills/', json()))
      .side('dear')
      .to(files.sink('dear/', json()))
    const t = await drive(sides)
      .with(shop, {
        bill: row => {
          const total = { total: Number(row.price) }
          return Number(row.price) > 10 ? result(total, { dear: { price: row.price } }) : total
        },
      })
      .input({ orders: [order('rope', 1, 4), order('lamp', 1, 30)] })
      .run()
    expect(t.output('bills').numRows).toBe(2)
    expect(t.text('dear')).toBe('price\n   30')
  })

  test('state stays with its key, and at the end each key has the last word', async () => {
    const t = await drive(counted)
      .with(shop, { tally: counting })
      .input({ orders: [order('rope', 2), order('lamp', 5), order('rope', 3)] })
      .run()
    expect(t.text('tallied')).toBe(
      lines(`
    item  price  qty  nth  sum
    rope      1    2    1    2
    lamp      1    5    1    5
    rope      1    3    2    5`),
    )
    expect(t.text('totals')).toBe('item  sum\nrope    5\nlamp    5')
  })

  test('a key whose state is answered as null begins anew', async () => {
    const t = await drive(counted)
      .with(shop, {
        tally: {
          each: (_row, state) => [{ nth: (state?.n ?? 0n) + 1n, sum: 0 }, state === null ? { n: 1n, sum: 0 } : null],
          atEnd: () => ({}),
        },
      })
      .input({ orders: [order('rope', 1), order('rope', 1), order('rope', 1)] })
      .run()
    expect(t.output('tallied').getChild('nth')?.toArray()).toEqual(BigInt64Array.of(1n, 2n, 1n))
  })

  test('rows come out the same for every size of a call, number of workers and of lanes', async () => {
    const rows = Array.from({ length: 60 }, (_, i) => order(`item ${i % 7}`, i % 5))
    const runs = [{ batchRows: 1 }, { batchRows: 7, workers: 4, lanes: 8 }, { lanes: 3 }].map(async terms => {
      const t = await drive(counted, terms).with(shop, { tally: counting }).input({ orders: rows }).run()
      return t.text('tallied').split('\n').sort()
    })
    const [one, ...others] = await Promise.all(runs)
    expect(one).toHaveLength(61)
    for (const other of others) expect(other).toEqual(one)
  })

  test('parameters are those of the job, or of the test', async () => {
    const taxed = job('taxed', { params: { tax: 0 } }).from(files('*', json(shop.Order)), { id: 'orders' })
    const toll = taxed.apply(shop.bill).to(files.sink('bills/', json()))
    const bill = (_row: unknown, call: { readonly params: Readonly<Record<string, unknown>> }) => ({
      total: Number(call.params['tax']),
    })
    const totals = async (params: Readonly<Record<string, number>>): Promise<string> =>
      (
        await drive(toll, { params })
          .with(shop, { bill })
          .input({ orders: [order('rope', 1)] })
          .run()
      ).text('bills')
    expect(await totals({})).toContain('    0')
    expect(await totals({ tax: 7 })).toContain('    7')
    await expect(totals({ tacks: 7 })).rejects.toThrow('parameters do not fit the job')
  })

  test('a source of CSV takes records without their header, and one of Parquet takes rows', async () => {
    const both = job('both').from(files('*', csv(shop.Order)), { id: 'csv' })
    const t = await drive(
      both.union(job('both').from(files('*', parquet(shop.Order)), { id: 'table' })).to(files.sink('out/', json())),
    )
      .input({ csv: ['rope,4.5,2', 'lamp,much,1'], table: [order('tent', 1)] })
      .run()
    expect(
      t
        .output('out')
        .toArray()
        .map(row => row.item)
        .sort(),
    ).toEqual(['rope', 'tent'])
    expect(t.deadLetters).toMatchObject([{ source: 'csv', position: 2, error: { code: 'ANB2003' } }])
    const table = drive(
      job('one')
        .from(files('*', parquet(shop.Order)), { id: 'in' })
        .to(files.sink('out/', avro())),
    )
    await expect(table.input({ in: ['rope,1,1'] }).run()).rejects.toThrow('reads files that have no lines')
  })

  test('a source of plain lines takes texts', async () => {
    const words = job('words').from(files('*', text()), { id: 'lines' }).to(files.sink('out/', json()))
    const t = await drive(words)
      .input({ lines: ['one', 'two'] })
      .run()
    expect(t.text('out')).toBe('line\none\ntwo')
  })
})

describe('rows that die', () => {
  test('a refused row has its reason and its place, and leaves no state', async () => {
    const t = await drive(counted)
      .with(shop, { tally: counting })
      .input({ orders: [order('rope', 2), order('rope', -1), order('rope', 3)] })
      .run()
    expect(t.text('tallied')).toContain('rope      1    3    2    5')
    expect(t.deadLetters).toMatchObject([
      {
        operator: 'tally',
        source: 'orders',
        position: 2,
        row: { qty: -1 },
        error: { code: 'ANB2002', message: 'less than nothing' },
      },
    ])
    expect(t.counts.rowsDead).toBe(1)
  })

  test('a row on which a vectorised function raises is found by halving, the others come through', async () => {
    const t = await drive(billed)
      .with(shop, {
        bill: row => {
          if (row.qty === 7n) throw new RangeError('seven')
          return { total: Number(row.qty) }
        },
      })
      .input({ orders: Array.from({ length: 16 }, (_, i) => order('rope', i)) })
      .run()
    expect(t.output('bills').numRows).toBe(15)
    expect(t.deadLetters).toMatchObject([
      { position: 8, error: { code: 'ANB2001', type: 'RangeError', message: 'seven' } },
    ])
    expect(t.calls).toBeGreaterThan(4)
  })

  test('in row mode a row that raises is dead alone, in the same call', async () => {
    const t = await drive(orders().apply(shop.careful).to(files.sink('halves/', json())))
      .with(shop, {
        careful: row => {
          if ((row.qty ?? 0n) % 2n === 1n) throw new RangeError('odd')
          return { half: (row.qty ?? 0n) / 2n }
        },
      })
      .input({ orders: [order('rope', 2), order('lamp', 3)] })
      .run()
    expect([t.calls, t.output('halves').numRows, t.deadLetters.length]).toEqual([1, 1, 1])
  })

  test('a line that does not parse is dead with its text', async () => {
    const t = await drive(billed)
      .with(shop, { bill: () => ({ total: 0 }) })
      .input({ orders: ['{"item": "rope", "price": 1, "qty": 1}', '{"item": '] })
      .run()
    expect(t.deadLetters).toMatchObject([{ position: 2, row: '{"item": ', error: { code: 'ANB2003' } }])
  })
})

describe('faults', () => {
  const found: Readonly<Record<Fault, string>> = {
    'worker crashes': 'worker.lost',
    'worker is killed': 'worker.lost',
    'worker hangs': 'worker.lost',
    'reply is damaged': 'frame.refused',
  }
  test.for(Object.entries(found))('%s, and nothing changes that a reader can see', async ([name, counter]) => {
    const names: readonly Fault[] = ['worker crashes', 'worker is killed', 'worker hangs', 'reply is damaged']
    const strikes = names.filter(one => one === name).map(fault)
    const input = [order('a', 1), order('a', 2), ...strikes, order('b', 5), order('a', 3)]
    const t = await drive(counted).with(shop, { tally: counting }).input({ orders: input }).run()
    expect(t.text('tallied')).toBe(
      lines(`
    item  price  qty  nth  sum
    a         1    1    1    1
    a         1    2    2    3
    b         1    5    1    5
    a         1    3    3    6`),
    )
    expect(t.counters[counter]).toBe(1)
  })
})

describe('a clock that is moved by hand', () => {
  test('rows wait for a service that is away, and none of them dies', async () => {
    const t = await drive(billed)
      .with(shop, { bill: (_row, { nowMs }) => (nowMs < 5_000 ? away('the tax office') : { total: nowMs }) })
      .input({ orders: [order('rope', 1)] })
      .start()
    t.clock.advance('4s')
    expect([t.output('bills').numRows, t.calls]).toEqual([0, 6])
    t.clock.advance('10s')
    expect(t.output('bills').numRows).toBe(1)
    expect(t.finish().deadLetters).toEqual([])
  })

  test('a service that stays away stops the job after its limit', async () => {
    const impatient = job('impatient', { transientMax: '1min' }).from(files('*', json(shop.Order)), { id: 'orders' })
    const toll = impatient.apply(shop.bill).to(files.sink('bills/', json()))
    const t = await drive(toll)
      .with(shop, { bill: () => away('the tax office', { retryAfterMs: 500 }) })
      .input({ orders: [order('rope', 1)] })
      .start()
    expect(() => t.finish()).toThrow(/away/)
    expect(t.error?.code).toBe('ANB2010')
    expect(t.clock.nowMs).toBeGreaterThan(59_000)
  })

  test('input can come while the job runs', async () => {
    const t = await drive(billed)
      .with(shop, { bill: row => ({ total: Number(row.qty) }) })
      .start()
    t.input({ orders: [order('rope', 1)] })
    expect(t.text('bills').split('\n')).toHaveLength(2)
    t.fault('worker crashes').input({ orders: [order('lamp', 2)] })
    expect(t.finish().output('bills').numRows).toBe(2)
  })
})

describe('what is wrong is said', () => {
  const run = (given: unknown): Promise<unknown> => {
    const loose: { readonly bill: FunctionLike } = { bill: shop.bill }
    return drive(billed)
      .with(loose, { bill: () => given as never })
      .input({ orders: [order('rope', 1)] })
      .run()
  }

  test.for([
    [{ sum: 1 }, 'ANB2101', 'transform "bill" returned columns "sum" for a row, expected exactly "total"'],
    [{ total: 'much' }, 'ANB2104', 'transform "bill" returned column "total" as the string much, but declares float64'],
    [7, 'ANB2103', 'transform "bill" returned the number 7, expected an object of columns'],
    [
      result({ total: 1 }, { cheap: { price: 1 } }),
      'ANB2109',
      'transform "bill" returned side output "cheap", declared are "dear"',
    ],
  ] as const)('a stand-in that answers %j stops the job with %s', async ([given, code, message]) => {
    await expect(run(given)).rejects.toMatchObject({
      code,
      class: 'ContractError',
      message: expect.stringContaining(message),
    })
  })

  test('a stand-in of no function, with the name that was meant', () => {
    const standIns = { in_stock: () => true }
    expect(() => drive(billed).with(shop, standIns as object)).toThrow(
      'the types file has no function "in_stock": did you mean "inStock"?',
    )
  })

  test('a function without a stand-in is named before anything runs', async () => {
    await expect(drive(billed).run()).rejects.toThrow('the job calls "bill" without a stand-in')
  })

  test('so are a source, a sink, a column and a value that do not exist', async () => {
    const t = drive(billed).with(shop, { bill: () => ({ total: 0 }) })
    await expect(t.input({ order: [] }).run()).rejects.toThrow('the job has no source "order"; it has "orders"')
    await expect(t.input({ orders: [{ itm: 'rope' }] }).run()).rejects.toThrow(
      'row 1 of source "orders" has "itm", declared are "item", "price", "qty"',
    )
    await expect(t.input({ orders: [{ qty: 'many' }] }).run()).rejects.toThrow(
      'row 1 of source "orders" has the string many in column "qty", which is int64',
    )
    const done = await t.run()
    expect(() => done.output('bill')).toThrow('the job has no sink "bill"; it has "bills"')
  })

  test('a plan with faults lists them', async () => {
    const nowhere = orders().keyBy('item').apply(shop.tally)
    await expect(drive(nowhere).run()).rejects.toMatchObject({ code: 'ANB1000' })
  })

  test('a required column that is missing is named', async () => {
    const strict = job('strict').from(files('*', json(columns('a int32 required'))), { id: 'in' })
    const t = drive(strict.to(files.sink('out/', json())))
    await expect(t.input({ in: [{}] }).run()).rejects.toThrow('column "a", which is int32, required')
  })
})

describe('a check', () => {
  const sound = {
    name: 'sound',
    columns: [['qty', 'int64']],
    rules: [{ kind: 'between', columns: ['qty'], arguments: { low: 0, high: 9 }, text: 'qty must be between 0 and 9' }],
    declared: '',
    from: { path: 'shop.py', types: import.meta.url, source: '' },
  } as const
  const rows = { orders: [order('rope', 2), order('lamp', -1)] }
  const few = { sound: (row: { readonly qty: bigint | null }) => ((row.qty ?? 0n) < 0n ? ['too few', 'odd'] : []) }

  test('has a stand-in that says what a row breaks, and the row is a dead letter with all of it', async () => {
    const t = await drive(orders().check(sound).to(files.sink('out/', json())))
      .with({ sound }, few)
      .input(rows)
      .run()
    expect(t.counts).toEqual({ rowsIn: 2, rowsOut: 1, rowsDead: 1 })
    expect(t.deadLetters).toMatchObject([{ error: { code: 'ANB2002', message: 'too few; odd' } }])
  })

  test('flags rows as a run does', async () => {
    const flagged = orders().check(sound, { onFail: 'flag' }).to(files.sink('out/', json()))
    const t = await drive(flagged).with({ sound }, few).input(rows).run()
    expect([0, 1].map(row => [...(t.output('out').get(row)?.['failures'] ?? [])])).toEqual([[], ['too few', 'odd']])
  })

  test('without a stand-in finds every row good, of the job file too', async () => {
    const job = orders()
      .check(sound)
      .check(contract({ qty: between(0, 1) }))
    const t = await drive(job.to(files.sink('out/', json())))
      .input(rows)
      .run()
    expect(t.counts).toEqual({ rowsIn: 2, rowsOut: 2, rowsDead: 0 })
  })
})
