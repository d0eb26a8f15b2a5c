/** Files of an output folder that are ours by their names: people put notes beside them. */
import { join } from 'node:path'
import { type Files } from '../../base/index.js'
import { writing } from '../io-error.js'

/** Operator ids are file names already, by the plan's rule; what is not is written as its percent code. */
export const fileName = (operator: string): string =>
  encodeURIComponent(operator).replace(/^\.+/, dots => '%2E'.repeat(dots.length))

/** Names of what is ours. */
export const ownIn = (files: Files, folder: string, ours: (name: string) => boolean): readonly string[] =>
  files.stat(folder)?.kind === 'directory' ? files.list(folder).filter(ours) : []

/** Removes what an earlier run left. */
export function removeOwn(files: Files, folder: string, ours: (name: string) => boolean): void {
  for (const name of ownIn(files, folder, ours)) {
    const path = join(folder, name)
    writing(path, () => files.remove(path))
  }
}
