#!/bin/sh
':' //; case "$(node --version 2>/dev/null)" in v2[4-9].* | v[3-9]?.*) exec node --disable-sigusr1 "$0" "$@" ;; esac; exec node "$0" "$@"
// For the shell a line that starts Node, for Node one that says nothing. Node's default for SIGUSR1 opens
// its inspector, to any local user: switched off from its first instruction where that option is known. A
// Node that is too old does not know it, and has its word to say.
process.on('SIGUSR1', () => {})
// What asks a daemon to read its settings or open its logs anew must not end one that is about to.
// As pid 1 of a container a signal without a handler is lost: until there is a daemon that stops, this ends us.
if (process.argv.includes('run')) {
  process.on('SIGHUP', () => {}).on('SIGUSR2', () => {})
  process.on('SIGTERM', () => process.exit(0))
}

const { runProgram } = require('./run-program.js')
runProgram('frameworkd', 'frameworkd')
