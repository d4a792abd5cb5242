/** Files of our own package: in the single executable they are its assets, else they lie beside the program. */
import { existsSync, readFileSync } from 'node:fs'
import { getAsset, isSea } from 'node:sea'

/**
 * @param path inside the package, `package.json`
 * @throws Error when the package is not whole
 */
export function readPackageFile(path: string): string {
  if (isSea()) return getAsset(path, 'utf8')
  // Above the bundle, and above the sources.
  const places = [new URL(`../${path}`, import.meta.url), new URL(`../../${path}`, import.meta.url)]
  const found = places.find((place) => existsSync(place))
  if (!found) throw new Error(`${path} is missing beside the program`)
  return readFileSync(found, 'utf8')
}

/** The version of this program. */
export function readPackageVersion(): string {
  return String(JSON.parse(readPackageFile('package.json')).version)
}
