/** Rules of sources that are left and gone on with. */
import { type Mutant, unit } from './mutant.js'

const goingOn = unit('connectors/going-on')
const runFiles = { file: 'src/connectors/files/run-files.ts' } as const

export const placeRules: readonly Mutant[] = [
  {
    rule: 'a line that is too long is not counted in the places behind it',
    file: 'src/formats/line-buffer.ts',
    from: 'this.before += first.bytes',
    to: 'this.before += 0',
    test: [goingOn, 'a line over 64 MiB does not move'],
  },
  {
    rule: 'a file that was cut is gone on with',
    ...runFiles,
    from: 'if (found < bytes) return',
    to: 'if (found < 0) return',
    test: [goingOn, 'tells all files that it still has to read'],
  },
  {
    rule: 'any file of the name is gone on with',
    ...runFiles,
    from: 'isSame(found, expected) ? []',
    to: 'found.bytes >= 0 ? []',
    test: [goingOn, 'does not go on in a file of the same name and size'],
  },
  {
    rule: 'what was appended is read',
    ...runFiles,
    from: '{ ...input, bytes, head',
    to: '{ ...input, head',
    test: [goingOn, 'reads a file that grew as far as it went'],
  },
  {
    rule: 'a followed file is looked for by its name alone',
    file: 'src/connectors/files/tail-position.ts',
    from: '...others, ...named',
    to: '...named',
    test: [unit('connectors/tail-source'), 'go on behind what was given, under the new name'],
  },
  {
    rule: 'a file that was let go is asked for by later runs',
    file: 'src/connectors/files/tail-source.ts',
    from: 'if (this.left !== null) return',
    to: 'if (this.left !== null && this.stopped) return',
    test: [unit('connectors/tail-source'), 'one that was removed and let go while it was read'],
  },
  {
    rule: 'records that were given come again from a block',
    file: 'src/connectors/files/pass.ts',
    from: 'if (passing.pass === 0) return false',
    to: 'return false',
    test: ['test/conformance/files.test.ts', 'it goes on behind every batch with exactly the rest'],
  },
]
