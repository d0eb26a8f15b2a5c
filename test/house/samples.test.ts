/** Each rule of the house on small samples: the bad one is a fault, the good one beside it is none. */
import { describe, expect, test } from 'vitest'
import { repository } from '../support/repository.js'
import { evidence, missingEvidence } from './rules/evidence.js'
import { failpointFaults } from './rules/failpoints.js'
import { cyclesRule, layersRule } from './rules/layers.js'
import { locksRule } from './rules/locks.js'
import { namesOfTests } from './rules/names.js'
import { pythonFaults } from './rules/python.js'
import { castListRule, fileLengthRule, functionLengthRule, openingRule, typesRule } from './rules/shape.js'
import { type Rule, type Source } from './rules/sources.js'
import { notesRule, notRunRule, placesRule } from './rules/text.js'
import { doorsRule, makersRule, purityRule } from './rules/world.js'

const source = (path: string, text: string): Source => ({ path, text })
const lines = (count: number): string => 'x\n'.repeat(count)
const body = (count: number): string => `function f() {\n${lines(count - 2)}}\n`

type Case = readonly [what: string, rule: Rule, bad: Source, good: Source]

const layers: readonly Case[] = [
  [
    'an import upwards',
    layersRule,
    source('src/batch/a.ts', `import { x } from '../runtime/index.js'`),
    source('src/runtime/a.ts', `import { x } from '../batch/index.js'`),
  ],
  [
    'an import sideways',
    layersRule,
    source('src/formats/a.ts', `import { x } from '../state/index.js'`),
    source('src/formats/a.ts', `import { x } from '../kernels/index.js'`),
  ],
  [
    'connectors that import code of formats',
    layersRule,
    source('src/connectors/a.ts', `import { x } from '../formats/index.js'`),
    source('src/connectors/a.ts', `import { type X } from '../formats/index.js'`),
  ],
  [
    'an import past the door',
    layersRule,
    source('src/runtime/a.ts', `import { x } from '../batch/column.js'`),
    source('src/runtime/a.ts', `import { x } from '../workers/lease/index.js'`),
  ],
  [
    'an export past the door',
    layersRule,
    source('src/runtime/flow/a.ts', `export * from '../../batch/column.js'`),
    source('src/runtime/flow/a.ts', `export * from '../pace/size.js'`),
  ],
  ['a room without a layer', layersRule, source('src/misc/a.ts', ''), source('src/index.ts', '')],
  [
    'a file that reaches itself',
    cyclesRule,
    source('src/batch/a.ts', `import { a } from './a.js'`),
    source('src/batch/a.ts', `import { type A } from './a.js'`),
  ],
]

const world: readonly Case[] = [
  [
    'a package past its door',
    doorsRule,
    source('src/runtime/a.ts', `import { Table } from 'apache-arrow'`),
    source('src/batch/a.ts', `import { Table } from 'apache-arrow'`),
  ],
  [
    'a package that nobody named',
    doorsRule,
    source('src/cli/a.ts', `const x = await import('left-pad')`),
    source('src/cli/a.ts', `import 'tsx'`),
  ],
  [
    'a module of Node without its prefix',
    doorsRule,
    source('src/cli/a.ts', `import 'fs'`),
    source('src/cli/a.ts', `import 'node:fs'`),
  ],
  [
    'Node in a pure room',
    purityRule,
    source('src/plan/a.ts', `import { join } from 'node:path'`),
    source('src/formats/a.ts', `import { join } from 'node:path'`),
  ],
  [
    'a clock in a pure room',
    purityRule,
    source('src/runtime/flow/a.ts', 'const now = Date.now()'),
    source('src/runtime/flow/a.ts', 'const day = Date.UTC(2020, 1)'),
  ],
  [
    'a date of now in a pure room',
    purityRule,
    source('src/state/a.ts', 'const now = new Date()'),
    source('src/state/a.ts', 'const then = new Date(0)'),
  ],
  [
    'chance in a pure room',
    purityRule,
    source('src/workers/lease/a.ts', 'const x = Math.random()'),
    source('src/workers/lease/a.ts', 'const x = Math.round(1.5)'),
  ],
  [
    'a timer in a pure room',
    purityRule,
    source('src/kernels/a.ts', 'setTimeout(f, 1)'),
    source('src/kernels/a.ts', 'function f(setTimeout) { setTimeout() }'),
  ],
  [
    'the process in a pure room',
    purityRule,
    source('src/schema/a.ts', 'const home = process.env.HOME'),
    source('src/schema/a.ts', 'const x = { process: 1 }; x.process'),
  ],
  [
    'a file below L6',
    makersRule,
    source('src/runtime/close/a.ts', `import { readFileSync } from 'node:fs'`),
    source('src/runtime/open/a.ts', `import { readFileSync } from 'node:fs'`),
  ],
  [
    'chance from node:crypto',
    makersRule,
    source('src/workers/start/a.ts', `import { randomBytes } from 'node:crypto'`),
    source('src/workers/start/a.ts', `import { createHash } from 'node:crypto'`),
  ],
  [
    'a clock below L6',
    makersRule,
    source('src/formats/a.ts', 'const now = performance.now()'),
    source('src/cli/a.ts', 'const now = performance.now()'),
  ],
]

