/**
 * Errors of a server, by number, in words for people. The error code depends on whether
 * starting again helps: `database-unreachable` (75) where it may, `database-refused` and
 * `missing-schema` (2) where it does not, `database-failed` (1) for the rest. The server's own text
 * is never shown: it may quote what was sent, and hold anything.
 */
import { type ErrorCode, KnownError, systemCode } from '../../errors.ts'
import { setupCommand } from '../../text/command-line.ts'
import { waitHint } from '../config-store.ts'
import { ProtocolViolation } from './packets.ts'
import type { LoginProblem } from './security.ts'

interface Explanation {
  code: ErrorCode
  what: string
  /** A command of ours is given the tree that is worked on. */
  hint: string | ((root: string) => string)
}

const later = (what: string, hint = `try again later${waitHint}`): Explanation => ({
  code: 'database-unreachable',
  what,
  hint,
})
const unreachable = (what: string): Explanation => later(what, `start the server or correct host and port${waitHint}`)
const refused = (what: string, hint: string): Explanation => ({ code: 'database-refused', what, hint })
const failed = (what: string, hint = 'look into the log of the server'): Explanation => ({
  code: 'database-failed',
  what,
  hint,
})

const checkName = 'check --db-name, or create the database'
const checkHost = 'check --db-host and --db-port: something else may listen there'
const grant = 'GRANT SELECT, INSERT, UPDATE on the database to the account (CREATE too, for --create-schema)'
const useAnotherMethod = 'let the account log in with mysql_native_password or caching_sha2_password'

const wrongAccount = refused(
  'it refuses the account or its password',
  'check --db-user and the password (--db-password-file)',
)
const lockedAccount = refused('the account is locked', 'ALTER USER … ACCOUNT UNLOCK on the server')
const blockedAccount = refused(
  'the account is blocked after too many wrong passwords',
  'ALTER USER … ACCOUNT UNLOCK on the server',
)
const expiredPassword = refused('the password of the account has expired', 'set a new one on the server: ALTER USER')
const unknownMethod = refused('it wants a way to log in that is not supported', useAnotherMethod)
const noRights = refused('the account has not all rights on the database', grant)
const busy = later('it is busy', 'try again later')
const cut = unreachable('the connection was lost')
const interrupted = later('it interrupted the statement')
const readOnlyHint = 'wait for the failover, or name the primary with --db-host'
const readOnly = later('it is read-only', readOnlyHint)
const noRoom = later('it has no room left', 'make room on the server, then run again')
const damagedTable = failed('the table is damaged', 'CHECK TABLE and REPAIR TABLE on the server, or restore a backup')
const wrongStatement = refused('it does not understand the statement', 'use MariaDB 10.4, MySQL 5.7 or a newer one')

/** Numbers that MySQL, MariaDB and proxies use alike. */
const commonErrors: Readonly<Record<number, Explanation>> = {
  1020: busy,
  1021: noRoom,
  1034: damagedTable,
  1035: damagedTable,
  1036: readOnly,
  1037: noRoom,
  1038: noRoom,
  1040: later('it has too many connections', 'raise max_connections, or try again later'),
  1041: noRoom,
  1044: refused('the account has no rights on this database', grant),
  1045: wrongAccount,
  1046: refused('no database was named', checkName),
  // Galera's, of a node that is not part of the cluster now.
  1047: later('it is not ready (a node without its cluster says so)'),
  1049: refused('there is no such database', checkName),
  1053: later('it is shutting down'),
  1054: { code: 'missing-schema', what: 'table config lacks a column', hint: 'restore the table from a backup' },
  1064: wrongStatement,
  1077: later('it is shutting down'),
  1079: later('it is shutting down'),
  1114: noRoom,
  1129: later('it has blocked this host', 'run on the server: mariadb-admin flush-hosts'),
  1130: refused('it refuses this host', 'allow the account for this host on the server'),
  1131: wrongAccount,
  1142: noRights,
  1143: noRights,
  1144: noRights,
  1146: {
    code: 'missing-schema',
    what: 'table config is missing',
    hint: (root) => `create it: ${setupCommand(root)} --create-schema`,
  },
  1149: wrongStatement,
  1152: cut,
  1153: refused(
    'a statement is larger than it takes at once',
    'raise max_allowed_packet on the server to 1M or more, then run again',
  ),
  1158: cut,
  1159: cut,
  1160: cut,
  1161: cut,
  // Galera's, of a node that loses its cluster in the middle of a commit. Whether that was made is not known.
  1180: later(
    'the commit failed (a node that loses its cluster says so)',
    `try again later${waitHint}; if it stays so, look into the log of the server`,
  ),
  1184: cut,
  1194: damagedTable,
  1195: damagedTable,
  1203: later('the account has too many connections', 'try again later'),
  1205: later('a lock was held too long', 'try again when it is free: a backup or another program holds it'),
  1206: busy,
  1213: later('it is busy with a deadlock', 'try again later'),
  1223: busy,
  1226: later('the account has used up what it may do in an hour', 'raise its limits (ALTER USER), or try again later'),
  1227: noRights,
  1235: wrongStatement,
  1251: unknownMethod,
  1275: unknownMethod,
  1290: readOnly,
  1317: interrupted,
  1370: noRights,
  1410: noRights,
  1412: busy,
  1419: noRights,
  1524: unknownMethod,
  1615: busy,
  1637: busy,
  1694: busy,
  1698: wrongAccount,
  1792: readOnly,
  1820: expiredPassword,
  1836: readOnly,
  1862: expiredPassword,
  1873: wrongAccount,
  1874: readOnly,
  // Told by a proxy, as a client would tell them of the server behind it.
  2002: unreachable('the server behind it cannot be reached'),
  2003: unreachable('the server behind it cannot be reached'),
  2005: unreachable('the server behind it cannot be reached'),
  2006: cut,
  2013: cut,
  2055: cut,
  3159: refused('it demands TLS', 'leave --db-ssl-mode disabled out, or name its CA with --db-ssl-ca'),
  // ProxySQL's: none of its servers took the connection in time.
  9001: unreachable('no server behind it can be reached'),
}

