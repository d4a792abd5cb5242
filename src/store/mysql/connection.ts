import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from 'mysql2'
import { KnownError } from '../../errors.ts'
import type { SqlConnection, Statements } from '../sql.ts'
import { mysqlDialect, waitBrieflySql } from './dialect.ts'
import { explainMysqlError, isLockConflict, numberOf } from './errors.ts'
import { ProtocolViolation } from './packets.ts'
import type { Wire } from './wire.ts'

/** SERVER_STATUS_IN_TRANS and SERVER_STATUS_AUTOCOMMIT. MySQL says the second of a connection that has it not. */
const [inTransaction, autocommit] = [1, 2]
/** A statement that lost against another one is tried again this often, within its time. */
const retryLimit = 8

/** What a connection is made with. */
export interface Session {
  wire: Wire
  place: string
  isMariaDb: boolean | undefined
  limitMs: number
  signal: AbortSignal
  warnings: readonly string[]
}

/** Statements, one after the other. */
export class MysqlConnection implements SqlConnection {
  readonly place: string
  readonly warnings: readonly string[]
  readonly dialect = mysqlDialect
  readonly #connection: Connection
  readonly #session: Session
  readonly #end = () => this.#session.wire.destroy()
  #before: Promise<unknown> = Promise.resolve()

  constructor(connection: Connection, session: Session) {
    this.#connection = connection
    this.#session = session
    this.place = session.place
    this.warnings = session.warnings
    session.signal.addEventListener('abort', this.#end, { once: true })
  }

  query(sql: string, parameters: readonly string[] = []): Promise<readonly (readonly unknown[])[]> {
    return this.#next(() => this.#ask(sql, parameters))
  }

  readAll(sql: string): Promise<readonly (readonly unknown[])[]> {
    return this.#next(() => this.#askMuch(sql))
  }

  change(sql: string, parameters: readonly string[] = []): Promise<number> {
    return this.#next(async () => {
      const { affectedRows, serverStatus } = await this.#order(sql, parameters)
      // A server with autocommit = 0 would forget the change when the connection ends.
      if ((serverStatus & inTransaction) !== 0 || (serverStatus & autocommit) === 0) await this.#send('COMMIT', [])
      return affectedRows
    })
  }

  transaction<T>(work: (statements: Statements) => Promise<T>): Promise<T> {
    const statements: Statements = {
      query: (sql, parameters = []) => this.#ask(sql, parameters),
      readAll: (sql) => this.#askMuch(sql),
      change: async (sql, parameters = []) => (await this.#order(sql, parameters)).affectedRows,
    }
    return this.#next(async () => {
      await this.#send(waitBrieflySql, [])
      await this.#send('START TRANSACTION', [])
      try {
        const result = await work(statements)
        await this.#send('COMMIT', [])
        return result
      } catch (error) {
        // Where it lost against another, or the connection is gone, the server has undone it already.
        await this.#send('ROLLBACK', []).catch(() => {})
        throw error
      }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session.signal.removeEventListener('abort', this.#end)
    this.#end()
  }

  /** One after the other: the time of a statement does not run while it waits for another. */
  #next<T>(statement: () => Promise<T>): Promise<T> {
    const answer = this.#before.then(() => this.#again(statement))
    this.#before = answer.catch(() => {})
    return answer
  }

  /** A change that lost against another is made again, with its commit. */
  async #again<T>(statement: () => Promise<T>): Promise<T> {
    const { signal, limitMs, wire } = this.#session
    const end = process.hrtime.bigint() + BigInt(limitMs) * 1_000_000n
    for (let attempt = 1; ; attempt += 1) {
      signal.throwIfAborted()
      try {
        return await statement()
      } catch (error) {
        if (error instanceof KnownError) throw error
        // What has no number was not an answer: who knows what the next one would be.
        if (numberOf(error) === undefined) wire.fail(error)
        if (!isLockConflict(error) || attempt === retryLimit || process.hrtime.bigint() > end)
          throw explainUnlessAborted(error, this.#session)
        await sleep(Math.random() * 20 * attempt, undefined, { signal })
      }
    }
  }

  async #ask(sql: string, parameters: readonly string[]): Promise<readonly (readonly unknown[])[]> {
    const rows = await this.#send(sql, parameters)
    if (!Array.isArray(rows)) throw new ProtocolViolation('it answered a question without rows')
    return rows.map((row: readonly unknown[]) => row.map(plainValue))
  }

  #askMuch(sql: string): Promise<readonly (readonly unknown[])[]> {
    this.#session.wire.expectMuch()
    return this.#ask(sql, [])
  }

  async #order(sql: string, parameters: readonly string[]): Promise<{ affectedRows: number; serverStatus: number }> {
    const result = await this.#send(sql, parameters)
    const { affectedRows, serverStatus } = result as { affectedRows?: unknown; serverStatus?: unknown }
    if (typeof affectedRows !== 'number' || typeof serverStatus !== 'number')
      throw new ProtocolViolation('it answered a change with rows')
    return { affectedRows, serverStatus }
  }

  #send(sql: string, parameters: readonly string[]): Promise<unknown> {
    const { limitMs, signal, wire } = this.#session
    const answer = inTurn(wire, (done) => {
      if (parameters.length > 0) this.#connection.execute(sql, [...parameters], done)
      else this.#connection.query(sql, done)
    })
    return withinLimit(answer, limitMs, signal, wire)
  }
}

/** Whoever was interrupted hears of that alone. */
export function explainUnlessAborted(
  error: unknown,
  { place, isMariaDb, signal }: Pick<Session, 'place' | 'isMariaDb' | 'signal'>,
): unknown {
  return signal.aborted ? signal.reason : explainMysqlError(error, place, isMariaDb)
}

/** Waits for the driver's word, or for the wire's that there will be none. */
export function inTurn<T>(
  wire: Wire,
  work: (done: (error: Error | null, result?: T) => void) => void,
): Promise<T | undefined> {
  const said = new Promise<T | undefined>((resolve, reject) =>
    work((error, result) => (error ? reject(error) : resolve(result))),
  )
  return Promise.race([wire.lost, said])
}

/** Waits for the work, the limit or the signal; the last two end the wire. */
export async function withinLimit<T>(work: Promise<T>, limitMs: number, signal: AbortSignal, wire: Wire): Promise<T> {
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

/** Texts, numbers and nulls: whatever else the server calls its columns is none of ours. */
function plainValue(value: unknown): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value
  if (value instanceof Buffer) return value.toString('latin1')
  throw new ProtocolViolation('it answered with values of another kind')
}
