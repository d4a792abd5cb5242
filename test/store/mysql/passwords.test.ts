/** A password is bytes, whatever the driver makes of texts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { passwordMethods } from '../../../src/store/mysql/security.ts'

/** MySQL's caching_sha2_password: "send the password itself". */
const performFullAuthentication = Buffer.from([4])

const passwords = {
  latin1: Buffer.from('gr\xfcn', 'latin1'),
  'UTF-8': Buffer.from('grün'),
  ASCII: Buffer.from('plain'),
}

for (const [name, password] of Object.entries(passwords)) {
  test(`a password in ${name} is handed over byte for byte, where it may be at all`, () => {
    const methods = passwordMethods(password, true)
    // As the driver has it: a text only where that is the same.
    const context = {
      connection: { config: { password: name === 'latin1' ? password : password.toString(), ssl: {} } },
    }
    const answer = methods.caching_sha2_password?.(context as never)
    const token = answer?.(Buffer.alloc(20, 7))
    assert.equal(token?.length, 32, 'the answer to the challenge is a hash')
    assert.deepEqual(answer?.(performFullAuthentication), Buffer.concat([password, Buffer.alloc(1)]))
    assert.deepEqual(
      methods.sha256_password({} as never)(Buffer.alloc(0) as never),
      Buffer.concat([password, Buffer.alloc(1)]),
    )
  })
}
