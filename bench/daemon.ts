/**
 * The daemon against a bare Node server that answers `pong`, in turns, in the same run: a figure of
 * one machine says nothing of another's, the ratio of two does. Goals: at most 2.5 of bare to the
 * first pong, at least 0.85 of bare in pings, at most 1.2 of bare in idle memory, and a healthy
 * client's 99th percentile below 50 ms while 5000 clients send a byte a second.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { InstalledPackage } from '../test/support/installed-package.ts'
import { freePort } from '../test/support/mariadb.ts'
import { type Figures, figuresOf, table } from './figures.ts'

const startRounds = 15
const pingRounds = 5
const pingMs = 2000
const memoryRounds = 3
const idleConnections = 10_000
const slowClients = 5000
const slowMs = 10_000

/** What a server of `ping` and `pong` costs where nothing else is looked after. */
const bareSource = `
import { createServer } from 'node:net'
createServer({ noDelay: true }, (socket) => {
  let rest = ''
  socket.setEncoding('latin1')
  socket.on('error', () => {})
  socket.on('data', (text) => {
    const lines = (rest + text).split('\\n')
    rest = lines.pop()
    let answers = ''
    for (const line of lines) if (line === 'ping') answers += 'pong\\n'
    if (answers !== '') socket.write(answers)
  })
}).listen(Number(process.argv[2]), '127.0.0.1', 4096)
process.on('SIGTERM', () => process.exit())
`

interface Server {
  name: string
  command(port: number): string[]
}

if (isMainThread) await main()
else await dribble(workerData as number)

async function main(): Promise<void> {
  using installed = new InstalledPackage()
  const folder = mkdtempSync(join(tmpdir(), 'frameworkd-bench-'))
  try {
    const servers = await prepare(installed, folder)
    const rows = [
      await compare('ms to the first pong', servers, startRounds, firstPong),
      await compare('ms to stop', servers, startRounds, timeToStop),
      await compare('pings/s, 1 connection', servers, pingRounds, (server) => pingsPerSecond(server, 1, 1)),
      await compare('pings/s, 100 connections', servers, pingRounds, (server) => pingsPerSecond(server, 100, 1)),
      await compare('pings/s, pipelined', servers, pingRounds, (server) => pingsPerSecond(server, 1, 10_000)),
      await compare('MB resident, idle', servers, memoryRounds, (server) => residentMegabytes(server, 0)),
      await compare(`MB resident, ${idleConnections} idle connections`, servers, memoryRounds, (server) =>
        residentMegabytes(server, idleConnections),
      ),
      await compare(`ms of a ping (p99) beside ${slowClients} slow clients`, servers, 1, slowestOf99),
    ]
    console.log(table(['', 'bare: min / median / max', 'frameworkd: min / median / max', 'ratio of medians'], rows))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The bundle, on a machine of its own with the embedded store. */
async function prepare(installed: InstalledPackage, folder: string): Promise<Server[]> {
  const root = join(folder, 'root')
  mkdirSync(join(root, 'etc'), { recursive: true })
  writeFileSync(join(root, 'etc/passwd'), `www-data:x:${process.getuid?.()}:${process.getgid?.()}::/:/bin/sh\n`)
  writeFileSync(join(folder, 'bare.mjs'), bareSource)
  const setup = [installed.program('frameworkd-setup'), '--non-interactive', '--root', root, '--store', 'sqlite']
  execFileSync(process.execPath, setup, { stdio: ['ignore', 'ignore', 'inherit'] })
  const daemon = installed.program('frameworkd')
  return [
    { name: 'bare', command: (port) => [join(folder, 'bare.mjs'), String(port)] },
    { name: 'frameworkd', command: (port) => [daemon, 'run', '--root', root, '--port', String(port)] },
  ]
}

/** Measures the servers in turns. @returns a row of the table */
async function compare(
  what: string,
  servers: readonly Server[],
  rounds: number,
  measure: (server: Server) => Promise<number>,
): Promise<string[]> {
  const samples = servers.map((): number[] => [])
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, server] of servers.entries()) samples[index]?.push(await measure(server))
  }
  const figures = samples.map(figuresOf)
  const [bare, ours] = figures
  const cell = ({ minimum, median, maximum }: Figures) =>
    [minimum, median, maximum].map((value) => value.toFixed(value > 1000 ? 0 : 1)).join(' / ')
  return [what, ...figures.map(cell), ((ours?.median ?? Number.NaN) / (bare?.median ?? Number.NaN)).toFixed(2)]
}

