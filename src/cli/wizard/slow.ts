import { setTimeout as sleep } from 'node:timers/promises'
import { standardError } from '../../host/output/output.ts'

/** After this long, in milliseconds, the person is told what the program is waiting for. */
const slowMs = 2000

/** Does work, and says what it is where it takes long. @param what without an end, such as `connecting to the server` */
export async function sayWhenSlow<T>(what: string, work: () => Promise<T>): Promise<T> {
  const done = new AbortController()
  void sleep(slowMs, undefined, { signal: done.signal }).then(
    () => standardError.write(`${what} ...\n`),
    () => {},
  )
  try {
    return await work()
  } finally {
    done.abort()
  }
}
