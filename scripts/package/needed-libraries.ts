/** The libraries of the system that an executable needs, as the Debian packages that provide them. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** @returns the value of `Depends:`, the same on each machine that builds */
export function neededLibraries(executable: string): string {
  const libc = `libc6 (>= ${neededGlibc(executable)})`
  return sharedLibraries(executable).replace(/\blibc6 \([^)]*\)/, libc)
}

/**
 * The version of the C library whose symbols it needs. dpkg-shlibdeps does not tell it: for libraries that were merged
 * into libc.so.6 it names the version of the machine that builds.
 */
function neededGlibc(executable: string): string {
  const needs = execFileSync('readelf', ['--version-info', '--wide', executable], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    maxBuffer: 1e9,
  })
  const versions = [...needs.matchAll(/Name: GLIBC_(\d+)\.(\d+)/g)].map(([, major, minor]) => [
    Number(major),
    Number(minor),
  ])
  const newest = versions.toSorted(([a = 0, b = 0], [c = 0, d = 0]) => a - c || b - d).at(-1)
  if (!newest) throw new Error(`${executable} needs no version of glibc`)
  return newest.join('.')
}

/** The packages that provide the libraries. dpkg-shlibdeps needs a source package around it. */
function sharedLibraries(executable: string): string {
  const source = mkdtempSync(join(tmpdir(), 'frameworkd-package-'))
  try {
    mkdirSync(join(source, 'debian'))
    writeFileSync(join(source, 'debian/control'), 'Source: frameworkd\n\nPackage: frameworkd\nArchitecture: any\n')
    const found = execFileSync('dpkg-shlibdeps', ['-O', `-e${resolve(executable)}`], {
      cwd: source,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return found.trim().replace(/^shlibs:Depends=/, '')
  } finally {
    rmSync(source, { recursive: true })
  }
}
