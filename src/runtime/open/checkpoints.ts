/**
 * Checkpoints: the state of a run on disk, in `DIR/state/store`. Opened before anything is started, since a state that cannot
 * be gone on from must be refused before a row is read; closed last.
 *
 * A run that finished says so in `finished.json`: the next one begins anew.
 */
import { join } from 'node:path'
import { type SourcePosition } from '../../connectors/index.js'
import { schemaFromJson } from '../../schema/index.js'
import { storedIds } from '../../state/index.js'
import { StateStore, openStateFolder } from '../../state/stores/index.js'
import { type Engine } from '../flow/index.js'
import { EpochKeeper, type Outputs } from './epoch-keeper.js'
import { type Host } from './host.js'
import { type Opened } from './opened.js'

const finishedName = 'finished.json'

export class Checkpoints {
  private constructor(
    private readonly opened: Opened,
    private readonly store: StateStore,
    readonly keeper: EpochKeeper,
    private readonly folder: string,
  ) {}

  /** null: the run has no epochs. @throws StateError where the state is damaged, or that of something else */
  static async open(opened: Opened, parts: Outputs & { readonly host: Host }): Promise<Checkpoints | null> {
    const { options, plan, world, topology } = opened
    if (options.epochMs === null) return null
    const folder = join(options.out, 'state', 'store')
    if (options.fresh || world.files.stat(join(folder, finishedName)) !== undefined) world.files.removeTree(folder)
    const place = await openStateFolder({ path: folder, job: plan.job, lineage: world.random.hex(8) })
    try {
      const store = await StateStore.open({ place, pause: ms => pause(opened, ms) })
      const keeper = new EpochKeeper({
        job: plan.job,
        topology,
        code: Object.fromEntries(plan.modules.map(m => [m.path, m.source])),
        store,
        outputs: parts,
        wallMs: () => world.clock.wallMs(),
        settled: (promise, then) => parts.host.epochStep(promise, then),
      })
      return new Checkpoints(opened, store, keeper, folder)
    } catch (error) {
      await place.close()
      throw error
    }
  }

  /** Where each source goes on. */
  get positions(): readonly (SourcePosition | null)[] {
    return this.keeper.restored?.sources.map(s => s.position) ?? []
  }

  /** The engine has what was; its state comes later, and is there when the promise settles. */
  async restore(engine: Engine): Promise<void> {
    const { restored } = this.keeper
    if (restored === null) return
    engine.restore(restored)
    for (const vertex of this.opened.topology.vertices) {
      if (vertex.kind !== 'stage') continue
      for (const { id, fn } of vertex.operators)
        for (const stored of fn.keyed ? storedIds(id, schemaFromJson(fn.state)) : [])
          await this.store.restore(stored, block => engine.restoreState(block))
    }
  }

  /** Every sink has finished: there is nothing to go on with. */
  finished(): void {
    const { files } = this.opened.world
    files.writeText(join(this.folder, finishedName), `${JSON.stringify({ job: this.opened.plan.job })}\n`)
    files.syncDirectory(this.folder)
  }

  close(): Promise<void> {
    return this.store.close()
  }
}

const pause = ({ world }: Opened, ms: number): Promise<void> =>
  new Promise(resolve => void world.clock.after(ms, resolve))
