/** Prompts of inquirer, in ASCII: a serial console shows what it is told to show. */
import { styleText } from 'node:util'
import input from '@inquirer/input'
import password from '@inquirer/password'
import select from '@inquirer/select'
import { type Choice, type Question, stoppedByPerson, type Terminal } from './wizard-terminal.ts'

const theme = {
  prefix: { idle: '?', done: ' ' },
  spinner: { interval: 80, frames: ['-', '\\', '|', '/'] },
}
const selectTheme = {
  ...theme,
  icon: { cursor: '>' },
  style: { keysHelpTip: () => '  up and down to move, enter to choose' },
}
const passwordTheme = { ...theme, style: { maskedText: '' } }

/** As many choices as a screen of 24 lines holds beside the question. */
const pageSize = 18

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
    return this.#settle(input({ message, theme: inputTheme, validate, ...given }, this.#context))
  }

  askSecret({ message, refuse }: Pick<Question, 'message' | 'refuse'>): Promise<string> {
    const validate = (text: string) => refuse(text) ?? true
    return this.#settle(password({ message, theme: passwordTheme, validate, toggleMask: false }, this.#context))
  }

  choose<T>(message: string, choices: readonly Choice<T>[], start?: T): Promise<T> {
    const given = start === undefined ? {} : { default: start }
    return this.#settle(
      select({ message, choices: [...choices], theme: selectTheme, pageSize, loop: false, ...given }, this.#context),
    )
  }

  get #context() {
    return { signal: this.#signal }
  }

  /** Errors of the library as ours: Ctrl-C is its ExitPromptError, our signal its AbortPromptError. */
  async #settle<T>(prompt: Promise<T>): Promise<T> {
    try {
      return await prompt
    } catch (error) {
      if (!(error instanceof Error)) throw error
      if (error.name === 'AbortPromptError') throw this.#signal.reason
      if (error.name === 'ExitPromptError') throw stoppedByPerson()
      throw error
    }
  }
}
