/** What Node says where the machine has no process or descriptor left for a worker. */
const words = /\bspawn \S+ (EMFILE|ENFILE|EAGAIN|ENOMEM)\b/

/** What to do about it, where the catalogue does not say that already; null: this is not why a worker did not start. */
export function limitIn(printed: string): { readonly hint?: string } | null {
  const [, code] = words.exec(printed) ?? []
  if (code === undefined) return null
  return code.endsWith('FILE') ? {} : { hint: 'run fewer workers with --workers, or raise ulimit -u' }
}
