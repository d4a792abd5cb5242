#!/bin/sh
':' //; case "$(node --version 2>/dev/null)" in v2[4-9].* | v[3-9]?.*) exec node --disable-sigusr1 "$0" "$@" ;; esac; exec node "$0" "$@"
// For the shell a line that starts Node, for Node one that says nothing. Node's default for SIGUSR1 opens
// its inspector, to any local user: switched off from its first instruction where that option is known. A
// Node that is too old does not know it, and has its word to say.
process.on('SIGUSR1', () => {})

const { prepareDaemon, runProgram } = require('./run-program.js')
if (process.argv.includes('run')) prepareDaemon()
runProgram('frameworkd', 'daemon')
