/**
 * One client: a command a line, UTF-8, LF or CRLF. Whoever sends something else, or nothing, or
 * does not read, is closed; what was sent is never echoed or logged.
 *
 * No client takes the daemon for itself: of what one has sent, a bounded number of lines is answered
 * before all others have their turn, and nothing more is read from it until that is done and read.
 */
import { isUtf8 } from 'node:buffer'
import type { Socket } from 'node:net'
import type { Client, Command, Subject } from './commands/command.ts'
import { findCommand } from './commands/table.ts'
import type { Limits } from './limits.ts'

/** Bytes that are answered in one turn of the event loop: well below a millisecond of work. */
const answersPerTurn = 64 * 1024
/** Bytes that are decoded, and written, at a time: what the kernel takes at once of so few, Node does not copy. */
const pieceBytes = 16 * 1024
/** So much Node reads of a socket at a time, and goes on at once where there is more. */
const chunkBytes = 64 * 1024

/** What all connections of a listener have in common. */
export interface Service {
  readonly limits: Limits
  readonly subject: Subject
  /** Milliseconds of a clock that only goes forward; a second more or less is nothing here. */
  readonly now: number
  /** Commands that were answered. */
  answered: number
  /** Makes known that a client is closed, and why, to complete a sentence that begins with its address. */
  refuse(source: string, reason: string): void
  /** A client makes us hold so many bytes from now on, see Limits. */
  hold(connection: Connection, bytes: number): void
}

export class Connection implements Client {
  readonly socket: Socket
  readonly source: string
  readonly #isLoopback: boolean
  readonly #service: Service
  /** Decoded and not yet answered, a byte a character. */
  #text = ''
  /** There are whole lines in that. */
  #hasLines = false
  /** Nothing is read meanwhile. */
  #waitsFor: 'turn' | 'reader' | undefined
  #heldBytes = 0
  #deadline: number
  #lateness = 'sent no command in time'
  #isEnding = false
  #idleMs: number

  /** What is done at each answer: whoever is busy keeps its place. */
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

  /** Closes the client if it is too late with what it has to do. */
  checkDeadline(): void {
    if (this.#heldBytes > 0) this.#count()
    if (this.#service.now >= this.#deadline) this.giveUp(this.#lateness)
  }

  /** Closes the client at once: what it has not read is dropped. */
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
   * Answers as many lines as a turn has room for, then reads on, or waits for the reader or the next turn.
   * What was not decoded is given back to the socket, which reads no further while it has it.
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

  /** What was waited for is there. */
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

  /** Answers lines up to about a piece; what is left stays to be answered. */
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
      // Whoever sends many lines at once sends the same: within a turn they have the same answer.
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

  /** The client does not read what it is sent; `drain` tells when it has. */
  get #isBehind(): boolean {
    return this.socket.writableNeedDrain && this.socket.writableLength > 0
  }

  /** The command that a line is, and nothing else. */
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

  /** What was answered is sent for as long as a reader may take. */
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

/** The end of a text in memory of its own: a slice would hold the whole text that it is of. */
function copyOf(text: string, start: number): string {
  if (start === 0 || start === text.length) return start === 0 ? text : ''
  return Buffer.from(text.slice(start), 'latin1').toString('latin1')
}

/** A connection that breaks is closed by Node, and that is all there is to do. */
function ignoreError(): void {}
