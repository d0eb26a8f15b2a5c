/**
 * A program of its own: asks one question of `anabranch._introspect` through pythonia and prints the answer.
 *
 *     PYTHON_BIN=... node introspect.js MARK QUESTION        ->  stdout: ... MARK{"ok":true,...}\n
 *
 * pythonia starts Python when it is imported, never notices that it died, and throws from a timer a second later; so it
 * lives here, in a process that whoever asked kills as a whole. User code may print to our stdout: the answer is what
 * comes after the mark, which user code does not know. Nothing else imports pythonia.
 */
import { type ChildProcess } from 'node:child_process'
import pythonia from 'pythonia'

declare module 'pythonia' {
  /** Exported, and missing in its types. */
  export const com: { readonly proc: ChildProcess }
}

// CommonJS: its names exist only on the default export.
const { com, python } = pythonia as unknown as typeof import('pythonia')

const [mark = '', question = ''] = process.argv.slice(2)

/** A number beyond those of user code that ends by itself: 70, "internal software error" of sysexits. */
const pythonGone = 70

com.proc.on('exit', () => process.exit(pythonGone))
const introspection = await python('anabranch._introspect')
const answer: unknown = await introspection.dispatch(question)
process.stdout.write(`\n${mark}${String(answer)}\n`, () => {
  com.proc.removeAllListeners('exit')
  com.proc.kill('SIGKILL')
  process.exit(0)
})
