/**
 * One client: a command a line, UTF-8, LF or CRLF. Whoever sends something else, or nothing, or
 * does not read, is closed; what was sent is never echoed or logged.
 *
 * No client takes the daemon for itself: of what one has sent, a bounded number of lines is answered
 * before all others have their turn, and nothing more is read from it until that is done and read.
 */
import { isUtf8 } from 'node:buffer'
import type { Socket } from 'node:net'
import type { Command, Subject } from './commands/command.ts'
import { commands } from './commands/table.ts'
import type { Limits } from './limits.ts'

/** What is answered in one turn of the event loop, well below a millisecond of work. */
const linesPerTurn = 2048
const answersPerTurn = 64 * 1024

/** What all connections of a listener have in common. */
export interface Service {
  readonly limits: Limits
  readonly subject: Subject
  /** Milliseconds of a clock that only goes forward; a second more or less is nothing here. */
  readonly now: number
  /** Bytes that all clients make us hold, see Limits. */
  heldBytes: number
  /** Commands that were answered. */
  answered: number
  /** A client is closed, and why; completes a sentence that begins with its address. */
  refuse(connection: Connection, reason: string): void
}

export class Connection {
  readonly socket: Socket
  readonly source: string
  readonly isLoopback: boolean
  readonly #service: Service
  /** Received and not yet answered. */
  #input: Buffer = nothing
  #heldBytes = 0
  #deadline: number
  #lateness = 'sent no command in time'
  #isEnding = false

  /** @param source its plain address */
  constructor(socket: Socket, source: string, isLoopback: boolean, service: Service) {
    this.socket = socket
    this.source = source
    this.isLoopback = isLoopback
    this.#service = service
    this.#deadline = service.now + service.limits.firstLineMs
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('drain', () => this.#work())
    socket.on('end', () => this.end())
    socket.on('error', ignoreError)
    socket.on('close', () => this.#hold(0))
  }

  /** Closes the client if it is too late with what it has to do. */
  checkDeadline(): void {
    if (this.#service.now < this.#deadline) return
    if (this.socket.writableEnded) this.socket.destroy()
    else this.#refuse(this.#lateness)
  }

  /** Answers what was received, then closes. */
  end(): void {
    this.#isEnding = true
    if (!this.socket.isPaused()) this.#close()
  }

  #receive(chunk: Buffer): void {
    if (this.socket.writableEnded) return
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk])
    this.#work()
  }

  /** Answers as many lines as a turn has room for, then reads on, or waits for its next turn or for the reader. */
  readonly #work = (): void => {
    if (this.socket.writableEnded) return
    const { answers, refusal } = this.#answerLines()
    const isRead = answers === '' || this.socket.write(answers)
    if (refusal !== undefined) this.#refuse(refusal)
    if (this.socket.writableEnded) return
    if (answers !== '') this.#expect('was idle', this.#service.limits.idleMs)
    this.#hold(this.#input.length + (isRead ? 0 : this.socket.writableLength))
    if (!isRead) this.#waitForReader()
    else if (this.#input.includes(newline)) this.#waitForTurn()
    else if (this.#isEnding) this.#close()
    else if (this.socket.isPaused()) this.socket.resume()
  }

  #answerLines(): { answers: string; refusal?: string } {
    const text = this.#input.toString('latin1')
    let answers = ''
    let start = 0
    for (let lines = 0; lines < linesPerTurn && answers.length < answersPerTurn; lines += 1) {
      const end = text.indexOf('\n', start)
      if (end === -1) break
      const command = this.#find(text.slice(start, text.charCodeAt(end - 1) === carriageReturn ? end - 1 : end))
      if (command === undefined) return { answers, refusal: this.#explain(start, end) }
      answers += `${command.answer(this.#service.subject)}\n`
      this.#service.answered += 1
      start = end + 1
    }
    this.#keep(start)
    return this.#input.length > this.#service.limits.lineBytes && !this.#input.includes(newline)
      ? { answers, refusal: 'sent a line that is too long' }
      : { answers }
  }

  #find(line: string): Command | undefined {
    const command = commands.get(line)
    return command?.from === 'loopback' && !this.isLoopback ? undefined : command
  }

  /** Why a line is no command. */
  #explain(start: number, end: number): string {
    if (end - start > this.#service.limits.lineBytes) return 'sent a line that is too long'
    return isUtf8(this.#input.subarray(start, end)) ? 'sent an unknown command' : 'sent what is not UTF-8'
  }

  /** Keeps what comes after the answered lines; of half a line a copy, so that no whole chunk is held for it. */
  #keep(start: number): void {
    const rest = this.#input.subarray(start)
    this.#input = rest.length === 0 ? nothing : rest.includes(newline) ? rest : Buffer.from(rest)
  }

  #waitForTurn(): void {
    this.socket.pause()
    setImmediate(this.#work)
  }

  /** Goes on at 'drain'. */
  #waitForReader(): void {
    this.socket.pause()
    this.#expect('does not read', this.#service.limits.writeMs)
  }

  #expect(lateness: string, limitMs: number): void {
    this.#lateness = lateness
    this.#deadline = this.#service.now + limitMs
  }

  #hold(bytes: number): void {
    this.#service.heldBytes += bytes - this.#heldBytes
    this.#heldBytes = bytes
    if (bytes > 0 && this.#service.heldBytes > this.#service.limits.heldBytes) this.#refuse('left too much unread')
  }

  #refuse(reason: string): void {
    if (this.socket.writableEnded) return
    this.#service.refuse(this, reason)
    this.#close()
  }

  /** What was answered is sent for as long as a reader may take. */
  #close(): void {
    this.#input = nothing
    this.#expect('does not read', this.#service.limits.writeMs)
    this.socket.destroySoon()
  }
}

const nothing = Buffer.alloc(0)
const newline = 10
const carriageReturn = 13

/** A connection that breaks is closed by Node, and that is all there is to do. */
function ignoreError(): void {}
