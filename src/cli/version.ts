import { readPackageVersion } from '../product/package.ts'

/** `NAME VERSION`, from the package that this program belongs to. */
export function versionLine(program: string): string {
  return `${program} ${readPackageVersion()}\n`
}
