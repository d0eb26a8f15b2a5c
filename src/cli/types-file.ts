/**
 * The text of a types file: what a Python module declares, as data that TypeScript can read the columns of. Pure: the
 * same module gives the same bytes. Importing the file starts nothing.
 */
import { basename } from 'node:path'
import { PlanError, type PlanFault } from '../base/index.js'
import { camelCase } from '../plan/index.js'
import { type SchemaJson } from '../schema/index.js'
import { type DescribedFunction, type DescribedModule } from '../workers/index.js'

/** Throws a PlanError (ANB1012) where two names of the module are one in TypeScript. */
export function typesFileText(module: DescribedModule): string {
  const file = basename(module.path)
  refuseCollisions(module)
  const schemas = Object.entries(module.schemas)
  return [
    `// Written by "npx anabranch types ${file}". Do not edit: write it anew when ${file} changes.`,
    '',
    ...fromText(module, file),
    '',
    'const schemas = {',
    ...schemas.map(([name, schema]) => `  ${key(name)}: ${schemaText(schema, '  ')},`),
    '} as const',
    '',
    'const functions = {',
    ...module.functions.flatMap(functionText),
    '} as const',
    '',
    ...contractsText(module),
    // A name of its own keeps what tsc says about a mistake short.
    ...module.functions.map(
      fn =>
        `export interface ${typeName(fn.name)} extends Readonly<(typeof functions)[${quote(camelCase(fn.name))}]> {}`,
    ),
    ...(module.functions.length > 0 ? [''] : []),
    ...(module.doc === '' ? [] : comment(module.doc, '')),
    'export default {',
    '  ...schemas,',
    ...module.functions.flatMap(fn => [
      ...comment(docOf(fn), '  '),
      `  ${key(camelCase(fn.name))}: functions.${camelCase(fn.name)} as ${typeName(fn.name)},`,
    ]),
    ...module.contracts.map(({ name }) => `  ${key(camelCase(name))}: contracts.${camelCase(name)},`),
    '}',
    '',
  ].join('\n')
}

/** The module itself, with its migrations where it has some. */
function fromText({ source, migrations }: DescribedModule, file: string): readonly string[] {
  const parts = [`path: ${quote(file)}`, 'types: import.meta.url', `source: ${quote(source)}`]
  if (migrations.length === 0) return [`const from = { ${parts.join(', ')} } as const`]
  return [
    'const from = {',
    ...parts.map(part => `  ${part},`),
    '  migrations: [',
    ...migrations.map(each => `    ${literal(each)},`),
    '  ],',
    '} as const',
  ]
}

/** Nothing for a module without contracts. */
function contractsText({ contracts }: DescribedModule): readonly string[] {
  if (contracts.length === 0) return []
  return [
    'const contracts = {',
    ...contracts.flatMap(({ name, columns, rules, declared }) => [
      ...comment(`Contract:\n${rules.map(rule => `- ${rule.text}`).join('\n')}`, '  '),
      `  ${key(camelCase(name))}: {`,
      `    name: ${quote(name)},`,
      `    columns: ${schemaText(columns, '    ')},`,
      '    rules: [',
      ...rules.map(rule => `      ${literal(rule)},`),
      '    ],',
      `    declared: ${quote(declared)},`,
      '    from,',
      '  },',
    ]),
    '} as const',
    '',
  ]
}