const mysqlErrors: Readonly<Record<number, Explanation>> = {
  3024: interrupted,
  3032: later('it is in offline mode'),
  3101: busy,
  3118: lockedAccount,
  3168: later('it is not available'),
  3169: cut,
  3170: noRoom,
  3572: busy,
  3955: blockedAccount,
  4031: cut,
}

const mariaDbErrors: Readonly<Record<number, Explanation>> = {
  1927: cut,
  1964: busy,
  1969: later('the statement took longer than max_statement_time', 'raise it on the server, or try again later'),
  4150: blockedAccount,
  4151: lockedAccount,
}

const anotherCa = (what: string) => refused(what, 'name the CA that signed it with --db-ssl-ca')
const nameCa = 'name its CA with --db-ssl-ca'

/** Errors of the connection to a server (network, socket, TLS), by Node's or OpenSSL's name. */
const connectionErrors: Readonly<Record<string, Explanation>> = {
  ECONNREFUSED: unreachable('nothing listens there (connection refused)'),
  ENOENT: unreachable('there is no such socket'),
  ETIMEDOUT: unreachable('no answer in time (timeout)'),
  ECONNRESET: cut,
  EPIPE: cut,
  EHOSTUNREACH: unreachable('the host cannot be reached'),
  EHOSTDOWN: unreachable('the host cannot be reached'),
  ENETUNREACH: unreachable('the network cannot be reached'),
  ENETDOWN: unreachable('the network cannot be reached'),
  EADDRNOTAVAIL: unreachable('this machine has no address that reaches it'),
  EAFNOSUPPORT: unreachable('this machine has no such network (IPv6 is off)'),
  EPERM: unreachable('a firewall of this machine forbids it'),
  EAI_AGAIN: unreachable('the name cannot be looked up now'),
  EAI_FAIL: unreachable('the name cannot be looked up'),
  ENOTFOUND: unreachable('the name is not known'),
  EMFILE: later('this machine has no more open files to give', 'try again later'),
  ENFILE: later('this machine has no more open files to give', 'try again later'),
  EACCES: refused('the socket may not be opened', 'run as root, or use --db-host'),
  ENOTDIR: refused('there is no such socket', 'correct --db-socket'),
  ENOTSOCK: refused('it is no socket', 'correct --db-socket'),
  ENAMETOOLONG: refused('the path of the socket is too long (107 bytes at most)', 'correct --db-socket'),
  EINVAL: refused('it is no address or socket that can be used', 'correct --db-host or --db-socket'),

  CERT_NOT_YET_VALID: later('its certificate is not valid yet', 'check the clocks of both machines'),
  CERT_HAS_EXPIRED: refused('its certificate, or that of its CA, has expired', 'renew it on the server'),
  CERT_REVOKED: refused('its certificate was revoked', 'renew it on the server'),
  CERT_SIGNATURE_FAILURE: anotherCa('its certificate is not of the CA given'),
  CERT_UNTRUSTED: anotherCa('its certificate is not of the CA given'),
  DEPTH_ZERO_SELF_SIGNED_CERT: anotherCa('its certificate is self-signed, not of the CA given'),
  SELF_SIGNED_CERT_IN_CHAIN: anotherCa('its certificate is not of the CA given'),
  UNABLE_TO_GET_ISSUER_CERT: anotherCa('its certificate is not of the CA given'),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: anotherCa('its certificate is not of the CA given'),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: anotherCa('its certificate is not of the CA given'),
  INVALID_CA: anotherCa('what signed its certificate is no CA'),
  INVALID_PURPOSE: refused('its certificate is not one for servers', 'give the server another one'),
  ERR_TLS_CERT_ALTNAME_INVALID: refused(
    'its certificate names another host',
    'give --db-host as the certificate has it, or use --db-ssl-mode verify-ca',
  ),
}

