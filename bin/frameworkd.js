#!/usr/bin/env node
// Node's default for SIGUSR1 opens its inspector, to any local user: taken away before anything else.
process.on('SIGUSR1', () => {})
// What asks a daemon to read its settings or open its logs anew must not end one that is about to.
if (process.argv.includes('run')) process.on('SIGHUP', () => {}).on('SIGUSR2', () => {})

import { existsSync } from 'node:fs'

const needed = [24, 15]
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
  const found = `this is ${process.versions.node}`
  console.error(
    `frameworkd: Node ${needed.join('.')} or newer is needed, ${found}; hint: put a newer node first in PATH`,
  )
  process.exitCode = 2
} else {
  // A checkout runs its sources; an installed package has only the bundle.
  const source = new URL('../src/cli/frameworkd.ts', import.meta.url)
  const bundle = new URL('../dist/frameworkd.js', import.meta.url)
  const { main } = await import((existsSync(source) ? source : bundle).href)
  // Left to itself Node first takes our signal handlers away: one more SIGTERM would kill what has ended well.
  process.exit(await main(process.argv.slice(2)))
}
