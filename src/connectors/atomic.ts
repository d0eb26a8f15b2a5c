/**
 * Small files that are whole or not there: written beside, synced, renamed, and the rename synced too. And folders that are
 * still there after a loss of power.
 */
import { dirname } from 'node:path'
import { type Files } from '../base/index.js'
import { writing } from './io-error.js'

/** Makes the folder where it is missing. Throws a ConnectorError (ANB4003). */
export function writeAtomically(files: Files, path: string, text: string): void {
  const beside = `${path}.new`
  writing(path, () => {
    makeLasting(files, dirname(path))
    writeSynced(files, beside, text)
    files.rename(beside, path)
    files.syncDirectory(dirname(path))
  })
}

function writeSynced(files: Files, path: string, text: string): void {
  const file = files.open(path, 'create')
  try {
    file.append(Buffer.from(text))
    file.sync()
  } finally {
    file.close()
  }
}

/** Makes the folder with its parents where it is missing, and syncs the names of those that it made. */
export function makeLasting(files: Files, folder: string): void {
  if (files.stat(folder)?.kind === 'directory') return
  const parent = dirname(folder)
  if (parent !== folder) makeLasting(files, parent)
  files.makeDirectory(folder)
  files.syncDirectory(parent)
}
