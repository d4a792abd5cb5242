/**
 * A process that opens one store after the other and asks each for everything. Lines of standard
 * input: ports of loopback. Lines of standard output: what came of it, as JSON.
 */
import { createInterface } from 'node:readline'
import { KnownError } from '../../../src/errors.ts'
import { Key } from '../../../src/key/key.ts'
import type { ConfigStore } from '../../../src/store/config-store.ts'
import { openMysqlStore } from '../../../src/store/mysql/mysql.ts'
import { Secret } from '../../../src/text/secret.ts'

/** What came of one session. */
export interface SessionOutcome {
  port: number
  /** One for what was asked. */
  said: { code: string; text: string }[]
  /** Whatever was thrown that is no known error: a stack. */
  bug?: string
}

const [database = '', password = '', keyText = '', limitMs = '500'] = process.argv.slice(2)
const key = Key.parse(keyText)
if (!key) throw new Error('no key')

const questions: readonly ((store: ConfigStore) => Promise<unknown>)[] = [
  (store) => store.schema(),
  (store) => store.requireWritable(),
  (store) => store.rows(),
  (store) => store.examine([key]),
  (store) => store.sensors(),
  (store) => store.claimRow(key),
]

async function meet(port: number): Promise<SessionOutcome> {
  const said: SessionOutcome['said'] = []
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      const answer = await work()
      said.push({ code: 'ok', text: '' })
      return answer
    } catch (error) {
      if (!(error instanceof KnownError)) throw error
      said.push({ code: error.code, text: `${error.message} ${error.hint}` })
      return undefined
    }
  }
  try {
    const address = { host: '127.0.0.1', port, database, user: database, password: new Secret(password) }
    const options = { signal: new AbortController().signal, limitMs: Number(limitMs) }
    await using store = await attempt(() => openMysqlStore(address, options))
    if (store) for (const question of questions) await attempt(() => question(store))
    return { port, said }
  } catch (error) {
    return { port, said, bug: error instanceof Error ? String(error.stack) : String(error) }
  }
}

createInterface({ input: process.stdin }).on('line', async (line) => {
  console.log(JSON.stringify(await meet(Number(line))))
})
