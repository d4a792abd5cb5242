/**
 * Whether a connection is encrypted, whether the server is verified, and what the server gets to see of the
 * password. The modes are those of MySQL's client (`--ssl-mode`).
 *
 * 1. To another machine TLS is asked for unless the mode is `disabled`; within this machine only
 *    where the mode or the server demands it.
 * 2. The password itself is sent only to a server that was verified, to one that the administrator trusts
 *    without that (mode `required`), or within this machine. It is never sent in clear to another
 *    machine, nor encrypted with a key that the server has just sent.
 * 3. Answers to a challenge (`mysql_native_password`, the short form of `caching_sha2_password`) do
 *    not hold the password, and are given to every server.
 * 4. `mysql_clear_password` and methods that we do not support are refused.
 */
import { authPlugins } from 'mysql2'
import type { Values } from '../../settings/definitions.ts'
import type { LoginRules } from './packets.ts'

export type SslMode = NonNullable<Values['dbSslMode']>

/** What is known of a connection before the login. */
interface Situation {
  mode: SslMode
  /** It does not leave this machine. */
  staysHere: boolean
  /** The server can do TLS. */
  offersTls: boolean
  /** It has refused a connection without TLS, within this machine. */
  demandsTls: boolean
}

/** Our own reason to end a login; errors.ts has the words for it. */
class LoginRefusal extends Error {
  readonly code: LoginProblem

  constructor(code: LoginProblem) {
    super(code)
    this.code = code
  }
}

export type LoginProblem =
  | 'TLS_NOT_OFFERED'
  | 'PASSWORD_WANTED_IN_CLEAR'
  | 'PASSWORD_WANTED_UNVERIFIED'
  | 'METHOD_NOT_SUPPORTED'

/** @throws LoginRefusal where the mode demands TLS and the server has none */
export function usesTls({ mode, staysHere, offersTls, demandsTls }: Situation): boolean {
  if (mode === 'disabled') return false
  if (mode === 'preferred') return offersTls && (!staysHere || demandsTls)
  if (!offersTls) throw new LoginRefusal('TLS_NOT_OFFERED')
  return true
}

/** What the server may ask for during the login. */
export function loginRules({ mode, staysHere }: Situation, isEncrypted: boolean): LoginRules {
  const requirePassword = () => {
    if (staysHere || (isEncrypted && mode !== 'preferred')) return
    throw new LoginRefusal(isEncrypted ? 'PASSWORD_WANTED_UNVERIFIED' : 'PASSWORD_WANTED_IN_CLEAR')
  }
  return {
    requirePassword,
    requireMethod(name) {
      if (['mysql_native_password', 'caching_sha2_password'].includes(name)) return
      if (name !== 'sha256_password') throw new LoginRefusal('METHOD_NOT_SUPPORTED')
      requirePassword()
    },
  }
}

/**
 * Login methods that send the password itself, in place of the driver's own. The driver would look whether its
 * own stream is TLS (the wire does that here), and would encode the password in UTF-8, whatever its bytes are.
 */
export function passwordMethods(password: Buffer, isEncrypted: boolean) {
  if (!isEncrypted) return { sha256_password: authPlugins.sha256_password({} as never) }
  const [itself, asDriverWritesIt] = [Buffer.concat([password, Buffer.alloc(1)]), Buffer.from(`${password}\0`)]
  const usual = authPlugins.caching_sha2_password({} as never)
  return {
    sha256_password: () => () => itself,
    caching_sha2_password: (context: Parameters<typeof usual>[0]) => {
      const answer = usual(context) as (data: Buffer) => Buffer | null
      return (data: Buffer) => {
        const given = answer(data)
        return given?.equals(asDriverWritesIt) ? itself : given
      }
    },
  }
}
