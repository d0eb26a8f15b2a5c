/**
 * The shape of the Python side, read by Python's own parser: functions of at most 60 lines, docstrings not counted, and
 * nothing that turns bytes into code.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { functionLinesMax } from './shape.js'
import { isPython, type Source } from './sources.js'

/** Prints `path:line name lines` for each function and `path:line import NAME` for each import that is not allowed. */
const script = `
import ast, json, sys

def measure(node):
    first = node.body[0]
    text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    doc = first.end_lineno - first.lineno + 1 if text else 0
    return node.end_lineno - node.lineno + 1 - doc

found = []
for path, text in json.load(sys.stdin):
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.append({"path": path, "line": node.lineno, "name": node.name, "lines": measure(node)})
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            if name.split(".")[0] in {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle"}:
                found.append({"path": path, "line": node.lineno, "name": name, "lines": 0})
json.dump(found, sys.stdout)
`

interface Found {
  readonly path: string
  readonly line: number
  readonly name: string
  /** 0 for an import that is not allowed. */
  readonly lines: number
}

export function pythonFaults(sources: readonly Source[], repository: string): readonly string[] {
  const input = JSON.stringify(sources.filter(isPython).map(({ path, text }) => [path, text]))
  const python = join(repository, '.venv', 'bin', 'python')
  const found: readonly Found[] = JSON.parse(
    execFileSync(python, ['-c', script], { input, encoding: 'utf8', maxBuffer: 64 * 2 ** 20 }),
  )
  return found.flatMap(({ path, line, name, lines }) => {
    const place = `${path}:${line}`
    if (lines === 0) return [`${place}: imports ${name}, which makes code of bytes`]
    return lines <= functionLinesMax
      ? []
      : [`${place}: function ${name} has ${lines} lines, at most ${functionLinesMax}`]
  })
}
