import { KnownError } from '../errors.ts'
import type { Terminal } from './wizard-terminal.ts'

/** The terminal that standard input and output are. */
export async function openTerminal(signal: AbortSignal, color: boolean): Promise<Terminal> {
  const gone = new AbortController()
  const onGone = () => gone.abort(new KnownError('terminated', 'the terminal has gone, nothing was changed', ''))
  process.stdin.on('end', onGone).on('error', onGone)
  const either = AbortSignal.any([signal, gone.signal])
  if (process.env.TERM === 'dumb') {
    const { PlainTerminal } = await import('./wizard-plain.ts')
    return new PlainTerminal(either)
  }
  // What the prompts draw with looks at this variable, and at nothing else that we could set.
  if (!color) process.env.NO_COLOR = '1'
  const { DrawingTerminal } = await import('./wizard-drawing.ts')
  return new DrawingTerminal(either)
}