async function firstPong(server: Server): Promise<number> {
  const port = await freePort()
  const begun = performance.now()
  await using running = start(server, port)
  await untilItAnswers(running.child, port)
  return performance.now() - begun
}

async function timeToStop(server: Server): Promise<number> {
  const port = await freePort()
  await using running = start(server, port)
  await untilItAnswers(running.child, port)
  const begun = performance.now()
  await running[Symbol.asyncDispose]()
  return performance.now() - begun
}

/** @param ahead how many pings each connection sends before it waits for their answers */
async function pingsPerSecond(server: Server, connections: number, ahead: number): Promise<number> {
  const port = await freePort()
  await using running = start(server, port)
  await untilItAnswers(running.child, port)
  const sockets = await connectMany(port, connections)
  const batch = Buffer.from('ping\n'.repeat(ahead))
  let answered = 0
  for (const socket of sockets) {
    let missing = batch.length
    socket.on('data', (chunk) => {
      missing -= chunk.length
      answered += chunk.length / 5
      if (missing > 0) return
      missing = batch.length
      socket.write(batch)
    })
    socket.write(batch)
  }
  await sleep(pingMs / 4)
  const [before, begun] = [answered, performance.now()]
  await sleep(pingMs)
  const perSecond = (answered - before) / ((performance.now() - begun) / 1000)
  for (const socket of sockets) socket.destroy()
  return perSecond
}

async function residentMegabytes(server: Server, connections: number): Promise<number> {
  const port = await freePort()
  await using running = start(server, port)
  await untilItAnswers(running.child, port)
  const sockets = await connectMany(port, connections)
  await Promise.all(sockets.map((socket) => ask(socket)))
  await sleep(1000)
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${running.child.pid}/status`, 'latin1')) ?? []
  for (const socket of sockets) socket.destroy()
  return Number(kilobytes) / 1024
}

/** The 99th percentile of a client that sends a ping every five milliseconds. */
async function slowestOf99(server: Server): Promise<number> {
  const port = await freePort()
  await using running = start(server, port)
  await untilItAnswers(running.child, port)
  const worker = new Worker(new URL(import.meta.url), { workerData: port })
  await new Promise((resolve) => worker.once('message', resolve))
  const [socket] = await connectMany(port, 1)
  if (!socket) throw new Error('no connection')
  const times: number[] = []
  for (const end = performance.now() + slowMs; performance.now() < end; await sleep(5)) {
    const begun = performance.now()
    await ask(socket)
    times.push(performance.now() - begun)
  }
  socket.destroy()
  await worker.terminate()
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? Number.NaN
}

/** Many clients, each of which sends a ping, a byte a second. */
async function dribble(port: number): Promise<void> {
  const sockets = await connectMany(port, slowClients)
  for (const socket of sockets) socket.resume()
  parentPort?.postMessage('connected')
  const slices = 100
  for (let turn = 0; ; turn += 1) {
    for (let index = turn % slices; index < sockets.length; index += slices)
      sockets[index]?.write('ping\n'.charAt(Math.floor(turn / slices) % 5))
    await sleep(1000 / slices)
  }
}

async function connectMany(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(200, count - sockets.length) }, () => connectOne(port))
    sockets.push(...(await Promise.all(some)))
  }
  return sockets
}

function connectOne(port: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.once('connect', () => resolve(socket))
  socket.on('error', reject)
  return promise
}

function ask(socket: Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once('data', () => resolve())
  socket.once('close', () => reject(new Error('closed without an answer')))
  socket.write('ping\n')
  return promise.finally(() => socket.removeAllListeners('close'))
}

async function untilItAnswers(child: ChildProcess, port: number): Promise<void> {
  while (child.exitCode === null) {
    const socket = await connectOne(port).catch(() => undefined)
    if (socket) return ask(socket).finally(() => socket.destroy())
    await sleep(1)
  }
  throw new Error(`the server ended with ${child.exitCode}`)
}

function start(server: Server, port: number): AsyncDisposable & { child: ChildProcess } {
  const child = spawn(process.execPath, server.command(port), { stdio: ['ignore', 'ignore', 'ignore'] })
  return {
    child,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      await exitOf(child)
    },
  }
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', resolve))
}
