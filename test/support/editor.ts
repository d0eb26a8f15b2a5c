/** What an editor shows of TypeScript files: errors by line, the text of a name under the mouse, and what it offers to type. */
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import ts from 'typescript'

export class Editor {
  readonly #service: ts.LanguageService

  /** `texts` stand for the files of their paths, as what is typed and not saved. */
  constructor(config: string, files: readonly string[], texts: Readonly<Record<string, string>> = {}) {
    const { options } = ts.parseJsonConfigFileContent(
      ts.readConfigFile(config, ts.sys.readFile).config,
      ts.sys,
      dirname(config),
    )
    const read = (path: string): string | undefined => texts[path] ?? ts.sys.readFile(path)
    const names = [...files, ...Object.keys(texts)]
    this.#service = ts.createLanguageService({
      getCompilationSettings: () => ({ ...options, noErrorTruncation: true }),
      getScriptFileNames: () => names,
      getScriptVersion: () => '1',
      getScriptSnapshot: path => {
        const text = read(path)
        return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text)
      },
      getCurrentDirectory: () => dirname(config),
      getDefaultLibFileName: ts.getDefaultLibFilePath,
      fileExists: path => path in texts || ts.sys.fileExists(path),
      readFile: read,
      readDirectory: ts.sys.readDirectory,
      directoryExists: ts.sys.directoryExists,
      getDirectories: ts.sys.getDirectories,
    })
  }

  /** All texts of the errors of each line, counted from 1. */
  errors(path: string): ReadonlyMap<number, string> {
    const found = [...this.#service.getSyntacticDiagnostics(path), ...this.#service.getSemanticDiagnostics(path)]
    const errors = new Map<number, string>()
    for (const { file, start = 0, messageText } of found) {
      const line = (file?.getLineAndCharacterOfPosition(start).line ?? 0) + 1
      // A text inside a literal type is printed with its quotes escaped.
      const text = ts.flattenDiagnosticMessageText(messageText, '\n').replaceAll('\\"', '"')
      errors.set(line, `${errors.get(line) ?? ''}${text}\n`)
    }
    return errors
  }

  /** The comment of the name that begins behind `before`. */
  shown(path: string, before: string): string {
    const at = readFileSync(path, 'utf8').indexOf(before) + before.length
    return ts.displayPartsToString(this.#service.getQuickInfoAtPosition(path, at)?.documentation)
  }

  /** Names that are offered where `before` ends. */
  offered(path: string, before: string): readonly string[] {
    const text = this.#service.getProgram()?.getSourceFile(path)?.text ?? ''
    const at = text.indexOf(before) + before.length
    return (this.#service.getCompletionsAtPosition(path, at, {})?.entries ?? []).map(entry => entry.name).sort()
  }

  [Symbol.dispose](): void {
    this.#service.dispose()
  }
}
