// Written by `anabranch types transforms.py` from the declarations in it; write it anew when they change.

const from = { path: "transforms.py", types: import.meta.url, source: "8da8031dd44dd696381b7a4774bc9e42391e65330b33d89b5e0b21ca8752d3f7" } as const

const Xy = [["x","float64"],["y","float64"]] as const

const Event = [["k","int64"],["ts","int64"],["x","float64"]] as const

const Line = [["id","int64"],["a","float64"],["b","float64"],["name","utf8"],["ts","int64"],["ok","bool"]] as const

const b1 = {
  name: "b1", kind: 'transform', keyed: false, mode: 'batch',
  inputs: [["x","float64"],["y","float64"]],
  outputs: [["z","float64"]],
  state: [],
  side: {},
  atEnd: false, timeoutMs: 30000,
  declared: '72320d03762e19ae9f7e400e0e3eac834345a69779207ccd37165c46f5e55565', from,
} as const

const b140 = {
  name: "b1_40", kind: 'transform', keyed: false, mode: 'batch',
  inputs: [["x","float64"],["y","float64"]],
  outputs: [["z","float64"]],
  state: [],
  side: {},
  atEnd: false, timeoutMs: 30000,
  declared: '72320d03762e19ae9f7e400e0e3eac834345a69779207ccd37165c46f5e55565', from,
} as const

const b2 = {
  name: "b2", kind: 'transform', keyed: false, mode: 'row',
  inputs: [["line","utf8"]],
  outputs: [["line","utf8"]],
  state: [],
  side: {},
  atEnd: false, timeoutMs: 30000,
  declared: '379b73e0367ae89fc5f92aa1e046bfb37679da802ee49d6cdab3965f0cb7e672', from,
} as const

const j1 = {
  name: "j1", kind: 'transform', keyed: false, mode: 'batch',
  inputs: [["a","float64"],["b","float64"]],
  outputs: [["z","float64"]],
  state: [],
  side: {},
  atEnd: false, timeoutMs: 30000,
  declared: '6a461156e0b1bf8a334621ae5e01bde7a716d894c5fcc0dc31edf5cb1703f337', from,
} as const

const b3Row = {
  name: "b3_row", kind: 'transform', keyed: true, mode: 'row',
  inputs: [["ts","int64"],["x","float64"]],
  outputs: [["n","int64"],["mean","float64"],["dt","float64"],["z","float64"]],
  state: [["n","int64",{"default":0}],["mean","float64"],["variance","float64"],["last","int64"]],
  side: {},
  atEnd: false, timeoutMs: 30000,
  declared: 'c4f7917d669a5cca0f38159ce02549e596ad9727615f760e40600fd28e747d9d', from,
} as const

const b3Rounds = {
  name: "b3_rounds", kind: 'transform', keyed: true, mode: 'batch',
  inputs: [["ts","int64"],["x","float64"]],
  outputs: [["n","int64"],["mean","float64"],["dt","float64"],["z","float64"]],
  state: [["n","int64",{"default":0}],["mean","float64"],["variance","float64"],["last","int64"]],
  side: {},
  atEnd: false, timeoutMs: 30000,
  declared: '23b54dd6947b90fce21ef618d74264bee82a5503d5636f05c7852bea50e22cd6', from,
} as const

const b3Scan = {
  name: "b3_scan", kind: 'transform', keyed: true, mode: 'batch',
  inputs: [["ts","int64"],["x","float64"]],
  outputs: [["n","int64"],["mean","float64"],["dt","float64"],["z","float64"]],
  state: [["n","int64",{"default":0}],["mean","float64"],["variance","float64"],["last","int64"]],
  side: {},
  atEnd: false, timeoutMs: 30000,
  declared: '23b54dd6947b90fce21ef618d74264bee82a5503d5636f05c7852bea50e22cd6', from,
} as const

/** The bodies of the benchmarks as transforms. */
export default { Xy, Event, Line, b1, b140, b2, j1, b3Row, b3Rounds, b3Scan }
