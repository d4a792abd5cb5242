import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A server's certificate for `localhost`, the CA that signed it, and one that did not. */
export interface Certificates extends Disposable {
  ca: string
  otherCa: string
  /** Options of mariadbd that make it speak TLS. */
  serverOptions: readonly string[]
}

export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'frameworkd-tls-'))
  const openssl = (command: string) => execFileSync('openssl', command.split(' '), { cwd: folder, stdio: 'ignore' })
  for (const ca of ['ca', 'other']) {
    openssl(`req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=${ca} -keyout ${ca}.key -out ${ca}.pem`)
  }
  openssl('req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr')
  openssl('x509 -req -in server.csr -CA ca.pem -CAkey ca.key -days 2 -set_serial 1 -out server.pem')
  return {
    ca: readFileSync(join(folder, 'ca.pem'), 'utf8'),
    otherCa: readFileSync(join(folder, 'other.pem'), 'utf8'),
    serverOptions: [`--ssl-cert=${folder}/server.pem`, `--ssl-key=${folder}/server.key`, `--ssl-ca=${folder}/ca.pem`],
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
}
