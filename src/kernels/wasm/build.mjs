/**
 * Compiles each AssemblyScript module of this folder and writes it as `../generated/<name>.ts`, base64 text of
 * the WebAssembly bytes. The generated files are committed; test/unit/kernels/generated.test.ts compiles again
 * and compares, so they cannot go stale. Run: node src/kernels/wasm/build.mjs [name...]
 */
import asc from 'assemblyscript/asc'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const generated = join(here, '..', 'generated')

/** Memory comes from outside, so that a kernel works where its caller's bytes lie; there is no runtime. */
const flags = ['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--importMemory', '--noExportMemory']

export const moduleNames = () =>
  readdirSync(here)
    .filter(file => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map(file => file.slice(0, -3))
    .sort()

/** The text of `../generated/<name>.ts`. Throws what the compiler says. */
export async function generate(name) {
  let binary
  const { error, stderr } = await asc.main([`${name}.ts`, '--outFile', 'out.wasm', ...flags], {
    readFile: file => {
      try {
        return readFileSync(join(here, file), 'utf8')
      } catch {
        return null
      }
    },
    writeFile: (_, contents) => {
      binary = contents
    },
    listFiles: () => [],
  })
  if (error !== null || binary === undefined) throw new Error(`${name}.ts: ${stderr.toString()}`)
  const lines = Buffer.from(binary).toString('base64').match(/.{1,110}/g) ?? []
  const text = lines.map(line => `  '${line}'`).join(' +\n')
  return `/** Made by src/kernels/wasm/build.mjs from wasm/${name}.ts: do not edit. */\nexport const ${exportName(name)} =\n${text}\n`
}

const exportName = name => `${name.replace(/-(.)/g, (_, letter) => letter.toUpperCase())}Wasm`
export const generatedPath = name => join(generated, `${name}.ts`)

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.length > 2 ? process.argv.slice(2) : moduleNames()
  for (const name of names) writeFileSync(generatedPath(name), await generate(name))
}
