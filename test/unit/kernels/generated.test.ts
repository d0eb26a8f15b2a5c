/** The WebAssembly that is committed is what the sources of it compile to, so that nobody runs yesterday's kernel. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

interface Build {
  moduleNames(): readonly string[]
  generate(name: string): Promise<string>
  generatedPath(name: string): string
}
const path = '../../../src/kernels/wasm/build.mjs'
const { generate, generatedPath, moduleNames }: Build = await import(path)

it.each(moduleNames())('%s is compiled from its source as it is now', async name => {
  expect(
    readFileSync(generatedPath(name), 'utf8') === (await generate(name)),
    'run: node src/kernels/wasm/build.mjs',
  ).toBe(true)
})
