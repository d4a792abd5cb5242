import { type ErrorCode, KnownError, systemCode } from '../errors.ts'

interface Explanation {
  code: ErrorCode
  what: string
  hint: string
}

const unreachable = (
  what: string,
  hint = 'start the server or correct host and port; to wait for it: --wait-for-db SECONDS',
): Explanation => ({
  code: 'database-unreachable',
  what,
  hint,
})
const refusedBy = (what: string, hint: string): Explanation => ({ code: 'database-refused', what, hint })

const checkLogin = 'check --db-user and the password (--db-password-file)'
const checkName = 'check --db-name, or create the database'
const grant = 'GRANT SELECT, INSERT, UPDATE on the database to the account (CREATE too, for --create-schema)'
const checkTls = 'check --db-ssl-ca, and that the certificate names the host'

/** Errors of the server and of the way to it, by Node's or MySQL's name. */
const explanations: Readonly<Record<string, Explanation>> = {
  ECONNREFUSED: unreachable('nothing listens there'),
  ENOENT: unreachable('there is no such socket'),
  ETIMEDOUT: unreachable('no answer in time'),
  ECONNRESET: unreachable('the connection was cut'),
  EPIPE: unreachable('the connection was cut'),
  EHOSTUNREACH: unreachable('the host cannot be reached'),
  ENETUNREACH: unreachable('the network cannot be reached'),
  EAI_AGAIN: unreachable('the name cannot be looked up now'),
  ENOTFOUND: unreachable('the name is not known'),
  PROTOCOL_CONNECTION_LOST: unreachable('the connection was lost'),
  ER_CON_COUNT_ERROR: unreachable('it has too many connections', 'raise max_connections, or try again later'),
  ER_TOO_MANY_USER_CONNECTIONS: unreachable('the account has too many connections', 'try again later'),
  ER_HOST_IS_BLOCKED: unreachable('it has blocked this host', 'run on the server: mariadb-admin flush-hosts'),
  ER_SERVER_SHUTDOWN: unreachable('it is shutting down'),
  ER_LOCK_WAIT_TIMEOUT: unreachable('a lock was held too long', 'try again later'),
  ER_LOCK_DEADLOCK: unreachable('it is busy with a deadlock', 'try again later'),
  ER_OPTION_PREVENTS_STATEMENT: unreachable(
    'it is read-only',
    'wait for the failover, or name the primary with --db-host',
  ),
  ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION: unreachable('it is read-only', 'name the primary with --db-host'),
  ER_READ_ONLY_MODE: unreachable('it is read-only', 'name the primary with --db-host'),
  ER_ACCESS_DENIED_ERROR: refusedBy('it refuses the account or its password', checkLogin),
  ER_ACCESS_DENIED_NO_PASSWORD_ERROR: refusedBy('it refuses the account or its password', checkLogin),
  ER_HOST_NOT_PRIVILEGED: refusedBy('it refuses this host', 'allow the account for this host on the server'),
  ER_BAD_DB_ERROR: refusedBy('there is no such database', checkName),
  ER_DBACCESS_DENIED_ERROR: refusedBy('the account has no rights on this database', grant),
  ER_TABLEACCESS_DENIED_ERROR: refusedBy('the account has not all rights on the table', grant),
  ER_COLUMNACCESS_DENIED_ERROR: refusedBy('the account has not all rights on the table', grant),
  ER_BAD_FIELD_ERROR: {
    code: 'missing-schema',
    what: 'table config lacks a column',
    hint: 'restore the table from a backup',
  },
  ER_NO_SUCH_TABLE: {
    code: 'missing-schema',
    what: 'table config is missing',
    hint: 'create it: frameworkd-setup --create-schema',
  },
  EACCES: refusedBy('the socket may not be opened', 'run as root, or use --db-host'),
  HANDSHAKE_NO_SSL_SUPPORT: refusedBy('it offers no TLS', 'set TLS up on the server, or leave --db-ssl-ca out'),
  HANDSHAKE_SSL_ERROR: refusedBy('TLS was not agreed on', checkTls),
  SELF_SIGNED_CERT_IN_CHAIN: refusedBy('its certificate is not of the CA given', checkTls),
  DEPTH_ZERO_SELF_SIGNED_CERT: refusedBy('its certificate is not of the CA given', checkTls),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: refusedBy('its certificate is not of the CA given', checkTls),
  CERT_SIGNATURE_FAILURE: refusedBy('its certificate is not of the CA given', checkTls),
  ERR_TLS_CERT_ALTNAME_INVALID: refusedBy('its certificate names another host', checkTls),
}

/**
 * An error of mysql2 as one that people can act on. The server's own text is left out where it is
 * not known: it may quote what was sent.
 */
export function explainMysqlError(error: unknown, place: string): unknown {
  if (error instanceof KnownError) return error
  const code = systemCode(error)
  if (code === undefined)
    return lostConnection(error) ? explain(unreachable('the connection was lost'), place, error) : error
  const known = explanations[code]
  if (known) return explain(known, place, error)
  return explain(
    { code: 'database-failed', what: `it answered ${code}`, hint: 'look into the log of the server' },
    place,
    error,
  )
}

export function readOnlyServer(place: string): KnownError {
  return explain(
    unreachable('it is read-only', 'wait for the failover, or name the primary with --db-host'),
    place,
    undefined,
  )
}

function explain({ code, what, hint }: Explanation, place: string, cause: unknown): KnownError {
  return new KnownError(code, `database ${place}: ${what}`, hint, { cause })
}

/** mysql2 says so in words only when a statement follows the loss. */
function lostConnection(error: unknown): boolean {
  return error instanceof Error && /closed state|connection is closed/i.test(error.message)
}
