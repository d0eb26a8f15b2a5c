import { custom, job } from 'anabranch'
import site from './transforms.anabranch.js'

const connectors = new URL('connectors.ts', import.meta.url).href
const schema = { path: 'utf8', ms: 'int64' } as const

export default job('own-connector', { epoch: 'off' })
  .from(
    custom.source(connectors, 'logfmt', { schema, bounded: true, replayable: true, options: ['input/site.logfmt'] }),
  )
  .filter(site.slow)
  .to(custom.sink(connectors, 'markdown', { delivery: 'exactly-once', options: 'slow.md' }))
