import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import { programFile } from './programs.ts'

/** Longer than anything takes on a busy machine; a question that never comes is a failure, not a hang. */
const patienceMs = 30_000
/** A question that is drawn whole is followed by nothing for so long. */
const quietMs = 100

/** Both numbers at once, as a window does it: stty(1) sets one after the other. The kernel then sends SIGWINCH. */
const setSize = `
import fcntl, os, struct, sys, termios
terminal = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', int(sys.argv[2]), int(sys.argv[3]), 0, 0))
`

/** Characters and lines. */
export interface Size {
  columns: number
  rows: number
}

/** A program, ours if none is named, in a pseudo-terminal made by script(1); the test is the person. */
export class Console implements AsyncDisposable {
  /** All that the terminal was sent. */
  raw = ''
  /** The same in pieces, and each new size at its place between them. */
  readonly shown: (string | Size)[] = []
  readonly #child: ChildProcess
  readonly #ended: Promise<number | null>
  #seen = 0
  #tell = () => {}

  constructor(
    args: readonly string[],
    env: Record<string, string> = {},
    command = ourCommand(),
    { columns, rows }: Size = { columns: 80, rows: 24 },
  ) {
    const words = [...command, ...args].map((word) => `'${word}'`).join(' ')
    this.#child = spawn('script', ['-qfec', `stty rows ${rows} cols ${columns}; exec ${words}`, '/dev/null'], {
      env: { PATH: process.env.PATH ?? '', TERM: 'vt220', SHELL: '/bin/sh', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (text) => {
      this.raw += text
      this.shown.push(text)
      this.#tell()
    })
    this.#ended = new Promise((resolve) => this.#child.once('close', resolve))
    void this.#ended.then(() => this.#tell())
  }

  /** What a person can read, without what moves the cursor. */
  get text(): string {
    return stripVTControlCharacters(this.raw).replaceAll('\r', '')
  }

  /**
   * Waits until the terminal shows a text that it has not shown before, and types an answer: not before the
   * question is drawn whole, since a prompt listens for keys only then, and a person is slower than that.
   */
  async answer(question: RegExp, keys: string): Promise<void> {
    await this.until(question)
    await this.quiet()
    this.#child.stdin?.write(keys)
  }

  /** Types at once, as a terminal does that pastes. */
  type(keys: string): void {
    this.#child.stdin?.write(keys)
  }

  /** Until nothing more is drawn. */
  async quiet(): Promise<void> {
    for (let before = -1; before !== this.raw.length; await sleep(quietMs)) before = this.raw.length
  }

  /** The window gets another size, and SIGWINCH tells the program. What was drawn before is of the old one. */
  async resize(size: Size): Promise<void> {
    await this.quiet()
    execFileSync('python3', ['-c', setSize, `/proc/${this.programPid}/fd/0`, String(size.rows), String(size.columns)])
    this.shown.push(size)
  }

  async until(expected: RegExp): Promise<void> {
    for (;;) {
      const found = expected.exec(this.text.slice(this.#seen))
      if (found) {
        this.#seen += found.index + found[0].length
        return
      }
      if (this.#child.exitCode !== null) throw new Error(`ended before ${expected}:\n${this.text}`)
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const timer = setTimeout(() => reject(new Error(`never shown: ${expected}\n${this.text}`)), patienceMs)
      this.#tell = resolve
      await promise.finally(() => clearTimeout(timer))
    }
  }

  /** Of script(1), whose child our program is. */
  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Of our program, the one child of script(1). */
  get programPid(): number {
    return Number(readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'latin1').trim())
  }

  /** The terminal goes away, as when a connection is cut. */
  hangUp(): void {
    this.#child.kill('SIGKILL')
  }

  /** The exit code of the program. */
  async ended(): Promise<number | null> {
    return this.#ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM')
    await this.#ended
  }
}

function ourCommand(): string[] {
  return [process.execPath, programFile('frameworkd-setup')]
}

export const enter = '\r'
export const down = '\u001b[B'
export const ctrlC = '\u0003'
export const ctrlD = '\u0004'
export const ctrlZ = '\u001a'

/** As a terminal sends what is pasted where it was asked to mark it (DECSET 2004). */
export function marked(text: string): string {
  return `\u001b[200~${text}\u001b[201~`
}
