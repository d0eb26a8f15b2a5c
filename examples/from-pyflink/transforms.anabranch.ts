// Written by "npx anabranch types transforms.py". Do not edit: write it anew when transforms.py changes.

const from = { path: 'transforms.py', types: import.meta.url, source: 'f04e34ccaade826d9a92930713c63f9189909fcd217ba889b6b9c3447d9361f2' } as const

const schemas = {
  Payment: [['account', 'utf8'], ['amount', 'float64']],
} as const

const functions = {
  detect: {
    name: 'detect',
    kind: 'transform',
    keyed: true,
    mode: 'row',
    inputs: [['account', 'utf8'], ['amount', 'float64']],
    outputs: [],
    state: [['was_small', 'bool']],
    side: {
      alerts: [['account', 'utf8'], ['amount', 'float64']],
    },
    atEnd: false,
    timeoutMs: 30000,
    declared: 'bbfb2b20c097688041794249caee98533cd2e96514427367b37e5bb8bdacae92',
    from,
  },
} as const

export interface DetectFunction extends Readonly<(typeof functions)['detect']> {}

/** A small payment to try a card, then a large one: the keyed function that a stream processor is often shown with. */
export default {
  ...schemas,
  /**
   * Alerts to a large payment right after a small one of the same account.
   *
   * Keyed transform: reads account utf8, amount float64 and adds nothing.
   * Side output "alerts": account utf8, amount float64.
   */
  detect: functions.detect as DetectFunction,
}
