/**
 * `npm run reference`: the reference of both languages, from their sources, as pages in `dist/reference`. A link that leads
 * nowhere and a comment that cannot be read are failures, so CI runs it.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { Application } from 'typedoc'
import { repository } from '../support/repository.js'

const out = join(repository, 'dist', 'reference')

async function typescriptPages(): Promise<boolean> {
  const app = await Application.bootstrap({
    name: 'anabranch',
    entryPoints: ['src/index.ts', 'src/testing/index.ts'].map(path => join(repository, path)),
    tsconfig: join(repository, 'tsconfig.json'),
    readme: 'none',
    excludePrivate: true,
    skipErrorChecking: true,
    // What checks a job in `tsc` is not named by anybody, and may be referred to.
    validation: {
      notExported: false,
      invalidLink: true,
      invalidPath: true,
      rewrittenLink: true,
      unusedMergeModuleWith: true,
    },
    treatWarningsAsErrors: true,
    outputs: [{ name: 'html', path: join(out, 'typescript') }],
    logLevel: 'Warn',
  })
  const project = await app.convert()
  if (project === undefined) return false
  app.validate(project)
  await app.generateOutputs(project)
  return !app.logger.hasErrors() && !app.logger.hasWarnings()
}

function pythonPage(): boolean {
  const python = join(repository, '.venv', 'bin', 'python')
  const pages = join(repository, 'test', 'reference', 'pages.py')
  const env = { ...process.env, PYTHONPATH: join(repository, 'python') }
  return spawnSync(python, [pages, join(out, 'python.md')], { stdio: 'inherit', env }).status === 0
}

const written = [pythonPage(), await typescriptPages()]
if (written.every(Boolean)) console.log(`wrote ${out}/typescript/index.html and ${out}/python.md`)
else process.exitCode = 1
