/**
 * Clients for a daemon under test: twenty that stay connected and one that connects anew all the time,
 * each with a ping at a time. Ends when its standard input does, and prints what it saw as JSON.
 * Argument: the port on loopback.
 */
import { connect } from 'node:net'

const port = Number(process.argv[2])
const counts = { pings: 0, connections: 0, lost: 0 }
let isEnding = false

process.stdin.resume().once('end', () => {
  isEnding = true
})
await Promise.all([...Array.from({ length: 20 }, () => client(Number.POSITIVE_INFINITY)), reconnect()])
console.log(JSON.stringify(counts))

async function reconnect(): Promise<void> {
  while (!isEnding) await client(1)
}

/** Sends so many pings, each after the answer to the one before; a connection that closes first is lost. */
async function client(pings: number): Promise<void> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8')
  counts.connections += 1
  let left = pings
  socket.on('connect', () => socket.write('ping\n'))
  socket.on('data', (text) => {
    if (String(text) !== 'pong\n') counts.lost += 1
    counts.pings += 1
    left -= 1
    if (isEnding || left <= 0) socket.end()
    else socket.write('ping\n')
  })
  socket.on('error', () => {})
  await new Promise((resolve) => socket.once('close', resolve))
  if (!isEnding && left > 0) counts.lost += 1
}
