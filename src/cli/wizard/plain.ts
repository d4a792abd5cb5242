/** Questions as plain lines, for a terminal that cannot move its cursor (TERM=dumb). */
import { createInterface } from 'node:readline'
import { usualColumns } from '../../text/wrap.ts'
import { dropTypedAhead, PasteFilter } from './paste.ts'
import { type Choice, nameOf, type Question, stoppedByPerson, type Terminal } from './terminal.ts'

const enter = ['\r', '\n']
const endOfInput = '\u0004'
const interrupt = '\u0003'
const backspace = ['\b', '\u007f']
const eraseLine = '\u0015'

export class PlainTerminal implements Terminal {
  readonly #signal: AbortSignal

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  say(text: string): void {
    process.stdout.write(`${text}\n`)
  }

  async ask({ message, fallback, source, refuse }: Question): Promise<string> {
    const offer = fallback ? ` (${fallback}${source ? `, ${source}` : ''})` : ''
    for (;;) {
      const typed = await this.#readLine(`${message}${offer} `)
      const answer = typed === '' ? (fallback ?? '') : typed
      const problem = refuse(answer)
      if (problem === undefined) return answer
      this.say(`> ${problem}`)
    }
  }

  async askSecret({ message, refuse }: Pick<Question, 'message' | 'refuse'>): Promise<string> {
    for (;;) {
      const answer = await this.#readHidden(`${message} `)
      const problem = refuse(answer)
      if (problem === undefined) return answer
      this.say(`> ${problem}`)
    }
  }

  async choose<T>(message: string, choices: readonly Choice<T>[], start?: T): Promise<T> {
    this.say(message)
    const columns = process.stdout.columns || usualColumns
    for (const [index, choice] of choices.entries()) {
      const number = `${String(index + 1).padStart(3)}  `
      this.say(`${number}${nameOf(choice, columns, number.length)}`)
    }
    const first = Math.max(
      0,
      choices.findIndex(({ value }) => value === start),
    )
    const refuse = (text: string) =>
      choices[Number(text) - 1] ? undefined : `a number from 1 to ${choices.length} is needed`
    const number = await this.ask({ message: 'number', fallback: String(first + 1), refuse })
    return (choices[Number(number) - 1] as Choice<T>).value
  }

  /** The terminal itself echoes and edits the line; Ctrl-C is a signal. */
  async #readLine(prompt: string): Promise<string> {
    const { stdin, stdout } = process
    // It would be read line by line, each as an answer of its own.
    await dropTypedAhead(this.#signal)
    const reader = createInterface({ input: stdin, output: stdout, terminal: false })
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const abort = () => reject(this.#signal.reason)
    this.#signal.addEventListener('abort', abort, { once: true })
    if (this.#signal.aborted) abort()
    reader.question(prompt, (line) => resolve(new PasteFilter().take(line)))
    reader.once('close', () => reject(stoppedByPerson()))
    try {
      return await promise
    } catch (error) {
      // What is said next begins a line of its own.
      stdout.write('\n')
      throw error
    } finally {
      this.#signal.removeEventListener('abort', abort)
      reader.close()
    }
  }

  /** Character by character: only so does the terminal echo nothing. */
  async #readHidden(prompt: string): Promise<string> {
    const { stdin, stdout } = process
    await dropTypedAhead(this.#signal)
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const abort = () => reject(this.#signal.reason)
    const decoder = new TextDecoder()
    const filter = new PasteFilter()
    let typed: string[] = []
    const take = (data: Buffer) => {
      for (const character of filter.take(decoder.decode(data, { stream: true }))) {
        if (enter.includes(character)) {
          // What was typed leaves a trace in its line.
          stdout.write('*'.repeat(typed.length))
          return resolve(typed.join(''))
        }
        if (character === interrupt || character === endOfInput) return reject(stoppedByPerson())
        if (character === eraseLine) typed = []
        else if (backspace.includes(character)) typed.pop()
        // Other keys of control are no part of a password that anybody can see to type.
        else if (!/\p{Cc}/u.test(character)) typed.push(character)
      }
    }
    // Before the prompt: what is typed at the sight of it is not echoed.
    stdin.setRawMode(true)
    stdout.write(prompt)
    stdin.on('data', take).resume()
    this.#signal.addEventListener('abort', abort, { once: true })
    if (this.#signal.aborted) abort()
    try {
      return await promise
    } finally {
      this.#signal.removeEventListener('abort', abort)
      stdin.off('data', take).pause()
      stdin.setRawMode(false)
      stdout.write('\n')
    }
  }
}