const shape: readonly Case[] = [
  ['a file of 401 lines', fileLengthRule, source('src/plan/a.ts', lines(401)), source('src/plan/a.ts', lines(400))],
  ['a Python file of 401 lines', fileLengthRule, source('python/a.py', lines(401)), source('python/a.py', lines(400))],
  ['a function of 61 lines', functionLengthRule, source('src/plan/a.ts', body(61)), source('src/plan/a.ts', body(60))],
  [
    'a callback of 61 lines',
    functionLengthRule,
    source('test/unit/a.test.ts', `test('x', () => {\n${lines(59)}})`),
    source('test/unit/a.test.ts', `describe('x', () => {\n${lines(59)}})`),
  ],
  [
    'a suite of 61 lines with a test of its own',
    functionLengthRule,
    source('test/conformance/a.ts', `function f() {\ntest('a', g)\ndescribe('x', () => {\n${lines(57)}})\n}`),
    source('test/conformance/a.ts', `function f() {\n${`describe('x', () => {\n${lines(58)}})`}\n}`),
  ],
  ['any', typesRule, source('src/plan/a.ts', 'let x: any'), source('src/plan/a.ts', 'let x: unknown')],
  ['a value declared not null', typesRule, source('src/plan/a.ts', 'x!.y'), source('src/plan/a.ts', 'x?.y')],
  ['a cast', typesRule, source('src/plan/a.ts', 'x as string'), source('src/plan/a.ts', '[1] as const')],
  [
    'a listed file without a cast',
    castListRule,
    source('src/plan/params.ts', 'x'),
    source('src/plan/params.ts', 'x as string'),
  ],
  [
    'a file that does not say what it owns',
    openingRule,
    source('src/plan/a.ts', 'const x = 1'),
    source('src/cli/main.ts', '#!/usr/bin/env node\n/** The command. */'),
  ],
]

const text: readonly Case[] = [
  [
    'a note to do',
    notesRule,
    source('src/plan/a.ts', `// ${'TO' + 'DO'}: later`),
    source('src/plan/a.ts', '// what to do'),
  ],
  [
    'a test left out',
    notRunRule,
    source('test/a.test.ts', `test.skip('x')`),
    source('test/a.test.ts', `test.each([1])('x')`),
  ],
  [
    'a test alone',
    notRunRule,
    source('test/a.test.ts', `describe.only('x')`),
    source('test/a.test.ts', `describe('only')`),
  ],
  [
    'a Python test left out',
    notRunRule,
    source('test/python/a.py', '@pytest.mark.skip'),
    source('test/python/a.py', '@pytest.mark.parametrize'),
  ],
  [
    'a folder of one machine',
    placesRule,
    source('README.md', `cd ${'/wo' + 'rk'}/main`),
    source('README.md', 'cd src/workers'),
  ],
  ['a home', placesRule, source('a.json', `"${'/ro' + 'ot'}/x"`), source('a.json', '"node_modules/root/x"')],
  ['a registry', placesRule, source('.npmrc', 'https://' + 'registry.' + 'npmjs.org'), source('.npmrc', 'audit=false')],
]

const lock = (entry: object): Source =>
  source('package-lock.json', JSON.stringify({ packages: { '': {}, 'node_modules/a': entry } }))

