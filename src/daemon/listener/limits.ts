/**
 * The limits of the listener. `status` shows each of them by its name. There are fewer slots for clients than open
 * files allow, so that we notice one client too many; at the limit of open files Node would close it
 * silently (EMFILE).
 */
import { KnownError } from '../../errors.ts'

export interface Limits {
  /** Open files of this process (RLIMIT_NOFILE). */
  descriptors: number
  /** Connections at a time. */
  connections: number
  /** How many of these all programs of this machine may take together; the rest is reserved for other machines. */
  nearConnections: number
  /** How many all other machines may take together; the rest is reserved for this machine. */
  remoteConnections: number
  /** How many one address of another machine may take. */
  connectionsPerRemoteAddress: number
  /** One line, without its end. */
  lineBytes: number
  /**
   * Bytes that all clients together have sent and that are not answered yet, or that they were sent and have not
   * read.
   */
  heldBytes: number
  /** Milliseconds from the connection to its first command. */
  firstLineMs: number
  /** Milliseconds between one command and the next. */
  idleMs: number
  /** The same for an agent that is connected, which pings each 30 s. */
  agentIdleMs: number
  /** Milliseconds for a client to read its answers. */
  writeMs: number
}

/** The most clients that are served at a time: more would only cost memory. */
const mostConnections = 16_384
/** For files, pipes, the database, our own ping, and clients between their refusal and their end. */
const reservedDescriptors = 128

/** With fewer there is no room for clients beside our own files. */
const fewestDescriptors = 64

/**
 * @param descriptors the limit of open files
 * @throws KnownError `preflight` when that is too low
 */
export function limitsFor(descriptors: number): Limits {
  if (descriptors < fewestDescriptors) {
    const message = `only ${descriptors} files may be open, and ${fewestDescriptors} are needed`
    throw new KnownError('preflight', message, 'raise the limit: ulimit -n 1024, or LimitNOFILE= of the unit')
  }
  const reserved = Math.min(reservedDescriptors, Math.ceil(descriptors / 2))
  const connections = Math.min(mostConnections, descriptors - reserved)
  const threeQuarters = Math.ceil(connections * 0.75)
  return {
    descriptors,
    connections,
    nearConnections: threeQuarters,
    remoteConnections: threeQuarters,
    connectionsPerRemoteAddress: Math.min(64, threeQuarters),
    lineBytes: 64 * 1024,
    heldBytes: 8 * 1024 * 1024,
    firstLineMs: 10_000,
    idleMs: 600_000,
    agentIdleMs: 180_000,
    writeMs: 30_000,
  }
}
