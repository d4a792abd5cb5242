/**
 * The listener: TCP, loopback by default. Loopback may speak, and a peer whose address is the
 * socket's own; everybody else is closed. It is supervised: an end that nobody asked for, or a
 * `ping` of our own that stays unanswered twice, ends the daemon, so that its supervisor starts it anew.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { KnownError, systemCode } from '../errors.ts'
import { askDaemon } from './ask-daemon.ts'
import { ping } from './commands/ping.ts'
import { serveConnection } from './connection.ts'
import type { Logs } from './logs.ts'

const commands = new Map([ping].map((command) => [command.name, command]))

/** Below the usual limit of 1024 open files, so that a client too many is an event and not silence. */
const connectionLimit = 900
/** Of these, places that only loopback takes. */
const loopbackPlaces = 100
const superviseEveryMs = 30_000
const pingLimitMs = 5000
/** How long running commands and slow readers may take at the end. */
const closeLimitMs = 5000
const refusalLogEveryMs = 10_000

export interface Listener extends AsyncDisposable {
  readonly port: number
  readonly address: string
  /** Rejects when the listener is gone or deaf. */
  readonly failure: Promise<never>
}

/** @throws KnownError `address-in-use`, or `configuration` for an address or port that cannot be bound */
export async function listen(address: string, port: number, logs: Logs): Promise<Listener> {
  const sockets = new Set<Socket>()
  const report = limitedReport(logs)
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  server.maxConnections = connectionLimit
  server.on('drop', () => report('connection limit', 'A client was refused: too many connections'))
  server.on('connection', (socket) => {
    const peer = socket.remoteAddress ?? 'unknown'
    if (!maySpeak(socket) || (!isLoopback(peer) && sockets.size >= connectionLimit - loopbackPlaces)) {
      report(peer, `${peer} may not speak to this daemon`)
      return void socket.destroy()
    }
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serveConnection(socket, { commands, onRefused: (reason) => report(peer, `${peer} ${reason}, closed`) })
  })
  const bound = await bind(server, address, port, logs)
  return { ...bound, failure: supervise(server, bound), [Symbol.asyncDispose]: () => close(server, sockets) }
}

/** An address that this machine does not have: loopback, with a warning. */
async function bind(server: Server, address: string, port: number, logs: Logs) {
  try {
    return await bindTo(server, address, port)
  } catch (error) {
    if (systemCode(error) !== 'EADDRNOTAVAIL' && systemCode(error) !== 'ENOTFOUND')
      throw explainBind(error, address, port)
    logs.warning(`This machine does not have the address ${address}, listening on 127.0.0.1`)
    return bindTo(server, '127.0.0.1', port).catch((second: unknown) => {
      throw explainBind(second, '127.0.0.1', port)
    })
  }
}

function bindTo(server: Server, host: string, port: number): Promise<{ address: string; port: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ address: string; port: number }>()
  server.once('error', reject)
  server.listen({ host, port, exclusive: true }, () => {
    server.off('error', reject)
    const bound = server.address()
    resolve(typeof bound === 'object' && bound ? { address: bound.address, port: bound.port } : { address: host, port })
  })
  return promise
}

function explainBind(error: unknown, address: string, port: number): unknown {
  const code = systemCode(error)
  if (code === 'EADDRINUSE') {
    return new KnownError(
      'address-in-use',
      `${address} port ${port} is taken`,
      `see who has it: ss -ltnp 'sport = :${port}'`,
      { cause: error },
    )
  }
  if (code === 'EACCES') {
    return new KnownError(
      'configuration',
      `port ${port} needs root`,
      'choose one from 1024 on with --port or row frameworkd_port',
      { cause: error },
    )
  }
  return error
}

function supervise(server: Server, { address, port }: { address: string; port: number }): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  const down = () =>
    reject(new KnownError('listener-down', 'Listener is down', 'its supervisor starts it again; the log says more'))
  let silent = 0
  const timer = setInterval(async () => {
    const answer = await askDaemon(address, port, 'ping', pingLimitMs).catch((error) =>
      systemCode(error) === 'ECONNRESET' ? 'pong' : '',
    )
    silent = answer === 'pong' ? 0 : silent + 1
    if (silent >= 2) down()
  }, superviseEveryMs)
  timer.unref()
  server.on('close', down)
  server.on('error', down)
  server.once('close', () => clearInterval(timer))
  // Nobody waits for it once the daemon ends by itself.
  promise.catch(() => {})
  return promise
}

async function close(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  for (const socket of sockets) socket.end()
  const timer = setTimeout(() => {
    for (const socket of sockets) socket.destroy()
  }, closeLimitMs)
  for (const socket of sockets) socket.on('finish', () => socket.destroy())
  await promise
  clearTimeout(timer)
}

function maySpeak(socket: Socket): boolean {
  const peer = plainAddress(socket.remoteAddress ?? '')
  return isLoopback(peer) || peer === plainAddress(socket.localAddress ?? 'none')
}

function isLoopback(address: string): boolean {
  const plain = plainAddress(address)
  return plain === '::1' || /^127\.\d+\.\d+\.\d+$/.test(plain)
}

/** An IPv4 address that came over an IPv6 socket is that IPv4 address. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:/i, '')
}

/** At most one line a source and interval; how many were held back is told with the next. */
function limitedReport(logs: Logs): (source: string, message: string) => void {
  const held = new Map<string, number>()
  return (source, message) => {
    const count = held.get(source)
    if (count !== undefined) return void held.set(source, count + 1)
    logs.warning(message)
    held.set(source, 0)
    setTimeout(() => {
      const suppressed = held.get(source) ?? 0
      held.delete(source)
      if (suppressed > 0) logs.warning(`${suppressed} more like it: ${message}`)
    }, refusalLogEveryMs).unref()
  }
}
