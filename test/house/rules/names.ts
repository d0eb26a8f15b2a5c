/**
 * The names of all tests, as far as they can be read without running them: every text in a TypeScript test, since tables
 * give names too, and the functions of pytest. `npm test` also asks which of them ran and passed (test/run.ts).
 */
import ts from 'typescript'
import { isPython, type Source, syntaxOf, walk } from './sources.js'

export function namesOfTests(sources: readonly Source[]): readonly string[] {
  const tests = sources.filter(({ path }) => path.startsWith('test/') && !path.startsWith('test/house/'))
  return tests.flatMap(source => {
    if (isPython(source)) return [...source.text.matchAll(/^\s*(?:async )?def (test_\w+)/gm)].map(each => each[1] ?? '')
    return source.path.endsWith('.test.ts') ? texts(source) : []
  })
}

function texts(source: Source): readonly string[] {
  const found: string[] = []
  walk(syntaxOf(source), node => {
    if (ts.isStringLiteralLike(node)) found.push(node.text)
    if (ts.isTemplateExpression(node)) found.push(node.head.text)
  })
  return found
}
