/** What a sink said of an epoch, read back from the state of the job. */
import { type Shape, ShapeError, StateError } from '../base/index.js'
import { type Prepared } from './contract.js'

/** Throws a StateError (ANB6001): another kind of sink wrote it, or another version. */
export function preparedAs<T>(shape: Shape<T>, prepared: Prepared | null): T {
  try {
    return shape(prepared, '')
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause
    const what = `what a sink prepared cannot be understood: ${cause.message}`
    throw new StateError('ANB6001', what, { cause, hint: 'start again with another --out' })
  }
}
