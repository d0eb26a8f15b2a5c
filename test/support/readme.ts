/**
 * The code blocks of a README.md as data. A block is a file where the line before it gives its name, or a command with what it
 * prints (`console`), or Python to run; whatever else it were, no test would hold it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from './repository.js'

export type Block =
  | { readonly kind: 'file'; readonly name: string; readonly text: string }
  | { readonly kind: 'console'; readonly command: string; readonly output: string }
  | { readonly kind: 'python'; readonly text: string }
  | { readonly kind: 'unknown'; readonly language: string; readonly line: number }

export function blocksOf(text: string): readonly Block[] {
  return [...text.matchAll(/(?:^`([\w./-]+)`\n\n)?^```(\w*)\n([\s\S]*?)^```$/gm)].map(match => {
    const [whole, name, language = '', code = ''] = match
    if (name !== undefined) return { kind: 'file', name, text: code }
    const [, command, output = ''] = /^\$ (.+)\n([\s\S]*)$/.exec(code) ?? []
    if (language === 'console' && command !== undefined) return { kind: 'console', command, output }
    if (language === 'python') return { kind: 'python', text: code }
    return { kind: 'unknown', language, line: text.slice(0, match.index + whole.indexOf('```')).split('\n').length }
  })
}

/** Each README.md for users, with the folder of the files that it shows. */
export const readmes: Readonly<Record<string, string>> = {
  'README.md': 'examples/first',
  ...Object.fromEntries(
    readdirSync(join(repository, 'examples')).map(name => [`examples/${name}/README.md`, `examples/${name}`]),
  ),
}

export const readmeBlocks = (readme: string): readonly Block[] =>
  blocksOf(readFileSync(join(repository, readme), 'utf8'))
