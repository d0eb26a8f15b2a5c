/**
 * Slots by key group: at a cut millions of slots are sorted, or looked at, a few times a second. So each loop is a function
 * of its own that is called for a piece: one that runs once for all slots is left to the interpreter for most of its life.
 */
import { type GroupRows } from './block.js'
import { Scratch } from './scratch.js'

export interface GroupSpan {
  readonly first: number
  readonly last: number
}

const pieceSlots = 4096

/** All of a list, a piece at a time. */
export function eachPiece(count: number, work: (from: number, to: number) => void): void {
  for (let from = 0; from < count; from += pieceSlots) work(from, Math.min(count, from + pieceSlots))
}

export function groupsOf(slots: Int32Array, groupOf: Uint16Array, scratch = new Scratch()): Uint16Array {
  const groups = scratch.uint16(slots.length)
  eachPiece(slots.length, (from, to) => lookUp(slots, groupOf, groups, from, to))
  return groups
}

/** Slots in the order of their key groups, else in their own; and where each group lies. */
export function byGroup(
  slots: Int32Array,
  groupOf: Uint16Array,
  keyGroups: number,
  scratch = new Scratch(),
): { readonly order: Int32Array; readonly groups: readonly GroupRows[] } {
  const groups = groupsOf(slots, groupOf, scratch)
  const ends = new Int32Array(keyGroups + 1)
  eachPiece(slots.length, (from, to) => count(groups, ends, from, to))
  const found: GroupRows[] = []
  for (let group = 0; group < keyGroups; group++) {
    const from = ends[group] ?? 0
    const to = from + (ends[group + 1] ?? 0)
    ends[group + 1] = to
    if (to > from) found.push({ group, from, to })
  }
  const order = scratch.int32(slots.length)
  eachPiece(slots.length, (from, to) => place(slots, groups, ends, order, from, to))
  return { order, groups: found }
}

function lookUp(slots: Int32Array, groupOf: Uint16Array, groups: Uint16Array, from: number, to: number): void {
  for (let i = from; i < to; i++) groups[i] = groupOf[slots[i] ?? 0] ?? 0
}

function count(groups: Uint16Array, ends: Int32Array, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const next = (groups[i] ?? 0) + 1
    ends[next] = (ends[next] ?? 0) + 1
  }
}

function place(
  slots: Int32Array,
  groups: Uint16Array,
  ends: Int32Array,
  order: Int32Array,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const group = groups[i] ?? 0
    const at = ends[group] ?? 0
    order[at] = slots[i] ?? 0
    ends[group] = at + 1
  }
}

/** Those of these slots whose keys are in no group of the span. */
export function slotsOutside(
  slots: Int32Array,
  groupOf: Uint16Array,
  span: GroupSpan,
  scratch = new Scratch(),
): Int32Array {
  const rest = scratch.int32(slots.length)
  let at = 0
  eachPiece(slots.length, (from, to) => {
    at = keepOutside(slots.subarray(from, to), groupOf, span, rest, at)
  })
  return rest.subarray(0, at)
}

// Groups come by chance: a branch that is guessed wrong costs more than a write that is not kept.
function keepOutside(
  slots: Int32Array,
  groupOf: Uint16Array,
  { first, last }: GroupSpan,
  into: Int32Array,
  begin: number,
): number {
  let at = begin
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i] ?? 0
    into[at] = slot
    at += 1 - within(groupOf[slot] ?? 0, first, last)
  }
  return at
}

/** The slots below `limit` whose keys are in the groups of the span, ascending. */
export function slotsWithin(groupOf: Uint16Array, limit: number, span: GroupSpan, scratch = new Scratch()): Int32Array {
  let into = scratch.int32(Math.min(limit, 15 * pieceSlots) + pieceSlots)
  let at = 0
  eachPiece(limit, (from, to) => {
    if (at + pieceSlots > into.length) into = larger(into, scratch)
    at = keepWithin(groupOf.subarray(from, to), span, from, into, at)
  })
  return into.subarray(0, at)
}

function larger(slots: Int32Array, scratch: Scratch): Int32Array {
  const room = scratch.int32(2 * slots.length)
  room.set(slots)
  return room
}

function keepWithin(
  groups: Uint16Array,
  { first, last }: GroupSpan,
  slot: number,
  into: Int32Array,
  begin: number,
): number {
  let at = begin
  for (let i = 0; i < groups.length; i++) {
    into[at] = slot + i
    at += within(groups[i] ?? 0, first, last)
  }
  return at
}

/** 1 where first <= group <= last, else 0: of the differences neither is negative. */
const within = (group: number, first: number, last: number): number => (((group - first) | (last - group)) >>> 31) ^ 1
