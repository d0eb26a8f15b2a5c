/** Lock files name versions and hashes, and never an address: they work with whatever registry a machine is set up for. */
import { type Rule, type Source } from './sources.js'

export const locksRule: Rule = sources => [
  ...sources.filter(each => each.path === 'package-lock.json').flatMap(npmFaults),
  ...sources.filter(each => /^requirements[^/]*\.txt$/.test(each.path)).flatMap(pipFaults),
]

interface NpmLock {
  readonly packages: Readonly<Record<string, NpmEntry>>
}

interface NpmEntry {
  readonly resolved?: string
  readonly integrity?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

function npmFaults({ path, text }: Source): readonly string[] {
  const lock: NpmLock = JSON.parse(text)
  return Object.entries(lock.packages).flatMap(([name, entry]) => {
    if (entry.resolved !== undefined)
      return [`${path}: "${name}" has an address; .npmrc omits them: run npm install again`]
    if (name !== '' && entry.integrity === undefined) return [`${path}: "${name}" has no hash`]
    // npm leaves out what its registry did not have when the lock was written, and then npm ci refuses the lock.
    return Object.keys(entry.optionalDependencies ?? {})
      .filter(
        each =>
          lock.packages[`node_modules/${each}`] === undefined &&
          lock.packages[`${name}/node_modules/${each}`] === undefined,
      )
      .map(each => `${path}: "${each}" of "${name}" is missing; take a version that exists for all platforms`)
  })
}

function pipFaults({ path, text }: Source): readonly string[] {
  const entries = text.replaceAll('\\\n', ' ').split('\n')
  return entries.flatMap((line, i) => {
    if (line.trim() === '' || line.startsWith('#')) return []
    const place = `${path}: entry ${i + 1}`
    if (/^-|:\/\//.test(line.trim())) return [`${place}: an option or an address: ${line.slice(0, 80)}`]
    if (!/^[a-z0-9._-]+==\S+/.test(line)) return [`${place}: expected name==version: ${line.slice(0, 80)}`]
    return line.includes('--hash=sha256:') ? [] : [`${place}: has no hash: ${line.slice(0, 80)}`]
  })
}
