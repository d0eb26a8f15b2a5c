// Written by "npx anabranch types transforms.py". Do not edit: write it anew when transforms.py changes.

const from = { path: 'transforms.py', types: import.meta.url, source: 'f6749a99a278200d57a764a5d0c5a9ceec0ec1c7390bbc8bfc4051a29f2ca199' } as const

const schemas = {
  Flight: [
    ['date', 'timestamp[us]'],
    ['delay', 'int64'],
    ['distance', 'int64'],
    ['origin', 'utf8'],
    ['destination', 'utf8'],
  ],
} as const

const functions = {
  measure: {
    name: 'measure',
    kind: 'transform',
    keyed: false,
    mode: 'batch',
    inputs: [
      ['date', 'timestamp[us]'],
      ['delay', 'int64'],
      ['distance', 'int64'],
      ['origin', 'utf8'],
      ['destination', 'utf8'],
    ],
    outputs: [
      ['km', 'float64'],
      ['great_circle_km', 'float64'],
      ['delay_class', 'utf8'],
      ['hour_of_week', 'int16'],
    ],
    state: [],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: 'eaef68dafeb55c5d9358668ad83f6dea965048409e0e3756726e97803d586417',
    from,
  },
  validate: {
    name: 'validate',
    kind: 'transform',
    keyed: false,
    mode: 'batch',
    inputs: [['delay', 'int64'], ['km', 'float64'], ['great_circle_km', 'float64']],
    outputs: [['detour', 'float64']],
    state: [],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '8f398087ad26eb21e25d4b6f412140e9cfdc803812bc35506351c68b659980ed',
    from,
  },
  score: {
    name: 'score',
    kind: 'transform',
    keyed: true,
    mode: 'batch',
    inputs: [['delay', 'int64']],
    outputs: [['nth', 'int64'], ['mean_delay', 'float64'], ['usual_delay', 'float64'], ['z', 'float64']],
    state: [
      ['n', 'int64', { default: 0 }],
      ['total', 'float64', { default: 0 }],
      ['usual', 'float64'],
      ['variance', 'float64', { default: 0 }],
    ],
    side: {
      airports: [
        ['origin', 'utf8'],
        ['flights', 'int64'],
        ['mean_delay', 'float64'],
        ['usual_delay', 'float64'],
        ['spread', 'float64'],
      ],
    },
    atEnd: true,
    timeoutMs: 30000,
    declared: '5506b62ffe67c252c8ee0579a6c8d827f99c6cc3c58029bde2aa1abcd80fe90f',
    from,
  },
} as const

export interface MeasureFunction extends Readonly<(typeof functions)['measure']> {}
export interface ValidateFunction extends Readonly<(typeof functions)['validate']> {}
export interface ScoreFunction extends Readonly<(typeof functions)['score']> {}

/**
 * Three million flights: measure each one, refuse the impossible ones, and score its delay against its airport.
 *
 * Plain functions over Arrow columns. They run here, in a notebook and in pytest as they stand; the job beside this file
 * decides what they are fed and where their rows go.
 */
export default {
  ...schemas,
  /**
   * Kilometres as stated and along the great circle, a class of delay, and the hour of the week from Monday 0:00.
   *
   * Transform: reads date timestamp[us], delay int64, distance int64, origin utf8, destination utf8 and adds km float64, great_circle_km float64, delay_class utf8, hour_of_week int16.
   */
  measure: functions.measure as MeasureFunction,
  /**
   * Refuse what cannot have happened; the ratio of the stated to the shortest way is kept.
   *
   * Transform: reads delay int64, km float64, great_circle_km float64 and adds detour float64.
   */
  validate: functions.validate as ValidateFunction,
  /**
   * Score each delay against what its airport has shown so far: count, mean, moving mean and variance, z-score.
   *
   * By rounds: the first flight of every airport at once, then the second, and so on, so that the result is the
   * loop's to the last bit however the flights are cut into batches.
   *
   * Keyed transform: reads delay int64 and adds nth int64, mean_delay float64, usual_delay float64, z float64.
   * Side output "airports": origin utf8, flights int64, mean_delay float64, usual_delay float64, spread float64.
   */
  score: functions.score as ScoreFunction,
}
