/**
 * Numbers as written: integers and decimals are read digit by digit, because a JavaScript number keeps only
 * 53 bits of them. Floats are `Number(text)`, which rounds correctly.
 */

/** A number text is (-1)^negative * digits * 10^exponent; digits have no leading zeros, '' is zero. */
export interface Written {
  readonly negative: boolean
  readonly digits: string
  readonly exponent: number
}

const grammar = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/

/** The parts of a number as JSON writes it; null where the text is not one. */
export function written(text: string): Written | null {
  const found = grammar.exec(text)
  if (found === null) return null
  const [, sign, whole = '', fraction = '', exponent = '0'] = found
  const digits = trimZeros(whole + fraction)
  return { negative: sign === '-', digits, exponent: Number(exponent) - fraction.length }
}

function trimZeros(digits: string): string {
  let from = 0
  while (digits.charCodeAt(from) === 48) from += 1
  return digits.slice(from)
}

/** The number times 10^scale if that is whole and has at most 40 digits, else null. */
export function scaled(number: Written, scale: number): bigint | null {
  if (number.digits === '') return 0n
  const shift = number.exponent + scale
  let { digits } = number
  if (shift >= 0) {
    if (digits.length + shift > 40) return null
    digits += '0'.repeat(shift)
  } else {
    const kept = digits.length + shift
    if (kept <= 0 || kept > 40) return null
    for (let i = kept; i < digits.length; i++) if (digits.charCodeAt(i) !== 48) return null
    digits = digits.slice(0, kept)
  }
  return number.negative ? -BigInt(digits) : BigInt(digits)
}
