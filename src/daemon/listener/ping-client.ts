import { connect } from 'node:net'
import { reachableAddress } from '../../text/addresses.ts'

const pong = 'pong'

/**
 * Sends `ping`. Only `pong` is believed: who knows what listens there. What comes instead is not told,
 * since it is a stranger's, and no more of it is read than it takes to see that.
 * @param limitMs after this long it rejects
 * @param localPort the port to ask from; absent: any
 * @returns whether `pong` is what came
 * @throws the socket's error, or Error when there is no answer in time, or none before the end
 */
export async function pingDaemon(address: string, port: number, limitMs: number, localPort?: number): Promise<boolean> {
  const socket = connect({ port, host: reachableAddress(address), ...(localPort !== undefined && { localPort }) })
  const { promise, resolve, reject } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => reject(new Error('no answer in time')), limitMs)
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
