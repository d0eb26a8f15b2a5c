// Written by `anabranch types transforms.py` from the declarations in it; write it anew when they change.

const from = { path: "transforms.py", types: import.meta.url, source: "afcb900d3d22dc275fe69f3a927f25223d68b15da2aff8a8591b1db32bed733a" } as const

const Flight = [["date","timestamp[us]"],["delay","int64"],["distance","int64"],["origin","utf8"],["destination","utf8"]] as const

/** Kilometres as stated and along the great circle, a class of delay, and the hour of the week (Monday 0:00 is 0). */
const measure = {
  name: "measure", kind: 'transform', keyed: false, mode: 'batch',
  inputs: [["date","timestamp[us]"],["delay","int64"],["distance","int64"],["origin","utf8"],["destination","utf8"]],
  outputs: [["km","float64"],["great_circle_km","float64"],["delay_class","utf8"],["hour_of_week","int16"]],
  state: [],
  side: {},
  atEnd: false, timeoutMs: 30000,
  declared: 'eaef68dafeb55c5d9358668ad83f6dea965048409e0e3756726e97803d586417', from,
} as const

/** Refuse what cannot have happened; the ratio of the stated to the shortest way is kept. */
const validate = {
  name: "validate", kind: 'transform', keyed: false, mode: 'batch',
  inputs: [["delay","int64"],["km","float64"],["great_circle_km","float64"]],
  outputs: [["detour","float64"]],
  state: [],
  side: {},
  atEnd: false, timeoutMs: 30000,
  declared: '8f398087ad26eb21e25d4b6f412140e9cfdc803812bc35506351c68b659980ed', from,
} as const

/**
 * Score each delay against what its airport has shown so far: count, mean, moving mean and variance, z-score.
 *
 * By rounds: the first flight of every airport at once, then the second, and so on, so that the result is the
 * loop's to the last bit however the flights are cut into batches.
 */
const score = {
  name: "score", kind: 'transform', keyed: true, mode: 'batch',
  inputs: [["delay","int64"]],
  outputs: [["nth","int64"],["mean_delay","float64"],["usual_delay","float64"],["z","float64"]],
  state: [["n","int64",{"default":0}],["total","float64",{"default":0}],["usual","float64"],["variance","float64",{"default":0}]],
  side: { "airports": [["origin","utf8"],["flights","int64"],["mean_delay","float64"],["usual_delay","float64"],["spread","float64"]] },
  atEnd: true, timeoutMs: 30000,
  declared: '5506b62ffe67c252c8ee0579a6c8d827f99c6cc3c58029bde2aa1abcd80fe90f', from,
} as const

/**
 * Three million flights: measure each one, refuse the impossible ones, and score its delay against its airport.
 *
 * Plain functions over Arrow columns. They run here, in a notebook and in pytest as they stand; the job beside this file
 * decides what they are fed and where their rows go.
 */
export default { Flight, measure, validate, score }
