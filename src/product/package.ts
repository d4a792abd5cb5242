/** Files of our own package: in the single executable they are its assets, else they lie beside the program. */
import { existsSync, readFileSync } from 'node:fs'
import { getAsset, isSea } from 'node:sea'
import { fileURLToPath } from 'node:url'
import { KnownError } from '../errors.ts'
import { explainFailure } from '../host/explain-failure.ts'

/**
 * @param path inside the package, `package.json`
 * @throws KnownError `task-failed` when it is missing or cannot be read
 */
export function readPackageFile(path: string): string {
  if (isSea()) return getAsset(path, 'utf8')
  const found = locatePackageFile(path)
  return explainFailure(found, 'read', () => readFileSync(found, 'utf8'))
}

/**
 * Where a file of our package lies; not in the single executable.
 * @throws KnownError `task-failed` when it is missing
 */
export function locatePackageFile(path: string): string {
  // Above the bundle, and above the sources.
  const places = ['../', '../../'].map((up) => fileURLToPath(new URL(up + path, import.meta.url)))
  const found = places.find((place) => existsSync(place))
  if (found !== undefined) return found
  const hint = 'it is part of frameworkd: install that again'
  throw new KnownError('task-failed', `${path} is missing beside the program`, hint)
}

/** The version of this program. */
export function readPackageVersion(): string {
  return String(JSON.parse(readPackageFile('package.json')).version)
}
