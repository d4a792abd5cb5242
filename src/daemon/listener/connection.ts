/**
 * One client: one command a line, UTF-8, LF or CRLF. A client that sends something else, sends nothing, or
 * does not read its answers is closed; what it sent is never echoed or logged.
 *
 * No client keeps the daemon to itself: only a limited number of its lines is answered before the other
 * clients have their turn, and nothing more is read from it until it has its answers and has read them.
 */
import { isUtf8 } from 'node:buffer'
import type { Socket } from 'node:net'
import type { Client, Command, Subject } from './commands/command.ts'
import { findCommand } from './commands/table.ts'
import type { Limits } from './limits.ts'

/** Bytes that are answered in one turn of the event loop: well below a millisecond of work. */
const answersPerTurn = 64 * 1024
/**
 * Bytes that are decoded, and written, at a time. The kernel takes a piece this small at once, so Node does not copy
 * it.
 */
const pieceBytes = 16 * 1024
/** Node reads up to this much from a socket at a time, and reads again at once where there is more. */
const chunkBytes = 64 * 1024

/** What all connections of a listener have in common. */
export interface Service {
  readonly limits: Limits
  readonly subject: Subject
  /** Milliseconds of a monotonic clock, updated about once a second. */
  readonly now: number
  /** Commands that were answered. */
  answered: number
  /** Logs that a client is closed. @param reason completes a sentence that begins with the client's address */
  refuse(source: string, reason: string): void
  /** Counts the bytes that a client makes us hold from now on (Limits.heldBytes). */
  hold(connection: Connection, bytes: number): void
}

export class Connection implements Client {
  readonly socket: Socket
  readonly source: string
  readonly #isLoopback: boolean
  readonly #service: Service
  /** Received and not yet answered, as a byte text. */
  #text = ''
  /** `#text` holds whole lines. */
  #hasLines = false
  /** What has to come before more is read: our next turn, or the client reading its answers. */
  #waitsFor: 'turn' | 'reader' | undefined
  #heldBytes = 0
  #deadline: number
  #lateness = 'sent no command in time'
  #isEnding = false
  #idleMs: number

  /** Called at each answer: a busy client keeps its slot. */
  onBusy = () => {}

