/**
 * How the TypeScript tests run: `house` reads the sources, `fast` runs the engine in one process, `system` starts real
 * hosts and workers, which wait as much as they compute: two files at a time. `system-alone` comes last, one file at a time: what
 * measures time or memory, needs both cores, or builds what the others run.
 */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const named = process.env.ANABRANCH_TEST_NAME === undefined ? {} : { runner: './test/support/name-runner.ts' }
/** Fast tests run the sources, also where an example imports the package by its name. */
const sources = [
  { find: /^anabranch$/, replacement: fileURLToPath(new URL('src/index.ts', import.meta.url)) },
  { find: /^anabranch\/testing$/, replacement: fileURLToPath(new URL('src/testing/index.ts', import.meta.url)) },
]
const alone = [
  'chaos',
  'deliberate-bugs',
  'faults-answer',
  'faults-limits',
  'full-disk',
  'package',
  'setup',
  'swap',
].map(name => `test/system/${name}.test.ts`)
// Of two cores vitest would leave one alone.
const shared = { ...named, pool: 'forks', environment: 'node', maxWorkers: 2 } as const
const system = {
  ...shared,
  // For what hangs: a machine that is slow and busy needs a minute for some.
  testTimeout: 180_000,
  hookTimeout: 180_000,
  globalSetup: './test/support/teardown.ts',
  setupFiles: './test/support/run-folder.ts',
} as const

export default defineConfig({
  test: {
    projects: [
      { test: { ...shared, name: 'house', include: ['test/house/**/*.test.ts'], testTimeout: 60_000 } },
      {
        resolve: { alias: sources },
        test: {
          ...shared,
          name: 'fast',
          include: ['test/{unit,promises,properties,simulation,conformance,golden}/**/*.test.ts'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          ...system,
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          exclude: alone,
          sequence: { groupOrder: 1 },
        },
      },
      { test: { ...system, name: 'system-alone', include: alone, maxWorkers: 1, sequence: { groupOrder: 2 } } },
    ],
  },
})
