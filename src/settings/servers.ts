/**
 * The servers that setting `db-host` names: `HOST`, `HOST:PORT`, `[IPv6]:PORT`, and several of them with commas.
 * Its value is the text; who connects, keeps or shows it asks here what it means.
 */

import { isHostName } from './host-name.ts'
import { InvalidValue } from './invalid-value.ts'

/** One server as it is named. */
interface NamedServer {
  host: string
  /** Its own port; undefined where `db-port` counts. */
  port: number | undefined
}

/** @throws InvalidValue for what names no servers */
function parseServers(text: string): [NamedServer, ...NamedServer[]] {
  const [first = '', ...others] = text.split(',')
  if (others.length > 0 && [first, ...others].includes('')) throw new InvalidValue('has an empty name in its list')
  return [parseServer(first), ...others.map(parseServer)]
}

/** As it is kept: an address has brackets only where a port is behind it. @throws InvalidValue as parseServers */
export function normalServers(text: string): string {
  return parseServers(text).map(textOfServer).join(',')
}

/** Where to connect. */
export interface Server {
  host: string
  port: number
}

/** The servers that are meant, in order. */
export function serversOf({ dbHost, dbPort }: { dbHost: string; dbPort: number }): [Server, ...Server[]] {
  const [first, ...others] = parseServers(dbHost)
  const withPort = ({ host, port }: NamedServer): Server => ({ host, port: port ?? dbPort })
  return [withPort(first), ...others.map(withPort)]
}

/** Whether the first server has a port of its own. */
export function hasOwnPort(dbHost: string): boolean {
  return parseServers(dbHost)[0].port !== undefined
}

/** Whether OSSIM's own files can say it: one server, whose port stands beside it. */
export function isOneServer(dbHost: string): boolean {
  return parseServers(dbHost).length === 1
}

/** Whether setting `db-port` says something beside this value. */
export function usesCommonPort(dbHost: string): boolean {
  return parseServers(dbHost).some(({ port }) => port === undefined)
}

function parseServer(text: string): NamedServer {
  if (isHostName(text)) return { host: text, port: undefined }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) throw new InvalidValue('is a URL; give the host in it alone')
  // An IPv6 address may stand in brackets, as people have it from a URL.
  const [, address, name, digits] = /^(?:\[([^\]]*:[^\]]*)\]|([^:[\]]*))(?::(\d+))?$/.exec(text) ?? []
  const host = address ?? name
  if (host === undefined || !isHostName(host)) throw new InvalidValue('is not an IP address or a host name')
  const port = digits === undefined ? undefined : Number(digits)
  if (port !== undefined && (port < 1 || port > 65535))
    throw new InvalidValue('has a port in it that is none (1 to 65535)')
  return { host, port }
}

function textOfServer({ host, port }: NamedServer): string {
  if (port === undefined) return host
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
