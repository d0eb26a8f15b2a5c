/** An input that lasts: one file under many names, so that it takes no room and no time to make. */
import { existsSync, linkSync, mkdirSync } from 'node:fs'
import { extname, join } from 'node:path'
import { inputsFolder } from './places.js'

/** Answers it as the input of a job, without its ending. */
export function copiesOf(file: string, copies: number): string {
  const name = `${file}-${copies}`
  mkdirSync(join(inputsFolder, name), { recursive: true })
  for (let i = 0; i < copies; i += 1) {
    const copy = join(inputsFolder, name, `${String(i).padStart(3, '0')}${extname(file)}`)
    if (!existsSync(copy)) linkSync(join(inputsFolder, file), copy)
  }
  return `${name}/*`
}

/** As many as a job at this rate reads in so many seconds. */
export const copiesFor = (rowsPerSecond: number, seconds: number, rows: number): number =>
  Math.max(1, Math.round((rowsPerSecond * seconds) / rows))
