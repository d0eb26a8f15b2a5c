/** epoch: when an epoch is cut, and its way from there until every sink has it. Pure. */
export { type EpochEffects, type EpochEvents, type EpochTerms, Epochs } from './epochs.js'
