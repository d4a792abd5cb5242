import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A server's certificate, the CA that signed it, and one that did not. */
export interface Certificates extends Disposable {
  ca: string
  otherCa: string
  /** Options of mariadbd that make it speak TLS, with what was issued last. */
  serverOptions: readonly string[]
  /** Certificate and key that were issued last, as PEM text. */
  readonly issued: { cert: string; key: string }
  /** Replaces the server's certificate. A server that runs takes it with FLUSH SSL. */
  issue(request: CertificateRequest): void
}

export interface CertificateRequest {
  /** As openssl writes them: `DNS:localhost,IP:10.0.0.1`. */
  names: string
  /** Days from now. */
  validFrom?: number
  validFor?: number
  signedBy?: 'ca' | 'other'
}

/** The first certificate is for `localhost`. */
export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'frameworkd-tls-'))
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  for (const ca of ['ca', 'other']) {
    openssl('req', '-x509', ...newKey, '-days', '60', '-subj', `/CN=${ca}`, '-keyout', `${ca}.key`, '-out', `${ca}.pem`)
  }
  openssl('req', ...newKey, '-subj', '/CN=a server', '-keyout', 'server.key', '-out', 'server.csr')
  const certificates: Certificates = {
    ca: readFileSync(join(folder, 'ca.pem'), 'utf8'),
    otherCa: readFileSync(join(folder, 'other.pem'), 'utf8'),
    serverOptions: [`--ssl-cert=${folder}/server.pem`, `--ssl-key=${folder}/server.key`, `--ssl-ca=${folder}/ca.pem`],
    get issued() {
      return {
        cert: readFileSync(join(folder, 'server.pem'), 'utf8'),
        key: readFileSync(join(folder, 'server.key'), 'utf8'),
      }
    },
    issue({ names, validFrom = -1, validFor = 30, signedBy = 'ca' }) {
      writeFileSync(join(folder, 'index'), '')
      writeFileSync(
        join(folder, 'ca.conf'),
        `[ca]\ndefault_ca=own\n[own]\ndatabase=index\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=any\nx509_extensions=names\n[any]\ncommonName=supplied\n[names]\nsubjectAltName=${names}\n`,
      )
      const signer = ['-cert', `${signedBy}.pem`, '-keyfile', `${signedBy}.key`]
      const dates = ['-startdate', asn1Time(validFrom), '-enddate', asn1Time(validFrom + validFor)]
      openssl(
        'ca',
        '-batch',
        '-config',
        'ca.conf',
        ...signer,
        ...dates,
        '-in',
        'server.csr',
        '-out',
        'server.pem',
        '-notext',
      )
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
  certificates.issue({ names: 'DNS:localhost' })
  return certificates
}

/** Days from now as `YYYYMMDDHHMMSSZ`. */
function asn1Time(days: number): string {
  const date = new Date(Date.now() + days * 24 * 3600 * 1000)
  return `${date.toISOString().replace(/[-:T]|\..*/g, '')}Z`
}
