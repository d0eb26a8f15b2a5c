/** What is done at the end of every process, whoever started it. */

/** A grandchild that left the group may hold the output open for ever: its end is awaited this long after the exit. */
const outputLingerMs = 100

export function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // ESRCH: nobody is left.
  }
}

/** Until the outputs of a process that has ended are closed, or for so long. */
export async function lingering(closed: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<void>(resolve => {
    timer = setTimeout(resolve, outputLingerMs)
  })
  await Promise.race([closed, over])
  clearTimeout(timer)
}
