// Written by "npx anabranch types transforms.py". Do not edit: write it anew when transforms.py changes.

const from = { path: 'transforms.py', types: import.meta.url, source: 'b822572b5a79b251938f481467680105ea9630fc57aee716823923c96261050e' } as const

const schemas = {
} as const

const functions = {
  slow: {
    name: 'slow',
    kind: 'filter',
    keyed: false,
    mode: 'batch',
    inputs: [['ms', 'int64']],
    outputs: [],
    state: [],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '3741d8c69b8142074ae5e2e8e0855e1dc0823be3a09719ff68997862c27eaad3',
    from,
  },
} as const

export interface SlowFunction extends Readonly<(typeof functions)['slow']> {}

export default {
  ...schemas,
  /**
   * Requests that took a tenth of a second or more.
   *
   * Filter: reads ms int64.
   */
  slow: functions.slow as SlowFunction,
}
