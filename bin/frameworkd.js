#!/usr/bin/env node
// Node's default for SIGUSR1 opens its inspector, to any local user: taken away before anything else.
process.on('SIGUSR1', () => {})
// What asks a daemon to read its settings or open its logs anew must not end one that is about to.
if (process.argv.includes('run')) process.on('SIGHUP', () => {}).on('SIGUSR2', () => {})

const { runProgram } = require('./run-program.js')
runProgram('frameworkd', 'frameworkd')
