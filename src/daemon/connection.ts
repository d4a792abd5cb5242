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

/** Bytes that are answered in one turn of the event loop: well below a millisecond of work. */
const answersPerTurn = 64 * 1024
/** So much Node reads of a socket at a time, and goes on at once where there is more. */
const chunkBytes = 64 * 1024

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
  /** Makes known that a client is closed, and why, to complete a sentence that begins with its address. */
  refuse(source: string, reason: string): void
}

export class Connection {
  readonly socket: Socket
  readonly #source: string
  readonly #isLoopback: boolean
  readonly #service: Service
  /** Received and not yet answered, a byte a character. */
  #input = ''
  #heldBytes = 0
  #deadline: number
  #lateness = 'sent no command in time'
  #isEnding = false

  /** @param source its plain address */
  constructor(socket: Socket, source: string, isLoopback: boolean, service: Service) {
    this.socket = socket
    this.#source = source
    this.#isLoopback = isLoopback
    this.#service = service
    this.#deadline = service.now + service.limits.firstLineMs
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('drain', () => this.#work(false))
    socket.on('end', () => this.end())
    socket.on('error', ignoreError)
    socket.on('close', () => this.#hold(0))
  }

  /** Closes the client if it is too late with what it has to do. */
  checkDeadline(): void {
    if (this.#service.now < this.#deadline) return
    if (!this.socket.writableEnded) this.#service.refuse(this.#source, this.#lateness)
    this.socket.destroy()
  }

  /** Answers what was received, then closes. */
  end(): void {
    this.#isEnding = true
    if (!this.socket.isPaused()) this.#close()
  }

  #receive(chunk: Buffer): void {
    if (this.socket.writableEnded) return
    this.#input += chunk.toString('latin1')
    this.#work(chunk.length >= chunkBytes)
  }

  /**
   * Answers as many lines as a turn has room for, then reads on, or waits for the reader or the next turn.
   * @param isAhead the client has sent more than we have read
   */
  #work(isAhead: boolean): void {
    if (this.socket.writableEnded) return
    const { answers, rest, refusal, hasLines } = this.#answerLines(this.#input)
    const isRead = answers === '' || this.socket.write(answers)
    if (answers !== '') this.#expect('was idle', this.#service.limits.idleMs)
    this.#input = rest
    const lack = this.#hold(rest.length + (isRead ? 0 : this.socket.writableLength))
    const reason = refusal ?? lack
    if (reason !== undefined) this.#refuse(reason)
    else if (!isRead) this.#waitForReader()
    else if (isAhead || hasLines) this.#waitForTurn()
    else if (this.#isEnding) this.#close()
    else if (this.socket.isPaused()) this.socket.resume()
  }

  #answerLines(text: string): Answers {
    let answers = ''
    let start = 0
    while (answers.length < answersPerTurn) {
      const end = text.indexOf('\n', start) + 1
      if (end === 0) {
        const rest = start === 0 ? text : copyOf(text.slice(start))
        const isTooLong = rest.length > this.#service.limits.lineBytes
        return { answers, rest, refusal: isTooLong ? tooLong : undefined, hasLines: false }
      }
      const line = text.slice(start, end)
      const command = this.#find(line)
      if (command === undefined) return { answers, rest: '', refusal: this.#explain(line), hasLines: false }
      const answer = `${command.answer(this.#service.subject)}\n`
      // Whoever sends many lines at once sends the same: within a turn they have the same answer.
      const most = Math.ceil((answersPerTurn - answers.length) / answer.length)
      let count = 1
      while (count < most && text.startsWith(line, start + count * line.length)) count += 1
      answers += answer.repeat(count)
      this.#service.answered += count
      start += count * line.length
    }
    return { answers, rest: text.slice(start), refusal: undefined, hasLines: true }
  }

  /** The command that a line is, and nothing else. */
  #find(line: string): Command | undefined {
    const command = commands.get(withoutEnd(line))
    return command?.from === 'loopback' && !this.#isLoopback ? undefined : command
  }

  /** Why a line is no command. */
  #explain(line: string): string {
    if (withoutEnd(line).length > this.#service.limits.lineBytes) return tooLong
    return isUtf8(Buffer.from(line, 'latin1')) ? 'sent an unknown command' : 'sent what is not UTF-8'
  }

  #waitForTurn(): void {
    this.socket.pause()
    setImmediate(() => this.#work(false))
  }

  #waitForReader(): void {
    this.socket.pause()
    this.#expect('does not read', this.#service.limits.writeMs)
  }

  #expect(lateness: string, limitMs: number): void {
    this.#lateness = lateness
    this.#deadline = this.#service.now + limitMs
  }

  /** @returns why it cannot be held, where all clients together make us hold too much */
  #hold(bytes: number): string | undefined {
    const more = bytes - this.#heldBytes
    this.#heldBytes = bytes
    this.#service.heldBytes += more
    const isTooMuch = more > 0 && this.#service.heldBytes > this.#service.limits.heldBytes
    return isTooMuch ? 'left too much unread' : undefined
  }

  #refuse(reason: string): void {
    this.#service.refuse(this.#source, reason)
    this.#close()
  }

  /** What was answered is sent for as long as a reader may take. */
  #close(): void {
    this.#input = ''
    this.#expect('does not read', this.#service.limits.writeMs)
    this.socket.destroySoon()
  }
}

/** What a turn makes of what was received. */
interface Answers {
  answers: string
  /** What comes after the answered lines. */
  rest: string
  /** Why the client is to be closed. */
  refusal: string | undefined
  /** The rest has whole lines for the next turn. */
  hasLines: boolean
}

const tooLong = 'sent a line that is too long'

function withoutEnd(line: string): string {
  return line.slice(0, line.endsWith('\r\n') ? -2 : -1)
}

/** The same text in memory of its own: a slice would hold the whole chunk that it is of. */
function copyOf(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

/** A connection that breaks is closed by Node, and that is all there is to do. */
function ignoreError(): void {}
