/**
 * How the TypeScript tests run: `house` reads the sources, `fast` runs the engine in one process, `system` starts real
 * hosts and workers, one file at a time and after the others, since it measures time and looks for what is left over.
 */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const named = process.env.ANABRANCH_TEST_NAME === undefined ? {} : { runner: './test/support/name-runner.ts' }
/** Fast tests run the sources, also where an example imports the package by its name. */
const sources = [
  { find: /^anabranch$/, replacement: fileURLToPath(new URL('src/index.ts', import.meta.url)) },
  { find: /^anabranch\/testing$/, replacement: fileURLToPath(new URL('src/testing/index.ts', import.meta.url)) },
]
const shared = { ...named, pool: 'forks', environment: 'node' } as const

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
          ...shared,
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 1,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          globalSetup: './test/support/teardown.ts',
          setupFiles: './test/support/run-folder.ts',
        },
      },
    ],
  },
})