/** Plain JSON as a TypeScript expression. */
function literal(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const parts = Object.entries(value).map(([name, inner]) => `${key(name)}: ${literal(inner)}`)
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`
}

function typeName(name: string): string {
  const camel = camelCase(name)
  return `${camel.slice(0, 1).toUpperCase()}${camel.slice(1)}Function`
}

function refuseCollisions(module: DescribedModule): void {
  const seen = new Map<string, string>()
  const faults: PlanFault[] = []
  const names = [
    ...Object.keys(module.schemas).map(name => ({ name, as: name, line: 0, what: 'schema' })),
    ...module.functions.map(({ name, line }) => ({ name, as: camelCase(name), line, what: 'function' })),
    ...module.contracts.map(({ name }) => ({ name, as: camelCase(name), line: 0, what: 'contract' })),
  ]
  for (const { name, as, line, what } of names) {
    const other = seen.get(as)
    if (other !== undefined) {
      const place = line > 0 ? `${basename(module.path)}:${line}` : basename(module.path)
      const message = `${what} "${name}" and ${other} are both "${as}" in TypeScript`
      faults.push({ code: 'ANB1012', message, place, hint: 'rename one of them in Python' })
    }
    seen.set(as, `${what} "${name}"`)
  }
  if (faults.length > 0) throw new PlanError('ANB1012', `names of ${basename(module.path)} collide`, { faults })
}

function functionText(fn: DescribedFunction): readonly string[] {
  const sides = Object.entries(fn.side).map(([name, schema]) => `      ${key(name)}: ${schemaText(schema, '      ')},`)
  return [
    `  ${key(camelCase(fn.name))}: {`,
    `    name: ${quote(fn.name)},`,
    `    kind: ${quote(fn.kind)},`,
    `    keyed: ${fn.keyed},`,
    `    mode: ${quote(fn.mode)},`,
    `    inputs: ${schemaText(fn.inputs, '    ')},`,
    `    outputs: ${schemaText(fn.outputs, '    ')},`,
    `    state: ${schemaText(fn.state, '    ')},`,
    ...(sides.length === 0 ? ['    side: {},'] : ['    side: {', ...sides, '    },']),
    `    atEnd: ${fn.atEnd},`,
    `    timeoutMs: ${fn.timeoutMs},`,
    ...(fn.unordered === true ? ['    unordered: true,'] : []),
    `    declared: ${quote(fn.declared)},`,
    '    from,',
    '  },',
  ]
}

/** On one line where it is short. */
function schemaText(schema: SchemaJson, indent: string): string {
  const fields = schema.map(([name, type, more]) => {
    const rest = more === undefined ? '' : `, ${optionsText(more)}`
    return `[${quote(name)}, ${quote(type)}${rest}]`
  })
  const line = `[${fields.join(', ')}]`
  if (line.length + indent.length <= 100) return line
  return `[\n${fields.map(field => `${indent}  ${field},\n`).join('')}${indent}]`
}

function optionsText(more: NonNullable<SchemaJson[number][2]>): string {
  const parts = Object.entries(more).map(
    ([name, value]) => `${name}: ${typeof value === 'string' ? quote(value) : JSON.stringify(value)}`,
  )
  return `{ ${parts.join(', ')} }`
}

function docOf(fn: DescribedFunction): string {
  const columns = (schema: SchemaJson): string =>
    schema.map(([name, type]) => `${name} ${type}`).join(', ') || 'nothing'
  const kind = fn.keyed ? `Keyed ${fn.kind}` : `${fn.kind.slice(0, 1).toUpperCase()}${fn.kind.slice(1)}`
  const sides = Object.entries(fn.side).map(([name, schema]) => `Side output "${name}": ${columns(schema)}.`)
  const adds = fn.kind === 'filter' || fn.kind === 'sink' ? '' : ` and adds ${columns(fn.outputs)}`
  const facts = [`${kind}: reads ${columns(fn.inputs)}${adds}.`, ...sides]
  return [fn.doc, facts.join('\n')].filter(part => part !== '').join('\n\n')
}

/** TSDoc of any text: a docstring may end a comment, or try to. */
function comment(text: string, indent: string): readonly string[] {
  const lines = text
    .replaceAll('*/', '*\\/')
    .split('\n')
    .map(line => `${indent} * ${line}`.trimEnd())
  return lines.length === 1
    ? [`${indent}/** ${lines[0]?.trim().slice(2)} */`]
    : [`${indent}/**`, ...lines, `${indent} */`]
}

const key = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : quote(name))

/** A string literal in single quotes; whatever is in it, it cannot end it. */
function quote(text: string): string {
  return `'${JSON.stringify(text)
    .slice(1, -1)
    .replaceAll('\\"', '"')
    .replaceAll("'", "\\'")
    .replace(/[\u2028\u2029]/g, c => (c === '\u2028' ? '\\u2028' : '\\u2029'))}'`
}

/** The columns of a Parquet file as a schema of ours. Throws a PlanError (ANB1015) that names columns without a type. */
export function parquetSchemaText(
  columns: readonly (readonly [string, string | null])[],
  { path, name, ts }: { readonly path: string; readonly name: string | null; readonly ts: boolean },
): string {
  const odd = columns.filter(([, type]) => type === null).map(([column]) => `"${column}"`)
  if (odd.length > 0) {
    const hint = 'read the file without these columns: leave them out of the schema'
    throw new PlanError('ANB1015', `${basename(path)} has columns of types that we do not have: ${odd.join(', ')}`, {
      hint,
    })
  }
  const schema = columns.map(([column, type]) => [column, type ?? ''] as const)
  const title = name ?? titleOf(path)
  if (ts) return `export const ${title} = ${schemaText(schema, '')} as const`
  const fields = schema.map(([column, type]) => `        ${JSON.stringify(column)}: ${pythonType(type)},`)
  return [`${title} = ab.schema(`, '    {', ...fields, '    }', ')'].join('\n')
}

/** The text form of a type as the Python expression that declares it. */
function pythonType(text: string): string {
  if (/^[a-z]+\d*$/.test(text)) return `ab.${text}`
  const time = /^(timestamp|duration)\[(\w+)(?:, (.+))?\]$/.exec(text)
  if (time !== null)
    return `ab.${time[1]}(${[time[2], time[3]].flatMap(part => (part === undefined ? [] : [JSON.stringify(part)])).join(', ')})`
  return text.startsWith('decimal128') ? `ab.${text}` : JSON.stringify(text)
}

/** `flights-3m.parquet` is `Flights3m`. */
function titleOf(path: string): string {
  const words = basename(path)
    .replace(/\.[^.]*$/, '')
    .split(/[^A-Za-z0-9]+/)
    .filter(word => word !== '')
  const title = words.map(word => word.slice(0, 1).toUpperCase() + word.slice(1)).join('')
  return /^[A-Za-z]/.test(title) ? title : `Schema${title}`
}
