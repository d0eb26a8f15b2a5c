/** Small files that are whole or not there: written beside, synced, renamed, and the rename synced too. */
import { dirname } from 'node:path'
import { type Files } from '../base/index.js'
import { writing } from './io-error.js'

/** Makes the folder where it is missing. Throws a ConnectorError (ANB4003). */
export function writeAtomically(files: Files, path: string, text: string): void {
  const beside = `${path}.new`
  writing(path, () => {
    files.makeDirectory(dirname(path))
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
