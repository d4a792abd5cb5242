/**
 * A fault, put into a daemon by `node --import`: when the file that FAULT_TRIGGER names appears, the
 * listening server is closed (FAULT=gone) or no longer takes care of its clients (FAULT=deaf).
 */
import { existsSync } from 'node:fs'
import { Server } from 'node:net'

const { FAULT, FAULT_TRIGGER = '' } = process.env
const servers = new Set()
const listen = Server.prototype.listen
Server.prototype.listen = function (...args) {
  servers.add(this)
  return listen.apply(this, args)
}

const timer = setInterval(() => {
  if (!existsSync(FAULT_TRIGGER)) return
  clearInterval(timer)
  for (const server of servers) {
    if (FAULT === 'gone') server.close()
    else server.removeAllListeners('connection').on('connection', () => {})
  }
}, 20).unref()
