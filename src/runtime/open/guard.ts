/**
 * The guard: a small shell process that outlives the host by a moment, whatever way the host dies, and cleans up.
 *
 * It holds the read end of a pipe of which the host holds the other. It is told which process groups exist and which
 * folder is private to the run; when the pipe ends, it kills what is still registered and removes the folder. A worker
 * notices the host's death by itself too (its stdin ends, the kernel signals it), but its own children never do.
 *
 * A process that left its group (a session of its own, a daemon) is in no list, and its parent may be gone. It is known
 * by the run's folder in its environment, which it inherited. It may fork while we look, so we look until nobody is
 * found. Only one that was given another environment as well escapes.
 *
 * A group is known by the pid of its first process and that process's start time. Where a process with that pid but
 * another start time lives, the group is gone and the number was used again: nothing is killed. (While one member of a
 * group lives, Linux gives its number to no other process.)
 */
import { spawn } from 'node:child_process'
import { type Writable } from 'node:stream'
import { WorkerError } from '../../base/index.js'
import { runMark } from '../../workers/index.js'
import { startTime } from './process-state.js'

export interface Guard {
  /** A process group that must not outlive the host; right after its spawn. */
  watch(pid: number): void
  /** The group's first process was reaped and the rest of it killed. */
  release(pid: number): void
  /** A folder that must not outlive the host. One a guard. */
  folder(path: string): void
  /** The orderly end: what is registered goes now. Resolves when the guard is gone. */
  close(): Promise<void>
}

/** Looks for processes that left their group, each finding whoever was started during the one before. */
const looksMax = 20

/**
 * Lines in: `+ pid:start`, `- pid`, `d path`. Signals that a terminal sends to everybody are ignored; a session of its
 * own keeps the guard out of the host's process group.
 */
const script = `
trap '' HUP INT TERM QUIT PIPE
groups=' '
folder=
while read -r op value; do
  case $op in
    +) groups="$groups$value " ;;
    -) case $groups in
        *" $value:"*) rest="\${groups#*" $value:"}"; groups="\${groups%%" $value:"*} \${rest#* }" ;;
      esac ;;
    d) folder=$value ;;
  esac
done
for group in $groups; do
  pid=\${group%%:*}
  start=\${group#*:}
  if [ "$start" != - ] && read -r stat 2>/dev/null < "/proc/$pid/stat"; then
    set -- \${stat##*) }
    shift 19
    [ "$1" = "$start" ] || continue
  fi
  kill -s KILL -- "-$pid" 2>/dev/null
done
[ -n "$folder" ] || exit 0
looks=0
while [ "$looks" -lt ${looksMax} ]; do
  looks=$((looks + 1))
  found=
  for file in $(grep -lsF -e "${runMark}=$folder" /proc/[0-9]*/environ); do
    pid=\${file#/proc/}
    pid=\${pid%/environ}
    kill -s KILL "$pid" 2>/dev/null && found=yes
  done
  [ -n "$found" ] || break
done
rm -rf -- "$folder"
`

/**
 * `startOf` answers when the kernel started a process: `-` where that cannot be known.
 * @throws WorkerError ANB8004 where this machine has no descriptor left for its pipe.
 */
export function startGuard(startOf: (pid: number) => string = startTime): Guard {
  const child = spawn('/bin/sh', ['-c', script], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
  })
  // A guard that somebody killed must not take the host with it: the workers still watch the host themselves.
  child.on('error', () => undefined)
  const stdin = pipeTo(child)
  stdin.on('error', () => undefined)
  child.unref()
  unrefStream(stdin)
  const gone = new Promise<void>(resolve => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const tell = (line: string): void => void stdin.write(`${line}\n`)
  return {
    watch: pid => tell(`+ ${pid}:${startOf(pid)}`),
    release: pid => tell(`- ${pid}`),
    folder: path => tell(`d ${path}`),
    close: () => {
      child.ref()
      stdin.end()
      return gone
    },
  }
}

/** Node types the pipe as always there, but makes none where it was refused a descriptor (EMFILE, ENFILE). */
function pipeTo(child: { readonly stdin: Writable | null | undefined }): Writable {
  if (child.stdin) return child.stdin
  throw new WorkerError('ANB8004', 'expected a pipe to the process that cleans up after a run, no descriptor is left', {
    hint: 'raise the number of open files: ulimit -n 4096',
  })
}

/** The pipe alone must not keep the host's event loop alive. */
function unrefStream(stream: Writable): void {
  if ('unref' in stream && typeof stream.unref === 'function') stream.unref()
}
