/**
 * What the listener allows. `status` shows each of these by its name. Places are below the limit of
 * open files, so that a client too many is an event that we see, and not one that Node closes in
 * silence (EMFILE).
 */
export interface Limits {
  /** Open files of this process (RLIMIT_NOFILE). */
  descriptors: number
  /** Connections at a time. */
  connections: number
  /** Of these, what other machines may take together; the rest is loopback's. */
  remoteConnections: number
  /** What one address of loopback may take. */
  connectionsPerLocalAddress: number
  /** What one other address may take. */
  connectionsPerRemoteAddress: number
  /** One line, without its end. */
  lineBytes: number
  /** What all clients together have sent and not ended with a newline, or were sent and do not read. */
  heldBytes: number
  /** Milliseconds from the connection to its first command. */
  firstLineMs: number
  /** Milliseconds between one command and the next. */
  idleMs: number
  /** Milliseconds for a client to read what it was answered. */
  writeMs: number
}

/** More would only cost memory. */
const mostConnections = 16_384
/** For files, pipes, the database, our own ping, and clients between their refusal and their end. */
const reservedDescriptors = 128

/** @param descriptors the limit of open files */
export function limitsFor(descriptors: number): Limits {
  const reserved = Math.min(reservedDescriptors, Math.ceil(descriptors / 2))
  const connections = Math.min(mostConnections, descriptors - reserved)
  const threeQuarters = Math.ceil(connections * 0.75)
  return {
    descriptors,
    connections,
    remoteConnections: threeQuarters,
    connectionsPerLocalAddress: threeQuarters,
    connectionsPerRemoteAddress: Math.min(64, threeQuarters),
    lineBytes: 64 * 1024,
    heldBytes: 64 * 1024 * 1024,
    firstLineMs: 10_000,
    idleMs: 600_000,
    writeMs: 30_000,
  }
}