  /** @param source its plain address */
  constructor(socket: Socket, source: string, isLoopback: boolean, service: Service) {
    this.socket = socket
    this.source = source
    this.#isLoopback = isLoopback
    this.#service = service
    this.#deadline = service.now + service.limits.firstLineMs
    this.#idleMs = service.limits.idleMs
    socket.on('data', (chunk: Buffer) => this.#work(chunk))
    socket.on('drain', () => this.#goOn('reader'))
    socket.on('end', () => this.end())
    socket.on('error', ignoreError)
    socket.on('close', () => {
      this.#hold(0)
      service.subject.agents.leave(this, source)
    })
  }

  /** Closes the client if its deadline has passed. */
  checkDeadline(): void {
    if (this.#heldBytes > 0) this.#count()
    if (this.#service.now >= this.#deadline) this.giveUp(this.#lateness)
  }

  /** Closes the client at once; answers that it has not read are dropped. */
  giveUp(reason: string): void {
    if (!this.socket.writableEnded) this.#service.refuse(this.source, reason)
    this.#text = ''
    this.#hold(0)
    this.socket.destroy()
  }

  becomeAgent(): void {
    this.#idleMs = this.#service.limits.agentIdleMs
  }

  /** Answers what was received, then closes. */
  end(): void {
    this.#isEnding = true
    if (!this.socket.isPaused()) this.#close()
  }

  /**
   * Answers as many lines as fit in a turn. Then it reads on, or waits for the client to read, or for the next turn.
   * Bytes that were not decoded go back to the socket, which reads no further while it has them.
   */
  #work(chunk: Buffer): void {
    if (this.socket.writableEnded) return
    const { done, refusal } = this.#answerTurn(chunk)
    if (refusal !== undefined) {
      this.#refuse(refusal)
      return
    }
    if (this.#isBehind) this.#wait('reader')
    else if (this.#hasLines || done < chunk.length || chunk.length >= chunkBytes) this.#wait('turn')
    if (done < chunk.length) this.socket.unshift(chunk.subarray(done))
    else if (this.#isEnding && !this.#waitsFor && this.socket.readableLength === 0) this.#close()
    this.#count()
  }

  #wait(what: 'turn' | 'reader'): void {
    this.#waitsFor = what
    this.socket.pause()
    if (what === 'turn') setImmediate(() => this.#goOn('turn'))
    else this.#expect('does not read', this.#service.limits.writeMs)
  }

  /** Goes on where this is what was waited for. */
  #goOn(what: 'turn' | 'reader'): void {
    if (this.#waitsFor !== what) return
    this.#waitsFor = undefined
    this.#work(nothing)
    if (!this.#waitsFor) this.socket.resume()
  }

  /** @returns how much of the chunk was decoded, and why the client is to be closed */
  #answerTurn(chunk: Buffer): { done: number; refusal: string | undefined } {
    let done = 0
    for (let bytes = 0; bytes < answersPerTurn && !this.#isBehind; ) {
      if (!this.#hasLines) {
        if (done === chunk.length) break
        this.#text += chunk.toString('latin1', done, done + pieceBytes)
        done = Math.min(chunk.length, done + pieceBytes)
      }
      const { answers, refusal } = this.#answerLines(this.#text)
      if (answers !== '') this.#send(answers)
      if (refusal !== undefined) return { done, refusal }
      bytes += answers.length
    }
    return { done, refusal: undefined }
  }

  /** Answers lines, up to about pieceBytes of answers; the other lines are answered later. */
  #answerLines(text: string): { answers: string; refusal: string | undefined } {
    let answers = ''
    let start = 0
    this.#hasLines = true
    while (answers.length < pieceBytes) {
      const end = text.indexOf('\n', start) + 1
      if (end === 0) {
        this.#hasLines = false
        this.#text = copyOf(text, start)
        const isTooLong = this.#text.length > this.#service.limits.lineBytes
        return { answers, refusal: isTooLong ? tooLong : undefined }
      }
      const line = text.slice(start, end)
      const command = this.#find(line)
      if (command === undefined) return { answers, refusal: this.#explain(line) }
      const told = command.answer(this.#service.subject, withoutEnd(line), this)
      this.#expect('was idle', this.#idleMs)
      if (told === undefined) {
        this.#service.answered += 1
        start += line.length
        continue
      }
      const answer = `${told}\n`
      // Many lines at once are mostly the same line, and within a turn equal lines have equal answers.
      const most = Math.ceil((pieceBytes - answers.length) / answer.length)
      let count = 1
      while (count < most && text.startsWith(line, start + count * line.length)) count += 1
      answers += answer.repeat(count)
      this.#service.answered += count
      start += count * line.length
    }
    this.#text = text.slice(start)
    return { answers, refusal: undefined }
  }

  #send(answers: string): void {
    this.socket.write(answers, 'latin1')
    this.onBusy()
  }

  /** The client has not read its answers yet; event `drain` tells when it has. */
  get #isBehind(): boolean {
    return this.socket.writableNeedDrain && this.socket.writableLength > 0
  }

  /** The command of a line; undefined for any other line, and for a command that this client may not send. */
  #find(line: string): Command | undefined {
    const text = withoutEnd(line)
    if (text.length > this.#service.limits.lineBytes) return undefined
    const command = findCommand(text)
    return command?.from === 'loopback' && !this.#isLoopback ? undefined : command
  }

  /** Why a line is no command. */
  #explain(line: string): string {
    if (withoutEnd(line).length > this.#service.limits.lineBytes) return tooLong
    return isUtf8(Buffer.from(line, 'latin1')) ? 'sent an unknown command' : 'sent what is not UTF-8'
  }

  #expect(lateness: string, limitMs: number): void {
    this.#lateness = lateness
    this.#deadline = this.#service.now + limitMs
  }

  #count(): void {
    this.#hold(this.#text.length + this.socket.readableLength + this.socket.writableLength)
  }

  #hold(bytes: number): void {
    if (bytes === this.#heldBytes) return
    this.#heldBytes = bytes
    this.#service.hold(this, bytes)
  }

  #refuse(reason: string): void {
    this.#service.refuse(this.source, reason)
    this.#close()
  }

  /** Closes the client when it has read its answers, or after the time limit for that. */
  #close(): void {
    this.#text = ''
    this.#expect('does not read', this.#service.limits.writeMs)
    this.socket.destroySoon()
  }
}

const nothing = Buffer.alloc(0)

const tooLong = 'sent a line that is too long'

function withoutEnd(line: string): string {
  return line.slice(0, line.endsWith('\r\n') ? -2 : -1)
}

/** Copies the end of a text: a slice would keep the whole text in memory. */
function copyOf(text: string, start: number): string {
  if (start === 0 || start === text.length) return start === 0 ? text : ''
  return Buffer.from(text.slice(start), 'latin1').toString('latin1')
}

/** Node closes a connection that breaks; nothing else has to be done. */
function ignoreError(): void {}
