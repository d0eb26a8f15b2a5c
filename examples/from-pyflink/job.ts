import { files, job, json } from 'anabranch'
import fraud from './transforms.anabranch.js'

export default job('fraud')
  .from(files('input/*.jsonl', json(fraud.Payment)))
  .keyBy('account')
  .apply(fraud.detect)
  .side('alerts')
  .to(files.sink('alerts/', json()))
