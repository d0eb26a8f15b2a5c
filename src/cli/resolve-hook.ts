/**
 * A resolve hook of Node: `import ... from 'anabranch'` in a job file means the package that runs it, wherever the job
 * lies and whatever is installed beside it. One version of the package then makes the plan and runs it.
 *
 * TypeScript files are ES modules here even where no package.json says so: a job may lie in any folder.
 */
import { type ResolveHook } from 'node:module'

const doors: Readonly<Record<string, string>> = {
  anabranch: new URL('../index.js', import.meta.url).href,
  'anabranch/testing': new URL('../testing/index.js', import.meta.url).href,
}

export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  const door = Object.hasOwn(doors, specifier) ? doors[specifier] : undefined
  if (door !== undefined) return { url: door, format: 'module', shortCircuit: true }
  const found = await nextResolve(specifier, context)
  return /\.m?tsx?(\?|$)/.test(found.url) ? { ...found, format: 'module' } : found
}
