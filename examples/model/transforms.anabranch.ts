// Written by "npx anabranch types transforms.py". Do not edit: write it anew when transforms.py changes.

const from = { path: 'transforms.py', types: import.meta.url, source: '5f1021cddcae7b0f452be2baef1bca87a0601e1ccb3cbcc0232a2b80e4fb34de' } as const

const schemas = {
  Flight: [['delay', 'int16'], ['distance', 'int16'], ['time', 'float32']],
} as const

const functions = {
  predict: {
    name: 'predict',
    kind: 'transform',
    keyed: false,
    mode: 'batch',
    inputs: [['time', 'float32'], ['distance', 'int16']],
    outputs: [['late', 'float32']],
    state: [],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '62b993030c2e451678bbfab8af6e0c6f9b31690c3c96ac3ccdf25198561cbb5b',
    from,
  },
} as const

export interface PredictFunction extends Readonly<(typeof functions)['predict']> {}

/** How likely is each flight to be late? A model that train.py made, opened once a worker and asked once a batch. */
export default {
  ...schemas,
  /**
   * The probability that a flight leaves more than a quarter of an hour late.
   *
   * Transform: reads time float32, distance int16 and adds late float32.
   */
  predict: functions.predict as PredictFunction,
}
