/**
 * How the TypeScript tests run: `house` reads the sources, `fast` runs the engine in one process, `system` starts real
 * hosts and workers, which wait as much as they compute: two files at a time. `system-alone` comes last, one file at a time: what
 * measures time or memory, or needs both cores.
 */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const named = process.env.ANABRANCH_TEST_NAME === undefined ? {} : { runner: './test/support/name-runner.ts' }
/** Fast tests run the sources, also where an example imports the package by its name. */
const sources = [
  { find: /^anabranch$/, replacement: fileURLToPath(new URL('src/index.ts', import.meta.url)) },
  { find: /^anabranch\/testing$/, replacement: fileURLToPath(new URL('src/testing/index.ts', import.meta.url)) },
]
const systemFiles = (...names: readonly string[]): string[] => names.map(name => `test/system/${name}.test.ts`)
const alone = systemFiles('chaos', 'faults-answer', 'faults-limits', 'full-disk', 'swap')
/** Small files that take minutes: begun last, as vitest begins small ones, each would keep one core busy alone. */
const long = systemFiles('package', 'deliberate-bugs')

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean => long.some(name => moduleId.endsWith(`/${name}`))
    const sorted = await super.sort(files)
    return [...sorted.filter(isLong), ...sorted.filter(file => !isLong(file))]
  }
}

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
    sequence: { sequencer: LongFirst },
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
