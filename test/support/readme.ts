/**
 * The first screen of README.md as data: the files in its code blocks, each under the name that the line before it gives,
 * the one command, and what it prints.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from './repository.js'

export interface FirstScreen {
  /** Text by file name. */
  readonly files: Readonly<Record<string, string>>
  readonly command: string
  readonly output: string
}

/** Everything before the first chapter of the text. */
export function firstScreen(text = readFileSync(join(repository, 'README.md'), 'utf8')): FirstScreen {
  const [screen = ''] = text.split('\n## ')
  const files: Record<string, string> = {}
  for (const [, name = '', code = ''] of screen.matchAll(/^`([\w./-]+)`\n\n```\w+\n([\s\S]*?)^```$/gm))
    files[name] = code
  const [, command = '', output = ''] = /^```console\n\$ (.+)\n([\s\S]*?)^```$/m.exec(screen) ?? []
  return { files, command, output }
}
