/**
 * The shape of code: short files, short functions, a comment that opens each file, and no way around the type checker.
 */
import ts from 'typescript'
import {
  isEngine,
  isGenerated,
  isPython,
  isTypeScript,
  placeOf,
  type Rule,
  type Source,
  syntaxOf,
  walk,
} from './sources.js'

export const fileLinesMax = 400
export const functionLinesMax = 60

/** Where types end and bytes or another library begin. Each file with the reason; everything else does without casts. */
export const castFiles: Readonly<Record<string, string>> = {
  'src/base/shape.ts': 'builds the type of what it checked, field by field, which tsc cannot follow',
  'src/plan/build.ts': 'gives a node its schema by a spread, which forgets which node of the union it was',
  'src/plan/job.ts': 'a flat() of a tuple with nested lists, which tsc types too narrowly',
  'src/plan/params.ts': 'JSON.parse is the definition of what a parameter may be',
  'src/workers/start/introspect.ts': 'pythonia is CommonJS, and its types say otherwise',
}

export const fileLengthRule: Rule = sources =>
  sources
    .filter(source => (isTypeScript(source) || isPython(source)) && !isGenerated(source))
    .flatMap(source => {
      const lines = source.text.trimEnd().split('\n').length
      return lines <= fileLinesMax
        ? []
        : [`${source.path}: ${lines} lines, at most ${fileLinesMax}; split it by what it owns`]
    })

/** A group of tests is a chapter and no function, so it may be long: the callback of `describe`, or what holds only that. */
export const functionLengthRule: Rule = sources =>
  sources
    .filter(source => isTypeScript(source) && !isGenerated(source))
    .flatMap(source => {
      const faults: string[] = []
      walk(syntaxOf(source), node => {
        if (!isFunction(node) || isChapter(node)) return
        const lines = linesOf(source, node)
        if (lines > functionLinesMax) {
          faults.push(
            `${placeOf(source, node)}: a function of ${lines} lines, at most ${functionLinesMax}; cut it by what it decides`,
          )
        }
      })
      return faults
    })

function isFunction(node: ts.Node): node is ts.FunctionLikeDeclaration {
  return ts.isFunctionLike(node) && 'body' in node && node.body !== undefined
}

function isChapter(node: ts.FunctionLikeDeclaration): boolean {
  const [only, ...more] = node.body !== undefined && ts.isBlock(node.body) ? node.body.statements : []
  const holdsOne =
    only !== undefined && more.length === 0 && ts.isExpressionStatement(only) && isDescribe(only.expression)
  return isDescribe(node.parent) || holdsOne
}

function isDescribe(node: ts.Node): boolean {
  return ts.isCallExpression(node) && /^describe\b/.test(node.expression.getText())
}

function linesOf(source: Source, node: ts.Node): number {
  const file = syntaxOf(source)
  const line = (position: number): number => file.getLineAndCharacterOfPosition(position).line
  return line(node.getEnd()) - line(node.getStart(file)) + 1
}

/** The compiler must be believed: nothing is `any`, nothing is declared not null by hand, nothing is cast. */
export const typesRule: Rule = sources =>
  sources.filter(isEngine).flatMap(source => {
    const faults: string[] = []
    const add = (node: ts.Node, what: string): unknown => faults.push(`${placeOf(source, node)}: ${what}`)
    walk(syntaxOf(source), node => {
      if (node.kind === ts.SyntaxKind.AnyKeyword) add(node, '`any` turns the type checker off; say `unknown` and look')
      if (ts.isNonNullExpression(node)) add(node, '`!` hides a missing value; check it, or use invariant()')
      if (isCast(node) && castFiles[source.path] === undefined) {
        add(node, 'a cast; narrow with a check, or list the file with its reason in test/house/rules/shape.ts')
      }
    })
    return faults
  })

/** The list must not rot: a file in it that has no cast any more, or is gone, is a fault. */
export const castListRule: Rule = sources =>
  Object.keys(castFiles).flatMap(path => {
    const source = sources.find(each => each.path === path)
    const casts: ts.Node[] = []
    if (source !== undefined) {
      walk(syntaxOf(source), node => {
        if (isCast(node)) casts.push(node)
      })
    }
    return casts.length > 0 ? [] : [`${path}: listed in castFiles, but has no cast; take it off the list`]
  })

function isCast(node: ts.Node): boolean {
  if (ts.isTypeAssertionExpression(node)) return true
  return ts.isAsExpression(node) && node.type.getText() !== 'const'
}

/** What a file owns and why stands at its top; for a room, also what it must never know. */
export const openingRule: Rule = sources =>
  sources
    .filter(source => isTypeScript(source) && !isGenerated(source) && !explained(source))
    .filter(source => !/^(#!.*\n)?\/\*\*/.test(source.text))
    .map(source => `${source.path}:1: opens without a comment that says what it owns and why`)

/** Tests are sentences, and an example has a README.md. */
function explained({ path }: Source): boolean {
  return /\.test\.ts$|^examples\/|\/fixtures\/|^test\/bench\/jobs\//.test(path)
}
