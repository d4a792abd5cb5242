import { connect } from 'node:net'

/** Where to knock for who listens on every address. */
const loopbackOf: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/**
 * Sends one command and returns the first line of the answer.
 * @param limitMs after this long it rejects
 * @param localPort the port to ask from; absent: any
 * @throws the socket's error, or Error when the connection ends without an answer
 */
export async function askDaemon(
  address: string,
  port: number,
  command: string,
  limitMs: number,
  localPort?: number,
): Promise<string> {
  const socket = connect({ port, host: loopbackOf[address] ?? address, ...(localPort !== undefined && { localPort }) })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const timer = setTimeout(() => reject(new Error('no answer in time')), limitMs)
  let answer = ''
  socket.setEncoding('utf8')
  socket.on('connect', () => socket.write(`${command}\n`))
  socket.on('data', (text: string) => {
    answer += text
    if (answer.includes('\n')) resolve(answer.slice(0, answer.indexOf('\n')))
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
