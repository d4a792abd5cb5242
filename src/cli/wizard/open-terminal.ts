import { KnownError } from '../../errors.ts'
import { printable } from '../../text/printable.ts'
import { type Choice, type Question, stoppedByPerson, type Terminal } from './terminal.ts'

/** The terminal that standard input and output are. */
export async function openTerminal(signal: AbortSignal, color: boolean): Promise<Terminal> {
  const gone = new AbortController()
  const isDumb = process.env.TERM === 'dumb'
  const onGone = () => gone.abort(new KnownError('terminated', 'the terminal has gone, nothing was changed', ''))
  // A terminal that edits its lines itself makes an end of Ctrl-D; one that has gone sends SIGHUP besides.
  const onEnd = isDumb ? () => gone.abort(stoppedByPerson()) : onGone
  process.stdin.on('end', onEnd).on('error', onGone)
  return withPrintableTexts(await open(isDumb, color, AbortSignal.any([signal, gone.signal])))
}

async function open(isDumb: boolean, color: boolean, signal: AbortSignal): Promise<Terminal> {
  if (isDumb) {
    const { PlainTerminal } = await import('./plain.ts')
    return new PlainTerminal(signal)
  }
  // What the prompts draw with looks at this variable, and at nothing else that we could set.
  if (!color) process.env.NO_COLOR = '1'
  const { DrawingTerminal } = await import('./drawing.ts')
  return new DrawingTerminal(signal)
}

function printableName({ name }: Choice<unknown>): Choice<unknown>['name'] {
  return typeof name === 'string' ? printable(name) : (columns) => printable(name(columns))
}

/** What is drawn does not go through the gate of standard output: it is made of escape sequences. Its texts do. */
function withPrintableTexts(terminal: Terminal): Terminal {
  const because = (refuse: Question['refuse']) => (answer: string) => {
    const reason = refuse(answer)
    return reason === undefined ? undefined : printable(reason)
  }
  return {
    say: (text) => terminal.say(printable(text)),
    ask: ({ message, source, refuse, ...rest }) =>
      terminal.ask({
        ...rest,
        message: printable(message),
        refuse: because(refuse),
        ...(source !== undefined && { source: printable(source) }),
      }),
    askSecret: ({ message, refuse }) => terminal.askSecret({ message: printable(message), refuse: because(refuse) }),
    choose(message, choices, start) {
      const shown = choices.map((choice) => ({ ...choice, name: printableName(choice) }))
      return terminal.choose(printable(message), shown, start)
    },
  }
}
