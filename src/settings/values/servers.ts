/**
 * The servers that setting `db-host` names: `HOST`, `HOST:PORT`, `[IPv6]:PORT`, and several of them with commas.
 * The value of the setting is the text; these functions tell what it means.
 */

import { isHostName } from './host-name.ts'
import { InvalidValue } from './invalid-value.ts'

/** One server as the setting names it. */
interface NamedServer {
  host: string
  /** Its own port; undefined where it has that of `db-port`. */
  port: number | undefined
}

/** @throws InvalidValue for a text that names no servers */
function parseServers(text: string): [NamedServer, ...NamedServer[]] {
  const [first = '', ...others] = text.split(',')
  if (others.length > 0 && [first, ...others].includes('')) throw new InvalidValue('has an empty name in its list')
  return [parseServer(first), ...others.map(parseServer)]
}

/**
 * The text as it is stored: an IPv6 address has brackets only where a port follows. @throws InvalidValue as
 * parseServers
 */
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

/** Whether it is one server: OSSIM's own files cannot name several. */
export function isOneServer(dbHost: string): boolean {
  return parseServers(dbHost).length === 1
}

/** Whether setting `db-port` has a meaning beside this value: some server has no port of its own. */
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
