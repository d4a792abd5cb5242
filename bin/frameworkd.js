#!/bin/sh
':' //; case "$(node --version 2>/dev/null)" in v2[4-9].* | v[3-9]?.*) exec node --disable-sigusr1 "$0" "$@" ;; esac; exec node "$0" "$@"
// The line above starts Node when a shell reads it, and does nothing when Node reads it. Node's default for SIGUSR1
// opens its inspector, to any local user: the option switches that off from its first instruction. A Node that is too
// old does not know the option; it is started without it, to print the message about its version.
process.on('SIGUSR1', () => {})

const { prepareDaemon, runProgram } = require('./run-program.js')
if (process.argv.includes('run')) prepareDaemon()
runProgram('frameworkd', 'daemon')
