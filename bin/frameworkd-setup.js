#!/bin/sh
':' //; case "$(node --version 2>/dev/null)" in v2[4-9].* | v[3-9]?.*) exec node --disable-sigusr1 "$0" "$@" ;; esac; exec node "$0" "$@"
// See frameworkd.js.
process.on('SIGUSR1', () => {})

const { runProgram } = require('./run-program.js')
runProgram('frameworkd-setup', 'setup')
