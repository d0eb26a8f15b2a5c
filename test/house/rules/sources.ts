/**
 * The files that the house rules look at, and how a rule speaks: a function from sources to faults, each one line with
 * the path and what to do. Rules never read the disk themselves, so each is tried on small bad samples too.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

export interface Source {
  /** From the repository's root, with `/`. */
  readonly path: string
  readonly text: string
}

export type Rule = (sources: readonly Source[]) => readonly string[]

/** All files that git tracks, and those that it would: a fault is found before it is committed. */
export function allSources(repository: string): readonly Source[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: repository,
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
  })
  return listed
    .split('\0')
    .filter(path => path !== '' && existsSync(join(repository, path)))
    .flatMap(path => {
      const bytes = readFileSync(join(repository, path))
      return bytes.includes(0) ? [] : [{ path, text: bytes.toString('utf8') }]
    })
}

export const isTypeScript = ({ path }: Source): boolean => /\.(ts|mjs)$/.test(path) && !path.endsWith('.anabranch.ts')
export const isPython = ({ path }: Source): boolean => path.endsWith('.py')
/** AssemblyScript is no TypeScript, and what is generated is read by nobody. */
export const isGenerated = ({ path }: Source): boolean =>
  /^src\/kernels\/(wasm|generated)\//.test(path) || path.endsWith('.anabranch.ts')
export const isEngine = (source: Source): boolean =>
  source.path.startsWith('src/') && source.path.endsWith('.ts') && !isGenerated(source)

const parsed = new WeakMap<Source, ts.SourceFile>()

export function syntaxOf(source: Source): ts.SourceFile {
  const known = parsed.get(source)
  if (known !== undefined) return known
  const made = ts.createSourceFile(source.path, source.text, ts.ScriptTarget.Latest, true)
  parsed.set(source, made)
  return made
}

/** Every node below, the deepest last. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node)
  ts.forEachChild(node, child => walk(child, visit))
}

export function placeOf(source: Source, node: ts.Node): string {
  const { line } = syntaxOf(source).getLineAndCharacterOfPosition(node.getStart())
  return `${source.path}:${line + 1}`
}

export interface Import {
  readonly node: ts.Node
  readonly specifier: string
  /** Erased by the compiler: no code is reached by it. */
  readonly typeOnly: boolean
  readonly names: readonly string[]
}

/** Import and export declarations and `import()` with a literal. */
export function importsOf(source: Source): readonly Import[] {
  const found: Import[] = []
  walk(syntaxOf(source), node => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
      if (ts.isStringLiteral(node.moduleSpecifier)) {
        found.push({ node, specifier: node.moduleSpecifier.text, typeOnly: isTypeOnly(node), names: namesOf(node) })
      }
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments
      if (argument !== undefined && ts.isStringLiteral(argument)) {
        found.push({ node, specifier: argument.text, typeOnly: false, names: [] })
      }
    }
  })
  return found
}

function isTypeOnly(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) {
    const named =
      node.exportClause !== undefined && ts.isNamedExports(node.exportClause) ? node.exportClause.elements : []
    return node.isTypeOnly || (named.length > 0 && named.every(each => each.isTypeOnly))
  }
  const clause = node.importClause
  if (clause === undefined) return false
  if (clause.isTypeOnly) return true
  const bindings = clause.namedBindings
  if (clause.name !== undefined || bindings === undefined || !ts.isNamedImports(bindings)) return false
  return bindings.elements.every(each => each.isTypeOnly)
}

function namesOf(node: ts.ImportDeclaration | ts.ExportDeclaration): readonly string[] {
  if (!ts.isImportDeclaration(node)) return []
  const bindings = node.importClause?.namedBindings
  return bindings !== undefined && ts.isNamedImports(bindings) ? bindings.elements.map(each => each.name.text) : []
}
