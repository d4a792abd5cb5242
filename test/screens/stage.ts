/** Plays a screen in a look, and keeps what was to be seen, the same on each machine and each day. */
import { spawn } from 'node:child_process'
import { basename } from 'node:path'
import { Key } from '../../src/key/key.ts'
import { ended, type Program, programFile } from '../support/programs.ts'
import { Console } from '../support/pty.ts'
import { keyA, keyB, Sandbox } from '../support/sandbox.ts'
import { readScreenText } from '../support/screen.ts'
import type { Look } from './looks.ts'

/** What is typed at the sight of what. */
type Answers = readonly (readonly [question: RegExp, keys: string])[]

/** Of the two keys that tests know; all others are made by chance. */
const known = [keyA, keyB].map((text) => Key.parse(text)?.fingerprint)

export class Stage implements AsyncDisposable {
  readonly sandbox: Sandbox
  readonly #look: Look
  #shown = ''

  private constructor(sandbox: Sandbox, look: Look) {
    this.sandbox = sandbox
    this.#look = look
  }

  static async open(look: Look): Promise<Stage> {
    const sandbox = await Sandbox.create('sqlite')
    await sandbox.setRow('frameworkd_port', '40003')
    return new Stage(sandbox, look)
  }

  get isPipe(): boolean {
    return this.#look.isPipe === true
  }

  /** Everything that was shown so far. */
  get shown(): string {
    return this.#shown
  }

  /** Shows a command line and what comes of it. */
  async show(program: Program, args: readonly string[], answers: Answers = []): Promise<void> {
    const { raw, code } = this.isPipe ? await this.#pipe(program, args) : await this.#play(program, args, answers)
    // Before it is drawn: what is cut at the edge of the screen is not found any more.
    const same = this.#withoutChance(raw)
    const screen = this.isPipe ? same : await readScreenText(same, this.#look.size)
    const line = [program, ...args].filter((word) => word !== '--root' && word !== this.sandbox.root).join(' ')
    this.#shown += this.#withoutChance(`$ ${line}\n${screen}[exit code ${code}]\n\n`)
  }

  async #play(program: Program, args: readonly string[], answers: Answers) {
    const { env, size } = this.#look
    await using person = new Console(args, { ...env }, [process.execPath, programFile(program)], size)
    for (const [question, keys] of answers) await person.answer(question, keys)
    const code = await person.ended()
    return { raw: person.raw, code }
  }

  async #pipe(program: Program, args: readonly string[]) {
    const env = { PATH: process.env.PATH ?? '', ...this.#look.env }
    const child = spawn(process.execPath, [programFile(program), ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const { stdout, stderr, code } = await ended(child)
    return { raw: `${stdout}${stderr.replace(/^(?=.)/gm, '[stderr] ')}`, code }
  }

  /** What differs from run to run becomes something of the same length, so that lines break where they do. */
  #withoutChance(text: string): string {
    const { root } = this.sandbox
    return (
      text
        .replaceAll(basename(root), basename(root).replace(/[^-]*$/, 'SCREEN'))
        .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '2026-01-01T00:00:00.000Z')
        .replace(/\b[0-9a-f]{8}\b/g, (word) => (known.includes(word) ? word : '01234567'))
        // On a narrow screen the name of a file is broken, too.
        .replace(/\d{8}T\d{4}(\r?\n *)?\d\d\.\d{3}Z/g, (_time, cut = '') => `20260101T0000${cut}00.000Z`)
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.sandbox[Symbol.asyncDispose]()
  }
}
