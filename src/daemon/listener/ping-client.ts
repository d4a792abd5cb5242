import { connect } from 'node:net'
import { reachableAddress } from '../../text/addresses.ts'

const pong = 'pong'

/**
 * Sends `ping`. Only the answer `pong` counts: another program may listen there. Any other answer is not shown,
 * since its content is not trusted, and reading stops as soon as it is no `pong`.
 * @param limitMs the timeout
 * @param localPort the port to ask from; absent: any
 * @returns whether the answer was `pong`
 * @throws the socket's error (connection refused), or Error after the timeout, or when the connection ends early
 */
export async function pingDaemon(address: string, port: number, limitMs: number, localPort?: number): Promise<boolean> {
  const socket = connect({ port, host: reachableAddress(address), ...(localPort !== undefined && { localPort }) })
  const { promise, resolve, reject } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => reject(new Error(`no answer within ${limitMs / 1000} s (timeout)`)), limitMs)
  let answer = ''
  socket.setEncoding('latin1')
  socket.on('connect', () => socket.write('ping\n'))
  socket.on('data', (text: string) => {
    answer += text.slice(0, pong.length + 1)
    if (answer.includes('\n') || answer.length > pong.length) resolve(answer.startsWith(`${pong}\n`))
  })
  socket.on('error', reject)
  socket.on('end', () => reject(new Error('the connection ended without an answer')))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}