const loginErrors: Readonly<Record<LoginProblem, Explanation>> = {
  TLS_NOT_OFFERED: refused('it offers no TLS', 'set TLS up on the server, or use --db-ssl-mode preferred'),
  PASSWORD_WANTED_IN_CLEAR: refused(
    'it wants the password itself, and the connection is not encrypted',
    `set TLS up on the server and ${nameCa}`,
  ),
  PASSWORD_WANTED_UNVERIFIED: refused(
    'it wants the password itself, and nothing shows that it is the right server',
    `${nameCa}; to trust it without: --db-ssl-mode required`,
  ),
  METHOD_NOT_SUPPORTED: unknownMethod,
}

/** TLS versions, ciphers or keys that the two sides do not share, among OpenSSL's reasons. */
const noCommonTls =
  /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|HANDSHAKE_FAILURE|CIPHER|KEY_TOO_SMALL|_TOO_WEAK|SIGALG|SHARED/

/** A statement lost a lock conflict and changed nothing: it may be tried again on the same connection. */
export function isLockConflict(error: unknown): boolean {
  return [1020, 1205, 1213].includes(numberOf(error) ?? 0)
}

/** The server may accept the same account with TLS: `require_secure_transport`, or `REQUIRE SSL` of the account. */
export function mayDemandTls(error: unknown): boolean {
  return [1045, 3159].includes(numberOf(error) ?? 0)
}

/** The number of an error of the server. */
export function numberOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errno' in error)) return undefined
  // Node gives negative numbers to errors of the system.
  return typeof error.errno === 'number' && error.errno > 0 ? error.errno : undefined
}

/**
 * Turns an error of the driver, the wire or the server into one that people can act on. An error that is not
 * listed here was caused by what the server sent: it is the server's, and no bug of ours.
 * @param isMariaDb undefined while the server has not said what it is
 * @param root the tree that is worked on; `/` is the machine itself
 */
export function explainMysqlError(
  error: unknown,
  { place, isMariaDb, root }: { place: string; isMariaDb: boolean | undefined; root: string },
): KnownError {
  const { code, what, hint } = explanationOf(error, isMariaDb)
  const hintText = typeof hint === 'string' ? hint : hint(root)
  return new KnownError(code, `database ${place}: ${what}`, hintText, { cause: error })
}

export function readOnlyServer(place: string): KnownError {
  return new KnownError(readOnly.code, `database ${place}: ${readOnly.what}`, readOnlyHint)
}

function explanationOf(error: unknown, isMariaDb: boolean | undefined): Explanation {
  if (error instanceof ProtocolViolation) return failed(`${error.message}; that is not MySQL's protocol`, checkHost)
  const number = numberOf(error)
  if (number !== undefined) {
    const own = isMariaDb === undefined ? {} : isMariaDb ? mariaDbErrors : mysqlErrors
    return own[number] ?? commonErrors[number] ?? failed(`it answered error ${number}`)
  }
  const code = systemCode(error) ?? ''
  const known = (loginErrors as Readonly<Record<string, Explanation>>)[code] ?? connectionErrors[code]
  if (known) return known
  if (/^ERR_SSL_/.test(code) && noCommonTls.test(code))
    return refused('it has no TLS version or cipher in common with us', 'set up TLS 1.2 or newer on the server')
  if (/^ERR_OSSL_/.test(code)) return refused('the CA given cannot be read', 'name a PEM file with --db-ssl-ca')
  if (/^(ERR_SSL_|EPROTO$)/.test(code)) return failed('what it sent is not TLS', checkHost)
  if (/^ERR_TLS_|^[A-Z]+_[A-Z_]*CERT|^CERT_/.test(code)) return anotherCa('its certificate cannot be verified')
  if (/^E[A-Z0-9]+$/.test(code)) return failed(`the connection failed with ${code}`, checkHost)
  return failed("its answer is not one of MySQL's protocol", checkHost)
}
