/** Binds an address and a port. */
import net, { createServer, isIP, type Server } from 'node:net'
import { KnownError, systemCode } from '../../errors.ts'
import { loopback, reachableAddress } from '../../text/addresses.ts'

/** The errors for an address that this machine does not have. */
const missingAddressErrors = ['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL']

/** How much Node buffers for a client, in each direction, while we do not read or the client does not. */
const keptBytes = 16 * 1024

/** Connections that wait to be accepted; the kernel has its own limit (net.core.somaxconn). */
const backlog = 4096

export interface BoundAddress {
  address: string
  port: number
}

/** Bound servers: `near` listens on loopback, `far` on the address that was asked for. */
export interface BoundServers {
  /** The address and port that were asked for. */
  wanted: BoundAddress
  near: Server
  /** Undefined where near serves both, and where this machine does not have the address. */
  far: Server | undefined
  /** This machine does not have the address. */
  isMissing: boolean
}

/**
 * Binds while we are still root, for a port that needs it. Until `listen` is given the servers, every
 * connection is closed at once.
 * @throws KnownError `address-in-use`, or `configuration` for an address or port that cannot be bound
 */
export async function bindEarly(address: string, port: number): Promise<BoundServers> {
  return bindAt({ address, port }, await findAddress(address))
}

/**
 * The same for an address that was looked up, which may have taken long.
 * @param address undefined where nobody knows the name
 */
export async function bindAt(wanted: BoundAddress, address: string | undefined): Promise<BoundServers> {
  const { port } = wanted
  const first = address === undefined ? undefined : await bindOne(address, port)
  if (!first) return { wanted, near: await bindLoopback(port), far: undefined, isMissing: true }
  const bound = boundAddressOf(first)
  if (reachableAddress(bound.address) === loopback) return { wanted, near: first, far: undefined, isMissing: false }
  try {
    return { wanted, near: await bindLoopback(bound.port), far: first, isMissing: false }
  } catch (error) {
    first.close()
    throw error
  }
}

/** Looks up the address of a name; undefined where that fails, for any reason. */
export async function findAddress(name: string): Promise<string | undefined> {
  if (isIP(name) !== 0) return name
  try {
    // Loaded only here, since most addresses are no names.
    const { lookup } = await import('node:dns/promises')
    const { address } = await lookup(name)
    return address
  } catch {
    return undefined
  }
}

/** @returns undefined where this machine does not have the address */
export async function bindOne(address: string, port: number): Promise<Server | undefined> {
  const server = createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: keptBytes })
  server.maxConnections = 0
  try {
    await bindTo(server, address, port)
    return server
  } catch (error) {
    if (missingAddressErrors.includes(systemCode(error) ?? '')) return undefined
    throw explainBind(error, address, port)
  }
}

async function bindLoopback(port: number): Promise<Server> {
  const server = await bindOne(loopback, port)
  if (server) return server
  throw new KnownError(
    'configuration',
    `this machine has no address ${loopback}`,
    'look at it with: ip address show lo',
  )
}

/** Where a server listens. */
export function boundAddressOf(server: Server): BoundAddress {
  const bound = server.address()
  if (typeof bound !== 'object' || bound === null) throw new Error('a server without an address')
  return { address: bound.address, port: bound.port }
}

function bindTo(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.once('listening', () => {
    server.off('error', reject)
    resolve()
  })
  // Where Node can bind by itself (26). As a part of listening it looks the address up like a name, and compiles a
  // pattern of IPv6 addresses for that: 7 ms of each start, and a megabyte that stays.
  if (net.BoundSocket) server.listen(new net.BoundSocket({ host, port }), backlog)
  else server.listen({ host, port, exclusive: true, backlog })
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
