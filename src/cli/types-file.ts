/** The text of a types file: schemas and functions of a Python module as constants, docstrings as comments. */
import { type PlanFault, PlanError } from '../base/index.js'
import { type SchemaJson } from '../schema/index.js'
import { type DescribedFunction, type DescribedModule } from '../workers/index.js'

/** `running_score` is `runningScore` in TypeScript; schemas keep their names. */
export const camelCase = (name: string): string => name.replace(/(?<=[^_])_+([a-z0-9])/g, (_, c: string) => c.toUpperCase())

/** Words that cannot name a constant; they stay what they are as properties. */
const reserved: ReadonlySet<string> = new Set([
  'arguments', 'await', 'break', 'case', 'catch', 'class', 'const', 'continue', 'debugger', 'default', 'delete', 'do',
  'else', 'enum', 'eval', 'export', 'extends', 'false', 'finally', 'for', 'from', 'function', 'if', 'implements', 'import', 'in',
  'instanceof', 'interface', 'let', 'new', 'null', 'package', 'private', 'protected', 'public', 'return', 'static',
  'super', 'switch', 'this', 'throw', 'true', 'try', 'typeof', 'var', 'void', 'while', 'with', 'yield',
])
const constant = (name: string): string => (reserved.has(name) ? `${name}_` : name)

export function typesFile(module: DescribedModule, file: string): string {
  checkNames(module, file)
  const schemas = Object.entries(module.schemas).map(([name, schema]) => `const ${constant(name)} = ${schemaOf(schema)} as const\n`)
  const functions = module.functions.map(functionText)
  const names = [...Object.keys(module.schemas), ...module.functions.map(f => camelCase(f.name))]
  const exported = names.map(name => (reserved.has(name) ? `${name}: ${constant(name)}` : name))
  return [
    `// Written by \`anabranch types ${file}\` from the declarations in it; write it anew when they change.\n`,
    `const from = { path: ${JSON.stringify(file)}, types: import.meta.url, source: ${JSON.stringify(module.source)} } as const\n`,
    ...schemas,
    ...functions,
    `${comment(module.doc, '')}export default { ${exported.join(', ')} }\n`,
  ].join('\n')
}

function functionText(f: DescribedFunction): string {
  const side = Object.entries(f.side).map(([name, schema]) => `${JSON.stringify(name)}: ${schemaOf(schema)}`)
  return [
    `${comment(f.doc, '')}const ${constant(camelCase(f.name))} = {`,
    `  name: ${JSON.stringify(f.name)}, kind: '${f.kind}', keyed: ${f.keyed}, mode: '${f.mode}',`,
    `  inputs: ${schemaOf(f.inputs)},`,
    `  outputs: ${schemaOf(f.outputs)},`,
    `  state: ${schemaOf(f.state)},`,
    `  side: {${side.length === 0 ? '' : ` ${side.join(', ')} `}},`,
    `  atEnd: ${f.atEnd}, timeoutMs: ${f.timeoutMs},`,
    `  declared: '${f.declared}', from,`,
    '} as const\n',
  ].join('\n')
}

const schemaOf = (schema: SchemaJson): string => JSON.stringify(schema)

function comment(doc: string, indent: string): string {
  if (doc.trim() === '') return ''
  const lines = doc.trim().replaceAll('*/', '* /').split('\n')
  return lines.length === 1 ? `${indent}/** ${lines[0]} */\n` : `${indent}/**\n${lines.map(l => `${indent} * ${l}`.trimEnd()).join('\n')}\n${indent} */\n`
}

function checkNames(module: DescribedModule, file: string): void {
  const owners = new Map<string, string>(Object.keys(module.schemas).map(name => [name, name]))
  const faults: PlanFault[] = []
  for (const f of module.functions) {
    const name = camelCase(f.name)
    const other = owners.get(name)
    owners.set(name, f.name)
    if (other === undefined) continue
    faults.push({
      code: 'ANB1012',
      message: `functions "${other}" and "${f.name}" are both "${name}" in TypeScript`,
      place: `${file}:${f.line}`,
      hint: 'rename one of them',
    })
  }
  if (faults.length > 0) throw new PlanError('ANB1012', `names of ${file} collide in TypeScript`, { faults })
}

/** A schema as Python source. */
export function schemaText(name: string, columns: readonly (readonly [string, string | null])[]): string {
  const unknown = columns.filter(([, type]) => type === null).map(([column]) => column)
  if (unknown.length > 0)
    throw new PlanError('ANB1015', `columns ${unknown.join(', ')} have types that we have none for`, {
      hint: 'write the file with another type for them',
    })
  const lines = columns.map(([column, type]) => `        ${JSON.stringify(column)}: ${pythonType(type ?? '')},\n`)
  return `${name} = ab.schema(\n    {\n${lines.join('')}    }\n)\n`
}

/** The text form of a type as the Python expression that declares it. */
function pythonType(text: string): string {
  const plain = /^[a-z]+\d*$/.test(text)
  if (plain) return text === 'bool' ? 'ab.bool_' : `ab.${text}`
  const time = /^(timestamp|duration)\[(\w+)(?:, (.+))?\]$/.exec(text)
  if (time !== null) return `ab.${time[1]}(${[time[2], time[3]].filter(Boolean).map(t => JSON.stringify(t)).join(', ')})`
  if (text.startsWith('decimal128')) return `ab.${text}`
  return `ab.types.parse(${JSON.stringify(text)})`
}
