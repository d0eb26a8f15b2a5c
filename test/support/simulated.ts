/** Simulated runs, one after the other: failpoints are one state of the process. */
import { type Simulated, type SimulationOptions, simulate } from '../../src/testing/index.js'

export async function simulated(all: readonly SimulationOptions[]): Promise<readonly Simulated[]> {
  const runs: Simulated[] = []
  for (const options of all) runs.push(await simulate(options))
  return runs
}
