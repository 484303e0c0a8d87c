import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** Makes a self-signed certificate for localhost and its key in a directory; needs openssl. Returns the PEM files. */
export function makeCertificate(
  directory: string,
  { name = 'tls', days = 2 } = {},
): {
  readonly certificate: string
  readonly key: string
} {
  const files = { certificate: join(directory, `${name}.pem`), key: join(directory, `${name}.key`) }
  const subject = [
    '-days',
    String(days),
    '-subj',
    '/CN=localhost',
    '-addext',
    'subjectAltName=DNS:localhost',
    '-keyout',
    files.key,
    '-out',
    files.certificate,
  ]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  execFileSync('openssl', ['req', '-x509', ...curve, '-nodes', ...subject], { stdio: 'ignore' })
  return files
}
