/** Takes an address and a port. */
import { createServer, type Server } from 'node:net'
import { KnownError, systemCode } from '../errors.ts'

/** What an address is that this machine does not have, or a name that it does not know. */
const notOurs = ['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL', 'ENOTFOUND', 'EAI_AGAIN']

const fallbackAddress = '127.0.0.1'

/** What is kept of a client while it is not read, or does not read, beyond the piece that is on its way. */
const keptBytes = 16 * 1024

/** Connections that wait to be accepted; the kernel has its own limit (net.core.somaxconn). */
const backlog = 4096

export interface Bound {
  address: string
  port: number
}

/** A server that has its place, and whether that is loopback for want of the address that was asked for. */
export interface BoundServer {
  server: Server
  isFallback: boolean
}

/**
 * Binds while we are still root, for a port that needs it. Until `listen` is given the server, whoever
 * connects is closed at once. An address that this machine does not have becomes loopback.
 * @throws KnownError `address-in-use`, or `configuration` for an address or port that cannot be bound
 */
export async function bindEarly(address: string, port: number): Promise<BoundServer> {
  const server = createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: keptBytes })
  server.maxConnections = 0
  try {
    await bindTo(server, address, port)
    return { server, isFallback: false }
  } catch (error) {
    if (!notOurs.includes(systemCode(error) ?? '')) throw explainBind(error, address, port)
    await bindTo(server, fallbackAddress, port).catch((second: unknown) => {
      throw explainBind(second, fallbackAddress, port)
    })
    return { server, isFallback: true }
  }
}

/** Where a server listens. */
export function whereIs(server: Server): Bound {
  const bound = server.address()
  if (typeof bound !== 'object' || bound === null) throw new Error('a server without an address')
  return { address: bound.address, port: bound.port }
}

function bindTo(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ host, port, exclusive: true, backlog }, () => {
    server.off('error', reject)
    resolve()
  })
  return promise
}

function explainBind(error: unknown, address: string, port: number): unknown {
  const code = systemCode(error)
  if (code === 'EADDRINUSE') {
    const hint = `see who has it: ss -ltnp 'sport = :${port}'`
    return new KnownError('address-in-use', `${address} port ${port} is taken`, hint, { cause: error })
  }
  if (code === 'EACCES') {
    const hint = 'choose one from 1024 on with --port or row frameworkd_port'
    return new KnownError('configuration', `port ${port} needs root`, hint, { cause: error })
  }
  return error
}
