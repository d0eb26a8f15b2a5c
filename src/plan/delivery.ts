/** Delivery: when a sink shows rows, where it leaves the choice to the job. */
import { type Sink } from './connectors.js'
import { type Delivery } from './nodes.js'

/** The sink as `.to(sink, { delivery })` wants it; a fault of the plan where it has no such choice. */
export function delivered(given: Sink, delivery: Delivery | undefined): Sink {
  if (delivery === undefined) return given
  const { sink, wrong } = given
  if (delivery !== 'exactly-once' && delivery !== 'at-least-once') {
    const message = `option delivery must be 'exactly-once' or 'at-least-once', but it is ${JSON.stringify(delivery)}`
    return { ...given, wrong: [...wrong, { message, hint: "write { delivery: 'at-least-once' }" }] }
  }
  if (sink.kind === 'files' || sink.kind === 'postgres') return { sink: { ...sink, delivery }, wrong }
  const message = `option delivery is not for a sink of kind ${sink.kind}: how it delivers is fixed`
  return {
    ...given,
    wrong: [...wrong, { message, hint: 'leave out delivery; anabranch plan prints what the sink promises' }],
  }
}
