/** Connectors of the user's own: imports the modules that a plan names and takes the factories that they export. */
import { pathToFileURL } from 'node:url'
import { batchFromRows, rowsOf } from '../../batch/index.js'
import { type Clock, type Observer, PlanError } from '../../base/index.js'
import { type ConnectorContext } from '../../connectors/index.js'
import { type CustomConnector, type SinkConnector, type SourceConnector, type Topology } from '../../plan/index.js'
import { type Schema } from '../../schema/index.js'

type Factory = (context: ConnectorContext) => unknown

export interface CustomWorld {
  readonly folder: string
  readonly out: string
  readonly clock: Clock
  readonly observer: Observer
}

/** The factories of a run. */
export class Customs {
  private constructor(
    private readonly factories: ReadonlyMap<string, Factory>,
    private readonly world: CustomWorld,
  ) {}

  /** Imports all that the topology names. Throws a PlanError (ANB1020) where there is no such module or export. */
  static async of(topology: Topology, world: CustomWorld): Promise<Customs> {
    const factories = new Map<string, Factory>()
    for (const vertex of topology.vertices) {
      if (vertex.kind !== 'source' && vertex.kind !== 'sink') continue
      for (const own of ownOf(vertex.connector)) factories.set(keyOf(own), await factoryOf(own))
    }
    return new Customs(factories, world)
  }

  /** What the export made, if it has all these methods. Throws a PlanError (ANB1020) otherwise. */
  make<T extends object>(connector: CustomConnector, schema: Schema, is: (made: unknown) => made is T): T {
    const { folder, out, clock, observer } = this.world
    const made = this.factories.get(keyOf(connector))?.({
      options: connector.options,
      schema,
      folder,
      out,
      clock,
      log: message => observer.log('info', `${connector.name}: ${message}`),
      batch: rows => batchFromRows(schema, rows),
      rows: rowsOf,
    })
    if (is(made)) return made
    throw new PlanError('ANB1020', `"${connector.name}" did not make what its contract says`, {
      hint: 'see SourceFactory, SinkFactory, DecoderFactory and EncoderFactory: all methods must be there',
    })
  }
}

/** The connector and its format, as far as they are the user's own. */
function ownOf(connector: SourceConnector | SinkConnector): readonly CustomConnector[] {
  const format = 'format' in connector && connector.format.kind === 'custom' ? [connector.format] : []
  return connector.kind === 'custom' ? [connector, ...format] : format
}

export const hasMethods =
  <T extends object>(...names: readonly (keyof T & string)[]) =>
  (made: unknown): made is T =>
    typeof made === 'object' && made !== null && names.every(name => typeof Reflect.get(made, name) === 'function')

const keyOf = ({ module, name }: CustomConnector): string => JSON.stringify([module, name])

async function factoryOf({ module, name }: CustomConnector): Promise<Factory> {
  let exported: object
  try {
    exported = await import(pathToFileURL(module).href)
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause)
    throw new PlanError('ANB1020', `module ${module} could not be imported: ${said}`, {
      cause,
      hint: 'mend the module',
    })
  }
  const factory: unknown = Reflect.get(exported, name)
  if (isFactory(factory)) return factory
  throw new PlanError('ANB1020', `module ${module} does not export a function "${name}"`, {
    hint: `write in it: export const ${name}: SourceFactory = context => ...`,
  })
}

const isFactory = (value: unknown): value is Factory => typeof value === 'function'