const locks: readonly Case[] = [
  ['an address in the npm lock', locksRule, lock({ integrity: 'x', resolved: 'https://x' }), lock({ integrity: 'x' })],
  ['a package without a hash', locksRule, lock({ version: '1' }), lock({ version: '1', integrity: 'x' })],
  [
    'a platform that the npm lock leaves out',
    locksRule,
    lock({ integrity: 'x', optionalDependencies: { b: '1' } }),
    lock({ integrity: 'x', optionalDependencies: {} }),
  ],
  [
    'an index in the pip lock',
    locksRule,
    source('requirements.txt', '--index-url https://x\n'),
    source('requirements.txt', '# by pip-compile\na==1 \\\n    --hash=sha256:0\n'),
  ],
  [
    'a Python package without a hash',
    locksRule,
    source('requirements-dev.txt', 'a==1\n'),
    source('requirements-dev.txt', ''),
  ],
  [
    'a Python package without a version',
    locksRule,
    source('requirements.txt', 'a>=1 --hash=sha256:0\n'),
    source('requirements.in', 'a>=1\n'),
  ],
]

const function61 = `def f():\n${'    x = 1\n'.repeat(60)}`
const function60 = `def f():\n    """Doc.\n${'    more\n'.repeat(20)}    """\n${'    x = 1\n'.repeat(59)}`
const python: readonly Case[] = [
  [
    'a Python function of 61 lines',
    all => pythonFaults(all, repository),
    source('a.py', function61),
    source('a.py', function60),
  ],
  [
    'an import of pickle',
    all => pythonFaults(all, repository),
    source('a.py', 'import pickle'),
    source('a.py', 'import json'),
  ],
]

/** What a good sample of the list needs beside it: the rest of the listed files, each with a cast. */
const listed = (sample: Source, rule: Rule): readonly Source[] =>
  rule === castListRule
    ? [sample, ...castListRule([]).map(fault => source(fault.split(':')[0] ?? '', 'x as string'))]
    : [sample]

describe.each([
  ['layers', layers],
  ['the world', world],
  ['the shape of code', shape],
  ['texts', text],
  ['lock files', locks],
  ['Python', python],
] as const)('%s: a fault is', (_, cases) => {
  test.for(cases)('%s', ([, rule, bad, good]) => {
    expect(rule(listed(bad, rule))).toHaveLength(1)
    expect(rule(listed(good, rule))).toEqual([])
  })
})

describe('the rows that must have a test', () => {
  test('a row is missing until the name of a test begins with it', () => {
    const all = evidence.map(row => `${row.id} and what follows`)
    expect(missingEvidence(all)).toEqual([])
    expect(missingEvidence(all.slice(1)).map(row => row.id)).toEqual(['W1'])
  })

  test('W10 is no evidence for W1', () => {
    expect(missingEvidence(['W10 a slow leak']).map(row => row.id)).toContain('W1')
  })

  test('names are read from TypeScript tests and from pytest, and from nowhere else', () => {
    const names = namesOfTests([
      source('test/unit/a.test.ts', "test('W1 a kill', f); test(`W2 ${x}`, f)"),
      source('test/python/test_a.py', 'def test_w3_a_kill() -> None:\n    pass'),
      source('test/support/a.ts', "const x = 'W4 a kill'"),
    ])
    expect(['W1', 'W2', 'W3', 'W4'].map(id => missingEvidence(names, [{ id, what: '' }]).length)).toEqual([0, 0, 0, 1])
  })
})

describe('a failpoint', () => {
  const both = source('src/workers/a.ts', `atFailpoint('send', () => x)`)
  const before = source('python/anabranch/_worker/run.py', 'failpoint("send", "before")')
  const faults = (of: Source, excused = {}): readonly string[] =>
    failpointFaults([of], excused).filter(fault => fault.includes(' send '))

  test('is called before and after its step', () => {
    expect(faults(both)).toEqual([])
    expect(faults(before)).toEqual(['failpoint send is not called after its step'])
  })

  test('is not called by tests and simulations only', () => {
    expect(faults({ ...both, path: 'src/testing/simulation/a.ts' })).toHaveLength(2)
  })

  test('that waits for its step is not called yet', () => {
    expect(faults(before, { send: 'later' })).toEqual([])
    expect(faults(both, { send: 'later' })).toHaveLength(1)
  })
})
