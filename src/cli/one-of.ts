import { KnownError } from '../errors.ts'
import type { ParsedFlags } from './flags.ts'

/** A flag whose value is one of a few words. @throws KnownError `usage` for another */
export function readOneOf<const T extends string>(
  flags: ParsedFlags,
  name: string,
  known: readonly T[],
): T | undefined {
  const text = flags.text(name)
  const found = known.find((one) => one === text)
  if (text === undefined || found !== undefined) return found
  throw new KnownError('usage', `--${name}: ${JSON.stringify(text)} is not one of ${known.join(', ')}`, 'see --help')
}

export function readFormat(flags: ParsedFlags): 'text' | 'json' {
  return readOneOf(flags, 'output', ['text', 'json']) ?? 'text'
}
