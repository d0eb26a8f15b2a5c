/**
 * A virtual environment `.venv` in a folder: Python, the locked packages, and the package `anabranch` itself by a `.pth`
 * file, which needs no network and follows what it names.
 *
 * It is made again only when one of its lists changed, its folder was moved or its Python is gone.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SetupError, atLeast, digest, readJson, run } from './steps.mjs'

/** The lock files hold wheels for these; an older Python has no NumPy of the locked version. */
export const pythonMin = [3, 11]

/**
 * `locks`: lists with hashes, whole with all that they need; `own`: a list that a user wrote, whose packages must go with
 * the locked ones. Both are `{ name, path }`. `paths`: folders that Python shall look into, the first one before others.
 * `again`: the command that a user runs once what hindered it is away.
 */
export function environment({ folder, locks, own = [], paths, again }) {
  const home = join(folder, '.venv')
  const python = join(home, 'bin', 'python')
  const stampFile = join(home, 'anabranch.json')
  const wanted = () => ({ root: folder, paths, lists: Object.fromEntries([...locks, ...own].map(digestOf)) })

  return {
    what: `.venv with the locked Python packages`,
    python,
    fresh() {
      const stamp = readJson(stampFile)
      if (stamp?.lists === undefined || !existsSync(python)) return false
      const { root, lists } = wanted()
      const finds = stamp.paths.includes(paths.find(path => existsSync(path)) ?? paths[0])
      return stamp.root === root && finds && Object.entries(lists).every(([name, hash]) => stamp.lists[name] === hash)
    },
    async make({ held }) {
      const before = readJson(stampFile)
      const usable =
        existsSync(python) && (before === undefined || before.root === folder) && pythonVersion(python) !== undefined
      rmSync(stampFile, { force: true })
      const step = { held, cwd: folder }
      if (!usable) {
        // A folder that was moved or whose Python is gone cannot be mended: its scripts hold absolute paths.
        rmSync(home, { recursive: true, force: true })
        await run(step, [findPython(again), '-m', 'venv', home], {
          failed: 'the virtual environment .venv could not be made',
          hint: `read the lines above, then run again: ${again}`,
        })
      }
      await install(step, python, { home, locks, own })
      writeFileSync(join(sitePackages(python), 'anabranch.pth'), paths.map(path => `${path}\n`).join(''))
      writeFileSync(stampFile, `${JSON.stringify(wanted())}\n`)
    },
  }
}

const digestOf = list => [list.name, digest([list])]

async function install(step, python, { home, locks, own }) {
  const pip = [python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input']
  const lists = locks.flatMap(({ path }) => ['-r', path])
  await run(step, [...pip, '--no-deps', '--require-hashes', '--only-binary', ':all:', ...lists], {
    failed: 'pip could not install the locked packages',
    hint: 'read the lines above: the lock files hold wheels for CPython 3.11 to 3.14 on the platforms of pyarrow',
  })
  if (own.length === 0) return
  const constraints = join(home, 'anabranch-locked.txt')
  writeFileSync(constraints, locks.flatMap(({ path }) => pinsOf(readFileSync(path, 'utf8'))).join(''))
  await run(step, [...pip, '-c', constraints, ...own.flatMap(({ path }) => ['-r', path])], {
    failed: `pip could not install what ${own.map(({ name }) => name).join(', ')} lists`,
    hint: `read the lines above; packages of anabranch stay at the versions in ${constraints}`,
  })
}

/** `name==version` lines without their hashes, which a list of constraints must not have. */
const pinsOf = text => [...text.matchAll(/^([A-Za-z0-9._-]+==[^\s\\;]+)/gm)].map(([, pin]) => `${pin}\n`)

function sitePackages(python) {
  const asked = spawnSync(python, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'], {
    encoding: 'utf8',
  })
  return asked.stdout.trim()
}

/** The first Python that is new enough and can make environments; otherwise says what is missing. */
function findPython(again) {
  const wanted = pythonMin.join('.')
  const names = process.env.ANABRANCH_PYTHON
    ? [process.env.ANABRANCH_PYTHON]
    : ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python']
  const found = names.map(name => ({ name, version: pythonVersion(name) })).filter(each => each.version)
  const apt = 'on Debian and Ubuntu: sudo apt-get install -y python3 python3-venv'
  if (found.length === 0)
    throw new SetupError(`Python ${wanted} or newer was not found (looked for: ${names.join(', ')})`, apt)
  const recent = found.filter(each => atLeast(each.version, pythonMin))
  if (recent.length === 0) {
    const [first] = found
    throw new SetupError(
      `Python ${wanted} or newer is needed, but "${first.name}" is ${first.version.join('.')}`,
      `install a newer one (${apt}), or name one: ANABRANCH_PYTHON=/path/to/python3 ${again}`,
    )
  }
  const able = recent.find(
    each => spawnSync(each.name, ['-c', 'import venv, ensurepip'], { stdio: 'ignore' }).status === 0,
  )
  if (able) return able.name
  const [first] = recent
  const exact = `python${first.version.slice(0, 2).join('.')}-venv`
  throw new SetupError(
    `"${first.name}" (${first.version.join('.')}) cannot make virtual environments: its modules venv and ensurepip are missing`,
    `on Debian and Ubuntu: sudo apt-get install -y python3-venv (or ${exact})`,
  )
}

/** `[major, minor, patch]`, or undefined where there is no such Python or it does not run. */
function pythonVersion(name) {
  const asked = spawnSync(name, ['-c', 'import sys; print("%d.%d.%d" % sys.version_info[:3])'], { encoding: 'utf8' })
  return asked.status === 0 ? asked.stdout.trim().split('.').map(Number) : undefined
}
