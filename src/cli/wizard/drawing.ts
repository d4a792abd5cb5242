/**
 * Prompts of inquirer, in ASCII: a serial console shows what it is told to show. What the library
 * leaves open is settled here: Ctrl-D would leave a prompt that nobody can answer any more, and so
 * would coming back from Ctrl-Z.
 */
import { styleText } from 'node:util'
import input from '@inquirer/input'
import password from '@inquirer/password'
import select from '@inquirer/select'
import { usualColumns } from '../../text/wrap.ts'
import { Canvas, Keyboard } from './keyboard.ts'
import { dropTypedAhead } from './paste.ts'
import { type Choice, nameOf, type Question, stoppedByPerson, type Terminal } from './terminal.ts'

const theme = {
  prefix: { idle: '?', done: ' ' },
  spinner: { interval: 80, frames: ['-', '\\', '|', '/'] },
}
const selectTheme = {
  ...theme,
  icon: { cursor: '>' },
  style: { keysHelpTip: () => '  up and down to move, enter to choose' },
}

/** Of the icon and the space behind it. */
const cursorWidth = 2
/** Lines for the question and what is said below the choices. */
const linesBesides = 4
const fewestChoices = 3

/** As many choices as the screen holds beside the question. */
function pageSize(): number {
  return Math.max((process.stdout.rows || 24) - linesBesides, fewestChoices)
}

export class DrawingTerminal implements Terminal {
  readonly #signal: AbortSignal
  #hasAsked = false

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
    return this.#settle((context) => {
      const columns = process.stdout.columns || usualColumns
      const shown = choices.map((choice) => ({ ...choice, name: nameOf(choice, columns, cursorWidth) }))
      const looks = { theme: selectTheme, pageSize: pageSize(), loop: false }
      return select({ message, choices: shown, ...looks, ...given }, context)
    }, 'at once')
  }

  /**
   * Asks until there is an answer. Ctrl-D ends the work as Ctrl-C does. Whoever comes back from Ctrl-Z, or gives the
   * window another size, finds the question drawn anew, with what was typed. Errors of the library become ours.
   * @param first how it is asked where it is the first question: a choice does nothing by itself, and a person who
   * begins should not wait for it
   */
  async #settle<T>(
    prompt: (context: PromptContext) => Promise<T>,
    first: 'after a silence' | 'at once' = 'after a silence',
  ): Promise<T> {
    if (this.#hasAsked || first === 'after a silence') await dropTypedAhead(this.#signal)
    this.#hasAsked = true
    let typed: readonly string[] = []
    for (;;) {
      using keyboard = new Keyboard(typed)
      using watched = watch(keyboard)
      const { canvas, context } = watched
      const signal = AbortSignal.any([this.#signal, watched.signal])
      const answer = prompt(Object.assign(context, { signal }))
      watched.begin()
      void keyboard.begin()
      try {
        return await answer
      } catch (error) {
        if (!(error instanceof Error)) throw error
        if (error.name === 'ExitPromptError') throw stoppedByPerson()
        if (error.name !== 'AbortPromptError') throw error
        this.#signal.throwIfAborted()
        const { reason } = watched.signal
        if (reason !== resumed && reason !== resized) throw reason
        if (reason === resized) canvas.eraseRest()
        typed = keyboard.typed
      }
    }
  }
}

/** What the library is told besides the question. */
interface PromptContext {
  input: Keyboard
  output: Canvas
  signal: AbortSignal
  clearPromptOnDone: boolean
}

const resumed = 'resumed'
const resized = 'resized'

interface PromptWatch extends Disposable {
  signal: AbortSignal
  canvas: Canvas
  context: Omit<PromptContext, 'signal'>
  /** To be called when the prompt listens to the keyboard. */
  begin(): void
}

/** Aborts for Ctrl-D, with `resumed` for SIGCONT, and with `resized` for SIGWINCH; until disposed. */
function watch(keyboard: Keyboard): PromptWatch {
  const { stdout } = process
  const controller = new AbortController()
  const canvas = new Canvas()
  const context = { input: keyboard, output: canvas, clearPromptOnDone: false }
  const onResume = () => controller.abort(resumed)
  const onResize = () => {
    context.clearPromptOnDone = true
    controller.abort(resized)
  }
  // With text before the cursor Ctrl-D is a key like others; without, readline has closed and paused by now.
  const onKey = (_text: string, key: { ctrl?: boolean; name?: string }) => {
    if (key.ctrl && key.name === 'd' && keyboard.isPaused()) controller.abort(stoppedByPerson())
  }
  process.on('SIGCONT', onResume)
  stdout.on('resize', onResize)
  return {
    signal: controller.signal,
    canvas,
    context,
    begin: () => void keyboard.on('keypress', onKey),
    [Symbol.dispose]() {
      process.off('SIGCONT', onResume)
      stdout.off('resize', onResize)
    },
  }
}
