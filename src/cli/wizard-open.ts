import { KnownError } from '../errors.ts'
import { stoppedByPerson, type Terminal } from './wizard-terminal.ts'

/** The terminal that standard input and output are. */
export async function openTerminal(signal: AbortSignal, color: boolean): Promise<Terminal> {
  const gone = new AbortController()
  const isDumb = process.env.TERM === 'dumb'
  const onGone = () => gone.abort(new KnownError('terminated', 'the terminal has gone, nothing was changed', ''))
  // A terminal that edits its lines itself makes an end of Ctrl-D; one that has gone sends SIGHUP besides.
  const onEnd = isDumb ? () => gone.abort(stoppedByPerson()) : onGone
  process.stdin.on('end', onEnd).on('error', onGone)
  const either = AbortSignal.any([signal, gone.signal])
  if (isDumb) {
    const { PlainTerminal } = await import('./wizard-plain.ts')
    return new PlainTerminal(either)
  }
  // What the prompts draw with looks at this variable, and at nothing else that we could set.
  if (!color) process.env.NO_COLOR = '1'
  const { DrawingTerminal } = await import('./wizard-drawing.ts')
  return new DrawingTerminal(either)
}
