import { files, job, json } from 'anabranch'
import orders from './transforms.anabranch.js'

export default job('orders')
  .from(files('input/orders.jsonl', json(orders.Order)))
  .keyBy('user')
  .apply(orders.spend)
  .to(files.sink('spent/', json()))
