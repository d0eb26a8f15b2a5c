/**
 * What must not stand in any text: notes to do, tests that do not run, places of one machine, addresses of registries.
 */
import { isGenerated, isPython, isTypeScript, type Rule, type Source } from './sources.js'

/** Split, so that this file is not its own fault. */
const notes = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`)

const notRun = [
  /\b(describe|it|test|promise|check|bench)\.(skip|only|todo|skipIf|runIf|fails)\b/,
  /\bx(it|describe|test)\s*\(/,
  /\bpytest\.(skip|importorskip|xfail)\b/,
  /\bpytest\.mark\.(skip|skipif|xfail)\b/,
]

/** Folders that only one machine has. */
const folder = ['work', 'root', 'opt/wheels', 'home/[a-z]\\w*', 'Users/\\w+', 'tmp/ab'].join('|')
const places = new RegExp(`(?<![\\w.}/*-])/(${folder})(/|\\b(?=["'\`\\s:;,)]))`)

const registries = new RegExp(
  ['registry\\.' + 'npmjs', 'registry\\.' + 'yarnpkg', 'py' + 'pi\\.org', 'python' + 'hosted'].join('|'),
)

const everywhere = (sources: readonly Source[]): readonly Source[] => sources.filter(source => !isGenerated(source))

export const notesRule: Rule = sources =>
  lines(everywhere(sources).filter(isCode), line =>
    notes.test(line) ? 'a note to do; do it, or file an issue' : undefined,
  )

export const notRunRule: Rule = sources =>
  lines(everywhere(sources).filter(isTest), line =>
    notRun.some(each => each.test(line)) ? 'a test that does not run with the rest' : undefined,
  )

export const placesRule: Rule = sources =>
  lines(everywhere(sources), line => {
    if (places.test(line)) return 'a path of one machine'
    return registries.test(line) ? 'the address of a registry; machines are set up for their own' : undefined
  })

function isCode(source: Source): boolean {
  return isTypeScript(source) || isPython(source) || /\.(md|json|toml|sh|css|html)$/.test(source.path)
}

function isTest(source: Source): boolean {
  return (
    source.path.startsWith('test/') &&
    (isTypeScript(source) || isPython(source)) &&
    !source.path.startsWith('test/house/')
  )
}

function lines(sources: readonly Source[], fault: (line: string) => string | undefined): readonly string[] {
  return sources.flatMap(source =>
    source.text.split('\n').flatMap((line, i) => {
      const found = fault(line)
      return found === undefined ? [] : [`${source.path}:${i + 1}: ${found}: ${line.trim().slice(0, 100)}`]
    }),
  )
}
