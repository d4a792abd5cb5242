/** What the suites tell of themselves, for the one table of `npm run test:faults`. */
import { appendFileSync } from 'node:fs'

export interface TallyLine {
  suite: string
  tried: string
  times: number
  /** Keys, or whatever the suite counts as lost; it fails before this is more than 0. */
  lost: number
}

/** The long version is asked for; the short one is part of `npm test`. */
export const isLong = process.env.FAULTS_LONG === '1'

/** A number for the long version, and one for the short one. */
export function longOrShort(long: number, short: number): number {
  return isLong ? long : short
}

export function tell(line: TallyLine): void {
  const file = process.env.FAULTS_TALLY
  if (file) appendFileSync(file, `${JSON.stringify(line)}\n`)
}

/** At most `count` items, spread evenly over all of them. */
export function sample<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items]
  const step = items.length / count
  return Array.from({ length: count }, (_, index) => items[Math.floor(index * step + step / 2)] as T)
}
