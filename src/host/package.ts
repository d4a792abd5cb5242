import { readFileSync } from 'node:fs'

/** The version in our own package.json, which lies above the sources and above the bundle. */
export function readPackageVersion(): string {
  for (const place of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8'))
      if (name === 'frameworkd') return String(version)
    } catch {
      // The other layout.
    }
  }
  throw new Error('package.json is missing beside the program')
}
