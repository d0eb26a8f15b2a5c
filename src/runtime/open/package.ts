/** Where this package's Python side lies, and its version: the worker's must be the same. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../../../', import.meta.url)

/** Absolute path of the folder that holds the Python package `anabranch`. */
export const packageFolder: string = fileURLToPath(new URL('python', root))
export const packageVersion: string = versionIn(readFileSync(new URL('package.json', root), 'utf8'))

function versionIn(text: string): string {
  const json: { readonly version?: unknown } = JSON.parse(text)
  return String(json.version)
}
