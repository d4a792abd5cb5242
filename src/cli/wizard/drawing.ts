/**
 * Prompts of inquirer, in ASCII: a serial console shows what it is told to show. What the library
 * leaves open is settled here: Ctrl-D would leave a prompt that nobody can answer any more, and so
 * would coming back from Ctrl-Z.
 */
import { styleText } from 'node:util'
import input from '@inquirer/input'
import password from '@inquirer/password'
import select from '@inquirer/select'
import { type Choice, type Question, stoppedByPerson, type Terminal } from './terminal.ts'

const theme = {
  prefix: { idle: '?', done: ' ' },
  spinner: { interval: 80, frames: ['-', '\\', '|', '/'] },
}
const selectTheme = {
  ...theme,
  icon: { cursor: '>' },
  style: { keysHelpTip: () => '  up and down to move, enter to choose' },
}

/** Lines for the question and what is said below the choices. */
const linesBesides = 4
const fewestChoices = 3

/** As many choices as the screen holds beside the question. */
function pageSize(): number {
  return Math.max((process.stdout.rows || 24) - linesBesides, fewestChoices)
}

export class DrawingTerminal implements Terminal {
  readonly #signal: AbortSignal

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  say(text: string): void {
    process.stdout.write(`${text}\n`)
  }

  ask({ message, fallback, source, refuse }: Question): Promise<string> {
    const validate = (text: string) => refuse(text) ?? true
    const offer = (text: string) => styleText('dim', source ? `(${text}, ${source})` : `(${text})`)
    const inputTheme = { ...theme, style: { defaultAnswer: offer } }
    const given = fallback ? { default: fallback } : {}
    return this.#settle((context) => input({ message, theme: inputTheme, validate, ...given }, context))
  }

  askSecret({ message, refuse }: Pick<Question, 'message' | 'refuse'>): Promise<string> {
    const validate = (text: string) => refuse(text) ?? true
    return this.#settle((context) => password({ message, theme, validate, mask: true, toggleMask: false }, context))
  }

  choose<T>(message: string, choices: readonly Choice<T>[], start?: T): Promise<T> {
    const given = start === undefined ? {} : { default: start }
    const config = { message, choices: [...choices], theme: selectTheme, pageSize: pageSize(), loop: false, ...given }
    return this.#settle((context) => select(config, context))
  }

  /**
   * Asks until there is an answer. Ctrl-D ends the work as Ctrl-C does; whoever comes back from Ctrl-Z
   * finds the question drawn anew. Errors of the library become ours.
   */
  async #settle<T>(prompt: (context: { signal: AbortSignal }) => Promise<T>): Promise<T> {
    for (;;) {
      using keys = watchKeys()
      try {
        return await prompt({ signal: AbortSignal.any([this.#signal, keys.signal]) })
      } catch (error) {
        if (!(error instanceof Error)) throw error
        if (error.name === 'ExitPromptError') throw stoppedByPerson()
        if (error.name !== 'AbortPromptError') throw error
        this.#signal.throwIfAborted()
        if (keys.signal.reason !== resumed) throw keys.signal.reason
      }
    }
  }
}

const resumed = 'resumed'

/** Aborts for Ctrl-D, and with `resumed` for SIGCONT; until disposed. */
function watchKeys(): Disposable & { signal: AbortSignal } {
  const { stdin } = process
  const controller = new AbortController()
  const onResume = () => controller.abort(resumed)
  // With text before the cursor Ctrl-D is a key like others; without, readline has closed and paused by now.
  const onKey = (_text: string, key: { ctrl?: boolean; name?: string }) => {
    if (key.ctrl && key.name === 'd' && stdin.isPaused()) controller.abort(stoppedByPerson())
  }
  process.on('SIGCONT', onResume)
  // After readline's own listener, which a prompt sets at once.
  queueMicrotask(() => stdin.on('keypress', onKey))
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      process.off('SIGCONT', onResume)
      stdin.off('keypress', onKey)
    },
  }
}
