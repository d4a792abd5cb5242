/**
 * One client: a command a line, UTF-8, LF or CRLF. Whoever sends something else, or nothing, or
 * does not read, is closed; what was sent is never echoed or logged.
 */
import type { Socket } from 'node:net'
import type { Command } from './commands/command.ts'

const lineLimitBytes = 64 * 1024
const firstLineLimitMs = 10_000
const idleLimitMs = 600_000
const writeLimitMs = 30_000

export interface ConnectionOptions {
  commands: ReadonlyMap<string, Command>
  /** Why a client was closed. */
  onRefused(reason: string): void
}

/** Serves a client until either side ends. */
export function serveConnection(socket: Socket, { commands, onRefused }: ConnectionOptions): void {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const pieces: Buffer[] = []
  let pendingBytes = 0
  let deadline = setTimeout(() => refuse('sent no command in time'), firstLineLimitMs)

  const refuse = (reason: string) => {
    if (socket.destroyed) return
    onRefused(reason)
    socket.destroy()
  }
  const restartDeadline = (limitMs: number, reason: string) => {
    clearTimeout(deadline)
    deadline = setTimeout(() => refuse(reason), limitMs)
  }

  socket.on('data', (chunk: Buffer) => {
    let answers = ''
    let start = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      pieces.push(chunk.subarray(start, end))
      const answer = answerLine(Buffer.concat(pieces), commands, decoder)
      pieces.length = 0
      pendingBytes = 0
      start = end + 1
      if (answer.refusal !== undefined) {
        if (answers !== '') socket.write(answers)
        return refuse(answer.refusal)
      }
      answers += `${answer.text}\n`
    }
    if (start < chunk.length) pieces.push(Buffer.from(chunk.subarray(start)))
    pendingBytes += chunk.length - start
    if (pendingBytes > lineLimitBytes) return refuse('sent a line that is too long')
    if (answers === '') return
    if (socket.write(answers)) return restartDeadline(idleLimitMs, 'was idle')
    socket.pause()
    restartDeadline(writeLimitMs, 'does not read')
  })
  socket.on('drain', () => {
    restartDeadline(idleLimitMs, 'was idle')
    socket.resume()
  })
  socket.on('end', () => socket.end())
  socket.on('error', () => socket.destroy())
  socket.on('close', () => clearTimeout(deadline))
}

type Answer = { text: string; refusal?: undefined } | { refusal: string }

function answerLine(line: Buffer, commands: ReadonlyMap<string, Command>, decoder: TextDecoder): Answer {
  if (line.length > lineLimitBytes) return { refusal: 'sent a line that is too long' }
  try {
    const command = commands.get(decoder.decode(line).replace(/\r$/, ''))
    return command ? { text: command.answer() } : { refusal: 'sent an unknown command' }
  } catch {
    return { refusal: 'sent what is not UTF-8' }
  }
}
