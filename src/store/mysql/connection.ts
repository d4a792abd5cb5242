import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from 'mysql2'
import { KnownError } from '../../errors.ts'
import type { Watch } from '../config-store.ts'
import type { SqlConnection, Statements } from '../sql.ts'
import { mysqlDialect, waitBrieflySql } from './dialect.ts'
import { explainMysqlError, isLockConflict, numberOf } from './errors.ts'
import { ProtocolViolation } from './packets.ts'
import type { Wire } from './wire.ts'

/**
 * SERVER_STATUS_IN_TRANS and SERVER_STATUS_AUTOCOMMIT. Both are looked at: with autocommit = 0, MySQL sets the second
 * one all the same, and shows by the first one that a transaction is open.
 */
const [inTransaction, autocommit] = [1, 2]
/** A statement that lost a lock conflict is tried again, at most this often and within its timeout. */
const retryLimit = 8

/** What a connection is made with. */
export interface Session {
  wire: Wire
  place: string
  /** The tree that is worked on, for the commands of hints. */
  root: string
  isMariaDb: boolean | undefined
  limitMs: number
  signal: AbortSignal
  watch: Watch
  warnings: readonly string[]
}

/** A connection that sends statements one after the other. */
export class MysqlConnection implements SqlConnection {
  readonly place: string
  readonly root: string
  readonly warnings: readonly string[]
  readonly dialect = mysqlDialect
  readonly #connection: Connection
  readonly #session: Session
  readonly #close = () => this.#session.wire.destroy()
  #previous: Promise<unknown> = Promise.resolve()

  constructor(connection: Connection, session: Session) {
    this.#connection = connection
    this.#session = session
    this.place = session.place
    this.root = session.root
    this.warnings = session.warnings
    session.signal.addEventListener('abort', this.#close, { once: true })
  }

  query(sql: string, parameters: readonly string[] = []): Promise<readonly (readonly unknown[])[]> {
    return this.#enqueue(() => this.#read(sql, parameters))
  }

  readAll(sql: string): Promise<readonly (readonly unknown[])[]> {
    return this.#enqueue(() => this.#readLargeAnswer(sql))
  }

  change(sql: string, parameters: readonly string[] = []): Promise<number> {
    return this.#enqueue(async () => {
      const { affectedRows, serverStatus } = await this.#execute(sql, parameters)
      // With autocommit = 0 the server would undo the change when the connection ends.
      if ((serverStatus & inTransaction) !== 0 || (serverStatus & autocommit) === 0) await this.#send('COMMIT', [])
      return affectedRows
    })
  }

  transaction<T>(work: (statements: Statements) => Promise<T>): Promise<T> {
    const statements: Statements = {
      query: (sql, parameters = []) => this.#read(sql, parameters),
      readAll: (sql) => this.#readLargeAnswer(sql),
      change: async (sql, parameters = []) => (await this.#execute(sql, parameters)).affectedRows,
    }
    return this.#enqueue(async () => {
      await this.#send(waitBrieflySql, [])
      await this.#send('START TRANSACTION', [])
      try {
        const result = await work(statements)
        await this.#send('COMMIT', [])
        return result
      } catch (error) {
        // After a deadlock, or with the connection gone, the server has undone the transaction already.
        await this.#send('ROLLBACK', []).catch(() => {})
        throw error
      }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session.signal.removeEventListener('abort', this.#close)
    this.#close()
  }

  /** One after the other: the timeout of a statement does not run while it waits for another one. */
  #enqueue<T>(statement: () => Promise<T>): Promise<T> {
    const answer = this.#previous.then(() => this.#runWithRetries(statement))
    this.#previous = answer.catch(() => {})
    return answer
  }

  /** A change that lost a lock conflict is made again, with its commit. */
  async #runWithRetries<T>(statement: () => Promise<T>): Promise<T> {
    const { signal, limitMs, wire } = this.#session
    const end = process.hrtime.bigint() + BigInt(limitMs) * 1_000_000n
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted()
      try {
        return await statement()
      } catch (error) {
        if (error instanceof KnownError) throw error
        // An error without a number is no answer of the server: the state of the connection is unknown then.
        if (numberOf(error) === undefined) wire.fail(error)
        if (!isLockConflict(error) || attempt === retryLimit || process.hrtime.bigint() > end)
          throw explainUnlessAborted(error, this.#session)
        await sleep(Math.random() * 20 * attempt, undefined, { signal })
      }
    }
  }

  async #read(sql: string, parameters: readonly string[]): Promise<readonly (readonly unknown[])[]> {
    const rows = await this.#send(sql, parameters)
    if (!Array.isArray(rows)) throw new ProtocolViolation('it answered a question without rows')
    return rows.map((row: readonly unknown[]) => row.map(plainValue))
  }

  #readLargeAnswer(sql: string): Promise<readonly (readonly unknown[])[]> {
    this.#session.wire.expectLargeAnswer()
    return this.#read(sql, [])
  }

  async #execute(sql: string, parameters: readonly string[]): Promise<{ affectedRows: number; serverStatus: number }> {
    const result = await this.#send(sql, parameters)
    const { affectedRows, serverStatus } = result as { affectedRows?: unknown; serverStatus?: unknown }
    if (typeof affectedRows !== 'number' || typeof serverStatus !== 'number')
      throw new ProtocolViolation('it answered a change with rows')
    return { affectedRows, serverStatus }
  }

  #send(sql: string, parameters: readonly string[]): Promise<unknown> {
    const { limitMs, signal, wire, watch, place } = this.#session
    const answer = callDriver(wire, (done) => {
      if (parameters.length > 0) this.#connection.execute(sql, [...parameters], done)
      else this.#connection.query(sql, done)
    })
    return watch(`database ${place}`, withTimeout(answer, limitMs, signal, wire))
  }
}

/** The error for people; after an abort its reason alone, since the error only follows from it. */
export function explainUnlessAborted(
  error: unknown,
  { signal, ...session }: Pick<Session, 'place' | 'isMariaDb' | 'root' | 'signal'>,
): unknown {
  return signal.aborted ? signal.reason : explainMysqlError(error, session)
}

/** Calls the driver, and waits for its callback or for the wire to end. */
export function callDriver<T>(
  wire: Wire,
  work: (done: (error: Error | null, result?: T) => void) => void,
): Promise<T | undefined> {
  const answer = new Promise<T | undefined>((resolve, reject) =>
    work((error, result) => (error ? reject(error) : resolve(result))),
  )
  return Promise.race([wire.lost, answer])
}

/** Waits for the work, the timeout or the signal; the last two end the wire. */
export async function withTimeout<T>(work: Promise<T>, limitMs: number, signal: AbortSignal, wire: Wire): Promise<T> {
  const timer = setTimeout(() => wire.fail(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })), limitMs)
  const onAbort = () => wire.fail(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await work
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}

/** Only texts, numbers and nulls are taken: our statements ask for nothing else. */
function plainValue(value: unknown): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value
  if (value instanceof Buffer) return value.toString('latin1')
  throw new ProtocolViolation('it answered with values of another kind')
}
