/** The key kernels over a memory: WebAssembly where it can use it, else the plain twins; keys-contract.ts says what they do. */
import { keysWasm } from './generated/keys.js'
import { type KeyKernels } from './keys-contract.js'
import { plainEncodeKernels } from './keys-encode-twin.js'
import { plainLookupKernels } from './keys-lookup-twin.js'
import { plainRowKernels } from './keys-rows-twin.js'
import { HeapMemory, type KernelMemory, wasmExports } from './module.js'

export function keyKernels(memory: KernelMemory): KeyKernels {
  const exports = wasmExports(keysWasm, memory)
  return exports !== null && isKeyKernels(exports) ? exports : plainKeyKernels(memory)
}

/** The plain twins. */
export function plainKeyKernels(memory: KernelMemory): KeyKernels {
  return { ...plainLookupKernels(memory), ...plainEncodeKernels(memory), ...plainRowKernels(memory) }
}

const names = Object.keys(plainKeyKernels(new HeapMemory(0)))

/** The module is ours: that it exports every kernel is all that has to be seen. */
function isKeyKernels(exports: object): exports is KeyKernels {
  return names.every(name => typeof Reflect.get(exports, name) === 'function')
}
