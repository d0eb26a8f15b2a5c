// Rows to a database that only Python reaches: an epoch at a time, each once. Run it: npx anabranch run examples/python-sink/job.ts
import { files, job, json } from 'anabranch'
import shop from './transforms.anabranch.js'

export default job('python-sink', { params: { database: 'orders.db' } })
  .from(files('input/orders.jsonl', json(shop.Order)))
  .to(shop.store)
