/** The schema of the DEAD table (src/transport/README.md): what both sides of the wire agree on beyond the plan. */
import { type Schema } from '../schema/index.js'

export const deadSchema: Schema = {
  fields: [
    { name: 'row', type: { kind: 'int32' }, required: true },
    { name: 'operator', type: { kind: 'int32' }, required: true },
    ...(['code', 'class', 'type', 'message', 'traceback'] as const).map(name => ({
      name,
      type: { kind: 'utf8' } as const,
    })),
  ],
}
