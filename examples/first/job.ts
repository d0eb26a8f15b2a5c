import { files, job, json } from 'anabranch'
import shop from './transforms.anabranch.js'

export default job('first')
  .from(files('input/orders.jsonl', json(shop.Order)))
  .apply(shop.bill)
  .to(files.sink('bills/', json()))
