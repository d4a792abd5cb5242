import { distance } from 'fastest-levenshtein'

/** `; did you mean NAME?`, or nothing. */
export function suggestion(mistyped: string, known: readonly string[]): string {
  const nearest = nearestName(mistyped, known)
  return nearest === undefined ? '' : `; did you mean ${nearest}?`
}

/** The known name that a mistyped one most likely meant; undefined when none is near. */
export function nearestName(mistyped: string, known: readonly string[]): string | undefined {
  const whole = known.find((name) => namesPartOf(mistyped, name))
  if (whole !== undefined) return whole
  const [best] = known
    .map((name) => ({ name, far: distance(mistyped, name) }))
    .filter(({ name, far }) => far <= tolerance(Math.min(mistyped.length, name.length)))
    .sort((one, other) => one.far - other.far || sharedStart(mistyped, other.name) - sharedStart(mistyped, one.name))
  return best?.name
}

/**
 * Whether a word is a part of a name, between hyphens: `--host` of `--db-host`, `--password` of `--db-password-file`.
 */
function namesPartOf(mistyped: string, name: string): boolean {
  const part = mistyped.replace(/^-+/, '')
  return part.length > 2 && mistyped !== name && `${name}-`.includes(`-${part}-`)
}

/** How many letters are the same at the beginning of two names. */
function sharedStart(one: string, other: string): number {
  const differs = [...one].findIndex((letter, index) => letter !== other[index])
  return differs === -1 ? one.length : differs
}

/** How many letters may differ; two swapped letters count as two. */
function tolerance(length: number): number {
  return length < 4 ? 1 : Math.max(2, Math.floor(length / 3))
}
