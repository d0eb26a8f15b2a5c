/**
 * The likely mistakes of a newcomer in a job or at the command line, each really made, and what we answer. The answers are
 * in newcomer-mistakes-typescript.txt, to be read as a whole; `vitest run --project fast test/golden/newcomer -u` writes it
 * anew. Those in Python are in test/python/test_newcomer.py.
 */
import { expect, test } from 'vitest'
import { AnabranchError } from '../../src/base/index.js'
import { type Command, type Terminal } from '../../src/cli/command.js'
import { dlq } from '../../src/cli/dlq.js'
import { explain } from '../../src/cli/explain.js'
import { lint } from '../../src/cli/lint.js'
import { replay } from '../../src/cli/replay.js'
import { run } from '../../src/cli/run.js'
import { types } from '../../src/cli/types.js'
import { files, job, json, nullSink, parquet, planOf, socket, text } from '../../src/plan/index.js'
import { columns, context, fn } from '../unit/plan/functions.js'

/** What `transforms.anabranch.ts` of a small shop would export. */
const shop = {
  Order: columns('user utf8, item utf8, price float64, qty int64'),
  bill: fn('bill', { in: 'price float64, qty int64', out: 'total float64' }),
  many: fn('many', { in: 'qty int64', kind: 'filter' }),
  words: fn('words', { in: 'item utf8', out: 'word utf8', kind: 'flat_map' }),
  nth: fn('nth', { in: 'price float64', state: 'n int64', out: 'nth int64' }),
  risk: fn('risk', { in: 'total float64', out: 'risk float64', side: { odd: 'why utf8' } }),
}
const given = { job, files, json, text, parquet, socket, nullSink, shop, orders: files('in/*.jsonl', json(shop.Order)) }

const jobs: readonly string[] = [
  "job('shop').from(orders).apply(shop.bill)",
  "job('shop').from(files('', json(shop.Order))).to(nullSink())",
  "job('shop').from(files('in.csv', json({}))).to(nullSink())",
  "job('shop').from(files('in.txt', text())).apply(shop.bill).to(nullSink())",
  "job('my shop').from(orders).to(nullSink())",
  "job('shop').from(orders).apply(shop.risk).to(nullSink())",
  "job('shop').from(files('in', json({ price: 'float', qty: 'int64' }))).apply(shop.bill).to(nullSink())",
  "job('shop').from(files('in', json({ price: 'utf8', qty: 'int64' }))).apply(shop.bill).to(nullSink())",
  "job('shop').from(files('in', json({ pryce: 'float64', qty: 'int64' }))).apply(shop.bill).to(nullSink())",
  "job('shop').from(orders).apply(shop.nth).to(nullSink())",
  "job('shop').from(orders).keyBy('usr').apply(shop.nth).to(nullSink())",
  "job('shop').from(orders).keyBy('user').select('price').apply(shop.nth).to(nullSink())",
  "job('shop').from(orders).apply(shop.many).to(nullSink())",
  "job('shop').from(orders).filter(shop.bill).to(nullSink())",
  "job('shop').from(orders).apply(shop.words).to(nullSink())",
  "job('shop').from(orders).apply(shop.billing).to(nullSink())",
  "job('shop').from(orders).apply(row => row).to(nullSink())",
  "job('shop').from(orders).apply(shop.bill).side('odd').to(nullSink())",
  "job('shop').from(orders).apply(shop.bill).apply(shop.bill).to(nullSink())",
  "job('shop').from(orders).to(files.sink('/bills/', json()))",
  "job('shop').from(orders).to(files.sink('bills/', json())).to(files.sink('bills/', json()))",
  "job('shop').from(orders).select('item', { item: 'price' }, 'price').to(nullSink())",
  "job('shop').from(orders).union(job('shop').from(orders).apply(shop.bill)).to(nullSink())",
  "job('shop').from(socket('localhost:9000', json(shop.Order))).to(nullSink())",
  "job('shop', { maxDead: '10%' }).from(orders).to(nullSink())",
  "job('shop', { workerMemory: '2 gigs' }).from(orders).to(nullSink())",
]

const commands: readonly (readonly [Command, string])[] = [
  [run, ''],
  [run, 'jobs.ts'],
  [run, 'job.ts --wrkers 2'],
  [run, 'job.ts --workers many'],
  [lint, 'a.ts b.ts'],
  [types, 'job.ts'],
  [types, ''],
  [explain, 'ANB9999'],
  [replay, ''],
  [dlq, 'ls out/shop'],
  [dlq, 'list out/nothing'],
]

test('fifty mistakes of a newcomer, and what we answer (jobs and the command line)', async () => {
  const answers = [...jobs.map(code => `${code}\n${answerTo(code)}`)]
  for (const [command, words] of commands)
    answers.push(`$ anabranch ${command.name} ${words}`.trimEnd().concat(`\n${await refusalOf(command, words)}`))
  await expect(`${answers.join('\n\n')}\n`).toMatchFileSnapshot('./newcomer-mistakes-typescript.txt')
})

function answerTo(code: string): string {
  const names = Object.keys(given)
  const { faults } = planOf(new Function(...names, `return ${code}`)(...Object.values(given)), context)
  expect(faults, code).not.toEqual([])
  // Which line of this file it was is no part of the answer.
  const said = faults.map(({ code, message, hint }) => `${code} ${message}\n  hint:   ${hint}`).join('\n')
  return said.replaceAll(/[^\s(]*newcomer\.test\.ts:\d+/g, 'job.ts:4')
}

const silent: Terminal = {
  out: () => undefined,
  err: () => undefined,
  status: () => undefined,
  interactive: false,
  color: false,
  columns: 80,
}

async function refusalOf(command: Command, words: string): Promise<string> {
  try {
    await command.run(words === '' ? [] : words.split(' '), silent)
  } catch (error) {
    if (error instanceof AnabranchError) return error.render().replaceAll(process.cwd(), '.')
    throw error
  }
  throw new Error(`anabranch ${command.name} ${words} was accepted`)
}
