/**
 * How much a run tries: usually a sample of the tests and of the rows of their tables, in CI all of them
 * (`TEST_EXTENT=all`), and in `npm run test:faults` what takes half an hour (`TEST_EXTENT=long`).
 */
export type Extent = 'sample' | 'all' | 'long'

export const extent = readExtent(process.env.TEST_EXTENT)
export const isLong = extent === 'long'

/** An amount of each extent. */
export function byExtent<T>(amounts: Readonly<Record<Extent, T>>): T {
  return amounts[extent]
}

/** At most `count` items, spread evenly over all of them. */
export function sample<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items]
  const step = items.length / count
  return Array.from({ length: count }, (_, index) => items[Math.floor(index * step + step / 2)] as T)
}

/** All of them; in a sample, at most `count`, spread evenly: for rows that show one thing in several forms. */
export function someOf<T>(items: readonly T[], count: number): readonly T[] {
  return extent === 'sample' ? sample(items, count) : items
}

/** All of them; of a sample, one: the next in turn for the next row of a table. */
export function inTurns<T>(items: readonly T[], row: number): readonly T[] {
  return extent === 'sample' ? items.slice(row % items.length).slice(0, 1) : items
}

/** Why a test is skipped in a sample: it takes long, or a test beside it shows the same in another form. Else false. */
export const leftOut = extent === 'sample' && 'a sample leaves it out: TEST_EXTENT=all'

function readExtent(text = 'sample'): Extent {
  if (text === 'sample' || text === 'all' || text === 'long') return text
  throw new Error(`TEST_EXTENT=${text} is not one of sample, all, long`)
}
