import { connect } from 'node:net'

/**
 * Sends one command and returns the first line of the answer.
 * @param limitMs after this long it rejects
 * @throws the socket's error, or Error when the connection ends without an answer
 */
export async function askDaemon(address: string, port: number, command: string, limitMs: number): Promise<string> {
  const host = address === '0.0.0.0' || address === '::' ? undefined : address
  const socket = connect({ port, ...(host !== undefined && { host }) })
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
