/** Whether somebody is there to be asked, and the way to ask them. */
import { KnownError } from '../../errors.ts'
import { standardOutput } from '../../host/output/output.ts'
import type { Terminal } from '../wizard/terminal.ts'
import type { SetupFlags } from './request.ts'
import type { RunPresentation } from './run-and-report.ts'

/** Questions are for a person at a terminal who did not say otherwise. */
export function mayAsk(flags: SetupFlags, { format }: RunPresentation): boolean {
  // Nobody sits at the console of an image that is being made.
  if (flags.isSet('for-image')) return false
  return (
    !flags.isSet('non-interactive') && format === 'text' && standardOutput.terminal !== undefined && process.stdin.isTTY
  )
}

/**
 * For what destroys, where nothing else is consent.
 * @param what completes "… only with consent", such as `the key goes`
 * @throws KnownError `usage` where nobody can be asked
 */
export function requireSomebodyToAsk(flags: SetupFlags, show: RunPresentation, what: string): void {
  if (mayAsk(flags, show)) return
  const hint = 'look at what it would do with --check, then give --yes'
  throw new KnownError('usage', `${what} only with consent, and nobody can be asked here`, hint)
}

export async function openTerminal(signal: AbortSignal, color: boolean): Promise<Terminal> {
  const wizard = await import('../wizard/open-terminal.ts')
  return wizard.openTerminal(signal, color)
}
