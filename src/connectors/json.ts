/** JSON that may be anything, since a crash or a person wrote it: looked at field by field. */

export type Fields = Readonly<Record<string, unknown>>

/** The fields of the object that the text is; null where it is not one. */
export function parseFields(text: string): Fields | null {
  try {
    return fieldsOf(JSON.parse(text))
  } catch {
    return null
  }
}

/** The fields of an object; null for anything else. */
export const fieldsOf = (value: unknown): Fields | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : null
