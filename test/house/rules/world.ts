/**
 * Who may touch the world: one door a package, pure rooms without Node and without a clock, and below the top layers
 * only the makers of the world. This is what lets a seeded simulation run the real engine.
 */
import { isBuiltin } from 'node:module'
import ts from 'typescript'
import { importsOf, isEngine, placeOf, type Rule, type Source, syntaxOf, walk } from './sources.js'

/** Where a package may be imported: a folder (ends in `/`) or one file. */
export const doors: Readonly<Record<string, readonly string[]>> = {
  avsc: ['src/formats/avro/'],
  'apache-arrow': ['src/batch/'],
  'classic-level': ['src/state/stores/'],
  zeromq: ['src/transport/'],
  fzstd: ['src/connectors/files/'],
  koffi: ['src/transport/'],
  pg: ['src/connectors/postgres/'],
  'pg-copy-streams': ['src/connectors/postgres/'],
  pythonia: ['src/workers/start/introspect.ts', 'src/workers/start/introspect-child.ts'],
  tinyglobby: ['src/runtime/open/'],
  tsx: ['src/cli/'],
}

/** No `node:` import, no clock, no chance: told what happened, they answer what to do. */
const pure = [
  'src/schema/',
  'src/kernels/',
  'src/batch/',
  'src/time/',
  'src/plan/',
  'src/security/',
  'src/operators/',
  'src/state/',
  'src/workers/lease/',
  'src/workers/watch/',
  'src/runtime/flow/',
  'src/runtime/pace/',
  'src/runtime/fault/',
  'src/runtime/epoch/',
  'src/runtime/shadow/',
  'src/checkpoint/cut/',
]
const notPure = ['src/state/stores/']

/** Below L6 these make the world, or are the door of a package that is a piece of it. */
const makers: readonly { readonly path: string; readonly why: string }[] = [
  { path: 'src/runtime/open/', why: 'world.ts and its parts make the real clock, files, sockets and processes' },
  { path: 'src/transport/', why: 'the door of zeromq' },
  { path: 'src/state/stores/', why: 'the door of the store' },
  { path: 'src/connectors/', why: 'the doors of outside systems' },
  { path: 'src/workers/start/introspect', why: 'the door of pythonia, in a child with a deadline' },
  {
    path: 'src/workers/start/describe.ts',
    why: 'names the program that runs that child: this Node, with its own path',
  },
]
const above = ['src/metrics/', 'src/control/', 'src/cli/', 'src/testing/', 'src/dashboard/']

/** Modules that compute and touch nothing. */
const harmless = ['node:path', 'node:url', 'node:util', 'node:buffer', 'node:events', 'node:zlib', 'node:assert']
/** `node:crypto` hashes, and it also makes chance. */
const hashing = ['createHash', 'createHmac', 'timingSafeEqual', 'Hash']

const clocks = ['performance', 'setTimeout', 'setInterval', 'setImmediate', 'process', 'fetch', 'WebSocket']

export const doorsRule: Rule = sources =>
  sources.filter(isEngine).flatMap(source =>
    importsOf(source).flatMap(({ node, specifier }) => {
      if (specifier.startsWith('.') || specifier.startsWith('node:')) return []
      const place = placeOf(source, node)
      if (isBuiltin(specifier)) return [`${place}: write "node:${specifier}"`]
      const name = packageOf(specifier)
      const allowed = doors[name]
      if (allowed === undefined)
        return [`${place}: package "${name}" has no door; name one in test/house/rules/world.ts`]
      return allowed.some(door => lies(source, door))
        ? []
        : [`${place}: "${name}" may be imported only in ${allowed.join(', ')}`]
    }),
  )

export const purityRule: Rule = sources =>
  sources.filter(isEngine).flatMap(source => {
    if (!isPure(source)) return []
    const imports = importsOf(source).filter(each => each.specifier.startsWith('node:'))
    return [
      ...imports.map(each => `${placeOf(source, each.node)}: a pure room must not import "${each.specifier}"`),
      ...worldUses(source).map(([place, what]) => `${place}: a pure room must not use ${what}; let it be told`),
    ]
  })

export const makersRule: Rule = sources =>
  sources.filter(isEngine).flatMap(source => {
    if (isPure(source) || makers.some(each => lies(source, each.path)) || above.some(each => lies(source, each)))
      return []
    return [
      ...importsOf(source)
        .filter(touches)
        .map(each => `${placeOf(source, each.node)}: "${each.specifier}" touches the world`),
      ...worldUses(source).map(([place, what]) => `${place}: ${what} touches the world`),
    ].map(fault => `${fault}; below L6 only its makers may: take what you need from World (src/base/world.ts)`)
  })

function touches({
  specifier,
  typeOnly,
  names,
}: {
  specifier: string
  typeOnly: boolean
  names: readonly string[]
}): boolean {
  if (!specifier.startsWith('node:') || typeOnly || harmless.includes(specifier)) return false
  return specifier !== 'node:crypto' || names.length === 0 || names.some(name => !hashing.includes(name))
}

function isPure(source: Source): boolean {
  return pure.some(each => lies(source, each)) && !notPure.some(each => lies(source, each))
}

function lies(source: Source, place: string): boolean {
  return source.path.startsWith(place)
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** `Date` with arguments only computes; without, it is a clock. */
function worldUses(source: Source): readonly (readonly [place: string, what: string])[] {
  const found: (readonly [string, string])[] = []
  const own = declaredNames(source)
  const add = (node: ts.Node, what: string): unknown => found.push([placeOf(source, node), what])
  walk(syntaxOf(source), node => {
    if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
      const text = `${node.expression.text}.${node.name.text}`
      if (['Date.now', 'Math.random', 'crypto.randomUUID', 'crypto.getRandomValues'].includes(text)) add(node, text)
    }
    if (ts.isNewExpression(node) && isNamed(node.expression, 'Date') && !node.arguments?.length) add(node, 'new Date()')
    if (ts.isCallExpression(node) && isNamed(node.expression, 'Date')) add(node, 'Date()')
    if (ts.isIdentifier(node) && clocks.includes(node.text) && !own.has(node.text) && isFree(node)) add(node, node.text)
  })
  return found
}

function isNamed(node: ts.Node, name: string): boolean {
  return ts.isIdentifier(node) && node.text === name
}

/** A use of the global: neither the name of a member nor something that the file itself declares. */
function isFree(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node
  return !ts.isTypeNode(parent) && !isDeclaration(parent)
}

function isDeclaration(node: ts.Node): boolean {
  return (
    ts.isFunctionDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isMethodSignature(node) ||
    ts.isPropertySignature(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isExportSpecifier(node)
  )
}

/** Names that the file gives to parameters, variables or imports of its own. */
function declaredNames(source: Source): ReadonlySet<string> {
  const names = new Set<string>()
  walk(syntaxOf(source), node => {
    const declares = ts.isVariableDeclaration(node) || ts.isParameter(node) || ts.isBindingElement(node)
    if ((declares || ts.isImportSpecifier(node)) && ts.isIdentifier(node.name)) names.add(node.name.text)
  })
  return names
}
