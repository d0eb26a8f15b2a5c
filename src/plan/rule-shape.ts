/** The shape of a rule in JSON, from Python and in portable plans. */
import { type Shape, shape } from '../base/index.js'
import { type RuleJson } from './nodes.js'

export const ruleShape: Shape<RuleJson> = shape.object({
  kind: shape.string,
  columns: shape.list(shape.string),
  arguments: shape.map(shape.anyJson()),
  text: shape.string,
})
