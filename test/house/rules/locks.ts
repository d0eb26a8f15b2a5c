/** Lock files name versions and hashes, and never an address: they work with whatever registry a machine is set up for. */
import { type Rule, type Source } from './sources.js'

export const locksRule: Rule = sources => [
  ...sources.filter(each => each.path === 'package-lock.json').flatMap(npmFaults),
  ...sources.filter(each => /^requirements[^/]*\.txt$/.test(each.path)).flatMap(pipFaults),
]

interface NpmLock {
  readonly packages: Readonly<Record<string, { readonly resolved?: string; readonly integrity?: string; readonly link?: boolean }>>
}

function npmFaults({ path, text }: Source): readonly string[] {
  const lock: NpmLock = JSON.parse(text)
  return Object.entries(lock.packages).flatMap(([name, entry]) => {
    if (entry.resolved !== undefined) return [`${path}: "${name}" has an address; .npmrc omits them: run npm install again`]
    return name === '' || entry.integrity !== undefined ? [] : [`${path}: "${name}" has no hash`]
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
