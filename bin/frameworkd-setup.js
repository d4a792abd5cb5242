#!/usr/bin/env node
// Node's default for SIGUSR1 opens its inspector, to any local user: taken away before anything else.
process.on('SIGUSR1', () => {})

const { runProgram } = require('./run-program.js')
runProgram('frameworkd-setup', 'setup')
