/** What lies in a folder, to say that nobody touched it. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Each file with what it has, in base64. */
export const treeOf = (path: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(path, { recursive: true, withFileTypes: true })
      .filter(each => each.isFile())
      .map(each => join(each.parentPath, each.name))
      .map(name => [name, readFileSync(name).toString('base64')] as const),
  )
