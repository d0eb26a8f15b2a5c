/** Where this package lies, and what its package.json says: read from the file, since the runtime would load Arrow. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { shape } from '../base/index.js'

/** Without a slash at its end. */
export const packageRoot: string = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '')

export interface PackageFacts {
  readonly version: string
  /** Versions of what it depends on, to run and to be built, by name. */
  readonly pins: Readonly<Record<string, string>>
  /** The oldest programs that will do: `node: '>=20.19'`. */
  readonly engines: Readonly<Record<string, string>>
}

const texts = shape.map(shape.string)

export function packageFacts(): PackageFacts {
  const facts = shape.record(JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')), '')
  const pins = {
    ...texts(facts['devDependencies'], 'devDependencies'),
    ...texts(facts['dependencies'], 'dependencies'),
  }
  return { version: shape.string(facts['version'], 'version'), pins, engines: texts(facts['engines'], 'engines') }
}
